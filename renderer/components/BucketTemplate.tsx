/** The bucket as text for other tools: as it should be, or as it is. Nothing is made by it. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, Checkbox, SegmentedControl, TextInput } from '@mantine/core';
import type { RequestInput } from '../../preload/contract.ts';
import { ask, useAction } from '../bridge.ts';
import { visible } from '../format.ts';
import { useStore } from '../store.ts';
import { Copyable, ErrorNote } from './bits.tsx';
import type { BucketPlaceInput } from './BucketExam.tsx';
import { BucketWish, NOT_PICKED, wishOfPicked } from './BucketWish.tsx';

type Request = RequestInput<'buckets.template'>;
const FORMATS = ['cloudformation', 'terraform', 'awscli'] as const;
const ENDINGS: Record<Request['format'], string> = { cloudformation: 'yaml', terraform: 'tf', awscli: 'sh' };
const seg = { root: 'seg', label: 'seg-label', indicator: 'seg-on' };

export function BucketTemplate({ place }: { place: BucketPlaceInput }): ReactElement {
  const { t } = useTranslation();
  const connection = useStore((state) => state.connections.find(({ id }) => id === place.connectionId));
  const [from, setFrom] = useState<'wish' | 'is'>('wish');
  const [format, setFormat] = useState<Request['format']>('cloudformation');
  const [picked, setPicked] = useState(NOT_PICKED);
  const [region, setRegion] = useState(connection?.region ?? 'us-east-1');
  const [newName, setNewName] = useState('');
  const [versioning, setVersioning] = useState(true);
  const [text, setText] = useState<string | null>(null);
  const [saved, setSaved] = useState<string | null>(null);
  const action = useAction();
  const mode = place.wish?.mode ?? picked.mode;
  const isKms = mode === 'cse-kms' || (mode === 'sse-kms' && (place.wish === null || place.wish.kmsKeyId !== null));
  const isNewKey = isKms && newName.trim() !== '';
  const base = wishOfPicked(place, picked, isNewKey);
  const wish = base !== null && isNewKey ? { ...base, kmsKeyId: null } : base;
  const isReady = place.bucket !== '' && (from === 'is' || wish !== null);
  const changed = (change: () => void): void => {
    change();
    setText(null);
    setSaved(null);
  };
  const request = (file: string | null): Request => ({
    ...place, wish: from === 'is' ? null : wish, format, region: region.trim(), versioning, file,
    newKmsKey: from === 'wish' && isNewKey ? `alias/${newName.trim().replace(/^alias\//, '')}` : null, secret: from === 'wish' && mode === 'sse-c' && newName.trim() !== '' ? newName.trim() : null,
  });
  const show = (): void => void action.run(async () => setText((await ask('buckets.template', request(null))).text));
  const save = (): void => void action.run(async () => {
    const file = await ask('host.chooseSaveFile', { title: t('template.saveTitle'), suggestedName: `${place.bucket}.${ENDINGS[format]}` });
    if (file === null) return;
    setText((await ask('buckets.template', request(file))).text);
    setSaved(file);
  });
  return (
    <>
      <div className="row policy-acts">
        <SegmentedControl withItemsBorders={false} size="xs" aria-label={t('template.from')} value={from} onChange={(value) => changed(() => setFrom(value))} classNames={seg} data={(['wish', 'is'] as const).map((value) => ({ value, label: t(`template.froms.${value}`) }))} />
        <SegmentedControl withItemsBorders={false} size="xs" aria-label={t('template.kind')} value={format} onChange={(value) => changed(() => setFormat(value))} classNames={seg} data={FORMATS.map((value) => ({ value, label: t(`template.kinds.${value}`) }))} />
      </div>
      {from === 'wish' && (
        <>
          <BucketWish place={place} picked={picked} hasKey={!isNewKey} onPick={(next) => changed(() => setPicked(next))} />
          <div className="row end exam-place">
            <TextInput className="grow mono-input" label={t('template.region')} value={region} onChange={(event) => { const { value } = event.currentTarget; changed(() => setRegion(value)); }} spellCheck={false} />
            {(isKms || mode === 'sse-c') && <TextInput className="grow mono-input" label={t(isKms ? 'template.newKey' : 'template.secret')} value={newName} onChange={(event) => { const { value } = event.currentTarget; changed(() => setNewName(value)); }} spellCheck={false} />}
          </div>
          <Checkbox size="xs" classNames={{ input: 'check', label: 'check-label' }} label={t('template.versioning')} checked={versioning} onChange={(event) => { const { checked } = event.currentTarget; changed(() => setVersioning(checked)); }} />
        </>
      )}
      <div className="row"><Button variant="filled" disabled={!isReady} loading={action.isRunning} onClick={show}>{t('template.show')}</Button><Button disabled={!isReady || action.isRunning} onClick={save}>{t('template.save')}</Button><span className="sm mute ell" role="status">{saved === null ? '' : t('template.saved', { file: visible(saved) })}</span></div>
      {action.error !== null && <ErrorNote error={action.error} />}
      {text !== null && (
        <div className="exam-json one">
          <div className="col"><div className="row"><span className="sm mute grow">{t('template.text')}</span><Copyable value={text} isButtonOnly /></div>
          {/* oxlint-disable-next-line no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it */}
          <pre className="mono xs selectable" tabIndex={0} aria-label={t('template.text')}>{text}</pre></div>
        </div>
      )}
    </>
  );
}
