/** Changing how a folder is encrypted, on built-in storage with its own KMS: what one computer does, and what the others make of it. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetObjectCommand, PutBucketVersioningCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isSyncError } from '../../main/model/errors.ts';
import { startBuiltInPlace, type BuiltInPlace } from '../helpers/built-in-place.ts';
import { makeScratch } from '../helpers/cli.ts';
import { openComputer, signal, type InnerComputer } from '../helpers/computer.ts';
import { describeStored } from '../helpers/stored-objects.ts';
import { readAt, treeOf, writeAt } from '../helpers/tree.ts';
import { testTransitions } from './change-mode.contract.ts';

const scratch = makeScratch();
let place: BuiltInPlace;
let anna: InnerComputer;
let ben: InnerComputer;
beforeAll(async () => {
  place = await startBuiltInPlace(scratch.dir);
  anna = await openComputer(scratch.dir, 'anna', place.server);
  ben = await openComputer(scratch.dir, 'ben', place.server);
  for (const name of ['first', 'second', 'third']) await anna.enfold.keys.create({ name, type: 'aes' });
  for (const name of ['customer-1', 'customer-2', 'customer-3']) await anna.enfold.keys.create({ name, type: 'sse-c' });
});
afterAll(async () => {
  await anna.close();
  await ben.close();
  await place.stop();
  scratch.remove();
});

// Each mode is left once and entered once, and each way of carrying an object over occurs; all thirty are in the soak.
testTransitions([['sse-s3', 'sse-kms own'], ['sse-kms own', 'sse-c'], ['sse-c', 'cse-c'], ['cse-c', 'cse-kms'], ['cse-kms', 'sse-kms managed'], ['sse-kms managed', 'sse-s3']], () => ({ ...place, scratch: scratch.dir }));

const codeOf = async (run: Promise<unknown>): Promise<string> => run.then(() => 'done', (error: unknown) => (isSyncError(error) ? error.code : String(error)));
const at = (...names: string[]): string => join(scratch.dir, ...names);

/** Both computers in one folder, in step. */
async function share(bucket: string, mode: 'cse-c' | 'sse-s3', key: string | null): Promise<string> {
  const { id } = await anna.add(at(`${bucket}-anna`), { bucket, mode, key });
  if (key !== null) await ben.takeKey(key, anna);
  await ben.add(at(`${bucket}-ben`), { bucket });
  writeAt(at(`${bucket}-anna`), 'one.txt', 'the first');
  writeAt(at(`${bucket}-anna`), 'below/two.txt', 'the second');
  await anna.sync(id);
  await ben.sync(id);
  return id;
}

const descriptionIn = async (bucket: string): Promise<string> => (await place.s3.send(new GetObjectCommand({ Bucket: bucket, Key: 'photos/.enfold/folder.json' }))).Body?.transformToString() ?? '';
const describeAs = async (bucket: string, text: string): Promise<unknown> => place.s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'photos/.enfold/folder.json', Body: text }));

describe('another computer', () => {
  test('takes a new key over by itself, once it has the key, and fetches nothing for it', async () => {
    const id = await share('rotated', 'cse-c', 'first');
    expect(await anna.change(id, { key: 'second' })).toMatchObject({ isDone: true, ways: { rewrap: 2, transfer: 0 } });
    writeAt(at('rotated-ben'), 'three.txt', 'not sent before the key is here');
    expect(await codeOf(ben.sync(id))).toBe('key-not-found');

    await ben.takeKey('second', anna);
    expect(await ben.sync(id)).toMatchObject({ inStep: true, counts: { upload: 1, download: 0 }, conflictCopies: [] });
    const { keyId } = anna.enfold.keys.find('second');
    expect(ben.enfold.folders.find(id).mode).toMatchObject({ keyId });
    expect((await describeStored(place.s3, 'rotated', 'photos/')).map(({ envelope }) => envelope)).toEqual([keyId, keyId, keyId]);
    await anna.sync(id);
    expect(treeOf(at('rotated-anna'))).toEqual(treeOf(at('rotated-ben')));
  });

  test('asks before it follows to where the provider could read, and holds until it is answered', async () => {
    const id = await share('weaker', 'cse-c', 'first');
    // Names stay encrypted: the key of before is needed for them still.
    expect(await anna.change(id, { mode: 'sse-s3' })).toMatchObject({ isDone: true, ways: { transfer: 2 } });
    writeAt(at('weaker-ben'), 'secret.txt', 'not for the provider');
    expect(await codeOf(ben.sync(id))).toBe('folder-changed');
    expect(await codeOf(ben.sync(id))).toBe('folder-changed');
    expect((await describeStored(place.s3, 'weaker', 'photos/')).length).toBe(2);

    await ben.enfold.folders.acceptEpoch(id, signal);
    expect(await ben.sync(id)).toMatchObject({ inStep: true, counts: { upload: 1, download: 0 } });
    expect(await anna.sync(id)).toMatchObject({ inStep: true, counts: { download: 1 } });
    expect(treeOf(at('weaker-anna'))).toEqual(treeOf(at('weaker-ben')));
    const { versions } = await anna.enfold.verify(id, { sample: null, versions: true, signal });
    expect(versions?.keys).toMatchObject([{ name: 'first', why: 'names' }]);
    expect(versions?.retirable).toEqual([]);
  });

  test('is not led to another mode by whoever can write to the bucket, nor back to an earlier key', async () => {
    const id = await share('attacked', 'cse-c', 'first');
    const first = await descriptionIn('attacked');
    const forged = JSON.parse(first) as { epochs: object[] };
    forged.epochs.push({ n: 2, mode: { id: 'sse-s3' }, wrappedFolderKey: null });
    await describeAs('attacked', JSON.stringify(forged));
    expect(await codeOf(ben.sync(id))).toBe('descriptor-mismatch');
    expect(await codeOf(ben.enfold.folders.acceptEpoch(id, signal))).toBe('descriptor-mismatch');

    await describeAs('attacked', first);
    await anna.change(id, { key: 'second' });
    await ben.sync(id);
    await describeAs('attacked', first);
    expect(await codeOf(ben.sync(id))).toBe('descriptor-rollback');
    expect(await codeOf(anna.sync(id))).toBe('descriptor-rollback');
  });

  test('sends in the new way what it changed meanwhile, and loses nothing that both changed', async () => {
    const id = await share('both', 'sse-s3', null);
    await ben.takeKey('first', anna);
    writeAt(at('both-ben'), 'one.txt', 'edited by ben');
    writeAt(at('both-ben'), 'new.txt', 'new at ben');
    rmSync(at('both-ben', 'below/two.txt'));
    await ben.sync(id);
    // Two files, and the directory that became empty.
    expect(await anna.change(id, { mode: 'cse-c', key: 'first' })).toMatchObject({ isDone: true, ways: { transfer: 3 } });
    writeAt(at('both-ben'), 'one.txt', 'edited by ben once more');
    await ben.enfold.folders.acceptEpoch(id, signal);
    expect(await ben.sync(id)).toMatchObject({ inStep: true, counts: { upload: 1, 'keep-both': 0 } });
    expect(await anna.sync(id)).toMatchObject({ inStep: true });
    expect(treeOf(at('both-anna'))).toEqual(treeOf(at('both-ben')));
    expect(readAt(at('both-anna'), 'one.txt')).toBe('edited by ben once more');
    expect(Object.keys(treeOf(at('both-anna')))).not.toContain('below/two.txt');
    // What is plain now was never the folder's.
    await place.s3.send(new PutObjectCommand({ Bucket: 'both', Key: 'photos/planted.txt', Body: 'plain' }));
    await anna.sync(id);
    expect(Object.keys(treeOf(at('both-anna')))).toEqual(['below/', 'new.txt', 'one.txt']);
  });
});

describe('earlier versions', () => {
  test('of three customer keys are all found by a new computer, and removed only when that is said', async () => {
    const root = at('versions');
    const { id } = await anna.add(root, { bucket: 'versions', mode: 'sse-c', key: 'customer-1' });
    await place.s3.send(new PutBucketVersioningCommand({ Bucket: 'versions', VersioningConfiguration: { Status: 'Enabled' } }));
    writeAt(root, 'a.txt', 'under the first key');
    await anna.sync(id);
    for (const key of ['customer-2', 'customer-3']) expect(await anna.change(id, { key })).toMatchObject({ isDone: true, ways: { copy: 1 } });
    const fresh = await openComputer(scratch.dir, 'fresh', place.server);
    try {
      for (const key of ['customer-3', 'customer-2', 'customer-1']) await fresh.takeKey(key, anna);
      await fresh.add(at('versions-copy'), { bucket: 'versions' });
      expect(await fresh.sync(id)).toMatchObject({ inStep: true });
      expect(readAt(at('versions-copy'), 'a.txt')).toBe('under the first key');
      const { failed, versions } = await fresh.enfold.verify(id, { sample: null, versions: true, signal });
      expect(failed).toEqual([]);
      expect(versions).toMatchObject({ versions: 3, retirable: [] });
      expect(versions?.keys.map(({ name, versions: count, standing }) => `${name}: ${count}, ${standing} standing`).toSorted()).toEqual(['customer-1: 1, 0 standing', 'customer-2: 1, 0 standing', 'customer-3: 1, 1 standing']);
    } finally {
      await fresh.close();
    }

    expect(await codeOf(anna.enfold.keys.remove('customer-1'))).toBe('key-in-use');
    await anna.enfold.verify(id, { sample: null, versions: true, signal });
    expect(await codeOf(anna.enfold.keys.remove('customer-1'))).toBe('key-in-use');
    expect(await anna.enfold.deleteOldVersions(id, { isConfirmed: false, signal })).toMatchObject({ objects: 2, deleted: 0 });
    expect(await anna.enfold.deleteOldVersions(id, { isConfirmed: true, signal })).toMatchObject({ objects: 2, deleted: 2 });
    const { versions } = await anna.enfold.verify(id, { sample: null, versions: true, signal });
    expect(versions?.retirable.map(({ name }) => name).toSorted()).toEqual(['customer-1', 'customer-2']);
    await anna.enfold.keys.remove('customer-1');
    expect(await anna.sync(id)).toMatchObject({ inStep: true });
    expect(await codeOf(anna.enfold.keys.remove('customer-3'))).toBe('key-in-use');
  });
});

describe('objects of other programs', () => {
  test('stay files of the folder when it changes, whatever it changes to', async () => {
    const root = at('others');
    const { id } = await anna.add(root, { bucket: 'others', mode: 'sse-s3' });
    await place.s3.send(new PutObjectCommand({ Bucket: 'others', Key: 'photos/theirs.txt', Body: 'by another program', ContentType: 'text/plain', Metadata: { colour: 'green' } }));
    await anna.sync(id);
    await anna.change(id, { mode: 'sse-kms', kmsKeyId: place.kmsArns[0] });
    const kept = await place.s3.send(new GetObjectCommand({ Bucket: 'others', Key: 'photos/theirs.txt' }));
    expect(kept).toMatchObject({ ContentType: 'text/plain', Metadata: { colour: 'green' }, SSEKMSKeyId: place.kmsArns[0] });
    expect(await anna.change(id, { mode: 'cse-c', key: 'first' })).toMatchObject({ isDone: true, ways: { transfer: 1 } });
    expect(await anna.sync(id)).toMatchObject({ inStep: true, quarantined: [] });
    expect(readFileSync(join(root, 'theirs.txt'), 'utf8')).toBe('by another program');
    writeFileSync(join(root, 'theirs.txt'), 'edited here');
    expect(await anna.sync(id)).toMatchObject({ inStep: true, counts: { upload: 1 } });
  });
});
