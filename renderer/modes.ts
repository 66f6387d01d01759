/** The six modes as the user meets them. Words are in strings; here is what they are made of. */
import type { FolderView, ModeDetails } from '../preload/contract.ts';

export type ModeChoice = 'cse-c' | 'cse-kms' | 'sse-kms' | 'sse-c' | 'sse-kms-aws' | 'sse-s3';
export type ModeFamily = 'client' | 'server';

type ModeFacts = {
  readonly family: ModeFamily;
  /** The id people find in AWS's own documents. */
  readonly tag: string;
  /** Whose key the user names: one of their own, which can be lost; one in KMS; none. */
  readonly needs: 'own' | 'kms' | null;
  /** Whoever has access to the bucket: reads the contents, or sees sizes, counts and times only. */
  readonly bucketReads: boolean;
  readonly amazonReads: boolean;
};

export const MODES: Readonly<Record<ModeChoice, ModeFacts>> = {
  'cse-c': { family: 'client', tag: 'CSE-C', needs: 'own', bucketReads: false, amazonReads: false },
  'cse-kms': { family: 'client', tag: 'CSE-KMS', needs: 'kms', bucketReads: false, amazonReads: false },
  'sse-kms': { family: 'server', tag: 'SSE-KMS', needs: 'kms', bucketReads: false, amazonReads: true },
  'sse-c': { family: 'server', tag: 'SSE-C', needs: 'own', bucketReads: false, amazonReads: true },
  'sse-kms-aws': { family: 'server', tag: 'SSE-KMS', needs: null, bucketReads: true, amazonReads: true },
  'sse-s3': { family: 'server', tag: 'SSE-S3', needs: null, bucketReads: true, amazonReads: true },
};

export const FAMILIES: Readonly<Record<ModeFamily, readonly ModeChoice[]>> = {
  client: ['cse-c', 'cse-kms'],
  server: ['sse-kms', 'sse-c', 'sse-kms-aws', 'sse-s3'],
};

/** The card of a folder that is there: without a key of one's own, KMS means the one that AWS manages. */
export function choiceOf({ mode, modeDetails }: { mode: FolderView['mode']; modeDetails: Pick<ModeDetails, 'kmsKeyId'> }): ModeChoice {
  return mode === 'sse-kms' && (modeDetails.kmsKeyId === null || modeDetails.kmsKeyId === 'alias/aws/s3') ? 'sse-kms-aws' : mode;
}
export const modeIdOf = (choice: ModeChoice): FolderView['mode'] => (choice === 'sse-kms-aws' ? 'sse-kms' : choice);
