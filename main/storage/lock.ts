/** One server per data folder: an exclusive lock on a file of its own, which the system lifts when the process ends, however it ends. */
import { DatabaseSync } from '@photostructure/sqlite';
import { join } from 'node:path';
import { SyncError } from '../model/errors.ts';

/** @throws SyncError storage-busy */
export function lockDataFolder(directory: string): { release(): void } {
  const database = new DatabaseSync(join(directory, 'lock.db'));
  try {
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    throw new SyncError('storage-busy', {}, { cause: error });
  }
  return { release: () => database.close() };
}
