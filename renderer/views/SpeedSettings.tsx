/** How fast, and how many at once: for all folders together, or for one beside that. What is typed is what the command line takes. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, TextInput } from '@mantine/core';
import { ask, useAction, useAnswer } from '../bridge.ts';
import { ErrorNote } from '../components/bits.tsx';

type Draft = { upload: string; download: string; transfers: string };

export function SpeedSettings({ folderId }: { /** Null: all folders together. */ folderId: string | null }): ReactElement {
  const { t } = useTranslation();
  const { value, error, reload } = useAnswer('limits.get', { folderId });
  const [draft, setDraft] = useState<Draft | null>(null);
  const [isSaved, setSaved] = useState(false);
  const action = useAction();
  const auto = t('speed.auto');
  const shown: Draft = draft ?? { upload: value?.upload ?? '', download: value?.download ?? '', transfers: value?.transfers?.toString() ?? auto };
  const change = (part: Partial<Draft>): void => {
    setSaved(false);
    setDraft({ ...shown, ...part });
  };
  const transfers = /^\d{1,3}$/.test(shown.transfers.trim()) ? Number(shown.transfers) : null;
  const isNumberWrong = transfers === null ? shown.transfers.trim() !== auto && shown.transfers.trim() !== '' : transfers < 1 || transfers > 256;
  const save = (): void => void action.run(async () => {
    await ask('limits.set', { folderId, upload: shown.upload.trim(), download: shown.download.trim(), transfers });
  }).then((isDone) => {
    if (!isDone) return;
    setDraft(null);
    setSaved(true);
    reload();
  });
  return (
    <form className="panel settings-panel speed-settings" onSubmit={(event) => { event.preventDefault(); if (draft !== null && !isNumberWrong) save(); }}>
      <h2 className="h3">{t('speed.title')}</h2>
      <p className="sm mute">{t(folderId === null ? 'speed.says' : 'speed.saysFolder')}</p>
      <div className="fields-two">
        <TextInput label={t('speed.upload')} description={t('speed.rateSays')} value={shown.upload} onChange={(event) => change({ upload: event.currentTarget.value })} spellCheck={false} />
        <TextInput label={t('speed.download')} description={t('speed.rateSays')} value={shown.download} onChange={(event) => change({ download: event.currentTarget.value })} spellCheck={false} />
        <TextInput label={t('speed.transfers')} description={t('speed.transfersSays')} value={shown.transfers} onChange={(event) => change({ transfers: event.currentTarget.value })} error={isNumberWrong ? t('speed.transfersWrong') : undefined} spellCheck={false} />
      </div>
      {(error ?? action.error) !== null && <ErrorNote error={(error ?? action.error)!} />}
      <div className="row"><Button type="submit" disabled={draft === null || isNumberWrong} loading={action.isRunning}>{t('speed.save')}</Button><span className="sm mute" role="status">{isSaved ? t('speed.saved') : ''}</span></div>
    </form>
  );
}
