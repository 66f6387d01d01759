/** The versions of one object, where the bucket keeps them. */
import type { ObjectKey } from '../model/path.ts';
import type { S3Access } from '../model/settings.ts';
import { createSdkClient } from './endpoint.ts';
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
