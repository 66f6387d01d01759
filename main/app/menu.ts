/** The application menu: also where the window's keyboard shortcuts are written down. */
import { Menu, type MenuItemConstructorOptions } from 'electron';
import type { Events } from '../../preload/contract.ts';
import { words } from './words.ts';

type Show = (place: Events['show']) => void;

export function setApplicationMenu(options: { show: Show; quit: () => void; isMac: boolean; devTools: boolean }): void {
  const place = (label: string, view: Events['show']['view'], accelerator: string): MenuItemConstructorOptions => ({
    label, accelerator, click: () => options.show({ view, folderId: null }),
  });
  const quit: MenuItemConstructorOptions = { label: words.quit, accelerator: 'CmdOrCtrl+Q', click: options.quit };
  const template: MenuItemConstructorOptions[] = [
    { label: words.file, submenu: [place(words.addFolder, 'add-folder', 'CmdOrCtrl+N'), { type: 'separator' }, { role: 'close', label: words.close }, ...(options.isMac ? [] : [quit])] },
    { role: 'editMenu', label: words.edit },
    {
      label: words.view,
      submenu: [{ role: 'resetZoom' }, { role: 'zoomIn' }, { role: 'zoomOut' }, { type: 'separator' }, { role: 'togglefullscreen' }, ...(options.devTools ? [{ role: 'toggleDevTools' } as const] : [])],
    },
    {
      label: words.go,
      submenu: [
        place(words.home, 'home', 'CmdOrCtrl+1'), place(words.folders, 'folders', 'CmdOrCtrl+2'), place(words.browse, 'browse', 'CmdOrCtrl+3'),
        place(words.keys, 'keys', 'CmdOrCtrl+4'), place(words.storage, 'storage', 'CmdOrCtrl+5'),
      ],
    },
  ];
  if (options.isMac) template.unshift({ label: words.app, submenu: [{ role: 'about' }, { type: 'separator' }, { role: 'hide' }, { role: 'hideOthers' }, { role: 'unhide' }, { type: 'separator' }, quit] });
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}
