import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, cpSync, existsSync, linkSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, rmdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRootMarker, openLocalTree, removeRootMarker } from '../../main/local/tree.ts';
import type { WalkedDirectory } from '../../main/sync/ports.ts';
import { syncPath } from '../../main/model/path.ts';
import { codeOf, FOLDER_ID, makeFolder, type TestFolder } from './folder-on-disk.ts';

let folder: TestFolder;
beforeEach(async () => {
  folder = await makeFolder();
});
afterEach(() => folder.remove());
const signal = new AbortController().signal;

describe('the root', () => {
  test('is known by its marker', async () => {
    await folder.tree.checkRoot();
    expect(JSON.parse(folder.read('.enfold/root.json'))).toMatchObject({ folderId: FOLDER_ID });
    for (const own of ['.enfold', '.enfold/tmp', '.enfold/trash']) expect(lstatSync(join(folder.root, own)).mode & 0o777).toBe(0o700);
  });

  test('that is missing, empty, another folder, a file or a link is not taken for the folder', async () => {
    const check = (): Promise<string> => codeOf(folder.tree.checkRoot());
    const aside = `${folder.root}.aside`;
    renameSync(folder.root, aside);
    expect(await check()).toBe('root-missing');
    mkdirSync(folder.root);
    expect(await check()).toBe('root-foreign');
    await createRootMarker(folder.root, 'e'.repeat(32));
    expect(await check()).toBe('root-foreign');
    rmSync(folder.root, { recursive: true });
    symlinkSync(aside, folder.root);
    expect(await check()).toBe('root-foreign');
    rmSync(folder.root);
    writeFileSync(folder.root, 'file');
    expect(await check()).toBe('root-foreign');
    rmSync(folder.root);
    renameSync(aside, folder.root);
    expect(await check()).toBe('no error');
  });

  test('with a damaged or linked marker is not taken for the folder', async () => {
    const marker = join(folder.root, '.enfold/root.json');
    const whole = readFileSync(marker);
    for (const damage of ['', '{', 'null', '[]', '{"folderId":5}', whole.toString().replace(FOLDER_ID, 'a'.repeat(32))]) {
      writeFileSync(marker, damage);
      expect([damage, await codeOf(folder.tree.checkRoot())]).toEqual([damage, 'root-foreign']);
    }
    writeFileSync(join(folder.base, 'elsewhere.json'), whole);
    rmSync(marker);
    symlinkSync(join(folder.base, 'elsewhere.json'), marker);
    expect(await codeOf(folder.tree.checkRoot())).toBe('root-foreign');
  });

  test('may be renamed on its disk, and is still known where device and inode of a copy differ', async () => {
    const moved = join(folder.base, 'moved');
    renameSync(folder.root, moved);
    expect(await codeOf(openLocalTree({ root: moved, folderId: FOLDER_ID }).checkRoot())).toBe('no error');
    const copy = join(folder.base, 'copy');
    cpSync(moved, copy, { recursive: true });
    const marker = JSON.parse(readFileSync(join(copy, '.enfold/root.json'), 'utf8')) as object;
    writeFileSync(join(copy, '.enfold/root.json'), JSON.stringify({ ...marker, device: '1' }));
    const tree = openLocalTree({ root: copy, folderId: FOLDER_ID });
    expect(await codeOf(tree.checkRoot())).toBe('root-foreign');
    await createRootMarker(copy, FOLDER_ID);
    expect(await codeOf(tree.checkRoot())).toBe('no error');
  });

  test('is refused as a root where it is missing, no directory or paired already', async () => {
    expect(await codeOf(createRootMarker(join(folder.base, 'none'), FOLDER_ID))).toBe('root-missing');
    folder.write('file');
    expect(await codeOf(createRootMarker(join(folder.root, 'file'), FOLDER_ID))).toBe('not-a-directory');
    expect(await codeOf(createRootMarker(folder.root, 'e'.repeat(32)))).toBe('root-foreign');
    expect(await codeOf(createRootMarker(folder.root, FOLDER_ID))).toBe('no error');
  });

  test('is forgotten with its staging, and keeps its trash', async () => {
    folder.write('a');
    await folder.tree.moveToTrash(await folder.entry('a'));
    folder.stage('b', 'x');
    removeRootMarker(folder.root, 'e'.repeat(32));
    await folder.tree.checkRoot();
    removeRootMarker(folder.root, FOLDER_ID);
    expect(await codeOf(folder.tree.checkRoot())).toBe('root-foreign');
    expect(folder.tree.listTrash().map((file) => file.path)).toEqual(['a']);
  });
});

describe('a walk', () => {
  test('gives every file and directory once, parents before children, without Enfold\'s own', async () => {
    for (const path of ['b.txt', 'a/x', 'a/y/z', 'c/.enfold/mine', '日本/語']) folder.write(path);
    mkdirSync(join(folder.root, 'empty'));
    const walked = await folder.walk();
    expect(walked.map((one) => one.directory)).toEqual(['', 'a/', 'a/y/', 'c/', 'c/.enfold/', 'empty/', '日本/']);
    expect(walked.flatMap((one) => one.entries.map((entry) => entry.path)).toSorted()).toEqual(folder.all());
    expect(walked.flatMap((one) => one.skipped)).toEqual([]);
    const empty = walked[0]?.entries.filter((entry) => entry.kind === 'directory').map((entry) => [entry.path, entry.isEmpty]);
    expect(empty).toEqual([['a/', false], ['c/', false], ['empty/', true], ['日本/', false]]);
  });

  test('tells size, times, mode and a stamp that follows every change', async () => {
    folder.write('a', 'hello');
    utimesSync(join(folder.root, 'a'), 1_600_000_000.123, 1_600_000_000.123);
    const first = await folder.entry('a');
    expect(first).toMatchObject({ kind: 'file', sizeBytes: 5, mtimeMs: 1_600_000_000_123, modeBits: 0o644 });
    expect((await folder.walk())[0]?.entries).toEqual([first]);
    const stamps = new Set([first.stamp]);
    const touch = async (change: () => void): Promise<void> => {
      change();
      stamps.add((await folder.entry('a')).stamp);
    };
    await touch(() => appendFileSync(join(folder.root, 'a'), '!'));
    await touch(() => {
      truncateSync(join(folder.root, 'a'), 5);
      utimesSync(join(folder.root, 'a'), 1_600_000_000.123, 1_600_000_000.123);
    });
    await touch(() => {
      writeFileSync(join(folder.root, 'b'), 'hello');
      renameSync(join(folder.root, 'b'), join(folder.root, 'a'));
    });
    expect(stamps.size).toBe(4);
  });

  test('never follows a link and lists what cannot be synced with its reason', async () => {
    mkdirSync(join(folder.base, 'outside'));
    writeFileSync(join(folder.base, 'outside/secret'), 'x');
    folder.write('real');
    symlinkSync(join(folder.base, 'outside'), join(folder.root, 'to-directory'));
    symlinkSync('real', join(folder.root, 'to-file'));
    symlinkSync('/nowhere', join(folder.root, 'dangling'));
    execFileSync('mkfifo', [join(folder.root, 'pipe')]);
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(join(folder.root, 'socket'), resolve);
    });
    execFileSync('sh', ['-c', `touch "$(printf '${folder.root}/bad-\\377-name')" "$(printf '${folder.root}/good-\\357\\277\\275-name')"; mkdir "$(printf '${folder.root}/dir-\\300')"`]);
    const [top] = await folder.walk();
    server.close();
    expect(top?.entries.map((entry) => entry.path)).toEqual(['good-\uFFFD-name', 'real']);
    expect(top?.skipped.map((skip) => [skip.path, skip.reason, skip.detail])).toEqual([
      ['bad-\uFFFD-name', 'name-encoding', null], ['dangling', 'symlink', null], ['dir-\uFFFD', 'name-encoding', null], ['pipe', 'special-file', 'pipe'], ['socket', 'special-file', 'socket'],
      ['to-directory', 'symlink', null], ['to-file', 'symlink', null],
    ]);
  });

  test('leaves out what is ignored and says by which rule', async () => {
    for (const path of ['a.log', 'keep/b.log', 'build/x', 'src/build/y', 'Thumbs.db', 'fine']) folder.write(path);
    folder.write('.enfoldignore', '*.log\nbuild/\n');
    const walked = await folder.walk();
    expect(walked.flatMap((one) => one.skipped.map((skip) => `${skip.path} ${skip.reason} ${skip.detail}`)).toSorted()).toEqual([
      'Thumbs.db ignored Thumbs.db', 'a.log ignored *.log', 'build/ ignored build/', 'keep/b.log ignored *.log', 'src/build/ ignored build/',
    ]);
    expect(walked.flatMap((one) => one.entries.map((entry) => entry.path)).toSorted()).toEqual(['.enfoldignore', 'fine', 'keep/', 'src/']);
    expect(folder.tree.mayCreate(syncPath('new.log'))).toBe('ignored');
    expect(folder.tree.mayCreate(syncPath('build/deep/x'))).toBe('ignored');
    expect(folder.tree.mayCreate(syncPath('new.txt'))).toBeNull();
    expect(folder.tree.mayCreate(syncPath('.enfold/x'))).toBe('own-file');
    folder.write('.enfoldignore', '');
    await folder.walk();
    expect(folder.tree.mayCreate(syncPath('new.log'))).toBeNull();
  });

  test('says nothing about a directory that was replaced while its turn came', async () => {
    for (const path of ['a/x', 'b/y', 'b/z']) folder.write(path);
    const seen: string[] = [];
    for await (const walked of folder.tree.walk(signal)) {
      seen.push(walked.directory, ...walked.entries.map((entry) => entry.path));
      if (walked.directory === 'a/') {
        renameSync(join(folder.root, 'b'), join(folder.base, 'b'));
        symlinkSync(join(folder.base, 'b'), join(folder.root, 'b'));
      }
    }
    expect(seen).toEqual(['', 'a/', 'b/', 'a/', 'a/x']);
  });

  test('gives a directory of very many files in parts, and never many of them at once', async () => {
    // Long names, so that the directory itself is large too.
    const names = Array.from({ length: 1300 }, (_, i) => `${(i * 7919) % 1300}`.padEnd(150, '.'));
    for (const name of names) folder.write(`many/${name}`, '');
    const walked = (await folder.walk()).filter((one) => one.directory === 'many/');
    expect(walked.map((one) => one.isPart ?? false)).toEqual([true, true, false]);
    expect(Math.max(...walked.map((one) => one.entries.length))).toBeLessThan(600);
    expect(walked.flatMap((one) => one.entries.map((entry) => entry.path))).toEqual(names.map((name) => `many/${name}`).toSorted());
  });

  test('ends no directory that was replaced while its parts were read', async () => {
    for (let i = 0; i < 1100; i += 1) folder.write(`many/${i}`, '');
    folder.write('other/x', '');
    const walked: WalkedDirectory[] = [];
    for await (const one of folder.tree.walk(signal)) {
      walked.push(one);
      if (one.directory !== 'many/' || !existsSync(join(folder.root, 'many'))) continue;
      renameSync(join(folder.root, 'many'), join(folder.base, 'many'));
    }
    expect(walked.filter((one) => one.directory === 'many/').every((one) => one.isPart === true)).toBe(true);
    expect(walked.at(-1)?.directory).toBe('other/');
  });

  test('fails where the root is taken away under it', async () => {
    for (const path of ['a/x', 'b/y']) folder.write(path);
    const walk = async (): Promise<void> => {
      for await (const walked of folder.tree.walk(signal)) if (walked.directory === 'a/') renameSync(folder.root, `${folder.root}.gone`);
    };
    expect(await codeOf(walk())).toBe('root-missing');
  });

  test('ends with the reason of an abort', async () => {
    for (let i = 0; i < 50; i += 1) folder.write(`d${i}/x`);
    const controller = new AbortController();
    const reason = new Error('enough');
    const walk = async (): Promise<void> => {
      for await (const walked of folder.tree.walk(controller.signal)) if (walked.directory === '') controller.abort(reason);
    };
    await expect(walk()).rejects.toBe(reason);
  });

  test('of 2,000 files finds each', async () => {
    for (let d = 0; d < 20; d += 1) {
      mkdirSync(join(folder.root, `d${d}`));
      for (let f = 0; f < 100; f += 1) writeFileSync(join(folder.root, `d${d}/f${f}`), '');
    }
    const walked = await folder.walk();
    expect(walked.reduce((sum, one) => sum + one.entries.length, 0)).toBe(2020);
  });
});

describe('reading', () => {
  const sha = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

  test.each([0, 1, 262_143, 262_144, 262_145, 3_000_001])('hashes %i bytes', async (size) => {
    const content = Buffer.alloc(size, 'enfold');
    writeFileSync(join(folder.root, 'a'), content);
    expect(await folder.tree.hash(await folder.entry('a'), signal)).toBe(sha(content));
  });

  test.each([10, 400_000])('refuses a file of %i bytes that is not the one that was seen', async (size) => {
    folder.write('a', 'x'.repeat(size));
    const seen = await folder.entry('a');
    folder.write('a', 'y'.repeat(size));
    expect(await codeOf(folder.tree.hash(seen, signal))).toBe('changed-while-reading');
    rmSync(join(folder.root, 'a'));
    expect(await codeOf(folder.tree.hash(seen, signal))).toBe('file-vanished');
    symlinkSync('/etc/hostname', join(folder.root, 'a'));
    expect(await codeOf(folder.tree.hash(seen, signal))).toBe('changed-while-reading');
    rmSync(join(folder.root, 'a'));
    execFileSync('mkfifo', [join(folder.root, 'a')]);
    expect(await codeOf(folder.tree.hash(seen, signal))).toBe('changed-while-reading');
  });

  test('refuses a file behind a directory that became a link', async () => {
    folder.write('d/a', 'inside');
    const seen = await folder.entry('d/a');
    mkdirSync(join(folder.base, 'outside'));
    writeFileSync(join(folder.base, 'outside/a'), 'secret');
    renameSync(join(folder.root, 'd'), join(folder.root, 'e'));
    symlinkSync(join(folder.base, 'outside'), join(folder.root, 'd'));
    expect(await codeOf(folder.tree.hash(seen, signal))).toBe('changed-while-reading');
    expect(await folder.tree.entryAt(syncPath('d/a'))).toBeNull();
    expect(await folder.tree.entryAt(syncPath('d/'))).toBeNull();
  });

  test('tells nothing at a place where something of another kind is', async () => {
    folder.write('d/a');
    expect(await folder.tree.entryAt(syncPath('d'))).toBeNull();
    expect(await folder.tree.entryAt(syncPath('d/a/'))).toBeNull();
    expect(await folder.tree.entryAt(syncPath('d/a/b'))).toBeNull();
    expect(await folder.tree.entryAt(syncPath('none/at/all'))).toBeNull();
    expect((await folder.entry('d/')).isEmpty).toBe(false);
  });
});

describe('directories and names', () => {
  test('are made with their parents, and making them again changes nothing', async () => {
    const first = await folder.tree.makeDirectory(syncPath('a/b/c/'));
    expect(first).toMatchObject({ path: 'a/b/c/', kind: 'directory', isEmpty: true });
    expect(await folder.tree.makeDirectory(syncPath('a/b/c/'))).toEqual(first);
    folder.write('file');
    expect(await codeOf(folder.tree.makeDirectory(syncPath('file/')))).toBe('target-exists');
    expect(await codeOf(folder.tree.makeDirectory(syncPath('file/x/')))).toBe('target-exists');
    expect(await codeOf(folder.tree.makeDirectory(syncPath('.enfold/x/')))).toBe('name-unsupported');
    symlinkSync(folder.base, join(folder.root, 'out'));
    expect(await codeOf(folder.tree.makeDirectory(syncPath('out/x/')))).toBe('path-symlink');
  });

  test('are pruned upwards while they are empty and nobody keeps them', async () => {
    folder.write('keep/a/b/c/file');
    rmSync(join(folder.root, 'keep/a/b/c/file'));
    await folder.tree.pruneEmptyParents(syncPath('keep/a/b/c/file'), (directory) => directory === 'keep/a/');
    expect(folder.all()).toEqual(['keep/', 'keep/a/']);
    folder.write('keep/other');
    await folder.tree.pruneEmptyParents(syncPath('keep/a/x'), () => false);
    expect(folder.all()).toEqual(['keep/', 'keep/other']);
  });

  test('are changed by a rename that replaces nothing', async () => {
    folder.write('a', 'content');
    folder.write('taken', 'other');
    const seen = await folder.entry('a');
    expect(await codeOf(folder.tree.rename(seen, syncPath('taken')))).toBe('target-exists');
    const moved = await folder.tree.rename(seen, syncPath('new/place.txt'));
    expect(moved).toMatchObject({ path: 'new/place.txt', inode: seen.inode, sizeBytes: 7 });
    expect(folder.all()).toEqual(['new/', 'new/place.txt', 'taken']);
    expect(await codeOf(folder.tree.rename(seen, syncPath('b')))).toBe('target-changed');
    folder.write('new/place.txt', 'edited!');
    expect(await codeOf(folder.tree.rename(moved, syncPath('b')))).toBe('target-changed');
    expect(folder.read('new/place.txt')).toBe('edited!');
  });

  test('of directories change as a whole', async () => {
    folder.write('d/e/f');
    const moved = await folder.tree.rename(await folder.entry('d/'), syncPath('g/'));
    expect(moved.path).toBe('g/');
    expect(folder.all()).toEqual(['g/', 'g/e/', 'g/e/f']);
    mkdirSync(join(folder.root, 'empty'));
    expect(await codeOf(folder.tree.rename(moved, syncPath('empty/')))).toBe('target-exists');
  });

  test('with a second link are renamed alone', async () => {
    folder.write('a', 'x');
    linkSync(join(folder.root, 'a'), join(folder.root, 'b'));
    expect(await codeOf(folder.tree.rename(await folder.entry('a'), syncPath('b')))).toBe('target-exists');
    await folder.tree.rename(await folder.entry('a'), syncPath('c'));
    expect(folder.all()).toEqual(['b', 'c']);
  });

  test('tell how much room is left', async () => {
    expect(await folder.tree.freeBytes()).toBeGreaterThan(0);
    rmSync(folder.root, { recursive: true });
    expect(await codeOf(folder.tree.freeBytes())).toBe('root-missing');
    expect(() => rmdirSync(folder.root)).toThrowError(/ENOENT/);
  });
});
