/** What someone with write access to a bucket may do to a V2 object, and how each reader refuses it. */
import type { StringMap } from '../../main/envelope/encoding.ts';
import type { ErrorCode } from '../../main/model/errors.ts';
import { flipped, flippedText, type RawObject } from './objects.ts';

/** What Ruby says where it does not accept an object, as opposed to a request that failed: its ciphers, its encryption client, KMS. */
export const NOT_DECRYPTED = /^(?:OpenSSL::(?:Cipher::CipherError|PKey::\w+)|Aws::KMS::Errors::(?:InvalidCiphertext|IncorrectKey)Exception): /;
export const NOT_ACCEPTED = /^(?:Aws::S3::EncryptionV2::Errors::\w+: |ArgumentError: (?:Key mismatch|Unsupported cek-alg|Unsupported wrap-alg))/;

type Change = (object: RawObject, other: RawObject) => RawObject;
/** `code` is Enfold's answer, `ruby` the Ruby client's. */
export type Tampering = { readonly what: string; readonly change: Change; readonly code: ErrorCode; readonly ruby: RegExp; readonly only?: readonly ('aes' | 'rsa' | 'kms')[] };
const withMetadata = (change: (metadata: Record<string, string>, other: StringMap) => Record<string, string | undefined>): Change => (object, other) => {
  const metadata = change({ ...object.metadata }, other.metadata);
  return { body: object.body, metadata: Object.fromEntries(Object.entries(metadata).filter((entry): entry is [string, string] => entry[1] !== undefined)) };
};

export const tamperings: readonly Tampering[] = [
  { what: 'its tag was altered', change: ({ metadata, body }) => ({ metadata, body: flipped(body, -1) }), code: 'not-authentic', ruby: NOT_DECRYPTED },
  { what: 'its first byte was altered', change: ({ metadata, body }) => ({ metadata, body: flipped(body, 0) }), code: 'not-authentic', ruby: NOT_DECRYPTED },
  { what: 'its last byte was cut off', change: ({ metadata, body }) => ({ metadata, body: body.subarray(0, -1) }), code: 'not-authentic', ruby: NOT_DECRYPTED },
  { what: 'bytes were added to it', change: ({ metadata, body }) => ({ metadata, body: Buffer.concat([body, Buffer.alloc(1)]) }), code: 'not-authentic', ruby: NOT_DECRYPTED },
  { what: 'its body is another object\'s', change: ({ metadata }, { body }) => ({ metadata, body }), code: 'not-authentic', ruby: NOT_DECRYPTED },
  { what: 'its wrapped key is another object\'s', change: withMetadata((own, other) => ({ ...own, 'x-amz-key-v2': other['x-amz-key-v2'] })), code: 'not-authentic', ruby: NOT_DECRYPTED },
  { what: 'its wrapped key was altered', change: withMetadata((own) => ({ ...own, 'x-amz-key-v2': flippedText(own['x-amz-key-v2'], -1) })), code: 'key-unwrap-failed', ruby: NOT_DECRYPTED },
  { what: 'its IV was altered', change: withMetadata((own) => ({ ...own, 'x-amz-iv': flippedText(own['x-amz-iv'], 0) })), code: 'not-authentic', ruby: NOT_DECRYPTED },
  { what: 'its IV is gone', change: withMetadata((own) => ({ ...own, 'x-amz-iv': undefined })), code: 'malformed', ruby: NOT_ACCEPTED },
  { what: 'its tag length says 96', change: withMetadata((own) => ({ ...own, 'x-amz-tag-len': '96' })), code: 'format-refused', ruby: NOT_ACCEPTED },
  { what: 'its content is called AES-CBC', change: withMetadata((own) => ({ ...own, 'x-amz-cek-alg': 'AES/CBC/PKCS5Padding', 'x-amz-tag-len': undefined })), code: 'format-refused', ruby: NOT_ACCEPTED },
  { what: 'its content is called AES-CTR', change: withMetadata((own) => ({ ...own, 'x-amz-cek-alg': 'AES/CTR/NoPadding' })), code: 'format-refused', ruby: NOT_ACCEPTED },
  { what: 'its wrap has an unknown name', change: withMetadata((own) => ({ ...own, 'x-amz-wrap-alg': 'RSA/ECB/PKCS1Padding' })), code: 'format-refused', ruby: NOT_ACCEPTED },
  { what: 'its wrap is called AES', change: withMetadata((own) => ({ ...own, 'x-amz-wrap-alg': 'AES/GCM' })), code: 'key-not-found', ruby: NOT_ACCEPTED, only: ['rsa', 'kms'] },
  { what: 'its wrap is called RSA', change: withMetadata((own) => ({ ...own, 'x-amz-wrap-alg': 'RSA-OAEP-SHA1' })), code: 'key-not-found', ruby: NOT_ACCEPTED, only: ['aes', 'kms'] },
  { what: 'its wrap is called kms, which binds no algorithm', change: withMetadata((own) => ({ ...own, 'x-amz-wrap-alg': 'kms' })), code: 'legacy-refused', ruby: NOT_ACCEPTED, only: ['kms'] },
  { what: 'its context names another algorithm', change: withMetadata((own) => ({ ...own, 'x-amz-matdesc': '{"aws:x-amz-cek-alg":"115"}' })), code: 'context-mismatch', ruby: NOT_ACCEPTED, only: ['kms'] },
  { what: 'its context was added to', change: withMetadata((own) => ({ ...own, 'x-amz-matdesc': '{"aws:x-amz-cek-alg":"AES/GCM/NoPadding","tenant":"t2"}' })), code: 'context-mismatch', ruby: NOT_ACCEPTED, only: ['kms'] },
];
