/**
 * The folder key: 32 random bytes per client-side folder, wrapped once, from which everything but file bodies takes its keys.
 * So browsing and joining cost one unwrap per session instead of one per object.
 */
import { SyncError } from '../model/errors.ts';
import { deriveKey } from './derive.ts';
import { fingerprintOf } from './key-id.ts';
import { systemRandom, type Keyring, type RandomBytes } from './keyring.ts';

export const FOLDER_KEY_BYTES = 32;
export const NAMES_KEY_BYTES = 64;
export const AUTH_KEY_BYTES = 32;

/** What a wrapped folder key is bound to, so that no object's wrapped data key passes for it, nor another folder's. */
export function folderKeyPurpose(folderId: string): string {
  return `enfold folder key v1|${folderId}`;
}

/** The caller zeroes it. */
export function createFolderKey(random: RandomBytes = systemRandom): Buffer {
  return random(FOLDER_KEY_BYTES);
}

export async function wrapFolderKey(keyring: Keyring, folderKey: Buffer, folderId: string, random: RandomBytes = systemRandom): Promise<Buffer> {
  return keyring.wrapSecret(folderKey, folderKeyPurpose(folderId), random);
}

/** @returns 32 bytes; the caller zeroes them. @throws SyncError key-unwrap-failed */
export async function unwrapFolderKey(keyring: Keyring, wrapped: Buffer, folderId: string): Promise<Buffer> {
  const folderKey = await keyring.unwrapSecret(wrapped, folderKeyPurpose(folderId));
  if (folderKey.length === FOLDER_KEY_BYTES) return folderKey;
  folderKey.fill(0);
  throw new SyncError('key-unwrap-failed');
}

/** 64 bytes for AES-256-SIV, the same for the folder's whole life. */
export function namesKeyOf(folderKey: Buffer): Buffer {
  return deriveKey(folderKey, null, 'enfold names key v1', NAMES_KEY_BYTES);
}

/** 32 bytes: attributes, tombstones, feed and descriptor of one epoch. @param epoch - 1 and up. */
export function authKeyOf(folderKey: Buffer, epoch: number): Buffer {
  const info = Buffer.alloc('enfold authentication key v1|'.length + 4);
  info.writeUInt32BE(epoch, info.write('enfold authentication key v1|', 'latin1'));
  return deriveKey(folderKey, null, info, AUTH_KEY_BYTES);
}

/** For people to compare, and for devices to pin: `ABCD-1234-EFGH-5678`. Says nothing about the key. */
export function folderKeyFingerprint(folderKey: Buffer): string {
  return fingerprintOf(deriveKey(folderKey, null, 'enfold folder key fingerprint v1', FOLDER_KEY_BYTES));
}
