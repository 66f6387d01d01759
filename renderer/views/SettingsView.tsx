import { useState, type ReactElement, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, PasswordInput, SegmentedControl, Select, Switch } from '@mantine/core';
import type { AppSettings } from '../../preload/contract.ts';
import { ask, useAction, useAnswer } from '../bridge.ts';
import { ErrorNote } from '../components/bits.tsx';
import { Dialog } from '../components/Dialog.tsx';
import { PassphraseFields } from '../components/PassphraseFields.tsx';
import { changeSettings, useStore } from '../store.ts';
import { SpeedSettings } from './SpeedSettings.tsx';

const seg = { root: 'seg', label: 'seg-label', indicator: 'seg-on' };
const AFTER = ['never', '5', '15', '60', '240'] as const;
const NOTICES = ['held', 'problem', 'locked'] as const;

function Setting({ name, says, children }: { name: string; says?: string; children: ReactNode }): ReactElement {
  return <div className="setting"><div className="col grow"><span className="b">{name}</span>{says !== undefined && <span className="sm mute">{says}</span>}</div>{children}</div>;
}

function LockPassphrase({ hasOne, onClose }: { hasOne: boolean; onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState<string | null>(null);
  const action = useAction();
  const save = (): void => void action.run(() => ask('lock.setPassphrase', { current: current === '' ? null : current, next })).then((isDone) => isDone && onClose());
  return (
    <Dialog name={t('prefs.lockPassphrase')} width={480} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); if (next !== null) save(); }}>
        <div className="dialog-body"><h1>{t('prefs.lockPassphrase')}</h1><p className="mute">{t('prefs.lockPassphraseSays')}</p>{hasOne && <PasswordInput label={t('prefs.currentPassphrase')} value={current} onChange={(event) => setCurrent(event.currentTarget.value)} />}<PassphraseFields onChange={setNext} onEnter={save} />{action.error !== null && <ErrorNote error={action.error} />}</div>
        <div className="foot"><span className="grow" /><Button onClick={onClose}>{t('common.cancel')}</Button><Button variant="filled" type="submit" disabled={next === null} loading={action.isRunning}>{t('prefs.setPassphrase')}</Button></div>
      </form>
    </Dialog>
  );
}

export function SettingsView(): ReactElement {
  const { t } = useTranslation();
  const { settings, info } = useStore();
  const lock = useAnswer('lock.state', undefined);
  const action = useAction();
  const [isSetting, setSetting] = useState(false);
  const change = (part: Partial<AppSettings>): void => void action.run(() => changeSettings(part));
  const lockNow = lock.value?.settings;
  const changeLock = (part: Partial<NonNullable<typeof lockNow>>): void => void action.run(async () => {
    if (lockNow !== undefined) await ask('lock.setSettings', { ...lockNow, ...part });
    lock.reload();
  });
  if (settings === null) return <div className="page" />;
  return (
    <div className="page scroll settings-view">
      <header className="page-head"><div className="grow"><h1>{t('rail.settings')}</h1></div></header>
      {(action.error ?? lock.error) !== null && <ErrorNote error={(action.error ?? lock.error)!} />}
      <section className="panel settings-panel">
        <h2 className="h3">{t('prefs.looks')}</h2>
        <Setting name={t('prefs.theme')}><SegmentedControl withItemsBorders={false} aria-label={t('prefs.theme')} value={settings.theme} onChange={(theme) => change({ theme })} classNames={seg} data={(['system', 'light', 'dark'] as const).map((value) => ({ value, label: t(`prefs.themes.${value}`) }))} /></Setting>
        <Setting name={t('prefs.language')}><SegmentedControl withItemsBorders={false} aria-label={t('prefs.language')} value={settings.language} onChange={(language) => change({ language })} classNames={seg} data={(['system', 'en', 'de'] as const).map((value) => ({ value, label: t(`prefs.languages.${value}`) }))} /></Setting>
      </section>
      <section className="panel settings-panel">
        <h2 className="h3">{t('prefs.notices')}</h2>
        {NOTICES.map((kind) => <Setting key={kind} name={t(`prefs.notice.${kind}`)} says={t(`prefs.noticeSays.${kind}`)}><Switch aria-label={t(`prefs.notice.${kind}`)} checked={settings.notifications[kind]} onChange={(event) => change({ notifications: { ...settings.notifications, [kind]: event.currentTarget.checked } })} /></Setting>)}
      </section>
      <section className="panel settings-panel">
        <h2 className="h3">{t('prefs.lock')}</h2>
        <p className="sm mute">{t('prefs.lockSays')}</p>
        {lockNow !== undefined && (
          <>
            <Setting name={t('prefs.lockAfter')}><Select aria-label={t('prefs.lockAfter')} classNames={{ input: 'field-input', dropdown: 'menu', option: 'menu-item' }} allowDeselect={false} value={lockNow.idleMinutes === null ? 'never' : String(lockNow.idleMinutes)} onChange={(value) => changeLock({ idleMinutes: value === null || value === 'never' ? null : Number(value) })} data={[...new Set([...AFTER, ...(lockNow.idleMinutes === null ? [] : [String(lockNow.idleMinutes)])])].map((value) => ({ value, label: value === 'never' ? t('prefs.never') : t('prefs.minutes', { count: Number(value) }) }))} /></Setting>
            <Setting name={t('prefs.onScreenLock')}><Switch aria-label={t('prefs.onScreenLock')} checked={lockNow.onScreenLock} onChange={(event) => changeLock({ onScreenLock: event.currentTarget.checked })} /></Setting>
            <Setting name={t('prefs.onSleep')}><Switch aria-label={t('prefs.onSleep')} checked={lockNow.onSleep} onChange={(event) => changeLock({ onSleep: event.currentTarget.checked })} /></Setting>
            {lock.value?.method !== 'key-file' && <Setting name={t('prefs.lockPassphrase')} says={t(lock.value?.method === 'passphrase' ? 'prefs.hasPassphrase' : 'prefs.noPassphrase')}><Button onClick={() => setSetting(true)}>{t('prefs.setPassphrase')}</Button></Setting>}
          </>
        )}
      </section>
      <SpeedSettings folderId={null} />
      <section className="panel settings-panel">
        <h2 className="h3">{t('prefs.computer')}</h2>
        <Setting name={t('prefs.startAtLogin')} says={t('prefs.startAtLoginSays')}><Switch aria-label={t('prefs.startAtLogin')} checked={settings.startAtLogin} onChange={(event) => change({ startAtLogin: event.currentTarget.checked })} /></Setting>
      </section>
      <footer className="sm faint page-foot">{t('prefs.version', { version: info?.version ?? '' })}</footer>
      {isSetting && <LockPassphrase hasOne={lock.value?.method === 'passphrase'} onClose={() => { setSetting(false); lock.reload(); }} />}
    </div>
  );
}
