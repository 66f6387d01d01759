/** What a client-side folder keeps beside its objects: keys, descriptor, sealed records, tombstones. */
import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { currentEpoch, encodeDescriptor, parseDescriptor, verifyDescriptor, type DescriptorContent } from '../../main/envelope/descriptor.ts';
import { authKeyOf, createFolderKey, folderKeyFingerprint, namesKeyOf } from '../../main/envelope/folder-key.ts';
import { encodeTombstone, openRecord, parseTombstone, sealRecord, tombstonePathHash } from '../../main/envelope/sealed-record.ts';
import type { KeyId } from '../../main/model/mode.ts';
import { syncPath, type ObjectKey } from '../../main/model/path.ts';
import type { OperationId, Tombstone } from '../../main/model/snapshot.ts';
import type { DeviceId } from '../../main/model/version-vector.ts';
import { answerOf } from '../helpers/answer.ts';

const folderKey = Buffer.alloc(32, 7);
const content: DescriptorContent = {
  folderId: '00112233445566778899aabbccddeeff', names: 'encrypted',
  epochs: [{ n: 1, mode: { id: 'cse-c', keyId: '0123456789abcdef' as KeyId, keyType: 'aes', format: 'v3' }, wrappedFolderKey: Buffer.alloc(60, 1).toString('base64') }],
  devices: [{ id: '0a0b0c0d0e0f' as DeviceId, name: 'Zoë\'s laptop' }],
};
const plainContent: DescriptorContent = { ...content, names: 'readable', epochs: [{ n: 1, mode: { id: 'sse-s3' }, wrappedFolderKey: null }] };

describe('folder key', () => {
  test('known answers: every key of a folder comes from it', () => {
    expect(namesKeyOf(folderKey).toString('hex').slice(0, 32)).toBe('dd6fec9adba964213d35459d5e5213e5');
    expect(authKeyOf(folderKey, 1).toString('hex').slice(0, 32)).toBe('013580b4e231170c9dfb17134b957e4c');
    expect(folderKeyFingerprint(folderKey)).toBe('K0S4-BX7Z-9WH2-5VXZ');
  });

  test('each use and epoch has a key of its own', () => {
    const keys = [namesKeyOf(folderKey).subarray(0, 32), authKeyOf(folderKey, 1), authKeyOf(folderKey, 2), authKeyOf(folderKey, 256)].map((key) => key.toString('hex'));
    expect(new Set(keys).size).toBe(keys.length);
    expect(createFolderKey().equals(createFolderKey())).toBe(false);
  });
});

describe('descriptor', () => {
  const file = encodeDescriptor(content, folderKey);

  test('comes back and verifies', () => {
    const descriptor = parseDescriptor(file);
    expect(descriptor).toMatchObject(content);
    expect(() => verifyDescriptor(descriptor, folderKey)).not.toThrow();
    expect(currentEpoch(descriptor).n).toBe(1);
  });

  test('is ASCII with its members in order, so that the MAC has one text', () => {
    expect(file.toString('latin1')).toMatch(/^\{"devices":\[\{"id":"0a0b0c0d0e0f","name":"Zo\\u00eb's laptop"\}\],"enfold":"folder","epochs":/);
  });

  test.each([
    { id: 'sse-s3' } as const,
    { id: 'sse-c', keyId: '0123456789abcdef' as KeyId } as const,
    { id: 'sse-kms', kmsKeyId: null, bucketKey: true, encryptionContext: { team: 'a' }, dsse: false } as const,
    { id: 'sse-kms', kmsKeyId: 'alias/x', bucketKey: false, encryptionContext: null, dsse: true } as const,
  ])('carries the mode $id without a MAC', (mode) => {
    const descriptor = parseDescriptor(encodeDescriptor({ ...plainContent, epochs: [{ n: 1, mode, wrappedFolderKey: null }] }, null));
    expect(currentEpoch(descriptor).mode).toEqual(mode);
    expect(descriptor.mac).toBeNull();
    expect(() => verifyDescriptor(descriptor, folderKey)).toThrow(expect.objectContaining({ code: 'not-authentic' }));
  });

  test('a folder that left a client-side mode keeps its MAC', () => {
    const epochs = [...content.epochs, { n: 2, mode: { id: 'sse-s3' } as const, wrappedFolderKey: null }];
    const descriptor = parseDescriptor(encodeDescriptor({ ...content, epochs }, folderKey));
    expect(() => verifyDescriptor(descriptor, folderKey)).not.toThrow();
  });

  test('any change of what it says is noticed', () => {
    const descriptor = parseDescriptor(file);
    const [epoch] = content.epochs;
    const changes: readonly Partial<DescriptorContent>[] = [
      { folderId: 'ff'.repeat(16) }, { names: 'readable' }, { devices: [] }, { epochs: [...content.epochs, { n: 2, mode: { id: 'sse-s3' }, wrappedFolderKey: null }] },
      ...(epoch === undefined ? [] : [{ epochs: [{ ...epoch, n: 2 }] }, { epochs: [{ ...epoch, wrappedFolderKey: Buffer.alloc(60, 2).toString('base64') }] }]),
    ];
    for (const change of changes) expect(() => verifyDescriptor({ ...descriptor, ...change }, folderKey)).toThrow(expect.objectContaining({ code: 'not-authentic' }));
    expect(() => verifyDescriptor(descriptor, randomBytes(32))).toThrow(expect.objectContaining({ code: 'not-authentic' }));
  });

  test('every flipped bit is noticed, or says the same in another spelling', () => {
    const original = parseDescriptor(file);
    for (let bit = 0; bit < file.length * 8; bit += 1) {
      const changed = Buffer.from(file);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      let descriptor = original;
      expect(['value', 'malformed', 'newer-version', 'not-authentic']).toContain(answerOf(() => {
        const parsed = parseDescriptor(changed);
        verifyDescriptor(parsed, folderKey);
        descriptor = parsed;
      }));
      expect(descriptor).toEqual(original);
    }
  });

  test('limits are kept: epochs in order, known modes, no unknown members, a newer version told', () => {
    const parsed = JSON.parse(file.toString()) as { epochs: Record<string, unknown>[]; devices: unknown[]; mac: string };
    const [epoch] = parsed.epochs;
    const refused = [
      { ...parsed, epochs: [] }, { ...parsed, epochs: [epoch, { ...epoch, n: 3 }] }, { ...parsed, epochs: [{ ...epoch, n: 0 }] }, { ...parsed, extra: 1 }, { ...parsed, mac: null }, { ...parsed, mac: 'AA==' },
      { ...parsed, epochs: [{ ...epoch, mode: { id: 'none' } }] }, { ...parsed, epochs: [{ ...epoch, wrappedFolderKey: null }] }, { ...parsed, epochs: [{ ...epoch, mode: { id: 'sse-s3' } }] },
      { ...parsed, devices: Array.from({ length: 1_025 }, () => parsed.devices[0]) }, { ...parsed, devices: [{ id: 'x', name: '' }] }, { ...parsed, id: 'x' }, { ...parsed, names: 'none' }, [], null, 1,
    ];
    for (const value of refused) expect(() => parseDescriptor(Buffer.from(JSON.stringify(value)))).toThrow(expect.objectContaining({ code: 'malformed' }));
    expect(() => parseDescriptor(Buffer.from(JSON.stringify({ ...parsed, version: 2, extra: 1 })))).toThrow(expect.objectContaining({ code: 'newer-version' }));
    expect(() => parseDescriptor(Buffer.alloc(300_000, 0x20))).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  test('any bytes are answered with a value or a listed error', () => {
    const text = file.toString();
    const mutated = fc.tuple(fc.nat(text.length), fc.nat(10), fc.string({ maxLength: 5 })).map(([at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut));
    fc.assert(fc.property(fc.oneof(mutated, fc.json(), fc.string()), (given) => {
      expect(['value', 'malformed', 'newer-version']).toContain(answerOf(() => parseDescriptor(Buffer.from(given))));
    }), { numRuns: 2_000 });
  });
});

describe('sealed records', () => {
  const place = { purpose: 'tombstone', objectKey: 'p/.enfold/tomb/x/y' as ObjectKey } as const;
  const keys = (epoch: number) => (epoch === 3 ? authKeyOf(folderKey, 3) : null);
  const record = sealRecord(Buffer.from('body'), { ...place, authKey: authKeyOf(folderKey, 3), epoch: 3 });

  test('come back with their epoch', () => {
    expect(openRecord(record, { ...place, authKeyOf: keys })).toEqual({ body: Buffer.from('body'), epoch: 3 });
  });

  test.each<[string, object]>([['another purpose', { purpose: 'feed' }], ['another key', { objectKey: 'p/.enfold/tomb/x/z' }], ['another folder key', { authKeyOf: () => randomBytes(32) }], ['an unlisted epoch', { authKeyOf: () => null }]])('do not open with %s', (_, change) => {
    expect(() => openRecord(record, { ...place, authKeyOf: keys, ...change })).toThrow(expect.objectContaining({ code: 'not-authentic' }));
  });

  test('every flipped bit and every other length is noticed', () => {
    const changed = [...Array(record.length * 8).keys()].map((bit) => {
      const copy = Buffer.from(record);
      copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
      return copy;
    });
    const cut = [...Array(record.length).keys()].map((length) => record.subarray(0, length));
    for (const bytes of [...changed, ...cut]) {
      expect(['malformed', 'newer-version', 'not-authentic']).toContain(answerOf(() => openRecord(bytes, { ...place, authKeyOf: () => authKeyOf(folderKey, 3) })));
    }
  });
});

describe('tombstones', () => {
  const tombstone: Tombstone = { path: syncPath('é/b'), operationId: 'ab'.repeat(16) as OperationId, vector: { '0a0b0c0d0e0f': 3 }, deletedAtMs: 1_700_000_000_000, device: 'laptop' };

  test('come back', () => {
    expect(parseTombstone(encodeTombstone(tombstone))).toEqual(tombstone);
  });

  test('the hash of a path is 32 characters, keyed where names are secret', () => {
    const hashes = [tombstonePathHash(tombstone.path, null), tombstonePathHash(tombstone.path, authKeyOf(folderKey, 1)), tombstonePathHash(tombstone.path, authKeyOf(folderKey, 2)), tombstonePathHash(syncPath('b'), null)];
    expect(hashes.every((hash) => /^[0-9a-v]{32}$/.test(hash))).toBe(true);
    expect(new Set(hashes).size).toBe(4);
    expect(tombstonePathHash(tombstone.path, null)).toBe('mfch9hatl95vde2bg6uaqt2p4fvuv9an');
    expect(tombstonePathHash(tombstone.path, authKeyOf(folderKey, 1))).toBe('9t9fpc1n5sp3huvuro6l872tot51tjg1');
  });

  test('any bytes are answered with a value or a listed error', () => {
    const text = encodeTombstone(tombstone).toString();
    const mutated = fc.tuple(fc.nat(text.length), fc.nat(10), fc.string({ maxLength: 5 })).map(([at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut));
    fc.assert(fc.property(fc.oneof(mutated, fc.json(), fc.string()), (given) => {
      expect(['value', 'malformed', 'newer-version']).toContain(answerOf(() => parseTombstone(Buffer.from(given))));
    }), { numRuns: 2_000 });
  });
});
