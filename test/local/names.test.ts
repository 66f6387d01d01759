import { win32, posix } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NameCollisions } from '../../main/sync/ports.ts';
import { FOLDER_ID, makeFolder, type TestFolder } from './folder-on-disk.ts';
import { createNameCollisions } from '../../main/local/collisions.ts';
import { collisionKey, planLocalName, type NamePlatform } from '../../main/local/names.ts';
import { createPlace } from '../../main/local/place.ts';
import { openLocalTree } from '../../main/local/tree.ts';
import { syncPath } from '../../main/model/path.ts';

const PLATFORMS: readonly NamePlatform[] = ['linux', 'darwin', 'win32', 'portable'];
const reasonOf = (name: string, platform: NamePlatform): string => {
  const planned = planLocalName(name, platform);
  return planned.type === 'ok' ? 'ok' : planned.reason;
};

describe('names from a bucket', () => {
  test.each([
    'a', 'a/b/c.txt', 'Ünïcödé.pdf', '日本語/文書.txt', 'with space.txt', '.hidden', '...', '..x', 'a..b', 'x.', 'ends in dot./x'.replace('./', '.d/'), 'emoji \u{1F600}.png', 'folder/', 'auxiliary.txt',
    'console.log', 'nullable',
  ])('that are ordinary are taken: %j', (name) => {
    expect(planLocalName(name, 'linux')).toEqual({ type: 'ok', path: name });
  });

  test.each([
    '../x', 'a/../../x', '..', '.', './x', 'a/./b', 'a/..', '..\\x', 'a/..\\..\\x', '..\\..\\x', '/etc/x', '//srv/share', '\\\\?\\C:\\x', '\\\\srv\\share', 'a//b', '', '/', 'a/', 'x/../',
  ].filter((name) => name !== 'a/'))('that lead elsewhere are refused on every platform: %j', (name) => {
    expect(PLATFORMS.map((platform) => reasonOf(name, platform))).toEqual(PLATFORMS.map(() => 'name-traversal'));
  });

  test.each(['a\0b', 'a\nb', 'a\rb', '\u001b[31m', 'a\u007f', 'a\u2028b', 'a\u2029b', 'tab\t', 'c1\u0085'])('with control characters are refused on every platform: %j', (name) => {
    expect(PLATFORMS.map((platform) => reasonOf(name, platform))).toEqual(PLATFORMS.map(() => 'name-control'));
  });

  test('with half a character are refused', () => {
    expect(reasonOf('a\ud800', 'linux')).toBe('name-encoding');
    expect(reasonOf('\udc00/b', 'darwin')).toBe('name-encoding');
  });

  test.each([
    'CON', 'con.txt', 'Prn', 'aux.tar.gz', 'nul', 'COM1', 'com9.log', 'LPT0', 'COM¹', 'lpt³.x', 'CONIN$', 'conout$.txt', 'CLOCK$', 'dir/NUL/x', 'con .txt',
  ])('of Windows devices are refused there only: %j', (name) => {
    expect(reasonOf(name, 'win32')).toBe('name-reserved');
    expect(reasonOf(name, 'portable')).toBe('name-reserved');
    expect(reasonOf(name, 'linux')).toBe('ok');
  });

  test.each(['trailing.', 'trailing ', 'dir./x', 'a<b', 'a>b', 'a"b', 'a|b', 'a?b', 'a*b', 'a\\b', 'stream:x', 'PROGRA~1', 'dir/LONGNA~2.TXT', ' leading'])('that Windows cannot hold are refused there: %j', (name) => {
    expect(reasonOf(name, 'win32')).toBe('name-unsupported');
    expect(reasonOf(name, 'linux')).toBe('ok');
  });

  test.each(['C:x', 'C:/x', 'dir/d:x'])('of drives are refused on Windows: %j', (name) => {
    expect(reasonOf(name, 'win32')).toBe('name-traversal');
  });

  test('with a colon are refused on macOS', () => {
    expect(reasonOf('a:b', 'darwin')).toBe('name-unsupported');
  });

  test.each(['.enfold', '.enfold/', '.enfold/root.json', '.ENFOLD/x', '.Enfold', '.en\u200cfold/x', '.ｅnfold/tmp/x', '.enfold./x', '.enfold /x', 'ENFOLD~1/root.json'])('of Enfold\'s own directory are refused in every disguise: %j', (name) => {
    expect(reasonOf(name, 'linux')).toBe('own-file');
    expect(['own-file', 'name-unsupported']).toContain(reasonOf(name, 'win32'));
  });

  test('that are too long or too deep are refused', () => {
    expect(reasonOf('é'.repeat(127), 'linux')).toBe('ok');
    expect(reasonOf('é'.repeat(128), 'linux')).toBe('name-too-long');
    expect(reasonOf('é'.repeat(255), 'win32')).toBe('ok');
    expect(reasonOf('a'.repeat(256), 'win32')).toBe('name-too-long');
    expect(reasonOf('a/'.repeat(101), 'linux')).toBe('name-too-long');
    expect(reasonOf('a/'.repeat(99), 'linux')).toBe('ok');
    expect(reasonOf(`${'a'.repeat(200)}/`.repeat(6), 'linux')).toBe('name-too-long');
  });

  test('that disguise a program by writing direction are refused, documents are not', () => {
    expect(reasonOf('invoice\u202Efdp.exe', 'linux')).toBe('name-control');
    expect(reasonOf('\u2067שלום\u2069.txt', 'linux')).toBe('ok');
  });

  test('never lead out of the folder, whatever they are made of', () => {
    const piece = fc.oneof(
      fc.constantFrom('..', '.', '/', '\\', '//', '\\\\', 'C:', '\0', '%2e%2e', '.enfold', 'CON', ' ', '~1', '\u202e', '\ud800', 'a', 'é', '\u2024\u2024', '．．', '∕', '⁄', '\u200b', ':', '?', '\n'),
      fc.string({ unit: 'binary', maxLength: 4 }),
      fc.string({ unit: 'grapheme', maxLength: 4 }),
    );
    const name = fc.array(piece, { minLength: 1, maxLength: 8 }).map((pieces) => pieces.join(''));
    let taken = 0;
    fc.assert(
      fc.property(name, (hostile) => {
        for (const platform of ['linux', 'darwin', 'win32'] as const) {
          const planned = planLocalName(hostile, platform);
          if (planned.type === 'skip') continue;
          taken += 1;
          const paths = platform === 'win32' ? win32 : posix;
          const root = platform === 'win32' ? 'C:\\sync\\root' : '/sync/root';
          const target = paths.resolve(root, platform === 'win32' ? planned.path.replaceAll('/', '\\') : planned.path);
          expect(target.startsWith(root + paths.sep)).toBe(true);
          expect(target.slice(root.length + 1).split(paths.sep)[0]?.toLowerCase()).not.toBe('.enfold');
          expect(planned.path).toBe(hostile);
        }
      }),
      { numRuns: 3000 },
    );
    expect(taken).toBeGreaterThan(500);
  });
});

describe('names that would be one file', () => {
  test('are recognised where case and composition do not tell names apart', () => {
    const same = (a: string, b: string, platform: NamePlatform): boolean => collisionKey(syncPath(a), platform) === collisionKey(syncPath(b), platform);
    for (const [a, b] of [['Foo', 'foo'], ['straße', 'STRASSE'], ['é', 'e\u0301'], ['ΣΑΣ', 'σας']] as const) {
      expect([a, same(a, b, 'win32'), same(a, b, 'darwin'), same(a, b, 'linux')]).toEqual([a, true, true, false]);
    }
    expect(same('a', 'b', 'win32')).toBe(false);
  });
});

describe('names that a disk takes for one', () => {
  let folder: TestFolder;
  beforeEach(async () => {
    folder = await makeFolder();
  });
  afterEach(() => folder.remove());
  const take = (names: NameCollisions, ...paths: string[]): (string | null)[] => paths.map((path) => names.take(syncPath(path)));

  test('are told by what stands on the disk, also in the middle of a path', () => {
    folder.write('Report.txt');
    folder.write('Photos/one.jpg');
    const names = createNameCollisions(createPlace(folder.root), 'darwin');
    expect(take(names, 'report.txt', 'REPORT.TXT', 'Report.txt', 'photos/two.jpg', 'Photos/two.jpg', 'photos/', 'other.txt')).toEqual(['Report.txt', 'Report.txt', null, 'Photos', null, 'Photos', null]);
  });

  test('go to the first that asks, where none of them stands there', () => {
    const names = createNameCollisions(createPlace(folder.root), 'win32');
    expect(take(names, 'a/Straße.txt', 'a/strasse.txt', 'A/other.txt', 'a/other.txt')).toEqual([null, 'a/Straße.txt', 'a', null]);
    expect(take(names, 'caf\u00e9', 'cafe\u0301', 'caf\u00e9')).toEqual([null, 'caf\u00e9', null]);
  });

  test('are none on a disk that keeps all names apart', () => {
    const apart = openLocalTree({ root: folder.root, folderId: FOLDER_ID, platform: 'linux' });
    expect(apart.nameCollisions?.()).toBeNull();
    expect(openLocalTree({ root: folder.root, folderId: FOLDER_ID, platform: 'darwin' }).nameCollisions?.()).not.toBeNull();
  });
});
