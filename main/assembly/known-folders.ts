/**
 * Folders that a recovery kit or an invitation named: kept until they are joined, so that the join can compare fingerprints and
 * write a lost description again. Nothing here is secret.
 */
import { SyncError } from '../model/errors.ts';
import type { KnownFolder } from '../keys/recovery-kit.ts';
import type { SettingsStore } from '../state/settings.ts';
import type { KitFolderView } from './api.ts';

const FACT = 'known-folders';
type Facts = Pick<SettingsStore, 'fact' | 'putFact'>;

const recordsOf = (settings: Facts): Readonly<Record<string, KnownFolder>> => (settings.fact(FACT) ?? {}) as Readonly<Record<string, KnownFolder>>;

export function rememberFolders(settings: Facts, folders: readonly KnownFolder[]): void {
  if (folders.length === 0) return;
  settings.putFact(FACT, { ...recordsOf(settings), ...Object.fromEntries(folders.map((folder) => [folder.descriptor.folderId, folder])) });
}

export function forgetFolder(settings: Facts, folderId: string): void {
  const { [folderId]: _gone, ...rest } = recordsOf(settings);
  settings.putFact(FACT, rest);
}

export function knownFolders(settings: Facts): readonly KnownFolder[] {
  return Object.values(recordsOf(settings));
}

/** A folder of the same id, whatever its place. @throws SyncError fingerprint-mismatch where what is about to be joined is not what was promised */
export function checkPromised(settings: Facts, folderId: string, fingerprint: string | null): void {
  const promised = recordsOf(settings)[folderId];
  if (promised !== undefined && promised.fingerprint !== fingerprint) throw new SyncError('fingerprint-mismatch', { detail: `${promised.fingerprint ?? 'none'} was promised, ${fingerprint ?? 'none'} is there` });
}

type Place = { readonly bucket: string; readonly prefix: string; readonly endpoint: string | null };

/** The folder that a kit or an invitation says stands at a place, or null. */
export function promisedAt(settings: Facts, place: Place): KnownFolder | null {
  return knownFolders(settings).find((one) => one.bucket === place.bucket && one.prefix === place.prefix && one.endpoint === place.endpoint) ?? null;
}

export function folderView({ name, bucket, prefix, endpoint, region, fingerprint, descriptor }: KnownFolder): KitFolderView {
  return { id: descriptor.folderId, name, remote: `s3://${bucket}/${prefix}`, endpoint, region, mode: descriptor.epochs.at(-1)?.mode.id ?? 'sse-s3', fingerprint };
}
