/** Limits as people write them, and as they hold at a time. */
import { describe, expect, test, vi } from 'vitest';
import { createFlow, LIMITS_FACT } from '../../main/assembly/flow.ts';
import { formatRateTable, parseRateTable, rateAt, type TransferLimits } from '../../main/model/transfer-limits.ts';
import { createThrottle } from '../../main/remote/throttle.ts';
import type { SettingsStore } from '../../main/state/settings.ts';

const KIB = 1024;
/** Monday, 23 November 2026. */
const monday = (hours: number, minutes = 0): Date => new Date(2026, 10, 23, hours, minutes);
const saturday = (hours: number): Date => new Date(2026, 10, 28, hours);

describe('a rate', () => {
  test.each([['512K', 512 * KIB], ['1.5M', 1.5 * KIB * KIB], ['2MiB/s', 2 * KIB * KIB], ['1G', KIB ** 3], ['off', null]])('%s holds always', (text, rate) => {
    const table = parseRateTable(text) ?? [];
    expect([rateAt(table, monday(3)), rateAt(table, saturday(23))]).toEqual([rate, rate]);
  });

  test.each(['', '0', '512', '-1K', '1e9M', 'NaN', '0.0001K', '9999G', 'fast', '8:00,1M', '24:00,1M', '08:60,1M', '08:00,1M,2M', '08:00', 'Moon-08:00,1M', '08:00,1M;18:00,off', '1M 2M'])('%j is none', (text) => {
    expect(parseRateTable(text)).toBeNull();
  });

  test('of a timetable holds until the next, over midnight and over the week\'s end', () => {
    const daily = parseRateTable('08:00,512K 18:00,off') ?? [];
    expect([rateAt(daily, monday(7, 59)), rateAt(daily, monday(8)), rateAt(daily, monday(17, 59)), rateAt(daily, monday(18)), rateAt(daily, saturday(12))]).toEqual([null, 512 * KIB, 512 * KIB, null, 512 * KIB]);
    const weekly = parseRateTable('Mon-08:00,1M Fri-18:00,off') ?? [];
    expect([rateAt(weekly, monday(7)), rateAt(weekly, monday(8)), rateAt(weekly, saturday(12))]).toEqual([null, KIB * KIB, null]);
    expect(rateAt(undefined, monday(8))).toBeNull();
  });

  test.each(['off', '512K', '1.5M', '08:00,512K 18:00,off', 'Mon-08:00,1M Fri-18:00,off', '08:00,512K Sun-20:00,2M'])('%s is told as it was said', (text) => {
    const table = parseRateTable(text) ?? [];
    expect(parseRateTable(formatRateTable(table))).toEqual(table);
    expect(new Set(formatRateTable(table).split(' '))).toEqual(new Set(text.split(' ')));
  });
});

describe('the limits of a process', () => {
  function settingsWith(common: TransferLimits, own: TransferLimits): { settings: SettingsStore; readonly change: (next: TransferLimits) => void } {
    let all = common;
    let told = (): void => {};
    const settings = { fact: (name: string) => (name === LIMITS_FACT ? all : null), folder: () => ({ limits: own }), onChange: (listener: () => void) => { told = listener; return () => {}; } };
    return { settings: settings as unknown as SettingsStore, change: (next) => { all = next; told(); } };
  }

  test('are those of the settings, and changed ones hold at once', () => {
    const { settings, change } = settingsWith({ upload: [{ minute: 0, bytesPerSecond: 1000 }], transfers: 8 }, { download: [{ minute: 0, bytesPerSecond: 500 }], transfers: 2 });
    const flow = createFlow(settings);
    const folder = flow.folder('f');
    const throttle = createThrottle(folder.meters, () => 0n);
    expect([throttle.isLimited('up'), throttle.isLimited('down'), folder.lanes.limit]).toEqual([true, true, 2]);
    throttle.take('up', 1000);
    expect(throttle.take('up', 1)).toBe(1000);
    change({ transfers: 1 });
    expect([throttle.isLimited('up'), folder.lanes.limit]).toEqual([false, 1]);
    folder.close();
    flow.close();
  });

  test('follow their timetable', () => {
    vi.useFakeTimers();
    try {
      const { settings } = settingsWith({ upload: parseRateTable('08:00,1K 18:00,off') ?? [] }, {});
      let now = monday(17, 59);
      const flow = createFlow(settings, () => now);
      const throttle = createThrottle(flow.folder('f').meters, () => 0n);
      expect(throttle.isLimited('up')).toBe(true);
      now = monday(18);
      vi.advanceTimersByTime(60_000);
      expect(throttle.isLimited('up')).toBe(false);
      now = monday(8);
      vi.advanceTimersByTime(60_000);
      expect(throttle.isLimited('up')).toBe(true);
      flow.close();
    } finally {
      vi.useRealTimers();
    }
  });
});
