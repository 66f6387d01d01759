/** What the disk can do to the local side: full, read-only, denied, failing. Needs root for mounts and strace for failing calls. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isSyncError } from '../../main/model/errors.ts';
import { syncPath } from '../../main/model/path.ts';
import { openFolderState } from '../../main/state/folder-state.ts';
import { baseEntry } from '../state/folder-state.contract.ts';
import { codeOf, FOLDER_ID, makeFolder, type TestFolder } from './folder-on-disk.ts';

const MAIN = join(import.meta.dirname, '../../main');
let base: string;
const mounted: string[] = [];
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'enfold-faults-')));
});
afterEach(() => {
  for (const place of mounted.splice(0)) execFileSync('umount', [place]);
  rmSync(base, { recursive: true, force: true });
});

function mountSmallDisk(options: string): string {
  const place = join(base, `disk-${mounted.length}`);
  mkdirSync(place);
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'enfold-test', place]);
  mounted.push(place);
  return place;
}

/** Runs a module that sees `root`, `tree`, `codeOf`, … and prints JSON; as another user, or under strace. */
function runChild(root: string, script: string, before: readonly string[] = []): unknown {
  const source = `
    import { openLocalTree } from ${JSON.stringify(join(MAIN, 'local/tree.ts'))};
    import { writeFileSync, readFileSync, readdirSync } from 'node:fs';
    const root = ${JSON.stringify(root)};
    const tree = openLocalTree({ root, folderId: '${FOLDER_ID}' });
    const signal = new AbortController().signal;
    const codeOf = async (promise) => { try { await promise; return 'no error'; } catch (error) { return error.code; } };
    const codes = (outcomes) => outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.error.code));
    const stage = (path, replaces = null) => { const staged = tree.newStagingPath(); writeFileSync(staged, 'new'); return { staged, path, replaces, mtimeMs: 1e12, modeBits: 0o644 }; };
    const walk = async () => { const all = []; for await (const one of tree.walk(signal)) all.push(one); return all; };
    console.log('RESULT' + JSON.stringify(await (async () => { ${script} })()));`;
  const [command, ...args] = [...before, process.execPath, '--input-type=module', '-e', source];
  const ended = spawnSync(command, args, { encoding: 'utf8', cwd: MAIN, env: { ...process.env, HOME: base } });
  const line = ended.stdout.split('\n').find((each) => each.startsWith('RESULT'));
  if (line === undefined) throw new Error(`${ended.error?.message ?? ''} ${ended.stderr.slice(0, 2000)}`);
  return JSON.parse(line.slice(6));
}

describe('a full disk', () => {
  test('is named, and nothing at the path is harmed', async () => {
    const folder = await makeFolder({ in: mountSmallDisk('size=256k') });
    folder.write('a', 'old');
    const seen = await folder.entry('a');
    const item = folder.stage('a', 'new', seen);
    const deep = folder.stage('very/deep/new/file', 'x');
    writeFileSync(join(folder.base, 'ballast'), '');
    expect(() => {
      for (;;) writeFileSync(join(folder.base, 'ballast'), Buffer.alloc(4096), { flag: 'a' });
    }).toThrowError(/ENOSPC/);
    expect(await folder.tree.freeBytes()).toBe(0);
    // Names may or may not still fit; what is said must be true either way.
    const outcomes = await folder.tree.replace([item, deep]);
    expect(outcomes.map((outcome) => (outcome.ok ? folder.read(outcome.path) : outcome.error.code))).toEqual(['new', 'x']);
    expect(() => folder.stage('more', 'x'.repeat(8192))).toThrowError(/ENOSPC/);
  });

  test('without room for another name refuses that file only', async () => {
    const folder = await makeFolder({ in: mountSmallDisk('size=1m,nr_inodes=24') });
    const items = [folder.stage('one', '1'), folder.stage('d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/two', '2'), folder.stage('three', '3')];
    const outcomes = await folder.tree.replace(items);
    expect(outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.error.code))).toEqual(['ok', 'disk-full', 'ok']);
    expect(folder.all()).toEqual(['one', 'three']);
    expect([folder.read('one'), folder.read('three')]).toEqual(['1', '3']);
  });

  test('rolls a commit of the records back, and goes on when there is room', () => {
    const disk = mountSmallDisk('size=512k');
    const state = openFolderState(disk, FOLDER_ID);
    state.commit({ put: [baseEntry('first')] });
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(freeBytesOf(disk) - 8192));
    let code = 'no error';
    try {
      state.commit({ put: Array.from({ length: 500 }, (_, i) => baseEntry(`f${i}`)) });
    } catch (error) {
      code = isSyncError(error) ? error.code : String(error);
    }
    expect(code).toBe('disk-full');
    expect(state.baseTotals().files).toBe(1);
    rmSync(join(disk, 'ballast'));
    state.commit({ put: Array.from({ length: 50 }, (_, i) => baseEntry(`f${i}`)) });
    expect(state.baseTotals().files).toBe(51);
    state.close();
    const again = openFolderState(disk, FOLDER_ID);
    expect(again.baseTotals().files).toBe(51);
    again.close();
  });
});

describe('a read-only disk', () => {
  test('is read, and named where something should be written', async () => {
    const disk = mountSmallDisk('size=1m');
    const folder = await makeFolder({ in: disk });
    folder.write('a', 'x');
    const seen = await folder.entry('a');
    const item = folder.stage('b', 'x');
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    await folder.tree.checkRoot();
    expect((await folder.walk()).length).toBe(1);
    expect((await folder.tree.replace([item]))[0]).toMatchObject({ ok: false, error: { code: 'read-only' } });
    expect(await codeOf(folder.tree.moveToTrash(seen))).toBe('read-only');
    expect(await codeOf(folder.tree.makeDirectory(syncPath('d/')))).toBe('read-only');
    expect(await codeOf(folder.tree.rename(seen, syncPath('c')))).toBe('read-only');
    expect(folder.read('a')).toBe('x');
  });
});

describe('a disk that was taken away', () => {
  test('leaves a root that is not taken for the emptied folder', async () => {
    const disk = mountSmallDisk('size=1m');
    const { root, tree } = await makeFolder({ in: disk });
    const kept = join(base, 'kept');
    mkdirSync(kept);
    execFileSync('mount', ['--bind', disk, kept]);
    mounted.unshift(kept);
    execFileSync('umount', [disk]);
    mounted.splice(mounted.indexOf(disk), 1);
    mkdirSync(root, { recursive: true });
    expect(await codeOf(tree.checkRoot())).toBe('root-foreign');
    execFileSync('mount', ['--bind', kept, disk]);
    mounted.unshift(disk);
    expect(await codeOf(tree.checkRoot())).toBe('no error');
  });

  test('that is mounted inside the folder is a border', async () => {
    const folder = await makeFolder({ in: base });
    mkdirSync(join(folder.root, 'mnt'));
    execFileSync('mount', ['-t', 'tmpfs', 'enfold-test', join(folder.root, 'mnt')]);
    mounted.push(join(folder.root, 'mnt'));
    const [top] = await folder.walk();
    expect(top?.skipped).toEqual([{ path: 'mnt/', side: 'local', reason: 'filesystem-boundary', detail: null }]);
  });
});

describe('another user', () => {
  let folder: TestFolder;
  const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  beforeEach(async () => {
    folder = await makeFolder({ in: base });
    for (const path of ['open/a', 'closed/b', 'list-only/c', 'secret']) folder.write(path);
    chmodSync(base, 0o755);
    chmodSync(folder.base, 0o755);
    execFileSync('chown', ['-R', '65534:65534', folder.root]);
    for (const [path, mode] of [['closed', 0o000], ['list-only', 0o444], ['secret', 0o000]] as const) chmodSync(join(folder.root, path), mode);
  });

  test('walks what is open, and lists what is not as unreadable, never as gone', () => {
    const walked = runChild(folder.root, 'return await walk();', asNobody) as { directory: string; entries: { path: string }[]; skipped: { path: string; reason: string }[] }[];
    expect(walked.flatMap((one) => one.entries.map((entry) => entry.path)).toSorted()).toEqual(['list-only/', 'open/', 'open/a', 'secret']);
    expect(walked.flatMap((one) => one.skipped.map((skip) => `${skip.path} ${skip.reason}`)).toSorted()).toEqual(['closed/ directory-unreadable', 'list-only/c unreadable']);
  });

  test('is told of each denied act by its name, and the others are done', () => {
    const answers = runChild(
      folder.root,
      `
      const secret = await tree.entryAt('secret');
      return [
        await codeOf(tree.hash(secret, signal)), await codeOf(tree.entryAt('list-only/c')),
        codes(await tree.replace([stage('closed/x'), stage('fine'), stage('list-only/y')])), await codeOf(tree.makeDirectory('closed/d/')),
      ];`,
      asNobody,
    );
    expect(answers).toEqual(['permission-denied', 'permission-denied', ['permission-denied', 'ok', 'permission-denied'], 'permission-denied']);
  });

  test('cannot use a root that is closed', () => {
    chmodSync(folder.root, 0o000);
    expect(runChild(folder.root, 'return [await codeOf(tree.checkRoot()), await codeOf(walk())];', asNobody)).toEqual(['root-unreadable', 'root-unreadable']);
  });
});

describe('a failing disk', () => {
  let folder: TestFolder;
  beforeEach(async () => {
    folder = await makeFolder({ in: base });
    for (const path of ['a', 'b', 'd/c']) folder.write(path, 'old');
  });
  const inject = (what: string, ...more: readonly string[]): string[] => ['strace', '-f', '-qq', '-o', '/dev/null', ...more, '-e', `inject=${what}`];

  test('whose directory fsync fails is never taken to have written', () => {
    const answers = runChild(
      folder.root,
      `
      const seen = await tree.entryAt('d/c');
      return [codes(await tree.replace([stage('a2'), stage('d/new')])), await codeOf(tree.moveToTrash(seen)), await codeOf(tree.makeDirectory('d/e/'))];`,
      inject('fsync:error=EIO', '-P', join(folder.root, 'd')),
    );
    expect(answers).toEqual([['ok', 'io-error'], 'io-error', 'io-error']);
  });

  test('whose trash cannot be made durable loses nothing', () => {
    const answers = runChild(
      folder.root,
      `return [codes(await tree.replace([stage('a', await tree.entryAt('a')), stage('fresh')])), readFileSync(root + '/a', 'utf8'), tree.listTrash().length];`,
      inject('fsync:error=EIO', '-P', join(folder.root, '.enfold/trash')),
    );
    expect(answers).toEqual([['io-error', 'ok'], 'old', 0]);
  });

  test('that cannot be read says so for that file', () => {
    const answers = runChild(
      folder.root,
      `return [await codeOf(tree.hash(await tree.entryAt('a'), signal)), await codeOf(tree.hash(await tree.entryAt('b'), signal))];`,
      inject('read,pread64:error=EIO', '-P', join(folder.root, 'a')),
    );
    expect(answers).toEqual(['io-error', 'no error']);
  });

  test('that knows no links still replaces, with the old file in the trash', () => {
    const answers = runChild(
      folder.root,
      `
      const results = codes(await tree.replace([stage('a', await tree.entryAt('a')), stage('fresh'), stage('b')]));
      return [results, readFileSync(root + '/a', 'utf8'), readFileSync(root + '/b', 'utf8'), tree.listTrash().map((file) => file.path)];`,
      inject('link,linkat:error=EPERM'),
    );
    expect(answers).toEqual([['ok', 'ok', 'target-changed'], 'new', 'old', ['a']]);
  });

  test.each([1, 2, 3])('that fails the %ith rename leaves every path old or new', (when) => {
    runChild(
      folder.root,
      `return codes(await tree.replace([stage('a', await tree.entryAt('a')), stage('b', await tree.entryAt('b')), stage('d/c', await tree.entryAt('d/c'))]));`,
      inject(`rename:error=EIO:when=${when}`),
    );
    const contents = ['a', 'b', 'd/c'].map((path) => readFileSync(join(folder.root, path), 'utf8'));
    expect(contents.map((content) => content === 'new')).toEqual([1, 2, 3].map((number) => number !== when));
    expect(folder.tree.listTrash().length).toBe(2);
  });

  test('under a process that is killed at any call leaves every path old or new, and the old in the trash or in place', () => {
    const outcomes = new Set<string>();
    for (const call of ['rename', 'link', 'unlink', 'fsync', 'mkdir', 'utimensat', 'chmod']) {
      for (const when of [1, 2, 3]) {
        for (const path of ['a', 'b', 'd/c']) folder.write(path, 'old');
        rmSync(join(folder.root, 'fresh'), { force: true });
        rmSync(join(folder.root, '.enfold/trash'), { recursive: true });
        mkdirSync(join(folder.root, '.enfold/trash'), { mode: 0o700 });
        try {
          runChild(
            folder.root,
            `return codes(await tree.replace([stage('a', await tree.entryAt('a')), stage('fresh'), stage('b', await tree.entryAt('b')), stage('d/c', await tree.entryAt('d/c'))]));`,
            inject(`${call}:signal=KILL:when=${when}`),
          );
        } catch {
          // Killed, as intended.
        }
        const trash = folder.tree.listTrash().map((file) => file.path);
        for (const path of ['a', 'b', 'd/c']) {
          const content = readFileSync(join(folder.root, path), 'utf8');
          outcomes.add(content);
          expect(['old', 'new']).toContain(content);
          expect([call, when, path, content === 'old' || trash.includes(syncPath(path))]).toEqual([call, when, path, true]);
        }
      }
    }
    expect([...outcomes].toSorted()).toEqual(['new', 'old']);
  }, 180_000);

  test('is asked for nothing outside the folder, whatever the names', () => {
    const log = join(base, 'calls');
    const names = ['../out', '../../etc/x', 'ok', 'a/../../x', '/abs', 'd/../../y'];
    const source = `return codes(await tree.replace(${JSON.stringify(names)}.map((name) => stage(name))));`;
    const answers = runChild(folder.root, source, ['strace', '-f', '-qq', '-o', log, '-e', 'trace=rename,renameat,renameat2,link,linkat,mkdir,mkdirat,unlink,unlinkat,chmod,fchmodat,utimensat,symlink']);
    expect(answers).toEqual(names.map((name) => (name === 'ok' ? 'ok' : 'name-unsupported')));
    const touched = readFileSync(log, 'utf8').split('\n').flatMap((line) => [...line.matchAll(/"(\/[^"]*)"/g)].map((match) => match[1] ?? ''));
    expect(touched.length).toBeGreaterThan(0);
    expect(touched.filter((path) => !path.startsWith(`${folder.root}/`) || path.includes('/../'))).toEqual([]);
    expect(readdirSync(folder.base)).toEqual(['root']);
    expect(statSync(join(folder.root, 'ok')).isFile()).toBe(true);
  });
});

function freeBytesOf(place: string): number {
  return Number(execFileSync('stat', ['-f', '-c', '%a', place], { encoding: 'utf8' })) * Number(execFileSync('stat', ['-f', '-c', '%S', place], { encoding: 'utf8' }));
}
