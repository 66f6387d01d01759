/** One server per data folder: an exclusive lock on a file of its own, which the system lifts when the process ends, however it ends. */
import { DatabaseSync } from '@photostructure/sqlite';
import { join } from 'node:path';
import { SyncError } from '../model/errors.ts';
import { isDiskFull } from './errors.ts';

/** @throws SyncError storage-busy, disk-full */
export function lockDataFolder(directory: string): { release(): void } {
  const database = new DatabaseSync(join(directory, 'lock.db'));
  try {
    // The journal in memory: nothing is ever written, and a full disk shall not keep the storage from starting.
    database.exec('PRAGMA journal_mode = MEMORY; PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    throw new SyncError(isDiskFull(error) ? 'disk-full' : 'storage-busy', {}, { cause: error });
  }
  return { release: () => database.close() };
}
