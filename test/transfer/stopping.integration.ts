/** A server that takes connections and says nothing: whatever waits for it must end with its signal, and not only in time. */
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ObjectKey } from '../../main/model/path.ts';
import type { S3Access } from '../../main/model/settings.ts';
import { createS3Store } from '../../main/remote/s3.ts';
import { makeConfig, never, noProgress, openFixture } from './folder-fixture.ts';

describe('a server that says nothing', () => {
  const sockets = new Set<Socket>();
  let server: Server;
  let access: S3Access;
  beforeAll(async () => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    access = { endpoint: `http://127.0.0.1:${port}`, region: 'us-east-1', pathStyle: true, credentials: { type: 'static', accessKeyId: 'a', secretAccessKey: 'b' } };
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  test('keeps no request that waits for a connection longer than it is wanted', async () => {
    const store = createS3Store(access, 'silent', { connections: 1 });
    const known = sockets.size;
    const first = store.head('first' as ObjectKey, {}, never).catch((error: unknown) => error);
    await expect.poll(() => sockets.size).toBeGreaterThan(known);
    const reason = new Error('enough');
    const stop = new AbortController();
    const second = store.head('second' as ObjectKey, {}, stop.signal);
    const [outcome] = await Promise.allSettled([second, new Promise<void>((resolve) => setImmediate(() => { stop.abort(reason); resolve(); }))]);
    expect(outcome).toEqual({ status: 'rejected', reason });
    await store.close();
    expect(await first).toMatchObject({ code: 'offline' });
  });

  test.each([0, 1])('keeps no upload that waits for what the endpoint can do longer than it is wanted, with %d workers', async (size) => {
    const fixture = openFixture(makeConfig(access, 'silent', 'cse-c'), { size });
    const reason = new Error('enough');
    const stop = new AbortController();
    const known = sockets.size;
    const upload = fixture.pool.upload(fixture.jobFor(fixture.writeLocal('one', Buffer.from('one'))), noProgress, stop.signal);
    upload.catch(() => undefined);
    await expect.poll(() => sockets.size).toBeGreaterThan(known);
    stop.abort(reason);
    await expect(upload).rejects.toBe(reason);
    await fixture.close();
  });
});
