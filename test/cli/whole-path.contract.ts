/** The main job from the command line, on whatever S3 server is given: the same promises everywhere. */
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModeId } from '../../main/model/mode.ts';
import { createComputer, makeScratch, type Computer, type Server } from '../helpers/cli.ts';
import { IN_ANY_STORE } from '../helpers/secrets.ts';
import { makeMixedTree, readAt, treeOf, writeAt } from '../helpers/tree.ts';

type FolderJson = { id: string; joined: boolean; mode: string; names: string; fingerprint: string | null };
type SyncJson = { inStep: boolean; folders: { inStep: boolean; counts: Record<string, number>; conflictCopies: string[]; failed: unknown[]; skipped: number }[] };

export type WholePathOptions = {
  /** Tells variants of one mode apart; goes into the bucket's name. */
  readonly variant?: string;
  /** Of the key `family` that both computers hold; none where the mode needs none. */
  readonly keyType?: 'aes' | 'rsa' | 'sse-c';
  /** What `folder add` is told beside mode and key. */
  readonly args?: readonly string[];
  readonly secrets?: typeof IN_ANY_STORE;
  /** Fewer files, and nothing that the mode has no part in (conflicts, previews, held deletions, kills): for what differs from a mode that is tested in full only by its keys and headers. */
  readonly isBrief?: boolean;
};

async function durationOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

export function testWholePath(mode: ModeId, getServer: () => Server, options: WholePathOptions = {}): void {
  const { variant, keyType = mode === 'cse-c' ? 'aes' : mode === 'sse-c' ? 'sse-c' : undefined, args = [], secrets = IN_ANY_STORE, isBrief = false } = options;
  const what = variant === undefined ? mode : `${mode}-${variant}`;
  const isClientSide = mode === 'cse-c' || mode === 'cse-kms';
  const keyArgs = [...(keyType === undefined ? [] : ['--key', 'family']), ...args];
  const scratch = makeScratch();
  const first = createComputer(scratch.dir, 'home-1', { secrets });
  const second = createComputer(scratch.dir, 'home-2', { secrets });
  let places = 0;

  /** Two computers with one folder each over the same, new place. */
  async function pair(fill: (root: string) => void): Promise<{ a: string; b: string; idA: string; idB: string; remote: string }> {
    places += 1;
    const remote = `s3://whole-path-${what}/place-${places}`;
    const [a, b] = ['a', 'b'].map((name) => join(scratch.dir, `${name}-${places}`)) as [string, string];
    for (const root of [a, b]) mkdirSync(root);
    fill(a);
    const added = await first.json<FolderJson>(['folder', 'add', a, '--remote', remote, '--connection', 's3', '--mode', mode, ...keyArgs]);
    await first.ok(['sync', added.id]);
    const joined = await second.json<FolderJson>(['folder', 'add', b, '--remote', remote, '--connection', 's3']);
    await second.ok(['sync', joined.id]);
    expect(joined).toMatchObject({ id: added.id, joined: true, mode, fingerprint: added.fingerprint });
    return { a, b, idA: added.id, idB: joined.id, remote };
  }
  const sync = async (computer: Computer, id: string): Promise<SyncJson> => computer.json<SyncJson>(['sync', id]);

  beforeAll(async () => {
    for (const computer of [first, second]) await computer.connect(getServer());
    await first.ok(['bucket', 'create', `s3://whole-path-${what}`, '--connection', 's3']);
    if (keyType !== undefined) {
      await first.ok(['key', 'new', 'family', '--type', keyType]);
      await first.ok(['key', 'export', 'family', '--out', join(scratch.dir, 'family.age')], { env: { ENFOLD_EXPORT_PASSPHRASE: 'on paper' } });
      await second.ok(['key', 'import', 'family', '--from', join(scratch.dir, 'family.age')], { env: { ENFOLD_EXPORT_PASSPHRASE: 'on paper' } });
    }
  });
  afterAll(() => scratch.remove());

  describe(`a folder in mode ${what}`, () => {
    test('mixed files, a thousand or a hundred, arrive whole at a second computer, and a second sync finds nothing to do', async () => {
      const { a, b, idA } = await pair((root) => makeMixedTree(root, isBrief ? 100 : 1000));
      expect(treeOf(b)).toEqual(treeOf(a));
      expect(Object.keys(treeOf(b)).length).toBeGreaterThan(isBrief ? 100 : 1000);
      const again = await sync(first, idA);
      expect(again).toMatchObject({ inStep: true, folders: [{ inStep: true, failed: [] }] });
      expect(Object.values(again.folders[0]?.counts ?? {}).every((count) => count === 0)).toBe(true);
    });

    test('edits, new files, renames and deletions travel in both directions', async () => {
      const { a, b, idA, idB } = await pair((root) => {
        for (const name of ['edited.txt', 'deleted.txt', 'renamed.txt', 'dir/kept.txt', 'dir/gone.txt']) writeAt(root, name, `first ${name}`);
      });
      writeAt(a, 'edited.txt', 'second, from a');
      rmSync(join(a, 'deleted.txt'));
      renameSync(join(a, 'renamed.txt'), join(a, 'new name.txt'));
      writeAt(b, 'new/from b.txt', 'hello');
      rmSync(join(b, 'dir/gone.txt'));
      await sync(first, idA);
      await sync(second, idB);
      await sync(first, idA);
      expect(treeOf(b)).toEqual(treeOf(a));
      expect(Object.keys(treeOf(a))).toEqual(['dir/', 'dir/kept.txt', 'edited.txt', 'new name.txt', 'new/', 'new/from b.txt']);
      expect(readAt(b, 'edited.txt')).toBe('second, from a');
      expect(readdirSync(join(b, '.enfold/trash'), { recursive: true }).map(String).some((name) => name.includes('deleted.txt'))).toBe(true);
    });

    test('files are listed, read, fetched, stored and deleted by their real names', async () => {
      const { a, b, idA, idB } = await pair((root) => {
        writeAt(root, 'top.txt', 'at the top');
        writeAt(root, 'dir/Ünïcödé.txt', 'inside');
        writeAt(root, 'dir/below/more.bin', Buffer.alloc(100_000, 7));
      });
      expect((await first.json<{ path: string; kind: string; sizeBytes: number | null }[]>(['ls', `${idA}:`])).map(({ path, kind, sizeBytes }) => [path, kind, sizeBytes])).toEqual([['dir/', 'directory', null], ['top.txt', 'file', 10]]);
      expect((await first.ok(['ls', '-r', `${idA}:dir`])).trim().split('\n')).toEqual(['dir/below/more.bin', 'dir/Ünïcödé.txt']);
      expect((await first.run(['cat', `${idA}:dir/Ünïcödé.txt`])).stdout).toBe('inside');
      const out = join(scratch.dir, 'fetched.bin');
      writeFileSync(out, 'something that is replaced');
      await first.ok(['get', `${idA}:dir/below/more.bin`, '--out', out]);
      expect(readFileSync(out).equals(Buffer.alloc(100_000, 7))).toBe(true);

      const source = join(scratch.dir, 'source.txt');
      writeFileSync(source, 'put by hand');
      expect(await first.json(['put', source, `${idA}:dir/`])).toMatchObject({ path: 'dir/source.txt', replaced: false, sizeBytes: 11 });
      expect(await first.json(['put', source, `${idA}:top.txt`])).toMatchObject({ path: 'top.txt', replaced: true });
      expect(await first.json(['rm', `${idA}:dir/Ünïcödé.txt`])).toEqual({ removed: ['dir/Ünïcödé.txt'] });
      for (const [computer, id] of [[second, idB], [first, idA]] as const) expect(await sync(computer, id)).toMatchObject({ inStep: true, folders: [{ conflictCopies: [] }] });
      expect(treeOf(b)).toEqual(treeOf(a));
      expect(readAt(b, 'top.txt')).toBe('put by hand');
      expect(Object.keys(treeOf(b))).toEqual(['dir/', 'dir/below/', 'dir/below/more.bin', 'dir/source.txt', 'top.txt']);

      expect(await first.error(['rm', `${idA}:dir`])).toMatchObject({ exitCode: 1, code: 'bad-usage' });
      expect(await first.json(['rm', '-r', `${idA}:dir`])).toEqual({ removed: ['dir/below/more.bin', 'dir/source.txt'] });
      expect(await first.error(['cat', `${idA}:dir/source.txt`])).toMatchObject({ exitCode: 1, code: 'no-such-path' });
      expect(await first.error(['ls', `${idA}:../outside`])).toMatchObject({ code: 'no-such-path' });
    });

    test('verify reads everything back', async () => {
      const { idA } = await pair((root) => {
        for (let i = 0; i < 12; i += 1) writeAt(root, `file ${i}.txt`, `content ${i}`);
      });
      expect(await first.json(['verify', idA])).toMatchObject({ ok: true, objects: 12, checked: 12, failed: [], foreign: [] });
      expect(await first.json(['verify', idA, '--sample', '5'])).toMatchObject({ ok: true, objects: 12, checked: 5 });
    });

    if (isClientSide) {
      test('an object that another holder of the key put in place of a file is found, and never becomes the file', async () => {
        const { a, b, idA, idB, remote } = await pair((root) => {
          for (let i = 0; i < 3; i += 1) writeAt(root, `file ${i}.txt`, `content ${i}`);
        });
        const before = treeOf(a);
        const [row] = await first.json<{ objectKey: string }[]>(['ls', `${idA}:`]);
        const forged = join(scratch.dir, 'forged.txt');
        writeFileSync(forged, 'forged by another');
        await first.ok(['put', forged, `s3://${new URL(remote).host}/${row?.objectKey}`, '--connection', 's3', '--mode', mode, ...keyArgs]);
        const verified = await first.run(['verify', idA, '--json']);
        expect(verified.code).toBe(2);
        expect(JSON.parse(verified.stdout)).toMatchObject({ ok: false, checked: 2 });
        for (const [computer, id] of [[first, idA], [second, idB]] as const) {
          const synced = await computer.run(['sync', id, '--json']);
          expect(synced.code).toBe(2);
          expect(JSON.parse(synced.stdout)).toMatchObject({ inStep: false });
        }
        expect(treeOf(a)).toEqual(before);
        expect(treeOf(b)).toEqual(before);
      });
    }

    if (!isBrief) {
      test('both versions survive when both sides edited a file, and that is no failure', async () => {
        const { a, b, idA, idB } = await pair((root) => writeAt(root, 'both.txt', 'common'));
        writeAt(a, 'both.txt', 'from a');
        writeAt(b, 'both.txt', 'from b, longer');
        await sync(first, idA);
        const report = await sync(second, idB);
        expect(report.folders[0]?.conflictCopies).toHaveLength(1);
        await sync(first, idA);
        expect(treeOf(b)).toEqual(treeOf(a));
        const contents = readdirSync(a).filter((name) => name.startsWith('both')).map((name) => readAt(a, name));
        expect(contents.toSorted()).toEqual(['from a', 'from b, longer']);
      });

      test('a preview tells what a sync would do and changes nothing', async () => {
        const { a, b, idA, idB } = await pair((root) => writeAt(root, 'one.txt', 'one'));
        writeAt(a, 'two.txt', 'two');
        const before = treeOf(b);
        expect(await first.json(['preview', idA.slice(0, 6)])).toMatchObject({ counts: { upload: 1, download: 0 }, actions: [{ action: 'upload', path: 'two.txt' }], held: null });
        await sync(second, idB);
        expect(treeOf(b)).toEqual(before);
      });

      test('many deletions are held until --yes', async () => {
        const { a, b, idA, idB } = await pair((root) => {
          for (let i = 0; i < 40; i += 1) writeAt(root, `file ${i}.txt`, `content ${i}`);
        });
        for (let i = 0; i < 30; i += 1) rmSync(join(a, `file ${i}.txt`));
        const held = await first.run(['sync', idA, '--json']);
        expect(held.code).toBe(2);
        expect(JSON.parse(held.stdout)).toMatchObject({ inStep: false, folders: [{ held: { reason: 'mass-delete-remote', ofTotal: 40 } }] });
        await sync(second, idB);
        expect(Object.keys(treeOf(b))).toHaveLength(40);
        await first.ok(['sync', idA, '--yes']);
        await second.ok(['sync', idB, '--yes']);
        expect(treeOf(b)).toEqual(treeOf(a));
        expect(Object.keys(treeOf(b))).toHaveLength(10);
      });

      test('a sync that is killed ten times loses nothing and doubles nothing', { timeout: 180_000 }, async () => {
        places += 1;
        const remote = `s3://whole-path-${what}/killed`;
        const [a, b] = [join(scratch.dir, 'killed-a'), join(scratch.dir, 'killed-b')];
        for (const root of [a, b]) mkdirSync(root);
        makeMixedTree(a, 500, 'killed');
        const before = treeOf(a);
        const { id } = await first.json<FolderJson>(['folder', 'add', a, '--remote', remote, '--connection', 's3', '--mode', mode, ...keyArgs]);
        await second.ok(['folder', 'add', b, '--remote', remote, '--connection', 's3']);
        // How long such a sync takes here, and one that finds nothing to do: the kills are spread over what lies between.
        const m = join(scratch.dir, 'killed-measured');
        mkdirSync(m);
        makeMixedTree(m, 500, 'killed');
        const measured = await first.json<FolderJson>(['folder', 'add', m, '--remote', `${remote}-measured`, '--connection', 's3', '--mode', mode, ...keyArgs]);
        const fullMs = await durationOf(async () => first.ok(['sync', measured.id]));
        const idleMs = await durationOf(async () => first.ok(['sync', measured.id]));
        let killed = 0;
        const killAt = async (computer: Computer, share: number): Promise<void> => {
          const child = computer.spawn(['sync', id]);
          const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once('close', (_code, signal) => resolve(signal)));
          const timer = setTimeout(() => child.kill('SIGKILL'), idleMs + share * Math.max(0, fullMs - idleMs));
          if ((await ended) === 'SIGKILL') killed += 1;
          clearTimeout(timer);
        };
        // Each sync goes on where the one before was killed, so the shares add up to less than the whole.
        const shares = [0.02, 0.15, 0.25, 0.1, 0.3];
        for (const share of shares) await killAt(first, share);
        await first.ok(['sync', id]);
        for (const share of shares) await killAt(second, share);
        await second.ok(['sync', id]);
        expect(killed).toBeGreaterThanOrEqual(4);
        expect(treeOf(a)).toEqual(before);
        expect(treeOf(b)).toEqual(before);
        expect(await sync(first, id)).toMatchObject({ inStep: true, folders: [{ conflictCopies: [], failed: [] }] });
        expect(existsSync(join(b, '.enfold/tmp')) ? readdirSync(join(b, '.enfold/tmp')).length : 0).toBeLessThan(500);
        expect(await first.json(['verify', id])).toMatchObject({ ok: true, failed: [], foreign: [] });
      });
    }
  });
}
