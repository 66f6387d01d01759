/** A change of encryption of one folder: how far it is, what stands in its way, and for an hour what it came to. */
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '@mantine/core';
import { IconChecks, IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import type { FolderView } from '../../../preload/contract.ts';
import { Bar, ErrorNote, ModeBadge, useNow } from '../../components/bits.tsx';
import { bytes, count, dateTime, percent, visible } from '../../format.ts';
import { MODES, choiceOf } from '../../modes.ts';

const SHOWN_AFTER_MS = 3_600_000;

export function ChangeNow({ folder, isBusy, onToggle }: { folder: FolderView; isBusy: boolean; /** Pauses the folder, or lets it go on. */ onToggle: () => void }): ReactElement | null {
  const { t } = useTranslation();
  const now = useNow(60_000);
  const { change } = folder.status;
  if (change === null || (change.finishedAtMs !== null && now - change.finishedAtMs > SHOWN_AFTER_MS)) return null;
  const badge = <ModeBadge mode={choiceOf(folder)} />;
  if (change.finishedAtMs !== null)
    return (
      <section className="panel now" aria-label={t('change.panel')}>
        <div className="row"><span className="st ok"><IconChecks size={16} stroke={1.75} aria-hidden="true" />{t('change.done')}</span>{badge}</div>
        <p className="sm mute" role="status">{t('change.doneSays', { count: change.changed, value: count(change.changed), bytes: bytes(change.bytesSent), at: dateTime(change.finishedAtMs) })}</p>
      </section>
    );
  return (
    <section className="panel now" aria-label={t('change.panel')}>
      <div className="row">
        <span className="b">{t('change.now')}</span>{badge}
        <span className="sm mute">{t('change.progress', { count: change.total, done: count(change.done), total: count(change.total) })}</span>
        <span className="grow" />
        <Button size="xs" leftSection={folder.isPaused ? <IconPlayerPlay size={14} /> : <IconPlayerPause size={14} />} onClick={onToggle} loading={isBusy}>{t(folder.isPaused ? 'folder.resume' : 'folder.pause')}</Button>
      </div>
      <Bar share={percent(change.done, change.total)} isSealed={MODES[folder.mode].family === 'client'} label={t('change.bar', { name: folder.name })} />
      <p className="sm mute">{t(folder.isPaused ? 'change.waiting' : 'change.running')}</p>
      {change.problem !== null && <ErrorNote error={change.problem} />}
      {change.failed.length > 0 && (
        <details className="sm">
          <summary>{t('change.failed', { count: change.failed.length })}</summary>
          <ul className="change-failed">{change.failed.map(({ path, error }) => <li key={`${path ?? ''}${error.code}`}><bdi className="mono">{visible(path ?? '')}</bdi> <span className="mute">{visible(error.says)} {visible(error.next)}</span></li>)}</ul>
        </details>
      )}
    </section>
  );
}
