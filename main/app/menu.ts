/** Puts the application menu in its place. */
import { Menu } from 'electron';
import { menuTemplate } from './menu-template.ts';

export function setApplicationMenu(options: Parameters<typeof menuTemplate>[0]): void {
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(options)));
}
