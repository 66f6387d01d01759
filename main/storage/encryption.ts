/**
 * How objects are encrypted at rest: what a request or its bucket asks for, the data key under it, and what is answered about it.
 *
 * The content is encrypted the same way in every mode; modes differ in who can unwrap the data key: the server's master key (SSE-S3), a KMS
 * key (SSE-KMS), or only the customer (SSE-C).
 */
import { createHmac, randomBytes } from 'node:crypto';
import { CUSTOMER_HEADERS, checkCustomerKey, customerKeyOf, unwrapForCustomer, wrapForCustomer, type CustomerKey } from './customer-key.ts';
import { S3Error, invalidArgument } from './errors.ts';
import type { EncryptionContext, KmsKey } from './kms-keys.ts';
import type { Context } from './operation.ts';
import type { Bucket, EncryptionRecord, KmsAlgorithm } from './records.ts';
import type { S3Request } from './request.ts';

const SSE = 'x-amz-server-side-encryption';
const KMS_KEY_ID = `${SSE}-aws-kms-key-id`;
const CONTEXT = `${SSE}-context`;
const BUCKET_KEY = `${SSE}-bucket-key-enabled`;

/** What is to happen to an object's data key; found out before the body is asked for. */
export type Wish =
  | { readonly type: 'sse-s3' }
  | { readonly type: 'sse-c'; readonly customerKey: CustomerKey }
  | { readonly type: 'sse-kms'; readonly algorithm: KmsAlgorithm; readonly keyId: string | null; readonly context: Readonly<Record<string, string>>; readonly isBucketKey: boolean };

const isAlgorithm = (text: string): text is 'AES256' | KmsAlgorithm => text === 'AES256' || text === 'aws:kms' || text === 'aws:kms:dsse';

function contextOf(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  try {
    const context = JSON.parse(Buffer.from(text, 'base64').toString('utf8')) as unknown;
    const isMap = typeof context === 'object' && context !== null && !Array.isArray(context) && Object.values(context).every((value) => typeof value === 'string');
    if (isMap) return context as Record<string, string>;
  } catch {
    // Answered below.
  }
  throw invalidArgument(CONTEXT, text, 'The header \'x-amz-server-side-encryption-context\' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map');
}

/** Whether a request says anything about how its object is to be encrypted. */
export const asksForEncryption = (request: S3Request): boolean => [SSE, KMS_KEY_ID, CONTEXT, BUCKET_KEY, `${CUSTOMER_HEADERS}algorithm`].some((name) => request.header(name) !== undefined);

/** What the request asks for, else what the bucket has as its default. @throws S3Error InvalidArgument and others; AccessDenied where the bucket blocks it */
export function wishOf(request: S3Request, bucket: Bucket): Wish {
  const fallback = bucket.settings.encryption;
  const customerKey = customerKeyOf(request);
  const algorithm = request.header(SSE);
  const keyId = request.header(KMS_KEY_ID);
  const context = request.header(CONTEXT);
  const bucketKey = request.header(BUCKET_KEY)?.toLowerCase();
  if (algorithm !== undefined && !isAlgorithm(algorithm)) throw invalidArgument(SSE, algorithm, 'The encryption method specified is not supported');
  if (customerKey !== null) {
    if (algorithm !== undefined || keyId !== undefined || context !== undefined) throw invalidArgument(SSE, algorithm ?? '', 'Server Side Encryption with Customer provided key is incompatible with the encryption method specified');
    if (fallback?.blocked.includes('SSE-C') === true) throw new S3Error('AccessDenied', 'Server-side encryption with customer-provided keys is blocked by the encryption configuration of the bucket.');
    return { type: 'sse-c', customerKey };
  }
  if (bucketKey !== undefined && bucketKey !== 'true' && bucketKey !== 'false') throw invalidArgument(BUCKET_KEY, bucketKey, 'The value of the header is neither true nor false');
  const isKms = algorithm === 'aws:kms' || algorithm === 'aws:kms:dsse';
  if (!isKms && (keyId !== undefined || context !== undefined)) throw invalidArgument(SSE, algorithm ?? '', 'Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms');
  const chosen = algorithm ?? fallback?.algorithm ?? 'AES256';
  if (chosen === 'AES256') return { type: 'sse-s3' };
  const isDouble = chosen === 'aws:kms:dsse';
  if (isDouble && bucketKey === 'true') throw new S3Error('InvalidRequest', 'S3 Bucket Keys are not supported for dual-layer server-side encryption.');
  const isBucketKey = !isDouble && (bucketKey === undefined ? fallback?.isBucketKeyEnabled === true : bucketKey === 'true');
  return { type: 'sse-kms', algorithm: chosen, keyId: algorithm === undefined ? (fallback?.kmsKeyId ?? null) : (keyId ?? null), context: contextOf(context), isBucketKey };
}

/** How a key policy knows that S3 asks: by the key's own region. */
const viaS3 = (key: KmsKey): string => `s3.${key.arn.split(':')[3] ?? ''}.amazonaws.com`;

/** The KMS key of a wish, as the one who asks may use it for new objects. @throws ServiceError */
async function kmsKeyOf(context: Context, bucket: Bucket, keyId: string | null, whole: EncryptionContext): Promise<KmsKey> {
  const key = keyId === null ? await context.kms.managedKey(bucket.region) : context.kms.find(keyId);
  context.kms.authorize(context.principal, 'kms:GenerateDataKey', key, { viaService: viaS3(key), context: whole, ...(keyId !== null && { name: keyId }) });
  context.kms.requireUsable(key);
  return key;
}

/** The context under which KMS wraps: the caller's, and the object's or (with a bucket key) the bucket's ARN, as S3 adds it. */
function wholeContext(wish: Extract<Wish, { type: 'sse-kms' }>, bucket: Bucket, objectKey: string): Record<string, string> {
  return { 'aws:s3:arn': wish.isBucketKey ? `arn:aws:s3:::${bucket.name}` : `arn:aws:s3:::${bucket.name}/${objectKey}`, ...wish.context };
}

/** Keeps a data key as a wish says. @throws ServiceError */
export async function wrapDataKey(context: Context, wish: Wish, bucket: Bucket, objectKey: string, dataKey: Uint8Array): Promise<EncryptionRecord> {
  switch (wish.type) {
    case 'sse-s3': {
      const objectId = randomBytes(16).toString('base64');
      return { type: 'sse-s3', objectId, ...context.keyRing.wrap(dataKey, objectId) };
    }
    case 'sse-c':
      return wrapForCustomer(wish.customerKey, dataKey);
    case 'sse-kms': {
      const whole = wholeContext(wish, bucket, objectKey);
      const key = await kmsKeyOf(context, bucket, wish.keyId, whole);
      return { type: 'sse-kms', algorithm: wish.algorithm, keyArn: key.arn, context: whole, isBucketKey: wish.isBucketKey, wrapped: context.kms.encrypt(key, dataKey, whole).toString('base64') };
    }
    default:
      return wish satisfies never;
  }
}

/** A fresh data key and how it is kept; the caller zeroes the key. @throws ServiceError */
export async function newDataKey(context: Context, wish: Wish, bucket: Bucket, objectKey: string): Promise<{ readonly dataKey: Buffer; readonly encryption: EncryptionRecord }> {
  const dataKey = randomBytes(32);
  return { dataKey, encryption: await wrapDataKey(context, wish, bucket, objectKey, dataKey) };
}

const notApplicable = (): S3Error => new S3Error('InvalidRequest', 'The encryption parameters are not applicable to this object.');
const keyMissing = (): S3Error => new S3Error('InvalidRequest', 'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.');

/** Whether the customer key a request brought, or did not bring, fits the object. @throws S3Error InvalidRequest, AccessDenied */
export function checkCustomer(encryption: EncryptionRecord, customerKey: CustomerKey | null): void {
  if (encryption.type !== 'sse-c') {
    if (customerKey !== null) throw notApplicable();
    return;
  }
  if (customerKey === null) throw keyMissing();
  checkCustomerKey(customerKey, encryption);
}

/** The data key of what is stored; the caller zeroes it. @throws S3Error InvalidRequest, AccessDenied; ServiceError */
export function openDataKey(context: Pick<Context, 'keyRing' | 'kms' | 'principal'>, encryption: EncryptionRecord, customerKey: CustomerKey | null): Buffer {
  switch (encryption.type) {
    case 'sse-s3':
      if (customerKey !== null) throw notApplicable();
      return context.keyRing.unwrap(encryption, encryption.objectId);
    case 'sse-c':
      if (customerKey === null) throw keyMissing();
      return unwrapForCustomer(customerKey, encryption);
    case 'sse-kms': {
      if (customerKey !== null) throw notApplicable();
      const key = context.kms.find(encryption.keyArn);
      context.kms.authorize(context.principal, 'kms:Decrypt', key, { viaService: viaS3(key), context: encryption.context });
      context.kms.requireUsable(key);
      return context.kms.decrypt(key, Buffer.from(encryption.wrapped, 'base64'), encryption.context);
    }
    default:
      return encryption satisfies never;
  }
}

/** What is answered about an object's encryption, wherever S3 answers it. `customerKey`: the one the request brought. */
export function encryptionHeaders(encryption: EncryptionRecord, customerKey: CustomerKey | null = null): string[] {
  switch (encryption.type) {
    case 'sse-s3':
      return [SSE, 'AES256'];
    case 'sse-c':
      return customerKey === null ? [] : [`${CUSTOMER_HEADERS}algorithm`, 'AES256', `${CUSTOMER_HEADERS}key-MD5`, customerKey.md5];
    case 'sse-kms':
      return [SSE, encryption.algorithm, KMS_KEY_ID, encryption.keyArn, ...(encryption.isBucketKey ? [BUCKET_KEY, 'true'] : [])];
    default:
      return encryption satisfies never;
  }
}

/** The same where something was written: with the encryption context that was given. */
export function writtenHeaders(encryption: EncryptionRecord, wish: Wish): string[] {
  const headers = encryptionHeaders(encryption, wish.type === 'sse-c' ? wish.customerKey : null);
  const hasContext = wish.type === 'sse-kms' && Object.keys(wish.context).length > 0;
  return hasContext ? [...headers, CONTEXT, Buffer.from(JSON.stringify(wish.context)).toString('base64')] : headers;
}

/** S3's ETag is the MD5 with SSE-S3 only; in other modes it says nothing about the content. */
export function etagOf(encryption: EncryptionRecord, dataKey: Uint8Array, md5: string): string {
  return encryption.type === 'sse-s3' ? md5 : createHmac('sha256', dataKey).update(`enfold storage etag v1|${md5}`).update(randomBytes(8)).digest('hex').slice(0, 32);
}
