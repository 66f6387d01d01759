/** The application menu, as each platform has it: also where the window's keyboard shortcuts are written down. */
import { Menu, type MenuItemConstructorOptions } from 'electron';
import type { Events } from '../../preload/contract.ts';
import { words } from './words.ts';

type Show = (place: Events['show']) => void;

export function setApplicationMenu(options: { show: Show; quit: () => void; lock: () => void; isMac: boolean; devTools: boolean }): void {
  const place = (label: string, view: Events['show']['view'], accelerator: string): MenuItemConstructorOptions => ({
    label, accelerator, click: () => options.show({ view, folderId: null }),
  });
  const quit: MenuItemConstructorOptions = { label: words.quit, accelerator: 'CmdOrCtrl+Q', click: options.quit };
  const settings = place(words.settings, 'settings', 'CmdOrCtrl+,');
  const lock: MenuItemConstructorOptions = { label: words.lock, accelerator: 'CmdOrCtrl+L', click: options.lock };
  const line = { type: 'separator' } as const;
  const template: MenuItemConstructorOptions[] = [
    { label: words.file, submenu: [place(words.addFolder, 'add-folder', 'CmdOrCtrl+N'), place(words.find, 'find', 'CmdOrCtrl+K'), line, lock, ...(options.isMac ? [] : [settings]), line, { role: 'close', label: words.close }, ...(options.isMac ? [] : [quit])] },
    { role: 'editMenu', label: words.edit },
    { label: words.view, submenu: [{ role: 'resetZoom' }, { role: 'zoomIn' }, { role: 'zoomOut' }, line, { role: 'togglefullscreen' }, ...(options.devTools ? [{ role: 'toggleDevTools' } as const] : [])] },
    {
      label: words.go,
      submenu: [
        place(words.home, 'home', 'CmdOrCtrl+1'), place(words.folders, 'folders', 'CmdOrCtrl+2'), place(words.browse, 'browse', 'CmdOrCtrl+3'), place(words.activity, 'activity', 'CmdOrCtrl+4'),
        place(words.keys, 'keys', 'CmdOrCtrl+5'), place(words.storage, 'storage', 'CmdOrCtrl+6'),
      ],
    },
  ];
  if (options.isMac) {
    template.unshift({ label: words.app, submenu: [{ role: 'about' }, line, settings, line, { role: 'services' }, line, { role: 'hide' }, { role: 'hideOthers' }, { role: 'unhide' }, line, quit] });
    template.push({ role: 'windowMenu', label: words.window });
  }
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}
