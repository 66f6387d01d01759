/** The default encryption, the Bucket Key and what is blocked: read, set, removed, taken back; by the command line and on the server. */
import { CreateBucketCommand, GetBucketEncryptionCommand, HeadObjectCommand, PutObjectCommand, type ServerSideEncryptionRule } from '@aws-sdk/client-s3';
import { CreateAliasCommand, CreateKeyCommand, DisableKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createComputer, makeScratch } from '../helpers/cli.ts';
import { createTarget, refusal, type Target } from '../storage/target.ts';
import { customerOf } from './mixed-bucket.ts';

const scratch = makeScratch();
const computer = createComputer(scratch.dir, 'home');
const Bucket = 'defaults';
const PLACE = ['bucket', 'encryption', `s3://${Bucket}`, '--connection', 's3'];
let storage: RunningStorage;
let target: Target;
let kms: KMSClient;
let kmsKey: string;

const rule = async (): Promise<ServerSideEncryptionRule | undefined> => (await target.client.send(new GetBucketEncryptionCommand({ Bucket }))).ServerSideEncryptionConfiguration?.Rules?.[0];
const bytes = async (): Promise<string> => (await target.raw(`/${Bucket}`, { query: [['encryption', '']] })).body.toString('utf8');
const stored = async (): Promise<{ ServerSideEncryption?: string | undefined; SSEKMSKeyId?: string | undefined; BucketKeyEnabled?: boolean | undefined }> => {
  await target.client.send(new PutObjectCommand({ Bucket, Key: 'says nothing', Body: 'x' }));
  return target.client.send(new HeadObjectCommand({ Bucket, Key: 'says nothing' }));
};

beforeAll(async () => {
  storage = await startStorage({ dir: join(scratch.dir, 'storage') });
  target = createTarget(storage);
  kms = new KMSClient({ endpoint: storage.endpoint, region: 'us-east-1', credentials: storage });
  kmsKey = (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
  await kms.send(new CreateAliasCommand({ AliasName: 'alias/photos', TargetKeyId: kmsKey }));
  await target.client.send(new CreateBucketCommand({ Bucket }));
  await computer.connect(storage);
});
afterAll(async () => {
  kms.destroy();
  await storage.stop();
  scratch.remove();
});

describe('a bucket\'s default encryption', () => {
  test('is shown, changed only with --apply, holds for uploads that name none, and is taken back byte for byte', async () => {
    const before = await bytes();
    expect(await computer.json(PLACE)).toEqual({ Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BucketKeyEnabled: false }] });
    const wish = [...PLACE, '--mode', 'sse-kms', '--kms-key-id', 'alias/photos'];
    const after = { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: kmsKey }, BucketKeyEnabled: true }] };
    expect(await computer.json(wish)).toMatchObject({ bucket: Bucket, call: 'PutBucketEncryption', after, applied: false });
    expect(await bytes()).toBe(before);
    expect(await computer.json([...wish, '--apply'])).toMatchObject({ applied: true, now: after });
    expect(await stored()).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kmsKey, BucketKeyEnabled: true });
    expect(await computer.ok([...wish, '--apply'])).toContain('It is so already.');

    // One thing is changed, and the others stay.
    await computer.ok([...PLACE, '--no-bucket-key', '--block-sse-c', '--apply']);
    expect(await rule()).toMatchObject({ ...after.Rules[0], BucketKeyEnabled: false, BlockedEncryptionTypes: { EncryptionType: ['SSE-C'] } });
    expect(await stored()).toMatchObject({ SSEKMSKeyId: kmsKey });
    const customer = async (): Promise<string> => (await refusal(target.client.send(new PutObjectCommand({ Bucket, Key: 'customer', Body: 'x', ...customerOf(randomBytes(32)) })))).code;
    expect(await customer()).toBe('AccessDenied');

    expect(await computer.json([...PLACE, '--remove', '--apply'])).toMatchObject({ call: 'DeleteBucketEncryption', after: null, applied: true });
    expect(await stored()).toMatchObject({ ServerSideEncryption: 'AES256' });
    expect(await customer()).toBe('accepted');

    await computer.ok(['bucket', 'doctor', `s3://${Bucket}`, '--connection', 's3', '--undo', 'all']);
    expect(await bytes()).toBe(before);
  });

  test.each([
    ['a mode that needs a key with each upload', ['--mode', 'cse-c']], ['no mode at all', ['--mode', 'aes']], ['a KMS key without its mode', ['--kms-key-id', 'alias/photos']], ['a KMS key for SSE-S3', ['--mode', 'sse-s3', '--kms-key-id', 'alias/photos']],
    ['two layers without their mode', ['--dsse']], ['a Bucket Key for two layers', ['--mode', 'sse-kms', '--dsse', '--bucket-key']], ['both of block and allow', ['--block-sse-c', '--allow-sse-c']], ['--remove beside another', ['--remove', '--block-sse-c']], ['nothing to apply', []],
  ])('%s is bad usage, and changes nothing', async (_what, args) => {
    const before = await bytes();
    expect(await computer.error([...PLACE, ...args, '--apply'])).toMatchObject({ exitCode: 1, code: 'bad-usage' });
    expect(await bytes()).toBe(before);
  });

  test('with a KMS key that is missing, disabled, or elsewhere, or without the right to set it, is refused with the reason, and stays', async () => {
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    await kms.send(new DisableKeyCommand({ KeyId: KeyMetadata?.KeyId }));
    const before = await bytes();
    const refused = async (id: string): Promise<string> => {
      const { code, detail } = await computer.error([...PLACE, '--mode', 'sse-kms', '--kms-key-id', id, '--apply']);
      return `${code}: ${detail ?? ''}`;
    };
    expect(await refused('alias/nobody')).toMatch(/^kms-key-unusable: .*no such key/);
    expect(await refused(KeyMetadata?.Arn ?? '')).toMatch(/^kms-key-unusable: .*Disabled/);
    expect(await refused(kmsKey.replace('us-east-1', 'eu-west-1'))).toMatch(/^kms-key-unusable: .*the key is in eu-west-1, the bucket in us-east-1/);
    await computer.connect({ endpoint: storage.endpoint, ...(await storage.addAccessKey('limited', false)) }, 'limited');
    const limited = ['bucket', 'encryption', `s3://${Bucket}`, '--connection', 'limited'];
    expect(await computer.error(limited)).toMatchObject({ code: 'access-denied', detail: expect.stringContaining('s3:GetEncryptionConfiguration') as string });
    expect(await computer.error([...limited, '--mode', 'sse-s3', '--apply'])).toMatchObject({ code: 'access-denied' });
    expect(await bytes()).toBe(before);
  });
});
