/** The restore drill of one folder: some of its files are fetched and compared, so that it is known, not hoped, that they come back. */
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '@mantine/core';
import { IconChecks } from '@tabler/icons-react';
import type { DrillView, FolderView } from '../../preload/contract.ts';
import { AnswerError, ask, useAction, useAnswer } from '../bridge.ts';
import { ErrorNote } from '../components/bits.tsx';
import { StateGlyph } from '../components/glyphs.tsx';
import { bytes, count, longDateTime } from '../format.ts';

/** `20 files, 31 MB, Fri 20 Nov 2026, 17:42`, or that it was never tried. */
export function useProven(folderId: string, refresh: unknown = null): { says: string; last: DrillView | null; reload: () => void } {
  const { t } = useTranslation();
  const { value, reload } = useAnswer('drill.last', { folderId }, refresh);
  const provenMs = value?.lastProvenMs ?? null;
  return { says: provenMs === null ? t('drill.never') : longDateTime(provenMs), last: value, reload };
}

export function FolderDrill({ folder }: { folder: FolderView }): ReactElement {
  const { t } = useTranslation();
  const { says, last, reload } = useProven(folder.id);
  const action = useAction();
  const run = (): void => void action.run(async () => {
    const report = await ask('drill.run', { folderId: folder.id });
    reload();
    const [problem] = report.problems;
    if (problem !== undefined) throw new AnswerError(problem.path === null ? problem.error : { ...problem.error, about: { ...problem.error.about, path: problem.path } });
  });
  return (
    <div className="panel settings-panel">
      <h2 className="h3">{t('drill.title')}</h2>
      <p className="sm mute">{t('drill.says')}</p>
      <p role="status" className="row">
        {last?.failed === 0 ? <span className="st ok"><IconChecks size={16} stroke={1.75} aria-hidden="true" />{t('drill.proven')}</span> : <span className="st attention"><StateGlyph state="needs-attention" />{t('drill.proven')}</span>}
        <span>{says}</span>
      </p>
      {last !== null && <p className="sm mute">{t('drill.result', { count: last.files, files: count(last.files), bytes: bytes(last.bytes), failed: count(last.failed) })}</p>}
      {action.error !== null && <ErrorNote error={action.error} />}
      <Button onClick={run} loading={action.isRunning}>{t('drill.run')}</Button>
    </div>
  );
}
