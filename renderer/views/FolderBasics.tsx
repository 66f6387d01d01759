/** A folder's name here, its direction, and for sealed folders under KMS how often KMS is asked. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, Select, Switch, TextInput } from '@mantine/core';
import type { FolderView } from '../../preload/contract.ts';
import { ask, useAction } from '../bridge.ts';
import { ErrorNote } from '../components/bits.tsx';
import { refreshFolders } from '../store.ts';

const DIRECTIONS = ['two-way', 'upload', 'upload-mirror', 'download', 'download-mirror'] as const;

export function FolderBasics({ folder }: { folder: FolderView }): ReactElement {
  const { t } = useTranslation();
  const [name, setName] = useState(folder.name);
  const [direction, setDirection] = useState(folder.direction);
  const [isSaved, setSaved] = useState(false);
  const action = useAction();
  const mayReuse = folder.mode === 'cse-kms' && folder.modeDetails.format === 'v3';
  const isChanged = name.trim() !== folder.name || direction !== folder.direction;
  const run = (work: () => Promise<unknown>): void => void action.run(async () => {
    setSaved(false);
    await work();
    await refreshFolders();
    setSaved(true);
  });
  const save = (): void => run(async () => {
    if (name.trim() !== folder.name) await ask('folders.rename', { folderId: folder.id, name: name.trim() });
    if (direction !== folder.direction) await ask('folders.set', { folderId: folder.id, direction });
  });
  return (
    <form className="panel settings-panel basics" onSubmit={(event) => { event.preventDefault(); if (isChanged && name.trim() !== '') save(); }}>
      <h2 className="h3">{t('basics.title')}</h2>
      <div className="fields-two">
        <TextInput label={t('basics.name')} value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <Select classNames={{ input: 'field-input', label: 'field-label', dropdown: 'menu', option: 'menu-item' }} label={t('basics.direction')} allowDeselect={false} value={direction} onChange={(value) => setDirection(value ?? folder.direction)} data={DIRECTIONS.map((value) => ({ value, label: t(`direction.${value}.name`) }))} />
      </div>
      <p className="sm mute">{t(`direction.${direction}.long`)} {direction !== folder.direction && t('basics.first')}</p>
      {mayReuse && <Switch size="xs" classNames={{ label: 'check-label' }} label={t('basics.reuse')} description={t('basics.reuseSays')} checked={folder.reusesDataKey} disabled={action.isRunning} onChange={(event) => { const { checked } = event.currentTarget; run(() => ask('folders.set', { folderId: folder.id, reusesDataKey: checked })); }} />}
      {action.error !== null && <ErrorNote error={action.error} />}
      <div className="row"><Button type="submit" disabled={!isChanged || name.trim() === ''} loading={action.isRunning}>{t('basics.save')}</Button><span className="sm mute" role="status">{isSaved ? t('basics.saved') : ''}</span></div>
    </form>
  );
}
