/**
 * The one window and its security settings: sandboxed, isolated, without Node, without navigation, without permissions.
 */
import { BrowserWindow, nativeTheme, session, type WebContents } from 'electron';

const CANVAS = { light: '#f0f4f4', dark: '#0b1516' };

/** Applies to every web contents the app ever has, so that none can be made that is laxer. */
export function lockDown(contents: WebContents): void {
  contents.on('will-navigate', (event) => event.preventDefault());
  contents.on('will-redirect', (event) => event.preventDefault());
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
}

/** Denies camera, clipboard, notifications and all the rest: the window needs none. */
export function denyPermissions(): void {
  session.defaultSession.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  session.defaultSession.setPermissionCheckHandler(() => false);
  session.defaultSession.setDevicePermissionHandler(() => false);
}

export function createMainWindow(options: { url: string; preload: string; icon: string; devTools: boolean }): BrowserWindow {
  const window = new BrowserWindow({
    width: 1280, height: 800, minWidth: 960, minHeight: 640, useContentSize: true, show: false, autoHideMenuBar: true, title: 'Enfold', icon: options.icon,
    backgroundColor: nativeTheme.shouldUseDarkColors ? CANVAS.dark : CANVAS.light,
    webPreferences: {
      preload: options.preload, sandbox: true, contextIsolation: true, nodeIntegration: false, webSecurity: true, webviewTag: false,
      navigateOnDragDrop: false, plugins: true, spellcheck: false, devTools: options.devTools,
    },
  });
  nativeTheme.on('updated', () => {
    if (!window.isDestroyed()) window.setBackgroundColor(nativeTheme.shouldUseDarkColors ? CANVAS.dark : CANVAS.light);
  });
  window.once('ready-to-show', () => window.show());
  void window.loadURL(options.url);
  return window;
}

export function bringToFront(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}
