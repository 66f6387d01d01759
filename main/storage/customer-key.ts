/**
 * Customer keys (SSE-C): read from a request, used, and forgotten. Kept with the object are a salted HMAC, which tells the right key from
 * a wrong one, and the object's data key wrapped under the customer key.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { S3Error, invalidArgument } from './errors.ts';
import type { EncryptionRecord } from './records.ts';
import type { S3Request } from './request.ts';

export const CUSTOMER_HEADERS = 'x-amz-server-side-encryption-customer-';
export const COPY_SOURCE_CUSTOMER_HEADERS = 'x-amz-copy-source-server-side-encryption-customer-';

/** `key`: 32 bytes; `md5`: base64, as the request gave it and as answers repeat it. */
export type CustomerKey = { readonly key: Buffer; readonly md5: string };
type CustomerRecord = Extract<EncryptionRecord, { type: 'sse-c' }>;

const REQUESTS = 'Requests specifying Server Side Encryption with Customer provided keys must';

/**
 * The customer key a request brings, or null where it brings none.
 *
 * @throws S3Error InvalidArgument, InvalidEncryptionAlgorithmError; InvalidRequest where it came in the clear from another machine
 */
export function customerKeyOf(request: S3Request, prefix = CUSTOMER_HEADERS): CustomerKey | null {
  const algorithm = request.header(`${prefix}algorithm`);
  const text = request.header(`${prefix}key`);
  const md5 = request.header(`${prefix}key-md5`);
  if (algorithm === undefined && text === undefined && md5 === undefined) return null;
  if (!request.isSecure && !request.isLocal) throw new S3Error('InvalidRequest', `${REQUESTS} be made over a secure connection.`);
  if (algorithm === undefined) throw invalidArgument(`${prefix}algorithm`, '', `${REQUESTS} provide a valid encryption algorithm.`);
  if (algorithm !== 'AES256') throw new S3Error('InvalidEncryptionAlgorithmError', undefined, { ArgumentName: `${prefix}algorithm`, ArgumentValue: algorithm });
  if (text === undefined) throw invalidArgument(`${prefix}key`, '', `${REQUESTS} provide an appropriate secret key.`);
  if (md5 === undefined) throw invalidArgument(`${prefix}key-md5`, '', `${REQUESTS} provide the client calculated MD5 of the secret key.`);
  const key = Buffer.from(text, 'base64');
  // The value of the argument is a key: no answer repeats it.
  if (key.length !== 32 || key.toString('base64') !== text) throw invalidArgument(`${prefix}key`, '', 'The secret key was invalid for the specified algorithm.');
  if (createHash('md5').update(key).digest('base64') !== md5) throw invalidArgument(`${prefix}key-md5`, md5, 'The calculated MD5 hash of the key did not match the hash that was provided.');
  return { key, md5 };
}

const checkOf = (key: Uint8Array, salt: Uint8Array): Buffer => createHmac('sha256', key).update('enfold storage customer key v1|').update(salt).digest();
const wrappingKeyOf = (key: Uint8Array, salt: Uint8Array): Buffer => Buffer.from(hkdfSync('sha256', key, salt, 'enfold storage customer key wrap v1', 32));

/** What is kept of a data key under a customer key. */
export function wrapForCustomer({ key }: CustomerKey, dataKey: Uint8Array): CustomerRecord {
  const salt = randomBytes(32);
  // The wrapping key is used once: its salt is fresh.
  const cipher = createCipheriv('aes-256-gcm', wrappingKeyOf(key, salt), Buffer.alloc(12));
  const wrapped = Buffer.concat([cipher.update(dataKey), cipher.final(), cipher.getAuthTag()]);
  return { type: 'sse-c', salt: salt.toString('base64'), check: checkOf(key, salt).toString('base64'), wrapped: wrapped.toString('base64') };
}

/** @throws S3Error AccessDenied where it is another key */
export function checkCustomerKey({ key }: CustomerKey, record: CustomerRecord): void {
  if (!timingSafeEqual(checkOf(key, Buffer.from(record.salt, 'base64')), Buffer.from(record.check, 'base64'))) throw new S3Error('AccessDenied');
}

/** @throws S3Error AccessDenied; Error where what is stored was altered */
export function unwrapForCustomer(customerKey: CustomerKey, record: CustomerRecord): Buffer {
  checkCustomerKey(customerKey, record);
  const wrapped = Buffer.from(record.wrapped, 'base64');
  if (wrapped.length !== 48) throw new Error('a wrapped data key has the wrong length');
  const decipher = createDecipheriv('aes-256-gcm', wrappingKeyOf(customerKey.key, Buffer.from(record.salt, 'base64')), Buffer.alloc(12), { authTagLength: 16 });
  decipher.setAuthTag(wrapped.subarray(32));
  return Buffer.concat([decipher.update(wrapped.subarray(0, 32)), decipher.final()]);
}
