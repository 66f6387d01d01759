/**
 * Repeats what may be repeated: requests that failed with `later`, after a pause that grows and is jittered. Requests whose
 * effect is uncertain (a conditional write whose answer was lost) are settled first by looking: `writes.ts`.
 */
import { isSyncError } from '../model/errors.ts';
import { onAbort } from './on-abort.ts';

export type RetryOptions = { readonly attempts?: number; readonly baseMs?: number; readonly maxMs?: number };

/** Resolves after `ms`; rejects with the signal's reason. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      forget();
      resolve();
    }, ms);
    const forget = onAbort(signal, () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}

/** Half of it fixed, half random, so that many clients do not come back at once. */
export function backoffMs(attempt: number, { baseMs = 200, maxMs = 10_000 }: RetryOptions = {}): number {
  const full = Math.min(maxMs, baseMs * 2 ** attempt);
  return full / 2 + Math.random() * (full / 2);
}

/**
 * @param run - called with 0, 1, …; its last error is thrown where it keeps failing.
 */
export async function withRetries<T>(run: (attempt: number) => Promise<T>, signal: AbortSignal, options: RetryOptions = {}): Promise<T> {
  const attempts = options.attempts ?? 5;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await run(attempt);
    } catch (error) {
      if (signal.aborted || attempt + 1 >= attempts || !isSyncError(error) || error.retry !== 'later') throw error;
      await pause(Math.max(error.retryAfterMs ?? 0, backoffMs(attempt, options)), signal);
    }
  }
}
