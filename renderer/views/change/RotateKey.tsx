/** A new key in the place of an old one, for every folder that uses it; and taking a key away that nothing needs. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '@mantine/core';
import { IconInfoCircle, IconKey, IconPlus } from '@tabler/icons-react';
import type { KeyView } from '../../../preload/contract.ts';
import { ask, useAction, useAnswer } from '../../bridge.ts';
import { Choices, ErrorNote } from '../../components/bits.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { count, fingerprint, visible } from '../../format.ts';
import { refreshFolders, refreshKeys, useStore } from '../../store.ts';
import { ChangeCost } from './ChangeCost.tsx';

const MADE = 'made';

function Rotate({ keyView, onBegun, onClose }: { keyView: KeyView; onBegun: (nextKeyId: string) => void; onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  const others = useStore((state) => state.keys).filter(({ keyId, type }) => keyId !== keyView.keyId && (type === 'sse-c') === (keyView.type === 'sse-c'));
  const [chosen, setChosen] = useState(MADE);
  const to = chosen === MADE ? null : chosen;
  const { value, error } = useAnswer('keys.previewRotation', { keyId: keyView.keyId, to });
  const action = useAction();
  const title = t('rotate.title', { name: visible(keyView.name) });
  const begin = (): void => void action.run(async () => {
    const { nextKeyId } = await ask('keys.rotate', { keyId: keyView.keyId, to });
    await Promise.all([refreshKeys(), refreshFolders()]);
    onBegun(nextKeyId);
  });
  return (
    <Dialog name={title} width={640} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); if (value !== null) begin(); }}>
        <div className="dialog-body">
          <h1>{title}</h1>
          <Choices
            label={t('rotate.next')} value={chosen} onChange={setChosen}
            options={[
              { value: MADE, title: t('rotate.made'), says: t('rotate.madeSays'), icon: <IconPlus size={20} stroke={1.6} /> },
              ...others.map((key) => ({ value: key.keyId, title: key.name, says: t('rotate.known', { fingerprint: fingerprint(key.fingerprint) }), icon: <IconKey size={20} stroke={1.6} /> })),
            ]}
          />
          {error !== null && <ErrorNote error={error} />}
          {value === null && error === null && <p className="mute" role="status">{t('change.counting')}</p>}
          {value?.folders.map((folder) => {
            const objects = Object.values(folder.ways).reduce((sum, one) => sum + one.objects, 0);
            return <section key={folder.folderId} className="rotate-folder" aria-label={folder.name}><h2 className="h3">{t('rotate.folder', { name: visible(folder.name), count: objects, value: count(objects) })}</h2><ChangeCost preview={folder} /></section>;
          })}
          <p className="note sm"><IconInfoCircle size={16} stroke={1.75} aria-hidden="true" /><span>{t('rotate.kept')}</span></p>
          {action.error !== null && <ErrorNote error={action.error} />}
        </div>
        <div className="foot"><span className="grow" /><Button onClick={onClose}>{t('common.cancel')}</Button><Button variant="filled" type="submit" disabled={value === null || error !== null} loading={action.isRunning} data-autofocus>{t('rotate.begin')}</Button></div>
      </form>
    </Dialog>
  );
}

function Remove({ keyView, onClose }: { keyView: KeyView; onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  const action = useAction();
  const title = t('rotate.removeTitle', { name: visible(keyView.name) });
  const remove = (): void => void action.run(async () => {
    await ask('keys.remove', { keyId: keyView.keyId });
    await refreshKeys();
  }).then((isDone) => isDone && onClose());
  return (
    <Dialog name={title} width={520} onClose={onClose}>
      <div className="dialog-body">
        <h1>{title}</h1>
        <p className="mute">{t('rotate.removeSays')}</p>
        {action.error !== null && <ErrorNote error={action.error} />}
      </div>
      <div className="foot"><span className="grow" /><Button onClick={onClose} data-autofocus>{t('rotate.keep')}</Button><Button variant="filled" className="btn danger-fill" loading={action.isRunning} onClick={remove}>{t('rotate.removeDo')}</Button></div>
    </Dialog>
  );
}

export function KeyChange({ keyView, onBegun }: { keyView: KeyView; /** Shows the key that is used from now on. */ onBegun: (nextKeyId: string) => void }): ReactElement {
  const { t } = useTranslation();
  const [dialog, setDialog] = useState<'rotate' | 'remove' | null>(null);
  const close = (): void => setDialog(null);
  return (
    <>
      <h3>{t('rotate.head')}</h3>
      {keyView.usedBy.length > 0 && <p className="sm mute">{t('rotate.openSays')}</p>}
      <div className="row">
        {keyView.usedBy.length > 0 && <Button onClick={() => setDialog('rotate')}>{t('rotate.open')}</Button>}
        <Button className="btn danger" onClick={() => setDialog('remove')}>{t('rotate.remove')}</Button>
      </div>
      {dialog === 'rotate' && <Rotate keyView={keyView} onClose={close} onBegun={(next) => { close(); onBegun(next); }} />}
      {dialog === 'remove' && <Remove keyView={keyView} onClose={close} />}
    </>
  );
}
