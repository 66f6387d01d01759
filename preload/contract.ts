/**
 * Every request and event between the window and the rest of Enfold: types and parsers only.
 *
 * A request is checked twice: its input on arrival in the main process, and again in the engine. `engine` requests are
 * answered by the engine process, `host` requests by the Electron shell (dialogs, window). Nothing secret is ever in an
 * answer or an event; passphrases and secrets only go in.
 */
import { z } from 'zod';
import type { WireError } from '../main/model/errors.ts';
import type { Skipped } from '../main/model/snapshot.ts';
import type { ActivityEvent } from '../main/model/activity.ts';

export type { ActivityEvent, ActivityKind } from '../main/model/activity.ts';
export type { WireError } from '../main/model/errors.ts';
export type { SkipReason, Skipped } from '../main/model/snapshot.ts';

const id = z.string().regex(/^[0-9a-f]{8,64}$/);
const name = z.string().trim().min(1).max(200);
const absolutePath = z.string().min(1).max(4096).startsWith('/').or(z.string().regex(/^[A-Za-z]:[\\/]/)).or(z.string().startsWith('\\\\'));
const bucket = z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/);
const prefix = z.string().max(900).regex(/^(?:[^/].*\/)?$/);
/** A path inside a sync folder: never absolute, never climbing. `''` is the top; directories end in `/`. */
const insidePath = z.string().max(4096).refine((p) => p === '' || (!p.startsWith('/') && p.split('/').every((s, i, all) => (s !== '' || i === all.length - 1) && s !== '.' && s !== '..' && !s.includes('\0'))));
const secret = z.string().min(1).max(4096);
const modeId = z.enum(['sse-s3', 'sse-kms', 'sse-c', 'cse-kms', 'cse-c']);
const keyType = z.enum(['aes', 'rsa', 'sse-c']);
const names = z.enum(['readable', 'encrypted']);
const direction = z.enum(['two-way', 'upload', 'upload-mirror', 'download', 'download-mirror']);
const nothing = z.undefined();

const newConnection = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('built-in'), name, directory: absolutePath, isSecure: z.boolean().optional() }),
  z.strictObject({ kind: z.literal('s3'), name, endpoint: z.url({ protocol: /^https?$/ }).nullable(), region: z.string().min(1).max(50), accessKeyId: z.string().trim().min(1).max(200), secretAccessKey: secret }),
  z.strictObject({ kind: z.literal('profile'), name, profile: z.string().min(1).max(200), region: z.string().min(1).max(50) }),
]);
const newFolder = z.strictObject({
  localPath: absolutePath, connectionId: id, bucket, prefix, mode: modeId, keyId: id.nullable(), names, direction,
  /** Create the bucket if it does not exist. */
  createBucket: z.boolean(),
  /** Id, ARN or alias, for `cse-kms` and `sse-kms`; the latter without it uses the AWS managed key. */
  kmsKeyId: z.string().trim().min(1).max(2048).nullable().optional(),
  /** `sse-kms` only; by default on. */
  bucketKey: z.boolean().optional(),
  /** `sse-kms` only: two layers. */
  dsse: z.boolean().optional(),
  encryptionContext: z.record(z.string().min(1).max(128), z.string().min(1).max(256)).optional(),
  /** `cse-c` and `cse-kms` only; by default v3. */
  format: z.enum(['v3', 'v2']).optional(),
});

/** A place in a bucket, and the mode it is to have; null: the bucket as it is. */
const bucketPlace = z.strictObject({ connectionId: id, bucket, prefix, wish: z.strictObject({ mode: modeId, kmsKeyId: z.string().trim().min(1).max(2048).nullable(), dsse: z.boolean().optional() }).nullable() });
const findingId = z.enum([
  'region', 'clock', 'default-encryption', 'bucket-key', 'blocked-encryption', 'versioning', 'public-access', 'ownership', 'public-policy', 'insecure-transport', 'mode-required',
  'policy-readable', 'stale-uploads', 'old-versions', 'expiring-files', 'archived-files', 'conditional-writes', 'keeps-metadata', 'permissions', 'kms-key', 'settings-unreadable',
]);
/** Names what a preview showed, so that exactly that is done. */
const changeToken = z.string().regex(/^[0-9a-f]{64}$/);

/** What is to differ in how a folder is encrypted. */
const modeChange = z.strictObject({
  folderId: id, mode: modeId.optional(), key: id.optional(), kmsKeyId: z.string().trim().min(1).max(2048).optional(), format: z.enum(['v3', 'v2']).optional(), bucketKey: z.boolean().optional(), dsse: z.boolean().optional(),
  encryptionContext: z.record(z.string().min(1).max(128), z.string().min(1).max(256)).optional(),
});
/** What the user chose about the app itself. */
export const appSettings = z.strictObject({
  theme: z.enum(['system', 'light', 'dark']), language: z.enum(['system', 'en', 'de']), startAtLogin: z.boolean(),
  notifications: z.strictObject({ held: z.boolean(), problem: z.boolean(), locked: z.boolean() }),
});
export type AppSettings = z.infer<typeof appSettings>;

/** Who answers, and the parser of the input. */
export const requests = {
  'app.info': { by: 'engine', input: nothing },
  'keychain.state': { by: 'engine', input: nothing },
  'keychain.usePassphrase': { by: 'engine', input: z.strictObject({ passphrase: secret }) },
  'connections.list': { by: 'engine', input: nothing },
  'connections.add': { by: 'engine', input: newConnection },
  'connections.test': { by: 'engine', input: z.strictObject({ connectionId: id }) },
  'connections.remove': { by: 'engine', input: z.strictObject({ connectionId: id }) },
  /** Of built-in storage: from the next start of its process on. Its folders are opened again. */
  'connections.setSecure': { by: 'engine', input: z.strictObject({ connectionId: id, isSecure: z.boolean() }) },
  'connections.buckets': { by: 'engine', input: z.strictObject({ connectionId: id }) },
  'kms.keys': { by: 'engine', input: z.strictObject({ connectionId: id }) },
  'kms.create': { by: 'engine', input: z.strictObject({ connectionId: id, alias: z.string().regex(/^[\w/-]{1,200}$/) }) },
  'keys.list': { by: 'engine', input: nothing },
  /** What else opens something: KMS keys that folders use, secrets of access keys. */
  'keys.others': { by: 'engine', input: nothing },
  'keys.create': { by: 'engine', input: z.strictObject({ name, type: keyType }) },
  'keys.exportTo': { by: 'engine', input: z.strictObject({ keyId: id, file: absolutePath, passphrase: secret }) },
  'keys.importFrom': { by: 'engine', input: z.strictObject({ name, file: absolutePath, passphrase: secret.nullable(), type: keyType.optional() }) },
  /** From AWS Secrets Manager, by the sign-in of a connection. */
  'keys.importSecret': { by: 'engine', input: z.strictObject({ name, secretId: z.string().trim().min(1).max(2048), connectionId: id, type: keyType.optional() }) },
  /** The page (`file`, HTML) and the age file beside it. Who prints uses `host.saveKitPdf`. */
  'keys.saveKit': { by: 'engine', input: z.strictObject({ keyId: id, file: absolutePath }) },
  /** Of a page, an age file or a file with words; true where the words must be given with it. */
  'keys.needsWords': { by: 'engine', input: z.strictObject({ file: absolutePath }) },
  'keys.verifyKit': { by: 'engine', input: z.strictObject({ keyId: id, words: secret.nullable(), file: absolutePath.nullable() }) },
  'keys.importKit': { by: 'engine', input: z.strictObject({ name, words: secret.nullable(), file: absolutePath.nullable(), type: z.enum(['aes', 'sse-c']).optional() }) },
  'keys.selfTest': { by: 'engine', input: nothing },
  'keys.remove': { by: 'engine', input: z.strictObject({ keyId: id }) },
  /** `to` null: a key that is made for it, or that an interrupted change has made. */
  'keys.previewRotation': { by: 'engine', input: z.strictObject({ keyId: id, to: id.nullable() }) },
  'keys.rotate': { by: 'engine', input: z.strictObject({ keyId: id, to: id.nullable() }) },
  /** Folders that a kit or an invitation named and that are not here yet. */
  'folders.known': { by: 'engine', input: nothing },
  'sharing.recipient': { by: 'engine', input: nothing },
  'sharing.invite': { by: 'engine', input: z.strictObject({ folderId: id, recipient: z.string().trim().min(1).max(4096).nullable(), passphrase: secret.nullable(), file: absolutePath, name, days: z.int().min(1).max(365) }) },
  'sharing.needsPassphrase': { by: 'engine', input: z.strictObject({ file: absolutePath }) },
  'sharing.accept': { by: 'engine', input: z.strictObject({ file: absolutePath, /** Null: the folder is here already, and only its key is new. */ localPath: absolutePath.nullable(), connectionId: id.nullable(), passphrase: secret.nullable() }) },
  'sharing.members': { by: 'engine', input: z.strictObject({ folderId: id }) },
  'sharing.withdraw': { by: 'engine', input: z.strictObject({ folderId: id, memberId: id, /** Who is in holds the key: then the folder gets a new one. */ mayChangeKey: z.boolean() }) },
  /** New invitations for everybody who is in, one file each in an existing directory. */
  'sharing.renew': { by: 'engine', input: z.strictObject({ folderId: id, directory: absolutePath, days: z.int().min(1).max(365) }) },
  'sharing.grants': { by: 'engine', input: z.strictObject({ folderId: id }) },
  'lock.state': { by: 'engine', input: nothing },
  'lock.lock': { by: 'engine', input: nothing },
  'lock.unlock': { by: 'engine', input: z.strictObject({ passphrase: secret.nullable() }) },
  'lock.setPassphrase': { by: 'engine', input: z.strictObject({ current: secret.nullable(), next: secret.nullable() }) },
  'lock.setSettings': { by: 'engine', input: z.strictObject({ idleMinutes: z.int().min(1).max(1440).nullable(), onScreenLock: z.boolean(), onSleep: z.boolean() }) },
  'drill.last': { by: 'engine', input: z.strictObject({ folderId: id }) },
  'drill.run': { by: 'engine', input: z.strictObject({ folderId: id, files: z.int().min(1).max(1000).optional() }) },
  'folders.list': { by: 'engine', input: nothing },
  'folders.inspect': { by: 'engine', input: z.strictObject({ localPath: absolutePath, connectionId: id, bucket, prefix }) },
  'folders.add': { by: 'engine', input: newFolder },
  'folders.preview': { by: 'engine', input: z.strictObject({ folderId: id }) },
  'folders.start': { by: 'engine', input: z.strictObject({ folderId: id }) },
  'folders.pause': { by: 'engine', input: z.strictObject({ folderId: id }) },
  'folders.previewChange': { by: 'engine', input: modeChange },
  'folders.beginChange': { by: 'engine', input: modeChange },
  /** Earlier versions in the bucket that are not under the mode and key of now; they go for good only where `isConfirmed`. */
  'folders.oldVersions': { by: 'engine', input: z.strictObject({ folderId: id, isConfirmed: z.boolean() }) },
  /** Reads every version whole: which keys that takes, and which are needed no more. */
  'folders.verifyVersions': { by: 'engine', input: z.strictObject({ folderId: id }) },
  'folders.acceptEpoch': { by: 'engine', input: z.strictObject({ folderId: id }) },
  'folders.syncNow': { by: 'engine', input: z.strictObject({ folderId: id }) },
  'folders.answerHeld': { by: 'engine', input: z.strictObject({ folderId: id, answer: z.enum(['delete', 'bring-back']) }) },
  'folders.remove': { by: 'engine', input: z.strictObject({ folderId: id }) },
  'folders.activity': { by: 'engine', input: z.strictObject({ folderId: id, limit: z.int().min(1).max(1000) }) },
  'folders.skipped': { by: 'engine', input: z.strictObject({ folderId: id }) },
  'folders.twoVersions': { by: 'engine', input: z.strictObject({ folderId: id }) },
  'folders.settleTwoVersions': { by: 'engine', input: z.strictObject({ folderId: id, copies: z.array(insidePath.min(1)).min(1).max(10_000), keep: z.enum(['both', 'original', 'copy']) }) },
  /** What is left out stays. One KMS data key for many objects: `cse-kms` in format v3 only. */
  'folders.set': { by: 'engine', input: z.strictObject({ folderId: id, direction: direction.optional(), reusesDataKey: z.boolean().optional() }) },
  /** What the folder's server was found to enforce, by trying. */
  'folders.abilities': { by: 'engine', input: z.strictObject({ folderId: id }) },
  /** Every object read back whole: tags, hashes and modes. */
  'folders.verify': { by: 'engine', input: z.strictObject({ folderId: id }) },
  'folders.rename': { by: 'engine', input: z.strictObject({ folderId: id, name }) },
  /** Which folder the window shows now: it is looked at more often. Null: none. */
  'folders.shown': { by: 'engine', input: z.strictObject({ folderId: id.nullable() }) },
  /** `folderId` null: of all folders together. */
  'limits.get': { by: 'engine', input: z.strictObject({ folderId: id.nullable() }) },
  /** Rates as `enfold limits --help` says them; what is left out stays. */
  'limits.set': { by: 'engine', input: z.strictObject({ folderId: id.nullable(), upload: z.string().max(2000).optional(), download: z.string().max(2000).optional(), transfers: z.int().min(1).max(256).nullable().optional() }) },
  'trash.list': { by: 'engine', input: z.strictObject({ folderId: id }) },
  'trash.restore': { by: 'engine', input: z.strictObject({ folderId: id, trashIds: z.array(z.string().min(1).max(4096)).min(1).max(10_000), replaces: z.boolean() }) },
  /** For good; ids of the list. */
  'trash.empty': { by: 'engine', input: z.strictObject({ folderId: id, trashIds: z.array(z.string().min(1).max(4096)).min(1).max(10_000) }) },
  /** A file, a directory or (`''`) all of it as it was then, by the server's clock; null: as it stands. `to` null: into place. */
  'folders.restore': { by: 'engine', input: z.strictObject({ folderId: id, path: insidePath, atMs: z.number().int().positive().nullable(), to: absolutePath.nullable(), /** With `atMs` null: also what was deleted. */ includesDeleted: z.boolean().optional(), isDryRun: z.boolean() }) },
  'folders.why': { by: 'engine', input: z.strictObject({ folderId: id, path: insidePath.min(1) }) },
  'aws.profiles': { by: 'engine', input: nothing },
  'browse.open': { by: 'engine', input: z.strictObject({ folderId: id, directory: insidePath, /** All below it, for a search. */ isDeep: z.boolean(), /** As it was at a time by the server's clock, or (null) what was deleted; left out: as it stands. */ past: z.strictObject({ atMs: z.number().int().positive().nullable() }).optional() }) },
  'browse.close': { by: 'engine', input: z.strictObject({ listingId: id }) },
  'browse.rows': { by: 'engine', input: z.strictObject({ listingId: id, text: z.string().max(500), by: z.enum(['name', 'sizeBytes', 'modifiedMs']), isDown: z.boolean(), start: z.int().min(0), end: z.int().min(0) }).refine(({ start, end }) => end - start <= 10_000) },
  'browse.facts': { by: 'engine', input: z.strictObject({ folderId: id, path: insidePath }) },
  'browse.versions': { by: 'engine', input: z.strictObject({ folderId: id, path: insidePath }) },
  'browse.restore': { by: 'engine', input: z.strictObject({ folderId: id, path: insidePath, versionId: z.string().min(1).max(1024) }) },
  'browse.rename': { by: 'engine', input: z.strictObject({ folderId: id, path: insidePath, to: insidePath }) },
  'browse.makeDirectory': { by: 'engine', input: z.strictObject({ folderId: id, path: insidePath }) },
  'preview.open': { by: 'engine', input: z.strictObject({ folderId: id, path: insidePath }) },
  'preview.close': { by: 'engine', input: z.strictObject({ token: id }) },
  /** Only the shell asks these, for its own protocol and for drags; the window may not. */
  'preview.read': { by: 'shell', input: z.strictObject({ token: id, start: z.int().min(0), end: z.int().min(0) }) },
  'drag.stage': { by: 'shell', input: z.strictObject({ folderId: id, paths: z.array(insidePath).min(1).max(100) }) },
  'browse.download': { by: 'engine', input: z.strictObject({ folderId: id, path: insidePath, to: absolutePath, /** False: what stands at `to` is left alone, with an error. */ mayReplace: z.boolean() }) },
  'browse.upload': { by: 'engine', input: z.strictObject({ folderId: id, directory: insidePath, files: z.array(absolutePath).min(1).max(10_000) }) },
  /** From a HEAD; for the details of a file. */
  'browse.explain': { by: 'engine', input: z.strictObject({ folderId: id, path: insidePath }) },
  /** Counts by encryption, and what is not as wished; `wish` null: only counted. The report goes to a file. */
  'buckets.scan': { by: 'engine', input: bucketPlace.extend({ isResumed: z.boolean(), /** Old versions too. */ hasVersions: z.boolean().optional(), reports: z.array(absolutePath).max(3) }) },
  /** Ends a scan or mending that is under way; it can be gone on with. */
  'buckets.stop': { by: 'engine', input: bucketPlace.omit({ wish: true }) },
  /** Mends what the last scan of the place found; each is verified. */
  'buckets.mend': { by: 'engine', input: bucketPlace.extend({ hasVersions: z.boolean().optional(), only: z.array(z.string().min(1).max(1024)).max(10_000).nullable() }) },
  /** Uploads a few bytes and removes them. */
  'buckets.examine': { by: 'engine', input: bucketPlace },
  'buckets.previewFix': { by: 'engine', input: bucketPlace.extend({ finding: findingId }) },
  'buckets.applyFix': { by: 'engine', input: bucketPlace.extend({ finding: findingId, token: changeToken }) },
  'buckets.changes': { by: 'engine', input: bucketPlace },
  'buckets.undo': { by: 'engine', input: bucketPlace.extend({ changeId: z.int().min(1) }) },
  /** `wish` null: take Enfold's statements for the place away. */
  'buckets.previewPolicy': { by: 'engine', input: bucketPlace },
  'buckets.applyPolicy': { by: 'engine', input: bucketPlace.extend({ token: changeToken }) },
  'buckets.provePolicy': { by: 'engine', input: bucketPlace },
  /** A bucket of the place's name as the wish says, or (`wish` null) as it is. `file`: also written to a new file. */
  'buckets.template': { by: 'engine', input: bucketPlace.extend({
    format: z.enum(['cloudformation', 'terraform', 'awscli']), region: z.string().min(1).max(50), newKmsKey: z.string().max(256).nullable(), secret: z.string().max(512).nullable(), versioning: z.boolean(), file: absolutePath.nullable(),
  }) },
  'buckets.iamPolicy': { by: 'engine', input: bucketPlace.extend({ access: z.enum(['read', 'write', 'both']) }) },
  'browse.remove': { by: 'engine', input: z.strictObject({ folderId: id, paths: z.array(insidePath.min(1)).min(1).max(10_000) }) },
  'host.chooseFolder': { by: 'host', input: z.strictObject({ title: z.string().max(200) }) },
  'host.chooseSaveFile': { by: 'host', input: z.strictObject({ title: z.string().max(200), suggestedName: z.string().max(255) }) },
  'host.chooseOpenFile': { by: 'host', input: z.strictObject({ title: z.string().max(200) }) },
  'host.dragOut': { by: 'host', input: z.strictObject({ folderId: id, paths: z.array(insidePath).min(1).max(100) }) },
  'host.revealLocal': { by: 'host', input: z.strictObject({ folderId: id, path: insidePath }) },
  'host.defaults': { by: 'host', input: nothing },
  'host.settings': { by: 'host', input: nothing },
  'host.changeSettings': { by: 'host', input: appSettings.partial() },
  /** The page as PDF, and the age file beside it; the page itself never passes through the window. */
  'host.saveKitPdf': { by: 'host', input: z.strictObject({ keyId: id, file: absolutePath }) },
  /** Built-in storage, as its owner sees it; the storage is stopped for a moment where it must not run meanwhile. */
  'host.storageOwner': { by: 'host', input: z.strictObject({ connectionId: id }) },
  'host.storageSecure': { by: 'host', input: z.strictObject({ connectionId: id, isSecure: z.boolean() }) },
  'host.storageToKeychain': { by: 'host', input: z.strictObject({ connectionId: id }) },
  /** The words as PDF; they never pass through the window. */
  'host.saveStorageWords': { by: 'host', input: z.strictObject({ connectionId: id, file: absolutePath }) },
  /** Asks the system to check its user (Touch ID); false where it cannot, or was refused. */
  'host.unlockWithSystem': { by: 'host', input: nothing },
} as const;

export type RequestName = keyof typeof requests;
export type RequestInput<N extends RequestName> = z.infer<(typeof requests)[N]['input']>;
export type EngineRequest = { [N in RequestName]: (typeof requests)[N]['by'] extends 'host' ? never : N }[RequestName];
export type HostRequest = Exclude<RequestName, EngineRequest>;

export type ConnectionView = { id: string; name: string; kind: 'built-in' | 's3'; endpoint: string | null; directory: string | null; region: string; signIn: string; /** Of built-in storage: it is to be reached over HTTPS. */ isSecure: boolean };
export type StorageOwnerView = {
  directory: string;
  /** Null: nobody serves it now. */
  endpoint: string | null;
  isSecure: boolean;
  /** SHA-256 of its certificate; null until it was served over HTTPS. */
  fingerprint: string | null;
  rootKey: { place: 'keychain' | 'beside-data'; id: string | null; /** When its recovery words were last saved or shown. */ wordsAtMs: number | null };
};
export type KeyView = { keyId: string; name: string; type: 'aes' | 'rsa' | 'sse-c'; fingerprint: string; createdAtMs: number; exportedAtMs: number | null;
  /** Names of the folders here that it opens. */
  usedBy: string[];
  backend: 'keychain' | 'file';
  /** `due`: checked more than a year ago. `outdated`: a folder has come that the kit does not know. */
  kit: { state: 'none' | 'unverified' | 'verified' | 'due' | 'outdated'; madeAtMs: number | null; verifiedAtMs: number | null };
  /** What the self-test at start found; null: nothing wrong, or not tested yet. */
  problem: WireError | null;
};
type Amount = { objects: number; bytes: number };
/** What a change of mode or key would take. `none`: objects that are as wanted; `transfer`: those that this computer reads and writes again. */
export type ChangePreviewView = {
  ways: { none: Amount; update: Amount; copy: Amount; rewrap: Amount; transfer: Amount }; bytesUp: number; bytesDown: number; requests: { writes: number; reads: number; kms: number };
  /** At AWS only. */
  costUsd: number | null; oldVersions: Amount | null; namesNeedOldKey: boolean; isUnderWay: boolean;
};
export type RotationView = { nextKeyName: string | null; folders: (ChangePreviewView & { folderId: string; name: string })[] };
export type VersionKeysView = { versions: number; bytes: number; failed: number; keys: { name: string; versions: number; standing: number; why: 'versions' | 'names' | 'current' }[]; retirable: string[] };
export type KnownFolderView = { id: string; name: string; remote: string; endpoint: string | null; region: string; mode: z.infer<typeof modeId>; fingerprint: string | null };
export type KitFilesView = { page: string; ageFile: string | null; folders: KnownFolderView[] };
export type MemberView = { id: string; name: string; recipientFingerprint: string | null; invitedBy: string; invitedAtMs: number; expiresAtMs: number; acceptedAtMs: number | null; acceptedOn: string | null };
export type GrantView = { action: 'grant' | 'revoke'; where: string; statements: unknown[] };
export type LockView = { isLocked: boolean; /** What unlocking wants. */ method: 'key-file' | 'passphrase' | 'none'; settings: { idleMinutes: number | null; onScreenLock: boolean; onSleep: boolean } };
export type DrillView = { atMs: number; files: number; bytes: number; compared: number; failed: number; /** When all that was tried last came back right. */ lastProvenMs: number | null };
/** `aliases` begin with `alias/`. */
export type KmsKeyView = { arn: string; aliases: string[] };
/** What a mode was told beside its id; what does not belong to the mode is null. */
export type ModeDetails = { kmsKeyId: string | null; bucketKey: boolean | null; dsse: boolean | null; format: 'v3' | 'v2' | null; keyType: 'aes' | 'rsa' | 'sse-c' | null };
export type FolderState5 = 'up-to-date' | 'syncing' | 'paused' | 'needs-attention' | 'locked';
export type TransferView = { path: string; direction: 'up' | 'down'; doneBytes: number; totalBytes: number };
export type FolderStatus = {
  folderId: string;
  state: FolderState5;
  /** What the engine is doing: one of these words, for the second line. */
  phase: 'idle' | 'new' | 'scanning' | 'planning' | 'transferring' | 'waiting' | 'held' | 'signed-out';
  /** Null while not known. */
  progress: { doneFiles: number; totalFiles: number; doneBytes: number; totalBytes: number; bytesPerSecond: number } | null;
  transfers: TransferView[];
  lastSuccessMs: number | null;
  /** When a look last found anything new on either side; null: not since the folder was opened. */
  changedMs: number | null;
  files: number;
  bytes: number;
  problems: { error: WireError; path: string | null }[];
  held: { reason: string; deletions: number; ofTotal: number; examples: string[] } | null;
  twoVersions: number;
  skippedCount: number;
  change: FolderChangeView | null;
};
/** A change of mode or key that this computer makes, or made last: `done` of `total` objects are under the new mode. */
export type FolderChangeView = { startedAtMs: number; /** Null: under way. */ finishedAtMs: number | null; done: number; total: number; changed: number; bytesSent: number; problem: WireError | null; failed: { path: string | null; error: WireError }[] };
export type FolderView = {
  id: string; name: string; localPath: string; connectionId: string; connectionName: string; bucket: string; prefix: string;
  mode: z.infer<typeof modeId>; modeDetails: ModeDetails; keyId: string | null; keyName: string | null; names: z.infer<typeof names>; direction: z.infer<typeof direction>; isPaused: boolean; reusesDataKey: boolean; status: FolderStatus;
};
/** `level`: where conditions hold; `put-only` not on DELETE, `versioned-only` nowhere, but versions are kept. */
export type AbilitiesView = { level: 'full' | 'put-only' | 'versioned-only' | 'none'; isVersioned: boolean; keepsMetadata: boolean; clockSkewMs: number; probedAtMs: number };
export type PreviewView = { upload: number; download: number; adopt: number; twoVersions: number; deleteLocal: number; deleteRemote: number; rename: number; bytesUp: number; bytesDown: number; skipped: number; /** Differ on both sides; neither is touched until the user chooses. */ undecided: number; examples: { action: string; path: string }[]; held: string | null };
export type BrowseRow = {
  /** Path inside the folder; directories end in `/`. */
  path: string; name: string; kind: 'file' | 'directory'; sizeBytes: number | null; modifiedMs: number | null;
  /** Object key, for the details panel. */
  objectKey: string;
  /** How it stands: `sealed` decrypted view of a client-side object; `server` encrypted by S3; `foreign` not from Enfold. */
  protection: 'sealed' | 'server' | 'foreign';
  /** This very version was confirmed to this computer: by the server's answer to its upload, or by checking it when it came down. */
  isConfirmed: boolean;
  /** Of a listing of an earlier time: how the file stands now, compared with what is shown. `objectKey` is empty then. */
  past?: { now: 'same' | 'changed' | 'deleted' | 'unknown' };
};
/** What the server says of one object now, and what this computer makes of it; `problem` where it does not hold. */
export type BrowseFacts = {
  atMs: number; objectKey: string; problem: WireError | null; epoch: number | null; sizeBytes: number | null; modifiedMs: number | null; sha256: string | null;
  server: { algorithm: string | null; kmsKeyId: string | null; isCustomerKey: boolean; etag: string; versionId: string | null; objectBytes: number; storedAtMs: number };
  envelope: { format: 'v1' | 'v2' | 'v3'; keyFingerprint: string | null; commitment: string | null } | null;
};
/** Rates in words: `off`, `2M` (bytes a second), or a timetable such as `08:00,512K 18:00,off`. `transfers` null: as Enfold thinks best. */
export type LimitsView = { upload: string; download: string; transfers: number | null };
export type TrashedView = { trashId: string; path: string; sizeBytes: number; modifiedMs: number; trashedAtMs: number };
/** One path as Enfold sees it now; `change`, `action` and `question` are the engine's words. */
export type WhyView = {
  path: string;
  local: { state: 'absent' | 'present' | 'unknown'; change: string | null; sizeBytes: number | null; modifiedMs: number | null };
  remote: { state: 'absent' | 'present' | 'unknown' | null; change: string | null; sizeBytes: number | null; storedAtMs: number | null; problem: WireError | null };
  skipped: Skipped[];
  recent: ActivityEvent[];
  next: { action: string | null; question: string | null } | null;
};
/** A file and the copy that was kept beside it; `original` null: it has gone since. */
export type TwoVersionsView = { copy: VersionSide; original: VersionSide | null; device: string };
export type VersionSide = { path: string; sizeBytes: number; modifiedMs: number };
export type VersionView = { versionId: string; isLatest: boolean; isDeletion: boolean; atMs: number; sizeBytes: number | null };
export type PreviewKind = 'image' | 'text' | 'pdf' | 'audio' | 'video' | 'none';
/** `fingerprint` is the folder key's, known only where its key is here; `keyFingerprint` names the master key as `KeyView` does. */
export type InspectView = { localProblem: WireError | null; remoteProblem: WireError | null; bucketExists: boolean; localFiles: number | null; /** New AWS buckets refuse SSE-C. */ isCustomerKeyBlocked: boolean; existing: { folderId: string; mode: z.infer<typeof modeId>; modeDetails: ModeDetails; keyId: string | null; names: z.infer<typeof names>; fingerprint: string | null; keyFingerprint: string | null; hasKey: boolean } | null };

export type BucketFindingView = { id: z.infer<typeof findingId>; severity: 'good' | 'info' | 'warning' | 'critical'; says: string; advice: string | null; fix: { says: string; isOptional: boolean } | null };
export type BucketExamination = { findings: BucketFindingView[]; permissions: { action: string; purpose: string; isAllowed: boolean; isEssential: boolean; isDenied: boolean }[]; /** A policy that would allow what is missing, as JSON. */ missing: unknown };
/** S3's call, and the setting as JSON before and after it. */
export type BucketFixView = { id: z.infer<typeof findingId>; says: string; call: string; before: unknown; after: unknown; token: string };
export type BucketPolicyView = { call: string | null; before: unknown; after: unknown; limits: string[]; /** Null: it is so already. */ token: string | null };
export type BucketProof = { probes: { kind: string; expected: 'allowed' | 'refused'; answer: string; isAsExpected: boolean }[]; isProven: boolean; leftBehind: string[] };

export type ExplainView = { words: string[]; protection: string; keyName: string | null; localKey: string | null; objectKey: string; commands: { tool: string; lines: string[]; note: string | null }[] };
export type BucketScanView = {
  totals: { protection: string; key: string; envelope: string; /** `''`: nothing was wished. */ verdict: 'right' | 'wrong' | 'unknown' | ''; reason: string; objects: number; bytes: number }[];
  /** The first that are not as wished. */
  examples: { objectKey: string; versionId: string | null; protection: string; reason: string }[];
  wrong: number; unknown: number;
  /** Versions that do not stand any more; null: they were not looked at. */
  old: { objects: number; /** Of them, those that are not as wished. */ wrong: number } | null;
  estimate: { objects: number; bytes: number; requests: { heads: number; writes: number; kms: number }; usd: number; seconds: number } | null;
};
export type BucketMendView = { fixed: number; already: number; skipped: number; failed: number; notFixed: { objectKey: string; outcome: string; reason: string }[] };

type Answers = {
  'app.info': { version: string; isFirstRun: boolean; platform: string; homeDirectory: string };
  'keychain.state': { backend: 'keychain' | 'file'; state: 'ready' | 'locked' | 'missing' | 'passphrase-needed' };
  'keychain.usePassphrase': null;
  'connections.list': ConnectionView[];
  'connections.add': ConnectionView;
  'connections.test': { ok: boolean; error: WireError | null };
  'connections.remove': null;
  'connections.setSecure': null;
  'connections.buckets': { buckets: string[]; error: WireError | null };
  'kms.keys': { keys: KmsKeyView[]; error: WireError | null };
  'kms.create': KmsKeyView;
  'keys.list': KeyView[];
  'keys.others': { name: string; type: 'kms' | 'access'; usedBy: string[] }[];
  'keys.create': KeyView;
  'keys.exportTo': null;
  'keys.importFrom': KeyView;
  'keys.importSecret': KeyView;
  'keys.saveKit': KitFilesView;
  'keys.needsWords': { needs: boolean };
  'keys.verifyKit': { folders: KnownFolderView[] };
  'keys.importKit': KeyView;
  'keys.selfTest': { keyId: string; problem: WireError | null }[];
  'keys.remove': null;
  'keys.previewRotation': RotationView;
  'keys.rotate': { nextKeyId: string; folderIds: string[] };
  'folders.known': KnownFolderView[];
  'sharing.recipient': { recipient: string; fingerprint: string; /** A code to scan, as SVG. */ code: string };
  'sharing.invite': { member: MemberView; file: string; /** Of the recipient, to compare; null with a passphrase. */ fingerprint: string | null };
  'sharing.needsPassphrase': { needs: boolean };
  'sharing.accept': FolderView;
  'sharing.members': MemberView[];
  /** Of the key that the folder has now, where it got a new one. */
  'sharing.withdraw': { newKeyName: string | null };
  'sharing.renew': { files: { name: string; file: string }[]; byHand: string[] };
  'sharing.grants': GrantView[];
  'lock.state': LockView;
  'lock.lock': null;
  'lock.unlock': null;
  'lock.setPassphrase': null;
  'lock.setSettings': null;
  'drill.last': DrillView | null;
  'drill.run': DrillView & { problems: { error: WireError; path: string | null }[] };
  'folders.list': FolderView[];
  'folders.inspect': InspectView;
  'folders.add': FolderView;
  'folders.preview': PreviewView;
  'folders.start': null;
  'folders.pause': null;
  'folders.previewChange': ChangePreviewView;
  'folders.beginChange': FolderView;
  'folders.oldVersions': { objects: number; bytes: number; deleted: number };
  'folders.verifyVersions': VersionKeysView;
  'folders.acceptEpoch': FolderView;
  'folders.syncNow': null;
  'folders.answerHeld': null;
  'folders.remove': null;
  'folders.activity': ActivityEvent[];
  'folders.skipped': Skipped[];
  'folders.twoVersions': TwoVersionsView[];
  'folders.settleTwoVersions': null;
  'folders.set': FolderView;
  'folders.abilities': AbilitiesView | null;
  'folders.verify': { objects: number; checked: number; bytes: number; failed: { path: string | null; error: WireError }[]; foreign: number };
  'folders.rename': null;
  'folders.shown': null;
  'limits.get': LimitsView;
  'limits.set': LimitsView;
  'trash.list': TrashedView[];
  'trash.empty': { removed: number; bytes: number };
  'trash.restore': { restored: number; failed: { path: string; error: WireError }[] };
  'folders.restore': { restored: number; bytes: number; unchanged: number; newer: number; failed: { path: string | null; error: WireError }[] };
  'folders.why': WhyView;
  'aws.profiles': { name: string; region: string | null; isSso: boolean }[];
  'browse.open': { listingId: string };
  'browse.close': null;
  'browse.rows': { rows: BrowseRow[]; total: number; ofTotal: number; isComplete: boolean; problem: WireError | null };
  'browse.facts': BrowseFacts;
  'browse.versions': VersionView[];
  'browse.restore': null;
  'browse.rename': null;
  'browse.makeDirectory': null;
  'preview.open': { token: string; kind: PreviewKind; sizeBytes: number; text: string | null; isWhole: boolean };
  'preview.close': null;
  'preview.read': { type: string; sizeBytes: number; bytes: Uint8Array<ArrayBuffer> };
  'drag.stage': { files: string[] };
  'browse.download': { bytes: number };
  'browse.upload': { files: number; bytes: number };
  'browse.remove': null;
  'browse.explain': ExplainView;
  /** Null: it was stopped. */
  'buckets.scan': BucketScanView | null;
  'buckets.stop': null;
  'buckets.mend': BucketMendView | null;
  'buckets.examine': BucketExamination;
  'buckets.previewFix': BucketFixView | null;
  'buckets.applyFix': { changeId: number };
  'buckets.changes': { id: number; atMs: number; says: string; call: string }[];
  'buckets.undo': { isWhole: boolean };
  'buckets.previewPolicy': BucketPolicyView;
  'buckets.applyPolicy': null;
  'buckets.provePolicy': BucketProof;
  'buckets.template': { text: string };
  'buckets.iamPolicy': unknown;
  'host.chooseFolder': string | null;
  'host.chooseSaveFile': string | null;
  'host.chooseOpenFile': string | null;
  'host.dragOut': null;
  'host.revealLocal': null;
  'host.saveKitPdf': { page: string; ageFile: string | null };
  'host.storageOwner': StorageOwnerView;
  'host.storageSecure': StorageOwnerView;
  'host.storageToKeychain': StorageOwnerView;
  'host.saveStorageWords': { page: string; owner: StorageOwnerView };
  'host.unlockWithSystem': boolean;
  'host.defaults': { storageDirectory: string; documentsDirectory: string; hostName: string };
  /** `locale`: the system's. */
  'host.settings': AppSettings & { locale: string };
  'host.changeSettings': null;
};
export type RequestAnswer<N extends RequestName> = Answers[N];
export type Answer<N extends RequestName> = { ok: true; value: RequestAnswer<N> } | { ok: false; error: WireError };
/** The engine half, as a table of functions. */
export type EngineHandlers = { [N in EngineRequest]: (input: RequestInput<N>) => Promise<RequestAnswer<N>> };
export type HostHandlers = { [N in HostRequest]: (input: RequestInput<N>) => Promise<RequestAnswer<N>> };

/** Pushed to the window; the last one of each kind is the truth. */
export type Events = {
  status: FolderStatus[];
  /** Something listed by `folders.list`, `connections.list` or `keys.list` changed. */
  changed: 'folders' | 'connections' | 'keys';
  lock: { isLocked: boolean };
  /** More of a listing of Browse is known. */
  listing: { listingId: string; total: number; isComplete: boolean };
  /** How far a scan or mending is; `mended` null: it only looks. */
  scan: { connectionId: string; bucket: string; prefix: string; objects: number; wrong: number; mended: number | null };
  engine: { state: 'running' | 'restarting' | 'stopped'; error: WireError | null };
  /** A menu, the tray or a notification asks for a place in the window. */
  show: { view: 'home' | 'folders' | 'folder' | 'browse' | 'activity' | 'keys' | 'storage' | 'settings' | 'add-folder' | 'find'; folderId: string | null };
};
export type EventName = keyof Events;
export const eventNames: readonly EventName[] = ['status', 'changed', 'lock', 'listing', 'scan', 'engine', 'show'];

/** What the window finds as `window.enfold`: the contract and nothing else. */
export type EnfoldApi = {
  /** Never rejects: an error is an answer. */
  readonly request: <N extends RequestName>(name: N, input: RequestInput<N>) => Promise<Answer<N>>;
  /** @returns the function that ends the subscription. */
  readonly on: <N extends EventName>(name: N, listener: (payload: Events[N]) => void) => () => void;
  /** Absolute paths of files dropped onto the window; what has no path (a dragged picture) is left out. */
  readonly pathsOf: (files: readonly File[]) => string[];
};

export { EVENT_CHANNEL, REQUEST_CHANNEL } from './channels.ts';

/** What an S3 client needs to use a running built-in storage. Passes between processes of this app only, never to the window. */
export type StorageAccess = { endpoint: string; accessKeyId: string; secretAccessKey: string; certificatePem?: string | null };
/** Events that the engine raises; the others are the shell's own. */
export type EngineEvent = 'status' | 'changed' | 'lock' | 'listing' | 'scan';
type EventMessage = { [N in EngineEvent]: { type: 'event'; name: N; payload: Events[N] } }[EngineEvent];

/**
 * What the shell and the engine process say to each other over the engine's parent port. Ids are the sender's own and come back
 * in the answer. `stop` asks the engine to finish what must not be torn; it says `stopped` and is then ended.
 */
export type ToEngine =
  | { type: 'request'; id: number; name: EngineRequest; input: unknown }
  | { type: 'storage'; id: number; access: StorageAccess | null; error: WireError | null }
  /** The kit of a key for the shell to print: what comes back is secret and never goes to the window. */
  | { type: 'make-kit'; id: number; keyId: string }
  /** The system has checked its user. */
  | { type: 'unlock-verified' }
  /** The computer woke up. */
  | { type: 'woken' }
  | { type: 'stop' };
export type FromEngine =
  | { type: 'ready' }
  | { type: 'answer'; id: number; answer: Answer<EngineRequest> }
  | EventMessage
  | { type: 'kit'; id: number; kit: { page: string; age: string | null } | null; error: WireError | null }
  /** Built-in storage over `directory` is needed: start it unless it runs, and say where. */
  | { type: 'start-storage'; id: number; directory: string; isSecure: boolean }
  | { type: 'stopped' };
