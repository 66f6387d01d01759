/** A connection that takes one certificate only, against storage over HTTPS: the SDK, the lean path, KMS, and the command line. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { S3Access } from '../../main/model/settings.ts';
import { openKms } from '../../main/remote/aws-services.ts';
import { createBucket, listBuckets } from '../../main/remote/connection.ts';
import { certificateOf } from '../../main/remote/pinned-tls.ts';
import { readEndpoint, startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createComputer, makeScratch } from '../helpers/cli.ts';
import { writeAt } from '../helpers/tree.ts';

const scratch = makeScratch();
const dir = join(scratch.dir, 'storage');
const computer = createComputer(scratch.dir, 'home');
const { signal } = new AbortController();
let storage: RunningStorage;
let fingerprint: string;
beforeAll(async () => {
  storage = await startStorage({ dir, isSecure: true });
  fingerprint = storage.certificate?.fingerprint ?? '';
});
afterAll(async () => {
  await storage.stop();
  scratch.remove();
});

const accessBy = (certificate: string | null): S3Access => ({
  endpoint: storage.endpoint, region: 'us-east-1', pathStyle: true, certificate, credentials: { type: 'static', accessKeyId: storage.accessKeyId, secretAccessKey: storage.secretAccessKey },
});
const add = (name: string, print: string): string[] => ['connection', 'add', name, '--endpoint', storage.endpoint, '--access-key', storage.accessKeyId, '--fingerprint', print];

test('the certificate a server shows is taken where its fingerprint is the one that was named, and else refused', async () => {
  expect(await certificateOf(storage.endpoint, fingerprint)).toBe(storage.certificate?.pem);
  expect(await certificateOf(storage.endpoint, `SHA-256 ${fingerprint.replaceAll(':', '').toLowerCase()}`)).toBe(storage.certificate?.pem);
  const other = `${fingerprint.startsWith('00') ? '11' : '00'}${fingerprint.slice(2)}`;
  await expect(certificateOf(storage.endpoint, other)).rejects.toMatchObject({ code: 'tls-failed' });
  await expect(certificateOf(storage.endpoint, 'AB:CD')).rejects.toMatchObject({ code: 'bad-usage' });
  await expect(certificateOf('http://127.0.0.1:1', fingerprint)).rejects.toMatchObject({ code: 'bad-usage' });
  await expect(certificateOf('https://127.0.0.1:1', fingerprint)).rejects.toMatchObject({ code: 'offline' });
});

test('the SDK and KMS take the pinned certificate, and none without it', async () => {
  const access = accessBy(storage.certificate?.pem ?? null);
  await createBucket(access, 'pinned', signal);
  expect(await listBuckets(access, signal)).toContain('pinned');
  await expect(listBuckets(accessBy(null), signal)).rejects.toMatchObject({ code: 'tls-failed' });
  const kms = openKms(access, 'alias/none');
  await expect(kms.generateDataKey({ keyId: 'alias/none', encryptionContext: {} })).rejects.toMatchObject({ code: 'kms-key-not-found' });
  kms.close();
});

test('a folder syncs over a pinned connection, and stops where the server has another certificate', async () => {
  const folder = join(scratch.dir, 'folder');
  mkdirSync(folder);
  writeAt(folder, 'a.txt', 'over TLS');
  expect(await computer.error(add('wrong', `${fingerprint.startsWith('00') ? '11' : '00'}${fingerprint.slice(2)}`), { input: storage.secretAccessKey })).toMatchObject({ code: 'tls-failed', exitCode: 1 });
  await computer.ok(add('nas', fingerprint), { input: storage.secretAccessKey });
  expect(await computer.json(['connection', 'list'])).toMatchObject([{ name: 'nas', fingerprint }]);
  const { id } = await computer.json<{ id: string }>(['folder', 'add', folder, '--remote', 's3://pinned/x', '--connection', 'nas', '--mode', 'sse-s3']);
  await computer.ok(['sync', id]);

  await storage.stop();
  for (const name of ['certificate.pem', 'certificate-key.pem']) rmSync(join(dir, name));
  storage = await startStorage({ dir, isSecure: true });
  expect(storage.certificate?.fingerprint).not.toBe(fingerprint);
  writeAt(folder, 'b.txt', 'must not be sent');
  expect(await computer.error(['connection', 'test', 'nas'])).toMatchObject({ code: 'tls-failed' });
  expect((await computer.run(['sync', id])).stderr).toContain('tls-failed');
});

test('built-in storage over HTTPS is reached by its own certificate', async () => {
  const folder = join(scratch.dir, 'one');
  mkdirSync(folder);
  writeAt(folder, 'a.txt', 'over TLS');
  await computer.ok(['connection', 'add', 'disk', '--built-in', join(scratch.dir, 'secure'), '--https']);
  const { id } = await computer.json<{ id: string }>(['folder', 'add', folder, '--remote', 's3://disk', '--connection', 'disk', '--mode', 'sse-s3', '--create-bucket']);
  await computer.ok(['sync', id]);
  expect(await readEndpoint(join(scratch.dir, 'secure'))).toMatch(/^https:/);
  expect(await computer.ok(['cat', `${id}:a.txt`])).toBe('over TLS');
});
