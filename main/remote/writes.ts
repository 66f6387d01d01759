/**
 * Writes that replace nothing by accident and are never repeated blindly.
 *
 * Each write names what it must find. Where the endpoint does not enforce that, a HEAD right before it looks. Where an answer was
 * lost, a HEAD tells our own version by its metadata, which no two writes share (it holds the operation id, and in client-side
 * modes a random nonce), so that a 412 of our own doing is not taken for somebody else's.
 */
import { SyncError, isSyncError } from '../model/errors.ts';
import type { ObjectKey } from '../model/path.ts';
import type { Capabilities } from './capabilities.ts';
import { checkHonoured, isHonoured } from './modes.ts';
import type { ModeRequests } from './modes.ts';
import type { Condition, Metadata, ObjectHead, ObjectStore, OnMoved, Part, Written } from './object-store.ts';
import { backoffMs, pause, withRetries } from './retry.ts';

/** The metadata name under which Enfold's attributes stand. */
export const ATTRIBUTES_NAME = 'enfold-attrs';

export type GuardedWrite = {
  readonly objectKey: ObjectKey;
  readonly metadata: Metadata;
  /** Null: nothing may be there. */
  readonly ifMatch: string | null;
  readonly contentType?: string;
  /** As `WriteOptions.kept`. */
  readonly kept?: Metadata | undefined;
  /** What is replaced stands nowhere else: then also what the server kept in another mode than asked stays, and only the error tells. */
  readonly keepsUnhonoured?: boolean;
};

/** `etag` empty: the answer says too little, and a HEAD is to tell. What it said of it all the same tells an object without attributes, another program's, again. */
type Answered = Written & { readonly saidEtag?: string };

const ATTEMPTS = 5;

function conditionOf(ifMatch: string | null, capabilities: Capabilities): Condition {
  return ifMatch === null ? { type: 'absent' } : { type: 'version', etag: ifMatch, isBare: capabilities.ifMatchQuoting === 'unquoted' };
}

function isOwn(head: ObjectHead | null, metadata: Metadata): head is ObjectHead {
  const own = metadata[ATTRIBUTES_NAME];
  return head !== null && own !== undefined && head.metadata[ATTRIBUTES_NAME] === own;
}

/**
 * Runs a read under a customer key. An object that was stored otherwise is refused by S3 as if the request were wrong; here it is what it is.
 *
 * @throws SyncError not-ours (not stored under a customer key), key-not-found (under another one)
 */
export async function explainUnreadable<T>(store: ObjectStore, requests: ModeRequests, objectKey: ObjectKey, read: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (requests.customerKeyMd5 === null || !(isSyncError(error, 'rejected') || isSyncError(error, 'access-denied'))) throw error;
    const isPlain = await store.head(objectKey, {}, signal).then((head) => head !== null, () => false);
    if (isPlain) throw new SyncError('not-ours', { objectKey, detail: 'It is not stored under a customer key.' }, { cause: error });
    throw error.code === 'rejected' ? new SyncError('key-not-found', { objectKey, server: error.about.server, detail: 'It is stored under another customer key.' }, { cause: error }) : error;
  }
}

function writtenOf(head: ObjectHead): Written {
  return { etag: head.etag, versionId: head.versionId, encryption: head.encryption, atMs: head.lastModifiedMs };
}

/** @throws SyncError version-changed, object-not-found where the world is not as the condition says */
async function checkBefore(store: ObjectStore, requests: ModeRequests, { objectKey, ifMatch }: GuardedWrite, signal: AbortSignal): Promise<void> {
  const head = await withRetries(async () => store.head(objectKey, { modeHeaders: requests.read }, signal), signal);
  if (ifMatch === null && head !== null) throw new SyncError('version-changed', { objectKey });
  if (ifMatch !== null && head === null) throw new SyncError('object-not-found', { objectKey });
  if (ifMatch !== null && head !== null && head.etag !== ifMatch) throw new SyncError('version-changed', { objectKey });
}

/**
 * Runs one conditional write until its outcome is known.
 *
 * @param isEnforced - whether the endpoint refuses where the condition does not hold.
 * @throws SyncError version-changed, object-not-found, mode-not-honoured (whose detail says what became of what was stored), and what ends retries
 */
async function settle(
  store: ObjectStore,
  requests: ModeRequests,
  write: GuardedWrite,
  isEnforced: boolean,
  run: () => Promise<Answered>,
  signal: AbortSignal,
): Promise<Written> {
  let mayHaveHappened = false;
  for (let attempt = 0; ; attempt += 1) {
    try {
      if (!isEnforced) await checkBefore(store, requests, write, signal);
      const written = await run();
      return await confirm(store, requests, write, written, signal);
    } catch (error) {
      if (signal.aborted || !isSyncError(error)) throw error;
      const isLost = error.retry === 'later' && error.code !== 'throttled';
      const isRefused = error.code === 'version-changed' || error.code === 'object-not-found';
      mayHaveHappened ||= isLost;
      if (mayHaveHappened && (isLost || isRefused)) {
        const head = await withRetries(async () => store.head(write.objectKey, { modeHeaders: requests.read }, signal), signal);
        if (isOwn(head, write.metadata)) return confirm(store, requests, write, writtenOf(head), signal);
      }
      if (error.retry !== 'later' || attempt + 1 >= ATTEMPTS) throw error;
      await pause(Math.max(error.retryAfterMs ?? 0, backoffMs(attempt)), signal);
    }
  }
}

/** Checks the mode, by a HEAD where the answer was silent about the version; what is not as asked is removed again. */
async function confirm(store: ObjectStore, requests: ModeRequests, write: GuardedWrite, written: Answered, signal: AbortSignal): Promise<Written> {
  let known: Written = written;
  if (written.etag === '' || !isHonoured(requests, written.encryption)) {
    const head = await withRetries(async () => store.head(write.objectKey, { modeHeaders: requests.read }, signal), signal);
    // Another writer may have come after us: then ours is history, and theirs is for the next look.
    if (head === null || (head.etag !== written.saidEtag && !isOwn(head, write.metadata))) throw new SyncError('version-changed', { objectKey: write.objectKey });
    known = writtenOf(head);
  }
  if (!isHonoured(requests, known.encryption)) {
    const fate = write.keepsUnhonoured === true ? 'The object stays there all the same, since it may be the only copy.' : await tryToRemove(store, requests, write, signal);
    checkHonoured(requests, known.encryption, write.objectKey, fate);
  }
  return known;
}

/** @returns what became of it, for people */
async function tryToRemove(store: ObjectStore, requests: ModeRequests, write: GuardedWrite, signal: AbortSignal): Promise<string> {
  try {
    await removeOwn(store, requests, write, signal);
    return 'What it stored was removed again.';
  } catch (error) {
    signal.throwIfAborted();
    if (!isSyncError(error)) throw error;
    return `What it stored could not be removed and is still there (${error.code}).`;
  }
}

/** Deletes the object if it is still the version with this metadata. */
export async function removeOwn(store: ObjectStore, requests: ModeRequests, { objectKey, metadata }: Pick<GuardedWrite, 'objectKey' | 'metadata'>, signal: AbortSignal): Promise<void> {
  await withRetries(async () => {
    const head = await store.head(objectKey, { modeHeaders: requests.read }, signal);
    if (!isOwn(head, metadata)) return;
    await removeStored(store, objectKey, head, signal);
  }, signal);
}

/** Deletes a version of our own, if it still stands; where the bucket keeps versions, that one and no other, so that the one before stands again. */
export async function removeStored(store: ObjectStore, objectKey: ObjectKey, { etag, versionId }: Pick<Written, 'etag' | 'versionId'>, signal: AbortSignal): Promise<void> {
  if (versionId !== null && versionId !== 'null' && store.deleteVersion !== undefined) return store.deleteVersion(objectKey, versionId, signal);
  try {
    await store.delete(objectKey, { type: 'version', etag }, signal);
  } catch (error) {
    // Not every endpoint knows conditions on DELETE; whoever asks has just seen that it is ours.
    if (isSyncError(error, 'rejected')) await store.delete(objectKey, null, signal);
    else if (!isSyncError(error, 'version-changed') && !isSyncError(error, 'object-not-found')) throw error;
  }
}

/** Whether the endpoint itself refuses a PUT whose condition does not hold. */
function isPutEnforced(capabilities: Capabilities, ifMatch: string | null): boolean {
  return ifMatch === null ? capabilities.createIfAbsent : capabilities.ifMatchQuoting !== null;
}

/** One PUT. @throws as {@link settle} */
export async function putGuarded(
  store: ObjectStore,
  requests: ModeRequests,
  capabilities: Capabilities,
  write: GuardedWrite & { readonly bodySha256?: string | undefined; readonly keepsChecksum?: boolean; readonly onMoved?: OnMoved },
  body: Uint8Array,
  signal: AbortSignal,
): Promise<Written> {
  // An endpoint that does not enforce a condition may also refuse every write that has one, as radosgw 16 does on versioned buckets.
  const isEnforced = isPutEnforced(capabilities, write.ifMatch);
  const options = { metadata: write.metadata, modeHeaders: requests.write, condition: isEnforced ? conditionOf(write.ifMatch, capabilities) : null, bodySha256: write.bodySha256, keepsChecksum: write.keepsChecksum, onMoved: write.onMoved, kept: write.kept, ...(write.contentType === undefined ? {} : { contentType: write.contentType }) };
  return settle(store, requests, write, isEnforced, async () => store.put(write.objectKey, body, options, signal), signal);
}

/** CompleteMultipartUpload, under the same rules; the answer is always checked by a HEAD, since it says too little. */
export async function completeGuarded(
  store: ObjectStore,
  requests: ModeRequests,
  capabilities: Capabilities,
  write: GuardedWrite,
  uploadId: string,
  parts: readonly Part[],
  signal: AbortSignal,
): Promise<Written> {
  const condition = capabilities.conditionalComplete ? conditionOf(write.ifMatch, capabilities) : null;
  return settle(
    store, requests, write, capabilities.conditionalComplete,
    async () => {
      const answer = await store.completeMultipart(write.objectKey, uploadId, parts, { modeHeaders: requests.part, condition }, signal);
      return { ...answer, etag: '', ...(answer.etag === '' ? {} : { saidEtag: answer.etag }) };
    },
    signal,
  );
}

export const MAX_COPY_BYTES = 5 * 1024 ** 3;
/** Small enough to be answered soon, and enough of them for the largest object that S3 takes. */
const COPY_PART_BYTES = 64 * 1024 ** 2;
const MOST_PARTS = 10_000;

/**
 * As {@link copyGuarded}, for what is too large for one copy: in parts, under metadata that is given anew.
 *
 * @throws SyncError rejected where the endpoint copies no parts
 */
export async function copyPartsGuarded(
  store: ObjectStore,
  requests: ModeRequests,
  capabilities: Capabilities,
  from: { readonly objectKey: ObjectKey; readonly etag: string; readonly objectBytes: number },
  write: GuardedWrite,
  signal: AbortSignal,
  partBytes = Math.max(COPY_PART_BYTES, Math.ceil(from.objectBytes / MOST_PARTS)),
): Promise<Written> {
  const copyPart = store.copyPart?.bind(store);
  if (copyPart === undefined) throw new SyncError('rejected', { objectKey: from.objectKey, detail: 'The endpoint copies no parts.' });
  const { contentType, metadata, kept } = write;
  const { uploadId } = await withRetries(async () => store.startMultipart(write.objectKey, { metadata, modeHeaders: requests.write, kept, ...(contentType === undefined ? {} : { contentType }) }, signal), signal);
  try {
    const parts: Part[] = [];
    for (let start = 0; start < from.objectBytes; start += partBytes) {
      const range = { start, end: Math.min(from.objectBytes, start + partBytes) };
      parts.push(await withRetries(async () => copyPart(from, write.objectKey, uploadId, parts.length + 1, range, { modeHeaders: requests.part, sourceModeHeaders: requests.copySource }, signal), signal));
    }
    return await completeGuarded(store, requests, capabilities, write, uploadId, parts, signal);
  } catch (error) {
    await store.abortMultipart(write.objectKey, uploadId, AbortSignal.timeout(10_000)).catch(() => undefined);
    throw error;
  }
}

/** A server-side copy with new metadata, verified by a HEAD; some endpoints answer 200 and store something else. */
export async function copyGuarded(
  store: ObjectStore,
  requests: ModeRequests,
  capabilities: Capabilities,
  from: { readonly objectKey: ObjectKey; readonly etag: string },
  write: GuardedWrite,
  signal: AbortSignal,
): Promise<Written> {
  const isEnforced = capabilities.conditionalCopy;
  const options = { metadata: write.metadata, modeHeaders: requests.write, sourceModeHeaders: requests.copySource, kept: write.kept, condition: isEnforced ? conditionOf(write.ifMatch, capabilities) : null, ...(write.contentType === undefined ? {} : { contentType: write.contentType }) };
  return settle(
    store, requests, write, isEnforced,
    async () => {
      if (!isEnforced) await checkBefore(store, requests, { objectKey: from.objectKey, ifMatch: from.etag, metadata: {} }, signal);
      return { ...(await store.copy(from, write.objectKey, options, signal)), etag: '' };
    },
    signal,
  );
}
