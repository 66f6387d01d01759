/**
 * What must be looked up before a row can be planned, so that scan reads no file and sends no request whose answer would
 * change nothing.
 */
import type { PlanPolicy } from '../model/action.ts';
import { isDirectoryPath } from '../model/path.ts';
import type { PathStates } from '../model/snapshot.ts';
import { localChangeOf, localHashOf, remoteChangeOf, remoteHashOf, remoteSizeOf } from './changes.ts';

/**
 * The sizes of files that are gone locally and unchanged remotely: only a new file of such a size can be where one of them
 * went. Empty where no rename is planned anyway.
 */
export function renameSizes(differences: Iterable<PathStates>, policy: PlanPolicy): ReadonlySet<number> {
  const sizes = new Set<number>();
  if (!mayRename(policy)) return sizes;
  for (const states of differences) {
    const { base } = states;
    if (base === null || base.kind !== 'file' || base.sizeBytes === 0) continue;
    if (localChangeOf(states) === 'gone' && remoteChangeOf(states) === 'unchanged') sizes.add(base.sizeBytes);
  }
  return sizes;
}

/** A rename deletes the old key, so it needs all that a deletion needs. */
export function mayRename(policy: PlanPolicy): boolean {
  return (policy.direction === 'two-way' || policy.direction === 'upload-mirror') && !policy.isJoining && policy.isLocalComplete && policy.isRemoteComplete;
}

/**
 * Whether the row needs the local file's SHA-256: it has another stamp but the same size as base; it stands against a remote
 * version that base does not know; or a renamed file may have become it.
 *
 * @param sizes - what {@link renameSizes} found.
 */
export function needsHash(states: PathStates, sizes: ReadonlySet<number>): boolean {
  const { base, local, remote } = states;
  if (local.type !== 'present' || local.entry.kind === 'directory' || localHashOf(base, local) !== null) return false;
  const remoteChange = remoteChangeOf(states);
  if (remoteChange === 'unknown') return false;
  if (remote.type === 'present' && (remoteChange === 'changed' || remoteChange === 'new')) return true;
  if (base !== null) return local.entry.sizeBytes === base.sizeBytes;
  return sizes.has(local.entry.sizeBytes);
}

/**
 * Whether the row needs the remote version's attributes: both sides hold something that could be the same; the listing cannot tell whether the object changed; or a mirror is about to remove or replace it; or it may be the version that was deleted here. A version that is only
 * to be downloaded brings its attributes with it.
 */
export function needsHead(states: PathStates, policy: PlanPolicy): boolean {
  const { base, local, remote } = states;
  if (remote.type !== 'present' || remote.version.attributes !== null || local.type === 'unknown') return false;
  if (base !== null && remote.version.etag === base.etag) return true;
  if (policy.direction === 'upload-mirror' && base !== null) return true;
  // While a folder changes from a client-side mode to another kind, or back, objects of both kinds stand side by side.
  const sizes = [remoteSizeOf(remote.version, policy.isClientSide), remoteSizeOf(remote.version, !policy.isClientSide)];
  // What was deleted here may be the very version that stands there, brought under another mode or key since.
  if (local.type === 'absent') return base !== null && sizes.includes(base.sizeBytes);
  if (isDirectoryPath(states.path)) return false;
  return sizes.includes(local.entry.sizeBytes) || (base !== null && sizes.includes(base.sizeBytes) && localChangeOf(states) === 'changed');
}

/** Whether the row needs the path's tombstones: base knows an object that is gone, and a local file's fate hangs on why. */
export function needsTombstones(states: PathStates, policy: PlanPolicy): boolean {
  const { base, local, remote } = states;
  return base !== null && local.type === 'present' && remote.type === 'absent' && remote.tombstone === null && policy.isRemoteComplete && !policy.isJoining;
}

/** Whether both sides are known to hold the same content. */
export function isSameContent(states: PathStates): boolean {
  const { base, local, remote } = states;
  if (local.type !== 'present' || remote.type !== 'present') return false;
  const hash = localHashOf(base, local);
  return hash !== null && hash === remoteHashOf(remote.version);
}
