/** What the server of a folder was found to do, by trying: on what Enfold may rely there. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import type { FolderView } from '../../preload/contract.ts';
import { useAnswer } from '../bridge.ts';
import { dateTime, visible } from '../format.ts';

/** A difference that a listing by whole seconds would not show. */
const CLOCK_MS = 2000;

export function Abilities({ folder }: { folder: FolderView }): ReactElement {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const { value, isLoading } = useAnswer('folders.abilities', isOpen ? { folderId: folder.id } : null);
  return (
    <details className="sm abilities" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t('abilities.of')}: <bdi>{visible(folder.name)}</bdi> <span className="mono xs mute">{folder.bucket}</span></summary>
      {value === null ? <p className="mute">{t(isLoading ? 'common.loading' : 'abilities.unknown')}</p> : (
        <ul>
          <li>{t(`abilities.level.${value.level}`)}</li>
          <li>{t(value.isVersioned ? 'abilities.versions.yes' : 'abilities.versions.no')}</li>
          <li>{t(value.keepsMetadata ? 'abilities.metadata.yes' : 'abilities.metadata.no')}</li>
          {Math.abs(value.clockSkewMs) > CLOCK_MS && <li>{t('abilities.clock', { seconds: Math.round(Math.abs(value.clockSkewMs) / 1000) })}</li>}
          <li className="mute">{t('abilities.tried', { at: dateTime(value.probedAtMs) })}</li>
        </ul>
      )}
    </details>
  );
}
