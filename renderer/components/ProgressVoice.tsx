/** For those who listen: each folder's state when it changes, and its progress at every tenth, never more often. */
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { visible } from '../format.ts';
import { useStore } from '../store.ts';
import { progressOf } from './bits.tsx';

export function ProgressVoice(): ReactElement {
  const { t } = useTranslation();
  const folders = useStore((state) => state.folders);
  return (
    <div className="only-heard" role="log" aria-live="polite" aria-relevant="additions text" aria-label={t('throughput.voice')}>
      {folders.map(({ id, name, status }) => {
        const share = status.state === 'syncing' ? progressOf(status) : null;
        const says = share === null ? t(`state.${status.state}`) : t('state.syncingPercent', { percent: Math.floor(share / 10) * 10 });
        return <p key={id}>{`${visible(name)}: ${says}`}</p>;
      })}
    </div>
  );
}
