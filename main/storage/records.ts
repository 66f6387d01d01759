/** What the catalogue keeps of buckets, objects and uploads. */
import type { ChecksumAlgorithm } from './checksums.ts';
import type { WrappedKey } from './key-ring.ts';

export type Bucket = { readonly id: number; readonly name: string; readonly createdMs: number; readonly region: string; readonly settings: BucketSettings };

/** What has been set for a bucket; what is missing is as S3 has it by default. */
export type BucketSettings = {
  readonly versioning?: 'Enabled' | 'Suspended';
  readonly encryption?: DefaultEncryption;
  /** JSON text, as it was put. */
  readonly policy?: string;
  readonly publicAccessBlock?: PublicAccessBlock | null;
  readonly ownership?: string | null;
  /** XML documents that are kept and answered, and not acted on. */
  readonly documents?: Readonly<Record<string, string>>;
};
export type KmsAlgorithm = 'aws:kms' | 'aws:kms:dsse';
export type DefaultEncryption = {
  readonly algorithm: 'AES256' | KmsAlgorithm;
  /** As it was given: id, ARN or alias; null: the key AWS would manage. */
  readonly kmsKeyId: string | null;
  readonly isBucketKeyEnabled: boolean;
  readonly blocked: readonly string[];
};
export type PublicAccessBlock = { readonly blockPublicAcls: boolean; readonly ignorePublicAcls: boolean; readonly blockPublicPolicy: boolean; readonly restrictPublicBuckets: boolean };

/** A sealed body: `salt` derives its content key and names its file; `size` is of the plaintext. */
export type BodyRef = { readonly no: number; readonly salt: string; readonly size: number };

/** How an object's data key is kept; one kind per server-side mode. */
export type EncryptionRecord =
  | ({ readonly type: 'sse-s3'; readonly objectId: string } & WrappedKey)
  /** Wrapped under a key derived from the customer's and the salt; `check` tells the right key from a wrong one. All base64. */
  | { readonly type: 'sse-c'; readonly salt: string; readonly check: string; readonly wrapped: string }
  /** `wrapped` is the KMS ciphertext, base64, under the whole `context`. */
  | { readonly type: 'sse-kms'; readonly algorithm: KmsAlgorithm; readonly keyArn: string; readonly context: Readonly<Record<string, string>>; readonly isBucketKey: boolean; readonly wrapped: string };

export type Checksum = { readonly algorithm: ChecksumAlgorithm; readonly value: string; readonly type: 'FULL_OBJECT' | 'COMPOSITE' };

/** Lower-case names of the standard headers that are kept and answered: content-type and the like. */
export type KeptHeaders = Readonly<Record<string, string>>;
/** Names without `x-amz-meta-`; values as they came, one character per byte. */
export type UserMetadata = Readonly<Record<string, string>>;

export type ObjectRecord = {
  /** `null` where versioning was off or suspended, as S3 names it. */
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
  readonly tags?: Readonly<Record<string, string>>;
  /** Of multipart uploads: the part numbers' checksums, one per body. */
  readonly parts?: readonly (string | null)[];
};

/** A version of an object, or a marker that says it was deleted. */
export type Version = ObjectRecord & { readonly isMarker: boolean };
export type ListedVersion = ListedRow & { readonly versionId: string; readonly isMarker: boolean; readonly isLatest: boolean };

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
  readonly tags?: Readonly<Record<string, string>>;
};

export type PartRecord = { readonly number: number; readonly etag: string; readonly modifiedMs: number; readonly body: BodyRef; readonly checksum: string | null };
