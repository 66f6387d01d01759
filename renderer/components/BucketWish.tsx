/** Which encryption a place is to have: the folder's there, or one that is picked where no folder of Enfold's is. */
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Select, TextInput } from '@mantine/core';
import { FAMILIES, MODES, modeIdOf, type ModeChoice } from '../modes.ts';
import type { BucketPlaceInput } from './BucketExam.tsx';

export type Picked = { readonly mode: ModeChoice; readonly kmsKeyId: string };
export const NOT_PICKED: Picked = { mode: 'sse-s3', kmsKeyId: '' };

/** What is asked for; null while a key is missing. @param isKeyMade - the KMS key is yet to be made. */
export function wishOfPicked({ wish }: BucketPlaceInput, { mode, kmsKeyId }: Picked, isKeyMade = false): BucketPlaceInput['wish'] {
  if (wish !== null) return wish;
  const needsKey = MODES[mode].needs === 'kms';
  if (needsKey && kmsKeyId.trim() === '' && !isKeyMade) return null;
  return { mode: modeIdOf(mode), kmsKeyId: needsKey && !isKeyMade ? kmsKeyId.trim() : null, dsse: false };
}

export function BucketWish({ place, picked, onPick, hasKey = true }: { place: BucketPlaceInput; picked: Picked; onPick: (picked: Picked) => void; /** The key is asked for here. */ hasKey?: boolean }): ReactElement | null {
  const { t } = useTranslation();
  if (place.wish !== null) return null;
  const modes = [...FAMILIES.client, ...FAMILIES.server];
  return (
    <div className="row end exam-place">
      <Select
        className="grow" classNames={{ input: 'field-input', label: 'field-label', dropdown: 'menu', option: 'menu-item' }} label={t('policy.mode')} allowDeselect={false} value={picked.mode} onChange={(mode) => onPick({ ...picked, mode: mode ?? 'sse-s3' })}
        data={modes.map((mode) => ({ value: mode, label: `${MODES[mode].tag}: ${t(`modes.${mode}.badge`)}` }))}
      />
      {hasKey && MODES[picked.mode].needs === 'kms' && <TextInput className="grow mono-input" label={t('policy.kms')} value={picked.kmsKeyId} onChange={(event) => onPick({ ...picked, kmsKeyId: event.currentTarget.value })} spellCheck={false} />}
    </div>
  );
}
