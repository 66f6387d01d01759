/** A folder on a stick: names that differ in case only are one there, some names cannot be, and files have no lasting numbers. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Enfold, OpenFolder, SyncReport } from '../../main/assembly/api.ts';
import { openEnfold } from '../../main/assembly/enfold.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { makeScratch } from '../helpers/cli.ts';
import { canMountExfat, createExfatDisk, type ExfatDisk } from '../helpers/exfat-disk.ts';
import { readAt, treeOf, writeAt } from '../helpers/tree.ts';

const { signal } = new AbortController();
const [COMPOSED, DECOMPOSED] = ['caf\u00e9.txt', 'cafe\u0301.txt'];
const ON_DESK: Readonly<Record<string, string>> = { 'A.txt': 'large A', 'a.txt': 'small a', 'Dir/one.txt': 'one', 'dir/two.txt': 'two', [COMPOSED]: 'composed', [DECOMPOSED]: 'decomposed', aux: 'a device', 'trail.': 'a dot', 'a:b': 'a colon', 'q?': 'a question', 'plain.txt': 'plain' };
const STILL = { upload: 0, download: 0, 'keep-both': 0, 'rename-remote': 0, 'delete-local': 0, 'delete-remote': 0 };

describe.runIf(canMountExfat())('a folder on a disk whose names ignore case', () => {
  const scratch = makeScratch();
  let server: RunningStorage;
  let disk: ExfatDisk;
  const computers: Enfold[] = [];
  let [desk, stick] = [null, null] as unknown as [OpenFolder, OpenFolder];
  const roots = { desk: join(scratch.dir, 'desk'), stick: '' };
  const sync = async (folder: OpenFolder): Promise<SyncReport> => folder.sync({ acceptHeld: true, signal });
  const onStick = (): string[] => readdirSync(roots.stick).filter((name) => name !== '.enfold').toSorted();

  async function open(name: 'desk' | 'stick'): Promise<OpenFolder> {
    mkdirSync(roots[name]);
    const enfold = await openEnfold({ home: join(scratch.dir, `${name}'s home`), env: {}, hostName: name });
    computers.push(enfold);
    await enfold.connections.add({ kind: 'environment', name: 's3', endpoint: server.endpoint, region: 'us-east-1' });
    const { folder } = await enfold.folders.add({ localPath: roots[name], connection: 's3', bucket: 'stick', prefix: 'x/', mode: name === 'desk' ? 'sse-s3' : null, key: null, names: null, direction: 'two-way', createBucket: true });
    return enfold.folders.open(folder.id);
  }

  beforeAll(async () => {
    server = await startStorage({ dir: join(scratch.dir, 'storage') });
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: server.accessKeyId, AWS_SECRET_ACCESS_KEY: server.secretAccessKey });
    disk = createExfatDisk();
    roots.stick = join(disk.path, 'folder');
    desk = await open('desk');
    for (const [name, text] of Object.entries(ON_DESK)) writeAt(roots.desk, name, text);
    await sync(desk);
    stick = await open('stick');
  });
  afterAll(async () => {
    for (const folder of [desk, stick]) await folder?.close();
    for (const enfold of computers) await enfold.close();
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) delete process.env[name];
    disk?.remove();
    await server.stop();
    scratch.remove();
  });

  test('gets one of each pair and all that can be there; the others stay in the bucket and are listed with their reason', async () => {
    const before = treeOf(roots.desk);
    expect(await sync(stick)).toMatchObject({ inStep: true, failed: [], conflictCopies: [], counts: { upload: 0, download: 4 } });
    expect(Object.fromEntries(onStick().filter((name) => name !== 'Dir').map((name) => [name, readAt(roots.stick, name)]))).toEqual({ 'A.txt': 'large A', [DECOMPOSED]: 'decomposed', 'plain.txt': 'plain' });
    expect(readdirSync(join(roots.stick, 'Dir'))).toEqual(['one.txt']);
    const { skipped = [] } = (await computers[1]?.folders.recordsOf(stick.settings.id)) ?? {};
    expect(skipped.map(({ path, side, reason, detail }) => [path, side, reason, detail])).toEqual([
      ['a.txt', 'remote', 'name-collision', 'A.txt'], ['a:b', 'remote', 'name-traversal', null], ['aux', 'remote', 'name-reserved', null], [COMPOSED, 'remote', 'name-collision', DECOMPOSED],
      ['dir/two.txt', 'remote', 'name-collision', 'Dir'], ['q?', 'remote', 'name-unsupported', null], ['trail.', 'remote', 'name-unsupported', null],
    ]);
    expect(await sync(desk)).toMatchObject({ inStep: true, conflictCopies: [], counts: { upload: 0, download: 0, 'delete-local': 0, 'delete-remote': 0 } });
    expect(treeOf(roots.desk)).toEqual(before);
  });

  test('is at rest: nothing is sent, fetched or deleted by another sync, nor after the disk was out and its files have other numbers', async () => {
    expect(await sync(stick)).toMatchObject({ inStep: true, cycles: 1, counts: STILL });
    await stick.close();
    disk.remount();
    stick = (await computers[1]?.folders.open(stick.settings.id)) ?? stick;
    expect(await sync(stick)).toMatchObject({ inStep: true, conflictCopies: [], counts: STILL });
    expect(await sync(desk)).toMatchObject({ inStep: true, counts: STILL });
  });

  test('takes the second of a pair when the first is gone, and sends what is edited there', async () => {
    rmSync(join(roots.desk, 'A.txt'));
    await sync(desk);
    writeAt(roots.stick, 'plain.txt', 'edited on the stick');
    for (let round = 0; round < 2; round++) expect(await sync(stick)).toMatchObject({ inStep: true, failed: [], conflictCopies: [] });
    expect([onStick().includes('a.txt'), onStick().includes('A.txt'), readAt(roots.stick, 'a.txt')]).toEqual([true, false, 'small a']);
    await sync(desk);
    const { 'A.txt': _gone, ...left } = ON_DESK;
    expect(Object.fromEntries(Object.keys(left).map((name) => [name, readAt(roots.desk, name)]))).toEqual({ ...left, 'plain.txt': 'edited on the stick' });
  });
});
