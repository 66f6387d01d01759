/** Built-in storage as its owner sees it: where it is, how it is reached, and where its root key is. The recovery words go into a file, never through here. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, Switch } from '@mantine/core';
import { IconCheck, IconKey, IconPrinter } from '@tabler/icons-react';
import type { ConnectionView, StorageOwnerView } from '../../preload/contract.ts';
import { ask, useAction, useAnswer } from '../bridge.ts';
import { Copyable, ErrorNote, Fact } from '../components/bits.tsx';
import { Dialog } from '../components/Dialog.tsx';
import { date, shortPath, slug } from '../format.ts';
import { refreshConnections, useStore } from '../store.ts';

export function StorageOwner({ connection, onClose }: { connection: ConnectionView; onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  const home = useStore((state) => state.info?.homeDirectory);
  const first = useAnswer('host.storageOwner', { connectionId: connection.id });
  const [changed, setChanged] = useState<StorageOwnerView | null>(null);
  const [isSaved, setSaved] = useState(false);
  const action = useAction();
  const owner = changed ?? first.value;
  const error = action.error ?? first.error;
  const secure = (isSecure: boolean): void => void action.run(async () => {
    setChanged(await ask('host.storageSecure', { connectionId: connection.id, isSecure }));
    await refreshConnections();
  });
  const toKeychain = (): void => void action.run(async () => setChanged(await ask('host.storageToKeychain', { connectionId: connection.id })));
  const saveWords = (): void => void action.run(async () => {
    const file = await ask('host.chooseSaveFile', { title: t('owner.wordsTitle'), suggestedName: `${slug(connection.name)}-recovery-words.pdf` });
    if (file === null) return;
    setChanged((await ask('host.saveStorageWords', { connectionId: connection.id, file })).owner);
    setSaved(true);
  });
  return (
    <Dialog name={t('owner.of', { name: connection.name })} width={640} onClose={onClose}>
      <div className="dialog-body">
        <h1>{connection.name}</h1>
        {owner !== null && (
          <>
            <dl className="facts">
              <Fact name={t('owner.directory')}><span className="mono sm">{shortPath(owner.directory, home)}</span></Fact>
              <Fact name={t('owner.address')}>{owner.endpoint === null ? t('owner.notNow') : <Copyable value={owner.endpoint} />}</Fact>
              <Fact name={t('owner.secure')}><Switch size="xs" classNames={{ label: 'check-label' }} checked={owner.isSecure} disabled={action.isRunning} label={t('owner.secureSays')} onChange={(event) => secure(event.currentTarget.checked)} /></Fact>
              {owner.fingerprint !== null && <Fact name={t('owner.fingerprint')}><span className="mono sm owner-fingerprint">{owner.fingerprint}</span></Fact>}
              <Fact name={t('owner.rootKey')}>{t(owner.rootKey.place === 'keychain' ? 'owner.keychainSays' : 'owner.besideSays')}</Fact>
              {owner.rootKey.place === 'keychain' && <Fact name={t('owner.words')}>{owner.rootKey.wordsAtMs === null ? t('owner.wordsNever') : t('owner.wordsAt', { at: date(owner.rootKey.wordsAtMs) })}</Fact>}
            </dl>
            <div className="row">
              {owner.rootKey.place === 'beside-data' ? <Button leftSection={<IconKey size={16} />} onClick={toKeychain} loading={action.isRunning}>{t('owner.toKeychain')}</Button> : <Button leftSection={<IconPrinter size={16} />} onClick={saveWords} loading={action.isRunning}>{t('owner.wordsSave')}</Button>}
              <span className="sm mute">{t('owner.stops')}</span>
            </div>
            {isSaved && <p className="st ok sm" role="status"><IconCheck size={16} stroke={1.75} aria-hidden="true" />{t('owner.saved')}</p>}
          </>
        )}
        {error !== null && <ErrorNote error={error} />}
      </div>
      <div className="foot"><span className="grow" /><Button onClick={onClose}>{t('common.close')}</Button></div>
    </Dialog>
  );
}
