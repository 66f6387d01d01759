import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
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
  watcher = createLocalWatcher(folder.root, { quietMs: 30, ignoreRuleFor: (path) => folder.tree.ignoreRuleFor(path) });
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

describe('the watcher', { timeout: 20_000 }, () => {
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

  test('gathers a flood into one word', async () => {
    await watcher.start(onHint);
    await until(() => hints.length > 0);
    hints = [];
    for (let i = 0; i < 1500; i += 1) writeFileSync(join(folder.root, `f${i}`), '');
    await until(() => hints.length > 0 && (hints.includes('everything') || hinted().size === 1500));
    expect(hints.length).toBeLessThan(60);
  });
});
