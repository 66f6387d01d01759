/** Into a folder that somebody shares: this computer's own recipient to send them, and the invitation that comes back. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, PasswordInput, Select, TextInput } from '@mantine/core';
import { ask, useAction, useAnswer } from '../bridge.ts';
import { Copyable, ErrorNote } from '../components/bits.tsx';
import { Dialog } from '../components/Dialog.tsx';
import { fingerprint } from '../format.ts';
import { openFolder, refreshFolders, refreshKeys, useStore } from '../store.ts';

export function AcceptInvitation({ onClose }: { onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  const connections = useStore((state) => state.connections).filter(({ kind }) => kind === 's3');
  const { value: mine, error: mineError } = useAnswer('sharing.recipient', undefined);
  const [file, setFile] = useState<string | null>(null);
  const [needsPassphrase, setNeedsPassphrase] = useState(false);
  const [passphrase, setPassphrase] = useState('');
  const [localPath, setLocalPath] = useState('');
  const [connectionId, setConnectionId] = useState('');
  const action = useAction();
  const chooseFile = (): void => void action.run(async () => {
    const chosen = await ask('host.chooseOpenFile', { title: t('join.fileTitle') });
    if (chosen === null) return;
    setNeedsPassphrase((await ask('sharing.needsPassphrase', { file: chosen })).needs);
    setFile(chosen);
  });
  const chooseFolder = async (): Promise<void> => {
    const chosen = await ask('host.chooseFolder', { title: t('join.folderTitle') }).catch(() => null);
    if (chosen !== null) setLocalPath(chosen);
  };
  const accept = (): void => void action.run(async () => {
    if (file === null) return;
    const folder = await ask('sharing.accept', { file, localPath: localPath === '' ? null : localPath, connectionId: connectionId === '' ? null : connectionId, passphrase: needsPassphrase ? passphrase : null });
    await Promise.all([refreshFolders(), refreshKeys()]);
    onClose();
    openFolder(folder.id);
  });
  return (
    <Dialog name={t('join.title')} width={560} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); accept(); }}>
        <div className="dialog-body">
          <h1>{t('join.title')}</h1>
          <p className="mute">{t('join.says')}</p>
          {mineError !== null && <ErrorNote error={mineError} />}
          {mine !== null && (
            <div className="row join-mine">
              <img className="join-code" src={`data:image/svg+xml;charset=utf-8,${encodeURIComponent(mine.code)}`} alt={t('join.code')} width={112} height={112} />
              <span className="col grow"><span className="sm b">{t('join.mine')}</span><Copyable value={mine.recipient} /><span className="sm mute">{t('join.compare')}</span><span className="mono sm">{fingerprint(mine.fingerprint)}</span></span>
            </div>
          )}
          <div className="row end"><TextInput className="grow mono-input" label={t('join.file')} value={file ?? ''} readOnly placeholder={t('keys.noFile')} /><Button onClick={chooseFile}>{t('common.choose')}</Button></div>
          {needsPassphrase && <PasswordInput label={t('join.passphrase')} value={passphrase} onChange={(event) => setPassphrase(event.currentTarget.value)} autoComplete="off" />}
          <div className="row end"><TextInput className="grow mono-input" label={t('join.folder')} description={t('join.folderSays')} value={localPath} onChange={(event) => setLocalPath(event.currentTarget.value)} spellCheck={false} /><Button onClick={() => void chooseFolder()}>{t('common.choose')}</Button></div>
          {connections.length > 1 && <Select classNames={{ input: 'field-input', label: 'field-label', dropdown: 'menu', option: 'menu-item' }} label={t('join.connection')} allowDeselect={false} value={connectionId} onChange={(id) => setConnectionId(id ?? '')} data={[{ value: '', label: t('join.fitting') }, ...connections.map(({ id, name }) => ({ value: id, label: name }))]} />}
          {action.error !== null && <ErrorNote error={action.error} />}
        </div>
        <div className="foot"><span className="grow" /><Button onClick={onClose}>{t('common.cancel')}</Button><Button variant="filled" type="submit" disabled={file === null || (needsPassphrase && passphrase === '')} loading={action.isRunning}>{t('join.do')}</Button></div>
      </form>
    </Dialog>
  );
}
