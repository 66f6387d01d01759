/** What the user has set up: connections, keys by name, folders. Never a secret. */
import type { EncryptionMode, KeyId, NamesSetting } from './mode.ts';
import type { Direction } from './action.ts';
import type { TransferLimits } from './transfer-limits.ts';

export type ConnectionSettings = {
  readonly id: string;
  readonly name: string;
  /** `built-in`: Enfold's own storage over `directory`, started when needed. */
  readonly kind: 'built-in' | 's3';
  readonly directory: string | null;
  /** Null is AWS. For `built-in` it is found when the storage is started. */
  readonly endpoint: string | null;
  readonly region: string;
  /** `built-in`: reached over HTTPS. */
  readonly isSecure?: boolean;
  /** The one certificate, PEM, that the server may have; without it, those this computer trusts. */
  readonly certificate?: string | null;
  /** The AWS account, 12 digits, that every bucket must belong to: a bucket of the same name in other hands is refused. Null: whoever owns it. */
  readonly bucketOwner?: string | null;
  /** Null: path style for every endpoint but AWS. */
  readonly pathStyle: boolean | null;
  readonly credentials:
    | { readonly type: 'stored'; readonly accessKeyId: string }
    | { readonly type: 'profile'; readonly profile: string }
    | { readonly type: 'environment' };
  /** Which store holds the secret of a stored access key, so that it is never looked for in the wrong one. */
  readonly secretBackend?: 'keychain' | 'file' | undefined;
};

export type KeyType = 'aes' | 'rsa' | 'sse-c';

export type KeySettings = {
  readonly keyId: KeyId;
  readonly name: string;
  readonly type: KeyType;
  readonly createdAtMs: number;
  /** Which store holds it, so that a key is never looked for in the wrong one. */
  readonly backend: 'keychain' | 'file';
  /** When the user last saved a recovery file of it; null: never. */
  readonly exportedAtMs: number | null;
  /** The recovery kit as far as this computer knows of one. */
  readonly kit?: KitRecord | null | undefined;
};

export type KitRecord = {
  /** Null: it was made on another computer, and used here. */
  readonly madeAtMs: number | null;
  /** When the words or the file were last given back and opened what they should; null: never. */
  readonly verifiedAtMs: number | null;
  /** Folders whose wrapped folder keys are in it. */
  readonly folderIds: readonly string[];
};

/** `due`: checked more than a year ago. `outdated`: a folder has come that the kit does not know. */
export type KitState = 'none' | 'unverified' | 'verified' | 'due' | 'outdated';

const KIT_LASTS_MS = 365 * 24 * 3600_000;

/** @param folderIds - of the folders here that the key opens. */
export function kitStateOf(kit: KitRecord | null | undefined, folderIds: readonly string[], nowMs: number): KitState {
  if (kit === null || kit === undefined) return 'none';
  if (kit.verifiedAtMs === null) return 'unverified';
  if (folderIds.some((id) => !kit.folderIds.includes(id))) return 'outdated';
  return nowMs - kit.verifiedAtMs > KIT_LASTS_MS ? 'due' : 'verified';
}

export type FolderSettings = {
  /** 32 hex digits, the same on every device. */
  readonly id: string;
  readonly name: string;
  readonly localPath: string;
  readonly connectionId: string;
  readonly bucket: string;
  /** `''` or ends in `/`. */
  readonly prefix: string;
  readonly mode: EncryptionMode;
  readonly names: NamesSetting;
  readonly direction: Direction;
  readonly isPaused: boolean;
  readonly addedAtMs: number;
  /** `cse-kms` in V3: one KMS data key serves many objects that this computer writes. Default: one for each. */
  readonly reusesDataKey?: boolean | undefined;
  /** Of this folder on this computer, beside those of all folders together. */
  readonly limits?: TransferLimits | undefined;
};

/** Resolved access, as handed to S3 clients and workers; lives in memory only. */
export type S3Access = {
  readonly endpoint: string | null;
  readonly region: string;
  readonly pathStyle: boolean;
  /** The one certificate, PEM, that the server may have. */
  readonly certificate?: string | null | undefined;
  /** 12 digits: whose bucket it must be. */
  readonly bucketOwner?: string | null | undefined;
  readonly credentials:
    | { readonly type: 'static'; readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string | undefined }
    | { readonly type: 'profile'; readonly profile: string }
    | { readonly type: 'environment' };
};
