/** Devices that write while the folder's mode and key change: nothing is lost, all come to the same rest, and everything stands under the last epoch. */
import { describe, expect, test } from 'vitest';
import type { EpochBug } from '../helpers/epochs.ts';
import { runEpochHistory } from './epoch-history.ts';
import type { EpochHistoryOptions } from './epoch-history.ts';
import { FIRST_SEED, LEVELS } from './many-histories.ts';

const HISTORIES = Number(process.env['ENFOLD_EPOCH_HISTORIES'] ?? 60);

/** Two devices or three; calm or stormy. */
function optionsOf(seed: number): Omit<EpochHistoryOptions, 'level'> {
  const weather = seed % 3;
  return { seed, devices: seed % 5 === 0 ? 3 : 2, steps: 40, faultChance: [0, 0.05, 0.1][weather] ?? 0, crashChance: [0, 0.005, 0.01][weather] ?? 0 };
}

describe('whoever changes the mode or key while others write, and whatever fails meanwhile', { timeout: 120_000 }, () => {
  test.each(LEVELS)('nothing is lost and everything comes under the last epoch, at a server that keeps these conditions: %s', async (level) => {
    const sum = { changes: 0, faults: 0, crashes: 0 };
    for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed++) {
      const options = { ...optionsOf(seed), level };
      const report = await runEpochHistory(options);
      if (report.broken.length > 0) throw new Error(`${JSON.stringify(options)}\n${report.broken.join('\n')}\n\n${report.trace.join('\n')}`);
      sum.changes += report.changes;
      sum.faults += report.faults;
      sum.crashes += report.crashes;
    }
    expect(Math.min(...Object.values(sum))).toBeGreaterThan(0);
  });

  test('the same seed gives the same history', async () => {
    const options: EpochHistoryOptions = { ...optionsOf(FIRST_SEED), level: 'full', faultChance: 0.05, crashChance: 0.005 };
    expect((await runEpochHistory(options)).trace).toEqual((await runEpochHistory(options)).trace);
  });
});

describe('the histories notice what they are there for', { timeout: 60_000 }, () => {
  /** Where one is known to notice; a change of the engine may move it. */
  const MOST_SEEDS = 400;
  test.each<[string, EpochBug, number]>([
    ['files that are sent over whatever stands there', 'blind-puts', 21],
    ['a device that never looks back at what it wrote in the old way', 'no-look-back', 1],
    ['a device that does not know its own writes again', 'no-own-writes', 90],
  ])('%s', async (_, bug, firstSeed) => {
    for (let seed = firstSeed; seed < firstSeed + MOST_SEEDS; seed++) {
      const { broken } = await runEpochHistory({ ...optionsOf(seed), level: 'full', bug });
      if (broken.length > 0) return;
    }
    expect.unreachable(`nothing was noticed in ${MOST_SEEDS} histories`);
  });
});
