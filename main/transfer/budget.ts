import { waitForTurn } from '../remote/on-abort.ts';

/** A bound on the bytes that transfers hold in memory at once, shared by all transfers of one worker; first come, first served. */
export type Budget = {
  /**
   * Waits until `bytes` are free. More than the whole budget is granted when nothing else is held, so that it never waits for ever.
   *
   * @returns gives them back; calling it twice is harmless.
   */
  take(bytes: number, signal: AbortSignal): Promise<() => void>;
};

type Waiting = { readonly bytes: number; readonly grant: () => void };

export function createBudget(totalBytes: number): Budget {
  let usedBytes = 0;
  const line: Waiting[] = [];

  function admit(): void {
    for (let next = line[0]; next !== undefined && (usedBytes === 0 || usedBytes + next.bytes <= totalBytes); next = line[0]) {
      line.shift();
      usedBytes += next.bytes;
      next.grant();
    }
  }

  return {
    async take(bytes, signal) {
      signal.throwIfAborted();
      if (line.length === 0 && (usedBytes === 0 || usedBytes + bytes <= totalBytes)) {
        usedBytes += bytes;
      } else {
        await waitForTurn<void>(signal, (grant) => {
          const waiting: Waiting = { bytes, grant };
          line.push(waiting);
          return () => {
            const index = line.indexOf(waiting);
            if (index >= 0) line.splice(index, 1);
            admit();
          };
        });
      }
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        usedBytes -= bytes;
        admit();
      };
    },
  };
}
