/** The formats as other clients write and read them: recorded objects, and the known answers that Amazon publishes. */
import { createDecipheriv } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { deriveCommitment, deriveContentKey } from '../../main/envelope/derive.ts';
import { undoHeaderEncoding, encodeStringMap, parseStringMap } from '../../main/envelope/encryption-context.ts';
import { createEncryption, decryptWhole, encryptWhole, openEnvelope, resumeEncryption, READ_LEGACY, READ_V3_AND_V2, READ_V3_ONLY, type ReadPolicy } from '../../main/envelope/envelope.ts';
import { splitForInstructionFile } from '../../main/envelope/format.ts';
import { createContentCipher } from '../../main/envelope/content-cipher.ts';
import type { ErrorCode } from '../../main/model/errors.ts';
import { hex, keyringOf, published, recordedRandom, vectors, type RecordedObject } from '../helpers/envelope-vectors.ts';

const { inputs } = vectors;

async function read(object: RecordedObject, policy: ReadPolicy): Promise<string> {
  const { instructionFile } = object;
  const body = hex(object.body);
  const decryption = await openEnvelope(object.metadata, keyringOf(object), policy, {
    objectBytes: body.length,
    ...(instructionFile && { loadInstructionFile: async () => Buffer.from(JSON.stringify(instructionFile)) }),
  });
  return decryptWhole(decryption, body).toString('hex');
}

describe('recorded objects', () => {
  test.each(Object.entries(vectors.objects))('%s opens', async (_, object) => {
    expect(await read(object, object.legacy === true ? READ_LEGACY : READ_V3_AND_V2)).toBe(inputs.plaintext);
  });

  test.each(Object.entries(vectors.objects).filter(([, object]) => object.legacy === true))('%s is refused without the switch', async (_, object) => {
    await expect(read(object, READ_V3_AND_V2)).rejects.toMatchObject({ code: 'legacy-refused' });
  });

  test.each(Object.entries(vectors.objects).filter(([name]) => name.startsWith('v2')))('%s is refused where commitment is required', async (_, object) => {
    await expect(read(object, { ...READ_LEGACY, commitment: 'require-encrypt-require-decrypt' })).rejects.toMatchObject({ code: 'format-refused' });
  });

  test.each(['v3-aes', 'v2-aes', 'v3-kms', 'v2-kms', 'v3-aes-instruction', 'v2-aes-instruction', 'v3-kms-instruction', 'v2-kms-instruction'])('%s is written again byte for byte', async (name) => {
    const object = vectors.objects[name] as RecordedObject;
    const format = name.startsWith('v3') ? 'v3' : 'v2';
    const unique = format === 'v3' ? inputs.messageId : inputs.contentIvGcm;
    const isKms = object.mode === 'kms';
    const keyring = keyringOf(object, recordedRandom(inputs.dataKey, inputs.aesWrapIv), format === 'v3' ? { keyLabel: 'k1' } : {});
    const encryption = await createEncryption(keyring, { format, random: isKms ? recordedRandom(unique) : recordedRandom(inputs.dataKey, inputs.aesWrapIv, unique) });
    const split = splitForInstructionFile(encryption.metadata);
    const written = object.instructionFile ? { metadata: split.metadata, instructionFile: JSON.parse(split.instructionFile.toString()) as unknown } : { metadata: encryption.metadata };
    expect(written).toEqual({ metadata: object.metadata, ...(object.instructionFile && { instructionFile: object.instructionFile }) });
    expect(Buffer.concat(encryptWhole(encryption, hex(inputs.plaintext))).toString('hex')).toBe(object.body);
  });

  // OAEP is random, so that its wrapped key cannot be made again; all that follows from it can.
  test.each(['v3-rsa', 'v2-rsa'])('%s is written again byte for byte from its wrapped key', async (name) => {
    const object = vectors.objects[name] as RecordedObject;
    const encryption = await resumeEncryption(keyringOf(object), { format: name === 'v3-rsa' ? 'v3' : 'v2', metadata: object.metadata });
    expect(encryption.metadata).toEqual(object.metadata);
    expect(Buffer.concat(encryptWhole(encryption, hex(inputs.plaintext))).toString('hex')).toBe(object.body);
  });

  test('are all there: eighteen objects, and twenty that must fail', () => {
    expect([Object.keys(vectors.objects).length, vectors.mustFail.length]).toEqual([18, 20]);
  });

  test.each([['v3', inputs.messageId, vectors.contentV3.emptyPlaintextBody], ['v2', inputs.contentIvGcm, vectors.contentV2.emptyPlaintextBody]] as const)('an empty %s object is one tag', async (format, unique, body) => {
    const encryption = await createEncryption(keyringOf({ mode: 'aes' }), { format, random: recordedRandom(inputs.dataKey, inputs.aesWrapIv, unique) });
    expect(encryption.cipher.final().toString('hex')).toBe(body);
  });

  test.each([['v3-aes', vectors.rangeV3], ['v2-aes', vectors.rangeV2]] as const)('a range of %s is decrypted from its block on', async (name, range) => {
    const object = vectors.objects[name] as RecordedObject;
    const decryption = await openEnvelope(object.metadata, keyringOf(object), READ_V3_AND_V2);
    expect(range.alignedCiphertextRange).toBe('bytes=16-47');
    expect(decryption.decryptRange(hex(range.ciphertext), 1).toString('hex')).toBe(range.decrypted);
  });
});

/** By note, so that a changed file cannot shift an outcome onto another case. */
const outcomes: Readonly<Record<string, ErrorCode>> = {
  'commitment bit flipped': 'commitment-mismatch',
  'message id bit flipped': 'commitment-mismatch',
  'commitment one byte short': 'malformed',
  'V2 key beside V3 keys': 'format-refused',
  'unknown content algorithm': 'format-refused',
  'uncompressed wrap name in V3': 'format-refused',
  'tag bit flipped': 'not-authentic',
  'truncated body': 'not-authentic',
  'body shorter than a tag': 'truncated',
  'c/d/i duplicated in the instruction file': 'format-refused',
  'V2 instruction file under V3 object metadata (downgrade)': 'format-refused',
  'V3 content keys beside V2 keys (header spoofing)': 'format-refused',
  'tag-len not 128': 'format-refused',
  'content algorithm changed to CTR': 'format-refused',
  'non-committing object under REQUIRE_ENCRYPT_REQUIRE_DECRYPT': 'format-refused',
  'kms+context rewritten to legacy kms, legacy off': 'legacy-refused',
  'cek-alg in stored context differs from x-amz-cek-alg': 'context-mismatch',
  'caller context missing': 'context-mismatch',
  'caller context different': 'context-mismatch',
  'legacy object with legacy off': 'legacy-refused',
};

describe('recorded tamperings', () => {
  test('each has a named outcome', () => {
    expect(vectors.mustFail.map(({ note }) => note).sort()).toEqual(Object.keys(outcomes).sort());
  });

  test.each(vectors.mustFail.map((failure) => [failure.note, failure] as const))('%s', async (note, { base, policy, ...changes }) => {
    const object = { ...(vectors.objects[base] as RecordedObject), ...changes };
    const required = policy === 'REQUIRE_ENCRYPT_REQUIRE_DECRYPT' ? READ_V3_ONLY : READ_V3_AND_V2;
    await expect(read({ ...object, ...(object.callerContext === null && { callerContext: {} }) }, required)).rejects.toMatchObject({ code: outcomes[note] });
  });
});

describe('published known answers', () => {
  test.each(published.derivation)('derivation: $comment', (entry) => {
    const [dataKey, messageId] = [hex(entry['data_key'] ?? ''), hex(entry['message_id'] ?? '')];
    expect(deriveCommitment(dataKey, messageId).toString('hex')).toBe(entry['commitment_key']);
    expect(deriveContentKey(dataKey, messageId).toString('hex')).toBe(entry['encryption_key']);
  });

  test('a whole body of Amazon\'s own', () => {
    const entry = published.derivation.find(({ ciphertext }) => ciphertext !== undefined);
    const cipher = createContentCipher({ contentKey: hex(entry?.['encryption_key'] ?? ''), iv: Buffer.alloc(12, 1), associated: hex('0073') });
    expect(cipher.update(hex(entry?.['plaintext'] ?? '')).toString('hex')).toBe(entry?.['ciphertext']);
    expect(cipher.final().toString('hex')).toBe(entry?.['auth_tag']);
  });

  test.each(published.gcm.filter(({ key }) => key?.length === 64))('AES-256-GCM: $pt', ({ key = '', iv = '', aad = '', pt = '', ct = '', tag = '' }) => {
    const cipher = createContentCipher({ contentKey: hex(key), iv: hex(iv), associated: hex(aad) });
    expect(cipher.update(hex(pt)).toString('hex')).toBe(ct.toLowerCase());
    expect(cipher.final().toString('hex')).toBe(tag.toLowerCase());
  });

  test.each(published.gcm.filter(({ key }) => key?.length === 32))('AES-128-GCM in this runtime: $pt', ({ key = '', iv = '', aad = '', pt = '', ct = '', tag = '' }) => {
    const decipher = createDecipheriv('aes-128-gcm', hex(key), hex(iv), { authTagLength: 16 }).setAAD(hex(aad)).setAuthTag(hex(tag));
    expect(Buffer.concat([decipher.update(hex(ct)), decipher.final()]).toString('hex')).toBe(pt.toLowerCase());
  });
});

describe('metadata that a server encoded again', () => {
  const { original, rfc2047B, rfc2047Q, asciiJsonInstead } = vectors.s3DoubleEncoding;
  test.each([['base64 words', rfc2047B], ['quoted words', rfc2047Q], ['nothing', original], ['UTF-8 read as Latin-1', Buffer.from(original, 'utf8').toString('latin1')]])('%s', (_, stored) => {
    expect(undoHeaderEncoding(stored)).toBe(original);
    expect(parseStringMap(stored)).toEqual(JSON.parse(original));
  });

  test('is not what is written here', () => {
    expect(encodeStringMap(JSON.parse(original) as Record<string, string>)).toBe(asciiJsonInstead);
  });
});
