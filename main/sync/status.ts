/**
 * How a folder stands, as one immutable value with the field names that the window's contract uses. The board holds the
 * last one; whoever listens gets a new value, never a change of an old one.
 */
import type { WireError } from '../model/errors.ts';
import type { Clock } from './ports.ts';

/** `signed-out`: the server does not take the sign-in (any more); it is tried again by itself, with what is then kept as the sign-in. */
export type SyncPhase = 'idle' | 'new' | 'scanning' | 'planning' | 'transferring' | 'waiting' | 'held' | 'signed-out';
export type SyncTransfer = { readonly path: string; readonly direction: 'up' | 'down'; readonly doneBytes: number; readonly totalBytes: number };
export type SyncProgress = { readonly doneFiles: number; readonly totalFiles: number; readonly doneBytes: number; readonly totalBytes: number; readonly bytesPerSecond: number };
export type SyncProblem = { readonly error: WireError; readonly path: string | null };
export type HeldStatus = { readonly reason: string; readonly deletions: number; readonly ofTotal: number; readonly examples: readonly string[] };

export type SyncStatus = {
  readonly folderId: string;
  readonly state: 'up-to-date' | 'syncing' | 'paused' | 'needs-attention' | 'locked';
  readonly phase: SyncPhase;
  readonly progress: SyncProgress | null;
  readonly transfers: readonly SyncTransfer[];
  readonly lastSuccessMs: number | null;
  /** When a cycle last found anything new on either side; null: not since the folder was opened. */
  readonly changedMs: number | null;
  readonly files: number;
  readonly bytes: number;
  readonly problems: readonly SyncProblem[];
  readonly held: HeldStatus | null;
  /** Conflict copies that still stand beside their originals. */
  readonly twoVersions: number;
  readonly skippedCount: number;
};

/** What the state word is derived from; all else is shown as it is. */
type Facts = Omit<SyncStatus, 'folderId' | 'state' | 'progress' | 'transfers'> & {
  readonly isPaused: boolean;
  /** The user answered what was held, and no cycle has carried it out yet. */
  readonly isAnswered: boolean;
};

/** Codes that mean: the folder waits for a key or a keychain, and for nothing else. */
export const LOCKED_CODES: ReadonlySet<string> = new Set(['enfold-locked', 'key-item-missing', 'keychain-lost', 'keychain-locked', 'keychain-missing', 'passphrase-missing', 'passphrase-wrong', 'key-not-found']);
/** Codes that need nobody: the next cycles get over them. What is not watched is walked. */
const TRANSIENT_CODES: ReadonlySet<string> = new Set(['watch-limit', 'changed-while-reading', 'target-changed', 'file-vanished', 'version-changed', 'object-not-found']);

const NOTIFY_EVERY_MS = 200;
const SPEED_WINDOW_MS = 5_000;
const MAX_SHOWN_TRANSFERS = 32;

export class StatusBoard {
  #facts: Facts;
  #totals: { doneFiles: number; totalFiles: number; doneBytes: number; totalBytes: number } | null = null;
  #transfers = new Map<number, { path: string; direction: 'up' | 'down'; doneBytes: number; totalBytes: number }>();
  #nextTransfer = 0;
  #samples: { atMs: number; bytes: number }[] = [];
  #listeners = new Set<(status: SyncStatus) => void>();
  #notifiedMs = Number.NEGATIVE_INFINITY;
  readonly #folderId: string;
  readonly #clock: Clock;

  constructor(folderId: string, clock: Clock, initial: Partial<Facts>) {
    this.#folderId = folderId;
    this.#clock = clock;
    this.#facts = { phase: 'new', lastSuccessMs: null, changedMs: null, files: 0, bytes: 0, problems: [], held: null, twoVersions: 0, skippedCount: 0, isPaused: false, isAnswered: false, ...initial };
  }

  current(): SyncStatus {
    const { isPaused: _, isAnswered: __, ...shown } = this.#facts;
    const transfers = [...this.#transfers.values()].slice(0, MAX_SHOWN_TRANSFERS).map((t) => Object.freeze({ ...t }));
    return Object.freeze({ folderId: this.#folderId, state: stateOf(this.#facts), ...shown, progress: this.#progress(), transfers });
  }

  /** Changes facts and tells the listeners at once. */
  set(change: Partial<Facts>): void {
    this.#facts = { ...this.#facts, ...change };
    this.notify();
  }

  onChange(listener: (status: SyncStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  notify(): void {
    this.#notifiedMs = this.#clock.nowMs();
    if (this.#listeners.size === 0) return;
    const status = this.current();
    for (const listener of this.#listeners) listener(status);
  }

  /** Starts counting a plan's transfers; null ends it. */
  expect(totals: { readonly files: number; readonly bytes: number } | null): void {
    this.#totals = totals === null ? null : { doneFiles: 0, totalFiles: totals.files, doneBytes: 0, totalBytes: totals.bytes };
    this.#samples = [];
    this.#transfers.clear();
  }

  /** One transfer's progress. `done` is called once, with whether it worked. */
  transfer(path: string, direction: 'up' | 'down', totalBytes: number): { readonly onProgress: (doneBytes: number) => void; readonly done: (ok: boolean) => void } {
    const id = this.#nextTransfer++;
    const shown = { path, direction, doneBytes: 0, totalBytes };
    this.#transfers.set(id, shown);
    const advance = (doneBytes: number): void => {
      this.#count(doneBytes - shown.doneBytes);
      shown.doneBytes = doneBytes;
    };
    return {
      onProgress: (doneBytes) => {
        advance(Math.min(doneBytes, totalBytes));
        this.#notifySoon();
      },
      done: (ok) => {
        this.#transfers.delete(id);
        advance(ok ? totalBytes : 0);
        if (ok) this.finishFile();
        else this.#notifySoon();
      },
    };
  }

  /** An action without bytes is done. */
  finishFile(): void {
    if (this.#totals !== null) this.#totals.doneFiles += 1;
    this.#notifySoon();
  }

  #count(bytes: number): void {
    if (this.#totals === null || bytes === 0) return;
    this.#totals.doneBytes += bytes;
    const nowMs = this.#clock.nowMs();
    const last = this.#samples.at(-1);
    if (last !== undefined && nowMs - last.atMs < 100) last.bytes += bytes;
    else this.#samples.push({ atMs: nowMs, bytes });
    while (this.#samples.length > 1 && nowMs - (this.#samples[0]?.atMs ?? nowMs) > SPEED_WINDOW_MS) this.#samples.shift();
  }

  #progress(): SyncProgress | null {
    if (this.#totals === null) return null;
    const elapsedMs = this.#clock.nowMs() - (this.#samples[0]?.atMs ?? this.#clock.nowMs());
    const bytes = this.#samples.reduce((sum, sample) => sum + sample.bytes, 0);
    return Object.freeze({ ...this.#totals, bytesPerSecond: elapsedMs < 200 ? 0 : Math.max(0, Math.round((bytes * 1000) / elapsedMs)) });
  }

  #notifySoon(): void {
    if (this.#clock.nowMs() - this.#notifiedMs >= NOTIFY_EVERY_MS) this.notify();
  }
}

/** A cycle that only looks is no news; one that moves files is. */
function stateOf(facts: Facts): SyncStatus['state'] {
  if (facts.isPaused) return 'paused';
  const blocking = facts.problems.filter((problem) => !TRANSIENT_CODES.has(problem.error.code));
  if (blocking.some((problem) => problem.path === null && LOCKED_CODES.has(problem.error.code))) return 'locked';
  if (facts.phase === 'transferring') return 'syncing';
  if (facts.held !== null || blocking.length > 0) return 'needs-attention';
  return facts.lastSuccessMs === null || facts.phase === 'waiting' || facts.isAnswered ? 'syncing' : 'up-to-date';
}
