/** What must be true of a local folder before it may be synced. */
import { accessSync, constants, lstatSync, readdirSync, realpathSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SyncError } from '../model/errors.ts';

/**
 * @returns the real path, links resolved.
 * @throws SyncError root-missing, not-a-directory, root-unreadable
 */
export function checkLocalFolder(localPath: string, needsWrite: boolean): string {
  let real: string;
  try {
    real = realpathSync.native(localPath);
    if (!statSync(real).isDirectory()) throw new SyncError('not-a-directory', { path: localPath });
    readdirSync(real);
    accessSync(real, constants.R_OK | constants.X_OK | (needsWrite ? constants.W_OK : 0));
  } catch (error) {
    if (error instanceof SyncError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw new SyncError('root-missing', { path: localPath, detail: 'make it first' }, { cause: error });
    if (code === 'ENOTDIR') throw new SyncError('not-a-directory', { path: localPath }, { cause: error });
    if (code === 'EROFS') throw new SyncError('read-only', { path: localPath }, { cause: error });
    throw new SyncError('root-unreadable', { path: localPath, ...(code === undefined ? {} : { detail: code }) }, { cause: error });
  }
  return real;
}

/** How many files are below, up to a limit; null where it cannot be told. For the window's preview only. */
export function countFiles(root: string, limit = 100_000): number | null {
  let count = 0;
  const waiting = [root];
  while (waiting.length > 0 && count < limit) {
    const directory = waiting.pop() as string;
    try {
      for (const child of readdirSync(directory, { withFileTypes: true })) {
        if (directory === root && child.name === '.enfold') continue;
        if (child.isDirectory()) waiting.push(`${directory}/${child.name}`);
        else if (child.isFile()) count += 1;
      }
    } catch {
      if (directory === root) return null;
    }
  }
  return count;
}

/** True where a path is there and no link. */
export function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Removes Enfold's own directory again where it was made for nothing. One that holds something stays. */
export function removeEmpty(directory: string, wasThere: boolean): void {
  if (wasThere) return;
  for (const child of ['tmp', 'trash', '']) {
    try {
      rmdirSync(join(directory, child));
    } catch {
      // Not there, or not empty.
    }
  }
}
