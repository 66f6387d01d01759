/** Reading a local file for upload, with proof that what was read is one version of it: the one the plan saw. */
import { closeSync, constants, fstatSync, openSync, read, readSync } from 'node:fs';
import { stampOf } from '../local/stamp.ts';
import { fromOsError } from '../local/os-error.ts';
import { SyncError } from '../model/errors.ts';
import type { UploadJob } from '../sync/ports.ts';

/** Up to this size a file is read in one blocking call: handing it to the thread pool would cost more than the read. */
const BLOCKING_READ_BYTES = 256 * 1024;

export type SourceFile = {
  /** As `fstat` said when it was opened. */
  readonly sizeBytes: number;
  /** Fills the buffer from `position`. @throws SyncError changed-while-reading where the file ends early */
  fill(buffer: Buffer, position: number): Promise<void>;
  /** @throws SyncError changed-while-reading where it is no longer the file that was opened */
  checkUnchanged(): void;
  close(): void;
};

/** @throws SyncError changed-while-reading, file-vanished, permission-denied, path-symlink, … */
export function openSourceFile({ source, local, path }: Pick<UploadJob, 'source' | 'local' | 'path'>): SourceFile {
  const changed = (): SyncError => new SyncError('changed-while-reading', { path });
  let descriptor: number;
  try {
    // Neither a link that took the file's place is followed, nor a pipe waited for.
    descriptor = openSync(source, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw fromOsError(error, path, { ELOOP: 'changed-while-reading', ENXIO: 'changed-while-reading' });
  }

  function checkUnchanged(): void {
    const stats = fstatSync(descriptor, { bigint: true });
    if (!(local.kind === 'file' ? stats.isFile() : stats.isDirectory()) || stampOf(stats) !== local.stamp) throw changed();
  }

  function readBlocking(buffer: Buffer, position: number): void {
    let filled = 0;
    while (filled < buffer.length) {
      const bytes = readSync(descriptor, buffer, filled, buffer.length - filled, position + filled);
      if (bytes === 0) throw changed();
      filled += bytes;
    }
  }

  async function readInBackground(buffer: Buffer, position: number): Promise<void> {
    let filled = 0;
    while (filled < buffer.length) {
      const bytes = await new Promise<number>((resolve, reject) => {
        read(descriptor, buffer, filled, buffer.length - filled, position + filled, (error, count) => (error === null ? resolve(count) : reject(error)));
      });
      if (bytes === 0) throw changed();
      filled += bytes;
    }
  }

  try {
    checkUnchanged();
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  return {
    sizeBytes: local.kind === 'file' ? local.sizeBytes : 0,
    async fill(buffer, position) {
      try {
        if (buffer.length <= BLOCKING_READ_BYTES) readBlocking(buffer, position);
        else await readInBackground(buffer, position);
      } catch (error) {
        throw fromOsError(error, path);
      }
    },
    checkUnchanged,
    close: () => closeSync(descriptor),
  };
}
