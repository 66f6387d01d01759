/** A sign-in that expires while the engine runs: the folder says so, and goes on by itself once the user has signed in again. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openEnfold } from '../../main/assembly/enfold.ts';
import { createEngineService, type EngineService } from '../../main/assembly/service.ts';
import type { Enfold } from '../../main/assembly/api.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { makeScratch } from '../helpers/cli.ts';
import { startFaultProxy, type FaultProxy } from '../helpers/fault-proxy.ts';
import { writeAt } from '../helpers/tree.ts';

const scratch = makeScratch();
const root = join(scratch.dir, 'root');
const file = join(scratch.dir, 'credentials');
const before = process.env['AWS_SHARED_CREDENTIALS_FILE'];
let server: RunningStorage;
let proxy: FaultProxy;
let enfold: Enfold;
let service: EngineService;
let folderId = '';

function signIn(secret: string): void {
  writeFileSync(file, `[backup]\naws_access_key_id = ${server.accessKeyId}\naws_secret_access_key = ${secret}\n`);
}
const status = () => {
  const folder = enfold.folders.list()[0];
  if (folder === undefined) throw new Error('no folder');
  return service.handlers['folders.list'](undefined).then(([view]) => view?.status);
};

/** Statuses that were pushed. */
let told = 0;

beforeAll(async () => {
  server = await startStorage({ dir: join(scratch.dir, 'storage') });
  proxy = await startFaultProxy(server.endpoint);
  process.env['AWS_SHARED_CREDENTIALS_FILE'] = file;
  signIn(server.secretAccessKey);
  mkdirSync(root);
  writeAt(root, 'one.txt', 'one');
  enfold = await openEnfold({ home: join(scratch.dir, 'home'), env: { ENFOLD_KEYCHAIN: 'file', ENFOLD_PASSPHRASE: 'a passphrase for tests' } });
  await enfold.connections.add({ kind: 'profile', name: 's3', endpoint: proxy.endpoint, region: 'us-east-1', profile: 'backup' });
  ({ id: folderId } = (await enfold.folders.add({ localPath: root, connection: 's3', bucket: 'signed', prefix: 'p/', mode: 'sse-s3', key: null, names: null, direction: 'two-way', createBucket: true })).folder);
  service = createEngineService(enfold, (name) => void (name === 'status' && (told += 1)));
  await service.start();
});
afterAll(async () => {
  await service.close();
  await enfold.close();
  await proxy.stop();
  await server.stop();
  if (before === undefined) delete process.env['AWS_SHARED_CREDENTIALS_FILE'];
  else process.env['AWS_SHARED_CREDENTIALS_FILE'] = before;
  scratch.remove();
});

test('the state of folders is told without reading the settings each time', async () => {
  const soon = { timeout: 120_000, interval: 50 };
  await vi.waitFor(async () => expect(await status()).toMatchObject({ state: 'up-to-date' }), soon);
  const reading = vi.spyOn(enfold.folders, 'list');
  for (let round = 0; round < 3; round += 1) {
    const before = told;
    await service.answer('folders.syncNow', { folderId });
    await vi.waitFor(() => expect(told).toBeGreaterThan(before), soon);
  }
  expect(reading).not.toHaveBeenCalled();
  reading.mockRestore();
});

describe('a sign-in that is no longer taken', () => {
  const soon = { timeout: 120_000, interval: 50 };
  const expired = { type: 'answer', status: 400, headers: { 'content-type': 'application/xml' }, body: '<Error><Code>ExpiredToken</Code></Error>' } as const;

  test('stops the folder with a state of its own, and it goes on by itself with the sign-in that is there then', async () => {
    await vi.waitFor(async () => expect(await status()).toMatchObject({ state: 'up-to-date', files: 1 }), soon);
    signIn('no longer the secret');
    // Temporary credentials that ran out; those read anew are not taken either.
    proxy.inject(/./, expired, 1);
    writeAt(root, 'two.txt', 'two');
    await service.handlers['folders.syncNow']({ folderId });
    await vi.waitFor(async () => expect(await status()).toMatchObject({ state: 'needs-attention', phase: 'signed-out', problems: [{ path: null, error: { code: 'sign-in-wrong' } }] }), soon);
    signIn(server.secretAccessKey);
    await vi.waitFor(async () => expect(await status()).toMatchObject({ state: 'up-to-date', phase: 'idle', files: 2, problems: [] }), soon);
  });

  test('is not noticed where another one lies ready', async () => {
    proxy.inject(/./, expired, 1);
    writeAt(root, 'three.txt', 'three');
    await service.handlers['folders.syncNow']({ folderId });
    await vi.waitFor(async () => expect(await status()).toMatchObject({ state: 'up-to-date', files: 3, problems: [] }), soon);
  });

  test('that stays expired is told as such', async () => {
    proxy.inject(/./, expired, 1000);
    await service.handlers['folders.syncNow']({ folderId });
    await vi.waitFor(async () => expect(await status()).toMatchObject({ phase: 'signed-out', problems: [{ error: { code: 'sign-in-expired' } }] }), soon);
  });
});
