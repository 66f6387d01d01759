/** The tray icon: the state of all folders at a glance, and the way back to the window. Its looks are the system's own. */
import { execFile } from 'node:child_process';
import { Menu, Tray, nativeImage, nativeTheme, type MenuItemConstructorOptions, type NativeImage } from 'electron';
import type { Events, FolderState5, FolderStatus } from '../../preload/contract.ts';
import { needWords, stateWords, words } from './words.ts';
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

export type FolderLine = { id: string; name: string; status: FolderStatus };
export type AppTray = {
  readonly update: (folders: readonly FolderLine[], isEngineRunning: boolean) => void;
  readonly destroy: () => void;
};

/** The one state that stands for all folders: what needs the user first, then what moves. */
export function overallState(folders: readonly FolderLine[]): FolderState5 {
  const states = new Set(folders.map((folder) => folder.status.state));
  for (const state of ['needs-attention', 'syncing', 'locked'] as const) if (states.has(state)) return state;
  return states.size > 0 && !states.has('up-to-date') ? 'paused' : 'up-to-date';
}

/** Linux has no way to ask Electron: the panel's own service on the session bus says whether an icon would be seen. */
export function hasTray(platform: string): Promise<boolean> {
  if (platform !== 'linux') return Promise.resolve(true);
  const args = ['--session', '--print-reply=literal', '--dest=org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus.NameHasOwner', 'string:org.kde.StatusNotifierWatcher'];
  return new Promise((resolve) => execFile('dbus-send', args, { timeout: 3000 }, (error, stdout) => resolve(error === null && stdout.includes('true'))));
}

/** macOS tints a template itself; elsewhere the black glyph is recoloured for the panel it stands on. */
function trayImage(state: FolderState5, platform: string): NativeImage {
  const image = nativeImage.createEmpty();
  const isDarkPanel = nativeTheme.shouldUseDarkColors || /gnome/i.test(process.env.XDG_CURRENT_DESKTOP ?? '');
  ICONS[state].forEach((dataURL, index) => {
    const source = nativeImage.createFromDataURL(dataURL);
    if (platform === 'darwin') return image.addRepresentation({ scaleFactor: index + 1, dataURL });
    const { width, height } = source.getSize();
    const pixels = source.toBitmap();
    // Premultiplied BGRA: a white glyph has its alpha in all three channels.
    for (let offset = 0; offset < pixels.length; offset += 4) pixels.fill(isDarkPanel ? (pixels[offset + 3] ?? 0) : 0, offset, offset + 3);
    image.addRepresentation({ scaleFactor: index + 1, width, height, buffer: nativeImage.createFromBitmap(pixels, { width, height }).toPNG() });
  });
  if (platform === 'darwin') image.setTemplateImage(true);
  return image;
}

export function createTray(options: { platform: string; show: (place: Events['show']) => void; open: () => void; quit: () => void }): AppTray {
  let shown: FolderState5 = 'up-to-date';
  const tray = new Tray(trayImage(shown, options.platform));
  tray.setToolTip(words.app);
  tray.on('click', options.open);

  const update = (folders: readonly FolderLine[], isEngineRunning: boolean): void => {
    const state = overallState(folders);
    if (state !== shown) tray.setImage(trayImage((shown = state), options.platform));
    const needing = folders.filter((folder) => folder.status.state === 'needs-attention').length;
    const headline = !isEngineRunning ? words.engineRestarting : needing > 0 ? needWords(needing) : folders.length === 0 ? words.noFolders : words.nothingToDo;
    const lines = folders.map((folder): MenuItemConstructorOptions => ({
      label: `${folder.name}: ${stateWords(folder.status)}`, click: () => options.show({ view: 'folder', folderId: folder.id }),
    }));
    tray.setToolTip(`${words.app}: ${headline}`);
    tray.setContextMenu(
      Menu.buildFromTemplate([
        { label: headline, enabled: false }, { type: 'separator' }, ...lines, ...(lines.length > 0 ? [{ type: 'separator' } as const] : []),
        { label: words.open, click: options.open }, { label: words.addFolder, click: () => options.show({ view: 'add-folder', folderId: null }) },
        { type: 'separator' }, { label: words.quit, click: options.quit },
      ]),
    );
  };
  update([], true);
  return { update, destroy: () => tray.destroy() };
}
