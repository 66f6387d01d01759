import { expect, test } from 'vitest';
import { grantsFor } from '../../main/assembly/grants.ts';
import { strengthOf } from '../../main/cli/strength.ts';

const at = { bucket: 'b', prefix: 'p/' } as const;
const kms = 'arn:aws:kms:eu-central-1:111122223333:key/0a1b';

test('a folder under a KMS key needs rights on the key, granted and revoked in both policies', () => {
  const grants = grantsFor({ ...at, mode: { id: 'cse-kms', kmsKeyId: kms, format: 'v3' } }, 'eu-central-1');
  expect(grants.map(({ action }) => action)).toEqual(['grant', 'grant', 'revoke', 'revoke']);
  expect(grants[0]?.statements.at(-1)).toMatchObject({ Effect: 'Allow', Action: ['kms:Decrypt', 'kms:GenerateDataKey', 'kms:Encrypt'], Resource: kms });
  expect(grants[1]?.statements[0]).toMatchObject({ Effect: 'Allow', Principal: { AWS: expect.any(String) } });
  expect(grants.slice(2).every(({ statements }) => statements.every(({ Effect }) => Effect === 'Deny'))).toBe(true);
});

test('in sse-kms the key is used by way of S3 alone, and an alias or id is written as an ARN', () => {
  const mode = { id: 'sse-kms', kmsKeyId: 'alias/team', bucketKey: true, encryptionContext: null, dsse: false } as const;
  expect(grantsFor({ ...at, mode }, 'eu-central-1')[0]?.statements.at(-1)).toMatchObject({ Resource: 'arn:aws:kms:eu-central-1:ACCOUNT:alias/team', Condition: { StringLike: { 'kms:ViaService': 's3.eu-central-1.amazonaws.com' } } });
  expect(grantsFor({ ...at, mode: { ...mode, kmsKeyId: null } }, null).map(({ action }) => action)).toEqual(['grant', 'revoke']);
});

test('the meter calls short and repeating passphrases weak, and five words strong', () => {
  for (const weak of ['', 'password', 'Passw0rd', 'aaaaaaaaaaaaaaaaaaaa', 'one two']) expect([weak, strengthOf(weak)]).toEqual([weak, 'weak']);
  for (const strong of ['correct horse battery staple lamp', 'k3#Vq9!zTt0pW&x7Lm']) expect([strong, strengthOf(strong)]).toEqual([strong, 'strong']);
});
