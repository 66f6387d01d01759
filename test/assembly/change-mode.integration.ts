/** Changing how a folder is encrypted, on built-in storage with its own KMS, as people do it: with the command line. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createComputer, makeScratch, type Computer } from '../helpers/cli.ts';
import { copyKey, createKeys, describeStored, type StoredObject } from '../helpers/stored-objects.ts';
import { makeTreeOfAllKinds, treeOf } from '../helpers/tree.ts';
import { pairwise, TRANSITIONS, type ModeName } from './transitions.ts';

const scratch = makeScratch();
let server: RunningStorage;
let s3: S3Client;
let kmsArns: [string, string];
let computer: Computer;
let keyIds: Record<string, string>;

beforeAll(async () => {
  server = await startStorage({ dir: join(scratch.dir, 'storage') });
  const client = { endpoint: server.endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey } };
  s3 = new S3Client(client);
  const kms = new KMSClient(client);
  const made = await Promise.all([kms.send(new CreateKeyCommand({})), kms.send(new CreateKeyCommand({}))]);
  kmsArns = made.map(({ KeyMetadata }) => KeyMetadata?.Arn ?? '') as [string, string];
  computer = createComputer(scratch.dir, 'first');
  await computer.connect(server);
  keyIds = await createKeys(computer, { 'aes-1': 'aes', 'aes-2': 'aes', 'rsa-1': 'rsa', 'sse-c-1': 'sse-c', 'sse-c-2': 'sse-c' });
});
afterAll(async () => {
  s3.destroy();
  await server.stop();
  scratch.remove();
});

const optionsOf = (name: ModeName): string[] => {
  switch (name) {
    case 'sse-s3': return ['--mode', 'sse-s3'];
    case 'sse-kms managed': return ['--mode', 'sse-kms'];
    case 'sse-kms own': return ['--mode', 'sse-kms', '--kms-key-id', kmsArns[0]];
    case 'sse-c': return ['--mode', 'sse-c', '--key', 'sse-c-1'];
    case 'cse-kms': return ['--mode', 'cse-kms', '--kms-key-id', kmsArns[1]];
    case 'cse-c': return ['--mode', 'cse-c', '--key', 'aes-1'];
  }
};

/** What an object must look like from outside under a mode. */
const expectedOf = (name: ModeName): Partial<StoredObject> => {
  switch (name) {
    case 'sse-s3': return { algorithm: 'AES256', envelope: null };
    case 'sse-kms managed': return { algorithm: 'aws:kms', envelope: null };
    case 'sse-kms own': return { algorithm: 'aws:kms', kmsKeyId: kmsArns[0], envelope: null };
    case 'sse-c': return { algorithm: 'customer', envelope: null };
    case 'cse-kms': return { envelope: 'kms' };
    case 'cse-c': return { envelope: keyIds['aes-1'] ?? '' };
  }
};

const KEYS_OF: Partial<Record<ModeName, string>> = { 'sse-c': 'sse-c-1', 'cse-c': 'aes-1' };

/** In `npm test` each mode is left once and entered once; all thirty ways, and more, take minutes. */
describe.each(process.env['ENFOLD_ALL_TRANSITIONS'] === '1' ? TRANSITIONS : pairwise(TRANSITIONS))('from %s to %s', (from, to) => {
  const bucket = `t-${from}-${to}`.replaceAll(' ', '-');
  const root = join(scratch.dir, bucket);

  test('keeps every file, brings every object under the new mode, and needs the old key no more', async () => {
    makeTreeOfAllKinds(root, bucket);
    const { id } = await computer.json<{ id: string }>(['folder', 'add', root, '--remote', `s3://${bucket}/photos`, '--connection', 's3', '--create-bucket', '--names', 'readable', ...optionsOf(from)]);
    await computer.ok(['sync', id]);
    const before = treeOf(root);

    const preview = await computer.json<{ started: boolean; ways: Record<string, { objects: number }> }>(['folder', 'set', id, ...optionsOf(to)]);
    const files = Object.keys(before).filter((path) => !path.endsWith('/')).length;
    expect(preview.started).toBe(false);
    expect(Object.values(preview.ways).reduce((sum, { objects }) => sum + objects, 0)).toBeGreaterThanOrEqual(files);

    const done = await computer.json<{ started: boolean; isDone: boolean; changed: number; failed: unknown[] }>(['folder', 'set', id, ...optionsOf(to), '--yes']);
    expect(done).toMatchObject({ started: true, isDone: true, failed: [] });
    expect(done.changed).toBeGreaterThanOrEqual(files);
    const customerKey = to === 'sse-c' ? await readKey('sse-c-1') : null;
    const stored = await describeStored(s3, bucket, 'photos/', customerKey);
    expect(stored.length).toBeGreaterThanOrEqual(files);
    for (const object of stored) expect(object).toMatchObject(expectedOf(to));

    // In step, with nothing to send or fetch; and on a computer that has nothing but the new key all files come down.
    expect(await computer.json(['sync', id])).toMatchObject({ inStep: true, folders: [{ counts: { upload: 0, download: 0, 'delete-local': 0, 'delete-remote': 0 } }] });
    expect(treeOf(root)).toEqual(before);
    const fresh = createComputer(scratch.dir, `fresh-${bucket}`);
    await fresh.connect(server);
    const key = KEYS_OF[to];
    if (key !== undefined) await copyKey(computer, fresh, key, scratch.dir);
    const copy = join(scratch.dir, `${bucket}-copy`);
    makeTreeOfAllKinds(copy, bucket, true);
    const joined = await fresh.json<{ id: string; mode: string }>(['folder', 'add', copy, '--remote', `s3://${bucket}/photos`, '--connection', 's3']);
    expect(joined).toMatchObject({ id, mode: to.split(' ')[0] });
    await fresh.ok(['sync', id]);
    expect(treeOf(copy)).toEqual(before);

    const verified = await computer.json<{ ok: boolean; versions: { retirable: { keyId: string }[] } }>(['verify', id, '--versions']);
    expect(verified.ok).toBe(true);
    const oldKey = KEYS_OF[from];
    expect(verified.versions.retirable.map(({ keyId }) => keyId)).toEqual(oldKey === undefined ? [] : [keyIds[oldKey]]);
  });
});

async function readKey(name: string): Promise<Buffer> {
  const file = join(scratch.dir, `${name}.age`);
  await computer.run(['key', 'export', name, '--out', file]);
  const { parseKeyMaterial } = await import('../../main/keys/key-material.ts');
  return (await parseKeyMaterial(readFileSync(file), 'sse-c', 'a passphrase for tests')).bytes;
}
