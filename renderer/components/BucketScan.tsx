/** How every object of a place is encrypted: counted while one can watch and stop, kept as a report, and mended where that is asked for. */
import { useEffect, useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, Checkbox } from '@mantine/core';
import type { BucketMendView, BucketScanView, Events } from '../../preload/contract.ts';
import { ask, useAction } from '../bridge.ts';
import { bytes, count, percent } from '../format.ts';
import { Bar, ErrorNote } from './bits.tsx';
import type { BucketPlaceInput } from './BucketExam.tsx';

type Progress = Events['scan'];
const isOf = ({ connectionId, bucket, prefix }: Progress, place: BucketPlaceInput): boolean => connectionId === place.connectionId && bucket === place.bucket && prefix === place.prefix;

function Totals({ totals }: Pick<BucketScanView, 'totals'>): ReactElement {
  const { t } = useTranslation();
  return (
    <table className="exam-table sm">
      <thead><tr><th scope="col">{t('exam.encryption')}</th><th scope="col">{t('exam.key')}</th><th scope="col">{t('exam.verdict')}</th><th scope="col" className="num">{t('exam.count')}</th><th scope="col" className="num">{t('exam.size')}</th></tr></thead>
      <tbody>
        {totals.toSorted((a, b) => b.objects - a.objects).map((total) => (
          <tr key={JSON.stringify([total.protection, total.key, total.envelope, total.reason])}>
            <td>{[total.protection, total.envelope].filter((one) => one !== '').join(', ')}</td><td className="mono xs">{total.key}</td><td>{total.verdict === '' ? '' : t(`exam.verdicts.${total.verdict}`)}{total.reason !== '' && <span className="mute">{`: ${total.reason}`}</span>}</td><td className="num">{count(total.objects)}</td><td className="num">{bytes(total.bytes)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function BucketScan({ place }: { place: BucketPlaceInput }): ReactElement {
  const { t } = useTranslation();
  const [found, setFound] = useState<BucketScanView | null>(null);
  const [mended, setMended] = useState<BucketMendView | null>(null);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [isStopped, setStopped] = useState(false);
  const [hasVersions, setHasVersions] = useState(false);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const action = useAction();
  const stop = async (): Promise<null> => ask('buckets.stop', { connectionId: place.connectionId, bucket: place.bucket, prefix: place.prefix });
  useEffect(() => window.enfold.on('scan', (event) => { if (isOf(event, place)) setProgress(event); }), [place]);

  const scan = (isResumed: boolean): void => void action.run(async () => {
    setProgress(null);
    setMended(null);
    const answer = await ask('buckets.scan', { ...place, isResumed, hasVersions, reports: [] });
    setStopped(answer === null);
    setFound(answer);
    setChosen(new Set());
  }).finally(() => setProgress(null));
  const save = (): void => void action.run(async () => {
    const file = await ask('host.chooseSaveFile', { title: t('exam.saveTitle'), suggestedName: `${place.bucket}-encryption.html` });
    if (file !== null) await ask('buckets.scan', { ...place, isResumed: true, hasVersions, reports: [file] });
  });
  const mend = (): void => void action.run(async () => {
    const answer = await ask('buckets.mend', { ...place, hasVersions, only: chosen.size === 0 ? null : [...chosen] });
    setStopped(answer === null);
    setMended(answer);
    if (answer !== null) setFound(null);
  }).finally(() => setProgress(null));
  const choose = (objectKey: string): void => setChosen((last) => (last.has(objectKey) ? new Set([...last].filter((one) => one !== objectKey)) : new Set([...last, objectKey])));

  const estimate = found?.estimate ?? null;
  return (
    <>
      <div className="row">
        <Button variant="filled" onClick={() => scan(false)} disabled={place.bucket === ''} loading={action.isRunning}>{t('exam.scan')}</Button>
        <Checkbox size="xs" classNames={{ input: 'check', label: 'check-label' }} label={t('exam.versions')} checked={hasVersions} disabled={action.isRunning} onChange={(event) => { setHasVersions(event.currentTarget.checked); setFound(null); }} />
        {isStopped && !action.isRunning && <Button onClick={() => scan(true)}>{t('exam.goOn')}</Button>}
        {action.isRunning && <Button onClick={() => void stop()}>{t('exam.stop')}</Button>}
        {found !== null && !action.isRunning && <Button onClick={save}>{t('exam.save')}</Button>}
      </div>
      {action.isRunning && (
        <div className="col" role="status">
          <span className="sm">{progress === null ? t('exam.begins') : progress.mended === null ? t('exam.looked', { count: progress.objects, objects: count(progress.objects), wrong: count(progress.wrong) }) : t('exam.mending', { done: count(progress.mended), wrong: count(progress.wrong) })}</span>
          {progress !== null && progress.mended !== null && <Bar share={percent(progress.mended, progress.wrong)} isSealed={false} label={t('exam.mend')} />}
        </div>
      )}
      {isStopped && !action.isRunning && <p className="note sm" role="status">{t('exam.stopped')}</p>}
      {action.error !== null && <ErrorNote error={action.error} />}
      {mended !== null && (
        <div className="note sm" role="status">
          <div className="col">
            <span>{t('exam.mended', { fixed: count(mended.fixed), already: count(mended.already), skipped: count(mended.skipped), failed: count(mended.failed) })}</span>
            <ul>{mended.notFixed.map(({ objectKey, reason }) => <li key={objectKey}><span className="mono xs">{objectKey}</span> <span className="mute">{reason}</span></li>)}</ul>
          </div>
        </div>
      )}
      {found !== null && found.old !== null && <p className="note sm" role="status">{t('exam.old', { count: found.old.objects, value: count(found.old.objects), wrong: count(found.old.wrong) })}</p>}
      {found !== null && (
        // oxlint-disable-next-line no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it
        <div className="exam" tabIndex={0} role="region" aria-label={t('exam.objects')}>
          {found.totals.length === 0 ? <p className="mute">{t('exam.empty')}</p> : <Totals totals={found.totals} />}
          {found.examples.length > 0 && (
            <section aria-label={t('exam.wrong')}>
              <h2 className="h3">{t('exam.wrong')}</h2>
              <ul>{found.examples.map(({ objectKey, versionId, reason }) => <li key={`${objectKey} ${versionId ?? ''}`}><Checkbox size="xs" checked={chosen.has(objectKey)} onChange={() => choose(objectKey)} aria-label={objectKey} /><span className="col grow"><span className="mono xs">{objectKey}</span><span className="sm mute">{reason}</span></span></li>)}</ul>
            </section>
          )}
        </div>
      )}
      {estimate !== null && estimate.objects > 0 && !action.isRunning && (
        <div className="row end">
          <span className="sm mute grow">{t('exam.takes', { objects: count(estimate.objects), size: bytes(estimate.bytes), writes: count(estimate.requests.writes), heads: count(estimate.requests.heads), kms: count(estimate.requests.kms), usd: estimate.usd.toFixed(2), seconds: count(estimate.seconds) })}</span>
          <Button variant="filled" onClick={mend}>{chosen.size === 0 ? t('exam.mend') : t('exam.mendChosen', { count: chosen.size })}</Button>
        </div>
      )}
    </>
  );
}
