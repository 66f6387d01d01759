/* oxlint-disable vitest/no-standalone-expect -- run inside tests */
/** Mixed histories at one level of what a server enforces: a file for each level, so that they run beside one another. */
import { expect, test } from 'vitest';
import type { Level } from '../helpers/world.ts';
import { firstSeedAt, mixedHistory, runHistories } from './many-histories.ts';

/** ENFOLD_HISTORIES is how many are tried at each level, ENFOLD_SEED where the seeds begin. */
export const HISTORIES = Number(process.env['ENFOLD_HISTORIES'] ?? 3_000);

export function simulateLevel(level: Level): void {
  test(`nothing is lost and all come to the same rest, with a server of level ${level}`, { timeout: 60_000 + HISTORIES * 200 }, async () => {
    const firstSeed = firstSeedAt(level);
    const sum = await runHistories(HISTORIES, (seed) => mixedHistory(level, seed), firstSeed);
    process.stdout.write(`level ${level}, seeds from ${firstSeed}: ${JSON.stringify(sum)}\n`);
    expect(sum.histories).toBe(HISTORIES);
    expect(Math.min(sum.faults, sum.crashes, sum.conflictCopies)).toBeGreaterThan(0);
  });
}
