/** A new key in the place of an old one: every folder that uses the old one begins to use the new one. */
import { SyncError } from '../model/errors.ts';
import type { FolderSettings, KeySettings } from '../model/settings.ts';
import type { SettingsStore } from '../state/settings.ts';
import type { Folders, Keys } from './api.ts';
import type { ChangePreview } from './change-preview.ts';
import { keyIdOfMode } from './folder-access.ts';

export type RotationPlan = { readonly old: KeySettings; /** Null: it is made when the rotation begins. */ readonly next: KeySettings | null; readonly folders: readonly ChangePreview[] };

/** Which key an interrupted rotation made, so that the next run does not make another. */
const factOf = (keyId: string): string => `rotation/${keyId}`;

type Parts = { readonly keys: Keys; readonly folders: Folders; readonly settings: SettingsStore };

function usersOf(key: KeySettings, folders: Folders): readonly FolderSettings[] {
  return folders.list().filter(({ mode }) => keyIdOfMode(mode) === key.keyId);
}

function nextOf(old: KeySettings, to: string | null, { keys, settings }: Parts): KeySettings | null {
  const begun = settings.fact(factOf(old.keyId));
  const known = typeof begun === 'string' ? (keys.list().find(({ keyId }) => keyId === begun) ?? null) : null;
  const next = to === null ? known : keys.find(to);
  if (next !== null && next.keyId === old.keyId) throw new SyncError('bad-usage', { detail: 'that is the same key' });
  if (next !== null && (next.type === 'sse-c') !== (old.type === 'sse-c')) throw new SyncError('bad-usage', { detail: `a key of type ${old.type} is not followed by one of type ${next.type}` });
  return next;
}

/**
 * What it would take.
 *
 * @param to - the key to change to; null: a new one, or the one that an interrupted run has made.
 * @throws SyncError key-not-found, bad-usage where no folder uses the key
 */
export async function planRotation(wanted: string, to: string | null, parts: Parts, signal: AbortSignal): Promise<RotationPlan> {
  const old = parts.keys.find(wanted);
  const users = usersOf(old, parts.folders);
  if (users.length === 0) throw new SyncError('bad-usage', { detail: `no folder here uses key ${old.name}` });
  const next = nextOf(old, to, parts);
  const previews: ChangePreview[] = [];
  // A key that is not made yet costs what any other of its kind does.
  for (const folder of users) previews.push(await parts.folders.previewChange(folder.id, next === null ? {} : { key: next.keyId }, signal));
  return { old, next, folders: previews };
}

/** Makes the new key where there is none, and begins the change of each folder. @returns the folders whose change is to be gone on with */
export async function beginRotation(wanted: string, to: string | null, parts: Parts, signal: AbortSignal): Promise<{ readonly next: KeySettings; readonly folders: readonly FolderSettings[] }> {
  const old = parts.keys.find(wanted);
  const users = usersOf(old, parts.folders);
  const known = nextOf(old, to, parts);
  const next = known ?? (await parts.keys.create({ name: freeName(old.name, parts.keys), type: old.type }));
  if (to === null) parts.settings.putFact(factOf(old.keyId), next.keyId);
  const begun: FolderSettings[] = [];
  for (const folder of users) begun.push(await parts.folders.beginChange(folder.id, { key: next.keyId }, signal));
  parts.settings.putFact(factOf(old.keyId), null);
  return { next, folders: begun };
}

/** `photos 2`, `photos 3`, …: the first that is free. */
function freeName(name: string, keys: Keys): string {
  const taken = new Set(keys.list().map((key) => key.name.toLowerCase()));
  const stem = name.replace(/ \d+$/, '');
  for (let number = 2; ; number += 1) if (!taken.has(`${stem} ${number}`.toLowerCase())) return `${stem} ${number}`;
}
