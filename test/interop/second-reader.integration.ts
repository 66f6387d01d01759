/**
 * docs/format.md against a folder that Enfold wrote: a reader made from the document alone finds every file with its attributes, every
 * deletion and every change, and refuses what is altered.
 */
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Enfold, NewFolder } from '../../main/assembly/api.ts';
import { openEnfold } from '../../main/assembly/enfold.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { IN_ANY_STORE } from '../helpers/secrets.ts';
import { writeAt } from '../helpers/tree.ts';
import { flipped } from './objects.ts';

const reader = fileURLToPath(new URL('second-reader.py', import.meta.url));
const namesScript = fileURLToPath(new URL('../../scripts/enfold-names.py', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'enfold-second-'));
const { signal } = new AbortController();
const keys = { aes: randomBytes(32), 'sse-c': randomBytes(32) } as const;
const BUCKET = 'second';
let storage: RunningStorage;
let enfold: Enfold;
let s3: S3Client;

type Stored = { readonly key: string; readonly metadata: Readonly<Record<string, string>>; readonly body: string };
type Found = {
  readonly error?: string;
  readonly files: Readonly<Record<string, { readonly sha256: string | null; readonly sizeBytes: number; readonly modeBits: number; readonly mtimeMs: number; readonly kind: string; readonly operationId: string; readonly vector: Readonly<Record<string, number>> }>>;
  readonly tombstones: readonly { readonly path: string }[];
  readonly feeds: Readonly<Record<string, readonly { readonly path: string; readonly deleted: boolean; readonly number: number; readonly op: string; readonly size: number }[]>>;
};

beforeAll(async () => {
  storage = await startStorage({ dir: join(scratch, 'storage') });
  const { endpoint, accessKeyId, secretAccessKey } = storage;
  s3 = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
  enfold = await openEnfold({ home: join(scratch, 'home'), env: IN_ANY_STORE });
  await enfold.connections.add({ kind: 's3', name: 's3', endpoint, region: 'us-east-1', accessKeyId, secretAccessKey });
  await enfold.connections.createBucket('s3', BUCKET);
  for (const type of ['aes', 'sse-c'] as const) {
    writeFileSync(join(scratch, type), keys[type]);
    await enfold.keys.importFrom({ name: type, file: join(scratch, type), passphrase: null, type });
  }
});
afterAll(async () => {
  await enfold.close();
  s3.destroy();
  await storage.stop();
  rmSync(scratch, { recursive: true, force: true });
});

async function stored(prefix: string, withKey: Buffer | null): Promise<Stored[]> {
  const customer = withKey === null ? {} : { SSECustomerAlgorithm: 'AES256', SSECustomerKey: withKey.toString('base64'), SSECustomerKeyMD5: createHash('md5').update(withKey).digest('base64') };
  const listed = (await s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: prefix }))).Contents ?? [];
  return Promise.all(listed.map(async ({ Key = '' }) => {
    const { Metadata = {}, Body } = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key, ...customer }));
    return { key: Key, metadata: Metadata, body: Buffer.from((await Body?.transformToByteArray()) ?? []).toString('base64') };
  }));
}

function read(prefix: string, objects: readonly Stored[], given: { readonly masterKey?: Buffer; readonly customerKey?: Buffer }): Found {
  const input = JSON.stringify({ namesScript, prefix, objects, masterKey: given.masterKey?.toString('hex') ?? null, customerKey: given.customerKey?.toString('hex') ?? null });
  const { stdout, stderr } = spawnSync('python3', [reader], { input, encoding: 'utf8', maxBuffer: 1 << 26 });
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Found;
}

const MODIFIED_S = 1_700_000_000.125;
const LONG = `${'a rather long directory name '.repeat(5)}/${'and a long file name '.repeat(6)}.txt`;
const contents: Readonly<Record<string, string>> = { 'readme.txt': 'hello', 'dir/Ünï.txt': 'inside', [LONG]: 'long', 'empty.txt': '', 'gone.txt': 'will be deleted' };

describe('a reader made from the document', () => {
  test.each<readonly [string, Partial<NewFolder>, { readonly masterKey?: Buffer; readonly customerKey?: Buffer }]>([
    ['cse-c with encrypted names', { mode: 'cse-c', key: 'aes', names: 'encrypted' }, { masterKey: keys.aes }],
    ['cse-c in V2 with readable names', { mode: 'cse-c', key: 'aes', names: 'readable', format: 'v2' }, { masterKey: keys.aes }],
    ['sse-c', { mode: 'sse-c', key: 'sse-c' }, { customerKey: keys['sse-c'] }],
    ['sse-s3', { mode: 'sse-s3' }, {}],
  ])('finds all of a folder in %s', async (what, options, given) => {
    const prefix = `${what.replaceAll(/\W+/g, '-')}/`;
    const root = join(scratch, 'folders', prefix.slice(0, -1));
    for (const [path, content] of Object.entries(contents)) {
      writeAt(root, path, content);
      utimesSync(join(root, path), MODIFIED_S, MODIFIED_S);
    }
    mkdirSync(join(root, 'empty directory'));
    chmodSync(join(root, 'readme.txt'), 0o640);
    const { folder } = await enfold.folders.add({ localPath: root, connection: 's3', bucket: BUCKET, prefix, mode: null, key: null, names: null, direction: 'two-way', createBucket: false, ...options });
    const open = await enfold.folders.open(folder.id);
    await open.sync({ acceptHeld: false, signal });
    rmSync(join(root, 'gone.txt'));
    await open.sync({ acceptHeld: false, signal });
    await open.close();

    const objects = await stored(prefix, given.customerKey ?? null);
    const { error, files, tombstones, feeds } = read(prefix, objects, given);
    expect(error).toBeUndefined();
    const { 'gone.txt': _gone, ...left } = contents;
    expect(new Set(Object.keys(files))).toEqual(new Set([...Object.keys(left), 'empty directory/']));
    for (const [path, content] of Object.entries(left)) {
      const { mode } = statSync(join(root, path));
      expect({ path, ...files[path] }).toMatchObject({ path, kind: 'file', sizeBytes: Buffer.byteLength(content), sha256: createHash('sha256').update(readFileSync(join(root, path))).digest('hex'), mtimeMs: MODIFIED_S * 1000, modeBits: mode & 0o777 });
    }
    expect(files['empty directory/']).toMatchObject({ kind: 'directory' });
    expect(tombstones.map(({ path }) => path)).toEqual(['gone.txt']);
    const [changes = [], ...others] = Object.values(feeds);
    expect(others).toEqual([]);
    expect(changes.map(({ number }) => number)).toEqual(changes.map((_change, index) => (changes[0]?.number ?? 0) + index));
    for (const path of Object.keys(files)) expect(changes.findLast((change) => change.path === path)).toMatchObject({ deleted: false, op: files[path]?.operationId });
    expect(changes.at(-1)).toMatchObject({ path: 'gone.txt', deleted: true });

    // What is sealed says so when it was altered: the same reader, the same folder, one byte.
    const sealed = objects.filter(({ key }) => given.masterKey !== undefined && /\/\.enfold\/(?:tomb|feed)\//.test(key));
    for (const { key } of sealed) expect(read(prefix, objects.map((one) => (one.key === key ? { ...one, body: flipped(Buffer.from(one.body, 'base64'), 20).toString('base64') } : one)), given).error).toMatch(/Unreadable/);
    expect(sealed.length).toBe(given.masterKey === undefined ? 0 : 2);
  });
});
