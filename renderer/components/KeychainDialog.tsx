/** Where no system keychain exists, keys live in a file under a passphrase; this asks for it once per start. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, PasswordInput } from '@mantine/core';
import { ask, useAction } from '../bridge.ts';
import { refreshConnections, refreshFolders, refreshKeychain, refreshKeys, useStore } from '../store.ts';
import { ErrorNote } from './bits.tsx';
import { Dialog } from './Dialog.tsx';

export function KeychainDialog(): ReactElement | null {
  const { t } = useTranslation();
  const keychain = useStore((state) => state.keychain);
  const [passphrase, setPassphrase] = useState('');
  const [isPutOff, setPutOff] = useState(false);
  const action = useAction();
  if (keychain?.state !== 'passphrase-needed' || isPutOff) return null;
  const open = (): void =>
    void action.run(async () => {
      await ask('keychain.usePassphrase', { passphrase });
      setPassphrase('');
      await Promise.all([refreshKeychain(), refreshKeys(), refreshConnections(), refreshFolders()]);
    });
  return (
    <Dialog name={t('keychain.title')} width={480} onClose={() => setPutOff(true)}>
      <form onSubmit={(event) => { event.preventDefault(); open(); }}>
        <div className="dialog-body">
          <h1>{t('keychain.title')}</h1>
          <p className="mute">{t('keychain.says')}</p>
          <PasswordInput label={t('keychain.passphrase')} value={passphrase} onChange={(event) => setPassphrase(event.currentTarget.value)} data-autofocus />
          {action.error !== null && <ErrorNote error={action.error} />}
        </div>
        <div className="foot">
          <span className="grow" />
          <Button onClick={() => setPutOff(true)}>{t('common.later')}</Button>
          <Button variant="filled" type="submit" disabled={passphrase === ''} loading={action.isRunning}>{t('keychain.unlock')}</Button>
        </div>
      </form>
    </Dialog>
  );
}
