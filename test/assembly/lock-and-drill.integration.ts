/** The resident engine under the lock, and restore drills, on built-in storage. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Enfold } from '../../main/assembly/api.ts';
import { isDrillDue } from '../../main/assembly/drill.ts';
import { createDrills } from '../../main/assembly/drills.ts';
import { openEnfold } from '../../main/assembly/enfold.ts';
import { serveEngineSocket } from '../../main/assembly/engine-socket.ts';
import { createEngineService, type EngineService } from '../../main/assembly/service.ts';
import { createSessions } from '../../main/assembly/sessions.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createComputer, makeScratch } from '../helpers/cli.ts';
import { IN_KEY_FILE, PASSPHRASE } from '../helpers/secrets.ts';
import { writeAt } from '../helpers/tree.ts';

const scratch = makeScratch();
const at = (...names: string[]): string => join(scratch.dir, ...names);
const computer = createComputer(scratch.dir, 'home', { secrets: IN_KEY_FILE });
let storage: RunningStorage;
let enfold: Enfold;
let client: S3Client;
let folderId: string;

beforeAll(async () => {
  storage = await startStorage({ dir: at('storage') });
  client = new S3Client({ endpoint: storage.endpoint, region: 'us-east-1', forcePathStyle: true, credentials: storage });
  await computer.connect(storage);
  await computer.ok(['key', 'new', 'family']);
  for (let i = 0; i < 8; i += 1) writeAt(at('folder'), `file ${i}.txt`, `content ${i}`);
  ({ id: folderId } = await computer.json<{ id: string }>(['folder', 'add', at('folder'), '--remote', 's3://locked/f', '--connection', 's3', '--mode', 'cse-c', '--key', 'family', '--names', 'readable', '--create-bucket']));
  await computer.ok(['sync']);
  enfold = await openEnfold({ home: computer.home, env: IN_KEY_FILE });
});
afterAll(async () => {
  client.destroy();
  await enfold.close();
  await storage.stop();
  scratch.remove();
});

const keysInBucket = async (): Promise<string[]> => ((await client.send(new ListObjectsV2Command({ Bucket: 'locked' }))).Contents ?? []).map(({ Key }) => Key ?? '');

test('locking on the command line closes the folders of the engine, until it is unlocked there', async () => {
  // An engine as a process of its own has it, with the passphrase in its memory.
  const resident = await openEnfold({ home: computer.home, env: { ENFOLD_KEYCHAIN: 'file' }, askPassphrase: async () => PASSPHRASE });
  const events: string[] = [];
  const service: EngineService = createEngineService(resident, (name, payload) => void (name === 'lock' && events.push(JSON.stringify(payload))));
  const socket = await serveEngineSocket(resident.home, (question) => service.ask(question));
  try {
    await service.start();
    const state = async (): Promise<string> => {
      const answer = await service.answer('folders.list', undefined);
      return answer.ok ? ((answer.value as { status: { state: string } }[])[0]?.status.state ?? 'none') : answer.error.code;
    };
    await vi.waitFor(async () => expect(await state()).toBe('up-to-date'), { timeout: 120_000, interval: 100 });
    await computer.ok(['key', 'lock']);
    // The answer came when everything was closed.
    expect(await state()).toBe('locked');
    expect(events).toEqual(['{"isLocked":true}']);
    expect(await service.answer('browse.open', { folderId, directory: '', isDeep: false })).toMatchObject({ ok: false, error: { code: 'enfold-locked' } });
    writeFileSync(at('folder', 'while locked.txt'), 'written while locked');
    expect(await computer.error(['sync'])).toMatchObject({ exitCode: 1, code: 'enfold-locked' });
    expect(await computer.error(['key', 'unlock'], { env: { ENFOLD_PASSPHRASE: 'wrong' } })).toMatchObject({ code: 'passphrase-wrong' });
    expect(await state()).toBe('locked');
    expect(await keysInBucket()).not.toContain('f/while locked.txt');
    await computer.ok(['key', 'unlock']);
    await vi.waitFor(async () => expect(await keysInBucket()).toContain('f/while locked.txt'), { timeout: 120_000, interval: 100 });
    expect(events).toEqual(['{"isLocked":true}', '{"isLocked":false}']);
  } finally {
    await socket.close();
    await service.close();
    await resident.close();
  }
});

test('keys that were open are overwritten when the folders are closed', async () => {
  const sessions = createSessions(enfold, () => undefined);
  await sessions.reconcile();
  const { side } = await sessions.wired(folderId);
  const { folderKey, keys, epochs } = side.unlocked;
  const open = [folderKey, ...keys.map(({ bytes }) => bytes), ...epochs.map(({ authKey }) => authKey)].filter((bytes) => bytes !== null);
  expect(open.map((bytes) => bytes.some((byte) => byte !== 0))).toEqual([true, true, true]);
  await enfold.lock.lock();
  await sessions.lock();
  expect(open.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true);
  await enfold.lock.unlock(PASSPHRASE);
  await sessions.close();
});

test('a drill fetches, decrypts and compares files, and the status says when that last worked', async () => {
  const report = await computer.json<{ ok: boolean; folders: { files: number; compared: number; failed: number }[] }>(['key', 'drill', '--files', '6']);
  expect(report).toMatchObject({ ok: true, folders: [{ files: 6, compared: 6, failed: 0 }] });
  const [before] = await computer.json<{ drill: { lastProvenMs: number; atMs: number } }[]>(['folder', 'status']);
  expect(before?.drill.lastProvenMs).toBe(before?.drill.atMs);
  // Somebody alters one object.
  const { Body, Metadata } = await client.send(new GetObjectCommand({ Bucket: 'locked', Key: 'f/file 3.txt' }));
  const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  const original = Buffer.from(bytes);
  original[0] = (original[0] ?? 0) ^ 1;
  await client.send(new PutObjectCommand({ Bucket: 'locked', Key: 'f/file 3.txt', Body: bytes, Metadata }));
  const failed = await computer.run(['key', 'drill', '--files', '50', '--json']);
  expect(failed.code).toBe(2);
  expect(JSON.parse(failed.stdout)).toMatchObject({ ok: false, folders: [{ failed: 1, problems: [{ path: 'file 3.txt', error: { code: 'not-authentic' } }] }] });
  const [after] = await computer.json<{ drill: { lastProvenMs: number; atMs: number; failed: number } }[]>(['folder', 'status']);
  expect(after?.drill).toMatchObject({ failed: 1, lastProvenMs: before?.drill.lastProvenMs });
  await client.send(new PutObjectCommand({ Bucket: 'locked', Key: 'f/file 3.txt', Body: original, Metadata }));
});

test('the resident engine drills a folder once a month, while it is in step and unlocked', async () => {
  const month = 30 * 24 * 3600_000;
  const drill = { atMs: 1_000, files: 5, bytes: 1, compared: 5, failed: 0, lastProvenMs: 1_000 };
  expect([isDrillDue(null, null, 5), isDrillDue(null, 1, 5), isDrillDue(drill, 1, 1_000 + month), isDrillDue(drill, 1, 1_001 + month)]).toEqual([false, true, false, true]);
  let state = 'syncing';
  const drills = createDrills(enfold, { statusOf: () => state, signal: new AbortController().signal });
  const records = await enfold.folders.recordsOf(folderId);
  vi.spyOn(enfold.folders, 'recordsOf').mockResolvedValue({ ...records, drill: null, lastSuccessMs: 1 });
  expect(await drills.runDue()).toEqual([]);
  state = 'up-to-date';
  expect(await drills.runDue()).toMatchObject([{ id: folderId, files: 5, failed: 0 }]);
  vi.restoreAllMocks();
  expect(await drills.runDue()).toEqual([]);
  drills.close();
});

test('the self-test finds a key that is gone or is another, and a key that folders need is not removed', async () => {
  const [{ keyId } = { keyId: '' }] = enfold.keys.list();
  expect([...(await enfold.keys.selfTest()).values()]).toEqual([null]);
  const secrets = await enfold.secrets();
  const held = (await secrets.get(`key/${keyId}`)) ?? Buffer.alloc(0);
  await secrets.set(`key/${keyId}`, Buffer.alloc(32, 9));
  expect(await computer.run(['key', 'list', '--check', '--json'])).toMatchObject({ code: 2, stdout: expect.stringContaining('"problem":"key-damaged"') });
  await secrets.delete(`key/${keyId}`);
  expect(await computer.run(['key', 'list', '--check', '--json'])).toMatchObject({ code: 2, stdout: expect.stringContaining('"problem":"key-not-found"') });
  await secrets.set(`key/${keyId}`, held);
  expect(await computer.error(['key', 'remove', 'family'])).toMatchObject({ code: 'key-in-use', detail: 'folder' });
  expect(existsSync(join(computer.home, 'keys.age'))).toBe(true);
});
