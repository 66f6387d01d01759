/** Objects as another client sees them: how the server says it keeps each, and whose envelope it carries. */
import { createHash } from 'node:crypto';
import { HeadObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';

export type StoredObject = {
  readonly objectKey: string;
  /** As the server says; `customer` where it wants the customer's key. */
  readonly algorithm: string | null;
  readonly kmsKeyId: string | null;
  /** Whose key its data key is wrapped under: an Enfold key id, or `kms`. Null: no envelope. */
  readonly envelope: string | null;
  readonly versionId: string | null;
};

/** Every object below a prefix, Enfold's own included except what is not a file. */
export async function describeStored(s3: S3Client, bucket: string, prefix: string, customerKey: Buffer | null = null): Promise<StoredObject[]> {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
  const keys = Contents.map(({ Key = '' }) => Key).filter((key) => !key.startsWith(`${prefix}.enfold/`));
  return Promise.all(keys.map(async (objectKey) => {
    const customer = customerKey === null ? {} : { SSECustomerAlgorithm: 'AES256', SSECustomerKey: customerKey.toString('base64'), SSECustomerKeyMD5: createHash('md5').update(customerKey).digest('base64') };
    const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: objectKey, ...customer }));
    const metadata = head.Metadata ?? {};
    const description = metadata['x-amz-m'] ?? metadata['x-amz-matdesc'];
    const isWrapped = metadata['x-amz-3'] !== undefined || metadata['x-amz-key-v2'] !== undefined;
    const isKms = metadata['x-amz-w'] === '12' || metadata['x-amz-wrap-alg'] === 'kms+context';
    return {
      objectKey,
      algorithm: head.SSECustomerKeyMD5 === undefined ? (head.ServerSideEncryption ?? null) : 'customer',
      kmsKeyId: head.SSEKMSKeyId ?? null,
      envelope: !isWrapped ? null : isKms ? 'kms' : ((JSON.parse(description ?? '{}') as Record<string, string>)['enfold-key-id'] ?? 'unknown'),
      versionId: head.VersionId ?? null,
    };
  }));
}
