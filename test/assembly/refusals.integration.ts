/** Wrong keys, an unwilling KMS and impossible files: each has a code of its own, and nothing is written on either side. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateKeyCommand, DisableKeyCommand, EnableKeyCommand, GenerateDataKeyCommand, KMSClient, PutKeyPolicyCommand, ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Enfold, NewFolder, Target } from '../../main/assembly/api.ts';
import { openEnfold } from '../../main/assembly/enfold.ts';
import { isSyncError, type SyncError } from '../../main/model/errors.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { IN_ANY_STORE } from '../helpers/secrets.ts';
import { fingerprintOf, treeOf, writeAt } from '../helpers/tree.ts';

const { signal } = new AbortController();
const scratch = mkdtempSync(join(tmpdir(), 'enfold-refusals-'));
const at = (name: string): string => join(scratch, name);
const Bucket = 'refusals';
let storage: RunningStorage;
let enfold: Enfold;
let kms: KMSClient;
let s3: S3Client;

/** A KMS that cannot be had: answers every call as it is told. */
let answerOfKms: { readonly status: number; readonly body: object } = { status: 400, body: {} };
const otherKms = createServer((request, response) => {
  request.resume();
  response.writeHead(answerOfKms.status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(answerOfKms.body));
});

beforeAll(async () => {
  storage = await startStorage({ dir: at('storage') });
  await new Promise<void>((listening) => { otherKms.listen(0, '127.0.0.1', listening); });
  const { endpoint, accessKeyId, secretAccessKey } = storage;
  const client = { endpoint, region: 'us-east-1', credentials: { accessKeyId, secretAccessKey } };
  kms = new KMSClient(client);
  s3 = new S3Client({ ...client, forcePathStyle: true });
  enfold = await openEnfold({ home: at('home'), env: IN_ANY_STORE });
  await enfold.connections.add({ kind: 's3', name: 's3', endpoint, region: 'us-east-1', accessKeyId, secretAccessKey });
  await enfold.connections.createBucket('s3', Bucket);
  for (const [name, type] of [['aes', 'aes'], ['other', 'aes'], ['rsa', 'rsa'], ['customer', 'sse-c']] as const) {
    writeFileSync(at(name), type === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }) : randomBytes(32));
    await enfold.keys.importFrom({ name, file: at(name), passphrase: null, type });
  }
  writeFileSync(at('source'), 'private');
});
afterEach(() => { delete process.env['AWS_ENDPOINT_URL_KMS']; });
afterAll(async () => {
  await enfold.close();
  kms.destroy();
  s3.destroy();
  otherKms.close();
  otherKms.closeAllConnections();
  await storage.stop();
  rmSync(scratch, { recursive: true, force: true });
});

const target = (objectKey: string, options: Partial<Extract<Target, { type: 'object' }>>): Target => ({ type: 'object', connection: 's3', bucket: Bucket, objectKey, mode: null, key: null, ...options });
const keysInBucket = async (): Promise<(string | undefined)[]> => ((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key);

/** How it was refused; fails where it was not, or where anything was written all the same. */
async function refusal(run: () => Promise<unknown>): Promise<SyncError> {
  const before = await keysInBucket();
  const error = await run().then(() => null, (reason: unknown) => reason);
  expect(await keysInBucket()).toEqual(before);
  if (!isSyncError(error)) throw new Error('it was not refused', { cause: error });
  return error;
}

async function newKmsKey(): Promise<string> {
  return (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.KeyId ?? '';
}

describe('keys', () => {
  test.each<readonly [string, Buffer, string]>([
    ['31 bytes', randomBytes(31), 'The file has 31 bytes and is neither hex nor base64.'],
    ['33 bytes', randomBytes(33), 'The file has 33 bytes and is neither hex nor base64.'],
    ['32 equal bytes', Buffer.alloc(32, 5), 'All its bytes are equal.'],
    ['62 hex digits', Buffer.from(randomBytes(31).toString('hex')), 'It has 31 bytes instead of 32.'],
  ])('of %s are refused with their length, and not kept', async (_what, bytes, detail) => {
    writeFileSync(at('bad'), bytes);
    const before = enfold.keys.list();
    for (const type of ['aes', 'sse-c'] as const) await expect(enfold.keys.importFrom({ name: 'bad', file: at('bad'), passphrase: null, type })).rejects.toMatchObject({ code: 'key-invalid', about: { detail } });
    expect(enfold.keys.list()).toEqual(before);
  });

  test('of the wrong type for a mode are refused', async () => {
    expect(await refusal(async () => enfold.files.put(at('source'), target('x', { mode: 'cse-c', key: 'customer' }), signal))).toMatchObject({ code: 'bad-usage' });
    expect(await refusal(async () => enfold.files.put(at('source'), target('x', { mode: 'sse-c', key: 'aes' }), signal))).toMatchObject({ code: 'bad-usage' });
    expect(await refusal(async () => enfold.files.put(at('source'), target('x', { mode: 'cse-c', key: 'no such key' }), signal))).toMatchObject({ code: 'key-not-found' });
  });

  test('that an object does not ask for open nothing, whatever kind they are', async () => {
    await enfold.files.put(at('source'), target('by-aes', { mode: 'cse-c', key: 'aes' }), signal);
    await enfold.files.put(at('source'), target('by-rsa', { mode: 'cse-c', key: 'rsa' }), signal);
    for (const [objectKey, key] of [['by-aes', 'other'], ['by-aes', 'rsa'], ['by-rsa', 'aes']] as const) {
      expect(await refusal(async () => enfold.files.get(target(objectKey, { key }), at('out'), signal))).toMatchObject({ code: 'key-not-found' });
      expect(() => readFileSync(at('out'))).toThrow('ENOENT');
    }
  });
});

describe('KMS', () => {
  /** Puts one object under a new KMS key, then spoils the key: how reading and writing, here and by S3, are refused then. */
  async function refusalsOf(spoil: (keyId: string) => Promise<unknown>): Promise<{ kmsKeyId: string; codes: string[] }> {
    const kmsKeyId = await newKmsKey();
    for (const mode of ['cse-kms', 'sse-kms'] as const) await enfold.files.put(at('source'), target(`${mode}/${kmsKeyId}`, { mode, kmsKeyId }), signal);
    await spoil(kmsKeyId);
    const refused = [
      await refusal(async () => enfold.files.get(target(`cse-kms/${kmsKeyId}`, { kmsKeyId }), at('out'), signal)),
      await refusal(async () => enfold.files.get(target(`sse-kms/${kmsKeyId}`, {}), at('out'), signal)),
      await refusal(async () => enfold.files.put(at('source'), target('cse-kms/new', { mode: 'cse-kms', kmsKeyId }), signal)),
      await refusal(async () => enfold.files.put(at('source'), target('sse-kms/new', { mode: 'sse-kms', kmsKeyId }), signal)),
    ];
    expect(() => readFileSync(at('out'))).toThrow('ENOENT');
    return { kmsKeyId, codes: refused.map(({ code }) => code) };
  }
  const all = (code: string): string[] => [code, code, code, code];

  test('refuses whom the key\'s policy does not permit', async () => {
    const nobody = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::000000000000:user/nobody' }, Action: 'kms:*', Resource: '*' }] });
    expect((await refusalsOf(async (KeyId) => kms.send(new PutKeyPolicyCommand({ KeyId, Policy: nobody, BypassPolicyLockoutSafetyCheck: true })))).codes).toEqual(all('access-denied'));
  });

  test('refuses a key that is disabled, until it is enabled again', async () => {
    const { kmsKeyId, codes } = await refusalsOf(async (KeyId) => kms.send(new DisableKeyCommand({ KeyId })));
    expect(codes).toEqual(all('kms-key-unusable'));
    await kms.send(new EnableKeyCommand({ KeyId: kmsKeyId }));
    await enfold.files.get(target(`cse-kms/${kmsKeyId}`, { kmsKeyId }), at('out'), signal);
    expect(readFileSync(at('out'), 'utf8')).toBe('private');
    rmSync(at('out'));
  });

  test('refuses a key that is to be deleted', async () => {
    expect((await refusalsOf(async (KeyId) => kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 })))).codes).toEqual(all('kms-key-unusable'));
  });

  test('knows no key of another region, nor one that was never made', async () => {
    for (const kmsKeyId of ['arn:aws:kms:eu-west-1:000000000000:key/00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002', 'alias/nobody']) {
      for (const mode of ['cse-kms', 'sse-kms'] as const) expect(await refusal(async () => enfold.files.put(at('source'), target('x', { mode, kmsKeyId }), signal))).toMatchObject({ code: 'kms-key-not-found' });
    }
  });

  test('does not open what another key wrapped', async () => {
    const [one, two] = [await newKmsKey(), await newKmsKey()];
    await enfold.files.put(at('source'), target('by-one', { mode: 'cse-kms', kmsKeyId: one }), signal);
    expect(await refusal(async () => enfold.files.get(target('by-one', { kmsKeyId: two }), at('out'), signal))).toMatchObject({ code: 'key-unwrap-failed' });
    // A wrapped key of the very account's, but made for something else.
    const { CiphertextBlob = new Uint8Array() } = await kms.send(new GenerateDataKeyCommand({ KeyId: one, KeySpec: 'AES_256', EncryptionContext: { purpose: 'another' } }));
    const { Metadata = {}, Body } = await s3.send(new GetObjectCommand({ Bucket, Key: 'by-one' }));
    await s3.send(new PutObjectCommand({ Bucket, Key: 'by-one', Metadata: { ...Metadata, 'x-amz-3': Buffer.from(CiphertextBlob).toString('base64') }, Body: await Body?.transformToByteArray() }));
    expect(await refusal(async () => enfold.files.get(target('by-one', { kmsKeyId: one }), at('out'), signal))).toMatchObject({ code: 'key-unwrap-failed' });
  });

  test('asks to slow down, and is asked again before that is said', async () => {
    process.env['AWS_ENDPOINT_URL_KMS'] = `http://127.0.0.1:${(otherKms.address() as AddressInfo).port}`;
    answerOfKms = { status: 400, body: { __type: 'ThrottlingException', message: 'Rate exceeded' } };
    let calls = 0;
    const count = (): void => { calls += 1; };
    otherKms.on('request', count);
    expect(await refusal(async () => enfold.files.put(at('source'), target('x', { mode: 'cse-kms', kmsKeyId: 'alias/any' }), signal))).toMatchObject({ code: 'throttled', retry: 'later' });
    otherKms.off('request', count);
    expect(calls).toBeGreaterThan(1);
  });

  test('wraps keys so long that the metadata would not fit: nothing is sent', async () => {
    process.env['AWS_ENDPOINT_URL_KMS'] = `http://127.0.0.1:${(otherKms.address() as AddressInfo).port}`;
    answerOfKms = { status: 200, body: { KeyId: 'any', Plaintext: randomBytes(32).toString('base64'), CiphertextBlob: randomBytes(1_500).toString('base64') } };
    for (const format of ['v3', 'v2'] as const) expect(await refusal(async () => enfold.files.put(at('source'), target('x', { mode: 'cse-kms', kmsKeyId: 'alias/any', format }), signal))).toMatchObject({ code: 'metadata-too-large' });
    answerOfKms = { status: 200, body: { KeyId: 'any', Plaintext: randomBytes(31).toString('base64'), CiphertextBlob: randomBytes(100).toString('base64') } };
    expect(await refusal(async () => enfold.files.put(at('source'), target('x', { mode: 'cse-kms', kmsKeyId: 'alias/any' }), signal))).toMatchObject({ code: 'answer-invalid' });
  });
});

describe('a client-side folder', () => {
  const newFolder = async (name: string): Promise<{ id: string; root: string }> => {
    const root = at(name);
    mkdirSync(root);
    const input: NewFolder = { localPath: root, connection: 's3', bucket: Bucket, prefix: `${name}/`, mode: 'cse-c', key: 'aes', names: 'readable', direction: 'two-way', createBucket: false };
    return { root, id: (await enfold.folders.add(input)).folder.id };
  };

  test('sends nothing of a file that is too large for its cipher, and the others all the same', async () => {
    const { id, root } = await newFolder('too-large');
    const file = openSync(join(root, 'too large.bin'), 'w');
    ftruncateSync(file, 2 ** 36 - 31);
    closeSync(file);
    writeAt(root, 'small.txt', 'small');
    const folder = await enfold.folders.open(id);
    const report = await folder.sync({ acceptHeld: false, signal });
    await folder.close();
    expect([...report.failed.map(({ path, error }) => [path, error.code]), ...report.quarantined.map(({ path, reason }) => [path, reason])]).toEqual([['too large.bin', 'file-too-large-for-mode']]);
    expect((await keysInBucket()).filter((key) => key?.startsWith('too-large/') === true && !key.includes('.enfold'))).toEqual(['too-large/small.txt']);
    expect(await refusal(async () => enfold.files.put(join(root, 'too large.bin'), target('x', { mode: 'cse-c', key: 'aes' }), signal))).toMatchObject({ code: 'file-too-large-for-mode' });
    rmSync(join(root, 'too large.bin'));
  });

  test('gives out nothing of an object without an envelope, or with one it does not know', async () => {
    const { id, root } = await newFolder('foreign');
    writeAt(root, 'own.txt', 'own');
    const folder = await enfold.folders.open(id);
    await folder.sync({ acceptHeld: false, signal });
    await folder.close();
    const { Metadata = {}, Body } = await s3.send(new GetObjectCommand({ Bucket, Key: 'foreign/own.txt' }));
    const body = await Body?.transformToByteArray();
    await s3.send(new PutObjectCommand({ Bucket, Key: 'foreign/plain.txt', Body: 'plain' }));
    await s3.send(new PutObjectCommand({ Bucket, Key: 'foreign/unknown.txt', Metadata: { ...Metadata, 'x-amz-c': '117' }, Body: body }));
    const before = [treeOf(root), fingerprintOf(root)];
    const cases = { 'plain.txt': 'not-ours', 'unknown.txt': 'format-refused' } as const;
    for (const [path, code] of Object.entries(cases)) {
      expect(await refusal(async () => enfold.files.get({ type: 'folder', folder: id, path }, at('out'), signal))).toMatchObject({ code });
      expect(() => readFileSync(at('out'))).toThrow('ENOENT');
    }
    expect([treeOf(root), fingerprintOf(root)]).toEqual(before);
  });
});
