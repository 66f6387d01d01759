/** The storage is killed at once, again and again, while two hundred writers are at work. */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startStorage } from '../../main/storage/server.ts';
import { killAgainAndAgain } from './kills.ts';
import { ended, launch } from './process.ts';
import { createTarget, type RawAnswer, type Target } from './target.ts';

describe('a storage that is killed', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'enfold-crash-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test('keeps what it acknowledged whole, and what it did not, whole or not at all', async () => {
    expect(await killAgainAndAgain(dir, 10)).toBeGreaterThan(100);
  }, 900_000);

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
