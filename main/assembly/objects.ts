/**
 * Single objects of a bucket, `s3://BUCKET/KEY`: as stored, or through the Amazon S3 Encryption Client's format. No folder, no
 * attributes, no tombstones: what other tools and official clients read and write.
 */
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, fstatSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { SyncError } from '../model/errors.ts';
import type { ObjectKey } from '../model/path.ts';
import type { Keyring } from '../envelope/keyring.ts';
import type { Condition, ObjectHead, ObjectStore, Part } from '../remote/object-store.ts';
import type { Fetched, FileRow, Stored, Target } from './api.ts';
import type { Wiring } from './open-folder.ts';

type ObjectTarget = Extract<Target, { type: 'object' }>;

const RANGE_BYTES = 8 << 20;
const PART_BYTES = 16 << 20;
const MOST_PARTS = 10_000;

export type Objects = {
  list(target: ObjectTarget, recursive: boolean, signal: AbortSignal): AsyncIterable<FileRow>;
  get(target: ObjectTarget, staged: string, signal: AbortSignal): Promise<Fetched>;
  put(source: string, target: ObjectTarget, signal: AbortSignal): Promise<Stored>;
  remove(target: ObjectTarget, recursive: boolean, signal: AbortSignal): AsyncIterable<string>;
};

export function createObjects(wiring: Wiring): Objects {
  const open = async (target: ObjectTarget): Promise<ObjectStore> => {
    const { createS3Store } = await import('../remote/s3.ts');
    return createS3Store(await wiring.connections.accessOf(wiring.connections.find(target.connection)), target.bucket, { connections: 4 });
  };

  /** Null where bytes go as they are. The caller zeroes the key. */
  const keyringOf = async (target: ObjectTarget): Promise<{ keyring: Keyring; zero: () => void } | null> => {
    if (target.mode === null || target.mode === 'sse-s3') return null;
    if (target.mode !== 'cse-c') throw new SyncError('mode-not-available', { detail: target.mode });
    if (target.key === null) throw new SyncError('bad-usage', { detail: 'cse-c needs a key' });
    const { keyId, type } = wiring.keys.find(target.key);
    if (type !== 'aes') throw new SyncError('not-available-yet', { detail: `keys of type ${type}` });
    const { createAesKeyring } = await import('../envelope/aes-keyring.ts');
    const bytes = await wiring.keys.bytesOf(keyId);
    return { keyring: createAesKeyring({ wrappingKey: bytes, keyId }), zero: () => void bytes.fill(0) };
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

    get: async (target, staged, signal) =>
      withStore(target, async (store) => {
        const { withRetries } = await import('../remote/retry.ts');
        const objectKey = keyOf(target);
        const head = await withRetries(async () => store.head(objectKey, {}, signal), signal);
        if (head === null) throw new SyncError('no-such-path', { objectKey });
        if (target.mode === 'sse-s3') {
          const { checkHonoured, requestsOf } = await import('../remote/modes.ts');
          checkHonoured(requestsOf({ id: 'sse-s3' }, [], null), head.encryption, objectKey);
        }
        const chunks = readRanges(store, objectKey, head, signal);
        const opened = await keyringOf(target);
        try {
          if (opened === null) return { path: objectKey, modifiedMs: head.lastModifiedMs, ...(await writeDurably(staged, chunks)) };
          const { decryptChunks, openEnvelope, READ_V3_AND_V2 } = await import('../envelope/envelope.ts');
          const decryption = await openEnvelope(head.metadata, opened.keyring, READ_V3_AND_V2, { objectBytes: head.objectBytes });
          return { path: objectKey, modifiedMs: head.lastModifiedMs, ...(await writeDurably(staged, decryptChunks(decryption, chunks))) };
        } finally {
          opened?.zero();
        }
      }),

    put: async (source, target, signal) =>
      withStore(target, async (store) => {
        const { withRetries } = await import('../remote/retry.ts');
        const { checkHonoured, requestsOf } = await import('../remote/modes.ts');
        const objectKey = keyOf(target);
        const before = await withRetries(async () => store.head(objectKey, {}, signal), signal);
        // Outside folders a named object is replaced whatever it holds; only one that appears in this moment is not.
        const condition: Condition = before === null ? { type: 'absent' } : null;
        const requests = requestsOf(target.mode === 'cse-c' ? { id: 'cse-c', keyId: wiring.keys.find(target.key ?? '').keyId, keyType: 'aes', format: 'v3' } : { id: 'sse-s3' }, [], null);
        const opened = await keyringOf(target);
        const hash = createHash('sha256');
        const file = openSync(source, 'r');
        try {
          const stat = fstatSync(file, { bigint: true });
          const plaintext = (async function* (): AsyncGenerator<Buffer> {
            for await (const chunk of createReadStream(source, { fd: file, autoClose: false, highWaterMark: 1 << 20, start: 0 })) {
              hash.update(chunk as Buffer);
              yield chunk as Buffer;
            }
          })();
          let metadata: Readonly<Record<string, string>> = {};
          let body: AsyncIterable<Buffer> = plaintext;
          let bodyBytes = Number(stat.size);
          if (opened !== null) {
            const { createEncryption, encryptChunks, objectBytesOf } = await import('../envelope/envelope.ts');
            const encryption = await createEncryption(opened.keyring, { format: 'v3' });
            bodyBytes = objectBytesOf(bodyBytes);
            metadata = encryption.metadata;
            body = encryptChunks(encryption, plaintext);
          }
          const options = { metadata, modeHeaders: requests.write, condition };
          const finish = async (): Promise<void> => {
            const after = fstatSync(file, { bigint: true });
            if (after.size !== stat.size || after.mtimeNs !== stat.mtimeNs || after.ctimeNs !== stat.ctimeNs) throw new SyncError('changed-while-reading', { path: source });
          };
          const written = await sendBody(store, objectKey, body, bodyBytes, options, requests.part, finish, signal);
          try {
            checkHonoured(requests, written.encryption, objectKey);
          } catch (error) {
            await store.delete(objectKey, { type: 'version', etag: written.etag }, signal);
            throw error;
          }
          return { path: objectKey, objectKey, sizeBytes: Number(stat.size), sha256: hash.digest('hex'), replaced: before !== null };
        } finally {
          closeSync(file);
          opened?.zero();
        }
      }),

    remove: async function* (target, recursive, signal) {
      const { withRetries } = await import('../remote/retry.ts');
      const store = await open(target);
      try {
        if (!recursive) {
          const objectKey = keyOf(target);
          const head = await withRetries(async () => store.head(objectKey, {}, signal), signal);
          if (head === null) throw new SyncError('no-such-path', { objectKey });
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

/** The body of exactly that version, in order, a few MiB in memory. */
async function* readRanges(store: ObjectStore, objectKey: ObjectKey, head: ObjectHead, signal: AbortSignal): AsyncGenerator<Buffer> {
  const { withRetries } = await import('../remote/retry.ts');
  for (let start = 0; start < head.objectBytes; start += RANGE_BYTES) {
    const range = { start, end: Math.min(start + RANGE_BYTES, head.objectBytes) };
    const { body } = await withRetries(async () => store.get(objectKey, { ifMatch: head.etag, range }, signal), signal);
    yield body;
  }
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

type Sent = { readonly etag: string; readonly encryption: ObjectHead['encryption'] };

/** One request up to one part, else parts one after the other. `beforeCommit` may still refuse. */
async function sendBody(
  store: ObjectStore, objectKey: ObjectKey, body: AsyncIterable<Buffer>, bodyBytes: number,
  options: { readonly metadata: Readonly<Record<string, string>>; readonly modeHeaders: Readonly<Record<string, string>>; readonly condition: Condition },
  partHeaders: Readonly<Record<string, string>>, beforeCommit: () => Promise<void>, signal: AbortSignal,
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
      parts.push(await withRetries(async () => store.putPart(objectKey, uploadId, partNumber, part, { modeHeaders: partHeaders }, signal), signal));
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
    const written = await store.completeMultipart(objectKey, uploadId, parts, { modeHeaders: partHeaders, condition }, signal);
    const head = await withRetries(async () => store.head(objectKey, {}, signal), signal);
    if (head === null) throw new SyncError('version-changed', { objectKey });
    return { etag: written.etag === '' ? head.etag : written.etag, encryption: head.encryption };
  } catch (error) {
    await store.abortMultipart(objectKey, uploadId, new AbortController().signal).catch(() => undefined);
    throw error;
  }
}
