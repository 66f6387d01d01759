/** What Enfold removed or replaced in one folder on this computer: put back, or deleted for good after a question. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, Checkbox } from '@mantine/core';
import { IconArrowBackUp, IconTrash } from '@tabler/icons-react';
import type { FolderView, TrashedView, WireError } from '../../../preload/contract.ts';
import { ask, useAction, useAnswer } from '../../bridge.ts';
import { ErrorNote } from '../../components/bits.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { bytes, count, dateTime, visible } from '../../format.ts';

const MOST_SHOWN = 500;
/** So many ids at most in one request. */
const AT_ONCE = 10_000;
const check = { input: 'check', label: 'check-label' };
const sum = (files: readonly TrashedView[]): number => files.reduce((total, { sizeBytes }) => total + sizeBytes, 0);

function AskDelete({ folder, files, onDone, onClose }: { folder: FolderView; files: readonly TrashedView[]; onDone: (removed: number, size: number) => void; onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  const action = useAction();
  const words = { count: files.length, value: count(files.length) };
  const remove = (): void => {
    let done = { removed: 0, bytes: 0 };
    void action.run(async () => {
      for (let at = 0; at < files.length; at += AT_ONCE) {
        const gone = await ask('trash.empty', { folderId: folder.id, trashIds: files.slice(at, at + AT_ONCE).map(({ trashId }) => trashId) });
        done = { removed: done.removed + gone.removed, bytes: done.bytes + gone.bytes };
      }
    }).then((isDone) => isDone && onDone(done.removed, done.bytes));
  };
  return (
    <Dialog name={t('trash.ask', words)} width={480} onClose={onClose}>
      <div className="dialog-body"><h1>{t('trash.ask', words)}</h1><p className="mute">{t('trash.askSays', { bytes: bytes(sum(files)) })}</p>{action.error !== null && <ErrorNote error={action.error} />}</div>
      <div className="foot"><span className="grow" /><Button onClick={onClose} data-autofocus>{t('trash.keep')}</Button><Button variant="filled" className="btn danger-fill" loading={action.isRunning} onClick={remove}>{t('trash.do', words)}</Button></div>
    </Dialog>
  );
}

export function TrashList({ folder }: { folder: FolderView }): ReactElement {
  const { t } = useTranslation();
  const { value, error, isLoading, reload } = useAnswer('trash.list', { folderId: folder.id }, folder.status.lastSuccessMs);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [replaces, setReplaces] = useState(false);
  const [asked, setAsked] = useState<readonly TrashedView[] | null>(null);
  const [says, setSays] = useState('');
  const [failed, setFailed] = useState<readonly { path: string; error: WireError }[]>([]);
  const action = useAction();
  const files = value ?? [];
  const mine = files.filter(({ trashId }) => chosen.has(trashId));
  const begin = (): void => {
    setSays('');
    setFailed([]);
  };
  const toggle = (trashId: string): void => setChosen((last) => (last.has(trashId) ? new Set([...last].filter((one) => one !== trashId)) : new Set([...last, trashId])));
  const putBack = (): void => {
    begin();
    void action.run(async () => {
      const done = await ask('trash.restore', { folderId: folder.id, trashIds: mine.slice(0, AT_ONCE).map(({ trashId }) => trashId), replaces });
      setSays(t('trash.done', { count: done.restored, value: count(done.restored) }));
      setFailed(done.failed);
      setChosen(new Set());
    }).finally(reload);
  };
  return (
    <section aria-label={t('tabs.trash')} className="trash">
      <p className="sm mute quiet">{t('trash.says')}</p>
      {(error ?? action.error) !== null && <ErrorNote error={(error ?? action.error)!} />}
      {value === null && isLoading && <p className="mute" role="status">{t('common.loading')}</p>}
      {value !== null && (
        <div className="row trash-tools">
          {files.length > 0 && <Checkbox size="xs" classNames={check} label={t('trash.chooseAll')} checked={mine.length === files.length} indeterminate={mine.length > 0 && mine.length < files.length} onChange={(event) => setChosen(new Set(event.currentTarget.checked ? files.map(({ trashId }) => trashId) : []))} />}
          <span className="sm mute grow" role="status">{says}</span>
          {mine.length > 0 && <Checkbox size="xs" classNames={check} label={t('trash.replaces')} checked={replaces} onChange={(event) => setReplaces(event.currentTarget.checked)} />}
          {mine.length > 0 && <Button size="xs" leftSection={<IconArrowBackUp size={14} />} loading={action.isRunning} onClick={putBack}>{t('trash.back')}</Button>}
          {files.length > 0 && <Button size="xs" className="btn danger" leftSection={<IconTrash size={14} />} onClick={() => { begin(); setAsked(mine.length > 0 ? mine : files); }}>{t(mine.length > 0 ? 'trash.remove' : 'trash.emptyAll')}</Button>}
        </div>
      )}
      {failed.length > 0 && <div className="note sm" role="alert"><div className="col"><span>{t('trash.failed', { count: failed.length })}</span><ul>{failed.slice(0, 20).map(({ path, error: why }) => <li key={path}><bdi className="mono">{visible(path)}</bdi> <span className="mute">{visible(why.says)} {visible(why.next)}</span></li>)}</ul></div></div>}
      {value !== null && files.length === 0 && <p className="mute quiet">{t('trash.empty')}</p>}
      {files.length > 0 && (
        <div role="table" aria-label={t('tabs.trash')}>
          <div className="thead trash-grid" role="row"><span role="columnheader"><span className="sr">{t('trash.chosen')}</span></span><span role="columnheader">{t('trash.name')}</span><span className="num" role="columnheader">{t('trash.size')}</span><span role="columnheader">{t('trash.at')}</span></div>
          {files.slice(0, MOST_SHOWN).map((file) => (
            <div className="tr trash-grid" role="row" key={file.trashId}>
              <span role="cell"><Checkbox size="xs" classNames={check} checked={chosen.has(file.trashId)} aria-label={t('trash.choose', { name: file.path })} onChange={() => toggle(file.trashId)} /></span>
              <bdi className="ell" role="cell">{visible(file.path)}</bdi><span className="num sm mute" role="cell">{bytes(file.sizeBytes)}</span><span className="sm mute" role="cell">{dateTime(file.trashedAtMs)}</span>
            </div>
          ))}
          {files.length > MOST_SHOWN && <p className="sm mute quiet">{t('trash.more', { count: files.length - MOST_SHOWN, value: count(files.length - MOST_SHOWN) })}</p>}
        </div>
      )}
      {asked !== null && (
        <AskDelete
          folder={folder} files={asked} onClose={() => setAsked(null)}
          onDone={(removed, size) => { setAsked(null); setChosen(new Set()); setSays(t('trash.gone', { count: removed, value: count(removed), bytes: bytes(size) })); reload(); }}
        />
      )}
    </section>
  );
}
