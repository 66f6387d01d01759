/** Files that exist for a moment: beside their target, or in Enfold's own directory. */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SyncError } from '../model/errors.ts';
import type { LocalPath } from '../model/path.ts';

/** A name that nothing has, in the target's own directory, so that a rename puts it in place. */
export function besideOf(target: string): LocalPath {
  return join(dirname(target), `.enfold-${randomBytes(8).toString('hex')}.tmp`) as LocalPath;
}

/** A name that nothing has, where only this user can read. */
export function inHome(home: string): LocalPath {
  const directory = join(home, 'tmp');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return join(directory, randomBytes(8).toString('hex')) as LocalPath;
}

/** Where files stand in the clear while they are dragged to another program; readable by this user only. */
export function newDragDirectory(home: string): string {
  const directory = join(home, 'drag', randomBytes(8).toString('hex'));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}

export function removeDragged(home: string): void {
  rmSync(join(home, 'drag'), { recursive: true, force: true });
}

export function removeTemporary(path: string): void {
  rmSync(path, { force: true });
}

/** What the file system said, about the path the user named. */
export function translateFileError(error: unknown, path: string): unknown {
  if (error instanceof SyncError || !(error instanceof Error) || !('code' in error)) return error;
  switch (error.code) {
    case 'ENOENT':
      return new SyncError('no-such-path', { path }, { cause: error });
    case 'ENOTDIR':
      return new SyncError('not-a-directory', { path }, { cause: error });
    case 'EISDIR':
    case 'EEXIST':
    case 'ENOTEMPTY':
      return new SyncError('target-exists', { path }, { cause: error });
    case 'ENOSPC':
    case 'EDQUOT':
      return new SyncError('disk-full', { path }, { cause: error });
    case 'EROFS':
      return new SyncError('read-only', { path }, { cause: error });
    case 'EACCES':
    case 'EPERM':
      return new SyncError('permission-denied', { path }, { cause: error });
    default:
      return typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code) ? new SyncError('io-error', { path, detail: error.code }, { cause: error }) : error;
  }
}

/** Puts a whole, durable file in place of whatever file is there. */
export function putInPlace(staged: string, target: string): void {
  try {
    renameSync(staged, target);
    const directory = openSync(dirname(target), 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  } catch (error) {
    throw translateFileError(error, target);
  }
}
