/** What Enfold says of one path where more than that path is at stake, or where something went wrong: on built-in storage. */
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteBucketPolicyCommand, PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Enfold, OpenFolder, SyncReport } from '../../main/assembly/api.ts';
import { openEnfold } from '../../main/assembly/enfold.ts';
import type { Reasons } from '../../main/assembly/why.ts';
import { linesOf } from '../../main/cli/why.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { writeAt } from '../helpers/tree.ts';

const scratch = mkdtempSync(join(tmpdir(), 'enfold-why-'));
const root = join(scratch, 'root');
const { signal } = new AbortController();
let storage: RunningStorage;
let enfold: Enfold;
let open: OpenFolder;
const sync = async (acceptHeld = false): Promise<SyncReport> => open.sync({ acceptHeld, signal });
const why = async (path: string): Promise<Reasons> => enfold.why(open.settings.id, path, signal);
const text = (reasons: Reasons): string => linesOf(reasons).join('\n');

beforeAll(async () => {
  storage = await startStorage({ dir: join(scratch, 'storage') });
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: storage.accessKeyId, AWS_SECRET_ACCESS_KEY: storage.secretAccessKey });
  enfold = await openEnfold({ home: join(scratch, 'home'), env: {}, hostName: 'here' });
  await enfold.connections.add({ kind: 'environment', name: 's3', endpoint: storage.endpoint, region: 'us-east-1' });
  mkdirSync(root);
  for (let i = 0; i < 12; i += 1) writeAt(root, `many/${i}.txt`, `${i}`);
  writeAt(root, 'moved.txt', 'content of its own, of a length of its own');
  const { folder } = await enfold.folders.add({ localPath: root, connection: 's3', bucket: 'why', prefix: 'shared/', mode: 'sse-s3', key: null, names: null, direction: 'two-way', createBucket: true });
  open = await enfold.folders.open(folder.id);
  await sync();
});
afterAll(async () => {
  await open.close();
  await enfold.close();
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) delete process.env[name];
  await storage.stop();
  rmSync(scratch, { recursive: true });
});

test('tells what went wrong at the last try, until it goes well', async () => {
  const client = new S3Client({ endpoint: storage.endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId: storage.accessKeyId, secretAccessKey: storage.secretAccessKey } });
  await client.send(new PutBucketPolicyCommand({ Bucket: 'why', Policy: JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Deny', Principal: '*', Action: 's3:PutObject', Resource: 'arn:aws:s3:::why/shared/denied.txt' }] }) }));
  writeAt(root, 'denied.txt', 'denied');
  expect(await sync()).toMatchObject({ inStep: false });
  const told = await why('denied.txt');
  expect(told).toMatchObject({ failed: { code: 'access-denied' }, held: null, next: { action: 'upload' } });
  expect(text(told)).toMatch(/ {2}last try {2}failed: .*\[access-denied\]\n {2}next sync Tried again: It is sent to S3\.$/);
  await client.send(new DeleteBucketPolicyCommand({ Bucket: 'why' }));
  client.destroy();
  expect(await sync()).toMatchObject({ inStep: true });
  expect(await why('denied.txt')).toMatchObject({ failed: null, next: { action: null } });
});

test('says that a deletion is held with others, and how to go on', async () => {
  rmSync(join(root, 'many'), { recursive: true });
  expect(await sync()).toMatchObject({ inStep: false, held: { reason: 'mass-delete-remote' } });
  const told = await why('many/3.txt');
  expect(told).toMatchObject({ held: { reason: 'mass-delete-remote', deletions: 12 }, next: { action: 'delete-remote' } });
  expect(text(told)).toContain(`next sync Nothing: its deletion is held, with 11 others (many files would be deleted in S3). If that is right: enfold sync ${open.settings.id.slice(0, 8)} --yes`);
  expect((await why('denied.txt')).held).toBeNull();
  await sync(true);
  expect(await why('many/3.txt')).toMatchObject({ held: null, next: { action: null } });
});

test('a path whose key no object can have is left out, and what was moved there stays where it was in S3', async () => {
  const deep = `${'n'.repeat(240)}/`.repeat(4);
  mkdirSync(join(root, deep), { recursive: true });
  renameSync(join(root, 'moved.txt'), join(root, `${deep}${'m'.repeat(240)}`));
  await sync();
  expect(await why('moved.txt')).toMatchObject({ local: { state: 'absent' }, remote: { state: 'present' } });
  const told = await why(`${deep}${'m'.repeat(240)}`);
  expect(told).toMatchObject({ skipped: [{ side: 'local', reason: 'name-too-long' }], next: { action: null } });
  expect(text(told)).toMatch(/left out {2}here: its name is too long\n {2}next sync Nothing: it is left alone on both sides\.$/);
  // Alone it is no reason to be out of step.
  rmSync(join(root, deep), { recursive: true });
  writeAt(root, `${deep}${'o'.repeat(240)}`, 'another length');
  expect(await sync(true)).toMatchObject({ inStep: true, failed: [], skipped: 1, counts: { upload: 0 } });
  expect(await why('moved.txt')).toMatchObject({ remote: { state: 'absent' } });
});
