/** One KMS data key for many objects: counted in the storage's audit log, and read back by hand, from KMS and the format alone. */
import { createDecipheriv, hkdfSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateKeyCommand, DecryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Enfold, NewFolder } from '../../main/assembly/api.ts';
import { openEnfold } from '../../main/assembly/enfold.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { IN_ANY_STORE } from '../helpers/secrets.ts';
import { readAt, writeAt } from '../helpers/tree.ts';

const { signal } = new AbortController();
const scratch = mkdtempSync(join(tmpdir(), 'enfold-reuse-'));
const FILES = 60;
let storage: RunningStorage;
let enfold: Enfold;
let kms: KMSClient;
let s3: S3Client;
let kmsKeyId = '';

beforeAll(async () => {
  storage = await startStorage({ dir: join(scratch, 'storage') });
  const { endpoint, accessKeyId, secretAccessKey } = storage;
  const client = { endpoint, region: 'us-east-1', credentials: { accessKeyId, secretAccessKey } };
  kms = new KMSClient(client);
  s3 = new S3Client({ ...client, forcePathStyle: true });
  kmsKeyId = (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.KeyId ?? '';
  enfold = await openEnfold({ home: join(scratch, 'home'), env: IN_ANY_STORE });
  await enfold.connections.add({ kind: 's3', name: 's3', endpoint, region: 'us-east-1', accessKeyId, secretAccessKey });
  await enfold.connections.createBucket('s3', 'reuse');
});
afterAll(async () => {
  await enfold.close();
  kms.destroy();
  s3.destroy();
  await storage.stop();
  rmSync(scratch, { recursive: true, force: true });
});

async function addFolder(name: string, options: Partial<NewFolder>): Promise<{ id: string; root: string }> {
  const root = join(scratch, name);
  mkdirSync(root);
  for (let index = 0; index < FILES; index += 1) writeAt(root, `file ${index}`, `${name} ${index}`);
  const { folder } = await enfold.folders.add({ localPath: root, connection: 's3', bucket: 'reuse', prefix: `${name}/`, mode: 'cse-kms', key: null, kmsKeyId, names: 'readable', direction: 'two-way', createBucket: false, ...options });
  return { id: folder.id, root };
}

/** How often KMS was asked for a data key while the folder was synced. */
async function dataKeysOfSync(id: string): Promise<number> {
  const count = async (): Promise<number> => {
    // The log is complete up to the answer of the request that is looked for.
    await kms.send(new CreateKeyCommand({ Description: 'a mark in the log' }));
    return readFileSync(join(scratch, 'storage', 'audit.jsonl'), 'utf8').split('\n').filter((line) => line.includes('GenerateDataKey')).length;
  };
  const before = await count();
  const folder = await enfold.folders.open(id);
  try {
    expect(await folder.sync({ acceptHeld: false, signal })).toMatchObject({ inStep: true });
  } finally {
    await folder.close();
  }
  return (await count()) - before;
}

/** The text of an object by KMS and the published format alone. */
async function readByHand(objectKey: string): Promise<{ text: string; wrapped: string; messageId: string }> {
  const { Metadata: { 'x-amz-3': wrapped = '', 'x-amz-i': messageId = '', 'x-amz-d': commitment, 'x-amz-t': context = '' } = {}, Body } = await s3.send(new GetObjectCommand({ Bucket: 'reuse', Key: objectKey }));
  const body = Buffer.from((await Body?.transformToByteArray()) ?? []);
  const { Plaintext = Buffer.alloc(0) } = await kms.send(new DecryptCommand({ KeyId: kmsKeyId, CiphertextBlob: Buffer.from(wrapped, 'base64'), EncryptionContext: JSON.parse(context) as Record<string, string> }));
  const derive = (label: string, length: number): Buffer => Buffer.from(hkdfSync('sha512', Plaintext, Buffer.from(messageId, 'base64'), Buffer.concat([Buffer.from([0, 0x73]), Buffer.from(label)]), length));
  expect(derive('COMMITKEY', 28).toString('base64')).toBe(commitment);
  const decipher = createDecipheriv('aes-256-gcm', derive('DERIVEKEY', 32), Buffer.alloc(12, 1), { authTagLength: 16 }).setAAD(Buffer.from([0, 0x73])).setAuthTag(body.subarray(-16));
  return { text: Buffer.concat([decipher.update(body.subarray(0, -16)), decipher.final()]).toString(), wrapped, messageId };
}

test('KMS is asked once for each object by default', async () => {
  expect(await dataKeysOfSync((await addFolder('single', {})).id)).toBe(FILES);
});

test('a folder set to it asks once for all, and each object is read on its own all the same', async () => {
  const { id, root } = await addFolder('shared', { reusesDataKey: true });
  expect(await dataKeysOfSync(id)).toBe(1);
  const read = await Promise.all([0, 1, 30, FILES - 1].map(async (index) => ({ index, ...(await readByHand(`shared/file ${index}`)) })));
  for (const { index, text } of read) expect(text).toBe(readAt(root, `file ${index}`));
  expect(new Set(read.map(({ wrapped }) => wrapped)).size).toBe(1);
  expect(new Set(read.map(({ messageId }) => messageId)).size).toBe(read.length);
  expect(await enfold.verify(id, { sample: null, signal })).toMatchObject({ checked: FILES, failed: [], foreign: [] });

  // And back to one for each.
  await enfold.folders.set(id, { reusesDataKey: false });
  for (let index = 0; index < 3; index += 1) writeAt(root, `file ${index}`, `edited ${index}`);
  expect(await dataKeysOfSync(id)).toBe(3);
});

test('it is refused where a data key is the content key, and where KMS makes none', async () => {
  await expect(addFolder('old-readers', { format: 'v2', reusesDataKey: true })).rejects.toMatchObject({ code: 'bad-usage' });
  await expect(addFolder('server-side', { mode: 'sse-s3', kmsKeyId: null, reusesDataKey: true })).rejects.toMatchObject({ code: 'bad-usage' });
  const { id } = await addFolder('plain-server-side', { mode: 'sse-s3', kmsKeyId: null });
  await expect(enfold.folders.set(id, { reusesDataKey: true })).rejects.toMatchObject({ code: 'bad-usage' });
});
