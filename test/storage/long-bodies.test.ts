/** Bodies that are hashed and decrypted on another thread: the same answers as short ones, and a thread that may fail. */
import { createHash, createSecretKey, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { BodyThread, LONG_BODY_BYTES, SLOT_CHUNKS } from '../../main/storage/body-thread.ts';
import { CHECKSUM_ALGORITHMS, checksumHeader, createChecksum } from '../../main/storage/checksums.ts';
import { RunningHashes } from '../../main/storage/hashes.ts';
import { CHUNK_BYTES, SEALED_CHUNK_BYTES, sealChunk } from '../../main/storage/sealing.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createTarget, type Target } from './target.ts';

// Whole slots, whole chunks, and a rest.
const SIZE = 3 * LONG_BODY_BYTES + 12_345;
const body = randomBytes(SIZE);
const md5Of = (content: Uint8Array): string => createHash('md5').update(content).digest('hex');

describe('a long body', () => {
  const dir = mkdtempSync(join(tmpdir(), 'enfold-long-'));
  let storage: RunningStorage;
  let target: Target;
  beforeAll(async () => {
    storage = await startStorage({ dir });
    target = createTarget(storage);
    await target.raw('/bucket', { method: 'PUT' });
  });
  afterAll(async () => {
    target.client.destroy();
    await storage.stop();
    rmSync(dir, { recursive: true });
  });

  test('has the hash and every checksum that a short one has', async () => {
    expect((await target.raw('/bucket/plain', { method: 'PUT', body })).headers['etag']).toBe(`"${md5Of(body)}"`);
    for (const algorithm of CHECKSUM_ALGORITHMS) {
      const checksum = createChecksum(algorithm);
      checksum.update(body);
      const value = checksum.digest();
      const answer = await target.raw('/bucket/summed', { method: 'PUT', body, headers: { [checksumHeader(algorithm)]: value } });
      expect([answer.status, answer.headers[checksumHeader(algorithm)]], algorithm).toEqual([200, value]);
    }
  });

  test('is refused where a hash is not its own, and nothing of it is kept', async () => {
    const other = createHash('sha256').update('other').digest();
    const wrong = { 'content-md5': createHash('md5').update('other').digest('base64') };
    expect(await target.raw('/bucket/wrong', { method: 'PUT', body, headers: wrong })).toMatchObject({ status: 400, code: 'BadDigest' });
    expect(await target.raw('/bucket/wrong', { method: 'PUT', body, headers: { [checksumHeader('SHA256')]: other.toString('base64') } })).toMatchObject({ status: 400, code: 'BadDigest' });
    expect(await target.raw('/bucket/wrong', { method: 'PUT', body, payloadHash: other.toString('hex') })).toMatchObject({ status: 400, code: 'XAmzContentSHA256Mismatch' });
    expect((await target.raw('/bucket/wrong', { method: 'HEAD' })).status).toBe(404);
    expect(readdirSync(join(dir, 'staging'))).toEqual([]);
  });

  test('is read whole and by ranges that begin and end anywhere, also while others are', async () => {
    await target.raw('/bucket/read', { method: 'PUT', body });
    const slotBytes = SLOT_CHUNKS * CHUNK_BYTES;
    const ranges = [[0, SIZE], [1, SIZE], [slotBytes - 1, SIZE - 1], [slotBytes, slotBytes + LONG_BODY_BYTES], [SIZE - LONG_BODY_BYTES - 1, SIZE], [CHUNK_BYTES, SIZE - 12_345]] as const;
    const answers = await Promise.all(ranges.map(([start, end]) => target.raw('/bucket/read', { headers: { range: `bytes=${start}-${end - 1}` } })));
    for (const [index, [start, end]] of ranges.entries()) expect(answers[index]?.body.equals(body.subarray(start, end)), `${start}-${end}`).toBe(true);
  });

  test('is copied and comes out the same', async () => {
    await target.raw('/bucket/from', { method: 'PUT', body });
    const copied = await target.raw('/bucket/to', { method: 'PUT', headers: { 'x-amz-copy-source': '/bucket/from', 'x-amz-checksum-algorithm': 'CRC32C' } });
    expect(copied.body.toString()).toContain(md5Of(body));
    expect((await target.raw('/bucket/to')).body.equals(body)).toBe(true);
  });

  test('breaks the connection where it was altered on the disk, and gives nothing that was not verified', async () => {
    await target.raw('/bucket/altered', { method: 'PUT', body });
    const folders = readdirSync(join(dir, 'bodies')).map((name) => join(dir, 'bodies', name));
    const before = folders.flatMap((folder) => readdirSync(folder).map((name) => [join(folder, name), readFileSync(join(folder, name))] as const));
    for (const [each, content] of before) {
      const altered = Buffer.from(content);
      altered[2 * LONG_BODY_BYTES] = (altered[2 * LONG_BODY_BYTES] ?? 0) ^ 1;
      writeFileSync(each, altered);
    }
    await expect(target.raw('/bucket/altered')).rejects.toThrow(/aborted|hang up|ECONNRESET/);
    for (const [each, content] of before) writeFileSync(each, content);
    expect((await target.raw('/bucket/altered')).body.equals(body)).toBe(true);
  });

  test('whose client goes away leaves nothing behind, and the next is answered', async () => {
    await target.raw('/bucket/left', { method: 'PUT', body });
    const { hostname, port, host } = new URL(storage.endpoint);
    const leave = async (method: string, headers: Record<string, string>, content: Uint8Array): Promise<void> => {
      const signed = { host, ...headers, ...target.signer.signHeaders({ method, path: '/bucket/left-again', headers: { host, ...headers }, payloadHash: 'UNSIGNED-PAYLOAD' }, Date.now()) };
      const socket = connect({ host: hostname, port: Number(port) });
      await new Promise<void>((sent) => socket.write(Buffer.concat([Buffer.from(`${method} /bucket/left-again HTTP/1.1\r\n${Object.entries(signed).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`), content]), () => sent()));
      socket.destroy();
    };
    await leave('PUT', { 'content-length': String(SIZE) }, body.subarray(0, 2 * LONG_BODY_BYTES));
    await vi.waitUntil(() => readdirSync(join(dir, 'staging')).length === 0, { timeout: 30_000 });
    expect((await target.raw('/bucket/left-again', { method: 'HEAD' })).status).toBe(404);
    expect((await target.raw('/bucket/left')).body.equals(body)).toBe(true);
  });
});

test('a long body goes through HTTPS as it is', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'enfold-long-'));
  const storage = await startStorage({ dir, isSecure: true });
  try {
    const { host } = new URL(storage.endpoint);
    const { signer } = createTarget(storage);
    const ask = (method: string, path: string, content?: Uint8Array) => new Promise<Buffer>((resolve, reject) => {
      const headers: Record<string, string> = { host, 'content-length': String(content?.length ?? 0) };
      const outgoing = request(`${storage.endpoint}${path}`, { method, ca: storage.certificate?.pem, agent: false, headers: { ...headers, ...signer.signHeaders({ method, path, headers, payloadHash: 'UNSIGNED-PAYLOAD' }, Date.now()) } }, (incoming) => {
        const pieces: Buffer[] = [];
        incoming.on('data', (piece: Buffer) => pieces.push(piece)).on('end', () => resolve(Buffer.concat(pieces))).on('error', reject);
      });
      outgoing.on('error', reject);
      outgoing.end(content);
    });
    await ask('PUT', '/bucket');
    await ask('PUT', '/bucket/a', body);
    expect((await ask('GET', '/bucket/a')).equals(body)).toBe(true);
  } finally {
    await storage.stop();
    rmSync(dir, { recursive: true });
  }
});

describe('the thread of long bodies', () => {
  const wish = { md5: true, sha256: true, checksum: 'CRC64NVME' } as const;

  test('hashes several bodies at once, each as it would be hashed alone, in memory that is bounded', async () => {
    const thread = new BodyThread();
    const bodies = [0, 1, 77_777, SIZE].map((from) => Buffer.concat([body.subarray(from), randomBytes(from % 100)]));
    let waits = 0;
    const hashes = await Promise.all(bodies.map(async (each) => {
      const running = thread.createHashes(wish, SIZE);
      for (let at = 0; at < each.length; at += 50_000) {
        const wait = running.update(each.subarray(at, at + 50_000));
        if (wait !== undefined) waits += 1;
        await wait;
      }
      return running.finish();
    }));
    expect(waits).toBeGreaterThan(0);
    expect(hashes).toEqual(bodies.map((each) => {
      const alone = new RunningHashes(wish);
      alone.update(each);
      return alone.finish();
    }));
    await thread.close();
  });

  test('does not open what is not authentic at its place, and goes on', async () => {
    const thread = new BodyThread();
    const contentKey = createSecretKey(randomBytes(32));
    const plaintext = body.subarray(0, CHUNK_BYTES + 9);
    const sealed = [sealChunk(contentKey, 5, false, plaintext.subarray(0, CHUNK_BYTES)), sealChunk(contentKey, 6, true, plaintext.subarray(CHUNK_BYTES))].flat();
    const fill = (): { slot: SharedArrayBuffer; length: number } => {
      const slot = thread.takeSlot();
      const content = Buffer.concat(sealed);
      new Uint8Array(slot).set(content);
      return { slot, length: content.length };
    };
    const wrong = fill();
    await expect(thread.open(contentKey, 4, 6, wrong.slot, wrong.length)).rejects.toThrow(/auth/i);
    await expect(thread.open(contentKey, 5, 7, fill().slot, SEALED_CHUNK_BYTES + 9 + 16)).rejects.toThrow(/auth/i);
    const right = fill();
    expect(await thread.open(contentKey, 5, 6, right.slot, right.length)).toBe(plaintext.length);
    expect(Buffer.from(right.slot, 0, plaintext.length).equals(plaintext)).toBe(true);
    await thread.close();
  });

  test('that dies fails what it was doing, and is started again for the next body', async () => {
    const started: Worker[] = [];
    const thread = new BodyThread(async () => {
      const worker = new Worker(new URL('../../main/storage/body-worker.ts', import.meta.url));
      started.push(worker);
      return worker;
    });
    const first = thread.createHashes(wish, SIZE);
    await first.update(body.subarray(0, LONG_BODY_BYTES));
    await started[0]?.terminate();
    await expect((async () => {
      await first.update(body.subarray(LONG_BODY_BYTES));
      return first.finish();
    })()).rejects.toThrow(/ended|not begun/);
    first.drop();
    const second = thread.createHashes(wish, SIZE);
    await second.update(body);
    expect((await second.finish()).md5).toBe(md5Of(body));
    expect(started).toHaveLength(2);
    await thread.close();
    await expect(thread.ask({ type: 'hash-end', id: 1 })).rejects.toThrow(/stopped/);
  });
});
