/**
 * The policy statements that make S3 refuse every upload to a place that is not encrypted as its mode says, and what they cannot do.
 *
 * Each wrong kind has a statement of its own, and one that is absent is named apart from one that differs: S3 takes an absent header for
 * different, some other servers do not. One that is given is matched by `*`, which holds where Null is known to say only "is absent".
 * @see "Examples of Amazon S3 bucket policies" and "Condition keys for Amazon S3" in the S3 User Guide
 */
import { bucketArn, objectsArn, type Place } from './open-bucket.ts';
import { withSid, type Statement } from './policy-document.ts';

/** A mode as a policy sees it. `kmsKey` is the key's ARN, which is what S3 compares with; null is the AWS managed key. */
export type PolicyMode =
  | { readonly id: 'sse-s3' }
  | { readonly id: 'sse-kms'; readonly kmsKey: string | null; readonly dsse: boolean }
  | { readonly id: 'sse-c' }
  | { readonly id: 'cse-kms'; readonly kmsKey: string }
  | { readonly id: 'cse-c' };

const SSE = 's3:x-amz-server-side-encryption';
const KMS_KEY = `${SSE}-aws-kms-key-id`;
const CUSTOMER = `${SSE}-customer-algorithm`;

type Condition = NonNullable<Statement['Condition']>;

/** What is refused, by what it is called. */
function refusals(mode: PolicyMode): readonly (readonly [purpose: string, condition: Condition])[] {
  switch (mode.id) {
    case 'sse-s3':
      return [['RefuseUnencrypted', { Null: { [SSE]: 'true' } }], ['RefuseOtherEncryption', { StringNotEquals: { [SSE]: 'AES256' } }]];
    case 'sse-kms': {
      const algorithm = mode.dsse ? 'aws:kms:dsse' : 'aws:kms';
      const byAlgorithm = [['RefuseUnencrypted', { Null: { [SSE]: 'true' } }], ['RefuseOtherEncryption', { StringNotEquals: { [SSE]: algorithm } }]] as const;
      // The managed key is what S3 takes when none is named.
      if (mode.kmsKey === null) return [...byAlgorithm, ['RefuseNamedKmsKey', { StringLike: { [KMS_KEY]: '*' } }]];
      return [...byAlgorithm, ['RefuseNoKmsKey', { Null: { [KMS_KEY]: 'true' } }], ['RefuseOtherKmsKey', { StringNotEquals: { [KMS_KEY]: mode.kmsKey } }]];
    }
    case 'sse-c':
      return [['RefuseNoCustomerKey', { Null: { [CUSTOMER]: 'true' } }]];
    case 'cse-kms':
    case 'cse-c':
      return [['RefuseCustomerKey', { StringLike: { [CUSTOMER]: '*' } }]];
    default:
      return mode satisfies never;
  }
}

/**
 * @param denyInsecure - also deny everything that comes without TLS. Where the endpoint itself has none, that would lock everybody out.
 */
export function modeStatements(place: Place, mode: PolicyMode, denyInsecure: boolean): readonly Statement[] {
  const Resource = objectsArn(place);
  const uploads = refusals(mode).map(([purpose, Condition]) => withSid(purpose, place.prefix, { Effect: 'Deny', Principal: '*', Action: 's3:PutObject', Resource, Condition }));
  if (!denyInsecure) return uploads;
  const everything = place.prefix === '' ? [bucketArn(place.bucket), Resource] : Resource;
  return [...uploads, withSid('RefuseInsecureTransport', place.prefix, { Effect: 'Deny', Principal: '*', Action: 's3:*', Resource: everything, Condition: { Bool: { 'aws:SecureTransport': 'false' } } })];
}

/** What no policy can do for a mode, in words for the one who relies on it. */
export function limitsOf(mode: PolicyMode): readonly string[] {
  const always = 'It judges uploads from now on. What is stored already stays as it is: see `enfold bucket scan`.';
  switch (mode.id) {
    case 'sse-s3':
      return [always];
    case 'sse-kms':
      return mode.kmsKey === null ? [always, 'Uploads that name the managed key by its ARN are refused too: S3 takes it where none is named.'] : [always];
    case 'sse-c':
      return [always, 'It makes sure that a customer key is used, not which one: S3 does not know it.'];
    case 'cse-kms':
    case 'cse-c':
      return [
        always,
        'S3 sees only bytes: no policy can tell an upload that was encrypted before it was sent from one that was not. What it can do is refuse customer keys and unencrypted connections.',
        'So limit who may write here (`enfold bucket policy ... --iam write`), and look from time to time with `enfold bucket scan`.',
      ];
    default:
      return mode satisfies never;
  }
}
