import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, Checkbox, SegmentedControl, TextInput } from '@mantine/core';
import { IconCheck, IconFileImport, IconKey, IconPlus } from '@tabler/icons-react';
import { ask, useAction } from '../../bridge.ts';
import { Choices, ErrorNote } from '../../components/bits.tsx';
import { SaveKeyFile } from '../../components/SaveKeyFile.tsx';
import { baseName, date, fingerprint } from '../../format.ts';
import { refreshKeys, useStore } from '../../store.ts';
import { ImportKey } from '../KeysView.tsx';
import type { Draft } from '../Wizard.tsx';

const NEW = 'new';

/** The key is made, and can be had back if this computer is lost; or the user says plainly that it cannot. */
export function KeyStep({ draft, change }: { draft: Draft; change: (part: Partial<Draft>) => void }): ReactElement {
  const { t } = useTranslation();
  const keys = useStore((state) => state.keys).filter((key) => (draft.mode === 'sse-c' ? key.type === 'sse-c' : key.type !== 'sse-c'));
  const newType = draft.mode === 'sse-c' ? 'sse-c' : draft.keyType;
  const existing = draft.inspect?.existing ?? null;
  const [isNew, setNew] = useState(draft.keyId === null);
  const [name, setName] = useState<string>(() => t('key.defaultName', { name: baseName(draft.localPath) }));
  const [isImporting, setImporting] = useState(false);
  const [isSkipping, setSkipping] = useState(false);
  const action = useAction();
  const current = keys.find((key) => key.keyId === draft.keyId);
  const take = (keyId: string, isSaved: boolean): void => {
    setNew(false);
    change({ keyId, isKeySettled: isSaved || isSkipping });
  };
  const make = (): void => void action.run(async () => {
    const key = await ask('keys.create', { name, type: newType });
    await refreshKeys();
    take(key.keyId, false);
  });
  const pick = (value: string): void => {
    const key = keys.find((one) => one.keyId === value);
    if (key !== undefined) take(key.keyId, key.exportedAtMs !== null);
    else {
      setNew(true);
      change({ keyId: null, isKeySettled: false });
    }
  };

  if (existing !== null)
    return (
      <div className="wizard-narrow">
        <h1 className="hero">{t('key.joinTitle')}</h1>
        {current !== undefined && draft.keyId === existing.keyId ? (
          <p className="key-made" role="status"><IconCheck size={18} stroke={1.6} aria-hidden="true" /><span>{t('key.haveIt', { name: current.name })} <span className="mono">{fingerprint(current.fingerprint)}</span></span></p>
        ) : (
          <>
            <p className="mute measure">{t('key.joinSays')}</p>
            {existing.keyFingerprint !== null && <p className="note sm"><IconKey size={16} stroke={1.75} aria-hidden="true" /><span>{t('key.needs')} <span className="mono selectable">{fingerprint(existing.keyFingerprint)}</span></span></p>}
            <p><Button leftSection={<IconFileImport size={16} />} onClick={() => setImporting(true)}>{t('keys.importButton')}</Button></p>
            {current !== undefined && <ErrorNote error={{ code: 'key-not-found', says: t('key.wrongKey', { name: current.name }), next: t('key.wrongKeyNext'), retry: 'after-user', about: {} }} />}
          </>
        )}
        {isImporting && <ImportKey onClose={() => setImporting(false)} onImported={(key) => change({ keyId: key.keyId, isKeySettled: key.keyId === existing.keyId })} />}
      </div>
    );
  return (
    <div className="wizard-narrow">
      <h1 className="hero">{current === undefined ? t('key.title') : t('key.madeTitle')}</h1>
      <p className="mute measure">{current === undefined ? t('key.says') : t('key.madeSays')}</p>
      {keys.length > 0 && current?.exportedAtMs !== null && (
        <Choices
          label={t('key.title')} value={isNew ? NEW : (draft.keyId ?? NEW)} onChange={pick}
          options={[
            { value: NEW, title: t('key.makeNew'), says: t('key.makeNewSays'), icon: <IconPlus size={20} stroke={1.6} /> },
            ...keys.map((key) => ({ value: key.keyId, title: key.name, says: `${t(`keys.types.${key.type}`)}, ${fingerprint(key.fingerprint)}, ${key.exportedAtMs === null ? t('keys.fileNever') : t('keys.fileSaved', { at: date(key.exportedAtMs) })}`, icon: <IconKey size={20} stroke={1.6} /> })),
          ]}
        />
      )}
      {current === undefined && isNew && (
        <>
        <div className="row key-kind">{draft.mode === 'cse-c' && <SegmentedControl withItemsBorders={false} className="own-width" aria-label={t('key.type')} value={draft.keyType} onChange={(keyType) => change({ keyType })} classNames={{ root: 'seg', label: 'seg-label', indicator: 'seg-on' }} data={[{ value: 'aes', label: t('keys.types.aes') }, { value: 'rsa', label: t('keys.types.rsa') }]} />}
        <span className="sm mute">{t(`key.typeSays.${newType}`)}</span></div>
        <div className="row end key-new">
          <TextInput className="grow" label={t('keys.name')} description={t('key.nameSays')} value={name} onChange={(event) => setName(event.currentTarget.value)} />
          <Button variant="filled" onClick={make} disabled={name.trim() === ''} loading={action.isRunning}>{t('keys.make')}</Button>
          <Button leftSection={<IconFileImport size={16} />} onClick={() => setImporting(true)}>{t('keys.importButton')}</Button>
        </div>
        {isImporting && <ImportKey type={newType} onClose={() => setImporting(false)} onImported={(key) => take(key.keyId, key.exportedAtMs !== null)} />}
        </>
      )}
      {action.error !== null && <ErrorNote error={action.error} />}
      {current !== undefined && (
        <section className="panel key-panel">
          <div className="row">
            <span className="key-icon client"><IconKey size={18} stroke={1.6} aria-hidden="true" /></span>
            <span className="col grow"><span className="b">{current.name}</span><span className="mono sm mute selectable">{fingerprint(current.fingerprint)}</span></span>
            <span className="st ok sm"><IconCheck size={16} stroke={1.75} aria-hidden="true" />{t('key.inKeychain')}</span>
          </div>
          <div className="key-file">
            <h2 className="h3">{t('key.fileTitle')}</h2>
            <p className="sm mute">{t('key.fileSays')}</p>
            <SaveKeyFile key={current.keyId} keyView={current} onSaved={() => change({ isKeySettled: true })} />
            {current.exportedAtMs === null && (
              <Checkbox
                size="xs" className="key-skip" classNames={{ input: 'check', label: 'check-label' }} checked={isSkipping} label={t('key.skip')}
                onChange={(event) => { setSkipping(event.currentTarget.checked); change({ isKeySettled: event.currentTarget.checked }); }}
              />
            )}
          </div>
        </section>
      )}
    </div>
  );
}
