/** More of crash.integration.ts and power-cut.integration.ts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { canCutPower, FILE_SYSTEMS } from '../helpers/power-cut.ts';
import { cutPowerAgainAndAgain, killAgainAndAgain } from './kills.ts';

describe('a storage that is ended at once, for long', () => {
  test('keeps what it acknowledged over 50 kills', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'enfold-crash-'));
    try {
      expect(await killAgainAndAgain(dir, 50)).toBeGreaterThan(500);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  if (canCutPower()) {
    // Each file system begins anew now and then: it would be full at last.
    test.each(FILE_SYSTEMS.flatMap((kind) => Array.from({ length: 10 }, (_, time) => [kind, time] as const)))('keeps what it acknowledged over 25 power cuts on %s, time %i', async (kind) => {
      expect(await cutPowerAgainAndAgain(kind, 25)).toBeGreaterThan(250);
    });
  } else {
    test('cannot cut the power here, which was said', () => expect(canCutPower()).toBe(false));
  }
});
