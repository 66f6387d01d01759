/**
 * Changing how a folder is encrypted: what it would take, the new epoch, and the job that brings every object under it.
 *
 * The order makes it safe to end anywhere: first the endpoint proves that it can store in the new mode, then this device notes what it is about to
 * do, then the description in the bucket gets the new epoch under a condition, and only then does the first object change. While the job runs,
 * objects of both epochs are read by every device; when nothing is left, the earlier epochs are marked as ended.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Descriptor, DescriptorContent, DescriptorEpoch } from '../envelope/descriptor.ts';
import { SyncError, isSyncError } from '../model/errors.ts';
import { isClientSide, type EncryptionMode } from '../model/mode.ts';
import type { FolderSettings, S3Access } from '../model/settings.ts';
import type { LoadedDescriptor } from '../remote/descriptor-store.ts';
import type { ReprotectProgress, ReprotectResult } from '../sync/reprotect.ts';
import type { FolderState } from '../sync/ports.ts';
import type { Connections } from './api.ts';
import { withStore } from './descriptions.ts';
import { adoptDescription, DESCRIPTOR_FACT, knownDescription, keepDescription, LOOK_BACK_FACT, OWN_CHANGE_FACT, zeroUnlocked, type OwnChange } from './epochs.ts';
import { heldKeysOf, unlockFolder } from './folder-access.ts';
import { explainBlocked } from './mode-choice.ts';
import type { WiredFolder, Wiring } from './open-folder.ts';

/** That objects of earlier epochs are left to be brought under this one, by this device. */
export const REPROTECT_FACT = 'reprotect';
export type PendingChange = { readonly epoch: number; readonly startedAtMs: number; readonly changed: number; readonly bytesSent: number };
/** What the last change of this device came to. */
export const FINISHED_FACT = 'reprotect-finished';
export type FinishedChange = Omit<PendingChange, 'epoch'> & { readonly finishedAtMs: number };

/** Whether something is left to do that {@link continueChange} does: this device's change, or what it wrote while it had not heard of another's. */
export function hasChangesToMake(state: FolderState): boolean {
  if (pendingChange(state) !== null) return true;
  // While the other device's job runs, it finds whatever stands there.
  const earlier = state.fact<Descriptor>(DESCRIPTOR_FACT)?.epochs.slice(0, -1) ?? [];
  return state.fact<number>(LOOK_BACK_FACT) !== null && earlier.every(({ ended }) => ended === true);
}

export function pendingChange(state: FolderState): PendingChange | null {
  return state.fact<PendingChange>(REPROTECT_FACT);
}

async function placeOf(folder: FolderSettings, connections: Connections): Promise<S3Access> {
  const connection = connections.list().find((one) => one.id === folder.connectionId);
  if (connection === undefined) throw new SyncError('no-such-connection', { detail: folder.name });
  return connections.accessOf(connection);
}

/** Its last epoch is `mode`; the wrapped folder key is the one that the folder has, or a new one where it had none. */
async function nextContent(known: Descriptor, mode: EncryptionMode, wiring: Wiring, access: S3Access): Promise<{ readonly content: DescriptorContent; readonly folderKey: Buffer | null }> {
  const { createFolderKeyring } = await import('../remote/folder-keyring.ts');
  const { createFolderKey, wrapFolderKey } = await import('../envelope/folder-key.ts');
  const { folderId, names, epochs, devices } = known;
  const n = (epochs.at(-1)?.n ?? 0) + 1;
  const unlocked = await unlockFolder(known, wiring.keys, access);
  const held = await heldKeysOf([mode], wiring.keys);
  const keyring = createFolderKeyring([mode], held, access);
  try {
    const hasSealed = epochs.some((epoch) => epoch.wrappedFolderKey !== null);
    if (hasSealed && unlocked.folderKey === null) throw new SyncError('key-not-found', { detail: 'the key of an earlier client-side epoch of the folder, which its description is authenticated with' });
    const folderKey = unlocked.folderKey !== null ? Buffer.from(unlocked.folderKey) : keyring === null ? null : createFolderKey();
    const wrappedFolderKey = keyring === null || folderKey === null ? null : (await wrapFolderKey(keyring, folderKey, folderId)).toString('base64');
    const next: DescriptorEpoch = { n, mode, wrappedFolderKey };
    return { content: { folderId, names, epochs: [...epochs, next], devices }, folderKey };
  } finally {
    keyring?.close();
    zeroUnlocked(unlocked);
    for (const { bytes } of held) bytes.fill(0);
  }
}

/** Stores under the mode, by trying: a mode that the endpoint does not keep must show before anything is changed. */
async function writeUnder(folder: FolderSettings, mode: EncryptionMode, content: DescriptorContent, folderKey: Buffer | null, loaded: LoadedDescriptor, wiring: Wiring, access: S3Access, signal: AbortSignal): Promise<LoadedDescriptor> {
  const [{ requestsOf }, { probeFolder }, { replaceDescriptor }] = await Promise.all([import('../remote/modes.ts'), import('../remote/probe.ts'), import('../remote/descriptor-store.ts')]);
  const held = await heldKeysOf([mode], wiring.keys);
  try {
    const requests = requestsOf(mode, held, access.endpoint);
    return await withStore(access, folder.bucket, async (store) => {
      const capabilities = await probeFolder(store, requests, folder.prefix, signal);
      return replaceDescriptor(store, folder.prefix, loaded, content, folderKey, { requests, capabilities }, signal);
    });
  } catch (error) {
    const connection = wiring.connections.list().find(({ id }) => id === folder.connectionId)?.name ?? folder.connectionId;
    throw await explainBlocked(error, mode, access, folder.bucket, connection);
  } finally {
    for (const { bytes } of held) bytes.fill(0);
  }
}

/**
 * Adds the epoch and notes that the job is to be done. The folder must not be open.
 *
 * @returns the folder as it is from now on.
 * @throws SyncError mode-not-honoured, mode-blocked, key-not-found, access-denied, version-changed (another device changed the folder just now), folder-changed, change-under-way, …
 */
export async function beginChange(folder: FolderSettings, state: FolderState, mode: EncryptionMode, wiring: Wiring, signal: AbortSignal): Promise<FolderSettings> {
  const access = await placeOf(folder, wiring.connections);
  const { folder: before, loaded } = await adoptDescription(folder, state, wiring, false, signal);
  const { descriptor: known } = knownDescription(before, state);
  // Its objects would come under an epoch that has ended meanwhile, and plain ones prove nothing in a client-side folder.
  const isAnothers = pendingChange(state) === null && known.epochs.slice(0, -1).some(({ ended }) => ended !== true);
  if (isAnothers && isClientSide(mode) && !isClientSide(before.mode)) throw new SyncError('change-under-way');
  const { content, folderKey } = await nextContent(known, mode, wiring, access);
  try {
    const epoch = content.epochs.at(-1)?.n ?? 1;
    state.putFact(OWN_CHANGE_FACT, { epoch, mode } satisfies OwnChange);
    state.putFact(REPROTECT_FACT, { epoch, startedAtMs: Date.now(), changed: 0, bytesSent: 0 } satisfies PendingChange);
    await writeUnder(before, mode, content, folderKey, loaded, wiring, access, signal);
    return (await adoptDescription(before, state, wiring, false, signal)).folder;
  } catch (error) {
    // Whether the description was written is seen at the next look; what was not begun needs no job.
    if (isSyncError(error) && error.retry !== 'later') forgetUnlessBegun(state);
    throw error;
  } finally {
    folderKey?.fill(0);
  }
}

function forgetUnlessBegun(state: FolderState): void {
  const pending = pendingChange(state);
  const epoch = state.fact<Descriptor>(DESCRIPTOR_FACT)?.epochs.at(-1)?.n;
  if (pending !== null && pending.epoch !== epoch) state.putFact(REPROTECT_FACT, null);
}

/** The job again where nothing is known to be left: for objects that a device stored in the old way while it had not heard of the change. */
export function repeatChange(state: FolderState): void {
  const epoch = state.fact<Descriptor>(DESCRIPTOR_FACT)?.epochs.at(-1)?.n ?? 1;
  state.putFact(REPROTECT_FACT, { epoch, startedAtMs: Date.now(), changed: 0, bytesSent: 0 } satisfies PendingChange);
}

export type ContinueOptions = { readonly signal: AbortSignal; readonly untilMs?: number; readonly onProgress?: (progress: ReprotectProgress) => void };

/**
 * Goes on with the job of an open folder, and marks the earlier epochs as ended once nothing is left; or brings what this device wrote while
 * it had not heard of another's change under the current epoch. Nothing to do: null.
 *
 * @throws SyncError what makes going on impossible now; the next call goes on where this one ended
 */
export async function continueChange(folder: FolderSettings, wired: WiredFolder, wiring: Wiring, options: ContinueOptions): Promise<ReprotectResult | null> {
  const { engine, state, parts } = wired;
  if (!hasChangesToMake(state)) return null;
  const { reprotect, reprotectOwnWrites } = await import('../sync/reprotect.ts');
  return engine.exclusively(async (signal) => {
    const { descriptor } = knownDescription(folder, state);
    const epoch = descriptor.epochs.at(-1)?.n ?? 1;
    const job = { epoch, signal, ...(options.untilMs === undefined ? {} : { untilMs: options.untilMs }), ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }) };
    const pending = pendingChange(state);
    if (pending === null) {
      const result = await reprotectOwnWrites(parts, job);
      if (result.isDone) state.putFact(LOOK_BACK_FACT, null);
      return result.changed === 0 && result.isDone ? null : result;
    }
    const result = await reprotect(parts, job);
    if (result.isDone && (await endEarlierEpochs(folder, state, wiring, epoch, signal))) {
      state.putFact(FINISHED_FACT, { startedAtMs: pending.startedAtMs, finishedAtMs: Date.now(), changed: pending.changed + result.changed, bytesSent: pending.bytesSent + result.bytesSent } satisfies FinishedChange);
      for (const fact of [REPROTECT_FACT, OWN_CHANGE_FACT, LOOK_BACK_FACT]) state.putFact(fact, null);
      return result;
    }
    state.putFact(REPROTECT_FACT, { ...pending, epoch, changed: pending.changed + result.changed, bytesSent: pending.bytesSent + result.bytesSent } satisfies PendingChange);
    return { ...result, isDone: false };
  }, options.signal);
}

/**
 * @param epoch - the one that everything stands under.
 * @returns false where another device has begun a later one meanwhile, under which nothing stands yet.
 * @throws SyncError version-changed where another device rewrote the description: the next run tries again
 */
async function endEarlierEpochs(folder: FolderSettings, state: FolderState, wiring: Wiring, epoch: number, signal: AbortSignal): Promise<boolean> {
  const access = await placeOf(folder, wiring.connections);
  const { loaded } = await adoptDescription(folder, state, wiring, false, signal);
  const { descriptor, pin } = knownDescription(folder, state);
  const last = descriptor.epochs.at(-1);
  if (last === undefined || last.n !== epoch) return false;
  if (descriptor.epochs.every((one) => one === last || one.ended === true)) return true;
  const { replaceDescriptor } = await import('../remote/descriptor-store.ts');
  const { requestsOf } = await import('../remote/modes.ts');
  const { capabilitiesIn } = await import('./capabilities.ts');
  const epochs = descriptor.epochs.map((one): DescriptorEpoch => (one === last ? one : { ...one, ended: true }));
  const unlocked = await unlockFolder(descriptor, wiring.keys, access);
  try {
    const requests = requestsOf(last.mode, unlocked.keys, access.endpoint);
    const needsKey = epochs.some(({ wrappedFolderKey }) => wrappedFolderKey !== null);
    if (needsKey && unlocked.folderKey === null) return true;
    await withStore(access, folder.bucket, async (store) => {
      const capabilities = await capabilitiesIn(state, store, requests, folder.prefix, signal);
      const stored = await replaceDescriptor(store, folder.prefix, loaded, { ...descriptor, epochs }, unlocked.folderKey, { requests, capabilities }, signal);
      keepDescription(folder, state, wiring, stored.descriptor, pin);
    });
    return true;
  } finally {
    zeroUnlocked(unlocked);
  }
}

/** Whether nothing would be different. */
export function isSameMode(one: EncryptionMode, other: EncryptionMode): boolean {
  return isDeepStrictEqual(one, other);
}
