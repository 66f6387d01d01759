/**
 * One remote prefix seen as a folder: keys are names, metadata is attributes, deletions are tombstones.
 *
 * Promises: a listing ends normally only when it was whole; nothing is replaced or deleted that is not the named version; what does not
 * verify is never taken for a file of the folder. Bodies travel elsewhere (`main/transfer`).
 */
import { setImmediate as breathe } from 'node:timers/promises';
import { currentEpoch as currentDescriptorEpoch, verifyDescriptor } from '../envelope/descriptor.ts';
import { longNameHashes } from '../envelope/names.ts';
import { encodeTombstone, openRecord, parseTombstone, sealRecord, tombstonePathHash } from '../envelope/sealed-record.ts';
import { SyncError, isSyncError } from '../model/errors.ts';
import { isClientSide } from '../model/mode.ts';
import { OWN_DIRECTORY, parseSyncPath } from '../model/path.ts';
import type { ObjectKey, SyncPath } from '../model/path.ts';
import type { FileAttributes, OperationId, RemoteVersion, Tombstone } from '../model/snapshot.ts';
import type { ListedObject, RemoteFolder, ResolvedKey } from '../sync/ports.ts';
import { withAnyKey } from './any-key-store.ts';
import { capabilitiesOf } from './capabilities-of.ts';
import type { Capabilities } from './capabilities.ts';
import { copyThrough } from './copy-through.ts';
import { checkPin, hasNews, loadDescriptor } from './descriptor-store.ts';
import type { LoadedDescriptor } from './descriptor-store.ts';
import type { RemoteFolderConfig } from './folder-config.ts';
import { createFeeds } from './feeds.ts';
import { createLongNames } from './long-names.ts';
import type { ListPage, ListedVersion, ObjectHead, ObjectStore } from './object-store.ts';
import { createReprotector } from './reprotect.ts';
import { withRetries } from './retry.ts';
import { createS3Store } from './s3.ts';
import { createStoredFiles } from './stored-file.ts';
import type { OpenedHead } from './stored-file.ts';
import { countOldVersions, namedVersions, versionFacts } from './version-facts.ts';
import type { NamedVersion, VersionFact } from './version-facts.ts';
import { copyGuarded, explainUnreadable } from './writes.ts';

export type OpenRemoteFolder = RemoteFolder & {
  /** What this endpoint enforces; probed at the first call unless the configuration has it. Worth keeping. */
  capabilities(signal: AbortSignal): Promise<Capabilities>;
  /** Earlier versions of files that the bucket keeps; null where it keeps none. */
  oldVersions(signal: AbortSignal): Promise<{ readonly objects: number; readonly bytes: number } | null>;
  /** Every version, the standing ones included, and what it takes to read it. */
  versions(signal: AbortSignal): AsyncIterable<VersionFact>;
  /** Versions and marks of deletion of one file, or of all below a directory (`''` is the top), without a request for each: of one file together, the newest first. */
  versionsBelow(where: SyncPath | '', signal: AbortSignal): AsyncIterable<readonly NamedVersion[]>;
  /** Removes one version for good. */
  deleteVersion(version: Pick<ListedVersion, 'objectKey' | 'versionId'>, signal: AbortSignal): Promise<void>;
  /** Closes the connections. */
  close(): Promise<void>;
};

/** After every key of Enfold's own: no UTF-8 text sorts behind this character. */
const BEHIND_OWN = `${OWN_DIRECTORY}/\u{10FFFF}`;
/** Names that are decrypted at a stretch: some ten milliseconds. */
const NAMES_PER_BREATH = 250;
const CLOCK_TOLERANCE_MS = 15 * 60_000;

/** Whether this device's own records say that it wrote this version. */
export type IsOwnWrite = (objectKey: ObjectKey, version: { readonly etag: string; readonly operationId: OperationId }) => boolean;

export type RemoteFolderOptions = {
  /** By default nothing is known of earlier writes. */
  readonly isOwnWrite?: IsOwnWrite;
  /** From which size on the server copies in parts, and how large those are. By default as S3 asks for it: above 5 GiB. */
  readonly copyLimits?: { readonly maxCopyBytes: number; readonly copyPartBytes: number };
};

/**
 * Nothing is connected before the first call.
 *
 * @param givenStore - for tests; by default one that is closed with the folder.
 * @throws SyncError key-not-found, key-invalid, rejected (`sse-c` over plain http)
 */
export function openRemoteFolder(config: RemoteFolderConfig, givenStore?: ObjectStore, { isOwnWrite = () => false, copyLimits }: RemoteFolderOptions = {}): OpenRemoteFolder {
  const { prefix } = config;
  const files = createStoredFiles(config);
  const store = withAnyKey(givenStore ?? createS3Store(config.access, config.bucket), files.readers);
  const { requests, names, authKeyOf } = files;
  const longNames = createLongNames(store, prefix, requests);
  const ownPrefix = `${prefix}${OWN_DIRECTORY}/`;
  const readOptions = { modeHeaders: requests.read };
  const tombstonePlaces = config.epochs.map(({ n }) => authKeyOf(n));

  /** A description that the keys of this folder do not open any more is of a later epoch, under a customer key or no longer under one. */
  async function loadReadable(signal: AbortSignal): Promise<LoadedDescriptor | null> {
    try {
      return await loadDescriptor(store, prefix, signal, requests);
    } catch (error) {
      const isOtherKey = isSyncError(error, 'rejected') || isSyncError(error, 'key-not-found') || (isSyncError(error, 'access-denied') && requests.customerKeyMd5 !== null);
      throw isOtherKey ? new SyncError('descriptor-changed', { server: error.about.server }, { cause: error }) : error;
    }
  }

  async function listPage(options: { prefix: string; startAfter?: string; continuation?: string }, signal: AbortSignal): Promise<ListPage> {
    return withRetries(async () => store.listPage(options, signal), signal);
  }

  async function* listBelow(below: string, signal: AbortSignal): AsyncIterable<ListPage['objects']> {
    let continuation: string | undefined;
    do {
      const page = await listPage({ prefix: below, ...(continuation === undefined ? {} : { continuation }) }, signal);
      if (page.next !== null && page.next === continuation) throw new SyncError('answer-invalid', { detail: 'The listing goes in circles.' });
      yield page.objects;
      continuation = page.next ?? undefined;
    } while (continuation !== undefined);
  }

  /** Under a KMS key the attributes may not tell the content's hash; S3 tells its own to who may decrypt. */
  let asksChecksum = files.epoch.mode.id === 'sse-kms';

  async function head(objectKey: ObjectKey, signal: AbortSignal): Promise<ObjectHead | null> {
    const ask = async (): Promise<ObjectHead | null> => explainUnreadable(store, requests, objectKey, async () => withRetries(async () => store.head(objectKey, { ...readOptions, asksChecksum }, signal), signal), signal);
    if (!asksChecksum) return ask();
    try {
      return await ask();
    } catch (error) {
      if (!isSyncError(error, 'access-denied') && !isSyncError(error, 'rejected')) throw error;
      // Who may only send need not know it.
      asksChecksum = false;
      return ask();
    }
  }

  function versionOf(found: ObjectHead, objectKey: ObjectKey, path: SyncPath): RemoteVersion {
    const { attributes, epoch, keyId } = openHead(found, objectKey, path);
    const { etag, versionId, objectBytes, lastModifiedMs } = found;
    return { objectKey, etag, versionId, objectBytes, lastModifiedMs, attributes, epoch, keyId };
  }

  /** @throws SyncError as `StoredFiles.open`, but for what this device itself wrote under an epoch that ended meanwhile */
  function openHead(found: ObjectHead, objectKey: ObjectKey, path: SyncPath): OpenedHead & { readonly isUntrusted: boolean } {
    try {
      return { ...files.open(found, objectKey, path), isUntrusted: false };
    } catch (error) {
      const ended = isSyncError(error, 'not-ours') ? files.openEnded(found, objectKey, path) : null;
      if (ended === null || !isOwnWrite(objectKey, { etag: found.etag, operationId: ended.attributes.operationId })) throw error;
      return { ...ended, isUntrusted: true };
    }
  }

  function tombstoneKey(tombstone: Tombstone): ObjectKey {
    const hash = tombstonePathHash(tombstone.path, authKeyOf(files.epoch.n));
    return `${ownPrefix}tomb/${hash}/${tombstone.operationId}` as ObjectKey;
  }

  function openTombstone(objectKey: ObjectKey, body: Buffer, path: SyncPath): Tombstone | null {
    try {
      const isSealed = !files.acceptsPlain || body[0] !== 0x7b; // `{`
      const tombstone = parseTombstone(isSealed ? openRecord(body, { purpose: 'tombstone', objectKey, authKeyOf }).body : body);
      return tombstone.path === path && objectKey.endsWith(`/${tombstone.operationId}`) ? tombstone : null;
    } catch (error) {
      // Forged, damaged or of a newer version: it vouches for nothing.
      if (isSyncError(error) && (error.family === 'IntegrityError' || error.family === 'FormatError')) return null;
      throw error;
    }
  }

  async function loadTombstone(objectKey: ObjectKey, path: SyncPath, signal: AbortSignal): Promise<Tombstone | null> {
    try {
      const { body } = await withRetries(async () => store.get(objectKey, readOptions, signal), signal);
      return openTombstone(objectKey, body, path);
    } catch (error) {
      if (isSyncError(error, 'object-not-found')) return null;
      throw error;
    }
  }

  function resolveReadable(relative: string): ResolvedKey {
    const path = parseSyncPath(relative);
    return path === null ? { type: 'skip', reason: relative.includes('\0') ? 'name-control' : 'name-traversal', detail: null } : { type: 'path', path };
  }

  function resolveEncrypted(relative: string): ResolvedKey {
    try {
      return { type: 'path', path: names!.decryptPath(relative, longNames.known) };
    } catch (error) {
      if (isSyncError(error, 'malformed')) return { type: 'skip', reason: 'foreign', detail: null };
      if (isSyncError(error, 'not-authentic')) return { type: 'skip', reason: 'not-authentic', detail: error.about.detail ?? null };
      throw error;
    }
  }

  async function resolveKeys(objectKeys: readonly ObjectKey[], signal: AbortSignal): Promise<readonly ResolvedKey[]> {
    const relatives = objectKeys.map((objectKey) => objectKey.slice(prefix.length));
    if (names === null) return relatives.map(resolveReadable);
    const hashes = new Set(relatives.flatMap((relative) => longNameHashes(relative)));
    if (hashes.size > 0) await longNames.load(hashes, signal);
    const resolved: ResolvedKey[] = [];
    for (const relative of relatives) {
      resolved.push(resolveEncrypted(relative));
      if (resolved.length % NAMES_PER_BREATH === 0) await breathe();
    }
    return resolved;
  }

  const capabilities = async (signal: AbortSignal): Promise<Capabilities> => capabilitiesOf(config, store, signal);

  const reprotector = createReprotector({ config, store, files, openHead, capabilities, listBelow, ...copyLimits });

  return {
    capabilities,
    feeds: createFeeds({ store, prefix, files, listBelow, capabilities }),

    async checkFolder(signal) {
      const loaded = await loadReadable(signal);
      if (loaded === null) throw new SyncError('descriptor-missing');
      const { descriptor } = loaded;
      checkPin(descriptor, config.pin ?? { folderId: config.folderId, epoch: files.epoch.n, folderKeyFingerprint: null });
      if (currentDescriptorEpoch(descriptor).n === files.epoch.n && config.folderKey !== undefined && config.folderKey !== null) {
        try {
          verifyDescriptor(descriptor, Buffer.from(config.folderKey));
        } catch (error) {
          throw isSyncError(error, 'not-authentic') ? new SyncError('descriptor-mismatch', {}, { cause: error }) : error;
        }
      }
      if (hasNews(descriptor, config.epochs)) throw new SyncError('descriptor-changed');
    },

    async *list(signal) {
      let options: { prefix: string; startAfter?: string; continuation?: string } = { prefix };
      let last = '';
      for (;;) {
        const { objects, next } = await listPage(options, signal);
        const page: ListedObject[] = [];
        for (const { objectKey, etag, objectBytes, lastModifiedMs } of objects) {
          if (!objectKey.startsWith(prefix)) throw new SyncError('answer-invalid', { detail: 'The listing names keys outside the prefix.' });
          // The prefix itself may stand as an object, which some tools make; Enfold's own objects are not the user's.
          if (objectKey.length > prefix.length && !objectKey.startsWith(ownPrefix)) page.push({ objectKey, etag, versionId: null, objectBytes, lastModifiedMs });
        }
        const first = objects[0]?.objectKey;
        if (first !== undefined && last !== '' && Buffer.compare(Buffer.from(first), Buffer.from(last)) <= 0) throw new SyncError('answer-invalid', { detail: 'The listing is not in order.' });
        const lastListed = objects.at(-1)?.objectKey;
        last = lastListed ?? last;
        yield page;
        if (next === null) return;
        if (next === options.continuation) throw new SyncError('answer-invalid', { detail: 'The listing goes in circles.' });
        // Thousands of tombstones need not be listed to be left out.
        options = lastListed?.startsWith(ownPrefix) === true ? { prefix, startAfter: prefix + BEHIND_OWN } : { prefix, continuation: next };
      }
    },

    resolve: resolveKeys,

    objectKeyOf: (path) => files.objectKeyOf(path),

    async head(objectKey, path, signal) {
      const found = await head(objectKey, signal);
      return found === null ? null : versionOf(found, objectKey, path);
    },

    async tombstonesOf(path, signal) {
      const hashes = new Set(tombstonePlaces.map((authKey) => tombstonePathHash(path, authKey)));
      const found: Tombstone[] = [];
      for (const hash of hashes) {
        for await (const objects of listBelow(`${ownPrefix}tomb/${hash}/`, signal)) {
          for (const tombstone of await Promise.all(objects.map(async ({ objectKey }) => loadTombstone(objectKey, path, signal)))) {
            if (tombstone !== null) found.push(tombstone);
          }
        }
      }
      return found;
    },

    async putTombstone(tombstone, signal) {
      const objectKey = tombstoneKey(tombstone);
      const authKey = authKeyOf(files.epoch.n);
      const plain = encodeTombstone(tombstone);
      const body = authKey === null ? plain : sealRecord(plain, { purpose: 'tombstone', objectKey, authKey, epoch: files.epoch.n });
      // Equal tombstones say the same, so one that is there may be replaced.
      await withRetries(async () => store.put(objectKey, body, { metadata: {}, modeHeaders: requests.write, condition: null }, signal), signal);
    },

    async delete({ objectKey, etag, operationId }, path, signal) {
      const known = await capabilities(signal);
      let mayHaveHappened = false;
      await withRetries(async () => {
        // An ETag may be the MD5 of content that was there before: only the operation id names a version for sure.
        const found = await explainUnreadable(store, requests, objectKey, async () => store.head(objectKey, readOptions, signal), signal);
        if (found === null) {
          if (mayHaveHappened) return;
          throw new SyncError('object-not-found', { path, objectKey });
        }
        if (found.etag !== etag || versionOf(found, objectKey, path).attributes?.operationId !== operationId) throw new SyncError('version-changed', { path, objectKey });
        mayHaveHappened = true;
        await store.delete(objectKey, known.conditionalDelete ? { type: 'version', etag, isBare: known.ifMatchQuoting === 'unquoted' } : null, signal);
      }, signal);
    },

    async copy(from, to, attributes: FileAttributes, signal) {
      const known = await capabilities(signal);
      const source = await head(from.objectKey, signal);
      if (source === null) throw new SyncError('object-not-found', { path: from.path, objectKey: from.objectKey });
      if (source.etag !== from.etag) throw new SyncError('version-changed', { path: from.path, objectKey: from.objectKey });
      const { epoch: writtenUnder } = versionOf(source, from.objectKey, from.path);
      // Attributes of this epoch on a body under an earlier key would say that the key is this epoch's.
      if (writtenUnder !== files.epoch.n && isClientSide(files.epoch.mode)) throw new SyncError('rejected', { path: from.path, objectKey: from.objectKey, detail: 'It is still encrypted as the folder was before.' });
      const objectKey = files.objectKeyOf(to);
      if (names !== null) await longNames.store(names.encryptPath(to).longNames, signal);
      const metadata = files.metadataOfCopy(source.metadata, attributes, objectKey);
      const isOnto = objectKey === from.objectKey;
      const write = { objectKey, metadata, ifMatch: isOnto ? from.etag : null };
      try {
        await copyGuarded(store, requests, known, from, write, signal);
      } catch (error) {
        // Some servers copy no object that they encrypted.
        if (!isSyncError(error, 'rejected') || isClientSide(files.epoch.mode)) throw error;
        await copyThrough(store, requests, known, { objectKey: from.objectKey, source }, write, signal);
      }
      const copied = await head(objectKey, signal);
      if (copied === null) throw new SyncError('version-changed', { path: to, objectKey });
      const version = versionOf(copied, objectKey, to);
      if (version.attributes?.operationId !== attributes.operationId) throw new SyncError('version-changed', { path: to, objectKey });
      return version;
    },

    reprotect: async (object, path, sha256, signal) => explainUnreadable(store, requests, object.objectKey, async () => reprotector.one(object, path, sha256, signal), signal),
    reprotectOwn: async (signal) => reprotector.own(signal),

    oldVersions: async (signal) => countOldVersions(store, prefix, signal),
    versions: (signal) => versionFacts({ config, store, files, resolve: resolveKeys }, signal),
    async *versionsBelow(where, signal) {
      const below = where === '' ? prefix : files.objectKeyOf(where);
      const isWhole = below === prefix || below.endsWith('/');
      for await (const page of namedVersions({ store, resolve: resolveKeys }, prefix, below, signal)) {
        yield isWhole ? page : page.filter(({ objectKey }) => objectKey === below);
        // Other keys that begin like a file's come behind it.
        if (!isWhole && page.some(({ objectKey }) => objectKey !== below)) return;
      }
    },
    async deleteVersion({ objectKey, versionId }, signal) {
      if (store.deleteVersion === undefined) throw new SyncError('rejected', { objectKey, detail: 'The endpoint deletes no versions.' });
      await withRetries(async () => store.deleteVersion?.(objectKey, versionId, signal), signal);
    },

    async clearUploads({ named, begun, keep }, signal) {
      for (const { objectKey, uploadId } of named) await withRetries(async () => store.abortMultipart(objectKey, uploadId, signal), signal);
      if (begun.length === 0) return;
      const since = new Map(begun.map(({ objectKey, sinceMs }) => [objectKey, sinceMs - CLOCK_TOLERANCE_MS]));
      for (const { objectKey, uploadId, initiatedMs } of await withRetries(async () => store.listMultipart(prefix, signal), signal)) {
        const sinceMs = since.get(objectKey);
        if (sinceMs !== undefined && initiatedMs >= sinceMs && !keep.has(uploadId)) await withRetries(async () => store.abortMultipart(objectKey, uploadId, signal), signal);
      }
    },

    async close() {
      files.close();
      if (givenStore === undefined) await store.close();
    },
  };
}
