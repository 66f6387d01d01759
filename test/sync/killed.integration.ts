/** A sync that is killed between two calls that change the disk or send something: forty points spread over all of them; the rest is in the soak. */
import { expect, test } from 'vitest';
import { canTrace, inScratch, killAtWritingCalls } from './bad-ends.ts';

const POINTS = 40;

if (canTrace()) {
  test('a sync that is killed at any call leaves whole files, and the next ones lose nothing and make no conflict copy', async () => {
    const { points, killed, calls } = await inScratch((scratch) => killAtWritingCalls(scratch, POINTS));
    process.stdout.write(`killed at ${killed} of ${points} points, at ${[...calls].join(' ')}\n`);
    expect(killed).toBeGreaterThan(POINTS * 0.6);
  }, 900_000);
} else {
  test('cannot be tried here, which was said', () => expect(canTrace()).toBe(false));
}
