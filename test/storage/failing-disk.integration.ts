/** A disk that fails to flush: the kernel answers EIO, as it does for a dying disk or a cable that was pulled. Linux, with strace. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startStorage } from '../../main/storage/server.ts';
import { notRunHere } from '../helpers/not-run-here.ts';
import { ended, launch } from './process.ts';
import { createTarget, type Target } from './target.ts';

const FILE_BYTES = 200_000;
const INLINE_BYTES = 1_000;
const before = randomBytes(FILE_BYTES);
const after = randomBytes(FILE_BYTES);

type Failing = { /** Once such a call has failed, on a file whose path fits. */ readonly failed: (file: RegExp) => Promise<void>; readonly end: () => Promise<void> };

/** From here on these calls of the process fail, on this file or on any, until `end`. */
async function failCalls(pid: number, calls: string, file?: string): Promise<Failing> {
  const tracer = spawn('strace', ['-f', '-y', '-p', String(pid), '-e', `trace=${calls}`, '-e', 'signal=none', '-e', `inject=${calls}:error=EIO`, ...(file === undefined ? [] : ['-P', file])], { stdio: ['ignore', 'ignore', 'pipe'] });
  let told = '';
  const waiting: { readonly text: RegExp; readonly resolve: () => void }[] = [];
  const tells = (text: RegExp): Promise<void> => new Promise((resolve) => {
    if (text.test(told)) resolve();
    else waiting.push({ text, resolve });
  });
  tracer.stderr.on('data', (piece: Buffer) => {
    told += piece.toString('utf8');
    for (const { text, resolve } of waiting) if (text.test(told)) resolve();
  });
  await tells(/attached/);
  return {
    failed: (file) => tells(new RegExp(`<[^>]*${file.source}[^>]*>[^]*\\(INJECTED\\)`)), // other threads may speak in between
    end: async () => {
      const gone = ended(tracer);
      tracer.kill('SIGINT');
      await gone;
    },
  };
}

const onFailingDisk = (): void => {
  let dir: string;
  let child: ChildProcess;
  let target: Target;
  const start = async (): Promise<void> => {
    const launched = await launch(dir);
    child = launched.child;
    target = createTarget(launched.access);
  };
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    const gone = ended(child);
    child.kill(signal);
    await gone;
  };
  const put = (key: string, body: Uint8Array) => target.raw(`/bucket/${key}`, { method: 'PUT', body });

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'enfold-failing-'));
    await start();
    await target.raw('/bucket', { method: 'PUT' });
    expect((await put('file', before)).status).toBe(200);
    expect((await put('inline', before.subarray(0, INLINE_BYTES))).status).toBe(200);
  });
  afterEach(async () => {
    if (child.exitCode === null && child.signalCode === null) await stop('SIGKILL');
    rmSync(dir, { recursive: true });
  });

  test.each(['fdatasync', 'fsync'])('a body whose file fails to %s is refused and leaves nothing, and the next is stored', async (call) => {
    const failing = await failCalls(child.pid ?? 0, call);
    const refused = await put('file', after);
    expect(refused).toMatchObject({ status: 500, code: 'InternalError' });
    expect(refused.body.toString()).toContain('The disk that holds the storage folder reported an error');
    await failing.end();
    expect(readdirSync(join(dir, 'staging'))).toEqual([]);
    expect((await target.raw('/bucket/file')).body.equals(before)).toBe(true);
    expect((await put('file', after)).status).toBe(200);
    expect((await target.raw('/bucket/file')).body.equals(after)).toBe(true);
  });

  test('a flush that fails while a long upload arrives fails the upload, though the last flush succeeds', async () => {
    const sizeBytes = 41 << 20;
    const { host, hostname, port } = new URL(target.endpoint);
    const headers = { host, 'content-length': String(sizeBytes) };
    const signed = { ...headers, ...target.signer.signHeaders({ method: 'PUT', path: '/bucket/long', headers, payloadHash: 'UNSIGNED-PAYLOAD' }, Date.now()) };
    const socket = connect({ host: hostname, port: Number(port) });
    const answer = new Promise<string>((resolve, reject) => {
      let text = '';
      socket.on('data', (piece: Buffer) => {
        text += piece.toString('latin1');
        if (text.includes('\r\n\r\n')) resolve(text);
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(text));
    });
    const failing = await failCalls(child.pid ?? 0, 'fdatasync');
    socket.write(`PUT /bucket/long HTTP/1.1\r\n${Object.entries(signed).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
    // Enough that what has arrived is flushed; the rest only when that has failed and the disk is well again.
    const rest = 5 << 20;
    socket.write(Buffer.alloc(sizeBytes - rest));
    await failing.failed(/\/staging\//);
    await failing.end();
    socket.write(Buffer.alloc(rest));
    expect(await answer).toMatch(/^HTTP\/1.1 500 /);
    socket.destroy();
    expect(readdirSync(join(dir, 'staging'))).toEqual([]);
    expect((await target.raw('/bucket/long', { method: 'HEAD' })).status).toBe(404);
  });

  test('a failed flush of the database is told to everyone until the next start, which finds each object old or new', async () => {
    const failing = await failCalls(child.pid ?? 0, 'fdatasync');
    const refused = await put('inline', after.subarray(0, INLINE_BYTES));
    await failing.end();
    expect(refused).toMatchObject({ status: 503, code: 'ServiceUnavailable' });
    for (const later of [await put('inline', after.subarray(0, INLINE_BYTES)), await put('file', after), await target.raw('/bucket/file'), await target.raw('/bucket')]) {
      expect(later).toMatchObject({ status: 503, code: 'ServiceUnavailable' });
      expect(later.body.toString()).toContain('until the storage is started again');
    }
    await stop('SIGTERM');
    await start();
    const inline = (await target.raw('/bucket/inline')).body;
    expect([before, after].some((content) => content.subarray(0, INLINE_BYTES).equals(inline))).toBe(true);
    expect((await target.raw('/bucket/file')).body.equals(before)).toBe(true);
    expect((await put('file', after)).status).toBe(200);
  });

  test('an object is whole after a start where the database failed to keep that it was replaced', async () => {
    const failing = await failCalls(child.pid ?? 0, 'fdatasync', join(dir, 'storage.db-wal'));
    expect(await put('file', after)).toMatchObject({ status: 503, code: 'ServiceUnavailable' });
    await failing.end();
    await stop('SIGKILL');
    const storage = await startStorage({ dir });
    expect(storage.damage).toEqual({ unreadable: [], unknownFiles: [] });
    const found = (await createTarget(storage).raw('/bucket/file')).body;
    expect([before, after].some((content) => content.equals(found))).toBe(true);
    expect(readdirSync(join(dir, 'staging'))).toEqual([]);
    await storage.stop();
  });

  test('the file of what was replaced stays where the database failed to keep that, also when its last reader ends', async () => {
    const sizeBytes = 24 << 20;
    await put('long', Buffer.alloc(sizeBytes));
    const bodies = (): string[] => readdirSync(join(dir, 'bodies')).flatMap((folder) => readdirSync(join(dir, 'bodies', folder)));
    const old = bodies();
    // Somebody who asked for it and takes only its beginning.
    const { host, hostname, port } = new URL(target.endpoint);
    const reader = connect({ host: hostname, port: Number(port) });
    const headers = { host, ...target.signer.signHeaders({ method: 'GET', path: '/bucket/long', headers: { host }, payloadHash: 'UNSIGNED-PAYLOAD' }, Date.now()) };
    reader.write(`GET /bucket/long HTTP/1.1\r\n${Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
    await new Promise((resolve) => reader.once('data', resolve));
    reader.pause();
    const failing = await failCalls(child.pid ?? 0, 'fdatasync', join(dir, 'storage.db-wal'));
    expect(await put('long', after)).toMatchObject({ status: 503 });
    await failing.end();
    reader.destroy();
    // It has let go of the file once no descriptor of the process is that file's; an answer later, what it does then has begun.
    const opened = (): string[] => readdirSync(`/proc/${child.pid}/fd`).map((fd) => readlinkSync(`/proc/${child.pid}/fd/${fd}`));
    await vi.waitFor(() => expect(opened().filter((file) => file.startsWith(join(dir, 'bodies')))).toEqual([]), { timeout: 120_000 });
    expect((await target.raw('/bucket')).status).toBe(503);
    await stop('SIGTERM');
    expect(bodies()).toEqual(expect.arrayContaining(old));
  });
};

if (process.platform === 'linux' && spawnSync('strace', ['-V']).status === 0) {
  describe('a storage on a disk that fails', () => {
    onFailingDisk();
  });
} else {
  notRunHere('a failing disk under the storage', 'it needs Linux and strace: apt-get install strace');
  test('cannot be tried here, which was said', () => expect(process.platform).toBeDefined());
}
