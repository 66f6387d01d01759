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

const PAGE = 200;
/** Pages kept: what was scrolled past is asked for again. */
const MAX_PAGES = 12;
type Pages = { key: string; rows: Map<number, BrowseRow[]>; total: number; ofTotal: number; isComplete: boolean; error: WireError | null };
const NO_PAGES: Pages = { key: '', rows: new Map(), total: 0, ofTotal: 0, isComplete: false, error: null };

export function useListing(folderId: string, directory: string, isDeep: boolean, text: string, order: Order, refresh: unknown, past?: { atMs: number | null }): Listing {
  const opened = useAnswer('browse.open', { folderId, directory, isDeep, ...(past === undefined ? {} : { past }) }, refresh);
  const listingId = opened.value?.listingId ?? null;
  const [grown, setGrown] = useState(0);
  const [pages, setPages] = useState<Pages>(NO_PAGES);
  const { by, isDown } = order;
  const key = `${listingId} ${text} ${by} ${isDown}`;
  const sight = useRef({ first: 0, last: 0 });
  const asked = useRef(new Set<string>());
  const { reload: reopen } = opened;

  useEffect(() => window.enfold.on('listing', (event) => { if (event.listingId === listingId) setGrown(event.total + Number(event.isComplete) / 2); }), [listingId]);

  const fetchPage = useCallback((page: number): void => {
    const mine = `${key} ${grown} ${page}`;
    if (listingId === null || asked.current.has(mine)) return;
    asked.current.add(mine);
    ask('browse.rows', { listingId, text, by, isDown, start: page * PAGE, end: (page + 1) * PAGE }).then(
      ({ rows, total, ofTotal, isComplete, problem }) => setPages((last) => {
        const known = last.key === key ? [...last.rows].filter(([number]) => number !== page).slice(1 - MAX_PAGES) : [];
        for (const [number] of last.rows) if (!known.some(([kept]) => kept === number)) asked.current.delete(`${key} ${grown} ${number}`);
        return { key, rows: new Map([...known, [page, rows]]), total, ofTotal, isComplete, error: problem };
      }),
      (error: unknown) => {
        asked.current.delete(mine);
        const wire = wireOf(error);
        if (wire.code === 'listing-gone') reopen();
        else setPages((last) => ({ ...last, error: wire }));
      },
    );
  }, [key, grown, listingId, text, by, isDown, reopen]);

  const show = useCallback((start: number, end: number): void => {
    sight.current = { first: Math.floor(start / PAGE), last: Math.floor(end / PAGE) };
    for (let page = sight.current.first; page <= sight.current.last; page += 1) fetchPage(page);
  }, [fetchPage]);

  // A new order, filter or listing: what is in sight is asked for again.
  useEffect(() => {
    asked.current.clear();
    for (let page = sight.current.first; page <= sight.current.last; page += 1) fetchPage(page);
  }, [fetchPage]);

  return {
    // What was shown last stays until its successor is here, so that nothing flickers.
    total: pages.total, ofTotal: pages.ofTotal, isComplete: pages.isComplete, error: opened.error ?? pages.error, isLoading: pages.key === '' && opened.error === null,
    rowAt: (index) => pages.rows.get(Math.floor(index / PAGE))?.[index % PAGE],
    show, reload: reopen,
    rowsBetween: async (start, end) => (listingId === null ? [] : (await ask('browse.rows', { listingId, text, by, isDown, start, end: Math.min(end, start + 10_000) })).rows),
  };
}
