/** Receives a request's body: decodes aws-chunked, verifies length, hash, chunk signatures and checksums, and never holds more than a piece of it. */
import type { Payload } from './authenticate.ts';
import { ChunkDecoder } from './chunk-decoder.ts';
import { CHECKSUM_ALGORITHMS, checksumHeader, isChecksumValue, type ChecksumAlgorithm } from './checksums.ts';
import { ClientGone, S3Error, invalidArgument } from './errors.ts';
import { hashHere, type BodyHashes, type CreateHashes, type Hashes } from './hashes.ts';
import type { S3Request } from './request.ts';

const MAX_SINGLE_BYTES = 5 * 1024 ** 3;

export type Received = {
  readonly sizeBytes: number;
  /** 32 hex digits. */
  readonly md5: string;
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | null;
};

type Sink = (chunk: Uint8Array) => Promise<void> | undefined;

/** What the headers promise about the body; read before the body is asked for, so that a wrong promise costs no upload. */
export type BodyPlan = {
  readonly payload: Payload;
  /** Of the decoded body. */
  readonly sizeBytes: number;
  readonly contentMd5: string | null;
  readonly algorithm: ChecksumAlgorithm | null;
  /** Null: in the trailer, or not promised. */
  readonly expected: string | null;
  readonly isInTrailer: boolean;
};

export function algorithmNamed(name: string | undefined, argument: string): ChecksumAlgorithm | null {
  if (name === undefined) return null;
  const algorithm = CHECKSUM_ALGORITHMS.find((known) => known === name.toUpperCase());
  if (algorithm === undefined) throw new S3Error('InvalidRequest', `Checksum algorithm provided is unsupported. Please try again with any of the valid types: [${CHECKSUM_ALGORITHMS.join(', ')}]`, { ArgumentName: argument });
  return algorithm;
}

/** The checksum that the headers give, if any; used too where the body is not hashed for it. @throws S3Error InvalidRequest */
export function checksumOfHeaders(request: S3Request): { algorithm: ChecksumAlgorithm; value: string } | null {
  const given = CHECKSUM_ALGORITHMS.filter((algorithm) => request.headers[checksumHeader(algorithm)] !== undefined);
  const [algorithm] = given;
  if (algorithm === undefined) return null;
  if (given.length > 1) throw new S3Error('InvalidRequest', 'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.');
  const value = request.header(checksumHeader(algorithm)) ?? '';
  if (!isChecksumValue(algorithm, value)) throw new S3Error('InvalidRequest', `Value for ${checksumHeader(algorithm)} header is invalid.`);
  return { algorithm, value };
}

function contentLengthOf(request: S3Request, payload: Payload): number {
  const isChunked = payload.type === 'unsigned-chunks' || payload.type === 'signed-chunks';
  const name = isChunked ? 'x-amz-decoded-content-length' : 'content-length';
  const text = request.header(name);
  if (text === undefined) throw new S3Error('MissingContentLength');
  if (!/^\d{1,15}$/.test(text)) throw invalidArgument(name, text, `${name} is not a number`);
  const sizeBytes = Number(text);
  if (sizeBytes > MAX_SINGLE_BYTES) throw new S3Error('EntityTooLarge', undefined, { ProposedSize: text, MaxSizeAllowed: String(MAX_SINGLE_BYTES) });
  return sizeBytes;
}

/** @throws S3Error MissingContentLength, EntityTooLarge, InvalidDigest, InvalidRequest */
export function planBody(request: S3Request, payload: Payload): BodyPlan {
  const sizeBytes = contentLengthOf(request, payload);
  const contentMd5 = request.header('content-md5') ?? null;
  if (contentMd5 !== null && (Buffer.from(contentMd5, 'base64').length !== 16 || Buffer.from(contentMd5, 'base64').toString('base64') !== contentMd5)) throw new S3Error('InvalidDigest', undefined, { 'Content-MD5': contentMd5 });
  const inHeader = checksumOfHeaders(request);
  const trailer = request.header('x-amz-trailer')?.trim().toLowerCase();
  const inTrailer = trailer === undefined || trailer === '' ? null : CHECKSUM_ALGORITHMS.find((algorithm) => checksumHeader(algorithm) === trailer);
  if (inTrailer === undefined) throw new S3Error('InvalidRequest', 'The value specified in the x-amz-trailer header is not supported');
  if (inHeader !== null && inTrailer !== null) throw new S3Error('InvalidRequest', 'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.');
  if (inTrailer !== null && (payload.type === 'unsigned' || payload.type === 'hashed')) throw new S3Error('InvalidRequest', 'x-amz-trailer needs a body in chunks');
  const announced = algorithmNamed(request.header('x-amz-sdk-checksum-algorithm'), 'x-amz-sdk-checksum-algorithm');
  const algorithm = inHeader?.algorithm ?? inTrailer;
  if (announced !== null && algorithm === null) throw new S3Error('InvalidRequest', 'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.');
  if (announced !== null && announced !== algorithm) throw new S3Error('InvalidRequest', 'Value for x-amz-sdk-checksum-algorithm header is invalid.');
  return { payload, sizeBytes, contentMd5, algorithm, expected: inHeader?.value ?? null, isInTrailer: inTrailer !== null };
}

/** Feeds every piece of the incoming message to `sink`, in order, and waits where it says so. What is left after a failure is read and thrown away. */
function pump(request: S3Request, sink: (chunk: Buffer) => Promise<void> | undefined): Promise<void> {
  const { incoming } = request;
  request.askForBody();
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      incoming.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
    };
    const fail = (error: unknown): void => {
      stop();
      incoming.on('error', () => undefined);
      incoming.resume();
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    const onData = (chunk: Buffer): void => {
      try {
        const waits = sink(chunk);
        if (waits === undefined) return;
        incoming.pause();
        waits.then(() => incoming.resume(), fail);
      } catch (error) {
        fail(error);
      }
    };
    const onEnd = (): void => {
      stop();
      resolve();
    };
    const onClose = (): void => fail(new ClientGone());
    incoming.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
    if (incoming.readableEnded) onEnd();
    else if (incoming.destroyed) onClose();
  });
}

class Verifier {
  sizeBytes = 0;
  readonly #plan: BodyPlan;
  readonly #sink: Sink;
  readonly #hashes: BodyHashes;

  constructor(plan: BodyPlan, sink: Sink, hashes: BodyHashes) {
    this.#plan = plan;
    this.#sink = sink;
    this.#hashes = hashes;
  }

  take(chunk: Uint8Array): Promise<void> | undefined {
    this.sizeBytes += chunk.length;
    if (this.sizeBytes > this.#plan.sizeBytes) throw new S3Error('IncompleteBody');
    const hashed = this.#hashes.update(chunk);
    const taken = this.#sink(chunk);
    return hashed === undefined || taken === undefined ? (hashed ?? taken) : Promise.all([hashed, taken]).then(() => undefined);
  }

  /** @throws S3Error IncompleteBody, XAmzContentSHA256Mismatch, BadDigest, InvalidRequest */
  async finish(trailers: ReadonlyMap<string, string>, computed: ChecksumAlgorithm | null): Promise<Received> {
    if (this.sizeBytes !== this.#plan.sizeBytes) throw new S3Error('IncompleteBody');
    return this.#compare(await this.#hashes.finish(), trailers, computed);
  }

  #compare({ md5, sha256, checksum: value }: Hashes, trailers: ReadonlyMap<string, string>, computed: ChecksumAlgorithm | null): Received {
    const { payload, contentMd5, algorithm, isInTrailer } = this.#plan;
    if (payload.type === 'hashed' && sha256 !== payload.sha256) {
      throw new S3Error('XAmzContentSHA256Mismatch', undefined, { ClientComputedContentSHA256: payload.sha256, S3ComputedContentSHA256: sha256 ?? '' });
    }
    const md5Base64 = Buffer.from(md5 ?? '', 'hex').toString('base64');
    if (contentMd5 !== null && md5Base64 !== contentMd5) {
      throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.', { ExpectedDigest: contentMd5, CalculatedDigest: md5Base64 });
    }
    const received = { sizeBytes: this.sizeBytes, md5: md5 ?? '' };
    if (value === null) return { ...received, checksum: null };
    if (algorithm === null) return { ...received, checksum: computed === null ? null : { algorithm: computed, value } };
    const expected = isInTrailer ? trailers.get(checksumHeader(algorithm)) : this.#plan.expected;
    if (expected === undefined || expected === null) throw new S3Error('InvalidRequest', `The trailer ${checksumHeader(algorithm)} that was announced is missing.`);
    if (!isChecksumValue(algorithm, expected)) throw new S3Error('InvalidRequest', `Value for ${checksumHeader(algorithm)} header is invalid.`);
    if (expected !== value) throw new S3Error('BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`);
    return { ...received, checksum: { algorithm, value } };
  }
}

export type Receiving = {
  /** Where long bodies are hashed; none: here. */
  readonly createHashes?: CreateHashes;
  readonly wantsMd5?: boolean;
  /** Where the headers promise no checksum: one to compute and answer anyway. */
  readonly computes?: ChecksumAlgorithm | null;
};

/**
 * Streams the decoded body into `sink`; answers once all of it was there and is what the headers promised.
 *
 * @throws S3Error IncompleteBody, BadDigest, XAmzContentSHA256Mismatch, SignatureDoesNotMatch, InvalidRequest; ClientGone
 */
export async function receiveBody(request: S3Request, plan: BodyPlan, sink: Sink, { createHashes = hashHere, wantsMd5 = true, computes = null }: Receiving = {}): Promise<Received> {
  const hashes = createHashes({ md5: wantsMd5 || plan.contentMd5 !== null, sha256: plan.payload.type === 'hashed', checksum: plan.algorithm ?? computes }, plan.sizeBytes);
  try {
    const verifier = new Verifier(plan, sink, hashes);
    if (plan.payload.type !== 'unsigned-chunks' && plan.payload.type !== 'signed-chunks') {
      await pump(request, (chunk) => verifier.take(chunk));
      return await verifier.finish(new Map(), computes);
    }
    const decoder = new ChunkDecoder(plan.payload, (chunk) => verifier.take(chunk));
    await pump(request, (chunk) => decoder.push(chunk));
    return await verifier.finish(decoder.finish(), computes);
  } catch (error) {
    hashes.drop();
    throw error;
  }
}

/** A whole small body, such as XML. @throws as receiveBody; S3Error MalformedXML where it is longer than `limitBytes` */
export async function receiveAll(request: S3Request, payload: Payload, limitBytes: number): Promise<Buffer> {
  const hasBody = request.header('content-length') !== undefined || request.header('transfer-encoding') !== undefined;
  if (!hasBody) return Buffer.alloc(0);
  const plan = planBody(request, payload);
  if (plan.sizeBytes > limitBytes) throw new S3Error('MalformedXML');
  const pieces: Uint8Array[] = [];
  await receiveBody(request, plan, (chunk) => void pieces.push(chunk), { wantsMd5: false });
  return Buffer.concat(pieces);
}
