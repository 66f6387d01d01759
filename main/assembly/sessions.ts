/**
 * The folders of a running engine: each opened as soon as its keys, its records and its server can be, reopened when its
 * settings change, and shown with what stands in the way until then.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isSyncError, SyncError, toWire, type WireError } from '../model/errors.ts';
import type { FolderSettings } from '../model/settings.ts';
import { LOCKED_CODES, type SyncStatus } from '../sync/status.ts';
import type { Enfold } from './api.ts';
import { changeProgressOf, NO_TROUBLE, type ChangeProgress, type ChangeTrouble } from './change-progress.ts';
import type { WiredFolder } from './open-folder.ts';

const FIRST_RETRY_MS = 2_000;
const LAST_RETRY_MS = 60_000;
/** How long a change of mode holds up a folder's cycles at a time. */
const CHANGE_SLICE_MS = 5_000;
/** Counting what is left of a change reads every row once. */
const COUNT_EVERY_MS = 1_000;
const MAX_FAILED = 20;

/** How a folder stands, and how far a change of its encryption is. */
export type FolderStanding = SyncStatus & { readonly change: ChangeProgress | null };

type Session = {
  settings: FolderSettings;
  wired: WiredFolder | null;
  opening: Promise<WiredFolder | null> | null;
  problem: WireError | null;
  /** The folder's description in the bucket is a later one: it is taken over before the folder is opened again. */
  mustRenew: boolean;
  retries: number;
  change: ChangeProgress | null;
  /** Ends the stretch of a change that is under way. */
  stretch: AbortController | null;
  timer: NodeJS.Timeout | null;
};

export type Sessions = {
  /** Brings what is open in line with the settings. Called at start and after every change. */
  reconcile(): Promise<void>;
  /** Tries at once what could not be opened: the user unlocked something. */
  retry(): void;
  /** The computer slept, or its network changed: every folder is looked at now, whatever it waits for. */
  woken(): void;
  /** The folder that a window shows; null: none. It is looked at more often. */
  show(folderId: string | null): void;
  statusOf(folder: FolderSettings): FolderStanding;
  /** Closes every folder and shows it as locked; `retry` opens them again. */
  lock(): Promise<void>;
  /** Closes the folder, so that its pairing can be forgotten. */
  forget(folderId: string): Promise<void>;
  /** @throws SyncError what keeps the folder from being opened */
  wired(folderId: string): Promise<WiredFolder>;
  close(): Promise<void>;
};

const NOTHING = { progress: null, transfers: [], lastSuccessMs: null, changedMs: null, files: 0, bytes: 0, held: null, twoVersions: 0, skippedCount: 0 } as const;

export function createSessions(enfold: Enfold, onStatus: (status: SyncStatus) => void): Sessions {
  const sessions = new Map<string, Session>();
  let isClosed = false;
  let shown: string | null = null;
  const closing = new AbortController();
  let turn: Promise<unknown> = Promise.resolve();

  const closedStatus = (folder: FolderSettings): FolderStanding => {
    const problem = sessions.get(folder.id)?.problem ?? null;
    const state = problem?.code === 'enfold-locked' ? 'locked' : folder.isPaused ? 'paused' : problem === null ? 'syncing' : LOCKED_CODES.has(problem.code) ? 'locked' : 'needs-attention';
    return { ...NOTHING, folderId: folder.id, state, phase: problem === null ? 'new' : 'waiting', problems: problem === null ? [] : [{ error: problem, path: null }], change: sessions.get(folder.id)?.change ?? null };
  };

  const laterFor = (session: Session, error: unknown): null => {
    const { settings } = session;
    session.problem = toWire(error);
    enfold.wiring.log(`${settings.id.slice(0, 8)}: ${session.problem.code}`);
    if (!isClosed && sessions.get(settings.id) === session) {
      session.timer = setTimeout(() => void begin(session), Math.min(FIRST_RETRY_MS * 2 ** session.retries, LAST_RETRY_MS));
      session.retries += 1;
      onStatus(closedStatus(settings));
    }
    return null;
  };

  /** Closes the folder and opens it again by the later description. */
  const renew = async (session: Session, wired: WiredFolder): Promise<void> => {
    if (session.wired !== wired || session.mustRenew) return;
    session.mustRenew = true;
    session.wired = null;
    // Whoever asks for the folder meanwhile waits until it is closed.
    session.opening = wired.close().then(() => open(session), () => open(session));
    await session.opening;
  };

  /** A change of mode or key that was begun goes on between the folder's cycles, a slice at a time. */
  const goOnChanging = async (session: Session, wired: WiredFolder): Promise<void> => {
    const { continueChange, hasChangesToMake } = await import('./change-mode.ts');
    let pauseMs = FIRST_RETRY_MS;
    const isOpen = (): boolean => !isClosed && session.wired === wired;
    const tell = (trouble: ChangeTrouble): void => {
      if (!isOpen()) return;
      session.change = changeProgressOf(wired.state, trouble);
      onStatus(wired.engine.status());
    };
    let toldAtMs = 0;
    const onProgress = (): void => {
      if (Date.now() - toldAtMs < COUNT_EVERY_MS) return;
      tell(NO_TROUBLE);
      toldAtMs = Date.now();
    };
    tell(NO_TROUBLE);
    while (isOpen() && hasChangesToMake(wired.state)) {
      const stretch = new AbortController();
      session.stretch = stretch;
      try {
        if (!session.settings.isPaused) {
          const result = await continueChange(session.settings, wired, enfold.wiring, { signal: AbortSignal.any([closing.signal, stretch.signal]), untilMs: Date.now() + CHANGE_SLICE_MS, onProgress });
          tell({ problem: null, failed: result?.failed.slice(0, MAX_FAILED) ?? [] });
          // What failed is tried again, but not by listing the bucket all the time.
          pauseMs = result !== null && result.changed === 0 && result.failed.length > 0 ? Math.min(2 * pauseMs, LAST_RETRY_MS) : FIRST_RETRY_MS;
        }
      } catch (error) {
        if (!isOpen()) return;
        if (!stretch.signal.aborted) {
          const problem = toWire(error);
          enfold.wiring.log(`${session.settings.id.slice(0, 8)}: ${problem.code}`);
          if (isSyncError(error, 'descriptor-changed')) return renew(session, wired);
          pauseMs = Math.min(2 * pauseMs, LAST_RETRY_MS);
          tell({ problem, failed: [] });
        }
      } finally {
        session.stretch = null;
      }
      await sleep(pauseMs, undefined, { signal: closing.signal, ref: false }).catch(() => undefined);
    }
    tell(NO_TROUBLE);
  };

  const open = async (session: Session): Promise<WiredFolder | null> => {
    try {
      const { renewFolder } = await import('./open-folder.ts');
      if (session.mustRenew) session.settings = await renewFolder(session.settings, enfold.wiring, false, closing.signal);
      session.mustRenew = false;
    } catch (error) {
      session.opening = null;
      return laterFor(session, error);
    }
    const { settings } = session;
    try {
      const { wireFolder } = await import('./open-folder.ts');
      const wired = await wireFolder(settings, enfold.wiring);
      if (isClosed || sessions.get(settings.id) !== session) {
        await wired.close();
        return null;
      }
      session.wired = wired;
      wired.engine.setShown(settings.id === shown);
      session.problem = null;
      session.retries = 0;
      wired.engine.onStatus((status) => {
        onStatus(status);
        if (status.problems.some(({ path, error }) => path === null && error.code === 'descriptor-changed')) void renew(session, wired);
      });
      // The user may have started or paused it while it was being opened.
      if (session.settings.isPaused && !settings.isPaused) await wired.engine.pause();
      else if (!session.settings.isPaused && settings.isPaused) wired.engine.resume();
      else if (!settings.isPaused) wired.engine.start();
      onStatus(wired.engine.status());
      void goOnChanging(session, wired);
      return wired;
    } catch (error) {
      return laterFor(session, error);
    } finally {
      session.opening = null;
    }
  };

  const begin = async (session: Session): Promise<WiredFolder | null> => {
    if (session.timer !== null) clearTimeout(session.timer);
    session.timer = null;
    if (session.wired !== null) return session.wired;
    return (session.opening ??= open(session));
  };

  const retry = (): void => {
    for (const session of sessions.values()) if (session.wired === null) void begin(session);
  };

  const end = async (session: Session): Promise<void> => {
    if (session.timer !== null) clearTimeout(session.timer);
    await session.opening;
    await session.wired?.close();
    session.wired = null;
  };

  const reconcileNow = async (): Promise<void> => {
    if (isClosed) return;
    const wanted = new Map(enfold.folders.list().map((folder) => [folder.id, folder]));
    for (const [id, session] of sessions) {
      const now = wanted.get(id);
      const isSame = now !== undefined && now.direction === session.settings.direction && now.connectionId === session.settings.connectionId && now.localPath === session.settings.localPath;
      if (isSame) {
        const wasPaused = session.settings.isPaused;
        session.settings = now;
        if (session.wired === null || wasPaused === now.isPaused) continue;
        if (now.isPaused) {
          session.stretch?.abort();
          await session.wired.engine.pause();
        } else session.wired.engine.resume();
        continue;
      }
      sessions.delete(id);
      await end(session);
    }
    for (const [id, settings] of wanted) {
      if (sessions.has(id)) continue;
      const session: Session = { settings, wired: null, opening: null, problem: null, mustRenew: false, retries: 0, change: null, stretch: null, timer: null };
      sessions.set(id, session);
      void begin(session);
    }
  };

  return {
    reconcile: async () => {
      const mine = turn.then(reconcileNow);
      turn = mine.catch(() => undefined);
      return mine;
    },
    retry,
    show: (folderId) => {
      shown = folderId;
      for (const [id, { wired }] of sessions) wired?.engine.setShown(id === shown);
    },
    woken: () => {
      for (const { wired } of sessions.values()) wired?.engine.woken();
      retry();
    },
    statusOf: (folder) => {
      const session = sessions.get(folder.id);
      const status = session?.wired?.engine.status();
      return status === undefined ? closedStatus(folder) : { ...status, change: session?.change ?? null };
    },
    lock: async () => {
      await turn;
      for (const session of sessions.values()) {
        await end(session);
        if (session.timer !== null) clearTimeout(session.timer);
        session.timer = null;
        session.problem = toWire(new SyncError('enfold-locked'));
        onStatus(closedStatus(session.settings));
      }
    },
    forget: async (folderId) => {
      await turn;
      const session = sessions.get(folderId);
      sessions.delete(folderId);
      if (session !== undefined) await end(session);
    },
    wired: async (folderId) => {
      await turn;
      const session = sessions.get(folderId);
      if (session === undefined) throw new SyncError('no-such-folder', { detail: folderId });
      const wired = await begin(session);
      if (wired !== null) return wired;
      const { problem } = session;
      if (problem === null) throw new SyncError('engine-stopped');
      throw new SyncError(problem.code, problem.about);
    },
    close: async () => {
      isClosed = true;
      closing.abort();
      await turn;
      await Promise.allSettled([...sessions.values()].map(end));
      sessions.clear();
    },
  };
}
