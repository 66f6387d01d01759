/** A million histories, on all processors. ENFOLD_HISTORIES is how many at each level. */
import { expect, test } from 'vitest';
import { FIRST_SEED, LEVELS, runOnAllProcessors } from './many-histories.ts';

const HISTORIES = Number(process.env['ENFOLD_HISTORIES'] ?? 250_000);

test(`nothing is lost in ${HISTORIES * LEVELS.length} histories`, { timeout: 12 * 3_600_000 }, async () => {
  const total = { histories: 0, faults: 0, crashes: 0, conflictCopies: 0 };
  await runOnAllProcessors(HISTORIES, FIRST_SEED, ({ level, firstSeed }, sum) => {
    total.histories += sum.histories;
    total.faults += sum.faults;
    total.crashes += sum.crashes;
    total.conflictCopies += sum.conflictCopies;
    process.stdout.write(`level ${level}, seeds from ${firstSeed}: ${JSON.stringify(sum)}\n`);
  });
  process.stdout.write(`in all: ${JSON.stringify(total)}\n`);
  expect(total.histories).toBe(HISTORIES * LEVELS.length);
});
