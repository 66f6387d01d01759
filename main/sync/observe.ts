/**
 * What the two sides look like now: a walk of the disk, and a listing of the bucket or, where nothing can have been missed, the
 * change feed. Only differences from base are written down.
 */
import { SyncError } from '../model/errors.ts';
import type { SyncPath } from '../model/path.ts';
import type { FeedNews, FeedReader } from './feed.ts';
import { forgetPublished } from './feed.ts';
import type { FolderParts } from './parts.ts';
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

export type ObserveOptions = { readonly look: Look; readonly quietMs: number };
export type ObserveMemory = { readonly feed: FeedReader; readonly suspects: ReadonlySet<SyncPath>; readonly leftovers: readonly Leftover[]; readonly mustList: boolean };

/** Null: nothing is new. @throws what scanning throws, and `records-restored` */
export async function observe(parts: FolderParts, memory: ObserveMemory, { look, quietMs }: ObserveOptions, signal: AbortSignal): Promise<Snapshots | null> {
  const { tree, remote, state, clock } = parts;
  const failing = new AbortController();
  const both = AbortSignal.any([signal, failing.signal]);
  const walk = (): Promise<LocalScan> => scanLocal(tree, state, { quietMs, nowMs: clock.nowMs() }, both);
  const list = (): Promise<RemoteScan> => scanRemote(remote, state, memory.suspects, both);

  let local: LocalScan | null = null;
  if (look === 'local-first' && memory.feed.isUsable) {
    state.beginScan(true);
    local = await walk();
    if (local.isClean && memory.suspects.size === 0) return null;
  }
  const news = await memory.feed.look(signal);
  if (news.isRestored) throw new SyncError('records-restored');
  const isNew = news.changes.length > 0 || !news.isGapless || memory.suspects.size > 0 || !memory.feed.isUsable;
  if (look === 'remote-first' && !isNew) {
    memory.feed.accept(news, !memory.mustList && memory.leftovers.length === 0);
    return null;
  }
  if (look !== 'both' && memory.feed.isUsable && news.isGapless && !memory.mustList) {
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
/** These records were restored from a backup: what they say of a path is an ancestor, and no proof that something was deleted. */
const REJOINING = 'rejoining';

/** Begins anew under another device id, so that no counter is used twice and nothing that the records lack is taken for deleted. */
export function rejoin({ state }: FolderParts): void {
  state.renewDevice();
  forgetPublished(state);
  state.putFact(FIRST_CYCLE_DONE, null);
  state.putFact(REJOINING, true);
}

const ROWS_AT_ONCE = 1_000;

/** While rejoining: a path that one side lacks is new on the other. Paths that both sides have keep their base, so that an old version is not taken for an edit. */
export function dropOneSided({ state }: FolderParts): void {
  if (state.fact<boolean>(REJOINING) !== true) return;
  for (let after: SyncPath | undefined; ;) {
    const drop: SyncPath[] = [];
    let rows = 0;
    for (const { path, base, local, remote } of state.differences(after)) {
      after = path;
      if (base !== null && (local.type === 'absent' || remote.type === 'absent')) drop.push(path);
      if (++rows >= ROWS_AT_ONCE) break;
    }
    if (drop.length > 0) state.commit({ drop });
    if (rows < ROWS_AT_ONCE) return;
  }
}

export function finishRejoining({ state }: FolderParts): void {
  if (state.fact<boolean>(REJOINING) === true) state.putFact(REJOINING, null);
}
