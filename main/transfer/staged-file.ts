/** Writing a download where nobody looks: a new file in the staging directory, durable before it counts, gone if it fails. */
import { closeSync, constants, fdatasync, openSync, unlinkSync, write, writeSync } from 'node:fs';
import { fromOsError } from '../local/os-error.ts';
import type { DownloadJob } from '../sync/ports.ts';

/** Up to this size a write blocks: handing it to the thread pool would cost more than the write. */
const BLOCKING_WRITE_BYTES = 64 * 1024;
/** What may be on its way to the disk while the next bytes are decrypted. */
const MAX_WAITING_BYTES = 1024 * 1024;

export type StagedFile = {
  /** Takes the bytes over: they must not change any more. Waits only where much is on its way already. */
  append(bytes: Uint8Array): Promise<void>;
  /** Durable from here on. */
  finish(): Promise<void>;
  /** Closes and removes it, once nothing is written any more. */
  discard(): Promise<void>;
};

/** @throws SyncError disk-full, permission-denied, target-exists, … */
export function createStagedFile({ staged, path }: Pick<DownloadJob, 'staged' | 'path'>): StagedFile {
  let descriptor: number;
  try {
    descriptor = openSync(staged, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0), 0o600);
  } catch (error) {
    throw fromOsError(error, path);
  }
  let position = 0;
  let waitingBytes = 0;
  let failed: { readonly error: unknown } | null = null;
  // Never rejects: what failed is thrown at the next append or at the end.
  let writing: Promise<void> = Promise.resolve();
  let isOpen = true;
  const close = (): void => {
    if (isOpen) closeSync(descriptor);
    isOpen = false;
  };

  function writeBlocking(bytes: Uint8Array, at: number): void {
    for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written, bytes.length - written, at + written);
  }

  async function writeInBackground(bytes: Uint8Array, at: number): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      written += await new Promise<number>((resolve, reject) => {
        write(descriptor, bytes, written, bytes.length - written, at + written, (error, count) => (error === null ? resolve(count) : reject(error)));
      });
    }
  }

  function throwFailed(): void {
    if (failed !== null) throw fromOsError(failed.error, path);
  }

  return {
    async append(bytes) {
      throwFailed();
      const at = position;
      position += bytes.length;
      if (bytes.length <= BLOCKING_WRITE_BYTES) {
        try {
          writeBlocking(bytes, at);
        } catch (error) {
          throw fromOsError(error, path);
        }
        return;
      }
      waitingBytes += bytes.length;
      writing = writing.then(async () => {
        try {
          if (failed === null) await writeInBackground(bytes, at);
        } catch (error) {
          failed = { error };
        } finally {
          waitingBytes -= bytes.length;
        }
      });
      if (waitingBytes >= MAX_WAITING_BYTES) await writing;
      throwFailed();
    },
    async finish() {
      await writing;
      throwFailed();
      try {
        await new Promise<void>((resolve, reject) => {
          fdatasync(descriptor, (error) => (error === null ? resolve() : reject(error)));
        });
        close();
      } catch (error) {
        throw fromOsError(error, path);
      }
    },
    async discard() {
      failed ??= { error: new Error('discarded') };
      await writing;
      try {
        close();
        unlinkSync(staged);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw fromOsError(error, path);
      }
    },
  };
}
