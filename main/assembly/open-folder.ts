/** One folder with its keys open: the remote side alone, or wired into an engine with the local side and the records. */
import { hostname } from 'node:os';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Descriptor } from '../envelope/descriptor.ts';
import { SyncError, fromWire, isSyncError, toWire } from '../model/errors.ts';
import { isClientSide } from '../model/mode.ts';
import type { PlanCounts } from '../model/action.ts';
import type { SyncPath } from '../model/path.ts';
import type { FolderSettings } from '../model/settings.ts';
import type { Skipped, SkipReason } from '../model/snapshot.ts';
import type { DescriptorPin, RemoteFolderConfig } from '../remote/folder-config.ts';
import type { Capabilities } from '../remote/capabilities.ts';
import type { OpenRemoteFolder } from '../remote/folder.ts';
import type { CycleResult } from '../sync/cycle.ts';
import type { FolderEngine, SyncResult } from '../sync/folder-engine.ts';
import type { Clock, FolderState, LocalWatcher, Random, Transfers } from '../sync/ports.ts';
import type { Connections, Keys, OpenFolder, SyncReport } from './api.ts';
import { remoteConfigOf, unlockFolder, type UnlockedFolder } from './folder-access.ts';
import { explainBlocked } from './mode-choice.ts';
import { CAPABILITIES_FACT, DESCRIPTOR_FACT, PIN_FACT } from './folders.ts';

export const systemClock: Clock = { nowMs: () => Date.now(), sleep: async (ms, signal) => sleep(ms, undefined, { signal }).then(() => undefined, () => signal.throwIfAborted()) };
export const systemRandom: Random = { bytes: (length) => randomBytes(length) };

export type Wiring = { readonly home: string; readonly connections: Connections; readonly keys: Keys; readonly hostName: string | undefined; /** While true no folder is opened, also one that needs no secret. */ readonly isLocked: () => boolean; readonly log: (line: string) => void };

/** The remote side of a folder: enough to list, read and write it without the local folder. */
export type RemoteSide = {
  readonly config: RemoteFolderConfig;
  readonly unlocked: UnlockedFolder;
  readonly remote: OpenRemoteFolder;
  readonly transfers: Transfers;
  close(): Promise<void>;
};

/** Servers are updated and buckets reconfigured: what was found is found anew after this long. */
const CAPABILITIES_LAST_MS = 30 * 24 * 3600_000;

function rememberedCapabilities(state: FolderState): Capabilities | null {
  const known = state.fact<Capabilities>(CAPABILITIES_FACT);
  return known !== null && Math.abs(Date.now() - known.probedAtMs) < CAPABILITIES_LAST_MS ? known : null;
}

/**
 * Opens the folder's keys from what this device keeps of its description.
 *
 * @throws SyncError state-corrupt where that is missing, key-not-found, key-unwrap-failed, keychain-…, sign-in-missing
 */
export async function openRemoteSide(folder: FolderSettings, state: FolderState, wiring: Wiring): Promise<RemoteSide> {
  if (wiring.isLocked()) throw new SyncError('enfold-locked');
  const connection = wiring.connections.list().find((one) => one.id === folder.connectionId);
  if (connection === undefined) throw new SyncError('no-such-connection', { detail: folder.name });
  const descriptor = state.fact<Descriptor>(DESCRIPTOR_FACT);
  const pin = state.fact<DescriptorPin>(PIN_FACT);
  if (descriptor === null || pin === null) throw new SyncError('state-corrupt', { detail: folder.name });
  const access = await wiring.connections.accessOf(connection);
  const unlocked = await unlockFolder(descriptor, wiring.keys, access);
  if (unlocked.pin.folderKeyFingerprint !== pin.folderKeyFingerprint || unlocked.folderId !== pin.folderId) throw new SyncError('state-corrupt', { detail: folder.name });
  const [{ openRemoteFolder }, { createTransferPool }] = await Promise.all([import('../remote/folder.ts'), import('../transfer/pool.ts')]);
  const config = remoteConfigOf(unlocked, { access, bucket: folder.bucket, prefix: folder.prefix, pin, capabilities: rememberedCapabilities(state), reusesDataKey: folder.reusesDataKey });
  const remote = openRemoteFolder(config);
  const transfers = createTransferPool(config);
  return {
    config, unlocked, remote, transfers,
    close: async () => {
      await Promise.allSettled([transfers.close(), remote.close()]);
      unlocked.folderKey?.fill(0);
      unlocked.namesKey?.fill(0);
      for (const { bytes } of unlocked.keys) bytes.fill(0);
      for (const { authKey } of unlocked.epochs) authKey?.fill(0);
    },
  };
}

/** A folder's engine with everything it needs, and the exclusive lock on its records. */
export type WiredFolder = { readonly engine: FolderEngine; readonly state: FolderState; readonly side: RemoteSide; readonly watcher: LocalWatcher; close(): Promise<void> };

/** @throws SyncError folder-busy, and what opening keys and records throws */
export async function wireFolder(folder: FolderSettings, wiring: Wiring): Promise<WiredFolder> {
  const [{ lockFolder }, { openFolderState }, { openLocalTree }, { createLocalWatcher }, { createFolderEngine }] = await Promise.all([
    import('../state/lock.ts'), import('../state/folder-state.ts'), import('../local/tree.ts'), import('../local/watcher.ts'), import('../sync/folder-engine.ts'),
  ]);
  const release = lockFolder(wiring.home, folder.id);
  let state: FolderState | null = null;
  let side: RemoteSide | null = null;
  try {
    state = openFolderState(wiring.home, folder.id);
    side = await openRemoteSide(folder, state, wiring);
    const opened = { state, side };
    const tree = openLocalTree({ root: folder.localPath, folderId: folder.id });
    const watcher = createLocalWatcher(folder.localPath, { ignoreRuleFor: (path) => tree.ignoreRuleFor(path) });
    const { unlocked } = side;
    const engine = createFolderEngine({
      folderId: folder.id, tree, remote: side.remote, transfers: side.transfers, state, clock: systemClock, random: systemRandom, watcher,
      hostName: wiring.hostName ?? hostname(),
      policy: { direction: folder.direction, isClientSide: isClientSide(unlocked.mode) },
      epoch: unlocked.epochs.at(-1)?.n ?? 1,
      keyId: 'keyId' in unlocked.mode ? unlocked.mode.keyId : null,
      isPaused: folder.isPaused,
    });
    void tree.sweep().catch(() => undefined); // old staging files and trash; the next start tries again
    return {
      engine, state, side, watcher,
      close: async () => {
        await engine.close();
        await opened.side.close();
        opened.state.close();
        release();
      },
    };
  } catch (error) {
    await side?.close();
    state?.close();
    release();
    throw error;
  }
}

/** Reasons that mean an object could not be trusted or opened, rather than a rule that leaves it out. */
const QUARANTINE: ReadonlySet<SkipReason> = new Set<SkipReason>(['not-authentic', 'mode-not-honoured', 'key-not-found']);

/** An object of another tool is no fault of its own, unless it stands where a file of the folder stood. */
function isQuarantined(skipped: Skipped, state: FolderState): boolean {
  if (QUARANTINE.has(skipped.reason)) return true;
  return skipped.reason === 'foreign' && skipped.side === 'remote' && state.baseAt(skipped.path as SyncPath) !== null;
}

/** A file that is still being written is left for the next look. */
const WATCH_QUIET_MS = 300;

const NO_COUNTS: PlanCounts = {
  upload: 0, download: 0, 'keep-both': 0, adopt: 0, 'refresh-base': 0, 'update-attributes': 0, 'rename-remote': 0, 'delete-remote': 0, 'delete-local': 0, forget: 0, bytesUp: 0, bytesDown: 0,
};

const SETTLED: SyncResult = { cycles: 1, done: 0, counts: NO_COUNTS, failed: 0, problems: [], held: null, questions: [], skipped: 0, conflictCopies: [], isInStep: true };

/** The cycle that found something, and those that finished it, as one. */
function withFirst(first: CycleResult, rest: SyncResult): SyncResult {
  const counts: Record<string, number> = { ...rest.counts };
  for (const [type, count] of Object.entries(first.counts ?? {})) counts[type] = (counts[type] ?? 0) + count;
  return { ...rest, counts, cycles: rest.cycles + 1, done: rest.done + first.done, conflictCopies: [...first.conflictCopies, ...rest.conflictCopies] };
}

export function reportOf(folder: FolderSettings, result: SyncResult, state: FolderState, elapsedMs: number): SyncReport {
  const skipped = state.skipped();
  const quarantined = skipped.filter((one) => isQuarantined(one, state));
  const { held } = result;
  return {
    id: folder.id, name: folder.name, inStep: result.isInStep && quarantined.length === 0,
    counts: { ...NO_COUNTS, ...result.counts },
    conflictCopies: result.conflictCopies,
    failed: result.problems.map(({ path, error }) => ({ path, error })),
    held: held === null ? null : { reason: held.reason, deletions: held.deletions, ofTotal: held.ofTotal },
    questions: result.questions.map((question) => ({ type: question.type, path: question.path })),
    skipped: skipped.length - quarantined.length, quarantined, cycles: result.cycles, elapsedMs,
  };
}

/** A bucket may have come to block the folder's mode since it was added: one look tells for all that were refused. */
async function explainRefusals(failed: SyncReport['failed'], folder: FolderSettings, { unlocked, config }: RemoteSide, { connections }: Wiring): Promise<SyncReport['failed']> {
  const refused = failed.find(({ error }) => error.code === 'access-denied');
  if (refused === undefined || unlocked.mode.id !== 'sse-c') return failed;
  const connection = connections.list().find(({ id }) => id === folder.connectionId)?.name ?? folder.connectionId;
  const explained = await explainBlocked(fromWire(refused.error), unlocked.mode, config.access, folder.bucket, connection);
  if (!isSyncError(explained, 'mode-blocked')) return failed;
  return failed.map(({ path, error }) => ({ path, error: error.code === 'access-denied' ? { ...toWire(explained), about: { ...explained.about, path: error.about.path } } : error }));
}

/** For the command line: one-shot syncs, previews, and a watch that tells when to look again. */
export async function openFolder(folder: FolderSettings, wiring: Wiring): Promise<OpenFolder> {
  const wired = await wireFolder(folder, wiring);
  const { engine, state, side, watcher } = wired;
  let lastReport: SyncReport | null = null;
  return {
    settings: folder,
    sync: async ({ acceptHeld, signal, onProgress, look = 'both' }) => {
      const startedAt = Date.now();
      const isOneSided = look === 'local-first' || look === 'remote-first';
      let first: CycleResult | null = null;
      if (look === 'both') await side.remote.checkFolder?.(signal);
      if (isOneSided) {
        first = await engine.runCycle({ look, signal, quietMs: WATCH_QUIET_MS });
        if (first.isSettled) return reportOf(folder, SETTLED, state, Date.now() - startedAt);
        if (first.isUnchanged && lastReport !== null) return { ...lastReport, counts: NO_COUNTS, conflictCopies: [], cycles: 1, elapsedMs: Date.now() - startedAt };
      }
      const unsubscribe = engine.onStatus(({ phase, progress }) => {
        onProgress?.({ phase, doneFiles: progress?.doneFiles ?? 0, totalFiles: progress?.totalFiles ?? 0, doneBytes: progress?.doneBytes ?? 0, totalBytes: progress?.totalBytes ?? 0 });
      });
      try {
        const result = await engine.runUntilDone({ acceptHeld, signal, look: look === 'both' ? 'both' : 'changes' });
        // An upload has probed the endpoint; what was found spares the next start the probe.
        if (side.config.capabilities === null && (result.counts['upload'] ?? 0) > 0 && result.isInStep) state.putFact(CAPABILITIES_FACT, await side.remote.capabilities(signal));
        const report = reportOf(folder, first === null ? result : withFirst(first, result), state, Date.now() - startedAt);
        lastReport = { ...report, failed: await explainRefusals(report.failed, folder, side, wiring) };
        return lastReport;
      } finally {
        unsubscribe();
      }
    },
    preview: async (signal) => {
      await side.remote.checkFolder?.(signal);
      return engine.preview(signal);
    },
    watch: async () => {
      let wake: (() => void) | null = null;
      let isPending = false;
      await watcher.start(() => {
        isPending = true;
        wake?.();
      });
      return {
        next: async (signal) =>
          new Promise<boolean>((resolve) => {
            const finish = (isHint: boolean): void => {
              wake = null;
              if (isHint) isPending = false;
              resolve(isHint);
            };
            if (isPending || signal.aborted) return finish(isPending);
            wake = () => finish(true);
            signal.addEventListener('abort', () => finish(false), { once: true });
          }),
      };
    },
    close: async () => wired.close(),
  };
}

