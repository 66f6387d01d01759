/**
 * The Electron shell: one window over one engine process. It shows, asks and relays; what is synced, when and how is decided in
 * the engine. Only this folder and main/index.ts know Electron.
 */
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { app, powerMonitor, session, type BrowserWindow } from 'electron';
import type { Answer, EngineRequest, Events, FolderStatus, FolderView, KeyView, LockView, RequestAnswer } from '../../preload/contract.ts';
import { watchForAbsence } from './auto-lock.ts';
import { startEngine } from './engine-host.ts';
import { createHostHandlers } from './host.ts';
import { pushEvent, serveContract } from './ipc.ts';
import { setApplicationMenu } from './menu.ts';
import { createKitReminder } from './kit-reminder.ts';
import { createNotifier, sayKitIsDue, sayStillRunning } from './notifications.ts';
import { APP_ORIGIN, originOf, serveRenderer } from './protocol.ts';
import { openSettings } from './settings.ts';
import { createStorageHost } from './storage-host.ts';
import { createTray, findPanel, type AppTray } from './tray.ts';
import type { FolderLine } from './tray-menu.ts';
import { bringToFront, createMainWindow, denyPermissions } from './window.ts';

const REMIND_EVERY_MS = 12 * 3600_000;
/** At login the panel often starts after its icons: so long is it looked for. */
const PANEL_WAIT_MS = 60_000;
const LOOK_EVERY_MS = 3000;

type Options = {
  /** The built program: holds main/, preload/ and renderer/. */
  outDirectory: string;
  icon: string;
  home: string;
  env: Record<string, string | undefined>;
  platform: string;
  /** A development server that serves the window instead of the built files; never in a packaged app. */
  devUrl: string | null;
  /** Started at login: no window, if there is a tray icon to reach it by. */
  startsHidden: boolean;
};

/** Starts everything. Call once, when the app is ready and this is the only instance. */
export async function runShell(options: Options): Promise<void> {
  const { outDirectory, platform } = options;
  let window: BrowserWindow | null = null;
  let tray: AppTray | null = null;
  let trayPanel: string | null = null;
  let isQuitting = false;
  let hasSaidStillRunning = false;
  let folders: FolderView[] = [];
  let statuses: FolderStatus[] = [];

  const settings = openSettings(path.join(options.home, 'window-settings.json'), platform, () => {
    setMenu();
    showFolders();
  });
  denyPermissions();

  const url = options.devUrl ?? `${APP_ORIGIN}/index.html`;
  const open = (): BrowserWindow => {
    if (window === null) {
      window = createMainWindow({ url, preload: path.join(outDirectory, 'preload/index.cjs'), icon: options.icon, devTools: !app.isPackaged });
      window.on('close', (event) => {
        if (isQuitting) return;
        event.preventDefault();
        void leaveWindow();
      });
      window.on('closed', () => {
        window = null;
        void askEngine('folders.shown', { folderId: null });
      });
    } else bringToFront(window);
    return window;
  };
  const show = (place: Events['show']): void => pushEvent(open(), 'show', place);

  /** A panel that was started anew knows no icon of before: it gets one. @returns whether an icon can be seen. */
  async function putIntoTray(): Promise<boolean> {
    const panel = await findPanel(platform);
    if (isQuitting) return false;
    if (panel !== trayPanel) {
      tray?.destroy();
      tray = panel === null ? null : createTray({ platform, show, open, quit, lock: () => void askEngine('lock.lock', undefined), setPaused: (isPaused) => void pauseAll(isPaused) });
      trayPanel = panel;
      showFolders();
    }
    return tray !== null;
  }
  /** Nobody is left with a program that runs and cannot be reached: without a tray icon, closing the window ends it. */
  async function leaveWindow(): Promise<void> {
    if (!(await putIntoTray()) && platform !== 'darwin') return quit();
    window?.hide();
    if (!hasSaidStillRunning) sayStillRunning();
    hasSaidStillRunning = true;
  }
  /** What was never in step is looked at in the window before it runs. */
  async function pauseAll(isPaused: boolean): Promise<void> {
    // The folders at hand may be from before their first sync.
    await refreshFolders();
    await Promise.all(folders.filter((folder) => folder.isPaused !== isPaused && !(folder.status.lastSuccessMs === null && folder.status.files === 0)).map(({ id }) => askEngine(isPaused ? 'folders.pause' : 'folders.start', { folderId: id })));
    await refreshFolders();
  }

  const storage = createStorageHost({ entry: path.join(outDirectory, 'main/storage-process.js'), env: { ...options.env, ENFOLD_HOME: options.home } });
  const engine = startEngine({
    entry: path.join(outDirectory, 'main/engine-process.js'),
    env: { ...options.env, ENFOLD_HOME: options.home },
    startStorage: storage.start,
    onEvent: (event) => {
      pushEvent(window, event.name, event.payload);
      if (event.name === 'changed' && event.payload === 'folders') void refreshFolders();
      if (event.name === 'status') {
        statuses = event.payload;
        showFolders();
      }
    },
    onState: (state) => {
      pushEvent(window, 'engine', state);
      if (state.state === 'running') {
        void refreshFolders();
        void remindOfKits();
      }
    },
  });
  const askEngine = (name: EngineRequest, input: unknown): Promise<Answer<EngineRequest>> => engine.request(name, input);
  const notify = createNotifier({ isOn: (kind) => settings.current().notifications[kind], isWindowInFront: () => window?.isFocused() ?? false, openFolder: (folderId) => show({ view: 'folder', folderId }) });

  const remindOfKits = createKitReminder({
    keys: async () => {
      const answer = await askEngine('keys.list', undefined);
      return answer.ok ? (answer.value as KeyView[]) : null;
    },
    tell: (name) => settings.current().notifications.problem && sayKitIsDue(name, () => show({ view: 'keys', folderId: null })),
  });
  const reminding = setInterval(() => void remindOfKits(), REMIND_EVERY_MS);

  async function refreshFolders(): Promise<void> {
    const answer = await askEngine('folders.list', undefined);
    if (answer.ok) folders = answer.value as FolderView[];
    showFolders();
  }
  function showFolders(): void {
    const lines = folders.map(({ id, name, isPaused, status }): FolderLine => ({ id, name, isPaused, status: statuses.find((one) => one.folderId === id) ?? status }));
    tray?.update(lines, engine.state().state === 'running');
    notify(lines);
  }
  function quit(event?: { preventDefault: () => void }): void {
    event?.preventDefault();
    if (isQuitting) return;
    isQuitting = true;
    window?.hide();
    stopWatching();
    clearInterval(reminding);
    void engine.stop().then(storage.stop).finally(() => {
      tray?.destroy();
      app.exit(0);
    });
  }

  serveRenderer(session.defaultSession, path.join(outDirectory, 'renderer'), async (token, start, end) => {
    const answer = await askEngine('preview.read', { token, start, end });
    return answer.ok ? (answer.value as RequestAnswer<'preview.read'>) : null;
  });
  serveContract({ window: () => window, origin: originOf(url) ?? APP_ORIGIN, host: createHostHandlers({ window: () => window, askEngine, dragIcon: options.icon, settings, makeKit: engine.makeKit, unlockVerified: engine.unlockVerified, storage, platform }), askEngine });
  const stopWatching = watchForAbsence({
    monitor: powerMonitor,
    settings: async () => {
      const answer = await askEngine('lock.state', undefined);
      return answer.ok ? (answer.value as LockView).settings : null;
    },
    lock: () => void askEngine('lock.lock', undefined),
  });
  powerMonitor.on('resume', engine.woken);
  const setMenu = (): void => setApplicationMenu({ show, quit, lock: () => void askEngine('lock.lock', undefined), platform, devTools: !app.isPackaged });
  setMenu();
  app.on('before-quit', quit);
  app.on('second-instance', open);
  app.on('activate', open);
  app.on('window-all-closed', () => undefined);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => quit());

  if (!options.startsHidden) open();
  const deadlineMs = Date.now() + PANEL_WAIT_MS;
  const waitForPanel = async (): Promise<void> => {
    if ((await putIntoTray()) || isQuitting || Date.now() > deadlineMs) return;
    await delay(LOOK_EVERY_MS);
    await waitForPanel();
  };
  await waitForPanel();
  if (tray === null && window === null && !isQuitting) open();
}

