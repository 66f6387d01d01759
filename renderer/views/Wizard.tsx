/**
 * From nothing to a folder that is kept in step: place, folder, who may read, key and recovery file, preview. Nothing of the
 * user's is sent before the last button.
 */
import { useEffect, useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, UnstyledButton } from '@mantine/core';
import { IconArrowRight, IconCheck, IconEye, IconLock, IconLogout } from '@tabler/icons-react';
import type { FolderView, InspectView, KnownFolderView } from '../../preload/contract.ts';
import { ask, useAction } from '../bridge.ts';
import { FoldArt } from '../components/glyphs.tsx';
import { focusWhenShown } from '../focus.ts';
import { baseName, slug } from '../format.ts';
import { parseContext } from '../mode-request.ts';
import { MODES, choiceOf, type ModeChoice } from '../modes.ts';
import { closeWizard, openFolder, refreshFolders, useStore, type WizardStart } from '../store.ts';
import { PlaceError, PlaceForm, emptyPlace, isPlaceComplete, useAddPlace } from './PlaceForm.tsx';
import { FolderStep } from './wizard/FolderStep.tsx';
import { KeyStep } from './wizard/KeyStep.tsx';
import { KmsKeyStep } from './wizard/KmsKeyStep.tsx';
import { PlaceStep } from './wizard/PlaceStep.tsx';
import { StartStep, useStart } from './wizard/StartStep.tsx';
import { WhoStep } from './wizard/WhoStep.tsx';
import appIcon from '../icons/app-icon.svg';

export const STEPS = ['place', 'folder', 'who', 'key', 'start'] as const;
export type Step = (typeof STEPS)[number];

/** Everything the wizard has been told so far. */
export type Draft = {
  connectionId: string | null;
  localPath: string;
  bucket: string;
  prefix: string;
  /** The user typed a prefix; it no longer follows the folder's name. */
  isPrefixOwn: boolean;
  direction: FolderView['direction'];
  inspect: InspectView | null;
  mode: ModeChoice;
  names: 'readable' | 'encrypted';
  keyId: string | null;
  /** Id, ARN or alias; `''` while none is chosen. */
  kmsKeyId: string;
  bucketKey: boolean;
  dsse: boolean;
  context: string;
  format: 'v3' | 'v2';
  /** Of a new key for `cse-c`. */
  keyType: 'aes' | 'rsa';
  /** The folder that a recovery kit named, which is to be opened again. */
  known: KnownFolderView | null;
  /** The recovery file was saved, or the user said to go on without. */
  isKeySettled: boolean;
};

/** Where the folder of a kit lies is not asked again. */
export function draftOfKnown(known: KnownFolderView): Partial<Draft> {
  const [, bucket = '', prefix = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(known.remote) ?? [];
  return { known, bucket, prefix, isPrefixOwn: true, inspect: null };
}

function useDraft(start: WizardStart): [Draft, (part: Partial<Draft>) => void] {
  const connections = useStore((state) => state.connections);
  const [draft, setDraft] = useState<Draft>({
    connectionId: connections[0]?.id ?? null, localPath: start.localPath ?? '', bucket: connections[0]?.kind === 's3' ? '' : 'enfold', prefix: start.localPath === null ? '' : `${slug(baseName(start.localPath))}/`,
    isPrefixOwn: false, direction: 'two-way', inspect: null, mode: 'cse-c', names: 'encrypted', keyId: null, isKeySettled: false, kmsKeyId: '', bucketKey: true, dsse: false, context: '', format: 'v3', keyType: 'aes', known: null,
  });
  return [draft, (part) => setDraft((last) => ({ ...last, ...part }))];
}

function FirstRun({ known, onKnown, onConnected }: { known: KnownFolderView | null; onKnown: (folder: KnownFolderView) => void; onConnected: (connectionId: string) => void }): ReactElement {
  const { t } = useTranslation();
  const defaults = useStore((state) => state.defaults);
  const [place, setPlace] = useState(() => emptyPlace(defaults?.storageDirectory ?? ''));
  const add = useAddPlace();
  const action = useAction();
  const connect = (): void => void action.run(async () => onConnected((await add(place)).id));
  const promises = [[IconLock, t('first.keysStay')], [IconEye, t('first.everyStep')], [IconLogout, t('first.wayOut')]] as const;
  return (
    <div className="first-run">
      <aside className="first-side" data-region tabIndex={-1} aria-label={t('app.name')}>
        <div className="brand"><img src={appIcon} alt="" /><span>{t('app.name')}</span></div>
        <div className="first-art"><FoldArt holds="sheet" width={300} /></div>
        <ul>{promises.map(([PromiseIcon, says]) => <li key={says}><PromiseIcon size={16} stroke={1.75} aria-hidden="true" /><span>{says}</span></li>)}</ul>
      </aside>
      <main className="first-main" data-region tabIndex={-1}>
        <form onSubmit={(event) => { event.preventDefault(); connect(); }}>
          <div className="first-scroll">
            <h1 className="hero">{t('place.title')}</h1>
            <p className="mute measure">{t('place.says')}</p>
            <PlaceForm draft={place} setDraft={setPlace} onKnown={onKnown} />
            {known !== null && <p className="note sm" role="status">{t('restore.signIn', { name: known.name, remote: known.remote })}</p>}
            {action.error !== null && <PlaceError draft={place} error={action.error} onRetry={connect} />}
          </div>
          <footer className="row">
            <UnstyledButton className="link sm" onClick={closeWizard}>{t('first.lookAround')}</UnstyledButton>
            <span className="grow" />
            <Button variant="filled" type="submit" rightSection={<IconArrowRight size={16} />} disabled={!isPlaceComplete(place)} loading={action.isRunning}>{t('first.setUp')}</Button>
          </footer>
        </form>
      </main>
    </div>
  );
}

function StepList({ step, mode }: { step: Step; mode: ModeChoice }): ReactElement {
  const { t } = useTranslation();
  const at = STEPS.indexOf(step);
  return (
    <ol className="steps" aria-label={t('wizard.steps')}>
      {STEPS.map((each, index) => (
        <li key={each} className={index < at ? 'done' : index === at ? 'on' : each === 'key' && MODES[mode].needs === null ? 'skipped' : ''} aria-current={index === at ? 'step' : undefined}>
          {index < at && <IconCheck size={14} stroke={1.9} aria-hidden="true" />}
          {t(each === 'key' && MODES[mode].needs === 'kms' ? 'wizard.step.kms' : `wizard.step.${each}`)}
        </li>
      ))}
    </ol>
  );
}

export function Wizard({ start }: { start: WizardStart }): ReactElement {
  const { t } = useTranslation();
  const connections = useStore((state) => state.connections);
  const [isFirst] = useState(connections.length === 0);
  const [step, setStep] = useState<Step>('place');
  const [draft, change] = useDraft(start);
  const [added, setAdded] = useState<FolderView | null>(null);
  const action = useAction();
  const starter = useStart(draft, added, setAdded);
  const connection = connections.find((one) => one.id === draft.connectionId);

  const cancel = (): void => {
    // A folder that was added for the preview but never started is forgotten again; no file of the user's was touched.
    if (added !== null) void ask('folders.remove', { folderId: added.id }).then(refreshFolders).catch(() => undefined);
    closeWizard();
  };
  useEffect(() => {
    const escape = (event: KeyboardEvent): void => {
      if (event.key === 'Escape' && !event.defaultPrevented && document.querySelector('[role="dialog"]') === null) cancel();
    };
    window.addEventListener('keydown', escape);
    return () => window.removeEventListener('keydown', escape);
  });

  if (step === 'place' && isFirst && connection === undefined)
    return <FirstRun known={draft.known} onKnown={(known) => change(draftOfKnown(known))} onConnected={(connectionId) => { change({ connectionId, ...(draft.known === null && { bucket: useStore.getState().connections.find((one) => one.id === connectionId)?.kind === 's3' ? '' : 'enfold' }) }); setStep('folder'); }} />;

  const isJoining = (draft.inspect?.existing ?? null) !== null;
  const { needs } = MODES[draft.mode];
  const hasKeyStep = needs === 'own' || (needs === 'kms' && !isJoining);
  const inspect = async (): Promise<void> => {
    if (draft.connectionId === null) return;
    const { connectionId, localPath, bucket, prefix } = draft;
    const seen = await ask('folders.inspect', { connectionId, localPath, bucket, prefix });
    const { existing } = seen;
    change({ inspect: seen, ...(existing === null ? {} : { mode: choiceOf(existing), names: existing.names, keyId: existing.hasKey ? existing.keyId : null, kmsKeyId: existing.modeDetails.kmsKeyId ?? '', format: existing.modeDetails.format ?? 'v3', isKeySettled: existing.hasKey }) });
    if (seen.localProblem === null && (seen.remoteProblem === null || (!seen.bucketExists && seen.remoteProblem.code === 'bucket-not-found'))) setStep('who');
  };
  const toStart = (): void => {
    setStep('start');
    starter.prepare();
  };
  const next: Record<Step, { label: string; isReady: boolean; go: () => void }> = {
    place: { label: t('wizard.toFolder'), isReady: draft.connectionId !== null, go: () => setStep('folder') },
    folder: { label: t('wizard.toWho'), isReady: draft.localPath !== '' && draft.bucket !== '', go: () => void action.run(inspect) },
    who: { label: hasKeyStep ? t('wizard.toKey') : t('wizard.toPreview'), isReady: parseContext(draft.context) !== null, go: () => (hasKeyStep ? setStep('key') : toStart()) },
    key: { label: t('wizard.toPreview'), isReady: needs === 'kms' ? draft.kmsKeyId !== '' : draft.keyId !== null && draft.isKeySettled, go: toStart },
    start: { label: t('wizard.start'), isReady: starter.isReady, go: () => void starter.start().then((folder) => { if (folder !== null) { closeWizard(); openFolder(folder.id); } }) },
  };
  const back: Record<Step, (() => void) | null> = {
    place: null, folder: () => setStep('place'), who: () => setStep('folder'), key: () => setStep('who'),
    start: () => { starter.forget(); setStep(hasKeyStep ? 'key' : 'who'); },
  };
  const goBack = back[step];
  const isBusy = action.isRunning || starter.isBusy;

  return (
    <div className="wizard">
      <header data-region tabIndex={-1}>
        <img src={appIcon} width={26} height={26} alt="" />
        <b>{t('folders.add')}</b>
        <StepList step={step} mode={draft.mode} />
        <UnstyledButton className="wizard-cancel sm b" onClick={cancel}>{t('common.cancel')} <span className="kbd">{t('wizard.escape')}</span></UnstyledButton>
      </header>
      <form className="wizard-form" onSubmit={(event) => { event.preventDefault(); if (event.target === event.currentTarget && next[step].isReady && !isBusy) next[step].go(); }}>
        <main key={step} className="wizard-body" data-region tabIndex={-1} ref={focusWhenShown}>
          {step === 'place' && <PlaceStep draft={draft} change={change} />}
          {step === 'folder' && <FolderStep draft={draft} change={change} connection={connection} error={action.error} />}
          {step === 'who' && <WhoStep draft={draft} change={change} connection={connection} />}
          {step === 'key' && (needs === 'kms' ? <KmsKeyStep draft={draft} change={change} /> : <KeyStep key={draft.mode} draft={draft} change={change} />)}
          {step === 'start' && <StartStep draft={draft} connection={connection} starter={starter} />}
        </main>
        <footer data-region tabIndex={-1}>
          <span className="sm mute">{t('wizard.nothingSent')}</span>
          <span className="grow" />
          {goBack !== null && <Button onClick={goBack} disabled={isBusy}>{t('wizard.back')}</Button>}
          <Button variant="filled" type="submit" rightSection={step === 'start' ? undefined : <IconArrowRight size={16} />} disabled={!next[step].isReady} loading={isBusy}>{next[step].label}</Button>
        </footer>
      </form>
    </div>
  );
}
