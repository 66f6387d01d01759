/**
 * The second half of a change of mode or key: every object that stands under an earlier epoch is brought under the current one.
 *
 * Runs between cycles, in passes over the listing, until a pass finds nothing left. What was done stands in the base rows (their
 * epoch) and in the objects themselves, so that a run that was ended anywhere, by anything, goes on where it was. A change that
 * somebody makes meanwhile wins: conditions let this job replace only what it has looked at, and the next pass looks again.
 * The other devices are told of each object by the change feed, as of any other change.
 */
import { isSyncError, toWire } from '../model/errors.ts';
import type { SyncError, WireError } from '../model/errors.ts';
import { storedChange } from '../model/feed.ts';
import type { Change } from '../model/feed.ts';
import { isDirectoryPath } from '../model/path.ts';
import type { SyncPath } from '../model/path.ts';
import { UNKNOWN_SHA256 } from '../model/snapshot.ts';
import type { BaseEntry, FileAttributes, RemoteVersion } from '../model/snapshot.ts';
import { advanceVector } from '../model/version-vector.ts';
import { attributesOf, newOperationId, vectorOf } from './base-entry.ts';
import { forEachBounded } from './bounded.ts';
import { publishChanges, publishMeanwhile } from './feed.ts';
import type { FolderParts } from './parts.ts';
import type { KeptHeaders, ListedObject } from './ports.ts';

export type ReprotectProgress = { readonly examined: number; readonly changed: number; readonly bytes: number };

export type ReprotectResult = {
  /** A whole pass found nothing left to do, and nothing failed. */
  readonly isDone: boolean;
  readonly examined: number;
  readonly changed: number;
  /** Bytes that were read and written again. */
  readonly bytesSent: number;
  readonly ways: Readonly<Record<'update' | 'copy' | 'rewrap' | 'transfer', number>>;
  /** Enfold's own objects: tombstones, long names. */
  readonly own: number;
  readonly failed: readonly { readonly path: string; readonly error: WireError }[];
  /** Objects of other programs, which a client-side folder leaves alone. */
  readonly foreign: readonly string[];
};

export type ReprotectOptions = {
  readonly epoch: number;
  readonly signal: AbortSignal;
  /** Ends after the objects that are under way; the result then says that it is not done. */
  readonly untilMs?: number;
  readonly onProgress?: (progress: ReprotectProgress) => void;
};

const OBJECTS_AT_ONCE = 8;
const MOST_PASSES = 20;
const ROWS_PER_COMMIT = 64;

type Tally = { -readonly [K in keyof ReprotectResult]: ReprotectResult[K] extends Readonly<Record<string, number>> ? Record<'update' | 'copy' | 'rewrap' | 'transfer', number> : ReprotectResult[K] };
type Item = { readonly object: Pick<ListedObject, 'objectKey' | 'etag'>; readonly path: SyncPath };

/** @throws SyncError where the server cannot be asked; what fails at one object is in the result */
export async function reprotect(parts: FolderParts, options: ReprotectOptions): Promise<ReprotectResult> {
  const total = newTally();
  await parts.remote.checkFolder?.(options.signal);
  const ending = new AbortController();
  const telling = publishMeanwhile(parts, AbortSignal.any([options.signal, ending.signal]));
  try {
    for (let pass = 0; pass < MOST_PASSES; pass += 1) {
      const found = await onePass(parts, options, total);
      if (found === 'ended') break;
      const own = (await parts.remote.reprotectOwn?.(options.signal)) ?? 0;
      total.own += own;
      if (found === 'something' || own > 0) continue;
      total.isDone = total.failed.length === 0;
      break;
    }
  } finally {
    ending.abort();
    await telling;
  }
  await publishChanges(parts, options.signal);
  return total;
}

/**
 * What this device wrote in the old way while it had not heard of the change, after whoever made the change was through: only its own
 * records know of these objects, so it brings them under the current epoch itself. Costs no request where there are none.
 *
 * @throws SyncError where the server cannot be asked
 */
export async function reprotectOwnWrites(parts: FolderParts, options: ReprotectOptions): Promise<ReprotectResult> {
  const { signal, epoch, untilMs = Number.POSITIVE_INFINITY } = options;
  const total = newTally();
  await parts.remote.checkFolder?.(signal);
  const left: BaseEntry[] = [];
  for (const entry of parts.state.baseByKeyRange('', null)) if (entry.epoch < epoch) left.push(entry);
  const records = createRecords(parts);
  const failed: ReprotectResult['failed'][number][] = [];
  let isWhole = true;
  await forEachBounded(left, OBJECTS_AT_ONCE, async ({ objectKey, etag, path }) => {
    signal.throwIfAborted();
    if (parts.clock.nowMs() >= untilMs) return void (isWhole = false);
    try {
      total.examined += 1;
      const done = await reprotectOne(parts, { object: { objectKey, etag }, path }, options, total);
      if (done !== null) records.add(done);
    } catch (error) {
      signal.throwIfAborted();
      // Somebody wrote another version since, or it is not to be read here: the next cycle looks.
      if (!isOfOneObject(error)) throw error;
      if (error.retry !== 'replan' && error.code !== 'not-ours') failed.push({ path, error: toWire(error) });
    }
  }).finally(() => records.write());
  await publishChanges(parts, signal);
  return { ...total, failed, isDone: isWhole && failed.length === 0 };
}

/** Whether the others may go on: it was changed or deleted meanwhile, it is not to be read here, or it fails its checks. */
function isOfOneObject(error: unknown): error is SyncError {
  if (!isSyncError(error) || error.code === 'descriptor-changed' || error.family === 'StateError' || error.family === 'InvariantError') return false;
  return error.retry === 'replan' || error.retry === 'never' || error.code === 'key-not-found';
}

type Records = { add(done: Done): void; write(): void };

/** Rows and what others are to learn of them, committed together. */
function createRecords({ state, clock }: FolderParts): Records {
  let waiting: Done[] = [];
  const write = (): void => {
    const atMs = clock.nowMs();
    const put = waiting.flatMap(({ base }) => (base === null ? [] : [base]));
    const changes = waiting.flatMap(({ told }) => (told === null ? [] : [{ ...told, atMs }]));
    if (put.length + changes.length > 0) state.commit({ put, changes });
    waiting = [];
  };
  return {
    add(done) {
      waiting.push(done);
      if (waiting.length >= ROWS_PER_COMMIT) write();
    },
    write,
  };
}

const newTally = (): Tally => ({ isDone: false, examined: 0, changed: 0, bytesSent: 0, ways: { update: 0, copy: 0, rewrap: 0, transfer: 0 }, own: 0, failed: [], foreign: [] });

async function onePass(parts: FolderParts, options: ReprotectOptions, total: Tally): Promise<'ended' | 'nothing' | 'something'> {
  const { signal, epoch, untilMs = Number.POSITIVE_INFINITY } = options;
  const failed: ReprotectResult['failed'][number][] = [];
  const foreign: string[] = [];
  let hasWork = false;
  let examined = 0;
  const records = createRecords(parts);
  const isOver = (): boolean => parts.clock.nowMs() >= untilMs;
  try {
    for await (const page of parts.remote.list(signal)) {
      const items: Item[] = [];
      const resolved = await parts.remote.resolve(page.map(({ objectKey }) => objectKey), signal);
      page.forEach((object, index) => {
        examined += 1;
        const one = resolved[index];
        if (one?.type !== 'path') return void foreign.push(object.objectKey);
        const base = parts.state.baseByKey(object.objectKey);
        if (base === null || base.etag !== object.etag || base.epoch < epoch) items.push({ object, path: one.path });
      });
      await forEachBounded(items, OBJECTS_AT_ONCE, async ({ object, path }) => {
        signal.throwIfAborted();
        if (isOver()) return;
        try {
          const done = await reprotectOne(parts, { object, path }, options, total);
          if (done === null) return;
          hasWork ||= done.isChanged;
          records.add(done);
        } catch (error) {
          signal.throwIfAborted();
          if (!isOfOneObject(error)) throw error;
          if (error.retry === 'replan') hasWork = true;
          else if (error.code === 'not-ours') foreign.push(path);
          else failed.push({ path, error: toWire(error) });
        }
        options.onProgress?.({ examined: total.examined + examined, changed: total.changed, bytes: total.bytesSent });
      });
      records.write();
      if (isOver()) return 'ended';
    }
  } finally {
    records.write();
    total.examined = Math.max(total.examined, examined);
    total.failed = failed;
    total.foreign = foreign;
  }
  return hasWork ? 'something' : 'nothing';
}

/** What has to be recorded, and what the other devices are to learn. */
type Done = { readonly base: BaseEntry | null; readonly told: Change | null; readonly isChanged: boolean };

/** Null: nothing stands there any more. */
async function reprotectOne(parts: FolderParts, { object, path }: Item, options: ReprotectOptions, total: Tally): Promise<Done | null> {
  const { remote, state } = parts;
  if (remote.reprotect === undefined) return null;
  const before = state.baseByKey(object.objectKey);
  const result = await remote.reprotect(object, path, before?.etag === object.etag && before.sha256 !== UNKNOWN_SHA256 ? before.sha256 : null, options.signal);
  if (result.type === 'gone') return null;
  let { version } = result;
  const { operationId } = attributesOf(version);
  if (result.type === 'transfer') {
    const sent = result.isUntrusted === true ? await sendAgain(parts, before, version, result.kept, options.signal) : await transfer(parts, path, version, result.kept, options.signal);
    // Edited or deleted here since: the next cycle carries that over, and this object with it.
    if (sent === null) return null;
    version = sent;
    total.bytesSent += version.objectBytes;
    total.ways.transfer += 1;
  } else if (result.type === 'changed') {
    total.ways[result.way] += 1;
  }
  const isChanged = result.type !== 'current';
  if (isChanged) total.changed += 1;
  // What this device has in step; what it has not seen yet is left to the next cycle. A run that ended between an object and its row has changed the ETag alone.
  const known = before !== null && (before.etag === object.etag || before.operationId === operationId) ? before : null;
  const base = known === null ? null : baseFor(known, version, options.epoch);
  const isNews = isChanged || (known !== null && (known.etag !== version.etag || known.keyId !== (version.keyId ?? null)));
  return { base, told: isNews ? changeOf(version, base) : null, isChanged };
}

function baseFor(known: BaseEntry, version: RemoteVersion, epoch: number): BaseEntry {
  const attributes = attributesOf(version);
  return { ...known, etag: version.etag, versionId: version.versionId, objectBytes: version.objectBytes, operationId: attributes.operationId, vector: vectorOf(attributes, known.vector), epoch, keyId: version.keyId ?? null, listedMs: null };
}

function changeOf({ objectKey, etag, objectBytes, keyId = null, attributes }: RemoteVersion, base: BaseEntry | null): Change | null {
  if (base !== null) return storedChange(base);
  return attributes === null ? null : { objectKey, etag, operationId: attributes.operationId, vector: attributes.vector, objectBytes, keyId, isDeleted: false };
}

/** Reads the object, verified, into the staging directory, and writes it again as what it was. */
async function transfer(parts: FolderParts, path: SyncPath, version: RemoteVersion, kept: KeptHeaders, signal: AbortSignal): Promise<RemoteVersion> {
  const { tree, transfers } = parts;
  const { objectKey, etag, objectBytes } = version;
  const attributes = ofThisFolder(attributesOf(version), parts);
  const { operationId, vector, mtimeMs, modeBits, kind } = attributes;
  const progress = (): void => undefined;
  const staged = tree.newStagingPath();
  try {
    // A directory's object has no body, so nothing is read for it.
    if (!isDirectoryPath(path)) await transfers.download({ path, objectKey, etag, objectBytes, staged }, progress, signal);
    const local = await tree.stagedEntry(staged, path);
    const { version: stored } = await transfers.upload({ path, objectKey, source: staged, local, ifMatch: etag, keepsUnhonoured: true, kept, attributes: { operationId, vector, mtimeMs, modeBits, kind } }, progress, signal);
    return stored;
  } finally {
    await tree.removeStaged?.(staged);
  }
}

/** The very version that this device wrote there, from its own file: nothing is read. Null where the file is another one by now. */
async function sendAgain({ tree, transfers }: FolderParts, known: BaseEntry | null, version: RemoteVersion, kept: KeptHeaders, signal: AbortSignal): Promise<RemoteVersion | null> {
  if (known === null || known.etag !== version.etag) return null;
  const { path, objectKey, etag, operationId, vector, mtimeMs, modeBits, kind } = known;
  const local = await tree.entryAt(path);
  if (local === null || local.kind !== kind || (kind === 'file' && local.stamp !== known.stamp)) return null;
  const { version: stored } = await transfers.upload({ path, objectKey, source: tree.localPathOf(path), local, ifMatch: etag, kept, attributes: { operationId, vector, mtimeMs, modeBits, kind } }, () => undefined, signal);
  return stored;
}

/** What another program wrote gets a history, without which a client-side object is nobody's. */
function ofThisFolder(attributes: FileAttributes, { state, random }: FolderParts): FileAttributes {
  if (Object.keys(attributes.vector).length > 0) return attributes;
  return { ...attributes, operationId: newOperationId(random), vector: advanceVector({}, state.device, state.takeCounters(1)) };
}
