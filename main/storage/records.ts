/** What the catalogue keeps of buckets, objects and uploads. */
import type { ChecksumAlgorithm } from './checksums.ts';
import type { WrappedKey } from './key-ring.ts';

export type Bucket = { readonly id: number; readonly name: string; readonly createdMs: number; readonly region: string };

/** A sealed body: `salt` derives its content key and names its file; `size` is of the plaintext. */
export type BodyRef = { readonly no: number; readonly salt: string; readonly size: number };

/** How an object's data key is kept; one kind per server-side mode. */
export type EncryptionRecord = { readonly type: 'sse-s3'; readonly objectId: string } & WrappedKey;

export type Checksum = { readonly algorithm: ChecksumAlgorithm; readonly value: string; readonly type: 'FULL_OBJECT' | 'COMPOSITE' };

/** Lower-case names of the standard headers that are kept and answered: content-type and the like. */
export type KeptHeaders = Readonly<Record<string, string>>;
/** Names without `x-amz-meta-`; values as they came, one character per byte. */
export type UserMetadata = Readonly<Record<string, string>>;

export type ObjectRecord = {
  /** `null` in buckets without versioning, as S3 names it. */
  readonly versionId: string;
  /** Without quotes. */
  readonly etag: string;
  readonly size: number;
  readonly modifiedMs: number;
  readonly headers: KeptHeaders;
  readonly metadata: UserMetadata;
  readonly encryption: EncryptionRecord;
  readonly checksum: Checksum | null;
  /** One after the other they are the content. */
  readonly bodies: readonly BodyRef[];
  /** Of multipart uploads: the part numbers' checksums, one per body. */
  readonly parts?: readonly (string | null)[];
};

export type ListedRow = { readonly key: Uint8Array; readonly etag: string; readonly size: number; readonly modifiedMs: number; readonly checksum: string | null };

export type Upload = {
  readonly id: string;
  readonly bucketId: number;
  readonly objectKey: string;
  readonly createdMs: number;
  readonly headers: KeptHeaders;
  readonly metadata: UserMetadata;
  readonly encryption: EncryptionRecord;
  readonly checksumAlgorithm: ChecksumAlgorithm | null;
  readonly checksumType: 'FULL_OBJECT' | 'COMPOSITE' | null;
};

export type PartRecord = { readonly number: number; readonly etag: string; readonly modifiedMs: number; readonly body: BodyRef; readonly checksum: string | null };
