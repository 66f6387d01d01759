import { expect, test } from 'vitest';
import { createBudget } from '../../main/transfer/budget.ts';

const never = new AbortController().signal;

test('more than the budget is never held at once, and the first in line is served first', async () => {
  const budget = createBudget(100);
  let held = 0;
  let most = 0;
  const order: number[] = [];
  await Promise.all([60, 60, 30, 10, 100, 5].map(async (bytes, index) => {
    const release = await budget.take(bytes, never);
    order.push(index);
    held += bytes;
    most = Math.max(most, held);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    held -= bytes;
    release();
    release();
  }));
  expect(most).toBeLessThanOrEqual(100);
  expect(order).toEqual([0, 1, 2, 3, 4, 5]);
});

test('what is larger than the budget is served alone instead of never', async () => {
  const budget = createBudget(10);
  const release = await budget.take(1000, never);
  let isServed = false;
  const second = budget.take(1, never).then((give) => {
    isServed = true;
    return give;
  });
  await Promise.resolve();
  expect(isServed).toBe(false);
  release();
  (await second)();
  expect(isServed).toBe(true);
});

test('who gives up leaves the line to the others', async () => {
  const budget = createBudget(10);
  const release = await budget.take(10, never);
  const stop = new AbortController();
  const given = budget.take(10, stop.signal);
  const next = budget.take(10, never);
  const reason = new Error('enough');
  stop.abort(reason);
  await expect(given).rejects.toBe(reason);
  release();
  (await next)();
  (await budget.take(10, never))();
});
