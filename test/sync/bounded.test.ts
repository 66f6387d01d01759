import { describe, expect, test } from 'vitest';
import { Batcher } from '../../main/sync/bounded.ts';
import { FakeClock } from '../helpers/fake-clock.ts';

describe('a batcher', () => {
  const clock = new FakeClock(0, true);

  test('hands on everything, in batches of the given size', async () => {
    const batches: (readonly number[])[] = [];
    const batcher = new Batcher<number>({ size: 3, delayMs: 50, clock, flush: async (items) => void batches.push(items) });
    for (let i = 0; i < 8; i++) await batcher.add(i);
    await batcher.drain();
    expect(batches.flat()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(Math.max(...batches.map((batch) => batch.length))).toBe(3);
  });

  test('takes nothing more once a batch failed, and ends all the same', async () => {
    const batcher = new Batcher<number>({ size: 2, delayMs: 50, clock, flush: async () => { throw new Error('full'); } });
    await batcher.add(1);
    await expect(batcher.drain()).rejects.toThrow('full');
    // A transfer that was still under way when the batch failed.
    await expect(batcher.add(2)).rejects.toThrow('full');
    await expect(batcher.drain()).rejects.toThrow('full');
  });
});
