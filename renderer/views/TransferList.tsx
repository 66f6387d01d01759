import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { IconArrowDown, IconArrowUp, IconChecks, IconHourglass } from '@tabler/icons-react';
import type { FolderView } from '../../preload/contract.ts';
import { useAnswer } from '../bridge.ts';
import { Bar } from '../components/bits.tsx';
import { baseName, bytes, parentOf, percent, time, visible } from '../format.ts';
import { MODES } from '../modes.ts';

const JUST_DONE = 12;

/** What moves now, one bar each, and below it what was just done. */
export function TransferList({ folder }: { folder: FolderView }): ReactElement {
  const { t } = useTranslation();
  const { status } = folder;
  const isSealed = MODES[folder.mode].family === 'client';
  const { value: activity } = useAnswer('folders.activity', { folderId: folder.id, limit: 50 }, status.lastSuccessMs ?? status.progress?.doneFiles ?? 0);
  const done = (activity ?? []).filter((event) => event.kind === 'uploaded' || event.kind === 'downloaded').slice(0, JUST_DONE);
  return (
    <section className="transfers" aria-label={t('tabs.transfers')}>
      {status.transfers.length > 0 && (
        <>
          <div className="thead transfer-grid"><span>{t('transfers.file')}</span><span className="num">{t('transfers.size')}</span><span>{t('transfers.progress')}</span></div>
          {status.transfers.map((transfer) => {
            const share = percent(transfer.doneBytes, transfer.totalBytes);
            const isWaiting = transfer.direction === 'up' && transfer.totalBytes > 0 && transfer.doneBytes >= transfer.totalBytes;
            const says = isWaiting ? t('transfers.waiting') : t(`transfers.${transfer.direction}${isSealed ? 'Sealed' : ''}`);
            return (
              <div className="tr transfer-grid transfer-row" key={transfer.direction + transfer.path}>
                <span className="row">
                  <span className="di">{isWaiting ? <IconHourglass size={14} stroke={1.9} aria-hidden="true" /> : transfer.direction === 'up' ? <IconArrowUp size={14} stroke={1.9} aria-hidden="true" /> : <IconArrowDown size={14} stroke={1.9} aria-hidden="true" />}</span>
                  <span className="col"><span className="ell b">{visible(baseName(transfer.path))}</span><span className="ell xs faint">{visible(parentOf(transfer.path))}</span></span>
                </span>
                <span className="num sm">{bytes(transfer.totalBytes)}</span>
                <span className="col transfer-progress"><Bar share={share} isSealed={isSealed} label={visible(baseName(transfer.path))} /><span className="xs mute ell">{says}</span></span>
              </div>
            );
          })}
        </>
      )}
      {done.length > 0 && (
        <>
          <div className="thead done-head"><span>{t('transfers.justDone')}</span></div>
          {done.map((event) => (
            <div className="tr done-grid" key={`${event.atMs}${event.kind}${event.path}`}>
              <span className="row"><span className="di ok"><IconChecks size={16} stroke={1.75} aria-hidden="true" /></span><span className="ell"><span className="b">{visible(baseName(event.path))}</span> <span className="faint xs">{visible(parentOf(event.path))}</span></span></span>
              <span className="num sm">{bytes(event.bytes)}</span>
              <span className="sm done-says">{t(event.kind === 'uploaded' ? 'transfers.sentAt' : 'transfers.receivedAt', { at: time(event.atMs) })}</span>
            </div>
          ))}
        </>
      )}
      {status.transfers.length === 0 && done.length === 0 && <p className="mute quiet">{t('transfers.none')}</p>}
    </section>
  );
}
