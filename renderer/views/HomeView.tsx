/** One sentence on how things stand, what needs the user, and all folders. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '@mantine/core';
import { IconChecks, IconKey, IconPlayerPause, IconPlayerPlay, IconPlus } from '@tabler/icons-react';
import type { FolderView } from '../../preload/contract.ts';
import { useAction } from '../bridge.ts';
import { Ago, Bar, StatusWord, progressOf, useTotals } from '../components/bits.tsx';
import { FolderTable } from '../components/FolderTable.tsx';
import { HeldDialog } from '../components/HeldDialog.tsx';
import { ProofPanel } from '../components/ProofPanel.tsx';
import { TrafficPanel } from '../components/Throughput.tsx';
import { StateGlyph } from '../components/glyphs.tsx';
import { bytes, count, visible } from '../format.ts';
import { MODES } from '../modes.ts';
import { awaitsFirstLook, go, openFolder, openWizard, setAllPaused, useStore } from '../store.ts';
import { EmptyFolders } from './FoldersView.tsx';

const SHOWN = 3;
const NUMBER_WORDS = ['two', 'three', 'four', 'five', 'six'] as const;

function Ask({ mark, title, says, button, onClick }: { mark: ReactElement; title: string; says: string; button: string; onClick: () => void }): ReactElement {
  return (
    <article>
      <span className="mark">{mark}</span>
      <div className="grow">
        <h2 className="h3">{title}</h2>
        <p className="sm mute">{says}</p>
      </div>
      <Button onClick={onClick}>{button}</Button>
    </article>
  );
}

/** What waits for the user: held deletions first, then problems, then keys without a recovery file. */
function useQuestions(ask: (folder: FolderView) => void): { key: string; element: ReactElement }[] {
  const { t } = useTranslation();
  const { folders, keys } = useStore();
  const questions: { key: string; element: ReactElement }[] = [];
  for (const folder of folders) {
    const { status, name, id } = folder;
    const alert = <StateGlyph state={status.state === 'locked' ? 'locked' : 'needs-attention'} />;
    if (status.held !== null) {
      const words = { name, count: status.held.deletions, value: count(status.held.deletions) };
      questions.push({ key: id, element: <Ask key={id} mark={alert} title={t('home.vanished', words)} says={t('home.vanishedSays')} button={t('home.look', words)} onClick={() => ask(folder)} /> });
    } else if (status.state === 'locked' || (status.state === 'needs-attention' && status.problems.length > 0)) {
      const problem = status.problems[0];
      questions.push({
        key: id,
        element: <Ask key={id} mark={alert} title={t(status.state === 'locked' ? 'home.lockedTitle' : 'home.problemTitle', { name })} says={problem === undefined ? t('second.locked') : `${problem.error.says} ${problem.error.next}`} button={t('home.openFolder')} onClick={() => openFolder(id)} />,
      });
    }
  }
  for (const { keyId, name, usedBy, kit } of keys) {
    if (usedBy.length === 0 || (kit.state !== 'due' && kit.state !== 'unverified' && kit.state !== 'outdated')) continue;
    questions.push({ key: `kit ${keyId}`, element: <Ask key={`kit ${keyId}`} mark={<IconKey size={18} stroke={1.6} />} title={t(`home.kit.${kit.state}`, { name })} says={t(`home.kitSays.${kit.state}`)} button={t('home.checkKit')} onClick={() => go({ view: 'keys' })} /> });
  }
  for (const key of keys) {
    // A printed kit brings the key back as well as a file does.
    if (key.exportedAtMs !== null || key.kit.state !== 'none' || key.usedBy.length === 0) continue;
    questions.push({ key: key.keyId, element: <Ask key={key.keyId} mark={<IconKey size={18} stroke={1.6} />} title={t('home.keyUnsaved', { name: key.name })} says={t('home.keyUnsavedSays')} button={t('home.saveFile')} onClick={() => go({ view: 'keys' })} /> });
  }
  return questions;
}

/** What moves, where nothing needs the user. */
function Moving({ folders }: { folders: readonly FolderView[] }): ReactElement {
  const { t } = useTranslation();
  return (
    <section className="panel asks" aria-label={t('home.moving')}>
      {folders.slice(0, SHOWN).map((folder) => {
        const { progress } = folder.status;
        const share = progressOf(folder.status);
        return (
          <article key={folder.id}>
            <div className="grow col moving-one">
              <div className="row"><h2 className="h3 ell"><bdi>{visible(folder.name)}</bdi></h2><span className="grow" /><StatusWord status={folder.status} /></div>
              {share !== null && <Bar share={share} isSealed={MODES[folder.mode].family === 'client'} label={t('table.progressOf', { name: folder.name })} />}
              {progress !== null && <p className="sm mute">{t('folder.progress', { done: count(progress.doneFiles), total: count(progress.totalFiles), doneBytes: bytes(progress.doneBytes), totalBytes: bytes(progress.totalBytes) })}</p>}
            </div>
          </article>
        );
      })}
      {folders.length > SHOWN && <footer><span className="sm mute">{t('home.andMore', { count: folders.length - SHOWN })}</span></footer>}
    </section>
  );
}

/** Stops and starts every folder; one that the user paused before starts with them. */
function PauseAll({ folders }: { folders: readonly FolderView[] }): ReactElement | null {
  const { t } = useTranslation();
  const action = useAction();
  const isAnyRunning = folders.some(({ isPaused }) => !isPaused);
  const toggle = (): void => void action.run(() => setAllPaused(isAnyRunning));
  if (folders.every(awaitsFirstLook)) return null;
  return <Button leftSection={isAnyRunning ? <IconPlayerPause size={16} /> : <IconPlayerPlay size={16} />} loading={action.isRunning} onClick={toggle}>{t(isAnyRunning ? 'home.pauseAll' : 'home.resumeAll')}</Button>;
}

/** Small numbers as words at the start of the one big sentence. */
function useNumberWord(): (value: number) => string {
  const { t } = useTranslation();
  return (value) => {
    const word = NUMBER_WORDS[value - 2];
    return word === undefined ? count(value) : t(`home.numbers.${word}`);
  };
}

export function HomeView(): ReactElement {
  const { t } = useTranslation();
  const { folders, keys } = useStore();
  const used = keys.filter((key) => key.usedBy.length > 0);
  const [heldId, setHeldId] = useState<string | null>(null);
  const questions = useQuestions((folder) => setHeldId(folder.id));
  const totals = useTotals();
  const inWords = useNumberWord();
  const held = folders.find((folder) => folder.id === heldId);
  const lastSuccess = Math.max(...folders.map((folder) => folder.status.lastSuccessMs ?? 0));
  const paused = folders.filter((folder) => folder.status.state === 'paused').length;
  const syncing = folders.filter((folder) => folder.status.state === 'syncing').length;

  if (folders.length === 0)
    return (
      <div className="page">
        <header className="page-head"><h1 className="hero grow">{t('home.welcome')}</h1><Button variant="filled" leftSection={<IconPlus size={16} />} onClick={() => openWizard()}>{t('folders.add')}</Button></header>
        <EmptyFolders />
      </div>
    );
  return (
    <div className="page scroll">
      <header className="page-head">
        <div className="grow">
          <h1 className="hero">{questions.length > 0 ? t('home.needYou', { count: questions.length, value: inWords(questions.length) }) : syncing > 0 ? t('home.syncing', { count: syncing }) : paused > 0 ? t('home.paused', { count: paused, value: inWords(paused) }) : t('home.inStep')}</h1>
          <p className="mute">
            {questions.length > 0 ? t(folders.every(({ status }) => status.state !== 'paused' && status.state !== 'syncing') ? 'home.restInStep' : 'home.restQuiet') : t('home.nothingNeeded')} {lastSuccess > 0 && <>{t('home.lastSuccess')} <Ago ms={lastSuccess} />.</>}
          </p>
        </div>
        <PauseAll folders={folders} />
        <Button variant="filled" leftSection={<IconPlus size={16} />} onClick={() => openWizard()}>{t('folders.add')}</Button>
      </header>
      <div className="home-top">
        {questions.length > 0 && (
          <section className="panel asks" aria-label={t('home.questions')}>
            {questions.slice(0, SHOWN).map((question) => question.element)}
            {questions.length > SHOWN && <footer><span className="sm mute">{t('home.andMore', { count: questions.length - SHOWN })}</span></footer>}
          </section>
        )}
        {questions.length === 0 && syncing === 0 && (
          <section className="panel calm">{paused < folders.length ? <IconChecks size={28} stroke={1.6} aria-hidden="true" /> : <StateGlyph state="paused" size={24} />}<span>{paused === 0 ? t('home.calm', { count: folders.length }) : t(paused < folders.length ? 'home.othersInStep' : 'home.untilResumed')}</span></section>
        )}
        {questions.length === 0 && syncing > 0 && <Moving folders={folders.filter((folder) => folder.status.state === 'syncing')} />}
        <ProofPanel folders={folders} />
        <TrafficPanel folders={folders} />
      </div>
      <FolderTable folders={folders} />
      <footer className="row sm faint page-foot">
        <span className="grow">{t('home.foot', { count: folders.length })}, {totals(folders.reduce((sum, folder) => sum + folder.status.files, 0), folders.reduce((sum, folder) => sum + folder.status.bytes, 0))}.</span>
        {used.length > 0 && <span>{t('proof.kits', { checked: count(used.filter(({ kit }) => kit.state === 'verified').length), all: count(used.length) })}</span>}
      </footer>
      {held !== undefined && <HeldDialog folder={held} onClose={() => setHeldId(null)} />}
    </div>
  );
}
