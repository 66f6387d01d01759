/** The question people have about one file: why is it not on the other side? Answered from both sides as they are now. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, TextInput } from '@mantine/core';
import { IconZoomQuestion } from '@tabler/icons-react';
import type { FolderView, WhyView } from '../../preload/contract.ts';
import { ask, useAction } from '../bridge.ts';
import { ErrorNote, Fact } from '../components/bits.tsx';
import { bytes, dateTime, visible } from '../format.ts';

const CHANGES = ['unchanged', 'restamped', 'replaced', 'changed', 'new', 'gone', 'never', 'unknown'] as const;
const ACTIONS = ['upload', 'download', 'keep-both', 'adopt', 'refresh-base', 'update-attributes', 'rename-remote', 'delete-remote', 'delete-local', 'forget'] as const;
const QUESTIONS = ['vanished', 'both-changed'] as const;
const known = <T extends string>(all: readonly T[], value: string | null): T | undefined => all.find((one) => one === value);

type Side = { state: 'absent' | 'present' | 'unknown' | null; change: string | null; sizeBytes: number | null; atMs: number | null };

function SideFact({ name, side }: { name: string; side: Side }): ReactElement {
  const { t } = useTranslation();
  const change = known(CHANGES, side.change);
  const says = side.state === null ? t('why.untold') : side.state === 'present' ? t('why.states.present', { bytes: bytes(side.sizeBytes ?? 0), at: side.atMs === null ? '' : dateTime(side.atMs) }) : t(`why.states.${side.state}`);
  return <Fact name={name}>{says}{change !== undefined && `; ${t(`why.changes.${change}`)}`}</Fact>;
}

function Answer({ why }: { why: WhyView }): ReactElement {
  const { t } = useTranslation();
  const { local, remote, skipped, next } = why;
  const action = known(ACTIONS, next?.action ?? null);
  const question = known(QUESTIONS, next?.question ?? null);
  return (
    <div className="why-answer" role="status">
      <bdi className="mono sm">{visible(why.path)}</bdi>
      <dl className="facts">
        <SideFact name={t('why.here')} side={{ ...local, atMs: local.modifiedMs }} />
        <SideFact name={t('why.there')} side={{ ...remote, atMs: remote.storedAtMs }} />
        {skipped.map((one) => <Fact key={one.side + one.path} name={t('why.leftOut')}>{t(`skipped.reasons.${one.reason}`)}{one.detail !== null && `. ${visible(one.detail)}`}{one.path !== why.path && <> (<bdi className="mono xs">{visible(one.path)}</bdi>)</>}</Fact>)}
        <Fact name={t('why.next')}>{question !== undefined ? t(`why.questions.${question}`) : action !== undefined ? t(`why.actions.${action}`) : t(next === null ? 'why.cannotTell' : 'why.nothing')}</Fact>
      </dl>
      {remote.problem !== null && <ErrorNote error={remote.problem} />}
    </div>
  );
}

export function WhyBox({ folder }: { folder: FolderView }): ReactElement {
  const { t } = useTranslation();
  const [path, setPath] = useState('');
  const [why, setWhy] = useState<WhyView | null>(null);
  const action = useAction();
  /** Also a whole path of this computer. */
  const inside = path.trim().startsWith(folder.localPath) ? path.trim().slice(folder.localPath.length) : path.trim();
  const wanted = inside.replaceAll('\\', '/').replace(/^\/+/, '');
  const explain = (): void => void action.run(async () => {
    setWhy(null);
    setWhy(await ask('folders.why', { folderId: folder.id, path: wanted }));
  });
  return (
    <form className="panel settings-panel why" onSubmit={(event) => { event.preventDefault(); if (wanted !== '') explain(); }}>
      <h2 className="h3">{t('why.title')}</h2>
      <div className="row end"><TextInput className="grow mono-input" leftSection={<IconZoomQuestion size={16} stroke={1.75} />} label={t('why.path')} value={path} onChange={(event) => setPath(event.currentTarget.value)} spellCheck={false} /><Button type="submit" disabled={wanted === ''} loading={action.isRunning}>{t('why.ask')}</Button></div>
      {action.error !== null && <ErrorNote error={action.error} />}
      {why !== null && <Answer why={why} />}
    </form>
  );
}
