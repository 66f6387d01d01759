import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAesKeyring } from '../../main/envelope/aes-keyring.ts';
import {
  createEncryption, decryptChunks, decryptWhole, encryptChunks, encryptWhole, inspectEnvelope, objectBytesOf, openEnvelope, plaintextBytesOf, READ_LEGACY, READ_V3_AND_V2, READ_V3_ONLY,
  resumeEncryption, type CommitmentPolicy,
} from '../../main/envelope/envelope.ts';
import { createContentCipher, createContentDecipher } from '../../main/envelope/content-cipher.ts';
import { checkMetadataSize, findEnvelope, MAX_METADATA_BYTES, metadataBytes, type Metadata } from '../../main/envelope/format.ts';
import { keyIdOf } from '../../main/envelope/key-id.ts';
import { MAX_PLAINTEXT_BYTES } from '../../main/envelope/suites.ts';
import type { EnvelopeFormat } from '../../main/model/mode.ts';
import { answerOf, answerTo } from '../helpers/answer.ts';

const wrappingKey = randomBytes(32);
const keyring = createAesKeyring({ wrappingKey, keyId: keyIdOf('aes', wrappingKey) });
const formats: readonly EnvelopeFormat[] = ['v3', 'v2'];

async function seal(format: EnvelopeFormat, plaintext: Uint8Array): Promise<{ metadata: Metadata; body: Buffer }> {
  const encryption = await createEncryption(keyring, { format });
  const body = Buffer.concat(encryptWhole(encryption, plaintext));
  encryption.dispose();
  return { metadata: encryption.metadata, body };
}

async function open(metadata: Metadata, body: Uint8Array, objectBytes?: number): Promise<Buffer> {
  return decryptWhole(await openEnvelope(metadata, keyring, READ_V3_AND_V2, { objectBytes }), body);
}

/** `buffer` cut at the given places. */
function* cutAt(buffer: Buffer, sizes: readonly number[]): Generator<Buffer> {
  let at = 0;
  for (const size of sizes) {
    yield buffer.subarray(at, at + size);
    at += size;
  }
  yield buffer.subarray(at);
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function* asynchronously<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

describe('encryption and decryption', () => {
  test.each(formats)('%s: decryption inverts encryption, however both are cut into chunks', async (format) => {
    const cuts = fc.array(fc.nat(60), { maxLength: 12 });
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), cuts, cuts, fc.boolean(), async (bytes, writes, reads, isSizeKnown) => {
      const plaintext = Buffer.from(bytes);
      const encryption = await createEncryption(keyring, { format });
      const body = Buffer.concat(await collect(encryptChunks(encryption, asynchronously(cutAt(plaintext, writes)))));
      expect(body.length).toBe(objectBytesOf(plaintext.length));
      const decryption = await openEnvelope(encryption.metadata, keyring, READ_V3_AND_V2, isSizeKnown ? { objectBytes: body.length } : {});
      const opened = await collect(decryptChunks(decryption, asynchronously(cutAt(body, reads))));
      expect(Buffer.concat(opened).equals(plaintext)).toBe(true);
    }), { numRuns: 200 });
  });

  test('never wraps two objects alike', async () => {
    const text = Buffer.from('the same text');
    const [first, second] = [await seal('v3', text), await seal('v3', text)];
    expect(first.body.equals(second.body)).toBe(false);
    expect(Object.keys(first.metadata).filter((name) => first.metadata[name] === second.metadata[name])).toEqual(['x-amz-c', 'x-amz-w', 'x-amz-m']);
  });

  test('the metadata says which key opens the object', async () => {
    const { metadata } = await seal('v3', Buffer.alloc(0));
    expect(inspectEnvelope(metadata)).toMatchObject({ format: 'v3', keyId: keyIdOf('aes', wrappingKey), isLegacy: false });
    expect(inspectEnvelope({ 'mtime': '1' })).toBeNull();
  });

  test('sizes are told apart from what no body can be', () => {
    expect([plaintextBytesOf(16), plaintextBytesOf(15)]).toEqual([0, null]);
  });

  test('a cipher encrypts one text only', async () => {
    const { cipher } = await createEncryption(keyring, { format: 'v3' });
    cipher.final();
    expect(() => cipher.update(Buffer.from('x'))).toThrow(expect.objectContaining({ code: 'invariant' }));
    expect(() => cipher.final()).toThrow(expect.objectContaining({ code: 'invariant' }));
  });

  test('refuses what AES-GCM cannot hold before it encrypts it', () => {
    const cipher = createContentCipher({ contentKey: randomBytes(32), iv: Buffer.alloc(12, 1), associated: null });
    const tooLong = { length: MAX_PLAINTEXT_BYTES + 1 } as Uint8Array;
    expect(() => cipher.update(tooLong)).toThrow(expect.objectContaining({ code: 'file-too-large-for-mode' }));
    expect(() => createContentDecipher({ contentKey: randomBytes(32), iv: Buffer.alloc(12, 1), associated: null }, MAX_PLAINTEXT_BYTES + 17)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  test('refuses a random source that gives zeros', async () => {
    await expect(createEncryption(keyring, { format: 'v3', random: (length) => Buffer.alloc(length) })).rejects.toMatchObject({ code: 'invariant' });
  });
});

describe('resuming', () => {
  test.each(formats)('%s: a saved encryption gives the same bytes again', async (format) => {
    const text = randomBytes(1_000);
    const encryption = await createEncryption(keyring, { format });
    const body = Buffer.concat(encryptWhole(encryption, text));
    const saved = JSON.parse(JSON.stringify(encryption.save())) as ReturnType<typeof encryption.save>;
    encryption.dispose();
    const resumed = await resumeEncryption(keyring, saved);
    expect(resumed.metadata).toEqual(encryption.metadata);
    expect(resumed.binding).toEqual(encryption.binding);
    expect(Buffer.concat(encryptWhole(resumed, text)).equals(body)).toBe(true);
  });

  test('a damaged one is refused', async () => {
    const { metadata } = await createEncryption(keyring, { format: 'v3' });
    await expect(resumeEncryption(keyring, { format: 'v2', metadata })).rejects.toMatchObject({ code: 'malformed' });
    await expect(resumeEncryption(keyring, { format: 'v3', metadata: {} })).rejects.toMatchObject({ code: 'malformed' });
  });
});

describe('tampering', () => {
  test.each(formats)('%s: every flipped bit of the body is noticed', async (format) => {
    const { metadata, body } = await seal(format, Buffer.from('nine bytes'));
    for (let bit = 0; bit < body.length * 8; bit += 1) {
      const changed = Buffer.from(body);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(await answerTo(open(metadata, changed))).toBe('not-authentic');
    }
  });

  test.each(formats)('%s: every flipped bit of the metadata is noticed, or changes nothing but the description', async (format) => {
    const text = Buffer.from('nine bytes');
    const { metadata, body } = await seal(format, text);
    const codes = new Set<string>();
    for (const [name, value] of Object.entries(metadata)) {
      for (let bit = 0; bit < value.length * 8; bit += 1) {
        const changed = Buffer.from(value, 'latin1');
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
        const code = await answerTo(open({ ...metadata, [name]: changed.toString('latin1') }, body));
        // The description only says which key to try: another name in it leaves the named key, which still has to fit.
        expect(code !== 'value' || name === 'x-amz-m' || name === 'x-amz-matdesc').toBe(true);
        codes.add(code);
      }
    }
    const expected = ['format-refused', 'key-not-found', 'key-unwrap-failed', 'malformed', 'value', format === 'v3' ? 'commitment-mismatch' : 'not-authentic'];
    expect([...codes].sort()).toEqual(expected.sort());
  });

  test.each(formats)('%s: every missing metadata value is noticed', async (format) => {
    const { metadata, body } = await seal(format, Buffer.from('nine bytes'));
    for (const name of Object.keys(metadata).filter((candidate) => candidate !== 'x-amz-m' && candidate !== 'x-amz-matdesc')) {
      for (const changed of [{ ...metadata, [name]: '' }, Object.fromEntries(Object.entries(metadata).filter(([other]) => other !== name))]) {
        expect(['malformed', 'format-refused', 'not-ours']).toContain(await answerTo(open(changed, body)));
      }
    }
  });

  test.each([true, false])('every other length of the body is noticed (size known: %s)', async (isSizeKnown) => {
    const { metadata, body } = await seal('v3', randomBytes(40));
    const lengths = [...Array(body.length).keys(), body.length + 1, body.length + 16];
    for (const length of lengths) {
      const changed = Buffer.concat([body, Buffer.alloc(32)]).subarray(0, length);
      const code = await answerTo(open(metadata, changed, isSizeKnown ? body.length : undefined));
      expect(code).toBe(isSizeKnown || length < 16 ? 'truncated' : 'not-authentic');
    }
  });

  test('body and metadata of two objects do not go together', async () => {
    const [first, second] = [await seal('v3', Buffer.from('one')), await seal('v3', Buffer.from('two'))];
    expect(await answerTo(open(first.metadata, second.body))).toBe('not-authentic');
    expect(await answerTo(open({ ...first.metadata, 'x-amz-3': second.metadata['x-amz-3'] ?? '' }, first.body))).toBe('commitment-mismatch');
  });

  test('a wrapped key of one format does not pass in the other', async () => {
    const [v3, v2] = [await seal('v3', Buffer.from('one')), await seal('v2', Buffer.from('one'))];
    expect(await answerTo(open({ ...v2.metadata, 'x-amz-key-v2': v3.metadata['x-amz-3'] ?? '' }, v2.body))).toBe('key-unwrap-failed');
  });

  test('a name that stands twice, or twice in one value, is refused', async () => {
    const { metadata, body } = await seal('v3', Buffer.from('one'));
    expect(await answerTo(open({ ...metadata, 'X-Amz-C': '115' }, body))).toBe('format-refused');
    expect(await answerTo(open({ ...metadata, 'x-amz-c': '115, 115' }, body))).toBe('format-refused');
    expect(await answerTo(open({ ...metadata, 'x-amz-i': `${metadata['x-amz-i']}, ${metadata['x-amz-i']}` }, body))).toBe('malformed');
  });

  test('stray values of an envelope without its key are refused, and without any it is not ours', async () => {
    expect(await answerTo(open({ 'x-amz-iv': 'AAAAAAAAAAAAAAAA' }, Buffer.alloc(16)))).toBe('format-refused');
    expect(await answerTo(open({ 'x-amz-w': '02' }, Buffer.alloc(16)))).toBe('malformed');
    expect(await answerTo(open({ 'color': 'red' }, Buffer.alloc(16)))).toBe('not-ours');
  });

  test('the content algorithm of a modern wrap cannot be changed to AES-CBC, even with every switch on', async () => {
    const { metadata, body } = await seal('v2', Buffer.from('one'));
    const { 'x-amz-tag-len': _, ...rest } = metadata;
    const changed = { ...rest, 'x-amz-cek-alg': 'AES/CBC/PKCS5Padding', 'x-amz-iv': Buffer.alloc(16).toString('base64') };
    await expect(openEnvelope(changed, keyring, READ_LEGACY, { objectBytes: body.length })).rejects.toMatchObject({ code: 'format-refused' });
  });

  test('any metadata is answered with a value or a listed error', () => {
    const names = ['x-amz-c', 'x-amz-d', 'x-amz-i', 'x-amz-3', 'x-amz-w', 'x-amz-m', 'x-amz-t', 'x-amz-key', 'x-amz-key-v2', 'x-amz-iv', 'x-amz-cek-alg', 'x-amz-wrap-alg', 'x-amz-tag-len', 'x-amz-matdesc', '__proto__'];
    const value = fc.oneof(fc.string(), fc.base64String(), fc.json(), fc.constantFrom('115', '02', '12', '22', '128', 'AES/GCM', 'kms', 'AES/GCM/NoPadding', 'toString', '{}', Buffer.alloc(28).toString('base64'), Buffer.alloc(12).toString('base64')));
    fc.assert(fc.property(fc.dictionary(fc.constantFrom(...names), value), (metadata) => {
      expect(['value', 'malformed', 'format-refused']).toContain(answerOf(() => findEnvelope(metadata)));
    }), { numRuns: 3_000 });
  });
});

describe('policies', () => {
  test.each<[CommitmentPolicy, EnvelopeFormat, boolean]>([
    ['forbid-encrypt-allow-decrypt', 'v3', false],
    ['forbid-encrypt-allow-decrypt', 'v2', true],
    ['require-encrypt-allow-decrypt', 'v3', true],
    ['require-encrypt-allow-decrypt', 'v2', false],
    ['require-encrypt-require-decrypt', 'v3', true],
    ['require-encrypt-require-decrypt', 'v2', false],
  ])('%s writes %s: %s', async (policy, format, isAllowed) => {
    expect(await answerTo(createEncryption(keyring, { format, policy }))).toBe(isAllowed ? 'value' : 'format-refused');
  });

  test.each<[CommitmentPolicy, EnvelopeFormat, boolean]>([
    ['forbid-encrypt-allow-decrypt', 'v3', true],
    ['forbid-encrypt-allow-decrypt', 'v2', true],
    ['require-encrypt-allow-decrypt', 'v3', true],
    ['require-encrypt-allow-decrypt', 'v2', true],
    ['require-encrypt-require-decrypt', 'v3', true],
    ['require-encrypt-require-decrypt', 'v2', false],
  ])('%s reads %s: %s', async (commitment, format, isAllowed) => {
    const { metadata } = await seal(format, Buffer.from('one'));
    expect(await answerTo(openEnvelope(metadata, keyring, { commitment }))).toBe(isAllowed ? 'value' : 'format-refused');
  });

  test('a policy that forbids writing V3 still checks its commitment', async () => {
    const { metadata } = await seal('v3', Buffer.from('one'));
    const changed = { ...metadata, 'x-amz-d': Buffer.alloc(28).toString('base64') };
    expect(await answerTo(openEnvelope(changed, keyring, { commitment: 'forbid-encrypt-allow-decrypt' }))).toBe('commitment-mismatch');
  });

  test('reading V3 only is what a folder starts with', () => {
    expect(READ_V3_ONLY).toEqual({ commitment: 'require-encrypt-require-decrypt' });
  });
});

describe('metadata size', () => {
  test('counts names with their prefix, and values, in bytes', () => {
    expect(metadataBytes({ ab: 'é' })).toBe('x-amz-meta-ab'.length + 2);
  });

  test('is refused beyond what every server takes', () => {
    const room = MAX_METADATA_BYTES - 'x-amz-meta-a'.length;
    expect(() => checkMetadataSize({ a: 'x'.repeat(room) })).not.toThrow();
    expect(() => checkMetadataSize({ a: 'x'.repeat(room + 1) })).toThrow(expect.objectContaining({ code: 'metadata-too-large' }));
  });
});
