/** The folder's description in a real bucket: one creator, and nobody replaces it unnoticed. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAesKeyring } from '../../main/envelope/aes-keyring.ts';
import type { DescriptorContent } from '../../main/envelope/descriptor.ts';
import { authKeyOf, createFolderKey, folderKeyFingerprint, namesKeyOf, wrapFolderKey } from '../../main/envelope/folder-key.ts';
import { keyIdOf } from '../../main/envelope/key-id.ts';
import type { EncryptionMode } from '../../main/model/mode.ts';
import type { S3Access } from '../../main/model/settings.ts';
import { createBucket } from '../../main/remote/connection.ts';
import { createDescriptor, descriptorKey, loadDescriptor } from '../../main/remote/descriptor-store.ts';
import type { RemoteFolderConfig } from '../../main/remote/folder-config.ts';
import { openRemoteFolder } from '../../main/remote/folder.ts';
import { requestsOf } from '../../main/remote/modes.ts';
import { createS3Store } from '../../main/remote/s3.ts';
import type { ObjectStore } from '../../main/remote/object-store.ts';
import { startStorage } from '../../main/storage/server.ts';
import type { RunningStorage } from '../../main/storage/server.ts';
import { codeOf } from './store.contract.ts';

const signal = new AbortController().signal;

async function newFolder(folderId = randomBytes(16).toString('hex')) {
  const bytes = randomBytes(32);
  const keyId = keyIdOf('aes', bytes);
  const folderKey = createFolderKey();
  const mode: EncryptionMode = { id: 'cse-c', keyId, keyType: 'aes', format: 'v3' };
  const wrapped = await wrapFolderKey(createAesKeyring({ wrappingKey: bytes, keyId }), folderKey, folderId);
  const content: DescriptorContent = { folderId, names: 'encrypted', epochs: [{ n: 1, mode, wrappedFolderKey: wrapped.toString('base64') }], devices: [] };
  return { content, folderKey, mode, key: { keyId, type: 'aes', bytes } as const };
}

describe('the description of a folder', () => {
  let storage: RunningStorage;
  let directory: string;
  let access: S3Access;
  let store: ObjectStore;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'enfold-storage-'));
    storage = await startStorage({ dir: directory });
    const { endpoint, accessKeyId, secretAccessKey } = storage;
    access = { endpoint, region: 'us-east-1', pathStyle: true, credentials: { type: 'static', accessKeyId, secretAccessKey } };
    await createBucket(access, 'descriptors', signal);
    store = createS3Store(access, 'descriptors');
  });
  afterAll(async () => {
    await store.close();
    await storage.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const configOf = (prefix: string, { content, folderKey, mode, key }: Awaited<ReturnType<typeof newFolder>>): RemoteFolderConfig => ({
    access, bucket: 'descriptors', prefix, folderId: content.folderId, names: 'encrypted', namesKey: namesKeyOf(folderKey), folderKey,
    epochs: [{ n: 1, mode, authKey: authKeyOf(folderKey, 1) }], keys: [key], pin: { folderId: content.folderId, epoch: 1, folderKeyFingerprint: folderKeyFingerprint(folderKey) },
  });

  test('is created once, by one of many', async () => {
    const folders = await Promise.all(Array.from({ length: 6 }, async () => newFolder()));
    const outcomes = await Promise.all(folders.map(async ({ content, folderKey, mode }) => codeOf(createDescriptor(store, 'race/', content, folderKey, requestsOf(mode, [], null), signal))));
    expect(outcomes.filter((code) => code === null)).toHaveLength(1);
    expect(outcomes.filter((code) => code === 'prefix-taken')).toHaveLength(5);
    const winner = folders[outcomes.indexOf(null)];
    expect((await loadDescriptor(store, 'race/', signal))?.descriptor.folderId).toBe(winner?.content.folderId);
  });

  test('is not there until somebody makes it', async () => {
    expect(await loadDescriptor(store, 'nothing/', signal)).toBeNull();
    const folder = openRemoteFolder(configOf('nothing/', await newFolder()));
    expect(await codeOf(folder.checkFolder?.(signal) ?? Promise.resolve())).toBe('descriptor-missing');
    await folder.close();
  });

  test('is noticed when it was replaced by another folder\'s, or by one made without the folder key', async () => {
    const mine = await newFolder();
    await createDescriptor(store, 'mine/', mine.content, mine.folderKey, requestsOf(mine.mode, [], null), signal);
    const folder = openRemoteFolder(configOf('mine/', mine));
    await folder.checkFolder?.(signal);
    const replace = async (other: Awaited<ReturnType<typeof newFolder>>): Promise<void> => {
      await store.delete(descriptorKey('mine/'), null, signal);
      await createDescriptor(store, 'mine/', other.content, other.folderKey, requestsOf(other.mode, [], null), signal);
    };
    await replace(await newFolder());
    expect(await codeOf(folder.checkFolder?.(signal) ?? Promise.resolve())).toBe('descriptor-mismatch');
    await replace(await newFolder(mine.content.folderId));
    expect(await codeOf(folder.checkFolder?.(signal) ?? Promise.resolve())).toBe('descriptor-mismatch');
    await replace(mine);
    await folder.checkFolder?.(signal);
    await folder.close();
  });

  test('of an older epoch than this device has seen is an alarm', async () => {
    const mine = await newFolder();
    await createDescriptor(store, 'older/', mine.content, mine.folderKey, requestsOf(mine.mode, [], null), signal);
    const folder = openRemoteFolder({ ...configOf('older/', mine), pin: { folderId: mine.content.folderId, epoch: 2, folderKeyFingerprint: null } });
    expect(await codeOf(folder.checkFolder?.(signal) ?? Promise.resolve())).toBe('descriptor-rollback');
    await folder.close();
  });

  test('is refused where it is damaged', async () => {
    await store.put(descriptorKey('damaged/'), Buffer.from('{"enfold":"folder"'), { metadata: {}, modeHeaders: {}, condition: null }, signal);
    expect(await codeOf(loadDescriptor(store, 'damaged/', signal))).toBe('malformed');
  });
});
