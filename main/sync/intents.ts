/**
 * Intents: what this device set out to change remotely, committed before the request. Where an answer was lost, one HEAD
 * tells whether the change took place, so that it is neither repeated nor taken for somebody else's.
 */
import { isSyncError } from '../model/errors.ts';
import { deletedChange, storedChange } from '../model/feed.ts';
import { dominates } from '../model/version-vector.ts';
import { EMPTY_SHA256, UNKNOWN_SHA256 } from '../model/snapshot.ts';
import type { LocalEntry, RemoteVersion } from '../model/snapshot.ts';
import { attributesOf, baseEntryOf } from './base-entry.ts';
import { forEachBounded } from './bounded.ts';
import type { FolderFacts, FolderParts } from './parts.ts';
import type { Intent } from './ports.ts';
import type { Recorder, Result } from './record.ts';

const HEADS_AT_ONCE = 16;

/**
 * Resolves every open intent, at the start of a cycle and before anything is concluded from a scan.
 *
 * @throws what a HEAD throws when the server cannot be asked: a cycle must not plan over an unknown outcome.
 */
export async function resolveIntents(parts: FolderParts, facts: FolderFacts, recorder: Recorder, signal: AbortSignal): Promise<void> {
  const open = parts.state.openIntents();
  await forEachBounded(open, HEADS_AT_ONCE, async (intent) => {
    for (const result of await resolveIntent(intent, parts, facts, signal)) recorder.record(result);
  });
  recorder.flush();
}

/** What one intent came to, as results to record; the last of them finishes it. */
export async function resolveIntent(intent: Intent, parts: FolderParts, facts: FolderFacts, signal: AbortSignal): Promise<readonly Result[]> {
  const found = await headOrForeign(intent.objectKey, intent.path, parts, signal);
  const finish: Result = { finish: intent.operationId };
  if (found === 'foreign') return [finish];
  if (intent.kind === 'delete') {
    // Gone: whatever stands at the path locally now was put there afterwards, and counts as new.
    if (found !== null) return [finish];
    const deleted = parts.state.baseAt(intent.path);
    return [{ drop: intent.path, changes: deleted === null ? [] : [deletedChange(deleted)], ...finish }];
  }
  if (found === null || intent.local === null) return [finish];

  const attributes = attributesOf(found);
  if (attributes.operationId === intent.operationId) {
    // Whatever was sent, it is this device's own: what stands locally now was made of it, and is no second version.
    const sha256 = attributes.sha256 ?? (await hashIfUntouched(intent.local, parts, signal)) ?? UNKNOWN_SHA256;
    const put = baseEntryOf({ local: intent.local, version: found, sha256, operationId: attributes.operationId, vector: attributes.vector, facts });
    return [...(intent.kind === 'rename' ? await resolveSource(intent, parts, signal) : []), { put, changes: [storedChange(put)], ...finish }];
  }
  // New attributes keep the content's vector, so it cannot tell whether they were ever there.
  if (intent.kind === 'update-attributes' || !dominates(attributes.vector, intent.vector)) return [finish];

  // It was done, and somebody who had seen it wrote the next version. What was sent is the ancestor of what is there now.
  const sha256 = await hashIfUntouched(intent.local, parts, signal);
  if (sha256 === null) return [finish];
  const replaced: RemoteVersion = { ...found, etag: `replaced-${intent.operationId}`, versionId: null };
  return [{ put: baseEntryOf({ local: intent.local, version: replaced, sha256, operationId: intent.operationId, vector: intent.vector, facts }), ...finish }];
}

/** A rename's copy is there. Its source may be gone already; if not, the next plan finds it deleted locally. */
async function resolveSource(intent: Intent, parts: FolderParts, signal: AbortSignal): Promise<readonly Result[]> {
  const source = intent.fromPath === null ? null : parts.state.baseAt(intent.fromPath);
  if (source === null) return [];
  return (await headOrForeign(source.objectKey, source.path, parts, signal)) === null ? [{ drop: source.path, changes: [deletedChange(source)] }] : [];
}

/** An object that fails its checks is certainly not what this device wrote; the scan lists it. */
async function headOrForeign(objectKey: Intent['objectKey'], path: Intent['path'], parts: FolderParts, signal: AbortSignal): Promise<RemoteVersion | null | 'foreign'> {
  try {
    return await parts.remote.head(objectKey, path, signal);
  } catch (error) {
    if (isSyncError(error) && (error.family === 'IntegrityError' || error.family === 'FormatError' || error.code === 'key-not-found')) return 'foreign';
    throw error;
  }
}

/** The hash of what was sent, where it can still be told: the file must not have been touched since. */
async function hashIfUntouched(local: LocalEntry, parts: FolderParts, signal: AbortSignal): Promise<string | null> {
  if (local.kind === 'directory') return EMPTY_SHA256;
  try {
    const now = await parts.tree.entryAt(local.path);
    return now !== null && now.stamp === local.stamp ? await parts.tree.hash(local, signal) : null;
  } catch (error) {
    if (isSyncError(error) && error.family === 'LocalError') return null;
    throw error;
  }
}
