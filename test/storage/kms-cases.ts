/* oxlint-disable vitest/no-standalone-expect -- every case is run inside a test */
/** KMS and Secrets Manager on the storage's port, through AWS's own clients. */
import {
  CancelKeyDeletionCommand, CreateAliasCommand, CreateKeyCommand, DecryptCommand, DescribeKeyCommand, DisableKeyCommand, EnableKeyCommand, EncryptCommand, GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand, GetKeyPolicyCommand, KMSClient, ListAliasesCommand, ListKeysCommand, PutKeyPolicyCommand, ReEncryptCommand, ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { CreateSecretCommand, GetRandomPasswordCommand, GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { Case, Given } from './conformance.ts';
import { refusal, type Target } from './target.ts';

type KmsGiven = Given & { readonly kms: KMSClient; readonly keyId: string; readonly arn: string };
const clientOf = (target: Target): KMSClient => new KMSClient({ endpoint: target.endpoint, region: 'us-east-1', credentials: target, maxAttempts: 1 });

const withKey = (name: string, run: (given: KmsGiven) => Promise<void>): Case => ({ name, run: async (given) => {
  const kms = clientOf(given.target);
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Description: 'a test' }));
  await run({ ...given, kms, keyId: KeyMetadata?.KeyId ?? '', arn: KeyMetadata?.Arn ?? '' });
  kms.destroy();
} });
const refused = (code: string) => ({ code, status: 400 });
const missing = '00000000-0000-4000-8000-000000000000';

export const KMS_CASES: readonly Case[] = [
  withKey('makes, describes and lists KMS keys and aliases', async ({ kms, keyId, arn, bucket }) => {
    expect((await kms.send(new DescribeKeyCommand({ KeyId: arn }))).KeyMetadata).toMatchObject({ KeyId: keyId, Arn: arn, Description: 'a test', Enabled: true, KeyState: 'Enabled', KeyManager: 'CUSTOMER', KeySpec: 'SYMMETRIC_DEFAULT' });
    expect((await kms.send(new ListKeysCommand({}))).Keys).toContainEqual({ KeyId: keyId, KeyArn: arn });
    const AliasName = `alias/${bucket}`;
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: keyId }));
    expect((await kms.send(new ListAliasesCommand({ KeyId: keyId }))).Aliases).toMatchObject([{ AliasName, TargetKeyId: keyId }]);
    expect((await kms.send(new DescribeKeyCommand({ KeyId: AliasName }))).KeyMetadata?.KeyId).toBe(keyId);
    expect(await refusal(kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: keyId })))).toEqual(refused('AlreadyExistsException'));
    expect(await refusal(kms.send(new CreateAliasCommand({ AliasName: 'alias/aws/mine', TargetKeyId: keyId })))).toEqual(refused('NotAuthorizedException'));
    expect(await refusal(kms.send(new DescribeKeyCommand({ KeyId: missing })))).toEqual(refused('NotFoundException'));
    expect(await refusal(kms.send(new DescribeKeyCommand({ KeyId: 'alias/none' })))).toEqual(refused('NotFoundException'));
  }),
  withKey('makes data keys that only the same encryption context unwraps', async ({ kms, keyId, arn }) => {
    const EncryptionContext = { purpose: 'test', folder: 'ü' };
    const made = await kms.send(new GenerateDataKeyCommand({ KeyId: keyId, KeySpec: 'AES_256', EncryptionContext }));
    expect(made.KeyId).toBe(arn);
    expect(made.Plaintext).toHaveLength(32);
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob: made.CiphertextBlob, EncryptionContext: { folder: 'ü', purpose: 'test' } }));
    expect(Buffer.compare(Buffer.from(opened.Plaintext ?? []), Buffer.from(made.Plaintext ?? []))).toBe(0);
    expect(opened.KeyId).toBe(arn);
    const others: Record<string, string>[] = [{}, { purpose: 'test' }, { ...EncryptionContext, more: '1' }, { purpose: 'test', folder: 'u' }];
    for (const wrong of others) {
      expect(await refusal(kms.send(new DecryptCommand({ CiphertextBlob: made.CiphertextBlob, EncryptionContext: wrong })))).toEqual(refused('InvalidCiphertextException'));
    }
    const hidden = await kms.send(new GenerateDataKeyWithoutPlaintextCommand({ KeyId: keyId, NumberOfBytes: 64 }));
    expect('Plaintext' in hidden).toBe(false);
    expect((await kms.send(new DecryptCommand({ CiphertextBlob: hidden.CiphertextBlob }))).Plaintext).toHaveLength(64);
    expect(await refusal(kms.send(new GenerateDataKeyCommand({ KeyId: keyId })))).toEqual(refused('ValidationException'));
  }),
  withKey('refuses a ciphertext that was altered, is none, or is of another key', async ({ kms, keyId }) => {
    const { CiphertextBlob = new Uint8Array() } = await kms.send(new EncryptCommand({ KeyId: keyId, Plaintext: randomBytes(100) }));
    for (const at of [0, 1, 20, 40, CiphertextBlob.length - 1]) {
      const altered = Uint8Array.from(CiphertextBlob, (byte, index) => (index === at ? byte ^ 1 : byte));
      expect(await refusal(kms.send(new DecryptCommand({ CiphertextBlob: altered })))).toEqual(refused('InvalidCiphertextException'));
    }
    expect(await refusal(kms.send(new DecryptCommand({ CiphertextBlob: randomBytes(10) })))).toEqual(refused('InvalidCiphertextException'));
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    expect(await refusal(kms.send(new DecryptCommand({ CiphertextBlob, KeyId: KeyMetadata?.KeyId })))).toEqual(refused('IncorrectKeyException'));
    expect(await refusal(kms.send(new EncryptCommand({ KeyId: keyId, Plaintext: randomBytes(4097) })))).toEqual(refused('ValidationException'));
  }),
  withKey('wraps anew under another key and context', async ({ kms, keyId, arn }) => {
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: keyId, Plaintext: Buffer.from('hello'), EncryptionContext: { a: '1' } }));
    const moved = await kms.send(new ReEncryptCommand({ CiphertextBlob, SourceEncryptionContext: { a: '1' }, DestinationKeyId: KeyMetadata?.KeyId, DestinationEncryptionContext: { b: '2' } }));
    expect(moved).toMatchObject({ SourceKeyId: arn, KeyId: KeyMetadata?.Arn });
    const { Plaintext = new Uint8Array() } = await kms.send(new DecryptCommand({ CiphertextBlob: moved.CiphertextBlob, EncryptionContext: { b: '2' } }));
    expect(Buffer.from(Plaintext).toString()).toBe('hello');
    expect(await refusal(kms.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: keyId })))).toEqual(refused('InvalidCiphertextException'));
  }),
  withKey('refuses to use a key that is disabled or to be deleted, until it is enabled again', async ({ kms, keyId }) => {
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: keyId, Plaintext: Buffer.from('hello') }));
    const uses = () => Promise.all([
      kms.send(new GenerateDataKeyCommand({ KeyId: keyId, KeySpec: 'AES_256' })), kms.send(new EncryptCommand({ KeyId: keyId, Plaintext: Buffer.from('x') })), kms.send(new DecryptCommand({ CiphertextBlob })),
    ].map((call) => refusal(call).then(({ code }) => code)));
    const all = (code: string): string[] => [code, code, code];
    await kms.send(new DisableKeyCommand({ KeyId: keyId }));
    expect(await uses()).toEqual(all('DisabledException'));
    await kms.send(new EnableKeyCommand({ KeyId: keyId }));
    expect(await uses()).toEqual(all('accepted'));
    const { DeletionDate } = await kms.send(new ScheduleKeyDeletionCommand({ KeyId: keyId, PendingWindowInDays: 7 }));
    expect(DeletionDate?.getTime()).toBeGreaterThan(Date.now() + 6 * 24 * 3600_000);
    expect(await uses()).toEqual(all('KMSInvalidStateException'));
    expect(await refusal(kms.send(new EnableKeyCommand({ KeyId: keyId })))).toEqual(refused('KMSInvalidStateException'));
    await kms.send(new CancelKeyDeletionCommand({ KeyId: keyId }));
    expect(await uses()).toEqual(all('DisabledException'));
    await kms.send(new EnableKeyCommand({ KeyId: keyId }));
    expect(await uses()).toEqual(all('accepted'));
    expect(await refusal(kms.send(new ScheduleKeyDeletionCommand({ KeyId: keyId, PendingWindowInDays: 6 })))).toEqual(refused('ValidationException'));
  }),
  withKey('keeps a key policy and refuses one that is none', async ({ kms, keyId, target, put, read }) => {
    expect(JSON.parse((await kms.send(new GetKeyPolicyCommand({ KeyId: keyId }))).Policy ?? '')).toMatchObject({ Statement: [{ Effect: 'Allow', Action: 'kms:*' }] });
    await put('a', 'a', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyId });
    const all = { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [all, { Effect: 'Deny', Principal: { AWS: target.accessKeyId }, Action: 'kms:Decrypt', Resource: '*' }] });
    await kms.send(new PutKeyPolicyCommand({ KeyId: keyId, Policy }));
    expect((await kms.send(new GetKeyPolicyCommand({ KeyId: keyId }))).Policy).toBe(Policy);
    const { CiphertextBlob } = await kms.send(new GenerateDataKeyCommand({ KeyId: keyId, KeySpec: 'AES_256' }));
    expect(await refusal(kms.send(new DecryptCommand({ CiphertextBlob })))).toEqual(refused('AccessDeniedException'));
    expect(await refusal(read('a'))).toEqual({ code: 'AccessDenied', status: 403 });
    await kms.send(new PutKeyPolicyCommand({ KeyId: keyId, Policy: JSON.stringify({ Version: '2012-10-17', Statement: [all] }) }));
    expect((await read('a')).toString()).toBe('a');
    expect(await refusal(kms.send(new PutKeyPolicyCommand({ KeyId: keyId, Policy: '{"Statement": 1}' })))).toEqual(refused('MalformedPolicyDocumentException'));
  }),
  { name: 'refuses KMS calls of unknown access keys, with wrong secrets, and unknown operations', run: async ({ target }) => {
    const call = async (changed: Partial<Target>) => refusal(clientOf({ ...target, ...changed }).send(new ListKeysCommand({})));
    expect(await call({ accessKeyId: 'AKIANOBODY' })).toEqual(refused('UnrecognizedClientException'));
    expect(await call({ secretAccessKey: 'wrong' })).toEqual(refused('InvalidSignatureException'));
    expect(await call({})).toMatchObject({ status: 200 });
    const unsigned = await target.raw('/', { method: 'POST', headers: { 'x-amz-target': 'TrentService.ListKeys' }, body: '{}' });
    expect(unsigned).toMatchObject({ status: 400 });
    expect(unsigned.body.toString()).toContain('__type');
  } },
  { name: 'keeps secrets, text and bytes, and makes passwords', run: async ({ target, bucket }) => {
    const secrets = new SecretsManagerClient({ endpoint: target.endpoint, region: 'us-east-1', credentials: target, maxAttempts: 1 });
    const bytes = randomBytes(32);
    const text = await secrets.send(new CreateSecretCommand({ Name: `${bucket}/text`, SecretString: 'geheim ü' }));
    const binary = await secrets.send(new CreateSecretCommand({ Name: `${bucket}/binary`, SecretBinary: bytes }));
    expect(await secrets.send(new GetSecretValueCommand({ SecretId: text.ARN }))).toMatchObject({ ARN: text.ARN, Name: `${bucket}/text`, SecretString: 'geheim ü', VersionStages: ['AWSCURRENT'] });
    expect(Buffer.from((await secrets.send(new GetSecretValueCommand({ SecretId: `${bucket}/binary` }))).SecretBinary ?? []).equals(bytes)).toBe(true);
    expect(binary.VersionId).toBeDefined();
    expect(await refusal(secrets.send(new CreateSecretCommand({ Name: `${bucket}/text`, SecretString: 'x' })))).toEqual(refused('ResourceExistsException'));
    expect(await refusal(secrets.send(new GetSecretValueCommand({ SecretId: 'none' })))).toEqual(refused('ResourceNotFoundException'));
    const { RandomPassword = '' } = await secrets.send(new GetRandomPasswordCommand({ PasswordLength: 20, ExcludePunctuation: true, ExcludeCharacters: 'abc' }));
    expect(RandomPassword).toMatch(/^(?=.*[d-z])(?=.*[A-Z])(?=.*\d)[d-zA-Z\d]{20}$/);
    secrets.destroy();
  } },
];
