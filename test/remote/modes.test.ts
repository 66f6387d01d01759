import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { KeyId } from '../../main/model/mode.ts';
import { isHonoured, requestsOf } from '../../main/remote/modes.ts';
import { codeOf } from './store.contract.ts';

const keyId = '0123456789abcdef' as KeyId;
const key = { keyId, type: 'sse-c', bytes: randomBytes(32) } as const;
const md5 = createHash('md5').update(key.bytes).digest('base64');
const said = (algorithm: string | null, kmsKeyId: string | null = null, customerKeyMd5: string | null = null) => ({ algorithm, kmsKeyId, customerKeyMd5 });
const kms = { id: 'sse-kms', kmsKeyId: null, bucketKey: true, encryptionContext: null, dsse: false } as const;

describe('a mode as request headers', () => {
  test('asks S3 to encrypt with its own key', () => {
    expect(requestsOf({ id: 'sse-s3' }, [], null)).toMatchObject({ write: { 'x-amz-server-side-encryption': 'AES256' }, part: {}, read: {} });
  });

  test('asks for nothing where this computer encrypts', () => {
    expect(requestsOf({ id: 'cse-c', keyId, keyType: 'aes', format: 'v3' }, [], null)).toMatchObject({ write: {}, part: {}, read: {} });
  });

  test('names the KMS key, the context and the bucket key', () => {
    const { write } = requestsOf({ ...kms, kmsKeyId: 'alias/mine', encryptionContext: { team: 'a' } }, [], null);
    expect(write).toEqual({
      'x-amz-server-side-encryption': 'aws:kms', 'x-amz-server-side-encryption-aws-kms-key-id': 'alias/mine', 'x-amz-server-side-encryption-bucket-key-enabled': 'true',
      'x-amz-server-side-encryption-context': Buffer.from('{"team":"a"}').toString('base64'),
    });
  });

  test('sends the customer key with every request, and only where nobody listens', async () => {
    const requests = requestsOf({ id: 'sse-c', keyId }, [key], 'https://s3.example');
    for (const headers of [requests.write, requests.part, requests.read]) expect(headers['x-amz-server-side-encryption-customer-key-md5']).toBe(md5);
    expect(requests.copySource['x-amz-copy-source-server-side-encryption-customer-key-md5']).toBe(md5);
    for (const endpoint of [null, 'http://127.0.0.1:9000', 'http://localhost:9000', 'http://[::1]:1']) expect(requestsOf({ id: 'sse-c', keyId }, [key], endpoint).customerKeyMd5).toBe(md5);
    for (const endpoint of ['http://s3.example', 'http://10.0.0.1', 'http://127.0.0.1.example']) {
      // oxlint-disable-next-line typescript/require-await -- to look at what it throws
      expect(await codeOf((async () => requestsOf({ id: 'sse-c', keyId }, [key], endpoint))())).toBe('rejected');
    }
  });
});

describe('an answer', () => {
  test.each([
    ['sse-s3', { id: 'sse-s3' }, said('AES256'), true], ['sse-s3 ignored', { id: 'sse-s3' }, said(null), false], ['sse-s3 as KMS', { id: 'sse-s3' }, said('aws:kms', 'k'), false],
    ['sse-s3 as customer key', { id: 'sse-s3' }, said('AES256', null, 'x'), false], ['any for client-side', { id: 'cse-c', keyId, keyType: 'aes', format: 'v3' }, said(null), true],
    ['KMS, AWS managed', kms, said('aws:kms', 'arn:aws:kms:x:key/1'), true], ['KMS, ignored', kms, said('AES256'), false], ['KMS, own key by id', { ...kms, kmsKeyId: '1' }, said('aws:kms', 'arn:aws:kms:x:key/1'), true],
    ['KMS, another key', { ...kms, kmsKeyId: '1' }, said('aws:kms', 'arn:aws:kms:x:key/2'), false], ['KMS, one layer instead of two', { ...kms, dsse: true }, said('aws:kms', 'k'), false],
    ['customer key', { id: 'sse-c', keyId }, said('AES256', null, md5), true], ['another customer key', { id: 'sse-c', keyId }, said('AES256', null, 'x'), false], ['customer key ignored', { id: 'sse-c', keyId }, said(null), false],
  ] as const)('honours the mode or not: %s', (_what, mode, answered, expected) => {
    expect(isHonoured(requestsOf(mode, [key], null), answered)).toBe(expected);
  });
});
