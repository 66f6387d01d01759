/** How a file is recognised as untouched: inode, size, and both times to the nanosecond. */
import type { BigIntStats } from 'node:fs';
import type { LocalEntry } from '../model/snapshot.ts';
import type { SyncPath } from '../model/path.ts';

/** Opaque to all but this file. Equal stamps mean that nobody wrote, replaced or re-timed the file. */
export function stampOf(stats: BigIntStats): string {
  return `${stats.ino}.${stats.size}.${stats.mtimeNs}.${stats.ctimeNs}`;
}

export function inodeOf(stats: BigIntStats): string {
  return stats.ino.toString();
}

/** Rounded, since times pass through floating-point seconds when they are set. */
export function mtimeMsOf(stats: BigIntStats): number {
  return Number((stats.mtimeNs + 500_000n) / 1_000_000n);
}

/** Equal where the content is certainly the same file's, whatever was done to its name: a rename or link changes only the ctime. */
export function isSameContent(a: BigIntStats, b: BigIntStats): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs;
}

/** What a file or directory looks like to the engine. `path` must end in `/` exactly for directories. */
export function entryOf(path: SyncPath, stats: BigIntStats, isEmpty?: boolean): LocalEntry {
  const kind = stats.isDirectory() ? 'directory' : 'file';
  const entry = {
    path,
    kind,
    sizeBytes: kind === 'file' ? Number(stats.size) : 0,
    mtimeMs: mtimeMsOf(stats),
    modeBits: Number(stats.mode & 0o777n),
    inode: inodeOf(stats),
    stamp: stampOf(stats),
  } as const;
  return isEmpty === undefined ? entry : { ...entry, isEmpty };
}
