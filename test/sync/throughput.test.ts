import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MemoryBucket } from './bucket-over-disks.ts';
import { Device } from './device.ts';

let bucket: MemoryBucket;
let a: Device;

beforeEach(async () => {
  bucket = new MemoryBucket();
  bucket.pageSize = 1_000;
  a = await new Device('anna', bucket).open();
});
afterEach(() => a.remove());

describe('a thousand small files', () => {
  test('keep as many requests in flight as the transfers ask for, with few commits', async () => {
    for (let i = 0; i < 1_000; i++) a.write(`d${i % 10}/${i}`, `content ${i}`);
    const commits = vi.spyOn(a.state, 'commit');
    const intents = vi.spyOn(a.state, 'beginIntents');
    expect(await a.sync()).toMatchObject({ done: 1_000, isInStep: true });
    expect(bucket.mostInFlight).toBe(16);
    expect(intents.mock.calls.length).toBe(4);
    expect(commits.mock.calls.length).toBeLessThan(60);
  });

  test('are put in place many at a time while downloads go on', async () => {
    for (let i = 0; i < 600; i++) a.write(`${i}`, `content ${i}`);
    await a.sync();
    const b = await new Device('ben', bucket).open();
    try {
      expect(await b.sync()).toMatchObject({ done: 600, isInStep: true });
      expect(b.files()).toEqual(a.files());
    } finally {
      await b.remove();
    }
  });

  test('cost one walk and one listing when nothing changed, and no request that writes', async () => {
    for (let i = 0; i < 500; i++) a.write(`${i}`, `content ${i}`);
    await a.sync();
    await a.sync();
    bucket.requests.length = 0;
    expect(await a.engine.runCycle()).toMatchObject({ isSettled: true });
    expect(bucket.requests).toEqual([{ name: 'list', path: '' }]);
  });
});

describe('large files', () => {
  test('do not keep small ones waiting', async () => {
    for (let i = 0; i < 6; i++) a.write(`large-${i}`, 'x'.repeat(8 * 1024 * 1024 + i));
    for (let i = 0; i < 50; i++) a.write(`small-${i}`, `content ${i}`);
    let smallAreDone = false;
    bucket.pause = async (path) => {
      if (path.startsWith('large')) await vi.waitUntil(() => smallAreDone, { timeout: 30_000 });
    };
    const sync = a.sync();
    await vi.waitUntil(() => [...bucket.objects.keys()].filter((key) => key.startsWith('small')).length === 50, { timeout: 30_000 });
    expect([...bucket.objects.keys()].some((key) => key.startsWith('large'))).toBe(false);
    expect(bucket.inFlight).toBe(2);
    smallAreDone = true;
    expect(await sync).toMatchObject({ done: 56, isInStep: true });
  });

  test('are sent after the small ones that were saved last', async () => {
    const order: string[] = [];
    bucket.pause = (path) => Promise.resolve(void order.push(path));
    const nowMs = Date.now();
    for (let i = 0; i < 20; i++) a.write(`file-${i}`, `content ${i}`, nowMs - i * 60_000);
    a.write('medium', 'x'.repeat(600_000), nowMs);
    await a.sync();
    expect(order.slice(0, 5)).toEqual(['file-0', 'file-1', 'file-2', 'file-3', 'file-4']);
    expect(order.at(-1)).toBe('medium');
  });
});
