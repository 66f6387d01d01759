import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Autocomplete, Button, TextInput, UnstyledButton } from '@mantine/core';
import { IconArrowLeft, IconArrowRight, IconArrowsLeftRight, IconFolder } from '@tabler/icons-react';
import type { ConnectionView, WireError } from '../../../preload/contract.ts';
import { ask, useAnswer } from '../../bridge.ts';
import { Choices, ErrorNote } from '../../components/bits.tsx';
import { RightsTest } from '../../components/Rights.tsx';
import { useDrop } from '../../components/drop.ts';
import { baseName, slug } from '../../format.ts';
import type { Draft } from '../Wizard.tsx';

type Props = { draft: Draft; change: (part: Partial<Draft>) => void; connection: ConnectionView | undefined; error: WireError | null };

/** What a bucket may be called; a server that lists others is not believed. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** Which folder, where in the storage, and in which direction. */
export function FolderStep({ draft, change, connection, error }: Props): ReactElement {
  const { t } = useTranslation();
  const isBuiltIn = connection?.kind === 'built-in';
  const [isOpen, setOpen] = useState(!isBuiltIn);
  const { value: buckets } = useAnswer('connections.buckets', draft.connectionId === null ? null : { connectionId: draft.connectionId });
  const setPath = (localPath: string): void => change({ localPath, inspect: null, ...(draft.isPrefixOwn || localPath === '' ? {} : { prefix: `${slug(baseName(localPath))}/` }) });
  const choose = async (): Promise<void> => {
    const chosen = await ask('host.chooseFolder', { title: t('wizard.chooseFolder') }).catch(() => null);
    if (chosen !== null) setPath(chosen);
  };
  const drop = useDrop(([path]) => path !== undefined && setPath(path));
  const { inspect } = draft;
  const localProblem = inspect?.localProblem ?? null;
  const remoteProblem = inspect?.remoteProblem?.code === 'bucket-not-found' ? null : (inspect?.remoteProblem ?? null);
  return (
    <div className="wizard-narrow" {...drop.handlers}>
      <h1 className="hero">{t('wizard.folderTitle')}</h1>
      <p className="mute measure">{t('wizard.folderSays')}</p>
      <div className={drop.isOver ? 'folder-field over' : 'folder-field'}>
        <div className="row end">
          <TextInput className="grow mono-input" label={t('wizard.folderHere')} leftSection={<IconFolder size={16} stroke={1.75} />} placeholder={t('wizard.folderPlaceholder')} value={draft.localPath} onChange={(event) => setPath(event.currentTarget.value)} spellCheck={false} />
          <Button onClick={() => void choose()}>{t('common.choose')}</Button>
        </div>
        {localProblem !== null && <ErrorNote error={localProblem} />}
      </div>
      {isOpen ? (
        <div className="fields-two">
          <Autocomplete
            className="mono-input" classNames={{ input: 'field-input', label: 'field-label', description: 'field-description', dropdown: 'menu', option: 'menu-item' }} label={t('wizard.bucket')} description={t('wizard.bucketSays')} data={(buckets?.buckets ?? []).filter((name) => BUCKET.test(name))} value={draft.bucket} onChange={(bucket) => change({ bucket, inspect: null })} spellCheck={false}
          />
          <TextInput
            className="mono-input" label={t('wizard.prefix')} description={t('wizard.prefixSays')} value={draft.prefix} onChange={(event) => change({ prefix: event.currentTarget.value, isPrefixOwn: true, inspect: null })}
            onBlur={() => draft.prefix !== '' && !draft.prefix.endsWith('/') && change({ prefix: `${draft.prefix}/` })} spellCheck={false}
          />
        </div>
      ) : (
        <p className="sm mute where-line">{t('wizard.keptAt', { name: connection?.name ?? '' })} <span className="mono">{`s3://${draft.bucket}/${draft.prefix}`}</span> <UnstyledButton className="link" onClick={() => setOpen(true)}>{t('wizard.changeWhere')}</UnstyledButton></p>
      )}
      {!isBuiltIn && draft.connectionId !== null && BUCKET.test(draft.bucket) && <RightsTest key={`${draft.connectionId} ${draft.bucket} ${draft.prefix}`} place={{ connectionId: draft.connectionId, bucket: draft.bucket, prefix: draft.prefix, wish: null }} />}
      {remoteProblem !== null && <ErrorNote error={remoteProblem} />}
      {error !== null && <ErrorNote error={error} />}
      <h2 className="h3 direction-title">{t('wizard.directionTitle')}</h2>
      <Choices
        label={t('wizard.directionTitle')} value={draft.direction} onChange={(direction) => change({ direction: direction as Draft['direction'] })}
        options={[
          { value: 'two-way', title: t('direction.two-way.name'), says: t('direction.two-way.long'), icon: <IconArrowsLeftRight size={20} stroke={1.6} /> },
          { value: 'upload', title: t('direction.upload.name'), says: t('direction.upload.long'), icon: <IconArrowRight size={20} stroke={1.6} /> },
          { value: 'upload-mirror', title: t('direction.upload-mirror.name'), says: t('direction.upload-mirror.long'), icon: <IconArrowRight size={20} stroke={1.6} /> },
          { value: 'download', title: t('direction.download.name'), says: t('direction.download.long'), icon: <IconArrowLeft size={20} stroke={1.6} /> },
          { value: 'download-mirror', title: t('direction.download-mirror.name'), says: t('direction.download-mirror.long'), icon: <IconArrowLeft size={20} stroke={1.6} /> },
        ]}
      />
    </div>
  );
}
