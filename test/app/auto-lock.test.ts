import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchForAbsence } from '../../main/app/auto-lock.ts';
import type { LockView } from '../../preload/contract.ts';

type Settings = LockView['settings'];
const OFF: Settings = { idleMinutes: null, onScreenLock: false, onSleep: false };

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function watch(settings: Settings | null) {
  const events = new EventEmitter();
  const locked: string[] = [];
  const computer = { idleSeconds: 0, settings };
  const monitor = { on: (name: string, listener: () => void) => events.on(name, listener), off: (name: string, listener: () => void) => events.off(name, listener), getSystemIdleTime: () => computer.idleSeconds };
  const stop = watchForAbsence({ monitor, settings: async () => computer.settings, lock: (why) => locked.push(why) });
  return { computer, locked, stop, happen: async (name: 'lock-screen' | 'suspend') => { events.emit(name); await vi.advanceTimersByTimeAsync(0); }, wait: async (seconds: number) => { computer.idleSeconds += seconds; await vi.advanceTimersByTimeAsync(seconds * 1000); } };
}

test('locks after the minutes without input that were chosen, and not before', async () => {
  const { locked, wait, computer } = watch({ ...OFF, idleMinutes: 5 });
  await wait(4 * 60 + 45);
  expect(locked).toEqual([]);
  computer.idleSeconds = 0;
  await wait(4 * 60 + 45);
  expect(locked).toEqual([]);
  await wait(15);
  expect(locked).toEqual(['idle']);
});

test('locks when the screen is locked and before sleep, each only where that was chosen', async () => {
  const both = watch({ ...OFF, onScreenLock: true, onSleep: true });
  await both.happen('lock-screen');
  await both.happen('suspend');
  expect(both.locked).toEqual(['screen', 'sleep']);
  for (const [chosen, expected] of [[{ ...OFF, onScreenLock: true }, ['screen']], [{ ...OFF, onSleep: true }, ['sleep']], [OFF, []]] as const) {
    const { locked, happen, wait } = watch(chosen);
    await happen('lock-screen');
    await happen('suspend');
    await wait(24 * 3600);
    expect(locked).toEqual(expected);
  }
});

test('goes by what is chosen at that moment, waits while the engine cannot tell, and ends when it is told to', async () => {
  const { computer, locked, happen, wait, stop } = watch(null);
  await happen('suspend');
  await wait(3600);
  expect(locked).toEqual([]);
  computer.settings = { ...OFF, onSleep: true };
  await happen('suspend');
  expect(locked).toEqual(['sleep']);
  stop();
  computer.settings = { idleMinutes: 1, onScreenLock: true, onSleep: true };
  await happen('suspend');
  await wait(3600);
  expect(locked).toEqual(['sleep']);
});
