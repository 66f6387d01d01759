import { describe, expect, test } from 'vitest';
import { changeMode, chooseMode, type ModeChoice } from '../../main/assembly/mode-choice.ts';
import { SyncError } from '../../main/model/errors.ts';
import type { EncryptionMode, KeyId } from '../../main/model/mode.ts';
import type { KeySettings, KeyType } from '../../main/model/settings.ts';

const keyId = '0123456789abcdef' as KeyId;
const keys = {
  find: (name: string): KeySettings => {
    if (!['aes', 'rsa', 'sse-c'].includes(name)) throw new SyncError('key-not-found');
    return { keyId, name, type: name as KeyType, createdAtMs: 0, backend: 'file', exportedAtMs: null };
  },
};
const choose = (choice: Partial<ModeChoice>): unknown => chooseMode({ mode: null, key: null, ...choice }, keys);
const kms = { id: 'sse-kms', kmsKeyId: null, bucketKey: true, dsse: false, encryptionContext: null };

describe('what the user chose', () => {
  test.each<[string, Partial<ModeChoice>, object]>([
    ['S3 holds the key', { mode: 'sse-s3' }, { id: 'sse-s3' }],
    ['the AWS managed key, with a bucket key', { mode: 'sse-kms' }, kms],
    ['the AWS managed key, by its name', { mode: 'sse-kms', kmsKeyId: 'alias/aws/s3' }, kms],
    ['a KMS key of one\'s own, by alias', { mode: 'sse-kms', kmsKeyId: 'alias/mine', encryptionContext: { team: 'a' } }, { ...kms, kmsKeyId: 'alias/mine', encryptionContext: { team: 'a' } }],
    ['two layers know no bucket key', { mode: 'sse-kms', dsse: true }, { ...kms, dsse: true, bucketKey: false }],
    ['no bucket key', { mode: 'sse-kms', bucketKey: false }, { ...kms, bucketKey: false }],
    ['a customer key', { mode: 'sse-c', key: 'sse-c' }, { id: 'sse-c', keyId }],
    ['KMS wraps', { mode: 'cse-kms', kmsKeyId: 'alias/mine' }, { id: 'cse-kms', kmsKeyId: 'alias/mine', format: 'v3' }],
    ['an AES key wraps', { mode: 'cse-c', key: 'aes' }, { id: 'cse-c', keyId, keyType: 'aes', format: 'v3' }],
    ['an RSA key wraps, for old readers', { mode: 'cse-c', key: 'rsa', format: 'v2' }, { id: 'cse-c', keyId, keyType: 'rsa', format: 'v2' }],
  ])('becomes a mode: %s', (_what, choice, mode) => {
    expect(choose(choice)).toEqual(mode);
  });

  test.each<[string, Partial<ModeChoice>]>([
    ['no mode', {}], ['a key for sse-s3', { mode: 'sse-s3', key: 'aes' }], ['a key for sse-kms', { mode: 'sse-kms', key: 'aes' }], ['a KMS key for cse-c', { mode: 'cse-c', key: 'aes', kmsKeyId: 'x' }],
    ['no key for cse-c', { mode: 'cse-c' }], ['no key for sse-c', { mode: 'sse-c' }], ['no KMS key for cse-kms', { mode: 'cse-kms' }], ['S3\'s own KMS key for cse-kms', { mode: 'cse-kms', kmsKeyId: 'alias/aws/s3' }],
    ['a customer key as master key', { mode: 'cse-c', key: 'sse-c' }], ['a master key as customer key', { mode: 'sse-c', key: 'aes' }],
    ['a format where S3 encrypts', { mode: 'sse-s3', format: 'v2' }], ['a context where no KMS is', { mode: 'sse-s3', encryptionContext: { a: 'b' } }],
    ['a context that is too large', { mode: 'sse-kms', encryptionContext: { a: 'b'.repeat(300) } }], ['a reserved name in a context', { mode: 'sse-kms', encryptionContext: { 'aws:s3:arn': 'x' } }],
    ['a KMS key id that would break a header', { mode: 'sse-kms', kmsKeyId: 'a\r\nb' }],
  ])('is refused: %s', (_what, choice) => {
    expect(() => choose(choice)).toThrow(expect.objectContaining({ code: 'bad-usage' }));
  });
});

describe('what changes within a mode', () => {
  const now: EncryptionMode = { id: 'sse-kms', kmsKeyId: 'alias/mine', bucketKey: true, dsse: false, encryptionContext: { team: 'a' } };
  test.each<[string, Parameters<typeof changeMode>[1], Partial<EncryptionMode>]>([
    ['nothing else with another key', { kmsKeyId: 'alias/yours' }, { ...now, kmsKeyId: 'alias/yours' }],
    ['the context', { encryptionContext: { team: 'b' } }, { ...now, encryptionContext: { team: 'b' } }],
    ['the context, to none', { encryptionContext: {} }, { ...now, encryptionContext: null }],
    ['two layers, which have no bucket key', { dsse: true }, { ...now, dsse: true, bucketKey: false }],
    ['all where it is another mode', { mode: 'sse-s3' }, { id: 'sse-s3' }],
  ])('%s', (_what, changes, wanted) => {
    expect(changeMode(now, changes, keys)).toEqual(wanted);
  });
});
