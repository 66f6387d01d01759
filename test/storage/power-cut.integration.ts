/** The storage loses its power, again and again, while two hundred writers are at work. */
import { describe, expect, test } from 'vitest';
import { canCutPower, FILE_SYSTEMS } from '../helpers/power-cut.ts';
import { cutPowerAgainAndAgain } from './kills.ts';

describe('a storage whose power is cut', () => {
  if (canCutPower()) {
    test.each(FILE_SYSTEMS)('keeps what it acknowledged, on %s', async (kind) => {
      expect(await cutPowerAgainAndAgain(kind, 10)).toBeGreaterThan(100);
    }, 900_000);
  } else {
    test('cannot be tried here, which was said', () => expect(canCutPower()).toBe(false));
  }
});
