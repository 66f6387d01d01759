/** The store with every request made by the AWS SDK itself: the reference that the lean path is held to. */
import {
  AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CopyObjectCommand, CreateMultipartUploadCommand, DeleteObjectCommand, GetBucketVersioningCommand, GetObjectCommand,
  HeadObjectCommand, ListMultipartUploadsCommand, ListPartsCommand, ListObjectsV2Command, NoSuchUpload, PutObjectCommand, UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { ObjectKey } from '../../main/model/path.ts';
import type { S3Access } from '../../main/model/settings.ts';
import { createSdkClient } from '../../main/remote/endpoint.ts';
import { bareEtag } from '../../main/remote/object-store.ts';
import type { Condition, ObjectHead, ObjectStore } from '../../main/remote/object-store.ts';
import { errorOfSdk } from '../../main/remote/s3-errors.ts';

type Described = {
  readonly ETag?: string; readonly VersionId?: string; readonly LastModified?: Date; readonly Metadata?: Record<string, string>;
  readonly ServerSideEncryption?: string; readonly SSEKMSKeyId?: string; readonly SSECustomerKeyMD5?: string;
};

const conditionOf = (condition: Condition): { IfMatch?: string; IfNoneMatch?: string } =>
  condition === null ? {} : condition.type === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: condition.isBare === true ? condition.etag : `"${condition.etag}"` };

const encryptionOf = ({ ServerSideEncryption, SSEKMSKeyId, SSECustomerKeyMD5 }: Described) => ({ algorithm: ServerSideEncryption ?? null, kmsKeyId: SSEKMSKeyId ?? null, customerKeyMd5: SSECustomerKeyMD5 ?? null });

const headOf = (answer: Described, objectBytes: number): ObjectHead => ({
  etag: bareEtag(answer.ETag), versionId: answer.VersionId ?? null, objectBytes, lastModifiedMs: answer.LastModified?.getTime() ?? 0, metadata: answer.Metadata ?? {}, encryption: encryptionOf(answer),
});

export async function createReferenceStore(access: S3Access, bucket: string): Promise<ObjectStore> {
  const client = await createSdkClient(access);
  const run = async <T>(send: () => Promise<T>, signal: AbortSignal, objectKey?: ObjectKey): Promise<T> => {
    try {
      return await send();
    } catch (error) {
      throw errorOfSdk(error, signal, objectKey === undefined ? { isBucketRequest: true } : { objectKey });
    }
  };
  return {
    put: async (objectKey, body, { metadata, condition, contentType }, signal) => run(async () => {
      const answer = await client.send(new PutObjectCommand({ Bucket: bucket, Key: objectKey, Body: body, Metadata: { ...metadata }, ContentType: contentType ?? 'application/octet-stream', ...conditionOf(condition) }), { abortSignal: signal });
      return { etag: bareEtag(answer.ETag), versionId: answer.VersionId ?? null, encryption: encryptionOf(answer), atMs: Date.now() };
    }, signal, objectKey),
    head: async (objectKey, { ifMatch }, signal) => run(async () => {
      try {
        const answer = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: objectKey, IfMatch: ifMatch }), { abortSignal: signal });
        return headOf(answer, answer.ContentLength ?? Number.NaN);
      } catch (error) {
        if (error instanceof Error && error.name === 'NotFound') return null;
        throw error;
      }
    }, signal, objectKey),
    get: async (objectKey, { ifMatch, range }, signal) => run(async () => {
      const answer = await client.send(
        new GetObjectCommand({ Bucket: bucket, Key: objectKey, IfMatch: ifMatch, Range: range === undefined ? undefined : `bytes=${range.start}-${range.end - 1}` }), { abortSignal: signal },
      );
      const body = Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
      return { head: headOf(answer, Number(answer.ContentRange?.split('/')[1] ?? body.length)), body };
    }, signal, objectKey),
    listPage: async ({ prefix, delimiter, startAfter, continuation, maxKeys }, signal) => run(async () => {
      const answer = await client.send(
        new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, Delimiter: delimiter, StartAfter: startAfter, ContinuationToken: continuation, MaxKeys: maxKeys, EncodingType: 'url' }), { abortSignal: signal },
      );
      const decode = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));
      return {
        objects: (answer.Contents ?? []).map(({ Key, ETag, Size, LastModified }) => ({ objectKey: decode(Key ?? '') as ObjectKey, etag: bareEtag(ETag), objectBytes: Size ?? 0, lastModifiedMs: LastModified?.getTime() ?? 0 })),
        prefixes: (answer.CommonPrefixes ?? []).map(({ Prefix }) => decode(Prefix ?? '')),
        next: answer.NextContinuationToken ?? null,
      };
    }, signal),
    delete: async (objectKey, condition, signal) => run(async () => {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: objectKey, ...conditionOf(condition) }), { abortSignal: signal });
    }, signal, objectKey),
    putPart: async (objectKey, uploadId, partNumber, body, _options, signal) => run(async () => {
      const answer = await client.send(new UploadPartCommand({ Bucket: bucket, Key: objectKey, UploadId: uploadId, PartNumber: partNumber, Body: body }), { abortSignal: signal });
      return { partNumber, etag: bareEtag(answer.ETag) };
    }, signal, objectKey),
    copy: async (from, to, { metadata, condition }, signal) => run(async () => {
      const answer = await client.send(new CopyObjectCommand({
        Bucket: bucket, Key: to, CopySource: `${bucket}/${encodeURIComponent(from.objectKey)}`, CopySourceIfMatch: from.etag ?? undefined, MetadataDirective: 'REPLACE', Metadata: { ...metadata }, ...conditionOf(condition),
      }), { abortSignal: signal });
      return { etag: bareEtag(answer.CopyObjectResult?.ETag), versionId: answer.VersionId ?? null, encryption: encryptionOf(answer), atMs: Date.now() };
    }, signal, to),
    startMultipart: async (objectKey, { metadata }, signal) => run(async () => {
      const answer = await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: objectKey, Metadata: { ...metadata } }), { abortSignal: signal });
      return { uploadId: answer.UploadId ?? '', encryption: encryptionOf(answer) };
    }, signal, objectKey),
    completeMultipart: async (objectKey, uploadId, parts, { condition }, signal) => run(async () => {
      const answer = await client.send(new CompleteMultipartUploadCommand({
        Bucket: bucket, Key: objectKey, UploadId: uploadId, MultipartUpload: { Parts: parts.map(({ partNumber, etag }) => ({ PartNumber: partNumber, ETag: `"${etag}"` })) }, ...conditionOf(condition),
      }), { abortSignal: signal });
      return { etag: bareEtag(answer.ETag), versionId: answer.VersionId ?? null, encryption: encryptionOf(answer), atMs: Date.now() };
    }, signal, objectKey),
    abortMultipart: async (objectKey, uploadId, signal) => run(async () => {
      try {
        await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: objectKey, UploadId: uploadId }), { abortSignal: signal });
      } catch (error) {
        if (!(error instanceof NoSuchUpload)) throw error;
      }
    }, signal, objectKey),
    listParts: async (objectKey, uploadId, signal) => run(async () => {
      const answer = await client.send(new ListPartsCommand({ Bucket: bucket, Key: objectKey, UploadId: uploadId }), { abortSignal: signal });
      return (answer.Parts ?? []).map(({ PartNumber, ETag, Size }) => ({ partNumber: PartNumber ?? 0, etag: bareEtag(ETag), sizeBytes: Size ?? 0 }));
    }, signal),
    listMultipart: async (prefix, signal) => run(async () => {
      const answer = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }), { abortSignal: signal });
      return (answer.Uploads ?? []).map(({ Key, UploadId, Initiated }) => ({ objectKey: (Key ?? '') as ObjectKey, uploadId: UploadId ?? '', initiatedMs: Initiated?.getTime() ?? 0 }));
    }, signal),
    isVersioned: async (signal) => run(async () => (await client.send(new GetBucketVersioningCommand({ Bucket: bucket }), { abortSignal: signal })).Status === 'Enabled', signal),
    close: async () => client.destroy(),
  };
}
