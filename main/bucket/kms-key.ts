/** The KMS key a bucket is to use: its ARN, which is what S3 compares with, and whether it can be used there at all. */
import { SyncError, isSyncError } from '../model/errors.ts';
import { describeKmsKey } from '../remote/aws-services.ts';
import type { OpenBucket } from './open-bucket.ts';

const KEY_ARN = /^arn:aws[\w-]*:kms:([a-z0-9-]+):\d{12}:key\/.+$/;

/** Where the bucket is; null where the server does not say, or has no regions. @throws SyncError bucket-not-found, … */
export async function regionOf(open: OpenBucket, signal: AbortSignal): Promise<string | null> {
  const answer = await open.send({ method: 'HEAD', objectKey: '' }, signal);
  const header = answer.headers['x-amz-bucket-region'];
  if (typeof header === 'string') return header;
  const { LocationConstraint: location } = await open.ask(async (client, sdk) => client.send(new sdk.GetBucketLocationCommand({ Bucket: open.bucket }), { abortSignal: signal }), signal);
  const name: string = location ?? '';
  if (name === '') return open.access.endpoint === null ? 'us-east-1' : null;
  return name === 'default' ? null : name === 'EU' ? 'eu-west-1' : name;
}

/**
 * @param keyId - id, ARN or alias.
 * @returns the key's ARN; where the server has no KMS that could say it, what was given.
 * @throws SyncError kms-key-unusable (missing, disabled, to be deleted, in another region), access-denied (may not be asked about, and no ARN)
 */
export async function requireKmsKey(open: OpenBucket, keyId: string, signal: AbortSignal): Promise<string> {
  const region = await regionOf(open, signal).catch((error: unknown) => {
    if (isSyncError(error, 'access-denied')) return null;
    throw error;
  });
  const elsewhere = (of: string): SyncError => new SyncError('kms-key-unusable', { detail: `the key is in ${of}, the bucket in ${region ?? ''}` });
  const [, named] = KEY_ARN.exec(keyId) ?? [];
  if (named !== undefined && region !== null && named !== region) throw elsewhere(named);
  try {
    const key = await describeKmsKey(open.access, keyId, signal);
    if (region !== null && key.region !== region) throw elsewhere(key.region);
    if (!key.isEnabled) throw new SyncError('kms-key-unusable', { detail: `the key's state is ${key.state}` });
    return key.arn;
  } catch (error) {
    if (isSyncError(error, 'kms-key-not-found') || isSyncError(error, 'key-not-found')) throw new SyncError('kms-key-unusable', { server: error.about.server, detail: error.about.detail ?? 'there is no such key for this sign-in and region' }, { cause: error });
    if (isSyncError(error, 'access-denied')) {
      if (named !== undefined) return keyId;
      throw new SyncError('access-denied', { server: error.about.server, detail: 'needs kms:DescribeKey, or give the key by its ARN' }, { cause: error });
    }
    // Servers with KMS keys of their own and no KMS: the name is all there is.
    const hasNoKms = open.access.endpoint !== null && (isSyncError(error, 'not-s3') || isSyncError(error, 'rejected') || isSyncError(error, 'server-error'));
    if (hasNoKms) return keyId;
    throw error;
  }
}
