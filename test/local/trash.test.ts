import { lstatSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { syncPath } from '../../main/model/path.ts';
import { makeFolder, type TestFolder } from './folder-on-disk.ts';

let folder: TestFolder;
beforeEach(async () => {
  folder = await makeFolder();
  for (const path of ['a/one.txt', 'a/two.txt', 'b.txt']) {
    folder.write(path, path);
    const entry = await folder.tree.entryAt(syncPath(path));
    if (entry !== null) await folder.tree.moveToTrash(entry);
  }
});
afterEach(() => folder.remove());

const idOf = (path: string): string => folder.tree.listTrash().find((file) => file.path === path)?.id ?? '';
const left = (): string[] => folder.tree.listTrash().map(({ path }) => path).toSorted();
const trash = (): string => join(folder.root, '.enfold/trash');

test('what is removed from the trash goes for good, with the directories that are empty then, and nothing else does', () => {
  expect(left()).toEqual(['a/one.txt', 'a/two.txt', 'b.txt']);
  const one = idOf('a/one.txt');
  expect(folder.tree.removeFromTrash([one])).toEqual({ removed: 1, bytes: 9 });
  expect(left()).toEqual(['a/two.txt', 'b.txt']);
  expect(folder.tree.removeFromTrash([one])).toEqual({ removed: 0, bytes: 0 });
  const directory = join(trash(), idOf('a/two.txt'), '..');
  expect(folder.tree.removeFromTrash([idOf('a/two.txt'), idOf('b.txt')])).toEqual({ removed: 2, bytes: 14 });
  expect(left()).toEqual([]);
  expect(lstatSync(directory, { throwIfNoEntry: false })).toBeUndefined();
  expect(lstatSync(trash()).isDirectory()).toBe(true);
});

test('an id that climbs, names no file of the trash, or leads through a link removes nothing', () => {
  folder.write('keep.txt', 'keep');
  const [date, session] = idOf('b.txt').split('/');
  for (const id of ['../../keep.txt', `${date}/${session}/../../../../keep.txt`, `${date}/nonsense/b.txt`, '', `${date}/${session}/a`]) expect(() => folder.tree.removeFromTrash([id]), id).toThrow(expect.objectContaining({ code: 'no-such-path' }));
  const outside = `${folder.root}.outside`;
  mkdirSync(outside);
  try {
    writeFileSync(join(outside, 'one.txt'), 'elsewhere');
    const linked = join(trash(), idOf('a/one.txt'), '..');
    renameSync(linked, `${linked}.real`);
    symlinkSync(outside, linked);
    expect(() => folder.tree.removeFromTrash([`${date}/${session}/a/one.txt`])).toThrow(expect.objectContaining({ code: 'path-symlink' }));
    expect(lstatSync(join(outside, 'one.txt')).size).toBe(9);
  } finally {
    rmSync(outside, { recursive: true });
  }
  expect(folder.read('keep.txt')).toBe('keep');
});
