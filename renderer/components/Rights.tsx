/** What a sign-in may not do in a bucket, found out by trying, and the policy that would allow it. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '@mantine/core';
import { IconCheck, IconX } from '@tabler/icons-react';
import type { RequestAnswer } from '../../preload/contract.ts';
import { ask, useAction } from '../bridge.ts';
import { Copyable, ErrorNote } from './bits.tsx';
import type { BucketPlaceInput } from './BucketExam.tsx';

type Found = RequestAnswer<'buckets.examine'>;

export function Rights({ found }: { found: Found }): ReactElement {
  const { t } = useTranslation();
  const missing = found.permissions.filter((one) => !one.isAllowed);
  return (
    <>
      <h2 className="h3">{missing.length === 0 ? t('exam.mayAll') : t('exam.mayNot', { count: missing.length })}</h2>
      {missing.length > 0 && <ul>{missing.map((one) => <li key={one.action} className={one.isEssential ? 'critical' : 'info'}><IconX size={16} stroke={1.75} aria-hidden="true" /><span className="col grow"><span className="mono">{one.action}</span><span className="sm mute">{one.purpose}</span></span></li>)}</ul>}
      {missing.length > 0 && found.missing !== null && <div className="row sm"><span className="grow">{t('exam.policy')}</span><Copyable value={JSON.stringify(found.missing, null, 2)} isButtonOnly /></div>}
    </>
  );
}

/** Before a folder is kept there: what is missing is better known now than at the first file. */
export function RightsTest({ place }: { place: BucketPlaceInput }): ReactElement {
  const { t } = useTranslation();
  const [found, setFound] = useState<Found | null>(null);
  const action = useAction();
  const test = (): void => void action.run(async () => setFound(await ask('buckets.examine', place)));
  const mayAll = found?.permissions.every(({ isAllowed }) => isAllowed) === true;
  return (
    <div className="rights-test">
      <div className="row"><Button size="xs" onClick={test} loading={action.isRunning}>{t('rights.test')}</Button><span className="sm mute" role="status">{action.isRunning ? t('rights.testing') : mayAll && <span className="st ok"><IconCheck size={16} stroke={1.75} aria-hidden="true" />{t('exam.mayAll')}</span>}</span></div>
      {action.error !== null && <ErrorNote error={action.error} />}
      {found !== null && !mayAll && <div className="panel rights-missing exam" role="alert"><Rights found={found} /></div>}
    </div>
  );
}
