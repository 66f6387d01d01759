import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createNames, longNameHashes, MAX_SEGMENT_BYTES, type Names } from '../../main/envelope/names.ts';
import { parseSyncPath, syncPath, type SyncPath } from '../../main/model/path.ts';
import { answerOf } from '../helpers/answer.ts';

const namesKey = Buffer.from([...Array(64).keys()]);
const folderId = '00112233445566778899aabbccddeeff';
const names = createNames(namesKey, folderId);
const noLongNames = () => null;

/** Records by hash, as the bucket would hold them. */
function seal(made: Names, path: SyncPath): { key: string; lookUp: (hash: string) => Buffer | null } {
  const { relativeKey, longNames } = made.encryptPath(path);
  return { key: relativeKey, lookUp: (hash) => longNames.find((longName) => longName.hash === hash)?.record ?? null };
}
const roundTrip = (path: string, reader = names) => {
  const { key, lookUp } = seal(names, syncPath(path));
  return reader.decryptPath(key, lookUp);
};

describe('encrypted names', () => {
  test('known answers: they may never change, or every bucket would have to be renamed', () => {
    expect(names.encryptPath(syncPath('readme.txt'))).toEqual({ relativeKey: '5eog25fa31is53iqvpdc4e7v4har492q8vcoffiejo', longNames: [] });
    expect(names.encryptPath(syncPath('photos/\u00e9t\u00e9/')).relativeKey).toBe('vmt3opidrf6oqg96f8u8fftr2npkst0v5jj0/dhqooqsugf53r9de95keufcdqg85cig1c8/');
    const long = names.encryptPath(syncPath(`${'long '.repeat(30)}/a`));
    expect(long.relativeKey).toBe('~e3hi448rru38h9kn5v4kfjgpnb5sjg48/nvui039vdhu7ah72nl7al6qi6110');
    expect(long.longNames.map(({ hash, record }) => [hash, record.toString('hex', 0, 33)])).toEqual([['e3hi448rru38h9kn5v4kfjgpnb5sjg48', '01bdf92132056ea124cb7f62cb66aee3b0040fe0cccee04904e932f4e6cf71f4ff']]);
  });

  test.each(['a', 'a/', 'a/b', 'a/b/c.txt', 'ünï/çödé/', '日本語/写真.jpg', 'sp ace/😀', '...', ' ', '~', '\u{10ffff}'])('%j comes back', (path) => {
    expect(roundTrip(path)).toBe(path);
    expect(roundTrip(path, createNames(namesKey, folderId))).toBe(path);
  });

  test('any path comes back, from the same instance and from a fresh one', () => {
    const segment = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }).filter((text) => parseSyncPath(text) !== null && !text.includes('/'));
    const path = fc.tuple(fc.array(segment, { minLength: 1, maxLength: 6 }), fc.boolean()).map(([segments, isDirectory]) => segments.join('/') + (isDirectory ? '/' : ''));
    fc.assert(fc.property(path, (text) => {
      expect(roundTrip(text)).toBe(text);
      expect(roundTrip(text, createNames(namesKey, folderId))).toBe(text);
    }), { numRuns: 300 });
  });

  test('what is in a directory has the directory\'s key as its prefix', () => {
    const directory = names.encryptPath(syncPath('a/b/')).relativeKey;
    expect(names.encryptPath(syncPath('a/b/c')).relativeKey.startsWith(directory)).toBe(true);
    expect(directory.startsWith(names.encryptPath(syncPath('a/')).relativeKey)).toBe(true);
  });

  test('equal names look different in another directory, another folder and under another key', () => {
    const last = (made: Names, path: string) => made.encryptPath(syncPath(path)).relativeKey.split('/').at(-1);
    const seen = [last(names, 'x/same'), last(names, 'y/same'), last(names, 'same'), last(createNames(namesKey, 'ff'.repeat(16)), 'same'), last(createNames(randomBytes(64), folderId), 'same')];
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('NFC and NFD twins stay two names, and their children do not depend on the spelling of the parent', () => {
    const [composed, decomposed] = ['é', 'e\u0301'];
    expect(names.encryptPath(syncPath(composed)).relativeKey).not.toBe(names.encryptPath(syncPath(decomposed)).relativeKey);
    const child = (parent: string) => names.encryptPath(syncPath(`${parent}/x`)).relativeKey.split('/')[1];
    expect(child(composed)).toBe(child(decomposed));
    expect(roundTrip(`${decomposed}/x`)).toBe(`${decomposed}/x`);
  });
});

describe('long names', () => {
  const longest = 'a'.repeat(MAX_SEGMENT_BYTES);
  const long = 'é'.repeat(60);

  test('begin one byte beyond the limit', () => {
    expect(names.encryptPath(syncPath(longest)).longNames).toEqual([]);
    expect(names.encryptPath(syncPath(`${longest}a`)).longNames.length).toBe(1);
    expect(names.encryptPath(syncPath(`${longest}a`)).relativeKey).toMatch(/^~[0-9a-v]{32}$/);
    expect(names.encryptPath(syncPath(longest)).relativeKey.length).toBe(180);
  });

  test('come back by their records, which are the same every time', () => {
    expect(roundTrip(`${long}/${long}/x`)).toBe(`${long}/${long}/x`);
    expect(roundTrip(`${long}/${long}/x`, createNames(namesKey, folderId))).toBe(`${long}/${long}/x`);
    const [first, second] = [names.encryptPath(syncPath(`${long}/${long}/x`)), createNames(namesKey, folderId).encryptPath(syncPath(`${long}/${long}/x`))];
    expect(first).toEqual(second);
    expect(first.longNames.map(({ hash }) => hash)).toEqual(longNameHashes(first.relativeKey));
    expect(new Set(first.longNames.map(({ hash }) => hash)).size).toBe(2);
  });

  test('a record is good for its own directory and hash only', () => {
    const here = names.encryptPath(syncPath(long));
    const there = names.encryptPath(syncPath(`d/${long}`));
    const fresh = () => createNames(namesKey, folderId);
    expect(() => fresh().decryptPath(here.relativeKey, () => there.longNames[0]?.record ?? null)).toThrow(expect.objectContaining({ code: 'not-authentic' }));
    expect(() => fresh().decryptPath(here.relativeKey, () => fresh().encryptPath(syncPath(`${long}!`)).longNames[0]?.record ?? null)).toThrow(expect.objectContaining({ code: 'not-authentic' }));
    expect(() => fresh().decryptPath(here.relativeKey, noLongNames)).toThrow(expect.objectContaining({ code: 'not-authentic' }));
    expect(() => fresh().decryptPath(here.relativeKey, () => Buffer.from([2, 0]))).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  test('beyond every file system\'s limits are refused', () => {
    expect(() => names.encryptPath(syncPath('x'.repeat(5_000)))).toThrow(expect.objectContaining({ code: 'name-too-long' }));
    expect(() => names.encryptPath(syncPath('d/'.repeat(20_000)))).toThrow(expect.objectContaining({ code: 'name-too-long' }));
  });
});

describe('keys that are not what they seem', () => {
  test('a segment moved to another directory does not open', () => {
    const [x, y] = [names.encryptPath(syncPath('x/one')).relativeKey, names.encryptPath(syncPath('y/two')).relativeKey];
    const swapped = `${x.split('/')[0]}/${y.split('/')[1]}`;
    expect(() => createNames(namesKey, folderId).decryptPath(swapped, noLongNames)).toThrow(expect.objectContaining({ code: 'not-authentic' }));
  });

  test('another folder\'s keys do not open', () => {
    const other = createNames(namesKey, 'ff'.repeat(16)).encryptPath(syncPath('a')).relativeKey;
    expect(() => names.decryptPath(other, noLongNames)).toThrow(expect.objectContaining({ code: 'not-authentic' }));
  });

  test.each(['', '/', 'readme.txt', 'a//b', '~', '~short', 'CO', 'c', '../x', 'co', '0'.repeat(1_025), '0'.repeat(200)])('%j is none of ours', (key) => {
    expect(() => names.decryptPath(key, noLongNames)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  test('any key is answered with a path or a listed error', () => {
    const { relativeKey } = names.encryptPath(syncPath('some/where/deep'));
    const key = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-v~/]{0,80}$/), fc.tuple(fc.nat(relativeKey.length - 1), fc.string({ maxLength: 3 })).map(([at, text]) => relativeKey.slice(0, at) + text + relativeKey.slice(at + 1)));
    fc.assert(fc.property(key, fc.uint8Array({ maxLength: 60 }), (text, record) => {
      expect(['value', 'malformed', 'not-authentic']).toContain(answerOf(() => names.decryptPath(text, () => Buffer.from(record))));
    }), { numRuns: 2_000 });
  });
});
