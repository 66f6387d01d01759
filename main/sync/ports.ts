/**
 * What the engine needs from outside, named by what it uses and not by what a library offers. Adapters in `local/`,
 * `remote/`, `transfer/` and `state/` satisfy these; tests satisfy them with a world in memory.
 *
 * All errors are SyncErrors. A port that waits takes an AbortSignal; an abort rejects with the signal's reason.
 */
import type { LocalPath, ObjectKey, SyncPath } from '../model/path.ts';
import type { BaseEntry, FileAttributes, LocalEntry, OperationId, PathStates, RemoteVersion, Skipped, SkipReason, Tombstone } from '../model/snapshot.ts';
import type { DeviceId } from '../model/version-vector.ts';
import type { SyncError, WireError } from '../model/errors.ts';
import type { Change, ChangeFeed, NumberedChange } from '../model/feed.ts';
import type { EnvelopeFormat, KeyId } from '../model/mode.ts';
import type { ActivityEvent } from '../model/activity.ts';

export type Clock = { nowMs(): number; sleep(ms: number, signal: AbortSignal): Promise<void> };
/** `bytes(n)` returns n random bytes; tests give a seeded one. */
export type Random = { bytes(length: number): Uint8Array };

// ---------------------------------------------------------------- local side

/** One directory as the walk found it, or a part of it. `directory` is `''` for the top. Entries and skipped ones of all its parts are together complete. */
export type WalkedDirectory = {
  readonly directory: SyncPath | '';
  /** More of this directory follows at once; where something else follows instead, what was told of it is void. */
  readonly isPart?: boolean;
  readonly entries: readonly LocalEntry[];
  /** Paths that exist and are never synced, or cannot be read; for a skipped directory its path ends in `/` and all below it is unknown. */
  readonly skipped: readonly Skipped[];
};

/** A verified, fsynced file in the staging directory, ready to be put in place. */
export type Replacement = {
  readonly staged: LocalPath;
  readonly path: SyncPath;
  /** Null: nothing may stand there. Otherwise the stamp must still be this one; what is replaced goes to the trash. */
  readonly replaces: LocalEntry | null;
  readonly mtimeMs: number;
  readonly modeBits: number;
};
export type ReplaceOutcome = { readonly path: SyncPath } & ({ readonly ok: true; readonly entry: LocalEntry } | { readonly ok: false; readonly error: WireError });

export type NameCollisions = {
  /** What already has that name for the disk, or was let pass before by this memory; null: nothing, and from now on this path has it. */
  take(path: SyncPath): string | null;
};

export interface LocalTree {
  readonly root: LocalPath;
  /** @throws SyncError root-missing, root-foreign (marker of another folder or none), root-unreadable */
  checkRoot(): Promise<void>;
  /** Parents before their children; symbolic links are never followed. A directory that fails to list is a skipped entry, never missing entries. */
  walk(signal: AbortSignal): AsyncIterable<WalkedDirectory>;
  /** Null where nothing is there, or where a symbolic link or special file is. */
  entryAt(path: SyncPath): Promise<LocalEntry | null>;
  /** SHA-256 of the content, 64 hex digits. @throws SyncError changed-while-reading, file-vanished, permission-denied */
  hash(entry: LocalEntry, signal: AbortSignal): Promise<string>;
  /** A fresh name in the staging directory, on the same volume. */
  newStagingPath(): LocalPath;
  /** A name in the staging directory that is the same for each attempt to fetch that version. */
  partialPathOf?(objectKey: ObjectKey, etag: string): LocalPath;
  /** What was staged, as a source to upload from; for a directory's path an empty directory is made there. */
  stagedEntry(staged: LocalPath, path: SyncPath): Promise<LocalEntry>;
  /** Removes a staged file that will not be put in place; nothing there is no error. */
  removeStaged?(staged: LocalPath): Promise<void>;
  /** Puts staged files in place, durably: recheck, trash, times, rename, then one fsync per directory. Order of results as given. */
  replace(items: readonly Replacement[]): Promise<readonly ReplaceOutcome[]>;
  /** Makes the directory and its parents, durably. */
  makeDirectory(path: SyncPath): Promise<LocalEntry>;
  /** @throws SyncError target-changed where the entry is no longer as given */
  moveToTrash(entry: LocalEntry): Promise<void>;
  /** Removes directories above `path` that became empty, up to one for which `keep` answers true. */
  pruneEmptyParents(path: SyncPath, keep: (directory: SyncPath) => boolean): Promise<void>;
  /** Permissions only; content and times stay. @throws SyncError target-changed where the entry is no longer as given */
  setModeBits(entry: LocalEntry, modeBits: number): Promise<LocalEntry>;
  /** Names that the disk takes for one: a fresh memory of them for one look, or null where it keeps all names apart. */
  nameCollisions?(): NameCollisions | null;
  /** Renames without replacing anything. @throws SyncError target-changed, target-exists */
  rename(entry: LocalEntry, to: SyncPath): Promise<LocalEntry>;
  localPathOf(path: SyncPath): LocalPath;
  /** Whether a file of that name may be created here, or the reason why not. */
  mayCreate(path: SyncPath): SkipReason | null;
  freeBytes(): Promise<number>;
}

/** Hints that something below a directory may have changed; never evidence. */
export interface LocalWatcher {
  start(onHint: (paths: ReadonlySet<string> | 'everything') => void): Promise<void>;
  stop(): Promise<void>;
  /** What keeps it from telling of all changes, so that some are found by a look at everything only. */
  readonly problem: SyncError | null;
}

// ---------------------------------------------------------------- remote side

export type ListedObject = Omit<RemoteVersion, 'attributes'>;

/** A sync path, or why a key under the prefix is none. */
export type ResolvedKey = { readonly type: 'path'; readonly path: SyncPath } | { readonly type: 'skip'; readonly reason: SkipReason; readonly detail: string | null };

/** `mark` is another one whenever the device has published since. */
export type ListedFeed = { readonly device: DeviceId; readonly etag: string; readonly mark: string };

/** What each device of the folder says it has changed. */
export interface RemoteFeeds {
  /** One request. */
  list(signal: AbortSignal): Promise<readonly ListedFeed[]>;
  /** Null where it is gone. @throws SyncError not-authentic, malformed, newer-version, key-not-found */
  load(device: DeviceId, signal: AbortSignal): Promise<{ readonly feed: ChangeFeed; readonly etag: string } | null>;
  /**
   * Publishes the newest changes that fit. The own device's feed only.
   *
   * @param replaces - ETag of the feed as this device left it; null: none yet.
   * @returns the new ETag.
   * @throws SyncError version-changed where another one stands there
   */
  put(feed: ChangeFeed, replaces: string | null, signal: AbortSignal): Promise<string>;
}

/** One remote prefix seen as a folder: keys are names, metadata is attributes, deletions are tombstones. */
export interface RemoteFolder {
  /**
   * Asked before absent objects are taken for deletions: the folder's description is still there and still the pinned one.
   * @throws SyncError descriptor-missing, descriptor-mismatch, descriptor-rollback
   */
  checkFolder?(signal: AbortSignal): Promise<void>;
  readonly feeds: RemoteFeeds;
  /** Ends unfinished uploads of this device's own that nobody will go on with: those named, and whatever else was begun of these keys since, but for `keep`. */
  clearUploads?(uploads: { readonly named: readonly Pick<SavedUpload, 'objectKey' | 'uploadId'>[]; readonly begun: readonly { readonly objectKey: ObjectKey; readonly sinceMs: number }[]; readonly keep: ReadonlySet<string> }, signal: AbortSignal): Promise<void>;
  /** Whole listing in byte order of keys, without Enfold's own objects; ends normally only when it was complete. */
  list(signal: AbortSignal): AsyncIterable<readonly ListedObject[]>;
  /** In the order given. Decrypts names; fetches long ones where needed. */
  resolve(objectKeys: readonly ObjectKey[], signal: AbortSignal): Promise<readonly ResolvedKey[]>;
  /** @throws SyncError name-too-long */
  objectKeyOf(path: SyncPath): ObjectKey;
  /** Null where nothing is there. @throws SyncError not-authentic, not-ours (foreign), key-not-found */
  head(objectKey: ObjectKey, path: SyncPath, signal: AbortSignal): Promise<RemoteVersion | null>;
  /** Valid tombstones of a path; invalid ones are left out. */
  tombstonesOf(path: SyncPath, signal: AbortSignal): Promise<readonly Tombstone[]>;
  putTombstone(tombstone: Tombstone, signal: AbortSignal): Promise<void>;
  /** Conditional on the version, with a HEAD before where the endpoint ignores conditions. @throws SyncError version-changed, object-not-found */
  delete(version: { readonly objectKey: ObjectKey; readonly etag: string; readonly operationId: OperationId }, path: SyncPath, signal: AbortSignal): Promise<void>;
  /**
   * Server-side copy with newly sealed attributes, onto another key (which must be free) or onto itself.
   * Verified by a HEAD. @throws SyncError version-changed, rejected (the endpoint cannot: upload instead)
   */
  copy(from: { readonly objectKey: ObjectKey; readonly etag: string; readonly path: SyncPath }, to: SyncPath, attributes: FileAttributes, signal: AbortSignal): Promise<RemoteVersion>;
  /**
   * Brings an object under the current epoch's mode and key, by the cheapest way that is right, unless somebody changes it meanwhile.
   *
   * @param sha256 - of the content, where it is known and the object's attributes may not tell.
   * @throws SyncError version-changed (look again), not-ours, not-authentic, key-not-found, mode-not-honoured, …
   */
  reprotect?(object: { readonly objectKey: ObjectKey; readonly etag: string }, path: SyncPath, sha256: string | null, signal: AbortSignal): Promise<Reprotection>;
  /** The same for Enfold's own objects: tombstones, long names. @returns how many were changed */
  reprotectOwn?(signal: AbortSignal): Promise<number>;
}

/** What became of one object that is to stand under the folder's current mode and key. `version` is what stands now. */
export type Reprotection =
  /** It does already. */
  | { readonly type: 'current'; readonly version: RemoteVersion }
  /** Its key was wrapped anew by the service, it was copied on the server, or its own metadata was. */
  | { readonly type: 'changed'; readonly way: 'update' | 'copy' | 'rewrap'; readonly version: RemoteVersion }
  /** Only reading and writing it again will do. `isUntrusted`: what stands there proves nothing any more, so only this device's own file is sent again. */
  | { readonly type: 'transfer'; readonly version: RemoteVersion; readonly kept: KeptHeaders; readonly isUntrusted?: boolean }
  | { readonly type: 'gone' };

/** Request headers by lower-case name, beside metadata and mode, that stay with the object they are sent with: its storage class, its tags. */
export type KeptHeaders = Readonly<Record<string, string>>;

// ---------------------------------------------------------------- transfers

export type UploadJob = {
  readonly path: SyncPath;
  readonly objectKey: ObjectKey;
  readonly source: LocalPath;
  readonly local: LocalEntry;
  /** Everything but the hash and the size, which the worker finds; sealed by the worker. */
  readonly attributes: Omit<FileAttributes, 'sha256' | 'sizeBytes'>;
  /** Null: `If-None-Match: *`. */
  readonly ifMatch: string | null;
  /** What is replaced may stand nowhere else: then it stays there also where the server did not keep it in the mode that was asked for. */
  readonly keepsUnhonoured?: boolean;
  /** What the object had before and is to have again. */
  readonly kept?: KeptHeaders;
};
/** A multipart upload that was begun, and what was ever sent of it: enough to go on with it after a restart. Holds no unwrapped key. */
export type SavedUpload = {
  readonly path: SyncPath;
  readonly objectKey: ObjectKey;
  readonly uploadId: string;
  /** Of the version it will be; they stand in metadata that was sent when it was begun. */
  readonly operationId: OperationId;
  readonly vector: BaseEntry['vector'];
  /** The local file as it was. */
  readonly stamp: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly partBytes: number;
  readonly epoch: number;
  readonly metadata: Readonly<Record<string, string>>;
  /** Null in the server-side modes. */
  readonly encryption: { readonly format: EnvelopeFormat; readonly metadata: Readonly<Record<string, string>> } | null;
  readonly savedAtMs: number;
  /** SHA-256 of the body of each part that was ever attempted, by its number. */
  readonly parts: Readonly<Record<number, string>>;
};
export type BegunUpload = Pick<SavedUpload, 'uploadId' | 'sizeBytes' | 'sha256' | 'partBytes' | 'epoch' | 'metadata' | 'encryption'>;

/** Where a large upload writes down how far it got. What was promised to be written is on disk when the promise resolves. */
export type UploadJournal = {
  readonly saved: SavedUpload | null;
  begin(upload: BegunUpload): Promise<void>;
  /** Before a part's first byte leaves: the same key must never encrypt two texts. */
  attempt(partNumber: number, sha256: string): Promise<void>;
  /** The upload is over, or cannot be gone on with. */
  drop(): Promise<void>;
};

export type UploadResult = {
  readonly version: RemoteVersion;
  readonly sha256: string;
  readonly epoch: number;
  readonly keyId: KeyId | null;
};
export type DownloadJob = {
  readonly path: SyncPath;
  readonly objectKey: ObjectKey;
  readonly etag: string;
  readonly objectBytes: number;
  /** An earlier version; by default the one that stands. */
  readonly versionId?: string | undefined;
  /** Where to put the verified plaintext; created with O_EXCL, fsynced before the result. */
  readonly staged: LocalPath;
  /** Where to keep what arrives of a large object until all of it has, and to find what an earlier attempt left. */
  readonly partial?: LocalPath | undefined;
};
export type DownloadResult = { readonly version: RemoteVersion; readonly attributes: FileAttributes; readonly epoch: number; readonly keyId: KeyId | null };

/** Called at most a few times a second per transfer, with the bytes done so far. */
export type OnProgress = (doneBytes: number) => void;

export interface Transfers {
  /** How many small transfers to keep in flight. */
  readonly concurrency: number;
  /** @throws SyncError changed-while-reading, file-vanished, version-changed, mode-not-honoured, file-too-large-for-mode, metadata-too-large, … */
  upload(job: UploadJob, onProgress: OnProgress, signal: AbortSignal, journal?: UploadJournal): Promise<UploadResult>;
  /** @throws SyncError not-authentic, commitment-mismatch, truncated, not-ours, version-changed, object-not-found, disk-full, … */
  download(job: DownloadJob, onProgress: OnProgress, signal: AbortSignal): Promise<DownloadResult>;
}

// ---------------------------------------------------------------- state

export type Intent = {
  readonly operationId: OperationId;
  readonly kind: 'upload' | 'delete' | 'rename' | 'update-attributes';
  readonly path: SyncPath;
  readonly objectKey: ObjectKey;
  /** ETag of the version that is replaced or deleted; null for a creation. */
  readonly etag: string | null;
  /** Rename: where it comes from. */
  readonly fromPath: SyncPath | null;
  /** What was on disk when the intent was made, so that a confirmed upload becomes a base entry without a transfer. */
  readonly local: LocalEntry | null;
  readonly vector: BaseEntry['vector'];
  readonly createdAtMs: number;
};

export type Commit = {
  readonly put?: readonly BaseEntry[];
  /** When the versions of these entries were stored, as a listing tells it. */
  readonly listed?: readonly { readonly path: SyncPath; readonly listedMs: number }[];
  readonly drop?: readonly SyncPath[];
  readonly finish?: readonly OperationId[];
  readonly activity?: readonly ActivityEvent[];
  /** What others are to learn from this device's feed; numbered in the order given. */
  readonly changes?: readonly (Change & { readonly atMs: number })[];
};

/** What of a base entry a listing can confirm. */
export type ListedBase = Pick<BaseEntry, 'path' | 'objectKey' | 'etag' | 'epoch' | 'listedMs'>;

/** One folder's records. Synchronous: SQLite answers in microseconds, and a transaction must not be interleaved. */
export interface FolderState {
  readonly device: DeviceId;
  /** These records are older than what this device has done since: from now on it is a new one, whose counters and changes begin anew. */
  renewDevice(): void;
  /** Numbers never used before by this device; committed before it returns. */
  takeCounters(count: number): number;
  baseAt(path: SyncPath): BaseEntry | null;
  baseByKey(objectKey: ObjectKey): BaseEntry | null;
  /** Path and local stamp of all entries directly inside a directory (`''` for the top), including its subdirectories' own rows. */
  stampsInDirectory(directory: SyncPath | ''): Iterable<readonly [SyncPath, string]>;
  /** Directories that have base entries below them, directly inside `directory`: paths with a trailing `/`. */
  baseSubdirectories(directory: SyncPath | ''): readonly SyncPath[];
  /** All entries below a directory. */
  baseBelow(directory: SyncPath): Iterable<BaseEntry>;
  /** Ordered by object key in byte order: after `after` (exclusive), up to `until` (inclusive; null is the end). */
  baseByKeyRange(after: ObjectKey | '', until: ObjectKey | null): Iterable<BaseEntry>;
  /** As {@link baseByKeyRange}, no more of each than a listing tells: a third of the time. */
  listedByKeyRange(after: ObjectKey | '', until: ObjectKey | null): Iterable<ListedBase>;
  baseTotals(): { readonly files: number; readonly bytes: number };
  /** Entries in all, and those of them that stand under an epoch before this one. */
  countBefore(epoch: number): { readonly total: number; readonly before: number };

  /** The newest `limit` of this device's own changes, oldest first. */
  ownChanges(limit: number): readonly NumberedChange[];
  /** Number of the newest own change; 0 before the first. */
  lastChange(): number;
  /** Changes that are neither among the newest `keep` nor newer than `sinceMs` need not be told any more. @returns whether there are more of them, where they are many */
  forgetChanges(keep: number, sinceMs: number): boolean;

  /**
   * Starts a new pair of snapshots: forgets the previous cycle's differences.
   *
   * @param keepsRemoteSkipped - the remote side is not listed whole: what was skipped there stays listed.
   */
  beginScan(keepsRemoteSkipped?: boolean): void;
  /** Rows where a side differs from base, as found; a later row for the same path and side replaces the earlier. */
  putLocalDifferences(rows: readonly LocalDifference[]): void;
  putRemoteDifferences(rows: readonly RemoteDifference[]): void;
  /** A directory (or `''`) below which one side is unknown. */
  putUnknownDirectory(side: 'local' | 'remote', directory: SyncPath | '', reason: SkipReason): void;
  /** The differing paths joined with base, ordered by path in byte order of UTF-8, those behind `after` only. A side without a row equals base, or is unknown below an unknown directory. */
  differences(after?: SyncPath): Iterable<PathStates>;
  /** Where differing paths of this scan stand in line; each at most once. */
  putInLine(rows: readonly InLine[]): void;
  /** The paths in line as {@link differences} tells them, the most urgent first. */
  inLine(): Iterable<PathStates>;
  skipped(): readonly Skipped[];
  putSkipped(rows: readonly Skipped[]): void;

  savedUpload(path: SyncPath): SavedUpload | null;
  savedUploads(): readonly SavedUpload[];
  /** Replaces what was saved for the path. */
  saveUpload(upload: SavedUpload): void;
  savePart(path: SyncPath, partNumber: number, sha256: string): void;
  dropUpload(path: SyncPath): void;

  beginIntents(intents: readonly Intent[]): void;
  openIntents(): readonly Intent[];
  /** One transaction. */
  commit(batch: Commit): void;
  recentActivity(limit: number): readonly ActivityEvent[];

  /** Small facts: descriptor pin, last success, capability record, first cycle done. JSON values. */
  fact<T>(name: string): T | null;
  putFact(name: string, value: unknown): void;
  close(): void;
}
/** The smallest size class goes first, in it the newest, then by path. */
export type InLine = { readonly path: SyncPath; readonly sizeClass: number; readonly mtimeMs: number };
export type LocalDifference = { readonly path: SyncPath; readonly state: { readonly type: 'absent' } | { readonly type: 'present'; readonly entry: LocalEntry; readonly sha256: string | null } | { readonly type: 'unknown'; readonly reason: SkipReason } };
export type RemoteDifference = { readonly path: SyncPath; readonly state: { readonly type: 'absent'; readonly tombstone: Tombstone | null } | { readonly type: 'present'; readonly version: RemoteVersion } | { readonly type: 'unknown'; readonly reason: SkipReason } };

// ---------------------------------------------------------------- secrets

/** Where secrets live: the OS keychain, or a passphrase-encrypted key file. Values never leave as strings. */
export interface SecretStore {
  readonly backend: 'keychain' | 'file';
  get(name: string): Promise<Buffer | null>;
  set(name: string, value: Buffer): Promise<void>;
  delete(name: string): Promise<void>;
  /** Overwrites what it keeps in memory, and asks again for what opens it. */
  forget?(): void;
  /** Where nothing can open what is kept any more: moves it out of the way, deletes nothing, and begins anew. @returns where it is now; null where there was nothing */
  setAside?(): Promise<string | null>;
}
