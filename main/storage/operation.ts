/** What every operation gets and gives. An operation reads its request, changes or reads the storage, and says what to answer; it never touches the connection. */
import type { Admin } from './admin.ts';
import type { Principal } from './access-keys.ts';
import type { Payload } from './authenticate.ts';
import type { BodyStore, OpenContent } from './bodies.ts';
import type { Catalogue } from './catalogue.ts';
import { S3Error } from './errors.ts';
import type { KeyRing } from './key-ring.ts';
import type { KmsKeys } from './kms-keys.ts';
import type { Bucket } from './records.ts';
import type { S3Request } from './request.ts';
import type { Tags } from './tags.ts';

export type Storage = { readonly catalogue: Catalogue; readonly bodies: BodyStore; readonly keyRing: KeyRing; readonly kms: KmsKeys; readonly admin: Admin };

export type Context = Storage & { readonly request: S3Request; readonly payload: Payload; readonly principal: Principal; readonly nowMs: number; /** Where they are in its body; else they are in a header. */ readonly requestTags?: Tags };

export type Answer = {
  readonly status: number;
  /** Name, value, name, value. */
  readonly headers: readonly string[];
  /** XML text, or content that is read as it is sent. */
  readonly body?: string | { readonly content: OpenContent; readonly sizeBytes: number };
};

export type Operation = (context: Context) => Promise<Answer> | Answer;

export const xmlAnswer = (xml: string, headers: readonly string[] = []): Answer => ({ status: 200, headers: ['Content-Type', 'application/xml', ...headers], body: xml });
export const NO_CONTENT: Answer = { status: 204, headers: [] };

/** S3 keeps whole seconds. */
export const wholeSeconds = (timeMs: number): number => Math.floor(timeMs / 1000) * 1000;
export const isoTime = (timeMs: number): string => new Date(timeMs).toISOString();
export const quoted = (etag: string): string => `"${etag}"`;

/** The one account there is. */
export const OWNER_ID = '0000000000000000000000000000000000000000000000000000000000000000';
export const OWNER = `<ID>${OWNER_ID}</ID><DisplayName>enfold</DisplayName>`;

/** @throws S3Error NoSuchBucket */
export function requireBucket(context: Pick<Context, 'catalogue'>, bucketName: string | null): Bucket {
  const bucket = bucketName === null ? null : context.catalogue.bucket(bucketName);
  if (bucket === null) throw new S3Error('NoSuchBucket', undefined, { BucketName: bucketName ?? '' });
  return bucket;
}

export function requireKey(request: S3Request): string {
  if (request.objectKey === null) throw new S3Error('MethodNotAllowed');
  return request.objectKey;
}
