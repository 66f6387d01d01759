/**
 * The object store on S3. Requests that come by the thousand (bodies, heads, list pages, deletes) take the lean path of `http.ts`;
 * everything else goes through the AWS SDK, which is loaded when it is first needed.
 *
 * The same contract tests hold for this store and for one that uses the SDK alone.
 */
import type * as Sdk from '@aws-sdk/client-s3';
import { SyncError } from '../model/errors.ts';
import type { ObjectKey } from '../model/path.ts';
import type { S3Access } from '../model/settings.ts';
import { createSdkClient, resolveEndpoint } from './endpoint.ts';
import { createHttpClient } from './http.ts';
import type { HttpClient } from './http.ts';
import { scanListPage } from './list-scanner.ts';
import { bareEtag } from './object-store.ts';
import type { Condition, ObjectHead, ObjectStore, ServerEncryption, UnfinishedUpload, Written } from './object-store.ts';
import { errorOfAnswer, errorOfSdk, headerOf } from './s3-errors.ts';
import type { Answer } from './s3-errors.ts';

export type S3StoreOptions = { readonly connections?: number };

const META = 'x-amz-meta-';

type Step = (next: (args: { request: unknown }) => Promise<{ response: unknown }>) => (args: { request: unknown }) => Promise<{ response: unknown }>;
/** Any command of the SDK, as far as it is touched here: each of its own types fits no common one. */
type SdkCommand = { readonly middlewareStack: { add(step: Step, options: { step: 'build'; name: string }): void } };

export function conditionHeaders(condition: Condition): Record<string, string> {
  if (condition === null) return {};
  if (condition.type === 'absent') return { 'if-none-match': '*' };
  return { 'if-match': condition.isBare === true ? condition.etag : `"${condition.etag}"` };
}
/** What is read of any command's output. */
type SdkOutput = {
  readonly ETag?: string;
  readonly CopyObjectResult?: { readonly ETag?: string };
  readonly UploadId?: string;
  readonly Uploads?: readonly { readonly Key?: string; readonly UploadId?: string; readonly Initiated?: Date }[];
  readonly IsTruncated?: boolean;
  readonly NextKeyMarker?: string;
  readonly NextUploadIdMarker?: string;
  readonly Status?: string;
};

/** @throws SyncError answer-invalid where a value was given twice: which one was meant is anybody's guess */
function metadataOf(answer: Answer): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const name in answer.headers) {
    if (!name.startsWith(META)) continue;
    const value = answer.headers[name];
    if (typeof value !== 'string') throw new SyncError('answer-invalid', { detail: 'The object has metadata of the same name twice.' });
    metadata[name.slice(META.length)] = value;
  }
  return metadata;
}

function encryptionOf(answer: Answer): ServerEncryption {
  return {
    algorithm: headerOf(answer, 'x-amz-server-side-encryption') ?? headerOf(answer, 'x-amz-server-side-encryption-customer-algorithm') ?? null,
    kmsKeyId: headerOf(answer, 'x-amz-server-side-encryption-aws-kms-key-id') ?? null,
    customerKeyMd5: headerOf(answer, 'x-amz-server-side-encryption-customer-key-md5') ?? null,
  };
}

function versionIdOf(answer: Answer): string | null {
  const versionId = headerOf(answer, 'x-amz-version-id');
  return versionId === undefined || versionId === 'null' ? null : versionId;
}

function dateOf(answer: Answer): number {
  const date = Date.parse(headerOf(answer, 'date') ?? '');
  return Number.isNaN(date) ? Date.now() : date;
}

function headOf(answer: Answer, objectBytes: number): ObjectHead {
  const etag = bareEtag(headerOf(answer, 'etag'));
  const lastModifiedMs = Date.parse(headerOf(answer, 'last-modified') ?? '');
  if (etag === '' || Number.isNaN(lastModifiedMs) || !Number.isSafeInteger(objectBytes)) throw new SyncError('not-s3', { detail: 'The answer does not describe an object.' });
  return { etag, versionId: versionIdOf(answer), objectBytes, lastModifiedMs, metadata: metadataOf(answer), encryption: encryptionOf(answer) };
}

function metadataHeaders(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name in metadata) headers[META + name] = metadata[name] ?? '';
  return headers;
}

/**
 * A store for one bucket. Nothing is connected or loaded before the first request.
 */
export function createS3Store(access: S3Access, bucket: string, options: S3StoreOptions = {}): ObjectStore {
  let sdkClient: Promise<Sdk.S3Client> | null = null;
  const sdk = (): Promise<Sdk.S3Client> => (sdkClient ??= createSdkClient(access));
  let httpClient: Promise<HttpClient> | null = null;
  const http = (): Promise<HttpClient> => (httpClient ??= resolveEndpoint(access, bucket, sdk).then((endpoint) => createHttpClient(endpoint, options.connections ?? 32)));

  async function expect(status: number, answer: Answer, objectKey: string): Promise<Answer> {
    if (answer.status !== status) throw errorOfAnswer(answer, objectKey === '' ? { isBucketRequest: true } : { objectKey });
    return answer;
  }

  /** Runs one SDK command with extra headers, and hands out the raw answer's headers beside its output. */
  async function run(
    make: (sdkModule: typeof Sdk) => object,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
    objectKey?: ObjectKey,
  ): Promise<{ output: SdkOutput; answer: Answer }> {
    try {
      const client = await sdk();
      const command = make(await import('@aws-sdk/client-s3')) as SdkCommand;
      let answer: Answer = { status: 200, headers: {}, body: Buffer.alloc(0) };
      command.middlewareStack.add(
        (next) => async (args) => {
          Object.assign((args.request as { headers: Record<string, string> }).headers, headers);
          const result = await next(args);
          const response = result.response as { statusCode?: number; headers?: Record<string, string> };
          answer = { status: response.statusCode ?? 0, headers: response.headers ?? {}, body: answer.body };
          return result;
        },
        { step: 'build', name: 'enfoldHeaders' },
      );
      const output = (await client.send(command as unknown as Parameters<Sdk.S3Client['send']>[0], { abortSignal: signal })) as SdkOutput;
      return { output, answer };
    } catch (error) {
      throw errorOfSdk(error, signal, objectKey === undefined ? { isBucketRequest: true } : { objectKey });
    }
  }

  function writtenOf(answer: Answer, etag: string | undefined): Written {
    return { etag: bareEtag(etag ?? headerOf(answer, 'etag')), versionId: versionIdOf(answer), encryption: encryptionOf(answer), atMs: dateOf(answer) };
  }

  return {
    async put(objectKey, body, { metadata, modeHeaders, condition, contentType, bodySha256 }, signal) {
      const headers = { ...metadataHeaders(metadata), ...modeHeaders, ...conditionHeaders(condition), 'content-type': contentType ?? 'application/octet-stream' };
      const answer = await expect(200, await (await http()).send({ method: 'PUT', objectKey, headers, body, bodySha256 }, signal), objectKey);
      const written = writtenOf(answer, undefined);
      if (written.etag === '') throw new SyncError('not-s3', { objectKey, detail: 'The answer to the upload names no version.' });
      return written;
    },

    async head(objectKey, { ifMatch, modeHeaders }, signal) {
      const headers = { ...modeHeaders, ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }) };
      const answer = await (await http()).send({ method: 'HEAD', objectKey, headers }, signal);
      if (answer.status === 404) return null;
      await expect(200, answer, objectKey);
      return headOf(answer, Number(headerOf(answer, 'content-length')));
    },

    async get(objectKey, { ifMatch, modeHeaders, range }, signal) {
      const headers: Record<string, string> = { ...modeHeaders };
      if (ifMatch !== undefined) headers['if-match'] = `"${ifMatch}"`;
      if (range !== undefined) headers['range'] = `bytes=${range.start}-${range.end - 1}`;
      const answer = await expect(range === undefined ? 200 : 206, await (await http()).send({ method: 'GET', objectKey, headers }, signal), objectKey);
      if (range === undefined) {
        if (headerOf(answer, 'content-range') !== undefined) throw new SyncError('answer-invalid', { objectKey, detail: 'A part came where the whole was asked for.' });
        return { head: headOf(answer, answer.body.length), body: answer.body };
      }
      const [, start, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headerOf(answer, 'content-range') ?? '') ?? [];
      if (Number(start) !== range.start || Number(last) !== Math.min(range.end, Number(total)) - 1 || answer.body.length !== Number(last) - range.start + 1) {
        throw new SyncError('answer-invalid', { objectKey, detail: 'Another part came than was asked for.' });
      }
      return { head: headOf(answer, Number(total)), body: answer.body };
    },

    async listPage({ prefix, delimiter, startAfter, continuation, maxKeys }, signal) {
      const query: [string, string][] = [['list-type', '2'], ['encoding-type', 'url']];
      if (prefix !== '') query.push(['prefix', prefix]);
      if (delimiter !== undefined) query.push(['delimiter', delimiter]);
      if (startAfter !== undefined) query.push(['start-after', startAfter]);
      if (continuation !== undefined) query.push(['continuation-token', continuation]);
      if (maxKeys !== undefined) query.push(['max-keys', String(maxKeys)]);
      const answer = await expect(200, await (await http()).send({ method: 'GET', objectKey: '', query }, signal), '');
      return scanListPage(answer.body);
    },

    async delete(objectKey, condition, signal) {
      const answer = await (await http()).send({ method: 'DELETE', objectKey, headers: conditionHeaders(condition) }, signal);
      if (answer.status === 404 && condition === null && errorOfAnswer(answer, { objectKey }).code === 'object-not-found') return;
      if (answer.status !== 200) await expect(204, answer, objectKey);
    },

    async copy(from, to, { metadata, modeHeaders, condition, contentType, sourceModeHeaders }, signal) {
      const headers: Record<string, string> = { ...modeHeaders, ...sourceModeHeaders, ...conditionHeaders(condition) };
      if (from.etag !== null) headers['x-amz-copy-source-if-match'] = from.etag;
      const { output, answer } = await run(
        ({ CopyObjectCommand }) => new CopyObjectCommand({
          Bucket: bucket, Key: to, CopySource: `${bucket}/${encodeURIComponent(from.objectKey)}`, MetadataDirective: 'REPLACE', Metadata: { ...metadata },
          ContentType: contentType ?? 'application/octet-stream',
        }),
        headers, signal, to,
      );
      return writtenOf(answer, output.CopyObjectResult?.ETag);
    },

    async startMultipart(objectKey, { metadata, modeHeaders, contentType }, signal) {
      const { output, answer } = await run(
        ({ CreateMultipartUploadCommand }) => new CreateMultipartUploadCommand({ Bucket: bucket, Key: objectKey, Metadata: { ...metadata }, ContentType: contentType ?? 'application/octet-stream' }),
        modeHeaders, signal, objectKey,
      );
      if (output.UploadId === undefined || output.UploadId === '') throw new SyncError('not-s3', { objectKey, detail: 'The answer names no upload.' });
      return { uploadId: output.UploadId, encryption: encryptionOf(answer) };
    },

    async putPart(objectKey, uploadId, partNumber, body, { modeHeaders, bodySha256 }, signal) {
      const query: [string, string][] = [['partNumber', String(partNumber)], ['uploadId', uploadId]];
      const answer = await expect(200, await (await http()).send({ method: 'PUT', objectKey, query, headers: modeHeaders, body, bodySha256 }, signal), objectKey);
      const etag = bareEtag(headerOf(answer, 'etag'));
      if (etag === '') throw new SyncError('not-s3', { objectKey, detail: 'The answer to a part names no version.' });
      return { partNumber, etag };
    },

    async completeMultipart(objectKey, uploadId, parts, { modeHeaders, condition }, signal) {
      const { output, answer } = await run(
        ({ CompleteMultipartUploadCommand }) => new CompleteMultipartUploadCommand({
          Bucket: bucket, Key: objectKey, UploadId: uploadId,
          MultipartUpload: { Parts: parts.map(({ partNumber, etag }) => ({ PartNumber: partNumber, ETag: `"${etag}"` })) },
        }),
        { ...modeHeaders, ...conditionHeaders(condition) }, signal, objectKey,
      );
      return writtenOf(answer, output.ETag ?? '');
    },

    async abortMultipart(objectKey, uploadId, signal) {
      try {
        await run(({ AbortMultipartUploadCommand }) => new AbortMultipartUploadCommand({ Bucket: bucket, Key: objectKey, UploadId: uploadId }), {}, signal, objectKey);
      } catch (error) {
        if (!(error instanceof SyncError && error.code === 'object-not-found')) throw error;
      }
    },

    async listMultipart(prefix, signal) {
      const uploads: UnfinishedUpload[] = [];
      let keyMarker: string | undefined;
      let idMarker: string | undefined;
      for (;;) {
        const { output } = await run(
          ({ ListMultipartUploadsCommand }) => new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, KeyMarker: keyMarker, UploadIdMarker: idMarker }), {}, signal,
        );
        for (const { Key, UploadId, Initiated } of output.Uploads ?? []) {
          if (Key !== undefined && UploadId !== undefined) uploads.push({ objectKey: Key as ObjectKey, uploadId: UploadId, initiatedMs: Initiated?.getTime() ?? 0 });
        }
        if (output.IsTruncated !== true || output.NextKeyMarker === undefined || (output.NextKeyMarker === keyMarker && output.NextUploadIdMarker === idMarker)) return uploads;
        keyMarker = output.NextKeyMarker;
        idMarker = output.NextUploadIdMarker;
      }
    },

    async isVersioned(signal) {
      const { output } = await run(({ GetBucketVersioningCommand }) => new GetBucketVersioningCommand({ Bucket: bucket }), {}, signal);
      return output.Status === 'Enabled';
    },

    async close() {
      const [client, lean] = await Promise.all([sdkClient?.catch(() => null), httpClient?.catch(() => null)]);
      client?.destroy();
      await lean?.close();
    },
  };
}
