/** What a connection can be asked before any folder uses it. */
import { SyncError, isSyncError } from '../model/errors.ts';
import type { S3Access } from '../model/settings.ts';
import { createSdkClient } from './endpoint.ts';
import { createS3Store } from './s3.ts';
import { errorOfSdk } from './s3-errors.ts';
import { withRetries } from './retry.ts';

/** Names of the buckets the sign-in may see. @throws SyncError access-denied, sign-in-wrong, offline, not-s3, … */
export async function listBuckets(access: S3Access, signal: AbortSignal): Promise<readonly string[]> {
  const client = await createSdkClient(access);
  try {
    const { ListBucketsCommand } = await import('@aws-sdk/client-s3');
    return await withRetries(async () => {
      try {
        const { Buckets, Owner, $metadata } = await client.send(new ListBucketsCommand({}), { abortSignal: signal });
        // Any web server answers 200 to something: only an S3 server names buckets or their owner.
        if (Buckets === undefined && Owner === undefined && $metadata.requestId === undefined) throw new SyncError('not-s3');
        return (Buckets ?? []).flatMap(({ Name }) => (Name === undefined ? [] : [Name]));
      } catch (error) {
        throw errorOfSdk(error, signal, { isBucketRequest: true });
      }
    }, signal, { attempts: 2 });
  } finally {
    client.destroy();
  }
}

/**
 * Proves that an S3 server is there and takes the sign-in. A sign-in that may not list buckets is fine.
 *
 * @throws SyncError offline, tls-failed, not-s3, sign-in-wrong, sign-in-expired, sign-in-missing, clock-wrong, wrong-region
 */
export async function testConnection(access: S3Access, signal: AbortSignal): Promise<void> {
  try {
    await listBuckets(access, signal);
  } catch (error) {
    if (!isSyncError(error, 'access-denied')) throw error;
  }
}

/**
 * False where the bucket does not exist.
 *
 * @param prefix - the place that is to be used: the sign-in may be allowed to list only that.
 * @throws SyncError access-denied, wrong-region, sign-in-wrong, offline, not-s3
 */
export async function headBucket(access: S3Access, bucket: string, signal: AbortSignal, prefix = ''): Promise<boolean> {
  const store = createS3Store(access, bucket, { connections: 1 });
  try {
    // A listing of one key: unlike HEAD its answer has a body, so that errors have names.
    await withRetries(async () => store.listPage({ prefix, maxKeys: 1 }, signal), signal, { attempts: 2 });
    return true;
  } catch (error) {
    if (isSyncError(error, 'bucket-not-found')) return false;
    throw error;
  } finally {
    await store.close();
  }
}

/** @throws SyncError name-taken (it exists and belongs to somebody else), access-denied, rejected (not a bucket name) */
export async function createBucket(access: S3Access, bucket: string, signal: AbortSignal): Promise<void> {
  const client = await createSdkClient(access);
  try {
    const { CreateBucketCommand } = await import('@aws-sdk/client-s3');
    // Only AWS wants to be told the region, and of its first region it does not.
    const needsLocation = access.endpoint === null && access.region !== '' && access.region !== 'us-east-1';
    await client.send(
      new CreateBucketCommand({ Bucket: bucket, ...(needsLocation ? { CreateBucketConfiguration: { LocationConstraint: access.region as 'eu-west-1' } } : {}) }),
      { abortSignal: signal },
    );
  } catch (error) {
    if (error instanceof Error && error.name === 'BucketAlreadyOwnedByYou') return;
    const translated = errorOfSdk(error, signal, { isBucketRequest: true });
    if (isSyncError(translated, 'bucket-not-found')) throw new SyncError('rejected', { server: translated.about.server, detail: 'That is not a bucket name.' }, { cause: error });
    throw translated;
  } finally {
    client.destroy();
  }
}

/** Whether the bucket's own settings refuse SSE-C, as those of new AWS buckets do. False where that cannot be found out. */
export async function isCustomerKeyBlocked(access: S3Access, bucket: string, signal: AbortSignal): Promise<boolean> {
  const client = await createSdkClient(access);
  try {
    const { GetBucketEncryptionCommand } = await import('@aws-sdk/client-s3');
    const { ServerSideEncryptionConfiguration: configuration } = await client.send(new GetBucketEncryptionCommand({ Bucket: bucket }), { abortSignal: signal });
    return (configuration?.Rules ?? []).some((rule) => rule.BlockedEncryptionTypes?.EncryptionType?.includes('SSE-C') ?? false);
  } catch {
    signal.throwIfAborted();
    return false;
  } finally {
    client.destroy();
  }
}
