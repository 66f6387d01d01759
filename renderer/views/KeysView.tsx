/** Keys by name and fingerprint, never by value, and whether each could be had back if this computer were gone. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, PasswordInput, TextInput, UnstyledButton } from '@mantine/core';
import { IconCheck, IconFileImport, IconInfoCircle, IconKey, IconPlus } from '@tabler/icons-react';
import type { KeyView } from '../../preload/contract.ts';
import { ask, useAction } from '../bridge.ts';
import { ErrorNote } from '../components/bits.tsx';
import { Dialog } from '../components/Dialog.tsx';
import { SaveKeyFile } from '../components/SaveKeyFile.tsx';
import { StateGlyph } from '../components/glyphs.tsx';
import { baseName, count, date, fingerprint, visible } from '../format.ts';
import { KeyKit } from './KeyKit.tsx';
import { OtherSecrets } from './OtherSecrets.tsx';
import { refreshKeys, useOpens, useStore } from '../store.ts';
import { KeyChange } from './change/RotateKey.tsx';
import { ImportSecret, KeyFrom, type KeyPlace } from './ImportSecret.tsx';

/** A kit counts once it was tried. */
const isSafe = ({ exportedAtMs, kit }: KeyView): boolean => exportedAtMs !== null || kit.verifiedAtMs !== null;

function SavedState({ keyView }: { keyView: KeyView }): ReactElement {
  const { t } = useTranslation();
  if (keyView.exportedAtMs !== null) return <span className="st saved"><IconCheck size={16} stroke={1.75} aria-hidden="true" />{t('keys.fileSaved', { at: date(keyView.exportedAtMs) })}</span>;
  if (keyView.kit.verifiedAtMs !== null) return <span className="st saved"><IconCheck size={16} stroke={1.75} aria-hidden="true" />{t('keys.kitChecked', { at: date(keyView.kit.verifiedAtMs) })}</span>;
  return <span className="st attention"><StateGlyph state="needs-attention" />{t('keys.fileNever')}</span>;
}

function NewKey({ onClose }: { onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  const [name, setName] = useState('');
  const action = useAction();
  const make = (): void => void action.run(async () => {
    await ask('keys.create', { name, type: 'aes' });
    await refreshKeys();
    onClose();
  });
  return (
    <Dialog name={t('keys.newTitle')} width={480} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); make(); }}>
        <div className="dialog-body"><h1>{t('keys.newTitle')}</h1><p className="mute">{t('keys.newSays')}</p><TextInput label={t('keys.name')} value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />{action.error !== null && <ErrorNote error={action.error} />}</div>
        <div className="foot"><span className="grow" /><Button onClick={onClose}>{t('common.cancel')}</Button><Button variant="filled" type="submit" disabled={name.trim() === ''} loading={action.isRunning}>{t('keys.make')}</Button></div>
      </form>
    </Dialog>
  );
}

export function ImportKey({ type, onClose, onImported }: { /** What bare bytes are. */ type?: KeyView['type']; onClose: () => void; onImported?: (key: KeyView) => void }): ReactElement {
  const { t } = useTranslation();
  const [from, setFrom] = useState<KeyPlace>('file');
  const [file, setFile] = useState<string | null>(null);
  const [name, setName] = useState('');
  const [passphrase, setPassphrase] = useState('');
  const action = useAction();
  if (from === 'secret') return <ImportSecret type={type} onFrom={setFrom} onClose={onClose} onImported={onImported} />;
  const choose = async (): Promise<void> => {
    const chosen = await ask('host.chooseOpenFile', { title: t('keys.importTitle') }).catch(() => null);
    if (chosen === null) return;
    setFile(chosen);
    if (name === '') setName(baseName(chosen).replace(/\.[^.]+$/, ''));
  };
  const take = (): void => void action.run(async () => {
    if (file === null) return;
    const key = await ask('keys.importFrom', { name, file, passphrase: passphrase === '' ? null : passphrase, ...(type === undefined || type === 'rsa' ? {} : { type }) });
    await refreshKeys();
    onImported?.(key);
    onClose();
  });
  return (
    <Dialog name={t('keys.importTitle')} width={480} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); take(); }}>
        <div className="dialog-body">
          <h1>{t('keys.importTitle')}</h1>
          <KeyFrom from={from} onFrom={setFrom} />
          <p className="mute">{t('keys.importSays')}</p>
          <div className="row end"><TextInput className="grow" label={t('keys.file')} value={file ?? ''} readOnly placeholder={t('keys.noFile')} /><Button onClick={() => void choose()} data-autofocus>{t('common.choose')}</Button></div>
          <TextInput label={t('keys.name')} value={name} onChange={(event) => setName(event.currentTarget.value)} />
          <PasswordInput label={t('keys.filePassphrase')} description={t('keys.filePassphraseSays')} value={passphrase} onChange={(event) => setPassphrase(event.currentTarget.value)} autoComplete="off" />
          {action.error !== null && <ErrorNote error={action.error} />}
        </div>
        <div className="foot"><span className="grow" /><Button onClick={onClose}>{t('common.cancel')}</Button><Button variant="filled" type="submit" disabled={file === null || name.trim() === ''} loading={action.isRunning}>{t('keys.import')}</Button></div>
      </form>
    </Dialog>
  );
}

function KeyDetails({ keyView, isNew, onReplaced }: { keyView: KeyView; /** It has just taken another's place. */ isNew: boolean; onReplaced: (nextKeyId: string) => void }): ReactElement {
  const { t } = useTranslation();
  return (
    <aside className="key-details" aria-label={t('keys.details', { name: keyView.name })}>
      <h2><bdi>{visible(keyView.name)}</bdi></h2>
      <p className="mono mute sm selectable">{fingerprint(keyView.fingerprint)}</p>
      {isNew && <p className="note sm" role="status"><IconInfoCircle size={16} stroke={1.75} aria-hidden="true" /><span>{t('rotate.begun')}</span></p>}
      <ol className="key-steps">
        <li className="ok"><IconCheck size={16} stroke={1.75} aria-hidden="true" /><span><b>{t('keys.made')}</b> {date(keyView.createdAtMs)}</span></li>
        {keyView.exportedAtMs === null ? (
          <li className="at"><StateGlyph state="needs-attention" /><span><b>{t('keys.notSaved')}</b> {t('keys.notSavedSays')}</span></li>
        ) : (
          <li className="ok"><IconCheck size={16} stroke={1.75} aria-hidden="true" /><span><b>{t('keys.saved')}</b> {date(keyView.exportedAtMs)}</span></li>
        )}
      </ol>
      <KeyKit key={keyView.keyId} keyView={keyView} />
      <h3>{t('keys.saveTitle')}</h3>
      <p className="sm mute">{t('keys.saveSays')}</p>
      <SaveKeyFile key={keyView.keyId} keyView={keyView} />
      <KeyChange key={`change ${keyView.keyId}`} keyView={keyView} onBegun={onReplaced} />
    </aside>
  );
}

export function KeysView(): ReactElement {
  const { t } = useTranslation();
  const { keys, folders, keychain } = useStore();
  const [selected, setSelected] = useState<string | null>(null);
  const [begun, setBegun] = useState<string | null>(null);
  const [isMaking, setMaking] = useOpens('new');
  const [isImporting, setImporting] = useOpens('import');
  const current = keys.find((key) => key.keyId === selected) ?? null;
  const filesOf = (which: (key: KeyView) => boolean): { names: string; files: number } => {
    const mine = folders.filter((folder) => keys.some((key) => key.keyId === folder.keyId && which(key)));
    return { names: mine.map((folder) => folder.name).join(', '), files: mine.reduce((sum, folder) => sum + folder.status.files, 0) };
  };
  const safe = filesOf(isSafe);
  const unsafe = filesOf((key) => !isSafe(key));
  return (
    <div className={current === null ? 'keys-view' : 'keys-view has-details'}>
      <div className="page scroll">
        <header className="page-head">
          <div className="grow"><h1>{t('rail.keys')}</h1><p className="sm mute">{t('keys.says')} {keychain !== null && t(`keychain.where.${keychain.backend}`)}</p></div>
          <Button leftSection={<IconFileImport size={16} />} onClick={() => setImporting(true)}>{t('keys.importButton')}</Button>
          <Button variant="filled" leftSection={<IconPlus size={16} />} onClick={() => setMaking(true)}>{t('keys.new')}</Button>
        </header>
        {keys.length === 0 ? (
          <p className="mute quiet">{t('keys.none')}</p>
        ) : (
          <ul className="panel key-list" aria-label={t('rail.keys')}>
            {keys.map((key) => (
              <li key={key.keyId} className={key.keyId === selected ? 'sel' : ''}>
                <UnstyledButton className="key-grid" aria-pressed={key.keyId === selected} onClick={() => setSelected(key.keyId === selected ? null : key.keyId)}>
                  <span className={key.type === 'sse-c' ? 'key-icon server' : 'key-icon client'}><IconKey size={18} stroke={1.6} aria-hidden="true" /></span>
                  <span className="col"><bdi className="b ell">{visible(key.name)}</bdi><span className="sm mute ell">{t(`keys.types.${key.type}`)}</span></span>
                  <span className="col"><span className="sm ell">{key.usedBy.length === 0 ? t('keys.opensNothing') : t('keys.opens', { names: key.usedBy.join(', ') })}</span><span className="sm faint ell">{t('keys.since', { at: date(key.createdAtMs) })}</span></span>
                  <span className="col"><span className="sm"><SavedState keyView={key} /></span><span className="mono sm faint key-print">{fingerprint(key.fingerprint)}</span></span>
                </UnstyledButton>
              </li>
            ))}
          </ul>
        )}
        <OtherSecrets />
        {safe.files + unsafe.files > 0 && (
          <section className="panel lost">
            <h2 className="h3">{t('keys.lostTitle')}</h2>
            {safe.names !== '' && <div className="lost-row"><span className="st saved"><IconCheck size={16} stroke={1.75} aria-hidden="true" />{t('keys.lostSafe')}</span><span className="ell">{safe.names}</span><span className="num mute">{t('common.files', { count: safe.files, files: count(safe.files) })}</span></div>}
            {unsafe.names !== '' && <div className="lost-row"><span className="st attention"><StateGlyph state="needs-attention" />{t('keys.lostGone')}</span><span className="ell">{unsafe.names}</span><span className="num mute">{t('common.files', { count: unsafe.files, files: count(unsafe.files) })}</span></div>}
          </section>
        )}
      </div>
      {current !== null && <KeyDetails keyView={current} isNew={current.keyId === begun} onReplaced={(next) => { setBegun(next); setSelected(next); }} />}
      {isMaking && <NewKey onClose={() => setMaking(false)} />}
      {isImporting && <ImportKey onClose={() => setImporting(false)} />}
    </div>
  );
}
