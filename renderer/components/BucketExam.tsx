/** What a bucket is really like, and what this sign-in may do there: asked of the server, not assumed. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, TextInput } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconInfoCircle, IconX } from '@tabler/icons-react';
import type { RequestAnswer } from '../../preload/contract.ts';
import { ask, useAction } from '../bridge.ts';
import { Copyable, ErrorNote } from './bits.tsx';
import { Dialog } from './Dialog.tsx';

const MARKS = { good: IconCheck, info: IconInfoCircle, warning: IconAlertTriangle, critical: IconX } as const;

export function BucketExam({ connectionId, bucket, prefix, onClose }: { connectionId: string; bucket: string; prefix: string; onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  const [wanted, setWanted] = useState(bucket);
  const [found, setFound] = useState<RequestAnswer<'buckets.examine'> | null>(null);
  const action = useAction();
  const place = { connectionId, bucket: wanted, prefix, wish: null };
  const examine = (): void => void action.run(async () => setFound(await ask('buckets.examine', place)));
  const fix = (finding: RequestAnswer<'buckets.examine'>['findings'][number]['id']): void => void action.run(async () => {
    const preview = await ask('buckets.previewFix', { ...place, finding });
    if (preview !== null) await ask('buckets.applyFix', { ...place, finding, token: preview.token });
    setFound(await ask('buckets.examine', place));
  });
  const missing = (found?.permissions ?? []).filter((one) => !one.isAllowed);
  return (
    <Dialog name={t('exam.title')} width={720} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); examine(); }}>
        <div className="dialog-body">
          <h1>{t('exam.title')}</h1>
          <p className="mute">{t('exam.says')}</p>
          <div className="row end"><TextInput className="grow mono-input" label={t('wizard.bucket')} value={wanted} onChange={(event) => { setWanted(event.currentTarget.value); setFound(null); }} spellCheck={false} data-autofocus /><Button variant="filled" type="submit" disabled={wanted === ''} loading={action.isRunning}>{t('exam.do')}</Button></div>
          {action.error !== null && <ErrorNote error={action.error} />}
          {found !== null && (
            // oxlint-disable-next-line no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it
            <div className="exam" tabIndex={0} role="region" aria-label={t('exam.found')}>
              <ul>
                {found.findings.map((one) => {
                  const Mark = MARKS[one.severity];
                  return <li key={one.id} className={one.severity}><Mark size={16} stroke={1.75} role="img" aria-label={t(`exam.severity.${one.severity}`)} /><span className="col grow"><span>{one.says}</span>{one.advice !== null && <span className="sm mute">{one.advice}</span>}</span>{one.fix !== null && <Button size="xs" disabled={action.isRunning} onClick={() => fix(one.id)}>{one.fix.says}</Button>}</li>;
                })}
              </ul>
              <h2 className="h3">{missing.length === 0 ? t('exam.mayAll') : t('exam.mayNot', { count: missing.length })}</h2>
              <ul>{missing.map((one) => <li key={one.action} className={one.isEssential ? 'critical' : 'info'}><IconX size={16} stroke={1.75} aria-hidden="true" /><span className="col grow"><span className="mono">{one.action}</span><span className="sm mute">{one.purpose}</span></span></li>)}</ul>
              {missing.length > 0 && found.missing !== null && <div className="row sm"><span className="grow">{t('exam.policy')}</span><Copyable value={JSON.stringify(found.missing, null, 2)} isButtonOnly /></div>}
            </div>
          )}
        </div>
        <div className="foot"><span className="grow" /><Button onClick={onClose}>{t('common.close')}</Button></div>
      </form>
    </Dialog>
  );
}
