/** The storage is killed at once, again and again, while a hundred writers are at work. */
import { fork, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startStorage } from '../../main/storage/server.ts';
import { createTarget, type Endpoint, type RawAnswer, type Target } from './target.ts';

const entry = resolve('main/storage-process.ts');
const WRITERS = 100;
const ROUNDS = 3;

async function launch(dir: string): Promise<{ child: ChildProcess; access: Endpoint }> {
  const child = fork(entry, ['--dir', dir], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const access = await new Promise<Endpoint>((ready, failed) => {
    child.once('message', (message) => ready(message as Endpoint));
    child.once('exit', (code) => failed(new Error(`ended with ${String(code)}`)));
  });
  return { child, access };
}

const ended = (child: ChildProcess): Promise<number | null> => new Promise((done) => child.once('exit', (code) => done(code)));
const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

describe('a storage that is killed', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'enfold-crash-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test('keeps every acknowledged object whole, and every other absent, old or whole', async () => {
    /** Per key: the hashes it may have now; null stands for absent. */
    const allowed = new Map<string, Set<string | null>>();
    let acknowledged = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const { child, access } = await launch(dir);
      const target = createTarget(access);
      if (round === 0) await target.raw('/crash', { method: 'PUT' });
      const life = { isDead: false };
      const writer = async (id: number): Promise<void> => {
        for (let turn = 0; !life.isDead; turn += 1) {
          // Each writer has keys of its own, which it overwrites from time to time.
          const key = `${id}/${turn % 20}`;
          const body = randomBytes(randomInt(10) < 8 ? randomInt(50_000) : randomInt(300_000));
          const before = allowed.get(key) ?? new Set([null]);
          allowed.set(key, new Set([...before, sha256(body)]));
          const answer = await target.raw(`/crash/${key}`, { method: 'PUT', body }).catch((): RawAnswer | null => null);
          if (answer === null) return;
          expect(answer.status).toBe(200);
          allowed.set(key, new Set([sha256(body)]));
          acknowledged += 1;
        }
      };
      const writers = Array.from({ length: WRITERS }, (_, id) => writer(id));
      await wait(1500 + randomInt(1000));
      const gone = ended(child);
      child.kill('SIGKILL');
      life.isDead = true;
      await gone;
      await Promise.all(writers);
      await expectAllowed(dir, allowed);
    }
    expect(acknowledged).toBeGreaterThan(WRITERS);
  }, 180_000);

  async function expectAllowed(directory: string, allowed: ReadonlyMap<string, ReadonlySet<string | null>>): Promise<void> {
    const storage = await startStorage({ dir: directory });
    expect(storage.damage).toEqual({ unreadable: [], unknownFiles: [] });
    expect(readdirSync(join(directory, 'staging'))).toEqual([]);
    const target = createTarget(storage);
    const wrong: string[] = [];
    for (const [key, hashes] of allowed) {
      const { status, body } = await target.raw(`/crash/${key}`);
      if (!hashes.has(status === 404 ? null : sha256(body))) wrong.push(key);
    }
    expect(wrong).toEqual([]);
    await storage.stop();
  }

  test('says which objects lost their file, and keeps them listed', async () => {
    const first = await startStorage({ dir });
    let target: Target = createTarget(first);
    await target.raw('/lost', { method: 'PUT' });
    for (const key of ['a', 'b']) await target.raw(`/lost/${key}`, { method: 'PUT', body: randomBytes(100_000) });
    await first.stop();
    const [victim = ''] = readdirSync(join(dir, 'bodies'), { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('/'));
    unlinkSync(join(dir, 'bodies', victim));
    const lines: string[] = [];
    const second = await startStorage({ dir, log: (line) => lines.push(line) });
    expect(second.damage.unreadable).toHaveLength(1);
    expect(lines.join('\n')).toContain('cannot be read');
    const objectKey = second.damage.unreadable[0]?.objectKey ?? '';
    target = createTarget(second);
    expect((await target.raw('/lost')).body.toString()).toContain(`<Key>${objectKey}</Key>`);
    expect(await target.raw(`/lost/${objectKey}`, { method: 'HEAD' })).toMatchObject({ status: 200 });
    const read = await target.raw(`/lost/${objectKey}`).catch((): RawAnswer | null => null);
    expect(read?.status ?? 500).toBe(500);
    await target.raw(`/lost/${objectKey}`, { method: 'PUT', body: 'again' });
    expect((await target.raw(`/lost/${objectKey}`)).body.toString()).toBe('again');
    await second.stop();
  });
});

describe('the storage process', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'enfold-process-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test('stops when told, when terminated, and when its parent is gone', async () => {
    for (const stop of [(child: ChildProcess) => child.send({ type: 'stop' }), (child: ChildProcess) => child.kill('SIGTERM'), (child: ChildProcess) => child.disconnect()]) {
      const { child } = await launch(dir);
      const code = ended(child);
      stop(child);
      expect(await code).toBe(0);
    }
  });

  test('keeps its keys from start to start, and shares a folder that is served already', async () => {
    const one = await launch(dir);
    await createTarget(one.access).raw('/kept', { method: 'PUT' });
    const two = await launch(dir);
    expect(two.access).toMatchObject({ endpoint: one.access.endpoint, accessKeyId: one.access.accessKeyId });
    const both = Promise.all([ended(one.child), ended(two.child)]);
    one.child.send({ type: 'stop' });
    two.child.send({ type: 'stop' });
    expect(await both).toEqual([0, 0]);
    const three = await launch(dir);
    expect(three.access.accessKeyId).toBe(one.access.accessKeyId);
    expect((await createTarget(three.access).raw('/kept')).status).toBe(200);
    const code = ended(three.child);
    three.child.send({ type: 'stop' });
    expect(await code).toBe(0);
  });

  test('refuses a second server over one folder', async () => {
    const storage = await startStorage({ dir });
    await expect(startStorage({ dir })).rejects.toMatchObject({ code: 'storage-busy' });
    await storage.stop();
    await (await startStorage({ dir })).stop();
  });

  test('reads what was written under an older master key, and makes none where one is missing', async () => {
    const storage = await startStorage({ dir });
    const target = createTarget(storage);
    await target.raw('/rotate', { method: 'PUT' });
    await target.raw('/rotate/old', { method: 'PUT', body: 'old' });
    await storage.rotateMasterKey();
    await target.raw('/rotate/new', { method: 'PUT', body: 'new' });
    await storage.stop();
    const again = await startStorage({ dir });
    for (const key of ['old', 'new']) expect((await createTarget(again).raw(`/rotate/${key}`)).body.toString()).toBe(key);
    await again.stop();
    unlinkSync(join(dir, 'master-keys.json'));
    await expect(startStorage({ dir })).rejects.toMatchObject({ code: 'state-corrupt' });
  });
});
