/** A bucket of objects in mixed modes, in known numbers, made quickly. */
import { CreateBucketCommand, PutObjectCommand, type PutObjectCommandInput } from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { mapBounded } from '../../main/bucket/scan.ts';
import type { Target } from '../storage/target.ts';

export const MIXED = ['SSE-S3', 'SSE-KMS own', 'SSE-KMS managed', 'DSSE-KMS', 'SSE-C'] as const;
export type Mixed = (typeof MIXED)[number];

export const customerOf = (key: Buffer) => ({ SSECustomerAlgorithm: 'AES256', SSECustomerKey: key.toString('base64'), SSECustomerKeyMD5: createHash('md5').update(key).digest('base64') });
export const keyAt = (index: number): string => `folder/${String(index % 10)}/ü ${String(index).padStart(7, '0')}`;
export const contentAt = (index: number): string => `content ${index}`;

/** How many of `count` objects are of a kind: they take turns. */
export const countOf = (kind: Mixed, count: number): number => Math.floor((count - MIXED.indexOf(kind) + MIXED.length - 1) / MIXED.length);

export async function fillBucket(target: Target, bucket: string, count: number, keys: { readonly kmsKey: string; readonly customerKey: Buffer }): Promise<void> {
  const inputs: Readonly<Record<Mixed, Partial<PutObjectCommandInput>>> = {
    'SSE-S3': { ServerSideEncryption: 'AES256' }, 'SSE-KMS own': { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keys.kmsKey }, 'SSE-KMS managed': { ServerSideEncryption: 'aws:kms' },
    'DSSE-KMS': { ServerSideEncryption: 'aws:kms:dsse' }, 'SSE-C': customerOf(keys.customerKey),
  };
  await target.client.send(new CreateBucketCommand({ Bucket: bucket }));
  await mapBounded(Array.from({ length: count }, (_, index) => index), 32, async (index) => {
    const kind = MIXED[index % MIXED.length] ?? 'SSE-S3';
    await target.client.send(new PutObjectCommand({ Bucket: bucket, Key: keyAt(index), Body: contentAt(index), ContentType: 'text/x-mixed', CacheControl: 'no-store', Metadata: { index: String(index) }, Tagging: `number=${index}&kind=mixed`, ...inputs[kind] }));
  });
}
