/** Versions that a bucket keeps, listed and brought back, in all six modes; on built-in storage. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ListObjectVersionsCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { FileVersion, NewFolder, RestoreOptions, RestoreReport } from '../../main/assembly/api.ts';
import { makeScratch } from '../helpers/cli.ts';
import { openComputer, signal, type InnerComputer } from '../helpers/computer.ts';
import { KMS_ALIAS, useStorageWithKms } from '../helpers/storage-with-kms.ts';
import { readAt, seededBytes, treeOf, writeAt } from '../helpers/tree.ts';

const scratch = makeScratch();
const { server } = useStorageWithKms();
let computer: InnerComputer;
let s3: S3Client;

const MODES: Readonly<Record<string, Partial<NewFolder>>> = {
  'sse-s3': { mode: 'sse-s3' },
  'sse-kms': { mode: 'sse-kms' },
  'sse-kms of ones own': { mode: 'sse-kms', kmsKeyId: KMS_ALIAS },
  'sse-c': { mode: 'sse-c', key: 'customer' },
  'cse-kms': { mode: 'cse-kms', kmsKeyId: KMS_ALIAS },
  'cse-c': { mode: 'cse-c', key: 'master' },
};
const MODE_NAMES = Object.keys(MODES);
const rootOf = (name: string): string => join(scratch.dir, name);
const bucketOf = (name: string): string => name.replaceAll(' ', '-');
const ids = new Map<string, string>();
/** What each folder held at `then`, which lies in a second of its own. */
const before = new Map<string, ReturnType<typeof treeOf>>();
let then = 0;

/** A listing tells whole seconds. */
async function nextSecond(): Promise<number> {
  const from = Math.floor(Date.now() / 1000);
  await vi.waitFor(() => expect(Math.floor(Date.now() / 1000)).toBeGreaterThan(from), { timeout: 5000, interval: 20 });
  return from * 1000;
}

beforeAll(async () => {
  computer = await openComputer(scratch.dir, 'restoring', server());
  const { endpoint, accessKeyId, secretAccessKey } = server();
  s3 = new S3Client({ endpoint, region: 'us-east-1', credentials: { accessKeyId, secretAccessKey }, forcePathStyle: true });
  await computer.enfold.keys.create({ name: 'customer', type: 'sse-c' });
  await computer.enfold.keys.create({ name: 'master', type: 'aes' });
  for (const name of MODE_NAMES) {
    const root = rootOf(name);
    writeAt(root, 'kept.txt', 'the same all along');
    writeAt(root, 'letters/edited.txt', `first of ${name}`);
    writeAt(root, 'letters/deleted.txt', 'not for ever');
    // One mode with a file of more than one part is enough: reading a version in ranges is the same in all.
    writeAt(root, 'large.bin', seededBytes(name, name === 'cse-c' ? 9 * 1024 * 1024 : 9_000));
    chmodSync(join(root, 'letters/edited.txt'), 0o640);
    mkdirSync(join(root, 'nothing inside'));
    ids.set(name, (await computer.add(root, { bucket: bucketOf(name), ...MODES[name] })).id);
    await s3.send(new PutBucketVersioningCommand({ Bucket: bucketOf(name), VersioningConfiguration: { Status: 'Enabled' } }));
    await inStep(name);
    before.set(name, treeOf(root));
  }
  then = await nextSecond();
  for (const name of MODE_NAMES) {
    const root = rootOf(name);
    writeAt(root, 'letters/edited.txt', `second and longer, of ${name}`);
    writeAt(root, 'large.bin', seededBytes(`${name} again`, 9_001));
    rmSync(join(root, 'letters/deleted.txt'));
    rmSync(join(root, 'nothing inside'), { recursive: true });
    writeAt(root, 'letters/new.txt', 'did not exist then');
    await inStep(name);
  }
});
afterAll(async () => {
  await computer.close();
  s3.destroy();
  scratch.remove();
});

async function inStep(name: string): Promise<void> {
  const report = await computer.sync(idOf(name));
  if (!report.inStep) throw new Error(`${name} is not in step: ${JSON.stringify(report.failed)}`);
}
function idOf(name: string): string {
  return ids.get(name) ?? '';
}
async function versionsOf(name: string, path: string): Promise<FileVersion[]> {
  const found: FileVersion[] = [];
  for await (const version of computer.enfold.versions({ type: 'folder', folder: idOf(name), path }, signal)) found.push(version);
  return found;
}
async function restore(name: string, path: string, options: Partial<RestoreOptions> = {}): Promise<RestoreReport> {
  return computer.enfold.restore({ type: 'folder', folder: idOf(name), path }, { at: null, versionId: null, to: null, includesDeleted: false, isDryRun: false, signal, ...options });
}

describe.each(MODE_NAMES)('%s', (name) => {
  const root = rootOf(name);

  test('lists the versions of a file, of a deleted file, and of all below a directory', async () => {
    const edited = await versionsOf(name, 'letters/edited.txt');
    expect(edited.map(({ isLatest, isDeletion, sizeBytes }) => [isLatest, isDeletion, sizeBytes])).toEqual([[true, false, `second and longer, of ${name}`.length], [false, false, `first of ${name}`.length]]);
    const deleted = await versionsOf(name, 'letters/deleted.txt');
    expect(deleted.map(({ isLatest, isDeletion }) => [isLatest, isDeletion])).toEqual([[true, true], [false, false]]);
    const below = await versionsOf(name, 'letters');
    expect(below.map(({ path }) => path).toSorted()).toEqual(['letters/deleted.txt', 'letters/deleted.txt', 'letters/edited.txt', 'letters/edited.txt', 'letters/new.txt']);
    await expect(versionsOf(name, 'no such file')).rejects.toMatchObject({ code: 'no-such-path' });
  });

  test('leaves no earlier versions of its own change feed behind', async () => {
    const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket: bucketOf(name), Prefix: 'photos/.enfold/feed/' }));
    expect(Versions.map(({ IsLatest }) => IsLatest)).toEqual([true]);
  });

  test('opens an earlier version by its id', async () => {
    const [, first] = await versionsOf(name, 'letters/edited.txt');
    const chunks: Buffer[] = [];
    await computer.enfold.files.cat({ type: 'folder', folder: idOf(name), path: 'letters/edited.txt', versionId: first?.versionId }, async (chunk) => void chunks.push(chunk), signal);
    expect(Buffer.concat(chunks).toString()).toBe(`first of ${name}`);
  });

  test('brings all of it back to another place as it was then, and replaces nothing there', async () => {
    const to = rootOf(`${name} elsewhere`);
    expect(await restore(name, '', { at: then, to })).toMatchObject({ restored: 5, unchanged: 0, newer: 1, failed: [] });
    expect(treeOf(to)).toEqual(before.get(name));
    expect(statSync(join(to, 'letters/edited.txt')).mode & 0o777).toBe(0o640);
    writeAt(to, 'kept.txt', 'edited there');
    const again = await restore(name, '', { at: then, to });
    expect(again.failed.map(({ path, error }) => `${path}: ${error.code}`).toSorted()).toEqual(['kept.txt', 'large.bin', 'letters/deleted.txt', 'letters/edited.txt'].map((path) => `${path}: target-exists`));
    expect(readAt(to, 'kept.txt')).toBe('edited there');
  });

  test('brings a directory back into place: what stood there is in the trash, and the next sync sends what came back', async () => {
    writeAt(root, 'letters/edited.txt', 'an edit that no sync has seen');
    const preview = await restore(name, 'letters/', { at: then, isDryRun: true });
    expect(preview).toMatchObject({ restored: 2, newer: 1 });
    expect(readAt(root, 'letters/edited.txt')).toBe('an edit that no sync has seen');

    expect(await restore(name, 'letters/', { at: then })).toMatchObject({ restored: 2, unchanged: 0, newer: 1, failed: [] });
    expect([readAt(root, 'letters/edited.txt'), readAt(root, 'letters/deleted.txt'), readAt(root, 'letters/new.txt')]).toEqual([`first of ${name}`, 'not for ever', 'did not exist then']);
    const [trashed] = await computer.enfold.trash.list(idOf(name));
    expect(trashed).toMatchObject({ path: 'letters/edited.txt' });
    expect(readFileSync(join(root, '.enfold/trash', trashed?.id ?? ''), 'utf8')).toBe('an edit that no sync has seen');

    expect(await restore(name, 'letters/', { at: then })).toMatchObject({ restored: 0, unchanged: 2 });
    expect(await computer.sync(idOf(name))).toMatchObject({ inStep: true, counts: { upload: 2 }, conflictCopies: [] });
    expect((await versionsOf(name, 'letters/deleted.txt')).map(({ isDeletion }) => isDeletion)).toEqual([false, true, false]);
  });

  test('tells what there is no version of', async () => {
    await expect(restore(name, 'kept.txt', { at: then - 3_600_000 })).rejects.toMatchObject({ code: 'no-such-version' });
    await expect(restore(name, 'kept.txt', { versionId: 'no-such-version' })).rejects.toMatchObject({ code: 'no-such-version' });
    await expect(restore(name, 'no such file', { at: then })).rejects.toMatchObject({ code: 'no-such-path' });
  });
});

describe('a single file', () => {
  test('that was deleted comes back as it was before, and a directory as it stands unless deleted files are asked for', async () => {
    const root = rootOf('cse-c');
    rmSync(join(root, 'kept.txt'));
    await computer.sync(idOf('cse-c'));
    const to = rootOf('all that stands');
    await restore('cse-c', '', { to });
    expect(existsSync(join(to, 'kept.txt'))).toBe(false);
    const all = rootOf('all that ever was');
    await restore('cse-c', '', { to: all, includesDeleted: true });
    expect([readAt(all, 'kept.txt'), existsSync(join(all, 'nothing inside'))]).toEqual(['the same all along', true]);
    expect(await restore('cse-c', 'kept.txt')).toMatchObject({ restored: 1, to: null });
    expect(readAt(root, 'kept.txt')).toBe('the same all along');
  });

  test('goes to a name of its own elsewhere, or into a directory', async () => {
    await restore('cse-c', 'letters/edited.txt', { at: then, to: rootOf('one file.txt') });
    expect(readFileSync(rootOf('one file.txt'), 'utf8')).toBe('first of cse-c');
    await restore('cse-c', 'letters/edited.txt', { at: then, to: `${rootOf('a directory')}/` });
    expect(readAt(rootOf('a directory'), 'edited.txt')).toBe('first of cse-c');
  });

  test('is not written through a link that stands in its way', async () => {
    const root = rootOf('sse-s3');
    const outside = rootOf('outside');
    mkdirSync(outside);
    rmSync(join(root, 'letters'), { recursive: true });
    symlinkSync(outside, join(root, 'letters'));
    const report = await restore('sse-s3', 'letters/edited.txt', { at: then });
    expect(report.failed.map(({ error }) => error.code)).toEqual(['path-symlink']);
    expect(treeOf(outside)).toEqual({});
    rmSync(join(root, 'letters'));
  });

  test('does not come back into a folder that is away', async () => {
    const root = rootOf('sse-kms');
    rmSync(root, { recursive: true });
    await expect(restore('sse-kms', 'kept.txt')).rejects.toMatchObject({ code: 'root-missing' });
    expect(existsSync(root)).toBe(false);
  });
});
