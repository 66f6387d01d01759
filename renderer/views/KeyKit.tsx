/** The recovery kit of one key: made, printed, and only then trusted when it was really tried. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, Textarea } from '@mantine/core';
import { IconCheck, IconChecks, IconPrinter } from '@tabler/icons-react';
import type { KeyView } from '../../preload/contract.ts';
import { ask, useAction } from '../bridge.ts';
import { ErrorNote } from '../components/bits.tsx';
import { Dialog } from '../components/Dialog.tsx';
import { StateGlyph } from '../components/glyphs.tsx';
import { date, slug } from '../format.ts';
import { refreshKeys } from '../store.ts';

const CHECKED: ReadonlySet<KeyView['kit']['state']> = new Set(['verified', 'due', 'outdated']);

function CheckKit({ keyView, onClose }: { keyView: KeyView; onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  const [words, setWords] = useState('');
  const [file, setFile] = useState<string | null>(null);
  const action = useAction();
  const count = words.trim() === '' ? 0 : words.trim().split(/\s+/).length;
  const choose = async (): Promise<void> => setFile(await ask('host.chooseOpenFile', { title: t('kit.checkTitle') }).catch(() => null));
  const check = (): void => void action.run(async () => {
    await ask('keys.verifyKit', { keyId: keyView.keyId, words: count === 0 ? null : words.trim(), file });
    await refreshKeys();
  }).then((isDone) => isDone && onClose());
  return (
    <Dialog name={t('kit.checkTitle')} width={520} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); check(); }}>
        <div className="dialog-body">
          <h1>{t('kit.checkTitle')}</h1>
          <p className="mute">{t('kit.checkSays')}</p>
          <Textarea label={t('kit.words', { count })} autosize minRows={3} value={words} onChange={(event) => setWords(event.currentTarget.value)} classNames={{ input: 'field-input', label: 'field-label' }} spellCheck={false} autoComplete="off" data-autofocus />
          <div className="row"><Button size="xs" onClick={() => void choose()}>{t('kit.orFile')}</Button><span className="mono sm mute ell">{file}</span></div>
          {action.error !== null && <ErrorNote error={action.error} />}
        </div>
        <div className="foot"><span className="grow" /><Button onClick={onClose}>{t('common.cancel')}</Button><Button variant="filled" type="submit" disabled={count === 0 && file === null} loading={action.isRunning}>{t('kit.check')}</Button></div>
      </form>
    </Dialog>
  );
}

export function KeyKit({ keyView }: { keyView: KeyView }): ReactElement {
  const { t } = useTranslation();
  const [isChecking, setChecking] = useState(false);
  const action = useAction();
  const { state, madeAtMs, verifiedAtMs } = keyView.kit;
  const isChecked = CHECKED.has(state);
  const make = (): void => void action.run(async () => {
    const file = await ask('host.chooseSaveFile', { title: t('kit.saveTitle'), suggestedName: `${slug(keyView.name)}-recovery-kit.pdf` });
    if (file === null) return;
    await ask('host.saveKitPdf', { keyId: keyView.keyId, file });
    await refreshKeys();
  });
  return (
    <>
      <h3>{t('kit.title')}</h3>
      <p className="sm mute">{t('kit.says')}</p>
      <ol className="key-steps">
        <li className={madeAtMs === null ? '' : 'ok'}>{madeAtMs === null ? <IconPrinter size={16} stroke={1.75} aria-hidden="true" /> : <IconCheck size={16} stroke={1.75} aria-hidden="true" />}<span><b>{t('kit.made')}</b> {madeAtMs === null ? t('ago.never') : date(madeAtMs)}</span></li>
        <li className={isChecked && state === 'verified' ? 'ok' : 'at'}>{isChecked && state === 'verified' ? <IconChecks size={16} stroke={1.75} aria-hidden="true" /> : <StateGlyph state="needs-attention" />}<span><b>{t('kit.checked')}</b> {verifiedAtMs === null ? t('ago.never') : date(verifiedAtMs)}{state === 'due' || state === 'outdated' ? `. ${t(`kit.${state}`)}` : ''}</span></li>
      </ol>
      {keyView.problem !== null && <ErrorNote error={keyView.problem} />}
      {action.error !== null && <ErrorNote error={action.error} />}
      <div className="row"><Button leftSection={<IconPrinter size={16} />} onClick={make} loading={action.isRunning}>{t('kit.make')}</Button><Button onClick={() => setChecking(true)} disabled={madeAtMs === null}>{t('kit.check')}</Button></div>
      {isChecking && <CheckKit keyView={keyView} onClose={() => setChecking(false)} />}
    </>
  );
}
