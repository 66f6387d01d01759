/** All calls at which a sync can be killed, five times over, and a thousand power cuts. */
import { describe, expect, test } from 'vitest';
import { canCutPower, FILE_SYSTEMS } from '../helpers/power-cut.ts';
import { canTrace, cutPowerAgainAndAgain, inScratch, killAtWritingCalls } from './bad-ends.ts';

const CUTS = Number(process.env['ENFOLD_POWER_CUTS'] ?? 1_000) / FILE_SYSTEMS.length;
const SCRIPTS = 5;

describe('syncs that end badly lose nothing', { timeout: 6 * 3_600_000 }, () => {
  test.each(Array.from({ length: SCRIPTS }, (_, i) => i + 1))('killed at every call, time %i', async () => {
    if (!canTrace()) return;
    const { points, killed, calls } = await inScratch((scratch) => killAtWritingCalls(scratch, Number.POSITIVE_INFINITY));
    process.stdout.write(`killed at ${killed} of ${points} points, at ${[...calls].join(' ')}\n`);
    expect(killed).toBeGreaterThan(points * 0.6);
  });

  test.each(FILE_SYSTEMS)('power cut again and again, on %s', async (kind) => {
    if (!canCutPower()) return;
    const { cuts, through } = await inScratch((scratch) => cutPowerAgainAndAgain(scratch, kind, CUTS));
    process.stdout.write(`${cuts} power cuts on ${kind}, ${through} of them right after a sync that was through\n`);
    expect(cuts).toBe(CUTS);
  });
});
