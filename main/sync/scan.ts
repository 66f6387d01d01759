/**
 * Local tree and remote listing -> the rows at which they differ from base, and nothing else: a million unchanged files
 * cost no memory and no writes. A walk or a listing that does not come to its end is an error, never a smaller snapshot.
 */
import { isSyncError, SyncError } from '../model/errors.ts';
import type { NumberedChange } from '../model/feed.ts';
import type { ObjectKey, SyncPath } from '../model/path.ts';
import type { LocalEntry, Skipped } from '../model/snapshot.ts';
import { dominates } from '../model/version-vector.ts';
import { breathe, forEachBounded } from './bounded.ts';
import { knownAgain } from './base-entry.ts';
import type { Leftover } from './leftovers.ts';
import { compareByteOrder } from './key-order.ts';
import { reasonToSkip } from './quarantine.ts';
import type { FolderState, ListedObject, LocalDifference, LocalTree, RemoteDifference, RemoteFolder, WalkedDirectory } from './ports.ts';

const ROWS_PER_WRITE = 1_000;
/** Rows of one directory that are gone through at a stretch. */
const ROWS_PER_BREATH = 4_000;
const HEADS_AT_ONCE = 16;

export type LocalScan = {
  readonly files: number;
  /** Files that are still being written, and when the last of them will be quiet. */
  readonly waiting: number;
  readonly quietAtMs: number | null;
  /** Nothing at all differed or was unknown: the walk may be left out while no hint comes. */
  readonly isClean: boolean;
};
export type RemoteScan = {
  readonly files: number;
  /** Objects that base knows and the listing lacks. */
  readonly vanished: number;
  readonly isClean: boolean;
};

/** What counts as still being written: changed less than `quietMs` before `nowMs`. Zero takes every file as it is. */
export type QuietRule = { readonly quietMs: number; readonly nowMs: number };

/**
 * Walks the folder and writes down where it differs from base.
 *
 * @throws what the walk throws; nothing is concluded from a walk that failed.
 */
export async function scanLocal(tree: LocalTree, state: FolderState, quiet: QuietRule, signal: AbortSignal): Promise<LocalScan> {
  const rows = createWriter((batch: readonly LocalDifference[]) => state.putLocalDifferences(batch));
  const skipped = createWriter((batch: readonly Skipped[]) => state.putSkipped(batch));
  // Directories that were seen in their parent and not walked yet; whatever is left at the end was not listed.
  const expected = new Set<SyncPath>();
  let files = 0;
  let waiting = 0;
  let quietAtMs: number | null = null;
  let isClean = true;
  let open: OpenDirectory | null = null;

  for await (const walked of tree.walk(signal)) {
    signal.throwIfAborted();
    // What was told of a directory that did not come to its end is forgotten here.
    if (open?.directory !== walked.directory) open = await openDirectory(walked.directory, state);
    takePart(open, walked);
    if (walked.isPart === true) continue;
    const { differing, known } = finishDirectory(open, state);
    if (open.directory !== '') expected.delete(open.directory);
    for (const directory of open.subdirectories) expected.add(directory);
    files += open.files;
    for (const [index, row] of differing.entries()) {
      if (index % ROWS_PER_WRITE === ROWS_PER_WRITE - 1) await breathe();
      isClean = false;
      const quietAt = row.state.type === 'present' ? whenQuiet(row.state.entry, quiet) : null;
      if (quietAt === null) {
        rows.add(row);
      } else {
        waiting += 1;
        quietAtMs = Math.max(quietAtMs ?? 0, quietAt);
        rows.add({ path: row.path, state: { type: 'unknown', reason: 'waiting-for-quiet' } });
      }
    }
    for (const skip of open.skipped) {
      skipped.add(skip);
      const path = skip.path as SyncPath;
      if (skip.path.endsWith('/')) {
        expected.delete(path);
        state.putUnknownDirectory('local', path, skip.reason);
      }
      rows.add({ path, state: { type: 'unknown', reason: skip.reason } });
      if (known.has(skip.path) || known.has(`${skip.path}/`)) isClean = false;
    }
    open = null;
  }
  for (const directory of expected) {
    isClean = false;
    state.putUnknownDirectory('local', directory, 'directory-unreadable');
    skipped.add({ path: directory, side: 'local', reason: 'directory-unreadable', detail: null });
  }
  rows.flush();
  skipped.flush();
  return { files, waiting, quietAtMs, isClean };
}

/** A directory while its parts come: only what differs is held of what the disk says. */
type OpenDirectory = {
  readonly directory: SyncPath | '';
  /** Stamps of the base entries directly inside that were not met yet. */
  readonly base: Map<string, string>;
  readonly differing: LocalDifference[];
  readonly subdirectories: Set<SyncPath>;
  readonly skipped: Skipped[];
  files: number;
};

async function openDirectory(directory: SyncPath | '', state: FolderState): Promise<OpenDirectory> {
  const base = new Map<string, string>();
  for (const [path, stamp] of state.stampsInDirectory(directory)) {
    base.set(path, stamp);
    if (base.size % ROWS_PER_BREATH === 0) await breathe();
  }
  return { directory, base, differing: [], subdirectories: new Set<SyncPath>(), skipped: [], files: 0 };
}

function takePart(open: OpenDirectory, { entries, skipped }: WalkedDirectory): void {
  for (const entry of entries) {
    if (differsFromBase(entry, open.base.get(entry.path))) open.differing.push({ path: entry.path, state: { type: 'present', entry, sha256: null } });
    open.base.delete(entry.path);
    if (entry.kind === 'file') open.files += 1;
    else open.subdirectories.add(entry.path);
  }
  open.skipped.push(...skipped);
}

type DirectoryDifference = {
  readonly differing: readonly LocalDifference[];
  /** What base has directly inside the directory and the disk does not show: entries, and subdirectories with entries below them. */
  readonly known: ReadonlySet<string>;
};

/** What base has directly inside the directory and was not met, and all of a subdirectory that is gone. */
function finishDirectory({ directory, base, differing, subdirectories, skipped: skips }: OpenDirectory, state: FolderState): DirectoryDifference {
  const known = new Set<string>(base.keys());
  const skipped = new Map(skips.map((skip) => [skip.path, skip.reason]));
  for (const path of base.keys()) {
    if (!skipped.has(path)) differing.push({ path: path as SyncPath, state: { type: 'absent' } });
  }
  for (const subdirectory of state.baseSubdirectories(directory)) {
    known.add(subdirectory);
    if (subdirectories.has(subdirectory) || skipped.has(subdirectory)) continue;
    // What now stands under the directory's name cannot be looked at (a symbolic link, an unreadable entry): nor can what was below it.
    const reason = skipped.get(subdirectory.slice(0, -1));
    if (reason !== undefined) {
      state.putUnknownDirectory('local', subdirectory, reason);
      continue;
    }
    for (const below of state.baseBelow(subdirectory)) differing.push({ path: below.path, state: { type: 'absent' } });
  }
  return { differing, known };
}

/** A directory differs only by being there: its stamp changes with every file inside. Only an empty one needs an object. */
function differsFromBase(entry: LocalEntry, stamp: string | undefined): boolean {
  if (entry.kind === 'directory') return stamp === undefined && entry.isEmpty === true;
  return stamp !== entry.stamp;
}

function whenQuiet(entry: LocalEntry, quiet: QuietRule): number | null {
  if (entry.kind !== 'file' || quiet.quietMs === 0) return null;
  const ageMs = quiet.nowMs - entry.mtimeMs;
  // A time in the future says nothing about how long ago the file changed.
  return ageMs >= 0 && ageMs < quiet.quietMs ? entry.mtimeMs + quiet.quietMs : null;
}

/** The fact of which epoch was known when a listing was last gone through. Times that it told may be of what another device had brought under a later one. */
const LISTED_UNDER = 'listed-under';

/** All that a listing found was looked at. */
export function keepListedUnder(state: FolderState, epoch: number): void {
  if (state.fact<number>(LISTED_UNDER) !== epoch) state.putFact(LISTED_UNDER, epoch);
}

/**
 * Lists the bucket and writes down where it differs from base. Only keys that base does not know are resolved to paths.
 *
 * @param suspects - paths at which a request found another version than base names, although the listing may not tell:
 *   an ETag can be the same for other attributes. They are fetched anew.
 * @param epoch - the folder's, as far as this device knows.
 * @throws SyncError answer-invalid where the listing is out of order; what the listing throws.
 */
export async function scanRemote(remote: RemoteFolder, state: FolderState, { suspects, epoch }: { readonly suspects: ReadonlySet<SyncPath>; readonly epoch: number }, signal: AbortSignal): Promise<RemoteScan> {
  const rows = createWriter((batch: readonly RemoteDifference[]) => state.putRemoteDifferences(batch));
  const skipped = createWriter((batch: readonly Skipped[]) => state.putSkipped(batch));
  let files = 0;
  let vanished = 0;
  let isClean = true;
  let after: ObjectKey | '' = '';
  const isNewEpoch = (state.fact<number>(LISTED_UNDER) ?? 0) < epoch;

  const mergePage = async (page: readonly ListedObject[], until: ObjectKey | null): Promise<void> => {
    const unknown: ListedObject[] = [];
    const learned: { path: SyncPath; listedMs: number }[] = [];
    const known = state.listedByKeyRange(after, until)[Symbol.iterator]();
    let base = known.next();
    const passAbsentBefore = (key: ObjectKey | null): void => {
      while (base.done !== true && isBefore(base.value.objectKey, key)) {
        vanished += 1;
        rows.add({ path: base.value.path, state: { type: 'absent', tombstone: null } });
        base = known.next();
      }
    };
    for (const object of page) {
      passAbsentBefore(object.objectKey);
      if (base.done === true || base.value.objectKey !== object.objectKey) {
        unknown.push(object);
        continue;
      }
      const { path, etag, listedMs, epoch: baseEpoch } = base.value;
      const isSame = etag === object.etag && !suspects.has(path);
      // The first listing after a transfer tells the version's time; another time later means that its attributes are new. Under an earlier epoch they may
      // be new by then already: what is only wrapped anew keeps its ETag.
      const isDoubtful = baseEpoch < epoch && ((listedMs ?? null) === null || isNewEpoch);
      if (isSame && (listedMs ?? null) === null && !isDoubtful) learned.push({ path, listedMs: object.lastModifiedMs });
      else if (!isSame || isDoubtful || listedMs !== object.lastModifiedMs) rows.add({ path, state: { type: 'present', version: { ...object, attributes: null } } });
      if (!path.endsWith('/')) files += 1;
      base = known.next();
    }
    passAbsentBefore(null);
    if (learned.length > 0) state.commit({ listed: learned });
    if (unknown.length === 0) return;
    const resolved = await remote.resolve(unknown.map((object) => object.objectKey), signal);
    unknown.forEach((object, i) => {
      const key = resolved[i];
      if (key === undefined) throw new SyncError('invariant', { detail: 'resolve answered fewer keys than asked' });
      if (key.type === 'skip') {
        skipped.add({ path: object.objectKey, side: 'remote', reason: key.reason, detail: key.detail });
      } else {
        if (!key.path.endsWith('/')) files += 1;
        rows.add({ path: key.path, state: { type: 'present', version: { ...object, attributes: null } } });
      }
    });
  };

  for await (const page of remote.list(signal)) {
    signal.throwIfAborted();
    const last = page.at(-1);
    if (last === undefined) continue;
    let previous: ObjectKey | '' = after;
    for (const object of page) {
      if (previous !== '' && compareByteOrder(previous, object.objectKey) >= 0) throw new SyncError('answer-invalid', { detail: 'the listing is out of order' });
      previous = object.objectKey;
    }
    await mergePage(page, last.objectKey);
    after = last.objectKey;
  }
  await mergePage([], null);
  if (rows.count() > 0) isClean = false;
  rows.flush();
  skipped.flush();
  return { files, vanished, isClean };
}

/**
 * Writes down what the change feeds tell, where it differs from base: for each key that somebody changed, where one entry alone
 * speaks of it, what that entry says; else what a HEAD says. Whatever no feed mentions is as base has it.
 */
export async function scanChanges(
  remote: RemoteFolder,
  state: FolderState,
  told: { readonly changes: readonly NumberedChange[]; readonly suspects: ReadonlySet<SyncPath>; readonly leftovers: readonly Leftover[] },
  signal: AbortSignal,
): Promise<RemoteScan> {
  const rows = new Map<SyncPath, RemoteDifference>();
  const toAsk = new Map<SyncPath, ObjectKey>();
  const ask = (path: SyncPath): unknown => toAsk.set(path, state.baseAt(path)?.objectKey ?? remote.objectKeyOf(path));
  const left = new Set<ObjectKey>();
  for (const { path, state: seen } of told.leftovers) {
    if (seen.type === 'ask') ask(path);
    else rows.set(path, { path, state: seen });
    if (seen.type === 'present') left.add(seen.version.objectKey);
  }
  const skipped: Skipped[] = [];
  const news = newsByKey(told.changes, state, left);
  const pathOf = new Map<ObjectKey, SyncPath>();
  const unknown: ObjectKey[] = [];
  for (const objectKey of news.keys()) {
    const base = state.baseByKey(objectKey);
    if (base === null) unknown.push(objectKey);
    else pathOf.set(objectKey, base.path);
  }
  if (unknown.length > 0) {
    const resolved = await remote.resolve(unknown, signal);
    unknown.forEach((objectKey, i) => {
      const key = resolved[i];
      if (key?.type === 'path') pathOf.set(objectKey, key.path);
      else if (key !== undefined) skipped.push({ path: objectKey, side: 'remote', reason: key.reason, detail: key.detail });
    });
  }
  for (const [objectKey, changes] of news) {
    const path = pathOf.get(objectKey);
    const [only, ...more] = changes;
    if (path === undefined || only === undefined) continue;
    rows.delete(path);
    // What became of the version that is known here, the deletion of another one does not tell.
    if (more.length > 0 || (only.isDeleted && only.operationId !== state.baseAt(path)?.operationId)) toAsk.set(path, objectKey);
    else if (only.isDeleted) rows.set(path, { path, state: { type: 'absent', tombstone: null } });
    else rows.set(path, { path, state: { type: 'present', version: { objectKey, etag: only.etag, versionId: null, objectBytes: only.objectBytes, lastModifiedMs: 0, attributes: null } } });
  }
  for (const path of told.suspects) ask(path);
  await forEachBounded(toAsk, HEADS_AT_ONCE, async ([path, objectKey]) => {
    try {
      const version = await remote.head(objectKey, path, signal);
      rows.set(path, { path, state: version === null ? { type: 'absent', tombstone: null } : { type: 'present', version } });
      const base = state.baseAt(path);
      const known = base === null || version === null ? null : knownAgain(base, version, null);
      if (known !== null) state.commit({ put: [known] });
    } catch (error) {
      const reason = reasonToSkip(error);
      if (reason === null) throw error;
      rows.set(path, { path, state: { type: 'unknown', reason } });
      skipped.push({ path, side: 'remote', reason, detail: isSyncError(error) ? error.code : null });
    }
  });
  const differing = [...rows.values()];
  state.putRemoteDifferences(differing);
  state.putSkipped(skipped);
  const filesIn = (type: 'absent' | 'present'): number => differing.filter((row) => row.state.type === type && !row.path.endsWith('/') && (state.baseAt(row.path) === null) === (type === 'present')).length;
  const vanished = differing.filter((row) => row.state.type === 'absent').length;
  return { files: state.baseTotals().files - filesIn('absent') + filesIn('present'), vanished, isClean: differing.length === 0 };
}

/** By object key, what of it this device has not seen: neither its own version nor an older one. @param left - keys of versions that were told before and are not in base yet. */
function newsByKey(changes: readonly NumberedChange[], state: FolderState, left: ReadonlySet<ObjectKey>): ReadonlyMap<ObjectKey, readonly NumberedChange[]> {
  const news = new Map<ObjectKey, NumberedChange[]>();
  for (const change of changes) {
    const base = state.baseByKey(change.objectKey);
    const isBase = base !== null && base.operationId === change.operationId;
    const isOlder = base !== null && !isBase && dominates(base.vector, change.vector) && !dominates(change.vector, base.vector);
    // The same version, brought under another mode or key.
    const isElsewise = isBase && (base.etag !== change.etag || base.keyId !== change.keyId);
    // The deletion of an older version may have hit the newer one, where the server keeps no conditions.
    if (!change.isDeleted && !isElsewise && (isBase || isOlder)) continue;
    if (change.isDeleted && base === null && !news.has(change.objectKey) && !left.has(change.objectKey)) continue;
    const before = news.get(change.objectKey) ?? [];
    news.set(change.objectKey, [...before.filter((other) => other.isDeleted || !dominates(change.vector, other.vector)), change]);
  }
  return news;
}

/** Null is the end of all keys. */
function isBefore(key: ObjectKey, other: ObjectKey | null): boolean {
  return other === null || compareByteOrder(key, other) < 0;
}

type Writer<T> = { add(row: T): void; flush(): void; count(): number };

function createWriter<T>(write: (rows: readonly T[]) => void): Writer<T> {
  let waiting: T[] = [];
  let written = 0;
  const flush = (): void => {
    if (waiting.length > 0) write(waiting);
    waiting = [];
  };
  return {
    add(row) {
      waiting.push(row);
      written += 1;
      if (waiting.length >= ROWS_PER_WRITE) flush();
    },
    flush,
    count: () => written,
  };
}
