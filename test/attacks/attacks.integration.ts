/**
 * What somebody with write access to the bucket can try, each on a real folder on built-in storage: it must be noticed and said,
 * and no file may be lost or replaced by what the attacker made.
 */
import { createHash, createPublicKey, randomBytes } from 'node:crypto';
import { renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { SyncReport } from '../../main/assembly/api.ts';
import { createAesKeyring } from '../../main/envelope/aes-keyring.ts';
import { encodeDescriptor, parseDescriptor } from '../../main/envelope/descriptor.ts';
import { createEncryption, encryptWhole } from '../../main/envelope/envelope.ts';
import { createFolderKey, wrapFolderKey } from '../../main/envelope/folder-key.ts';
import { createRsaKeyring, parseRsaKey } from '../../main/envelope/rsa-keyring.ts';
import { readAt, seededBytes, treeOf, writeAt } from '../helpers/tree.ts';
import { BUCKET, never, openWorld, type Attacker, type Place, type Stored, type World } from './devices.ts';

let world: World;
let attacker: Attacker;
beforeAll(async () => {
  world = await openWorld();
  ({ attacker } = world);
});
afterEach(async () => world.leave());
afterAll(async () => world.close());

const some = (root: string): void => {
  for (let index = 0; index < 4; index += 1) writeAt(root, `file ${index}.txt`, `content ${index}`);
};
const flipped = (bytes: Buffer, at: number): Buffer => {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] as number) ^ 1;
  return changed;
};
const flippedText = (value: string | undefined, at: number): string => flipped(Buffer.from(value ?? '', 'base64'), at).toString('base64');

/** What is done to a file of a folder; `what` is the file's name too. */
type Attack = { readonly what: string; readonly change: (own: Stored, other: Stored) => Pick<Stored, 'metadata' | 'body'> };

/** A folder with one file for each attack and one that is left alone. */
const oneEach = (attacks: readonly Attack[], content: (name: string) => string | Buffer = (name) => `content of ${name}`) => (root: string): void => {
  for (const name of [...attacks.map(({ what }) => what), 'untouched']) writeAt(root, name, content(name));
};

/**
 * Both computers keep what they have, and reading back names each file that is not what it was; one that joins later takes none of them.
 *
 * @returns whether the next sync by the first computer told of them too. It cannot where the listing looks as before because only metadata changed.
 */
async function expectNoticed(place: Place, attacks: readonly Attack[]): Promise<{ readonly isSaid: boolean }> {
  const before = treeOf(place.a.root);
  const untouched = await attacker.get(`${place.prefix}untouched`);
  for (const { what, change } of attacks) {
    const own = await attacker.get(place.prefix + what);
    await attacker.put(own.objectKey, change(own, untouched));
  }
  const report = await place.a.sync();
  await place.b.sync();
  for (const { root } of [place.a, place.b]) expect(treeOf(root)).toEqual(before);
  expect(new Set((await place.b.verify()).failed.map(({ path }) => path))).toEqual(new Set(attacks.map(({ what }) => what)));
  const joined = await place.join();
  expect((await joined.sync()).inStep).toBe(false);
  expect(treeOf(joined.root)).toEqual({ untouched: before['untouched'] });
  return { isSaid: !report.inStep };
}

const withMetadata = (change: (own: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>) => Readonly<Record<string, string>>): Attack['change'] => (own, other) => ({ metadata: change(own.metadata, other.metadata), body: own.body });
const withBody = (change: (own: Buffer, other: Buffer) => Buffer): Attack['change'] => (own, other) => ({ metadata: own.metadata, body: change(own.body, other.body) });

const codesOf = (report: SyncReport): string[] => [...report.failed.map(({ error }) => error.code), ...report.quarantined.map(({ reason }) => reason), ...report.questions.map(({ type }) => type)];

describe('an attacker in the bucket', () => {
  test('cannot replace the wrapped folder key or the description (A1)', async () => {
    const place = await world.place(some);
    const before = treeOf(place.a.root);
    const key = `${place.prefix}.enfold/folder.json`;
    const genuine = await attacker.get(key);
    const file = JSON.parse(genuine.body.toString()) as { epochs: { wrappedFolderKey: string; mode: object }[]; mac: string; names: string };
    const [epoch] = file.epochs;
    if (epoch === undefined) throw new Error('no epoch');
    const variants: readonly [string, object][] = [
      ...Array.from({ length: 20 }, (_, at): [string, object] => ['a wrapped key that was altered', { ...file, epochs: [{ ...epoch, wrappedFolderKey: flippedText(epoch.wrappedFolderKey, at * 3) }] }]),
      ['a key of the attacker\'s', { ...file, epochs: [{ ...epoch, wrappedFolderKey: randomBytes(60).toString('base64') }] }],
      ['another MAC', { ...file, mac: flippedText(file.mac, 0) }],
      ['another names setting', { ...file, names: 'encrypted' }],
      ['a weaker format', { ...file, epochs: [{ ...epoch, mode: { ...epoch.mode, format: 'v2' } }] }],
      ['another folder', { ...file, id: 'ab'.repeat(16) }],
    ];
    for (const [what, changed] of variants) {
      await attacker.put(key, { metadata: genuine.metadata, body: Buffer.from(JSON.stringify(changed)) });
      expect({ what, answer: await place.b.trySync() }).toEqual({ what, answer: expect.stringMatching(/^(?:descriptor-mismatch|not-authentic)$/) as string });
    }
    for (const [what, changed] of variants.slice(18)) {
      await attacker.put(key, { metadata: genuine.metadata, body: Buffer.from(JSON.stringify(changed)) });
      await expect(place.join(), what).rejects.toMatchObject({ code: expect.stringMatching(/^(?:key-unwrap-failed|not-authentic)$/) as string });
      rmSync(join(world.scratch, `c-${place.prefix.match(/\d+/)?.[0]}`), { recursive: true });
    }
    await attacker.put(key, genuine);
    expect((await place.b.sync()).inStep).toBe(true);
    expect(treeOf(place.b.root)).toEqual(before);
  });

  test('who can only wrap can make a folder of his own, but not enter one that was joined (A2)', async () => {
    const place = await world.place((root) => ['forged', 'untouched'].forEach((name) => writeAt(root, name, name)), { key: 'rsa' });
    const descriptorKey = `${place.prefix}.enfold/folder.json`;
    const genuine = await attacker.get(descriptorKey);
    const bytes = await world.home.keys.bytesOf(world.home.keys.find('rsa').keyId);
    const pair = parseRsaKey(bytes);
    const publicOnly = createRsaKeyring({ publicKey: createPublicKey(pair.publicKey.export({ type: 'spki', format: 'pem' })), privateKey: null, keyId: pair.keyId });
    const descriptor = parseDescriptor(genuine.body);
    const folderKey = createFolderKey();
    const forged = { ...descriptor, epochs: await Promise.all(descriptor.epochs.map(async (epoch) => ({ ...epoch, wrappedFolderKey: (await wrapFolderKey(publicOnly, folderKey, descriptor.folderId)).toString('base64') }))) };
    await attacker.put(descriptorKey, { metadata: genuine.metadata, body: encodeDescriptor(forged, folderKey) });
    for (const device of [place.a, place.b]) expect(await device.trySync()).toBe('descriptor-mismatch');
    // A file wrapped for the right key, without the folder's own: nobody's.
    await attacker.put(descriptorKey, genuine);
    const encryption = await createEncryption(publicOnly, { format: 'v3' });
    expect(await expectNoticed(place, [{ what: 'forged', change: ({ metadata }) => ({ metadata: { ...encryption.metadata, 'enfold-attrs': metadata['enfold-attrs'] ?? '' }, body: Buffer.concat(encryptWhole(encryption, Buffer.from('forged by another'))) }) }])).toEqual({ isSaid: true });
  });

  test('cannot pass an older or weaker format off for the folder\'s (A3)', async () => {
    const asV2 = ({ 'x-amz-3': wrapped = '', 'x-amz-m': description = '', 'enfold-attrs': attributes = '' }: Readonly<Record<string, string>>): Record<string, string> => ({
      'x-amz-key-v2': wrapped, 'x-amz-iv': Buffer.alloc(12, 1).toString('base64'), 'x-amz-cek-alg': 'AES/GCM/NoPadding', 'x-amz-wrap-alg': 'AES/GCM', 'x-amz-tag-len': '128', 'x-amz-matdesc': description, 'enfold-attrs': attributes,
    });
    const blocks = Buffer.alloc(16).toString('base64');
    const attacks: readonly Attack[] = [
      { what: 'V3 as V2', change: withMetadata(asV2) },
      { what: 'V3 as V2 with the V3 names left', change: withMetadata((own) => ({ ...own, ...asV2(own) })) },
      { what: 'V3 as CBC', change: withMetadata((own) => {
        const { 'x-amz-tag-len': _tag, ...rest } = asV2(own);
        return { ...rest, 'x-amz-cek-alg': 'AES/CBC/PKCS5Padding', 'x-amz-wrap-alg': 'AESWrap', 'x-amz-iv': blocks };
      }) },
      { what: 'V3 as V1', change: withMetadata(({ 'x-amz-3': wrapped = '', 'x-amz-m': description = '', 'enfold-attrs': attributes = '' }) => ({ 'x-amz-key': wrapped, 'x-amz-iv': blocks, 'x-amz-matdesc': description, 'enfold-attrs': attributes })) },
      { what: 'an unknown algorithm', change: withMetadata((own) => ({ ...own, 'x-amz-c': '116' })) },
      { what: 'an old wrap name', change: withMetadata((own) => ({ ...own, 'x-amz-w': 'kms' })) },
      { what: 'no envelope', change: withMetadata(({ 'enfold-attrs': attributes = '' }) => ({ 'enfold-attrs': attributes })) },
    ];
    expect(await expectNoticed(await world.place(oneEach(attacks)), attacks)).toEqual({ isSaid: false });
  });

  test('cannot change a bit of a file (A4), nor cut, extend or rearrange one (A5)', async () => {
    const mib = 1024 * 1024;
    // More than one range is fetched of them.
    const attacks: readonly Attack[] = [
      { what: 'a flipped bit', change: withBody((own) => flipped(own, own.length >> 1)) },
      { what: 'a flipped bit of the tag', change: withBody((own) => flipped(own, own.length - 1)) },
      { what: 'parts in another order', change: withBody((own) => Buffer.concat([own.subarray(mib, 2 * mib), own.subarray(0, mib), own.subarray(2 * mib)])) },
      { what: 'a part of another file', change: withBody((own, other) => Buffer.concat([other.subarray(0, 40), own.subarray(40)])) },
      { what: 'a shorter body', change: withBody((own) => own.subarray(0, -1)) },
      { what: 'a longer body', change: withBody((own) => Buffer.concat([own, Buffer.alloc(16)])) },
    ];
    const place = await world.place(oneEach(attacks, (name) => seededBytes(name, name === 'parts in another order' ? 9 * mib + 5 : 100)));
    expect(await expectNoticed(place, attacks)).toEqual({ isSaid: true });
  });

  test('cannot swap, rename or move files (A6)', async () => {
    const place = await world.place(some);
    const before = treeOf(place.a.root);
    const objects = await Promise.all(Object.keys(before).map(async (path) => attacker.get(place.prefix + path)));
    for (const [index, { objectKey }] of objects.entries()) await attacker.put(objectKey, objects[(index + 1) % objects.length] as Stored);
    await attacker.put(`${place.prefix}renamed.txt`, objects[0] as Stored);
    for (const device of [place.a, place.b]) {
      expect((await device.sync()).inStep).toBe(false);
      expect(treeOf(device.root)).toEqual(before);
    }
    const { failed } = await place.b.verify();
    expect(Object.fromEntries(failed.map(({ path, error }) => [path, error.code]))).toEqual(Object.fromEntries([...Object.keys(before), 'renamed.txt'].map((path) => [path, 'not-authentic'])));
    const joined = await place.join();
    await joined.sync();
    expect(treeOf(joined.root)).toEqual({});
  });

  test('cannot bring an older version back to a computer that has seen a newer one (A7)', async () => {
    const place = await world.place(some);
    const old = await attacker.get(`${place.prefix}file 0.txt`);
    writeAt(place.a.root, 'file 0.txt', 'a newer content');
    await place.a.sync();
    await place.b.sync();
    const before = treeOf(place.a.root);
    expect(readAt(place.b.root, 'file 0.txt')).toBe('a newer content');
    await attacker.put(old.objectKey, old);
    for (const device of [place.a, place.b]) {
      const report = await device.sync();
      expect(codesOf(report)).toEqual(['not-authentic']);
      expect(treeOf(device.root)).toEqual(before);
    }
    // An edit goes on from what the computer has; the older version is not made the newest by it.
    writeAt(place.b.root, 'file 1.txt', 'edited meanwhile');
    await place.b.sync();
    expect((await attacker.get(`${place.prefix}file 0.txt`)).body.equals(old.body)).toBe(true);
  });

  test('cannot make files vanish: without a tombstone nothing is deleted, whether one, some or all are dropped (A8)', async () => {
    const place = await world.place((root) => {
      for (let index = 0; index < 12; index += 1) writeAt(root, `file ${index}.txt`, `content ${index}`);
    });
    const before = treeOf(place.a.root);
    const keys = (await attacker.keys(place.prefix)).filter((key) => !key.includes('/.enfold/'));
    let dropped = 0;
    for (const upTo of [1, 10, 12]) {
      for (const key of keys.slice(dropped, upTo)) await attacker.remove(key);
      dropped = upTo;
      const report = await place.b.sync();
      expect(treeOf(place.b.root)).toEqual(before);
      expect({ upTo, inStep: report.inStep, asked: report.questions.length + (report.held?.deletions.length ?? 0) }).toEqual({ upTo, inStep: false, asked: upTo });
    }
    // A tombstone that the attacker makes up vouches for nothing.
    const hash = 'a'.repeat(32);
    await attacker.put(`${place.prefix}.enfold/tomb/${hash}/${'ab'.repeat(16)}`, { metadata: {}, body: Buffer.from('{"enfold":"tombstone"}') });
    await place.b.sync({ acceptHeld: true });
    expect(treeOf(place.b.root)).toEqual(before);
  });

  test('cannot slip files in, nor have his overwritten or taken for a deletion (A9)', async () => {
    const place = await world.place(some);
    const before = treeOf(place.a.root);
    const bytes = await world.home.keys.bytesOf(world.home.keys.find('aes').keyId);
    const withKey = await createEncryption(createAesKeyring({ wrappingKey: bytes, keyId: world.home.keys.find('aes').keyId }), { format: 'v3' });
    const dropped: Readonly<Record<string, Pick<Stored, 'metadata' | 'body'>>> = {
      'plain.txt': { metadata: {}, body: Buffer.from('plain text') },
      'dir/plain.txt': { metadata: { mtime: '1' }, body: Buffer.from('plain text') },
      'by another client.txt': { metadata: withKey.metadata, body: Buffer.concat(encryptWhole(withKey, Buffer.from('with the right key'))) },
      'directory/': { metadata: {}, body: Buffer.alloc(0) },
    };
    for (const [name, object] of Object.entries(dropped)) await attacker.put(place.prefix + name, object);
    // A file of the same name appears here: neither takes the other's place.
    writeAt(place.b.root, 'plain.txt', 'my own');
    for (const device of [place.a, place.b]) await device.sync();
    expect(treeOf(place.a.root)).toEqual(before);
    expect(readAt(place.b.root, 'plain.txt')).toBe('my own');
    expect(Object.keys(treeOf(place.b.root))).toEqual([...Object.keys(before), 'plain.txt']);
    expect((await attacker.get(`${place.prefix}plain.txt`)).body.toString()).toBe('plain text');
    const { failed, foreign } = await place.b.verify();
    expect({ failed, foreign: foreign.toSorted() }).toEqual({ failed: [], foreign: Object.keys(dropped).toSorted() });
  });

  test('cannot edit what is said of a file: size, time, kind, permissions, device (A10)', async () => {
    const sealed = (change: (own: Buffer, other: Buffer) => Buffer): Attack['change'] => withMetadata((own, other) => {
      const [mine, theirs] = [own, other].map((metadata) => Buffer.from(metadata['enfold-attrs'] ?? '', 'base64')) as [Buffer, Buffer];
      return { ...own, 'enfold-attrs': change(mine, theirs).toString('base64') };
    });
    const attacks: readonly Attack[] = [
      ...[1, 4, 17, 34, 45, 60, 80].map((at) => ({ what: `byte ${at} altered`, change: sealed((own) => flipped(own, at)) })),
      { what: 'its last byte altered', change: sealed((own) => flipped(own, own.length - 1)) },
      { what: 'those of another file', change: sealed((_own, other) => other) },
      { what: 'plain ones', change: sealed(() => Buffer.concat([Buffer.from([1, 2]), randomBytes(16), Buffer.alloc(8), Buffer.from([1, 0o377]), Buffer.alloc(8), Buffer.from([0]), randomBytes(32)])) },
      { what: 'none', change: withMetadata(({ 'enfold-attrs': _own, ...rest }) => rest) },
    ];
    expect(await expectNoticed(await world.place(oneEach(attacks)), attacks)).toEqual({ isSaid: false });
  });

  test('sees no names where they are encrypted, nor that two folders hold the same ones (A11)', async () => {
    const fill = (root: string): void => {
      writeAt(root, 'Letter to the bank.odt', 'private');
      writeAt(root, `photos/${'a very long name '.repeat(9)}.jpg`, 'private too');
      writeAt(root, 'photos/2024/Letter to the bank.odt', 'private');
    };
    const [one, two] = [await world.place(fill, { names: 'encrypted' }), await world.place(fill, { names: 'encrypted' })];
    const segments = async ({ prefix }: Place): Promise<string[]> => (await attacker.keys(prefix)).filter((key) => !key.includes('/.enfold/folder.json')).flatMap((key) => key.slice(prefix.length).split('/')).filter((segment) => !['.enfold', 'names', 'tomb', 'feed'].includes(segment));
    const [first, second] = [await segments(one), await segments(two)];
    expect(first.length).toBeGreaterThanOrEqual(6);
    expect(first.filter((segment) => second.includes(segment))).toEqual([]);
    // The same name in two directories of one folder does not look the same either.
    const files = (await attacker.keys(one.prefix)).filter((key) => !key.includes('/.enfold/'));
    expect(new Set(files.map((key) => key.split('/').at(-1))).size).toBe(files.length);
    for (const key of await attacker.keys(one.prefix)) {
      const { metadata, body } = await attacker.get(key);
      for (const word of ['bank', 'Letter', 'photos', 'very long', '2024']) expect(`${key} ${JSON.stringify(metadata)} ${body.toString('latin1')}`).not.toContain(word);
    }
  });

  test('cannot tell equal files, and finds no hash of any content (A12)', async () => {
    const content = Buffer.from('the same in all files');
    const place = await world.place((root) => {
      for (const name of ['one.txt', 'two.txt', 'three.txt']) writeAt(root, name, content);
    });
    const stored = await Promise.all((await attacker.keys(place.prefix)).map(async (key) => attacker.get(key)));
    const files = stored.filter(({ objectKey }) => objectKey.endsWith('.txt'));
    expect(new Set(files.map(({ body }) => body.toString('hex'))).size).toBe(3);
    const digests = ['sha256', 'sha1', 'md5', 'sha512'].map((name) => createHash(name).update(content).digest());
    for (const { metadata, body } of stored) {
      const values = [body, ...Object.values(metadata).flatMap((value) => [Buffer.from(value), Buffer.from(value, 'base64')])];
      for (const digest of digests) {
        const spellings = [digest, Buffer.from(digest.toString('hex')), Buffer.from(digest.toString('base64'))];
        expect(values.some((value) => spellings.some((spelling) => value.includes(spelling)))).toBe(false);
      }
    }
  });

  test('cannot give a file a second key through an instruction file (A13)', async () => {
    const withoutKey = withMetadata(({ 'x-amz-3': _key, 'x-amz-w': _wrap, 'x-amz-m': _description, ...content }) => content);
    const attacks: readonly Attack[] = [{ what: 'its own key beside it', change: withoutKey }, { what: 'another key beside it', change: withoutKey }];
    const place = await world.place(oneEach(attacks));
    for (const [what, of] of [['its own key beside it', 'its own key beside it'], ['another key beside it', 'untouched']] as const) {
      const { 'x-amz-3': key = '', 'x-amz-w': wrap = '', 'x-amz-m': description = '' } = (await attacker.get(place.prefix + of)).metadata;
      await attacker.put(`${place.prefix}${what}.instruction`, { metadata: { 'x-amz-crypto-instr-file': '' }, body: Buffer.from(JSON.stringify({ 'x-amz-3': key, 'x-amz-w': wrap, 'x-amz-m': description })) });
    }
    expect(await expectNoticed(place, attacks)).toEqual({ isSaid: true });
  });
});

describe('a server-side folder', () => {
  test('says so when an object is no longer kept as its mode asks, and takes nothing from it', async () => {
    const place = await world.place(some, { mode: 'sse-s3', key: null });
    const before = treeOf(place.a.root);
    // With the same attributes, but stored under another mode than the folder ever asked for.
    const victim = await attacker.get(`${place.prefix}file 0.txt`);
    await attacker.put(victim.objectKey, victim, { ServerSideEncryption: 'aws:kms' });
    const { failed } = await place.b.verify();
    expect(failed.map(({ path, error }) => [path, error.code])).toEqual([['file 0.txt', 'mode-not-honoured']]);
    const joined = await place.join();
    const report = await joined.sync();
    expect(codesOf(report)).toEqual(['mode-not-honoured']);
    const { 'file 0.txt': _gone, ...rest } = before;
    expect(treeOf(joined.root)).toEqual(rest);
    expect(treeOf(place.b.root)).toEqual(before);
  });
});

describe('a bucket that came into other hands', () => {
  /** As the account of built-in storage is called. */
  const OWNER = '000000000000';
  const folderWith = async (name: string, bucketOwner: string): Promise<{ readonly root: string; readonly add: () => Promise<string> }> => {
    const { endpoint, accessKeyId, secretAccessKey } = world.storage;
    await world.home.connections.add({ kind: 's3', name, endpoint, region: 'us-east-1', accessKeyId, secretAccessKey, bucketOwner });
    const root = join(world.scratch, name);
    some(root);
    return { root, add: async () => (await world.home.folders.add({ localPath: root, connection: name, bucket: BUCKET, prefix: `${name}/`, mode: 'cse-c', key: 'aes', names: 'readable', direction: 'two-way', createBucket: false })).folder.id };
  };

  test('gets nothing where the connection says whose it must be (A16)', async () => {
    const { root, add } = await folderWith('anothers', '111122223333');
    await expect(add()).rejects.toMatchObject({ code: 'access-denied' });
    const target = { type: 'object', connection: 'anothers', bucket: BUCKET, objectKey: 'anothers/single', mode: null, key: null } as const;
    await expect(world.home.files.put(join(root, 'file 0.txt'), target, never)).rejects.toMatchObject({ code: 'access-denied', about: { detail: expect.stringContaining('111122223333') as string } });
    expect(await attacker.keys('anothers/')).toEqual([]);
  });

  test('is used as any other by whom it belongs to, copies included (A16)', async () => {
    const { root, add } = await folderWith('own', OWNER);
    const id = await add();
    const open = await world.home.folders.open(id);
    try {
      expect(await open.sync({ acceptHeld: false, signal: never })).toMatchObject({ inStep: true, counts: { upload: 4 } });
      renameSync(join(root, 'file 0.txt'), join(root, 'renamed.txt'));
      expect(await open.sync({ acceptHeld: false, signal: never })).toMatchObject({ inStep: true, counts: { 'rename-remote': 1 } });
    } finally {
      await open.close();
      await world.home.folders.remove(id);
    }
  });

  test.each(['', '12', '12345678901x', '1234567890123'])('is not described by what is no account: %j', async (bucketOwner) => {
    await expect(folderWith(`bad ${bucketOwner}`, bucketOwner)).rejects.toMatchObject({ code: 'bad-usage' });
  });
});

describe('a server that cannot be trusted with a customer key', () => {
  const sseC = async (endpoint: string, home: string): Promise<(objectKey: string) => Promise<unknown>> => {
    await world.home.connections.add({ kind: 's3', name: home, endpoint, region: 'us-east-1', accessKeyId: world.storage.accessKeyId, secretAccessKey: world.storage.secretAccessKey });
    if (!world.home.keys.list().some(({ name }) => name === 'customer')) await world.home.keys.create({ name: 'customer', type: 'sse-c' });
    const source = join(world.scratch, 'source');
    writeAt(world.scratch, 'source', 'private');
    return async (objectKey) => world.home.files.put(source, { type: 'object', connection: home, bucket: 'any', objectKey, mode: 'sse-c', key: 'customer' }, new AbortController().signal);
  };

  test('is not given one over plain http, wherever that leads (A17)', async () => {
    for (const [index, endpoint] of ['http://192.0.2.1:9000', 'http://storage.example', 'http://localhost.example', 'http://127.0.0.1.example:80'].entries()) {
      const put = await sseC(endpoint, `plain-${index}`);
      await expect(put('file'), endpoint).rejects.toMatchObject({ code: 'rejected', about: { detail: expect.stringContaining('not sent over an unencrypted connection') as string } });
    }
  });

  test('is not followed to another place with one (A17)', async () => {
    const reached: string[] = [];
    const elsewhere = createServer((request, response) => {
      reached.push(`${request.method} ${request.url}`);
      response.writeHead(200, { ETag: '"x"' }).end();
    });
    await new Promise<void>((listening) => { elsewhere.listen(0, '127.0.0.1', listening); });
    const asked: (string | undefined)[] = [];
    const redirecting = createServer((request, response) => {
      asked.push(request.headers['x-amz-server-side-encryption-customer-algorithm'] as string | undefined);
      request.resume();
      response.writeHead(307, { Location: `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}${request.url}` }).end();
    });
    await new Promise<void>((listening) => { redirecting.listen(0, '127.0.0.1', listening); });
    try {
      const put = await sseC(`http://127.0.0.1:${(redirecting.address() as AddressInfo).port}`, 'redirecting');
      await expect(put('file')).rejects.toMatchObject({ name: 'RemoteError' });
      expect(asked.length).toBeGreaterThan(0);
      expect(reached).toEqual([]);
    } finally {
      for (const server of [elsewhere, redirecting]) {
        server.close();
        server.closeAllConnections();
      }
    }
  });
});
