/** While Enfold is locked nothing of the folders is shown; the keys are out of memory. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, PasswordInput } from '@mantine/core';
import { ask, useAction } from '../bridge.ts';
import { ErrorNote } from '../components/bits.tsx';
import { StateGlyph } from '../components/glyphs.tsx';
import { focusWhenShown } from '../focus.ts';
import { load, useStore } from '../store.ts';

export function LockedView(): ReactElement {
  const { t } = useTranslation();
  const { lock, info } = useStore();
  const [passphrase, setPassphrase] = useState('');
  const action = useAction();
  const needsPassphrase = lock?.method !== 'none';
  const unlock = (): void => void action.run(async () => {
    await ask('lock.unlock', { passphrase: needsPassphrase ? passphrase : null });
    await load();
  });
  const withSystem = (): void => void action.run(async () => { if (await ask('host.unlockWithSystem', undefined)) await load(); });
  return (
    <main className="locked-view" ref={focusWhenShown} tabIndex={-1}>
      <form onSubmit={(event) => { event.preventDefault(); unlock(); }}>
        <span className="locked-mark"><StateGlyph state="locked" size={40} /></span>
        <h1 className="hero">{t('locked.title')}</h1>
        <p className="mute">{t('locked.says')}</p>
        {needsPassphrase && <PasswordInput label={t('keychain.passphrase')} value={passphrase} onChange={(event) => setPassphrase(event.currentTarget.value)} autoComplete="off" />}
        {action.error !== null && <ErrorNote error={action.error} />}
        <div className="row"><Button variant="filled" type="submit" disabled={needsPassphrase && passphrase === ''} loading={action.isRunning}>{t('locked.do')}</Button>{info?.platform === 'darwin' && needsPassphrase && <Button onClick={withSystem}>{t('locked.touch')}</Button>}</div>
      </form>
    </main>
  );
}
