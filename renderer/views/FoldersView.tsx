import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '@mantine/core';
import { IconFolderPlus, IconLink, IconPlus, IconUsers } from '@tabler/icons-react';
import { FolderTable } from '../components/FolderTable.tsx';
import { useTotals } from '../components/bits.tsx';
import { FoldArt } from '../components/glyphs.tsx';
import { useDrop } from '../components/drop.ts';
import { ask } from '../bridge.ts';
import { shortPath } from '../format.ts';
import { openWizard, useOpens, useStore } from '../store.ts';
import { AcceptInvitation } from './AcceptInvitation.tsx';

export function EmptyFolders(): ReactElement {
  const { t } = useTranslation();
  const defaults = useStore((state) => state.defaults);
  const home = useStore((state) => state.info?.homeDirectory);
  const drop = useDrop(([localPath]) => openWizard({ localPath: localPath ?? null }));
  const choose = async (): Promise<void> => {
    const localPath = await ask('host.chooseFolder', { title: t('wizard.chooseFolder') }).catch(() => null);
    if (localPath !== null) openWizard({ localPath });
  };
  return (
    <>
      <section className={drop.isOver ? 'drop over' : 'drop'} {...drop.handlers}>
        <FoldArt holds="place" width={220} />
        <h2>{t('folders.dropHere')}</h2>
        <p className="mute">{t('folders.dropSays')}</p>
        <div className="row drop-acts">
          <Button leftSection={<IconFolderPlus size={16} />} onClick={() => void choose()}>{t('folders.choose')}</Button>
          <Button variant="subtle" className="btn quiet-btn" leftSection={<IconLink size={16} />} onClick={() => openWizard()}>{t('folders.joinThere')}</Button>
        </div>
      </section>
      <footer className="suggestions">
        {defaults !== null && (
          <>
            <span className="sm faint">{t('folders.oftenChosen')}</span>
            <Button size="xs" onClick={() => openWizard({ localPath: defaults.documentsDirectory })}>{shortPath(defaults.documentsDirectory, home)}</Button>
          </>
        )}
      </footer>
    </>
  );
}

export function FoldersView(): ReactElement {
  const { t } = useTranslation();
  const [isJoining, setJoining] = useOpens('join');
  const folders = useStore((state) => state.folders);
  const totals = useTotals();
  const drop = useDrop(([localPath]) => openWizard({ localPath: localPath ?? null }));
  return (
    <div className={folders.length === 0 ? 'page' : 'page scroll'} {...(folders.length > 0 ? drop.handlers : {})}>
      <header className="page-head">
        <h1 className="grow">{t('rail.folders')}</h1>
        <Button leftSection={<IconUsers size={16} />} onClick={() => setJoining(true)}>{t('join.open')}</Button>
        <Button variant="filled" leftSection={<IconPlus size={16} />} onClick={() => openWizard()}>{t('folders.add')}</Button>
      </header>
      {folders.length === 0 ? (
        <EmptyFolders />
      ) : (
        <>
          <div className={drop.isOver ? 'folders-list over' : 'folders-list'}><FolderTable folders={folders} /></div>
          <footer className="sm faint page-foot">{t('folders.dropHint')} {totals(folders.reduce((sum, folder) => sum + folder.status.files, 0), folders.reduce((sum, folder) => sum + folder.status.bytes, 0))}.</footer>
        </>
      )}
      {isJoining && <AcceptInvitation onClose={() => setJoining(false)} />}
    </div>
  );
}
