/** One engine per folder: a lock that the operating system frees when its holder dies, however it dies. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { isSyncError, SyncError } from '../model/errors.ts';
import { translateDatabaseError } from './database.ts';

/**
 * Takes the folder for this process, by holding an exclusive SQLite transaction on `folders/<id>.lock`: a file lock of the
 * operating system, so that neither a stale file nor a reused process id can ever be mistaken for a running engine.
 *
 * @returns what gives it back; calling it again does nothing.
 * @throws SyncError folder-busy where another holds it, in this process or another one.
 */
export function lockFolder(home: string, folderId: string): () => void {
  const directory = join(home, 'folders');
  let connection: InstanceType<typeof DatabaseSync> | undefined;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    connection = new DatabaseSync(join(directory, `${folderId}.lock`));
    connection.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE');
  } catch (error) {
    connection?.close();
    const known = translateDatabaseError(error);
    throw isSyncError(known, 'folder-busy') ? new SyncError('folder-busy', {}, { cause: error }) : known;
  }
  const held = connection;
  return () => {
    if (held.isOpen) held.close();
  };
}
