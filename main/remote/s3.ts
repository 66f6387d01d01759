/**
 * The object store on S3, by the lean path of `http.ts`: a sync needs no more than these dozen requests, and without the AWS SDK a worker
 * starts sooner and holds some 50 MiB less. The SDK is loaded where there is something to resolve: profiles, roles, AWS's own
 * endpoints, buckets (`endpoint.ts`, `connection.ts`).
 *
 * The same contract tests hold for this store and for one that uses the SDK alone.
 */
import { createHash } from 'node:crypto';
import type * as Sdk from '@aws-sdk/client-s3';
import { SyncError } from '../model/errors.ts';
import type { S3Access } from '../model/settings.ts';
import { encodePath } from '../sigv4/signature.ts';
import { createSdkClient, resolveEndpoint } from './endpoint.ts';
import { createHttpClient } from './http.ts';
import type { HttpClient } from './http.ts';
import { scanListPage, scanPartsPage, scanUploadsPage, scanVersionsPage, textIn } from './list-scanner.ts';
import { bareEtag } from './object-store.ts';
import type { Condition, ListedPart, ObjectHead, ObjectStore, ServerEncryption, UnfinishedUpload, Written } from './object-store.ts';
import { errorOfAnswer, headerOf, providerCodeOf } from './s3-errors.ts';
import type { Answer } from './s3-errors.ts';
import { withRetries } from './retry.ts';
import { createThrottle } from './throttle.ts';
import type { Meter } from './throttle.ts';

export type S3StoreOptions = { readonly connections?: number; /** Bandwidth limits for bodies. */ readonly meters?: readonly Meter[] | undefined };

const META = 'x-amz-meta-';

const BINARY = 'application/octet-stream';

export function conditionHeaders(condition: Condition): Record<string, string> {
  if (condition === null) return {};
  if (condition.type === 'absent') return { 'if-none-match': '*' };
  return { 'if-match': condition.isBare === true ? condition.etag : `"${condition.etag}"` };
}
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
    isBucketKey: headerOf(answer, 'x-amz-server-side-encryption-bucket-key-enabled') === 'true',
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

/** Headers that a request may give as an answer told them. */
const KEPT = ['cache-control', 'content-disposition', 'content-encoding', 'content-language', 'expires', 'x-amz-storage-class', 'x-amz-website-redirect-location'] as const;

function keptOf(answer: Answer): Record<string, string> {
  return Object.fromEntries(KEPT.flatMap((name) => {
    const value = headerOf(answer, name);
    return value === undefined ? [] : [[name, value]];
  }));
}

/** Of an object that was stored in parts S3 keeps a checksum of their checksums, which has their number behind it. */
function checksumOf(answer: Answer): string | undefined {
  const sha256 = Buffer.from(headerOf(answer, 'x-amz-checksum-sha256') ?? '', 'base64');
  const isWhole = headerOf(answer, 'x-amz-checksum-type') !== 'COMPOSITE' && !(headerOf(answer, 'x-amz-checksum-sha256') ?? '').includes('-');
  return isWhole && sha256.length === 32 ? sha256.toString('hex') : undefined;
}

function headOf(answer: Answer, objectBytes: number): ObjectHead {
  const etag = bareEtag(headerOf(answer, 'etag'));
  const lastModifiedMs = Date.parse(headerOf(answer, 'last-modified') ?? '');
  if (etag === '' || Number.isNaN(lastModifiedMs) || !Number.isSafeInteger(objectBytes)) throw new SyncError('not-s3', { detail: 'The answer does not describe an object.' });
  return { etag, versionId: versionIdOf(answer), objectBytes, lastModifiedMs, metadata: metadataOf(answer), encryption: encryptionOf(answer), contentType: headerOf(answer, 'content-type'), kept: keptOf(answer), sha256: checksumOf(answer) };
}

function queryOf(versionId: string | undefined): { readonly query?: readonly [string, string][] } {
  return versionId === undefined ? {} : { query: [['versionId', versionId]] };
}

function metadataHeaders(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name in metadata) headers[META + name] = metadata[name] ?? '';
  return headers;
}

/**
 * The XML of an answer. Copies and completions answer 200 before they are done, and say in the body what became of it.
 *
 * @throws SyncError what an error in the body says; not-s3 where it is something else
 */
function resultIn(answer: Answer, root: string, objectKey: string): string {
  const xml = answer.body.toString('utf8');
  if (xml.includes(`<${root}`)) return xml;
  if (providerCodeOf(answer.body) !== null) throw errorOfAnswer({ ...answer, status: 500 }, { objectKey });
  throw new SyncError('not-s3', { objectKey });
}

/**
 * A store for one bucket. Nothing is connected or loaded before the first request.
 */
export function createS3Store(access: S3Access, bucket: string, options: S3StoreOptions = {}): ObjectStore {
  let sdkClient: Promise<Sdk.S3Client> | null = null;
  const sdk = (): Promise<Sdk.S3Client> => (sdkClient ??= createSdkClient(access));
  let httpClient: Promise<HttpClient> | null = null;
  const http = (): Promise<HttpClient> => {
    if (httpClient === null) {
      const opening = resolveEndpoint(access, bucket, sdk).then((endpoint) => createHttpClient(endpoint, options.connections ?? 32, options.meters === undefined ? null : createThrottle(options.meters)));
      httpClient = opening;
      // Signing in again later must be able to help.
      opening.catch(() => {
        if (httpClient === opening) httpClient = null;
      });
    }
    return httpClient;
  };

  async function expect(status: number, answer: Answer, objectKey: string): Promise<Answer> {
    if (answer.status === status) return answer;
    const error = errorOfAnswer(answer, objectKey === '' ? { isBucketRequest: true } : { objectKey });
    // S3 says no more than that.
    const mayBeOthers = error.code === 'access-denied' && access.bucketOwner !== undefined && access.bucketOwner !== null;
    throw mayBeOthers ? new SyncError('access-denied', { ...error.about, detail: `or the bucket does not belong to account ${access.bucketOwner ?? ''}, as this connection expects` }, { cause: error }) : error;
  }

  function writtenOf(answer: Answer, etag: string | undefined): Written {
    return { etag: bareEtag(etag ?? headerOf(answer, 'etag')), versionId: versionIdOf(answer), encryption: encryptionOf(answer), atMs: dateOf(answer) };
  }

  return {
    async put(objectKey, body, { metadata, modeHeaders, condition, contentType, kept, bodySha256, keepsChecksum, onMoved }, signal) {
      const checksum: Record<string, string> = keepsChecksum === true && bodySha256 !== undefined ? { 'x-amz-checksum-sha256': Buffer.from(bodySha256, 'hex').toString('base64') } : {};
      const headers = { ...kept, ...checksum, ...metadataHeaders(metadata), ...modeHeaders, ...conditionHeaders(condition), 'content-type': contentType ?? BINARY };
      const answer = await expect(200, await (await http()).send({ method: 'PUT', objectKey, headers, body, bodySha256, onMoved }, signal), objectKey);
      const written = writtenOf(answer, undefined);
      if (written.etag === '') throw new SyncError('not-s3', { objectKey, detail: 'The answer to the upload names no version.' });
      return written;
    },

    async head(objectKey, { ifMatch, modeHeaders, versionId, asksChecksum }, signal) {
      const headers = { ...modeHeaders, ...(asksChecksum === true ? { 'x-amz-checksum-mode': 'ENABLED' } : {}), ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }) };
      const answer = await (await http()).send({ method: 'HEAD', objectKey, headers, ...queryOf(versionId) }, signal);
      if (answer.status === 404) return null;
      await expect(200, answer, objectKey);
      return headOf(answer, Number(headerOf(answer, 'content-length')));
    },

    async get(objectKey, { ifMatch, modeHeaders, range, into, versionId, onMoved }, signal) {
      const headers: Record<string, string> = { ...modeHeaders };
      if (ifMatch !== undefined) headers['if-match'] = `"${ifMatch}"`;
      if (range !== undefined) headers['range'] = `bytes=${range.start}-${range.end - 1}`;
      const answer = await expect(range === undefined ? 200 : 206, await (await http()).send({ method: 'GET', objectKey, headers, into, onMoved, ...queryOf(versionId) }, signal), objectKey);
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

    async copy(from, to, { metadata, modeHeaders, condition, contentType, kept, sourceModeHeaders, keepsMetadata = false }, signal) {
      const headers: Record<string, string> = {
        ...kept, ...modeHeaders, ...sourceModeHeaders, ...conditionHeaders(condition), 'x-amz-copy-source': encodePath(`/${bucket}/${from.objectKey}`),
        ...(keepsMetadata ? { 'x-amz-metadata-directive': 'COPY' } : { ...metadataHeaders(metadata), 'content-type': contentType ?? BINARY, 'x-amz-metadata-directive': 'REPLACE' }),
      };
      if (from.etag !== null) headers['x-amz-copy-source-if-match'] = from.etag;
      const answer = await expect(200, await (await http()).send({ method: 'PUT', objectKey: to, headers }, signal), to);
      return writtenOf(answer, textIn(resultIn(answer, 'CopyObjectResult', to), 'ETag') ?? '');
    },

    async tags(objectKey, signal) {
      const answer = await (await http()).send({ method: 'GET', objectKey, query: [['tagging', '']] }, signal);
      if (answer.status === 404 || answer.status === 501) return '';
      const xml = resultIn(await expect(200, answer, objectKey), 'Tagging', objectKey);
      return [...xml.matchAll(/<Tag>([\s\S]*?)<\/Tag>/g)].map(([, tag = '']) => `${encodeURIComponent(textIn(tag, 'Key') ?? '')}=${encodeURIComponent(textIn(tag, 'Value') ?? '')}`).join('&');
    },

    async startMultipart(objectKey, { metadata, modeHeaders, contentType, kept }, signal) {
      const headers = { ...kept, ...metadataHeaders(metadata), ...modeHeaders, 'content-type': contentType ?? BINARY };
      const answer = await expect(200, await (await http()).send({ method: 'POST', objectKey, query: [['uploads', '']], headers }, signal), objectKey);
      const uploadId = textIn(resultIn(answer, 'InitiateMultipartUploadResult', objectKey), 'UploadId');
      if (uploadId === null || uploadId === '') throw new SyncError('not-s3', { objectKey, detail: 'The answer names no upload.' });
      return { uploadId, encryption: encryptionOf(answer) };
    },

    async putPart(objectKey, uploadId, partNumber, body, { modeHeaders, bodySha256, onMoved }, signal) {
      const query: [string, string][] = [['partNumber', String(partNumber)], ['uploadId', uploadId]];
      const answer = await expect(200, await (await http()).send({ method: 'PUT', objectKey, query, headers: modeHeaders, body, bodySha256, onMoved }, signal), objectKey);
      const etag = bareEtag(headerOf(answer, 'etag'));
      if (etag === '') throw new SyncError('not-s3', { objectKey, detail: 'The answer to a part names no version.' });
      return { partNumber, etag };
    },

    async copyPart(from, to, uploadId, partNumber, { start, end }, { modeHeaders, sourceModeHeaders }, signal) {
      const query: [string, string][] = [['partNumber', String(partNumber)], ['uploadId', uploadId]];
      const headers = {
        ...modeHeaders, ...sourceModeHeaders, 'x-amz-copy-source': encodePath(`/${bucket}/${from.objectKey}`), 'x-amz-copy-source-if-match': from.etag, 'x-amz-copy-source-range': `bytes=${start}-${end - 1}`,
      };
      const answer = await expect(200, await (await http()).send({ method: 'PUT', objectKey: to, query, headers }, signal), to);
      const etag = bareEtag(textIn(resultIn(answer, 'CopyPartResult', to), 'ETag'));
      if (etag === '') throw new SyncError('not-s3', { objectKey: to, detail: 'The answer to a part names no version.' });
      return { partNumber, etag };
    },

    async updateEncryption(objectKey, { kmsKeyArn, bucketKey }, signal) {
      if (!/^arn:[\w:/-]+$/.test(kmsKeyArn)) throw new SyncError('invariant', { detail: 'An encryption is updated to a KMS key by its ARN.' });
      const xml = `<ObjectEncryption xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><SSE-KMS><KMSKeyArn>${kmsKeyArn}</KMSKeyArn><BucketKeyEnabled>${bucketKey}</BucketKeyEnabled></SSE-KMS></ObjectEncryption>`;
      const headers = { 'content-type': 'application/xml', 'content-md5': createHash('md5').update(xml).digest('base64') };
      await expect(200, await (await http()).send({ method: 'PUT', objectKey, query: [['encryption', '']], headers, body: Buffer.from(xml) }, signal), objectKey);
    },

    async *listVersions(prefix, signal) {
      let marker: readonly [string, string][] = [];
      for (;;) {
        const query: readonly [string, string][] = [['versions', ''], ['encoding-type', 'url'], ['prefix', prefix], ...marker];
        const answer = await withRetries(async () => expect(200, await (await http()).send({ method: 'GET', objectKey: '', query }, signal), ''), signal);
        const page = scanVersionsPage(resultIn(answer, 'ListVersionsResult', ''));
        yield page.versions;
        if (page.next === null) return;
        const next: readonly [string, string][] = [['key-marker', page.next.key], ['version-id-marker', page.next.versionId]];
        if (JSON.stringify(next) === JSON.stringify(marker)) throw new SyncError('answer-invalid', { detail: 'The list of versions goes in circles.' });
        marker = next;
      }
    },

    async deleteVersion(objectKey, versionId, signal) {
      const answer = await (await http()).send({ method: 'DELETE', objectKey, query: [['versionId', versionId]] }, signal);
      if (answer.status !== 200 && answer.status !== 404) await expect(204, answer, objectKey);
    },

    async completeMultipart(objectKey, uploadId, parts, { modeHeaders, condition }, signal) {
      const list = parts.map(({ partNumber, etag }) => `<Part><PartNumber>${partNumber}</PartNumber><ETag>&quot;${etag}&quot;</ETag></Part>`).join('');
      const body = Buffer.from(`<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${list}</CompleteMultipartUpload>`);
      const headers = { ...modeHeaders, ...conditionHeaders(condition), 'content-type': 'application/xml' };
      const answer = await expect(200, await (await http()).send({ method: 'POST', objectKey, query: [['uploadId', uploadId]], headers, body }, signal), objectKey);
      return writtenOf(answer, textIn(resultIn(answer, 'CompleteMultipartUploadResult', objectKey), 'ETag') ?? '');
    },

    async listParts(objectKey, uploadId, signal) {
      const parts: ListedPart[] = [];
      for (let marker = ''; ;) {
        const query: [string, string][] = [['uploadId', uploadId]];
        if (marker !== '') query.push(['part-number-marker', marker]);
        const answer = await expect(200, await (await http()).send({ method: 'GET', objectKey, query }, signal), objectKey);
        const page = scanPartsPage(resultIn(answer, 'ListPartsResult', objectKey));
        parts.push(...page.parts);
        if (page.next === null) return parts;
        if (page.next === marker) throw new SyncError('answer-invalid', { detail: 'The list of parts goes in circles.' });
        marker = page.next;
      }
    },

    async abortMultipart(objectKey, uploadId, signal) {
      const answer = await (await http()).send({ method: 'DELETE', objectKey, query: [['uploadId', uploadId]] }, signal);
      if (answer.status === 404 && providerCodeOf(answer.body) !== 'NoSuchBucket') return;
      if (answer.status !== 200) await expect(204, answer, objectKey);
    },

    async listMultipart(prefix, signal) {
      const uploads: UnfinishedUpload[] = [];
      let marker: readonly [string, string][] = [];
      for (;;) {
        const query: readonly [string, string][] = [['uploads', ''], ['encoding-type', 'url'], ['prefix', prefix], ...marker];
        const answer = await expect(200, await (await http()).send({ method: 'GET', objectKey: '', query }, signal), '');
        const page = scanUploadsPage(resultIn(answer, 'ListMultipartUploadsResult', ''));
        uploads.push(...page.uploads);
        if (page.next === null) return uploads;
        const next: readonly [string, string][] = [['key-marker', page.next.key], ['upload-id-marker', page.next.uploadId]];
        if (JSON.stringify(next) === JSON.stringify(marker)) throw new SyncError('answer-invalid', { detail: 'The list of uploads goes in circles.' });
        marker = next;
      }
    },

    async isVersioned(signal) {
      const answer = await expect(200, await (await http()).send({ method: 'GET', objectKey: '', query: [['versioning', '']] }, signal), '');
      return textIn(resultIn(answer, 'VersioningConfiguration', ''), 'Status') === 'Enabled';
    },

    async close() {
      const [client, lean] = await Promise.all([sdkClient?.catch(() => null), httpClient?.catch(() => null)]);
      client?.destroy();
      await lean?.close();
    },
  };
}
