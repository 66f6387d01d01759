import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { IconAlertTriangle, IconClock, IconEyeOff, IconFileUnknown, IconKey, IconLetterCase, IconLink, IconLock, type Icon } from '@tabler/icons-react';
import type { FolderView, SkipReason } from '../../preload/contract.ts';
import { useAnswer } from '../bridge.ts';
import { visible } from '../format.ts';
import { ErrorNote } from '../components/bits.tsx';
import { WhyBox } from './WhyBox.tsx';

const ICONS: Partial<Record<SkipReason, Icon>> = {
  ignored: IconEyeOff, symlink: IconLink, unreadable: IconLock, 'directory-unreadable': IconLock, 'name-collision': IconLetterCase, 'name-clash': IconLetterCase, 'waiting-for-quiet': IconClock,
  'key-not-found': IconKey, foreign: IconFileUnknown, 'not-authentic': IconAlertTriangle, 'mode-not-honoured': IconAlertTriangle,
};

/** Everything that is not synced, and why. */
export function SkippedList({ folder }: { folder: FolderView }): ReactElement {
  const { t } = useTranslation();
  const { value, error } = useAnswer('folders.skipped', { folderId: folder.id }, folder.status.skippedCount);
  return (
    <section aria-label={t('tabs.skipped')}>
      {error !== null && <ErrorNote error={error} />}
      {value !== null && value.length > 0 && (
        <>
          <div className="thead skipped-grid"><span>{t('skipped.path')}</span><span>{t('skipped.reason')}</span><span>{t('skipped.side')}</span></div>
          {value.map((one) => {
            const RowIcon = ICONS[one.reason] ?? IconAlertTriangle;
            return (
              <div className="tr skipped-grid skipped-row" key={one.side + one.path}>
                <span className="row"><RowIcon size={18} stroke={1.6} className="row-icon" aria-hidden="true" /><bdi className="b ell">{visible(one.path)}</bdi></span>
                <span className="sm mute">{t(`skipped.reasons.${one.reason}`)}{one.detail !== null && `. ${visible(one.detail)}`}</span>
                <span className="sm faint">{t(`skipped.${one.side}`)}</span>
              </div>
            );
          })}
        </>
      )}
      <WhyBox folder={folder} />
      {value !== null && <p className="sm mute quiet">{value.length === 0 ? t('skipped.none') : t('skipped.foot')}</p>}
    </section>
  );
}
