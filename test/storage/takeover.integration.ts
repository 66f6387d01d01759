/** Several processes over one data folder: one serves, and when it ends, however it ends, another takes its place at the same address. */
import { fork, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createComputer, makeScratch } from '../helpers/cli.ts';
import { hasThrowAwayKeychain, IN_KEYCHAIN } from '../helpers/secrets.ts';
import { treeOf, writeAt } from '../helpers/tree.ts';
import { createTarget, send } from './target.ts';

type Ready = { readonly type: 'ready'; readonly endpoint: string; readonly accessKeyId: string; readonly secretAccessKey: string; readonly certificatePem: string | null };
type Started = { readonly child: ChildProcess; readonly ready: Ready; readonly said: Ready[] };

let scratch: ReturnType<typeof makeScratch>;
const children: ChildProcess[] = [];
beforeEach(() => {
  scratch = makeScratch();
});
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => end(child, 'SIGKILL')));
  scratch.remove();
});

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  child.kill(signal);
  await ended;
}

/** As the app and the command line start it. */
async function start(...more: string[]): Promise<Started> {
  const child = fork(resolve('main/storage-process.ts'), ['--dir', join(scratch.dir, 'storage'), ...more], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env: { ...process.env, ENFOLD_HOME: join(scratch.dir, 'home') } });
  children.push(child);
  const said: Ready[] = [];
  const ready = await new Promise<Ready>((done, failed) => {
    child.on('message', (message: Ready | { type: 'failed'; error: { says: string } }) => {
      if (message.type === 'failed') return failed(new Error(message.error.says));
      said.push(message);
      done(message);
    });
    child.once('exit', (code) => failed(new Error(`ended with ${code}`)));
  });
  return { child, ready, said };
}

const isServing = async ({ endpoint }: Ready): Promise<boolean> => {
  const answer = await send(endpoint, '/', { method: 'GET', headers: { host: new URL(endpoint).host } }).catch(() => null);
  return answer?.status === 403;
};

test.each<NodeJS.Signals>(['SIGTERM', 'SIGKILL'])('the second process serves at the same address when the first ends by %s', async (signal) => {
  const first = await start();
  const [second, third] = [await start(), await start()];
  expect(second.ready).toEqual(first.ready);
  const target = createTarget(second.ready);
  await target.raw('/kept', { method: 'PUT' });
  expect((await target.raw('/kept/a', { method: 'PUT', body: 'of the first' })).status).toBe(200);
  await end(first.child, signal);
  await expect.poll(() => isServing(second.ready)).toBe(true);
  expect((await target.raw('/kept/a')).body.toString()).toBe('of the first');
  expect((await target.raw('/kept/b', { method: 'PUT', body: 'of the next' })).status).toBe(200);
  // The two that are left are one server and one that waits: whichever serves, the other follows.
  await end(second.child, signal);
  await expect.poll(() => isServing(third.ready)).toBe(true);
  expect((await target.raw('/kept/b')).body.toString()).toBe('of the next');
  expect([...second.said, ...third.said]).toHaveLength(2);
});

test('a storage keeps its address over restarts, and takes another one only where it is taken', async () => {
  const first = await start();
  await end(first.child, 'SIGTERM');
  const second = await start();
  expect(second.ready).toEqual(first.ready);
  await end(second.child, 'SIGTERM');
  const inTheWay = createServer();
  await new Promise<void>((listening) => inTheWay.listen(Number(new URL(first.ready.endpoint).port), '127.0.0.1', listening));
  const third = await start();
  expect(third.ready.endpoint).not.toBe(first.ready.endpoint);
  expect(await isServing(third.ready)).toBe(true);
  await new Promise((closed) => inTheWay.close(closed));
});

test('one that takes over serves HTTPS where the first did, by the same certificate', async () => {
  const first = await start('--https');
  const second = await start();
  expect(second.ready).toEqual(first.ready);
  expect(second.ready.certificatePem).toContain('BEGIN CERTIFICATE');
  await end(first.child, 'SIGKILL');
  const { request } = await import('node:https');
  const status = (): Promise<number> => new Promise((done) => {
    const { hostname, port } = new URL(second.ready.endpoint);
    const outgoing = request({ hostname, port, ca: first.ready.certificatePem ?? '', agent: false }, (incoming) => {
      incoming.resume();
      done(incoming.statusCode ?? 0);
    });
    outgoing.on('error', () => done(0)).end();
  });
  await expect.poll(status).toBe(403);
});

test('a sync that uses the storage of another process goes on when that one is gone', async () => {
  const computer = createComputer(scratch.dir, 'home');
  const [storage, folder] = [join(scratch.dir, 'storage'), join(scratch.dir, 'folder')];
  mkdirSync(folder);
  const server = computer.spawn(['storage', 'serve', '--dir', storage, '--json']);
  children.push(server);
  await new Promise((said) => server.stdout?.once('data', said));
  await computer.ok(['connection', 'add', 'disk', '--built-in', storage]);
  const { id } = await computer.json<{ id: string }>(['folder', 'add', folder, '--remote', 's3://kept', '--connection', 'disk', '--mode', 'sse-s3', '--create-bucket']);
  writeAt(folder, 'one.txt', 'one');
  const watching = computer.spawn(['sync', id, '--watch', '--json']);
  children.push(watching);
  let text = '';
  watching.stdout?.on('data', (chunk: Buffer) => void (text += chunk.toString('utf8')));
  await expect.poll(() => text).toContain('"upload":1');
  await end(server, 'SIGKILL');
  writeAt(folder, 'two.txt', 'two');
  await expect.poll(() => text.match(/"upload":1/g)?.length ?? 0).toBe(2);
  await end(watching, 'SIGTERM');
  const other = createComputer(scratch.dir, 'other');
  const copy = join(scratch.dir, 'copy');
  mkdirSync(copy);
  await other.ok(['connection', 'add', 'disk', '--built-in', storage]);
  await other.ok(['folder', 'add', copy, '--remote', 's3://kept', '--connection', 'disk']);
  await other.ok(['sync']);
  expect(treeOf(copy)).toEqual(treeOf(folder));
});

const inKeychain = hasThrowAwayKeychain();

test.runIf(inKeychain)('the real keychain keeps the root key of a storage in Enfold\'s own directory, and its words open it elsewhere', async () => {
  const here = createComputer(scratch.dir, 'home', { secrets: IN_KEYCHAIN });
  const dir = join(here.home, 'storage');
  const serve = async (computer: typeof here, given: readonly string[]): Promise<Ready & { rootKey: string; end: () => Promise<void> }> => {
    const server = computer.spawn(['storage', 'serve', '--json', ...given]);
    children.push(server);
    const line = await new Promise<Buffer>((said, failed) => {
      server.stdout?.once('data', said);
      server.once('exit', (code) => failed(new Error(`ended with ${code}`)));
    });
    return { ...(JSON.parse(line.toString('utf8')) as Ready & { rootKey: string }), end: async () => end(server, 'SIGTERM') };
  };
  const first = await serve(here, []);
  expect(first.rootKey).toBe('keychain');
  const target = createTarget(first);
  await target.raw('/photos', { method: 'PUT' });
  await target.raw('/photos/a', { method: 'PUT', body: 'the only copy' });
  await first.end();

  const elsewhere = createComputer(scratch.dir, 'elsewhere', { secrets: IN_KEYCHAIN });
  expect(await elsewhere.error(['storage', 'serve', '--dir', dir])).toMatchObject({ code: 'storage-key-missing', exitCode: 1 });
  const { words } = await here.json<{ words: string[] }>(['storage', 'root-key', 'export']);
  expect(await elsewhere.error(['storage', 'root-key', 'import', '--dir', dir], { input: words.toReversed().join(' ') })).toMatchObject({ code: expect.stringMatching(/^kit-words-wrong|key-invalid$/) });
  await elsewhere.ok(['storage', 'root-key', 'import', '--dir', dir], { input: words.join(' ') });
  const again = await serve(elsewhere, ['--dir', dir]);
  expect((await createTarget(again).raw('/photos/a')).body.toString()).toBe('the only copy');
  await again.end();

  // What was stored in the real keychain is taken out again.
  await here.ok(['storage', 'root-key', 'to-folder', '--dir', dir]);
  expect((await here.json(['storage', 'status', '--dir', dir]))['rootKey']).toMatchObject({ place: 'beside-data' });
});
