/**
 * The last step: commits what was carried out, and only that. A result is given here when its effect is durable on both
 * sides, never before. Results are gathered and committed together, since each commit waits for the disk.
 */
import type { ActivityEvent, ActivityKind } from '../model/activity.ts';
import type { Change } from '../model/feed.ts';
import type { SyncPath } from '../model/path.ts';
import type { BaseEntry, OperationId } from '../model/snapshot.ts';
import type { Clock, FolderState } from './ports.ts';

/** Most results in one commit, and how long the first of them may wait. A crash loses them; the intents find them again. */
const BATCH_SIZE = 512;
const BATCH_DELAY_MS = 250;
/** A first sync of a million files must not write a million lines that nobody reads. */
const MAX_ACTIVITY_PER_CYCLE = 2_000;

/** What one action came to. All of it stands in one commit. */
export type Result = {
  /** Both sides agree on this entry now. */
  readonly put?: BaseEntry;
  /** Nothing is agreed on at this path any more. */
  readonly drop?: SyncPath;
  /** This intent is resolved: its effect is part of this result, or it had none. */
  readonly finish?: OperationId;
  /** What other devices are to learn of it. */
  readonly changes?: readonly Change[];
  readonly note?: { readonly kind: ActivityKind; readonly path: string; readonly bytes: number; readonly detail?: string | null };
};

export class Recorder {
  #entries = new Map<SyncPath, BaseEntry | null>();
  #finished: OperationId[] = [];
  #changes: (Change & { readonly atMs: number })[] = [];
  #activity: ActivityEvent[] = [];
  #activityCount = 0;
  #firstAtMs: number | null = null;
  #failed: { readonly error: unknown } | null = null;
  readonly #state: Pick<FolderState, 'commit'>;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;

  /** @param signal - ends the waiting of gathered results; whoever made the recorder flushes it before. */
  constructor(state: Pick<FolderState, 'commit'>, clock: Clock, signal: AbortSignal) {
    this.#state = state;
    this.#clock = clock;
    this.#signal = signal;
  }

  record(result: Result): void {
    if (result.put !== undefined) this.#entries.set(result.put.path, result.put);
    if (result.drop !== undefined) this.#entries.set(result.drop, null);
    if (result.finish !== undefined) this.#finished.push(result.finish);
    for (const change of result.changes ?? []) this.#changes.push({ ...change, atMs: this.#clock.nowMs() });
    if (result.note !== undefined && this.#activityCount < MAX_ACTIVITY_PER_CYCLE) {
      this.#activityCount += 1;
      const { kind, path, bytes, detail } = result.note;
      this.#activity.push({ atMs: this.#clock.nowMs(), kind, path, bytes, detail: detail ?? null });
    }
    this.#firstAtMs ??= this.#startWaiting();
    const isDue = this.#clock.nowMs() - this.#firstAtMs >= BATCH_DELAY_MS;
    if (isDue || this.#entries.size + this.#finished.length >= BATCH_SIZE) this.flush();
  }

  /** One transaction with everything gathered so far. */
  flush(): void {
    if (this.#failed !== null) throw this.#failed.error;
    this.#firstAtMs = null;
    if (this.#entries.size + this.#finished.length + this.#changes.length + this.#activity.length === 0) return;
    const put: BaseEntry[] = [];
    const drop: SyncPath[] = [];
    for (const [path, entry] of this.#entries) {
      if (entry === null) drop.push(path);
      else put.push(entry);
    }
    const batch = { put, drop, finish: this.#finished, changes: this.#changes, activity: this.#activity };
    this.#entries = new Map();
    this.#finished = [];
    this.#changes = [];
    this.#activity = [];
    this.#state.commit(batch);
  }

  /** Without it results would wait for the next one, which may be a large file's. */
  #startWaiting(): number {
    const startedMs = this.#clock.nowMs();
    const flushIfDue = (): void => {
      if (this.#firstAtMs !== startedMs) return;
      try {
        this.flush();
      } catch (error) {
        this.#failed = { error };
      }
    };
    this.#clock.sleep(BATCH_DELAY_MS, this.#signal).then(flushIfDue, () => undefined);
    return startedMs;
  }
}
