/** What happened on each side of a path since base, as far as the rows tell. */
import { EMPTY_SHA256 } from '../model/snapshot.ts';
import type { BaseEntry, LocalState, PathStates, RemoteVersion, Tombstone } from '../model/snapshot.ts';
import { dominates } from '../model/version-vector.ts';

type PresentLocal = Extract<LocalState, { type: 'present' }>;

/**
 * - `unchanged`: the same stamp
 * - `restamped`: the same file with the same content; times or permission bits changed
 * - `replaced`: another file with the same content. The user put it there, so a remote change or deletion of what stood there
 *   before must not take it away; but there is nothing to send.
 * - `changed`: other content, or content that was not read
 */
export type LocalChange = 'unchanged' | 'restamped' | 'replaced' | 'changed' | 'new' | 'gone' | 'never' | 'unknown';
export type RemoteChange = 'unchanged' | 'changed' | 'new' | 'gone' | 'never' | 'unknown';

export function localChangeOf({ base, local }: PathStates): LocalChange {
  if (local.type === 'unknown') return 'unknown';
  if (local.type === 'absent') return base === null ? 'never' : 'gone';
  if (base === null) return 'new';
  const { entry } = local;
  // A directory's times change with everything inside it, and it has no content.
  if (entry.stamp === base.stamp || entry.kind === 'directory') return 'unchanged';
  if (localHashOf(base, local) !== base.sha256) return 'changed';
  return entry.inode === base.inode ? 'restamped' : 'replaced';
}

/**
 * The operation id is compared too, where it is known: an ETag can be the MD5 of repeated content. An ETag that is the same
 * without attributes comes from a row that asks for a HEAD.
 */
export function remoteChangeOf({ base, remote }: PathStates): RemoteChange {
  if (remote.type === 'unknown') return 'unknown';
  if (remote.type === 'absent') return base === null ? 'never' : 'gone';
  if (base === null) return 'new';
  const { etag, attributes } = remote.version;
  const isSame = etag === base.etag && attributes !== null && attributes.operationId === base.operationId;
  return isSame ? 'unchanged' : 'changed';
}

/** The content's SHA-256 as far as it is known without reading: given, the base's own for an untouched file, or of nothing. */
export function localHashOf(base: BaseEntry | null, local: PresentLocal): string | null {
  if (local.entry.kind === 'directory' || local.entry.sizeBytes === 0) return EMPTY_SHA256;
  if (local.sha256 !== null) return local.sha256;
  return base !== null && base.stamp === local.entry.stamp ? base.sha256 : null;
}

/** The plaintext's SHA-256, or null where neither a HEAD nor the mode tells it. */
export function remoteHashOf(version: RemoteVersion): string | null {
  if (version.attributes === null) return null;
  if (version.attributes.kind === 'directory') return EMPTY_SHA256;
  return version.attributes.sha256 ?? (version.attributes.sizeBytes === 0 ? EMPTY_SHA256 : null);
}

/** Bytes that the client-side formats add to every body: the tag of AES-GCM. */
const TAG_BYTES = 16;

/** Size of the plaintext: told by the attributes, else by the listing. */
export function remoteSizeOf(version: RemoteVersion, isClientSide: boolean): number {
  return version.attributes?.sizeBytes ?? Math.max(0, version.objectBytes - (isClientSide ? TAG_BYTES : 0));
}

/**
 * The tombstone that matters for what this device knew: one that proves the deletion of that version if there is any,
 * else any other, which proves that something was deleted that this device has not seen.
 */
export function chooseTombstone(tombstones: readonly Tombstone[], base: BaseEntry): Tombstone | null {
  return tombstones.find((tombstone) => provesDeletion(tombstone, base)) ?? tombstones[0] ?? null;
}

/** Whether who deleted had seen the version that this device knew, or the one it made of it. */
export function provesDeletion(tombstone: Tombstone, base: BaseEntry): boolean {
  return dominates(tombstone.vector, base.vector);
}

