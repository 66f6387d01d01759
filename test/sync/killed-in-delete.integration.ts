/**
 * A process that is killed when its DELETE has taken effect and its answer has not come: the user, who has put the file back by then, keeps it. Only
 * the intent tells that deletion from one that somebody else made; a process that writes down no intents shows that this test would notice.
 */
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test, vi } from 'vitest';
import { openEnfold } from '../../main/assembly/enfold.ts';
import type { ObjectKey } from '../../main/model/path.ts';
import { createS3Store } from '../../main/remote/s3.ts';
import { startStorage } from '../../main/storage/server.ts';
import { createComputer, type RunOptions } from '../helpers/cli.ts';
import { startFaultProxy } from '../helpers/fault-proxy.ts';
import { writeAt } from '../helpers/tree.ts';
import { inScratch } from './bad-ends.ts';

const WITHOUT_INTENTS: RunOptions = { env: { NODE_OPTIONS: `--import=${pathToFileURL(resolve('test/sync/without-intents.mjs')).href}` } };
const { signal } = new AbortController();

/** @returns where the file is in the end that was deleted and put back. */
async function putBackAfterDelete(scratch: string, options: RunOptions): Promise<{ readonly isOnDisk: boolean; readonly isInBucket: boolean }> {
  const storage = await startStorage({ dir: join(scratch, 'storage') });
  const proxy = await startFaultProxy(storage.endpoint);
  const { endpoint, accessKeyId, secretAccessKey } = storage;
  const env = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  Object.assign(process.env, env);
  const store = createS3Store({ endpoint, region: 'us-east-1', pathStyle: true, credentials: { type: 'static', accessKeyId, secretAccessKey } }, 'killed');
  const isInBucket = async (): Promise<boolean> => (await store.head('x/only.txt' as ObjectKey, { modeHeaders: {} }, signal)) !== null;
  const [root, aside] = [join(scratch, 'root'), join(scratch, 'aside.txt')];
  let id = '';
  const syncHere = async (): Promise<void> => {
    const enfold = await openEnfold({ home: join(scratch, 'home'), env: {}, hostName: 'here' });
    try {
      if (id === '') {
        await enfold.connections.add({ kind: 'environment', name: 's3', endpoint: proxy.endpoint, region: 'us-east-1' });
        ({ id } = (await enfold.folders.add({ localPath: root, connection: 's3', bucket: 'killed', prefix: 'x/', mode: 'sse-s3', key: null, names: null, direction: 'two-way', createBucket: true })).folder);
      }
      const open = await enfold.folders.open(id);
      for (let round = 0; round < 2; round++) await open.sync({ acceptHeld: true, signal });
      await open.close();
    } finally {
      await enfold.close();
    }
  };
  try {
    mkdirSync(root);
    for (const name of ['only.txt', 'other.txt', 'third.txt']) writeAt(root, name, `content of ${name}`);
    await syncHere();

    renameSync(join(root, 'only.txt'), aside);
    proxy.inject(/^DELETE \S*only\.txt/, { type: 'delay-answer', ms: 30_000 });
    const child = createComputer(scratch, 'home').spawn(['sync', id, '--json'], { ...options, env: { ...env, ...options.env } });
    for (const stream of [child.stdout, child.stderr]) stream?.resume();
    const ended = new Promise((done) => child.once('close', done));
    await vi.waitFor(async () => expect(await isInBucket()).toBe(false), { timeout: 60_000, interval: 50 });
    child.kill('SIGKILL');
    await ended;

    renameSync(aside, join(root, 'only.txt'));
    await syncHere();
    return { isOnDisk: existsSync(join(root, 'only.txt')), isInBucket: await isInBucket() };
  } finally {
    for (const name of Object.keys(env)) delete process.env[name];
    await store.close();
    await proxy.stop();
    await storage.stop();
  }
}

test('a file that is put back after a deletion whose answer nobody heard stays, and is in the bucket again', async () => {
  expect(await inScratch((scratch) => putBackAfterDelete(scratch, {}))).toEqual({ isOnDisk: true, isInBucket: true });
});

test('a process that writes down no intents loses it from the folder, which this test notices', async () => {
  expect(await inScratch((scratch) => putBackAfterDelete(scratch, WITHOUT_INTENTS))).toEqual({ isOnDisk: false, isInBucket: false });
});
