import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createAesKeyring } from '../../main/envelope/aes-keyring.ts';
import { encodeDescriptor, parseDescriptor } from '../../main/envelope/descriptor.ts';
import { createFolderKey, folderKeyFingerprint, wrapFolderKey } from '../../main/envelope/folder-key.ts';
import { keyIdOf } from '../../main/envelope/key-id.ts';
import { isKitPage, kitPage, kmsPage, parseKitPage } from '../../main/keys/kit-page.ts';
import { readKeySource } from '../../main/keys/kit-source.ts';
import { openKit, sealKit, type KnownFolder, type RecoveryKit } from '../../main/keys/recovery-kit.ts';
import { kitStateOf } from '../../main/model/settings.ts';
import { scanCode } from '../helpers/scan-code.ts';

const bytes = randomBytes(32);
const folderId = randomBytes(16).toString('hex');

async function folderOf(name: string): Promise<KnownFolder> {
  const keyId = keyIdOf('aes', bytes);
  const folderKey = createFolderKey();
  const wrapped = await wrapFolderKey(createAesKeyring({ wrappingKey: bytes, keyId }), folderKey, folderId);
  const file = encodeDescriptor({ folderId, names: 'encrypted', epochs: [{ n: 1, mode: { id: 'cse-c', keyId, keyType: 'aes', format: 'v3' }, wrappedFolderKey: wrapped.toString('base64') }], devices: [] }, folderKey);
  return { name, bucket: 'photos', prefix: 'cards/', endpoint: null, region: 'eu-central-1', fingerprint: folderKeyFingerprint(folderKey), descriptor: parseDescriptor(file) };
}

const kit: RecoveryKit = { key: { type: 'aes', name: '<b>Cards</b> & "more"', bytes }, folders: [await folderOf('Camera <cards>')], madeAtMs: Date.UTC(2026, 9, 2), madeOn: 'ines-thinkpad' };
const sealed = await sealKit(kit, 10);

describe('a recovery kit', () => {
  test('gives back the key and its folders from the file and the words', async () => {
    expect(await openKit(Buffer.from(sealed.age), sealed.words.toUpperCase())).toEqual(kit);
    expect(await readKeySource(Buffer.from(sealed.age), 'aes', sealed.words)).toMatchObject({ key: { type: 'aes', bytes }, folders: kit.folders, kit: 'file' });
  });

  test('gives back the key from the words alone', async () => {
    expect(await readKeySource(Buffer.from(`${sealed.words}\n`), 'sse-c', null)).toEqual({ key: { type: 'sse-c', bytes, name: null }, folders: [], kit: 'words' });
  });

  test('of an RSA pair has words of its own each time, which open the file and are no key', async () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'der', type: 'pkcs8' });
    const rsa: RecoveryKit = { key: { type: 'rsa', name: 'office', bytes: pair }, folders: [], madeAtMs: 0, madeOn: 'here' };
    const [one, other] = [await sealKit(rsa, 10), await sealKit(rsa, 10)];
    expect(one.words).not.toBe(other.words);
    expect((await openKit(Buffer.from(one.age), one.words)).key.bytes).toEqual(pair);
    await expect(openKit(Buffer.from(one.age), other.words)).rejects.toMatchObject({ code: 'kit-words-wrong' });
    await expect(readKeySource(Buffer.from(one.words), 'rsa', null)).rejects.toMatchObject({ code: 'key-invalid' });
  });

  test.each([2048, 4096])('of an RSA pair of %i bits is whole on paper: its codes are scanned, put together, and open with the words', async (modulusLength) => {
    const pair = generateKeyPairSync('rsa', { modulusLength }).privateKey.export({ format: 'der', type: 'pkcs8' });
    const rsa: RecoveryKit = { key: { type: 'rsa', name: 'office', bytes: pair }, folders: kit.folders, madeAtMs: 0, madeOn: 'here' };
    const one = await sealKit(rsa, 10);
    const [words = '', ...codes] = [...kitPage(rsa, one).matchAll(/<figure>(<svg[^]*?<\/svg>)/g)].map(([, svg = '']) => scanCode(svg));
    expect(words).toBe(one.words);
    expect(codes.length).toBeGreaterThan(1);
    expect(codes.map((code) => /^\d+\/\d+:/.exec(code)?.[0])).toEqual(codes.map((_code, index) => `${index + 1}/${codes.length}:`));
    const together = codes.map((code) => code.replace(/^\d+\/\d+:/, '')).join('');
    expect(together).toBe(one.age);
    expect(await openKit(Buffer.from(together), words)).toEqual(rsa);
  });

  test('is said to be damaged wherever its file is cut or altered', async () => {
    const armored = Buffer.from(sealed.age);
    for (const part of [0.3, 0.9]) await expect(openKit(armored.subarray(0, armored.length * part), sealed.words)).rejects.toMatchObject({ code: 'kit-damaged' });
    const altered = Buffer.from(sealed.age.replace(/\n([^\n]{64})\n(?=[^\n]*\n-----END)/, (_all, line: string) => `\n${line[0] === 'A' ? 'B' : 'A'}${line.slice(1)}\n`));
    expect(altered.equals(armored)).toBe(false);
    await expect(openKit(altered, sealed.words)).rejects.toMatchObject({ code: 'kit-damaged' });
  });
});

describe("the kit's page", () => {
  const page = kitPage(kit, sealed);

  test('is a kit by itself', async () => {
    expect(isKitPage(Buffer.from(page))).toBe(true);
    expect(parseKitPage(Buffer.from(page))).toEqual(sealed);
    expect(await readKeySource(Buffer.from(page), 'aes', null)).toMatchObject({ key: { bytes }, folders: kit.folders, kit: 'page' });
  });

  test('shows words, code, ids, fingerprints and the wrapped folder key, and lets no name become markup', () => {
    const [folder] = kit.folders;
    for (const text of [...sealed.words.split(' ').map((word, index) => `<i>${index + 1}</i>${word}<`), keyIdOf('aes', bytes), folder?.fingerprint ?? '-', folderId, folder?.descriptor.epochs[0]?.wrappedFolderKey ?? '-', 's3://photos/cards/', '<svg']) expect(page).toContain(text);
    expect(page).not.toContain('<b>Cards');
    expect(page).not.toContain('<cards>');
    expect(page).not.toMatch(/src=|href=|http:\/\/(?!www\.w3\.org)|<script(?! type="application\/json")/);
  });

  test('is said to be damaged where it is cut, or a word in it was altered', () => {
    expect(() => parseKitPage(Buffer.from(page.slice(0, page.length * 0.8)))).toThrow(expect.objectContaining({ code: 'kit-damaged' }));
    const [first = ''] = sealed.words.split(' ');
    const altered = page.replace(`"words":"${first} `, `"words":"${first === 'zoo' ? 'art' : 'zoo'} `);
    expect(() => parseKitPage(Buffer.from(altered))).toThrow(expect.objectContaining({ code: 'kit-damaged' }));
  });

  test('of a KMS key says what to do instead of words', () => {
    const arn = 'arn:aws:kms:eu-central-1:111122223333:key/0a1b';
    const text = kmsPage(arn, [], { atMs: 0, on: 'here' });
    expect(text).toContain(`aws kms cancel-key-deletion --key-id ${arn}`);
    expect(text).not.toContain('enfold-kit');
  });
});

test('a kit is unverified until checked, due after a year, and to be made again when a folder came', () => {
  const year = 365 * 24 * 3600_000;
  expect(kitStateOf(null, [], 0)).toBe('none');
  expect(kitStateOf({ madeAtMs: 1, verifiedAtMs: null, folderIds: ['a'] }, ['a'], 2)).toBe('unverified');
  expect(kitStateOf({ madeAtMs: 1, verifiedAtMs: 1, folderIds: ['a'] }, ['a'], year)).toBe('verified');
  expect(kitStateOf({ madeAtMs: 1, verifiedAtMs: 1, folderIds: ['a'] }, ['a'], year + 2)).toBe('due');
  expect(kitStateOf({ madeAtMs: 1, verifiedAtMs: 1, folderIds: ['a'] }, ['a', 'b'], 2)).toBe('outdated');
});
