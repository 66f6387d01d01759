/**
 * Two computers that keep one folder in step through built-in storage, where the first one's syncs are processes that end badly. Each
 * user has files of their own, so what must stand in the end is known to the byte, and no conflict copy is ever needed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Enfold, OpenFolder } from '../../main/assembly/api.ts';
import { openEnfold } from '../../main/assembly/enfold.ts';
import { startStorage } from '../../main/storage/server.ts';
import { createComputer, type Ran, type RunOptions } from '../helpers/cli.ts';
import { startFaultProxy } from '../helpers/fault-proxy.ts';
import { writeAt } from '../helpers/tree.ts';

const { signal } = new AbortController();
/** Every write of a file has one. Larger than a page of the disk and of SQLite, so that a part of it can be told from the whole. */
const FILE_BYTES = 6_000;

type Side = 'first' | 'second';
export type Pair = {
  readonly roots: Readonly<Record<Side, string>>;
  /** Users of both computers write, edit, rename, delete and make directories; then the second computer syncs. */
  change(): Promise<void>;
  /** The first computer's sync, as a process of its own. */
  syncFirst(options?: RunOptions): Promise<Ran>;
  /** The second computer's, in this process. @returns what went wrong; empty is good */
  syncSecond(): Promise<readonly string[]>;
  /** Both sync in this process until all must be through. @returns what is not as it must be, in words; empty is good */
  settle(): Promise<readonly string[]>;
  /** `onRequest` is told of every request of the first computer, before it reaches the storage. */
  readonly wire: { onRequest: () => void };
  /** Files that are neither as their user left them nor as they were before: what a crash may never leave. */
  torn(): readonly string[];
  close(): Promise<void>;
};

/** @param place - where the first computer has its folder, and its records too unless `home` says another. */
export async function createPair(scratch: string, place: string, home = join(place, 'home')): Promise<Pair> {
  const storage = await startStorage({ dir: join(scratch, 'storage') });
  const wire: Pair['wire'] = { onRequest: () => undefined };
  const proxy = await startFaultProxy(storage.endpoint, () => wire.onRequest());
  const endpoints = { first: proxy.endpoint, second: storage.endpoint };
  const env = { AWS_ACCESS_KEY_ID: storage.accessKeyId, AWS_SECRET_ACCESS_KEY: storage.secretAccessKey };
  Object.assign(process.env, env);
  const roots = { first: join(place, 'folder'), second: join(scratch, 'folder') };
  const homes = { first: home, second: join(scratch, 'home-of-second') };
  const open = (side: Side): Promise<Enfold> => openEnfold({ home: homes[side], env: {}, hostName: side });
  const ids = { first: '', second: '' };
  for (const side of ['first', 'second'] as const) {
    mkdirSync(roots[side]);
    const enfold = await open(side);
    await enfold.connections.add({ kind: 'environment', name: 's3', endpoint: endpoints[side], region: 'us-east-1' });
    const { folder } = await enfold.folders.add({ localPath: roots[side], connection: 's3', bucket: 'pair', prefix: 'x/', mode: side === 'first' ? 'sse-s3' : null, key: null, names: null, direction: 'two-way', createBucket: true });
    ids[side] = folder.id;
    await enfold.close();
  }
  const computer = createComputer(dirname(home), basename(home));
  const second = await open('second');
  // Stays open: each opening starts threads.
  const secondFolder = await second.folders.open(ids.second);
  const expected = new Map<string, string>();
  const everWritten = new Set<string>();
  let round = 0;

  async function syncHere(folder: OpenFolder, side: Side): Promise<readonly string[]> {
    const report = await folder.sync({ acceptHeld: true, signal });
    return [...report.conflictCopies.map((path) => `${side} made ${path}`), ...report.failed.map((failure) => `${side}: ${JSON.stringify(failure)}`), ...(report.inStep ? [] : [`${side} is not in step`])];
  }

  function changeOn(side: Side): void {
    const root = roots[side];
    const write = (name: string): void => {
      const content = `${side} ${name} ${round} `.padEnd(FILE_BYTES, `${round} `);
      expected.set(`${side}/${name}`, content);
      everWritten.add(content);
      writeAt(root, `${side}/${name}`, content);
    };
    for (const name of ['edited', `new ${round}`, `sub ${round % 3}/new ${round}`]) write(name);
    const move = (from: string, to: string): void => {
      const content = expected.get(`${side}/${from}`);
      if (content === undefined || !expected.delete(`${side}/${from}`)) return;
      expected.set(`${side}/${to}`, content);
      renameSync(join(root, side, from), join(root, side, to));
    };
    move(`new ${round - 1}`, `renamed ${round - 1}`);
    for (const gone of [`renamed ${round - 2}`, `sub ${(round + 1) % 3}/new ${round - 2}`]) if (expected.delete(`${side}/${gone}`)) rmSync(join(root, side, gone));
    mkdirSync(join(root, side, `empty ${round}`));
    if (existsSync(join(root, side, `empty ${round - 1}`))) rmdirSync(join(root, side, `empty ${round - 1}`));
  }

  function contentsOf(root: string): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    for (const path of readdirSync(root, { recursive: true }) as string[]) {
      if (!path.startsWith('.enfold') && statSync(join(root, path)).isFile()) found.set(path, readFileSync(join(root, path), 'utf8'));
    }
    return found;
  }

  function differences(side: Side): readonly string[] {
    const found = contentsOf(roots[side]);
    const broken: string[] = [];
    for (const [path, content] of expected) if (found.get(path) !== content) broken.push(`${path} on the ${side} is ${found.has(path) ? `'${found.get(path)?.slice(0, 40)}'` : 'gone'}`);
    for (const path of found.keys()) if (!expected.has(path)) broken.push(`${path} stands on the ${side}`);
    return broken;
  }

  return {
    roots, wire,
    async change() {
      round += 1;
      changeOn('first');
      changeOn('second');
      // What a user saved long ago: the disk has it.
      execFileSync('sync', ['-f', roots.first]);
      const broken = await syncHere(secondFolder, 'second');
      if (broken.length > 0) throw new Error(broken.join('\n'));
    },
    syncFirst: (options = {}) => computer.run(['sync', ids.first, '--yes', '--json'], { ...options, env: { ...env, ...options.env } }),
    syncSecond: () => syncHere(secondFolder, 'second'),
    async settle() {
      const first = await open('first');
      const firstFolder = await first.folders.open(ids.first);
      try {
        const broken: string[] = [];
        for (const [folder, side] of [[firstFolder, 'first'], [secondFolder, 'second'], [firstFolder, 'first']] as const) broken.push(...(await syncHere(folder, side)));
        return [...broken, ...differences('first'), ...differences('second')];
      } finally {
        await firstFolder.close();
        await first.close();
      }
    },
    torn: () => [...contentsOf(roots.first)].filter(([, content]) => !everWritten.has(content)).map(([path, content]) => `${path}: ${content.length} bytes, '${content.slice(0, 40)}'`),
    async close() {
      await secondFolder.close();
      await second.close();
      await proxy.stop();
      await storage.stop();
      for (const name of Object.keys(env)) delete process.env[name];
    },
  };
}
