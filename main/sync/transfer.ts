/** One upload or one download, conditional on the versions the plan saw. */
import { SyncError } from '../model/errors.ts';
import { storedChange } from '../model/feed.ts';
import { isDirectoryPath } from '../model/path.ts';
import type { LocalPath } from '../model/path.ts';
import type { Action } from '../model/action.ts';
import { EMPTY_SHA256 } from '../model/snapshot.ts';
import type { BaseEntry, FileAttributes, LocalEntry, RemoteVersion } from '../model/snapshot.ts';
import { dominates, relateVersions } from '../model/version-vector.ts';
import { attributesOf, baseEntryOf, isFromOtherProgram, vectorOf } from './base-entry.ts';
import type { Intent } from './ports.ts';
import type { Run } from './run.ts';
import { journalFor, mayTakeParts } from './saved-uploads.ts';

type Upload = Extract<Action, { type: 'upload' }>;
type Download = Extract<Action, { type: 'download' }>;
type KeepBoth = Extract<Action, { type: 'keep-both' }>;
type Adopt = Extract<Action, { type: 'adopt' }>;

/** Room that is left on the disk in any case. */
const RESERVED_BYTES = 16 * 1024 * 1024;
/** Below this a download does not ask for the free space: the port reports a full disk all the same. */
const ASK_FOR_SPACE_BYTES = 8 * 1024 * 1024;
/** From here on a download that was cut off is gone on with. */
const GO_ON_FROM_BYTES = 16 * 1024 * 1024;

/** Sends a file or an empty directory. The worker makes sure that the bytes sent are of one version of the file. */
export async function upload(action: Upload, intent: Intent, run: Run): Promise<void> {
  const { path, local, replaces } = action;
  const shown = run.board.transfer(path, 'up', local.sizeBytes);
  let ok = false;
  try {
    const result = await run.parts.transfers.upload(
      {
        path, objectKey: intent.objectKey, source: run.parts.tree.localPathOf(path), local, ifMatch: replaces?.etag ?? null,
        attributes: { operationId: intent.operationId, vector: intent.vector, mtimeMs: local.mtimeMs, modeBits: local.modeBits, kind: local.kind },
      },
      shown.onProgress,
      run.signal,
      mayTakeParts(local) ? journalFor(intent, local, run.parts) : undefined,
    );
    const version = { ...result.version, epoch: result.epoch, keyId: result.keyId };
    const put = baseEntryOf({ local, version, sha256: result.sha256, operationId: intent.operationId, vector: intent.vector, facts: run.facts });
    run.recorder.record({ put, finish: intent.operationId, changes: [storedChange(put)], note: { kind: 'uploaded', path, bytes: local.sizeBytes } });
    ok = true;
  } finally {
    shown.done(ok);
  }
}

/**
 * Fetches the remote version to the staging directory and hands it on to be put in place; `settle` is called once it is,
 * or once that failed.
 */
export async function download(action: Download | KeepBoth, run: Run, settle: (error: SyncError | null) => void): Promise<void> {
  const { path, remote } = action;
  const standing = action.type === 'download' ? action.replaces : action.local;
  const base = run.parts.state.baseAt(path);
  const ancestor = action.type === 'download' ? action.ancestor : (base?.vector ?? {});
  if (isDirectoryPath(path)) {
    await makeDirectory(action, ancestor, run);
    settle(null);
    return;
  }
  const partial = partialFor(remote, await checkSpace(remote, run), run);
  const staged = run.parts.tree.newStagingPath();
  const totalBytes = remote.attributes?.sizeBytes ?? remote.objectBytes;
  const shown = run.board.transfer(path, 'down', totalBytes);
  let isHandedOn = false;
  let isKnown = false;
  try {
    const result = await run.parts.transfers.download({ path, objectKey: remote.objectKey, etag: remote.etag, objectBytes: remote.objectBytes, staged, partial }, shown.onProgress, run.signal);
    const { attributes } = result;
    const version = { ...result.version, epoch: result.epoch, keyId: result.keyId };
    checkKind(attributes, action);
    checkNoReplay(attributes, base, run);
    const sha256 = attributes.sha256 ?? version.attributes?.sha256;
    if (sha256 === null || sha256 === undefined) throw new SyncError('invariant', { path, detail: 'a download told no hash' });
    if (action.type === 'download' && standing !== null && base !== null && isSameFile(base, standing, attributes, sha256)) {
      const put = baseEntryOf({ local: standing, version, sha256, operationId: attributes.operationId, vector: vectorOf(attributes, ancestor), facts: run.facts });
      run.recorder.record({ put, note: { kind: 'adopted', path, bytes: standing.sizeBytes } });
      isKnown = true;
      settle(null);
      return;
    }
    const aside = standing === null ? null : await whatToKeepAside(action, standing, attributes, sha256, run);
    const baseFor = (local: LocalEntry): BaseEntry =>
      baseEntryOf({ local, version, sha256, operationId: attributes.operationId, vector: vectorOf(attributes, ancestor), facts: run.facts });
    isHandedOn = true;
    await run.place({
      replacement: { staged, path, replaces: aside === null ? standing : null, mtimeMs: attributes.mtimeMs, modeBits: attributes.modeBits },
      keepAside: aside,
      baseFor,
      placed: (local) => {
        run.recorder.record({ put: baseFor(local), note: { kind: 'downloaded', path, bytes: local.sizeBytes } });
        shown.done(true);
        settle(null);
      },
      failed: (error) => {
        shown.done(false);
        settle(error);
      },
    });
  } finally {
    if (!isHandedOn) {
      shown.done(isKnown);
      await run.parts.tree.removeStaged?.(staged);
    }
  }
}

/**
 * An older version than the one that was seen here was put back by somebody: only who can write under the folder's keys makes attributes
 * client-side, and nobody who does goes back. The planner says the same where a HEAD had told the vector.
 */
function checkNoReplay(attributes: FileAttributes, base: BaseEntry | null, run: Run): void {
  if (base === null || !run.facts.isClientSide || relateVersions(attributes.vector, base.vector) !== 'replay') return;
  throw new SyncError('not-authentic', { path: base.path, detail: 'It is an older version of the file than this computer has seen.' });
}

/** What was fetched because its attributes tell no hash is what stands here, untouched: nothing has to be put in its place. */
function isSameFile(base: BaseEntry, standing: LocalEntry, attributes: FileAttributes, sha256: string): boolean {
  return base.stamp === standing.stamp && base.sha256 === sha256 && attributes.operationId === base.operationId && attributes.modeBits === standing.modeBits;
}

/**
 * The local file must stay beside the new one where both sides changed it, or where the remote version's writer had not
 * seen what stands here (a fork: this device's version was overwritten on a server without conditions). Equal content
 * is no conflict.
 */
async function whatToKeepAside(action: Download | KeepBoth, standing: LocalEntry, attributes: FileAttributes, sha256: string, run: Run): Promise<{ entry: LocalEntry; sha256: string } | null> {
  if (action.type === 'keep-both') return action.localSha256 === sha256 ? null : { entry: standing, sha256: action.localSha256 };
  if (isFromOtherProgram(attributes) || dominates(attributes.vector, action.ancestor)) return null;
  const base = run.parts.state.baseAt(action.path);
  const localSha256 = base !== null && base.stamp === standing.stamp ? base.sha256 : await run.parts.tree.hash(standing, run.signal);
  return localSha256 === sha256 ? null : { entry: standing, sha256: localSha256 };
}

/** A directory has no content: it is made, and recorded. */
async function makeDirectory(action: Download | KeepBoth, ancestor: Readonly<Record<string, number>>, run: Run): Promise<void> {
  const version = await withAttributes(action.remote, action, run);
  const attributes = attributesOf(version);
  checkKind(attributes, action);
  const local = await run.parts.tree.makeDirectory(action.path);
  const put = baseEntryOf({ local, version, sha256: EMPTY_SHA256, operationId: attributes.operationId, vector: vectorOf(attributes, ancestor), facts: run.facts });
  run.recorder.record({ put, note: { kind: 'downloaded', path: action.path, bytes: 0 } });
  run.board.finishFile();
}

/** Both sides hold the same: nothing is transferred. */
export async function adopt(action: Adopt, run: Run): Promise<void> {
  const { path, sha256, modeBits } = action;
  const local = modeBits === undefined ? action.local : await run.parts.tree.setModeBits(action.local, modeBits);
  const version = await withAttributes(action.remote, action, run);
  const attributes = attributesOf(version);
  const vector = vectorOf(attributes, run.parts.state.baseAt(path)?.vector ?? {});
  const put = baseEntryOf({ local, version, sha256, operationId: attributes.operationId, vector, facts: run.facts });
  run.recorder.record({ put, note: { kind: 'adopted', path, bytes: local.sizeBytes } });
  run.board.finishFile();
}

async function withAttributes(remote: RemoteVersion, action: Action, run: Run): Promise<RemoteVersion> {
  if (remote.attributes !== null) return remote;
  const found = await run.parts.remote.head(remote.objectKey, action.path, run.signal);
  if (found === null) throw new SyncError('object-not-found', { path: action.path });
  if (found.etag !== remote.etag) throw new SyncError('version-changed', { path: action.path });
  return found;
}

function checkKind(attributes: FileAttributes, action: Action): void {
  const expected = isDirectoryPath(action.path) ? 'directory' : 'file';
  if (attributes.kind !== expected) throw new SyncError('not-authentic', { path: action.path, detail: 'a file under a directory\'s name, or the reverse' });
}

/** @returns the free bytes; null where nobody asked. @throws SyncError disk-full */
async function checkSpace(remote: RemoteVersion, run: Run): Promise<number | null> {
  if (remote.objectBytes < ASK_FOR_SPACE_BYTES) return null;
  const free = await run.parts.tree.freeBytes();
  if (free < remote.objectBytes + RESERVED_BYTES) throw new SyncError('disk-full', { detail: `${remote.objectBytes} bytes are needed and ${free} are free` });
  return free;
}

/** What arrives of a large object is kept for the next attempt where there is room for it twice. */
function partialFor(remote: RemoteVersion, free: number | null, { parts: { tree } }: Run): LocalPath | undefined {
  const hasRoom = free !== null && remote.objectBytes >= GO_ON_FROM_BYTES && free >= 2 * remote.objectBytes + RESERVED_BYTES;
  return hasRoom ? tree.partialPathOf?.(remote.objectKey, remote.etag) : undefined;
}
