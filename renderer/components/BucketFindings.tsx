/** What the doctor finds, what mending each would change, and what was changed from here, which can be taken back. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconInfoCircle, IconX } from '@tabler/icons-react';
import type { BucketFixView, RequestAnswer } from '../../preload/contract.ts';
import { ask, useAction } from '../bridge.ts';
import { dateTime } from '../format.ts';
import { ErrorNote } from './bits.tsx';
import { Rights } from './Rights.tsx';
import type { BucketPlaceInput } from './BucketExam.tsx';

const MARKS = { good: IconCheck, info: IconInfoCircle, warning: IconAlertTriangle, critical: IconX } as const;
const SEVERITIES = ['critical', 'warning', 'info', 'good'] as const;
type Found = RequestAnswer<'buckets.examine'>;
type Change = RequestAnswer<'buckets.changes'>[number];

const pretty = (value: unknown): string => JSON.stringify(value, null, 2);

function Preview({ fix, isRunning, onApply, onClose }: { fix: BucketFixView; isRunning: boolean; onApply: () => void; onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  return (
    <div className="panel exam-fix" role="group" aria-label={t('exam.preview')}>
      <p><span className="b">{fix.says}</span> <span className="mono sm mute">{fix.call}</span></p>
      <div className="exam-json">
        <div className="col"><span className="sm mute">{t('exam.before')}</span><pre className="mono xs selectable">{pretty(fix.before)}</pre></div>
        <div className="col"><span className="sm mute">{t('exam.after')}</span><pre className="mono xs selectable">{pretty(fix.after)}</pre></div>
      </div>
      <div className="row"><span className="grow" /><Button size="xs" onClick={onClose}>{t('common.cancel')}</Button><Button size="xs" variant="filled" onClick={onApply} loading={isRunning}>{t('exam.apply')}</Button></div>
    </div>
  );
}

function Changes({ changes, isRunning, onUndo }: { changes: readonly Change[]; isRunning: boolean; onUndo: (changeId: number) => void }): ReactElement | null {
  const { t } = useTranslation();
  if (changes.length === 0) return null;
  return (
    <section aria-label={t('exam.changes')}>
      <h2 className="h3">{t('exam.changes')}</h2>
      <ul>{changes.map(({ id, says, call, atMs }) => <li key={id}><span className="col grow"><span>{says}</span><span className="mono xs mute">{call}, {dateTime(atMs)}</span></span><Button size="xs" disabled={isRunning} onClick={() => onUndo(id)} aria-label={t('exam.undoOf', { says })}>{t('exam.undo')}</Button></li>)}</ul>
    </section>
  );
}

export function BucketFindings({ place }: { place: BucketPlaceInput }): ReactElement {
  const { t } = useTranslation();
  const [found, setFound] = useState<Found | null>(null);
  const [fix, setFix] = useState<BucketFixView | null>(null);
  const [changes, setChanges] = useState<readonly Change[]>([]);
  const [isPartly, setPartly] = useState(false);
  const action = useAction();
  const look = async (): Promise<void> => {
    setFound(await ask('buckets.examine', place));
    setChanges(await ask('buckets.changes', place));
  };
  const examine = (): void => void action.run(look);
  const preview = (finding: BucketFixView['id']): void => void action.run(async () => setFix(await ask('buckets.previewFix', { ...place, finding })));
  const apply = ({ id, token }: BucketFixView): void => void action.run(async () => {
    await ask('buckets.applyFix', { ...place, finding: id, token });
    setFix(null);
    await look();
  });
  const undo = (changeId: number): void => void action.run(async () => {
    setPartly(!(await ask('buckets.undo', { ...place, changeId })).isWhole);
    await look();
  });
  return (
    <>
      <div className="row"><Button variant="filled" onClick={examine} disabled={place.bucket === ''} loading={action.isRunning && fix === null}>{t('exam.do')}</Button></div>
      {action.error !== null && <ErrorNote error={action.error} />}
      {isPartly && <p className="note sm" role="status">{t('exam.partly')}</p>}
      {fix !== null && <Preview fix={fix} isRunning={action.isRunning} onApply={() => apply(fix)} onClose={() => setFix(null)} />}
      {found !== null && fix === null && (
        // oxlint-disable-next-line no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it
        <div className="exam" tabIndex={0} role="region" aria-label={t('exam.found')}>
          <ul>
            {SEVERITIES.flatMap((severity) => found.findings.filter((one) => one.severity === severity)).map((one) => {
              const Mark = MARKS[one.severity];
              return <li key={one.id} className={one.severity}><Mark size={16} stroke={1.75} role="img" aria-label={t(`exam.severity.${one.severity}`)} /><span className="col grow"><span>{one.says}</span>{one.advice !== null && <span className="sm mute">{one.advice}</span>}</span>{one.fix !== null && <Button size="xs" disabled={action.isRunning} onClick={() => preview(one.id)}>{t('exam.fix', { says: one.fix.says })}</Button>}</li>;
            })}
          </ul>
          <Rights found={found} />
          <Changes changes={changes} isRunning={action.isRunning} onUndo={undo} />
        </div>
      )}
    </>
  );
}
