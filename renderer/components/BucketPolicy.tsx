/** The statements that make S3 refuse the wrong encryption: seen before they are put there, tried by uploads, taken away again; and the least rights. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, SegmentedControl } from '@mantine/core';
import { IconCheck, IconX } from '@tabler/icons-react';
import type { BucketPolicyView, BucketProof } from '../../preload/contract.ts';
import { ask, useAction } from '../bridge.ts';
import { Copyable, ErrorNote } from './bits.tsx';
import type { BucketPlaceInput } from './BucketExam.tsx';
import { BucketWish, NOT_PICKED, wishOfPicked } from './BucketWish.tsx';

const ACCESS = ['read', 'write', 'both'] as const;
const seg = { root: 'seg', label: 'seg-label', indicator: 'seg-on' };
const pretty = (value: unknown): string => JSON.stringify(value, null, 2);

function Json({ title, value }: { title: string; value: unknown }): ReactElement {
  const { t } = useTranslation();
  return (
    <div className="col"><div className="row"><span className="sm mute grow">{title}</span><Copyable value={pretty(value)} isButtonOnly /></div>
    {/* oxlint-disable-next-line no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it */}
    <pre className="mono xs selectable" tabIndex={0} aria-label={title}>{value === null ? t('policy.none') : pretty(value)}</pre></div>
  );
}

function Proof({ proof }: { proof: BucketProof }): ReactElement {
  const { t } = useTranslation();
  return (
    <div className="col" role="status">
      <table className="exam-table sm">
        <thead><tr><th scope="col">{t('policy.upload')}</th><th scope="col">{t('policy.should')}</th><th scope="col">{t('policy.answer')}</th></tr></thead>
        <tbody>
          {proof.probes.map(({ kind, expected, answer, isAsExpected }) => (
            <tr key={kind}><td>{kind}</td><td>{t(`policy.expected.${expected}`)}</td><td><span className="row">{isAsExpected ? <IconCheck size={14} stroke={1.9} aria-hidden="true" /> : <IconX size={14} stroke={1.9} role="img" aria-label={t('policy.wrong')} />}{answer}</span></td></tr>
          ))}
        </tbody>
      </table>
      <p className="b sm">{t(proof.isProven ? 'policy.proven' : 'policy.notProven')}</p>
      {proof.leftBehind.length > 0 && <p className="sm">{t('policy.left', { keys: proof.leftBehind.join(', ') })}</p>}
    </div>
  );
}

export function BucketPolicy({ place }: { place: BucketPlaceInput }): ReactElement {
  const { t } = useTranslation();
  const [picked, setPicked] = useState(NOT_PICKED);
  const [shown, setShown] = useState<{ policy: BucketPolicyView; wish: BucketPlaceInput['wish'] } | null>(null);
  const [proof, setProof] = useState<BucketProof | null>(null);
  const [isDone, setDone] = useState(false);
  const [access, setAccess] = useState<(typeof ACCESS)[number]>('both');
  const [rights, setRights] = useState<unknown>(null);
  const action = useAction();
  const wish = wishOfPicked(place, picked);
  const isReady = place.bucket !== '' && wish !== null;
  const begin = (work: () => Promise<void>): void => {
    setDone(false);
    setProof(null);
    setRights(null);
    void action.run(work);
  };
  const look = (wanted: BucketPlaceInput['wish']): void => begin(async () => setShown({ policy: await ask('buckets.previewPolicy', { ...place, wish: wanted }), wish: wanted }));
  const apply = (): void => begin(async () => {
    if (shown === null || shown.policy.token === null) return;
    await ask('buckets.applyPolicy', { ...place, wish: shown.wish, token: shown.policy.token });
    setShown(null);
    setDone(true);
  });
  const prove = (): void => begin(async () => setProof(await ask('buckets.provePolicy', { ...place, wish })));
  const show = (): void => begin(async () => setRights(await ask('buckets.iamPolicy', { ...place, wish, access })));
  return (
    <>
      <BucketWish place={place} picked={picked} onPick={(next) => { setPicked(next); setShown(null); }} />
      <div className="row policy-acts"><Button variant="filled" disabled={!isReady || action.isRunning} onClick={() => look(wish)}>{t('policy.look')}</Button><Button disabled={!isReady || action.isRunning} onClick={prove} title={t('policy.proves')}>{t('policy.prove')}</Button><Button disabled={place.bucket === '' || action.isRunning} onClick={() => look(null)}>{t('policy.takeAway')}</Button></div>
      {action.isRunning && <p className="mute sm" role="status">{t('common.loading')}</p>}
      {action.error !== null && <ErrorNote error={action.error} />}
      {isDone && <p className="note sm" role="status"><IconCheck size={16} stroke={1.75} aria-hidden="true" /><span>{t('policy.done')}</span></p>}
      {proof !== null && <Proof proof={proof} />}
      {shown !== null && (
        <div className="panel exam-fix" role="group" aria-label={t('exam.preview')}>
          {shown.policy.token === null ? <p role="status">{t('policy.already')}</p> : <p className="mono sm mute">{shown.policy.call}</p>}
          <div className="exam-json"><Json title={t('exam.before')} value={shown.policy.before} /><Json title={t('exam.after')} value={shown.policy.after} /></div>
          {shown.policy.limits.length > 0 && <details className="sm"><summary>{t('policy.limits')}</summary><ul className="change-failed">{shown.policy.limits.map((one) => <li key={one}>{one}</li>)}</ul></details>}
          {shown.policy.token !== null && <div className="row"><span className="grow" /><Button size="xs" onClick={() => setShown(null)}>{t('common.cancel')}</Button><Button size="xs" variant="filled" loading={action.isRunning} onClick={apply}>{t(shown.wish === null ? 'policy.remove' : 'policy.put')}</Button></div>}
        </div>
      )}
      <h2 className="h3">{t('policy.rights')}</h2>
      <p className="sm mute">{t('policy.rightsSays')}</p>
      <div className="row"><SegmentedControl withItemsBorders={false} size="xs" aria-label={t('policy.access')} value={access} onChange={setAccess} classNames={seg} data={ACCESS.map((value) => ({ value, label: t(`policy.may.${value}`) }))} /><Button size="xs" disabled={!isReady || action.isRunning} onClick={show}>{t('policy.show')}</Button></div>
      {rights !== null && <div className="exam-json one"><Json title={t('policy.rights')} value={rights} /></div>}
    </>
  );
}
