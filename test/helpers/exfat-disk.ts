/** A real disk whose names ignore case, with neither links nor lasting file numbers: exFAT, as memory cards and sticks have it, in a file. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { notRunHere } from './not-run-here.ts';

export type ExfatDisk = { readonly path: string; /** Taken out and put in again. */ remount(): void; remove(): void };

const run = (program: string, ...args: readonly string[]): string => execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

export function createExfatDisk(bytes = 32 << 20): ExfatDisk {
  const directory = mkdtempSync(join(tmpdir(), 'enfold-exfat-'));
  const [image, path] = [join(directory, 'disk.img'), join(directory, 'disk')];
  mkdirSync(path);
  writeFileSync(image, '');
  truncateSync(image, bytes);
  run('mkfs.exfat', image);
  const device = run('losetup', '-f', '--show', image);
  const release = (): void => {
    spawnSync('losetup', ['-d', device]);
    rmSync(directory, { recursive: true, force: true });
  };
  const mount = (): string => run('mount.exfat-fuse', device, path);
  try {
    mount();
  } catch (error) {
    release();
    throw error;
  }
  return {
    path,
    remount: () => {
      run('umount', path);
      mount();
    },
    remove: () => {
      spawnSync('umount', ['-l', path]);
      release();
    },
  };
}

/** Whether there can be such a disk here; where not, that is said, and counted by `npm test`. */
export function canMountExfat(): boolean {
  const why = reasonNot();
  if (why !== null) notRunHere('a disk whose names ignore case', why);
  return why === null;
}

function reasonNot(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'it mounts a file system, which needs Linux and root';
  const missing = ['mkfs.exfat', 'mount.exfat-fuse', 'losetup'].filter((program) => spawnSync('which', [program]).status !== 0);
  if (missing.length > 0) return `${missing.join(', ')} missing: apt-get install exfatprogs exfat-fuse`;
  try {
    createExfatDisk().remove();
    return null;
  } catch (error) {
    return `a file cannot be mounted here: ${error instanceof Error ? error.message.trim() : ''}`;
  }
}
