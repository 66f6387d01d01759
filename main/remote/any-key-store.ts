/**
 * Reading where objects of several epochs stand side by side: S3 does not say which customer key opens an object, so a read that
 * is refused is tried with each key at hand, and what opened an object last is tried first the next time.
 */
import { SyncError, isSyncError } from '../model/errors.ts';
import type { ObjectKey } from '../model/path.ts';
import type { ModeRequests } from './modes.ts';
import type { ObjectStore, ReadOptions } from './object-store.ts';

/** Which key opened which object; forgotten in the order in which it was learned. */
const MAX_REMEMBERED = 100_000;

/** Refusals that another customer key, or none, may turn into an answer. */
function isOtherKey(error: unknown): error is SyncError {
  return isSyncError(error, 'access-denied') || (isSyncError(error, 'rejected') && /^Invalid(?:Request|Argument)\b|\b400\b/.test(error.about.server ?? ''));
}

/**
 * @param readers - each a way of reading that differs from the others in its customer key, the likeliest first.
 * @returns `store` itself where there is only one way.
 * @throws (head, get, copies) key-not-found where an object is under a customer key that is none of these
 */
export function withAnyKey(store: ObjectStore, readers: readonly ModeRequests[]): ObjectStore {
  if (readers.length < 2) return store;
  const learned = new Map<string, ModeRequests>();

  const remember = (place: string, reader: ModeRequests): void => {
    learned.delete(place);
    learned.set(place, reader);
    if (learned.size > MAX_REMEMBERED) for (const oldest of learned.keys()) { learned.delete(oldest); break; }
  };

  async function read<T>(objectKey: ObjectKey, versionId: string | undefined, run: (reader: ModeRequests) => Promise<T>, signal: AbortSignal): Promise<T> {
    const place = versionId === undefined ? objectKey : `${objectKey}\0${versionId}`;
    const first = learned.get(place);
    const order = first === undefined ? readers : [first, ...readers.filter((reader) => reader !== first)];
    let refusal: SyncError | null = null;
    let isUnderKey = false;
    for (const reader of order) {
      try {
        const result = await run(reader);
        remember(place, reader);
        return result;
      } catch (error) {
        if (!isOtherKey(error)) throw error;
        isUnderKey ||= reader.customerKeyMd5 === null && error.code === 'rejected';
        refusal ??= error;
      }
    }
    // Without a key S3 says "wrong request" of what is under one; all else that is refused is a matter of rights.
    if (readers.every(({ customerKeyMd5 }) => customerKeyMd5 !== null)) isUnderKey = await store.head(objectKey, { versionId }, signal).then(() => false, (error: unknown) => isSyncError(error, 'rejected'));
    if (isUnderKey) throw new SyncError('key-not-found', { objectKey, server: refusal?.about.server, detail: 'It is stored under a customer key that is not here.' }, { cause: refusal });
    throw refusal ?? new SyncError('invariant', { detail: 'no way of reading was tried' });
  }

  const headersFor = (options: ReadOptions, reader: ModeRequests): ReadOptions => ({ ...options, modeHeaders: reader.read });

  /** Which key opens the source, found out before a copy, which could not tell whose fault a refusal is. */
  async function readerOf(objectKey: ObjectKey, signal: AbortSignal): Promise<ModeRequests> {
    const known = learned.get(objectKey);
    if (known !== undefined) return known;
    await read(objectKey, undefined, async (reader) => store.head(objectKey, headersFor({}, reader), signal), signal);
    return learned.get(objectKey) ?? readers[0]!;
  }

  const changed: Partial<ObjectStore> = {
    head: async (objectKey, options, signal) => read(objectKey, options.versionId, async (reader) => store.head(objectKey, headersFor(options, reader), signal), signal),
    get: async (objectKey, options, signal) => read(objectKey, options.versionId, async (reader) => store.get(objectKey, { ...options, modeHeaders: reader.read }, signal), signal),
    copy: async (from, to, options, signal) => store.copy(from, to, { ...options, sourceModeHeaders: (await readerOf(from.objectKey, signal)).copySource }, signal),
  };
  if (store.copyPart !== undefined) {
    changed.copyPart = async (from, to, uploadId, partNumber, range, options, signal) => store.copyPart!(from, to, uploadId, partNumber, range, { ...options, sourceModeHeaders: (await readerOf(from.objectKey, signal)).copySource }, signal);
  }
  return { ...store, ...changed };
}
