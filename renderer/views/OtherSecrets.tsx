/** What opens something and is no key of one's own: it is kept elsewhere, or is a sign-in, and no kit holds it. */
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { IconCloudLock, IconId } from '@tabler/icons-react';
import { useAnswer } from '../bridge.ts';
import { useStore } from '../store.ts';

export function OtherSecrets(): ReactElement | null {
  const { t } = useTranslation();
  const { folders, connections } = useStore();
  const { value } = useAnswer('keys.others', undefined, JSON.stringify([folders.map(({ id, mode, modeDetails }) => [id, mode, modeDetails.kmsKeyId]), connections.map(({ id }) => id)]));
  if (value === null || value.length === 0) return null;
  return (
    <section className="key-others" aria-label={t('keys.others')}>
      <h2 className="h3">{t('keys.others')}</h2>
      <p className="sm mute">{t('keys.othersSay')}</p>
      <ul className="panel key-list">
        {value.map(({ name, type, usedBy }) => {
          const OtherIcon = type === 'kms' ? IconCloudLock : IconId;
          return (
            <li key={`${type} ${name}`}>
              <div className="key-grid">
                <span className="key-icon server"><OtherIcon size={18} stroke={1.6} aria-hidden="true" /></span>
                <span className="col"><span className="b ell">{name}</span><span className="sm mute ell">{t(`keys.kinds.${type}`)}</span></span>
                <span className="col"><span className="sm ell">{usedBy.length === 0 ? t('keys.opensNothing') : t('keys.opens', { names: usedBy.join(', ') })}</span></span>
                <span className="sm faint">{t('keys.noKit')}</span>
              </div>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
