import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  encodeAttributes, epochOfAttributes, MAX_VECTOR_ENTRIES, openAttributes, openCustomerAttributes, parseAttributes, sealAttributes, sealCustomerAttributes,
} from '../../main/envelope/attributes.ts';
import { createAesKeyring } from '../../main/envelope/aes-keyring.ts';
import { createEncryption, inspectEnvelope } from '../../main/envelope/envelope.ts';
import { checkMetadataSize } from '../../main/envelope/format.ts';
import { authKeyOf } from '../../main/envelope/folder-key.ts';
import { createRsaKeyring, parseRsaKey } from '../../main/envelope/rsa-keyring.ts';
import type { KeyId } from '../../main/model/mode.ts';
import type { ObjectKey } from '../../main/model/path.ts';
import type { FileAttributes, OperationId } from '../../main/model/snapshot.ts';
import { answerOf } from '../helpers/answer.ts';
import { vectors } from '../helpers/envelope-vectors.ts';

const folderKey = Buffer.alloc(32, 7);
const authKey = authKeyOf(folderKey, 1);
const authKeyOfEpoch = (epoch: number) => (epoch === 1 || epoch === 2 ? authKeyOf(folderKey, epoch) : null);
const place = { folderId: '00112233445566778899aabbccddeeff', objectKey: 'prefix/a.txt' as ObjectKey };
const binding = { messageId: Buffer.alloc(28, 1), commitment: Buffer.alloc(28, 2) };
const plain: FileAttributes = {
  operationId: '0123456789abcdef0123456789abcdef' as OperationId, vector: { '0a0b0c0d0e0f': 300, 'ffeeddccbbaa': 1 },
  mtimeMs: 1_700_000_000_123, modeBits: 0o644, kind: 'file', sizeBytes: 5_000_000_000, sha256: 'ab'.repeat(32),
};

const digits = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes).toString('hex'));
const attributes: fc.Arbitrary<FileAttributes> = fc.record({
  operationId: digits(16).map((text) => text as OperationId),
  vector: fc.dictionary(digits(6), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { maxKeys: MAX_VECTOR_ENTRIES, noNullPrototype: true }),
  mtimeMs: fc.integer({ min: -8.64e15, max: 8.64e15 }),
  modeBits: fc.nat(0o777),
  kind: fc.constantFrom('file', 'directory'),
  sizeBytes: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  sha256: fc.option(digits(32)),
});

describe('plain attributes', () => {
  test('known answer', () => {
    expect(Buffer.from(encodeAttributes(plain), 'base64').toString('hex')).toBe(
      `01020123456789abcdef0123456789abcdef0000018bcfe5687b01a4000000012a05f200020a0b0c0d0e0fac02ffeeddccbbaa01${'ab'.repeat(32)}`,
    );
  });

  test('come back', () => {
    fc.assert(fc.property(attributes, (given) => {
      expect(parseAttributes(encodeAttributes(given))).toEqual(given);
    }), { numRuns: 500 });
  });

  test('cut fractions of a millisecond', () => {
    expect(parseAttributes(encodeAttributes({ ...plain, mtimeMs: 1.75 })).mtimeMs).toBe(1);
    expect(parseAttributes(encodeAttributes({ ...plain, mtimeMs: -1.25 })).mtimeMs).toBe(-2);
  });

  test('take at most 32 devices, and say nothing that a reader would not accept', () => {
    const vector = Object.fromEntries(Array.from({ length: 33 }, (_, index) => [index.toString(16).padStart(12, '0'), 1]));
    expect(() => encodeAttributes({ ...plain, vector })).toThrow(expect.objectContaining({ code: 'metadata-too-large' }));
    const wrong: readonly Partial<FileAttributes>[] = [{ modeBits: 0o1777 }, { sizeBytes: -1 }, { mtimeMs: Number.NaN }, { sha256: 'AB' }, { vector: { abc: 1 } }, { vector: { '0a0b0c0d0e0f': 0 } }, { operationId: '' as OperationId }];
    for (const change of wrong) expect(answerOf(() => encodeAttributes({ ...plain, ...change }))).toBe('invariant');
  });

  test('any bytes are answered with a value or a listed error, and a value has one spelling', () => {
    const sample = Buffer.from(encodeAttributes(plain), 'base64');
    const mutated = fc.tuple(fc.nat(sample.length - 1), fc.nat(255)).map(([at, byte]) => Buffer.concat([sample.subarray(0, at), Buffer.from([byte]), sample.subarray(at + 1)]));
    fc.assert(fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.concat([Buffer.from([1]), bytes])), fc.uint8Array()), (bytes) => {
      const text = Buffer.from(bytes).toString('base64');
      let spelling = text;
      expect(['value', 'malformed', 'newer-version']).toContain(answerOf(() => {
        spelling = encodeAttributes(parseAttributes(text));
      }));
      expect(spelling).toBe(text);
    }), { numRuns: 3_000 });
  });

  test('of a newer layout are told as such', () => {
    expect(() => parseAttributes(Buffer.from([2, 0]).toString('base64'))).toThrow(expect.objectContaining({ code: 'newer-version' }));
    expect(() => parseAttributes(sealAttributes(plain, { ...place, authKey, epoch: 1, binding }))).toThrow(expect.objectContaining({ code: 'malformed' }));
  });
});

describe('sealed attributes', () => {
  const sealed = sealAttributes(plain, { ...place, authKey, epoch: 1, binding });
  const open = (value: string, change: object = {}) => openAttributes(value, { ...place, binding, authKeyOf: authKeyOfEpoch, ...change });

  test('known answer', () => {
    expect(sealAttributes(plain, { ...place, authKey, epoch: 1, binding, random: (length) => Buffer.alloc(length, 3) })).toBe(
      'EQAAAAEDAwMDAwMDAwMDAwOnX8rrURrMFgXRc/6y0gIbVRCXJGtIm1Hwx6suS2EaX/RipuywyGGpYNapXWCCBxAUUsseybO7Tz9jFuNjAAek4i8D9rot9h43xYkFu5MWCoIojNdrEM6/Yd/xrA7pHqFeeZ8=',
    );
  });

  test('come back with their epoch, and never twice alike', () => {
    expect(open(sealed)).toEqual({ attributes: plain, epoch: 1 });
    expect(epochOfAttributes(sealed)).toBe(1);
    expect(sealAttributes(plain, { ...place, authKey, epoch: 1, binding })).not.toBe(sealed);
    fc.assert(fc.property(attributes, (given) => {
      expect(open(sealAttributes(given, { ...place, authKey, epoch: 1, binding })).attributes).toEqual(given);
    }));
  });

  test('show nothing of the file', () => {
    expect(Buffer.from(sealed, 'base64').includes(Buffer.from(plain.sha256 ?? '', 'hex'))).toBe(false);
  });

  test.each<[string, object]>([
    ['another object key', { objectKey: 'prefix/b.txt' }],
    ['another folder', { folderId: 'ff'.repeat(16) }],
    ['another body', { binding: { ...binding, commitment: Buffer.alloc(28, 3) } }],
    ['another message id', { binding: { ...binding, messageId: Buffer.alloc(28, 3) } }],
    ['another folder key', { authKeyOf: () => randomBytes(32) }],
    ['an epoch that is not listed', { authKeyOf: () => null }],
  ])('do not open with %s', (_, change) => {
    expect(() => open(sealed, change)).toThrow(expect.objectContaining({ code: 'not-authentic' }));
  });

  test('every swap among the files of a folder is noticed', () => {
    const files = Array.from({ length: 12 }, (_, index) => ({
      objectKey: `prefix/${index}` as ObjectKey, binding: { messageId: randomBytes(28), commitment: randomBytes(28) },
    })).map((file) => ({ ...file, value: sealAttributes(plain, { ...place, ...file, authKey, epoch: 1 }) }));
    let noticed = 0;
    for (const at of files) {
      for (const from of files) {
        if (at === from) continue;
        // The whole object moved to another key; and its attributes alone put on another body.
        expect(() => open(from.value, { objectKey: at.objectKey, binding: from.binding })).toThrow(expect.objectContaining({ code: 'not-authentic' }));
        expect(() => open(from.value, { objectKey: at.objectKey, binding: at.binding })).toThrow(expect.objectContaining({ code: 'not-authentic' }));
        noticed += 1;
      }
    }
    expect(noticed).toBe(12 * 11);
  });

  test('every flipped bit is noticed', () => {
    const bytes = Buffer.from(sealed, 'base64');
    const codes = new Set<string>();
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      codes.add(answerOf(() => open(changed.toString('base64'))));
    }
    expect([...codes].sort()).toEqual(['malformed', 'newer-version', 'not-authentic']);
  });

  test('any bytes are answered with a value or a listed error', () => {
    fc.assert(fc.property(fc.tuple(fc.constantFrom(0x11, 0x21, 0x01, 0x12), fc.uint8Array({ maxLength: 120 })), ([form, bytes]) => {
      const text = Buffer.concat([Buffer.from([form]), bytes]).toString('base64');
      expect(['malformed', 'newer-version', 'not-authentic']).toContain(answerOf(() => open(text)));
      expect(['malformed', 'newer-version', 'not-authentic']).toContain(answerOf(() => openCustomerAttributes(text, { ...place, customerKey: authKey })));
    }), { numRuns: 1_000 });
  });

  test('fit beside every envelope, with as many devices as there may be', async () => {
    const vector = Object.fromEntries(Array.from({ length: 32 }, (_, index) => [index.toString(16).padStart(12, '0'), 1_000_000]));
    const rsa = createRsaKeyring(parseRsaKey(vectors.inputs.rsaPrivateKeyPem));
    for (const keyring of [createAesKeyring({ wrappingKey: randomBytes(32), keyId: '0123456789abcdef' as KeyId }), rsa]) {
      for (const format of ['v3', 'v2'] as const) {
        const encryption = await createEncryption(keyring, { format });
        const facts = inspectEnvelope(encryption.metadata);
        expect(facts?.binding).toEqual(encryption.binding);
        const value = sealAttributes({ ...plain, vector }, { ...place, authKey, epoch: 1, binding: encryption.binding });
        expect(() => checkMetadataSize({ ...encryption.metadata, 'enfold-attrs': value })).not.toThrow();
        expect(open(value, { binding: facts?.binding }).attributes.vector).toEqual(vector);
      }
    }
  });
});

describe('attributes under a customer key', () => {
  const customerKey = randomBytes(32);
  const sealed = sealCustomerAttributes(plain, { ...place, customerKey });

  test('come back', () => {
    expect(openCustomerAttributes(sealed, { ...place, customerKey })).toEqual(plain);
    expect(epochOfAttributes(sealed)).toBeNull();
  });

  test.each<[string, object]>([['another key', { customerKey: randomBytes(32) }], ['another object key', { objectKey: 'x' }], ['another folder', { folderId: 'ff'.repeat(16) }]])('do not open with %s', (_, change) => {
    expect(() => openCustomerAttributes(sealed, { ...place, customerKey, ...change })).toThrow(expect.objectContaining({ code: 'not-authentic' }));
  });

  test('are not taken for a folder\'s', () => {
    expect(() => openAttributes(sealed, { ...place, binding, authKeyOf: authKeyOfEpoch })).toThrow(expect.objectContaining({ code: 'malformed' }));
    expect(() => openCustomerAttributes(encodeAttributes(plain), { ...place, customerKey })).toThrow(expect.objectContaining({ code: 'malformed' }));
  });
});
