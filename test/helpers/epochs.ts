/**
 * Epochs for a world in memory: the folder's description in the bucket, objects that are plain or sealed under one of its epochs, and the
 * way in which a device comes to know of a later one. There is no encryption: who lacks an epoch is refused what it wrote.
 */
import { isSyncError, SyncError } from '../../main/model/errors.ts';
import type { KeyId } from '../../main/model/mode.ts';
import type { ObjectKey, SyncPath } from '../../main/model/path.ts';
import type { FileAttributes, RemoteVersion } from '../../main/model/snapshot.ts';
import type { DeviceId } from '../../main/model/version-vector.ts';
import type { FolderParts } from '../../main/sync/parts.ts';
import type { DownloadJob, DownloadResult, OnProgress, RemoteFolder, Reprotection, Transfers, UploadJob, UploadResult } from '../../main/sync/ports.ts';
import { reprotect, reprotectOwnWrites, type ReprotectResult } from '../../main/sync/reprotect.ts';
import type { Power } from './faults.ts';
import { World, type Device, type Records, type WorldOptions } from './world.ts';

/** `plain`: the server holds the keys, so what stands there proves nothing of who wrote it. */
export type Epoch = { readonly n: number; readonly kind: 'plain' | 'sealed'; readonly isEnded: boolean };
type EpochAttributes = FileAttributes & { readonly epoch: number };

/** A safeguard less, to see that the tests notice: files are sent without a condition; nobody looks back at what it wrote; nobody believes its own records. */
export type EpochBug = 'blind-puts' | 'no-look-back' | 'no-own-writes';

const KNOWN = 'test-epochs';
/** The job that this device began. */
const JOB = 'test-job';
/** A later description was taken over: what this device wrote meanwhile is looked through. */
const LOOK_BACK = 'test-look-back';

export class EpochWorld extends World {
  /** The description in the bucket. */
  epochs: readonly Epoch[] = [{ n: 1, kind: 'sealed', isEnded: false }];
  readonly epochBug: EpochBug | null;
  /** While a file is on its way. */
  beforePut: ((path: SyncPath, device: DeviceId) => Promise<void>) | null = null;

  constructor(options: Omit<WorldOptions, 'between' | 'bug'> & { readonly first?: Epoch['kind']; readonly epochBug?: EpochBug } = {}) {
    super({ etags: 'unique', isClientSide: true, ...options, between: (parts, power, records) => this.#between(parts, power, records) });
    this.epochs = [{ n: 1, kind: options.first ?? 'sealed', isEnded: false }];
    this.epochBug = options.epochBug ?? null;
  }

  get last(): Epoch {
    const last = this.epochs.at(-1);
    if (last === undefined) throw new Error('no epoch');
    return last;
  }

  #between(parts: FolderParts, power: Power, records: Records): { readonly parts: FolderParts; readonly epoch: number } {
    const known = knownTo(records) ?? remember(records, this.epochs);
    const side = new EpochSide(this, parts, power, known);
    return { parts: { ...parts, remote: side.remote, transfers: side.transfers }, epoch: side.current.n };
  }

  /** The epoch under which each standing object was written, by path. */
  epochByPath(): Map<string, number> {
    return new Map([...this.bucket.objects.values()].map(({ objectKey, attributes }) => [objectKey.slice(this.prefix.length), (attributes as EpochAttributes | null)?.epoch ?? 0]));
  }

  /** Syncs as the app does: a later description is taken over, and then the folder is opened again. Null: the power was cut. */
  async sync(device: Device, options: Parameters<Device['sync']>[0] = {}): Promise<Awaited<ReturnType<Device['sync']>>> {
    for (let tries = 0; tries < 5; tries++) {
      const result = await device.sync({ acceptHeld: true, ...options });
      if (result === null || !result.problems.some(({ path, error }) => path === null && error.code === 'descriptor-changed')) return result;
      this.adopt(device);
    }
    throw new Error('a description that changes all the time');
  }

  adopt(device: Device): void {
    const before = knownTo(device.records);
    if (before?.at(-1)?.n !== this.last.n || before.length !== this.epochs.length || JSON.stringify(before) !== JSON.stringify(this.epochs)) device.records.facts.set(LOOK_BACK, 'true');
    remember(device.records, this.epochs);
    device.crash();
  }

  /** A new epoch, and the job is this device's. False where another device changed the description meanwhile, or is not through with a change to what is sealed now. */
  begin(device: Device, kind: Epoch['kind']): boolean {
    if (JSON.stringify(knownTo(device.records)) !== JSON.stringify(this.epochs)) return false;
    const isAnothers = !this.hasJob(device) && this.epochs.slice(0, -1).some(({ isEnded }) => !isEnded);
    if (isAnothers && kind === 'sealed' && this.last.kind === 'plain') return false;
    this.epochs = [...this.epochs, { n: this.last.n + 1, kind, isEnded: false }];
    device.records.facts.set(JOB, String(this.last.n));
    this.adopt(device);
    return true;
  }

  hasJob(device: Device): boolean {
    return device.records.facts.has(JOB);
  }

  /** Goes on with the job, or looks back at what was written while a change was not known. Null: there was nothing to do, or the power was cut. */
  async goOn(device: Device, untilMs?: number): Promise<ReprotectResult | null> {
    const { facts } = device.records;
    const isJob = facts.has(JOB);
    const earlier = knownTo(device.records)?.slice(0, -1) ?? [];
    if (!isJob && (this.epochBug === 'no-look-back' || !facts.has(LOOK_BACK) || earlier.some(({ isEnded }) => !isEnded))) return null;
    try {
      const epoch = knownTo(device.records)?.at(-1)?.n ?? 1;
      const result = await device.work(async (parts, signal) => {
        const options = { epoch, signal, ...(untilMs === undefined ? {} : { untilMs }) };
        return isJob ? reprotect(parts, options) : reprotectOwnWrites(parts, options);
      });
      if (result?.isDone === true) this.#finish(device, isJob);
      return result;
    } catch (error) {
      if (isSyncError(error, 'descriptor-changed')) this.adopt(device);
      else if (!isSyncError(error) || (error.retry !== 'later' && error.retry !== 'replan')) throw error;
      return null;
    }
  }

  #finish(device: Device, isJob: boolean): void {
    const { records } = device;
    // Another device began a change of its own meanwhile.
    if (isJob && JSON.stringify(knownTo(records)) !== JSON.stringify(this.epochs)) return this.adopt(device);
    records.facts.delete(isJob ? JOB : LOOK_BACK);
    if (!isJob) return;
    records.facts.delete(LOOK_BACK);
    this.epochs = this.epochs.map((epoch) => (epoch.n === this.last.n ? epoch : { ...epoch, isEnded: true }));
    remember(records, this.epochs);
    device.crash();
  }
}

function knownTo({ facts }: Records): readonly Epoch[] | null {
  const text = facts.get(KNOWN);
  return text === undefined ? null : (JSON.parse(text) as readonly Epoch[]);
}

function remember({ facts }: Records, epochs: readonly Epoch[]): readonly Epoch[] {
  facts.set(KNOWN, JSON.stringify(epochs));
  return epochs;
}

const keyOf = (epoch: number): KeyId => epoch.toString(16).padStart(16, '0') as KeyId;

/** One device's view: it reads what its epochs wrote, and writes under the last of them. */
class EpochSide {
  readonly current: Epoch;
  readonly remote: RemoteFolder;
  readonly transfers: Transfers;
  readonly #world: EpochWorld;
  readonly #parts: FolderParts;
  readonly #power: Power;
  readonly #known: readonly Epoch[];

  constructor(world: EpochWorld, parts: FolderParts, power: Power, known: readonly Epoch[]) {
    const current = known.at(-1);
    if (current === undefined) throw new Error('no epoch');
    this.current = current;
    this.#world = world;
    this.#parts = parts;
    this.#power = power;
    this.#known = known;
    this.remote = this.#remoteOver(parts.remote);
    this.transfers = this.#transfersOver(parts.transfers);
  }

  /** @throws SyncError key-not-found, not-authentic, not-ours */
  #open(version: RemoteVersion, isOwnRead: boolean): RemoteVersion {
    const attributes = version.attributes as EpochAttributes | null;
    if (attributes === null) return version;
    const { objectKey } = version;
    const written = this.#world.epochs.find(({ n }) => n === attributes.epoch);
    const sealed = this.#known.filter(({ kind }) => kind === 'sealed');
    if (written?.kind === 'sealed') {
      if (sealed.length === 0) throw new SyncError('key-not-found', { objectKey });
      if (!sealed.some(({ n }) => n === written.n)) throw new SyncError('not-authentic', { objectKey });
    } else if (!this.#known.some(({ kind, isEnded }) => kind === 'plain' && !isEnded)) {
      if (!isOwnRead || this.#world.epochBug === 'no-own-writes' || !this.#isOwn(version, attributes)) throw new SyncError('not-ours', { objectKey });
    }
    return { ...version, epoch: attributes.epoch, keyId: keyOf(attributes.epoch) };
  }

  #isOwn({ objectKey, etag }: RemoteVersion, { operationId }: FileAttributes): boolean {
    const { state } = this.#parts;
    return state.baseByKey(objectKey)?.etag === etag || state.openIntents().some((intent) => intent.operationId === operationId);
  }

  #under<T extends object>(attributes: T): T {
    return { ...attributes, epoch: this.current.n };
  }

  #remoteOver(inner: RemoteFolder): RemoteFolder {
    const head = async (objectKey: ObjectKey, path: SyncPath, signal: AbortSignal): Promise<RemoteVersion | null> => {
      const found = await inner.head(objectKey, path, signal);
      return found === null ? null : this.#open(found, true);
    };
    return {
      feeds: inner.feeds,
      checkFolder: async (signal) => {
        await inner.checkFolder?.(signal);
        if (JSON.stringify(this.#known) !== JSON.stringify(this.#world.epochs)) throw new SyncError('descriptor-changed');
      },
      list: (signal) => inner.list(signal),
      resolve: (objectKeys, signal) => inner.resolve(objectKeys, signal),
      objectKeyOf: (path) => inner.objectKeyOf(path),
      head,
      tombstonesOf: (path, signal) => inner.tombstonesOf(path, signal),
      putTombstone: (tombstone, signal) => inner.putTombstone(tombstone, signal),
      delete: async (version, path, signal) => {
        const found = await head(version.objectKey, path, signal);
        if (found === null) throw new SyncError('object-not-found', { path });
        if (found.etag !== version.etag || found.attributes?.operationId !== version.operationId) throw new SyncError('version-changed', { path });
        await inner.delete(version, path, signal);
      },
      copy: async (from, to, attributes, signal) => {
        const source = await head(from.objectKey, from.path, signal);
        if (source === null) throw new SyncError('object-not-found', { path: from.path });
        if (source.epoch !== this.current.n) throw new SyncError('rejected', { path: from.path });
        return this.#open(await inner.copy(from, to, this.#under(attributes), signal), true);
      },
      reprotect: async (object, path, _sha256, signal) => this.#reprotect(await head(object.objectKey, path, signal), object, path),
      reprotectOwn: async () => 0,
    };
  }

  /** In place, with the same ETag or another one, or by sending it again: as the two modes ask for. */
  async #reprotect(found: RemoteVersion | null, object: { readonly objectKey: ObjectKey; readonly etag: string }, path: SyncPath): Promise<Reprotection> {
    if (found === null) return { type: 'gone' };
    if (found.etag !== object.etag) throw new SyncError('version-changed', { path });
    if (found.epoch === this.current.n) return { type: 'current', version: found };
    const before = this.#known.find(({ n }) => n === found.epoch);
    if (before === undefined || before.kind !== this.current.kind) return { type: 'transfer', version: found, kept: {}, isUntrusted: before?.kind === 'plain' && before.isEnded };
    const { bucket } = this.#world;
    const keepsEtag = this.#world.dice.chance(0.5);
    return this.#power.call('remote.reprotect', path, () => {
      const standing = bucket.objects.get(object.objectKey);
      if (standing === undefined || standing.etag !== object.etag || standing.attributes === null) throw new SyncError('version-changed', { path });
      const stored = bucket.put(object.objectKey, standing.content, this.#under(standing.attributes), null);
      const now = keepsEtag ? { ...stored, etag: standing.etag } : stored;
      bucket.objects.set(object.objectKey, now);
      const { etag, lastModifiedMs, versionId } = now;
      return { type: 'changed', way: keepsEtag ? 'rewrap' : 'copy', version: { ...found, etag, lastModifiedMs, versionId, epoch: this.current.n, keyId: keyOf(this.current.n) } } as const;
    });
  }

  #transfersOver(inner: Transfers): Transfers {
    return {
      concurrency: inner.concurrency,
      upload: async (job: UploadJob, onProgress: OnProgress, signal: AbortSignal): Promise<UploadResult> => {
        await this.#world.beforePut?.(job.path, this.#parts.state.device);
        this.#power.check();
        const ifMatch = this.#world.epochBug === 'blind-puts' ? (this.#world.bucket.objects.get(job.objectKey)?.etag ?? null) : job.ifMatch;
        const result = await inner.upload({ ...job, ifMatch, attributes: this.#under(job.attributes) }, onProgress, signal);
        const { n } = this.current;
        return { ...result, version: { ...result.version, epoch: n, keyId: keyOf(n) }, epoch: n, keyId: keyOf(n) };
      },
      download: async (job: DownloadJob, onProgress: OnProgress, signal: AbortSignal): Promise<DownloadResult> => {
        const result = await inner.download(job, onProgress, signal);
        const version = this.#open({ ...result.version, attributes: result.attributes }, false);
        return { ...result, version, epoch: version.epoch ?? 0, keyId: version.keyId ?? null };
      },
    };
  }
}
