/** The main job against Enfold's own storage, in every mode that exists. */
import { join } from 'node:path';
import { CreateAliasCommand, CreateKeyCommand, DisableKeyCommand, EnableKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll } from 'vitest';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { makeScratch } from '../helpers/cli.ts';
import { testObjects } from './objects.contract.ts';
import { testStoredAs } from './stored-as.contract.ts';
import { testWholePath } from './whole-path.contract.ts';

const scratch = makeScratch();
const KMS_ALIAS = 'alias/whole-path';
let server: RunningStorage;
/** The storage's own KMS. */
let kms: KMSClient;
let kmsKeyId = '';

/** Until the answer is called, nobody can use the key. */
async function disableKmsKey(): Promise<() => Promise<void>> {
  await kms.send(new DisableKeyCommand({ KeyId: kmsKeyId }));
  return async () => void (await kms.send(new EnableKeyCommand({ KeyId: kmsKeyId })));
}

beforeAll(async () => {
  server = await startStorage({ dir: join(scratch.dir, 'storage') });
  const { endpoint, accessKeyId, secretAccessKey } = server;
  kms = new KMSClient({ endpoint, region: 'us-east-1', credentials: { accessKeyId, secretAccessKey } });
  ({ KeyId: kmsKeyId = '' } = (await kms.send(new CreateKeyCommand({}))).KeyMetadata ?? {});
  await kms.send(new CreateAliasCommand({ AliasName: KMS_ALIAS, TargetKeyId: kmsKeyId }));
});
afterAll(async () => {
  kms.destroy();
  await server.stop();
  scratch.remove();
});

testWholePath('sse-s3', () => server);
testWholePath('cse-c', () => server);
testWholePath('cse-c', () => server, { variant: 'rsa', keyType: 'rsa', isBrief: true });
testWholePath('cse-c', () => server, { variant: 'v2', isBrief: true, args: ['--format', 'v2'] });
testWholePath('sse-c', () => server, { isBrief: true });
testWholePath('cse-kms', () => server, { isBrief: true, args: ['--kms-key-id', KMS_ALIAS] });
testStoredAs('built-in storage', [
  { what: 'sse-s3', args: ['--mode', 'sse-s3'], head: { ServerSideEncryption: 'AES256' }, anybody: 'content' },
  { what: 'sse-c', args: ['--mode', 'sse-c', '--key', 'family'], keyType: 'sse-c', head: { SSECustomerAlgorithm: 'AES256' }, anybody: 'refused' },
  { what: 'sse-kms with the AWS managed key', args: ['--mode', 'sse-kms'], head: { ServerSideEncryption: 'aws:kms', BucketKeyEnabled: true }, anybody: 'content' },
  { what: 'sse-kms with a key of one\'s own, context', args: ['--mode', 'sse-kms', '--kms-key-id', KMS_ALIAS, '--no-bucket-key', '--context', 'team=north'], head: { ServerSideEncryption: 'aws:kms' }, anybody: 'content', withholdKey: disableKmsKey },
  { what: 'sse-kms in two layers', args: ['--mode', 'sse-kms', '--kms-key-id', KMS_ALIAS, '--dsse'], head: { ServerSideEncryption: 'aws:kms:dsse' }, anybody: 'content' },
  { what: 'cse-kms', args: ['--mode', 'cse-kms', '--kms-key-id', KMS_ALIAS], head: { Metadata: { 'x-amz-w': '12', 'x-amz-c': '115' } }, anybody: 'ciphertext', withholdKey: disableKmsKey },
  { what: 'cse-c', args: ['--mode', 'cse-c', '--key', 'family'], keyType: 'aes', head: { Metadata: { 'x-amz-w': '02', 'x-amz-c': '115' } }, anybody: 'ciphertext' },
], () => server);
testObjects('built-in storage', [
  { what: 'sse-s3', args: ['--mode', 'sse-s3'], without: 'content' },
  { what: 'cse-c with an AES key', keyType: 'aes', args: ['--mode', 'cse-c', '--key', 'aes'], readArgs: ['--key', 'aes'], without: 'ciphertext' },
  { what: 'cse-c with an AES key, for old readers', keyType: 'aes', args: ['--key', 'aes', '--format', 'v2'], readArgs: ['--key', 'aes'], without: 'ciphertext' },
  { what: 'cse-c with an RSA key', keyType: 'rsa', args: ['--key', 'rsa'], without: 'ciphertext' },
  { what: 'cse-kms', args: ['--mode', 'cse-kms', '--kms-key-id', KMS_ALIAS], readArgs: ['--kms-key-id', KMS_ALIAS], without: 'ciphertext' },
  { what: 'cse-kms, for old readers', args: ['--kms-key-id', KMS_ALIAS, '--format', 'v2'], without: 'ciphertext' },
], () => server);
