/**
 * Everything a remote folder and the transfer workers need to know about one sync folder. Plain data, so that it passes
 * through `postMessage` by structured clone; it holds keys, so it lives in memory only and is never logged.
 */
import type { EncryptionMode, KeyId, NamesSetting } from '../model/mode.ts';
import type { S3Access } from '../model/settings.ts';
import type { Capabilities } from './capabilities.ts';

/** A master key (`cse-c`) or customer key (`sse-c`) that this computer holds. */
export type HeldKey = {
  readonly keyId: KeyId;
  readonly type: 'aes' | 'rsa' | 'sse-c';
  /** AES and SSE-C: 32 bytes. RSA: the PKCS#8 private key (or, to write only, the SPKI public key), DER. */
  readonly bytes: Uint8Array;
};

/** One epoch of the folder's descriptor: under which mode and key objects of that time were written. */
export type FolderEpoch = {
  readonly n: number;
  readonly mode: EncryptionMode;
  /** `authKeyOf(folderKey, n)` of main/envelope, 32 bytes; null in the server-side modes. */
  readonly authKey: Uint8Array | null;
  /** Every object that counts has been brought under a later epoch. */
  readonly isEnded?: boolean;
};

export type RemoteFolderConfig = {
  readonly access: S3Access;
  readonly bucket: string;
  /** `''` or ends in `/`. */
  readonly prefix: string;
  /** 32 hex digits. */
  readonly folderId: string;
  readonly names: NamesSetting;
  /** `namesKeyOf(folderKey)`, 64 bytes; null where names are readable. */
  readonly namesKey: Uint8Array | null;
  /** 32 bytes, to verify the bucket's descriptor; null in the server-side modes. Without it only the pin is compared. Never goes to workers. */
  readonly folderKey?: Uint8Array | null;
  /** All epochs of the descriptor, ascending; the last is the one written under. */
  readonly epochs: readonly FolderEpoch[];
  /** The held keys that any epoch names. */
  readonly keys: readonly HeldKey[];
  /** One KMS data key serves many objects, each with a content key of its own: see `createKmsKeyring`. */
  readonly reusesDataKey?: boolean | undefined;
  /** What `probeFolder` found earlier; without it the first write probes. */
  readonly capabilities?: Capabilities | null;
  /** What this device has agreed to; `checkFolder` compares the bucket's descriptor with it. */
  readonly pin?: DescriptorPin | null;
};

/** What a device remembers of a descriptor, so that a replaced or older one is noticed. */
export type DescriptorPin = {
  readonly folderId: string;
  readonly epoch: number;
  /** `folderKeyFingerprint`; null in the server-side modes. */
  readonly folderKeyFingerprint: string | null;
};

/** The epoch under which new objects are written. */
export function currentEpoch(config: RemoteFolderConfig): FolderEpoch {
  const last = config.epochs.at(-1);
  if (last === undefined) throw new TypeError('a folder needs at least one epoch');
  return last;
}
