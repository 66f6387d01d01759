/** V3's IV is the same for every object, V2's data key is the content key: one key for two texts would give both away. */
import { createHash, randomBytes } from 'node:crypto';
import { lstatSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { entryOf } from '../../main/local/stamp.ts';
import { SyncError } from '../../main/model/errors.ts';
import { syncPath, type LocalPath } from '../../main/model/path.ts';
import type { Capabilities } from '../../main/remote/capabilities.ts';
import type { LongNames } from '../../main/remote/long-names.ts';
import type { Metadata, ObjectStore, Written } from '../../main/remote/object-store.ts';
import { createStoredFiles } from '../../main/remote/stored-file.ts';
import { createBudget } from '../../main/transfer/budget.ts';
import { createPartBuffers } from '../../main/transfer/part-buffers.ts';
import { upload } from '../../main/transfer/upload.ts';
import { answerTo } from '../helpers/answer.ts';
import { makeConfig, newOperationId, noProgress, type TestMode } from './folder-fixture.ts';

const PART_BYTES = 4_096;
/** Many at once, since those that were broken off wait before they go on. */
const LANES = 16;
const CAPABILITIES: Capabilities = { level: 'full', createIfAbsent: true, ifMatchQuoting: 'quoted', conditionalDelete: true, conditionalComplete: true, conditionalCopy: true, isVersioned: false, keepsMetadata: true, clockSkewMs: 0, probedAtMs: 0 };

let directory: string;
beforeAll(() => { directory = mkdtempSync(join(tmpdir(), 'enfold-keys-')); });
afterAll(() => rmSync(directory, { recursive: true, force: true }));

// Random by intent: when a request breaks off decides nothing but how often a key could have been used twice.
describe.each<TestMode>(['cse-c', 'cse-c-v2'])('%s uploads of files that change, on a server that breaks off', (mode) => {
  test('never use a key and IV for two texts, in five thousand attempts', { timeout: 300_000 }, async () => {
    const files = createStoredFiles(makeConfig({ endpoint: null, region: 'us-east-1', pathStyle: false, credentials: { type: 'static', accessKeyId: '', secretAccessKey: '' } }, 'bucket', mode));
    /** What was sent under each wrapped key and message id or IV, by position. */
    const sent = new Map<string, string>();
    const uploads = new Map<string, Metadata>();
    let [requests, repeated, attempts] = [0, 0, 0];
    const reused: string[] = [];
    const written: Written = { etag: 'etag', versionId: null, encryption: { algorithm: null, kmsKeyId: null, customerKeyMd5: null }, atMs: 0 };

    function send(metadata: Metadata, position: string, body: Uint8Array): void {
      requests += 1;
      const key = `${metadata['x-amz-3'] ?? metadata['x-amz-key-v2']} ${metadata['x-amz-i'] ?? metadata['x-amz-iv']} ${position}`;
      const text = createHash('sha256').update(body).digest('hex');
      const before = sent.get(key);
      if (before !== undefined) repeated += 1;
      if (before !== undefined && before !== text) reused.push(key);
      sent.set(key, text);
      // What ends the attempt, and what is tried again at once.
      if (Math.random() < 0.2) throw new SyncError('access-denied');
      if (Math.random() < 0.005) throw new SyncError('offline');
    }
    const store = {
      put: async (_key, body, { metadata }) => {
        send(metadata, 'whole', body);
        return written;
      },
      head: async () => null,
      startMultipart: async (_key, { metadata }) => {
        const uploadId = `upload ${uploads.size}`;
        uploads.set(uploadId, metadata);
        return { uploadId, encryption: written.encryption };
      },
      putPart: async (_key, uploadId, partNumber, body) => {
        send(uploads.get(uploadId) ?? {}, `part ${partNumber}`, body);
        return { partNumber, etag: 'part' };
      },
      completeMultipart: async () => written,
      abortMultipart: async () => undefined,
    } as Partial<ObjectStore> as ObjectStore;
    const context = { store, files, longNames: {} as LongNames, budget: createBudget(1 << 26), buffers: createPartBuffers(PART_BYTES, 16), partBytes: PART_BYTES, partsInFlight: 3 };

    const path = syncPath('file');
    const objectKey = files.objectKeyOf(path);
    await Promise.all(Array.from({ length: LANES }, async (_, lane) => {
      const source = join(directory, `${mode}-${lane}`) as LocalPath;
      for (; attempts < 5_000;) {
        attempts += 1;
        writeFileSync(source, randomBytes(attempts % 10 === 0 ? PART_BYTES * 2 + 100 : 64));
        const local = entryOf(path, lstatSync(source, { bigint: true }));
        const attributes = { operationId: newOperationId(), vector: { aaaaaaaaaaaa: attempts }, mtimeMs: local.mtimeMs, modeBits: local.modeBits, kind: local.kind };
        const trying = answerTo(upload(context, CAPABILITIES, { path, objectKey, source, local, ifMatch: null, attributes }, noProgress, new AbortController().signal));
        // Sometimes the file is saved again under its reader.
        if (attempts % 20 === 0) writeFileSync(source, randomBytes(PART_BYTES * 2 + 100));
        await trying;
      }
    }));
    expect(reused).toEqual([]);
    expect(requests).toBeGreaterThan(5_000);
    // Requests were indeed repeated under one key, with the same bytes.
    expect(repeated).toBeGreaterThan(0);
  });
});
