/** One engine per folder: a lock that the operating system frees when its holder dies, however it dies. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { isSyncError, SyncError } from '../model/errors.ts';
import { translateDatabaseError } from './database.ts';
import { folderFile } from './folder-state.ts';

/** So long a probe by another process may be in the way. */
const PROBED_MS = 100;

/**
 * Takes the folder for this process, by holding an exclusive SQLite transaction on `folders/<id>.lock`: a file lock of the
 * operating system, so that neither a stale file nor a reused process id can ever be mistaken for a running engine.
 *
 * @returns what gives it back; calling it again does nothing.
 * @throws SyncError folder-busy where another holds it, in this process or another one.
 */
export function lockFolder(home: string, folderId: string): () => void {
  mkdirSync(join(home, 'folders'), { recursive: true, mode: 0o700 });
  const held = begin(folderFile(home, folderId, '.lock'), `PRAGMA busy_timeout = ${PROBED_MS}; BEGIN EXCLUSIVE`);
  return () => {
    if (held.isOpen) held.close();
  };
}

/** Whether an engine holds the folder, without keeping one from taking it. */
export function isFolderLocked(home: string, folderId: string): boolean {
  const file = folderFile(home, folderId, '.lock');
  if (!existsSync(file)) return false;
  try {
    // A look at the file takes a shared lock, for as long as the look takes.
    begin(file, 'PRAGMA busy_timeout = 0; PRAGMA query_only = ON; BEGIN; SELECT count(*) FROM sqlite_schema').close();
    return false;
  } catch (error) {
    if (isSyncError(error, 'folder-busy')) return true;
    throw error;
  }
}

function begin(file: string, sql: string): InstanceType<typeof DatabaseSync> {
  let connection: InstanceType<typeof DatabaseSync> | undefined;
  try {
    connection = new DatabaseSync(file);
    connection.exec(sql);
    return connection;
  } catch (error) {
    connection?.close();
    const known = translateDatabaseError(error);
    throw isSyncError(known, 'folder-busy') ? new SyncError('folder-busy', {}, { cause: error }) : known;
  }
}
