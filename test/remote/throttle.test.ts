/** Bandwidth limits over several meters, as the threads of a process share them. */
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { createMeter, createThrottle, setRates } from '../../main/remote/throttle.ts';

describe('a bandwidth limit', () => {
  test('lets bytes move no faster than its rate, whoever moves them', () => {
    let now = 0n;
    const meter = createMeter();
    const [one, other] = [createThrottle([meter], () => now), createThrottle([meter], () => now)];
    expect(one.isLimited('up')).toBe(false);
    setRates(meter, { up: 1000, down: null });
    expect([one.isLimited('up'), other.isLimited('up'), one.isLimited('down')]).toEqual([true, true, false]);
    expect([one.take('up', 500), other.take('up', 500), one.take('up', 500)]).toEqual([0, 500, 1000]);
    expect(one.take('down', 1_000_000)).toBe(0);
    now = 1_500_000_000n;
    expect(one.take('up', 1)).toBe(0);
    // What was not used is not saved up.
    now = 60_000_000_000n;
    expect([one.take('up', 2000), one.take('up', 1)]).toEqual([0, 2000]);
  });

  test('of a folder and of all folders hold together', () => {
    const [all, folder] = [createMeter(), createMeter()];
    setRates(all, { up: null, down: 1000 });
    setRates(folder, { up: null, down: 100 });
    const [slow, fast] = [createThrottle([all, folder], () => 0n), createThrottle([all], () => 0n)];
    slow.take('down', 100);
    expect([slow.take('down', 100), fast.take('down', 100)]).toEqual([1000, 200]);
  });

  test('that is changed holds from the next bytes on, and one that is lifted holds nobody up', () => {
    const meter = createMeter();
    const throttle = createThrottle([meter], () => 0n);
    setRates(meter, { up: 10, down: null });
    throttle.take('up', 1000);
    expect(throttle.take('up', 1)).toBe(100_000);
    setRates(meter, { up: 1_000_000, down: null });
    expect(throttle.take('up', 1)).toBe(0);
    setRates(meter, { up: null, down: null });
    expect([throttle.isLimited('up'), throttle.take('up', 1_000_000)]).toEqual([false, 0]);
  });

  test('counts the bytes of all threads', async () => {
    const meter = createMeter();
    setRates(meter, { up: 1000, down: null });
    const source = `
      const { workerData, parentPort } = require('node:worker_threads');
      import(workerData.module).then(({ createThrottle }) => {
        const throttle = createThrottle([workerData.meter], () => 0n);
        let longest = 0;
        for (let i = 0; i < 1000; i += 1) longest = Math.max(longest, throttle.take('up', 10));
        parentPort.postMessage(longest);
      });`;
    const module = new URL('../../main/remote/throttle.ts', import.meta.url).href;
    const ends = await Promise.all([1, 2].map(async () => new Promise<number>((resolve, reject) => {
      const worker = new Worker(source, { eval: true, workerData: { meter, module } });
      worker.once('message', (longest: number) => resolve(longest));
      worker.once('error', reject);
    })));
    // 20,000 bytes at 1,000 a second: the last ten bytes wait for all others, in whichever thread.
    expect(Math.max(...ends)).toBe(19_990);
  });
});
