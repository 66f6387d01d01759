/** Takes an aws-chunked body apart as it arrives, and verifies the signature of each chunk and of the trailer where there are any. */
import { createHash, timingSafeEqual, type Hash } from 'node:crypto';
import { chunkStringToSign, sha256Hex, signText, trailerStringToSign } from '../sigv4/signature.ts';
import type { Payload } from './authenticate.ts';
import { S3Error } from './errors.ts';

type ChunkedPayload = Extract<Payload, { type: 'signed-chunks' | 'unsigned-chunks' }>;

const MAX_LINE_BYTES = 4096;
const MAX_TRAILERS_BYTES = 16 * 1024;
const LF = 10;

const isSame = (a: string, b: string): boolean => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

export class ChunkDecoder {
  readonly #payload: ChunkedPayload;
  readonly #sink: (chunk: Uint8Array) => Promise<void> | undefined;
  #state: 'size' | 'content' | 'content-end' | 'trailer' | 'done' = 'size';
  #line = '';
  #left = 0;
  #hash: Hash | null = null;
  #chunkSignature = '';
  #previousSignature: string;
  #trailers = new Map<string, string>();
  #trailerBytes = 0;
  #trailerSignature: string | null = null;

  constructor(payload: ChunkedPayload, sink: (chunk: Uint8Array) => Promise<void> | undefined) {
    this.#payload = payload;
    this.#sink = sink;
    this.#previousSignature = payload.type === 'signed-chunks' ? payload.seedSignature : '';
  }

  /** @throws S3Error IncompleteBody where the framing is wrong, SignatureDoesNotMatch */
  push(bytes: Buffer): Promise<void> | undefined {
    const waits: Promise<void>[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === 'content') {
        const content = bytes.subarray(at, at + this.#left);
        at += content.length;
        this.#left -= content.length;
        this.#hash?.update(content);
        const wait = this.#sink(content);
        if (wait !== undefined) waits.push(wait);
        if (this.#left === 0) this.#endContent('content-end');
        continue;
      }
      if (this.#state === 'done') throw new S3Error('IncompleteBody');
      const end = bytes.indexOf(LF, at);
      this.#line += bytes.toString('latin1', at, end === -1 ? bytes.length : end);
      if (this.#line.length > MAX_LINE_BYTES) throw new S3Error('IncompleteBody');
      if (end === -1) break;
      at = end + 1;
      const line = this.#line.endsWith('\r') ? this.#line.slice(0, -1) : this.#line;
      this.#line = '';
      this.#takeLine(line);
    }
    if (waits.length === 0) return undefined;
    return waits.length === 1 ? waits[0] : Promise.all(waits).then(() => undefined);
  }

  /** The trailing headers, once the body has ended. @throws S3Error IncompleteBody, SignatureDoesNotMatch */
  finish(): ReadonlyMap<string, string> {
    // The last line of a body without trailers may lack its empty line.
    if (this.#state === 'trailer' && this.#line === '') this.#endTrailers();
    if (this.#state !== 'done') throw new S3Error('IncompleteBody');
    return this.#trailers;
  }

  #takeLine(line: string): void {
    switch (this.#state) {
      case 'size':
        this.#startChunk(line);
        return;
      case 'content-end':
        if (line !== '') throw new S3Error('IncompleteBody');
        this.#state = 'size';
        return;
      case 'trailer':
        if (line === '') this.#endTrailers();
        else this.#takeTrailer(line);
        return;
      default:
        throw new S3Error('IncompleteBody');
    }
  }

  #startChunk(line: string): void {
    const [size = '', ...extensions] = line.split(';');
    if (!/^[0-9a-fA-F]{1,10}$/.test(size.trim())) throw new S3Error('IncompleteBody');
    this.#left = Number.parseInt(size, 16);
    if (this.#payload.type === 'signed-chunks') {
      const signature = extensions.find((extension) => extension.startsWith('chunk-signature='))?.slice('chunk-signature='.length);
      if (signature === undefined) throw new S3Error('SignatureDoesNotMatch');
      this.#chunkSignature = signature.trim();
      this.#hash = createHash('sha256');
    }
    if (this.#left === 0) this.#endContent('trailer');
    else this.#state = 'content';
  }

  #endContent(next: 'content-end' | 'trailer'): void {
    this.#state = next;
    if (this.#payload.type !== 'signed-chunks') return;
    const { signingKey, amzDate, scope } = this.#payload;
    const expected = signText(signingKey, chunkStringToSign(amzDate, scope, this.#previousSignature, this.#hash?.digest('hex') ?? ''));
    if (!isSame(expected, this.#chunkSignature)) throw new S3Error('SignatureDoesNotMatch');
    this.#previousSignature = expected;
  }

  #takeTrailer(line: string): void {
    this.#trailerBytes += line.length;
    const colon = line.indexOf(':');
    if (colon <= 0 || this.#trailerBytes > MAX_TRAILERS_BYTES) throw new S3Error('IncompleteBody');
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === 'x-amz-trailer-signature') this.#trailerSignature = value;
    else this.#trailers.set(name, value);
  }

  #endTrailers(): void {
    this.#state = 'done';
    if (this.#payload.type !== 'signed-chunks' || !this.#payload.hasTrailer) return;
    const { signingKey, amzDate, scope } = this.#payload;
    const text = [...this.#trailers].map(([name, value]) => `${name}:${value}\n`).join('');
    const expected = signText(signingKey, trailerStringToSign(amzDate, scope, this.#previousSignature, sha256Hex(text)));
    if (this.#trailerSignature === null || !isSame(expected, this.#trailerSignature)) throw new S3Error('SignatureDoesNotMatch');
  }
}
