/**
 * What the assembled program can do, for the command line, the engine process and tests: the types of `openEnfold`'s answer.
 * All methods check their input and throw SyncErrors; nothing here is secret unless it says so.
 */
import type { ActivityEvent } from '../model/activity.ts';
import type { Direction, HoldReason, Plan, PlanCounts, Question } from '../model/action.ts';
import type { SyncError, WireError } from '../model/errors.ts';
import type { EncryptionContext, EncryptionMode, EnvelopeFormat, KeyId, ModeId, NamesSetting } from '../model/mode.ts';
import type { ConnectionSettings, FolderSettings, KeySettings, KeyType, KitState, S3Access } from '../model/settings.ts';
import type { Skipped } from '../model/snapshot.ts';
import type { TransferLimits } from '../model/transfer-limits.ts';
import type { SettingsStore } from '../state/settings.ts';
import type { Capabilities } from '../remote/capabilities.ts';
import type { Look } from '../sync/observe.ts';
import type { SecretStore } from '../sync/ports.ts';
import type { Buckets } from './buckets.ts';
import type { Explained } from './explain.ts';
import type { Audience, Recipient } from '../keys/identity.ts';
import type { Member } from '../remote/members.ts';
import type { ReprotectResult } from '../sync/reprotect.ts';
import type { ContinueOptions } from './change-mode.ts';
import type { ChangePreview } from './change-preview.ts';
import type { ModeChoice } from './mode-choice.ts';
import type { Reasons } from './why.ts';
import type { Wiring } from './open-folder.ts';

/** Where a running built-in storage is reached. Secret; lives in memory only. */
export type StorageAccess = { readonly endpoint: string; readonly accessKeyId: string; readonly secretAccessKey: string; /** PEM, where it is reached over HTTPS. */ readonly certificatePem?: string | null | undefined };
/** Starts built-in storage over a directory unless it runs; who implements it also ends it. `isSecure`: over HTTPS, if it is this one that starts it. */
export type StorageHost = { ensureRunning(directory: string, isSecure?: boolean): Promise<StorageAccess> };

export type EnfoldOptions = {
  /** Enfold's own directory; by default what `env` says. */
  readonly home?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Goes into the names of conflict copies; by default this computer's. */
  readonly hostName?: string | undefined;
  /** Asked at most once, when the passphrase-protected key file is first needed. Null: none can be had. */
  readonly askPassphrase?: (() => Promise<string | null>) | undefined;
  readonly storageHost?: StorageHost | undefined;
  /** One line of what happens, without secrets. */
  readonly log?: ((line: string) => void) | undefined;
};

export type NewConnection =
  | { readonly kind: 'built-in'; readonly name: string; readonly directory: string; /** Reached over HTTPS, by its own certificate. */ readonly isSecure?: boolean | undefined }
  | ({ readonly kind: 's3'; readonly name: string; readonly endpoint: string | null; readonly region: string; readonly accessKeyId: string; readonly secretAccessKey: string } & Pinned)
  | ({ readonly kind: 'profile'; readonly name: string; readonly endpoint: string | null; readonly region: string; readonly profile: string } & Pinned)
  | ({ readonly kind: 'environment'; readonly name: string; readonly endpoint: string | null; readonly region: string } & Pinned);
/** SHA-256 of the one certificate the server may have, hex with or without colons; it is looked at when the connection is added. */
type Pinned = { readonly fingerprint?: string | undefined; /** 12 digits: the AWS account that every bucket must belong to. */ readonly bucketOwner?: string | undefined };

/** Connections, folders and keys may be given by id, by a unique start of the id, or by name. */
export type Connections = {
  list(): readonly ConnectionSettings[];
  /** @throws SyncError no-such-connection, bad-usage (ambiguous) */
  find(idOrName: string): ConnectionSettings;
  /** Stores the secret in the secret store. @throws SyncError name-taken, bad-usage, keychain-… */
  add(input: NewConnection): Promise<ConnectionSettings>;
  /** Proves that the server is there, is an S3 server and takes the sign-in. @throws SyncError offline, not-s3, sign-in-wrong, … */
  test(idOrName: string, signal?: AbortSignal): Promise<void>;
  /** @throws SyncError connection-in-use */
  remove(idOrName: string): Promise<void>;
  /** Whether built-in storage is reached over HTTPS, for every connection to its directory. @returns their ids. @throws SyncError bad-usage */
  setSecure(idOrName: string, isSecure: boolean): readonly string[];
  /** @throws SyncError access-denied where the sign-in may not list */
  buckets(idOrName: string): Promise<readonly string[]>;
  /** True: made; false: it was there already and is reachable. @throws SyncError bucket-taken-by-others as access-denied, bad-usage */
  createBucket(idOrName: string, bucket: string): Promise<boolean>;
  /** Secret: what an S3 client needs. Starts built-in storage where the connection uses it. */
  accessOf(connection: ConnectionSettings): Promise<S3Access>;
};

export type Keys = {
  list(): readonly KeySettings[];
  /** @throws SyncError key-not-found */
  find(idOrName: string): KeySettings;
  /** @throws SyncError key-name-taken */
  create(input: { readonly name: string; readonly type: KeyType }): Promise<KeySettings>;
  /** Writes an age file under `passphrase`; never replaces a file that holds something. @throws SyncError target-exists, key-not-found */
  exportTo(idOrName: string, file: string, passphrase: string): Promise<KeySettings>;
  /** An imported key that is already there keeps its old name unless that was free. @throws SyncError key-invalid, passphrase-…, key-name-taken */
  importFrom(input: { readonly name: string; readonly file: string; readonly passphrase: string | null; /** What raw bytes are; exports and PEM say it themselves. Default: aes. */ readonly type?: KeyType | undefined }): Promise<KeySettings>;
  /** From the 24 words of a recovery kit, as typed. @throws SyncError kit-word-unknown, kit-words-wrong, key-name-taken */
  importWords(input: { readonly name: string; readonly words: string; readonly type?: 'aes' | 'sse-c' | undefined }): Promise<KeySettings>;
  /** From AWS Secrets Manager: raw bytes, base64, hex, PEM, or 32 characters as it makes them itself. @throws SyncError key-not-found, access-denied, key-invalid, key-name-taken */
  importFromSecret(input: { readonly name: string; readonly secretId: string; readonly connection: string; readonly type?: KeyType | undefined }): Promise<KeySettings>;
  /** Takes key bytes over (they are zeroed) under that name, or with a number behind it where another key has it. */
  takeIn(input: { readonly name: string; readonly type: KeyType; readonly bytes: Buffer }): Promise<{ readonly key: KeySettings; readonly isNew: boolean }>;
  /** True where the file is an export, which a passphrase protects, or the file of a kit, which its words open. */
  needsPassphrase(file: string): Promise<boolean>;
  /** @throws SyncError key-in-use */
  remove(idOrName: string): Promise<void>;
  /** Reads every key from where it is kept, and compares it with its id. */
  selfTest(): Promise<SelfTest>;
  /** Secret: a copy of the key's bytes, which the caller zeroes. @throws SyncError key-not-found, keychain-… */
  bytesOf(keyId: KeyId): Promise<Buffer>;
};

/** A key and what the kit of it opens, in the words of both shells. */
export type KitFolderView = { readonly id: string; readonly name: string; readonly remote: string; readonly endpoint: string | null; readonly region: string; readonly mode: ModeId; readonly fingerprint: string | null };
export type KitPapers = { /** The page, and the text of the age file (null for KMS keys): as secret as the key. */ readonly page: string; readonly age: string | null; readonly folders: readonly KitFolderView[]; /** Tells the records that the papers were kept. */ saved(): void };
export type KitFiles = { readonly page: string; readonly ageFile: string | null; readonly folders: readonly KitFolderView[] };
export type KitCheck = { readonly key: KeySettings; /** Folders whose folder key the kit's key really unwrapped. */ readonly opened: readonly KitFolderView[] };
/** What was given back to check a kit. */
export type KitProof = { readonly words: string } | { readonly file: string; /** The words, where the file needs them. */ readonly words: string | null };

/** Recovery kits: made, given back to be checked. Keys by id or name; for KMS keys the id, ARN or alias that a folder uses. */
export type Kits = {
  /** In memory only. @throws SyncError key-not-found, keychain-… */
  make(idOrName: string): Promise<KitPapers>;
  /** Writes the page to `file` (`.html` is added where it has no such end) and the age file beside it. @throws SyncError target-exists */
  saveTo(idOrName: string, file: string): Promise<KitFiles>;
  /** Really unwraps the folder keys with what was given. @throws SyncError kit-… */
  verify(idOrName: string, proof: KitProof): Promise<KitCheck>;
  /** True where {@link KitProof} of that file needs the words. */
  needsWords(file: string): Promise<boolean>;
  /** Folders that a kit or an invitation named and that are not paired here, with what is left to do. */
  known(): readonly KitFolderView[];
  stateOf(key: KeySettings): KitState;
};

export type { Member } from '../remote/members.ts';
export type { Recipient, Audience } from '../keys/identity.ts';

/** Sharing a folder with a few people. */
export type RenewedInvitation = { readonly name: string; readonly file: string };
export type Invitations = {
  /** Of this computer: what others encrypt invitations to. Made when first asked for. @throws SyncError keychain-… */
  recipient(): Promise<Recipient>;
  /** @throws SyncError recipient-invalid, key-shared, target-exists, … */
  invite(input: { readonly folder: string; readonly audience: Audience; readonly file: string; /** What to call whom it lets in. */ readonly name: string; /** Until it expires. */ readonly days: number }): Promise<{ readonly member: Member; readonly file: string; readonly recipient: Recipient | null }>;
  /** Joins the folder. On an error nothing is changed on either side. @throws SyncError invitation-…, fingerprint-mismatch, no-such-connection, … */
  accept(input: { readonly file: string; /** Null: the folder is here already, and the invitation brings its new key. */ readonly localPath: string | null; /** Null: the one connection to the same server. */ readonly connection: string | null; readonly passphrase: string | null; /** The folder is looked at before its first cycle. */ readonly isPaused?: boolean }): Promise<AddedFolder & { readonly from: string }>;
  /** True where a passphrase opens the file. */
  needsPassphrase(file: string): Promise<boolean>;
  members(folder: string): Promise<readonly Member[]>;
  /**
   * New invitations, with the keys as they are now, for everybody who is in: after a member was removed and the folder has a new key. One file each.
   * @returns `byHand`: who was invited under a passphrase, and needs an invitation made by hand. @throws what `invite` throws
   */
  renew(input: { readonly folder: string; /** Existing. */ readonly directory: string; readonly days: number }): Promise<{ readonly files: readonly RenewedInvitation[]; readonly byHand: readonly string[] }>;
  /**
   * Takes back an invitation, or removes a member who is in: then the folder gets a new key, begun here and carried out by the next syncs.
   * @returns `next`: the new key, which the members who stay need. @throws SyncError bad-usage where a new key is needed and may not be made
   */
  withdraw(folder: string, member: string, options: { readonly mayChangeKey: boolean }): Promise<{ readonly member: Member; readonly next: KeySettings | null }>;
};

export type LockSettings = { /** Lock after this long without anybody at the computer; null: never. */ readonly idleMinutes: number | null; readonly onScreenLock: boolean; readonly onSleep: boolean };
export type Lock = {
  isLocked(): boolean;
  /** What {@link unlock} wants: the key file's passphrase, the lock's own, or nothing. */
  method(): Promise<'key-file' | 'passphrase' | 'none'>;
  /** From now on no secret is read, in any process of this home; what this process holds is forgotten. */
  lock(): Promise<void>;
  /** @throws SyncError passphrase-missing, passphrase-wrong, lock-passphrase-wrong */
  unlock(passphrase: string | null): Promise<void>;
  /** The shell has asked the system to check its user. */
  unlockVerified(): void;
  /** Keychain only; null takes it away. @throws SyncError lock-passphrase-wrong */
  setPassphrase(current: string | null, next: string | null): Promise<void>;
  settings(): LockSettings;
  setSettings(next: LockSettings): void;
};

/** The last restore drill of a folder. `lastProvenMs`: when all that was tried last came back right. */
export type DrillState = { readonly atMs: number; readonly files: number; readonly bytes: number; /** Of these, compared with an untouched file on this disk. */ readonly compared: number; readonly failed: number; readonly lastProvenMs: number | null };
export type DrillReport = DrillState & { readonly id: string; readonly name: string; readonly problems: readonly FailedPath[] };

/** Null: the key at rest is the key. */
export type SelfTest = ReadonlyMap<KeyId, SyncError | null>;

export type NewFolder = {
  readonly localPath: string;
  readonly connection: string;
  readonly bucket: string;
  /** `''` or ends in `/`. */
  readonly prefix: string;
  /** Null: take it from the folder that is there. */
  readonly mode: ModeId | null;
  readonly key: string | null;
  /** Id, ARN or alias. `sse-kms` without it: the AWS managed key. */
  readonly kmsKeyId?: string | null | undefined;
  /** `sse-kms` only. Defaults: bucket key on, one layer, no context. */
  readonly bucketKey?: boolean | undefined;
  readonly dsse?: boolean | undefined;
  readonly encryptionContext?: EncryptionContext | undefined;
  /** Null: by default of the mode, or from the folder that is there. */
  readonly names: NamesSetting | null;
  readonly direction: Direction;
  /** Client-side modes; v3 by default. */
  readonly format?: EnvelopeFormat | undefined;
  /** `cse-kms` in V3: one KMS data key for up to 1,000 objects or 5 minutes. This computer's own choice, also where it joins. Default: one for each object. */
  readonly reusesDataKey?: boolean | undefined;
  readonly createBucket: boolean;
  /** Added, but left alone until resumed. */
  readonly isPaused?: boolean;
};
/** `joined`: the place in the bucket already held a folder. */
export type AddedFolder = { readonly folder: FolderSettings; readonly joined: boolean; readonly fingerprint: string | null };

/** What stands at a place in a bucket, before a folder is added. */
export type Inspection = {
  readonly localProblem: WireError | null;
  readonly remoteProblem: WireError | null;
  readonly bucketExists: boolean;
  /** The bucket's own settings refuse SSE-C, as those of new AWS buckets do. */
  readonly isCustomerKeyBlocked: boolean;
  readonly localFiles: number | null;
  readonly existing: { readonly folderId: string; readonly mode: EncryptionMode; readonly names: NamesSetting; readonly fingerprint: string | null; readonly hasKey: boolean } | null;
};

/** What is to differ; what is not said stays. */
export type ModeChanges = Partial<Omit<ModeChoice, 'mode'>> & { readonly mode?: ModeId | undefined };
export type FolderChanges = { readonly direction?: Direction; readonly isPaused?: boolean; readonly name?: string; readonly reusesDataKey?: boolean; /** What is not named stays; undefined takes a limit away. */ readonly limits?: TransferLimits };

export type Folders = {
  list(): readonly FolderSettings[];
  /** Also by local path. @throws SyncError no-such-folder, bad-usage (ambiguous) */
  find(idNameOrPath: string): FolderSettings;
  inspect(input: Pick<NewFolder, 'localPath' | 'connection' | 'bucket' | 'prefix'>): Promise<Inspection>;
  /** Creates the folder in the bucket, or joins the one that is there. On an error nothing is changed on either side. */
  add(input: NewFolder): Promise<AddedFolder>;
  set(idNameOrPath: string, changes: FolderChanges): Promise<FolderSettings>;
  /** What changing mode or key would take; `choice` says what differs. Changes nothing. @throws SyncError bad-usage, key-not-found, … */
  previewChange(idNameOrPath: string, choice: ModeChanges, signal: AbortSignal): Promise<ChangePreview>;
  /** From now on everything is written in the new way; `OpenFolder.continueChange` brings the rest after. @throws SyncError mode-not-honoured, mode-blocked, folder-busy, … */
  beginChange(idNameOrPath: string, choice: ModeChanges, signal: AbortSignal): Promise<FolderSettings>;
  /** Takes over a change that another computer made and this one would not take over by itself. */
  acceptEpoch(idNameOrPath: string, signal: AbortSignal): Promise<FolderSettings>;
  /** Forgets the pairing; deletes no file and no object. */
  remove(idNameOrPath: string): Promise<void>;
  /** From this computer's records alone: no server, no secret. */
  recordsOf(idNameOrPath: string): Promise<FolderRecords>;
  /** Unwraps the folder's keys and opens its records; exclusive on this computer. @throws SyncError folder-busy, … */
  open(idNameOrPath: string): Promise<OpenFolder>;
};

export type FolderRecords = {
  readonly files: number;
  readonly bytes: number;
  readonly lastSuccessMs: number | null;
  readonly skipped: readonly Skipped[];
  readonly activity: readonly ActivityEvent[];
  /** Null: never. */
  readonly drill: DrillState | null;
  /** What its server was found to enforce; null: not tried yet, or long ago. */
  readonly capabilities: Capabilities | null;
  /** Null: not known to be open in another Enfold. */
  readonly openIn: 'another' | null;
};

export type FailedPath = { readonly path: string | null; readonly error: WireError };
export type Held = { readonly reason: HoldReason; readonly deletions: readonly string[]; readonly ofTotal: number };

/** What one sync of one folder came to. */
export type SyncReport = {
  readonly id: string;
  readonly name: string;
  /** Nothing failed, nothing is held, nothing is left to do. */
  readonly inStep: boolean;
  readonly counts: PlanCounts;
  readonly failed: readonly FailedPath[];
  readonly held: Held | null;
  /** Paths that only the user can decide about, such as files gone remotely without a recorded deletion. */
  readonly questions: readonly { readonly type: Question['type']; readonly path: string }[];
  readonly conflictCopies: readonly string[];
  /** Skipped by rule: no failure. */
  readonly skipped: number;
  /** Skipped because the object could not be trusted or opened. */
  readonly quarantined: readonly Skipped[];
  readonly cycles: number;
  readonly elapsedMs: number;
  /** Where a change of mode or key was under way: what became of it. */
  readonly change?: ReprotectResult;
};

export type SyncProgress = { readonly phase: string; readonly doneFiles: number; readonly totalFiles: number; readonly doneBytes: number; readonly totalBytes: number };

export type SyncOptions = {
  readonly acceptHeld: boolean;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: SyncProgress) => void;
  /**
   * `both`: both sides whole. `changes`: what the devices' change feeds tell, and a listing of the bucket only where they have a gap. The others begin with
   * one side, which is enough to see that nothing is new. Default: both.
   */
  readonly look?: Look;
};

/** `woken`: the computer slept, or its network or clock changed. */
export type WatchNews = 'changed' | 'woken' | 'nothing';
export type Hints = {
  next(signal: AbortSignal): Promise<WatchNews>;
  /** What keeps changes from being told at once; null: nothing. */
  problem(): SyncError | null;
};

export type OpenFolder = {
  readonly settings: FolderSettings;
  /** Cycles until nothing is left to do or nothing more can be done now. @throws SyncError where the cycle could not start */
  sync(options: SyncOptions): Promise<SyncReport>;
  preview(signal: AbortSignal): Promise<Plan>;
  /** Goes on with a change of mode or key that was begun; null where there is none. @throws SyncError */
  continueChange(options: ContinueOptions): Promise<ReprotectResult | null>;
  /** Starts looking out for local changes, and for the computer waking up; `next` tells which of them came, or that the signal did. */
  watch(): Promise<Hints>;
  close(): Promise<void>;
};

/** Where a file stands: inside a folder, by its real name, or at a key of a bucket. */
export type Target =
  | { readonly type: 'folder'; readonly folder: string; readonly path: string; readonly versionId?: string | undefined }
  | {
      readonly type: 'object';
      readonly connection: string;
      readonly bucket: string;
      readonly objectKey: string;
      /** Null: by the kind of key given; without one, bytes are read as stored, and what is put goes by `sse-s3`. */
      readonly mode: ModeId | null;
      readonly key: string | null;
      readonly kmsKeyId?: string | null | undefined;
      /** To write; what is read says its own. */
      readonly format?: EnvelopeFormat | undefined;
      /** Also read what old encryption clients wrote, which is weaker. */
      readonly legacy?: boolean | undefined;
      /** To read an earlier version. */
      readonly versionId?: string | undefined;
    };

export type FileRow = {
  /** Path inside the folder, or the object key; directories end in `/`. */
  readonly path: string;
  /** The last segment. */
  readonly name: string;
  readonly kind: 'file' | 'directory';
  /** Of the plaintext; null where only a HEAD would tell. */
  readonly sizeBytes: number | null;
  readonly modifiedMs: number | null;
  readonly objectKey: string;
  readonly protection: 'sealed' | 'server' | 'foreign';
  /** This very version was confirmed to this computer: by the server's answer to its upload, or by checking it when it came down. */
  readonly isConfirmed: boolean;
};
export type Stored = { readonly path: string; readonly objectKey: string; readonly sizeBytes: number; readonly sha256: string | null; readonly replaced: boolean };
export type Fetched = { readonly path: string; readonly sizeBytes: number; readonly sha256: string | null; readonly modifiedMs: number | null };

/** Bytes of one file that are on their way, of how many in all. */
export type OnBytes = (doneBytes: number, totalBytes: number) => void;

/** The remote side as files: decrypted names and contents. */
export type RemoteFiles = {
  /** Rows directly inside a directory, or all below it. */
  list(target: Target, options: { readonly recursive: boolean; readonly signal: AbortSignal }): AsyncIterable<FileRow>;
  /** Into `file`, which appears whole and verified or not at all. Replaces a file that stands there. @throws SyncError no-such-path, not-authentic, … */
  get(target: Target, file: string, signal: AbortSignal, onBytes?: OnBytes): Promise<Fetched>;
  /** Verified first, then written to `sink` in chunks. */
  cat(target: Target, sink: (chunk: Buffer) => Promise<void>, signal: AbortSignal, onBytes?: OnBytes): Promise<Fetched>;
  put(file: string, target: Target, signal: AbortSignal, onBytes?: OnBytes): Promise<Stored>;
  /** Yields each removed path. A directory only with `recursive`. In a folder a tombstone tells the other devices. */
  remove(target: Target, options: { readonly recursive: boolean; readonly signal: AbortSignal }): AsyncIterable<string>;
};

/** A version of a file that the bucket keeps, or the mark that it was deleted. Those of one file come together, the newest first. */
export type FileVersion = {
  readonly path: string;
  readonly versionId: string;
  readonly isLatest: boolean;
  readonly isDeletion: boolean;
  /** When it was stored, by the server's clock. */
  readonly atMs: number;
  /** Of the content; null for a deletion. */
  readonly sizeBytes: number | null;
};

export type RestoreOptions = {
  /** As it was then, by the server's clock; null: as it stands, and a single file that was deleted as it was before. */
  readonly at: number | null;
  /** This very version, of a single file. */
  readonly versionId: string | null;
  /** Null: into place. What stands there goes to the folder's trash. Elsewhere nothing is replaced. */
  readonly to: string | null;
  /** With `at` null: also the newest version of each file that was deleted. */
  readonly includesDeleted: boolean;
  /** Only tell. */
  readonly isDryRun: boolean;
  readonly signal: AbortSignal;
  /** Called with each path once it is back (or would be). */
  readonly onRestored?: ((path: string, sizeBytes: number) => void) | undefined;
};
export type RestoreReport = {
  readonly id: string;
  readonly name: string;
  /** Absolute; null: into place. */
  readonly to: string | null;
  readonly restored: number;
  readonly bytes: number;
  /** What stands there is that version already. */
  readonly unchanged: number;
  /** Files of now that did not exist then; they are left as they are. */
  readonly newer: number;
  readonly failed: readonly FailedPath[];
};

/** What Enfold removed or replaced in a folder on this computer. */
export type TrashedView = { readonly folderId: string; readonly folder: string; readonly id: string; readonly path: string; readonly sizeBytes: number; readonly modifiedMs: number; readonly trashedAtMs: number };
export type RestoredFromTrash = { readonly id: string; readonly path: string; readonly error: WireError | null };
export type Trash = {
  /** Newest first. @throws SyncError root-missing, … */
  list(folder: string): Promise<readonly TrashedView[]>;
  /**
   * Puts back what an id of the list names, or the newest that was trashed at a path, or below one that ends in `/`.
   *
   * @param options.to - another path in the folder, for a single file. `replaces`: what stands there goes to the trash in its turn.
   * @throws SyncError no-such-path
   */
  restore(folder: string, what: string, options: { readonly to: string | null; readonly replaces: boolean }): Promise<readonly RestoredFromTrash[]>;
  /** Removes for good what ids of the list name; null: all of it. Nothing goes where one of them is not there. @throws SyncError no-such-path */
  empty(folder: string, ids: readonly string[] | null): Promise<{ readonly removed: number; readonly bytes: number }>;
};

export type VerifyReport = {
  readonly id: string;
  readonly name: string;
  /** Objects that the bucket lists for the folder, and how many of them were read whole. */
  readonly objects: number;
  readonly checked: number;
  readonly bytes: number;
  readonly failed: readonly FailedPath[];
  /** Objects that Enfold did not write; left alone. */
  readonly foreign: readonly string[];
  /** With `versions` only. */
  readonly versions?: VersionsReport;
};

export type VersionsReport = {
  readonly versions: number;
  readonly bytes: number;
  /** What reads them: keys of the user's and of KMS, with the versions that need each. */
  readonly keys: readonly { readonly keyId: KeyId | null; readonly kmsKeyId: string | null; readonly name: string | null; readonly versions: number; readonly standing: number; readonly why: 'versions' | 'names' | 'current' }[];
  /** Keys of earlier epochs that nothing needs any more. */
  readonly retirable: readonly { readonly keyId: KeyId; readonly name: string | null }[];
};

export type Enfold = {
  readonly home: string;
  readonly connections: Connections;
  readonly keys: Keys;
  readonly kits: Kits;
  readonly invitations: Invitations;
  readonly folders: Folders;
  readonly files: RemoteFiles;
  readonly buckets: Buckets;
  /** Every version of a file, or of all below a directory, that the bucket keeps. @throws SyncError no-such-path */
  versions(target: Target, signal: AbortSignal): AsyncIterable<FileVersion>;
  /** Brings back a file, a directory or all of a folder. @throws SyncError no-such-version, no-such-path, bad-usage, root-missing, … */
  restore(target: Target, options: RestoreOptions): Promise<RestoreReport>;
  readonly trash: Trash;
  /** How fast and how many at once files of all folders together travel. A limit of one folder is its own setting. */
  limits(): TransferLimits;
  /** What is not named stays; undefined takes a limit away. Holds at once, in every process of this home. @throws SyncError bad-usage */
  setLimits(changes: TransferLimits): TransferLimits;
  /** What is known of one path of a folder, and what the next sync would do there. @throws SyncError no-such-folder, … */
  why(folder: string, path: string, signal: AbortSignal): Promise<Reasons>;
  /** How an object is encrypted and who can read it, from a HEAD. @throws SyncError no-such-path, access-denied, … */
  explain(target: Target, signal: AbortSignal): Promise<Explained>;
  /** For the parts that are built on this one. */
  readonly settings: SettingsStore;
  readonly wiring: Wiring;
  secrets(): Promise<SecretStore>;
  /** From now on secrets live in a file under this passphrase. @throws SyncError passphrase-wrong; then nothing has changed */
  usePassphrase(passphrase: string): Promise<void>;
  /** What stands between this process and its secrets, or null. */
  secretsProblem(): Promise<SyncError | null>;
  readonly lock: Lock;
  /** Fetches, decrypts and compares `files` files chosen at random, and notes what came of it. */
  drill(folder: string, options: { readonly files: number; readonly signal: AbortSignal; readonly onProgress?: (done: number, total: number) => void }): Promise<DrillReport>;
  /** Earlier versions in the bucket that are not under the mode and key of now; removed for good only where `isConfirmed`. */
  deleteOldVersions(folder: string, options: { readonly isConfirmed: boolean; readonly signal: AbortSignal }): Promise<{ readonly objects: number; readonly bytes: number; readonly deleted: number }>;
  /** Re-reads remote objects and checks tags, hashes and modes. `sample` null: all. */
  verify(folder: string, options: { readonly sample: number | null; /** Every version that the bucket keeps, and which keys they need. */ readonly versions?: boolean; readonly signal: AbortSignal; readonly onProgress?: (done: number, total: number) => void }): Promise<VerifyReport>;
  close(): Promise<void>;
};
