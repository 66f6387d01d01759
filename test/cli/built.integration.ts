/** The command line as it is built and shipped, on the Node that runs the tests; `npm run build` comes first. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { createComputer, makeScratch } from '../helpers/cli.ts';
import { makeMixedTree, treeOf, writeAt } from '../helpers/tree.ts';

const scratch = makeScratch();
const built = resolve('out/main/cli.js');
const computer = createComputer(scratch.dir, 'home', { program: built });
const other = createComputer(scratch.dir, 'other-home', { program: built });
const storage = join(scratch.dir, 'storage');
afterAll(() => scratch.remove());

describe('the built command line', () => {
  test('is there', () => {
    expect(existsSync(built), 'out/main/cli.js is missing: run `npm run build` first').toBe(true);
  });

  test('starts built-in storage for as long as a command needs it, and workers that carry the files', async () => {
    const [a, b] = [join(scratch.dir, 'a'), join(scratch.dir, 'b')];
    for (const root of [a, b]) mkdirSync(root);
    makeMixedTree(a, 120);
    for (const one of [computer, other]) await one.ok(['connection', 'add', 'disk', '--built-in', storage]);
    const raw = join(scratch.dir, 'raw.key');
    writeAt(scratch.dir, 'raw.key', Buffer.from(Array.from({ length: 32 }, (_, i) => 255 - i * 3)));
    for (const one of [computer, other]) await one.ok(['key', 'import', 'family', '--from', raw]);
    const { id } = await computer.json<{ id: string }>(['folder', 'add', a, '--remote', 's3://built', '--connection', 'disk', '--mode', 'cse-c', '--key', 'family', '--create-bucket']);
    const up = await computer.run(['sync', id]);
    expect([up.code, up.stderr]).toEqual([0, '']);
    await other.ok(['folder', 'add', b, '--remote', 's3://built', '--connection', 'disk']);
    await other.ok(['sync', id]);
    expect(treeOf(b)).toEqual(treeOf(a));
  });

  test('stays with a folder, sends what changes and takes what others change, until it is interrupted', async () => {
    const [a, b] = [join(scratch.dir, 'a'), join(scratch.dir, 'b')];
    const [folder] = await computer.json<{ id: string }[]>(['folder', 'list']);
    const server = spawn(process.execPath, [built, 'storage', 'serve', '--dir', storage, '--json'], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ENFOLD_HOME: join(scratch.dir, 'server-home') } });
    await new Promise((ready) => server.stdout.once('data', ready));
    const watching = computer.spawn(['sync', folder?.id ?? '', '--watch', '--json']);
    const lines: string[] = [];
    watching.stdout?.on('data', (chunk: Buffer) => lines.push(chunk.toString('utf8')));
    const ended = new Promise<number | null>((done) => watching.once('close', done));
    try {
      await vi.waitFor(() => expect(lines.length).toBeGreaterThan(0), { timeout: 120_000 });
      writeAt(a, 'while watching.txt', 'one');
      await vi.waitFor(() => expect(lines.join('')).toContain('"upload":1'), { timeout: 120_000 });
      await other.ok(['sync']);
      writeAt(b, 'from the other.txt', 'two');
      await other.ok(['sync']);
      await vi.waitFor(() => expect(treeOf(a)).toEqual(treeOf(b)), { timeout: 120_000 });
      await vi.waitFor(() => expect(lines.join('')).toContain('"download":1'), { timeout: 120_000 });
      watching.kill('SIGTERM');
      expect(await ended).toBe(0);
      for (const line of lines.join('').trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('inStep', true);
    } finally {
      watching.kill('SIGKILL');
      server.kill('SIGTERM');
      await new Promise((done) => server.once('close', done));
    }
  });

  test('loads no S3 client, no cipher of a key file and no engine to show help and what it knows', async () => {
    const loaded = join(scratch.dir, 'loaded');
    const hooks = join(scratch.dir, 'record-loads.mjs');
    writeAt(scratch.dir, 'record-loads.mjs', Buffer.from(`
      import { registerHooks } from 'node:module';
      import { appendFileSync } from 'node:fs';
      registerHooks({ load(url, context, next) { appendFileSync(${JSON.stringify(loaded)}, url + '\\n'); return next(url, context); } });
    `));
    const loadsOf = async (args: readonly string[]): Promise<string[]> => {
      rmSync(loaded, { force: true });
      await computer.ok(args, { env: { NODE_OPTIONS: `--import ${pathToFileURL(hooks).href}` } });
      return readFileSync(loaded, 'utf8').trim().split('\n').map((url) => basename(url));
    };
    for (const args of [['--help'], ['folder', 'list', '--json']]) {
      const names = await loadsOf(args);
      expect(names).toContain('cli.js');
      expect(names.filter((name) => /^(s3|aws|scrypt|undici|folder-engine|dist-es)/i.test(name)), args.join(' ')).toEqual([]);
    }
    expect((await loadsOf(['sync'])).some((name) => /^(s3|aws|undici|folder-engine)/i.test(name)), 'the names of these parts, as they are built').toBe(true);
  });
});
