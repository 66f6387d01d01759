/**
 * The policies that AWS's documentation suggests for requiring an encryption, and those Enfold writes itself: each put as it stands, and enforced.
 *
 * @see "Protecting data with server-side encryption", "Bucket policy examples" and "Tagging and access control policies" in the S3 User Guide; "Condition keys for AWS KMS" in the KMS Developer Guide
 */
import {
  CopyObjectCommand, CreateMultipartUploadCommand, GetObjectCommand, PutBucketPolicyCommand, PutObjectCommand, PutObjectTaggingCommand, UploadPartCommand, type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { CreateAliasCommand, CreateKeyCommand, DecryptCommand, EncryptCommand, GenerateDataKeyCommand, KMSClient, PutKeyPolicyCommand, ReEncryptCommand, ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { modeStatements, type PolicyMode } from '../../main/bucket/mode-policy.ts';
import { keyPolicy } from '../../main/bucket/template.ts';
import { ACCOUNT, ROOT_ARN } from '../../main/storage/policy.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createTarget, refusal, type Target } from './target.ts';

const denied = { code: 'AccessDenied', status: 403 };
const deniedByKms = { code: 'AccessDeniedException', status: 400 };
const accepted = { code: 'accepted', status: 200 };
const REGION = 'us-east-1';
const SSE = 's3:x-amz-server-side-encryption';
type Statement = Record<string, unknown>;
type Put = Partial<PutObjectCommandInput>;

let dir: string;
let storage: RunningStorage;
let target: Target;
let kms: KMSClient;
let bucket: string;
let [rightKey, wrongKey] = ['', ''];

const kmsOf = (access: Target): KMSClient => new KMSClient({ endpoint: access.endpoint, region: REGION, credentials: access, maxAttempts: 1 });
const newKey = async (): Promise<string> => (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
const customerKey = (): Put => {
  const key = randomBytes(32);
  return { SSECustomerAlgorithm: 'AES256', SSECustomerKey: key.toString('base64'), SSECustomerKeyMD5: createHash('md5').update(key).digest('base64') };
};

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'enfold-policies-'));
  storage = await startStorage({ dir });
  target = createTarget(storage);
  kms = kmsOf(target);
  [rightKey, wrongKey] = [await newKey(), await newKey()];
});
beforeEach(async () => {
  bucket = target.newBucketName();
  await target.raw(`/${bucket}`, { method: 'PUT' });
});
afterAll(async () => {
  target.client.destroy();
  kms.destroy();
  await storage.stop();
  rmSync(dir, { recursive: true });
});

const setPolicy = async (...statements: readonly Statement[]): Promise<void> => {
  await target.client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement: statements }) }));
};
const put = (more: Put = {}, access = target): ReturnType<typeof refusal> => refusal(access.client.send(new PutObjectCommand({ Bucket: bucket, Key: 'a', Body: 'x', ...more })));
const deny = (Condition: Statement, more: Statement = {}): Statement => ({ Sid: 'Documented', Effect: 'Deny', Principal: '*', Action: 's3:PutObject', Resource: `arn:aws:s3:::${bucket}/*`, Condition, ...more });
const everything = (): Statement => ({ Action: 's3:*', Resource: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`] });

const kmsUpload = (SSEKMSKeyId?: string): Put => ({ ServerSideEncryption: 'aws:kms', ...(SSEKMSKeyId !== undefined && { SSEKMSKeyId }) });

/** A policy, what it lets through and what it refuses. */
type Documented = { readonly name: string; readonly statements: () => readonly Statement[]; readonly allows: readonly (() => Put)[]; readonly refuses: readonly (() => Put)[] };
const plain = (): Put => ({});
const sseS3 = (): Put => ({ ServerSideEncryption: 'AES256' });
const dsse = (): Put => ({ ServerSideEncryption: 'aws:kms:dsse' });
const managed = (): Put => kmsUpload();
const right = (): Put => kmsUpload(rightKey);
const wrong = (): Put => kmsUpload(wrongKey);

const DOCUMENTED: readonly Documented[] = [
  { name: 'deny uploads that are not encrypted with SSE-S3', allows: [sseS3], refuses: [plain, managed, right, customerKey],
    statements: () => [deny({ StringNotEquals: { [SSE]: 'AES256' } }), deny({ Null: { [SSE]: 'true' } })] },
  { name: 'require SSE-KMS', allows: [managed, right], refuses: [plain, sseS3, dsse, customerKey], statements: () => [deny({ StringNotEquals: { [SSE]: 'aws:kms' } })] },
  { name: 'require DSSE-KMS', allows: [dsse], refuses: [plain, sseS3, managed, customerKey], statements: () => [deny({ StringNotEquals: { [SSE]: 'aws:kms:dsse' } })] },
  { name: 'require one KMS key, naming none included', allows: [right], refuses: [plain, sseS3, managed, wrong, customerKey], statements: () => [deny({ StringNotEquals: { [`${SSE}-aws-kms-key-id`]: rightKey } })] },
  { name: 'require the KMS keys of one account', allows: [right, wrong], refuses: [plain, managed], statements: () => [deny({ StringNotLike: { [`${SSE}-aws-kms-key-id`]: `arn:aws:kms:${REGION}:${ACCOUNT}:*` } })] },
  { name: 'require one KMS key by an ARN condition', allows: [right], refuses: [plain, wrong], statements: () => [deny({ ArnNotEqualsIfExists: { [`${SSE}-aws-kms-key-id`]: rightKey } })] },
  { name: 'deny SSE-C', allows: [plain, sseS3, managed], refuses: [customerKey], statements: () => [deny({ Null: { [`${SSE}-customer-algorithm`]: 'false' } })] },
  { name: 'require SSE-C', allows: [customerKey], refuses: [plain, sseS3, managed], statements: () => [deny({ Null: { [`${SSE}-customer-algorithm`]: 'true' } })] },
  { name: 'require TLS', allows: [], refuses: [plain, sseS3], statements: () => [deny({ Bool: { 'aws:SecureTransport': 'false' } }, everything())] },
  { name: 'require TLS 1.2, which a request without TLS has no version of', allows: [plain], refuses: [], statements: () => [deny({ NumericLessThan: { 's3:TlsVersion': '1.2' } }, everything())] },
  { name: 'require a tag', allows: [() => ({ Tagging: 'Project=X' }), () => ({ Tagging: 'project=X' })], refuses: [plain, () => ({ Tagging: 'Project=Y' }), () => ({ Tagging: 'Other=X' })],
    statements: () => [deny({ StringNotEquals: { 's3:RequestObjectTag/Project': 'X' } })] },
  { name: 'allow only some tags', allows: [() => ({ Tagging: 'Owner=a' }), () => ({ Tagging: 'Owner=a&Created=b' }), plain], refuses: [() => ({ Tagging: 'Owner=a&Other=b' })],
    statements: () => [deny({ 'ForAnyValue:StringNotEquals': { 's3:RequestObjectTagKeys': ['Owner', 'Created'] } })] },
  { name: 'require conditional writes', allows: [() => ({ IfNoneMatch: '*', Key: 'new' })], refuses: [plain], statements: () => [deny({ Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } })] },
  { name: 'keep to an organisation, a network and a region', allows: [], refuses: [plain], statements: () => [deny({ StringNotEquals: { 'aws:PrincipalOrgID': 'o-1' } }, everything()), deny({ StringNotEquals: { 'aws:RequestedRegion': REGION } })] },
  { name: 'leave services and endpoints of a network out of a denial', allows: [plain], refuses: [],
    statements: () => [deny({ StringNotEqualsIfExists: { 'aws:SourceVpce': 'vpce-1' }, Bool: { 'aws:ViaAWSService': 'true', 'aws:PrincipalIsAWSService': 'false' }, Null: { 'aws:PrincipalServiceName': 'true' } })] },
];

describe('a policy of the documentation', () => {
  test.each(DOCUMENTED)('$name', async ({ statements, allows, refuses }) => {
    await setPolicy(...statements());
    for (const upload of allows) expect(await put(upload()), JSON.stringify(upload())).toEqual(accepted);
    for (const upload of refuses) expect(await put(upload()), JSON.stringify(upload())).toEqual(denied);
  });

  test('about tags judges every request that gives them: documents, copies, uploads and their parts', async () => {
    await put({ Tagging: 'Project=X' });
    await setPolicy(deny({ StringNotEquals: { 's3:RequestObjectTag/Project': 'X' } }, { Action: ['s3:PutObject', 's3:PutObjectTagging'] }));
    const tag = (Value: string) => refusal(target.client.send(new PutObjectTaggingCommand({ Bucket: bucket, Key: 'a', Tagging: { TagSet: [{ Key: 'Project', Value }] } })));
    expect([await tag('Y'), await tag('X')]).toEqual([denied, accepted]);
    const copy = (Tagging: string) => refusal(target.client.send(new CopyObjectCommand({ Bucket: bucket, Key: 'b', CopySource: `${bucket}/a`, TaggingDirective: 'REPLACE', Tagging })));
    expect([await copy('Project=Y'), await copy('Project=X')]).toEqual([denied, accepted]);
    const begin = (Tagging: string) => target.client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'c', Tagging }));
    expect(await refusal(begin('Project=Y'))).toEqual(denied);
    const { UploadId } = await begin('Project=X');
    expect(await refusal(target.client.send(new UploadPartCommand({ Bucket: bucket, Key: 'c', UploadId, PartNumber: 1, Body: 'x' })))).toEqual(accepted);
  });

  test('about conditional writes lets an upload be begun and continued without a condition, and not be completed', async () => {
    await setPolicy(deny({ Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } }));
    const { UploadId = '' } = await target.client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'c' }));
    const { ETag = '' } = await target.client.send(new UploadPartCommand({ Bucket: bucket, Key: 'c', UploadId, PartNumber: 1, Body: 'x' }));
    const complete = (headers: Record<string, string>) => target.raw(`/${bucket}/c`, { method: 'POST', query: [['uploadId', UploadId]], headers, body: `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${ETag}</ETag></Part></CompleteMultipartUpload>` });
    expect((await complete({})).status).toBe(403);
    expect((await complete({ 'if-none-match': '*' })).status).toBe(200);
  });
});

describe('a policy that Enfold writes', () => {
  const uploads: Readonly<Record<PolicyMode['id'], () => Put>> = { 'sse-s3': sseS3, 'sse-kms': right, 'sse-c': customerKey, 'cse-kms': sseS3, 'cse-c': plain };
  const modes: readonly (() => PolicyMode)[] = [
    () => ({ id: 'sse-s3' }), () => ({ id: 'sse-kms', kmsKey: rightKey, dsse: false }), () => ({ id: 'sse-kms', kmsKey: null, dsse: false }), () => ({ id: 'sse-kms', kmsKey: null, dsse: true }), () => ({ id: 'sse-c' }),
    () => ({ id: 'cse-kms', kmsKey: rightKey }), () => ({ id: 'cse-c' }),
  ];
  test('for each mode lets that mode through and refuses the others it can tell', async () => {
    for (const modeOf of modes) {
      const mode = modeOf();
      await setPolicy(...modeStatements({ bucket, prefix: '' }, mode, false).map((statement) => ({ ...statement })));
      const own = mode.id === 'sse-kms' ? { ServerSideEncryption: mode.dsse ? 'aws:kms:dsse' : 'aws:kms', ...(mode.kmsKey !== null && { SSEKMSKeyId: mode.kmsKey }) } as Put : uploads[mode.id]();
      expect(await put(own), JSON.stringify(mode)).toEqual(accepted);
      const other = mode.id === 'sse-s3' ? managed() : mode.id === 'sse-kms' ? wrong() : mode.id === 'sse-c' ? plain() : customerKey();
      expect(await put(other), JSON.stringify(mode)).toEqual(denied);
    }
  });

  test('for a key lets it be used through S3 and not otherwise', async () => {
    const guest = createTarget({ endpoint: storage.endpoint, ...(await storage.addAccessKey('through-s3', false)) });
    await setPolicy({ Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/through-s3` }, Action: ['s3:PutObject', 's3:GetObject'], Resource: `arn:aws:s3:::${bucket}/*` });
    const key = await newKey();
    await kms.send(new PutKeyPolicyCommand({ KeyId: key, Policy: JSON.stringify(keyPolicy('s3', REGION, { rootArn: ROOT_ARN, account: ACCOUNT })) }));
    expect(await put(kmsUpload(key), guest)).toEqual(accepted);
    expect(await refusal(guest.client.send(new GetObjectCommand({ Bucket: bucket, Key: 'a' })))).toEqual(accepted);
    expect(await refusal(kmsOf(guest).send(new GenerateDataKeyCommand({ KeyId: key, KeySpec: 'AES_256' })))).toEqual(deniedByKms);
  });
});

describe('a key policy of the documentation', () => {
  const administer = { Effect: 'Allow', Principal: { AWS: ROOT_ARN }, Action: 'kms:*', Resource: '*' };
  const keyWith = async (...statements: readonly Statement[]): Promise<string> => {
    const key = await newKey();
    await kms.send(new PutKeyPolicyCommand({ KeyId: key, Policy: JSON.stringify({ Version: '2012-10-17', Statement: [administer, ...statements] }) }));
    return key;
  };
  const denyKey = (Condition: Statement, Action: string | readonly string[] = ['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*']): Statement => ({ Effect: 'Deny', Principal: '*', Action, Resource: '*', Condition });
  const encrypt = (KeyId: string, EncryptionContext?: Record<string, string>) => refusal(kms.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('x'), EncryptionContext })));

  test('lets a key be used only by way of S3', async () => {
    const key = await keyWith(denyKey({ StringNotEquals: { 'kms:ViaService': `s3.${REGION}.amazonaws.com` } }));
    expect(await put(kmsUpload(key))).toEqual(accepted);
    expect(await encrypt(key)).toEqual(deniedByKms);
    const elsewhere = await keyWith(denyKey({ StringNotEquals: { 'kms:ViaService': ['ec2.us-west-2.amazonaws.com', 's3.eu-west-1.amazonaws.com'] } }));
    expect(await put(kmsUpload(elsewhere))).toEqual(denied);
  });

  test('lets a key be used only for one bucket, as the encryption context of S3 says, with a bucket key too', async () => {
    const key = await keyWith(denyKey({ StringNotLike: { 'kms:EncryptionContext:aws:s3:arn': [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`] } }));
    expect(await put(kmsUpload(key))).toEqual(accepted);
    expect(await put({ ...kmsUpload(key), BucketKeyEnabled: true })).toEqual(accepted);
    expect(await refusal(target.client.send(new GetObjectCommand({ Bucket: bucket, Key: 'a' })))).toEqual(accepted);
    const other = target.newBucketName();
    await target.raw(`/${other}`, { method: 'PUT' });
    expect(await put({ ...kmsUpload(key), Bucket: other })).toEqual(denied);
  });

  test('requires an encryption context, by value and by names', async () => {
    const byValue = await keyWith(denyKey({ StringNotEquals: { 'kms:EncryptionContext:AppName': 'ExampleApp' } }));
    expect(await encrypt(byValue, { AppName: 'ExampleApp', more: 'x' })).toEqual(accepted);
    expect(await encrypt(byValue, { appname: 'ExampleApp' })).toEqual(accepted);
    expect([await encrypt(byValue), await encrypt(byValue, { AppName: 'exampleapp' })]).toEqual([deniedByKms, deniedByKms]);
    const byNames = await keyWith(denyKey({ 'ForAnyValue:StringNotEquals': { 'kms:EncryptionContextKeys': ['Department', 'AppName'] } }), denyKey({ Null: { 'kms:EncryptionContextKeys': 'true' } }));
    expect(await encrypt(byNames, { Department: 'a' })).toEqual(accepted);
    expect([await encrypt(byNames), await encrypt(byNames, { department: 'a' }), await encrypt(byNames, { Department: 'a', Other: 'b' })]).toEqual([deniedByKms, deniedByKms, deniedByKms]);
  });

  test('judges decryption and both sides of encrypting anew by their contexts', async () => {
    const key = await keyWith(denyKey({ StringEquals: { 'kms:EncryptionContext:purpose': 'archive' } }, ['kms:Decrypt', 'kms:ReEncryptTo']));
    const made = async (purpose: string) => (await kms.send(new EncryptCommand({ KeyId: key, Plaintext: Buffer.from('x'), EncryptionContext: { purpose } }))).CiphertextBlob;
    const archived = await made('archive');
    expect(await refusal(kms.send(new DecryptCommand({ CiphertextBlob: archived, EncryptionContext: { purpose: 'archive' } })))).toEqual(deniedByKms);
    expect(await refusal(kms.send(new DecryptCommand({ CiphertextBlob: await made('daily'), EncryptionContext: { purpose: 'daily' } })))).toEqual(accepted);
    const anew = (from: string, to: string, CiphertextBlob: Uint8Array | undefined) => refusal(kms.send(new ReEncryptCommand({ CiphertextBlob, SourceEncryptionContext: { purpose: from }, DestinationKeyId: key, DestinationEncryptionContext: { purpose: to } })));
    expect([await anew('archive', 'daily', archived), await anew('archive', 'archive', archived)]).toEqual([accepted, deniedByKms]);
  });

  test('requires an alias, a waiting time, and one account', async () => {
    const byAlias = await keyWith(denyKey({ StringNotEquals: { 'kms:RequestAlias': 'alias/app-key' } }));
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/app-key', TargetKeyId: byAlias }));
    expect([await encrypt('alias/app-key'), await encrypt(byAlias)]).toEqual([accepted, deniedByKms]);
    const held = await keyWith(denyKey({ NumericLessThan: { 'kms:ScheduleKeyDeletionPendingWindowInDays': '15' } }, 'kms:ScheduleKeyDeletion'));
    const schedule = (PendingWindowInDays: number) => refusal(kms.send(new ScheduleKeyDeletionCommand({ KeyId: held, PendingWindowInDays })));
    expect([await schedule(7), await schedule(20)]).toEqual([deniedByKms, accepted]);
    const ofAccount = await keyWith(denyKey({ StringNotEquals: { 'kms:CallerAccount': ACCOUNT } }), denyKey({ Bool: { 'kms:GrantIsForAWSResource': 'true' } }, 'kms:CreateGrant'));
    expect(await encrypt(ofAccount)).toEqual(accepted);
  });
});
