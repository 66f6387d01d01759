/** What a failed decryption of an old object tells: always the same, so that nobody can ask it for the text bit by bit. */
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { decryptWhole, openEnvelope, READ_LEGACY, READ_V3_AND_V2 } from '../../main/envelope/envelope.ts';
import { toWire, type WireError } from '../../main/model/errors.ts';
import { hex, keyringOf, vectors, type RecordedObject } from '../helpers/envelope-vectors.ts';

async function failureOf(object: RecordedObject, body: Buffer, metadata = object.metadata, policy = READ_LEGACY): Promise<WireError | null> {
  try {
    const { instructionFile } = object;
    decryptWhole(await openEnvelope(metadata, keyringOf(object), policy, { objectBytes: body.length, ...(instructionFile && { loadInstructionFile: async () => Buffer.from(JSON.stringify(instructionFile)) }) }), body);
    return null;
  } catch (error) {
    return toWire(error);
  }
}

const old = Object.entries(vectors.objects).filter(([, { legacy }]) => legacy === true);
const cbc = old.filter(([, { metadata }]) => metadata['x-amz-cek-alg'] !== 'AES/GCM/NoPadding' && metadata['x-amz-iv'] !== undefined && Buffer.from(metadata['x-amz-iv'], 'base64').length === 16);

test('there are old objects with AES-CBC to look at', () => {
  expect(cbc.length).toBeGreaterThan(0);
});

test.each(cbc)('%s: wrong padding, a cut body and random blocks end in one and the same error', async (_name, object) => {
  const body = hex(object.body);
  const bodies: Buffer[] = [body.subarray(0, -1), body.subarray(0, 8), Buffer.alloc(0), ...Array.from({ length: 256 }, (_, byte) => {
    // The last byte of the block before the last decides the padding.
    const changed = Buffer.from(body);
    changed[body.length - 17] = (changed[body.length - 17] as number) ^ byte;
    return changed;
  }), ...Array.from({ length: 40 }, () => Buffer.concat([body.subarray(0, -16), randomBytes(16)]))];
  const seen = new Set<string>();
  for (const one of bodies) {
    const failure = await failureOf(object, one);
    if (failure !== null) seen.add(JSON.stringify(failure));
  }
  expect([...seen]).toEqual([JSON.stringify(await failureOf(object, Buffer.alloc(16)))]);
});

test.each(old)('%s: without the switch it is refused before its key or body is looked at, whatever they are', async (_name, object) => {
  const expected = JSON.stringify(await failureOf(object, hex(object.body), object.metadata, READ_V3_AND_V2));
  const wrapName = object.metadata['x-amz-key'] === undefined ? 'x-amz-key-v2' : 'x-amz-key';
  for (const body of [Buffer.alloc(0), randomBytes(32), hex(object.body).subarray(1)]) expect(JSON.stringify(await failureOf(object, body, object.metadata, READ_V3_AND_V2))).toBe(expected);
  const metadata = object.metadata[wrapName] === undefined ? object.metadata : { ...object.metadata, [wrapName]: randomBytes(48).toString('base64') };
  expect(JSON.stringify(await failureOf(object, hex(object.body), metadata, READ_V3_AND_V2))).toBe(expected);
  expect(JSON.parse(expected)).toMatchObject({ code: 'legacy-refused' });
});
