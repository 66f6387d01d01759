/** The six modes as the user meets them. Words are in strings; here is what they are made of. */
export type ModeChoice = 'cse-c' | 'cse-kms' | 'sse-kms' | 'sse-c' | 'sse-kms-aws' | 'sse-s3';
export type ModeFamily = 'client' | 'server';

type ModeFacts = {
  readonly family: ModeFamily;
  /** The id people find in AWS's own documents. */
  readonly tag: string;
  /** What this version can do; the others are shown and say that they come later. */
  readonly isAvailable: boolean;
  /** Whether the user holds a key that can be lost. */
  readonly holdsKey: boolean;
  /** Whoever has access to the bucket: reads the contents, or sees sizes, counts and times only. */
  readonly bucketReads: boolean;
  readonly amazonReads: boolean;
};

export const MODES: Readonly<Record<ModeChoice, ModeFacts>> = {
  'cse-c': { family: 'client', tag: 'CSE-C', isAvailable: true, holdsKey: true, bucketReads: false, amazonReads: false },
  'cse-kms': { family: 'client', tag: 'CSE-KMS', isAvailable: false, holdsKey: false, bucketReads: false, amazonReads: false },
  'sse-kms': { family: 'server', tag: 'SSE-KMS', isAvailable: false, holdsKey: false, bucketReads: false, amazonReads: true },
  'sse-c': { family: 'server', tag: 'SSE-C', isAvailable: false, holdsKey: true, bucketReads: false, amazonReads: true },
  'sse-kms-aws': { family: 'server', tag: 'SSE-KMS', isAvailable: false, holdsKey: false, bucketReads: true, amazonReads: true },
  'sse-s3': { family: 'server', tag: 'SSE-S3', isAvailable: true, holdsKey: false, bucketReads: true, amazonReads: true },
};

export const FAMILIES: Readonly<Record<ModeFamily, readonly ModeChoice[]>> = {
  client: ['cse-c', 'cse-kms'],
  server: ['sse-kms', 'sse-c', 'sse-kms-aws', 'sse-s3'],
};
