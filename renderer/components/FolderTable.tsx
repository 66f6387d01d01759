/** The folders, one row each: left of the crease is this computer, right of it S3. */
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { ActionIcon, Menu, UnstyledButton } from '@mantine/core';
import { IconDots, IconFileSearch, IconFolderOpen, IconHistory, IconPlayerPause, IconPlayerPlay, IconRefresh } from '@tabler/icons-react';
import type { FolderView } from '../../preload/contract.ts';
import { ask } from '../bridge.ts';
import { count, shortPath, visible } from '../format.ts';
import { MODES, choiceOf } from '../modes.ts';
import { go, openFolder, refreshFolders, resumeFolder, useStore } from '../store.ts';
import { Ago, Bar, DirectionIcon, ModeBadge, StatusWord, progressOf, useSecondLine, whatIsThere } from './bits.tsx';

const quietly = (work: Promise<unknown>): void => void work.then(refreshFolders).catch(() => undefined);

export function FolderMenu({ folder, isSmall = true }: { folder: FolderView; isSmall?: boolean }): ReactElement {
  const { t } = useTranslation();
  const folderId = folder.id;
  return (
    <Menu>
      <Menu.Target>
        <ActionIcon variant={isSmall ? 'subtle' : 'default'} size={isSmall ? 26 : 32} aria-label={t('folder.menu', { name: folder.name })}><IconDots size={18} stroke={1.6} /></ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconFolderOpen size={16} />} onClick={() => quietly(ask('host.revealLocal', { folderId, path: '' }))}>{t('folder.open')}</Menu.Item>
        <Menu.Item leftSection={<IconFileSearch size={16} />} onClick={() => go({ view: 'browse', folderId, directory: '' })}>{t('folder.browse')}</Menu.Item>
        <Menu.Item leftSection={<IconHistory size={16} />} onClick={() => go({ view: 'browse', folderId, directory: '', isPast: true })}>{t('past.open')}</Menu.Item>
        <Menu.Item leftSection={<IconRefresh size={16} />} onClick={() => quietly(ask('folders.syncNow', { folderId }))}>{t('folder.syncNow')}</Menu.Item>
        {folder.isPaused ? (
          <Menu.Item leftSection={<IconPlayerPlay size={16} />} onClick={() => quietly(resumeFolder(folder))}>{t('folder.resume')}</Menu.Item>
        ) : (
          <Menu.Item leftSection={<IconPlayerPause size={16} />} onClick={() => quietly(ask('folders.pause', { folderId }))}>{t('folder.pause')}</Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

export function remoteName(folder: Pick<FolderView, 'bucket' | 'prefix'>): string {
  return `s3://${folder.bucket}/${folder.prefix}`.replace(/\/$/, '');
}

function Row({ folder }: { folder: FolderView }): ReactElement {
  const { t } = useTranslation();
  const home = useStore((state) => state.info?.homeDirectory);
  const secondLine = useSecondLine();
  const { status } = folder;
  const isSealed = MODES[folder.mode].family === 'client';
  const done = progressOf(status);
  const second = secondLine(status);
  const tone = status.held !== null || status.state === 'needs-attention' ? 'held' : status.state === 'syncing' ? 'live' : '';
  const there = status.state === 'syncing' && status.progress !== null
    ? t('table.doneOf', { done: count(status.progress.doneFiles), total: count(status.progress.totalFiles) })
    : t(whatIsThere(folder), { count: status.files, files: count(status.files) });
  return (
    <div className="tr folder-grid" role="row">
      <div className="col" role="cell">
        <StatusWord status={status} />
        {status.state === 'syncing' && done !== null ? <div className="row-bar"><Bar share={done} isSealed={isSealed} label={t('table.progressOf', { name: folder.name })} /></div> : second !== null && <div className="sm mute second ell">{second}</div>}
      </div>
      <div className="col" role="cell">
        <UnstyledButton className="b ell row-name" onClick={() => openFolder(folder.id)}><bdi>{visible(folder.name)}</bdi></UnstyledButton>
        <span className="mono sm mute ell">{visible(shortPath(folder.localPath, home))}</span>
      </div>
      <span className="creased" role="cell"><span className={tone}><DirectionIcon direction={folder.direction} /></span></span>
      <div className="col" role="cell">
        <span className="mono ell">{remoteName(folder)}</span>
        <span className="sm mute ell"><span className="connection-name">{folder.connectionName}, </span>{there}</span>
      </div>
      <span role="cell"><ModeBadge mode={choiceOf(folder)} /></span>
      <span className="num sm mute" role="cell"><Ago ms={status.lastSuccessMs} /></span>
      <span className="row-menu" role="cell"><FolderMenu folder={folder} /></span>
    </div>
  );
}

export function FolderTable({ folders }: { folders: readonly FolderView[] }): ReactElement {
  const { t } = useTranslation();
  return (
    <div className="panel folder-table" role="table" aria-label={t('rail.folders')}>
      <div className="thead folder-grid" role="row">
        <span role="columnheader">{t('table.state')}</span>
        <span role="columnheader">{t('table.here')}</span>
        <span className="creased" role="columnheader"><span className="sr">{t('table.direction')}</span></span>
        <span role="columnheader">{t('table.there')}</span>
        <span role="columnheader">{t('table.who')}</span>
        <span className="num" role="columnheader">{t('table.lastSuccess')}</span>
        <span role="columnheader"><span className="sr">{t('table.menu')}</span></span>
      </div>
      {folders.map((folder) => <Row key={folder.id} folder={folder} />)}
    </div>
  );
}
