/** How far a cycle is: what is done, what goes on, what comes. Nothing is ticked that was not done. */
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { IconCheck, IconChecks, IconCircleDashed } from '@tabler/icons-react';
import type { FolderStatus } from '../../preload/contract.ts';
import { StateGlyph } from './glyphs.tsx';

const ORDER: readonly FolderStatus['phase'][] = ['scanning', 'planning', 'transferring'];

export function Phases({ phase, isSealed, sends }: { phase: FolderStatus['phase']; isSealed: boolean; sends: boolean }): ReactElement | null {
  const { t } = useTranslation();
  const at = ORDER.indexOf(phase);
  if (at < 0) return null;
  const steps = [t(at > 0 ? 'phases.looked' : 'phases.looking'), t(at > 1 ? 'phases.compared' : 'phases.comparing'), ...(sends ? [t(isSealed ? 'phases.sealing' : 'phases.sending')] : [])];
  return (
    <ol className="phases sm" aria-label={t('phases.label')}>
      {steps.map((says, index) => (
        <li key={says} className={index < at ? 'done' : index === at ? 'on moving' : ''} aria-current={index === at ? 'step' : undefined}>
          {index < at ? <IconCheck size={14} stroke={1.9} aria-hidden="true" /> : index === at ? <StateGlyph state="syncing" size={14} /> : <IconCircleDashed size={14} stroke={1.9} aria-hidden="true" />}{says}
        </li>
      ))}
      {sends && <li><IconChecks size={14} stroke={1.9} aria-hidden="true" />{t('phases.confirming')}</li>}
    </ol>
  );
}
