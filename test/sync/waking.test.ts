import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { networkOf } from '../../main/assembly/computer.ts';
import { watchForWaking } from '../../main/sync/waking.ts';
import { FakeClock } from '../helpers/fake-clock.ts';

let clock: FakeClock;
let stopping: AbortController;
let network: string;
let woken: number;
let watching: Promise<void>;

beforeEach(() => {
  clock = new FakeClock(1_000_000, false);
  stopping = new AbortController();
  network = '10.0.0.7';
  woken = 0;
  watching = watchForWaking({ clock, network: () => network, onWoken: () => (woken += 1) }, stopping.signal);
});
afterEach(async () => {
  stopping.abort();
  await watching;
});

describe('waking', () => {
  test('is not taken for it when timers come in time, or a busy computer is somewhat late', async () => {
    await clock.advance(600_000);
    clock.pass(20_000);
    await clock.advance(10_000);
    expect(woken).toBe(0);
  });

  test('is noticed when a timer comes half a minute late, within seconds and once', async () => {
    await clock.advance(12_000);
    // The timers stood still for an hour and the clock went on.
    clock.pass(3_600_000);
    await clock.advance(5_000);
    expect(woken).toBe(1);
    await clock.advance(600_000);
    expect(woken).toBe(1);
  });

  test('is also said where the clock was put back, since all that was planned is too far away then', async () => {
    let nowMs = 0;
    const steps = [5_000, 5_000 - 7_200_000, 5_000];
    const sleep = async (): Promise<void> => {
      const step = steps.shift();
      if (step === undefined) throw new Error('the end of the script');
      nowMs += step;
    };
    await watchForWaking({ clock: { nowMs: () => nowMs, sleep }, network: () => '', onWoken: () => (woken += 1) }, stopping.signal);
    expect(woken).toBe(1);
  });

  test('is said when a network appears or is another one, and not when it goes', async () => {
    network = '';
    await clock.advance(20_000);
    expect(woken).toBe(0);
    network = '10.0.0.7';
    await clock.advance(5_000);
    expect(woken).toBe(1);
    network = '192.168.1.3';
    await clock.advance(5_000);
    expect(woken).toBe(2);
  });
});

test('a network is what leads out of this computer: no loopback, nothing link-local', () => {
  const address = (of: string, internal = false) => [{ address: of, internal }];
  expect(networkOf({ lo: address('127.0.0.1', true), eth0: address('169.254.3.4'), veth1: address('fe80::1') })).toBe('');
  expect(networkOf({ lo: address('127.0.0.1', true), wlan0: [...address('fe80::1'), ...address('2001:db8::5')], eth0: address('10.0.0.7') })).toBe('10.0.0.7 2001:db8::5');
});
