/**
 * AES-GCM alone does not commit to its key: a body can be made that is authentic under two keys and says something else under each
 * ("invisible salamanders", CVE-2025-14763 and its like). V3's commitment refuses it; in a folder, V2's does the binding of the attributes.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createAesKeyring } from '../../main/envelope/aes-keyring.ts';
import { openAttributes, sealAttributes } from '../../main/envelope/attributes.ts';
import { deriveCommitment, deriveContentKey } from '../../main/envelope/derive.ts';
import { decryptWhole, inspectEnvelope, openEnvelope, READ_V3_AND_V2, type Binding } from '../../main/envelope/envelope.ts';
import { encodeEnvelope, type Metadata } from '../../main/envelope/format.ts';
import { SUITE_COMMITTING, SUITE_GCM, type Suite } from '../../main/envelope/suites.ts';
import type { ObjectKey } from '../../main/model/path.ts';
import type { OperationId } from '../../main/model/snapshot.ts';
import { answerOf, answerTo } from '../helpers/answer.ts';

// ---------------------------------------------------------------- the attack: GHASH is linear, so one block of the body can be solved for

const R = 0xe1n << 120n;
const toField = (block: Uint8Array): bigint => BigInt(`0x${Buffer.from(block).toString('hex')}`);
const toBlock = (element: bigint): Buffer => Buffer.from(element.toString(16).padStart(32, '0'), 'hex');

function multiply(a: bigint, b: bigint): bigint {
  let [product, shifted] = [0n, b];
  for (let bit = 127n; bit >= 0n; bit -= 1n) {
    if (((a >> bit) & 1n) === 1n) product ^= shifted;
    shifted = (shifted & 1n) === 1n ? (shifted >> 1n) ^ R : shifted >> 1n;
  }
  return product;
}

/** a^(2^128 - 2). */
function inverse(a: bigint): bigint {
  let [result, power] = [1n << 127n, a];
  for (let round = 1; round < 128; round += 1) {
    power = multiply(power, power);
    result = multiply(result, power);
  }
  return result;
}

const encryptBlock = (key: Buffer, block: Buffer): Buffer => createCipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(block);

/** A body with its tag, authentic under both keys with the same IV. */
function bodyForBoth(keys: readonly [Buffer, Buffer], iv: Buffer, associated: Buffer): Buffer {
  const blocks = [randomBytes(16), randomBytes(16), Buffer.alloc(16)];
  const solved = 2;
  const lengths = Buffer.alloc(16);
  lengths.writeBigUInt64BE(BigInt(associated.length * 8), 0);
  lengths.writeBigUInt64BE(BigInt(blocks.length * 128), 8);
  const hashed = [...(associated.length === 0 ? [] : [Buffer.concat([associated, Buffer.alloc(16 - associated.length)])]), ...blocks, lengths];
  const at = hashed.length - 1 - (blocks.length - solved);
  const sides = keys.map((key) => {
    const h = toField(encryptBlock(key, Buffer.alloc(16)));
    const mask = toField(encryptBlock(key, Buffer.concat([iv, Buffer.from([0, 0, 0, 1])])));
    let hash = 0n;
    for (const block of hashed) hash = multiply(hash ^ toField(block), h);
    let factor = 1n << 127n;
    for (let power = at; power < hashed.length; power += 1) factor = multiply(factor, h);
    return { tag: hash ^ mask, factor };
  });
  const [first, second] = sides as [{ tag: bigint; factor: bigint }, { tag: bigint; factor: bigint }];
  const block = multiply(first.tag ^ second.tag, inverse(first.factor ^ second.factor));
  return Buffer.concat([...blocks.slice(0, solved), toBlock(block), toBlock(first.tag ^ multiply(block, first.factor))]);
}

function decryptsUnder(key: Buffer, iv: Buffer, associated: Buffer, body: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 }).setAAD(associated).setAuthTag(body.subarray(-16));
  return Buffer.concat([decipher.update(body.subarray(0, -16)), decipher.final()]);
}

// ---------------------------------------------------------------- the objects

const wrappingKey = randomBytes(32);
const keyring = createAesKeyring({ wrappingKey, keyId: null });
const wrapped = async (dataKey: Buffer, suite: Suite): Promise<Buffer> => {
  const given = [dataKey, randomBytes(12)];
  return (await keyring.createDataKey({ algorithmText: suite.algorithmText, isCommitting: suite.isCommitting, random: () => Buffer.from(given.shift() as Buffer) })).wrappedKey;
};
const open = async (metadata: Metadata, body: Buffer): Promise<Buffer> => decryptWhole(await openEnvelope(metadata, keyring, READ_V3_AND_V2, { objectBytes: body.length }), body);
const dataKeys = [randomBytes(32), randomBytes(32)] as const;

describe('a body that two keys decrypt', () => {
  test('is refused in V3 with either key but the one it commits to', async () => {
    const messageId = randomBytes(28);
    const contentKeys = dataKeys.map((dataKey) => deriveContentKey(dataKey, messageId)) as [Buffer, Buffer];
    const iv = Buffer.alloc(12, 1);
    const associated = Buffer.from([0, 0x73]);
    const body = bodyForBoth(contentKeys, iv, associated);
    const texts = contentKeys.map((key) => decryptsUnder(key, iv, associated, body));
    expect(texts[0]?.equals(texts[1] as Buffer)).toBe(false);
    const metadataFor = async (dataKey: Buffer): Promise<Metadata> => encodeEnvelope({
      format: 'v3', suite: SUITE_COMMITTING, wrap: 'aes-gcm', wrappedKey: await wrapped(dataKey, SUITE_COMMITTING), description: {}, messageId, commitment: deriveCommitment(dataKeys[0], messageId),
    });
    expect((await open(await metadataFor(dataKeys[0]), body)).equals(texts[0] as Buffer)).toBe(true);
    expect(await answerTo(open(await metadataFor(dataKeys[1]), body))).toBe('commitment-mismatch');
  });

  test('opens in V2 under both, as the format is, but not as another text of a file: its attributes are bound to the wrapped key', async () => {
    const iv = randomBytes(12);
    const body = bodyForBoth([...dataKeys], iv, Buffer.alloc(0));
    const metadataFor = async (dataKey: Buffer): Promise<Metadata> => encodeEnvelope({ format: 'v2', suite: SUITE_GCM, wrap: 'aes-gcm', wrappedKey: await wrapped(dataKey, SUITE_GCM), description: {}, iv });
    const [genuine, swapped] = [await metadataFor(dataKeys[0]), await metadataFor(dataKeys[1])];
    const text = await open(genuine, body);
    expect((await open(swapped, body)).equals(text)).toBe(false);
    const place = { folderId: '00'.repeat(16), objectKey: 'a' as ObjectKey, authKeyOf: () => wrappingKey };
    const bindingOf = (metadata: Metadata): Binding => (inspectEnvelope(metadata) as { binding: Binding }).binding;
    const attributes = sealAttributes(
      { operationId: '00'.repeat(16) as OperationId, vector: {}, mtimeMs: 0, modeBits: 0o644, kind: 'file', sizeBytes: text.length, sha256: createHash('sha256').update(text).digest('hex') },
      { ...place, authKey: wrappingKey, epoch: 1, binding: bindingOf(genuine) },
    );
    expect(answerOf(() => openAttributes(attributes, { ...place, binding: bindingOf(genuine) }))).toBe('value');
    expect(answerOf(() => openAttributes(attributes, { ...place, binding: bindingOf(swapped) }))).toBe('not-authentic');
  });
});
