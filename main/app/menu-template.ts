/** The application menu as each platform has it, and so also where the window's keyboard shortcuts are written down. Pure, so that each platform's can be tested anywhere. */
import type { MenuItemConstructorOptions } from 'electron';
import type { Events } from '../../preload/contract.ts';
import { words } from './words.ts';

export type MenuActions = { readonly show: (place: Events['show']) => void; readonly quit: () => void; readonly lock: () => void };
type Options = MenuActions & { readonly platform: string; readonly devTools: boolean };

const line = { type: 'separator' } as const;
type Role = NonNullable<MenuItemConstructorOptions['role']>;
/** With words of our own: Electron's are always English. */
const role = (name: Role, label: string): MenuItemConstructorOptions => ({ role: name, label });

/** macOS has a menu of the program, and in it what the others have under File and Help. Windows says Exit; Alt+F4 there closes the window only. */
export function menuTemplate({ show, quit, lock, platform, devTools }: Options): MenuItemConstructorOptions[] {
  const [isMac, isWindows] = [platform === 'darwin', platform === 'win32'];
  const place = (label: string, view: Events['show']['view'], accelerator: string): MenuItemConstructorOptions => ({ label, accelerator, click: () => show({ view, folderId: null }) });
  const settings = place(words.settings, 'settings', 'CmdOrCtrl+,');
  const leave: MenuItemConstructorOptions = { label: isWindows ? words.exit : words.quit, accelerator: 'CmdOrCtrl+Q', click: quit };
  const about = role('about', words.about);
  const program: MenuItemConstructorOptions = {
    label: words.app,
    submenu: [about, line, settings, line, role('services', words.services), line, role('hide', words.hide), role('hideOthers', words.hideOthers), role('unhide', words.showAll), line, leave],
  };
  return [
    ...(isMac ? [program] : []),
    {
      label: words.file,
      submenu: [
        place(words.addFolder, 'add-folder', 'CmdOrCtrl+N'), place(words.find, 'find', 'CmdOrCtrl+K'), line, { label: words.lock, accelerator: 'CmdOrCtrl+L', click: lock }, ...(isMac ? [] : [settings]), line,
        { ...role('close', words.close), accelerator: 'CmdOrCtrl+W' }, ...(isMac ? [] : [leave]),
      ],
    },
    {
      label: words.edit,
      submenu: [role('undo', words.undo), role('redo', words.redo), line, role('cut', words.cut), role('copy', words.copy), role('paste', words.paste), role('selectAll', words.selectAll)],
    },
    {
      label: words.view,
      submenu: [role('resetZoom', words.actualSize), role('zoomIn', words.zoomIn), role('zoomOut', words.zoomOut), line, role('togglefullscreen', words.fullScreen), ...(devTools ? [role('toggleDevTools', words.devTools)] : [])],
    },
    {
      label: words.go,
      submenu: [
        place(words.home, 'home', 'CmdOrCtrl+1'), place(words.folders, 'folders', 'CmdOrCtrl+2'), place(words.browse, 'browse', 'CmdOrCtrl+3'), place(words.activity, 'activity', 'CmdOrCtrl+4'),
        place(words.keys, 'keys', 'CmdOrCtrl+5'), place(words.storage, 'storage', 'CmdOrCtrl+6'),
      ],
    },
    ...(isMac ? [{ label: words.window, role: 'windowMenu' as const, submenu: [role('minimize', words.minimize), role('zoom', words.zoom), line, role('front', words.bringToFront)] }] : [{ label: words.help, submenu: [about] }]),
  ];
}
