/**
 * One path, three states -> what to do: the decision table. A row is read as (what happened locally, what happened remotely)
 * since base; each direction then says which of the two-way answers it takes over.
 *
 * Nothing is ever concluded from an unknown side, nothing is deleted because of an incomplete listing, and where two versions
 * stand against each other and are not known to be equal, both are kept.
 */
import type { Action, PlanPolicy, Question } from '../model/action.ts';
import { isDirectoryPath } from '../model/path.ts';
import { EMPTY_SHA256 } from '../model/snapshot.ts';
import type { BaseEntry, LocalEntry, LocalState, PathStates, RemoteState, RemoteVersion, Skipped, SkipReason, Tombstone } from '../model/snapshot.ts';
import { EMPTY_VECTOR, joinVectors, relateVersions } from '../model/version-vector.ts';
import { localChangeOf, localHashOf, provesDeletion, remoteChangeOf, remoteHashOf } from './changes.ts';
import type { LocalChange } from './changes.ts';
import { isSameContent } from './needs.ts';

/** What one path comes to; all null where there is nothing to do. */
export type Verdict = { readonly action: Action | null; readonly question: Question | null; readonly skipped: Skipped | null };

const NOTHING: Verdict = { action: null, question: null, skipped: null };

export function reconcile(states: PathStates, policy: PlanPolicy): Verdict {
  const { path, base, local, remote } = states;
  if (local.type === 'unknown') return skip(path, 'local', local.reason);
  if (remote.type === 'unknown') return skip(path, 'remote', remote.reason);
  if (isDirectoryPath(path)) return reconcileDirectory(states, policy);

  const localChange = localChangeOf(states);
  const remoteChange = remoteChangeOf(states);
  if (local.type === 'present' && remote.type === 'present') {
    if (base === null) return bothPresent(states, local, remote.version, policy, null);
    if (remoteChange === 'unchanged') return onlyLocalChanged(localChange, base, local, remote.version, policy);
    return remoteDiffers(states, localChange, base, local, remote.version, policy);
  }
  if (local.type === 'present') {
    if (remote.type === 'absent' && base !== null) return goneRemotely(localChange, base, local, remote.tombstone, policy);
    return newLocally(local.entry, remote.type === 'absent' ? remote.tombstone : null, policy);
  }
  if (remote.type === 'present') return base === null ? newRemotely(path, remote.version, policy) : goneLocally(base, remote.version, remoteChange === 'unchanged', policy);
  return base === null ? NOTHING : goneOnBothSides(base, policy);
}

// ---------------------------------------------------------------- files, one side absent

function newLocally(entry: LocalEntry, tombstone: Tombstone | null, policy: PlanPolicy): Verdict {
  // A mirror's extra file has no base to delete it by, and may be somebody's only copy.
  if (policy.direction === 'download-mirror') return skip(entry.path, 'local', 'direction');
  if (policy.direction === 'download') return NOTHING;
  return act({ type: 'upload', path: entry.path, local: entry, replaces: null, ancestor: tombstone?.vector ?? EMPTY_VECTOR });
}

function newRemotely(path: PathStates['path'], version: RemoteVersion, policy: PlanPolicy): Verdict {
  // What others put beside a backup is none of its business; a mirror cannot remove it without having known it.
  if (policy.direction === 'upload') return NOTHING;
  if (policy.direction === 'upload-mirror') return skip(path, 'remote', 'direction');
  return act({ type: 'download', path, remote: version, replaces: null, ancestor: EMPTY_VECTOR });
}

/** `=|gone`, `changed|gone`: the tombstones say whether the deletion was meant for this version. */
function goneRemotely(change: LocalChange, base: BaseEntry, local: Extract<LocalState, { type: 'present' }>, tombstone: Tombstone | null, policy: PlanPolicy): Verdict {
  // A key that one page of the listing lacks may stand on another, and a device that joins deletes nothing.
  if (!policy.isRemoteComplete || policy.isJoining) return NOTHING;
  const upload = act({ type: 'upload', path: base.path, local: local.entry, replaces: null, ancestor: joinVectors(base.vector, tombstone?.vector ?? EMPTY_VECTOR) });
  const remove = act({ type: 'delete-local', path: base.path, base, local: local.entry, tombstone });
  const isEdited = change === 'changed' || change === 'replaced';
  switch (policy.direction) {
    // A backup holds what is here, whoever removed it there.
    case 'upload':
    case 'upload-mirror': return upload;
    case 'download': return NOTHING;
    case 'two-way':
      if (isEdited) return upload;
      if (tombstone !== null) return provesDeletion(tombstone, base) ? remove : upload;
      break;
    case 'download-mirror':
      if (tombstone !== null) return remove;
  }
  if (policy.isRemoteListed === false) return NOTHING;
  // Another program deleted it, or somebody withholds it. Where the server is not trusted with the content, the user is asked.
  return policy.isClientSide ? ask({ type: 'vanished', path: base.path, base }) : remove;
}

/** `deleted|=`, `deleted|changed`. */
function goneLocally(base: BaseEntry, version: RemoteVersion, isUnchanged: boolean, policy: PlanPolicy): Verdict {
  // The deletion of a version does not speak for one that came after it, and there is no local version to fork from.
  const download = act({ type: 'download', path: base.path, remote: version, replaces: null, ancestor: EMPTY_VECTOR });
  const mayDelete = policy.isLocalComplete && !policy.isJoining;
  switch (policy.direction) {
    case 'two-way':
      if (!isUnchanged) return download;
      return mayDelete ? act({ type: 'delete-remote', path: base.path, base }) : NOTHING;
    // A backup keeps what was deleted here. The base entry stays, so that the path can be taken up again.
    case 'upload': return NOTHING;
    case 'upload-mirror': {
      if (!mayDelete) return NOTHING;
      const known = isUnchanged ? base : baseFromRemote(base, version);
      return known === null ? skip(base.path, 'remote', 'direction') : act({ type: 'delete-remote', path: base.path, base: known });
    }
    default: return download;
  }
}

function goneOnBothSides(base: BaseEntry, policy: PlanPolicy): Verdict {
  return policy.isLocalComplete && policy.isRemoteComplete && !policy.isJoining ? act({ type: 'forget', path: base.path, base }) : NOTHING;
}

// ---------------------------------------------------------------- files, both sides present

function onlyLocalChanged(change: LocalChange, base: BaseEntry, local: Extract<LocalState, { type: 'present' }>, version: RemoteVersion, policy: PlanPolicy): Verdict {
  const { entry } = local;
  const takesUp = policy.direction !== 'download' && policy.direction !== 'download-mirror';
  switch (change) {
    case 'restamped':
    case 'replaced':
      if (entry.modeBits !== base.modeBits && takesUp) return act({ type: 'update-attributes', path: base.path, base, local: entry });
      return act({ type: 'refresh-base', path: base.path, base, local: entry });
    case 'changed':
      if (takesUp) return act({ type: 'upload', path: base.path, local: entry, replaces: version, ancestor: base.vector });
      if (policy.direction === 'download') return skip(base.path, 'local', 'direction');
      return act({ type: 'download', path: base.path, remote: version, replaces: entry, ancestor: base.vector });
    default: return NOTHING;
  }
}

function remoteDiffers(states: PathStates, change: LocalChange, base: BaseEntry, local: Extract<LocalState, { type: 'present' }>, version: RemoteVersion, policy: PlanPolicy): Verdict {
  const relation = version.attributes === null ? null : relateVersions(version.attributes.vector, base.vector);
  // Only who can write under the folder's keys makes attributes client-side: an older version that comes back was put back.
  if (relation === 'replay' && policy.isClientSide) return skip(base.path, 'remote', 'not-authentic');
  if (isSameContent(states)) {
    const isOnlyBase = version.attributes?.modeBits === local.entry.modeBits || change !== 'unchanged' || policy.direction === 'upload' || policy.direction === 'upload-mirror';
    if (isOnlyBase) return adopt(local, base, version);
    if (relation === 'same' || relation === 'update') return adopt(local, base, version, version.attributes?.modeBits);
  }
  const isEdited = change === 'changed' || change === 'replaced';
  // Only its attributes changed, or it went and came back: the edit was made of the very content that is there.
  if (change === 'changed' && remoteHashOf(version) === base.sha256 && (relation === 'same' || relation === 'update')) {
    return onlyLocalChanged(change, { ...base, vector: joinVectors(base.vector, version.attributes?.vector ?? EMPTY_VECTOR) }, local, version, policy);
  }
  const isFork = relation === 'fork' || relation === 'replay';
  if (isEdited || isFork) return bothPresent(states, local, version, policy, base);
  switch (policy.direction) {
    // The backup's own version was replaced by somebody. Nobody's version is lost where neither is touched.
    case 'upload': return skip(base.path, 'remote', 'direction');
    case 'upload-mirror': return overwrite(base, local.entry, version);
    default: return act({ type: 'download', path: base.path, remote: version, replaces: local.entry, ancestor: base.vector });
  }
}

/** Two versions of which neither is known to have come from the other. */
function bothPresent(states: PathStates, local: Extract<LocalState, { type: 'present' }>, version: RemoteVersion, policy: PlanPolicy, base: BaseEntry | null): Verdict {
  if (isSameContent(states)) return adopt(local, base, version);
  switch (policy.direction) {
    // A backup touches nothing local, so the local version cannot move aside; to overwrite the remote one would lose it, and a
    // copy under another name would be made again by every cycle, since it puts nothing in step. Both stand until somebody chooses.
    case 'upload': return ask({ type: 'both-changed', path: states.path, base });
    // A mirror undoes what was done to its own versions. One that it never knew may be somebody's only copy, as an object that has no file here is.
    case 'upload-mirror': return base === null && !policy.acceptHeld ? ask({ type: 'both-changed', path: states.path, base }) : overwrite(base, local.entry, version);
    default: {
      const localSha256 = localHashOf(base, local);
      // The conflict copy's name needs it; whoever read the rows could not read the file.
      if (localSha256 === null) return skip(states.path, 'local', 'unreadable');
      return act({ type: 'keep-both', path: states.path, local: local.entry, localSha256, remote: version });
    }
  }
}

/** @param modeBits - what the local file's permissions are to become. */
function adopt(local: Extract<LocalState, { type: 'present' }>, base: BaseEntry | null, version: RemoteVersion, modeBits?: number): Verdict {
  const sha256 = localHashOf(base, local);
  return sha256 === null ? NOTHING : act({ type: 'adopt', path: local.entry.path, local: local.entry, sha256, remote: version, ...(modeBits === undefined ? {} : { modeBits }) });
}

/** Upload mirror only. The new version descends from the one it replaces, so no other device takes it for a fork. */
function overwrite(base: BaseEntry | null, entry: LocalEntry, version: RemoteVersion): Verdict {
  const ancestor = joinVectors(base?.vector ?? EMPTY_VECTOR, version.attributes?.vector ?? EMPTY_VECTOR);
  return act({ type: 'upload', path: entry.path, local: entry, replaces: version, ancestor });
}

/** The base entry as it would be if the remote version were the one this device knew. */
function baseFromRemote(base: BaseEntry, version: RemoteVersion): BaseEntry | null {
  const { attributes, objectKey, etag, versionId } = version;
  if (attributes === null) return null;
  return {
    ...base, objectKey, etag, versionId, operationId: attributes.operationId, vector: joinVectors(base.vector, attributes.vector),
    sizeBytes: attributes.sizeBytes, sha256: attributes.sha256 ?? base.sha256,
  };
}

// ---------------------------------------------------------------- directories

/**
 * Only an empty directory needs an object. One that got files keeps the object it had: other devices know the directory by
 * it. Removing it is left to the executor's own look, since files inside may be going in the same plan.
 */
function reconcileDirectory(states: PathStates, policy: PlanPolicy): Verdict {
  const { path, base, local, remote } = states;
  const isSkippedUp = policy.direction === 'download' || policy.direction === 'download-mirror';
  const isSkippedDown = policy.direction === 'upload' || policy.direction === 'upload-mirror';
  if (local.type === 'present' && remote.type === 'present') {
    if (base !== null && remoteChangeOf(states) === 'unchanged') return NOTHING;
    return act({ type: 'adopt', path, local: local.entry, sha256: EMPTY_SHA256, remote: remote.version });
  }
  if (local.type === 'present') {
    const isEmpty = local.entry.isEmpty === true;
    if (base === null || isSkippedDown) {
      if (!isEmpty || isSkippedUp) return NOTHING;
      const vector = remote.type === 'absent' ? (remote.tombstone?.vector ?? EMPTY_VECTOR) : EMPTY_VECTOR;
      return act({ type: 'upload', path, local: local.entry, replaces: null, ancestor: joinVectors(base?.vector ?? EMPTY_VECTOR, vector) });
    }
    if (!policy.isRemoteComplete || policy.isJoining) return NOTHING;
    if (!isEmpty) return act({ type: 'forget', path, base });
    return goneRemotely('unchanged', base, local, remote.type === 'absent' ? remote.tombstone : null, policy);
  }
  return oneSidedDirectory(states, remote, policy);
}

function oneSidedDirectory({ path, base }: PathStates, remote: RemoteState, policy: PlanPolicy): Verdict {
  if (remote.type === 'present') {
    if (base === null) return newRemotely(path, remote.version, policy);
    const { etag, attributes } = remote.version;
    return goneLocally(base, remote.version, etag === base.etag && attributes !== null && attributes.operationId === base.operationId, policy);
  }
  return base === null ? NOTHING : goneOnBothSides(base, policy);
}

// ---------------------------------------------------------------- verdicts

function act(action: Action): Verdict {
  return { action, question: null, skipped: null };
}
function ask(question: Question): Verdict {
  return { action: null, question, skipped: null };
}
function skip(path: string, side: 'local' | 'remote', reason: SkipReason): Verdict {
  return { action: null, question: null, skipped: { path, side, reason, detail: null } };
}

