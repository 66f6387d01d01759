/** A clock whose time passes only when everybody waits for it. */
import type { Clock } from '../../main/sync/ports.ts';

type Sleeper = { readonly untilMs: number; readonly wake: () => void };

/**
 * `isAutomatic`: when nothing else can run, time jumps to the next sleeper. Otherwise it stands until {@link FakeClock.advance}.
 */
export class FakeClock implements Clock {
  isAutomatic: boolean;
  #nowMs: number;
  #sleepers: Sleeper[] = [];
  #isArmed = false;

  constructor(startMs = Date.UTC(2026, 0, 1), isAutomatic = true) {
    this.#nowMs = startMs;
    this.isAutomatic = isAutomatic;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal.reason as Error);
      };
      const sleeper = {
        untilMs: this.#nowMs + Math.max(0, ms),
        wake: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#sleepers.push(sleeper);
      this.#arm();
    });
  }

  get sleepers(): number {
    return this.#sleepers.length;
  }

  /** Lets time pass: wakes in order, and lets whoever woke go on before the next one wakes. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await idle();
    for (let next = this.#takeNext(endMs); next !== undefined; next = this.#takeNext(endMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.untilMs);
      next.wake();
      await idle();
    }
    this.#nowMs = endMs;
  }

  /** Time passes without waking anybody; for tests that do not care about the waiting. */
  pass(ms: number): void {
    this.#nowMs += ms;
  }

  #takeNext(untilMs: number): Sleeper | undefined {
    const next = this.#sleepers.filter((sleeper) => sleeper.untilMs <= untilMs).toSorted((a, b) => a.untilMs - b.untilMs)[0];
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper !== next);
    return next;
  }

  #arm(): void {
    if (!this.isAutomatic || this.#isArmed) return;
    this.#isArmed = true;
    // All of the world is promises: when the next turn of the loop comes, nothing is left that could run.
    setImmediate(() => {
      this.#isArmed = false;
      if (!this.isAutomatic) return;
      const next = this.#takeNext(Number.POSITIVE_INFINITY);
      if (next === undefined) return;
      this.#nowMs = Math.max(this.#nowMs, next.untilMs);
      next.wake();
      if (this.#sleepers.length > 0) this.#arm();
    });
  }
}

/** Resolves when everything that only waits for promises has run. */
export function idle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
