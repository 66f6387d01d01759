/**
 * One upload, from the local file to a confirmed object version.
 *
 * A file up to one part is read once, hashed, encrypted and sent in one request. A larger one is hashed first, since its hash stands in
 * metadata that precedes the body, then read again in one encrypting pass whose own hash must be the same before the upload is completed.
 */
import { createHash } from 'node:crypto';
import type { Encryption } from '../envelope/envelope.ts';
import { SyncError, isSyncError } from '../model/errors.ts';
import { maxFileBytes } from '../model/mode.ts';
import type { FileAttributes, RemoteVersion } from '../model/snapshot.ts';
import type { Capabilities } from '../remote/capabilities.ts';
import type { LongNames } from '../remote/long-names.ts';
import type { ListedPart, Metadata, ObjectStore, Part, Written } from '../remote/object-store.ts';
import { withRetries } from '../remote/retry.ts';
import type { StoredFiles } from '../remote/stored-file.ts';
import { completeGuarded, putGuarded } from '../remote/writes.ts';
import type { OnProgress, SavedUpload, UploadJob, UploadJournal, UploadResult } from '../sync/ports.ts';
import type { Budget } from './budget.ts';
import type { PartBuffers } from './part-buffers.ts';
import { sumOfPieces } from './moved.ts';
import { openSourceFile } from './source-file.ts';
import type { SourceFile } from './source-file.ts';

export type TransferContext = {
  readonly store: ObjectStore;
  readonly files: StoredFiles;
  readonly longNames: LongNames;
  readonly budget: Budget;
  readonly buffers: PartBuffers;
  readonly partBytes: number;
  /** Parts or ranges of one file in flight. */
  readonly partsInFlight: number;
};

/** S3's own limit. */
const MAX_PARTS = 10_000;
const MIB = 1024 * 1024;
/** What is read and encrypted in one go: long enough to be cheap, short enough to be garbage at once and not to stall others. */
const SLICE_BYTES = 256 * 1024;
/** Long enough that reading in the background pays. */
const HASH_SLICE_BYTES = 1024 * 1024;
const TAG_BYTES = 16;

export function partBytesFor(sizeBytes: number, usual: number): number {
  return sizeBytes <= usual * MAX_PARTS ? usual : Math.ceil(sizeBytes / MAX_PARTS / MIB) * MIB;
}

/** @throws SyncError as Transfers.upload says */
export async function upload(context: TransferContext, capabilities: Capabilities, job: UploadJob, onProgress: OnProgress, signal: AbortSignal, journal?: UploadJournal): Promise<UploadResult> {
  const { files, longNames } = context;
  if (job.local.sizeBytes > maxFileBytes(files.epoch.mode)) throw new SyncError('file-too-large-for-mode', { path: job.path });
  const file = openSourceFile(job);
  try {
    const names = files.names?.encryptPath(job.path).longNames ?? [];
    if (names.length > 0) await longNames.store(names, signal);
    const isSmall = file.sizeBytes <= context.partBytes;
    return await (isSmall ? uploadWhole(context, capabilities, job, file, onProgress, signal) : uploadParts(context, capabilities, job, file, onProgress, signal, journal));
  } catch (error) {
    throw withPath(error, job.path);
  } finally {
    file.close();
  }
}

export function withPath(error: unknown, path: string): unknown {
  if (!isSyncError(error) || error.about.path !== undefined) return error;
  return new SyncError(error.code, { ...error.about, path }, { cause: error, ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }) });
}

function attributesOf(job: UploadJob, sizeBytes: number, sha256: string): FileAttributes {
  return { ...job.attributes, sizeBytes, sha256 };
}

function resultOf(context: TransferContext, job: UploadJob, written: Written, attributes: FileAttributes, objectBytes: number): UploadResult {
  const { epoch, keyId } = context.files;
  const version: RemoteVersion = {
    objectKey: job.objectKey, etag: written.etag, versionId: written.versionId, objectBytes, lastModifiedMs: written.atMs, attributes, epoch: epoch.n, keyId,
  };
  return { version, sha256: attributes.sha256 ?? '', epoch: epoch.n, keyId };
}

async function uploadWhole(context: TransferContext, capabilities: Capabilities, job: UploadJob, file: SourceFile, onProgress: OnProgress, signal: AbortSignal): Promise<UploadResult> {
  const { store, files, budget } = context;
  const release = await budget.take(file.sizeBytes * 2 + TAG_BYTES, signal);
  let encryption: Encryption | null = null;
  try {
    const plaintext = Buffer.allocUnsafe(file.sizeBytes);
    if (file.sizeBytes > 0) await file.fill(plaintext, 0);
    file.checkUnchanged();
    const sha256 = createHash('sha256').update(plaintext).digest('hex');
    const attributes = attributesOf(job, file.sizeBytes, sha256);
    encryption = await files.startEncryption();
    const body = encryption === null ? plaintext : Buffer.concat([encryption.cipher.update(plaintext), encryption.cipher.final()], file.sizeBytes + TAG_BYTES);
    const metadata = files.metadataOf(attributes, job.objectKey, encryption);
    const write = { objectKey: job.objectKey, metadata, ifMatch: job.ifMatch, keepsUnhonoured: job.keepsUnhonoured === true, kept: job.kept, keepsChecksum: files.epoch.mode.id === 'sse-kms', bodySha256: encryption === null ? sha256 : undefined, onMoved: sumOfPieces(onProgress).piece(file.sizeBytes).moved };
    const written = await putGuarded(store, files.requests, capabilities, write, body, signal);
    onProgress(file.sizeBytes);
    return resultOf(context, job, written, attributes, body.length);
  } finally {
    encryption?.dispose();
    release();
  }
}

/** @returns 64 hex digits */
async function hashFile(file: SourceFile, budget: Budget, signal: AbortSignal): Promise<string> {
  const release = await budget.take(2 * HASH_SLICE_BYTES, signal);
  try {
    const hash = createHash('sha256');
    let [reading, other] = [Buffer.allocUnsafeSlow(HASH_SLICE_BYTES), Buffer.allocUnsafeSlow(HASH_SLICE_BYTES)];
    const readAt = async (position: number): Promise<Buffer> => {
      const piece = reading.subarray(0, Math.max(0, Math.min(HASH_SLICE_BYTES, file.sizeBytes - position)));
      [reading, other] = [other, reading];
      await file.fill(piece, position);
      return piece;
    };
    let next = await readAt(0);
    for (let position = HASH_SLICE_BYTES; next.length > 0; position += HASH_SLICE_BYTES) {
      signal.throwIfAborted();
      const piece = next;
      // The disk works while this thread hashes.
      const coming = readAt(position);
      hash.update(piece);
      next = await coming;
    }
    file.checkUnchanged();
    return hash.digest('hex');
  } finally {
    release();
  }
}

/** A multipart upload that is under way: begun now, or before a restart. */
type Multipart = {
  readonly uploadId: string;
  readonly metadata: Metadata;
  readonly encryption: Encryption | null;
  readonly partBytes: number;
  /** SHA-256 of every part that was ever attempted, by number. */
  readonly attempted: Readonly<Record<number, string>>;
  /** Those that have arrived, by number. */
  readonly arrived: ReadonlyMap<number, ListedPart>;
};

/** The text is another one than was sent before under the same key, or the parts are not those: the upload begins anew. */
class CannotResume extends Error {}

async function uploadParts(context: TransferContext, capabilities: Capabilities, job: UploadJob, file: SourceFile, onProgress: OnProgress, signal: AbortSignal, journal?: UploadJournal): Promise<UploadResult> {
  const sha256 = await hashFile(file, context.budget, signal);
  const carryOut = async (multipart: Multipart): Promise<UploadResult> => uploadInParts(context, capabilities, job, { file, sha256 }, multipart, onProgress, signal, journal);
  const resumed = journal === undefined ? null : await resumeMultipart(context, job, file, sha256, journal, signal);
  if (resumed !== null) {
    try {
      return await carryOut(resumed);
    } catch (error) {
      if (!(error instanceof CannotResume)) throw error;
    }
  }
  return carryOut(await beginMultipart(context, job, file, sha256, signal, journal));
}

async function beginMultipart(context: TransferContext, job: UploadJob, file: SourceFile, sha256: string, signal: AbortSignal, journal?: UploadJournal): Promise<Multipart> {
  const { store, files } = context;
  const encryption = await files.startEncryption();
  try {
    const metadata = files.metadataOf(attributesOf(job, file.sizeBytes, sha256), job.objectKey, encryption);
    const partBytes = partBytesFor(file.sizeBytes, context.partBytes);
    // A start whose answer was lost leaves an upload that nobody knows; the engine clears those after a restart.
    const { uploadId } = await withRetries(async () => store.startMultipart(job.objectKey, { metadata, modeHeaders: files.requests.write, kept: job.kept }, signal), signal);
    await journal?.begin({ uploadId, sizeBytes: file.sizeBytes, sha256, partBytes, epoch: files.epoch.n, metadata, encryption: encryption?.save() ?? null });
    return { uploadId, metadata, encryption, partBytes, attempted: {}, arrived: new Map() };
  } catch (error) {
    encryption?.dispose();
    throw error;
  }
}

/** Null where there is nothing to go on with; what is there of it is given up then. */
async function resumeMultipart({ store, files }: TransferContext, job: UploadJob, file: SourceFile, sha256: string, journal: UploadJournal, signal: AbortSignal): Promise<Multipart | null> {
  const { saved } = journal;
  if (saved === null) return null;
  const isSame = saved.sha256 === sha256 && saved.sizeBytes === file.sizeBytes && saved.objectKey === job.objectKey && saved.epoch === files.epoch.n && saved.operationId === job.attributes.operationId;
  if (!isSame) {
    await giveUp(store, saved, journal);
    return null;
  }
  try {
    const arrived = await withRetries(async () => store.listParts(saved.objectKey, saved.uploadId, signal), signal);
    const encryption = saved.encryption === null ? null : await files.resumeEncryption(saved.encryption);
    const { uploadId, metadata, partBytes } = saved;
    return { uploadId, metadata, encryption, partBytes, attempted: saved.parts, arrived: new Map(arrived.map((part) => [part.partNumber, part])) };
  } catch (error) {
    if (!isSyncError(error) || error.retry === 'later' || signal.aborted) throw error;
    // The server has given it up, or the key that wrapped its data key is not here any more.
    await giveUp(store, saved, journal);
    return null;
  }
}

/** Parts that nobody sees cost money for ever. Also where the caller has given up, so on time of its own. */
async function giveUp(store: ObjectStore, { objectKey, uploadId }: Pick<SavedUpload, 'objectKey' | 'uploadId'>, journal: UploadJournal | undefined): Promise<void> {
  await withRetries(async () => store.abortMultipart(objectKey, uploadId, AbortSignal.timeout(10_000)), AbortSignal.timeout(20_000)).catch(() => undefined);
  await journal?.drop();
}

async function uploadInParts(
  context: TransferContext,
  capabilities: Capabilities,
  job: UploadJob,
  source: { readonly file: SourceFile; readonly sha256: string },
  multipart: Multipart,
  onProgress: OnProgress,
  signal: AbortSignal,
  journal?: UploadJournal,
): Promise<UploadResult> {
  const { store, files } = context;
  const { uploadId, metadata, encryption } = multipart;
  const { file, sha256 } = source;
  try {
    const parts = await sendParts(context, job, file, multipart, sha256, onProgress, signal, journal);
    const written = await completeGuarded(store, files.requests, capabilities, { objectKey: job.objectKey, metadata, ifMatch: job.ifMatch, keepsUnhonoured: job.keepsUnhonoured === true }, uploadId, parts, signal);
    await journal?.drop();
    return resultOf(context, job, written, attributesOf(job, file.sizeBytes, sha256), file.sizeBytes + (encryption === null ? 0 : TAG_BYTES));
  } catch (error) {
    // What only needs time, or another start of the program, can be gone on with.
    const mayGoOn = journal !== undefined && (signal.aborted || (isSyncError(error) && (error.retry === 'later' || error.code === 'sign-in-expired')));
    if (!mayGoOn) await giveUp(store, { objectKey: job.objectKey, uploadId }, journal);
    throw error;
  } finally {
    encryption?.dispose();
  }
}

/** Encrypts in order, sends several parts at once. @throws SyncError changed-while-reading where the second reading found another text */
async function sendParts(
  context: TransferContext,
  job: UploadJob,
  file: SourceFile,
  { uploadId, encryption, partBytes, attempted, arrived }: Multipart,
  expectedSha256: string,
  onProgress: OnProgress,
  signal: AbortSignal,
  journal?: UploadJournal,
): Promise<readonly Part[]> {
  const { store, files, budget, buffers } = context;
  const count = Math.ceil(file.sizeBytes / partBytes);
  const hash = createHash('sha256');
  const scratch = encryption === null ? null : Buffer.allocUnsafeSlow(SLICE_BYTES);
  const parts: Part[] = [];
  const inFlight = new Set<Promise<void>>();
  const failure = new AbortController();
  const partSignal = AbortSignal.any([signal, failure.signal]);
  const pieces = sumOfPieces(onProgress);

  async function fillPart(body: Buffer, position: number, plainBytes: number): Promise<void> {
    for (let offset = 0; offset < plainBytes; offset += SLICE_BYTES) {
      const bytes = Math.min(SLICE_BYTES, plainBytes - offset);
      const target = body.subarray(offset, offset + bytes);
      const plaintext = scratch === null ? target : scratch.subarray(0, bytes);
      await file.fill(plaintext, position + offset);
      hash.update(plaintext);
      if (encryption !== null) encryption.cipher.update(plaintext).copy(target);
    }
  }

  async function sendPart(partNumber: number, body: Buffer, plainBytes: number, release: () => void): Promise<void> {
    const piece = pieces.piece(plainBytes);
    try {
      const bodySha256 = journal === undefined ? undefined : createHash('sha256').update(body).digest('hex');
      const before = attempted[partNumber];
      if (before !== undefined && before !== bodySha256) throw new CannotResume();
      const there = arrived.get(partNumber);
      // Whatever arrived under this number was sent by this device, and all it ever sent under it was this.
      const isThere = before !== undefined && there?.sizeBytes === body.length;
      if (before === undefined && bodySha256 !== undefined) await journal?.attempt(partNumber, bodySha256);
      const part = isThere ? there : await withRetries(async () => store.putPart(job.objectKey, uploadId, partNumber, body, { modeHeaders: files.requests.part, bodySha256, onMoved: piece.moved }, partSignal), partSignal);
      parts[partNumber - 1] = { partNumber, etag: part.etag };
      // Only what has certainly left may be filled again: a broken connection may still be reading.
      buffers.give(body);
      piece.done();
    } finally {
      release();
    }
  }

  try {
    for (let index = 0; index < count; index += 1) {
      while (inFlight.size >= context.partsInFlight) await Promise.race(inFlight);
      const position = index * partBytes;
      const plainBytes = Math.min(partBytes, file.sizeBytes - position);
      const isLast = index === count - 1;
      const bodyBytes = plainBytes + (isLast && encryption !== null ? TAG_BYTES : 0);
      const release = await budget.take(bodyBytes, partSignal);
      let body: Buffer;
      try {
        body = buffers.take(bodyBytes);
        await fillPart(body, position, plainBytes);
        if (isLast) {
          // Before the last part leaves: a text that changed must not become a whole object.
          file.checkUnchanged();
          if (hash.digest('hex') !== expectedSha256) throw new SyncError('changed-while-reading', { path: job.path });
          if (encryption !== null) encryption.cipher.final().copy(body, plainBytes);
        }
      } catch (error) {
        release();
        throw error;
      }
      const sending: Promise<void> = sendPart(index + 1, body, plainBytes, release).finally(() => inFlight.delete(sending));
      // Its failure is met where it is awaited; until then it must not count as unhandled.
      sending.catch(() => undefined);
      inFlight.add(sending);
    }
    await Promise.all(inFlight);
    return parts;
  } catch (error) {
    failure.abort(error);
    await Promise.allSettled(inFlight);
    throw signal.aborted ? signal.reason : error;
  }
}
