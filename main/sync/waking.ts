/**
 * Notices that the computer slept: timers stand still meanwhile and the clock does not, so that one comes much later than it was
 * set for. What everybody waited for then (the next poll, the end of a pause) is out of date, and so is what was known of either side.
 * A clock that was put forward or back looks the same and asks for the same. A network that appeared or changed is worth a look too.
 */
import type { Clock } from './ports.ts';

/** What sleeps shorter than this is found by the next poll. */
const LOOK_EVERY_MS = 5_000;
/** A busy computer may be late too, but not by so much. */
const SLEPT_MS = 30_000;

export type WakingOptions = {
  readonly clock: Clock;
  /** What the computer can be reached at, in any form in which equal means unchanged; `''` where there is no network. */
  readonly network: () => string;
  readonly onWoken: () => void;
};

/** Watches until the signal; never rejects. */
export async function watchForWaking({ clock, network, onWoken }: WakingOptions, signal: AbortSignal): Promise<void> {
  let before = network();
  while (!signal.aborted) {
    const fromMs = clock.nowMs();
    try {
      await clock.sleep(LOOK_EVERY_MS, signal);
    } catch {
      return;
    }
    const lateMs = clock.nowMs() - fromMs - LOOK_EVERY_MS;
    const now = network();
    if (Math.abs(lateMs) > SLEPT_MS || (now !== before && now !== '')) onWoken();
    before = now;
  }
}
