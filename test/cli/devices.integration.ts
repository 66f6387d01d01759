/** Devices that learn of each other by their change feeds: processes of their own on built-in storage, their requests counted. */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createComputer, makeScratch, type Computer } from '../helpers/cli.ts';
import { startFaultProxy, type FaultProxy } from '../helpers/fault-proxy.ts';
import { treeOf, writeAt } from '../helpers/tree.ts';

const scratch = makeScratch();
const children: ChildProcess[] = [];
let server: RunningStorage;
let proxy: FaultProxy;
const [anna, ben] = [createComputer(scratch.dir, 'anna'), createComputer(scratch.dir, 'ben')];
const [a, b] = [join(scratch.dir, 'a'), join(scratch.dir, 'b')];
const remote = 's3://devices/shared';
let idA = '';
let idB = '';

beforeAll(async () => {
  server = await startStorage({ dir: join(scratch.dir, 'storage') });
  proxy = await startFaultProxy(server.endpoint);
  writeAt(scratch.dir, 'raw.key', Buffer.from(Array.from({ length: 32 }, (_, i) => 255 - i * 3)));
  for (const [computer, endpoint, root] of [[anna, server.endpoint, a], [ben, proxy.endpoint, b]] as const) {
    mkdirSync(root);
    await computer.connect({ ...server, endpoint });
    await computer.ok(['key', 'import', 'shared', '--from', join(scratch.dir, 'raw.key')]);
  }
  for (let i = 0; i < 60; i += 1) writeAt(a, `docs/file ${i}.txt`, `content ${i}`);
  ({ id: idA } = await anna.json<{ id: string }>(['folder', 'add', a, '--remote', remote, '--connection', 's3', '--mode', 'cse-c', '--key', 'shared', '--create-bucket']));
  await anna.ok(['sync', idA]);
  ({ id: idB } = await ben.json<{ id: string }>(['folder', 'add', b, '--remote', remote, '--connection', 's3']));
  for (const [computer, id] of [[anna, idA], [ben, idB], [anna, idA]] as const) await computer.ok(['sync', id]);
});
afterAll(async () => {
  for (const child of children) {
    const ended = new Promise((resolve) => child.once('close', resolve));
    if (child.exitCode !== null || child.signalCode !== null || !child.kill('SIGTERM')) continue;
    await ended;
  }
  await proxy.stop();
  await server.stop();
  scratch.remove();
});

/** Listings of the folder itself among the requests that went through the proxy since `from`; those of feeds and tombstones are not counted. */
function listings(from: number): readonly string[] {
  return proxy.requests.slice(from).filter((line) => line.includes('list-type=2') && !/prefix=[^&]*(?:%2F|\/)\.enfold(?:%2F|\/)(?:feed|tomb)/.test(line));
}

const inStep = { timeout: 120_000, interval: 200 };

/** @param at - the first of three files that stand there. */
function changeAll(at: number): void {
  writeAt(a, `new ${at}.txt`, 'new');
  writeAt(a, `docs/file ${at}.txt`, `edited ${at}`);
  renameSync(join(a, `docs/file ${at + 1}.txt`), join(a, `docs/renamed ${at}.txt`));
  rmSync(join(a, `docs/file ${at + 2}.txt`));
}

test('what the server was found to enforce is kept and shown', async () => {
  const server = { level: 'full', conditionalDelete: true, createIfAbsent: true };
  expect(await anna.json(['folder', 'status', idA])).toMatchObject({ server });
  expect(await anna.json(['connection', 'test', 's3'])).toMatchObject({ ok: true, folders: [{ id: idA, bucket: 'devices', server }] });
  expect(await anna.ok(['folder', 'status', idA])).toContain('guards against two computers writing at the same moment');
});

describe('another device\'s new file, edit, rename and deletion', () => {
  test('arrive at a quick sync without a listing of the bucket', async () => {
    changeAll(10);
    await anna.ok(['sync', idA]);
    const from = proxy.requests.length;
    expect(await ben.json(['sync', idB, '--quick'])).toMatchObject({ inStep: true, folders: [{ conflictCopies: [], failed: [] }] });
    expect(treeOf(b)).toEqual(treeOf(a));
    expect(listings(from)).toEqual([]);
    const { length } = proxy.requests;
    expect(await ben.json(['sync', idB, '--quick'])).toMatchObject({ inStep: true });
    // The one request that finds out that there is no news.
    expect(proxy.requests.length - length).toBe(1);
  });

  test('arrive at a device that is watching, from one that is watching, without a listing of the bucket', async () => {
    const started = async (computer: Computer, id: string): Promise<void> => {
      const child = computer.spawn(['sync', id, '--watch', '--json']);
      children.push(child);
      await new Promise((resolve) => child.stdout?.once('data', resolve));
    };
    await started(anna, idA);
    await started(ben, idB);
    const from = proxy.requests.length;
    changeAll(20);
    await vi.waitFor(() => expect(treeOf(b)).toEqual(treeOf(a)), inStep);
    writeAt(b, 'from ben.txt', 'hello');
    await vi.waitFor(() => expect(treeOf(a)).toEqual(treeOf(b)), inStep);
    expect(Object.keys(treeOf(a))).toContain('from ben.txt');
    expect(listings(from)).toEqual([]);
  });

  test('are told to others by files put and removed by hand', async () => {
    for (const child of children.splice(0)) {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGTERM');
      await ended;
    }
    await anna.ok(['put', join(scratch.dir, 'raw.key'), `${idA}:by hand.key`]);
    await anna.ok(['rm', `${idA}:docs/file 5.txt`]);
    const from = proxy.requests.length;
    expect(await ben.json(['sync', idB, '--quick'])).toMatchObject({ inStep: true });
    expect(listings(from)).toEqual([]);
    const files = Object.keys(treeOf(b));
    expect([files.includes('by hand.key'), files.includes('docs/file 5.txt')]).toEqual([true, false]);
  });
});
