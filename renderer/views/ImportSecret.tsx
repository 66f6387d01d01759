/** A key that AWS Secrets Manager keeps, taken into this computer's keychain by the sign-in of a connection. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, SegmentedControl, Select, TextInput } from '@mantine/core';
import type { KeyView } from '../../preload/contract.ts';
import { ask, useAction } from '../bridge.ts';
import { ErrorNote } from '../components/bits.tsx';
import { Dialog } from '../components/Dialog.tsx';
import { refreshKeys, useStore } from '../store.ts';

export type KeyPlace = 'file' | 'secret';
const PLACES = ['file', 'secret'] as const;
const TYPES = ['aes', 'rsa', 'sse-c'] as const;
const select = { input: 'field-input', label: 'field-label', dropdown: 'menu', option: 'menu-item' };

export function KeyFrom({ from, onFrom }: { from: KeyPlace; onFrom: (from: KeyPlace) => void }): ReactElement {
  const { t } = useTranslation();
  return <SegmentedControl withItemsBorders={false} className="own-width" aria-label={t('secret.from')} value={from} onChange={onFrom} classNames={{ root: 'seg', label: 'seg-label', indicator: 'seg-on' }} data={PLACES.map((value) => ({ value, label: t(`secret.froms.${value}`) }))} />;
}

type Props = { /** Of the key that is needed. */ type?: KeyView['type'] | undefined; onFrom: (from: KeyPlace) => void; onClose: () => void; onImported?: ((key: KeyView) => void) | undefined };

export function ImportSecret({ type, onFrom, onClose, onImported }: Props): ReactElement {
  const { t } = useTranslation();
  const connections = useStore((state) => state.connections).filter(({ kind }) => kind === 's3');
  const [connectionId, setConnectionId] = useState(connections[0]?.id ?? '');
  const [secretId, setSecretId] = useState('');
  const [name, setName] = useState('');
  const [kind, setKind] = useState<KeyView['type']>(type ?? 'aes');
  const action = useAction();
  const isReady = connectionId !== '' && secretId.trim() !== '' && name.trim() !== '';
  const take = (): void => void action.run(async () => {
    const key = await ask('keys.importSecret', { name, secretId, connectionId, type: kind });
    await refreshKeys();
    onImported?.(key);
    onClose();
  });
  return (
    <Dialog name={t('keys.importTitle')} width={520} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); if (isReady) take(); }}>
        <div className="dialog-body">
          <h1>{t('keys.importTitle')}</h1>
          <KeyFrom from="secret" onFrom={onFrom} />
          <p className="mute">{t('secret.says')}</p>
          <TextInput className="mono-input" label={t('secret.id')} value={secretId} onChange={(event) => setSecretId(event.currentTarget.value)} spellCheck={false} data-autofocus />
          <div className="fields-two">
            <Select classNames={select} label={t('secret.connection')} allowDeselect={false} value={connectionId} onChange={(value) => setConnectionId(value ?? '')} data={connections.map(({ id, name: label }) => ({ value: id, label }))} />
            <Select classNames={select} label={t('secret.type')} allowDeselect={false} disabled={type !== undefined} value={kind} onChange={(value) => setKind(value ?? 'aes')} data={TYPES.map((value) => ({ value, label: t(`keys.types.${value}`) }))} />
          </div>
          <TextInput label={t('keys.name')} value={name} onChange={(event) => setName(event.currentTarget.value)} />
          {action.error !== null && <ErrorNote error={action.error} />}
        </div>
        <div className="foot"><span className="grow" /><Button onClick={onClose}>{t('common.cancel')}</Button><Button variant="filled" type="submit" disabled={!isReady} loading={action.isRunning}>{t('keys.import')}</Button></div>
      </form>
    </Dialog>
  );
}
