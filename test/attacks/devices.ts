/** Two honest computers with a folder each on built-in storage, and somebody who may do anything to the bucket but holds no key. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Enfold, NewFolder, OpenFolder, SyncReport, VerifyReport } from '../../main/assembly/api.ts';
import { openEnfold } from '../../main/assembly/enfold.ts';
import { isSyncError } from '../../main/model/errors.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { IN_ANY_STORE } from '../helpers/secrets.ts';

export const BUCKET = 'attacked';
export type Stored = { readonly objectKey: string; readonly metadata: Readonly<Record<string, string>>; readonly body: Buffer };

/** Someone with the bucket's own rights. */
export type Attacker = {
  /** Keys below a prefix, in order. */
  keys(prefix: string): Promise<readonly string[]>;
  get(objectKey: string): Promise<Stored>;
  put(objectKey: string, object: Pick<Stored, 'metadata' | 'body'>, options?: { readonly ServerSideEncryption: 'aws:kms' }): Promise<void>;
  remove(objectKey: string): Promise<void>;
};

export type Device = {
  readonly enfold: Enfold;
  readonly root: string;
  readonly id: string;
  sync(options?: { readonly acceptHeld?: boolean }): Promise<SyncReport>;
  /** The report, or the code of the error that ended the sync before it began. */
  trySync(): Promise<SyncReport | string>;
  verify(): Promise<VerifyReport>;
  /** It is opened again by its next sync. */
  close(): Promise<void>;
};

export type Place = { readonly prefix: string; readonly a: Device; readonly b: Device; /** Another computer that joins now. */ join(): Promise<Device> };
export type World = {
  readonly storage: RunningStorage;
  readonly attacker: Attacker;
  readonly scratch: string;
  readonly home: Enfold;
  /** A folder that `fill` has filled, synced to a second computer. */
  place(fill: (root: string) => void, options?: Partial<NewFolder>): Promise<Place>;
  /** Closes the folders that a test has opened. */
  leave(): Promise<void>;
  close(): Promise<void>;
};

export const { signal: never } = new AbortController();

function attackerOn({ endpoint, accessKeyId, secretAccessKey }: RunningStorage): Attacker & { close(): void } {
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId, secretAccessKey }, requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' });
  const place = (Key: string): { Bucket: string; Key: string } => ({ Bucket: BUCKET, Key });
  return {
    keys: async (Prefix) => ((await client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix }))).Contents ?? []).map(({ Key = '' }) => Key),
    async get(objectKey) {
      const { Metadata = {}, Body } = await client.send(new GetObjectCommand(place(objectKey)));
      return { objectKey, metadata: Metadata, body: Buffer.from((await Body?.transformToByteArray()) ?? []) };
    },
    async put(objectKey, { metadata, body }, options) {
      await client.send(new PutObjectCommand({ ...place(objectKey), ...options, Body: body, Metadata: { ...metadata } }));
    },
    remove: async (objectKey) => void (await client.send(new DeleteObjectCommand(place(objectKey)))),
    close: () => client.destroy(),
  };
}

/** Kept open from its first sync on: opening it anew each time would take longer than all the rest. */
function deviceOf(enfold: Enfold, root: string, id: string): Device {
  let opening: Promise<OpenFolder> | null = null;
  const sync: Device['sync'] = async ({ acceptHeld = false } = {}) => (await (opening ??= enfold.folders.open(id))).sync({ acceptHeld, signal: never });
  return {
    enfold, root, id, sync,
    async trySync() {
      try {
        return await sync();
      } catch (error) {
        if (isSyncError(error)) return error.code;
        throw error;
      }
    },
    verify: async () => enfold.verify(id, { sample: null, signal: never }),
    async close() {
      await (await opening)?.close();
      opening = null;
    },
  };
}

export async function openWorld(): Promise<World> {
  const scratch = mkdtempSync(join(tmpdir(), 'enfold-attacks-'));
  const storage = await startStorage({ dir: join(scratch, 'storage') });
  const attacker = attackerOn(storage);
  const { endpoint, accessKeyId, secretAccessKey } = storage;
  const opened: Enfold[] = [];
  const devices: ReturnType<typeof deviceOf>[] = [];
  let places = 0;

  async function openHome(name: string): Promise<Enfold> {
    const enfold = await openEnfold({ home: join(scratch, name), hostName: name, env: IN_ANY_STORE });
    opened.push(enfold);
    await enfold.connections.add({ kind: 's3', name: 's3', endpoint, region: 'us-east-1', accessKeyId, secretAccessKey });
    return enfold;
  }
  const [first, second, third] = [await openHome('first'), await openHome('second'), await openHome('third')];
  await first.connections.createBucket('s3', BUCKET);
  const keys = { aes: randomBytes(32), rsa: generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }) };
  for (const [name, content] of Object.entries(keys)) {
    writeFileSync(join(scratch, name), content);
    for (const enfold of opened) await enfold.keys.importFrom({ name, file: join(scratch, name), passphrase: null });
  }

  return {
    storage, attacker, scratch, home: first,
    async place(fill, options) {
      places += 1;
      const prefix = `place-${places}/`;
      const folderAt = (name: string): string => {
        const root = join(scratch, `${name}-${places}`);
        mkdirSync(root);
        return root;
      };
      const added = async (enfold: Enfold, root: string, isNew: boolean): Promise<Device> => {
        const base: NewFolder = { localPath: root, connection: 's3', bucket: BUCKET, prefix, mode: null, key: null, names: null, direction: 'two-way', createBucket: false };
        const { folder } = await enfold.folders.add(isNew ? { ...base, mode: 'cse-c', key: 'aes', names: 'readable', ...options } : base);
        const device = deviceOf(enfold, root, folder.id);
        devices.push(device);
        return device;
      };
      const root = folderAt('a');
      fill(root);
      const a = await added(first, root, true);
      await a.sync();
      const b = await added(second, folderAt('b'), false);
      await b.sync();
      return { prefix, a, b, join: async () => added(third, folderAt('c'), false) };
    },
    async leave() {
      for (const device of devices.splice(0)) await device.close();
    },
    async close() {
      attacker.close();
      for (const enfold of opened) await enfold.close();
      await storage.stop();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}
