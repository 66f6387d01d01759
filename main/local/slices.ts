/** Long work on the engine's own thread, a few milliseconds at a time, so that what else waits for the thread has its turn. */

const SLICE_MS = 8;
/** So many are sorted at a stretch: a few milliseconds, also with a comparison that knows languages. */
const RUN = 256;

export type Breathe = () => Promise<void> | null;
export type Compare<T> = (left: T, right: T) => number;

/** Lets waiting events through when the last time is more than a slice ago. */
export function createBreather(sliceMs = SLICE_MS): Breathe {
  let since = performance.now();
  return () => {
    if (performance.now() - since < sliceMs) return null;
    return new Promise((resolve) => {
      setImmediate(() => {
        since = performance.now();
        resolve();
      });
    });
  };
}

/** Stable, as the array's own. */
export async function sortInSlices<T>(items: readonly T[], compare: Compare<T>, breathe: Breathe): Promise<T[]> {
  let runs: T[][] = [];
  for (let start = 0; start < items.length; start += RUN) {
    runs.push(items.slice(start, start + RUN).sort(compare));
    await breathe();
  }
  while (runs.length > 1) {
    const longer: T[][] = [];
    for (let at = 0; at < runs.length; at += 2) longer.push(await mergeInSlices(runs[at]!, runs[at + 1] ?? [], compare, breathe));
    runs = longer;
  }
  return runs[0] ?? [];
}

/** Two sorted lists as one; of equals the left one comes first. */
export async function mergeInSlices<T>(left: T[], right: T[], compare: Compare<T>, breathe: Breathe): Promise<T[]> {
  if (left.length === 0 || right.length === 0) return left.length === 0 ? right : left;
  const merged: T[] = [];
  for (let l = 0, r = 0; l < left.length || r < right.length; ) {
    if (merged.length % RUN === 0) await breathe();
    merged.push(r >= right.length || (l < left.length && compare(left[l]!, right[r]!) <= 0) ? left[l++]! : right[r++]!);
  }
  return merged;
}
