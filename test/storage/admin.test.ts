/** What the owner does with a storage folder: access keys, server master keys, the root key, what housekeeping does, and the log of it all. */
import {
  CompleteMultipartUploadCommand, CreateMultipartUploadCommand, GetObjectCommand, ListMultipartUploadsCommand, PutBucketLifecycleConfigurationCommand, PutBucketPolicyCommand, PutBucketVersioningCommand,
  PutObjectCommand, UploadPartCommand,
} from '@aws-sdk/client-s3';
import { CreateKeyCommand, DecryptCommand, EncryptCommand, KMSClient, PutKeyPolicyCommand } from '@aws-sdk/client-kms';
import { CreateSecretCommand, GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openAdmin } from '../../main/storage/admin.ts';
import { openAudit, readAudit, type AuditEntry } from '../../main/storage/audit.ts';
import { exportRootKey, importRootKey, moveBesideData, moveToStore, rootKeyPlace, rootKeysIn, type RootKeyStore } from '../../main/storage/root-key.ts';
import { startStorage, type RunningStorage, type StorageOptions } from '../../main/storage/server.ts';
import { SyncError } from '../../main/model/errors.ts';
import { createTarget, refusal, type Endpoint, type Target } from './target.ts';

const DAY_MS = 24 * 3600 * 1000;
const quiet = (): void => undefined;
let root: string;
let dir: string;
const running: RunningStorage[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'enfold-storage-'));
  dir = join(root, 'storage');
});
afterEach(async () => {
  for (const storage of running.splice(0)) await storage.stop();
  rmSync(root, { recursive: true });
});

const serve = async (more: Partial<StorageOptions> = {}): Promise<RunningStorage> => {
  const storage = await startStorage({ dir, ...more });
  running.push(storage);
  return storage;
};
const stop = async (storage: RunningStorage): Promise<void> => {
  running.splice(running.indexOf(storage), 1);
  await storage.stop();
};
const kmsOf = (endpoint: Endpoint): KMSClient => new KMSClient({ endpoint: endpoint.endpoint, region: 'us-east-1', credentials: endpoint, maxAttempts: 1 });

/** A keychain in memory, which another computer does not have. */
function memoryStore(): RootKeyStore & { readonly items: Map<string, Buffer> } {
  const items = new Map<string, Buffer>();
  return { items, get: async (name) => items.get(name) ?? null, set: async (name, value) => void items.set(name, Buffer.from(value)), delete: async (name) => void items.delete(name) };
}

describe('access keys', () => {
  test('are made, listed and removed while the storage runs, and count at once', async () => {
    const storage = await serve();
    const admin = await openAdmin(dir, undefined, quiet);
    const ann = await admin.addAccessKey('ann', true);
    expect((await admin.listAccessKeys()).map(({ name, isRoot, hasFullAccess }) => [name, isRoot, hasFullAccess])).toEqual([['root', true, true], ['ann', false, true]]);
    expect(JSON.stringify(await admin.listAccessKeys())).not.toContain(ann.secretAccessKey);
    const target = createTarget({ endpoint: storage.endpoint, ...ann });
    expect((await target.raw('/anns-bucket', { method: 'PUT' })).status).toBe(200);
    await admin.removeAccessKey('ann');
    expect(await target.raw('/anns-bucket')).toMatchObject({ status: 403, code: 'InvalidAccessKeyId' });
    await expect(admin.removeAccessKey('nobody')).rejects.toMatchObject({ code: 'no-such-access-key' });
    await expect(admin.removeAccessKey('root')).rejects.toMatchObject({ code: 'bad-usage' });
    await expect(admin.addAccessKey('root', true)).rejects.toMatchObject({ code: 'bad-usage' });
    await expect(admin.addAccessKey('../x', true)).rejects.toMatchObject({ code: 'bad-usage' });
    await admin.close();
  });

  test('are made over HTTPS where the storage is served so, by its own certificate alone', async () => {
    await serve({ isSecure: true });
    const admin = await openAdmin(dir, undefined, quiet);
    await admin.addAccessKey('ann', true);
    expect((await admin.listAccessKeys()).map(({ name }) => name)).toEqual(['root', 'ann']);
    rmSync(join(dir, 'certificate.pem'));
    await expect(admin.listAccessKeys()).rejects.toMatchObject({ code: 'offline' });
  });

  test('are made while nobody serves the folder, too, and its address stays', async () => {
    const first = await serve();
    const { endpoint } = first;
    await stop(first);
    const admin = await openAdmin(dir, undefined, quiet);
    const bob = await admin.addAccessKey('bob', true);
    expect((await admin.status()).endpoint).toBeNull();
    await admin.close();
    const again = await serve();
    expect([again.endpoint, again.accessKeyId]).toEqual([endpoint, first.accessKeyId]);
    expect(await createTarget({ endpoint, ...bob }).raw('/')).toMatchObject({ status: 200 });
  });

  test('with limits do what bucket and key policies name them for', async () => {
    const storage = await serve();
    const admin = await openAdmin(dir, undefined, quiet);
    const owner = createTarget(storage);
    const [guest, other] = [createTarget({ endpoint: storage.endpoint, ...(await admin.addAccessKey('guest', false)) }), createTarget({ endpoint: storage.endpoint, ...(await admin.addAccessKey('other', false)) })];
    await owner.raw('/shared', { method: 'PUT' });
    const { KeyMetadata } = await kmsOf(owner).send(new CreateKeyCommand({}));
    const arn = 'arn:aws:iam::000000000000:user/guest';
    await owner.client.send(new PutBucketPolicyCommand({ Bucket: 'shared', Policy: JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { AWS: arn }, Action: ['s3:GetObject', 's3:PutObject'], Resource: 'arn:aws:s3:::shared/*' }] }) }));
    const put = (target: Target) => refusal(target.client.send(new PutObjectCommand({ Bucket: 'shared', Key: 'a', Body: 'x', ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyMetadata?.KeyId })));
    expect(await put(guest)).toEqual({ code: 'AccessDenied', status: 403 });
    await kmsOf(owner).send(new PutKeyPolicyCommand({ KeyId: KeyMetadata?.KeyId, Policy: JSON.stringify({ Version: '2012-10-17', Statement: [
      { Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::000000000000:root' }, Action: 'kms:*', Resource: '*' },
      { Effect: 'Allow', Principal: { AWS: arn }, Action: ['kms:GenerateDataKey', 'kms:Decrypt'], Resource: '*' },
    ] }) }));
    expect(await put(guest)).toMatchObject({ status: 200 });
    expect(await put(other)).toEqual({ code: 'AccessDenied', status: 403 });
  });

  test('other than the root key may not administer the storage', async () => {
    const storage = await serve();
    const ann = await storage.addAccessKey('ann');
    writeFileSync(join(dir, 'keys.json'), JSON.stringify({ version: 1, accessKeys: [{ ...ann, name: 'root' }] }));
    const admin = await openAdmin(dir, undefined, quiet);
    await expect(admin.addAccessKey('eve', true)).rejects.toMatchObject({ code: 'access-denied' });
    await expect(admin.rotateMasterKey()).rejects.toMatchObject({ code: 'access-denied' });
  });
});

/** Takes all master keys but the current one out of a folder that nobody serves. */
function forgetOldMasterKeys(): void {
  const file = join(dir, 'master-keys.json');
  const ring = JSON.parse(readFileSync(file, 'utf8')) as { current: string; keys: { id: string }[] };
  writeFileSync(file, JSON.stringify({ ...ring, keys: ring.keys.filter(({ id }) => id === ring.current) }));
}

describe('the server master key', () => {
  test('is rotated while the storage runs; all that older ones wrapped opens with the new one alone', async () => {
    const storage = await serve();
    const { client } = createTarget(storage);
    const bucket = 'rotated';
    await createTarget(storage).raw(`/${bucket}`, { method: 'PUT' });
    await client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    const keys = Array.from({ length: 450 }, (_, index) => `key ${index}`);
    await Promise.all(keys.map((Key) => client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: `one of ${Key}` }))));
    const { VersionId } = await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'key 0', Body: 'two' }));
    const kms = kmsOf(storage);
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: KeyMetadata?.KeyId, Plaintext: Buffer.from('by KMS') }));
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'of kms', Body: 'of kms', ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyMetadata?.KeyId }));
    const secrets = new SecretsManagerClient({ endpoint: storage.endpoint, region: 'us-east-1', credentials: storage });
    await secrets.send(new CreateSecretCommand({ Name: 'one', SecretString: 'hidden' }));
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'of parts' }));
    const { ETag } = await client.send(new UploadPartCommand({ Bucket: bucket, Key: 'of parts', UploadId, PartNumber: 1, Body: 'part' }));

    const admin = await openAdmin(dir, undefined, quiet);
    const before = (await admin.status()).masterKeys;
    const { masterKeys } = await admin.rotateMasterKey();
    expect(masterKeys.map(({ isCurrent }) => isCurrent)).toEqual([false, true]);
    expect(masterKeys[0]?.id).toBe(before[0]?.id);
    expect(Buffer.from(await (await client.send(new GetObjectCommand({ Bucket: bucket, Key: 'key 7' }))).Body?.transformToByteArray() ?? []).toString()).toBe('one of key 7');
    await expect.poll(async () => (await admin.status()).rewrap?.isComplete).toBe(true);
    // 451 versions, one upload, the KMS key and the secret. The object under the KMS key is wrapped by that.
    expect((await admin.status()).rewrap).toMatchObject({ masterKeyId: masterKeys[1]?.id, rewrapped: 454 });
    await stop(storage);
    forgetOldMasterKeys();

    const again = createTarget(await serve());
    const read = async (Key: string, version?: string): Promise<string> => (await (await again.client.send(new GetObjectCommand({ Bucket: bucket, Key, VersionId: version }))).Body?.transformToString()) ?? '';
    for (const key of keys.slice(1)) expect(await read(key)).toBe(`one of ${key}`);
    expect(await read('key 0', VersionId)).toBe('two');
    expect(await read('of kms')).toBe('of kms');
    await again.client.send(new CompleteMultipartUploadCommand({ Bucket: bucket, Key: 'of parts', UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } }));
    expect(await read('of parts')).toBe('part');
    expect(Buffer.from((await kmsOf(again).send(new DecryptCommand({ CiphertextBlob }))).Plaintext ?? []).toString()).toBe('by KMS');
    expect((await new SecretsManagerClient({ endpoint: again.endpoint, region: 'us-east-1', credentials: again }).send(new GetSecretValueCommand({ SecretId: 'one' }))).SecretString).toBe('hidden');
  });

  test('goes on wrapping anew after a restart, and all is readable at any moment', async () => {
    const storage = await serve();
    const target = createTarget(storage);
    await target.raw('/rotated', { method: 'PUT' });
    for (let index = 0; index < 5; index += 1) await target.raw(`/rotated/${index}`, { method: 'PUT', body: `object ${index}` });
    await storage.rotateMasterKey();
    await storage.rotateMasterKey();
    await stop(storage);
    const again = await serve();
    await expect.poll(async () => (await again.admin.status()).rewrap?.isComplete).toBe(true);
    await stop(again);
    forgetOldMasterKeys();
    const last = createTarget(await serve());
    for (let index = 0; index < 5; index += 1) expect((await last.raw(`/rotated/${index}`)).body.toString()).toBe(`object ${index}`);
  });
});

describe('the root key', () => {
  const fill = async (store: RootKeyStore | undefined): Promise<void> => {
    const storage = await serve(store === undefined ? {} : { rootKeys: rootKeysIn(store, 'keychain') });
    await createTarget(storage).raw('/photos', { method: 'PUT' });
    await createTarget(storage).raw('/photos/a', { method: 'PUT', body: 'the only copy' });
    await stop(storage);
  };
  const contentWith = async (store: RootKeyStore | undefined): Promise<string> => {
    const storage = await serve(store === undefined ? {} : { rootKeys: rootKeysIn(store, 'beside-data') });
    const { body } = await createTarget(storage).raw('/photos/a');
    await stop(storage);
    return body.toString();
  };
  /** What stands in the folder in the clear: the file as it is, and what it says in base64. */
  const holdsMasterKey = (): boolean => (JSON.parse(readFileSync(join(dir, 'master-keys.json'), 'utf8')) as { keys: { key: string }[] }).keys.some(({ key }) => Buffer.from(key, 'base64').length === 32);

  test('in the keychain, opens the storage there and nowhere else until it is brought', async () => {
    const [here, elsewhere] = [memoryStore(), memoryStore()];
    await fill(here);
    expect(await rootKeyPlace(dir)).toMatchObject({ place: 'keychain', exportedMs: null });
    expect([holdsMasterKey(), here.items.size]).toEqual([false, 1]);
    expect(await contentWith(here)).toBe('the only copy');

    const before = readFileSync(join(dir, 'master-keys.json'));
    await expect(serve()).rejects.toMatchObject({ code: 'storage-key-missing' });
    await expect(serve({ rootKeys: rootKeysIn(elsewhere, 'keychain') })).rejects.toMatchObject({ code: 'storage-key-missing' });
    expect(readFileSync(join(dir, 'master-keys.json')).equals(before)).toBe(true);
    expect(elsewhere.items.size).toBe(0);

    // Moved to another computer: the folder, and what was written down.
    const written = await exportRootKey(dir, here, 1_795_000_000_000);
    expect(await rootKeyPlace(dir)).toMatchObject({ exportedMs: 1_795_000_000_000 });
    const moved = join(root, 'moved');
    cpSync(dir, moved, { recursive: true });
    dir = moved;
    await expect(importRootKey(dir, elsewhere, randomBytes(32))).rejects.toMatchObject({ code: 'key-invalid' });
    await importRootKey(dir, elsewhere, written);
    expect(await contentWith(elsewhere)).toBe('the only copy');
  });

  test('moves from beside the data into the keychain and back, and the storage stays readable', async () => {
    const store = memoryStore();
    await fill(undefined);
    expect([holdsMasterKey(), await rootKeyPlace(dir)]).toEqual([true, { place: 'beside-data', rootKeyId: null, exportedMs: null }]);
    await moveToStore(dir, store);
    expect(holdsMasterKey()).toBe(false);
    await expect(serve()).rejects.toMatchObject({ code: 'storage-key-missing' });
    expect(await contentWith(store)).toBe('the only copy');
    await expect(moveToStore(dir, store)).rejects.toMatchObject({ code: 'bad-usage' });
    await moveBesideData(dir, store);
    expect(store.items.size).toBe(0);
    expect(await contentWith(undefined)).toBe('the only copy');
    await expect(exportRootKey(dir, store, 0)).rejects.toMatchObject({ code: 'bad-usage' });
    await expect(importRootKey(dir, store, randomBytes(32))).rejects.toMatchObject({ code: 'bad-usage' });
  });

  test('also wraps the master keys that are made later', async () => {
    const store = memoryStore();
    await fill(store);
    const storage = await serve({ rootKeys: rootKeysIn(store, 'keychain') });
    await storage.rotateMasterKey();
    await storage.rewrapped();
    await stop(storage);
    expect(holdsMasterKey()).toBe(false);
    forgetOldMasterKeys();
    expect(await contentWith(store)).toBe('the only copy');
  });

  test('stays where it is while somebody serves the folder, where the keychain forgets, and where there is no storage', async () => {
    const storage = await serve();
    await expect(moveToStore(dir, memoryStore())).rejects.toMatchObject({ code: 'storage-busy' });
    await stop(storage);
    const before = readFileSync(join(dir, 'master-keys.json'));
    await expect(moveToStore(dir, { ...memoryStore(), get: async () => null })).rejects.toMatchObject({ code: 'keychain-missing' });
    expect(readFileSync(join(dir, 'master-keys.json')).equals(before)).toBe(true);
    await expect(moveToStore(join(root, 'nowhere'), memoryStore())).rejects.toMatchObject({ code: 'not-a-storage-folder' });
    expect(readdirSync(root)).toEqual(['storage']);
  });

  test('lies beside the data only where there is no keychain, not where it is locked', async () => {
    const failing = (code: 'keychain-missing' | 'keychain-locked'): RootKeyStore => ({ ...memoryStore(), set: async () => { throw new SyncError(code); } });
    await expect(serve({ rootKeys: rootKeysIn(failing('keychain-locked'), 'keychain-if-any') })).rejects.toMatchObject({ code: 'keychain-locked' });
    await expect(serve({ rootKeys: rootKeysIn(failing('keychain-missing'), 'keychain') })).rejects.toMatchObject({ code: 'keychain-missing' });
    expect((await serve({ rootKeys: rootKeysIn(failing('keychain-missing'), 'keychain-if-any') })).rootKeyId).toBeNull();
  });

  test('that was altered in the folder opens nothing', async () => {
    const store = memoryStore();
    await fill(store);
    const file = join(dir, 'master-keys.json');
    const ring = JSON.parse(readFileSync(file, 'utf8')) as { keys: { key: string }[] };
    for (const each of ring.keys) {
      const bytes = Buffer.from(each.key, 'base64');
      bytes[20] = (bytes[20] ?? 0) ^ 1;
      each.key = bytes.toString('base64');
    }
    writeFileSync(file, JSON.stringify(ring));
    await expect(contentWith(store)).rejects.toMatchObject({ code: 'state-corrupt' });
  });
});

describe('housekeeping', () => {
  const begin = async (storage: RunningStorage, key: string): Promise<void> => {
    const { client } = createTarget(storage);
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket: 'uploads', Key: key }));
    await client.send(new UploadPartCommand({ Bucket: 'uploads', Key: key, UploadId, PartNumber: 1, Body: randomBytes(100_000) }));
  };
  const listed = async (storage: RunningStorage): Promise<(string | undefined)[]> => ((await createTarget(storage).client.send(new ListMultipartUploadsCommand({ Bucket: 'uploads' }))).Uploads ?? []).map(({ Key }) => Key);
  const files = (): string[] => readdirSync(join(dir, 'bodies'), { recursive: true, withFileTypes: true }).filter((each) => each.isFile()).map(({ name }) => name);

  test('removes uploads that nobody went on with for thirty days, with their parts', async () => {
    const start = Date.now();
    let nowMs = start;
    const first = await serve({ now: () => nowMs });
    await createTarget(first).raw('/uploads', { method: 'PUT' });
    await begin(first, 'abandoned');
    expect(files()).toHaveLength(1);
    await stop(first);
    nowMs = start + 29 * DAY_MS;
    const second = await serve({ now: () => nowMs });
    await second.settled();
    expect((await second.admin.status()).unfinishedUploads).toBe(1);
    await stop(second);
    nowMs = start + 31 * DAY_MS;
    const third = await serve({ now: () => nowMs });
    await expect.poll(async () => (await third.admin.status()).unfinishedUploads).toBe(0);
    await expect.poll(files).toEqual([]);
    await stop(third);
    const log = readFileSync(join(dir, 'audit.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as AuditEntry);
    expect(log).toContainEqual(expect.objectContaining({ who: 'enfold', action: 's3:AbortMultipartUpload', bucket: 'uploads', objectKey: 'abandoned' }));
  });

  test('removes uploads as the lifecycle rules of their bucket say', async () => {
    const start = Date.now();
    let nowMs = start;
    const first = await serve({ now: () => nowMs });
    await createTarget(first).raw('/uploads', { method: 'PUT' });
    await createTarget(first).client.send(new PutBucketLifecycleConfigurationCommand({ Bucket: 'uploads', LifecycleConfiguration: { Rules: [
      { ID: 'a', Status: 'Enabled', Filter: { Prefix: 'short/' }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 } },
      { ID: 'b', Status: 'Disabled', Filter: { Prefix: '' }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
    ] } }));
    for (const key of ['short/a', 'long/a']) await begin(first, key);
    await stop(first);
    nowMs = start + 3 * DAY_MS;
    const second = await serve({ now: () => nowMs });
    await second.settled();
    expect((await second.admin.status()).unfinishedUploads).toBe(1);
    nowMs = Date.now();
    expect(await listed(second)).toEqual(['long/a']);
  });
});

describe('the audit log', () => {
  const write = (audit: Awaited<ReturnType<typeof openAudit>>, from: number, count: number): void => {
    for (let index = from; index < from + count; index += 1) audit.answered(Object.assign(audit.begin(index, String(index)), { objectKey: `object ${index}` }), 200, []);
  };

  const written = (): number => readdirSync(root).reduce((sum, name) => sum + readFileSync(join(root, name), 'utf8').split('\n').length - 1, 0);

  test('is closed by size under a name of its own, and read across all of them in order', async () => {
    const audit = await openAudit(root, 2000);
    for (let from = 0; from < 100; from += 10) {
      write(audit, from, 10);
      await expect.poll(written).toBe(from + 10);
    }
    await audit.close();
    const names = readdirSync(root).sort();
    expect(names.length).toBeGreaterThan(3);
    expect(names.filter((name) => !/^audit(-\d{8}T\d{9}Z)?\.jsonl$/.test(name))).toEqual([]);
    const seen: string[] = [];
    for await (const { requestId } of readAudit(root, false, new AbortController().signal)) seen.push(requestId);
    expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => String(index)));
  });

  test('is read in order also where it was closed twice in one millisecond, or the clock was set back', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const audit = await openAudit(root, 1);
      for (const [requestId, now] of [['0', 5000], ['1', 5000], ['2', 5000], ['3', 4000]] as const) {
        vi.setSystemTime(now);
        write(audit, Number(requestId), 1);
        await vi.waitUntil(() => readdirSync(root).length === Number(requestId) + 2, { timeout: 30_000 });
      }
      await audit.close();
    } finally {
      vi.useRealTimers();
    }
    const seen: string[] = [];
    for await (const { requestId } of readAudit(root, false, new AbortController().signal)) seen.push(requestId);
    expect(seen).toEqual(['0', '1', '2', '3']);
  });

  test('is followed while it is closed and begun anew, missing and repeating nothing', async () => {
    const audit = await openAudit(root, 3000);
    const abort = new AbortController();
    const seen: string[] = [];
    const following = (async () => {
      for await (const { requestId } of readAudit(root, true, abort.signal)) seen.push(requestId);
    })();
    for (let from = 0; from < 300; from += 30) {
      write(audit, from, 30);
      await expect.poll(written).toBe(from + 30);
    }
    await expect.poll(() => seen.length).toBe(300);
    write(audit, 300, 30);
    await expect.poll(() => seen.length).toBe(330);
    abort.abort();
    await following;
    await audit.close();
    expect(readdirSync(root).length).toBeGreaterThan(2);
    expect(seen).toEqual(Array.from({ length: 330 }, (_, index) => String(index)));
  });
});
