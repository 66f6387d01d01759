/**
 * The three snapshots of a sync folder (base, local, remote) and the entries they are made of. All values are plain
 * data: they pass through SQLite, worker threads and the window's contract unchanged.
 */
import type { ObjectKey, SyncPath } from './path.ts';
import type { KeyId } from './mode.ts';
import type { VersionVector } from './version-vector.ts';

export type EntryKind = 'file' | 'directory';
/** SHA-256 of nothing: of every empty file, and standing for the content of every directory. */
export const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
/** Of a sent version whose content nobody here can tell any more: the file was touched before it was read again, and the mode hides hashes. No content has it. */
export const UNKNOWN_SHA256 = '0'.repeat(64);
/** 32 lower-case hex digits, random, new for each attempt to change a path remotely. */
export type OperationId = string & { readonly __brand: 'OperationId' };

/** What Enfold stores with each object beside the body. @see docs/format.md, "Attributes" */
export type FileAttributes = {
  readonly operationId: OperationId;
  readonly vector: VersionVector;
  readonly mtimeMs: number;
  /** POSIX permission bits, 0 to 0o777. */
  readonly modeBits: number;
  readonly kind: EntryKind;
  /** Of the plaintext. */
  readonly sizeBytes: number;
  /** Of the plaintext, 64 hex digits; null where the mode must not tell it (`sse-kms`). */
  readonly sha256: string | null;
};

/** One file or directory on disk, as lstat saw it. */
export type LocalEntry = {
  readonly path: SyncPath;
  readonly kind: EntryKind;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly modeBits: number;
  readonly inode: string;
  /** Opaque; equal stamps mean the file was not touched (inode, size, mtime and ctime to the nanosecond). */
  readonly stamp: string;
  /** Directories only: nothing at all inside. Only an empty directory needs an object of its own. */
  readonly isEmpty?: boolean;
};

/** One object version in the bucket, as far as a listing or a HEAD told. */
export type RemoteVersion = {
  readonly objectKey: ObjectKey;
  readonly etag: string;
  readonly versionId: string | null;
  /** Of the stored body. */
  readonly objectBytes: number;
  readonly lastModifiedMs: number;
  /** Null until a HEAD or GET fetched and verified them. */
  readonly attributes: FileAttributes | null;
  /** As far as a HEAD or GET told: under which epoch it was written, and which key opens it. */
  readonly epoch?: number;
  readonly keyId?: KeyId | null;
};

/** What both sides last agreed on about one path. */
export type BaseEntry = {
  readonly path: SyncPath;
  readonly kind: EntryKind;
  readonly objectKey: ObjectKey;
  readonly etag: string;
  readonly versionId: string | null;
  readonly operationId: OperationId;
  readonly vector: VersionVector;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly modeBits: number;
  readonly sha256: string;
  readonly inode: string;
  readonly stamp: string;
  /** Epoch of the folder's descriptor under which the object was written. */
  readonly epoch: number;
  /** Which master or customer key opens it; null where S3 or KMS holds the key. */
  readonly keyId: KeyId | null;
  /** Of the stored body; absent where it was never told. */
  readonly objectBytes?: number;
  /**
   * When the listing says this version was last modified; null or missing until a listing has shown it. It changes where an
   * object got new attributes under an unchanged ETag.
   */
  readonly listedMs?: number | null;
};

/** A recorded deletion, so that absent never has to mean deleted. */
export type Tombstone = {
  readonly path: SyncPath;
  /** Of the version that was deleted. */
  readonly operationId: OperationId;
  readonly vector: VersionVector;
  readonly deletedAtMs: number;
  readonly device: string;
};

/** Why a side of a path is unknown: no action is planned there and the base is kept. */
export type SkipReason =
  | 'ignored'
  | 'unreadable'
  | 'directory-unreadable'
  | 'symlink'
  | 'special-file'
  | 'name-encoding'
  | 'name-unsupported'
  | 'name-collision'
  | 'name-clash'
  | 'name-too-long'
  | 'name-traversal'
  | 'name-control'
  | 'name-reserved'
  | 'own-file'
  | 'foreign'
  | 'not-authentic'
  | 'mode-not-honoured'
  | 'key-not-found'
  | 'file-too-large-for-mode'
  | 'waiting-for-quiet'
  | 'filesystem-boundary'
  /** The folder's direction does not take the change over: it stands as it is, on its side. */
  | 'direction';

export type Skipped = { readonly path: string; readonly side: 'local' | 'remote'; readonly reason: SkipReason; readonly detail: string | null };

export type LocalState =
  | { readonly type: 'absent' }
  /** `sha256` is null where the planner can decide without reading the file. */
  | { readonly type: 'present'; readonly entry: LocalEntry; readonly sha256: string | null }
  | { readonly type: 'unknown'; readonly reason: SkipReason };

export type RemoteState =
  /** `tombstone` is the best valid one found for the path: the one whose vector dominates the others. */
  | { readonly type: 'absent'; readonly tombstone: Tombstone | null }
  | { readonly type: 'present'; readonly version: RemoteVersion }
  | { readonly type: 'unknown'; readonly reason: SkipReason };

/** One path at which the three snapshots differ; the planner's whole input beside counts and policy. */
export type PathStates = {
  readonly path: SyncPath;
  readonly base: BaseEntry | null;
  readonly local: LocalState;
  readonly remote: RemoteState;
};
