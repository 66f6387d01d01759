/** One folder: how it stands, what moves, what happened, what was left out and why. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, Tabs, UnstyledButton } from '@mantine/core';
import { IconArrowLeft, IconFileSearch, IconFolderOpen, IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import type { FolderView } from '../../preload/contract.ts';
import { ask, useAction } from '../bridge.ts';
import { Bar, DirectionIcon, ErrorNote, Fact, ModeBadge, StatusWord, progressOf, useSecondLine, whatIsThere } from '../components/bits.tsx';
import { FolderMenu, remoteName } from '../components/FolderTable.tsx';
import { Sparkline, Speed, useSamples } from '../components/Throughput.tsx';
import { HeldDialog } from '../components/HeldDialog.tsx';
import { Phases } from '../components/Phases.tsx';
import { bytes, count, shortPath, visible } from '../format.ts';
import { MODES, choiceOf } from '../modes.ts';
import { awaitsFirstLook, go, openFolder, refreshFolders, useStore, type FolderTab } from '../store.ts';
import { ActivityList } from './ActivityList.tsx';
import { ChangeNow } from './change/ChangeNow.tsx';
import { useProven } from './FolderDrill.tsx';
import { FirstLook } from './FirstLook.tsx';
import { FolderSettings } from './FolderSettings.tsx';
import { SkippedList } from './SkippedList.tsx';
import { TwoVersionsList } from './TwoVersionsList.tsx';
import { TransferList } from './TransferList.tsx';
import { TrashList } from './past/TrashList.tsx';

/** The panel under the head: only there when it has something to say. */
function Now({ folder, isBusy, onLook, onAccept }: { folder: FolderView; isBusy: boolean; onLook: () => void; /** Takes over a change of encryption that another computer made. */ onAccept: () => void }): ReactElement | null {
  const { t } = useTranslation();
  const secondLine = useSecondLine();
  const { status } = folder;
  const { progress } = status;
  const isSealed = MODES[folder.mode].family === 'client';
  const share = progressOf(status);
  const samples = useSamples([folder]);
  if (status.state === 'up-to-date' && status.problems.length === 0) return null;
  return (
    <section className="panel now" aria-label={t('folder.now')}>
      <div className="row">
        <span className="now-word"><StatusWord status={status} /></span>
        <span className="sm mute">
          {progress === null ? secondLine(status) : t('folder.progress', { done: count(progress.doneFiles), total: count(progress.totalFiles), doneBytes: bytes(progress.doneBytes), totalBytes: bytes(progress.totalBytes) })}
        </span>
        <span className="grow" />
        {status.state === 'syncing' && progress !== null && <Sparkline samples={samples} />}
        {progress !== null && <Speed progress={progress} />}
        {status.held !== null && <Button variant="filled" onClick={onLook}>{t('home.look', { count: status.held.deletions, value: count(status.held.deletions) })}</Button>}
      </div>
      {share !== null && status.state === 'syncing' && <Bar share={share} isSealed={isSealed} label={t('table.progressOf', { name: folder.name })} />}
      {status.state === 'syncing' && <Phases phase={status.phase} isSealed={isSealed} sends={folder.direction !== 'download' && folder.direction !== 'download-mirror'} />}
      {status.held === null && status.problems.slice(0, 5).map(({ error, path }) => (
        <ErrorNote key={`${error.code}:${path ?? ''}`} error={path === null || error.about.path !== undefined ? error : { ...error, about: { ...error.about, path } }}>
          {error.code === 'folder-changed' && <div><Button size="xs" onClick={onAccept} loading={isBusy}>{t('change.accept')}</Button></div>}
        </ErrorNote>
      ))}
    </section>
  );
}

function Facts({ folder }: { folder: FolderView }): ReactElement {
  const { t } = useTranslation();
  const proven = useProven(folder.id, folder.status.lastSuccessMs);
  return (
    <aside className="side" aria-label={t('folder.facts')}>
      <h2 className="h3">{t('folder.facts')}</h2>
      <dl className="facts">
        <Fact name={t('folder.files')}>{t(whatIsThere(folder), { count: folder.status.files, files: count(folder.status.files) })}, {bytes(folder.status.bytes)}</Fact>
        <Fact name={t('folder.key')}>{folder.keyName ?? t('folder.keyOfS3')}</Fact>
        <Fact name={t('folder.names')}>{t(`names.${folder.names}`)}</Fact>
        <Fact name={t('folder.direction')}>{t(`direction.${folder.direction}.says`)}</Fact>
        <Fact name={t('folder.storage')}>{folder.connectionName}</Fact>
        <Fact name={t('drill.fact')}>{(proven.last?.lastProvenMs ?? null) === null ? t('drill.factNever') : t('drill.factSays', { at: proven.says })}</Fact>
        {folder.status.twoVersions > 0 && <Fact name={t('folder.twoVersions')}>{t('folder.twoVersionsSays', { count: folder.status.twoVersions })}</Fact>}
      </dl>
    </aside>
  );
}

export function FolderPage({ folderId, tab }: { folderId: string; tab: FolderTab }): ReactElement {
  const { t } = useTranslation();
  const folder = useStore((state) => state.folders.find((one) => one.id === folderId));
  const home = useStore((state) => state.info?.homeDirectory);
  const [isLooking, setLooking] = useState(false);
  const action = useAction();
  if (folder === undefined)
    return (
      <div className="page">
        <p className="mute">{t('folder.gone')}</p>
        <p><Button onClick={() => go({ view: 'folders' })}>{t('rail.folders')}</Button></p>
      </div>
    );
  const { status } = folder;
  const isNew = awaitsFirstLook(folder);
  const toggle = (): void => void action.run(async () => {
    await ask(folder.isPaused ? 'folders.start' : 'folders.pause', { folderId });
    await refreshFolders();
  });
  const accept = (): void => void action.run(async () => {
    await ask('folders.acceptEpoch', { folderId });
    await refreshFolders();
  });
  return (
    <div className="page folder-page">
      <UnstyledButton className="back sm" onClick={() => go({ view: 'folders' })}><IconArrowLeft size={14} stroke={1.9} aria-hidden="true" />{t('rail.folders')}</UnstyledButton>
      <header className="page-head">
        <div className="grow">
          <div className="row"><h1 className="ell"><bdi>{visible(folder.name)}</bdi></h1><ModeBadge mode={choiceOf(folder)} />{status.state === 'up-to-date' && <span className="head-state"><StatusWord status={status} /></span>}</div>
          <div className="row sm mute flow"><span className="mono ell">{visible(shortPath(folder.localPath, home))}</span><DirectionIcon direction={folder.direction} size={16} /><span className="mono ell">{remoteName(folder)}</span></div>
        </div>
        <Button leftSection={<IconFolderOpen size={16} />} onClick={() => void action.run(() => ask('host.revealLocal', { folderId, path: '' }))}>{t('folder.open')}</Button>
        <Button leftSection={<IconFileSearch size={16} />} onClick={() => go({ view: 'browse', folderId, directory: '' })}>{t('folder.browse')}</Button>
        {!isNew && <Button leftSection={folder.isPaused ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />} onClick={toggle} loading={action.isRunning}>{folder.isPaused ? t('folder.resume') : t('folder.pause')}</Button>}
        <FolderMenu folder={folder} isSmall={false} />
      </header>
      {action.error !== null && <ErrorNote error={action.error} />}
      {isNew ? <FirstLook folder={folder} /> : (
        <>
          <ChangeNow folder={folder} isBusy={action.isRunning} onToggle={toggle} />
          <Now folder={folder} onLook={() => setLooking(true)} onAccept={accept} isBusy={action.isRunning} />
        </>
      )}
      <Tabs keepMounted={false} value={tab} onChange={(next) => openFolder(folderId, (next ?? 'transfers') as FolderTab)} classNames={{ root: 'tabs-root', list: 'tabs', tab: 'tab', panel: 'tab-panel' }}>
        <Tabs.List>
          <Tabs.Tab value="transfers" rightSection={status.transfers.length > 0 ? <span className="cnt">{count(status.transfers.length)}</span> : undefined}>{t('tabs.transfers')}</Tabs.Tab>
          <Tabs.Tab value="activity">{t('tabs.activity')}</Tabs.Tab>
          <Tabs.Tab value="twoVersions" rightSection={status.twoVersions > 0 ? <span className="cnt">{count(status.twoVersions)}</span> : undefined}>{t('tabs.twoVersions')}</Tabs.Tab>
          <Tabs.Tab value="skipped" rightSection={status.skippedCount > 0 ? <span className="cnt">{count(status.skippedCount)}</span> : undefined}>{t('tabs.skipped')}</Tabs.Tab>
          <Tabs.Tab value="trash">{t('tabs.trash')}</Tabs.Tab>
          <Tabs.Tab value="settings">{t('tabs.settings')}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="transfers"><div className="two"><TransferList folder={folder} /><Facts folder={folder} /></div></Tabs.Panel>
        <Tabs.Panel value="activity"><ActivityList folders={[folder]} /></Tabs.Panel>
        <Tabs.Panel value="twoVersions"><TwoVersionsList folder={folder} /></Tabs.Panel>
        <Tabs.Panel value="skipped"><SkippedList folder={folder} /></Tabs.Panel>
        <Tabs.Panel value="trash"><TrashList folder={folder} /></Tabs.Panel>
        <Tabs.Panel value="settings"><FolderSettings folder={folder} /></Tabs.Panel>
      </Tabs>
      {isLooking && <HeldDialog folder={folder} onClose={() => setLooking(false)} />}
    </div>
  );
}
