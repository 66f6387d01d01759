/** What a change from one mode to another must come to, whichever the two are. */
import { join } from 'node:path';
import { GetObjectTaggingCommand, PutObjectTaggingCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModeChanges } from '../../main/assembly/api.ts';
import type { ModeId } from '../../main/model/mode.ts';
import type { Server } from '../helpers/cli.ts';
import { openComputer, signal, type InnerComputer } from '../helpers/computer.ts';
import { describeStored, type StoredObject } from '../helpers/stored-objects.ts';
import { makeTreeOfAllKinds, treeOf } from '../helpers/tree.ts';

export const MODE_NAMES = ['sse-s3', 'sse-kms managed', 'sse-kms own', 'sse-c', 'cse-kms', 'cse-c'] as const;
export type ModeName = (typeof MODE_NAMES)[number];
export type Transition = readonly [from: ModeName, to: ModeName];

/** All thirty. */
export const TRANSITIONS: readonly Transition[] = MODE_NAMES.flatMap((from) => MODE_NAMES.filter((to) => to !== from).map((to) => [from, to] as const));

export type Place = { readonly server: Server; readonly s3: S3Client; readonly scratch: string; /** Two keys of the storage's KMS. */ readonly kmsArns: readonly [string, string] };

const KEY_OF: Partial<Record<ModeName, { readonly name: string; readonly type: 'aes' | 'sse-c' }>> = { 'sse-c': { name: 'customer', type: 'sse-c' }, 'cse-c': { name: 'master', type: 'aes' } };

function choiceOf(name: ModeName, [first, second]: Place['kmsArns']): ModeChanges & { readonly mode: ModeId } {
  switch (name) {
    case 'sse-s3': return { mode: 'sse-s3' };
    case 'sse-kms managed': return { mode: 'sse-kms', kmsKeyId: 'alias/aws/s3' };
    case 'sse-kms own': return { mode: 'sse-kms', kmsKeyId: first };
    case 'sse-c': return { mode: 'sse-c', key: 'customer' };
    case 'cse-kms': return { mode: 'cse-kms', kmsKeyId: second };
    case 'cse-c': return { mode: 'cse-c', key: 'master' };
  }
}

/** What an object must look like from outside. */
function expectedOf(name: ModeName, [first]: Place['kmsArns'], masterKeyId: string): Partial<StoredObject> {
  switch (name) {
    case 'sse-s3': return { algorithm: 'AES256', envelope: null };
    case 'sse-kms managed': return { algorithm: 'aws:kms', envelope: null };
    case 'sse-kms own': return { algorithm: 'aws:kms', kmsKeyId: first, envelope: null };
    case 'sse-c': return { algorithm: 'customer', envelope: null };
    case 'cse-kms': return { envelope: 'kms' };
    case 'cse-c': return { envelope: masterKeyId };
  }
}

export function testTransitions(transitions: readonly Transition[], place: () => Place): void {
  let computer: InnerComputer;
  const keyIds: Record<string, string> = {};
  beforeAll(async () => {
    const { scratch, server } = place();
    computer = await openComputer(scratch, 'transitions', server);
    for (const { name, type } of Object.values(KEY_OF)) keyIds[name] = (await computer.enfold.keys.create({ name, type })).keyId;
  });
  afterAll(async () => computer.close());

  describe.each(transitions)('a change from %s to %s', (from, to) => {
    test('keeps every file, brings every object under the new mode, and needs the old key no more', async () => {
      const { scratch, server, s3, kmsArns } = place();
      const bucket = `from-${from}-to-${to}`.replaceAll(' ', '-');
      const root = join(scratch, bucket);
      makeTreeOfAllKinds(root, bucket);
      const { mode, key = null, kmsKeyId } = choiceOf(from, kmsArns);
      const { id } = await computer.add(root, { bucket, mode, key, kmsKeyId, names: 'readable' });
      expect(await computer.sync(id)).toMatchObject({ inStep: true });
      const before = treeOf(root);
      const unchanged = await describeStored(s3, bucket, 'photos/', await customerKey(from));
      const objects = unchanged.length;
      expect(objects).toBe(6);
      const tagged = { Bucket: bucket, Key: unchanged.find(({ objectKey }) => !objectKey.endsWith('/'))?.objectKey ?? '' };
      await s3.send(new PutObjectTaggingCommand({ ...tagged, Tagging: { TagSet: [{ Key: 'cost centre', Value: 'photos + films' }] } }));

      const preview = await computer.enfold.folders.previewChange(id, choiceOf(to, kmsArns), signal);
      expect(Object.values(preview.ways).reduce((sum, amount) => sum + amount.objects, 0)).toBe(objects);
      expect(preview.ways.none.objects).toBe(0);

      expect(await computer.change(id, choiceOf(to, kmsArns))).toMatchObject({ isDone: true, changed: objects, failed: [], foreign: [] });
      const stored = await describeStored(s3, bucket, 'photos/', await customerKey(to));
      expect(stored.length).toBe(objects);
      expect((await s3.send(new GetObjectTaggingCommand(tagged))).TagSet).toEqual([{ Key: 'cost centre', Value: 'photos + films' }]);
      for (const object of stored) expect(object).toMatchObject(expectedOf(to, kmsArns, keyIds['master'] ?? ''));
      // In step, with nothing to send or fetch.
      expect(await computer.sync(id)).toMatchObject({ inStep: true, counts: { upload: 0, download: 0, 'delete-local': 0, 'delete-remote': 0 } });
      expect(treeOf(root)).toEqual(before);

      // A computer that has nothing but the new key gets all files.
      const fresh = await openComputer(scratch, `fresh-${bucket}`, server);
      try {
        const newKey = KEY_OF[to];
        if (newKey !== undefined) await fresh.takeKey(newKey.name, computer);
        const joined = await fresh.add(`${root}-copy`, { bucket });
        expect(joined).toMatchObject({ id, mode: { id: to.split(' ')[0] } });
        expect(await fresh.sync(id)).toMatchObject({ inStep: true });
        expect(treeOf(`${root}-copy`)).toEqual(before);
      } finally {
        await fresh.close();
      }
      const { failed, versions } = await computer.enfold.verify(id, { sample: null, versions: true, signal });
      expect(failed).toEqual([]);
      const oldKey = KEY_OF[from];
      expect(versions?.retirable.map(({ keyId }) => keyId)).toEqual(oldKey === undefined ? [] : [keyIds[oldKey.name]]);
    });
  });

  async function customerKey(mode: ModeName): Promise<Buffer | null> {
    return mode === 'sse-c' ? computer.enfold.keys.bytesOf(computer.enfold.keys.find('customer').keyId) : null;
  }
}
