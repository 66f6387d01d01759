/** Find or do: every place, folder and command by a few letters of its name. */
import { useState, type KeyboardEvent, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { IconCornerDownLeft, IconSearch } from '@tabler/icons-react';
import { ask } from '../bridge.ts';
import { go, openFolder, openWizard, refreshFolders, resumeFolder, showFind, useStore } from '../store.ts';
import { Dialog } from './Dialog.tsx';

type Command = { id: string; name: string; says: string; run: () => void };

function useCommands(): Command[] {
  const { t } = useTranslation();
  const folders = useStore((state) => state.folders);
  const quietly = (work: Promise<unknown>): void => void work.then(refreshFolders).catch(() => undefined);
  const places = (['home', 'folders', 'activity', 'keys', 'storage', 'settings'] as const).map((view): Command => ({ id: view, name: t(`rail.${view}`), says: t('find.place'), run: () => go({ view }) }));
  return [
    ...places, { id: 'browse', name: t('rail.browse'), says: t('find.place'), run: () => go({ view: 'browse', folderId: null, directory: '' }) },
    { id: 'add', name: t('folders.add'), says: t('find.command'), run: () => openWizard() }, { id: 'lock', name: t('find.lock'), says: t('find.command'), run: () => quietly(ask('lock.lock', undefined)) },
    ...folders.flatMap((folder): Command[] => [
      { id: `${folder.id}open`, name: folder.name, says: t('find.folder'), run: () => openFolder(folder.id) },
      { id: `${folder.id}browse`, name: t('find.browse', { name: folder.name }), says: t('find.command'), run: () => go({ view: 'browse', folderId: folder.id, directory: '' }) },
      { id: `${folder.id}sync`, name: t('find.sync', { name: folder.name }), says: t('find.command'), run: () => quietly(ask('folders.syncNow', { folderId: folder.id })) },
      { id: `${folder.id}pause`, name: t(folder.isPaused ? 'find.resume' : 'find.pause', { name: folder.name }), says: t('find.command'), run: () => quietly(folder.isPaused ? resumeFolder(folder) : ask('folders.pause', { folderId: folder.id })) },
    ]),
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
          <div key={command.id} tabIndex={-1} id={`find-${command.id}`} role="option" aria-selected={command === current} className={command === current ? 'on' : ''} onMouseDown={() => run(command)}><span className="grow ell">{command.name}</span><span className="sm faint">{command.says}</span>{command === current && <IconCornerDownLeft size={14} stroke={1.9} aria-hidden="true" />}</div>
        ))}
      </div>
      {found.length === 0 && <p className="mute find-none" role="status">{t('find.none')}</p>}
    </Dialog>
  );
}
