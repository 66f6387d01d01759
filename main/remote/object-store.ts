/**
 * S3 as this program uses it: whole objects as Buffers, parts, pages of a listing, conditions that name versions.
 *
 * ETags have no quotes here. Metadata names have no `x-amz-meta-`. Every error is a SyncError that says whether to retry;
 * nothing here retries by itself (`retry.ts` does).
 */
import type { ObjectKey } from '../model/path.ts';

/** What a write must find: nothing, exactly this version, or (null) whatever there is. */
export type Condition =
  | { readonly type: 'absent' }
  /** `isBare`: send the ETag without quotes, as some servers want it. */
  | { readonly type: 'version'; readonly etag: string; readonly isBare?: boolean }
  | null;

/** How the server says it keeps an object. Null where it said nothing. */
export type ServerEncryption = {
  readonly algorithm: string | null;
  readonly kmsKeyId: string | null;
  readonly customerKeyMd5: string | null;
  /** Whether a bucket key stands between KMS and the object. */
  readonly isBucketKey?: boolean;
};

export type Metadata = Readonly<Record<string, string>>;
/** Request headers that an encryption mode asks for, lower-case names. May hold a key: never log them. */
export type ModeHeaders = Readonly<Record<string, string>>;

export type WriteOptions = {
  readonly metadata: Metadata;
  readonly modeHeaders: ModeHeaders;
  readonly condition: Condition;
  readonly contentType?: string;
  /** Other headers that stay with the object, lower-case names: see `ObjectHead.kept`; `x-amz-tagging` where tags are given. */
  readonly kept?: Metadata | undefined;
};

export type Written = { readonly etag: string; readonly versionId: string | null; readonly encryption: ServerEncryption; readonly atMs: number };

export type ObjectHead = {
  readonly etag: string;
  readonly versionId: string | null;
  /** Of the whole object, also where only a range was asked for. */
  readonly objectBytes: number;
  readonly lastModifiedMs: number;
  readonly metadata: Metadata;
  readonly encryption: ServerEncryption;
  readonly contentType?: string | undefined;
  /** The content's SHA-256, 64 hex digits, where S3 keeps it of the whole object and was asked for it. */
  readonly sha256?: string | undefined;
  /** What else others may have set: how to show and cache it, its storage class, where it redirects to. */
  readonly kept?: Metadata;
};

export type ReadOptions = {
  /** An earlier version; by default the one that stands. */
  readonly versionId?: string | undefined;
  readonly ifMatch?: string | undefined;
  readonly modeHeaders?: ModeHeaders | undefined;
  /** Asks for the checksum that S3 keeps, which of an object under a KMS key it tells only to who may decrypt it. */
  readonly asksChecksum?: boolean | undefined;
};
export type Range = { readonly start: number; /** Exclusive. */ readonly end: number };

export type ListedKey = { readonly objectKey: ObjectKey; readonly etag: string; readonly objectBytes: number; readonly lastModifiedMs: number };
export type ListPage = {
  readonly objects: readonly ListedKey[];
  /** With a delimiter only: what is one level below. */
  readonly prefixes: readonly string[];
  /** Null at the end. */
  readonly next: string | null;
};
export type ListOptions = { readonly prefix: string; readonly delimiter?: string; readonly startAfter?: string; readonly continuation?: string; readonly maxKeys?: number };

export type Part = { readonly partNumber: number; readonly etag: string };
export type ListedPart = Part & { readonly sizeBytes: number };
/** One version of a key, or the mark that it was deleted, as a listing of versions tells it. */
export type ListedVersion = ListedKey & { readonly versionId: string; readonly isLatest: boolean; readonly isDeleteMarker: boolean };
export type UnfinishedUpload = { readonly objectKey: ObjectKey; readonly uploadId: string; readonly initiatedMs: number };

/** Of a large body, how many bytes have left or arrived so far; an attempt that is repeated begins at 0 again. */
export type OnMoved = ((bytes: number) => void) | undefined;

export interface ObjectStore {
  /** `bodySha256` (64 hex digits) spares hashing the body again where the request must be signed with it; with `keepsChecksum` S3 checks it and keeps it. */
  put(objectKey: ObjectKey, body: Uint8Array, options: WriteOptions & { readonly bodySha256?: string | undefined; readonly keepsChecksum?: boolean | undefined; readonly onMoved?: OnMoved }, signal: AbortSignal): Promise<Written>;
  /** Null where nothing is there. */
  head(objectKey: ObjectKey, options: ReadOptions, signal: AbortSignal): Promise<ObjectHead | null>;
  /** @throws SyncError object-not-found, version-changed, truncated (the body is not as long as announced) */
  get(objectKey: ObjectKey, options: ReadOptions & { readonly range?: Range | undefined; /** The body is put here where it fits, and is then a view of it. */ readonly into?: Buffer | undefined; readonly onMoved?: OnMoved }, signal: AbortSignal): Promise<{ readonly head: ObjectHead; readonly body: Buffer }>;
  listPage(options: ListOptions, signal: AbortSignal): Promise<ListPage>;
  /** Success also where nothing was there, unless a condition says otherwise. */
  delete(objectKey: ObjectKey, condition: Condition, signal: AbortSignal): Promise<void>;
  /** Server-side, metadata replaced unless `keepsMetadata`. `from.etag` null: whatever version is there. */
  copy(from: { readonly objectKey: ObjectKey; readonly etag: string | null }, to: ObjectKey, options: WriteOptions & { readonly sourceModeHeaders?: ModeHeaders; readonly keepsMetadata?: boolean }, signal: AbortSignal): Promise<Written>;
  /** One part of an upload, taken from an object on the server. @throws SyncError version-changed */
  copyPart?(from: { readonly objectKey: ObjectKey; readonly etag: string }, to: ObjectKey, uploadId: string, partNumber: number, range: Range, options: { readonly modeHeaders: ModeHeaders; readonly sourceModeHeaders: ModeHeaders }, signal: AbortSignal): Promise<Part>;
  /** UpdateObjectEncryption: wraps the data key of a version anew under a KMS key; content, metadata and ETag stay. Knows no conditions. */
  updateEncryption?(objectKey: ObjectKey, target: { readonly kmsKeyArn: string; readonly bucketKey: boolean }, signal: AbortSignal): Promise<void>;
  /** The object's tags, as `x-amz-tagging` takes them; empty where it has none, or the endpoint knows none. @throws SyncError access-denied */
  tags?(objectKey: ObjectKey, signal: AbortSignal): Promise<string>;
  /** All versions below a prefix, in pages. */
  listVersions?(prefix: string, signal: AbortSignal): AsyncIterable<readonly ListedVersion[]>;
  /** Removes one version for good. One that is gone already is no error. */
  deleteVersion?(objectKey: ObjectKey, versionId: string, signal: AbortSignal): Promise<void>;

  startMultipart(objectKey: ObjectKey, options: Omit<WriteOptions, 'condition'>, signal: AbortSignal): Promise<{ readonly uploadId: string; readonly encryption: ServerEncryption }>;
  putPart(objectKey: ObjectKey, uploadId: string, partNumber: number, body: Uint8Array, options: { readonly modeHeaders: ModeHeaders; readonly bodySha256?: string | undefined; readonly onMoved?: OnMoved }, signal: AbortSignal): Promise<Part>;
  /** The parts that have arrived. @throws SyncError object-not-found where the upload is gone */
  listParts(objectKey: ObjectKey, uploadId: string, signal: AbortSignal): Promise<readonly ListedPart[]>;
  /** The ETag may be empty: some servers do not say it. */
  completeMultipart(objectKey: ObjectKey, uploadId: string, parts: readonly Part[], options: { readonly modeHeaders: ModeHeaders; readonly condition: Condition }, signal: AbortSignal): Promise<Written>;
  /** An upload that is no longer there is no error. */
  abortMultipart(objectKey: ObjectKey, uploadId: string, signal: AbortSignal): Promise<void>;
  listMultipart(prefix: string, signal: AbortSignal): Promise<readonly UnfinishedUpload[]>;

  isVersioned(signal: AbortSignal): Promise<boolean>;
  close(): Promise<void>;
}

/** ETags are the same version whether or not they are quoted. */
export function bareEtag(etag: string | undefined | null): string {
  return etag === undefined || etag === null ? '' : etag.replaceAll('"', '');
}
