/**
 * How many requests may be under way at a server that asks to slow down: half as many at each such answer, one more for each round of
 * successes (additive increase, multiplicative decrease), so that many devices share what the server can take.
 */
import { waitForTurn } from './on-abort.ts';

export type Pace = {
  /** Resolves when a request may go (null: at once). Each call is answered by one of {@link Pace.left}. */
  enter(signal: AbortSignal): Promise<void> | null;
  /** @param sentAt - {@link Pace.decreases} as it was when the request went. */
  left(outcome: 'done' | 'throttled' | 'failed', sentAt: number): void;
  /** How often there was a decrease. */
  readonly decreases: number;
  /** Requests that may be under way at once, as of now. */
  readonly limit: number;
};

/** @param most - what is allowed while nobody complains. */
export function createPace(most: number): Pace {
  let limit = most;
  let underWay = 0;
  let decreases = 0;
  const line: (() => void)[] = [];

  function admit(): void {
    while (underWay < Math.floor(limit)) {
      const next = line.shift();
      if (next === undefined) return;
      underWay += 1;
      next();
    }
  }

  return {
    get limit() {
      return Math.floor(limit);
    },
    enter(signal) {
      if (line.length === 0 && underWay < Math.floor(limit)) {
        underWay += 1;
        return null;
      }
      return waitForTurn<void>(signal, (go) => {
        line.push(go);
        return () => {
          const at = line.indexOf(go);
          if (at >= 0) line.splice(at, 1);
        };
      });
    },
    get decreases() {
      return decreases;
    },
    left(outcome, sentAt) {
      underWay -= 1;
      if (outcome === 'throttled') {
        // Answers to requests that went before the last decrease say nothing new.
        if (sentAt === decreases) {
          decreases += 1;
          // From what is really under way: a limit that nobody came near says nothing.
          limit = Math.max(1, Math.min(limit, underWay + 1) / 2);
        }
      } else if (outcome === 'done' && limit < most) limit = Math.min(most, limit + 1 / limit);
      admit();
    },
  };
}
