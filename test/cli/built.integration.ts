/** The command line as it is built and shipped, on the Node that runs the tests; `npm run build` comes first. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { createComputer, makeScratch, type Ran } from '../helpers/cli.ts';
import { makeMixedTree, treeOf, writeAt } from '../helpers/tree.ts';

const scratch = makeScratch();
const built = resolve('out/main/cli.js');
const computer = createComputer(scratch.dir, 'home', built);
const other = createComputer(scratch.dir, 'other-home', built);
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
      await vi.waitFor(() => expect(lines.length).toBeGreaterThan(0), { timeout: 30_000 });
      writeAt(a, 'while watching.txt', 'one');
      await vi.waitFor(() => expect(lines.join('')).toContain('"upload":1'), { timeout: 30_000 });
      await other.ok(['sync']);
      writeAt(b, 'from the other.txt', 'two');
      await other.ok(['sync']);
      await vi.waitFor(() => expect(treeOf(a)).toEqual(treeOf(b)), { timeout: 30_000 });
      await vi.waitFor(() => expect(lines.join('')).toContain('"download":1'), { timeout: 30_000 });
      watching.kill('SIGTERM');
      expect(await ended).toBe(0);
      for (const line of lines.join('').trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('inStep', true);
    } finally {
      watching.kill('SIGKILL');
      server.kill('SIGTERM');
      await new Promise((done) => server.once('close', done));
    }
  });

  test('starts in under 300 ms where nothing else runs, and never loads an S3 client to show what it knows', async () => {
    const timed = async (args: readonly string[]): Promise<number> => {
      const runs: number[] = [];
      for (let i = 0; i < 5; i += 1) {
        const startedAt = performance.now();
        const ran: Ran = await computer.run(args);
        expect(ran.code).toBe(0);
        runs.push(performance.now() - startedAt);
      }
      return Math.min(...runs);
    };
    // A bare Node takes its share, which differs from computer to computer: the limit is what we add to it.
    const bare: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      const startedAt = performance.now();
      await new Promise((done) => spawn(process.execPath, ['-e', '0']).once('close', done));
      bare.push(performance.now() - startedAt);
    }
    expect(await timed(['--help']) - Math.min(...bare)).toBeLessThan(250);
    expect(await timed(['folder', 'list', '--json']) - Math.min(...bare)).toBeLessThan(250);
  });
});
