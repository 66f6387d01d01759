/**
 * Disks that lose their power: a file system in a file, stopped at once. What was flushed is there afterwards; what was not is as a real
 * power cut leaves it: gone, or half there.
 *
 * Linux, as root, with loop devices, e2fsprogs and xfsprogs (scripts/system.mjs installs them); elsewhere the tests that need it say so loudly and do not run.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { notRunHere } from './not-run-here.ts';

export const FILE_SYSTEMS = ['ext4', 'xfs'] as const;
export type FileSystem = (typeof FILE_SYSTEMS)[number];

export type PowerCutDisk = {
  /** Where it is mounted; the same before and after a cut. */
  readonly path: string;
  /** From here on nothing reaches the disk, and every call that would answers EIO. */
  cut(): void;
  /** The power is back: mounted again, as the cut left it. Nothing may have a file of it open. */
  restore(): void;
  /** Unmounts and forgets it. */
  remove(): void;
};

const sizes: Readonly<Record<FileSystem, number>> = { ext4: 256 << 20, xfs: 300 << 20 }; // XFS takes no less
const run = (command: string, ...args: string[]): void => void execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });

/** @param sizeBytes - at least 300 MiB for XFS. */
export function createPowerCutDisk(kind: FileSystem, sizeBytes: number = sizes[kind]): PowerCutDisk {
  const directory = mkdtempSync(join(tmpdir(), 'enfold-power-'));
  const [image, path] = [join(directory, 'disk.img'), join(directory, 'disk')];
  mkdirSync(path);
  writeFileSync(image, '');
  truncateSync(image, sizeBytes);
  run(`mkfs.${kind}`, '-q', image);
  const mount = (): void => run('mount', '-o', 'loop', image, path);
  mount();
  return {
    path,
    cut: () => run('xfs_io', '-x', '-c', 'shutdown', path),
    restore: () => {
      run('umount', path);
      mount();
    },
    remove: () => {
      // Lazily: after a test that failed something may still have it open.
      run('umount', '-l', path);
      rmSync(directory, { recursive: true });
    },
  };
}

let isPossible: boolean | null = null;

/** Whether power can be cut here; where it cannot, that is said, and counted by `npm test`. */
export function canCutPower(): boolean {
  if (isPossible !== null) return isPossible;
  const why = reasonNot();
  if (why !== null) notRunHere('power cuts', why);
  isPossible = why === null;
  return isPossible;
}

function reasonNot(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'they mount file systems, which needs Linux and root';
  const missing = ['mkfs.ext4', 'mkfs.xfs', 'xfs_io'].filter((program) => spawnSync('which', [program]).status !== 0);
  if (missing.length > 0) return `${missing.join(', ')} missing: apt-get install e2fsprogs xfsprogs`;
  try {
    createPowerCutDisk('ext4', 8 << 20).remove();
    return null;
  } catch (error) {
    return `a file cannot be mounted here: ${error instanceof Error ? error.message.trim() : ''}`;
  }
}
