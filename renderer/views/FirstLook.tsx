/** A folder that was never in step waits here: what its first cycle would do, before anything is sent or fetched. */
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '@mantine/core';
import type { FolderView } from '../../preload/contract.ts';
import { ask, useAction, useAnswer } from '../bridge.ts';
import { ErrorNote } from '../components/bits.tsx';
import { PreviewCounts } from '../components/PreviewCounts.tsx';
import { refreshFolders } from '../store.ts';

export function FirstLook({ folder }: { folder: FolderView }): ReactElement {
  const { t } = useTranslation();
  const { value: preview, error, isLoading, reload } = useAnswer('folders.preview', { folderId: folder.id });
  const action = useAction();
  const start = (): void => void action.run(async () => {
    await ask('folders.start', { folderId: folder.id });
    await refreshFolders();
  });
  return (
    <section className="col first-look" aria-label={t('preview.title')}>
      <p className="mute">{t('preview.firstLook')}</p>
      {preview === null && isLoading && <p className="mute" role="status">{t('preview.comparing')}</p>}
      {error !== null && <ErrorNote error={error}><Button onClick={reload}>{t('common.tryAgain')}</Button></ErrorNote>}
      {preview !== null && <PreviewCounts preview={preview} />}
      {action.error !== null && <ErrorNote error={action.error} />}
      <div className="row"><Button variant="filled" onClick={start} disabled={preview === null || error !== null} loading={action.isRunning}>{t('preview.start')}</Button></div>
    </section>
  );
}
