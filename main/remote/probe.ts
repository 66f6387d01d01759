/**
 * What this endpoint and bucket really do, found out by trying: many servers accept conditions and modes and quietly ignore
 * them. Runs on objects of its own under `.enfold/probe/` and removes them.
 */
import { randomBytes } from 'node:crypto';
import { SyncError, isSyncError } from '../model/errors.ts';
import type { ObjectKey } from '../model/path.ts';
import type { Capabilities } from './capabilities.ts';
import { checkHonoured } from './modes.ts';
import type { ModeRequests } from './modes.ts';
import type { Condition, ObjectStore, Written } from './object-store.ts';
import { withRetries } from './retry.ts';

/** Nearly what S3 allows, and what Enfold's largest metadata needs. */
const METADATA_BYTES = 1_800;
const WRONG_ETAG = '00000000000000000000000000000000';

/** Where probes stand, below a folder's prefix. */
export const PROBES = '.enfold/probe/';

/** True where the server refused because the condition does not hold; any other refusal is an error or, where conditions are unknown to it, false. */
async function isRefused(run: () => Promise<unknown>): Promise<boolean> {
  try {
    await run();
    return false;
  } catch (error) {
    if (isSyncError(error, 'version-changed') || isSyncError(error, 'object-not-found')) return true;
    if (isSyncError(error, 'rejected')) return false;
    throw error;
  }
}

/**
 * Tries the folder's mode and the conditions the engine relies on, in about fifteen small requests.
 *
 * @param name - of its objects below `.enfold/probe/`, for a caller that also removes their versions.
 * @throws SyncError mode-not-honoured, access-denied, bucket-not-found, offline, …
 */
export async function probeFolder(store: ObjectStore, requests: ModeRequests, prefix: string, signal: AbortSignal, name = randomBytes(8).toString('hex')): Promise<Capabilities> {
  const place = `${prefix}${PROBES}${name}`;
  const first = `${place}-a` as ObjectKey;
  const second = `${place}-b` as ObjectKey;
  const filler = randomBytes((METADATA_BYTES * 3) / 4).toString('base64');
  const startedMs = Date.now();
  const options = { metadata: { 'enfold-attrs': filler }, modeHeaders: requests.write };
  // A lost answer would make a refusal of our own doing look like the server's, so each repetition is unconditional or idempotent.
  const put = async (key: ObjectKey, condition: Condition): Promise<Written> => withRetries(async () => store.put(key, Buffer.from(place), { ...options, condition }, signal), signal, { attempts: 3 });

  try {
    const created = await put(first, null);
    const clockSkewMs = created.atMs - (startedMs + Date.now()) / 2;
    if (requests.mode.id !== 'cse-c' && requests.mode.id !== 'cse-kms') checkHonoured(requests, created.encryption, first, 'Only a probe was stored, and it is removed again.');
    const head = await withRetries(async () => store.head(first, { modeHeaders: requests.read }, signal), signal);
    if (head === null) throw new SyncError('not-s3', { detail: 'What was just stored is not there.' });
    const keepsMetadata = head.metadata['enfold-attrs'] === filler;

    const createIfAbsent = await isRefused(async () => put(first, { type: 'absent' }));
    const ifMatchQuoting = await probeIfMatch(store, put, first, second, requests, signal);
    const isBare = ifMatchQuoting === 'unquoted';
    const conditionalComplete = await probeComplete(store, requests, options.metadata, first, isBare, signal);
    const conditionalCopy = await isRefused(async () => store.copy({ objectKey: first, etag: WRONG_ETAG }, second, { ...options, sourceModeHeaders: requests.copySource, condition: null }, signal)) &&
      (await isRefused(async () => store.copy({ objectKey: first, etag: null }, first, { ...options, sourceModeHeaders: requests.copySource, condition: { type: 'absent' } }, signal)));
    const conditionalDelete = (await isRefused(async () => store.delete(first, { type: 'version', etag: WRONG_ETAG, isBare }, signal))) &&
      (await store.head(first, { modeHeaders: requests.read }, signal)) !== null;
    const isVersioned = await store.isVersioned(signal).catch((error: unknown) => {
      if (isSyncError(error, 'access-denied') || isSyncError(error, 'rejected')) return false;
      throw error;
    });
    const isPutSafe = createIfAbsent && ifMatchQuoting !== null;
    const level = isPutSafe ? (conditionalComplete && conditionalDelete ? 'full' : 'put-only') : isVersioned ? 'versioned-only' : 'none';
    return { level, createIfAbsent, ifMatchQuoting, conditionalComplete, conditionalCopy, conditionalDelete, isVersioned, keepsMetadata, clockSkewMs, probedAtMs: Date.now() };
  } finally {
    for (const key of [first, second]) await store.delete(key, null, signal).catch(() => undefined);
  }
}

/** How If-Match must be written for the right version to be replaced and a wrong one not; null where no way does both. */
async function probeIfMatch(
  store: ObjectStore,
  put: (key: ObjectKey, condition: Condition) => Promise<Written>,
  present: ObjectKey,
  missing: ObjectKey,
  requests: ModeRequests,
  signal: AbortSignal,
): Promise<Capabilities['ifMatchQuoting']> {
  if (!(await isRefused(async () => put(present, { type: 'version', etag: WRONG_ETAG })))) return null;
  for (const isBare of [false, true]) {
    const head = await store.head(present, { modeHeaders: requests.read }, signal);
    if (head === null) return null;
    if (await isRefused(async () => put(present, { type: 'version', etag: head.etag, isBare }))) continue;
    const isSafe = (await isRefused(async () => put(present, { type: 'version', etag: WRONG_ETAG, isBare }))) && (await isRefused(async () => put(missing, { type: 'version', etag: WRONG_ETAG, isBare })));
    return isSafe ? (isBare ? 'unquoted' : 'quoted') : null;
  }
  return null;
}

async function probeComplete(store: ObjectStore, requests: ModeRequests, metadata: Record<string, string>, present: ObjectKey, isBare: boolean, signal: AbortSignal): Promise<boolean> {
  for (const condition of [{ type: 'absent' }, { type: 'version', etag: WRONG_ETAG, isBare }] as const) {
    const { uploadId } = await store.startMultipart(present, { metadata, modeHeaders: requests.write }, signal);
    try {
      const part = await store.putPart(present, uploadId, 1, Buffer.from('probe'), { modeHeaders: requests.part }, signal);
      if (!(await isRefused(async () => store.completeMultipart(present, uploadId, [part], { modeHeaders: requests.part, condition }, signal)))) return false;
    } finally {
      await store.abortMultipart(present, uploadId, signal).catch(() => undefined);
    }
  }
  return true;
}
