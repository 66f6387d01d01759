/** A large upload whose process is killed in the middle: the next one sends only what is missing, and what arrives is the file. */
import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createS3Store } from '../../main/remote/s3.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createComputer, makeScratch } from '../helpers/cli.ts';
import { startFaultProxy, type FaultProxy } from '../helpers/fault-proxy.ts';
import { writeAt } from '../helpers/tree.ts';

const scratch = makeScratch();
const computer = createComputer(scratch.dir, 'home');
const root = join(scratch.dir, 'root');
const MIB = 1024 * 1024;
const FILE_BYTES = 48 * MIB + 12_345;
/** The parts of the default size that make the file with its tag. */
const PARTS = Math.ceil(FILE_BYTES / (8 * MIB));
let server: RunningStorage;
let proxy: FaultProxy;
let id = '';

beforeAll(async () => {
  server = await startStorage({ dir: join(scratch.dir, 'storage') });
  proxy = await startFaultProxy(server.endpoint);
  mkdirSync(root);
  writeAt(scratch.dir, 'raw.key', Buffer.from(Array.from({ length: 32 }, (_, i) => 255 - i * 3)));
  await computer.connect({ ...server, endpoint: proxy.endpoint });
  await computer.ok(['key', 'import', 'own', '--from', join(scratch.dir, 'raw.key')]);
  ({ id } = await computer.json<{ id: string }>(['folder', 'add', root, '--remote', 's3://resume/x', '--connection', 's3', '--mode', 'cse-c', '--key', 'own', '--create-bucket']));
});
afterAll(async () => {
  await proxy.stop();
  await server.stop();
  scratch.remove();
});

const partsSince = (from: number): number => proxy.requests.slice(from).filter((line) => line.startsWith('PUT') && !line.includes('.enfold') && line.includes('partNumber=')).length;
const beginningsSince = (from: number): number => proxy.requests.slice(from).filter((line) => line.startsWith('POST') && !line.includes('.enfold') && /[?&]uploads/.test(line)).length;

/** Begins a sync and kills it when so many parts are on their way. */
async function killAfter(parts: number): Promise<void> {
  const from = proxy.requests.length;
  const child = computer.spawn(['sync', id]);
  const ended = new Promise((resolve) => child.once('close', resolve));
  await vi.waitFor(() => expect(partsSince(from)).toBeGreaterThanOrEqual(parts), { timeout: 240_000, interval: 20 });
  child.kill('SIGKILL');
  await ended;
}

async function unfinished(): Promise<number> {
  const store = createS3Store({ endpoint: server.endpoint, region: 'us-east-1', pathStyle: true, credentials: { type: 'static', accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey } }, 'resume');
  try {
    return (await store.listMultipart('x/', new AbortController().signal)).length;
  } finally {
    await store.close();
  }
}

async function expectArrived(path: string): Promise<void> {
  const { bytes } = await computer.run(['cat', `${id}:${path}`]);
  const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');
  expect(sha256(bytes)).toBe(sha256(readFileSync(join(root, path))));
}

describe('an upload that was killed in the middle', { timeout: 600_000 }, () => {
  test('is gone on with: only the parts that had not arrived are sent', async () => {
    writeAt(root, 'large.bin', randomBytes(FILE_BYTES));
    await killAfter(6);
    expect(await unfinished()).toBe(1);
    const from = proxy.requests.length;
    expect(await computer.json(['sync', id])).toMatchObject({ inStep: true, folders: [{ failed: [], conflictCopies: [], counts: { upload: 1 } }] });
    expect(beginningsSince(from)).toBe(0);
    // Four parts at most were on their way when it was killed.
    expect(partsSince(from)).toBeLessThanOrEqual(PARTS - 2);
    expect(partsSince(from)).toBeGreaterThan(0);
    expect(await unfinished()).toBe(0);
    await expectArrived('large.bin');
    expect(await computer.json(['sync', id])).toMatchObject({ inStep: true, folders: [{ counts: { upload: 0, download: 0 } }] });
  });

  test('begins anew under a key of its own where the file is another one by then, and leaves no parts behind', async () => {
    const file = join(root, 'large.bin');
    appendFileSync(file, 'edited');
    await killAfter(2);
    appendFileSync(file, 'edited again');
    const { mtimeMs } = statSync(file);
    utimesSync(file, mtimeMs / 1000, mtimeMs / 1000);
    const from = proxy.requests.length;
    expect(await computer.json(['sync', id])).toMatchObject({ inStep: true, folders: [{ failed: [], conflictCopies: [] }] });
    expect([beginningsSince(from), partsSince(from)]).toEqual([1, PARTS]);
    expect(await unfinished()).toBe(0);
    await expectArrived('large.bin');
  });
});
