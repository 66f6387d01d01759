import { useState, type KeyboardEvent, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { PasswordInput } from '@mantine/core';

export const SHORTEST_PASSPHRASE = 12;

/** A passphrase twice. `onChange` gets it when it is long enough and both are equal, else null. */
export function PassphraseFields({ onChange, onEnter }: { onChange: (passphrase: string | null) => void; onEnter: () => void }): ReactElement {
  const { t } = useTranslation();
  const [first, setFirst] = useState('');
  const [second, setSecond] = useState('');
  const change = (one: string, other: string): void => {
    setFirst(one);
    setSecond(other);
    onChange(one.length >= SHORTEST_PASSPHRASE && one === other ? one : null);
  };
  // Inside the wizard, Enter in here must not submit the wizard's own form.
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    onEnter();
  };
  return (
    <div className="passphrases">
      <PasswordInput
        label={t('passphrase.first')} description={t('passphrase.says', { shortest: SHORTEST_PASSPHRASE })} value={first} onChange={(event) => change(event.currentTarget.value, second)}
        error={first !== '' && second !== '' && first.length < SHORTEST_PASSPHRASE ? t('passphrase.short', { shortest: SHORTEST_PASSPHRASE }) : undefined} autoComplete="off" onKeyDown={onKeyDown}
      />
      <PasswordInput
        label={t('passphrase.second')} value={second} onChange={(event) => change(first, event.currentTarget.value)} error={second !== '' && second !== first && second.length >= first.length ? t('passphrase.differ') : undefined} autoComplete="off" onKeyDown={onKeyDown}
      />
    </div>
  );
}
