/** Every object of a folder read back and checked: dearer than the drill, and a proof of all of it. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '@mantine/core';
import { IconChecks } from '@tabler/icons-react';
import type { FolderView, RequestAnswer } from '../../preload/contract.ts';
import { ask, useAction } from '../bridge.ts';
import { ErrorNote } from '../components/bits.tsx';
import { bytes, count, visible } from '../format.ts';

export function FolderVerify({ folder }: { folder: FolderView }): ReactElement {
  const { t } = useTranslation();
  const [report, setReport] = useState<RequestAnswer<'folders.verify'> | null>(null);
  const action = useAction();
  const run = (): void => void action.run(async () => {
    setReport(null);
    setReport(await ask('folders.verify', { folderId: folder.id }));
  });
  const says = report === null ? null : t(report.failed.length === 0 ? 'verify.right' : 'verify.wrong', { count: report.objects, checked: count(report.checked), value: count(report.objects), bytes: bytes(report.bytes) });
  return (
    <div className="panel settings-panel">
      <h2 className="h3">{t('verify.title')}</h2>
      <p className="sm mute">{t('verify.says')}</p>
      {action.isRunning && <p className="sm mute" role="status">{t('verify.running')}</p>}
      {report !== null && <p role="status" className={report.failed.length === 0 ? 'st ok' : ''}>{report.failed.length === 0 && <IconChecks size={16} stroke={1.75} aria-hidden="true" />}{says}</p>}
      {report !== null && report.failed.length > 0 && <ul className="change-failed sm">{report.failed.slice(0, 100).map(({ path, error }) => <li key={`${path ?? ''}${error.code}`}><bdi className="mono">{visible(path ?? '')}</bdi> <span className="mute">{visible(error.says)} {visible(error.next)}</span></li>)}</ul>}
      {report !== null && report.foreign > 0 && <p className="sm mute">{t('verify.foreign', { count: report.foreign, value: count(report.foreign) })}</p>}
      {action.error !== null && <ErrorNote error={action.error} />}
      <Button onClick={run} loading={action.isRunning}>{t('verify.run')}</Button>
    </div>
  );
}
