import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '@mantine/core';
import type { FolderView } from '../../preload/contract.ts';
import { ask, useAction } from '../bridge.ts';
import { visible } from '../format.ts';
import { ErrorNote, Fact, ModeBadge } from '../components/bits.tsx';
import { Dialog } from '../components/Dialog.tsx';
import { remoteName } from '../components/FolderTable.tsx';
import { FolderBasics } from './FolderBasics.tsx';
import { FolderVerify } from './FolderVerify.tsx';
import { FolderEncryption } from './change/FolderEncryption.tsx';
import { FolderDrill } from './FolderDrill.tsx';
import { SpeedSettings } from './SpeedSettings.tsx';
import { choiceOf } from '../modes.ts';
import { go, refreshFolders } from '../store.ts';
import { FolderPeople } from './FolderPeople.tsx';

export function FolderSettings({ folder }: { folder: FolderView }): ReactElement {
  const { t } = useTranslation();
  const [isRemoving, setRemoving] = useState(false);
  const action = useAction();
  const remove = (): void => void action.run(async () => {
    await ask('folders.remove', { folderId: folder.id });
    go({ view: 'folders' });
    await refreshFolders();
  });
  return (
    <section className="settings" aria-label={t('tabs.settings')}>
      <div className="panel settings-panel">
        <h2 className="h3">{t('settings.pairing')}</h2>
        <dl className="facts">
          <Fact name={t('table.here')}><bdi className="mono">{visible(folder.localPath)}</bdi></Fact>
          <Fact name={t('folder.storage')}>{folder.connectionName}, <span className="mono">{remoteName(folder)}</span></Fact>
          <Fact name={t('table.who')}><ModeBadge mode={choiceOf(folder)} /></Fact>
          <Fact name={t('folder.names')}>{t(`names.${folder.names}`)}</Fact>
          <Fact name={t('folder.direction')}>{t(`direction.${folder.direction}.name`)}. {t(`direction.${folder.direction}.long`)}</Fact>
          <Fact name={t('settings.id')}><span className="mono">{folder.id}</span></Fact>
        </dl>
      </div>
      <FolderBasics key={`${folder.name} ${folder.direction}`} folder={folder} />
      <FolderEncryption folder={folder} />
      <FolderPeople folder={folder} />
      <FolderDrill folder={folder} />
      <FolderVerify folder={folder} />
      <SpeedSettings folderId={folder.id} />
      <div className="panel settings-panel">
        <h2 className="h3">{t('settings.removeTitle')}</h2>
        <p className="sm mute">{t('settings.removeSays')}</p>
        <Button className="btn danger" onClick={() => setRemoving(true)}>{t('settings.remove')}</Button>
      </div>
      {isRemoving && (
      <Dialog name={t('settings.removeAsk', { name: folder.name })} width={480} onClose={() => setRemoving(false)}>
        <div className="dialog-body">
          <h1>{t('settings.removeAsk', { name: folder.name })}</h1>
          <p className="mute">{t('settings.removeKeeps')}</p>
          {action.error !== null && <ErrorNote error={action.error} />}
        </div>
        <div className="foot"><span className="grow" /><Button onClick={() => setRemoving(false)} data-autofocus>{t('settings.keep')}</Button><Button variant="filled" loading={action.isRunning} onClick={remove}>{t('settings.removeDo')}</Button></div>
      </Dialog>
      )}
    </section>
  );
}
