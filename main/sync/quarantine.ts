/** What fails its checks is as good as absent, but never taken for a deletion: nothing is done at the path. */
import { isSyncError } from '../model/errors.ts';
import type { SkipReason } from '../model/snapshot.ts';

/** Why an object cannot be looked at, or null where the error is not about the object. */
export function reasonToSkip(error: unknown): SkipReason | null {
  if (!isSyncError(error)) return null;
  if (error.code === 'key-not-found' || error.code === 'key-unwrap-failed') return 'key-not-found';
  if (error.code === 'mode-not-honoured') return 'mode-not-honoured';
  if (error.code === 'not-ours') return 'foreign';
  return error.family === 'IntegrityError' || error.family === 'FormatError' ? 'not-authentic' : null;
}
