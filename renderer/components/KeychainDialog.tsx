/** Where no system keychain exists, keys live in a file under a passphrase; this asks for it once per start. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, PasswordInput } from '@mantine/core';
import { ask, useAction } from '../bridge.ts';
import { putOffPassphrase, refreshConnections, refreshFolders, refreshKeychain, refreshKeys, useStore } from '../store.ts';
import { ErrorNote } from './bits.tsx';
import { Dialog } from './Dialog.tsx';
import { PassphraseFields } from './PassphraseFields.tsx';

export function KeychainDialog(): ReactElement | null {
  const { t } = useTranslation();
  const wanted = useStore((state) => state.passphraseFor);
  const [passphrase, setPassphrase] = useState<string | null>(null);
  const action = useAction();
  if (wanted === null) return null;
  const open = (): void => void action.run(async () => {
    if (passphrase === null) return;
    await ask('keychain.usePassphrase', { passphrase });
    setPassphrase(null);
    await Promise.all([refreshKeychain(), refreshKeys(), refreshConnections(), refreshFolders()]);
  });
  return (
    <Dialog name={t(`keychain.${wanted}.title`)} width={480} onClose={putOffPassphrase}>
      <form onSubmit={(event) => { event.preventDefault(); open(); }}>
        <div className="dialog-body">
          <h1>{t(`keychain.${wanted}.title`)}</h1>
          <p className="mute">{t(`keychain.${wanted}.says`)}</p>
          {wanted === 'new-file' ? <PassphraseFields onChange={setPassphrase} onEnter={open} /> : <PasswordInput label={t('keychain.passphrase')} value={passphrase ?? ''} onChange={(event) => setPassphrase(event.currentTarget.value === '' ? null : event.currentTarget.value)} data-autofocus />}
          {action.error !== null && <ErrorNote error={action.error} />}
        </div>
        <div className="foot">
          <span className="grow" />
          <Button onClick={putOffPassphrase}>{t('common.later')}</Button>
          <Button variant="filled" type="submit" disabled={passphrase === null} loading={action.isRunning}>{t(`keychain.${wanted}.do`)}</Button>
        </div>
      </form>
    </Dialog>
  );
}
