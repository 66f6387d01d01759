/** The doctor on buckets that are wrong in twenty ways: each is named, mended, right afterwards, and as it was when that is taken back. */
import {
  CreateBucketCommand, CreateMultipartUploadCommand, DeleteBucketOwnershipControlsCommand, DeletePublicAccessBlockCommand, ListObjectVersionsCommand, PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand, PutBucketOwnershipControlsCommand, PutBucketPolicyCommand, PutBucketVersioningCommand, PutPublicAccessBlockCommand, type LifecycleRule, type S3Client, type ServerSideEncryptionRule,
} from '@aws-sdk/client-s3';
import { CreateKeyCommand, DisableKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Enfold } from '../../main/assembly/api.ts';
import type { ModeWish } from '../../main/assembly/buckets.ts';
import { openEnfold } from '../../main/assembly/enfold.ts';
import type { FindingId, Severity } from '../../main/bucket/finding.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { answerTo } from '../helpers/answer.ts';
import { createTarget, type Target } from '../storage/target.ts';
import { IN_ANY_STORE } from '../helpers/secrets.ts';

type Setup = (given: { readonly client: S3Client; readonly Bucket: string; readonly kmsKey: string }) => Promise<unknown>;
type Sick = {
  readonly what: string;
  readonly wish?: 'sse-s3' | 'sse-kms' | 'sse-kms managed' | 'sse-c' | null;
  readonly setup: Setup;
  readonly finds: readonly (readonly [FindingId, Severity])[];
  /** Of those, what only a person can mend. */
  readonly stays?: readonly FindingId[];
};

const signal = new AbortController().signal;
const encryption = (rule: ServerSideEncryptionRule): Setup => async ({ client, Bucket, kmsKey }) => client.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules: [JSON.parse(JSON.stringify(rule).replace('KMS_KEY', kmsKey)) as ServerSideEncryptionRule] } }));
const lifecycle = (...Rules: LifecycleRule[]): Setup => async ({ client, Bucket }) => client.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }));
const policy = (statement: object, isOpen = false): Setup => async ({ client, Bucket }) => {
  if (isOpen) await client.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: { BlockPublicAcls: true, IgnorePublicAcls: true } }));
  const Statement = [JSON.parse(JSON.stringify(statement).replaceAll('BUCKET', Bucket)) as object];
  return client.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement }, null, 1) }));
};
const allow = { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::BUCKET/*' };
const others = { Sid: 'TheirsAndKept', Effect: 'Deny', Principal: '*', Action: 's3:PutObject', Resource: 'arn:aws:s3:::BUCKET/never/*' };
const publicAccess = (...off: string[]): Setup => async ({ client, Bucket }) => client.send(new PutPublicAccessBlockCommand({
  Bucket, PublicAccessBlockConfiguration: Object.fromEntries(['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'].map((name) => [name, !off.includes(name)])),
}));

const SICK: readonly Sick[] = [
  { what: 'a bucket as it is made', setup: async () => undefined, finds: [['versioning', 'warning'], ['stale-uploads', 'warning']] },
  { what: 'suspended versioning', setup: async ({ client, Bucket }) => client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Suspended' } })), finds: [['versioning', 'warning']] },
  { what: 'no block of public access', setup: async ({ client, Bucket }) => client.send(new DeletePublicAccessBlockCommand({ Bucket })), finds: [['public-access', 'critical']] },
  { what: 'public access lists', setup: publicAccess('BlockPublicAcls', 'IgnorePublicAcls'), finds: [['public-access', 'critical']] },
  { what: 'public policies possible', setup: publicAccess('BlockPublicPolicy'), finds: [['public-access', 'critical']] },
  { what: 'a public policy', setup: policy(allow, true), finds: [['public-access', 'critical'], ['public-policy', 'critical']], stays: ['public-policy'] },
  { what: 'owners by upload', setup: async ({ client, Bucket }) => client.send(new PutBucketOwnershipControlsCommand({ Bucket, OwnershipControls: { Rules: [{ ObjectOwnership: 'ObjectWriter' }] } })), finds: [['ownership', 'warning']] },
  { what: 'owners preferred', setup: async ({ client, Bucket }) => client.send(new PutBucketOwnershipControlsCommand({ Bucket, OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerPreferred' }] } })), finds: [['ownership', 'warning']] },
  { what: 'no rule of ownership', setup: async ({ client, Bucket }) => client.send(new DeleteBucketOwnershipControlsCommand({ Bucket })), finds: [['ownership', 'warning']] },
  { what: 'KMS without a Bucket Key', setup: encryption({ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' } }), finds: [['bucket-key', 'warning']] },
  { what: 'the wrong default for sse-kms', wish: 'sse-kms', setup: encryption({ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }), finds: [['default-encryption', 'warning'], ['mode-required', 'warning']] },
  { what: 'another default key for sse-kms', wish: 'sse-kms', setup: encryption({ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' }, BucketKeyEnabled: true }), finds: [['default-encryption', 'warning']] },
  { what: 'customer keys blocked where they are needed', wish: 'sse-c', setup: encryption({ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BlockedEncryptionTypes: { EncryptionType: ['SSE-C'] } }), finds: [['blocked-encryption', 'critical'], ['mode-required', 'warning']] },
  { what: 'a mode that nothing requires, beside a policy of others', wish: 'sse-s3', setup: policy(others), finds: [['mode-required', 'warning']] },
  { what: 'the managed key that nothing requires', wish: 'sse-kms managed', setup: async () => undefined, finds: [['mode-required', 'warning'], ['default-encryption', 'warning']] },
  { what: 'rules that leave unfinished uploads elsewhere', setup: lifecycle({ ID: 'elsewhere', Status: 'Enabled', Filter: { Prefix: 'logs/' }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } }), finds: [['stale-uploads', 'warning']] },
  { what: 'a rule for unfinished uploads that is disabled', setup: lifecycle({ ID: 'off', Status: 'Disabled', Filter: { Prefix: '' }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } }), finds: [['stale-uploads', 'warning']] },
  { what: 'a rule that deletes files', setup: lifecycle({ ID: 'deletes', Status: 'Enabled', Filter: { Prefix: 'team/' }, Expiration: { Days: 30 } }), finds: [['expiring-files', 'critical'], ['stale-uploads', 'warning']], stays: ['expiring-files'] },
  { what: 'a rule that archives files', setup: lifecycle({ ID: 'archives', Status: 'Enabled', Filter: { Prefix: '' }, Transitions: [{ Days: 30, StorageClass: 'DEEP_ARCHIVE' }] }), finds: [['archived-files', 'warning']], stays: ['archived-files'] },
  { what: 'old versions for ever, and an upload never finished', setup: async ({ client, Bucket }) => {
    await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'team/half' }));
  }, finds: [['old-versions', 'info'], ['stale-uploads', 'warning']], stays: ['old-versions'] },
];

/** Everything a bucket can be set to, as the server gives it. */
const SETTINGS = ['encryption', 'policy', 'versioning', 'publicAccessBlock', 'ownershipControls', 'lifecycle'];

describe('the doctor', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'enfold-doctor-'));
  let storage: RunningStorage;
  let target: Target;
  let enfold: Enfold;
  let kmsKey: string;
  const kms = () => new KMSClient({ endpoint: storage.endpoint, region: 'us-east-1', credentials: storage });
  const wishOf = (name: Sick['wish']): ModeWish | null => (name === undefined || name === null ? null : { mode: name === 'sse-kms managed' ? 'sse-kms' : name, kmsKeyId: name === 'sse-kms' ? kmsKey : null, dsse: false });
  const settingsOf = async (bucket: string): Promise<Record<string, string>> => Object.fromEntries(await Promise.all(SETTINGS.map(async (name) => {
    const { status, body } = await target.raw(`/${bucket}`, { query: [[name, '']] });
    return [name, status === 200 ? body.toString('utf8') : `${status}`];
  })));

  beforeAll(async () => {
    storage = await startStorage({ dir: join(scratch, 'storage') });
    target = createTarget(storage);
    kmsKey = (await kms().send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
    enfold = await openEnfold({ home: join(scratch, 'home'), env: IN_ANY_STORE });
    await enfold.connections.add({ kind: 's3', name: 's3', endpoint: storage.endpoint, region: 'us-east-1', accessKeyId: storage.accessKeyId, secretAccessKey: storage.secretAccessKey });
  });
  afterAll(async () => {
    await enfold.close();
    await storage.stop();
    rmSync(scratch, { recursive: true });
  });

  test.each(SICK.map((sick, index) => [sick.what, sick, index] as const))('names %s, mends it, and takes that back byte for byte', async (_what, { wish: name = null, setup, finds, stays = [] }, index) => {
    const bucket = `sick-${index}`;
    const place = { connection: 's3', bucket, prefix: 'team/' };
    const wish = wishOf(name);
    await target.client.send(new CreateBucketCommand({ Bucket: bucket }));
    await setup({ client: target.client, Bucket: bucket, kmsKey });
    const before = await settingsOf(bucket);

    const first = await enfold.buckets.examine(place, wish, signal);
    expect(first.findings.map(({ id, severity }) => [id, severity])).toEqual(expect.arrayContaining(finds.map(([...pair]) => pair)));
    expect(first.findings.find(({ id }) => id === 'permissions')?.severity).toBe('good');

    for (const { id } of first.findings.filter(({ fix }) => fix?.isOptional === false)) {
      const preview = await enfold.buckets.previewFix(place, wish, id, signal);
      if (preview === null) throw new Error(`${id} has no fix`);
      expect(preview.change.after).not.toEqual(preview.change.before);
      await enfold.buckets.applyFix(place, preview, signal);
    }
    const second = await enfold.buckets.examine(place, wish, signal);
    expect(second.findings.filter(({ id, severity }) => (severity === 'critical' || severity === 'warning') && !stays.includes(id))).toEqual([]);
    expect(second.findings.map(({ id }) => id)).toEqual(expect.arrayContaining([...stays]));
    expect((await settingsOf(bucket))['policy']?.includes('TheirsAndKept')).toBe(before['policy']?.includes('TheirsAndKept'));

    for (const { id } of enfold.buckets.changesOf(place)) await enfold.buckets.undo(place, id, signal);
    const after = await settingsOf(bucket);
    // S3 knows no way back to never having had versions.
    const wasNever = before['versioning']?.includes('<Status>') === false;
    expect({ ...after, ...(wasNever && { versioning: before['versioning'] }) }).toEqual(before);
    expect(after['versioning']).toContain(wasNever ? 'Suspended' : (/<Status>\w+/.exec(before['versioning'] ?? '')?.[0] ?? ''));
    const { Versions = [], DeleteMarkers = [] } = await target.client.send(new ListObjectVersionsCommand({ Bucket: bucket }));
    expect([...Versions, ...DeleteMarkers]).toEqual([]);
  });

  test('says which permissions are missing, and the statements that allow them do', async () => {
    const bucket = 'rights';
    await target.client.send(new CreateBucketCommand({ Bucket: bucket }));
    const { accessKeyId, secretAccessKey } = await storage.addAccessKey('limited', false);
    await enfold.connections.add({ kind: 's3', name: 'limited', endpoint: storage.endpoint, region: 'us-east-1', accessKeyId, secretAccessKey });
    const place = { connection: 'limited', bucket, prefix: 'team/' };
    const first = await enfold.buckets.examine(place, null, signal);
    expect(first.findings.find(({ id }) => id === 'permissions')).toMatchObject({ severity: 'critical', says: expect.stringContaining('s3:PutObject (upload)') });
    expect(first.findings.find(({ id }) => id === 'settings-unreadable')?.says).toContain('s3:GetEncryptionConfiguration');
    expect(first.missing).toHaveLength(15);
    const Statement = first.missing.map((statement) => ({ ...statement, Principal: { AWS: 'arn:aws:iam::000000000000:user/limited' } }));
    await target.client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) }));
    const second = await enfold.buckets.examine(place, null, signal);
    expect(second.missing).toEqual([]);
    expect(second.findings.find(({ id }) => id === 'permissions')?.severity).toBe('good');
  });

  test('says that a policy denies what no other can allow', async () => {
    const bucket = 'denied';
    await target.client.send(new CreateBucketCommand({ Bucket: bucket }));
    await policy({ Effect: 'Deny', Principal: '*', Action: 's3:DeleteObject', Resource: 'arn:aws:s3:::BUCKET/*' })({ client: target.client, Bucket: bucket, kmsKey });
    const { permissions, missing, findings } = await enfold.buckets.examine({ connection: 's3', bucket, prefix: '' }, null, signal);
    expect(permissions.filter(({ isAllowed }) => !isAllowed)).toMatchObject([{ action: 's3:DeleteObject', isDenied: true }]);
    expect(missing).toEqual([]);
    expect(findings.find(({ id }) => id === 'permissions')).toMatchObject({ severity: 'critical', advice: expect.stringContaining('denies') });
  });

  test('says that a KMS key is disabled, missing or in another region, and changes nothing for it', async () => {
    const bucket = 'kms-problems';
    await target.client.send(new CreateBucketCommand({ Bucket: bucket }));
    const { KeyMetadata } = await kms().send(new CreateKeyCommand({}));
    await kms().send(new DisableKeyCommand({ KeyId: KeyMetadata?.KeyId }));
    const place = { connection: 's3', bucket, prefix: '' };
    const before = await settingsOf(bucket);
    for (const [kmsKeyId, detail] of [[KeyMetadata?.Arn, 'Disabled'], ['alias/nobody', 'no such key'], [kmsKey.replace('us-east-1', 'eu-west-1'), 'the key is in eu-west-1, the bucket in us-east-1']] as const) {
      const wish: ModeWish = { mode: 'sse-kms', kmsKeyId: kmsKeyId ?? null, dsse: false };
      const { findings } = await enfold.buckets.examine(place, wish, signal);
      expect(findings.find(({ id }) => id === 'kms-key')).toMatchObject({ severity: 'critical', says: expect.stringContaining(detail) });
      expect(await answerTo(enfold.buckets.previewPolicy(place, wish, signal))).toBe('kms-key-unusable');
    }
    expect(await settingsOf(bucket)).toEqual(before);
  });

  test('says that a bucket is of another account, which alone may see its settings', async () => {
    await target.client.send(new CreateBucketCommand({ Bucket: 'theirs' }));
    // As S3 answers everybody outside the account.
    const proxy = createServer((incoming, outgoing) => {
      if (/\?(policy|encryption|lifecycle|ownershipControls|publicAccessBlock|versioning)=/.test(incoming.url ?? '')) {
        outgoing.writeHead(405, { 'content-type': 'application/xml' }).end('<Error><Code>MethodNotAllowed</Code><Message>The specified method is not allowed against this resource.</Message></Error>');
        return;
      }
      incoming.pipe(httpRequest(storage.endpoint, { method: incoming.method ?? 'GET', path: incoming.url, headers: incoming.headers }, (answer) => answer.pipe(outgoing.writeHead(answer.statusCode ?? 500, answer.headers))));
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    try {
      const { accessKeyId, secretAccessKey } = storage;
      await enfold.connections.add({ kind: 's3', name: 'elsewhere', endpoint: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, region: 'us-east-1', accessKeyId, secretAccessKey });
      const place = { connection: 'elsewhere', bucket: 'theirs', prefix: '' };
      const { findings } = await enfold.buckets.examine(place, null, signal);
      expect(findings.find(({ id }) => id === 'settings-unreadable')).toMatchObject({ severity: 'warning', says: expect.stringContaining('belongs to another account') });
      expect(findings.filter(({ fix }) => fix !== null)).toEqual([]);
      await expect(enfold.buckets.previewPolicy(place, { mode: 'sse-s3', kmsKeyId: null, dsse: false }, signal)).rejects.toMatchObject({ code: 'access-denied', about: { detail: expect.stringContaining('another account') } });
    } finally {
      proxy.close();
      proxy.closeAllConnections();
    }
  });

  test('applies and takes back nothing where somebody changed the bucket in between', async () => {
    const bucket = 'in-between';
    await target.client.send(new CreateBucketCommand({ Bucket: bucket }));
    const place = { connection: 's3', bucket, prefix: '' };
    const preview = await enfold.buckets.previewFix(place, null, 'stale-uploads', signal);
    if (preview === null) throw new Error('nothing to fix');
    await lifecycle({ ID: 'theirs', Status: 'Enabled', Filter: { Prefix: 'x' }, Expiration: { Days: 1 } })({ client: target.client, Bucket: bucket, kmsKey });
    expect(await answerTo(enfold.buckets.applyFix(place, preview, signal))).toBe('configuration-changed');
    const again = await enfold.buckets.previewFix(place, null, 'stale-uploads', signal);
    if (again === null) throw new Error('nothing to fix');
    const mended = await enfold.buckets.applyFix(place, again, signal);
    await lifecycle({ ID: 'theirs again', Status: 'Enabled', Filter: { Prefix: 'x' }, Expiration: { Days: 1 } })({ client: target.client, Bucket: bucket, kmsKey });
    const before = await settingsOf(bucket);
    expect(await answerTo(enfold.buckets.undo(place, mended.id, signal))).toBe('configuration-changed');
    expect(await settingsOf(bucket)).toEqual(before);
  });
});
