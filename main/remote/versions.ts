/** Older versions of one object, where the bucket keeps them: listed, and read by their id. */
import type { ObjectKey } from '../model/path.ts';
import { SyncError } from '../model/errors.ts';
import type { S3Access } from '../model/settings.ts';
import { createSdkClient } from './endpoint.ts';
import { bareEtag, type ModeHeaders, type ObjectHead } from './object-store.ts';
import { errorOfSdk } from './s3-errors.ts';

export type ObjectVersion = { readonly versionId: string; readonly isLatest: boolean; readonly isDeletion: boolean; readonly objectBytes: number | null; readonly atMs: number };

const MAX_VERSIONS = 200;

/** Newest first, at most 200. @throws SyncError access-denied, offline, … */
export async function listVersions(access: S3Access, bucket: string, objectKey: ObjectKey, signal: AbortSignal): Promise<ObjectVersion[]> {
  const client = await createSdkClient(access);
  try {
    const { ListObjectVersionsCommand } = await import('@aws-sdk/client-s3');
    const answer = await client.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: objectKey, MaxKeys: MAX_VERSIONS }), { abortSignal: signal });
    const versions = (answer.Versions ?? []).map((one) => ({ ...one, isDeletion: false, objectBytes: one.Size ?? 0 }));
    const deletions = (answer.DeleteMarkers ?? []).map((one) => ({ ...one, isDeletion: true, objectBytes: null }));
    return [...versions, ...deletions]
      .filter(({ Key }) => Key === objectKey)
      .map(({ VersionId, IsLatest, LastModified, isDeletion, objectBytes }) => ({ versionId: VersionId ?? 'null', isLatest: IsLatest ?? false, isDeletion, objectBytes, atMs: LastModified?.getTime() ?? 0 }))
      .toSorted((left, right) => Number(right.isLatest) - Number(left.isLatest) || right.atMs - left.atMs);
  } catch (error) {
    throw errorOfSdk(error, signal, { objectKey });
  } finally {
    client.destroy();
  }
}

/** One version by its id: its head at once, its body as it comes. @throws SyncError object-not-found, access-denied, offline, … */
export async function getVersion(access: S3Access, bucket: string, objectKey: ObjectKey, versionId: string, modeHeaders: ModeHeaders, signal: AbortSignal): Promise<{ head: ObjectHead; body: AsyncIterable<Buffer>; close: () => void }> {
  const client = await createSdkClient(access);
  try {
    const { GetObjectCommand } = await import('@aws-sdk/client-s3');
    client.middlewareStack.add((next) => async (args) => {
      Object.assign((args.request as { headers: Record<string, string> }).headers, modeHeaders);
      return next(args);
    }, { step: 'build', name: 'modeHeaders' });
    const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: objectKey, VersionId: versionId }), { abortSignal: signal });
    if (answer.Body === undefined) throw new SyncError('answer-invalid', { objectKey });
    const head: ObjectHead = {
      etag: bareEtag(answer.ETag), versionId: answer.VersionId ?? null, objectBytes: answer.ContentLength ?? 0, lastModifiedMs: answer.LastModified?.getTime() ?? 0, metadata: answer.Metadata ?? {},
      encryption: { algorithm: answer.ServerSideEncryption ?? null, kmsKeyId: answer.SSEKMSKeyId ?? null, customerKeyMd5: answer.SSECustomerKeyMD5 ?? null },
    };
    return { head, body: answer.Body as unknown as AsyncIterable<Buffer>, close: () => client.destroy() };
  } catch (error) {
    client.destroy();
    throw errorOfSdk(error, signal, { objectKey });
  }
}
