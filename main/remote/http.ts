/**
 * The lean path to S3: one signed HTTP request with a Buffer in and a Buffer out over pooled keep-alive connections.
 *
 * Used where requests are many (bodies, heads, list pages, deletes); it costs about a third of the SDK's CPU per request. Where
 * it sends to, and as whom, is what the SDK itself resolved (`endpoint.ts`).
 */
import Pool from 'undici/lib/dispatcher/pool.js';
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { SyncError } from '../model/errors.ts';
import { createSigner } from '../sigv4/sign.ts';
import type { Credentials, Signer } from '../sigv4/sign.ts';
import { EMPTY_SHA256, UNSIGNED_PAYLOAD, canonicalQuery, encodePath } from '../sigv4/signature.ts';
import type { Endpoint } from './endpoint.ts';
import { onAbort, unlessAborted } from './on-abort.ts';
import { createPace } from './pace.ts';
import { pinnedTls } from './pinned-tls.ts';
import { pause } from './retry.ts';
import { errorOfAnswer, errorOfFailure, errorOfSdk, headerOf, providerCodeOf } from './s3-errors.ts';
import type { Answer } from './s3-errors.ts';
import type { Throttle } from './throttle.ts';

export type SignedRequest = {
  readonly method: 'GET' | 'PUT' | 'HEAD' | 'DELETE' | 'POST';
  /** Decoded; `''` is the bucket itself. */
  readonly objectKey: string;
  readonly query?: readonly (readonly [name: string, value: string])[];
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly bodySha256?: string | undefined;
  /** Takes the answer's body where that fits. */
  readonly into?: Buffer | undefined;
  /** Called with the bytes of the request's body that have left so far, or of the answer's that have arrived; a small body says nothing. */
  readonly onMoved?: ((bytes: number) => void) | undefined;
};

export type HttpClient = {
  /** Whatever the server answered. @throws SyncError offline, tls-failed, answer-invalid */
  send(request: SignedRequest, signal: AbortSignal): Promise<Answer>;
  close(): Promise<void>;
};

const CONNECT_TIMEOUT_MS = 10_000;
/** Without a byte for this long the server counts as gone. */
const IDLE_TIMEOUT_MS = 60_000;
/** A copy inside the server is answered when it is done: gigabytes, on a slow disk. */
const COPY_TIMEOUT_MS = 15 * 60_000;
/** A request body may take as long as a line this slow needs. */
const SLOWEST_BYTES_PER_MS = 16;
const WATCH_EVERY_MS = 5_000;
/** What an unlimited body is handed over in, where somebody wants to know how far it is: as fast as in one piece. */
const SLICE_BYTES = 256 * 1024;
/** A body up to here has left before anybody could look. */
const UNTOLD_BYTES = 1024 * 1024;
/** Largest answer taken without an announced length, or announced for anything. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

type Controller = { abort(reason: Error): void; pause(): void; resume(): void };

/** A body that leaves as the line takes it, and no faster than its bytes are paid for. `onMoved` is called as it goes, with what had left before. */
async function* inSlices(body: Uint8Array, throttle: Throttle | null, onMoved: (bytes: number) => void, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < body.length;) {
    const isLimited = throttle?.isLimited('up') === true;
    const slice = body.subarray(at, at + (isLimited ? throttle.sliceBytes('up') : SLICE_BYTES));
    if (isLimited) {
      for (let waitMs = throttle.take('up', slice.length); waitMs > 0; waitMs -= WATCH_EVERY_MS) {
        await pause(Math.min(waitMs, WATCH_EVERY_MS), signal);
        onMoved(at);
      }
    }
    onMoved(at);
    at += slice.length;
    yield slice;
  }
}

/** Collects one answer; a known length is read into one buffer without joining chunks. */
class AnswerReader {
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: unknown) => void;
  readonly #signal: AbortSignal;
  readonly #method: string;
  readonly #into: Buffer | undefined;
  readonly #onMoved: ((bytes: number) => void) | undefined;
  readonly #throttle: Throttle | null;
  readonly #forgetAbort: () => void;
  #controller: Controller | null = null;
  #status = 0;
  #headers: Answer['headers'] = {};
  #whole: Buffer | null = null;
  #filled = 0;
  #chunks: Buffer[] = [];

  constructor({ method, into, body, onMoved }: SignedRequest, throttle: Throttle | null, signal: AbortSignal, resolve: (answer: Answer) => void, reject: (error: unknown) => void) {
    this.#throttle = throttle;
    this.#method = method;
    this.#into = into;
    this.#onMoved = body === undefined ? onMoved : undefined;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
    // A request that still waits for its connection is ended here, and not begun later.
    this.#forgetAbort = onAbort(signal, () => {
      if (this.#controller === null) reject(signal.reason);
      else this.#controller.abort(new Error('aborted'));
    });
  }

  /** Ends the request where it stands. */
  abort(reason: Error): void {
    this.#controller?.abort(reason);
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    if (this.#signal.aborted) controller.abort(new Error('aborted'));
  }

  onResponseStart(controller: Controller, status: number, headers: Answer['headers']): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    const length = headers['content-length'];
    if (this.#method === 'HEAD' || typeof length !== 'string') return;
    const bytes = Number(length);
    if (!(bytes <= MAX_ANSWER_BYTES)) controller.abort(new SyncError('answer-invalid', { detail: 'The answer is too large.' }));
    else this.#whole = this.#into !== undefined && bytes <= this.#into.length ? this.#into.subarray(0, bytes) : Buffer.allocUnsafe(bytes);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    // The next bytes are not read before these are paid for; meanwhile the server is held up by the connection itself.
    const waitMs = this.#throttle?.isLimited('down') === true ? this.#throttle.take('down', chunk.length) : 0;
    if (waitMs > 0) {
      controller.pause();
      setTimeout(() => controller.resume(), waitMs);
    }
    const filled = this.#filled;
    this.#filled = filled + chunk.length;
    if (this.#whole === null) {
      this.#chunks.push(chunk);
      if (this.#filled > MAX_ANSWER_BYTES) controller.abort(new SyncError('answer-invalid', { detail: 'The answer is too large.' }));
    } else if (this.#filled > this.#whole.length) {
      controller.abort(new SyncError('answer-invalid', { detail: 'The answer is longer than announced.' }));
    } else {
      chunk.copy(this.#whole, filled);
      if (this.#status < 300) this.#onMoved?.(this.#filled);
    }
  }

  onResponseEnd(): void {
    this.#forgetAbort();
    if (this.#whole !== null && this.#filled !== this.#whole.length) {
      this.#reject(new SyncError('answer-invalid', { detail: 'The answer is shorter than announced.' }));
      return;
    }
    this.#resolve({ status: this.#status, headers: this.#headers, body: this.#whole ?? Buffer.concat(this.#chunks) });
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#forgetAbort();
    this.#reject(error);
  }
}

/** Also a key that is no longer one: who gets new temporary keys may find the old ones removed. */
function isExpired(answer: Answer): boolean {
  if (answer.status !== 400 && answer.status !== 403) return false;
  const { code } = errorOfAnswer(answer);
  return code === 'sign-in-expired' || code === 'sign-in-wrong';
}

/**
 * @param connections - how many connections at most; more requests wait in line.
 * @param throttle - bandwidth limits for bodies.
 */
export function createHttpClient(endpoint: Endpoint, connections: number, throttle: Throttle | null = null): HttpClient {
  const pace = createPace(connections);
  const pool = new Pool(endpoint.origin, {
    connections,
    pipelining: 1,
    connect: { timeout: CONNECT_TIMEOUT_MS, ...pinnedTls(endpoint.certificate) },
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 60_000,
    bodyTimeout: IDLE_TIMEOUT_MS,
  });
  const isTls = endpoint.origin.startsWith('https:');
  const host = new URL(endpoint.origin).host;
  let clockOffsetMs = 0;
  let signedFor: Credentials | null = null;
  let signer: Signer | null = null;

  async function currentSigner(): Promise<Signer> {
    const credentials = endpoint.credentials instanceof Function ? await endpoint.credentials().catch((error: unknown) => { throw errorOfSdk(error); }) : endpoint.credentials;
    if (signer === null || signedFor !== credentials) {
      signer = createSigner(credentials, endpoint.region);
      signedFor = credentials;
    }
    return signer;
  }

  function payloadHashOf(request: SignedRequest): string {
    if (request.body === undefined || request.body.length === 0) return EMPTY_SHA256;
    // Over TLS the connection already vouches for the bytes; hashing them again would cost half a second a GiB.
    if (isTls) return UNSIGNED_PAYLOAD;
    return request.bodySha256 ?? createHash('sha256').update(request.body).digest('hex');
  }

  /** A bucket of that name in other hands, as after it was deleted and made anew by somebody else, is refused by the service itself. */
  function ownerHeaders({ headers }: SignedRequest): Record<string, string> {
    const { bucketOwner } = endpoint;
    if (bucketOwner === undefined || bucketOwner === null) return {};
    return { 'x-amz-expected-bucket-owner': bucketOwner, ...(headers?.['x-amz-copy-source'] === undefined ? {} : { 'x-amz-source-expected-bucket-owner': bucketOwner }) };
  }

  async function sendOnce(request: SignedRequest, signal: AbortSignal): Promise<Answer> {
    signal.throwIfAborted();
    const path = request.objectKey === '' ? endpoint.basePath || '/' : `${endpoint.basePath}/${request.objectKey}`;
    const headers: Record<string, string> = { ...request.headers, ...ownerHeaders(request), host };
    const withSigner = signer !== null && !(endpoint.credentials instanceof Function) ? signer : await unlessAborted(currentSigner(), signal);
    Object.assign(headers, withSigner.signHeaders({ method: request.method, path, query: request.query ?? [], headers, payloadHash: payloadHashOf(request) }, Date.now() + clockOffsetMs));
    const query = request.query === undefined || request.query.length === 0 ? '' : `?${canonicalQuery(request.query)}`;
    const body = request.body ?? null;
    const target = { method: request.method, path: encodePath(path) + query };
    const headersTimeout = (request.headers?.['x-amz-copy-source'] === undefined ? IDLE_TIMEOUT_MS : COPY_TIMEOUT_MS) + Math.ceil((body?.length ?? 0) / SLOWEST_BYTES_PER_MS);
    let watch: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Answer>((resolve, reject) => {
        const reader = new AnswerReader(request, throttle, signal, resolve, reject);
        const tell = body !== null && body.length > UNTOLD_BYTES ? request.onMoved : undefined;
        if (body === null || body.length === 0 || (throttle?.isLimited('up') !== true && tell === undefined)) {
          pool.dispatch({ ...target, headers, body, headersTimeout }, reader);
          return;
        }
        // How long it takes is up to the limit, which may change meanwhile: what counts is that it moves. The system may still be sending when all was handed to it.
        let movedMs = performance.now();
        const onMoved = (bytes: number): void => {
          movedMs = performance.now();
          tell?.(bytes);
        };
        const slow = inSlices(body, throttle, onMoved, signal);
        watch = setInterval(() => {
          if (performance.now() - movedMs > headersTimeout) reader.abort(new SyncError('offline', { detail: 'The server takes no more.' }));
        }, WATCH_EVERY_MS);
        pool.dispatch({ ...target, headers: { ...headers, 'content-length': String(body.length) }, body: slow as unknown as Readable, headersTimeout: 0 }, reader);
      });
    } catch (error) {
      throw errorOfFailure(error, signal, request.objectKey);
    } finally {
      clearInterval(watch);
    }
  }

  async function sendPaced(request: SignedRequest, signal: AbortSignal): Promise<Answer> {
    const waiting = pace.enter(signal);
    if (waiting !== null) await waiting;
    const sentAt = pace.decreases;
    let outcome: 'done' | 'throttled' | 'failed' = 'failed';
    try {
      const answer = await sendOnce(request, signal);
      if (answer.status < 300) outcome = 'done';
      else if (answer.status === 503 || answer.status === 429) outcome = errorOfAnswer(answer).code === 'throttled' ? 'throttled' : 'failed';
      return answer;
    } finally {
      pace.left(outcome, sentAt);
    }
  }

  return {
    async send(request, signal) {
      const answer = await sendPaced(request, signal);
      if (isExpired(answer) && endpoint.renew !== undefined) {
        // The user may have signed in again since: what is written where sign-ins are kept counts from now on.
        endpoint.renew();
        return sendPaced(request, signal);
      }
      if (answer.status !== 403 || (request.method !== 'HEAD' && providerCodeOf(answer.body) !== 'RequestTimeTooSkewed')) return answer;
      // Clocks differ: sign with the server's time from now on. Once only, so that a server with a broken clock ends in an error.
      const serverMs = Date.parse(headerOf(answer, 'date') ?? '');
      const offset = serverMs - Date.now();
      if (Number.isNaN(serverMs) || Math.abs(offset - clockOffsetMs) < 4 * 60_000) return answer;
      clockOffsetMs = offset;
      return sendPaced(request, signal);
    },
    close: async () => {
      await pool.destroy();
    },
  };
}
