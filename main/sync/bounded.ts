/** Ways to keep many things going at once without holding a promise for each of them. */
import type { Clock } from './ports.ts';

/**
 * Calls `run` for every item with at most `limit` calls under way, taking items only as calls end.
 * The first error stops the taking and is thrown once the calls under way have ended.
 */
export async function forEachBounded<T>(items: Iterable<T>, limit: number, run: (item: T) => Promise<void>): Promise<void> {
  const source = items[Symbol.iterator]();
  let failed: { readonly error: unknown } | null = null;
  const lane = async (): Promise<void> => {
    while (failed === null) {
      try {
        const next = source.next();
        if (next.done === true) return;
        await run(next.value);
      } catch (error) {
        failed ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, lane));
  source.return?.();
  if (failed !== null) throw (failed as { readonly error: unknown }).error;
}

/** Lets everything else that is ready have its turn: long loops that wait for nothing call it now and then. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Gathers items and hands them on together: when there are `size` of them, or `delayMs` after the first. */
export class Batcher<T> {
  #items: T[] = [];
  #under: Promise<void> | null = null;
  #failed: { readonly error: unknown } | null = null;
  #timer: AbortController | null = null;
  readonly #size: number;
  readonly #delayMs: number;
  readonly #clock: Clock;
  readonly #flush: (items: readonly T[]) => Promise<void>;

  /** @param flush - called with at most `size` items, never twice at once. */
  constructor(options: { readonly size: number; readonly delayMs: number; readonly clock: Clock; readonly flush: (items: readonly T[]) => Promise<void> }) {
    this.#size = options.size;
    this.#delayMs = options.delayMs;
    this.#clock = options.clock;
    this.#flush = options.flush;
  }

  /** Waits only where two batches are full already, so that a fast giver cannot pile up items. @throws what `flush` threw */
  async add(item: T): Promise<void> {
    if (this.#failed !== null) throw this.#failed.error;
    this.#items.push(item);
    if (this.#items.length >= this.#size) void this.#start();
    else this.#startLater();
    if (this.#items.length >= 2 * this.#size) await this.drain();
  }

  /** Hands on all there is and waits for it. @throws what `flush` threw */
  async drain(): Promise<void> {
    while (this.#items.length > 0 || this.#under !== null) await this.#start();
    if (this.#failed !== null) throw this.#failed.error;
  }

  #start(): Promise<void> {
    this.#timer?.abort();
    this.#timer = null;
    this.#under ??= this.#run().finally(() => {
      this.#under = null;
      if (this.#items.length > 0) this.#startLater();
    });
    return this.#under;
  }

  async #run(): Promise<void> {
    // Nothing may be handed on within the caller's own stack: `#under` must be set first.
    await Promise.resolve();
    while (this.#items.length > 0 && this.#failed === null) {
      const batch = this.#items.splice(0, this.#size);
      try {
        await this.#flush(batch);
      } catch (error) {
        this.#failed = { error };
        this.#items = [];
      }
    }
  }

  #startLater(): void {
    if (this.#timer !== null || this.#under !== null) return;
    const timer = new AbortController();
    this.#timer = timer;
    this.#clock.sleep(this.#delayMs, timer.signal).then(
      () => void this.#start(),
      () => undefined,
    );
  }
}
