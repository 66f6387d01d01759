/**
 * When the next cycle runs: soon after the watcher's hints, every few seconds while somebody is active, rarely while
 * nobody is, later and later while the server or the disk does not answer. Time and randomness come from outside.
 */
import type { Retry } from '../model/errors.ts';
import type { Clock, Random } from './ports.ts';

/** Hints are gathered until there was none for this long, but not for longer than the maximum. */
const HINT_QUIET_MS = 300;
const HINT_MAX_WAIT_MS = 2_000;
const POLL_ACTIVE_MS = 3_000;
const POLL_IDLE_MS = 36_000;
/** How long after the last activity a folder counts as active. */
const ACTIVE_MS = 600_000;
/** Hints can get lost; a walk finds what they missed. It costs no request. */
const RESCAN_MS = 3_600_000;
/** Other programs tell nobody what they change; a listing finds it. */
const RELIST_MS = 6 * 3_600_000;

/** First pause and longest pause after a cycle that was stopped, by what may help. */
const BACK_OFF: Record<Retry, { readonly firstMs: number; readonly maxMs: number }> = {
  replan: { firstMs: 500, maxMs: 30_000 },
  later: { firstMs: 2_000, maxMs: 300_000 },
  // The user may have helped without telling: a disk is connected again, a sign-in renewed.
  'after-user': { firstMs: 5_000, maxMs: 60_000 },
  never: { firstMs: 60_000, maxMs: 3_600_000 },
};

/** `start`, `asked` and `relist` list the bucket, the others ask what is new; a hint or a poll may begin with one side. */
export type WakeReason = 'start' | 'asked' | 'woken' | 'hint' | 'poll' | 'rescan' | 'relist' | 'retry';

/** What the scheduler must know about a cycle that ended. */
export type CycleEnd = {
  /** Something was transferred or changed, or is left to do. */
  readonly wasActive: boolean;
  readonly stopped: { readonly retry: Retry; readonly retryAfterMs: number | null } | null;
  /** Something is left that can go on at this time: a file that is being written, a path that waits after a failure. */
  readonly againAtMs: number | null;
};

export type SchedulerOptions = {
  readonly clock: Clock;
  readonly random: Random;
  /** Runs one cycle. What it throws ends the scheduling, unless the signal was aborted. */
  readonly run: (reason: WakeReason, signal: AbortSignal) => Promise<CycleEnd>;
};

export class Scheduler {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #run: SchedulerOptions['run'];
  #stopping: AbortController | null = null;
  #loop: Promise<void> | null = null;
  #wake: (() => void) | null = null;
  #news = 0;
  #isAsked = false;
  #isWoken = false;
  #isShown = false;
  #firstHintMs: number | null = null;
  #lastHintMs = 0;
  #nextPollMs = 0;
  #nextRescanMs = 0;
  #nextRelistMs = 0;
  #againAtMs: number | null = null;
  #activeUntilMs = Number.NEGATIVE_INFINITY;
  #backOff: { readonly untilMs: number; readonly tries: number } | null = null;

  constructor(options: SchedulerOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#run = options.run;
  }

  /** Grows with all that asks for a look. */
  get news(): number {
    return this.#news;
  }

  get isRunning(): boolean {
    return this.#loop !== null;
  }

  /** Begins with a cycle at once. Starting twice changes nothing. */
  start(): void {
    if (this.#loop !== null) return;
    const stopping = new AbortController();
    this.#stopping = stopping;
    this.#backOff = null;
    this.#loop = this.#runLoop(stopping.signal).finally(() => {
      if (this.#stopping === stopping) this.#loop = this.#stopping = null;
    });
    // Whoever stops the scheduler awaits the loop; a failure is told by the runner itself.
    this.#loop.catch(() => undefined);
  }

  /** Aborts the cycle under way and waits for its end. */
  async stop(): Promise<void> {
    const loop = this.#loop;
    this.#stopping?.abort(new DOMException('paused', 'AbortError'));
    this.#wake?.();
    await loop?.catch(() => undefined);
  }

  /** Something below the root may have changed. */
  hint(): void {
    const nowMs = this.#clock.nowMs();
    this.#news += 1;
    this.#firstHintMs ??= nowMs;
    this.#lastHintMs = nowMs;
    this.#wake?.();
  }

  /** The user wants a cycle now, whatever was waited for. */
  ask(): void {
    this.#isAsked = true;
    this.#news += 1;
    this.#wake?.();
  }

  /** The computer slept, or its network or clock changed: what was waited for means nothing any more. */
  woken(): void {
    this.#isWoken = true;
    this.#news += 1;
    this.#wake?.();
  }

  /** Whether a window shows the folder. */
  setShown(isShown: boolean): void {
    if (isShown && !this.#isShown) this.#nextPollMs = Math.min(this.#nextPollMs, this.#clock.nowMs() + POLL_ACTIVE_MS);
    this.#isShown = isShown;
    this.#wake?.();
  }

  /** What runs next, and when. */
  next(): { readonly reason: WakeReason; readonly atMs: number } {
    if (this.#isAsked) return { reason: 'asked', atMs: this.#clock.nowMs() };
    if (this.#isWoken) return { reason: 'woken', atMs: this.#clock.nowMs() };
    if (this.#backOff !== null) return { reason: 'retry', atMs: this.#backOff.untilMs };
    const due: { reason: WakeReason; atMs: number }[] = [
      { reason: 'relist', atMs: this.#nextRelistMs },
      { reason: 'rescan', atMs: this.#nextRescanMs },
      { reason: 'poll', atMs: this.#nextPollMs },
    ];
    if (this.#firstHintMs !== null) due.push({ reason: 'hint', atMs: Math.min(this.#lastHintMs + HINT_QUIET_MS, this.#firstHintMs + HINT_MAX_WAIT_MS) });
    if (this.#againAtMs !== null) due.push({ reason: 'retry', atMs: this.#againAtMs });
    return due.reduce((earliest, candidate) => (candidate.atMs < earliest.atMs ? candidate : earliest));
  }

  async #runLoop(signal: AbortSignal): Promise<void> {
    let first = true;
    while (!signal.aborted) {
      const nowMs = this.#clock.nowMs();
      const { reason, atMs } = first ? { reason: 'start' as const, atMs: nowMs } : this.next();
      if (atMs > nowMs) {
        await this.#sleepUntil(atMs, signal);
        continue;
      }
      first = false;
      this.#isAsked = false;
      // A poll need not look at the disk: what waits for a look there goes on waiting.
      if (reason !== 'poll') this.#firstHintMs = this.#againAtMs = null;
      // The pauses begin anew with what this cycle meets.
      if (this.#isWoken) this.#backOff = null;
      this.#isWoken = false;
      const end = await this.#run(reason, signal);
      if (!signal.aborted) this.#plan(reason, end);
    }
  }

  #plan(reason: WakeReason, end: CycleEnd): void {
    const nowMs = this.#clock.nowMs();
    // Times that a clock which was put back since has moved too far away.
    this.#activeUntilMs = Math.min(this.#activeUntilMs, nowMs + ACTIVE_MS);
    this.#nextRescanMs = Math.min(this.#nextRescanMs, nowMs + RESCAN_MS);
    this.#nextRelistMs = Math.min(this.#nextRelistMs, nowMs + RELIST_MS);
    if (end.wasActive) this.#activeUntilMs = nowMs + ACTIVE_MS;
    const isActive = this.#isShown || nowMs < this.#activeUntilMs;
    this.#nextPollMs = nowMs + (isActive ? POLL_ACTIVE_MS : POLL_IDLE_MS);
    if (reason !== 'hint' && reason !== 'poll') this.#nextRescanMs = nowMs + RESCAN_MS;
    const isListing = reason === 'start' || reason === 'asked' || reason === 'relist';
    if (isListing && end.stopped === null) this.#nextRelistMs = nowMs + RELIST_MS;
    const again = [this.#againAtMs, end.againAtMs].filter((at) => at !== null);
    this.#againAtMs = again.length === 0 ? null : Math.max(Math.min(...again), nowMs + HINT_QUIET_MS);
    if (end.stopped === null) {
      this.#backOff = null;
      return;
    }
    const tries = (this.#backOff?.tries ?? 0) + 1;
    const { firstMs, maxMs } = BACK_OFF[end.stopped.retry];
    const pauseMs = Math.min(maxMs, firstMs * 2 ** Math.min(tries - 1, 20));
    this.#backOff = { tries, untilMs: nowMs + Math.max(end.stopped.retryAfterMs ?? 0, Math.round(pauseMs * (0.75 + 0.5 * this.#fraction()))) };
  }

  /** Spread, so that many devices do not come back to a server in the same second. */
  #fraction(): number {
    return (this.#random.bytes(1)[0] ?? 0) / 256;
  }

  async #sleepUntil(atMs: number, signal: AbortSignal): Promise<void> {
    const waking = new AbortController();
    this.#wake = () => waking.abort();
    try {
      await this.#clock.sleep(Math.max(0, atMs - this.#clock.nowMs()), AbortSignal.any([signal, waking.signal]));
    } catch (error) {
      if (!waking.signal.aborted && !signal.aborted) throw error;
    } finally {
      this.#wake = null;
    }
  }
}
