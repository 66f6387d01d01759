import { afterEach, describe, expect, test } from 'vitest';
import { Scheduler } from '../../main/sync/scheduler.ts';
import type { CycleEnd, WakeReason } from '../../main/sync/scheduler.ts';
import { FakeClock, idle } from '../helpers/fake-clock.ts';

const QUIET_END: CycleEnd = { wasActive: false, stopped: null, againAtMs: null };
const offline: CycleEnd = { ...QUIET_END, stopped: { retry: 'later', retryAfterMs: null } };

let running: Scheduler | null = null;
afterEach(() => running?.stop());

function start(endOf: (reason: WakeReason, atMs: number) => CycleEnd = () => QUIET_END) {
  const clock = new FakeClock(0, false);
  const runs: { reason: WakeReason; atMs: number }[] = [];
  const scheduler = new Scheduler({
    clock,
    random: { bytes: (length) => new Uint8Array(length).fill(128) },
    run: (reason) => {
      runs.push({ reason, atMs: clock.nowMs() });
      return Promise.resolve(endOf(reason, clock.nowMs()));
    },
  });
  scheduler.start();
  running = scheduler;
  return { clock, runs, scheduler };
}

describe('the schedule', () => {
  test('begins with a cycle at once, then polls every 36 seconds while nobody is active', async () => {
    const { clock, runs } = start();
    await clock.advance(75_000);
    expect(runs).toEqual([{ reason: 'start', atMs: 0 }, { reason: 'poll', atMs: 36_000 }, { reason: 'poll', atMs: 72_000 }]);
  });

  test('polls every 3 seconds for ten minutes after something was transferred', async () => {
    const { clock, runs } = start((reason) => ({ ...QUIET_END, wasActive: reason === 'start' }));
    await clock.advance(700_000);
    const polls = runs.filter(({ reason }) => reason === 'poll');
    expect(polls[0]?.atMs).toBe(3_000);
    expect(polls.filter(({ atMs }) => atMs <= 600_000).length).toBe(200);
    expect(polls.filter(({ atMs }) => atMs > 600_000).length).toBeLessThan(5);
  });

  test('polls every 3 seconds while a window shows the folder', async () => {
    const { clock, runs, scheduler } = start();
    await clock.advance(1_000);
    scheduler.setShown(true);
    await clock.advance(9_000);
    expect(runs.map(({ atMs }) => atMs)).toEqual([0, 4_000, 7_000, 10_000]);
  });

  test('waits until hints have been quiet for 300 ms', async () => {
    const { clock, runs, scheduler } = start();
    await clock.advance(1_000);
    scheduler.hint();
    await clock.advance(200);
    scheduler.hint();
    await clock.advance(299);
    expect(runs.length).toBe(1);
    await clock.advance(1);
    expect(runs.at(-1)).toEqual({ reason: 'hint', atMs: 1_500 });
  });

  test('still follows a hint when a poll is due before the hint has been quiet: a poll need not look at the disk', async () => {
    const { clock, runs, scheduler } = start();
    await clock.advance(35_900);
    scheduler.hint();
    await clock.advance(1_000);
    expect(runs.slice(1)).toEqual([{ reason: 'poll', atMs: 36_000 }, { reason: 'hint', atMs: 36_200 }]);
  });

  test('comes back to a file that is being written also where a poll lies between', async () => {
    const { clock, runs, scheduler } = start((reason) => (reason === 'start' ? { ...QUIET_END, againAtMs: 5_000 } : QUIET_END));
    await clock.advance(500);
    scheduler.setShown(true);
    await clock.advance(5_000);
    expect(runs.slice(1)).toEqual([{ reason: 'poll', atMs: 3_500 }, { reason: 'retry', atMs: 5_000 }]);
  });

  test('does not let endless hints put a cycle off for more than two seconds', async () => {
    const { clock, runs, scheduler } = start();
    await clock.advance(1_000);
    for (let i = 0; i < 30; i++) {
      scheduler.hint();
      await clock.advance(100);
    }
    expect(runs[1]).toEqual({ reason: 'hint', atMs: 3_000 });
  });

  test('looks at both sides again at least once an hour', async () => {
    const { clock, runs } = start();
    await clock.advance(3_601_000);
    expect(runs.filter(({ reason }) => reason === 'rescan').length).toBe(1);
  });

  test('backs off while the server does not answer, and hints do not shorten that', async () => {
    const { clock, runs, scheduler } = start((_, atMs) => (atMs < 20_000 ? offline : QUIET_END));
    await clock.advance(1_000);
    scheduler.hint();
    await clock.advance(40_000);
    expect(runs.slice(0, 5).map(({ reason, atMs }) => [reason, atMs])).toEqual([['start', 0], ['retry', 2_000], ['retry', 6_000], ['retry', 14_000], ['retry', 30_000]]);
  });

  test('never waits longer than five minutes for a server, and as long as it asks for', async () => {
    const { clock, runs } = start((reason) => (reason === 'start' ? { ...QUIET_END, stopped: { retry: 'later', retryAfterMs: 30_000 } } : offline));
    await clock.advance(3_000_000);
    expect(runs[1]?.atMs).toBe(30_000);
    const pauses = runs.slice(1).map(({ atMs }, i) => atMs - (runs[i]?.atMs ?? 0));
    expect(Math.max(...pauses)).toBe(300_000);
  });

  test('runs at once when the user asks, whatever it waited for', async () => {
    const { clock, runs, scheduler } = start(() => offline);
    await clock.advance(100);
    scheduler.ask();
    await idle();
    expect(runs[1]).toEqual({ reason: 'asked', atMs: 100 });
  });

  test('runs at once when the computer wakes up, and its pauses begin anew', async () => {
    const { clock, runs, scheduler } = start((_, atMs) => (atMs < 20_000 ? offline : QUIET_END));
    await clock.advance(15_000);
    scheduler.woken();
    await idle();
    expect(runs.map(({ reason, atMs }) => [reason, atMs])).toEqual([['start', 0], ['retry', 2_000], ['retry', 6_000], ['retry', 14_000], ['woken', 15_000]]);
    await clock.advance(2_000);
    expect(runs.at(-1)).toEqual({ reason: 'retry', atMs: 17_000 });
  });

  test('polls on after the clock was put back', async () => {
    const { clock, runs, scheduler } = start();
    await clock.advance(10_000);
    clock.pass(-3_600_000);
    scheduler.woken();
    await clock.advance(80_000);
    expect(runs.slice(1).map(({ reason, atMs }) => [reason, atMs + 3_600_000])).toEqual([['woken', 10_000], ['poll', 46_000], ['poll', 82_000]]);
  });

  test('comes back when a file that is being written will be quiet', async () => {
    const { clock, runs } = start((reason) => (reason === 'start' ? { ...QUIET_END, againAtMs: 800 } : QUIET_END));
    await clock.advance(2_000);
    expect(runs[1]).toEqual({ reason: 'retry', atMs: 800 });
  });

  test('stops and starts again', async () => {
    const { clock, runs, scheduler } = start();
    await clock.advance(1_000);
    await scheduler.stop();
    await clock.advance(100_000);
    expect(runs.length).toBe(1);
    scheduler.start();
    await idle();
    expect(runs.at(-1)).toEqual({ reason: 'start', atMs: 101_000 });
  });

  test('aborts the cycle under way when it is stopped', async () => {
    const clock = new FakeClock(0, false);
    let aborted = false;
    const scheduler = new Scheduler({
      clock,
      random: { bytes: (length) => new Uint8Array(length) },
      run: (_, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            reject(signal.reason as Error);
          });
        }),
    });
    scheduler.start();
    await idle();
    await scheduler.stop();
    expect(aborted).toBe(true);
    expect(scheduler.isRunning).toBe(false);
  });
});
