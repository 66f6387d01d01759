/**
 * Looks up what the planner cannot decide without, and nothing else: local hashes, HEADs, tombstones. Which rows need
 * which is the planner's knowledge; this asks its predicates and writes the answers back into the rows.
 */
import { isSyncError } from '../model/errors.ts';
import type { PlanPolicy } from '../model/action.ts';
import type { SyncPath } from '../model/path.ts';
import type { BaseEntry, PathStates, Skipped, SkipReason } from '../model/snapshot.ts';
import { knownAgain } from './base-entry.ts';
import { chooseTombstone } from '../plan/changes.ts';
import { mayRename, needsHash, needsHead, needsTombstones, renameSizes } from '../plan/needs.ts';
import { breathe, forEachBounded } from './bounded.ts';
import { compareByteOrder } from './key-order.ts';
import type { FolderParts } from './parts.ts';
import type { FolderState, LocalDifference, NameCollisions, RemoteDifference, RemoteFolder } from './ports.ts';
import { reasonToSkip } from './quarantine.ts';

/** Rows looked at before others have their turn; at most so many are in memory at once. */
const ROWS_AT_ONCE = 5_000;
const LOOKUPS_AT_ONCE = 16;

/** As {@link isTooLong} asks for it: names that are encrypted grow, by a part of their own for each segment. */
const SURELY_SHORT = { characters: 60, segments: 6 } as const;

type Findings = { readonly base: BaseEntry[]; readonly local: LocalDifference[]; readonly remote: RemoteDifference[]; readonly skipped: Skipped[] };
type Needs = { readonly states: PathStates; readonly hash: boolean; readonly head: boolean; readonly tombstones: boolean };

/** Where the rows are; one row alone may be looked up as well. */
export type EnrichParts = Pick<FolderParts, 'tree' | 'remote'> & { readonly state: Pick<FolderState, 'differences' | 'putLocalDifferences' | 'putRemoteDifferences' | 'putSkipped' | 'commit'> };

/** What the rows come to, before any of them is planned. */
export type Differences = { readonly rows: number; /** At most, up and down. */ readonly bytes: number; readonly renameSizes: ReadonlySet<number>; /** Of files here that no object can take: what was moved to one of them must not go elsewhere. */ readonly keptSizes: ReadonlySet<number> };

/**
 * Fills in the differing rows in place.
 *
 * @throws what the remote throws when it cannot be asked at all; what fails at one path makes that side unknown there.
 */
export async function enrich(parts: EnrichParts, policy: PlanPolicy, signal: AbortSignal): Promise<Differences> {
  let count = 0;
  let bytes = 0;
  const sizes = await allRenameSizes(parts, policy);
  const keptSizes = new Set<number>();
  const collisions = parts.tree.nameCollisions?.() ?? null;
  let after: SyncPath | undefined;
  for (;;) {
    const needs: Needs[] = [];
    const found: Findings = { base: [], local: [], remote: [], skipped: [] };
    let last: SyncPath | undefined;
    let isCut = false;
    let rows = 0;
    for (const states of parts.state.differences(after)) {
      if (after !== undefined && compareByteOrder(states.path, after) <= 0) continue;
      last = states.path;
      count += 1;
      bytes += bytesOf(states);
      refuseName(states, parts, collisions, found);
      if (isNewHere(states) && mayBeTooLong(states.path) && isTooLong(states.path, parts.remote)) {
        refuseLongName(states, found, keptSizes);
      } else {
        const need: Needs = { states, hash: needsHash(states, sizes), head: needsHead(states, policy), tombstones: needsTombstones(states, policy) };
        if (need.hash || need.head || need.tombstones) needs.push(need);
      }
      isCut = ++rows >= ROWS_AT_ONCE;
      if (isCut) break;
    }
    await forEachBounded(needs, LOOKUPS_AT_ONCE, (need) => lookUp(need, parts, found, signal));
    if (found.base.length > 0) parts.state.commit({ put: found.base });
    if (found.local.length > 0) parts.state.putLocalDifferences(found.local);
    if (found.remote.length > 0) parts.state.putRemoteDifferences(found.remote);
    if (found.skipped.length > 0) parts.state.putSkipped(found.skipped);
    if (!isCut) return { rows: count, bytes, renameSizes: sizes, keptSizes };
    await breathe();
    after = last;
  }
}

async function allRenameSizes({ state }: EnrichParts, policy: PlanPolicy): Promise<ReadonlySet<number>> {
  const sizes = new Set<number>();
  if (!mayRename(policy)) return sizes;
  let rows: PathStates[] = [];
  const take = (): void => {
    for (const size of renameSizes(rows, policy)) sizes.add(size);
    rows = [];
  };
  for (const states of state.differences()) {
    rows.push(states);
    if (rows.length < ROWS_AT_ONCE) continue;
    take();
    await breathe();
  }
  take();
  return sizes;
}

/** What may have to travel for a row. */
function bytesOf({ base, local, remote }: PathStates): number {
  if (remote.type === 'present' && (base === null || remote.version.etag !== base.etag)) return remote.version.objectBytes;
  return local.type === 'present' && local.entry.stamp !== base?.stamp ? local.entry.sizeBytes : 0;
}

/** A remote name that cannot be created here is listed and left alone; one that stands here already can. */
function refuseName(states: PathStates, parts: EnrichParts, collisions: NameCollisions | null, found: Findings): void {
  if (states.remote.type !== 'present' || states.local.type !== 'absent') return;
  const { path } = states;
  const reason = parts.tree.mayCreate(path);
  const other = reason === null && states.base === null ? (collisions?.take(path) ?? null) : null;
  if (reason === null && other === null) return;
  const skip = { reason: reason ?? ('name-collision' as const), detail: other };
  found.remote.push({ path, state: { type: 'unknown', reason: skip.reason } });
  found.skipped.push({ path, side: 'remote', ...skip });
}

function isNewHere({ base, local, remote }: PathStates): boolean {
  return base === null && local.type === 'present' && remote.type === 'absent';
}

/** Making a key of every new path would cost more than it finds. */
function mayBeTooLong(path: SyncPath): boolean {
  return path.length > SURELY_SHORT.characters || path.split('/').length > SURELY_SHORT.segments;
}

/** Whether no object can have that name: it is left alone then, and is no failure that another try could mend. */
export function isTooLong(path: SyncPath, remote: Pick<RemoteFolder, 'objectKeyOf'>): boolean {
  try {
    remote.objectKeyOf(path);
    return false;
  } catch (error) {
    if (isSyncError(error, 'name-too-long')) return true;
    throw error;
  }
}

function refuseLongName({ path, local }: PathStates, found: Findings, keptSizes: Set<number>): void {
  if (local.type === 'present') keptSizes.add(local.entry.sizeBytes);
  found.local.push({ path, state: { type: 'unknown', reason: 'name-too-long' } });
  found.skipped.push({ path, side: 'local', reason: 'name-too-long', detail: 'its key in S3 would be' });
}

async function lookUp(need: Needs, parts: EnrichParts, found: Findings, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (need.hash) await lookUpHash(need.states, parts, found, signal);
  if (need.head) await lookUpVersion(need.states, parts, found, signal);
  if (need.tombstones) await lookUpTombstones(need.states, parts, found, signal);
}

async function lookUpHash({ path, local }: PathStates, parts: EnrichParts, found: Findings, signal: AbortSignal): Promise<void> {
  if (local.type !== 'present') return;
  try {
    const sha256 = await parts.tree.hash(local.entry, signal);
    found.local.push({ path, state: { type: 'present', entry: local.entry, sha256 } });
  } catch (error) {
    if (!isSyncError(error) || error.family !== 'LocalError') throw error;
    const reason: SkipReason = error.code === 'changed-while-reading' || error.code === 'file-vanished' ? 'waiting-for-quiet' : 'unreadable';
    found.local.push({ path, state: { type: 'unknown', reason } });
    if (reason === 'unreadable') found.skipped.push({ path, side: 'local', reason, detail: error.code });
  }
}

async function lookUpVersion({ path, base, local, remote }: PathStates, parts: EnrichParts, found: Findings, signal: AbortSignal): Promise<void> {
  if (remote.type !== 'present') return;
  try {
    const version = await parts.remote.head(remote.version.objectKey, path, signal);
    if (version !== null) {
      found.remote.push({ path, state: { type: 'present', version } });
      // It is the known version after all: so that it is neither taken for a change nor asked for again. No feed tells the time.
      const known = base === null ? null : knownAgain(base, version, remote.version.lastModifiedMs === 0 ? null : remote.version.lastModifiedMs);
      if (known !== null) found.base.push(known);
    } else {
      found.remote.push({ path, state: { type: 'absent', tombstone: null } });
      // Deleted since the listing.
      if (base !== null && local.type === 'present') await lookUpTombstones({ path, base, local, remote: { type: 'absent', tombstone: null } }, parts, found, signal);
    }
  } catch (error) {
    quarantine(path, error, found);
  }
}

/** The listing may have missed the object; and if it is gone, only a tombstone says that somebody meant it. */
async function lookUpTombstones({ path, base }: PathStates, parts: EnrichParts, found: Findings, signal: AbortSignal): Promise<void> {
  if (base === null) return;
  try {
    const version = await parts.remote.head(base.objectKey, path, signal);
    if (version !== null) {
      found.remote.push({ path, state: { type: 'present', version } });
      return;
    }
    const tombstone = chooseTombstone(await parts.remote.tombstonesOf(path, signal), base);
    found.remote.push({ path, state: { type: 'absent', tombstone } });
  } catch (error) {
    quarantine(path, error, found);
  }
}

/** What fails its checks is as good as absent, but never taken for a deletion: nothing is done at the path. */
function quarantine(path: SyncPath, error: unknown, found: Findings): void {
  const reason = reasonToSkip(error);
  if (reason === null) throw error;
  found.remote.push({ path, state: { type: 'unknown', reason } });
  found.skipped.push({ path, side: 'remote', reason, detail: isSyncError(error) ? error.code : null });
}
