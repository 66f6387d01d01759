/**
 * The second half of a change of mode or key: every object that stands under an earlier epoch is brought under the current one.
 *
 * Runs between cycles, in passes over the listing, until a pass finds nothing left. What was done stands in the base rows (their
 * epoch) and in the objects themselves, so that a run that was ended anywhere, by anything, goes on where it was. A change that
 * somebody makes meanwhile wins: conditions let this job replace only what it has looked at, and the next pass looks again.
 */
import { isSyncError, toWire } from '../model/errors.ts';
import type { WireError } from '../model/errors.ts';
import { isDirectoryPath } from '../model/path.ts';
import type { SyncPath } from '../model/path.ts';
import type { BaseEntry, FileAttributes, RemoteVersion } from '../model/snapshot.ts';
import { advanceVector } from '../model/version-vector.ts';
import { attributesOf, newOperationId, vectorOf } from './base-entry.ts';
import { forEachBounded } from './bounded.ts';
import type { FolderParts } from './parts.ts';
import type { ListedObject } from './ports.ts';

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
type Item = { readonly object: ListedObject; readonly path: SyncPath };

/** @throws SyncError where the server cannot be asked; what fails at one object is in the result */
export async function reprotect(parts: FolderParts, options: ReprotectOptions): Promise<ReprotectResult> {
  const total: Tally = { isDone: false, examined: 0, changed: 0, bytesSent: 0, ways: { update: 0, copy: 0, rewrap: 0, transfer: 0 }, own: 0, failed: [], foreign: [] };
  await parts.remote.checkFolder?.(options.signal);
  for (let pass = 0; pass < MOST_PASSES; pass += 1) {
    const found = await onePass(parts, options, total);
    if (found === 'ended') return total;
    const own = (await parts.remote.reprotectOwn?.(options.signal)) ?? 0;
    total.own += own;
    if (found === 'nothing' && own === 0) return { ...total, isDone: total.failed.length === 0 };
  }
  return total;
}

async function onePass(parts: FolderParts, options: ReprotectOptions, total: Tally): Promise<'ended' | 'nothing' | 'something'> {
  const { signal, epoch, untilMs = Number.POSITIVE_INFINITY } = options;
  const failed: ReprotectResult['failed'][number][] = [];
  const foreign: string[] = [];
  let hasWork = false;
  let examined = 0;
  let waiting: BaseEntry[] = [];
  const write = (): void => {
    if (waiting.length > 0) parts.state.commit({ put: waiting });
    waiting = [];
  };
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
          if (done.base !== null) waiting.push(done.base);
          if (waiting.length >= ROWS_PER_COMMIT) write();
        } catch (error) {
          signal.throwIfAborted();
          if (!isSyncError(error) || error.retry === 'later' || error.family === 'StateError' || error.family === 'InvariantError') throw error;
          if (error.code === 'version-changed' || error.code === 'object-not-found') hasWork = true;
          else if (error.code === 'not-ours') foreign.push(path);
          else if (error.code === 'key-not-found' || error.retry === 'never') failed.push({ path, error: toWire(error) });
          else throw error;
        }
        options.onProgress?.({ examined: total.examined + examined, changed: total.changed, bytes: total.bytesSent });
      });
      write();
      if (isOver()) return 'ended';
    }
  } finally {
    write();
    total.examined = Math.max(total.examined, examined);
    total.failed = failed;
    total.foreign = foreign;
  }
  return hasWork ? 'something' : 'nothing';
}

/** What has to be recorded. Null: nothing stands there any more. */
async function reprotectOne(parts: FolderParts, { object, path }: Item, options: ReprotectOptions, total: Tally): Promise<{ readonly base: BaseEntry | null; readonly isChanged: boolean } | null> {
  const { remote, state } = parts;
  if (remote.reprotect === undefined) return null;
  const before = state.baseByKey(object.objectKey);
  const known = before !== null && before.etag === object.etag ? before : null;
  const result = await remote.reprotect(object, path, known?.sha256 ?? null, options.signal);
  if (result.type === 'gone') return null;
  if (result.type === 'current') return { base: baseFor(known, result.version, options.epoch), isChanged: false };
  let { version } = result;
  if (result.type === 'transfer') {
    version = await transfer(parts, path, result.version, options.signal);
    total.bytesSent += version.objectBytes;
    total.ways.transfer += 1;
  } else {
    total.ways[result.way] += 1;
  }
  total.changed += 1;
  return { base: baseFor(known, version, options.epoch), isChanged: true };
}

/** The row of what this device already had in step; what it has not seen yet is left to the next cycle. */
function baseFor(known: BaseEntry | null, version: RemoteVersion, epoch: number): BaseEntry | null {
  if (known === null) return null;
  const attributes = attributesOf(version);
  return { ...known, etag: version.etag, versionId: version.versionId, objectBytes: version.objectBytes, operationId: attributes.operationId, vector: vectorOf(attributes, known.vector), epoch, keyId: version.keyId ?? null, listedMs: null };
}

/** Reads the object, verified, into the staging directory, and writes it again as what it was. */
async function transfer(parts: FolderParts, path: SyncPath, version: RemoteVersion, signal: AbortSignal): Promise<RemoteVersion> {
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
    const { version: stored } = await transfers.upload({ path, objectKey, source: staged, local, ifMatch: etag, attributes: { operationId, vector, mtimeMs, modeBits, kind } }, progress, signal);
    return stored;
  } finally {
    await tree.removeStaged?.(staged);
  }
}

/** What another program wrote gets a history, without which a client-side object is nobody's. */
function ofThisFolder(attributes: FileAttributes, { state, random }: FolderParts): FileAttributes {
  if (Object.keys(attributes.vector).length > 0) return attributes;
  return { ...attributes, operationId: newOperationId(random), vector: advanceVector({}, state.device, state.takeCounters(1)) };
}
