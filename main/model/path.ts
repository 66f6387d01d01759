/**
 * The three kinds of name a file has, as distinct types so that one never passes for another.
 *
 * A SyncPath is relative to the sync folder, `/`-separated, never empty, without `.`, `..` or empty segments.
 * The path of a directory ends in `/`, so that a file `a` and a directory `a/` are two entries and a file that
 * became a directory is a deletion and a creation.
 */
export type SyncPath = string & { readonly __brand: 'SyncPath' };
/** An absolute path in this computer's file system. */
export type LocalPath = string & { readonly __brand: 'LocalPath' };
/** A whole S3 key, prefix included. */
export type ObjectKey = string & { readonly __brand: 'ObjectKey' };

/** Everything of Enfold's own, in the local folder and under the remote prefix, lives below this name. */
export const OWN_DIRECTORY = '.enfold';

/** Longest S3 key, in UTF-8 bytes. */
export const MAX_OBJECT_KEY_BYTES = 1024;

/**
 * Checks that `text` has the shape of a SyncPath.
 *
 * @returns the path, or null where a segment is empty, `.`, `..`, holds NUL, or the text has lone surrogates.
 */
export function parseSyncPath(text: string): SyncPath | null {
  if (text === '' || !text.isWellFormed() || text.includes('\0')) return null;
  const inner = text.endsWith('/') ? text.slice(0, -1) : text;
  for (const segment of inner.split('/')) {
    if (segment === '' || segment === '.' || segment === '..') return null;
  }
  return text as SyncPath;
}

/** As {@link parseSyncPath}, for text the program itself made: a bad one is a bug. */
export function syncPath(text: string): SyncPath {
  const path = parseSyncPath(text);
  if (path === null) throw new TypeError('not a sync path');
  return path;
}

export function isDirectoryPath(path: SyncPath): boolean {
  return path.endsWith('/');
}

/** The directory a path stands in: `''` for the top, else with a trailing `/`. */
export function parentOf(path: SyncPath): SyncPath | '' {
  const cut = path.lastIndexOf('/', path.length - 2);
  return cut < 0 ? '' : (path.slice(0, cut + 1) as SyncPath);
}

/** The last segment, without a directory's trailing `/`. */
export function nameOf(path: SyncPath): string {
  const inner = path.endsWith('/') ? path.slice(0, -1) : path;
  return inner.slice(inner.lastIndexOf('/') + 1);
}

/** True for paths inside Enfold's own directory, which is never synced. */
export function isOwnPath(path: string): boolean {
  return path === OWN_DIRECTORY || path.startsWith(`${OWN_DIRECTORY}/`);
}
