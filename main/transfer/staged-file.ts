/** Writing a download where nobody looks: a new file in the staging directory, durable before it counts, gone if it fails. */
import { closeSync, constants, fdatasync, openSync, unlinkSync, write, writeSync } from 'node:fs';
import { fromOsError } from '../local/os-error.ts';
import type { DownloadJob } from '../sync/ports.ts';

const BLOCKING_WRITE_BYTES = 256 * 1024;

export type StagedFile = {
  append(bytes: Uint8Array): Promise<void>;
  /** Durable from here on. */
  finish(): Promise<void>;
  /** Closes and removes it. */
  discard(): void;
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
  let isOpen = true;
  const close = (): void => {
    if (isOpen) closeSync(descriptor);
    isOpen = false;
  };
  return {
    async append(bytes) {
      try {
        let written = 0;
        while (written < bytes.length) {
          const left = bytes.length - written;
          written += left <= BLOCKING_WRITE_BYTES
            ? writeSync(descriptor, bytes, written, left, position + written)
            : await new Promise<number>((resolve, reject) => {
                write(descriptor, bytes, written, left, position + written, (error, count) => (error === null ? resolve(count) : reject(error)));
              });
        }
        position += bytes.length;
      } catch (error) {
        throw fromOsError(error, path);
      }
    },
    async finish() {
      try {
        await new Promise<void>((resolve, reject) => {
          fdatasync(descriptor, (error) => (error === null ? resolve() : reject(error)));
        });
        close();
      } catch (error) {
        throw fromOsError(error, path);
      }
    },
    discard() {
      try {
        close();
        unlinkSync(staged);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw fromOsError(error, path);
      }
    },
  };
}
