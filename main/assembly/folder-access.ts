/**
 * From a folder's description in the bucket to what its remote side needs to work: unwrapped folder key, derived keys, held
 * master keys. Unwrapped keys stay in the memory of this process.
 */
import type { Descriptor, DescriptorContent } from '../envelope/descriptor.ts';
import { SyncError } from '../model/errors.ts';
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
 * Unwraps the folder key with the master key that the current epoch names, and checks that a holder of the folder key wrote
 * the description. In the server-side modes there is nothing to open.
 *
 * @throws SyncError key-not-found, key-unwrap-failed, not-authentic, mode-not-available, keychain-…, passphrase-…
 */
export async function unlockFolder(descriptor: Descriptor, keys: Keys): Promise<UnlockedFolder> {
  const { currentEpoch, verifyDescriptor } = await import('../envelope/descriptor.ts');
  const { folderId, names } = descriptor;
  const current = currentEpoch(descriptor);
  for (const { mode } of descriptor.epochs) {
    if (mode.id !== 'sse-s3' && !(mode.id === 'cse-c' && mode.keyType === 'aes')) throw new SyncError('mode-not-available', { detail: mode.id });
  }
  const pinOf = (folderKeyFingerprint: string | null): DescriptorPin => ({ folderId, epoch: current.n, folderKeyFingerprint });
  const clientSide = descriptor.epochs.findLast((epoch) => isClientSide(epoch.mode));
  if (clientSide === undefined || clientSide.mode.id !== 'cse-c' || clientSide.wrappedFolderKey === null) {
    return { folderId, names, mode: current.mode, epochs: descriptor.epochs.map(({ n, mode }) => ({ n, mode, authKey: null })), namesKey: null, folderKey: null, keys: [], pin: pinOf(null) };
  }

  const { authKeyOf, folderKeyFingerprint, namesKeyOf, unwrapFolderKey } = await import('../envelope/folder-key.ts');
  const { createAesKeyring } = await import('../envelope/aes-keyring.ts');
  const held: HeldKey[] = [];
  for (const keyId of new Set(descriptor.epochs.map((epoch) => keyIdOfMode(epoch.mode)).filter((id) => id !== null))) {
    held.push({ keyId, type: 'aes', bytes: await keys.bytesOf(keyId) });
  }
  const { keyId } = clientSide.mode;
  const master = held.find((key) => key.keyId === keyId);
  if (master === undefined) throw new SyncError('key-not-found', { detail: keyId });
  const keyring = createAesKeyring({ wrappingKey: Buffer.from(master.bytes.buffer, master.bytes.byteOffset, master.bytes.byteLength), keyId });
  const folderKey = await unwrapFolderKey(keyring, Buffer.from(clientSide.wrappedFolderKey, 'base64'), folderId);
  verifyDescriptor(descriptor, folderKey);
  return {
    folderId, names, mode: current.mode,
    epochs: descriptor.epochs.map(({ n, mode }) => ({ n, mode, authKey: isClientSide(mode) ? authKeyOf(folderKey, n) : null })),
    namesKey: names === 'encrypted' ? namesKeyOf(folderKey) : null,
    folderKey, keys: held,
    pin: pinOf(folderKeyFingerprint(folderKey)),
  };
}

/** A new folder: what its description says, and the folder key (client-side modes), which the caller zeroes. */
export async function describeNewFolder(options: { readonly folderId: string; readonly names: NamesSetting; readonly mode: EncryptionMode; readonly keys: Keys }): Promise<{ content: DescriptorContent; folderKey: Buffer | null }> {
  const { folderId, names, mode, keys } = options;
  if (mode.id !== 'cse-c') return { content: { folderId, names, epochs: [{ n: 1, mode, wrappedFolderKey: null }], devices: [] }, folderKey: null };
  const { createFolderKey, wrapFolderKey } = await import('../envelope/folder-key.ts');
  const { createAesKeyring } = await import('../envelope/aes-keyring.ts');
  const master = await keys.bytesOf(mode.keyId);
  try {
    const folderKey = createFolderKey();
    const wrapped = await wrapFolderKey(createAesKeyring({ wrappingKey: master, keyId: mode.keyId }), folderKey, folderId);
    return { content: { folderId, names, epochs: [{ n: 1, mode, wrappedFolderKey: wrapped.toString('base64') }], devices: [] }, folderKey };
  } finally {
    master.fill(0);
  }
}

export function remoteConfigOf(unlocked: UnlockedFolder, place: { readonly access: S3Access; readonly bucket: string; readonly prefix: string; readonly pin: DescriptorPin; readonly capabilities: Capabilities | null }): RemoteFolderConfig {
  const { folderId, names, namesKey, epochs, keys, folderKey } = unlocked;
  return { ...place, folderId, names, namesKey, epochs, keys, folderKey };
}
