/**
 * The change feed: what other devices say they changed, and what this one tells them. One request finds out whether any
 * device has news, so that an idle folder need not be listed; a listing is made where the feeds have a gap.
 *
 * It promises that no change is passed over silently: what was read counts as seen only once the cycle that read it has come
 * to its end, and a feed that is missing, unreadable, too short or older than before makes the cycle list the bucket.
 */
import { isSyncError, SyncError, toWire } from '../model/errors.ts';
import type { WireError } from '../model/errors.ts';
import { MAX_FEED_ENTRIES } from '../model/feed.ts';
import type { NumberedChange } from '../model/feed.ts';
import type { DeviceId } from '../model/version-vector.ts';
import { breathe } from './bounded.ts';
import type { FolderParts } from './parts.ts';
import type { Clock, FolderState, ListedFeed, RemoteFeeds } from './ports.ts';

type Seen = { readonly seq: number; readonly mark: string };
type SeenFact = {
  readonly seen: Readonly<Record<string, Seen>>;
  /** All that was seen until then is carried out: a later process can go on from there without a listing. */
  readonly isSettled: boolean;
};
type Published = { readonly seq: number; readonly etag: string };

export type FeedNews = {
  readonly changes: readonly NumberedChange[];
  /** Together with what was seen before, these are all changes of all devices. */
  readonly isGapless: boolean;
  /** The bucket holds changes of this very device that its records do not know: they are older than what was done since. */
  readonly isRestored: boolean;
  readonly seen: ReadonlyMap<DeviceId, Seen>;
  readonly alarms: ReadonlyMap<DeviceId, WireError>;
};

const SEEN = 'feed-seen';
const PUBLISHED = 'feed-published';
const GONE = 'gone';

export class FeedReader {
  readonly #feeds: RemoteFeeds;
  readonly #state: FolderState;
  #seen: Map<DeviceId, Seen>;
  #alarms: ReadonlyMap<DeviceId, WireError> = new Map();
  #isUsable: boolean;
  #written: string;

  constructor(feeds: RemoteFeeds, state: FolderState) {
    this.#feeds = feeds;
    this.#state = state;
    const fact = state.fact<SeenFact>(SEEN);
    this.#written = JSON.stringify(fact);
    this.#seen = new Map(Object.entries(fact?.seen ?? {}) as [DeviceId, Seen][]);
    this.#isUsable = fact?.isSettled ?? false;
  }

  /** A complete listing, and all changes seen since, are carried out or remembered elsewhere. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  /** Feeds that went backwards or are forged, for as long as they stand there. */
  get alarms(): readonly WireError[] {
    return [...this.#alarms.values()];
  }

  /** One request, and one more for each feed with news. */
  async look(signal: AbortSignal): Promise<FeedNews> {
    const listed = await this.#feeds.list(signal);
    const news = { changes: [] as NumberedChange[], isGapless: true, isRestored: false, seen: new Map(this.#seen), alarms: new Map(this.#alarms) };
    for (const feed of listed) {
      if (feed.device === this.#state.device) await this.#checkOwn(feed, news, signal);
      else if (this.#seen.get(feed.device)?.mark !== feed.mark) await this.#read(feed, news, signal);
    }
    const standing = new Set(listed.map(({ device }) => device));
    if (!standing.has(this.#state.device) && this.#state.fact<Published>(PUBLISHED) !== null) forgetPublished(this.#state);
    for (const [device, { seq, mark }] of this.#seen) {
      if (standing.has(device) || mark === GONE) continue;
      news.isGapless = false;
      news.seen.set(device, { seq, mark: GONE });
      news.alarms.delete(device);
    }
    return news;
  }

  async #read({ device, mark }: ListedFeed, news: { changes: NumberedChange[]; isGapless: boolean; seen: Map<DeviceId, Seen>; alarms: Map<DeviceId, WireError> }, signal: AbortSignal): Promise<void> {
    const seenSeq = this.#seen.get(device)?.seq ?? 0;
    const changes = await this.#loadChanges(device, news, signal);
    const first = changes[0]?.seq;
    const last = changes.at(-1)?.seq;
    if (first === undefined || last === undefined) {
      news.isGapless = false;
      news.seen.set(device, { seq: seenSeq, mark });
      return;
    }
    if (last < seenSeq) {
      news.isGapless = false;
      news.seen.set(device, { seq: seenSeq, mark });
      news.alarms.set(device, toWire(new SyncError('feed-rollback', { detail: `device ${device}: change ${last} after ${seenSeq}` })));
      return;
    }
    news.alarms.delete(device);
    news.seen.set(device, { seq: last, mark });
    if (first > seenSeq + 1) news.isGapless = false;
    news.changes.push(...changes.filter(({ seq }) => seq > seenSeq));
  }

  async #loadChanges(device: DeviceId, news: { readonly alarms: Map<DeviceId, WireError> }, signal: AbortSignal): Promise<readonly NumberedChange[]> {
    try {
      return (await this.#feeds.load(device, signal))?.feed.changes ?? [];
    } catch (error) {
      if (!isSyncError(error) || (error.family !== 'IntegrityError' && error.family !== 'FormatError')) throw error;
      // Of a newer version: nobody's fault, and a listing finds all the same.
      if (error.family === 'IntegrityError') news.alarms.set(device, toWire(new SyncError('not-authentic', { detail: `the list of changes of device ${device}` }, { cause: error })));
      return [];
    }
  }

  /** What stands there must be what was last acknowledged; whatever else it is, the next publication writes it anew. */
  async #checkOwn({ device, etag }: ListedFeed, news: { isRestored: boolean; alarms: Map<DeviceId, WireError> }, signal: AbortSignal): Promise<void> {
    const published = this.#state.fact<Published>(PUBLISHED);
    news.alarms.delete(device);
    if (published?.etag === etag) return;
    const last = await lastOf(this.#feeds, device, signal);
    news.isRestored = last > this.#state.lastChange();
    if (published !== null && last < published.seq) news.alarms.set(device, toWire(new SyncError('feed-rollback', { detail: `this device: change ${last} after ${published.seq}` })));
    if (!news.isRestored) this.#state.putFact(PUBLISHED, { seq: last, etag } satisfies Published);
  }

  /** What was seen is carried out, or remembered by the caller. @param isSettled - nothing at all is left over. */
  accept(news: FeedNews, isSettled: boolean): void {
    this.#seen = new Map(news.seen);
    this.#alarms = new Map(news.alarms);
    this.#isUsable = true;
    this.#write(isSettled);
  }

  /** Before the first of a plan's actions: a process that ends in the middle of them must not count them as done. */
  begin(): void {
    if (this.#isUsable) this.#write(false);
  }

  /** A cycle that rested on a listing did not come to its end. */
  distrust(): void {
    this.#isUsable = false;
    this.#write(false);
  }

  #write(isSettled: boolean): void {
    const fact: SeenFact = { seen: Object.fromEntries(this.#seen), isSettled };
    const text = JSON.stringify(fact);
    if (text === this.#written) return;
    this.#state.putFact(SEEN, fact);
    this.#written = text;
  }
}

/** Number of the newest change that a feed in the bucket tells; 0 where there is none, or it cannot be read. */
async function lastOf(feeds: RemoteFeeds, device: DeviceId, signal: AbortSignal): Promise<number> {
  try {
    return (await feeds.load(device, signal))?.feed.changes.at(-1)?.seq ?? 0;
  } catch (error) {
    if (!isSyncError(error) || (error.family !== 'IntegrityError' && error.family !== 'FormatError')) throw error;
    return 0;
  }
}

/** Older changes need not be told: whoever has not looked for so long lists the bucket. */
const TELL_FOR_MS = 48 * 3_600_000;
const TELL_AT_LEAST = 256;
const MOST_TRIES = 4;

/**
 * Tells the other devices what this one has changed since it last told them; nothing new is no request. Changes stay to be told
 * until the server has acknowledged them.
 *
 * @throws SyncError records-restored where the bucket knows of more changes of this device than its records do; what a PUT throws
 */
export async function publishChanges({ state, remote, clock }: Pick<FolderParts, 'state' | 'remote' | 'clock'>, signal: AbortSignal): Promise<void> {
  const last = state.lastChange();
  const published = state.fact<Published>(PUBLISHED);
  if (last <= (published?.seq ?? 0)) return;
  const feed = { device: state.device, changes: state.ownChanges(MAX_FEED_ENTRIES) };
  let replaces = published?.etag ?? null;
  for (let tries = 1; ; tries++) {
    try {
      const etag = await remote.feeds.put(feed, replaces, signal);
      state.putFact(PUBLISHED, { seq: feed.changes.at(-1)?.seq ?? last, etag } satisfies Published);
      while (state.forgetChanges(TELL_AT_LEAST, clock.nowMs() - TELL_FOR_MS) && !signal.aborted) await breathe();
      return;
    } catch (error) {
      if (!(isSyncError(error, 'version-changed') || isSyncError(error, 'object-not-found')) || tries >= MOST_TRIES) throw error;
      // This device's own doing, whose answer was lost; or a program on the same records; or another life of these records.
      replaces = (await remote.feeds.list(signal)).find(({ device }) => device === feed.device)?.etag ?? null;
      if (replaces !== null && (await lastOf(remote.feeds, feed.device, signal)) > state.lastChange()) throw new SyncError('records-restored');
    }
  }
}

/** What the first publication begins with. After {@link FolderState.renewDevice}. */
export function forgetPublished(state: FolderState): void {
  state.putFact(PUBLISHED, null);
}

const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 64_000;

/** Publishes now and then while a long plan is carried out; what fails is left to the publication at its end. */
export async function publishMeanwhile(parts: Pick<FolderParts, 'state' | 'remote'> & { readonly clock: Clock }, signal: AbortSignal): Promise<void> {
  for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      await parts.clock.sleep(pauseMs, signal);
      await publishChanges(parts, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!isSyncError(error)) throw error;
    }
  }
}
