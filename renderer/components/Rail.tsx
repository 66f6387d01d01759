import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, UnstyledButton } from '@mantine/core';
import { IconActivity, IconDatabase, IconDeviceLaptop, IconFileSearch, IconFolders, IconHome, IconKey, IconLock, IconSearch, IconSettings, type Icon } from '@tabler/icons-react';
import { ask } from '../bridge.ts';
import { rate } from '../format.ts';
import { useShortcut } from './shortcut.tsx';
import { go, showFind, useStore, type Place } from '../store.ts';
import { StateGlyph } from './glyphs.tsx';
import appIcon from '../icons/app-icon.svg';

type Entry = { view: Place['view']; name: string; icon: Icon; place: Place; badge: number };

/** What the machine is doing, in one line. */
function Machine(): ReactElement {
  const { t } = useTranslation();
  const shortcut = useShortcut();
  const hostName = useStore((state) => state.defaults?.hostName ?? '');
  const folders = useStore((state) => state.folders);
  const moving = folders.filter((folder) => folder.status.state === 'syncing');
  const needing = folders.filter((folder) => folder.status.state === 'needs-attention').length;
  const speed = moving.reduce((sum, folder) => sum + (folder.status.progress?.bytesPerSecond ?? 0), 0);
  return (
    <div className="machine">
      <div className="row sm mute"><IconDeviceLaptop size={16} stroke={1.75} aria-hidden="true" /><span className="ell">{hostName}</span></div>
      <div className="row sm" role="status">
        {moving.length > 0 ? (
          <span className="st busy moving"><StateGlyph state="syncing" />{speed > 0 ? rate(speed) : t('rail.syncing', { count: moving.length })}</span>
        ) : needing > 0 ? (
          <span className="st attention"><StateGlyph state="needs-attention" />{t('rail.waiting')}</span>
        ) : (
          <span className="st ok"><StateGlyph state="up-to-date" />{t('rail.nothingToDo')}</span>
        )}
      </div>
      <Button size="xs" className="btn lock-all" leftSection={<IconLock size={14} stroke={1.9} />} rightSection={<span className="kbd">{shortcut('L')}</span>} onClick={() => void ask('lock.lock', undefined).catch(() => undefined)}>{t('rail.lock')}</Button>
    </div>
  );
}

export function Rail(): ReactElement {
  const { t } = useTranslation();
  const shortcut = useShortcut();
  const { folders, keys, place } = useStore();
  const needing = folders.filter((folder) => folder.status.state === 'needs-attention').length;
  const unsaved = keys.filter((key) => key.exportedAtMs === null && key.usedBy.length > 0).length;
  const entries: Entry[] = [
    { view: 'home', name: t('rail.home'), icon: IconHome, place: { view: 'home' }, badge: 0 },
    { view: 'folders', name: t('rail.folders'), icon: IconFolders, place: { view: 'folders' }, badge: needing },
    { view: 'browse', name: t('rail.browse'), icon: IconFileSearch, place: { view: 'browse', folderId: null, directory: '' }, badge: 0 },
    { view: 'activity', name: t('rail.activity'), icon: IconActivity, place: { view: 'activity' }, badge: 0 },
    { view: 'keys', name: t('rail.keys'), icon: IconKey, place: { view: 'keys' }, badge: unsaved },
    { view: 'storage', name: t('rail.storage'), icon: IconDatabase, place: { view: 'storage' }, badge: 0 },
    { view: 'settings', name: t('rail.settings'), icon: IconSettings, place: { view: 'settings' }, badge: 0 },
  ];
  const shown = place.view === 'folder' ? 'folders' : place.view;
  return (
    <aside className="rail" data-region tabIndex={-1} aria-label={t('rail.label')}>
      <div className="brand"><img src={appIcon} alt="" /><span>{t('app.name')}</span></div>
      <UnstyledButton className="find-box" onClick={() => showFind(true)}><IconSearch size={16} stroke={1.75} aria-hidden="true" /><span className="grow">{t('rail.find')}</span><span className="kbd">{shortcut('K')}</span></UnstyledButton>
      <nav className="nav">
        {entries.map(({ view, name, icon: EntryIcon, place: to, badge }) => (
          <UnstyledButton key={view} className={shown === view ? 'on' : ''} aria-current={shown === view ? 'page' : undefined} onClick={() => go(to)}>
            <EntryIcon size={18} stroke={1.6} aria-hidden="true" />
            <span className="nav-name">{name}</span>
            {badge > 0 && <span className="n" aria-label={t('rail.needYou', { count: badge })}>{badge}</span>}
          </UnstyledButton>
        ))}
      </nav>
      <Machine />
    </aside>
  );
}
