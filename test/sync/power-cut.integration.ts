/** The computer loses its power while it syncs, with the folder and the records on the disk that it loses. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { canCutPower, createPowerCutDisk, FILE_SYSTEMS } from '../helpers/power-cut.ts';
import { cutPowerAgainAndAgain, cutPowerInSync, inScratch } from './bad-ends.ts';
import { createPair } from './pair.ts';

const CUTS = 10;

if (canCutPower()) {
  describe('a sync whose power is cut', () => {
    test.each(FILE_SYSTEMS)('leaves whole files and true records, on %s', async (kind) => {
      const { cuts, through } = await inScratch((scratch) => cutPowerAgainAndAgain(scratch, kind, CUTS));
      process.stdout.write(`${cuts} power cuts on ${kind}, ${through} of them right after a sync that was through\n`);
      expect(cuts).toBe(CUTS);
    }, 900_000);

    test('shows a missing fsync', async () => {
      const broken = await inScratch(async (scratch) => {
        const disk = createPowerCutDisk('xfs');
        const pair = await createPair(scratch, disk.path).catch((error: unknown) => {
          disk.remove();
          throw error;
        });
        try {
          await pair.change();
          const withoutFsync = { env: { NODE_OPTIONS: `--import=${pathToFileURL(resolve('test/sync/without-fsync.mjs')).href}` } };
          expect(await cutPowerInSync(pair, disk, { request: Number.POSITIVE_INFINITY, delayMs: 0 }, withoutFsync)).toBe(true);
          return [...pair.torn(), ...(await pair.settle())];
        } finally {
          await pair.close();
          disk.remove();
        }
      });
      expect(broken).not.toEqual([]);
    }, 300_000);
  });
} else {
  test('cannot be tried here, which was said', () => expect(canCutPower()).toBe(false));
}
