/**
 * A bucket in memory whose server keeps as many conditions as it is told to, and the engine's view of a prefix in it: a
 * RemoteFolder and Transfers. There is no encryption: a sealed attribute is one that only this view writes.
 */
import { createHash } from 'node:crypto';
import { SyncError } from '../../main/model/errors.ts';
import type { ChangeFeed } from '../../main/model/feed.ts';
import { isDirectoryPath, parseSyncPath } from '../../main/model/path.ts';
import type { ObjectKey, SyncPath } from '../../main/model/path.ts';
import type { FileAttributes, OperationId, RemoteVersion, Tombstone } from '../../main/model/snapshot.ts';
import type { DeviceId } from '../../main/model/version-vector.ts';
import type { DownloadJob, DownloadResult, ListedObject, OnProgress, RemoteFeeds, RemoteFolder, ResolvedKey, Transfers, UploadJob, UploadResult } from '../../main/sync/ports.ts';
import { compareByteOrder } from '../../main/sync/key-order.ts';
import type { FakeClock } from './fake-clock.ts';
import type { Power } from './faults.ts';
import { sha256Of, sizeOf } from './memory-disk.ts';
import type { MemoryTree } from './memory-disk.ts';

/**
 * What the server enforces. `put-only`: a condition on DELETE is ignored. `versioned`: no condition at all, but old versions
 * stay. `none`: no condition and no versions.
 */
export type Level = 'full' | 'put-only' | 'versioned' | 'none';
export type StoredObject = {
  readonly objectKey: ObjectKey;
  readonly content: string;
  readonly etag: string;
  readonly versionId: string | null;
  readonly lastModifiedMs: number;
  /** Null where another program wrote the object. */
  readonly attributes: FileAttributes | null;
  /** Where the attributes are sealed for: at another key they do not open. */
  readonly sealedFor: ObjectKey | null;
};
export type StoredFeed = { readonly feed: ChangeFeed; readonly etag: string };
export type BucketOptions = {
  readonly level: Level;
  /** `md5`: equal content has an equal ETag, as in the server-side modes. `unique`: every PUT has its own. */
  readonly etags: 'md5' | 'unique';
  readonly isClientSide: boolean;
  readonly pageSize: number;
  /** Attributes do not tell the content's hash, as in `sse-kms`, where whoever may not decrypt must not learn it. */
  readonly hidesHashes?: boolean;
};

const TAG_BYTES = 16;

export class MemoryBucket {
  readonly objects = new Map<ObjectKey, StoredObject>();
  readonly tombstones = new Map<SyncPath, Tombstone[]>();
  /** Change feeds by device, sealed: only this view writes them. */
  readonly feeds = new Map<DeviceId, StoredFeed>();
  /** Every version that was ever stored, where the server keeps versions. */
  readonly versions: StoredObject[] = [];
  /** Counts requests that changed something. */
  writes = 0;
  /** Keys that the listing leaves out although they are there. */
  readonly hidden = new Set<ObjectKey>();
  /** The folder's description is there. */
  isDescribed = true;
  readonly options: BucketOptions;
  readonly #clock: FakeClock;
  #puts = 0;

  constructor(clock: FakeClock, options: BucketOptions) {
    this.#clock = clock;
    this.options = options;
  }

  keepsPutConditions(): boolean {
    return this.options.level === 'full' || this.options.level === 'put-only';
  }

  /** @throws SyncError version-changed, object-not-found where the server keeps conditions */
  put(objectKey: ObjectKey, content: string, attributes: FileAttributes | null, condition: { readonly ifMatch: string | null } | null): StoredObject {
    if (condition !== null && this.keepsPutConditions()) {
      const standing = this.objects.get(objectKey);
      if (condition.ifMatch === null ? standing !== undefined : standing !== undefined && standing.etag !== condition.ifMatch) throw new SyncError('version-changed', { objectKey });
      if (condition.ifMatch !== null && standing === undefined) throw new SyncError('object-not-found', { objectKey });
    }
    this.#puts += 1;
    this.writes += 1;
    const etag = this.options.etags === 'md5' ? createHash('md5').update(content).digest('hex') : `etag-${this.#puts}`;
    const versionId = this.options.level === 'versioned' ? `version-${this.#puts}` : null;
    const stored = { objectKey, content, etag, versionId, lastModifiedMs: this.#clock.nowMs(), attributes, sealedFor: attributes === null ? null : objectKey };
    this.objects.set(objectKey, stored);
    if (versionId !== null) this.versions.push(stored);
    return stored;
  }

  /** @throws SyncError version-changed, object-not-found */
  delete(objectKey: ObjectKey, ifMatch: string | null): void {
    const standing = this.objects.get(objectKey);
    if (ifMatch !== null && this.options.level === 'full') {
      if (standing === undefined) throw new SyncError('object-not-found', { objectKey });
      if (standing.etag !== ifMatch) throw new SyncError('version-changed', { objectKey });
    }
    this.writes += 1;
    this.objects.delete(objectKey);
  }

  /** Keys behind `after`, in S3's order. */
  page(prefix: string, after: string): StoredObject[] {
    return [...this.objects.values()]
      .filter((object) => object.objectKey.startsWith(prefix) && compareByteOrder(object.objectKey, after) > 0 && !this.hidden.has(object.objectKey))
      .toSorted((a, b) => compareByteOrder(a.objectKey, b.objectKey))
      .slice(0, this.options.pageSize);
  }
}

export function versionOf(object: StoredObject, isClientSide: boolean): RemoteVersion {
  const { objectKey, etag, versionId, lastModifiedMs, content } = object;
  return { objectKey, etag, versionId, lastModifiedMs, objectBytes: sizeOf(content) + (isClientSide ? TAG_BYTES : 0), attributes: object.attributes };
}

/** The attributes as HEAD tells them. @throws SyncError not-ours, not-authentic */
function openAttributes(object: StoredObject, { isClientSide, hidesHashes }: BucketOptions): FileAttributes {
  const { attributes, objectKey, content } = object;
  if (attributes !== null) {
    if (isClientSide && object.sealedFor !== objectKey) throw new SyncError('not-authentic', { objectKey });
    return hidesHashes === true && attributes.kind === 'file' ? { ...attributes, sha256: null } : attributes;
  }
  if (isClientSide) throw new SyncError('not-ours', { objectKey });
  return {
    operationId: createHash('md5').update(object.etag).digest('hex') as OperationId, vector: {}, mtimeMs: object.lastModifiedMs, modeBits: 0o644,
    kind: objectKey.endsWith('/') ? 'directory' : 'file', sizeBytes: sizeOf(content), sha256: null,
  };
}

/** Feeds in memory, for as long as `call` lets them be asked; the newest `limit` changes fit into one. */
export function memoryFeeds(bucket: { readonly feeds: Map<DeviceId, StoredFeed> }, keepsConditions: () => boolean, call: <T>(name: string, effect: () => T) => Promise<T>, limit = 20): RemoteFeeds {
  const etagOf = (device: DeviceId): string | null => bucket.feeds.get(device)?.etag ?? null;
  const check = (device: DeviceId, replaces: string | null): void => {
    if (etagOf(device) !== replaces) throw new SyncError('version-changed');
  };
  return {
    list: () => call('feeds.list', () => [...bucket.feeds].map(([device, { etag }]) => ({ device, etag, mark: etag }))),
    load: (device) => call('feeds.load', () => bucket.feeds.get(device) ?? null),
    async put(feed, replaces) {
      if (!keepsConditions()) await call('feeds.put.head', () => check(feed.device, replaces));
      return call('feeds.put', () => {
        if (keepsConditions()) check(feed.device, replaces);
        const etag = `feed-${Number(etagOf(feed.device)?.slice(5) ?? 0) + 1}`;
        bucket.feeds.set(feed.device, { feed: Object.freeze({ ...feed, changes: Object.freeze(feed.changes.slice(-limit)) }), etag });
        return etag;
      });
    },
  };
}

/** The engine's view of one prefix, for as long as the power is on. */
export class MemoryFolder implements RemoteFolder {
  readonly feeds: RemoteFeeds;
  readonly #bucket: MemoryBucket;
  readonly #power: Power;
  readonly #prefix: string;

  constructor(bucket: MemoryBucket, power: Power, prefix: string) {
    this.#bucket = bucket;
    this.#power = power;
    this.#prefix = prefix;
    this.feeds = memoryFeeds(bucket, () => bucket.keepsPutConditions(), (name, effect) => power.call(`remote.${name}`, null, effect));
  }

  checkFolder(): Promise<void> {
    return this.#power.call('remote.checkFolder', null, () => {
      if (!this.#bucket.isDescribed) throw new SyncError('descriptor-missing');
    });
  }

  async *list(signal: AbortSignal): AsyncIterable<readonly ListedObject[]> {
    let after = '';
    for (;;) {
      signal.throwIfAborted();
      const from = after;
      // Each page is of another instant: a listing is no snapshot.
      const page = await this.#power.call('remote.list', null, () => this.#bucket.page(this.#prefix, from));
      const listed = page.map((object) => {
        const { attributes: _, ...rest } = versionOf(object, this.#bucket.options.isClientSide);
        return rest;
      });
      if (listed.length > 0) yield listed;
      const last = listed.at(-1);
      if (last === undefined || listed.length < this.#bucket.options.pageSize) return;
      after = last.objectKey;
    }
  }

  resolve(objectKeys: readonly ObjectKey[]): Promise<readonly ResolvedKey[]> {
    return this.#power.call('remote.resolve', null, () =>
      objectKeys.map((objectKey): ResolvedKey => {
        const path = parseSyncPath(objectKey.slice(this.#prefix.length));
        return path === null ? { type: 'skip', reason: 'name-traversal', detail: null } : { type: 'path', path };
      }),
    );
  }

  objectKeyOf(path: SyncPath): ObjectKey {
    this.#power.check();
    const objectKey = `${this.#prefix}${path}` as ObjectKey;
    if (Buffer.byteLength(objectKey) > 1024) throw new SyncError('name-too-long', { path });
    return objectKey;
  }

  head(objectKey: ObjectKey, path: SyncPath, signal: AbortSignal): Promise<RemoteVersion | null> {
    signal.throwIfAborted();
    return this.#power.call('remote.head', path, () => this.#headNow(objectKey));
  }

  #headNow(objectKey: ObjectKey): RemoteVersion | null {
    const object = this.#bucket.objects.get(objectKey);
    if (object === undefined) return null;
    return { ...versionOf(object, this.#bucket.options.isClientSide), attributes: openAttributes(object, this.#bucket.options), epoch: 0, keyId: null };
  }

  tombstonesOf(path: SyncPath, signal: AbortSignal): Promise<readonly Tombstone[]> {
    signal.throwIfAborted();
    return this.#power.call('remote.tombstonesOf', path, () => [...(this.#bucket.tombstones.get(path) ?? [])]);
  }

  putTombstone(tombstone: Tombstone, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return this.#power.call('remote.putTombstone', tombstone.path, () => {
      const others = (this.#bucket.tombstones.get(tombstone.path) ?? []).filter((other) => other.operationId !== tombstone.operationId);
      this.#bucket.writes += 1;
      this.#bucket.tombstones.set(tombstone.path, [...others, tombstone]);
    });
  }

  async delete(version: { readonly objectKey: ObjectKey; readonly etag: string; readonly operationId: OperationId }, path: SyncPath, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { level, etags } = this.#bucket.options;
    // As the real one: where the condition is ignored, or an ETag may be of repeated content, a HEAD compares the version first.
    if (level !== 'full' || etags === 'md5') {
      const standing = await this.#power.call('remote.delete.head', path, () => this.#headNow(version.objectKey));
      if (standing === null) throw new SyncError('object-not-found', { path, objectKey: version.objectKey });
      if (standing.etag !== version.etag || standing.attributes?.operationId !== version.operationId) throw new SyncError('version-changed', { path, objectKey: version.objectKey });
    }
    await this.#power.call('remote.delete', path, () => this.#bucket.delete(version.objectKey, version.etag));
  }

  async copy(from: { readonly objectKey: ObjectKey; readonly etag: string; readonly path: SyncPath }, to: SyncPath, attributes: FileAttributes, signal: AbortSignal): Promise<RemoteVersion> {
    signal.throwIfAborted();
    const target = this.objectKeyOf(to);
    const isOntoItself = target === from.objectKey;
    if (!this.#bucket.keepsPutConditions() && !isOntoItself) {
      const standing = await this.#power.call('remote.copy.head', to, () => this.#headNow(target));
      if (standing !== null) throw new SyncError('version-changed', { path: to, objectKey: target });
    }
    const stored = await this.#power.call('remote.copy', to, () => {
      const source = this.#bucket.objects.get(from.objectKey);
      if (source === undefined) throw new SyncError('object-not-found', { path: from.path, objectKey: from.objectKey });
      if (source.etag !== from.etag) throw new SyncError('version-changed', { path: from.path, objectKey: from.objectKey });
      return this.#bucket.put(target, source.content, attributes, isOntoItself ? null : { ifMatch: null });
    });
    return { ...versionOf(stored, this.#bucket.options.isClientSide), epoch: 0, keyId: null };
  }
}

/** Uploads and downloads between a {@link MemoryTree} and a {@link MemoryBucket}. */
export class MemoryTransfers implements Transfers {
  readonly concurrency: number;
  readonly #bucket: MemoryBucket;
  readonly #tree: MemoryTree;
  readonly #power: Power;

  constructor(bucket: MemoryBucket, tree: MemoryTree, power: Power, concurrency: number) {
    this.#bucket = bucket;
    this.#tree = tree;
    this.#power = power;
    this.concurrency = concurrency;
  }

  async upload(job: UploadJob, onProgress: OnProgress, signal: AbortSignal): Promise<UploadResult> {
    signal.throwIfAborted();
    const { path, local, objectKey, ifMatch } = job;
    const staged = this.#tree.stagedContent(job.source);
    const content = isDirectoryPath(path) ? '' : (staged ?? (await this.#power.call('local.read', path, () => this.#tree.readForUpload(local))));
    if (!this.#bucket.keepsPutConditions()) {
      const standing = await this.#power.call('remote.put.head', path, () => this.#bucket.objects.get(objectKey) ?? null);
      if (ifMatch === null ? standing !== null : standing !== null && standing.etag !== ifMatch) throw new SyncError('version-changed', { path, objectKey });
      if (ifMatch !== null && standing === null) throw new SyncError('object-not-found', { path, objectKey });
    }
    const sha256 = sha256Of(content);
    const stored = await this.#power.call('remote.put', path, () => {
      // The file is looked at again before the last byte leaves.
      if (!isDirectoryPath(path) && staged === null) this.#tree.readForUpload(local);
      return this.#bucket.put(objectKey, content, { ...job.attributes, sizeBytes: sizeOf(content), sha256 }, { ifMatch });
    });
    onProgress(sizeOf(content));
    return { version: versionOf(stored, this.#bucket.options.isClientSide), sha256, epoch: 0, keyId: null };
  }

  async download(job: DownloadJob, onProgress: OnProgress, signal: AbortSignal): Promise<DownloadResult> {
    signal.throwIfAborted();
    const { path, objectKey, etag, staged } = job;
    const object = await this.#power.call('remote.get', path, () => {
      const standing = this.#bucket.objects.get(objectKey);
      if (standing === undefined) throw new SyncError('object-not-found', { path, objectKey });
      if (standing.etag !== etag) throw new SyncError('version-changed', { path, objectKey });
      return standing;
    });
    const { isClientSide } = this.#bucket.options;
    const attributes = { ...openAttributes(object, this.#bucket.options), sha256: sha256Of(object.content) };
    if (isClientSide && object.attributes?.sha256 !== attributes.sha256) throw new SyncError('not-authentic', { path, objectKey });
    await this.#power.call('local.stage', path, () => this.#tree.stage(staged, object.content));
    onProgress(sizeOf(object.content));
    return { version: { ...versionOf(object, isClientSide), attributes }, attributes, epoch: 0, keyId: null };
  }
}
