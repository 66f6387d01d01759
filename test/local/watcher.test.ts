import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DirectoryWatches } from '../../main/local/directory-watches.ts';
import { createLocalWatcher } from '../../main/local/watcher.ts';
import type { LocalWatcher } from '../../main/sync/ports.ts';
import { makeFolder, type TestFolder } from './folder-on-disk.ts';

type Hint = ReadonlySet<string> | 'everything';

let folder: TestFolder;
let watcher: LocalWatcher;
let hints: Hint[];
let wake: () => void;
const onHint = (hint: Hint): void => {
  hints.push(hint);
  wake();
};
beforeEach(async () => {
  folder = await makeFolder();
  hints = [];
  wake = () => undefined;
});
afterEach(async () => {
  await watcher.stop();
  folder.remove();
});

const hinted = (): ReadonlySet<string> => new Set(hints.flatMap((hint) => (hint === 'everything' ? [] : [...hint])));
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}

const SOON = { timeout: 50_000 };

describe.each([['a watch for each directory', false], ['one watch for the whole', true]])('the watcher with %s', { timeout: 60_000 }, (_how, isRecursive) => {
  beforeEach(() => {
    watcher = createLocalWatcher(folder.root, { quietMs: 30, rootLookMs: 20, isRecursive, ignoreRuleFor: (path) => folder.tree.ignoreRuleFor(path) });
  });

  test('says everything once it runs, and after that what changed', async () => {
    folder.write('here/before', 'x');
    await watcher.start(onHint);
    await until(() => hints.includes('everything'));
    folder.write('here/before', 'y!');
    folder.write('new/deep/file');
    await until(() => ['here/before', 'new/deep/file'].every((path) => hinted().has(path)));
    renameSync(join(folder.root, 'new'), join(folder.root, 'moved'));
    await until(() => ['new/deep/file', 'moved/deep/file'].every((path) => hinted().has(path)));
    rmSync(join(folder.root, 'here/before'));
    hints = [];
    await until(() => hinted().has('here/before'));
    expect([...hinted()].filter((path) => path.startsWith('.enfold'))).toEqual([]);
  });

  test('says nothing about Enfold\'s own files and what is ignored', async () => {
    mkdirSync(join(folder.root, 'node_modules'));
    await watcher.start(onHint);
    await until(() => hints.length > 0);
    folder.write('.enfold/tmp/staged', 'x');
    folder.write('Thumbs.db', 'x');
    folder.write('last', 'x');
    await until(() => hinted().has('last'));
    expect([...hinted()]).toEqual(['last']);
  });

  test('says everything when the root goes away', async () => {
    await watcher.start(onHint);
    await until(() => hints.length > 0);
    hints = [];
    rmSync(folder.root, { recursive: true });
    await until(() => hints.includes('everything'));
    expect(hints.at(-1)).toBe('everything');
  });

  test('sees what happens in a root that came back', async () => {
    await watcher.start(onHint);
    await until(() => hints.length > 0);
    renameSync(folder.root, `${folder.root}-unplugged`);
    hints = [];
    await until(() => hints.includes('everything'));
    hints = [];
    renameSync(`${folder.root}-unplugged`, folder.root);
    await until(() => hints.includes('everything'));
    folder.write('after', 'x');
    await until(() => hinted().has('after'));
    expect([...hinted()]).toEqual(['after']);
  });

  test('takes a file for a file where only directories of its name are ignored', async () => {
    folder.write('.enfoldignore', 'build/');
    mkdirSync(join(folder.root, 'inner/build'), { recursive: true });
    await watcher.start(onHint);
    await until(() => hints.length > 0);
    folder.write('inner/build/ignored', 'x');
    folder.write('build', 'a file');
    await until(() => hinted().has('build'));
    expect([...hinted()].filter((path) => path.startsWith('inner/build'))).toEqual([]);
  });

  test('is silent after it was stopped, and can be started again', async () => {
    await watcher.start(onHint);
    await until(() => hints.length > 0);
    writeFileSync(join(folder.root, 'unheard'), 'x');
    await watcher.stop();
    const before = hints.length;
    writeFileSync(join(folder.root, 'unheard too'), 'x');
    await watcher.start(onHint);
    await until(() => hints.length > before);
    expect(hints.slice(before)).toEqual(['everything']);
  });
});

describe('the watcher', { timeout: 60_000 }, () => {
  beforeEach(() => {
    watcher = createLocalWatcher(folder.root, { quietMs: 30 });
  });

  test('gathers a flood into one word', async () => {
    await watcher.start(onHint);
    await until(() => hints.length > 0);
    hints = [];
    for (let i = 0; i < 1100; i += 1) writeFileSync(join(folder.root, `f${i}`), '');
    await until(() => hints.length > 0 && (hints.includes('everything') || hinted().size === 1100));
    expect(hints.length).toBeLessThan(60);
  });
});

describe('the watches of directories', { timeout: 60_000 }, () => {
  let watches: DirectoryWatches;
  let events: string[];
  beforeEach(() => {
    events = [];
    watches = new DirectoryWatches({
      root: folder.root, isIgnored: (directory) => directory.endsWith('cache'), onError: () => undefined,
      onEvent: (path) => events.push(path ?? '?'),
    });
  });
  afterEach(async () => watches.close());

  test('are one for each directory and none for a file', async () => {
    for (let i = 0; i < 50; i += 1) folder.write(`a/b/f${i}`, '');
    folder.write('cache/kept out', '');
    await watches.begin();
    expect([...watches.watchedDirectories].toSorted()).toEqual(['', 'a/', 'a/b/']);
    expect(watches.isWhole).toBe(true);
  });

  test('go with a directory that is renamed, and tell of all that is found below it', async () => {
    folder.write('a/b/f', '');
    await watches.begin();
    renameSync(join(folder.root, 'a'), join(folder.root, 'z'));
    await vi.waitUntil(() => events.includes('z/b/f') && watches.watchedDirectories.size === 3, SOON);
    expect([...watches.watchedDirectories].toSorted()).toEqual(['', 'z/', 'z/b/']);
    folder.write('z/b/later', '');
    await vi.waitUntil(() => events.includes('z/b/later'), SOON);
    rmSync(join(folder.root, 'z'), { recursive: true });
    await vi.waitUntil(() => events.includes('z') && watches.watchedDirectories.size === 1, SOON);
  });

  test('are as before for a directory that was replaced by another of its name', async () => {
    folder.write('a/old', '');
    folder.write('b/new', '');
    await watches.begin();
    rmSync(join(folder.root, 'a'), { recursive: true });
    renameSync(join(folder.root, 'b'), join(folder.root, 'a'));
    await vi.waitUntil(() => events.includes('a/new'), SOON);
    folder.write('a/newer', '');
    await vi.waitUntil(() => events.includes('a/newer'), SOON);
    await vi.waitUntil(() => !watches.watchedDirectories.has('b/'), SOON);
    expect([...watches.watchedDirectories].toSorted()).toEqual(['', 'a/']);
  });
});
