/** Saves a key's recovery file: a passphrase twice, a place, done. Nothing secret comes back to the window. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '@mantine/core';
import { IconCheck, IconDeviceFloppy } from '@tabler/icons-react';
import type { KeyView } from '../../preload/contract.ts';
import { ask, useAction } from '../bridge.ts';
import { slug } from '../format.ts';
import { refreshKeys } from '../store.ts';
import { ErrorNote } from './bits.tsx';
import { PassphraseFields } from './PassphraseFields.tsx';

export function SaveKeyFile({ keyView, onSaved }: { keyView: KeyView; onSaved?: (file: string) => void }): ReactElement {
  const { t } = useTranslation();
  const [passphrase, setPassphrase] = useState<string | null>(null);
  const [file, setFile] = useState<string | null>(null);
  const action = useAction();
  const save = (): void => void action.run(async () => {
    if (passphrase === null) return;
    const chosen = await ask('host.chooseSaveFile', { title: t('keyFile.title'), suggestedName: `${slug(keyView.name)}.enfold-key` });
    if (chosen === null) return;
    await ask('keys.exportTo', { keyId: keyView.keyId, file: chosen, passphrase });
    setFile(chosen);
    onSaved?.(chosen);
    await refreshKeys();
  });
  if (file !== null)
    return <p className="saved-file" role="status"><IconCheck size={18} stroke={1.6} aria-hidden="true" /><span>{t('keyFile.saved')} <span className="mono">{file}</span>. {t('keyFile.savedSays')}</span></p>;
  return (
    <div className="save-key">
      <PassphraseFields onChange={setPassphrase} onEnter={save} />
      {action.error !== null && <ErrorNote error={action.error} />}
      <Button onClick={save} leftSection={<IconDeviceFloppy size={16} />} disabled={passphrase === null} loading={action.isRunning}>{t('keyFile.save')}</Button>
    </div>
  );
}
