/**
 * Single objects of a bucket, `s3://BUCKET/KEY`: as stored, or in any of the modes. No folder, no
 * attributes, no tombstones: what other tools and official clients read and write.
 */
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, fstatSync, fsyncSync, openSync, writeSync } from 'node:fs';
import type { Encryption } from '../envelope/envelope.ts';
import { SyncError, isSyncError } from '../model/errors.ts';
import { isClientSide, maxFileBytes, type EncryptionMode, type ModeId } from '../model/mode.ts';
import type { ObjectKey } from '../model/path.ts';
import type { S3Access } from '../model/settings.ts';
import type { OpenKeyring } from '../remote/folder-keyring.ts';
import type { ModeRequests } from '../remote/modes.ts';
import type { Condition, ModeHeaders, ObjectHead, ObjectStore, Part, ReadOptions } from '../remote/object-store.ts';
import type { Fetched, FileRow, OnBytes, Stored, Target } from './api.ts';
import { chooseMode, explainBlocked } from './mode-choice.ts';
import type { Wiring } from './open-folder.ts';

type ObjectTarget = Extract<Target, { type: 'object' }>;

const RANGE_BYTES = 8 << 20;
const PART_BYTES = 16 << 20;
const MOST_PARTS = 10_000;
const MAX_INSTRUCTION_BYTES = 64 << 10;

type OpenMode = { readonly mode: EncryptionMode; readonly requests: ModeRequests; /** Null in the server-side modes. */ readonly keyring: OpenKeyring | null; readonly close: () => void };

export type Objects = {
  list(target: ObjectTarget, recursive: boolean, signal: AbortSignal): AsyncIterable<FileRow>;
  get(target: ObjectTarget, staged: string, signal: AbortSignal, onBytes?: OnBytes): Promise<Fetched>;
  put(source: string, target: ObjectTarget, signal: AbortSignal, onBytes?: OnBytes): Promise<Stored>;
  remove(target: ObjectTarget, recursive: boolean, signal: AbortSignal): AsyncIterable<string>;
};

export function createObjects(wiring: Wiring): Objects {
  const open = async (target: ObjectTarget): Promise<ObjectStore> => {
    const { createS3Store } = await import('../remote/s3.ts');
    return createS3Store(await wiring.connections.accessOf(wiring.connections.find(target.connection)), target.bucket, { connections: 4 });
  };

  const accessOf = async (target: ObjectTarget): Promise<S3Access> => wiring.connections.accessOf(wiring.connections.find(target.connection));

  /** What a key is for says the mode where the user did not. */
  const modeIdOf = (target: ObjectTarget): ModeId | null => {
    if (target.mode !== null) return target.mode;
    if (target.key !== null) return wiring.keys.find(target.key).type === 'sse-c' ? 'sse-c' : 'cse-c';
    return (target.kmsKeyId ?? null) === null ? null : 'cse-kms';
  };

  /** How objects of a mode are asked for, and opened. */
  const openMode = async (mode: EncryptionMode, access: S3Access): Promise<OpenMode> => {
    const { heldKeysOf } = await import('./folder-access.ts');
    const [{ requestsOf }, { createFolderKeyring }] = await Promise.all([import('../remote/modes.ts'), import('../remote/folder-keyring.ts')]);
    const held = await heldKeysOf([mode], wiring.keys);
    const zero = (): void => {
      for (const { bytes } of held) bytes.fill(0);
    };
    try {
      const keyring = createFolderKeyring([mode], held, access);
      return {
        mode, keyring, requests: requestsOf(mode, held, access.endpoint),
        close: () => {
          keyring?.close();
          zero();
        },
      };
    } catch (error) {
      zero();
      throw error;
    }
  };

  /** Null: nothing is there. An object under a customer key that was not given is there too. */
  const find = async (store: ObjectStore, objectKey: ObjectKey, modeHeaders: ModeHeaders, signal: AbortSignal): Promise<ObjectHead | 'unreadable' | null> => {
    const { withRetries } = await import('../remote/retry.ts');
    try {
      return await withRetries(async () => store.head(objectKey, { modeHeaders }, signal), signal);
    } catch (error) {
      if (isSyncError(error, 'rejected')) return 'unreadable';
      throw error;
    }
  };

  const withStore = async <T>(target: ObjectTarget, use: (store: ObjectStore) => Promise<T>): Promise<T> => {
    const store = await open(target);
    try {
      return await use(store);
    } finally {
      await store.close();
    }
  };

  return {
    list: async function* (target, recursive, signal) {
      const { withRetries } = await import('../remote/retry.ts');
      const store = await open(target);
      let found = 0;
      try {
        let continuation: string | undefined;
        do {
          const page = await withRetries(async () => store.listPage({ prefix: target.objectKey, ...(recursive ? {} : { delimiter: '/' }), ...(continuation === undefined ? {} : { continuation }) }, signal), signal);
          const rows: FileRow[] = [
            ...page.objects.map((object): FileRow => ({ path: object.objectKey, name: nameOfKey(object.objectKey), kind: 'file', sizeBytes: object.objectBytes, modifiedMs: object.lastModifiedMs, objectKey: object.objectKey, protection: 'server', isConfirmed: false })),
            ...page.prefixes.map((prefix): FileRow => ({ path: prefix, name: nameOfKey(prefix), kind: 'directory', sizeBytes: null, modifiedMs: null, objectKey: prefix, protection: 'server', isConfirmed: false })),
          ];
          for (const row of rows.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
            found += 1;
            yield row;
          }
          continuation = page.next ?? undefined;
        } while (continuation !== undefined);
      } finally {
        await store.close();
      }
      if (found === 0 && target.objectKey !== '') throw new SyncError('no-such-path', { objectKey: target.objectKey });
    },

    get: async (target, staged, signal, onBytes) => {
      const access = await accessOf(target);
      const modeId = modeIdOf(target);
      const opened = modeId === null ? null : await openMode(chooseMode({ ...target, mode: modeId, format: undefined }, wiring.keys), access);
      try {
        return await withStore(target, async (store) => {
          const { withRetries } = await import('../remote/retry.ts');
          const objectKey = keyOf(target);
          const modeHeaders = opened?.requests.read ?? {};
          const { versionId } = target;
          const head = await withRetries(async () => store.head(objectKey, { modeHeaders, versionId }, signal), signal);
          if (head === null) throw new SyncError(versionId === undefined ? 'no-such-path' : 'no-such-version', { objectKey });
          if (opened !== null && opened.keyring === null) {
            const { checkHonoured } = await import('../remote/modes.ts');
            checkHonoured(opened.requests, head.encryption, objectKey, 'Nothing was written here, and the object is left as it is.');
          }
          const chunks = counted(readRanges(store, objectKey, head, { modeHeaders, versionId }, signal), head.objectBytes, onBytes);
          if (opened === null || opened.keyring === null) return { path: objectKey, modifiedMs: head.lastModifiedMs, ...(await writeDurably(staged, chunks)) };
          const { decryptChunks, openEnvelope, READ_LEGACY, READ_V3_AND_V2 } = await import('../envelope/envelope.ts');
          const loadInstructionFile = async (): Promise<Buffer | null> => loadSmall(store, `${objectKey}.instruction` as ObjectKey, signal);
          const decryption = await openEnvelope(head.metadata, opened.keyring, target.legacy === true ? READ_LEGACY : READ_V3_AND_V2, { objectBytes: head.objectBytes, loadInstructionFile });
          try {
            return { path: objectKey, modifiedMs: head.lastModifiedMs, ...(await writeDurably(staged, decryptChunks(decryption, chunks))) };
          } finally {
            decryption.dispose();
          }
        });
      } finally {
        opened?.close();
      }
    },

    put: async (source, target, signal, onBytes) => {
      const access = await accessOf(target);
      const mode = chooseMode({ ...target, mode: modeIdOf(target) ?? 'sse-s3' }, wiring.keys);
      const opened = await openMode(mode, access);
      try {
        return await withStore(target, async (store) => {
          const [{ checkHonoured, isHonoured }, { removeStored }] = await Promise.all([import('../remote/modes.ts'), import('../remote/writes.ts')]);
          const objectKey = keyOf(target);
          const { requests } = opened;
          const before = await find(store, objectKey, requests.read, signal);
          // Outside folders a named object is replaced whatever it holds; only one that appears in this moment is not.
          const condition: Condition = before === null ? { type: 'absent' } : null;
          const hash = createHash('sha256');
          const file = openSync(source, 'r');
          let encryption: Encryption | null = null;
          try {
            const stat = fstatSync(file, { bigint: true });
            if (Number(stat.size) > maxFileBytes(mode)) throw new SyncError('file-too-large-for-mode', { path: source });
            const plaintext = (async function* (): AsyncGenerator<Buffer> {
              for await (const chunk of createReadStream(source, { fd: file, autoClose: false, highWaterMark: 1 << 20, start: 0 })) {
                hash.update(chunk as Buffer);
                yield chunk as Buffer;
              }
            })();
            let metadata: Readonly<Record<string, string>> = {};
            let body: AsyncIterable<Buffer> = plaintext;
            let bodyBytes = Number(stat.size);
            if (opened.keyring !== null && isClientSide(mode)) {
              const { createEncryption, encryptChunks, objectBytesOf } = await import('../envelope/envelope.ts');
              encryption = await createEncryption(opened.keyring, { format: mode.format });
              bodyBytes = objectBytesOf(bodyBytes);
              metadata = encryption.metadata;
              const { checkMetadataSize } = await import('../envelope/format.ts');
              checkMetadataSize(metadata);
              body = encryptChunks(encryption, plaintext);
            }
            const options = { metadata, modeHeaders: requests.write, condition };
            const finish = async (): Promise<void> => {
              const after = fstatSync(file, { bigint: true });
              if (after.size !== stat.size || after.mtimeNs !== stat.mtimeNs || after.ctimeNs !== stat.ctimeNs) throw new SyncError('changed-while-reading', { path: source });
            };
            const written = await sendBody(store, objectKey, counted(body, bodyBytes, onBytes), bodyBytes, options, requests, finish, signal);
            if (!isHonoured(requests, written.encryption)) {
              const isGone = await removeStored(store, objectKey, written, signal).then(() => true, () => false);
              checkHonoured(requests, written.encryption, objectKey, isGone ? 'What it stored was removed again.' : 'What it stored could not be removed and is still there.');
            }
            return { path: objectKey, objectKey, sizeBytes: Number(stat.size), sha256: hash.digest('hex'), replaced: before !== null };
          } finally {
            closeSync(file);
            encryption?.dispose();
          }
        });
      } catch (error) {
        throw await explainBlocked(error, mode, access, target.bucket, target.connection);
      } finally {
        opened.close();
      }
    },

    remove: async function* (target, recursive, signal) {
      const { withRetries } = await import('../remote/retry.ts');
      const store = await open(target);
      try {
        if (!recursive) {
          const objectKey = keyOf(target);
          if ((await find(store, objectKey, {}, signal)) === null) throw new SyncError('no-such-path', { objectKey });
          await withRetries(async () => store.delete(objectKey, null, signal), signal);
          return yield objectKey;
        }
        if (target.objectKey === '') throw new SyncError('bad-usage', { detail: 'a whole bucket is not emptied by this' });
        const below = target.objectKey.endsWith('/') ? target.objectKey : `${target.objectKey}/`;
        for (;;) {
          const page = await withRetries(async () => store.listPage({ prefix: below }, signal), signal);
          if (page.objects.length === 0) return;
          for (const { objectKey } of page.objects) {
            await withRetries(async () => store.delete(objectKey, null, signal), signal);
            yield objectKey;
          }
          if (page.next === null) return;
        }
      } finally {
        await store.close();
      }
    },
  };
}

function keyOf(target: ObjectTarget): ObjectKey {
  if (target.objectKey === '' || target.objectKey.endsWith('/')) throw new SyncError('bad-usage', { detail: 's3://BUCKET/KEY needs the key of one object' });
  return target.objectKey as ObjectKey;
}

function nameOfKey(objectKey: string): string {
  const inner = objectKey.endsWith('/') ? objectKey.slice(0, -1) : objectKey;
  return inner.slice(inner.lastIndexOf('/') + 1);
}

/** The same chunks; tells how far they are when the next one is asked for. */
async function* counted(chunks: AsyncIterable<Buffer>, totalBytes: number, onBytes: OnBytes | undefined): AsyncGenerator<Buffer> {
  let doneBytes = 0;
  for await (const chunk of chunks) {
    yield chunk;
    doneBytes += chunk.length;
    onBytes?.(doneBytes, totalBytes);
  }
}

/** The body of exactly that version, in order, a few MiB in memory. */
async function* readRanges(store: ObjectStore, objectKey: ObjectKey, head: ObjectHead, options: Pick<ReadOptions, 'modeHeaders' | 'versionId'>, signal: AbortSignal): AsyncGenerator<Buffer> {
  const { withRetries } = await import('../remote/retry.ts');
  for (let start = 0; start < head.objectBytes; start += RANGE_BYTES) {
    const range = { start, end: Math.min(start + RANGE_BYTES, head.objectBytes) };
    const { body } = await withRetries(async () => store.get(objectKey, { ...options, ifMatch: head.etag, range }, signal), signal);
    yield body;
  }
}

/** Null where there is none. @throws SyncError malformed where it is far larger than any instruction file */
async function loadSmall(store: ObjectStore, objectKey: ObjectKey, signal: AbortSignal): Promise<Buffer | null> {
  const { withRetries } = await import('../remote/retry.ts');
  const head = await withRetries(async () => store.head(objectKey, {}, signal), signal);
  if (head === null) return null;
  if (head.objectBytes > MAX_INSTRUCTION_BYTES) throw new SyncError('malformed', { objectKey, detail: 'The instruction file is too large.' });
  return (await withRetries(async () => store.get(objectKey, { ifMatch: head.etag }, signal), signal)).body;
}

async function writeDurably(file: string, chunks: AsyncIterable<Buffer>): Promise<{ sizeBytes: number; sha256: string }> {
  const handle = openSync(file, 'wx', 0o600);
  const hash = createHash('sha256');
  let sizeBytes = 0;
  try {
    for await (const chunk of chunks) {
      hash.update(chunk);
      for (let at = 0; at < chunk.length; ) at += writeSync(handle, chunk, at);
      sizeBytes += chunk.length;
    }
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  return { sizeBytes, sha256: hash.digest('hex') };
}

type Sent = { readonly etag: string; readonly versionId: string | null; readonly encryption: ObjectHead['encryption'] };

/** One request up to one part, else parts one after the other. `beforeCommit` may still refuse. */
async function sendBody(
  store: ObjectStore, objectKey: ObjectKey, body: AsyncIterable<Buffer>, bodyBytes: number,
  options: { readonly metadata: Readonly<Record<string, string>>; readonly modeHeaders: Readonly<Record<string, string>>; readonly condition: Condition },
  requests: ModeRequests, beforeCommit: () => Promise<void>, signal: AbortSignal,
): Promise<Sent> {
  const { withRetries } = await import('../remote/retry.ts');
  if (bodyBytes <= PART_BYTES) {
    const whole: Buffer[] = [];
    for await (const chunk of body) whole.push(chunk);
    await beforeCommit();
    return store.put(objectKey, Buffer.concat(whole), options, signal);
  }
  const { condition, ...start } = options;
  const partBytes = Math.max(PART_BYTES, Math.ceil(bodyBytes / MOST_PARTS));
  const { uploadId } = await store.startMultipart(objectKey, start, signal);
  try {
    const parts: Part[] = [];
    let waiting: Buffer[] = [];
    let waitingBytes = 0;
    const sendPart = async (length: number): Promise<void> => {
      const joined = Buffer.concat(waiting);
      const part = joined.subarray(0, length);
      const partNumber = parts.length + 1;
      parts.push(await withRetries(async () => store.putPart(objectKey, uploadId, partNumber, part, { modeHeaders: requests.part }, signal), signal));
      waiting = [joined.subarray(length)];
      waitingBytes = joined.length - length;
    };
    for await (const chunk of body) {
      waiting.push(chunk);
      waitingBytes += chunk.length;
      // Chunks are smaller than parts, so one part at a time is enough.
      if (waitingBytes >= partBytes) await sendPart(partBytes);
    }
    if (waitingBytes > 0) await sendPart(waitingBytes);
    await beforeCommit();
    const written = await store.completeMultipart(objectKey, uploadId, parts, { modeHeaders: requests.part, condition }, signal);
    const head = await withRetries(async () => store.head(objectKey, { modeHeaders: requests.read }, signal), signal);
    if (head === null) throw new SyncError('version-changed', { objectKey });
    return { etag: written.etag === '' ? head.etag : written.etag, versionId: head.versionId, encryption: head.encryption };
  } catch (error) {
    await store.abortMultipart(objectKey, uploadId, new AbortController().signal).catch(() => undefined);
    throw error;
  }
}
