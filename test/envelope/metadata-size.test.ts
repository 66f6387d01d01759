/** The most that an object's metadata can come to, way by way of wrapping its key: what docs/format.md says was measured here. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createAesKeyring } from '../../main/envelope/aes-keyring.ts';
import { MAX_VECTOR_ENTRIES, sealAttributes } from '../../main/envelope/attributes.ts';
import { createEncryption } from '../../main/envelope/envelope.ts';
import { checkMetadataSize, MAX_METADATA_BYTES, metadataBytes, type Metadata } from '../../main/envelope/format.ts';
import { createKmsKeyring } from '../../main/envelope/kms-keyring.ts';
import type { Keyring } from '../../main/envelope/keyring.ts';
import { createRsaKeyring, parseRsaKey } from '../../main/envelope/rsa-keyring.ts';
import type { EnvelopeFormat, KeyId } from '../../main/model/mode.ts';
import type { ObjectKey } from '../../main/model/path.ts';
import type { OperationId } from '../../main/model/snapshot.ts';
import { answerOf } from '../helpers/answer.ts';

/** Every field at its longest: 32 devices with counters of eight bytes, a hash, the largest epoch. */
const attributes = {
  operationId: 'ff'.repeat(16) as OperationId, mtimeMs: 8.64e15, modeBits: 0o777, kind: 'file', sizeBytes: 2 ** 36 - 32, sha256: 'ff'.repeat(32),
  vector: Object.fromEntries(Array.from({ length: MAX_VECTOR_ENTRIES }, (_, index) => [`ffffffffff${(0xe0 + index).toString(16)}`, Number.MAX_SAFE_INTEGER])),
} as const;
const longestKey = `${'k'.repeat(1_023)}x` as ObjectKey;

async function metadataWith(keyring: Keyring, format: EnvelopeFormat): Promise<Metadata> {
  const encryption = await createEncryption(keyring, { format });
  const sealed = sealAttributes(attributes, { folderId: 'ff'.repeat(16), objectKey: longestKey, authKey: randomBytes(32), epoch: 0xffff_ffff, binding: encryption.binding });
  encryption.dispose();
  return { ...encryption.metadata, 'enfold-attrs': sealed };
}

const rsa = (modulusLength: number): Keyring => createRsaKeyring(parseRsaKey(generateKeyPairSync('rsa', { modulusLength }).privateKey.export({ type: 'pkcs8', format: 'der' })));
const kms = (blobBytes: number, encryptionContext?: Readonly<Record<string, string>>): Keyring => createKmsKeyring({
  keyId: 'alias/any', encryptionContext,
  client: { generateDataKey: async () => ({ plaintext: randomBytes(32), ciphertext: randomBytes(blobBytes) }), decrypt: async () => randomBytes(32), encrypt: async () => randomBytes(blobBytes) },
});
/** As an RSA key of 8,192 bits wraps; to make one takes minutes. */
function rsa8192(): Keyring {
  const keyring = rsa(2_048);
  return { ...keyring, createDataKey: async (request) => ({ ...(await keyring.createDataKey(request)), wrappedKey: randomBytes(1_024) }) };
}
const aes = (): Keyring => createAesKeyring({ wrappingKey: randomBytes(32), keyId: '0123456789abcdef' as KeyId });

/** [what, keyring, bytes in V3, bytes in V2] */
const cases: readonly (readonly [string, () => Keyring, number, number])[] = [
  ['AES', aes, 1_064, 1_053],
  ['RSA-2048', () => rsa(2_048), 1_328, 1_323],
  ['RSA-4096', () => rsa(4_096), 1_668, 1_663],
  ['KMS, a blob of 184 bytes', () => kms(184), 1_223, 1_230],
  ['KMS, a blob of 512 bytes', () => kms(512), 1_659, 1_666],
];

describe('the longest metadata', () => {
  test.each(cases)('under %s is as documented, and fits', async (_what, open, v3Bytes, v2Bytes) => {
    const keyring = open();
    const [v3, v2] = [await metadataWith(keyring, 'v3'), await metadataWith(keyring, 'v2')];
    expect({ v3: metadataBytes(v3), v2: metadataBytes(v2) }).toEqual({ v3: v3Bytes, v2: v2Bytes });
    for (const metadata of [v3, v2]) expect(answerOf(() => checkMetadataSize(metadata))).toBe('value');
  });

  test.each<readonly [string, () => Keyring]>([
    ['an RSA key of 8,192 bits', rsa8192],
    ['a KMS blob of 1 KiB', () => kms(1_024)],
    ['a long encryption context', () => kms(184, { department: 'x'.repeat(900) })],
  ])('under %s is refused before anything is sent', async (_what, open) => {
    const keyring = open();
    for (const format of ['v3', 'v2'] as const) {
      const metadata = await metadataWith(keyring, format);
      expect(metadataBytes(metadata)).toBeGreaterThan(MAX_METADATA_BYTES);
      expect(answerOf(() => checkMetadataSize(metadata))).toBe('metadata-too-large');
    }
  });
});
