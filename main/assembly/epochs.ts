/**
 * Taking over a later description of a folder: by itself where a holder of the pinned folder key wrote it and nothing gets weaker,
 * else when the user agrees. What this device goes by is kept with its records.
 */
import { isDeepStrictEqual as isSame } from 'node:util';
import type { Descriptor } from '../envelope/descriptor.ts';
import { SyncError, isSyncError } from '../model/errors.ts';
import { isClientSide, type EncryptionMode } from '../model/mode.ts';
import type { FolderSettings } from '../model/settings.ts';
import type { DescriptorPin } from '../remote/folder-config.ts';
import type { LoadedDescriptor } from '../remote/descriptor-store.ts';
import type { FolderState } from '../sync/ports.ts';
import { loadDescription, withStore } from './descriptions.ts';
import { unlockFolder, type UnlockedFolder } from './folder-access.ts';
import type { Wiring } from './open-folder.ts';

export const PIN_FACT = 'descriptor-pin';
/** The description as this device last accepted it, wrapped folder key included: enough to open the folder without the bucket. */
export const DESCRIPTOR_FACT = 'descriptor';
export const CAPABILITIES_FACT = 'capabilities';
/** A change of mode or key that this device began: its own next epoch needs nobody's agreement. */
export const OWN_CHANGE_FACT = 'own-change';
/** A later description was taken over while this device may have been writing by the earlier one: its own writes are looked through once. */
export const LOOK_BACK_FACT = 'look-back';
export type OwnChange = { readonly epoch: number; readonly mode: EncryptionMode };

/** Who besides the owner could read: nobody; a key service; the storage provider. */
function strengthOf(mode: EncryptionMode): number {
  if (!isClientSide(mode)) return 0;
  return (mode.id === 'cse-c' ? 4 : 2) + (mode.format === 'v3' ? 1 : 0);
}

/** A mode with its key, for people. */
export function modeWords(mode: EncryptionMode): string {
  if (mode.id === 'cse-c' || mode.id === 'sse-c') return `${mode.id} with key ${mode.keyId}`;
  if (mode.id === 'sse-s3') return mode.id;
  const key = mode.kmsKeyId === null ? 'the AWS managed key' : `KMS key ${mode.kmsKeyId}`;
  if (mode.id === 'cse-kms') return `${mode.id} with ${key}`;
  const context = mode.encryptionContext === null ? [] : [`context ${Object.entries(mode.encryptionContext).map(([name, value]) => `${name}=${value}`).join(' ')}`];
  return [`${mode.id} with ${key}`, ...(mode.dsse ? ['two layers'] : mode.bucketKey ? [] : ['no bucket key']), ...context].join(', ');
}

export function zeroUnlocked({ folderKey, namesKey, keys, epochs }: UnlockedFolder): void {
  folderKey?.fill(0);
  namesKey?.fill(0);
  for (const { bytes } of keys) bytes.fill(0);
  for (const { authKey } of epochs) authKey?.fill(0);
}

/** What this device goes by. @throws SyncError state-corrupt where it is missing */
export function knownDescription(folder: FolderSettings, state: FolderState): { readonly descriptor: Descriptor; readonly pin: DescriptorPin } {
  const descriptor = state.fact<Descriptor>(DESCRIPTOR_FACT);
  const pin = state.fact<DescriptorPin>(PIN_FACT);
  if (descriptor === null || pin === null) throw new SyncError('state-corrupt', { detail: folder.name });
  return { descriptor, pin };
}

/** From now on this device goes by `descriptor`. */
export function keepDescription(folder: FolderSettings, state: FolderState, wiring: Pick<Wiring, 'settings'>, descriptor: Descriptor, pin: DescriptorPin): FolderSettings {
  const mode = descriptor.epochs.at(-1)?.mode ?? folder.mode;
  state.putFact(DESCRIPTOR_FACT, descriptor);
  state.putFact(PIN_FACT, pin);
  const now = wiring.settings.folder(folder.id) ?? folder;
  if (isSame(now.mode, mode)) return now;
  // What the endpoint does may differ from mode to mode.
  state.putFact(CAPABILITIES_FACT, null);
  const { reusesDataKey, ...rest } = now;
  const mayReuse = mode.id === 'cse-kms' && mode.format === 'v3';
  return wiring.settings.updateFolder({ ...rest, ...(mayReuse && reusesDataKey !== undefined && { reusesDataKey }), mode });
}

/**
 * Whether a description may be taken over without asking: a holder of the pinned folder key wrote it, and it is no weaker.
 *
 * @throws SyncError descriptor-mismatch where nobody who holds the folder's key wrote it
 */
async function isTrusted(known: Descriptor, found: Descriptor, pin: DescriptorPin, wiring: Wiring, access: Parameters<typeof unlockFolder>[2]): Promise<boolean> {
  const { currentEpoch, verifyDescriptor } = await import('../envelope/descriptor.ts');
  const before = currentEpoch(known);
  const now = currentEpoch(found);
  const isNoWeaker = isClientSide(before.mode) && isClientSide(now.mode) && strengthOf(now.mode) >= strengthOf(before.mode);
  if (pin.folderKeyFingerprint === null) return before.n === now.n;
  const unlocked = await unlockFolder(known, wiring.keys, access);
  try {
    if (unlocked.folderKey === null) return before.n === now.n;
    verifyDescriptor(found, unlocked.folderKey);
    return before.n === now.n || isNoWeaker;
  } catch (error) {
    throw isSyncError(error, 'not-authentic') ? new SyncError('descriptor-mismatch', { detail: 'it was not written with this folder\'s key' }, { cause: error }) : error;
  } finally {
    zeroUnlocked(unlocked);
  }
}

/**
 * Reads the description again and takes over what is new.
 *
 * @param isAccepted - the user agrees to whatever the change is.
 * @returns the folder as it is from now on, and whether anything was taken over.
 * @throws SyncError folder-changed (the user is to be asked), descriptor-missing, descriptor-rollback, descriptor-mismatch, key-not-found, …
 */
export async function adoptDescription(folder: FolderSettings, state: FolderState, wiring: Wiring, isAccepted: boolean, signal: AbortSignal): Promise<{ readonly folder: FolderSettings; readonly isChanged: boolean; readonly loaded: LoadedDescriptor }> {
  const { checkPin, hasNews } = await import('../remote/descriptor-store.ts');
  const connection = wiring.connections.list().find((one) => one.id === folder.connectionId);
  if (connection === undefined) throw new SyncError('no-such-connection', { detail: folder.name });
  const access = await wiring.connections.accessOf(connection);
  const { descriptor: known, pin } = knownDescription(folder, state);
  const loaded = await withStore(access, folder.bucket, async (store) => loadDescription(store, folder.prefix, access, wiring.keys, signal));
  if (loaded === null) throw new SyncError('descriptor-missing');
  const { descriptor: found } = loaded;
  checkPin(found, pin);
  if (found.names !== known.names) throw new SyncError('descriptor-mismatch', { detail: 'the setting of names is another one' });
  const isChanged = hasNews(found, known.epochs.map(({ n, mode, ended }) => ({ n, mode, isEnded: ended })));
  if (!isChanged) return { folder, isChanged, loaded };
  const { currentEpoch } = await import('../envelope/descriptor.ts');
  const now = currentEpoch(found);
  const own = state.fact<OwnChange>(OWN_CHANGE_FACT);
  const isOwn = own !== null && own.epoch === now.n && isSame(own.mode, now.mode);
  const isTaken = (await isTrusted(known, found, pin, wiring, access)) || isOwn || isAccepted;
  if (!isTaken) throw new SyncError('folder-changed', { detail: `from ${modeWords(currentEpoch(known).mode)} to ${modeWords(now.mode)}` });
  // Opened before anything is kept: a key that is missing, or a folder key that is another one, must show first.
  const unlocked = await unlockFolder(found, wiring.keys, access);
  try {
    const { folderKeyFingerprint } = unlocked.pin;
    if (pin.folderKeyFingerprint !== null && folderKeyFingerprint !== null && folderKeyFingerprint !== pin.folderKeyFingerprint) throw new SyncError('descriptor-mismatch', { detail: 'the folder key is another one' });
    state.putFact(LOOK_BACK_FACT, now.n);
    return { folder: keepDescription(folder, state, wiring, found, { ...unlocked.pin, folderKeyFingerprint: folderKeyFingerprint ?? pin.folderKeyFingerprint }), isChanged, loaded };
  } finally {
    zeroUnlocked(unlocked);
  }
}
