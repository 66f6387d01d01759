/** The tray icon: the state of all folders at a glance, and the way back to the window. Its looks are the system's own. */
import { execFile } from 'node:child_process';
import { Menu, Tray, nativeImage, nativeTheme, type NativeImage } from 'electron';
import type { FolderState5 } from '../../preload/contract.ts';
import { headlines, overallState, trayTemplate, type FolderLine, type TrayActions } from './tray-menu.ts';
import { words } from './words.ts';
import attention from '../../build/icons/tray-attention-Template.png?inline';
import attention2x from '../../build/icons/tray-attention-Template@2x.png?inline';
import locked from '../../build/icons/tray-locked-Template.png?inline';
import locked2x from '../../build/icons/tray-locked-Template@2x.png?inline';
import paused from '../../build/icons/tray-paused-Template.png?inline';
import paused2x from '../../build/icons/tray-paused-Template@2x.png?inline';
import syncing from '../../build/icons/tray-syncing-Template.png?inline';
import syncing2x from '../../build/icons/tray-syncing-Template@2x.png?inline';
import upToDate from '../../build/icons/tray-up-to-date-Template.png?inline';
import upToDate2x from '../../build/icons/tray-up-to-date-Template@2x.png?inline';

const ICONS: Record<FolderState5, readonly [string, string]> = {
  'up-to-date': [upToDate, upToDate2x], syncing: [syncing, syncing2x], paused: [paused, paused2x], 'needs-attention': [attention, attention2x], locked: [locked, locked2x],
};

export type AppTray = {
  readonly update: (folders: readonly FolderLine[], isEngineRunning: boolean) => void;
  readonly destroy: () => void;
};

const WATCHER = 'org.kde.StatusNotifierWatcher';
/** @returns what the session bus answers, or null. */
function askBus(destination: string, object: string, method: string, args: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => execFile('dbus-send', ['--session', '--print-reply=literal', `--dest=${destination}`, object, method, ...args], { timeout: 3000 }, (error, stdout) => resolve(error === null ? stdout.trim() : null)));
}

/**
 * Where an icon would be seen: the panel that shows it, or null. Linux has no way to ask Electron: the panel's own service on the session
 * bus says so, and its unique name changes when the panel was started anew.
 */
export async function findPanel(platform: string): Promise<string | null> {
  if (platform !== 'linux') return platform;
  const [owner, hasHost] = await Promise.all([
    askBus('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus.GetNameOwner', [`string:${WATCHER}`]),
    askBus(WATCHER, '/StatusNotifierWatcher', 'org.freedesktop.DBus.Properties.Get', [`string:${WATCHER}`, 'string:IsStatusNotifierHostRegistered']),
  ]);
  return owner !== null && hasHost?.endsWith('true') === true ? owner : null;
}

/**
 * The system's own scheme, which the panel has too: once the user chose another for the window, Electron no longer tells it, and the
 * last one known stands.
 */
let isSystemDark = false;
function isPanelDark(platform: string): boolean {
  if (nativeTheme.themeSource === 'system') isSystemDark = nativeTheme.shouldUseDarkColors;
  // The bar of GNOME is always dark. Windows has a scheme of its own for the taskbar, which older Electrons do not know.
  if (platform === 'win32') return (nativeTheme as { shouldUseDarkColorsForSystemIntegratedUI?: boolean }).shouldUseDarkColorsForSystemIntegratedUI ?? isSystemDark;
  return isSystemDark || /gnome/i.test(process.env.XDG_CURRENT_DESKTOP ?? '');
}
/** Before a theme of the user's own is set. */
export function rememberSystemScheme(): void {
  isSystemDark = nativeTheme.shouldUseDarkColors;
}

/** macOS tints a template itself; elsewhere the black glyph is recoloured for what it stands on. */
function glyph(state: FolderState5, platform: string, isOnDark: boolean): NativeImage {
  const image = nativeImage.createEmpty();
  ICONS[state].forEach((dataURL, index) => {
    const source = nativeImage.createFromDataURL(dataURL);
    if (platform === 'darwin') return image.addRepresentation({ scaleFactor: index + 1, dataURL });
    const { width, height } = source.getSize();
    const pixels = source.toBitmap();
    // Premultiplied BGRA: a white glyph has its alpha in all three channels.
    for (let offset = 0; offset < pixels.length; offset += 4) pixels.fill(isOnDark ? (pixels[offset + 3] ?? 0) : 0, offset, offset + 3);
    image.addRepresentation({ scaleFactor: index + 1, width, height, buffer: nativeImage.createFromBitmap(pixels, { width, height }).toPNG() });
  });
  if (platform === 'darwin') image.setTemplateImage(true);
  return image;
}

export function createTray({ platform, ...actions }: TrayActions & { platform: string }): AppTray {
  let shown = '';
  let said = '';
  let last: readonly [readonly FolderLine[], boolean] = [[], true];
  const tray = new Tray(glyph('up-to-date', platform, isPanelDark(platform)));
  tray.on('click', actions.open);

  const update = (folders: readonly FolderLine[], isEngineRunning: boolean): void => {
    last = [folders, isEngineRunning];
    const state = overallState(folders);
    const isDark = isPanelDark(platform);
    if (`${state} ${isDark}` !== shown) tray.setImage(glyph(state, platform, isDark));
    shown = `${state} ${isDark}`;
    const template = trayTemplate(folders, isEngineRunning, actions, (each) => glyph(each, platform, isDark));
    // A menu that is replaced closes under the user's hand: only when it says something else.
    const says = JSON.stringify([isDark, folders.map(({ id, status }) => [id, status.state]), template.map(({ label, enabled }) => [label, enabled])]);
    if (says === said) return;
    said = says;
    tray.setToolTip(`${words.app}: ${headlines(folders, isEngineRunning).join(', ')}`);
    tray.setContextMenu(Menu.buildFromTemplate(template));
  };
  const repaint = (): void => update(...last);
  nativeTheme.on('updated', repaint);
  repaint();
  return {
    update,
    destroy: () => {
      nativeTheme.off('updated', repaint);
      tray.destroy();
    },
  };
}
