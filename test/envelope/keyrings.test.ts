import { constants, createPublicKey, generateKeyPairSync, publicEncrypt, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createAesKeyring } from '../../main/envelope/aes-keyring.ts';
import { createEncryption, decryptWhole, encryptWhole, openEnvelope, READ_LEGACY, READ_V3_AND_V2 } from '../../main/envelope/envelope.ts';
import { createFolderKey, folderKeyPurpose, unwrapFolderKey, wrapFolderKey } from '../../main/envelope/folder-key.ts';
import { fingerprintOf, isKeyId, keyIdOf } from '../../main/envelope/key-id.ts';
import { systemRandom, type Keyring } from '../../main/envelope/keyring.ts';
import { createKmsKeyring } from '../../main/envelope/kms-keyring.ts';
import { createRsaKeyring, parseRsaKey } from '../../main/envelope/rsa-keyring.ts';
import type { KeyId } from '../../main/model/mode.ts';
import { answerOf } from '../helpers/answer.ts';
import { createKmsStandIn, hex, keyringOf, vectors, type RecordedObject } from '../helpers/envelope-vectors.ts';

const aes = (wrappingKey = randomBytes(32)) => ({ wrappingKey, keyId: keyIdOf('aes', wrappingKey) });
const pair = parseRsaKey(vectors.inputs.rsaPrivateKeyPem);
const kmsKeyId = vectors.inputs.kmsKeyId;
const text = Buffer.from('a text');

const keyrings: readonly (readonly [string, Keyring])[] = [
  ['AES', createAesKeyring(aes())],
  ['RSA', createRsaKeyring(pair)],
  ['KMS', createKmsKeyring({ client: createKmsStandIn(), keyId: kmsKeyId })],
];

describe.each(keyrings)('%s keyring', (_, keyring) => {
  test.each(['v3', 'v2'] as const)('what it wraps in %s, it opens', async (format) => {
    const encryption = await createEncryption(keyring, { format });
    const body = Buffer.concat(encryptWhole(encryption, text));
    expect(decryptWhole(await openEnvelope(encryption.metadata, keyring, READ_V3_AND_V2), body).equals(text)).toBe(true);
  });

  test('a folder key opens only as the key of its folder', async () => {
    const folderKey = createFolderKey();
    const folderId = 'ab'.repeat(16);
    const wrapped = await wrapFolderKey(keyring, folderKey, folderId);
    expect((await unwrapFolderKey(keyring, wrapped, folderId)).equals(folderKey)).toBe(true);
    await expect(unwrapFolderKey(keyring, wrapped, 'cd'.repeat(16))).rejects.toMatchObject({ code: 'key-unwrap-failed' });
  });

  test.each(['115', 'AES/GCM/NoPadding'])('an object\'s wrapped key (%s) does not pass for a folder key, nor the other way round', async (algorithmText) => {
    const folderId = 'ab'.repeat(16);
    const { wrappedKey, wrap, description } = await keyring.createDataKey({ algorithmText, isCommitting: true, random: systemRandom });
    await expect(unwrapFolderKey(keyring, wrappedKey, folderId)).rejects.toMatchObject({ code: 'key-unwrap-failed' });
    const wrappedFolderKey = await wrapFolderKey(keyring, createFolderKey(), folderId);
    await expect(keyring.unwrapDataKey({ wrap, description, wrappedKey: wrappedFolderKey }, algorithmText)).rejects.toMatchObject({ code: 'key-unwrap-failed' });
  });

  test('a wrap that asks for another kind of key is not found', async () => {
    const kinds = ['aes-gcm', 'rsa-oaep-sha1', 'kms-context'] as const;
    const { wrap } = await keyring.createDataKey({ algorithmText: '115', isCommitting: true, random: systemRandom });
    for (const other of kinds.filter((kind) => kind !== wrap)) {
      await expect(keyring.unwrapDataKey({ wrap: other, wrappedKey: randomBytes(60), description: {} }, '115')).rejects.toMatchObject({ code: 'key-not-found' });
    }
  });

  test('damaged wrapped keys of any length give the one same error', async () => {
    const { wrap, description, wrappedKey } = await keyring.createDataKey({ algorithmText: '115', isCommitting: true, random: systemRandom });
    const damaged = [Buffer.alloc(0), randomBytes(1), wrappedKey.subarray(1), Buffer.concat([wrappedKey, Buffer.alloc(1)]), randomBytes(wrappedKey.length)];
    for (const bytes of damaged) await expect(keyring.unwrapDataKey({ wrap, description, wrappedKey: bytes }, '115')).rejects.toMatchObject({ code: 'key-unwrap-failed' });
  });
});

describe('choosing a key', () => {
  const [mine, old] = [aes(), aes()];
  const wrappedBy = async (keyring: Keyring) => keyring.createDataKey({ algorithmText: '115', isCommitting: true, random: systemRandom });

  test('the id in the description picks among the held keys', async () => {
    const wrapped = await wrappedBy(createAesKeyring(old));
    expect(wrapped.description).toEqual({ 'enfold-key-id': old.keyId });
    const dataKey = await createAesKeyring({ ...mine, additional: [old] }).unwrapDataKey(wrapped, '115');
    expect(dataKey.equals(wrapped.dataKey)).toBe(true);
  });

  test('an id that is not held is never a guess', async () => {
    const wrapped = await wrappedBy(createAesKeyring(old));
    await expect(createAesKeyring(mine).unwrapDataKey(wrapped, '115')).rejects.toMatchObject({ code: 'key-not-found' });
    // Even where the bytes would fit.
    await expect(createAesKeyring({ ...old, keyId: mine.keyId }).unwrapDataKey(wrapped, '115')).rejects.toMatchObject({ code: 'key-not-found' });
  });

  test('a description of another client\'s picks by equality, else the key the user named is tried', async () => {
    const foreign = await wrappedBy(createAesKeyring({ ...old, description: { label: 'theirs' } }));
    const chosen = createAesKeyring({ ...mine, additional: [{ ...old, description: { label: 'theirs' } }] });
    expect((await chosen.unwrapDataKey(foreign, '115')).equals(foreign.dataKey)).toBe(true);
    await expect(createAesKeyring(mine).unwrapDataKey(foreign, '115')).rejects.toMatchObject({ code: 'key-unwrap-failed' });
    expect((await createAesKeyring(old).unwrapDataKey(foreign, '115')).equals(foreign.dataKey)).toBe(true);
  });
});

describe('key ids and fingerprints', () => {
  test('an id is sixteen hex digits of the bytes alone', () => {
    expect(keyIdOf('aes', Buffer.alloc(32))).toBe(keyIdOf('sse-c', Buffer.alloc(32)));
    expect(isKeyId(keyIdOf('aes', Buffer.alloc(32)))).toBe(true);
    expect(keyIdOf('aes', Buffer.alloc(32))).toBe('7b1201b1b1e8e4de');
  });

  test('a fingerprint is sixteen Crockford characters in fours', () => {
    expect(fingerprintOf('7b1201b1b1e8e4de' as KeyId)).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$/);
    expect(fingerprintOf(Buffer.from('7b1201b1b1e8e4de'))).toBe(fingerprintOf('7b1201b1b1e8e4de' as KeyId));
  });

  test('both halves of an RSA pair have one id', () => {
    expect(parseRsaKey(vectors.inputs.rsaPublicKeyPem).keyId).toBe(pair.keyId);
  });
});

describe('RSA', () => {
  test('the public half writes, only the private half reads', async () => {
    const writer = createRsaKeyring({ ...parseRsaKey(vectors.inputs.rsaPublicKeyPem) });
    const encryption = await createEncryption(writer, { format: 'v3' });
    await expect(openEnvelope(encryption.metadata, writer, READ_V3_AND_V2)).rejects.toMatchObject({ code: 'key-not-found' });
    const body = Buffer.concat(encryptWhole(encryption, text));
    expect(decryptWhole(await openEnvelope(encryption.metadata, createRsaKeyring(pair), READ_V3_AND_V2), body).equals(text)).toBe(true);
  });

  test('keys that are too short or no RSA keys are refused', () => {
    const short = generateKeyPairSync('rsa', { modulusLength: 1_024 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    const curve = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
    for (const key of [short, curve, 'no key', Buffer.from('no key')]) expect(() => parseRsaKey(key as string)).toThrow(expect.objectContaining({ code: 'key-invalid' }));
  });

  test('padding that holds other text, another length or another algorithm does not open', async () => {
    const dataKey = randomBytes(32);
    const wrap = (message: Buffer) => publicEncrypt({ key: pair.publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, message);
    const messages = ['', '20', `20${dataKey.toString('hex')}`, `1f${dataKey.toString('hex')}313135`, `20${dataKey.toString('hex')}313134`, `20${dataKey.toString('hex')}31313530`];
    for (const message of messages) {
      await expect(createRsaKeyring(pair).unwrapDataKey({ wrap: 'rsa-oaep-sha1', wrappedKey: wrap(hex(message)), description: {} }, '115')).rejects.toMatchObject({ code: 'key-unwrap-failed' });
    }
  });

  test('a wrapped key relabelled as the oldest format tells nothing apart', async () => {
    const object = vectors.objects['v1-rsa-legacy'] as RecordedObject;
    const forged = publicEncrypt({ key: createPublicKey(vectors.inputs.rsaPublicKeyPem), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, randomBytes(32));
    for (const wrappedKey of [forged, randomBytes(256).fill(0, 0, 1)]) {
      const decryption = await openEnvelope({ ...object.metadata, 'x-amz-key': wrappedKey.toString('base64') }, keyringOf(object), READ_LEGACY);
      let opened: Buffer | null = null;
      // A random key may by chance leave padding that looks right, once in 256 times.
      expect(['not-authentic', 'value']).toContain(answerOf(() => {
        opened = decryptWhole(decryption, hex(object.body));
      }));
      expect(opened).not.toEqual(hex(object.plaintext));
    }
  });
});

describe('KMS', () => {
  const newDataKeyOf = (keyring: Keyring) => keyring.createDataKey({ algorithmText: '115', isCommitting: true, random: systemRandom });

  test('a reserved name in the caller\'s context is refused', () => {
    expect(() => createKmsKeyring({ client: createKmsStandIn(), keyId: kmsKeyId, encryptionContext: { 'aws:x-amz-cek-alg': '115' } })).toThrow(expect.objectContaining({ code: 'context-mismatch' }));
  });

  test('without a key id it reads and does not write', async () => {
    const client = createKmsStandIn();
    const written = await newDataKeyOf(createKmsKeyring({ client, keyId: kmsKeyId }));
    const reader = createKmsKeyring({ client, keyId: null });
    expect((await reader.unwrapDataKey(written, '115')).equals(written.dataKey)).toBe(true);
    await expect(newDataKeyOf(reader)).rejects.toMatchObject({ code: 'key-not-found' });
  });

  test('one call per object, unless a data key may serve several', async () => {
    const client = createKmsStandIn();
    let nowMs = 0;
    const keyring = createKmsKeyring({ client, keyId: kmsKeyId, reuse: { maxObjects: 3, maxAgeMs: 1_000, nowMs: () => nowMs } });
    const made = await Promise.all([1, 2, 3, 4].map(async () => createEncryption(keyring, { format: 'v3' })));
    expect(client.calls.length).toBe(2);
    expect(new Set(made.map(({ metadata }) => metadata['x-amz-3'])).size).toBe(2);
    expect(new Set(made.map(({ metadata }) => metadata['x-amz-d'])).size).toBe(4);
    for (const encryption of made) {
      const body = Buffer.concat(encryptWhole(encryption, text));
      encryption.dispose();
      expect(decryptWhole(await openEnvelope(encryption.metadata, keyring, READ_V3_AND_V2), body).equals(text)).toBe(true);
    }
    nowMs = 1_000;
    const before = client.calls.length;
    await createEncryption(keyring, { format: 'v3' });
    await createEncryption(keyring, { format: 'v2' });
    await createEncryption(keyring, { format: 'v2' });
    expect(client.calls.length - before).toBe(3);
    keyring.dispose();
  });

  test('the purpose of a wrapped secret is its encryption context', () => {
    expect(folderKeyPurpose('ab')).toBe('enfold folder key v1|ab');
  });
});
