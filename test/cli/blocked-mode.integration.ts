/** A bucket that refuses SSE-C, as new AWS buckets do: said in plain words, with the one command that mends it. */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteBucketEncryptionCommand, GetBucketEncryptionCommand, ListObjectsV2Command, PutBucketEncryptionCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createComputer, makeScratch } from '../helpers/cli.ts';
import { writeAt } from '../helpers/tree.ts';

const scratch = makeScratch();
const computer = createComputer(scratch.dir, 'home');
const Bucket = 'blocking';
const byDefault = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BucketKeyEnabled: false } as const;
let storage: RunningStorage;
let client: S3Client;

const allow = ['bucket', 'encryption', `s3://${Bucket}`, '--connection', 'work', '--allow-sse-c', '--apply'];
const block = async (): Promise<void> => void (await client.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules: [{ ...byDefault, BlockedEncryptionTypes: { EncryptionType: ['SSE-C'] } }] } })));

beforeAll(async () => {
  storage = await startStorage({ dir: join(scratch.dir, 'storage') });
  const { endpoint, accessKeyId, secretAccessKey } = storage;
  client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
  await computer.connect(storage, 'work');
  await computer.ok(['bucket', 'create', `s3://${Bucket}`, '--connection', 'work']);
  await computer.ok(['key', 'new', 'mine', '--type', 'sse-c']);
});
afterAll(async () => {
  client.destroy();
  await storage.stop();
  scratch.remove();
});

describe('a bucket that blocks SSE-C', () => {
  test('is told from other refusals, and the command it names allows it', async () => {
    await block();
    const root = join(scratch.dir, 'folder');
    mkdirSync(root);
    writeAt(root, 'file.txt', 'private');
    const add = ['folder', 'add', root, '--remote', `s3://${Bucket}/x`, '--connection', 'work', '--mode', 'sse-c', '--key', 'mine'];
    const refused = await computer.error(add) as { code: string; exitCode: number | null; fix?: string[] };
    expect(refused).toMatchObject({ exitCode: 1, code: 'mode-blocked', detail: expect.stringContaining(Bucket) as string, fix: ['enfold', ...allow] });
    expect((await computer.run(add)).stderr).toContain(`To mend it: enfold ${allow.join(' ')}\n`);
    expect(await computer.error(['put', join(root, 'file.txt'), `s3://${Bucket}/y`, '--connection', 'work', '--mode', 'sse-c', '--key', 'mine'])).toMatchObject({ exitCode: 2, code: 'mode-blocked' });
    // Nothing was left on either side.
    expect((await client.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).toEqual([]);
    expect(readdirSync(root)).toEqual(['file.txt']);

    expect(await computer.json(refused.fix?.slice(1) ?? [])).toMatchObject({ bucket: Bucket, call: 'PutBucketEncryption', applied: true });
    const { ServerSideEncryptionConfiguration: now } = await client.send(new GetBucketEncryptionCommand({ Bucket }));
    expect(now?.Rules).toMatchObject([byDefault]);
    // AWS says NONE, the storage nothing.
    expect(now?.Rules?.[0]?.BlockedEncryptionTypes?.EncryptionType ?? ['NONE']).toEqual(['NONE']);
    const { id } = await computer.json<{ id: string }>(add);
    await computer.ok(['sync', id]);

    // And where it comes to block it later.
    await block();
    writeAt(root, 'file.txt', 'edited');
    const later = await computer.run(['sync', id, '--json']);
    expect(later.code).toBe(2);
    expect(JSON.parse(later.stdout)).toMatchObject({ folders: [{ failed: [{ error: { code: 'mode-blocked' } }] }] });
    await computer.ok(refused.fix?.slice(1) ?? []);
    expect(await computer.json(['sync', id])).toMatchObject({ inStep: true });
  });

  test('is left as it is where nothing is blocked', async () => {
    await client.send(new DeleteBucketEncryptionCommand({ Bucket }));
    expect(await computer.json(allow)).toMatchObject({ bucket: Bucket, call: null, applied: false, now: { Rules: [byDefault] } });
    expect(await computer.error(['bucket', 'encryption', 's3://no-such-bucket-here', '--connection', 'work', '--allow-sse-c', '--apply'])).toMatchObject({ exitCode: 1, code: 'bucket-not-found' });
  });
});
