/** One folder with its keys open: the remote side alone, or wired into an engine with the local side and the records. */
import { hostname } from 'node:os';
import { SyncError, fromWire, isSyncError, toWire } from '../model/errors.ts';
import { isClientSide } from '../model/mode.ts';
import type { PlanCounts } from '../model/action.ts';
import type { SyncPath } from '../model/path.ts';
import type { FolderSettings } from '../model/settings.ts';
import type { Skipped, SkipReason } from '../model/snapshot.ts';
import type { RemoteFolderConfig } from '../remote/folder-config.ts';
import type { IsOwnWrite, OpenRemoteFolder } from '../remote/folder.ts';
import type { FolderParts } from '../sync/parts.ts';
import type { CycleResult } from '../sync/cycle.ts';
import type { FolderEngine, SyncResult } from '../sync/folder-engine.ts';
import type { SettingsStore } from '../state/settings.ts';
import type { FolderState, LocalWatcher, Transfers } from '../sync/ports.ts';
import { watchForWaking } from '../sync/waking.ts';
import type { Connections, Keys, OpenFolder, SyncOptions, SyncReport, WatchNews } from './api.ts';
import { networkOf, systemClock, systemRandom } from './computer.ts';
import { remoteConfigOf, unlockFolder, type UnlockedFolder } from './folder-access.ts';
import { explainBlocked } from './mode-choice.ts';
import { rememberedCapabilities } from './capabilities.ts';
import type { TransferFlow } from './flow.ts';
import { adoptDescription, CAPABILITIES_FACT, knownDescription, zeroUnlocked } from './epochs.ts';

export type Wiring = { readonly home: string; readonly settings: SettingsStore; readonly connections: Connections; readonly keys: Keys; readonly hostName: string | undefined; /** While true no folder is opened, also one that needs no secret. */ readonly isLocked: () => boolean; /** What all folders of this process share when they transfer. */ readonly flow: TransferFlow; readonly log: (line: string) => void };

/** The remote side of a folder: enough to list, read and write it without the local folder. */
export type RemoteSide = {
  readonly config: RemoteFolderConfig;
  readonly unlocked: UnlockedFolder;
  readonly remote: OpenRemoteFolder;
  readonly transfers: Transfers;
  close(): Promise<void>;
};

/** `opensEnded`: earlier versions of objects are read as well, which epochs that have ended may have written. */
export type OpenSideOptions = { readonly opensEnded?: boolean };

/**
 * As {@link openRemoteSide}, with the description as it is in the bucket now.
 *
 * @throws SyncError folder-changed, descriptor-missing, …
 */
export async function openCurrentSide(folder: FolderSettings, state: FolderState, wiring: Wiring, signal: AbortSignal, options: OpenSideOptions = {}): Promise<RemoteSide> {
  const side = await openRemoteSide(folder, state, wiring, options);
  try {
    await side.remote.checkFolder?.(signal);
    return side;
  } catch (error) {
    await side.close();
    if (!isSyncError(error, 'descriptor-changed')) throw error;
  }
  const { folder: now } = await adoptDescription(folder, state, wiring, false, signal);
  return openRemoteSide(now, state, wiring, options);
}

/**
 * Opens the folder's keys from what this device keeps of its description.
 *
 * @throws SyncError state-corrupt where that is missing, key-not-found, key-unwrap-failed, keychain-…, sign-in-missing
 */
export async function openRemoteSide(folder: FolderSettings, state: FolderState, wiring: Wiring, { opensEnded = false }: OpenSideOptions = {}): Promise<RemoteSide> {
  if (wiring.isLocked()) throw new SyncError('enfold-locked');
  const connection = wiring.connections.list().find((one) => one.id === folder.connectionId);
  if (connection === undefined) throw new SyncError('no-such-connection', { detail: folder.name });
  const { descriptor, pin } = knownDescription(folder, state);
  const access = await wiring.connections.accessOf(connection);
  const unlocked = await unlockFolder(descriptor, wiring.keys, access);
  // A folder that left its client-side modes behind may have lost the key of those.
  const isOtherKey = unlocked.pin.folderKeyFingerprint !== pin.folderKeyFingerprint && (unlocked.folderKey !== null || isClientSide(unlocked.mode));
  if (isOtherKey || unlocked.folderId !== pin.folderId) throw new SyncError('state-corrupt', { detail: folder.name });
  const [{ openRemoteFolder }, { createTransferPool }] = await Promise.all([import('../remote/folder.ts'), import('../transfer/pool.ts')]);
  const epochs = opensEnded ? unlocked.epochs.map(({ n, mode, authKey }) => ({ n, mode, authKey })) : unlocked.epochs;
  const config = remoteConfigOf({ ...unlocked, epochs }, { access, bucket: folder.bucket, prefix: folder.prefix, pin, capabilities: rememberedCapabilities(state), reusesDataKey: folder.reusesDataKey });
  // An earlier process of this device may have written before it heard of a change.
  const isOwnWrite: IsOwnWrite = (objectKey, { etag, operationId }) => state.baseByKey(objectKey)?.etag === etag || state.openIntents().some((intent) => intent.operationId === operationId);
  const remote = openRemoteFolder(config, undefined, { isOwnWrite });
  const flow = wiring.flow.folder(folder.id);
  const transfers = createTransferPool(config, { lanes: flow.lanes, meters: flow.meters });
  return {
    config, unlocked, remote, transfers,
    close: async () => {
      await Promise.allSettled([transfers.close(), remote.close()]);
      flow.close();
      zeroUnlocked(unlocked);
    },
  };
}

/** A folder's engine with everything it needs, and the exclusive lock on its records. */
export type WiredFolder = { readonly engine: FolderEngine; readonly parts: FolderParts; readonly state: FolderState; readonly side: RemoteSide; readonly watcher: LocalWatcher; close(): Promise<void> };

const SWEEP_EVERY_MS = 24 * 3600_000;

/** @throws SyncError folder-busy, and what opening keys and records throws */
export async function wireFolder(folder: FolderSettings, wiring: Wiring): Promise<WiredFolder> {
  const [{ lockFolder }, { openFolderState }, { openLocalTree }, { createLocalWatcher }, { createFolderEngine }, { probedCapabilities }] = await Promise.all([
    import('../state/lock.ts'), import('../state/folder-state.ts'), import('../local/tree.ts'), import('../local/watcher.ts'), import('../sync/folder-engine.ts'), import('../remote/capabilities-of.ts'),
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
    const parts: FolderParts = { tree, remote: side.remote, transfers: side.transfers, state, clock: systemClock, random: systemRandom };
    const engine = createFolderEngine({
      ...parts, folderId: folder.id, watcher,
      hostName: wiring.hostName ?? hostname(),
      policy: { direction: folder.direction, isClientSide: isClientSide(unlocked.mode) },
      epoch: unlocked.epochs.at(-1)?.n ?? 1,
      keyId: 'keyId' in unlocked.mode ? unlocked.mode.keyId : null,
      isPaused: folder.isPaused,
    });
    const forget = side.config.capabilities === null ? engine.onStatus(() => {
      const probed = probedCapabilities(opened.side.config);
      if (probed === null) return;
      forget();
      // Whoever comes next need not probe, and can be told.
      opened.state.putFact(CAPABILITIES_FACT, probed);
    }) : () => undefined;
    // Old staging files and trash; what fails is tried again the next day, or at the next start.
    const sweep = (): void => void tree.sweep().catch(() => undefined);
    sweep();
    const sweeping = setInterval(sweep, SWEEP_EVERY_MS).unref();
    return {
      engine, parts, state, side, watcher,
      close: async () => {
        clearInterval(sweeping);
        await engine.close();
        forget();
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

/** The later description is taken over, unless the user has to be asked. The folder must not be open. @throws SyncError folder-changed, … */
export async function renewFolder(folder: FolderSettings, wiring: Wiring, isAccepted: boolean, signal: AbortSignal): Promise<FolderSettings> {
  const { openFolderState } = await import('../state/folder-state.ts');
  const state = openFolderState(wiring.home, folder.id);
  try {
    return (await adoptDescription(folder, state, wiring, isAccepted, signal)).folder;
  } finally {
    state.close();
  }
}

/** A later description may come at any time; more than a few in a row would be somebody's game. */
const MOST_RENEWALS = 5;

const hasNewDescription = (result: Pick<SyncResult, 'problems'>): boolean => result.problems.some(({ path, error }) => path === null && error.code === 'descriptor-changed');

/** For the command line: one-shot syncs, previews, and a watch that tells when to look again. */
export async function openFolder(folder: FolderSettings, wiring: Wiring): Promise<OpenFolder> {
  let settings = folder;
  let wired = await wireFolder(settings, wiring);
  let lastReport: SyncReport | null = null;
  let onHint: (() => void) | null = null;
  /** Grows with all that the watch tells; without a watch nothing gives way. */
  let heard = 0;
  const news = (): (() => number) | undefined => (onHint === null ? undefined : () => heard);
  const closing = new AbortController();

  const renew = async (signal: AbortSignal): Promise<void> => {
    await wired.close();
    try {
      settings = await renewFolder(settings, wiring, false, signal);
    } finally {
      wired = await wireFolder(settings, wiring);
      if (onHint !== null) await wired.watcher.start(onHint);
    }
  };
  /** Runs `use`, again with what is new where the folder's description changed. */
  const withNews = async <T>(signal: AbortSignal, use: () => Promise<T>, isNews: (result: T) => boolean = () => false): Promise<T> => {
    for (let renewals = 0; ; renewals += 1) {
      try {
        const result = await use();
        if (!isNews(result) || renewals >= MOST_RENEWALS) return result;
      } catch (error) {
        if (!isSyncError(error, 'descriptor-changed') || renewals >= MOST_RENEWALS) throw error;
      }
      await renew(signal);
    }
  };

  const syncNow = async ({ acceptHeld, signal, onProgress, look = 'both' }: SyncOptions, startedAt: number): Promise<{ readonly result: SyncResult; readonly report: SyncReport }> => {
    const { engine, state, side } = wired;
    const told = (result: SyncResult): { readonly result: SyncResult; readonly report: SyncReport } => ({ result, report: reportOf(settings, result, state, Date.now() - startedAt) });
    const isOneSided = look === 'local-first' || look === 'remote-first';
    let first: CycleResult | null = null;
    if (look === 'both') await side.remote.checkFolder?.(signal);
    if (isOneSided) {
      first = await engine.runCycle({ look, signal, quietMs: WATCH_QUIET_MS, news: news() });
      if (first.isSettled) return told(SETTLED);
      if (first.isUnchanged && lastReport !== null) return { result: SETTLED, report: { ...lastReport, counts: NO_COUNTS, conflictCopies: [], cycles: 1, elapsedMs: Date.now() - startedAt } };
    }
    const unsubscribe = engine.onStatus(({ phase, progress }) => {
      onProgress?.({ phase, doneFiles: progress?.doneFiles ?? 0, totalFiles: progress?.totalFiles ?? 0, doneBytes: progress?.doneBytes ?? 0, totalBytes: progress?.totalBytes ?? 0 });
    });
    try {
      const result = await engine.runUntilDone({ acceptHeld, signal, look: look === 'both' ? 'both' : 'changes', news: news() });
      // An upload has probed the endpoint; what was found spares the next start the probe.
      if (side.config.capabilities === null && (result.counts['upload'] ?? 0) > 0 && result.isInStep) state.putFact(CAPABILITIES_FACT, await side.remote.capabilities(signal));
      const { report } = told(first === null ? result : withFirst(first, result));
      lastReport = { ...report, failed: await explainRefusals(report.failed, settings, side, wiring) };
      return { result, report: lastReport };
    } finally {
      unsubscribe();
    }
  };

  return {
    settings: folder,
    sync: async (options) => {
      const startedAt = Date.now();
      const { report } = await withNews(options.signal, async () => syncNow(options, startedAt), ({ result }) => hasNewDescription(result));
      return report;
    },
    preview: async (signal) =>
      withNews(signal, async () => {
        await wired.side.remote.checkFolder?.(signal);
        return wired.engine.preview(signal);
      }),
    continueChange: async (options) => {
      const { continueChange } = await import('./change-mode.ts');
      return withNews(options.signal, async () => continueChange(settings, wired, wiring, options));
    },
    watch: async () => {
      let wake: (() => void) | null = null;
      let pending: WatchNews = 'nothing';
      const tell = (what: WatchNews): void => {
        // Who was asleep looks at both sides, and so at what changed.
        if (pending !== 'woken') pending = what;
        heard += 1;
        wake?.();
      };
      onHint = () => tell('changed');
      await wired.watcher.start(onHint);
      void watchForWaking({ clock: systemClock, network: networkOf, onWoken: () => tell('woken') }, closing.signal);
      return {
        problem: () => wired.watcher.problem,
        next: async (signal) =>
          new Promise<WatchNews>((resolve) => {
            const finish = (): void => {
              wake = null;
              const what = pending;
              pending = 'nothing';
              signal.removeEventListener('abort', finish);
              resolve(what);
            };
            if (pending !== 'nothing' || signal.aborted) return finish();
            wake = finish;
            signal.addEventListener('abort', finish, { once: true });
          }),
      };
    },
    close: async () => {
      closing.abort();
      await wired.close();
    },
  };
}
