/** What is known of one path of a folder: both sides as they are now, what they last agreed on, why it may be left out, and what comes next. */
import { isErrorCode, isSyncError, SyncError, toWire, type WireError } from '../model/errors.ts';
import { DEFAULT_GUARD, type ActionType, type Question } from '../model/action.ts';
import type { ActivityEvent } from '../model/activity.ts';
import { isClientSide } from '../model/mode.ts';
import { isOwnPath, parseSyncPath, type SyncPath } from '../model/path.ts';
import type { FolderSettings } from '../model/settings.ts';
import type { LocalState, PathStates, Skipped, SkipReason } from '../model/snapshot.ts';
import type { Classified } from '../local/walk.ts';
import { localChangeOf, remoteChangeOf, remoteSizeOf } from '../plan/changes.ts';
import type { LocalChange, RemoteChange } from '../plan/changes.ts';
import { HELD, type HeldFact } from '../sync/folder-engine.ts';
import { openCurrentSide, type Wiring } from './open-folder.ts';

type Facts = { readonly sizeBytes: number; readonly modifiedMs: number };

export type Reasons = {
  readonly id: string;
  readonly name: string;
  /** Inside the folder; a directory's ends in `/`. */
  readonly path: string;
  readonly direction: FolderSettings['direction'];
  readonly isPaused: boolean;
  /** What both sides last agreed on. */
  readonly base: (Facts & { readonly objectKey: string; readonly etag: string; readonly sha256: string }) | null;
  /** `change` is since then; null where it was not found out. */
  readonly local: { readonly state: LocalState['type']; readonly change: LocalChange | null; readonly sizeBytes: number | null; readonly modifiedMs: number | null; readonly reason: SkipReason | null };
  readonly remote: {
    /** Null: the server could not be asked. */
    readonly state: 'absent' | 'present' | 'unknown' | null;
    readonly change: RemoteChange | null;
    readonly objectKey: string | null;
    readonly etag: string | null;
    readonly sizeBytes: number | null;
    readonly storedAtMs: number | null;
    readonly reason: SkipReason | null;
    readonly problem: WireError | null;
  };
  /** Why it is left out; `path` is its own or that of a directory above it. */
  readonly skipped: readonly Skipped[];
  /** The newest first. */
  readonly recent: readonly ActivityEvent[];
  /** What the next sync does there; null where it cannot be told. */
  readonly next: { readonly action: ActionType | null; readonly question: Question['type'] | null } | null;
  /** The plan that this belongs to waits for the user; null: none does. */
  readonly held: HeldFact | null;
  /** What went wrong with it when it was tried last; null: nothing, or not tried yet. */
  readonly failed: WireError | null;
  /** Of a directory: how many files below it are in step as far as is known. */
  readonly filesBelow: number | null;
};

const RECENT = 5;
const ALL_ACTIVITY = 10_000;

function localStateOf(found: Classified | null): LocalState {
  if (found === null) return { type: 'absent' };
  return { type: 'unknown', reason: found.type === 'skip' ? found.reason : 'unreadable' };
}

/** The path as the engine names it: a directory's ends in `/`. */
function pathOf(text: string, found: (path: SyncPath) => Classified | null): { path: SyncPath; found: Classified | null } {
  const path = parseSyncPath(text);
  if (path === null) throw new SyncError('no-such-path', { path: text });
  const looked = found(path);
  const isDirectory = looked !== null && looked.path === `${path}/`;
  return { path: isDirectory ? (`${path}/` as SyncPath) : path, found: looked };
}

/** @param text - inside the folder. @throws SyncError no-such-path, root-missing */
export async function reasonsFor(folder: FolderSettings, text: string, wiring: Wiring, signal: AbortSignal): Promise<Reasons> {
  const [{ openFolderState }, { openLocalTree }, { planPath }] = await Promise.all([import('../state/folder-state.ts'), import('../local/tree.ts'), import('../sync/one-path.ts')]);
  const tree = openLocalTree({ root: folder.localPath, folderId: folder.id });
  await tree.checkRoot();
  const { path, found } = pathOf(text, (one) => tree.lookAt(one));
  const entry = found === null || found.type === 'skip' ? null : await tree.entryAt(path);
  const local: LocalState = entry === null ? localStateOf(found) : { type: 'present', entry, sha256: null };
  const state = openFolderState(wiring.home, folder.id);
  try {
    const base = state.baseAt(path);
    const above = new Set([path, ...Array.from(path.matchAll(/\//g), ({ index }) => path.slice(0, index + 1)), ...Array.from(path.matchAll(/\//g), ({ index }) => path.slice(0, index))]);
    const skipped: Skipped[] = found?.type === 'skip' ? [{ path: found.path, side: 'local', reason: found.reason, detail: found.detail }] : [];
    if (isOwnPath(path)) skipped.push({ path, side: 'local', reason: 'own-file', detail: null });
    const objectKeys = new Set<string>(base === null ? [] : [base.objectKey]);
    for (const one of state.skipped()) {
      const isAbout = above.has(one.path) || objectKeys.has(one.path);
      // What is looked at now tells more than what the last scan saw of this side.
      if (isAbout && one.side === 'remote') skipped.push(one);
    }
    const recent = state.recentActivity(ALL_ACTIVITY).filter((event) => event.path === path).slice(0, RECENT);
    const failed = recent[0]?.kind === 'failed' ? wireOfCode(recent[0].detail, path) : null;
    const shared = {
      failed, held: null,
      id: folder.id, name: folder.name, path, direction: folder.direction, isPaused: folder.isPaused, recent,
      base: base === null ? null : { sizeBytes: base.sizeBytes, modifiedMs: base.mtimeMs, objectKey: base.objectKey, etag: base.etag, sha256: base.sha256 },
      filesBelow: path.endsWith('/') ? count(state.baseBelow(path)) : null,
    };
    const localFacts = (states: PathStates | null): Reasons['local'] => ({
      state: local.type, change: states === null ? null : localChangeOf(states), sizeBytes: entry?.kind === 'file' ? entry.sizeBytes : null, modifiedMs: entry?.mtimeMs ?? null, reason: local.type === 'unknown' ? local.reason : null,
    });
    const untold: Reasons['remote'] = { state: null, change: null, objectKey: base?.objectKey ?? null, etag: null, sizeBytes: null, storedAtMs: null, reason: null, problem: null };
    if (isOwnPath(path)) return { ...shared, local: localFacts(null), remote: untold, skipped, next: { action: null, question: null } };
    let side;
    try {
      side = await openCurrentSide(folder, state, wiring, signal);
      const isSealed = isClientSide(side.unlocked.mode);
      const { states, plan, remoteDetail } = await planPath({ tree, remote: side.remote, state }, { direction: folder.direction, isClientSide: isSealed, guard: DEFAULT_GUARD }, path, local, signal);
      const { remote } = states;
      const version = remote.type === 'present' ? remote.version : null;
      if (remote.type === 'unknown' && !skipped.some((one) => one.side === 'remote')) skipped.push({ path, side: 'remote', reason: remote.reason, detail: remoteDetail });
      for (const one of plan.skipped) if (!skipped.some((known) => known.side === one.side)) skipped.push(one);
      const action = plan.stages.flat()[0]?.type ?? null;
      return {
        ...shared, local: localFacts(states), skipped,
        held: action === 'delete-local' || action === 'delete-remote' ? state.fact<HeldFact>(HELD) : null,
        remote: {
          state: remote.type, change: remoteChangeOf(states), objectKey: version?.objectKey ?? base?.objectKey ?? (states.local.type === 'unknown' && states.local.reason === 'name-too-long' ? null : side.remote.objectKeyOf(path)), etag: version?.etag ?? null,
          sizeBytes: version === null ? null : remoteSizeOf(version, isSealed), storedAtMs: version?.lastModifiedMs ?? null, reason: remote.type === 'unknown' ? remote.reason : null, problem: null,
        },
        next: { action, question: plan.questions[0]?.type ?? null },
      };
    } catch (error) {
      signal.throwIfAborted();
      if (!isSyncError(error) || error.family === 'InvariantError') throw error;
      // What this computer knows can be told all the same.
      return { ...shared, local: localFacts(null), remote: { ...untold, problem: toWire(error) }, skipped, next: local.type === 'unknown' ? { action: null, question: null } : null };
    } finally {
      await side?.close();
    }
  } finally {
    state.close();
  }
}

/** An activity tells the code alone. */
function wireOfCode(code: string | null, path: string): WireError | null {
  return code !== null && isErrorCode(code) ? toWire(new SyncError(code, { path })) : null;
}

function count(entries: Iterable<{ readonly kind: string }>): number {
  let files = 0;
  for (const { kind } of entries) if (kind === 'file') files += 1;
  return files;
}
