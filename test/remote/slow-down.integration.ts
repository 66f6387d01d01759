/** A server that asks to slow down, and lines that are limited: the store's own requests, counted by the server. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ObjectKey } from '../../main/model/path.ts';
import { withRetries } from '../../main/remote/retry.ts';
import { createS3Store } from '../../main/remote/s3.ts';
import { createMeter, setRates } from '../../main/remote/throttle.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { makeScratch } from '../helpers/cli.ts';
import { seededBytes } from '../helpers/tree.ts';

const never = new AbortController().signal;
const keyOf = (name: string): ObjectKey => name as ObjectKey;
const write = { metadata: {}, modeHeaders: {}, condition: null };

describe('a server that answers SlowDown above a number of requests', () => {
  let server: Server;
  let endpoint = '';
  let most = 4;
  let underWay = 0;
  let refused = 0;
  let highest = 0;
  beforeAll(async () => {
    server = createServer((request, answer) => {
      underWay += 1;
      highest = Math.max(highest, underWay);
      const isTooMany = underWay > most;
      if (isTooMany) refused += 1;
      request.resume();
      request.on('end', () => {
        setTimeout(() => {
          underWay -= 1;
          if (isTooMany) answer.writeHead(503, { 'content-type': 'application/xml' }).end('<Error><Code>SlowDown</Code></Error>');
          else answer.writeHead(200, { etag: '"0123456789abcdef0123456789abcdef"' }).end();
        }, 5);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test('gets fewer requests at once until it complains no more, and all of them again when it can take them', async () => {
    const store = createS3Store({ endpoint, region: 'us-east-1', pathStyle: true, credentials: { type: 'static', accessKeyId: 'a', secretAccessKey: 'b' } }, 'bucket', { connections: 32 });
    let next = 0;
    const putMany = async (count: number): Promise<void> => {
      const until = next + count;
      const lane = async (): Promise<void> => {
        while (next < until) {
          next += 1;
          await withRetries(async () => store.put(keyOf(`object ${next}`), Buffer.from('x'), write, never), never, { attempts: 50, baseMs: 20, maxMs: 200 });
        }
      };
      await Promise.all(Array.from({ length: 32 }, lane));
    };
    await putMany(200);
    expect(highest).toBeGreaterThan(8);
    expect(refused).toBeGreaterThan(0);
    [highest, refused] = [0, 0];
    await putMany(200);
    // One more is tried now and then; without slowing down every other request would be refused.
    expect(highest).toBeLessThanOrEqual(8);
    expect(refused).toBeLessThan(60);
    most = 1000;
    [highest, refused] = [0, 0];
    await putMany(1200);
    expect(highest).toBeGreaterThan(24);
    expect(refused).toBe(0);
    await store.close();
  });
});

describe('a bandwidth limit', () => {
  const scratch = makeScratch();
  let storage: RunningStorage;
  beforeAll(async () => {
    storage = await startStorage({ dir: join(scratch.dir, 'storage') });
  });
  afterAll(async () => {
    await storage.stop();
    scratch.remove();
  });

  test('holds for the sum of all that is sent and fetched, and what arrives is what was sent', async () => {
    const { endpoint, accessKeyId, secretAccessKey } = storage;
    const access = { endpoint, region: 'us-east-1', pathStyle: true, credentials: { type: 'static' as const, accessKeyId, secretAccessKey } };
    const { createBucket } = await import('../../main/remote/connection.ts');
    await createBucket(access, 'limited', never);
    const meter = createMeter();
    const stores = [createS3Store(access, 'limited', { meters: [meter] }), createS3Store(access, 'limited', { meters: [meter] })];
    const body = seededBytes('limited', 150_000);
    const secondsOf = async (work: () => Promise<unknown>): Promise<number> => {
      const from = performance.now();
      await work();
      return (performance.now() - from) / 1000;
    };
    const putBoth = async (): Promise<unknown> => Promise.all(stores.map(async (store, i) => store.put(keyOf(`body ${i}`), body, write, never)));
    setRates(meter, { up: 250_000, down: null });
    // 300,000 bytes at 250,000 a second, of which the last slice waits for nobody.
    expect(await secondsOf(putBoth)).toBeGreaterThan(1);
    setRates(meter, { up: null, down: 250_000 });
    const fetched: Buffer[] = [];
    const getBoth = async (): Promise<unknown> => Promise.all(stores.map(async (store, i) => fetched.push((await store.get(keyOf(`body ${i}`), {}, never)).body)));
    expect(await secondsOf(getBoth)).toBeGreaterThan(0.7);
    expect(fetched.every((one) => one.equals(body))).toBe(true);
    // One that waits for its bytes ends with its signal.
    setRates(meter, { up: 1024, down: null });
    const stop = new AbortController();
    const slow = stores[0]?.put(keyOf('never'), body, write, stop.signal);
    setTimeout(() => stop.abort(new Error('enough')), 50);
    await expect(slow).rejects.toThrow('enough');
    await Promise.all(stores.map(async (store) => store.close()));
  });
});
