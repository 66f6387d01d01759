/** What Enfold's own storage then holds, as others see it, and single objects without a folder. */
import { KMS_ALIAS, useStorageWithKms } from '../helpers/storage-with-kms.ts';
import { testObjects } from './objects.contract.ts';
import { testStoredAs } from './stored-as.contract.ts';

const { server, disableKmsKey } = useStorageWithKms();

testStoredAs('built-in storage', [
  { what: 'sse-s3', args: ['--mode', 'sse-s3'], head: { ServerSideEncryption: 'AES256' }, anybody: 'content' },
  { what: 'sse-c', args: ['--mode', 'sse-c', '--key', 'family'], keyType: 'sse-c', head: { SSECustomerAlgorithm: 'AES256' }, anybody: 'refused' },
  { what: 'sse-kms with the AWS managed key', args: ['--mode', 'sse-kms'], head: { ServerSideEncryption: 'aws:kms', BucketKeyEnabled: true }, anybody: 'content' },
  { what: 'sse-kms with a key of one\'s own, context', args: ['--mode', 'sse-kms', '--kms-key-id', KMS_ALIAS, '--no-bucket-key', '--context', 'team=north'], head: { ServerSideEncryption: 'aws:kms' }, anybody: 'content', withholdKey: disableKmsKey },
  { what: 'sse-kms in two layers', args: ['--mode', 'sse-kms', '--kms-key-id', KMS_ALIAS, '--dsse'], head: { ServerSideEncryption: 'aws:kms:dsse' }, anybody: 'content' },
  { what: 'cse-kms', args: ['--mode', 'cse-kms', '--kms-key-id', KMS_ALIAS], head: { Metadata: { 'x-amz-w': '12', 'x-amz-c': '115' } }, anybody: 'ciphertext', withholdKey: disableKmsKey },
  { what: 'cse-c', args: ['--mode', 'cse-c', '--key', 'family'], keyType: 'aes', head: { Metadata: { 'x-amz-w': '02', 'x-amz-c': '115' } }, anybody: 'ciphertext' },
], server);
testObjects('built-in storage', [
  { what: 'sse-s3', args: ['--mode', 'sse-s3'], without: 'content' },
  { what: 'cse-c with an AES key', keyType: 'aes', args: ['--mode', 'cse-c', '--key', 'aes'], readArgs: ['--key', 'aes'], without: 'ciphertext' },
  { what: 'cse-c with an AES key, for old readers', keyType: 'aes', args: ['--key', 'aes', '--format', 'v2'], readArgs: ['--key', 'aes'], without: 'ciphertext' },
  { what: 'cse-c with an RSA key', keyType: 'rsa', args: ['--key', 'rsa'], without: 'ciphertext' },
  { what: 'cse-kms', args: ['--mode', 'cse-kms', '--kms-key-id', KMS_ALIAS], readArgs: ['--kms-key-id', KMS_ALIAS], without: 'ciphertext' },
  { what: 'cse-kms, for old readers', args: ['--kms-key-id', KMS_ALIAS, '--format', 'v2'], without: 'ciphertext' },
], server);
