/**
 * The places for transfers, shared by all folders of a process: how many files are on their way at once and how much memory they hold together. Small and
 * recent files go first, and large ones have a share of the places only, so that a huge file never holds up the rest.
 */
import { LARGE_BYTES, sizeClassOf } from '../model/transfer-limits.ts';
import { waitForTurn } from '../remote/on-abort.ts';

export type Wanted = {
  /** Of the file. */
  readonly bytes: number;
  /** What the transfer holds in memory at most. */
  readonly heldBytes: number;
  /** Of the file; the newest first among those of one size. */
  readonly mtimeMs: number;
};

/** A folder's part of the places. */
export type FolderLanes = {
  /** Waits for a place. @returns gives it back; calling it twice is harmless. */
  take(wanted: Wanted, signal: AbortSignal): Promise<() => void>;
  /** How many places there are for this folder. */
  readonly limit: number;
  /** Fewer than all the places for this folder; null: as many as there are. */
  setLimit(transfers: number | null): void;
};

export type Lanes = {
  folder(): FolderLanes;
  setLimit(transfers: number): void;
  readonly underWay: number;
};

const LARGE_SHARE = 8;
export const DEFAULT_TRANSFERS = 32;
const DEFAULT_MEMORY_BYTES = 128 * 1024 * 1024;

type Group = { limit: number | null; underWay: number; large: number };
type Waiting = { readonly wanted: Wanted; readonly group: Group; readonly sizeClass: number; readonly number: number; readonly go: () => void };

const largeOf = (limit: number): number => Math.max(1, Math.floor(limit / LARGE_SHARE));

export function createLanes({ transfers = DEFAULT_TRANSFERS, memoryBytes = DEFAULT_MEMORY_BYTES }: { readonly transfers?: number; readonly memoryBytes?: number } = {}): Lanes {
  let limit = transfers;
  let underWay = 0;
  let large = 0;
  let heldBytes = 0;
  let nextNumber = 0;
  // In the order in which they are to go.
  let line: Waiting[] = [];

  function mayGo({ bytes, heldBytes: more }: Wanted, group: Group): boolean {
    if (underWay >= limit || (group.limit !== null && group.underWay >= group.limit)) return false;
    // More than all of the memory is granted where nothing else is held, so that it never waits for ever.
    if (heldBytes > 0 && heldBytes + more > memoryBytes) return false;
    if (bytes < LARGE_BYTES) return true;
    return large < largeOf(limit) && (group.limit === null || group.large < largeOf(group.limit));
  }

  function enter(wanted: Wanted, group: Group): () => void {
    const isLarge = wanted.bytes >= LARGE_BYTES;
    const count = (by: 1 | -1): void => {
      underWay += by;
      group.underWay += by;
      heldBytes += by * wanted.heldBytes;
      if (isLarge) large += by;
      if (isLarge) group.large += by;
    };
    count(1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      count(-1);
      admit();
    };
  }

  function admit(): void {
    if (line.length === 0) return;
    const left: Waiting[] = [];
    for (const one of line) {
      if (mayGo(one.wanted, one.group)) one.go();
      else left.push(one);
    }
    line = left;
  }

  function wait(wanted: Wanted, group: Group, signal: AbortSignal): Promise<() => void> {
    return waitForTurn(signal, (go) => {
      const waiting: Waiting = { wanted, group, sizeClass: sizeClassOf(wanted.bytes), number: nextNumber++, go: () => go(enter(wanted, group)) };
      const at = line.findIndex((other) => before(waiting, other));
      line.splice(at < 0 ? line.length : at, 0, waiting);
      return () => {
        line = line.filter((one) => one !== waiting);
      };
    });
  }

  return {
    folder() {
      const group: Group = { limit: null, underWay: 0, large: 0 };
      return {
        get limit() {
          return Math.min(limit, group.limit ?? limit);
        },
        async take(wanted, signal) {
          signal.throwIfAborted();
          // Whoever waits for another reason than this one would (its folder's own limit, a place for large files) is not overtaken.
          return mayGo(wanted, group) ? enter(wanted, group) : wait(wanted, group, signal);
        },
        setLimit(most) {
          group.limit = most;
          admit();
        },
      };
    },
    setLimit(most) {
      limit = most;
      admit();
    },
    get underWay() {
      return underWay;
    },
  };
}

function before(a: Waiting, b: Waiting): boolean {
  if (a.sizeClass !== b.sizeClass) return a.sizeClass < b.sizeClass;
  if (a.wanted.mtimeMs !== b.wanted.mtimeMs) return a.wanted.mtimeMs > b.wanted.mtimeMs;
  return a.number < b.number;
}
