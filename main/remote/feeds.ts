/**
 * The change feeds of a folder's devices, `.enfold/feed/<device id>`: each is written by its own device alone and read by the
 * others. Sealed in client-side modes, so that nobody else can invent a change or put an older feed under another name.
 */
import { encodeFeed, parseFeed } from '../envelope/feed-record.ts';
import { openRecord, sealRecord } from '../envelope/sealed-record.ts';
import { SyncError, isSyncError } from '../model/errors.ts';
import { OWN_DIRECTORY } from '../model/path.ts';
import type { ObjectKey } from '../model/path.ts';
import type { DeviceId } from '../model/version-vector.ts';
import type { ListedFeed, RemoteFeeds } from '../sync/ports.ts';
import type { Capabilities } from './capabilities.ts';
import type { ListPage, ObjectStore } from './object-store.ts';
import { withRetries } from './retry.ts';
import type { StoredFiles } from './stored-file.ts';

const DEVICE = /^[0-9a-f]{12}$/;

export type FeedPlace = {
  readonly store: ObjectStore;
  readonly prefix: string;
  readonly files: Pick<StoredFiles, 'epoch' | 'requests' | 'authKeyOf' | 'acceptsPlain'>;
  readonly listBelow: (below: string, signal: AbortSignal) => AsyncIterable<ListPage['objects']>;
  readonly capabilities: (signal: AbortSignal) => Promise<Capabilities>;
};

export function createFeeds({ store, prefix, files, listBelow, capabilities }: FeedPlace): RemoteFeeds {
  const { requests, authKeyOf } = files;
  const place = `${prefix}${OWN_DIRECTORY}/feed/`;
  const keyOf = (device: DeviceId): ObjectKey => `${place}${device}` as ObjectKey;
  const readOptions = { modeHeaders: requests.read };
  /** Of this device's feed, as this process wrote it last; null before its first. */
  let standing: string | null = null;

  /** On a versioned bucket each feed would be kept for ever. What cannot be removed is left to the next process: it harms nobody. */
  async function removeEarlier(objectKey: ObjectKey, versionId: string, signal: AbortSignal): Promise<void> {
    if (store.deleteVersion === undefined || store.listVersions === undefined) return;
    try {
      if (standing !== null) await store.deleteVersion(objectKey, standing, signal);
      else {
        for await (const page of store.listVersions(objectKey, signal)) {
          for (const one of page) if (one.objectKey === objectKey && one.versionId !== versionId && !one.isLatest) await store.deleteVersion(objectKey, one.versionId, signal);
        }
      }
      standing = versionId;
    } catch (error) {
      if (!isSyncError(error)) throw error;
      standing = null;
    }
  }

  return {
    async list(signal) {
      const found: ListedFeed[] = [];
      for await (const objects of listBelow(place, signal)) {
        for (const { objectKey, etag, lastModifiedMs } of objects) {
          const device = objectKey.slice(place.length);
          // An ETag may be the MD5 of what was there before.
          if (DEVICE.test(device)) found.push({ device: device as DeviceId, etag, mark: `${etag} ${lastModifiedMs}` });
        }
      }
      return found;
    },

    async load(device, signal) {
      const objectKey = keyOf(device);
      try {
        const { head, body } = await withRetries(async () => store.get(objectKey, readOptions, signal), signal);
        const isSealed = !files.acceptsPlain || body[0] !== 0x7b; // `{`
        const plain = isSealed ? openRecord(body, { purpose: 'feed', objectKey, authKeyOf }).body : body;
        return { feed: parseFeed(plain, device, prefix), etag: head.etag };
      } catch (error) {
        if (isSyncError(error, 'object-not-found')) return null;
        throw error;
      }
    },

    async put(feed, replaces, signal) {
      const objectKey = keyOf(feed.device);
      const authKey = authKeyOf(files.epoch.n);
      const plain = encodeFeed(feed, prefix);
      const body = authKey === null ? plain : sealRecord(plain, { purpose: 'feed', objectKey, authKey, epoch: files.epoch.n });
      const known = await capabilities(signal);
      const isEnforced = replaces === null ? known.createIfAbsent : known.ifMatchQuoting !== null;
      const condition = replaces === null ? ({ type: 'absent' } as const) : ({ type: 'version', etag: replaces, isBare: known.ifMatchQuoting === 'unquoted' } as const);
      const written = await withRetries(async () => {
        if (!isEnforced && ((await store.head(objectKey, readOptions, signal))?.etag ?? null) !== replaces) throw new SyncError('version-changed', { objectKey });
        return store.put(objectKey, body, { metadata: {}, modeHeaders: requests.write, condition: isEnforced ? condition : null }, signal);
      }, signal);
      if (written.versionId !== null) await removeEarlier(objectKey, written.versionId, signal);
      return written.etag;
    },
  };
}
