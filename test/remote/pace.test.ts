/** How many requests are under way at a server that asks to slow down. */
import { describe, expect, test } from 'vitest';
import { createPace } from '../../main/remote/pace.ts';

const never = new AbortController().signal;

describe('the pace of requests', () => {
  test('halves what is under way when the server asks to slow down, and grows again by one with each round of successes', () => {
    const pace = createPace(32);
    for (let i = 0; i < 32; i += 1) expect(pace.enter(never)).toBeNull();
    pace.left('throttled', 0);
    expect([pace.limit, pace.decreases]).toEqual([16, 1]);
    // The others were sent at the same time: their answers say nothing new.
    pace.left('throttled', 0);
    for (let i = 0; i < 30; i += 1) pace.left('failed', 0);
    expect([pace.limit, pace.decreases]).toEqual([16, 1]);
    for (let i = 0; i < 16; i += 1) expect(pace.enter(never)).toBeNull();
    pace.left('throttled', 1);
    expect(pace.limit).toBe(8);
    for (let i = 0; i < 15; i += 1) pace.left('done', 1);
    expect(pace.limit).toBe(9);
    for (let round = 0; round < 600; round += 1) {
      expect(pace.enter(never)).toBeNull();
      pace.left('done', 2);
    }
    expect(pace.limit).toBe(32);
  });

  test('never goes below one, however often the server complains', () => {
    const pace = createPace(8);
    for (let i = 0; i < 20; i += 1) {
      expect(pace.enter(never)).toBeNull();
      pace.left('throttled', pace.decreases);
      expect(pace.limit).toBeGreaterThanOrEqual(1);
    }
    expect(pace.limit).toBe(1);
  });

  test('lets those that wait go in their order, and forgets those that no longer want to', async () => {
    const pace = createPace(1);
    expect(pace.enter(never)).toBeNull();
    const stop = new AbortController();
    const went: string[] = [];
    const given = pace.enter(stop.signal)?.then(() => went.push('given up'), () => went.push('stopped'));
    const first = pace.enter(never)?.then(() => went.push('first'));
    const second = pace.enter(never)?.then(() => went.push('second'));
    stop.abort(new Error('enough'));
    await given;
    pace.left('done', 0);
    await first;
    expect(went).toEqual(['stopped', 'first']);
    pace.left('done', 0);
    await second;
    expect(went).toEqual(['stopped', 'first', 'second']);
  });
});
