import { expect, test } from 'vitest';
import { SAMPLES, sumOf, withSample } from '../../renderer/throughput.ts';

const sampled = (...rates: number[]) => rates.reduce((history, rate) => withSample(history, new Map([['a', rate]])), new Map() as ReturnType<typeof withSample>);

test('keeps two minutes of a folder that moves, the newest last', () => {
  expect(sampled(0, 0, 5, 7).get('a')).toEqual([5, 7]);
  const long = sampled(...Array.from({ length: SAMPLES + 30 }, (_, index) => index + 1)).get('a');
  expect(long).toHaveLength(SAMPLES);
  expect(long?.at(-1)).toBe(SAMPLES + 30);
});

test('forgets a folder that left, and one that did not move in all that time', () => {
  expect(withSample(sampled(5), new Map()).size).toBe(0);
  expect(sampled(5, ...Array.from({ length: SAMPLES }, () => 0)).size).toBe(0);
});

test('nothing changes while nothing moves, so that nothing is drawn again', () => {
  const still = sampled(0);
  expect(withSample(still, new Map([['a', 0]]))).toBe(still);
});

test('adds folders up from the newest sample back', () => {
  expect(sumOf([[1, 2, 3], [10]])).toEqual([1, 2, 13]);
  expect(sumOf([])).toEqual([]);
});
