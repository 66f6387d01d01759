/** Find or do: every place, folder and command by a few letters of its name. */
import { useState, type KeyboardEvent, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { IconCornerDownLeft, IconSearch } from '@tabler/icons-react';
import { ask } from '../bridge.ts';
import { changeSettings, go, openFolder, openWizard, refreshFolders, resumeFolder, setAllPaused, showFind, useStore } from '../store.ts';
import { useShortcut } from './shortcut.tsx';
import { Dialog } from './Dialog.tsx';

type Command = { id: string; name: string; says: string; keys?: string; run: () => void };
/** As the menu bar has them. */
const PLACES = { home: '1', folders: '2', browse: '3', activity: '4', keys: '5', storage: '6', settings: ',' } as const;

function useCommands(): Command[] {
  const { t } = useTranslation();
  const folders = useStore((state) => state.folders);
  const shortcut = useShortcut();
  const quietly = (work: Promise<unknown>): void => void work.then(refreshFolders).catch(() => undefined);
  const command = (id: string, name: string, run: () => void, keys?: string): Command => ({ id, name, says: t('find.command'), run, ...(keys !== undefined && { keys }) });
  const places = (Object.keys(PLACES) as (keyof typeof PLACES)[]).map((view): Command => ({ id: view, name: t(`rail.${view}`), says: t('find.place'), keys: shortcut(PLACES[view]), run: () => go(view === 'browse' ? { view, folderId: null, directory: '' } : { view }) }));
  const isAnyRunning = folders.some(({ isPaused }) => !isPaused);
  return [
    ...places,
    command('add', t('folders.add'), () => openWizard(), shortcut('N')), command('lock', t('find.lock'), () => quietly(ask('lock.lock', undefined)), shortcut('L')),
    ...(folders.length > 0 ? [command('pause', t(isAnyRunning ? 'home.pauseAll' : 'home.resumeAll'), () => quietly(setAllPaused(isAnyRunning)))] : []),
    command('join', t('join.open'), () => go({ view: 'folders', opens: 'join' })), command('newKey', t('keys.new'), () => go({ view: 'keys', opens: 'new' })), command('importKey', t('keys.importButton'), () => go({ view: 'keys', opens: 'import' })), command('addStorage', t('storage.add'), () => go({ view: 'storage', opens: 'add' })),
    ...(['system', 'light', 'dark'] as const).map((theme) => command(`theme-${theme}`, `${t('prefs.theme')}: ${t(`prefs.themes.${theme}`)}`, () => quietly(changeSettings({ theme })))),
    ...folders.flatMap((folder): Command[] => {
      const { id, name } = folder;
      return [
        { id: `${id}open`, name, says: t('find.folder'), run: () => openFolder(id) },
        command(`${id}browse`, t('find.browse', { name }), () => go({ view: 'browse', folderId: id, directory: '' })),
        command(`${id}sync`, t('find.sync', { name }), () => quietly(ask('folders.syncNow', { folderId: id }))),
        command(`${id}pause`, t(folder.isPaused ? 'find.resume' : 'find.pause', { name }), () => quietly(folder.isPaused ? resumeFolder(folder) : ask('folders.pause', { folderId: id }))),
        command(`${id}reveal`, t('find.reveal', { name }), () => quietly(ask('host.revealLocal', { folderId: id, path: '' }))),
        ...(['activity', 'twoVersions', 'skipped', 'settings'] as const).map((tab) => command(`${id}${tab}`, `${name}: ${t(`tabs.${tab}`)}`, () => openFolder(id, tab))),
      ];
    }),
  ];
}

/** All letters in their order, not necessarily together; together and early is better. Null: no match. */
export function matchScore(name: string, text: string): number | null {
  const [hay, needle] = [name.toLowerCase(), text.toLowerCase().trim()];
  const at = hay.indexOf(needle);
  if (at >= 0) return at;
  let from = 0;
  for (const letter of needle) {
    from = hay.indexOf(letter, from) + 1;
    if (from === 0) return null;
  }
  return 100 + hay.length;
}

export function CommandBox(): ReactElement {
  const { t } = useTranslation();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const commands = useCommands();
  const close = (): void => showFind(false);
  const found = commands.map((command) => ({ command, score: matchScore(command.name, text) })).filter(({ score }) => score !== null).toSorted((a, b) => (text === '' ? 0 : a.score! - b.score!)).slice(0, 9).map(({ command }) => command);
  const current = found[Math.min(at, found.length - 1)];
  const run = (command: Command | undefined): void => {
    if (command === undefined) return;
    close();
    command.run();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') setAt((last) => (Math.min(last, found.length - 1) + (event.key === 'ArrowDown' ? 1 : -1) + found.length) % Math.max(1, found.length));
    else if (event.key === 'Enter') run(current);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog name={t('rail.find')} width={560} onClose={close}>
      <div className="find">
        <IconSearch size={18} stroke={1.6} aria-hidden="true" />
        <input
          role="combobox" aria-label={t('rail.find')} aria-expanded="true" aria-controls="find-list" aria-activedescendant={current === undefined ? undefined : `find-${current.id}`} placeholder={t('find.placeholder')} value={text} spellCheck={false} data-autofocus
          onChange={(event) => { setText(event.currentTarget.value); setAt(0); }} onKeyDown={onKeyDown}
        />
      </div>
      <div className="find-list" id="find-list" role="listbox" aria-label={t('find.results')}>
        {found.map((command) => (
          <div key={command.id} tabIndex={-1} id={`find-${command.id}`} role="option" aria-selected={command === current} className={command === current ? 'on' : ''} onMouseDown={() => run(command)}><span className="grow ell">{command.name}</span><span className="sm faint">{command.says}</span>{command.keys !== undefined && <span className="kbd">{command.keys}</span>}{command === current && <IconCornerDownLeft size={14} stroke={1.9} aria-hidden="true" />}</div>
        ))}
      </div>
      {found.length === 0 && <p className="mute find-none" role="status">{t('find.none')}</p>}
    </Dialog>
  );
}
