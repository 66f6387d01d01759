/** A large upload or download whose process is killed in the middle: the next one carries only what is missing, and what arrives is the file. */
import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
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

describe('a download that was killed in the middle', { timeout: 600_000 }, () => {
  const other = createComputer(scratch.dir, 'other');
  const copy = join(scratch.dir, 'copy');
  const rangesSince = (from: number): number => proxy.requests.slice(from).filter((line) => line.startsWith('GET') && !line.includes('.enfold') && !line.includes('list-type')).length;
  const staged = (): string[] => readdirSync(join(copy, '.enfold/tmp')).filter((name) => name.startsWith('part-'));

  async function killAfterRanges(ranges: number): Promise<void> {
    const child = other.spawn(['sync', id]);
    const ended = new Promise((resolve) => child.once('close', resolve));
    const kept = (): number => Math.max(0, ...readdirSync(join(copy, '.enfold'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ranges')).map((name) => readFileSync(join(copy, '.enfold', name), 'utf8').split('\n').length - 2));
    const isKept = vi.waitFor(() => expect(kept()).toBeGreaterThanOrEqual(ranges), { timeout: 240_000, interval: 5 });
    await Promise.race([isKept, ended.then(() => Promise.reject(new Error('the sync ended before it could be killed')))]);
    child.kill('SIGKILL');
    await ended;
  }

  test('is gone on with: only the ranges that had not arrived are fetched, and nothing shows before all is verified', async () => {
    mkdirSync(copy);
    await other.connect({ ...server, endpoint: proxy.endpoint });
    await other.ok(['key', 'import', 'own', '--from', join(scratch.dir, 'raw.key')]);
    await other.ok(['folder', 'add', copy, '--remote', 's3://resume/x', '--connection', 's3']);
    // So slow that it can be killed in the middle, however fast this machine is.
    await other.ok(['limits', '--download-limit', '16M']);
    await killAfterRanges(3);
    expect(readdirSync(copy)).toEqual(['.enfold']);
    expect(staged().length).toBe(2);
    // One of them is no longer what arrived: it is fetched again, and nothing is taken on trust.
    const body = join(copy, '.enfold/tmp', staged().find((name) => !name.endsWith('.ranges')) ?? '');
    const damaged = readFileSync(body);
    damaged[100] = (damaged[100] ?? 0) ^ 1;
    writeFileSync(body, damaged);
    await other.ok(['limits', '--download-limit', 'off']);
    const from = proxy.requests.length;
    expect(await other.json(['sync', id])).toMatchObject({ inStep: true, folders: [{ failed: [], counts: { download: 1 } }] });
    expect(rangesSince(from)).toBeLessThanOrEqual(PARTS - 2);
    expect(rangesSince(from)).toBeGreaterThan(0);
    expect(readFileSync(join(copy, 'large.bin')).equals(readFileSync(join(root, 'large.bin')))).toBe(true);
    expect(staged()).toEqual([]);
  });
});
