/** Another mode or another key for a folder that is there: the six cards, the key, what it takes, and only then the beginning. */
import { useEffect, useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, UnstyledButton } from '@mantine/core';
import { IconArrowRight, IconCheck } from '@tabler/icons-react';
import type { ChangePreviewView, FolderView, RequestInput } from '../../../preload/contract.ts';
import { ask, useAction } from '../../bridge.ts';
import { ErrorNote, ModeBadge } from '../../components/bits.tsx';
import { focusWhenShown } from '../../focus.ts';
import { parseContext } from '../../mode-request.ts';
import { MODES, choiceOf, modeIdOf } from '../../modes.ts';
import { closeWizard, openFolder, refreshFolders, useStore } from '../../store.ts';
import { KeyStep } from '../wizard/KeyStep.tsx';
import { KmsKeyStep } from '../wizard/KmsKeyStep.tsx';
import { WhoStep } from '../wizard/WhoStep.tsx';
import type { Draft } from '../Wizard.tsx';
import { ChangeCost } from './ChangeCost.tsx';
import appIcon from '../../icons/app-icon.svg';

const STEPS = ['who', 'key', 'cost'] as const;
type Step = (typeof STEPS)[number];

function draftOf(folder: FolderView): Draft {
  const { connectionId, localPath, bucket, prefix, direction, names, modeDetails } = folder;
  return {
    connectionId, localPath, bucket, prefix, direction, names, isPrefixOwn: true, inspect: null, mode: choiceOf(folder), keyId: null, kmsKeyId: modeDetails.kmsKeyId ?? '', bucketKey: modeDetails.bucketKey ?? true,
    dsse: modeDetails.dsse ?? false, context: '', format: modeDetails.format ?? 'v3', keyType: modeDetails.keyType === 'rsa' ? 'rsa' : 'aes', known: null, isKeySettled: false,
  };
}

/** What the engine is asked for. A context that is not typed anew stays. */
export function changesOf(folderId: string, { mode, keyId, kmsKeyId, bucketKey, dsse, format, context }: Draft): RequestInput<'folders.beginChange'> {
  const { family, needs } = MODES[mode];
  const id = modeIdOf(mode);
  const pairs = parseContext(context) ?? {};
  return {
    folderId, mode: id, ...(needs === 'own' && keyId !== null ? { key: keyId } : {}), ...(needs === 'kms' ? { kmsKeyId } : mode === 'sse-kms-aws' ? { kmsKeyId: 'alias/aws/s3' } : {}), ...(family === 'client' ? { format } : {}),
    ...(id === 'sse-kms' ? { bucketKey: bucketKey && !dsse, dsse, ...(Object.keys(pairs).length > 0 ? { encryptionContext: pairs } : {}) } : {}),
  };
}

export function ChangeWizard({ folder }: { folder: FolderView }): ReactElement {
  const { t } = useTranslation();
  const connection = useStore((state) => state.connections.find(({ id }) => id === folder.connectionId));
  const [step, setStep] = useState<Step>('who');
  const [draft, setDraft] = useState(() => draftOf(folder));
  const [preview, setPreview] = useState<ChangePreviewView | null>(null);
  const action = useAction();
  const change = (part: Partial<Draft>): void => setDraft((last) => ({ ...last, ...part }));
  const { needs } = MODES[draft.mode];

  useEffect(() => {
    const escape = (event: KeyboardEvent): void => {
      if (event.key === 'Escape' && !event.defaultPrevented && document.querySelector('[role="dialog"]') === null) closeWizard();
    };
    window.addEventListener('keydown', escape);
    return () => window.removeEventListener('keydown', escape);
  }, []);

  const look = (): void => {
    setStep('cost');
    setPreview(null);
    void action.run(async () => setPreview(await ask('folders.previewChange', changesOf(folder.id, draft))));
  };
  const begin = (): void => void action.run(async () => {
    await ask('folders.beginChange', changesOf(folder.id, draft));
    await refreshFolders();
  }).then((hasBegun) => {
    if (!hasBegun) return;
    closeWizard();
    openFolder(folder.id);
  });
  const toKey = (): void => {
    change({ keyId: null, isKeySettled: false });
    setStep('key');
  };
  const next: Record<Step, { label: string; isReady: boolean; go: () => void }> = {
    who: { label: needs === null ? t('change.toCost') : t('wizard.toKey'), isReady: parseContext(draft.context) !== null, go: needs === null ? look : toKey },
    key: { label: t('change.toCost'), isReady: needs === 'kms' ? draft.kmsKeyId !== '' : draft.keyId !== null && draft.isKeySettled, go: look },
    cost: { label: t('change.begin'), isReady: preview !== null && action.error === null, go: begin },
  };
  const goBack = (): void => {
    action.clear();
    setStep(step === 'cost' && needs !== null ? 'key' : 'who');
  };
  const isBusy = action.isRunning;
  return (
    <div className="wizard">
      <header data-region tabIndex={-1}>
        <img src={appIcon} width={26} height={26} alt="" />
        <b>{t('change.head')}</b>
        <ol className="steps" aria-label={t('wizard.steps')}>
          {STEPS.map((each, index) => (
            <li key={each} className={index < STEPS.indexOf(step) ? 'done' : each === step ? 'on' : each === 'key' && needs === null ? 'skipped' : ''} aria-current={each === step ? 'step' : undefined}>
              {index < STEPS.indexOf(step) && <IconCheck size={14} stroke={1.9} aria-hidden="true" />}
              {t(`change.steps.${each === 'key' && needs === 'kms' ? 'kms' : each}`)}
            </li>
          ))}
        </ol>
        <UnstyledButton className="wizard-cancel sm b" onClick={closeWizard}>{t('common.cancel')} <span className="kbd">{t('wizard.escape')}</span></UnstyledButton>
      </header>
      <form className="wizard-form" onSubmit={(event) => { event.preventDefault(); if (event.target === event.currentTarget && next[step].isReady && !isBusy) next[step].go(); }}>
        <main key={step} className="wizard-body" data-region tabIndex={-1} ref={focusWhenShown}>
          {step === 'who' && <WhoStep draft={draft} change={change} connection={connection} folder={folder} />}
          {step === 'key' && (needs === 'kms' ? <KmsKeyStep draft={draft} change={change} /> : <KeyStep key={draft.mode} draft={draft} change={change} />)}
          {step === 'cost' && (
            <div className="wizard-narrow">
              <h1 className="hero">{t('change.costTitle')}</h1>
              <div className="row preview-flow"><ModeBadge mode={choiceOf(folder)} /><IconArrowRight size={16} stroke={1.75} aria-hidden="true" /><ModeBadge mode={draft.mode} /></div>
              {action.error !== null && <ErrorNote error={action.error}>{preview === null && <Button onClick={look}>{t('common.tryAgain')}</Button>}</ErrorNote>}
              {preview === null && isBusy && <p className="mute" role="status">{t('change.counting')}</p>}
              {preview !== null && <ChangeCost preview={preview} />}
              {preview !== null && <p className="sm mute">{t('change.meanwhile')}</p>}
            </div>
          )}
        </main>
        <footer data-region tabIndex={-1}>
          <span className="sm mute">{t('change.nothingYet')}</span>
          <span className="grow" />
          {step !== 'who' && <Button onClick={goBack} disabled={isBusy}>{t('wizard.back')}</Button>}
          <Button variant="filled" type="submit" rightSection={step === 'cost' ? undefined : <IconArrowRight size={16} />} disabled={!next[step].isReady} loading={isBusy}>{next[step].label}</Button>
        </footer>
      </form>
    </div>
  );
}
