/** Several access keys, what policies allow and deny each of them, and what the audit log says about it. */
import { GetObjectCommand, PutBucketPolicyCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { CreateKeyCommand, GenerateDataKeyCommand, KMSClient, PutKeyPolicyCommand } from '@aws-sdk/client-kms';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createTarget, refusal, type Target } from './target.ts';

describe('access keys', () => {
  const dir = mkdtempSync(join(tmpdir(), 'enfold-storage-'));
  let storage: RunningStorage;
  let root: Target;
  const denied = { code: 'AccessDenied', status: 403 };
  const targetOf = async (name: string, hasFullAccess: boolean): Promise<Target> => createTarget({ endpoint: storage.endpoint, ...(await storage.addAccessKey(name, hasFullAccess)) });
  const kmsOf = (target: Target): KMSClient => new KMSClient({ endpoint: target.endpoint, region: 'us-east-1', credentials: target, maxAttempts: 1 });

  beforeAll(async () => {
    storage = await startStorage({ dir });
    root = createTarget(storage);
    await root.raw('/shared', { method: 'PUT' });
    await root.client.send(new PutObjectCommand({ Bucket: 'shared', Key: 'a', Body: 'hello' }));
  });
  afterAll(async () => {
    await storage.stop();
    rmSync(dir, { recursive: true });
  });

  test('one without full access may do what a policy allows it, and nothing else', async () => {
    const guest = await targetOf('guest', false);
    const read = () => refusal(guest.client.send(new GetObjectCommand({ Bucket: 'shared', Key: 'a' })));
    expect(await read()).toEqual(denied);
    const Statement = [{ Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::000000000000:user/guest' }, Action: 's3:GetObject', Resource: 'arn:aws:s3:::shared/*' }];
    await root.client.send(new PutBucketPolicyCommand({ Bucket: 'shared', Policy: JSON.stringify({ Version: '2012-10-17', Statement }) }));
    expect(await read()).toMatchObject({ status: 200 });
    expect(await refusal(guest.client.send(new PutObjectCommand({ Bucket: 'shared', Key: 'b', Body: 'x' })))).toEqual(denied);
    expect(await guest.raw('/no-such-bucket')).toMatchObject({ status: 403 });
    expect(await guest.raw('/new-bucket', { method: 'PUT' })).toMatchObject({ status: 403 });
    expect(await refusal(kmsOf(guest).send(new CreateKeyCommand({})))).toMatchObject({ code: 'AccessDeniedException' });
  });

  test('a policy denies one of them and not the others', async () => {
    const [ann, bob] = [await targetOf('ann', true), await targetOf('bob', true)];
    const Statement = [{ Effect: 'Deny', Principal: { AWS: ann.accessKeyId }, Action: 's3:PutObject', Resource: 'arn:aws:s3:::shared/*' }];
    await root.client.send(new PutBucketPolicyCommand({ Bucket: 'shared', Policy: JSON.stringify({ Version: '2012-10-17', Statement }) }));
    const write = (target: Target) => refusal(target.client.send(new PutObjectCommand({ Bucket: 'shared', Key: 'c', Body: 'x' })));
    expect(await write(ann)).toEqual(denied);
    expect(await write(bob)).toMatchObject({ status: 200 });
  });

  test('a key policy denies one of them the key, for objects too', async () => {
    const [cem, dan] = [await targetOf('cem', true), await targetOf('dan', true)];
    const { KeyMetadata } = await kmsOf(root).send(new CreateKeyCommand({}));
    const Statement = [
      { Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::000000000000:root' }, Action: 'kms:*', Resource: '*' },
      { Effect: 'Deny', Principal: { AWS: 'arn:aws:iam::000000000000:user/cem' }, Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: '*' },
    ];
    await kmsOf(root).send(new PutKeyPolicyCommand({ KeyId: KeyMetadata?.KeyId, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) }));
    const generate = (target: Target) => refusal(kmsOf(target).send(new GenerateDataKeyCommand({ KeyId: KeyMetadata?.KeyId, KeySpec: 'AES_256' })));
    expect(await generate(cem)).toEqual({ code: 'AccessDeniedException', status: 400 });
    expect(await generate(dan)).toMatchObject({ status: 200 });
    await dan.client.send(new PutObjectCommand({ Bucket: 'shared', Key: 'k', Body: 'x', ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyMetadata?.KeyId }));
    expect(await refusal(cem.client.send(new GetObjectCommand({ Bucket: 'shared', Key: 'k' })))).toEqual(denied);
    expect(await refusal(dan.client.send(new GetObjectCommand({ Bucket: 'shared', Key: 'k' })))).toMatchObject({ status: 200 });
  });

  test('a condition in a key policy is obeyed, for calls and for objects under the key', async () => {
    const [gus, hal] = [await targetOf('gus', true), await targetOf('hal', true)];
    const { KeyMetadata } = await kmsOf(root).send(new CreateKeyCommand({}));
    const setPolicy = (...statements: Record<string, unknown>[]) => kmsOf(root).send(new PutKeyPolicyCommand({ KeyId: KeyMetadata?.KeyId, Policy: JSON.stringify({ Version: '2012-10-17', Statement: [
      { Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::000000000000:root' }, Action: 'kms:*', Resource: '*' }, ...statements,
    ] }) }));
    const denial = (Condition: Record<string, unknown>) => ({ Effect: 'Deny', Principal: '*', Action: ['kms:GenerateDataKey', 'kms:Decrypt'], Resource: '*', Condition });
    const generate = async (target: Target) => (await refusal(kmsOf(target).send(new GenerateDataKeyCommand({ KeyId: KeyMetadata?.KeyId, KeySpec: 'AES_256' })))).code;
    const put = async (target: Target) => (await refusal(target.client.send(new PutObjectCommand({ Bucket: 'shared', Key: 'g', Body: 'x', ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyMetadata?.KeyId })))).code;
    await setPolicy(denial({ StringEquals: { 'aws:username': 'gus' } }));
    expect([await generate(gus), await put(gus), await generate(hal), await put(hal)]).toEqual(['AccessDeniedException', 'AccessDenied', 'accepted', 'accepted']);
    await setPolicy(denial({ StringNotEquals: { 'kms:ViaService': 's3.us-east-1.amazonaws.com' } }));
    expect([await generate(gus), await put(gus)]).toEqual(['AccessDeniedException', 'accepted']);
    await expect(setPolicy(denial({ StringEquals: { 'kms:SigningAlgorithm': 'b' } }))).rejects.toMatchObject({ name: 'MalformedPolicyDocumentException' });
  });

  test('the audit log says who did what with which key, also what was refused, and no secret', async () => {
    const eve = await targetOf('eve', false);
    await refusal(eve.client.send(new GetObjectCommand({ Bucket: 'shared', Key: 'audited' })));
    const key = randomBytes(32);
    const SSECustomerKey = key.toString('base64');
    await root.client.send(new PutObjectCommand({ Bucket: 'shared', Key: 'audited', Body: 'content nobody logs', SSECustomerAlgorithm: 'AES256', SSECustomerKey, SSECustomerKeyMD5: createHash('md5').update(key).digest('base64') }));
    const { SSEKMSKeyId } = await root.client.send(new PutObjectCommand({ Bucket: 'shared', Key: 'under-kms', Body: 'x', ServerSideEncryption: 'aws:kms' }));
    const entries = () => readFileSync(join(dir, 'audit.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    await expect.poll(() => entries().some((entry) => entry['objectKey'] === 'under-kms')).toBe(true);
    expect(entries()).toContainEqual(expect.objectContaining({ who: 'arn:aws:iam::000000000000:user/eve', accessKeyId: eve.accessKeyId, action: 's3:GetObject', bucket: 'shared', objectKey: 'audited', status: 403, error: 'AccessDenied' }));
    expect(entries()).toContainEqual(expect.objectContaining({ who: 'arn:aws:iam::000000000000:root', action: 's3:PutObject', objectKey: 'audited', encryption: 'SSE-C', status: 200 }));
    expect(entries()).toContainEqual(expect.objectContaining({ action: 's3:PutObject', objectKey: 'under-kms', encryption: 'aws:kms', keyArn: SSEKMSKeyId }));
    expect(entries()).toContainEqual(expect.objectContaining({ action: 'kms:GenerateDataKey', error: 'AccessDeniedException' }));
    const text = readFileSync(join(dir, 'audit.jsonl'), 'utf8');
    for (const secret of [SSECustomerKey, storage.secretAccessKey, eve.secretAccessKey, 'content nobody logs']) expect(text).not.toContain(secret);
  });

  test('access keys stay after a restart', async () => {
    const fay = await storage.addAccessKey('fay');
    await expect(storage.addAccessKey('fay')).rejects.toMatchObject({ code: 'bad-usage' });
    await storage.stop();
    storage = await startStorage({ dir });
    expect(storage.accessKeyId).toBe(root.accessKeyId);
    expect(await createTarget({ endpoint: storage.endpoint, ...fay }).raw('/shared')).toMatchObject({ status: 200 });
  });
});
