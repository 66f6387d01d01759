/** How one folder is encrypted, how to change that, and what earlier modes and keys have left in the bucket. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '@mantine/core';
import type { FolderView, RequestAnswer } from '../../../preload/contract.ts';
import { ask, useAction } from '../../bridge.ts';
import { ErrorNote, Fact, ModeBadge } from '../../components/bits.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { bytes, count, dateTime, visible } from '../../format.ts';
import { choiceOf } from '../../modes.ts';
import { changeEncryption } from '../../store.ts';

type Old = RequestAnswer<'folders.oldVersions'>;
type Proof = RequestAnswer<'folders.verifyVersions'>;

function Needed({ proof }: { proof: Proof }): ReactElement {
  const { t } = useTranslation();
  const says = { versions: 'change.needsVersions', names: 'change.needsNames', current: 'change.needsNow' } as const;
  return (
    <div className="sm change-proof" role="status">
      <p>{t('change.proved', { count: proof.versions, value: count(proof.versions) })} {proof.failed > 0 && t('change.notProved', { count: proof.failed })}</p>
      <ul>{proof.keys.map((key) => <li key={`${key.name}${key.why}`}>{t('change.needs', { name: t(says[key.why], { name: key.name, count: key.versions, value: count(key.versions) }) })}</li>)}</ul>
      {proof.retirable.length > 0 && <p>{t('change.free', { names: proof.retirable.join(', ') })}</p>}
    </div>
  );
}

/** Deleting them is asked for once they are counted, and never done by itself. */
function OldVersions({ folder, onClose }: { folder: FolderView; onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  const [found, setFound] = useState<Old | null>(null);
  const [proof, setProof] = useState<Proof | null>(null);
  const [gone, setGone] = useState<number | null>(null);
  const action = useAction();
  const look = (): void => void action.run(async () => setFound(await ask('folders.oldVersions', { folderId: folder.id, isConfirmed: false })));
  const prove = (): void => void action.run(async () => setProof(await ask('folders.verifyVersions', { folderId: folder.id })));
  const remove = (): void => void action.run(async () => {
    setGone((await ask('folders.oldVersions', { folderId: folder.id, isConfirmed: true })).deleted);
    setFound(null);
    setProof(null);
  });
  return (
    <Dialog name={t('change.oldTitle')} width={560} onClose={onClose}>
      <div className="dialog-body">
        <h1>{t('change.oldTitle')}</h1>
        {found === null && gone === null && <p className="mute">{t('change.proveSays')}</p>}
        {action.isRunning && <p className="mute" role="status">{t('change.oldLooking')}</p>}
        {found !== null && <p role="status">{found.objects === 0 ? t('change.oldFoundNone') : t('change.oldFound', { count: found.objects, value: count(found.objects), bytes: bytes(found.bytes) })} {found.objects > 0 && t('change.oldGone')}</p>}
        {gone !== null && <p role="status">{t('change.oldDeleted', { count: gone, value: count(gone) })}</p>}
        {proof !== null && <Needed proof={proof} />}
        {action.error !== null && <ErrorNote error={action.error} />}
        <div className="row"><Button onClick={look} disabled={action.isRunning} data-autofocus>{t('change.lookOld')}</Button><Button onClick={prove} disabled={action.isRunning}>{t('change.prove')}</Button></div>
      </div>
      <div className="foot">
        <span className="grow" /><Button onClick={onClose}>{found !== null && found.objects > 0 ? t('change.oldKeep') : t('common.close')}</Button>
        {found !== null && found.objects > 0 && <Button variant="filled" className="btn danger-fill" loading={action.isRunning} onClick={remove}>{t('change.oldDelete', { count: found.objects, value: count(found.objects) })}</Button>}
      </div>
    </Dialog>
  );
}

export function FolderEncryption({ folder }: { folder: FolderView }): ReactElement {
  const { t } = useTranslation();
  const [isLooking, setLooking] = useState(false);
  const { change } = folder.status;
  const keyName = folder.keyName ?? folder.modeDetails.kmsKeyId ?? t('folder.keyOfS3');
  return (
    <div className="panel settings-panel">
      <h2 className="h3">{t('change.panel')}</h2>
      <p className="sm mute">{t('change.panelSays')}</p>
      <dl className="facts">
        <Fact name={t('table.who')}><ModeBadge mode={choiceOf(folder)} /></Fact>
        <Fact name={t('folder.key')}><bdi>{visible(keyName)}</bdi></Fact>
        {folder.modeDetails.format !== null && <Fact name={t('change.format')}>{t('change.formatIs', { format: folder.modeDetails.format.toUpperCase() })}</Fact>}
        {change !== null && change.finishedAtMs !== null && <Fact name={t('change.last')}>{t('change.lastIs', { at: dateTime(change.finishedAtMs), value: count(change.changed) })}</Fact>}
      </dl>
      <div className="row"><Button onClick={() => changeEncryption(folder.id)}>{t('change.open')}</Button><Button onClick={() => setLooking(true)}>{t('change.oldTitle')}</Button></div>
      {isLooking && <OldVersions folder={folder} onClose={() => setLooking(false)} />}
    </div>
  );
}
