import { chmodSync, existsSync, linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDirectoryFsync, createPlace } from '../../main/local/place.ts';
import { replaceFiles } from '../../main/local/replace.ts';
import { createTrash, expireTrash } from '../../main/local/trash.ts';
import { openLocalTree } from '../../main/local/tree.ts';
import { syncPath, type LocalPath } from '../../main/model/path.ts';
import type { Replacement, ReplaceOutcome } from '../../main/sync/ports.ts';
import { codeOf, FOLDER_ID, makeFolder, type TestFolder } from './folder-on-disk.ts';

let folder: TestFolder;
beforeEach(async () => {
  folder = await makeFolder();
});
afterEach(() => folder.remove());

const codes = (outcomes: readonly ReplaceOutcome[]): string[] => outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.error.code));
/** As the tree does it, with `between` called once when everything is prepared and nothing is in place. */
function replaceWith(items: readonly Replacement[], between: () => void): Promise<readonly ReplaceOutcome[]> {
  const place = createPlace(folder.root);
  const fsyncDirectory = createDirectoryFsync();
  let isFirst = true;
  return replaceFiles(items, {
    place,
    trash: createTrash(place),
    nowMs: Date.now,
    fsyncDirectory(directory) {
      if (isFirst) between();
      isFirst = false;
      return fsyncDirectory(directory);
    },
  });
}
const staged = (): string[] => readdirSync(join(folder.root, '.enfold/tmp'));

describe('putting files in place', () => {
  test('creates a file with its times, mode and parents', async () => {
    const [outcome] = await folder.tree.replace([folder.stage('a/b/c.txt', 'new')]);
    expect(outcome).toMatchObject({ ok: true, path: 'a/b/c.txt', entry: { sizeBytes: 3, mtimeMs: 1_600_000_000_123, modeBits: 0o640 } });
    expect(outcome?.ok === true && outcome.entry).toEqual(await folder.entry('a/b/c.txt'));
    expect(folder.read('a/b/c.txt')).toBe('new');
    expect(staged()).toEqual([]);
  });

  test('replaces the file that was seen, and keeps it in the trash', async () => {
    folder.write('d/a.txt', 'old');
    const seen = await folder.entry('d/a.txt');
    const [outcome] = await folder.tree.replace([folder.stage('d/a.txt', 'newer', seen)]);
    expect(outcome?.ok === true && outcome.entry).toEqual(await folder.entry('d/a.txt'));
    expect(folder.read('d/a.txt')).toBe('newer');
    const [trashed] = folder.tree.listTrash();
    expect(trashed).toMatchObject({ path: 'd/a.txt', sizeBytes: 3 });
    expect(readFileSync(join(folder.root, '.enfold/trash', trashed?.id ?? ''), 'utf8')).toBe('old');
  });

  test('leaves alone what is not as the plan saw it', async () => {
    folder.write('edited', 'old');
    folder.write('gone', 'old');
    folder.write('became-directory', 'old');
    const [edited, gone, became] = [await folder.entry('edited'), await folder.entry('gone'), await folder.entry('became-directory')];
    folder.write('edited', 'new');
    rmSync(join(folder.root, 'gone'));
    rmSync(join(folder.root, 'became-directory'));
    mkdirSync(join(folder.root, 'became-directory'));
    folder.write('appeared', 'mine');
    symlinkSync('edited', join(folder.root, 'link'));
    const items = [
      folder.stage('edited', 'x', edited), folder.stage('gone', 'x', gone), folder.stage('became-directory', 'x', became), folder.stage('appeared', 'x'), folder.stage('link', 'x'),
      folder.stage('became-directory', 'x'), folder.stage('fine', 'x'),
    ];
    expect(codes(await folder.tree.replace(items))).toEqual(['target-changed', 'target-changed', 'target-changed', 'target-changed', 'target-changed', 'target-changed', 'ok']);
    expect([folder.read('edited'), folder.read('appeared'), folder.read('fine')]).toEqual(['new', 'mine', 'x']);
    expect(folder.tree.listTrash()).toEqual([]);
    expect(staged().length).toBe(6);
    for (const item of items) await folder.tree.removeStaged?.(item.staged);
    expect(staged()).toEqual([]);
  });

  test('recognises an edit that kept size and modification time', async () => {
    folder.write('a', 'old');
    utimesSync(join(folder.root, 'a'), 1_600_000_000, 1_600_000_000);
    const seen = await folder.entry('a');
    folder.write('a', 'mew');
    utimesSync(join(folder.root, 'a'), 1_600_000_000, 1_600_000_000);
    expect(codes(await folder.tree.replace([folder.stage('a', 'x', seen)]))).toEqual(['target-changed']);
    expect(folder.read('a')).toBe('mew');
  });

  test('never writes through a link on the way', async () => {
    mkdirSync(join(folder.base, 'outside/deep'), { recursive: true });
    symlinkSync(join(folder.base, 'outside'), join(folder.root, 'd'));
    mkdirSync(join(folder.root, 'real'));
    symlinkSync(join(folder.base, 'outside/deep'), join(folder.root, 'real/inner'));
    folder.write('file');
    const items = [folder.stage('d/passwd', 'x'), folder.stage('real/inner/x', 'x'), folder.stage('d/new/x', 'x'), folder.stage('file/below', 'x')];
    expect(codes(await folder.tree.replace(items))).toEqual(['path-symlink', 'path-symlink', 'path-symlink', 'target-exists']);
    expect(readdirSync(join(folder.base, 'outside'))).toEqual(['deep']);
    expect(readdirSync(join(folder.base, 'outside/deep'))).toEqual([]);
  });

  test('refuses names that must not be created, but updates a file that has such a name already', async () => {
    expect(codes(await folder.tree.replace([folder.stage('.enfold/root.json', 'x'), folder.stage('a\nb', 'x'), folder.stage('x'.repeat(256), 'x'), folder.stage('.ENFOLD/x', 'x')]))).toEqual([
      'name-unsupported', 'name-unsupported', 'name-too-long', 'name-unsupported',
    ]);
    folder.write('a\nb', 'old');
    expect(codes(await folder.tree.replace([folder.stage('a\nb', 'new', await folder.entry('a\nb'))]))).toEqual(['ok']);
  });

  test('says which staged file is not there, and does the others', async () => {
    const lost = { ...folder.stage('lost', 'x'), staged: join(folder.root, '.enfold/tmp/none') as LocalPath };
    symlinkSync('/etc/hostname', join(folder.root, '.enfold/tmp/planted'));
    const planted = { ...folder.stage('planted', 'x'), staged: join(folder.root, '.enfold/tmp/planted') as LocalPath };
    expect(codes(await folder.tree.replace([lost, planted, folder.stage('fine', 'x')]))).toEqual(['file-vanished', 'file-vanished', 'ok']);
    expect(folder.all()).toEqual(['fine']);
  });

  test('leaves no empty directory behind where a file failed, and keeps those that others need', async () => {
    folder.write('keep/a', 'old');
    const seen = await folder.entry('keep/a');
    const lost = { ...folder.stage('new/deep/lost', 'x'), staged: join(folder.root, '.enfold/tmp/none') as LocalPath };
    const late = folder.stage('late/deep/x', 'x');
    const outcomes = await replaceWith([lost, late, folder.stage('late/y', 'y'), folder.stage('keep/a', 'new', seen)], () => rmSync(late.staged));
    expect(codes(outcomes)).toEqual(['file-vanished', 'file-vanished', 'ok', 'ok']);
    expect(folder.all()).toEqual(['keep/', 'keep/a', 'late/', 'late/y']);
  });

  test('takes times and modes that no file system holds', async () => {
    const strange = [Number.NaN, Infinity, -1, -62_135_596_900_000, 8.64e15, 0, 253_402_300_799_000];
    const outcomes = await folder.tree.replace(strange.map((mtimeMs, i) => folder.stage(`f${i}`, 'x', null, { mtimeMs, modeBits: 0o7777 })));
    expect(codes(outcomes)).toEqual(strange.map(() => 'ok'));
    expect(lstatSync(join(folder.root, 'f0')).mode & 0o7777).toBe(0o777);
  });

  test('breaks a hard link instead of writing into the other name', async () => {
    folder.write('a', 'old');
    linkSync(join(folder.root, 'a'), join(folder.base, 'other-name'));
    expect(codes(await folder.tree.replace([folder.stage('a', 'new', await folder.entry('a'))]))).toEqual(['ok']);
    expect(readFileSync(join(folder.base, 'other-name'), 'utf8')).toBe('old');
  });

  test('replaces read-only files, and one file again and again within a day', async () => {
    folder.write('a', '0');
    chmodSync(join(folder.root, 'a'), 0o400);
    for (let i = 1; i <= 5; i += 1) expect(codes(await folder.tree.replace([folder.stage('a', String(i), await folder.entry('a'), { modeBits: 0o400 })]))).toEqual(['ok']);
    const kept = folder.tree.listTrash().map((file) => readFileSync(join(folder.root, '.enfold/trash', file.id), 'utf8'));
    expect(kept.toSorted()).toEqual(['0', '1', '2', '3', '4']);
  });

  test('never loses a content, whatever a second program does between the looks', async () => {
    // The other program acts between the two looks at the targets, when all are in the trash already.
    const action = fc.constantFrom<'nothing' | 'edit' | 'edit-in-place' | 'delete' | 'link' | 'directory'>('nothing', 'edit', 'edit-in-place', 'delete', 'link', 'directory');
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 6 }), async (actions) => {
        run += 1;
        const names = actions.map((_, i) => `r${run}-${i}`);
        for (const name of names) folder.write(name, `old ${name}`);
        const entries = await Promise.all(names.map((name) => folder.entry(name)));
        const items = names.map((name, i) => folder.stage(name, `new ${name}`, entries[i] ?? null));
        const outcomes = await replaceWith(items, () => actions.forEach((what, i) => interfere(join(folder.root, names[i] ?? ''), what, `mine ${names[i]}`)));
        const trash = folder.tree.listTrash().map((file) => readFileSync(join(folder.root, '.enfold/trash', file.id), 'utf8'));
        const lost = actions.flatMap((what, i) => {
          const at = join(folder.root, names[i] ?? '');
          const stats = lstatSync(at, { throwIfNoEntry: false });
          const kept = [stats?.isFile() === true ? readFileSync(at, 'utf8') : null, ...trash];
          const wanted: string[] = [];
          if (outcomes[i]?.ok === true) wanted.push(`new ${names[i]}`);
          if (what === 'edit' || what === 'edit-in-place') wanted.push(`mine ${names[i]}`);
          if (what === 'nothing') wanted.push(`old ${names[i]}`);
          if (what === 'link') kept.push(readFileSync(join(folder.base, 'victim'), 'utf8') === 'victim' ? 'victim' : null);
          if (what === 'link') wanted.push('victim');
          if (what === 'edit' && outcomes[i]?.ok === true) wanted.push('an edit must be noticed');
          return wanted.filter((content) => !kept.includes(content));
        });
        return lost.length === 0;
      }),
      { numRuns: 60 },
    );
    expect(run).toBeGreaterThanOrEqual(60);
  });

  function interfere(at: string, what: string, mine: string): void {
    if (what === 'edit-in-place') writeFileSync(at, mine);
    if (what === 'edit') {
      writeFileSync(`${at}.swap`, mine);
      renameSync(`${at}.swap`, at);
    }
    if (what === 'delete' || what === 'link' || what === 'directory') rmSync(at, { force: true });
    if (what === 'directory') mkdirSync(at);
    if (what === 'link') {
      writeFileSync(join(folder.base, 'victim'), 'victim');
      symlinkSync(join(folder.base, 'victim'), at);
    }
  }
});

describe('the trash', () => {
  test('takes files that are as they were seen, and empty directories go for good', async () => {
    folder.write('d/a', 'content');
    const seen = await folder.entry('d/a');
    await folder.tree.moveToTrash(seen);
    expect(await codeOf(folder.tree.moveToTrash(seen))).toBe('target-changed');
    folder.write('d/b', 'x');
    const changed = await folder.entry('d/b');
    folder.write('d/b', 'y');
    expect(await codeOf(folder.tree.moveToTrash(changed))).toBe('target-changed');
    expect(await codeOf(folder.tree.moveToTrash(await folder.entry('d/')))).toBe('target-changed');
    rmSync(join(folder.root, 'd/b'));
    await folder.tree.moveToTrash(await folder.entry('d/'));
    expect(folder.all()).toEqual([]);
    expect(folder.tree.listTrash().map((file) => [file.path, file.sizeBytes])).toEqual([['d/a', 7]]);
  });

  test('takes many at once', async () => {
    const names = Array.from({ length: 300 }, (_, i) => `d${i % 7}/f${i}`);
    for (const name of names) folder.write(name);
    const entries = await Promise.all(names.map((name) => folder.entry(name)));
    await Promise.all(entries.map((entry) => folder.tree.moveToTrash(entry)));
    expect(folder.tree.listTrash().map((file) => file.path).toSorted()).toEqual(names.toSorted());
  });

  test('keeps what had to be a directory where a file was', async () => {
    folder.write('a', 'file');
    await folder.tree.moveToTrash(await folder.entry('a'));
    folder.write('a/b', 'below');
    await folder.tree.moveToTrash(await folder.entry('a/b'));
    expect(folder.tree.listTrash().map((file) => file.path).toSorted()).toEqual(['a', 'a/b']);
  });

  test('gives files back without replacing any', async () => {
    folder.write('d/a', 'old');
    await folder.tree.moveToTrash(await folder.entry('d/a'));
    const id = folder.tree.listTrash()[0]?.id ?? '';
    rmSync(join(folder.root, 'd'), { recursive: true });
    folder.write('d/a', 'new');
    expect(await codeOf(folder.tree.restoreFromTrash(id))).toBe('target-exists');
    expect(await folder.tree.restoreFromTrash(id, syncPath('elsewhere/a'))).toBe('elsewhere/a');
    expect([folder.read('d/a'), folder.read('elsewhere/a')]).toEqual(['new', 'old']);
    expect(folder.tree.listTrash()).toEqual([]);
    expect(await codeOf(folder.tree.restoreFromTrash(id))).toBe('no-such-path');
  });

  test.each(['', '../../etc/passwd', '2026-01-01/../../x', '2026-01-01/abc/x', 'x/y/z', '2026-01-01/0123456789ab/../../../root.json'])('finds nothing by the id %j', async (id) => {
    expect(await codeOf(folder.tree.restoreFromTrash(id))).toBe('no-such-path');
  });

  test('is emptied after 30 days, and staging after one', async () => {
    folder.write('a');
    await folder.tree.moveToTrash(await folder.entry('a'));
    folder.stage('b', 'x');
    const inDays = (days: number): ReturnType<typeof openLocalTree> => openLocalTree({ root: folder.root, folderId: FOLDER_ID, nowMs: () => Date.now() + days * 86_400_000 });
    await folder.tree.sweep();
    expect(staged().length).toBe(1);
    await inDays(2).sweep();
    expect([staged().length, folder.tree.listTrash().length]).toEqual([0, 1]);
    await inDays(29).sweep();
    expect(folder.tree.listTrash().length).toBe(1);
    await inDays(32).sweep();
    expect(folder.tree.listTrash().length).toBe(0);
    expect(existsSync(join(folder.root, '.enfold/trash'))).toBe(true);
  });

  test('loses its oldest files where it takes more than its share of the disk, but none of the last day', async () => {
    for (const name of ['first', 'second', 'third']) {
      folder.write(name, 'x'.repeat(1000));
      await folder.tree.moveToTrash(await folder.entry(name));
    }
    const left = (): string[] => folder.tree.listTrash().map(({ path }) => path);
    const all = left();
    expireTrash(createPlace(folder.root), Date.now(), { limitBytes: 1 });
    expect(left()).toEqual(all);
    const tomorrow = Date.now() + 25 * 3600_000;
    expireTrash(createPlace(folder.root), tomorrow, { limitBytes: 2_500 });
    expect(left()).toEqual(all.slice(0, 2));
    expireTrash(createPlace(folder.root), tomorrow, { limitBytes: 0 });
    expect(left()).toEqual([]);
  });
});
