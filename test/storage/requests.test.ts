/** What only a look at the data folder shows: nothing outside it, no plaintext in it, nothing left behind. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createSigner } from '../../main/sigv4/sign.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createTarget, send, type RawAnswer, type Target } from './target.ts';

describe('the data folder', () => {
  const dir = mkdtempSync(join(tmpdir(), 'enfold-storage-'));
  let storage: RunningStorage;
  let target: Target;
  let bucket: string;
  let host: string;

  beforeAll(async () => {
    storage = await startStorage({ dir });
    target = createTarget(storage);
    host = new URL(storage.endpoint).host;
  });
  beforeEach(async () => {
    bucket = target.newBucketName();
    await target.raw(`/${bucket}`, { method: 'PUT' });
  });
  afterAll(async () => {
    target.client.destroy();
    await storage.stop();
    rmSync(dir, { recursive: true });
  });

  const put = (body: string | Uint8Array, more: Parameters<Target['raw']>[1] = {}): Promise<RawAnswer> => target.raw(`/${bucket}/a`, { method: 'PUT', body, ...more });
  const isAbsent = async (): Promise<boolean> => (await target.raw(`/${bucket}/a`, { method: 'HEAD' })).status === 404;

  test('what is not built is refused, and nothing of it is stored', async () => {
    expect(await put('x', { headers: { 'x-amz-object-lock-mode': 'GOVERNANCE' } })).toMatchObject({ status: 501, code: 'NotImplemented' });
    expect(await isAbsent()).toBe(true);
    for (const resource of ['object-lock', 'replication', 'website']) {
      expect(await target.raw(`/${bucket}`, { method: 'PUT', query: [[resource, '']], body: '<a/>' })).toMatchObject({ status: 501, code: 'NotImplemented' });
    }
  });

  test('nothing leaves the data folder and no name on the disk is the client’s', async () => {
    for (const key of ['../../../etc/x', '..', 'a/../../b', '/etc/passwd']) expect((await target.raw(`/${bucket}/${key}`, { method: 'PUT', body: 'x'.repeat(100_000) })).status).toBe(200);
    const names = readdirSync(dir, { recursive: true, encoding: 'utf8' });
    expect(names.filter((name) => !/^(bodies|staging)(\/|$)|^(keys\.json|master-keys\.json|storage\.db(-wal|-shm)?|audit\.jsonl|certificate(-key)?\.pem|lock\.db|endpoint|reserve)$/.test(name.replaceAll('\\', '/')))).toEqual([]);
  });

  test('no plaintext lies on the disk', async () => {
    const secret = 'the plaintext nobody else may read';
    await put(secret.repeat(3));
    await target.raw(`/${bucket}/big`, { method: 'PUT', body: secret.repeat(10_000) });
    const holds = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => {
      try {
        return readFileSync(join(dir, name)).includes(secret);
      } catch {
        return false; // a directory
      }
    });
    expect(holds).toEqual([]);
    expect((await target.raw(`/${bucket}/big`)).body.toString()).toBe(secret.repeat(10_000));
  });

  test('buckets answer under their own host name', async () => {
    await put('hello');
    const virtual = createSigner(storage, 'us-east-1');
    const headers = { host: `${bucket}.localhost:${new URL(storage.endpoint).port}` };
    const answer = await send(storage.endpoint, '/a', { method: 'GET', headers: { ...headers, ...virtual.signHeaders({ method: 'GET', path: '/a', headers, payloadHash: 'UNSIGNED-PAYLOAD' }, Date.now()) } });
    expect(answer.body.toString()).toBe('hello');
  });

  test('headers that are too long leave the connection usable', async () => {
    const socket = connect(Number(new URL(storage.endpoint).port), '127.0.0.1');
    let received = '';
    socket.on('data', (piece: Buffer) => void (received += piece.toString('latin1')));
    socket.write(`PUT /${bucket}/a HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 1\r\nx-amz-meta-long: ${'x'.repeat(100_000)}\r\n\r\nx`);
    await expect.poll(() => received).toMatch(/^HTTP\/1\.1 400 [^]*RequestHeaderSectionTooLarge[^]*<\/Error>$/);
    received = '';
    const headers = { host };
    const signed = createSigner(storage, 'us-east-1').signHeaders({ method: 'GET', path: `/${bucket}`, headers, payloadHash: 'UNSIGNED-PAYLOAD' }, Date.now());
    socket.write(`GET /${bucket} HTTP/1.1\r\n${Object.entries({ ...headers, ...signed }).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
    await expect.poll(() => received).toMatch(/^HTTP\/1\.1 200 [^]*<\/ListBucketResult>/);
    socket.destroy();
  });

  test('an upload that is cut off leaves nothing behind', async () => {
    const path = `/${bucket}/a`;
    const headers = { host, 'content-length': '1000000' };
    const signed = createSigner(storage, 'us-east-1').signHeaders({ method: 'PUT', path, headers, payloadHash: 'UNSIGNED-PAYLOAD' }, Date.now());
    const head = Object.entries({ ...headers, ...signed }).map(([name, value]) => `${name}: ${value}\r\n`).join('');
    await new Promise<void>((resolve) => {
      const { hostname, port } = new URL(storage.endpoint);
      const socket = connect(Number(port), hostname, () => socket.write(`PUT ${path} HTTP/1.1\r\n${head}\r\n${'x'.repeat(900_000)}`, () => socket.destroy()));
      socket.on('close', () => resolve());
    });
    await expect.poll(() => readdirSync(join(dir, 'staging'))).toEqual([]);
    expect(await isAbsent()).toBe(true);
  });
});
