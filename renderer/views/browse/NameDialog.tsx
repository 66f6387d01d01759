import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, TextInput } from '@mantine/core';
import { useAction } from '../../bridge.ts';
import { ErrorNote } from '../../components/bits.tsx';
import { Dialog } from '../../components/Dialog.tsx';

/** Asks for one name: of a new folder, or a new one for what is there. */
export function NameDialog({ title, says, start, button, save, onClose }: { title: string; says: string; start: string; button: string; save: (name: string) => Promise<unknown>; onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  const [name, setName] = useState(start);
  const action = useAction();
  const isName = name.trim() !== '' && name !== start && !name.includes('/') && name !== '.' && name !== '..';
  return (
    <Dialog name={title} width={480} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); if (isName) void action.run(() => save(name)).then((isDone) => isDone && onClose()); }}>
        <div className="dialog-body"><h1>{title}</h1><p className="mute">{says}</p><TextInput label={t('keys.name')} value={name} onChange={(event) => setName(event.currentTarget.value)} error={name.includes('/') ? t('browse.noSlash') : undefined} spellCheck={false} data-autofocus />{action.error !== null && <ErrorNote error={action.error} />}</div>
        <div className="foot"><span className="grow" /><Button onClick={onClose}>{t('common.cancel')}</Button><Button variant="filled" type="submit" disabled={!isName} loading={action.isRunning}>{button}</Button></div>
      </form>
    </Dialog>
  );
}
