/**
 * What went wrong at single paths, kept from cycle to cycle: so that the window can list it, and so that a path that
 * fails for good is not tried, or downloaded in full, every few seconds. Either side changing makes it worth a new try.
 */
import { toWire } from '../model/errors.ts';
import type { Retry, SyncError, WireError } from '../model/errors.ts';
import type { Action } from '../model/action.ts';
import type { SyncPath } from '../model/path.ts';

type Failure = { readonly error: WireError; readonly version: string; readonly tries: number; readonly notBeforeMs: number };

/** First pause, factor by tries, longest pause. A replan is free at first: the next scan sees what changed. */
const PAUSES: Record<Retry, { readonly freeTries: number; readonly firstMs: number; readonly maxMs: number }> = {
  replan: { freeTries: 3, firstMs: 1_000, maxMs: 60_000 },
  later: { freeTries: 0, firstMs: 2_000, maxMs: 300_000 },
  'after-user': { freeTries: 0, firstMs: 5_000, maxMs: 60_000 },
  never: { freeTries: 0, firstMs: 3_600_000, maxMs: 3_600_000 },
};

export class PathFailures {
  #byPath = new Map<SyncPath, Failure>();

  /** The failure that an action has to wait out, or null where it may be tried. */
  blocking(action: Action, nowMs: number): WireError | null {
    const failure = this.#byPath.get(action.path);
    if (failure === undefined || failure.version !== versionsOf(action)) return null;
    return nowMs < failure.notBeforeMs ? failure.error : null;
  }

  /** @returns whether this is news: the first failure of this kind at these versions. */
  failed(action: Action, error: SyncError, nowMs: number): boolean {
    const version = versionsOf(action);
    const before = this.#byPath.get(action.path);
    const isSame = before !== undefined && before.version === version && before.error.code === error.code;
    // A replan changes the versions each time; only success ends its count.
    const tries = (isSame || (before?.error.code === error.code && error.retry === 'replan') ? before.tries : 0) + 1;
    const pause = PAUSES[error.retry];
    const exponent = tries - pause.freeTries - 1;
    const waitMs = exponent < 0 ? 0 : Math.max(error.retryAfterMs ?? 0, Math.min(pause.maxMs, pause.firstMs * 2 ** Math.min(exponent, 20)));
    this.#byPath.set(action.path, { error: toWire(error), version, tries, notBeforeMs: nowMs + waitMs });
    return !isSame;
  }

  succeeded(path: SyncPath): void {
    if (this.#byPath.size > 0) this.#byPath.delete(path);
  }

  paths(): Iterable<SyncPath> {
    return this.#byPath.keys();
  }

  forget(path: SyncPath): void {
    this.#byPath.delete(path);
  }

  /** Lets everything be tried at once: the user asked for it. */
  forgetPauses(): void {
    for (const [path, failure] of this.#byPath) this.#byPath.set(path, { ...failure, notBeforeMs: 0 });
  }

  get size(): number {
    return this.#byPath.size;
  }

  /** When the next pause ends, or null. A path whose pause has ended is tried by whatever cycle comes. */
  nextTryMs(nowMs: number): number | null {
    let next: number | null = null;
    for (const { notBeforeMs } of this.#byPath.values()) {
      if (notBeforeMs > nowMs) next = Math.min(next ?? Number.POSITIVE_INFINITY, notBeforeMs);
    }
    return next;
  }

  list(limit: number): readonly { readonly error: WireError; readonly path: string }[] {
    return [...this.#byPath].slice(0, limit).map(([path, failure]) => ({ path, error: failure.error }));
  }
}

/** The versions an action was decided on: as long as they are the same, so is its outcome. */
function versionsOf(action: Action): string {
  switch (action.type) {
    case 'upload': return `${action.type} ${action.local.stamp} ${action.replaces?.etag ?? ''}`;
    case 'download': return `${action.type} ${action.replaces?.stamp ?? ''} ${action.remote.etag}`;
    case 'keep-both':
    case 'adopt': return `${action.type} ${action.local.stamp} ${action.remote.etag}`;
    case 'refresh-base':
    case 'update-attributes':
    case 'delete-local': return `${action.type} ${action.local.stamp} ${action.base.etag}`;
    case 'rename-remote': return `${action.type} ${action.local.stamp} ${action.from.etag}`;
    case 'delete-remote':
    case 'forget': return `${action.type} ${action.base.etag}`;
  }
}
