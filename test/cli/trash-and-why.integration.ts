/** What was removed here, put back; and what Enfold thinks of single paths: by the command line, on built-in storage. */
import { mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createComputer, makeScratch } from '../helpers/cli.ts';
import { readAt, treeOf, writeAt } from '../helpers/tree.ts';

const scratch = makeScratch();
const [anna, ben] = [createComputer(scratch.dir, 'anna'), createComputer(scratch.dir, 'ben')];
const [a, b] = [join(scratch.dir, 'a'), join(scratch.dir, 'b')];
let server: RunningStorage;
let id = '';

beforeAll(async () => {
  server = await startStorage({ dir: join(scratch.dir, 'storage') });
  for (const [computer, root] of [[anna, a], [ben, b]] as const) {
    mkdirSync(root);
    await computer.connect(server);
  }
  writeAt(a, 'letters/one.txt', 'one');
  writeAt(a, 'letters/two.txt', 'two');
  writeAt(a, 'list.txt', 'list');
  ({ id } = await anna.json<{ id: string }>(['folder', 'add', a, '--remote', 's3://trash/shared', '--connection', 's3', '--mode', 'sse-s3', '--create-bucket']));
  await anna.ok(['sync']);
  await ben.ok(['folder', 'add', b, '--remote', 's3://trash/shared', '--connection', 's3']);
  await ben.ok(['sync']);
  rmSync(join(a, 'letters'), { recursive: true });
  writeAt(a, 'list.txt', 'another list');
  await anna.ok(['sync', '--yes']);
  await ben.ok(['sync', '--yes']);
});
afterAll(async () => {
  await server.stop();
  scratch.remove();
});

describe('the trash', () => {
  test('lists what was deleted and replaced here, and puts it back without replacing anything', async () => {
    const list = await ben.json<{ id: string; path: string; folder: string }[]>(['trash', 'list']);
    expect(list.map(({ path }) => path).toSorted()).toEqual(['letters/one.txt', 'letters/two.txt', 'list.txt']);
    expect(await ben.ok(['trash', 'list', 'b'])).toContain('letters/one.txt');
    expect(await anna.ok(['trash', 'list'])).toContain('The trash is empty.');

    const { restored, failed } = await ben.json<{ restored: { path: string }[]; failed: unknown[] }>(['trash', 'restore', id, 'letters/']);
    expect([restored.map(({ path }) => path).toSorted(), failed]).toEqual([['letters/one.txt', 'letters/two.txt'], []]);
    expect([readAt(b, 'letters/one.txt'), readAt(b, 'letters/two.txt')]).toEqual(['one', 'two']);

    const taken = await ben.run(['trash', 'restore', id, 'list.txt', '--json']);
    expect([taken.code, JSON.parse(taken.stdout).failed[0].error.code]).toEqual([2, 'target-exists']);
    expect(readAt(b, 'list.txt')).toBe('another list');
    await ben.ok(['trash', 'restore', id, list.find(({ path }) => path === 'list.txt')?.id ?? '', '--to', 'list of before.txt']);
    expect(readAt(b, 'list of before.txt')).toBe('list');
  });

  test('replaces what stands there only where it is told to, and keeps that in its turn', async () => {
    writeAt(a, 'list.txt', 'a third list');
    await anna.ok(['sync']);
    await ben.ok(['sync']);
    await ben.ok(['trash', 'restore', id, 'list.txt', '--replace']);
    expect(readAt(b, 'list.txt')).toBe('another list');
    const [newest] = await ben.json<{ id: string; path: string }[]>(['trash', 'list']);
    expect(newest?.path).toBe('list.txt');
    expect(readFileSync(join(b, '.enfold/trash', newest?.id ?? ''), 'utf8')).toBe('a third list');
  });

  test('refuses what is not in it, and changes nothing', async () => {
    const tree = treeOf(b);
    expect(await ben.error(['trash', 'restore', id, 'never.txt'])).toMatchObject({ exitCode: 1, code: 'no-such-path' });
    expect(await ben.error(['trash', 'restore', id, '../../../etc/passwd'])).toMatchObject({ exitCode: 1, code: 'no-such-path' });
    expect(await ben.error(['trash', 'restore', id, 'letters/', 'list.txt', '--to', '../outside.txt'])).toMatchObject({ exitCode: 1 });
    expect(treeOf(b)).toEqual(tree);
  });

  test('is emptied only where it is told to, of what is named or of all', async () => {
    const inTrash = async (): Promise<{ id: string; path: string }[]> => ben.json(['trash', 'list', id]);
    // The tree is its own index.
    for (const name of ['x.txt', 'deep/y.txt']) writeAt(b, `.enfold/trash/${new Date().toISOString().slice(0, 10)}/0123456789ab/${name}`, name);
    const before = await inTrash();
    expect(before.length).toBeGreaterThan(1);
    expect(await ben.json(['trash', 'empty', id])).toMatchObject({ removed: 0, wouldRemove: before.length });
    expect(await ben.error(['trash', 'empty', id, 'never.txt', '--yes'])).toMatchObject({ exitCode: 1, code: 'no-such-path' });
    expect(await inTrash()).toEqual(before);
    expect(await ben.json(['trash', 'empty', id, before[0]?.id ?? '', '--yes'])).toMatchObject({ removed: 1 });
    expect(await inTrash()).toEqual(before.slice(1));
    expect(await ben.ok(['trash', 'empty', id, '--yes'])).toContain('removed for good');
    expect(await inTrash()).toEqual([]);
  });
});

describe('why', () => {
  type Why = { path: string; base: object | null; local: { state: string; change: string; reason: string | null }; remote: { state: string | null; change: string | null; problem: { code: string } | null }; next: { action: string | null } | null; skipped: { reason: string; path: string; detail: string | null }[]; recent: { kind: string }[] };
  const why = async (path: string): Promise<Why> => ben.json<Why>(['why', path]);

  test('tells what the next sync does with one path, and that is what it does', async () => {
    await ben.ok(['sync']);
    await anna.ok(['sync']);
    writeAt(b, 'list.txt', 'edited');
    writeAt(b, 'ours.txt', 'new');
    rmSync(join(b, 'letters/one.txt'));
    writeAt(a, 'theirs.txt', 'from anna');
    writeAt(a, 'letters/two.txt', 'edited by anna');
    await anna.ok(['sync']);
    expect(await why(join(b, 'list.txt'))).toMatchObject({ path: 'list.txt', local: { change: 'changed' }, remote: { change: 'unchanged' }, next: { action: 'upload' } });
    expect(await why('b:ours.txt')).toMatchObject({ base: null, local: { change: 'new' }, remote: { state: 'absent' }, next: { action: 'upload' } });
    expect(await why('b:letters/one.txt')).toMatchObject({ local: { change: 'gone' }, next: { action: 'delete-remote' } });
    expect(await why('b:theirs.txt')).toMatchObject({ local: { state: 'absent' }, remote: { change: 'new' }, next: { action: 'download' } });
    expect(await why('b:letters/two.txt')).toMatchObject({ local: { change: 'unchanged' }, remote: { change: 'changed' }, next: { action: 'download' } });
    expect(await ben.ok(['why', 'b:list.txt'])).toMatch(/next sync It is sent to S3\./);
    expect(await ben.json(['sync'])).toMatchObject({ inStep: true, folders: [{ counts: { upload: 2, download: 2, 'delete-remote': 1 } }] });
    const after = await why('b:list.txt');
    expect(after).toMatchObject({ local: { change: 'unchanged' }, remote: { change: 'unchanged' }, next: { action: null }, skipped: [] });
    expect(after.recent[0]?.kind).toBe('uploaded');
  });

  test('names the reason why a path is left out, also that of a directory above it', async () => {
    writeAt(b, '.enfoldignore', 'private/\n');
    writeAt(b, 'private/diary.txt', 'mine');
    writeAt(b, 'draft.tmp', 'x');
    symlinkSync('/etc', join(b, 'link'));
    expect(await why('b:draft.tmp')).toMatchObject({ local: { state: 'unknown', reason: 'ignored' }, skipped: [{ reason: 'ignored', detail: '*.tmp' }], next: { action: null } });
    expect((await why(join(b, 'private/diary.txt'))).skipped).toMatchObject([{ reason: 'ignored', path: 'private/', detail: 'private/' }]);
    expect((await why(join(b, 'link'))).skipped).toMatchObject([{ reason: 'symlink', path: 'link' }]);
    expect((await why(join(b, 'link/passwd'))).skipped).toMatchObject([{ reason: 'symlink', path: 'link' }]);
    expect(await ben.ok(['why', join(b, 'private/diary.txt')])).toContain('an ignore rule leaves it out (private/), at private/');
  });

  test('tells what this computer knows while the server is away', async () => {
    const { endpoint } = server;
    await ben.ok(['connection', 'add', 'elsewhere', '--endpoint', endpoint.replace(/\d+$/, '1'), '--access-key', 'X'], { input: 'secret\n' });
    expect(await ben.error(['why', '/etc/hostname'])).toMatchObject({ exitCode: 1, code: 'no-such-folder' });
    await server.stop();
    const told = await why('b:list.txt');
    expect(told).toMatchObject({ local: { state: 'present' }, remote: { state: null, problem: { code: 'offline' } }, next: null });
    expect(told.recent[0]?.kind).toBe('uploaded');
  });
});
