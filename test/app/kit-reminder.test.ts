import { expect, test } from 'vitest';
import { createKitReminder } from '../../main/app/kit-reminder.ts';
import { kitStateOf, type KitState } from '../../main/model/settings.ts';

const DAY_MS = 24 * 3600_000;
const key = (name: string, state: KitState, usedBy: string[] = ['Photos']) => ({ keyId: name, name, usedBy, kit: { state, madeAtMs: 1, verifiedAtMs: 1 } });

test('a kit is due a year after it was last checked, and not a day before', () => {
  const kit = { madeAtMs: 0, verifiedAtMs: 1_000 * DAY_MS, folderIds: ['a'] };
  expect([364, 365, 366].map((days) => kitStateOf(kit, ['a'], (1_000 + days) * DAY_MS))).toEqual(['verified', 'verified', 'due']);
  expect(kitStateOf({ ...kit, verifiedAtMs: null }, ['a'], 5_000 * DAY_MS)).toBe('unverified');
});

test('who has a kit that is due is told once, and again when it is due anew', async () => {
  const told: string[] = [];
  let keys: ReturnType<typeof key>[] | null = null;
  const remind = createKitReminder({ keys: async () => keys, tell: (name) => told.push(name) });
  await remind();
  keys = [key('due', 'due'), key('fresh', 'verified'), key('never', 'unverified'), key('none', 'none'), key('unused', 'due', [])];
  await remind();
  await remind();
  expect(told).toEqual(['due']);
  keys = [key('due', 'verified')];
  await remind();
  keys = [key('due', 'due')];
  await remind();
  expect(told).toEqual(['due', 'due']);
});
