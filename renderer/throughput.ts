/** How fast each folder moved of late: one sample a second, for two minutes, while the window is open; and all together, for half an hour. */
import { create } from 'zustand';
import { useStore } from './store.ts';

export const SAMPLES = 120;
/** Half an hour, each the mean of ten seconds. */
export const TRAIL = 180;
const TRAIL_EVERY = 10;
type Rates = ReadonlyMap<string, readonly number[]>;

/** Bytes a second by folder id, the newest last. A folder that did not move in all that time is not in it. */
export const useThroughput = create<{ rates: Rates; trail: readonly number[] }>(() => ({ rates: new Map(), trail: [] }));
let sinceTrail: number[] = [];

/** @param now - bytes a second of every folder that is there; a folder that left is forgotten. */
export function withSample(rates: Rates, now: ReadonlyMap<string, number>): Rates {
  const next = [...now].map(([id, rate]) => [id, [...(rates.get(id) ?? []), rate].slice(-SAMPLES)] as const).filter(([, samples]) => samples.some((one) => one > 0));
  return next.length === 0 && rates.size === 0 ? rates : new Map(next);
}

function sample(): void {
  const now = new Map(useStore.getState().folders.map(({ id, status }) => [id, status.state === 'syncing' ? (status.progress?.bytesPerSecond ?? 0) : 0]));
  const { rates } = useThroughput.getState();
  const next = withSample(rates, now);
  if (next !== rates) useThroughput.setState({ rates: next });
  sinceTrail.push([...now.values()].reduce((sum, one) => sum + one, 0));
  if (sinceTrail.length < TRAIL_EVERY) return;
  const mean = sinceTrail.reduce((sum, one) => sum + one, 0) / sinceTrail.length;
  sinceTrail = [];
  useThroughput.setState(({ trail }) => ({ trail: [...trail, mean].slice(-TRAIL) }));
}

/** Of several folders together, aligned at their newest sample. */
export function sumOf(histories: readonly (readonly number[])[]): number[] {
  const length = Math.max(0, ...histories.map((one) => one.length));
  return Array.from({ length }, (_, index) => histories.reduce((sum, one) => sum + (one[one.length - length + index] ?? 0), 0));
}

export function startSampling(): void {
  setInterval(sample, 1000);
}
