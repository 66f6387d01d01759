/** Records of names too long to stand encrypted in a key: `<prefix>/.enfold/names/<hash>`, stored before the object that needs one. */
import { LONG_NAMES_DIRECTORY } from '../envelope/names.ts';
import type { LongName } from '../envelope/names.ts';
import { isSyncError } from '../model/errors.ts';
import { OWN_DIRECTORY } from '../model/path.ts';
import type { ObjectKey } from '../model/path.ts';
import type { ModeRequests } from './modes.ts';
import type { ObjectStore } from './object-store.ts';
import { withRetries } from './retry.ts';

export type LongNames = {
  /** A loaded record; null where none was found. */
  readonly known: (hash: string) => Buffer | null;
  /** Fetches what is not known yet. A missing record is no error here: its name then does not open. */
  load(hashes: Iterable<string>, signal: AbortSignal): Promise<void>;
  /** Makes sure that the records are in the bucket. */
  store(longNames: readonly LongName[], signal: AbortSignal): Promise<void>;
};

const CONCURRENCY = 16;

export function createLongNames(store: ObjectStore, prefix: string, requests: ModeRequests): LongNames {
  const records = new Map<string, Buffer>();
  const storing = new Map<string, Promise<void>>();
  const keyOf = (hash: string): ObjectKey => `${prefix}${OWN_DIRECTORY}/${LONG_NAMES_DIRECTORY}/${hash}` as ObjectKey;

  async function fetchOne(hash: string, signal: AbortSignal): Promise<void> {
    try {
      const { body } = await withRetries(async () => store.get(keyOf(hash), { modeHeaders: requests.read }, signal), signal);
      records.set(hash, body);
    } catch (error) {
      if (!isSyncError(error, 'object-not-found')) throw error;
    }
  }

  async function storeOne({ hash, record }: LongName, signal: AbortSignal): Promise<void> {
    try {
      await withRetries(async () => store.put(keyOf(hash), record, { metadata: {}, modeHeaders: requests.write, condition: { type: 'absent' } }, signal), signal);
    } catch (error) {
      // Equal names make equal records: it is there already, unless somebody put something else in its place.
      if (!isSyncError(error, 'version-changed')) throw error;
      const { body } = await withRetries(async () => store.get(keyOf(hash), { modeHeaders: requests.read }, signal), signal);
      if (!body.equals(record)) await withRetries(async () => store.put(keyOf(hash), record, { metadata: {}, modeHeaders: requests.write, condition: null }, signal), signal);
    }
    records.set(hash, record);
  }

  return {
    known: (hash) => records.get(hash) ?? null,
    async load(hashes, signal) {
      const missing = [...hashes].filter((hash) => !records.has(hash));
      let next = 0;
      const worker = async (): Promise<void> => {
        for (let hash = missing[next++]; hash !== undefined; hash = missing[next++]) await fetchOne(hash, signal);
      };
      await Promise.all(Array.from({ length: Math.min(CONCURRENCY, missing.length) }, worker));
    },
    async store(longNames, signal) {
      for (const longName of longNames) {
        let promise = storing.get(longName.hash);
        if (promise === undefined) {
          promise = storeOne(longName, signal);
          storing.set(longName.hash, promise);
          promise.catch(() => storing.delete(longName.hash));
        }
        await promise;
      }
    },
  };
}
