/** From the page of a recovery kit back to a key, and to the folders that it opens: the first step on a new computer. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, Textarea, UnstyledButton } from '@mantine/core';
import { IconCheck, IconFolder } from '@tabler/icons-react';
import type { KnownFolderView } from '../../preload/contract.ts';
import { ask, useAction } from '../bridge.ts';
import { ErrorNote } from '../components/bits.tsx';
import { baseName, fingerprint, visible } from '../format.ts';
import { refreshKeys } from '../store.ts';

export function RestoreKit({ onKnown }: { /** The folder that is to be opened again. */ onKnown: (folder: KnownFolderView) => void }): ReactElement {
  const { t } = useTranslation();
  const [words, setWords] = useState('');
  const [file, setFile] = useState<string | null>(null);
  const [known, setKnown] = useState<KnownFolderView[] | null>(null);
  const action = useAction();
  const typed = words.trim();
  const count = typed === '' ? 0 : typed.split(/\s+/).length;
  const choose = async (): Promise<void> => setFile(await ask('host.chooseOpenFile', { title: t('restore.fileTitle') }).catch(() => null));
  const take = (): void => void action.run(async () => {
    await ask('keys.importKit', { name: file === null ? t('restore.keyName') : baseName(file).replace(/\.[^.]+$/, ''), words: count === 0 ? null : typed, file });
    await refreshKeys();
    setKnown(await ask('folders.known', undefined));
  });
  return (
    <div className="col restore">
      {known === null ? (
        <>
          <Textarea label={t('kit.words', { count })} description={t('restore.wordsSay')} autosize minRows={3} value={words} onChange={(event) => setWords(event.currentTarget.value)} classNames={{ input: 'field-input', label: 'field-label', description: 'field-description' }} spellCheck={false} autoComplete="off" />
          <div className="row"><Button onClick={() => void choose()}>{t('kit.orFile')}</Button><span className="mono sm mute ell grow">{file}</span><Button variant="filled" onClick={take} disabled={count === 0 && file === null} loading={action.isRunning}>{t('restore.take')}</Button></div>
          <p className="sm mute">{t('restore.fileSays')}</p>
        </>
      ) : (
        <>
          <p className="st ok" role="status"><IconCheck size={16} stroke={1.75} aria-hidden="true" />{t('restore.taken')}</p>
          {known.length === 0 && <p className="sm mute">{t('restore.noFolders')}</p>}
          <ul className="panel" aria-label={t('restore.folders')}>
            {known.map((folder) => (
              <li key={folder.id}><UnstyledButton className="row restore-folder" onClick={() => onKnown(folder)}><IconFolder size={18} stroke={1.6} aria-hidden="true" /><span className="col grow"><bdi className="b">{visible(folder.name)}</bdi><span className="mono sm mute ell">{visible([folder.remote, folder.endpoint ?? t('storage.aws', { region: folder.region })].join(', '))}</span></span>{folder.fingerprint !== null && <span className="mono xs mute">{fingerprint(folder.fingerprint)}</span>}</UnstyledButton></li>
            ))}
          </ul>
        </>
      )}
      {action.error !== null && <ErrorNote error={action.error} />}
    </div>
  );
}
