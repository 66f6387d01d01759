/**
 * What the two sides look like now: a walk of the disk, and a listing of the bucket or, where nothing can have been missed, the
 * change feed. Only differences from base are written down.
 */
import { SyncError } from '../model/errors.ts';
import type { Direction } from '../model/action.ts';
import type { SyncPath } from '../model/path.ts';
import type { PathStates } from '../model/snapshot.ts';
import type { FeedNews, FeedReader } from './feed.ts';
import { forgetPublished } from './feed.ts';
import type { FolderParts } from './parts.ts';
import type { FolderState } from './ports.ts';
import type { Leftover } from './leftovers.ts';
import { scanChanges, scanLocal, scanRemote } from './scan.ts';
import type { LocalScan, RemoteScan } from './scan.ts';

/**
 * - `both`: a walk and a listing
 * - `changes`: a walk and the change feed
 * - `local-first`, `remote-first`: as `changes`, and the other side only where the first holds something new
 *
 * Where the feed has a gap, or no listing was ever carried through, the bucket is listed all the same.
 */
export type Look = 'both' | 'changes' | 'local-first' | 'remote-first';

export type Snapshots = { readonly local: LocalScan; readonly remote: RemoteScan; readonly isListed: boolean; readonly news: FeedNews };

export type ObserveOptions = { readonly look: Look; readonly quietMs: number; /** The folder's, as far as this device knows. */ readonly epoch: number };
export type ObserveMemory = { readonly feed: FeedReader; readonly suspects: ReadonlySet<SyncPath>; readonly leftovers: readonly Leftover[]; readonly mustList: boolean };

/** Null: nothing is new. @throws what scanning throws, and `records-restored` */
export async function observe(parts: FolderParts, memory: ObserveMemory, { look, quietMs, epoch }: ObserveOptions, signal: AbortSignal): Promise<Snapshots | null> {
  const { tree, remote, state, clock } = parts;
  const failing = new AbortController();
  const both = AbortSignal.any([signal, failing.signal]);
  const walk = (): Promise<LocalScan> => scanLocal(tree, state, { quietMs, nowMs: clock.nowMs() }, both);
  const list = (): Promise<RemoteScan> => scanRemote(remote, state, { suspects: memory.suspects, epoch }, both);

  // A first cycle has heard nothing yet.
  const mayTrustFeed = memory.feed.isUsable && state.fact<boolean>(FIRST_CYCLE_DONE) === true;
  let local: LocalScan | null = null;
  if (look === 'local-first' && mayTrustFeed) {
    state.beginScan(true);
    local = await walk();
    if (local.isClean && memory.suspects.size === 0) return null;
  }
  const news = await memory.feed.look(signal);
  if (news.isRestored) throw new SyncError('records-restored');
  const isNew = news.changes.length > 0 || !news.isGapless || memory.suspects.size > 0 || !mayTrustFeed;
  if (look === 'remote-first' && !isNew) {
    memory.feed.accept(news, !memory.mustList && memory.leftovers.length === 0);
    return null;
  }
  if (look !== 'both' && mayTrustFeed && news.isGapless && !memory.mustList) {
    if (local === null) {
      state.beginScan(true);
      local = await walk();
    }
    return { local, remote: await scanChanges(remote, state, { changes: news.changes, suspects: memory.suspects, leftovers: memory.leftovers }, signal), isListed: false, news };
  }

  state.beginScan();
  const stopOther = (error: unknown): never => {
    failing.abort(error);
    throw error;
  };
  const [walked, listed] = await Promise.allSettled([walk().catch(stopOther), list().catch(stopOther)]);
  signal.throwIfAborted();
  if (failing.signal.aborted) throw failing.signal.reason;
  if (walked.status === 'rejected') throw walked.reason;
  if (listed.status === 'rejected') throw listed.reason;
  return { local: walked.value, remote: listed.value, isListed: true, news };
}

/** The first cycle of a device, or of one that must not rest on what its records say, has not come to its end. */
export const FIRST_CYCLE_DONE = 'first-cycle-done';
/** The direction is a new one, or these records were restored from a backup: what they say of a path is an ancestor, and no proof that something was deleted. */
const REJOINING = 'rejoining';

/** Begins anew under another device id, so that no counter is used twice and nothing that the records lack is taken for deleted. */
export function rejoin({ state }: FolderParts): void {
  state.renewDevice();
  forgetPublished(state);
  state.putFact(FIRST_CYCLE_DONE, null);
  state.putFact(REJOINING, true);
}

const DIRECTION = 'direction';

/**
 * Another direction gives what is missing on one side another meaning: a backup keeps what was deleted here long ago, and that must not be
 * taken for a deletion now. So the first cycle in a new direction joins.
 */
export function joinOnNewDirection(state: FolderState, direction: Direction): void {
  const before = state.fact<Direction>(DIRECTION);
  if (before === direction) return;
  if (before !== null) {
    state.putFact(FIRST_CYCLE_DONE, null);
    state.putFact(REJOINING, true);
  }
  state.putFact(DIRECTION, direction);
}

const ROWS_AT_ONCE = 1_000;

/** While rejoining: a path that one side lacks is new on the other. Paths that both sides have keep their base, so that an old version is not taken for an edit. */
export function dropOneSided({ state }: FolderParts): void {
  if (state.fact<boolean>(REJOINING) !== true) return;
  for (let after: SyncPath | undefined; ;) {
    const lonely: PathStates[] = [];
    let rows = 0;
    for (const states of state.differences(after)) {
      after = states.path;
      if (states.base !== null && (states.local.type === 'absent' || states.remote.type === 'absent')) lonely.push(states);
      if (++rows >= ROWS_AT_ONCE) break;
    }
    if (lonely.length > 0) {
      // A side without a row is as base has it, and there is none any more.
      state.putLocalDifferences(lonely.map(({ path, local }) => ({ path, state: local })));
      state.putRemoteDifferences(lonely.map(({ path, remote }) => ({ path, state: remote })));
      state.commit({ drop: lonely.map(({ path }) => path) });
    }
    if (rows < ROWS_AT_ONCE) return;
  }
}

export function finishRejoining({ state }: FolderParts): void {
  if (state.fact<boolean>(REJOINING) === true) state.putFact(REJOINING, null);
}
