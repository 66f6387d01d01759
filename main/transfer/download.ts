/**
 * One download, from an object version to a verified, durable file in the staging directory. Nothing there counts before the tag,
 * the attributes and the hash have been checked; on any failure the file is gone again.
 */
import { createHash } from 'node:crypto';
import type { Decryption } from '../envelope/envelope.ts';
import { SyncError, isSyncError } from '../model/errors.ts';
import type { FileAttributes, RemoteVersion } from '../model/snapshot.ts';
import type { ObjectHead } from '../remote/object-store.ts';
import { withRetries } from '../remote/retry.ts';
import type { OpenedHead } from '../remote/stored-file.ts';
import { explainUnreadable } from '../remote/writes.ts';
import type { DownloadJob, DownloadResult, OnProgress } from '../sync/ports.ts';
import { openKeptRanges } from './partial.ts';
import type { KeptRanges } from './partial.ts';
import { sumOfPieces } from './moved.ts';
import { createStagedFile } from './staged-file.ts';
import type { StagedFile } from './staged-file.ts';
import { withPath } from './upload.ts';
import type { TransferContext } from './upload.ts';

const MIB = 1024 * 1024;
const SLICE_BYTES = 256 * 1024;

/** @throws SyncError as Transfers.download says */
export async function download(context: TransferContext, job: DownloadJob, onProgress: OnProgress, signal: AbortSignal): Promise<DownloadResult> {
  try {
    return await (job.objectBytes <= context.partBytes + MIB ? downloadWhole(context, job, onProgress, signal) : downloadInRanges(context, job, onProgress, signal));
  } catch (error) {
    throw withPath(error, job.path);
  }
}

/** Decrypts and hashes what arrives in order, and says at the end whether it is the file that the attributes describe. */
class BodyReader {
  readonly #opened: OpenedHead;
  readonly #decryption: Decryption | null;
  readonly #hash = createHash('sha256');
  #plainBytes = 0;

  constructor(opened: OpenedHead, decryption: Decryption | null) {
    this.#opened = opened;
    this.#decryption = decryption;
  }

  /** Plaintext that is not yet verified. */
  update(body: Buffer): Buffer | null {
    const plaintext = this.#decryption === null ? body : this.#decryption.update(body);
    if (plaintext !== null) this.#count(plaintext);
    return plaintext;
  }

  /** @throws SyncError not-authentic, truncated */
  finish(): { readonly rest: Buffer | null; readonly attributes: FileAttributes } {
    const rest = this.#decryption?.final() ?? null;
    if (rest !== null) this.#count(rest);
    const { attributes } = this.#opened;
    const sha256 = this.#hash.digest('hex');
    if (this.#plainBytes !== attributes.sizeBytes) throw new SyncError('truncated');
    if (attributes.sha256 !== null && attributes.sha256 !== sha256) throw new SyncError('not-authentic', { detail: 'The content is not what its attributes say.' });
    return { rest, attributes: { ...attributes, sha256 } };
  }

  #count(plaintext: Buffer): void {
    this.#plainBytes += plaintext.length;
    this.#hash.update(plaintext);
  }
}

async function openReader(context: TransferContext, job: DownloadJob, head: ObjectHead): Promise<{ opened: OpenedHead; decryption: Decryption | null; reader: BodyReader }> {
  if (head.etag !== job.etag) throw new SyncError('version-changed', { objectKey: job.objectKey });
  const opened = context.files.open(head, job.objectKey, job.path);
  const decryption = opened.isClientSide ? await context.files.openBody(head) : null;
  return { opened, decryption, reader: new BodyReader(opened, decryption) };
}

function resultOf(job: DownloadJob, head: ObjectHead, { epoch, keyId }: OpenedHead, attributes: FileAttributes): DownloadResult {
  const { etag, versionId, objectBytes, lastModifiedMs } = head;
  const version: RemoteVersion = { objectKey: job.objectKey, etag, versionId, objectBytes, lastModifiedMs, attributes, epoch, keyId };
  return { version, attributes, epoch, keyId };
}

async function downloadWhole(context: TransferContext, job: DownloadJob, onProgress: OnProgress, signal: AbortSignal): Promise<DownloadResult> {
  const { store, files, budget } = context;
  const release = await budget.take(job.objectBytes * 2, signal);
  let decryption: Decryption | null = null;
  let staged: StagedFile | null = null;
  try {
    const get = async (): ReturnType<typeof store.get> => withRetries(async () => store.get(job.objectKey, { ifMatch: job.etag, modeHeaders: files.requests.read, versionId: job.versionId, onMoved: sumOfPieces(onProgress).piece(job.objectBytes).moved }, signal), signal);
    const { head, body } = await explainUnreadable(store, files.requests, job.objectKey, get, signal);
    const opening = await openReader(context, job, head);
    decryption = opening.decryption;
    const { reader } = opening;
    const plaintext = reader.update(body);
    const { rest, attributes } = reader.finish();
    staged = createStagedFile(job);
    if (plaintext !== null && plaintext.length > 0) await staged.append(plaintext);
    if (rest !== null && rest.length > 0) await staged.append(rest);
    await staged.finish();
    onProgress(attributes.sizeBytes);
    return resultOf(job, head, opening.opened, attributes);
  } catch (error) {
    await staged?.discard();
    throw error;
  } finally {
    decryption?.dispose();
    release();
  }
}

/** @throws SyncError object-not-found, version-changed */
async function headOf({ store, files }: TransferContext, job: DownloadJob, signal: AbortSignal): Promise<ObjectHead> {
  const look = async (): Promise<ObjectHead | null> => withRetries(async () => store.head(job.objectKey, { modeHeaders: files.requests.read, versionId: job.versionId }, signal), signal);
  const head = await explainUnreadable(store, files.requests, job.objectKey, look, signal);
  if (head === null) throw new SyncError('object-not-found', { objectKey: job.objectKey });
  if (head.objectBytes !== job.objectBytes) throw new SyncError('version-changed', { objectKey: job.objectKey });
  return head;
}

type FreshlyArrived = { readonly head: ObjectHead; readonly body: Buffer };
/** Without a head where it came in an earlier attempt. */
type Arrived = { readonly head: ObjectHead | null; readonly body: Buffer };

/** Goes on where an earlier attempt was cut off. What it left and does not verify is not used twice. */
async function downloadInRanges(context: TransferContext, job: DownloadJob, onProgress: OnProgress, signal: AbortSignal): Promise<DownloadResult> {
  for (;;) {
    const kept = job.partial === undefined ? null : await openKeptRanges(job.partial, context.partBytes);
    try {
      const result = await downloadRanges(context, job, kept, onProgress, signal);
      await kept?.discard();
      return result;
    } catch (error) {
      const mayGoOn = signal.aborted || (isSyncError(error) && (error.retry === 'later' || error.code === 'sign-in-expired'));
      await (mayGoOn ? kept?.close() : kept?.discard());
      if (kept?.isResumed !== true || !isSyncError(error) || error.family !== 'IntegrityError') throw error;
    }
  }
}

async function downloadRanges(context: TransferContext, job: DownloadJob, kept: KeptRanges | null, onProgress: OnProgress, signal: AbortSignal): Promise<DownloadResult> {
  const { store, files, budget, buffers } = context;
  const count = Math.ceil(job.objectBytes / context.partBytes);
  const failure = new AbortController();
  const rangeSignal = AbortSignal.any([signal, failure.signal]);
  const coming: Promise<{ arrived: Arrived; release: () => void }>[] = [];
  let decryption: Decryption | null = null;
  let staged: StagedFile | null = null;
  let next = 0;
  const pieces = sumOfPieces(onProgress);

  async function fetchRange(index: number): Promise<{ arrived: Arrived; release: () => void }> {
    const range = { start: index * context.partBytes, end: Math.min(job.objectBytes, (index + 1) * context.partBytes) };
    const release = await budget.take(range.end - range.start, rangeSignal);
    const piece = pieces.piece(range.end - range.start);
    try {
      if (kept?.isResumed === true) {
        const body = buffers.take(range.end - range.start);
        if (await kept.read(index, body)) {
          piece.done();
          return { arrived: { head: null, body }, release };
        }
        buffers.give(body);
      }
      // A new one for each attempt: the broken one's connection may still be writing.
      const get = async (): Promise<FreshlyArrived> => withRetries(async () => store.get(job.objectKey, { ifMatch: job.etag, modeHeaders: files.requests.read, versionId: job.versionId, range, into: buffers.take(range.end - range.start), onMoved: piece.moved }, rangeSignal), rangeSignal);
      const arrived = await explainUnreadable(store, files.requests, job.objectKey, get, rangeSignal);
      if (arrived.head.objectBytes !== job.objectBytes) throw new SyncError('version-changed', { objectKey: job.objectKey });
      await kept?.keep(index, arrived.body);
      piece.done();
      return { arrived, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  function fetchAhead(): void {
    while (next < count && coming.length < context.partsInFlight) {
      const range = fetchRange(next);
      range.catch(() => undefined);
      coming.push(range);
      next += 1;
    }
  }

  try {
    fetchAhead();
    let opening: Awaited<ReturnType<typeof openReader>> | null = null;
    let head: ObjectHead | null = null;
    for (let range = coming.shift(); range !== undefined; range = coming.shift()) {
      const { arrived, release } = await range;
      try {
        head ??= arrived.head ?? (await headOf(context, job, signal));
        opening ??= await openReader(context, job, head);
        decryption = opening.decryption;
        staged ??= createStagedFile(job);
        for (let offset = 0; offset < arrived.body.length; offset += SLICE_BYTES) {
          signal.throwIfAborted();
          const plaintext = opening.reader.update(arrived.body.subarray(offset, offset + SLICE_BYTES));
          if (plaintext !== null) await staged.append(plaintext);
        }
        buffers.give(arrived.body);
      } finally {
        release();
      }
      fetchAhead();
    }
    if (opening === null || head === null || staged === null) throw new SyncError('truncated');
    const { rest, attributes } = opening.reader.finish();
    if (rest !== null && rest.length > 0) await staged.append(rest);
    await staged.finish();
    return resultOf(job, head, opening.opened, attributes);
  } catch (error) {
    failure.abort(error);
    for (const range of await Promise.allSettled(coming)) {
      if (range.status === 'fulfilled') range.value.release();
    }
    await staged?.discard();
    throw signal.aborted ? signal.reason : error;
  } finally {
    decryption?.dispose();
  }
}
