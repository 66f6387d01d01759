/**
 * A bucket in memory, seen as the engine's RemoteFolder and Transfers over real files on disk. ETags are the MD5 of the
 * content, as S3's are: repeated content repeats its ETag. Every request can be made to fail before or after its effect.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { SyncError } from '../../main/model/errors.ts';
import type { ErrorCode } from '../../main/model/errors.ts';
import { parseSyncPath } from '../../main/model/path.ts';
import type { ObjectKey, SyncPath } from '../../main/model/path.ts';
import type { FileAttributes, RemoteVersion, Tombstone } from '../../main/model/snapshot.ts';
import type { DeviceId } from '../../main/model/version-vector.ts';
import { memoryFeeds } from '../helpers/memory-bucket.ts';
import type { StoredFeed } from '../helpers/memory-bucket.ts';
import type { ListedObject, LocalTree, RemoteFolder, Transfers } from '../../main/sync/ports.ts';

type Stored = { readonly etag: string; readonly body: Buffer; readonly attributes: FileAttributes; readonly lastModifiedMs: number };
export type RequestName = 'list' | 'head' | 'put' | 'get' | 'copy' | 'delete' | 'tombstone' | 'tombstones';
/** Return a code to fail with, and whether the effect takes place all the same. */
export type Fault = (request: RequestName, path: string) => { readonly code: ErrorCode; readonly after: boolean } | null;

export class MemoryBucket {
  readonly objects = new Map<string, Stored>();
  readonly tombstones: Tombstone[] = [];
  readonly feeds = new Map<DeviceId, StoredFeed>();
  readonly requests: { readonly name: RequestName; readonly path: string }[] = [];
  fault: Fault = () => null;
  /** Ignores If-Match and If-None-Match, as weak servers do. */
  ignoresConditions = false;
  pageSize = 3;
  inFlight = 0;
  mostInFlight = 0;
  /** Awaited inside every transfer: tests see what runs at once. */
  pause: (path: string) => Promise<void> = () => Promise.resolve();
  #tick = 0;

  writes(): number {
    return this.requests.filter(({ name }) => name === 'put' || name === 'copy' || name === 'delete' || name === 'tombstone').length;
  }

  /** Another program, or another device, stores an object. */
  store(key: string, body: string | Buffer, attributes: FileAttributes): Stored {
    const bytes = Buffer.from(body);
    const stored = { etag: `"${createHash('md5').update(bytes).digest('hex')}"`, body: bytes, attributes, lastModifiedMs: ++this.#tick };
    this.objects.set(key, stored);
    return stored;
  }

  /** Fails before or after `effect`, as the fault says. */
  async request<T>(name: RequestName, path: string, signal: AbortSignal, effect: () => T): Promise<T> {
    this.requests.push({ name, path });
    const fault = this.fault(name, path);
    await Promise.resolve();
    signal.throwIfAborted();
    if (fault !== null && !fault.after) throw new SyncError(fault.code, { path });
    const result = effect();
    if (fault !== null) throw new SyncError(fault.code, { path });
    return result;
  }

  check(key: string, ifMatch: string | null | undefined): void {
    if (this.ignoresConditions) return;
    const there = this.objects.get(key);
    if (ifMatch === null ? there !== undefined : there?.etag !== ifMatch) throw new SyncError(there === undefined ? 'object-not-found' : 'version-changed');
  }

  versionOf(key: string, stored: Stored): RemoteVersion {
    return { objectKey: key as ObjectKey, etag: stored.etag, versionId: null, objectBytes: stored.body.length, lastModifiedMs: stored.lastModifiedMs, attributes: stored.attributes };
  }

  folder(): RemoteFolder {
    const listed = (key: string, stored: Stored): ListedObject => {
      const { attributes: _, ...rest } = this.versionOf(key, stored);
      return rest;
    };
    const list = async function* (bucket: MemoryBucket, signal: AbortSignal): AsyncIterable<readonly ListedObject[]> {
      const keys = [...bucket.objects.keys()].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      for (let i = 0; i < Math.max(1, keys.length); i += bucket.pageSize) {
        yield await bucket.request('list', '', signal, () => keys.slice(i, i + bucket.pageSize).map((key) => listed(key, bucket.objects.get(key) as Stored)));
      }
    };
    return {
      feeds: memoryFeeds(this, () => true, (_name, effect) => Promise.resolve().then(effect), 1_000),
      list: (signal) => list(this, signal),
      resolve: (keys) =>
        Promise.resolve(
          keys.map((key) => {
            const path = parseSyncPath(key);
            return path === null ? { type: 'skip', reason: 'name-traversal', detail: null } : { type: 'path', path };
          }),
        ),
      objectKeyOf: (path) => path as string as ObjectKey,
      head: (key, path, signal) =>
        this.request('head', path, signal, () => {
          const stored = this.objects.get(key);
          return stored === undefined ? null : this.versionOf(key, stored);
        }),
      tombstonesOf: (path, signal) => this.request('tombstones', path, signal, () => this.tombstones.filter((tombstone) => tombstone.path === path)),
      putTombstone: (tombstone, signal) => this.request('tombstone', tombstone.path, signal, () => void this.tombstones.push(tombstone)),
      delete: (version, path, signal) =>
        this.request('delete', path, signal, () => {
          this.check(version.objectKey, version.etag);
          const there = this.objects.get(version.objectKey);
          if (there !== undefined && there.attributes.operationId !== version.operationId) throw new SyncError('version-changed', { path });
          this.objects.delete(version.objectKey);
        }),
      copy: (from, to, attributes, signal) =>
        this.request('copy', to, signal, () => {
          this.check(from.objectKey, from.etag);
          const source = this.objects.get(from.objectKey) as Stored;
          if (from.path !== to) this.check(to, null);
          return this.versionOf(to, this.store(to, source.body, attributes));
        }),
    };
  }

  transfers(tree: LocalTree, concurrency = 16): Transfers {
    const transferred = async <T>(path: SyncPath, transfer: () => Promise<T>): Promise<T> => {
      this.inFlight += 1;
      this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
      try {
        await this.pause(path);
        return await transfer();
      } finally {
        this.inFlight -= 1;
      }
    };
    return {
      concurrency,
      upload: (job, onProgress, signal) =>
        transferred(job.path, async () => {
          const now = await tree.entryAt(job.path);
          if (now === null) throw new SyncError('file-vanished', { path: job.path });
          const isFile = job.local.kind === 'file';
          if (isFile && now.stamp !== job.local.stamp) throw new SyncError('changed-while-reading', { path: job.path });
          const body = isFile ? readFileSync(job.source) : Buffer.alloc(0);
          const sha256 = createHash('sha256').update(body).digest('hex');
          const stored = await this.request('put', job.path, signal, () => {
            this.check(job.objectKey, job.ifMatch);
            return this.store(job.objectKey, body, { ...job.attributes, sha256, sizeBytes: body.length });
          });
          onProgress(body.length);
          return { version: this.versionOf(job.objectKey, stored), sha256, epoch: 1, keyId: null };
        }),
      download: (job, onProgress, signal) =>
        transferred(job.path, async () => {
          const stored = await this.request('get', job.path, signal, () => {
            const found = this.objects.get(job.objectKey);
            if (found === undefined) throw new SyncError('object-not-found', { path: job.path });
            if (found.etag !== job.etag) throw new SyncError('version-changed', { path: job.path });
            return found;
          });
          writeFileSync(job.staged, stored.body, { flag: 'wx' });
          onProgress(stored.body.length);
          return { version: this.versionOf(job.objectKey, stored), attributes: stored.attributes, epoch: 1, keyId: null };
        }),
    };
  }
}
