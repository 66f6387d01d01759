/**
 * Bugs on purpose: the histories notice what they are there for. Each bug takes a safeguard out of the ports (test/helpers/seeded-bugs.ts;
 * the missing fsync is in power-cut.integration.ts), and has the seed at which it was noticed first. As the engine changes another one may
 * notice it: so many are tried from there on.
 */
import { describe, expect, test } from 'vitest';
import type { SeededBug } from '../helpers/world.ts';
import type { HistoryOptions } from './history.ts';
import { brokenBy, shrink } from './many-histories.ts';

const MOST_HISTORIES = 2_000;
const rough = { level: 'full', isClientSide: false, devices: 2, steps: 40, faultChance: 0.06, crashChance: 0.005, meanwhileChance: 0.1 } as const;

const BUGS: readonly [SeededBug, number, Partial<HistoryOptions> & { readonly hasNoConflicts?: boolean }][] = [
  ['no-recheck', 6, {}],
  ['no-intents', 9, { devices: 1, faultChance: 0.15, hasNoConflicts: true }],
  // Whose file came back to the same name has another inode and counts as new: only who rests on the feeds is told too little.
  ['no-delete-intents', 3, { faultChance: 0.1, restsOnFeeds: true }],
  ['no-vectors', 1, { level: 'none', meanwhileChance: 0.03, togetherChance: 0.3 }],
  // Vectors and tombstones would make up for it, but another program has neither.
  ['no-if-match', 1, { hasForeigners: true }],
  ['base-before-durable', 26, {}],
  ['tag-unchecked', 1, { isClientSide: true, hasTampering: true }],
  ['no-tombstones', 4, { isClientSide: true }],
];

describe('the histories notice', { timeout: 300_000 }, () => {
  test.each(BUGS)('%s', async (bug, seed, changes) => {
    for (let tried = seed; tried < seed + MOST_HISTORIES; tried++) {
      const options = { ...rough, ...changes, seed: tried };
      const { broken } = await brokenBy({ ...options, bug });
      if (broken.length === 0) continue;
      if (tried !== seed) process.stdout.write(`${bug} is noticed at seed ${tried}\n`);
      expect((await brokenBy(options)).broken, 'without the bug').toEqual([]);
      return;
    }
    expect.unreachable(`nothing was noticed in ${MOST_HISTORIES} histories`);
  });
});

test('a broken history is told by the few steps that break it', async () => {
  const options: HistoryOptions = { ...rough, seed: 1, hasForeigners: true, bug: 'no-if-match' };
  const least = await shrink(options);
  expect((await brokenBy(least)).broken).not.toEqual([]);
  expect(least.steps - (least.without?.length ?? 0)).toBeLessThan(8);
});
