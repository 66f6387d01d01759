/** One listing that the engine holds, seen through a window of it: only the rows that are shown, and a page around them, are here. */
import { useCallback, useEffect, useRef, useState } from 'react';
import type { BrowseRow, WireError } from '../../../preload/contract.ts';
import { ask, useAnswer, wireOf } from '../../bridge.ts';

export type Order = { by: 'name' | 'sizeBytes' | 'modifiedMs'; isDown: boolean };
export type Listing = {
  readonly total: number;
  readonly ofTotal: number;
  readonly isLoading: boolean;
  readonly isComplete: boolean;
  readonly error: WireError | null;
  readonly rowAt: (index: number) => BrowseRow | undefined;
  /** Says what is in sight; the rows come. */
  readonly show: (start: number, end: number) => void;
  /** For a selection by range. */
  readonly rowsBetween: (start: number, end: number) => Promise<BrowseRow[]>;
  readonly reload: () => void;
};

/** Rows that are asked for together. */
const PAGE = 200;
/** Pages kept: what was scrolled past is asked for again. */
const MAX_PAGES = 24;
/** Asked for on either side of what is in sight, for a scroll that begins; */
const PAGES_AROUND = 2;
/** and before they are in sight, in the direction of the scroll: about what passes in a third of a second. */
const FRAMES_AHEAD = 20;
const MAX_PAGES_AHEAD = 8;
/** Rows from one picture to the next: more is a jump, and nobody knows where the next one goes. */
const JUMP = 1000;

type Shown = { key: string; total: number; ofTotal: number; isComplete: boolean; error: WireError | null };
const NOTHING: Shown = { key: '', total: 0, ofTotal: 0, isComplete: false, error: null };

export type Sight = { readonly first: number; readonly last: number };
/** The pages to ask for, the ones in sight first. */
export function pagesFor(sight: Sight, before: Sight, total: number): number[] {
  const [first, last] = [Math.floor(sight.first / PAGE), Math.floor(sight.last / PAGE)];
  const wanted = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const moved = sight.first - before.first;
  const ahead = Math.abs(moved) > JUMP ? PAGES_AROUND : Math.min(MAX_PAGES_AHEAD, PAGES_AROUND + Math.ceil((Math.abs(moved) * FRAMES_AHEAD) / PAGE));
  for (let step = 1; step <= ahead; step += 1) {
    if (moved >= 0 || step <= PAGES_AROUND) wanted.push(last + step);
    if (moved <= 0 || step <= PAGES_AROUND) wanted.push(first - step);
  }
  return wanted.filter((page) => page >= 0 && (page <= last || page * PAGE < total));
}

/** Pages of one listing in one order; those asked for longest ago go first. */
export class PageCache {
  readonly #pages = new Map<number, BrowseRow[]>();

  get rowsHeld(): number {
    return [...this.#pages.values()].reduce((sum, rows) => sum + rows.length, 0);
  }
  rowAt(index: number): BrowseRow | undefined {
    return this.#pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }
  /** @returns the pages that had to go. */
  put(page: number, rows: BrowseRow[]): number[] {
    this.#pages.delete(page);
    this.#pages.set(page, rows);
    const gone = [...this.#pages.keys()].slice(0, -MAX_PAGES);
    for (const old of gone) this.#pages.delete(old);
    return gone;
  }
}

export function useListing(folderId: string, directory: string, isDeep: boolean, text: string, order: Order, refresh: unknown, past?: { atMs: number | null }): Listing {
  const opened = useAnswer('browse.open', { folderId, directory, isDeep, ...(past === undefined ? {} : { past }) }, refresh);
  const listingId = opened.value?.listingId ?? null;
  const [shown, setShown] = useState<Shown>(NOTHING);
  const { by, isDown } = order;
  const key = `${listingId} ${text} ${by} ${isDown}`;
  const sight = useRef<Sight>({ first: 0, last: 0 });
  /** What is here, and of which order; rows that come for what is not in sight are no reason to draw. */
  const held = useRef({ key: '', cache: new PageCache() });
  const asked = useRef(new Set<number>());
  const current = useRef(key);
  const total = useRef(0);
  const { reload: reopen } = opened;

  // Nobody waits for it: a listing that is not closed goes with the next ones.
  useEffect(() => () => { if (listingId !== null) void window.enfold.request('browse.close', { listingId }); }, [listingId]);
  useEffect(() => {
    current.current = key;
    return () => {
      current.current = '';
    };
  }, [key]);

  const fetchPage = useCallback((page: number): void => {
    if (listingId === null || asked.current.has(page)) return;
    asked.current.add(page);
    ask('browse.rows', { listingId, text, by, isDown, start: page * PAGE, end: (page + 1) * PAGE }).then(
      ({ rows, ...told }) => {
        if (current.current !== key) return;
        if (held.current.key !== key) held.current = { key, cache: new PageCache() };
        for (const gone of held.current.cache.put(page, rows)) asked.current.delete(gone);
        total.current = told.total;
        const isInSight = page >= Math.floor(sight.current.first / PAGE) && page <= Math.floor(sight.current.last / PAGE);
        setShown((before) => (!isInSight && before.key === key && before.total === told.total && before.isComplete === told.isComplete ? before : { key, total: told.total, ofTotal: told.ofTotal, isComplete: told.isComplete, error: told.problem }));
      },
      (error: unknown) => {
        if (current.current !== key) return;
        asked.current.delete(page);
        const wire = wireOf(error);
        if (wire.code === 'listing-gone') reopen();
        else setShown((last) => ({ ...last, error: wire }));
      },
    );
  }, [key, listingId, text, by, isDown, reopen]);

  const show = useCallback((first: number, last: number): void => {
    const before = sight.current;
    sight.current = { first, last };
    for (const page of pagesFor(sight.current, before, total.current)) fetchPage(page);
  }, [fetchPage]);

  // A new order, filter or listing, or more rows in it: what is in sight is asked for again.
  const askAgain = useCallback((): void => {
    asked.current.clear();
    for (const page of pagesFor(sight.current, sight.current, total.current)) fetchPage(page);
  }, [fetchPage]);
  useEffect(askAgain, [askAgain]);
  useEffect(() => window.enfold.on('listing', (event) => { if (event.listingId === listingId) askAgain(); }), [listingId, askAgain]);

  return {
    // What was shown last stays until its successor is here, so that nothing flickers.
    total: shown.total, ofTotal: shown.ofTotal, isComplete: shown.isComplete, error: opened.error ?? shown.error, isLoading: shown.key === '' && opened.error === null,
    rowAt: (index) => held.current.cache.rowAt(index),
    show, reload: reopen,
    rowsBetween: async (start, end) => (listingId === null ? [] : (await ask('browse.rows', { listingId, text, by, isDown, start, end: Math.min(end, start + 10_000) })).rows),
  };
}
