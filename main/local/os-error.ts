/** The operating system's errors as SyncErrors: the only place that knows what an errno means here. */
import { SyncError, type ErrorCode } from '../model/errors.ts';

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EROFS: 'read-only',
  EACCES: 'permission-denied',
  EPERM: 'permission-denied',
  EIO: 'io-error',
  EBUSY: 'file-busy',
  ETXTBSY: 'file-busy',
  EAGAIN: 'file-busy',
  ENAMETOOLONG: 'name-too-long',
  EILSEQ: 'name-unsupported',
  EINVAL: 'name-unsupported',
  ENOENT: 'file-vanished',
  ENOTDIR: 'file-vanished',
  ELOOP: 'path-symlink',
  EEXIST: 'target-exists',
  ENOTEMPTY: 'target-changed',
  EISDIR: 'target-changed',
  // Too many open files, or a disk that went away: both pass.
  EMFILE: 'io-error',
  ENFILE: 'io-error',
  ENODEV: 'io-error',
  ENXIO: 'io-error',
  ESTALE: 'io-error',
  ETIMEDOUT: 'io-error',
  EXDEV: 'io-error',
};

export function errnoOf(error: unknown): string | null {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : null;
}

/** True where the error says that nothing is there. */
export function isMissing(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}

/**
 * A thrown value as a SyncError about `path`.
 *
 * @param meanings - errnos that mean something else in this place.
 */
export function fromOsError(error: unknown, path: string, meanings: Readonly<Record<string, ErrorCode>> = {}): unknown {
  if (error instanceof SyncError) return error;
  const errno = errnoOf(error);
  if (errno === null) return error;
  const code = meanings[errno] ?? CODES[errno];
  // An errno nobody foresaw is the disk's doing all the same; its name is told, its message (with absolute paths) is not.
  return new SyncError(code ?? 'io-error', { path, detail: code === undefined || code === 'io-error' ? errno : undefined }, { cause: error });
}
