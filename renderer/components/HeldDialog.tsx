/** Many files are gone on one side: nothing was deleted, and this asks. The safe answer is preselected and has Enter. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '@mantine/core';
import { IconFile, IconFolder } from '@tabler/icons-react';
import type { FolderView } from '../../preload/contract.ts';
import { ask, useAction } from '../bridge.ts';
import { count, percent, visible } from '../format.ts';
import { refreshFolders } from '../store.ts';
import { Choices, ErrorNote } from './bits.tsx';
import { Dialog } from './Dialog.tsx';
import { StateGlyph } from './glyphs.tsx';

/** Which side the files are gone from; the other is where they would be deleted. Where the reason does not tell, neither is claimed. */
const GONE_FROM: Readonly<Record<string, 'here' | 'there'>> = { 'mass-delete-remote': 'here', 'tree-delete-remote': 'here', 'tree-delete-local': 'there', 'root-emptied': 'here', 'mass-delete-local': 'there', 'remote-emptied': 'there', vanished: 'there' };

export function HeldDialog({ folder, onClose }: { folder: FolderView; onClose: () => void }): ReactElement | null {
  const { t } = useTranslation();
  const [answer, setAnswer] = useState<'bring-back' | 'delete'>('bring-back');
  const action = useAction();
  const { held } = folder.status;
  if (held === null) return null;
  const side = GONE_FROM[held.reason] ?? 'aSide';
  const title = t(`held.title.${side}`, { count: held.deletions, value: count(held.deletions) });
  const question = t(`held.question.${side}`, { count: held.deletions });
  const words = { count: held.deletions, value: count(held.deletions), name: folder.name, percent: percent(held.deletions, held.ofTotal) };
  const answerIt = async (): Promise<void> => {
    if (await action.run(() => ask('folders.answerHeld', { folderId: folder.id, answer }))) {
      await refreshFolders().catch(() => undefined);
      onClose();
    }
  };
  return (
    <Dialog name={`${title} ${question}`} width={640} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); if (answer === 'bring-back') void answerIt(); }}>
        <div className="held-top">
          <span className="held-mark"><StateGlyph state="needs-attention" size={22} /></span>
          <div>
            <h1>{title}<br />{question}</h1>
            <p className="mute">{held.ofTotal > 0 ? t(`held.saysShare.${side}`, words) : t(`held.says.${side}`, words)}</p>
          </div>
        </div>
        <div className="held-rest">
          {held.examples.length > 0 && (
            // oxlint-disable-next-line no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it
            <ul className="held-list" aria-label={t('held.examples')} tabIndex={0}>
              {held.examples.map((path) => (
                <li key={path}>
                  {path.endsWith('/') ? <IconFolder size={16} stroke={1.75} aria-hidden="true" /> : <IconFile size={16} stroke={1.75} aria-hidden="true" />}
                  <bdi className="mono ell">{visible(path)}</bdi>
                </li>
              ))}
              {held.deletions > held.examples.length && <li className="sm mute">{t('held.andMore', { count: held.deletions - held.examples.length, value: count(held.deletions - held.examples.length) })}</li>}
            </ul>
          )}
          <Choices
            label={question} value={answer} onChange={(value) => setAnswer(value as typeof answer)}
            options={[
              { value: 'bring-back', title: t(`held.bringBack.${side}`), says: t(`held.bringBackSays.${side}`) },
              { value: 'delete', title: t(`held.delete.${side}`), says: t(`held.deleteSays.${side}`) },
            ]}
          />
          {action.error !== null && <ErrorNote error={action.error} />}
        </div>
        <div className="foot">
          <span className="grow" />
          <Button onClick={onClose}>{t('held.later')}</Button>
          {answer === 'bring-back' ? (
            <Button variant="filled" type="submit" loading={action.isRunning} data-autofocus>{t(`held.bringBackDo.${side}`, words)}</Button>
          ) : (
            <Button variant="filled" className="btn danger-fill" loading={action.isRunning} onClick={() => void answerIt()}>{t(`held.deleteDo.${side}`, words)}</Button>
          )}
        </div>
      </form>
    </Dialog>
  );
}
