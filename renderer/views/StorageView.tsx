import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '@mantine/core';
import { IconBrandAws, IconCheck, IconDeviceUsb, IconPlus, IconServer2 } from '@tabler/icons-react';
import type { ConnectionView } from '../../preload/contract.ts';
import { AnswerError, ask, useAction } from '../bridge.ts';
import { BucketExam } from '../components/BucketExam.tsx';
import { ErrorNote } from '../components/bits.tsx';
import { Dialog } from '../components/Dialog.tsx';
import { shortPath, visible } from '../format.ts';
import { refreshConnections, useOpens, useStore } from '../store.ts';
import { Abilities } from '../components/Abilities.tsx';
import { StorageOwner } from './StorageOwner.tsx';
import { PlaceError, PlaceForm, emptyPlace, isPlaceComplete, useAddPlace } from './PlaceForm.tsx';

function AddPlace({ onClose }: { onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  const defaults = useStore((state) => state.defaults);
  const [draft, setDraft] = useState(() => emptyPlace(defaults?.storageDirectory ?? ''));
  const add = useAddPlace();
  const action = useAction();
  const addIt = (): void => void action.run(() => add(draft)).then((isDone) => isDone && onClose());
  return (
    <Dialog name={t('storage.addTitle')} width={640} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); addIt(); }}>
        <div className="dialog-body"><h1>{t('storage.addTitle')}</h1><PlaceForm draft={draft} setDraft={setDraft} />{action.error !== null && <PlaceError draft={draft} error={action.error} onRetry={addIt} />}</div>
        <div className="foot"><span className="grow" /><Button onClick={onClose}>{t('common.cancel')}</Button><Button variant="filled" type="submit" disabled={!isPlaceComplete(draft)} loading={action.isRunning}>{t('storage.add')}</Button></div>
      </form>
    </Dialog>
  );
}

function Row({ connection }: { connection: ConnectionView }): ReactElement {
  const { t } = useTranslation();
  const home = useStore((state) => state.info?.homeDirectory);
  const folders = useStore((state) => state.folders).filter((folder) => folder.connectionId === connection.id);
  const [isTested, setTested] = useState(false);
  const [isExamining, setExamining] = useState(false);
  const [isOwner, setOwner] = useState(false);
  const testing = useAction();
  const removing = useAction();
  const RowIcon = connection.kind === 'built-in' ? IconDeviceUsb : connection.endpoint === null ? IconBrandAws : IconServer2;
  const test = (): void => void testing.run(async () => {
    setTested(false);
    const { ok, error } = await ask('connections.test', { connectionId: connection.id });
    if (!ok && error !== null) throw new AnswerError(error);
    setTested(ok);
  });
  const remove = (): void => void removing.run(async () => {
    await ask('connections.remove', { connectionId: connection.id });
    await refreshConnections();
  });
  const error = testing.error ?? removing.error;
  return (
    <li>
      <div className="storage-grid">
        <span className="key-icon plain"><RowIcon size={18} stroke={1.6} aria-hidden="true" /></span>
        <span className="col"><bdi className="b ell">{visible(connection.name)}</bdi><span className="mono sm mute ell">{(connection.directory === null ? connection.endpoint : shortPath(connection.directory, home)) ?? t('storage.aws', { region: connection.region })}</span></span>
        <span className="col"><span className="sm ell">{folders.length === 0 ? t('storage.unused') : t('storage.holds', { names: folders.map((folder) => folder.name).join(', ') })}</span><span className="sm faint ell">{connection.kind === 'built-in' ? t('storage.builtIn') : connection.signIn}</span></span>
        <span className="row storage-acts">
          {isTested && <span className="st ok sm" role="status"><IconCheck size={16} stroke={1.75} aria-hidden="true" />{t('storage.works')}</span>}
          <Button size="xs" onClick={test} loading={testing.isRunning} aria-label={t('storage.testOf', { name: connection.name })}>{t('storage.test')}</Button>
          {connection.kind === 'built-in' && <Button size="xs" onClick={() => setOwner(true)} aria-label={t('owner.of', { name: connection.name })}>{t('owner.open')}</Button>}
          <Button size="xs" onClick={() => setExamining(true)} aria-label={t('exam.of', { name: connection.name })}>{t('exam.open')}</Button>
          <Button size="xs" onClick={remove} loading={removing.isRunning} disabled={folders.length > 0} aria-label={t('storage.removeOf', { name: connection.name })}>{t('storage.remove')}</Button>
        </span>
      </div>
      {error !== null && <ErrorNote error={error} />}
      {folders.map((folder) => <Abilities key={folder.id} folder={folder} />)}
      {isOwner && <StorageOwner connection={connection} onClose={() => setOwner(false)} />}
      {isExamining && <BucketExam connectionId={connection.id} onClose={() => setExamining(false)} />}
    </li>
  );
}

export function StorageView(): ReactElement {
  const { t } = useTranslation();
  const connections = useStore((state) => state.connections);
  const [isAdding, setAdding] = useOpens('add');
  return (
    <div className="page scroll">
      <header className="page-head">
        <div className="grow"><h1>{t('rail.storage')}</h1><p className="sm mute">{t('storage.says')}</p></div>
        <Button variant="filled" leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)}>{t('storage.add')}</Button>
      </header>
      {connections.length === 0 ? <p className="mute quiet">{t('storage.none')}</p> : <ul className="panel storage-list" aria-label={t('rail.storage')}>{connections.map((connection) => <Row key={connection.id} connection={connection} />)}</ul>}
      {isAdding && <AddPlace onClose={() => setAdding(false)} />}
    </div>
  );
}
