/** A panel of the test's own on the session bus: what a desktop's panel would show of a tray icon, and do to it. */
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import readline from 'node:readline';
import { expect } from 'vitest';

/** Debian's own: it has the bindings of GLib. */
const PYTHON = '/usr/bin/python3';
const ITEM = 'org.kde.StatusNotifierItem';
const MENU = 'com.canonical.dbusmenu';
const LIMIT = { timeout: 30_000, interval: 100 };

export type MenuLine = { id: number; label: string; isEnabled: boolean; /** A PNG. */ icon: Buffer | null };
/** `pixels`: alpha, red, green, blue of each pixel. */
export type Picture = { width: number; height: number; pixels: Buffer };
type Answer = { value?: unknown; error?: string };
export type Panel = {
  /** How many icons have registered so far. */
  readonly registered: () => number;
  readonly pictures: () => Promise<Picture[]>;
  readonly toolTip: () => Promise<string>;
  readonly menu: () => Promise<MenuLine[]>;
  /** Chooses the line of the menu that begins so. */
  readonly choose: (label: string) => Promise<void>;
  /** A click on the icon itself. */
  readonly activate: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export const canHostTray = process.platform === 'linux' && spawnSync(PYTHON, ['-c', 'import gi']).status === 0;

/** @param hasHost - a watcher that nothing looks at shows no icon. */
export async function openPanel(hasHost = true): Promise<Panel> {
  const host = spawn(PYTHON, [path.resolve('test/e2e/tray-panel.py'), ...(hasHost ? [] : ['--no-host'])], { stdio: ['pipe', 'pipe', 'inherit'] });
  const items: string[] = [];
  const waiting = new Map<number, (answer: Answer) => void>();
  let asked = 0;
  await new Promise<void>((resolve, reject) => {
    host.once('exit', (code) => reject(new Error(`the panel ended with ${code}`)));
    readline.createInterface({ input: host.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as Answer & { ready?: true; item?: string; id?: number };
      if (said.ready) resolve();
      if (said.item !== undefined) items.push(said.item);
      if (said.id !== undefined) waiting.get(said.id)?.(said);
    });
  });

  const ask = async (object: 'item' | 'menu', target: string, signature: string, args: readonly unknown[]): Promise<unknown[]> => {
    const item = items.at(-1);
    if (item === undefined) throw new Error('no icon has registered');
    const at = item.indexOf('/');
    const dot = target.lastIndexOf('.');
    const send = (where: string): Promise<Answer> => new Promise((resolve) => {
      asked += 1;
      waiting.set(asked, resolve);
      host.stdin.write(`${JSON.stringify({ id: asked, to: item.slice(0, at), path: where, interface: target.slice(0, dot), method: target.slice(dot + 1), signature, args })}\n`);
    });
    const answer = await send(object === 'item' ? item.slice(at) : String(await property('Menu')));
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.value as unknown[];
  };
  async function property(name: string): Promise<unknown> {
    return (await ask('item', 'org.freedesktop.DBus.Properties.Get', '(ss)', [ITEM, name]))[0];
  }
  const menu = async (): Promise<MenuLine[]> => {
    const [, [, , lines]] = (await ask('menu', `${MENU}.GetLayout`, '(iias)', [0, -1, []])) as [number, [number, object, [number, { label?: string; type?: string; enabled?: boolean; 'icon-data'?: string }][]]];
    return lines.flatMap(([id, { label = '', type, enabled = true, 'icon-data': icon }]) => (type === 'separator' ? [] : [{ id, label, isEnabled: enabled, icon: icon === undefined ? null : Buffer.from(icon, 'base64') }]));
  };
  return {
    registered: () => items.length,
    pictures: async () => ((await property('IconPixmap')) as [number, number, string][]).map(([width, height, pixels]) => ({ width, height, pixels: Buffer.from(pixels, 'base64') })),
    toolTip: async () => ((await property('ToolTip')) as string[])[2] ?? '',
    menu,
    choose: async (label) => {
      let line: MenuLine | undefined;
      await expect.poll(async () => (line = (await menu()).find((one) => one.label.startsWith(label) && one.isEnabled)) !== undefined, LIMIT).toBe(true);
      await ask('menu', `${MENU}.Event`, '(isvu)', [line!.id, 'clicked', 0, 0]);
    },
    activate: async () => void (await ask('item', `${ITEM}.Activate`, '(ii)', [0, 0])),
    close: async () => {
      host.stdin.end();
      if (host.exitCode === null) await new Promise((resolve) => host.once('exit', resolve));
    },
  };
}
