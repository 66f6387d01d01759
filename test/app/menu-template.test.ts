import { afterEach, expect, test } from 'vitest';
import type { MenuItemConstructorOptions } from 'electron';
import { menuTemplate } from '../../main/app/menu-template.ts';
import { setLanguage } from '../../main/app/words.ts';

const said: string[] = [];
const actions = { show: ({ view }: { view: string }) => void said.push(view), quit: () => void said.push('quit'), lock: () => void said.push('lock') };
const menuOf = (platform: string): MenuItemConstructorOptions[] => menuTemplate({ ...actions, platform, devTools: false });
const itemsOf = (menu: MenuItemConstructorOptions | undefined): MenuItemConstructorOptions[] => (menu?.submenu ?? []) as MenuItemConstructorOptions[];
const all = (platform: string): MenuItemConstructorOptions[] => menuOf(platform).flatMap(itemsOf);
const labelsOf = (menu: MenuItemConstructorOptions | undefined): (string | undefined)[] => itemsOf(menu).filter(({ type }) => type !== 'separator').map(({ label }) => label);

afterEach(() => {
  setLanguage('en');
  said.length = 0;
});

test.each([
  ['darwin', ['Enfold', 'File', 'Edit', 'View', 'Go', 'Window']],
  ['win32', ['File', 'Edit', 'View', 'Go', 'Help']],
  ['linux', ['File', 'Edit', 'View', 'Go', 'Help']],
])('the menu bar of %s is %j', (platform, titles) => {
  expect(menuOf(platform).map(({ label }) => label)).toEqual(titles);
});

test('the program is left where each platform has it, by the same key', () => {
  expect(labelsOf(menuOf('darwin')[0])).toEqual(['About Enfold', 'Settings…', 'Services', 'Hide Enfold', 'Hide others', 'Show all', 'Quit Enfold']);
  expect(labelsOf(menuOf('darwin')[1])).toEqual(['Add folder…', 'Find or do…', 'Lock', 'Close window']);
  expect(labelsOf(menuOf('win32')[0])).toEqual(['Add folder…', 'Find or do…', 'Lock', 'Settings…', 'Close window', 'Exit']);
  expect(labelsOf(menuOf('linux')[0])).toEqual(['Add folder…', 'Find or do…', 'Lock', 'Settings…', 'Close window', 'Quit Enfold']);
  const keyOf = (platform: string, label: string): string | undefined => all(platform).find((item) => item.label === label)?.accelerator;
  expect([keyOf('darwin', 'Quit Enfold'), keyOf('win32', 'Exit'), keyOf('linux', 'Quit Enfold')]).toEqual(['CmdOrCtrl+Q', 'CmdOrCtrl+Q', 'CmdOrCtrl+Q']);
});

test.each(['darwin', 'win32', 'linux'])('on %s no key stands for two things, and each of our own items does what it says', (platform) => {
  const keys = all(platform).flatMap(({ accelerator }) => (accelerator === undefined ? [] : [accelerator]));
  expect(new Set(keys).size).toBe(keys.length);
  for (const { click } of all(platform)) click?.({} as never, undefined, {});
  expect(said.toSorted()).toEqual(['activity', 'add-folder', 'browse', 'find', 'folders', 'home', 'keys', 'lock', 'quit', 'settings', 'storage']);
});

test.each(['darwin', 'win32', 'linux'])('on %s the whole menu is in German too', (platform) => {
  const label = ({ label: one }: MenuItemConstructorOptions): string[] => (one === undefined ? [] : [one]);
  const words = (): string[] => [...menuOf(platform), ...all(platform)].flatMap(label);
  const english = words();
  const unnamed = all(platform).filter((item) => item.role !== undefined && item.label === undefined);
  setLanguage('de-AT');
  expect(unnamed).toEqual([]);
  expect(words().filter((word) => english.includes(word) && word !== 'Enfold')).toEqual([]);
});
