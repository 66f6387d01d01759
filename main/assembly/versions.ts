/** Every version that the bucket keeps of a folder's files: what reads each, which keys could go, and removing what is under earlier ones. */
import { SyncError } from '../model/errors.ts';
import { isClientSide, type KeyId } from '../model/mode.ts';
import { isDirectoryPath } from '../model/path.ts';
import type { FolderSettings } from '../model/settings.ts';
import type { VersionFact } from '../remote/version-facts.ts';
import type { SettingsStore } from '../state/settings.ts';
import type { FolderState } from '../sync/ports.ts';
import type { FailedPath, VersionsReport } from './api.ts';
import { pendingChange } from './change-mode.ts';
import { knownDescription } from './epochs.ts';
import { epochsNeeded, keyIdOfMode } from './folder-access.ts';
import { openCurrentSide, type RemoteSide, type Wiring } from './open-folder.ts';
import { inHome, removeTemporary } from './temporary.ts';

/** What reading every version showed last: the proof that a key may go. */
const VERSIONS_FACT = 'versions-verified';
type VersionsProof = { readonly atMs: number; readonly epoch: number; readonly needed: readonly KeyId[]; readonly isComplete: boolean };

export type VersionsOptions = { readonly signal: AbortSignal; readonly onProgress?: ((done: number) => void) | undefined };

type Needed = { keyId: KeyId | null; kmsKeyId: string | null; versions: number; standing: number };

/** Reads every version whole, and tells which keys that took. @throws SyncError rejected where the endpoint lists no versions */
export async function verifyVersions(folder: FolderSettings, state: FolderState, wiring: Wiring, options: VersionsOptions): Promise<{ readonly report: VersionsReport; readonly failed: readonly FailedPath[] }> {
  const { signal, onProgress } = options;
  const side = await openCurrentSide(folder, state, wiring, signal, { opensEnded: true });
  const needed = new Map<string, Needed>();
  const failed: FailedPath[] = [];
  let versions = 0;
  let bytes = 0;
  try {
    for await (const fact of side.remote.versions(signal)) {
      versions += 1;
      if (fact.error !== null) {
        // What other programs put there needs none of the folder's keys.
        if (fact.error.code !== 'not-ours') failed.push({ path: fact.path ?? fact.version.objectKey, error: fact.error });
        continue;
      }
      count(needed, fact);
      bytes += fact.version.objectBytes;
      const failure = await readWhole(side, fact, wiring.home, signal);
      if (failure !== null) failed.push(failure);
      onProgress?.(versions);
    }
  } finally {
    await side.close();
  }
  const { descriptor } = knownDescription(folder, state);
  const current = descriptor.epochs.at(-1);
  const forNames = epochsNeeded(descriptor).filter((epoch) => epoch !== current).map(({ mode }) => keyIdOfMode(mode));
  const nameOf = (keyId: KeyId | null): string | null => (keyId === null ? null : (wiring.settings.key(keyId)?.name ?? null));
  const keys: VersionsReport['keys'][number][] = [...needed.values()].map((one) => ({ ...one, name: nameOf(one.keyId), why: 'versions' }));
  const addFor = (keyId: KeyId | null, why: 'names' | 'current'): void => {
    if (keyId !== null && !keys.some((one) => one.keyId === keyId)) keys.push({ keyId, kmsKeyId: null, name: nameOf(keyId), versions: 0, standing: 0, why });
  };
  addFor(current === undefined ? null : keyIdOfMode(current.mode), 'current');
  for (const keyId of forNames) addFor(keyId, 'names');
  const all = new Set(descriptor.epochs.map(({ mode }) => keyIdOfMode(mode)).filter((keyId) => keyId !== null));
  const isComplete = failed.length === 0 && pendingChange(state) === null;
  const inUse = keys.map(({ keyId }) => keyId).filter((keyId) => keyId !== null);
  state.putFact(VERSIONS_FACT, { atMs: Date.now(), epoch: current?.n ?? 1, needed: inUse, isComplete } satisfies VersionsProof);
  const retirable = isComplete ? [...all].filter((keyId) => !inUse.includes(keyId)).map((keyId) => ({ keyId, name: nameOf(keyId) })) : [];
  return { report: { versions, bytes, keys, retirable }, failed };
}

function count(needed: Map<string, Needed>, { needs, version }: VersionFact): void {
  const keyId = needs.type === 'key' ? needs.keyId : null;
  const kmsKeyId = needs.type === 'kms' ? needs.kmsKeyId : null;
  if (keyId === null && kmsKeyId === null) return;
  const place = `${keyId ?? ''} ${kmsKeyId ?? ''}`;
  const one = needed.get(place) ?? { keyId, kmsKeyId, versions: 0, standing: 0 };
  one.versions += 1;
  if (version.isLatest) one.standing += 1;
  needed.set(place, one);
}

async function readWhole({ transfers }: RemoteSide, { version, path }: VersionFact, home: string, signal: AbortSignal): Promise<FailedPath | null> {
  if (path === null || isDirectoryPath(path)) return null;
  const { toWire } = await import('../model/errors.ts');
  const { objectKey, etag, objectBytes, versionId, isLatest } = version;
  const staged = inHome(home);
  try {
    await transfers.download({ path, objectKey, etag, objectBytes, staged, ...(isLatest ? {} : { versionId }) }, () => undefined, signal);
    return null;
  } catch (error) {
    signal.throwIfAborted();
    return { path, error: toWire(error) };
  } finally {
    removeTemporary(staged);
  }
}

/**
 * Earlier versions that are not under the mode and key of now; they are removed for good where the user has confirmed it.
 *
 * @throws SyncError bad-usage while a change is under way: what it replaces are earlier versions too
 */
export async function deleteOldVersions(folder: FolderSettings, state: FolderState, wiring: Wiring, isConfirmed: boolean, signal: AbortSignal): Promise<{ readonly objects: number; readonly bytes: number; readonly deleted: number }> {
  if (pendingChange(state) !== null) throw new SyncError('bad-usage', { detail: 'a change of encryption is not finished; sync first' });
  const side = await openCurrentSide(folder, state, wiring, signal, { opensEnded: true });
  const old: VersionFact[] = [];
  try {
    for await (const fact of side.remote.versions(signal)) if (!fact.version.isLatest && fact.path !== null && fact.error === null && !fact.isCurrent) old.push(fact);
    const bytes = old.reduce((sum, { version }) => sum + version.objectBytes, 0);
    if (isConfirmed) for (const { version } of old) await side.remote.deleteVersion(version, signal);
    return { objects: old.length, bytes, deleted: isConfirmed ? old.length : 0 };
  } finally {
    await side.close();
  }
}

/**
 * The folders that may still need a key of one of their earlier epochs: all that name it, but those where reading every version has
 * shown since that nothing does.
 */
export async function foldersNeeding(keyId: KeyId, settings: SettingsStore, home: string): Promise<readonly { readonly folder: FolderSettings; readonly why: string }[]> {
  const { openFolderState } = await import('../state/folder-state.ts');
  const found: { folder: FolderSettings; why: string }[] = [];
  for (const folder of settings.folders()) {
    const state = openFolderState(home, folder.id);
    try {
      const { descriptor } = knownDescription(folder, state);
      const current = descriptor.epochs.at(-1);
      if (!descriptor.epochs.some((epoch) => epoch !== current && keyIdOfMode(epoch.mode) === keyId)) continue;
      const proof = state.fact<VersionsProof>(VERSIONS_FACT);
      if (pendingChange(state) !== null) found.push({ folder, why: 'a change of its encryption is not finished' });
      else if (epochsNeeded(descriptor).some((epoch) => epoch !== current && isClientSide(epoch.mode) && keyIdOfMode(epoch.mode) === keyId)) found.push({ folder, why: 'its names are encrypted with it' });
      else if (proof === null || !proof.isComplete || proof.epoch !== current?.n) found.push({ folder, why: `it was in use there; enfold verify ${folder.id.slice(0, 8)} --versions shows whether anything still needs it` });
      else if (proof.needed.includes(keyId)) found.push({ folder, why: 'earlier versions in the bucket need it' });
    } finally {
      state.close();
    }
  }
  return found;
}
