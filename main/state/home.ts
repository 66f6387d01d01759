/** Where Enfold keeps its settings, its records of each folder and its logs: one directory per user, readable by that user only. */
import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { SyncError } from '../model/errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The directory without making it: `ENFOLD_HOME`, or the place this platform keeps an application's data. */
export function enfoldHomePath(env: Environment, platform: NodeJS.Platform = process.platform): string {
  if (env['ENFOLD_HOME']) return resolve(env['ENFOLD_HOME']);
  if (platform === 'win32') return join(env['LOCALAPPDATA'] || join(homedir(), 'AppData', 'Local'), 'Enfold');
  if (platform === 'darwin') return join(env['HOME'] || homedir(), 'Library', 'Application Support', 'Enfold');
  const dataHome = env['XDG_DATA_HOME'];
  // The XDG rules say that a relative value must be ignored.
  return join(dataHome?.startsWith('/') ? dataHome : join(env['HOME'] || homedir(), '.local', 'share'), 'enfold');
}

/**
 * Finds Enfold's own directory and makes it where it is missing, with mode 0700.
 *
 * @returns its absolute path.
 * @throws SyncError permission-denied where it cannot be made, or belongs to another user who may write to it;
 *   not-a-directory where something else is in the way.
 */
export function enfoldHome(env: Environment = process.env): string {
  const home = enfoldHomePath(env);
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'EEXIST' || code === 'ENOTDIR') throw new SyncError('not-a-directory', { path: home }, { cause });
    if (code === 'ENOSPC') throw new SyncError('disk-full', { path: home }, { cause });
    if (code === 'EROFS') throw new SyncError('read-only', { path: home }, { cause });
    throw new SyncError('permission-denied', { path: home }, { cause });
  }
  if (process.platform !== 'win32') makePrivate(home);
  return home;
}

/** Whoever may write here could swap the records for others, so a directory that another user owns must at least be closed to all others. */
function makePrivate(home: string): void {
  const stats = lstatSync(home);
  if ((stats.mode & 0o077) === 0) return;
  const isOwn = stats.uid === process.getuid?.();
  if (isOwn && !stats.isSymbolicLink()) chmodSync(home, 0o700);
  else if ((stats.mode & 0o022) !== 0 && !stats.isSymbolicLink()) {
    throw new SyncError('permission-denied', { path: home, detail: 'others may write to the directory of Enfold\'s settings' });
  }
}
