/**
 * From a folder's description in the bucket to what its remote side needs to work: unwrapped folder key, derived keys, held
 * master keys. Unwrapped keys stay in the memory of this process.
 */
import type { Descriptor, DescriptorContent } from '../envelope/descriptor.ts';
import { isClientSide, type EncryptionMode, type KeyId, type NamesSetting } from '../model/mode.ts';
import type { S3Access } from '../model/settings.ts';
import type { Capabilities } from '../remote/capabilities.ts';
import type { DescriptorPin, FolderEpoch, HeldKey, RemoteFolderConfig } from '../remote/folder-config.ts';
import type { Keys } from './api.ts';

/** A folder whose keys are open. */
export type UnlockedFolder = {
  readonly folderId: string;
  readonly names: NamesSetting;
  /** Of the current epoch. */
  readonly mode: EncryptionMode;
  readonly epochs: readonly FolderEpoch[];
  readonly namesKey: Buffer | null;
  readonly folderKey: Buffer | null;
  readonly keys: readonly HeldKey[];
  readonly pin: DescriptorPin;
};

/** The key id a mode names, or null where the provider holds the key. */
export function keyIdOfMode(mode: EncryptionMode): KeyId | null {
  return mode.id === 'cse-c' || mode.id === 'sse-c' ? mode.keyId : null;
}

/** The keys that modes name. The caller zeroes them. @throws SyncError key-not-found, keychain-… */
export async function heldKeysOf(modes: readonly EncryptionMode[], keys: Pick<Keys, 'bytesOf'>): Promise<HeldKey[]> {
  const held: HeldKey[] = [];
  for (const mode of modes) {
    if ((mode.id !== 'cse-c' && mode.id !== 'sse-c') || held.some(({ keyId }) => keyId === mode.keyId)) continue;
    held.push({ keyId: mode.keyId, type: mode.id === 'sse-c' ? 'sse-c' : mode.keyType, bytes: await keys.bytesOf(mode.keyId) });
  }
  return held;
}

/**
 * Unwraps the folder key with the key that the last client-side epoch names, and checks that a holder of the folder key wrote
 * the description. In the server-side modes there is nothing to open.
 *
 * @param access - how KMS is reached, where it holds the key.
 * @throws SyncError key-not-found, key-unwrap-failed, not-authentic, access-denied, keychain-…, passphrase-…
 */
export async function unlockFolder(descriptor: Descriptor, keys: Pick<Keys, 'bytesOf'>, access: S3Access): Promise<UnlockedFolder> {
  const { currentEpoch, verifyDescriptor } = await import('../envelope/descriptor.ts');
  const { folderId, names } = descriptor;
  const current = currentEpoch(descriptor);
  const modes = descriptor.epochs.map(({ mode }) => mode);
  const held = await heldKeysOf(modes, keys);
  const pinOf = (folderKeyFingerprint: string | null): DescriptorPin => ({ folderId, epoch: current.n, folderKeyFingerprint });
  const wrapped = descriptor.epochs.findLast((epoch) => isClientSide(epoch.mode))?.wrappedFolderKey ?? null;
  const { createFolderKeyring } = await import('../remote/folder-keyring.ts');
  const keyring = createFolderKeyring(modes, held, access);
  if (keyring === null || wrapped === null) {
    return { folderId, names, mode: current.mode, epochs: descriptor.epochs.map(({ n, mode }) => ({ n, mode, authKey: null })), namesKey: null, folderKey: null, keys: held, pin: pinOf(null) };
  }
  const { authKeyOf, folderKeyFingerprint, namesKeyOf, unwrapFolderKey } = await import('../envelope/folder-key.ts');
  try {
    const folderKey = await unwrapFolderKey(keyring, Buffer.from(wrapped, 'base64'), folderId);
    verifyDescriptor(descriptor, folderKey);
    return {
      folderId, names, mode: current.mode,
      epochs: descriptor.epochs.map(({ n, mode }) => ({ n, mode, authKey: isClientSide(mode) ? authKeyOf(folderKey, n) : null })),
      namesKey: names === 'encrypted' ? namesKeyOf(folderKey) : null,
      folderKey, keys: held,
      pin: pinOf(folderKeyFingerprint(folderKey)),
    };
  } finally {
    keyring.close();
  }
}

type NewFolderContent = { readonly folderId: string; readonly names: NamesSetting; readonly mode: EncryptionMode; readonly held: readonly HeldKey[]; readonly access: S3Access };

/** A new folder: what its description says, and the folder key (client-side modes), which the caller zeroes. */
export async function describeNewFolder({ folderId, names, mode, held, access }: NewFolderContent): Promise<{ content: DescriptorContent; folderKey: Buffer | null }> {
  const { createFolderKeyring } = await import('../remote/folder-keyring.ts');
  const keyring = createFolderKeyring([mode], held, access);
  if (keyring === null) return { content: { folderId, names, epochs: [{ n: 1, mode, wrappedFolderKey: null }], devices: [] }, folderKey: null };
  const { createFolderKey, wrapFolderKey } = await import('../envelope/folder-key.ts');
  const folderKey = createFolderKey();
  try {
    const wrapped = await wrapFolderKey(keyring, folderKey, folderId);
    return { content: { folderId, names, epochs: [{ n: 1, mode, wrappedFolderKey: wrapped.toString('base64') }], devices: [] }, folderKey };
  } catch (error) {
    folderKey.fill(0);
    throw error;
  } finally {
    keyring.close();
  }
}

export function remoteConfigOf(unlocked: UnlockedFolder, place: { readonly access: S3Access; readonly bucket: string; readonly prefix: string; readonly pin: DescriptorPin; readonly capabilities: Capabilities | null; readonly reusesDataKey?: boolean | undefined }): RemoteFolderConfig {
  const { folderId, names, namesKey, epochs, keys, folderKey } = unlocked;
  return { ...place, folderId, names, namesKey, epochs, keys, folderKey };
}
