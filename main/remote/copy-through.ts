/**
 * A copy by way of this computer, for servers that copy no encrypted objects themselves. What comes and goes is what the server
 * shows of the object: in the server-side modes its plain content, which is only held in memory, part by part.
 */
import { SyncError } from '../model/errors.ts';
import type { ObjectKey } from '../model/path.ts';
import type { Capabilities } from './capabilities.ts';
import type { ModeRequests } from './modes.ts';
import type { ObjectHead, ObjectStore, Part, Written } from './object-store.ts';
import { withRetries } from './retry.ts';
import { completeGuarded, putGuarded } from './writes.ts';
import type { GuardedWrite } from './writes.ts';

const MIB = 1024 * 1024;
const PART_BYTES = 16 * MIB;
const MAX_PARTS = 10_000;

/** @throws SyncError as `putGuarded`; version-changed where the source is no longer the one of `source` */
export async function copyThrough(
  store: ObjectStore,
  requests: ModeRequests,
  capabilities: Capabilities,
  from: { readonly objectKey: ObjectKey; readonly source: ObjectHead },
  write: GuardedWrite,
  signal: AbortSignal,
): Promise<Written> {
  const { objectKey, source } = from;
  const read = async (start: number, end: number): Promise<Buffer> => {
    const range = source.objectBytes === 0 ? {} : { range: { start, end } };
    const { head, body } = await withRetries(async () => store.get(objectKey, { ifMatch: source.etag, modeHeaders: requests.read, ...range }, signal), signal);
    if (head.etag !== source.etag || body.length !== end - start) throw new SyncError('version-changed', { objectKey });
    return body;
  };
  if (source.objectBytes <= PART_BYTES) return putGuarded(store, requests, capabilities, write, await read(0, source.objectBytes), signal);

  const partBytes = Math.max(PART_BYTES, Math.ceil(source.objectBytes / MAX_PARTS / MIB) * MIB);
  const { uploadId } = await withRetries(async () => store.startMultipart(write.objectKey, { metadata: write.metadata, modeHeaders: requests.write, kept: write.kept, ...(write.contentType === undefined ? {} : { contentType: write.contentType }) }, signal), signal);
  try {
    const parts: Part[] = [];
    for (let start = 0; start < source.objectBytes; start += partBytes) {
      const body = await read(start, Math.min(source.objectBytes, start + partBytes));
      parts.push(await withRetries(async () => store.putPart(write.objectKey, uploadId, parts.length + 1, body, { modeHeaders: requests.part }, signal), signal));
    }
    return await completeGuarded(store, requests, capabilities, write, uploadId, parts, signal);
  } catch (error) {
    await store.abortMultipart(write.objectKey, uploadId, AbortSignal.timeout(10_000)).catch(() => undefined);
    throw error;
  }
}
