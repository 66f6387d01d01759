/**
 * The whole engine on Ceph's radosgw: on a bucket that keeps versions, where it refuses every conditional overwrite, and between two devices that
 * watch and poll and hear of each other by their change feeds alone.
 */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Enfold, OpenFolder, SyncReport } from '../../main/assembly/api.ts';
import { openEnfold } from '../../main/assembly/enfold.ts';
import { createEngineService, type EngineService } from '../../main/assembly/service.ts';
import type { S3Access } from '../../main/model/settings.ts';
import type { ObjectKey } from '../../main/model/path.ts';
import { createBucket } from '../../main/remote/connection.ts';
import type { ListedVersion } from '../../main/remote/object-store.ts';
import { createS3Store } from '../../main/remote/s3.ts';
import { makeScratch } from '../helpers/cli.ts';
import { startFaultProxy, type FaultProxy } from '../helpers/fault-proxy.ts';
import { isRadosgwInstalled, startRadosgw, type RunningRadosgw } from '../helpers/radosgw.ts';
import { readAt, treeOf, writeAt } from '../helpers/tree.ts';

const { signal } = new AbortController();
const NAMES = ['anna', 'ben'] as const;
type Name = (typeof NAMES)[number];

describe.runIf(isRadosgwInstalled())('the engine on radosgw', () => {
  const scratch = makeScratch();
  let server: RunningRadosgw;
  let proxy: FaultProxy;
  let access: S3Access;
  const computers = {} as Record<Name, Enfold>;

  beforeAll(async () => {
    server = await startRadosgw();
    const { accessKeyId, secretAccessKey, region } = server;
    proxy = await startFaultProxy(server.endpoint);
    access = { endpoint: server.endpoint, region, pathStyle: true, credentials: { type: 'static', accessKeyId, secretAccessKey } };
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey });
    for (const name of NAMES) {
      const enfold = await openEnfold({ home: join(scratch.dir, `${name}'s home`), env: { ENFOLD_KEYCHAIN: 'file', ENFOLD_PASSPHRASE: 'a passphrase for tests' }, hostName: name });
      computers[name] = enfold;
      await enfold.connections.add({ kind: 'environment', name: 's3', endpoint: name === 'ben' ? proxy.endpoint : server.endpoint, region });
      await enfold.keys.takeIn({ name: 'shared', type: 'aes', bytes: Buffer.from(Array.from({ length: 32 }, (_, i) => 255 - i * 5)) });
    }
  });
  afterAll(async () => {
    for (const enfold of Object.values(computers)) await enfold.close();
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) delete process.env[name];
    await proxy.stop();
    await server.stop();
    scratch.remove();
  });

  async function addFolder(name: Name, bucket: string): Promise<{ readonly root: string; readonly id: string }> {
    const root = join(scratch.dir, bucket, name);
    mkdirSync(root, { recursive: true });
    const how = name === 'anna' ? { mode: 'cse-c', key: 'shared' } as const : { mode: null, key: null };
    const { folder } = await computers[name].folders.add({ localPath: root, connection: 's3', bucket, prefix: 'x/', ...how, names: null, direction: 'two-way', createBucket: false });
    return { root, id: folder.id };
  }

  describe('with a bucket that keeps versions', () => {
    const roots = {} as Record<Name, string>;
    const open = {} as Record<Name, OpenFolder>;
    const sync = async (name: Name): Promise<SyncReport> => open[name].sync({ acceptHeld: true, signal });
    const versions = async (): Promise<ListedVersion[]> => {
      const store = createS3Store(access, 'versioned');
      try {
        const all: ListedVersion[] = [];
        for await (const page of store.listVersions?.('x/', signal) ?? []) all.push(...page);
        return all.filter(({ objectKey }) => !objectKey.includes('/.enfold/'));
      } finally {
        await store.close();
      }
    };

    beforeAll(async () => {
      await createBucket(access, 'versioned', signal);
      const client = new S3Client({ endpoint: server.endpoint, region: server.region, forcePathStyle: true, credentials: { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey } });
      await client.send(new PutBucketVersioningCommand({ Bucket: 'versioned', VersioningConfiguration: { Status: 'Enabled' } }));
      client.destroy();
      for (const name of NAMES) {
        const { root, id } = await addFolder(name, 'versioned');
        roots[name] = root;
        if (name === 'anna') for (const [file, text] of [['edited.txt', 'first'], ['moved.txt', 'moved'], ['removed.txt', 'removed']] as const) writeAt(root, file, text);
        open[name] = await computers[name].folders.open(id);
        await sync(name);
      }
    });
    afterAll(async () => {
      for (const folder of Object.values(open)) await folder.close();
    });

    test('radosgw itself refuses a conditional overwrite there, also where the condition holds', async () => {
      const store = createS3Store(access, 'versioned');
      const objectKey = 'beside/one' as ObjectKey;
      const options = { condition: null, metadata: {}, modeHeaders: {} } as const;
      const { etag } = await store.put(objectKey, Buffer.from('one'), options, signal);
      await expect(store.put(objectKey, Buffer.from('two'), { ...options, condition: { type: 'version', etag, isBare: true } }, signal)).rejects.toMatchObject({ code: 'version-changed' });
      await store.close();
    });

    test('files are edited, renamed and removed all the same, on both devices, and the versions before stay', async () => {
      writeAt(roots.anna, 'edited.txt', 'second, by anna');
      renameSync(join(roots.anna, 'moved.txt'), join(roots.anna, 'moved here.txt'));
      rmSync(join(roots.anna, 'removed.txt'));
      expect(await sync('anna')).toMatchObject({ inStep: true, failed: [], conflictCopies: [], counts: { upload: 1, 'rename-remote': 1, 'delete-remote': 1 } });
      expect(await sync('ben')).toMatchObject({ inStep: true, failed: [], conflictCopies: [] });
      expect(treeOf(roots.ben)).toEqual(treeOf(roots.anna));
      writeAt(roots.ben, 'edited.txt', 'third, by ben');
      expect(await sync('ben')).toMatchObject({ inStep: true, failed: [], conflictCopies: [], counts: { upload: 1 } });
      expect(await sync('anna')).toMatchObject({ inStep: true, failed: [], conflictCopies: [], counts: { download: 1 } });
      expect(Object.keys(treeOf(roots.anna))).toEqual(['edited.txt', 'moved here.txt']);
      expect(readAt(roots.anna, 'edited.txt')).toBe('third, by ben');
      expect(await computers.anna.folders.recordsOf(open.anna.settings.id)).toMatchObject({ capabilities: { level: 'versioned-only', ifMatchQuoting: null, isVersioned: true } });
      const all = await versions();
      // Three of the edited file, one under each name of the renamed one, one of what was removed; two names are marked as deleted.
      expect([all.filter(({ isDeleteMarker }) => !isDeleteMarker).length, all.filter(({ isDeleteMarker }) => isDeleteMarker).length]).toEqual([6, 2]);
    });

    test('edits of both at once are both kept', async () => {
      writeAt(roots.anna, 'edited.txt', 'fourth, by anna');
      writeAt(roots.ben, 'edited.txt', 'fourth, by ben');
      const reports = [await sync('anna'), await sync('ben'), await sync('anna')];
      expect(reports.flatMap(({ conflictCopies }) => conflictCopies)).toHaveLength(1);
      expect(treeOf(roots.ben)).toEqual(treeOf(roots.anna));
      expect(Object.keys(treeOf(roots.anna)).filter((name) => name.startsWith('edited')).map((name) => readAt(roots.anna, name)).toSorted()).toEqual(['fourth, by anna', 'fourth, by ben']);
    });
  });

  test('a device hears of another one\'s new file, edit, rename and deletion by the change feed, without listing the bucket', async () => {
    await createBucket(access, 'feeds', signal);
    const roots = {} as Record<Name, string>;
    const services: EngineService[] = [];
    const inStep = { timeout: 60_000, interval: 100 };
    const alike = async (): Promise<void> => vi.waitFor(() => expect(treeOf(roots.ben)).toEqual(treeOf(roots.anna)), inStep);
    try {
      for (const name of NAMES) {
        const { root } = await addFolder(name, 'feeds');
        roots[name] = root;
        if (name === 'anna') for (let i = 0; i < 20; i += 1) writeAt(root, `docs/file ${i}.txt`, `content ${i}`);
        const service = createEngineService(computers[name], () => undefined);
        services.push(service);
        await service.start();
        await vi.waitFor(async () => expect((await service.handlers['folders.list'](undefined)).find(({ bucket }) => bucket === 'feeds')?.status).toMatchObject({ state: 'up-to-date', files: 20 }), inStep);
      }
      await alike();
      const from = proxy.requests.length;
      writeAt(roots.anna, 'new.txt', 'new');
      writeAt(roots.anna, 'docs/file 3.txt', 'edited');
      renameSync(join(roots.anna, 'docs/file 4.txt'), join(roots.anna, 'docs/renamed.txt'));
      rmSync(join(roots.anna, 'docs/file 5.txt'));
      await alike();
      writeAt(roots.ben, 'from ben.txt', 'hello');
      await alike();
      expect(Object.keys(treeOf(roots.anna)).filter((name) => name !== 'docs/' && !/^docs\/file \d+\.txt$/.test(name))).toEqual(['docs/renamed.txt', 'from ben.txt', 'new.txt']);
      const listings = proxy.requests.slice(from).filter((line) => line.includes('/feeds?') && line.includes('list-type=2') && !/prefix=[^&]*(?:%2F|\/)\.enfold(?:%2F|\/)(?:feed|tomb)/.test(line));
      expect(listings).toEqual([]);
    } finally {
      for (const service of services) await service.close();
    }
  });
});
