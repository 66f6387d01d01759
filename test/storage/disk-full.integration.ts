/** A storage whose disk is full: what it refuses, what it goes on doing, and how it is emptied. Needs root, for a disk that is small. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { notRunHere } from '../helpers/not-run-here.ts';
import { createTarget, type RawAnswer, type Target } from './target.ts';

const canMount = process.platform === 'linux' && process.getuid?.() === 0;
const LARGE = 900_000;
const SMALL = 12_000;
const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

const onFullDisk = (): void => {
  let disk: string;
  let dir: string;
  let storage: RunningStorage;
  let target: Target;
  const contents = new Map<string, string>();
  const start = async (): Promise<void> => {
    storage = await startStorage({ dir });
    target = createTarget(storage);
  };
  const put = async (key: string, sizeBytes: number): Promise<RawAnswer> => {
    const body = randomBytes(sizeBytes);
    const answer = await target.raw(`/bucket/${key}`, { method: 'PUT', body });
    if (answer.status === 200) contents.set(key, sha256(body));
    return answer;
  };
  /** Adds objects of this size until one is refused; how it was. */
  const fillWith = async (name: string, sizeBytes: number): Promise<RawAnswer> => {
    for (let index = 0; ; index += 1) {
      const answer = await put(`${name}-${index}`, sizeBytes);
      if (answer.status !== 200) return answer;
    }
  };
  const freeBytes = (): number => {
    const { bavail, bsize } = statfsSync(disk);
    return bavail * bsize;
  };
  const expectWhole = async (): Promise<void> => {
    const listed = (await target.raw('/bucket')).body.toString('utf8');
    expect([...listed.matchAll(/<Key>([^<]*)</g)].map(([, key]) => key)).toEqual([...contents.keys()].sort());
    for (const [key, hash] of contents) expect(sha256((await target.raw(`/bucket/${key}`)).body), key).toBe(hash);
    expect(readdirSync(join(dir, 'staging'))).toEqual([]);
  };

  beforeEach(async () => {
    disk = mkdtempSync(join(tmpdir(), 'enfold-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=26m', 'enfold-test', disk]);
    dir = join(disk, 'storage');
    contents.clear();
    await start();
    await target.raw('/bucket', { method: 'PUT' });
  });
  afterEach(async () => {
    await storage.stop();
    execFileSync('umount', [disk]);
    rmSync(disk, { recursive: true });
  });

  test('refuses what does not fit, leaves nothing of it behind, and still reads and deletes', async () => {
    for (const [name, sizeBytes] of [['large', LARGE], ['small', SMALL]] as const) {
      expect(await fillWith(name, sizeBytes)).toMatchObject({ status: 507, code: 'InsufficientStorage' });
    }
    // And whatever else is on the disk takes the rest.
    expect(() => {
      for (;;) writeFileSync(join(disk, 'ballast'), Buffer.alloc(4096), { flag: 'a' });
    }).toThrowError(/ENOSPC/);
    await expectWhole();
    const copy = await target.raw('/bucket/copy', { method: 'PUT', headers: { 'x-amz-copy-source': '/bucket/large-0' } });
    const upload = await target.raw('/bucket/upload', { method: 'POST', query: [['uploads', '']] });
    const part = await put('part', LARGE);
    expect([copy, part].map(({ status }) => status)).toEqual([507, 507]);
    // Its record is so short that it may fit into room the log has already.
    expect([200, 507]).toContain(upload.status);
    const uploads = (await target.raw('/bucket', { query: [['uploads', '']] })).body.toString('utf8');
    expect(uploads.includes('<Key>upload</Key>')).toBe(upload.status === 200);
    await expectWhole();
    // From 0 bytes free on, every single deletion is done.
    expect(freeBytes()).toBe(0);
    for (const key of ['small-0', 'large-0', 'large-1', 'large-2']) {
      expect((await target.raw(`/bucket/${key}`, { method: 'DELETE' })).status, key).toBe(204);
      contents.delete(key);
    }
    await expectWhole();
    rmSync(join(disk, 'ballast'));
    // The files of what was deleted go in the background.
    await vi.waitUntil(() => freeBytes() > 9 * LARGE, { timeout: 120_000 });
    expect((await put('again', SMALL)).status).toBe(200);
    await expectWhole();
  });

  test('refuses what is longer than the room there is before it is sent, on a connection that stays usable', async () => {
    const answer = await target.raw('/bucket/huge', { method: 'PUT', headers: { expect: '100-continue' }, alter: (headers) => {
      headers['content-length'] = String(5 * 1024 ** 3);
    } });
    expect(answer).toMatchObject({ status: 507, code: 'InsufficientStorage' });
    expect((await put('fits', LARGE)).status).toBe(200);
    await expectWhole();
  });

  test('starts on a disk that is full already, and can be emptied there', async () => {
    await put('kept', SMALL);
    await put('victim', SMALL);
    await storage.stop();
    expect(() => {
      for (;;) writeFileSync(join(disk, 'ballast'), Buffer.alloc(4096), { flag: 'a' });
    }).toThrowError(/ENOSPC/);
    await start();
    await expectWhole();
    expect((await target.raw('/bucket/victim', { method: 'DELETE' })).status).toBe(204);
    contents.delete('victim');
    expect((await put('more', SMALL)).status).toBe(507);
    await expectWhole();
    rmSync(join(disk, 'ballast'));
    expect((await put('more', SMALL)).status).toBe(200);
    await expectWhole();
  });
};

if (canMount) {
  describe('a storage on a full disk', () => {
    onFullDisk();
  });
} else {
  notRunHere('a full disk under the storage', 'it mounts a small disk, which needs Linux and root');
  test('cannot be tried here, which was said', () => expect(canMount).toBe(false));
}
