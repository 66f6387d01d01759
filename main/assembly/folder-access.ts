/**
 * From a folder's description in the bucket to what its remote side needs to work: unwrapped folder key, derived keys, held
 * master keys. Unwrapped keys stay in the memory of this process.
 */
import type { Descriptor, DescriptorContent, DescriptorEpoch } from '../envelope/descriptor.ts';
import { isSyncError } from '../model/errors.ts';
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

/**
 * The keys that modes name. The caller zeroes them.
 *
 * @param mayMiss - of which modes the key may be missing: it is left out then.
 * @throws SyncError key-not-found, keychain-…
 */
export async function heldKeysOf(modes: readonly EncryptionMode[], keys: Pick<Keys, 'bytesOf'>, mayMiss: (mode: EncryptionMode) => boolean = () => false): Promise<HeldKey[]> {
  const held: HeldKey[] = [];
  for (const mode of modes) {
    if ((mode.id !== 'cse-c' && mode.id !== 'sse-c') || held.some(({ keyId }) => keyId === mode.keyId)) continue;
    try {
      held.push({ keyId: mode.keyId, type: mode.id === 'sse-c' ? 'sse-c' : mode.keyType, bytes: await keys.bytesOf(mode.keyId) });
    } catch (error) {
      if (!isSyncError(error, 'key-not-found') || !mayMiss(mode)) throw error;
    }
  }
  return held;
}

/**
 * What the folder cannot be opened without: the current epoch, and where names are encrypted in a server-side mode, the epoch whose
 * key they hang on. Objects of other epochs whose key is missing do not open, each for itself.
 */
export function epochsNeeded({ epochs, names }: Pick<Descriptor, 'epochs' | 'names'>): readonly DescriptorEpoch[] {
  const current = epochs.at(-1);
  const lastSealed = epochs.findLast(({ mode }) => isClientSide(mode));
  return [current, names === 'encrypted' ? lastSealed : undefined].filter((epoch) => epoch !== undefined);
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
  const needed = epochsNeeded(descriptor).map(({ mode }) => keyIdOfMode(mode));
  const held = await heldKeysOf(modes, keys, (mode) => !needed.includes(keyIdOfMode(mode)));
  const pinOf = (folderKeyFingerprint: string | null): DescriptorPin => ({ folderId, epoch: current.n, folderKeyFingerprint });
  const sealed = descriptor.epochs.findLast((epoch) => isClientSide(epoch.mode)) ?? null;
  const sealedKeyId = sealed === null ? null : keyIdOfMode(sealed.mode);
  const hasSealedKey = sealed !== null && (sealedKeyId === null || held.some(({ keyId }) => keyId === sealedKeyId));
  const { createFolderKeyring } = await import('../remote/folder-keyring.ts');
  const epochOf = ({ n, mode, ended }: DescriptorEpoch, authKey: Buffer | null): FolderEpoch => ({ n, mode, authKey, ...(ended === true ? { isEnded: true } : {}) });
  // Sealed epochs that are over and whose key was removed are as if they had never been.
  const keyring = hasSealedKey ? createFolderKeyring(modes, held, access) : null;
  const wrapped = sealed?.wrappedFolderKey ?? null;
  if (keyring === null || wrapped === null) {
    const epochs = descriptor.epochs.map((epoch) => epochOf(epoch, null));
    return { folderId, names, mode: current.mode, epochs, namesKey: null, folderKey: null, keys: held, pin: pinOf(null) };
  }
  const { authKeyOf, folderKeyFingerprint, namesKeyOf, unwrapFolderKey } = await import('../envelope/folder-key.ts');
  try {
    const folderKey = await unwrapFolderKey(keyring, Buffer.from(wrapped, 'base64'), folderId);
    verifyDescriptor(descriptor, folderKey);
    return {
      folderId, names, mode: current.mode,
      epochs: descriptor.epochs.map((epoch) => epochOf(epoch, isClientSide(epoch.mode) ? authKeyOf(folderKey, epoch.n) : null)),
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
