/** A folder's records in memory, held to the same contract as the real ones. The records outlive the process that has them open. */
import { createHash } from 'node:crypto';
import { SyncError } from '../../main/model/errors.ts';
import type { ActivityEvent } from '../../main/model/activity.ts';
import { MAX_FEED_ENTRIES } from '../../main/model/feed.ts';
import type { NumberedChange } from '../../main/model/feed.ts';
import { parentOf } from '../../main/model/path.ts';
import type { ObjectKey, SyncPath } from '../../main/model/path.ts';
import type { BaseEntry, LocalState, OperationId, PathStates, RemoteState, Skipped, SkipReason } from '../../main/model/snapshot.ts';
import type { DeviceId } from '../../main/model/version-vector.ts';
import { localStateOf, remoteStateOf } from '../../main/state/base-states.ts';
import { compareByteOrder } from '../../main/sync/key-order.ts';
import type { Commit, FolderState, InLine, Intent, ListedBase, LocalDifference, RemoteDifference, SavedUpload } from '../../main/sync/ports.ts';
import type { Power } from './faults.ts';

/** What is on the disk. */
export type Records = {
  device: DeviceId;
  counter: number;
  changes: { readonly change: NumberedChange; readonly atMs: number }[];
  lastChange: number;
  readonly base: Map<SyncPath, BaseEntry>;
  /** Which path each object key of `base` belongs to. */
  readonly paths: Map<ObjectKey, SyncPath>;
  readonly intents: Map<OperationId, Intent>;
  readonly uploads: Map<SyncPath, SavedUpload>;
  readonly skipped: Map<string, Skipped>;
  activity: ActivityEvent[];
  readonly facts: Map<string, string>;
  /** Counts transactions that wrote something; for tests that expect none. */
  commits: number;
};

export function newRecords(device: DeviceId): Records {
  return { device, counter: 0, changes: [], lastChange: 0, base: new Map(), paths: new Map(), intents: new Map(), uploads: new Map(), skipped: new Map(), activity: [], facts: new Map(), commits: 0 };
}

export class MemoryState implements FolderState {
  readonly #records: Records;
  readonly #power: Power | null;
  readonly #local = new Map<SyncPath, LocalState>();
  readonly #remote = new Map<SyncPath, RemoteState>();
  readonly #unknown = { local: new Map<string, SkipReason>(), remote: new Map<string, SkipReason>() };
  /** Facts as they were last read: whoever reads one changes nothing in it. */
  readonly #parsed = new Map<string, { readonly text: string; readonly value: unknown }>();
  readonly #seenSkipped = new Set<string>();
  #line: InLine[] = [];
  #isScanning = false;
  #isClosed = false;

  constructor(records: Records, power: Power | null = null) {
    this.#records = records;
    this.#power = power;
  }

  get device(): DeviceId {
    return this.#records.device;
  }
  renewDevice(): void {
    this.#write('state.renewDevice', () => {
      // Another one, and the same each time the history is run.
      this.#records.device = createHash('sha256').update(this.#records.device).digest('hex').slice(0, 12) as DeviceId;
      this.#records.counter = 0;
      this.#records.changes = [];
      this.#records.lastChange = 0;
    });
  }
  ownChanges(limit: number): readonly NumberedChange[] {
    this.#check();
    return limit === 0 ? [] : this.#records.changes.slice(-limit).map(({ change }) => change);
  }
  lastChange(): number {
    this.#check();
    return this.#records.lastChange;
  }
  forgetChanges(keep: number, sinceMs: number): boolean {
    const { changes, lastChange } = this.#records;
    const firstNew = changes.find(({ atMs }) => atMs >= sinceMs)?.change.seq ?? lastChange + 1;
    const first = Math.max(Math.min(lastChange - keep + 1, firstNew), lastChange - MAX_FEED_ENTRIES + 1);
    if ((changes[0]?.change.seq ?? first) < first) this.#write('state.forgetChanges', () => (this.#records.changes = changes.filter(({ change }) => change.seq >= first)));
    return false;
  }

  takeCounters(count: number): number {
    if (!Number.isSafeInteger(count) || count < 1) throw new SyncError('invariant', { detail: 'counters are taken one or more at a time' });
    return this.#write('state.takeCounters', () => {
      const first = this.#records.counter + 1;
      this.#records.counter += count;
      return first;
    });
  }

  baseAt(path: SyncPath): BaseEntry | null {
    this.#check();
    return this.#records.base.get(path) ?? null;
  }
  baseByKey(objectKey: ObjectKey): BaseEntry | null {
    this.#check();
    const path = this.#records.paths.get(objectKey);
    return path === undefined ? null : (this.#records.base.get(path) ?? null);
  }
  stampsInDirectory(directory: SyncPath | ''): ReadonlyMap<SyncPath, string> {
    return new Map(this.#sorted((entry) => parentOf(entry.path) === directory).map(({ path, stamp }) => [path, stamp]));
  }
  baseSubdirectories(directory: SyncPath | ''): readonly SyncPath[] {
    const found = new Set<SyncPath>();
    for (const { path } of this.#sorted((entry) => parentOf(entry.path) !== directory && entry.path !== directory && entry.path.startsWith(directory))) {
      found.add(path.slice(0, path.indexOf('/', directory.length) + 1) as SyncPath);
    }
    return [...found].toSorted(compareByteOrder);
  }
  baseBelow(directory: SyncPath): Iterable<BaseEntry> {
    return this.#sorted((entry) => entry.path.startsWith(directory) && entry.path !== directory);
  }
  baseByKeyRange(after: ObjectKey | '', until: ObjectKey | null): Iterable<BaseEntry> {
    this.#check();
    return [...this.#records.base.values()]
      .filter(({ objectKey }) => compareByteOrder(objectKey, after) > 0 && (until === null || compareByteOrder(objectKey, until) <= 0))
      .toSorted((a, b) => compareByteOrder(a.objectKey, b.objectKey));
  }
  listedByKeyRange(after: ObjectKey | '', until: ObjectKey | null): Iterable<ListedBase> {
    return this.baseByKeyRange(after, until);
  }
  baseTotals(): { readonly files: number; readonly bytes: number } {
    const files = this.#sorted((entry) => entry.kind === 'file');
    return { files: files.length, bytes: files.reduce((sum, entry) => sum + entry.sizeBytes, 0) };
  }
  countBefore(epoch: number): { readonly total: number; readonly before: number } {
    const all = this.#sorted(() => true);
    return { total: all.length, before: all.filter((entry) => entry.epoch < epoch).length };
  }

  beginScan(keepsRemoteSkipped = false): void {
    this.#check();
    this.#isScanning = true;
    this.#local.clear();
    this.#remote.clear();
    this.#unknown.local.clear();
    this.#unknown.remote.clear();
    this.#seenSkipped.clear();
    this.#line = [];
    if (keepsRemoteSkipped) for (const [key, { side }] of this.#records.skipped) if (side === 'remote') this.#seenSkipped.add(key);
  }
  putLocalDifferences(rows: readonly LocalDifference[]): void {
    this.#check();
    for (const { path, state } of rows) this.#local.set(path, Object.freeze(state));
  }
  putRemoteDifferences(rows: readonly RemoteDifference[]): void {
    this.#check();
    for (const { path, state } of rows) this.#remote.set(path, Object.freeze(state));
  }
  putUnknownDirectory(side: 'local' | 'remote', directory: SyncPath | '', reason: SkipReason): void {
    this.#check();
    this.#unknown[side].set(directory, reason);
  }

  *differences(after?: SyncPath): Iterable<PathStates> {
    this.#check();
    const paths = [...new Set([...this.#local.keys(), ...this.#remote.keys()])].filter((path) => after === undefined || compareByteOrder(path, after) > 0);
    for (const path of paths.toSorted(compareByteOrder)) yield this.#statesAt(path);
  }

  putInLine(rows: readonly InLine[]): void {
    this.#check();
    this.#line.push(...rows);
  }
  *inLine(): Iterable<PathStates> {
    this.#check();
    const line = this.#line.toSorted((a, b) => a.sizeClass - b.sizeClass || b.mtimeMs - a.mtimeMs || compareByteOrder(a.path, b.path));
    for (const { path } of line) yield this.#statesAt(path);
  }

  #statesAt(path: SyncPath): PathStates {
    const base = this.#records.base.get(path) ?? null;
    return {
      path,
      base,
      local: this.#local.get(path) ?? unknownAt(this.#unknown.local, path) ?? localStateOf(base),
      remote: this.#remote.get(path) ?? unknownAt(this.#unknown.remote, path) ?? remoteStateOf(base),
    };
  }

  skipped(): readonly Skipped[] {
    this.#check();
    if (this.#isScanning) for (const key of this.#records.skipped.keys()) if (!this.#seenSkipped.has(key)) this.#records.skipped.delete(key);
    return [...this.#records.skipped.values()].toSorted((a, b) => compareByteOrder(a.path, b.path) || compareByteOrder(a.side, b.side));
  }
  putSkipped(rows: readonly Skipped[]): void {
    this.#check();
    for (const row of rows) {
      const key = `${row.side} ${row.path}`;
      this.#records.skipped.set(key, { ...row });
      this.#seenSkipped.add(key);
    }
  }

  savedUpload(path: SyncPath): SavedUpload | null {
    this.#check();
    return this.#records.uploads.get(path) ?? null;
  }
  savedUploads(): readonly SavedUpload[] {
    this.#check();
    return [...this.#records.uploads.values()];
  }
  saveUpload(upload: SavedUpload): void {
    this.#write('state.saveUpload', () => this.#records.uploads.set(upload.path, Object.freeze(upload)));
  }
  savePart(path: SyncPath, partNumber: number, sha256: string): void {
    this.#write('state.savePart', () => {
      const upload = this.#records.uploads.get(path);
      if (upload === undefined || partNumber in upload.parts) throw new SyncError('invariant', { path });
      this.#records.uploads.set(path, { ...upload, parts: { ...upload.parts, [partNumber]: sha256 } });
    });
  }
  dropUpload(path: SyncPath): void {
    if (this.#records.uploads.has(path)) this.#write('state.dropUpload', () => this.#records.uploads.delete(path));
  }

  beginIntents(intents: readonly Intent[]): void {
    if (intents.length === 0) return;
    this.#write('state.beginIntents', () => {
      for (const intent of intents) {
        if (this.#records.intents.has(intent.operationId)) throw new SyncError('state-corrupt', { detail: 'an operation id was used twice' });
        this.#records.intents.set(intent.operationId, Object.freeze(intent));
      }
    });
  }
  openIntents(): readonly Intent[] {
    this.#check();
    return [...this.#records.intents.values()];
  }

  commit(batch: Commit): void {
    this.#write('state.commit', () => {
      const { base, paths, intents } = this.#records;
      const dropped = new Set(batch.drop);
      const keys = new Map<ObjectKey, SyncPath>();
      for (const entry of batch.put ?? []) {
        checkEntry(entry);
        const standing = paths.get(entry.objectKey);
        const path = keys.get(entry.objectKey) ?? (standing === undefined || dropped.has(standing) ? entry.path : standing);
        if (path !== entry.path) throw new SyncError('state-corrupt', { path: entry.path, detail: 'two paths with one object key' });
        keys.set(entry.objectKey, entry.path);
      }
      const forget = (path: SyncPath): void => {
        const before = base.get(path);
        if (before !== undefined && paths.get(before.objectKey) === path) paths.delete(before.objectKey);
        base.delete(path);
      };
      for (const path of dropped) forget(path);
      for (const entry of batch.put ?? []) {
        if (base.get(entry.path)?.objectKey !== entry.objectKey) forget(entry.path);
        base.set(entry.path, Object.freeze(entry));
        paths.set(entry.objectKey, entry.path);
      }
      for (const { path, listedMs } of batch.listed ?? []) {
        const standing = base.get(path);
        if (standing !== undefined) base.set(path, Object.freeze({ ...standing, listedMs }));
      }
      for (const operationId of batch.finish ?? []) intents.delete(operationId);
      for (const { atMs, ...change } of batch.changes ?? []) this.#records.changes.push({ change: Object.freeze({ ...change, seq: ++this.#records.lastChange }), atMs });
      if (batch.activity !== undefined && batch.activity.length > 0) this.#records.activity = [...this.#records.activity, ...batch.activity].slice(-10_000);
    });
  }
  recentActivity(limit: number): readonly ActivityEvent[] {
    this.#check();
    return this.#records.activity.toReversed().slice(0, limit);
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as the port says it
  fact<T>(name: string): T | null {
    this.#check();
    const text = this.#records.facts.get(name);
    if (text === undefined) return null;
    const known = this.#parsed.get(name);
    if (known?.text === text) return known.value as T;
    const value = JSON.parse(text) as T;
    this.#parsed.set(name, { text, value });
    return value;
  }
  putFact(name: string, value: unknown): void {
    this.#write('state.putFact', () => {
      if (value === undefined || value === null) this.#records.facts.delete(name);
      else this.#records.facts.set(name, JSON.stringify(value));
    });
  }
  close(): void {
    this.#isClosed = true;
  }

  #check(): void {
    this.#power?.check();
    if (this.#isClosed) throw new SyncError('invariant', { detail: 'the records are closed' });
  }
  #write<T>(call: string, effect: () => T): T {
    this.#check();
    const counted = (): T => {
      this.#records.commits += 1;
      return effect();
    };
    return this.#power === null ? counted() : this.#power.callNow(call, null, counted);
  }
  #sorted(isWanted: (entry: BaseEntry) => boolean): readonly BaseEntry[] {
    this.#check();
    return [...this.#records.base.values()].filter(isWanted).toSorted((a, b) => compareByteOrder(a.path, b.path));
  }
}

/** What the real records' schema refuses. */
function checkEntry(entry: BaseEntry): void {
  const isGood =
    (entry.kind === 'directory') === entry.path.endsWith('/') && entry.objectKey !== '' && entry.etag !== '' && /^[0-9a-f]{32}$/.test(entry.operationId) &&
    entry.sizeBytes >= 0 && entry.modeBits >= 0 && entry.modeBits <= 0o777 && (/^[0-9a-f]{64}$/.test(entry.sha256) || (entry.kind === 'directory' && entry.sha256 === '')) && entry.epoch >= 0;
  if (!isGood) throw new SyncError('invariant', { path: entry.path, detail: 'a base entry that the records refuse' });
}

function unknownAt(directories: ReadonlyMap<string, SkipReason>, path: SyncPath): { readonly type: 'unknown'; readonly reason: SkipReason } | null {
  if (directories.size === 0) return null;
  for (let end = 0; ; end = path.indexOf('/', end) + 1) {
    const reason = directories.get(path.slice(0, end));
    if (reason !== undefined) return { type: 'unknown', reason };
    if (path.indexOf('/', end) < 0) return null;
  }
}
