import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, TextInput } from '@mantine/core';
import { IconCloudLock, IconPencil, IconPlus } from '@tabler/icons-react';
import { ask, useAction, useAnswer } from '../../bridge.ts';
import { Choices, ErrorNote } from '../../components/bits.tsx';
import { baseName, slug } from '../../format.ts';
import type { Draft } from '../Wizard.tsx';

const TYPED = 'typed';
const NEW = 'new';

/** The KMS key that opens the folder: picked from what the sign-in may see, typed, or made. */
export function KmsKeyStep({ draft, change }: { draft: Draft; change: (part: Partial<Draft>) => void }): ReactElement {
  const { t } = useTranslation();
  const { value, isLoading, reload } = useAnswer('kms.keys', draft.connectionId === null ? null : { connectionId: draft.connectionId });
  const keys = value?.keys ?? [];
  const nameOf = (key: { arn: string; aliases: string[] }): string => key.aliases[0] ?? key.arn;
  const [picked, setPicked] = useState<string>(draft.kmsKeyId === '' ? '' : TYPED);
  const [alias, setAlias] = useState(() => `enfold-${slug(baseName(draft.localPath))}`);
  const action = useAction();
  const isKnown = keys.some((key) => nameOf(key) === draft.kmsKeyId);
  const shown = isKnown ? draft.kmsKeyId : picked;
  const choose = (one: string): void => {
    setPicked(one);
    change({ kmsKeyId: one === TYPED || one === NEW ? '' : one });
  };
  const make = (): void => void action.run(async () => {
    if (draft.connectionId === null) return;
    const key = await ask('kms.create', { connectionId: draft.connectionId, alias });
    reload();
    change({ kmsKeyId: nameOf(key) });
  });
  return (
    <div className="wizard-narrow">
      <h1 className="hero">{t('kms.title')}</h1>
      <p className="mute measure">{t(draft.mode === 'cse-kms' ? 'kms.saysClient' : 'kms.saysServer')}</p>
      {value === null && isLoading && <p className="mute" role="status">{t('kms.listing')}</p>}
      {value !== null && (
        <Choices
          label={t('kms.title')} value={shown} onChange={choose}
          options={[
            ...keys.map((key) => ({ value: nameOf(key), title: key.aliases[0] ?? t('kms.noAlias'), says: key.arn, icon: <IconCloudLock size={20} stroke={1.6} /> })),
            { value: TYPED, title: t('kms.typed'), says: t('kms.typedSays'), icon: <IconPencil size={20} stroke={1.6} /> },
            { value: NEW, title: t('kms.new'), says: t('kms.newSays'), icon: <IconPlus size={20} stroke={1.6} /> },
          ]}
        />
      )}
      {shown === TYPED && <TextInput className="mono-input" label={t('kms.id')} placeholder={'arn:aws:kms:…'} value={draft.kmsKeyId} onChange={(event) => change({ kmsKeyId: event.currentTarget.value.trim() })} spellCheck={false} />}
      {shown === NEW && (
        <div className="row end">
          <TextInput className="grow mono-input" label={t('kms.alias')} leftSection={<span className="mono sm mute">{'alias/'}</span>} leftSectionWidth={58} value={alias} onChange={(event) => setAlias(event.currentTarget.value)} spellCheck={false} />
          <Button variant="filled" onClick={make} disabled={!/^[\w/-]{1,200}$/.test(alias)} loading={action.isRunning}>{t('kms.make')}</Button>
        </div>
      )}
      {action.error !== null && <ErrorNote error={action.error} />}
      {value?.error !== null && value !== null && <p className="note sm"><span>{t('kms.cannotList', { why: value.error.says })}</span></p>}
    </div>
  );
}
