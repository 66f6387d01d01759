/** Before something comes back from an earlier time: what that would be, and where to. Nothing is deleted by it. */
import { useEffect, useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, TextInput } from '@mantine/core';
import type { FolderView, RequestAnswer, RequestInput } from '../../../preload/contract.ts';
import { ask, useAction } from '../../bridge.ts';
import { Choices, ErrorNote } from '../../components/bits.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { bytes, count, longDateTime, visible } from '../../format.ts';

type Report = RequestAnswer<'folders.restore'>;
type Wanted = { /** Inside the folder; `''` all of it. */ paths: readonly string[]; /** Null: as each was before it was deleted. */ atMs: number | null; what: string };

const NOTHING: Report = { restored: 0, bytes: 0, unchanged: 0, newer: 0, failed: [] };
const add = (one: Report, other: Report): Report => ({ restored: one.restored + other.restored, bytes: one.bytes + other.bytes, unchanged: one.unchanged + other.unchanged, newer: one.newer + other.newer, failed: [...one.failed, ...other.failed] });

function inputOf(folderId: string, path: string, { atMs }: Wanted, to: string | null, isDryRun: boolean): RequestInput<'folders.restore'> {
  return { folderId, path, atMs, to, isDryRun, ...(atMs === null ? { includesDeleted: true } : {}) };
}
/** Below the chosen folder by its own name, so that nothing falls together. */
function targetOf(to: string | null, path: string): string | null {
  if (to === null || path === '') return to;
  const between = to.includes('\\') ? '\\' : '/';
  return `${to.replace(/[/\\]+$/, '')}${between}${path.replace(/\/$/, '').split('/').at(-1) ?? ''}`;
}

export function RestoreDialog({ folder, wanted, onDone, onClose }: { folder: FolderView; wanted: Wanted; onDone: (report: Report) => void; onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  const [where, setWhere] = useState<'place' | 'elsewhere'>('place');
  const [target, setTarget] = useState('');
  const [preview, setPreview] = useState<Report | null>(null);
  const looking = useAction();
  const action = useAction();
  const { run } = looking;
  const title = t('past.ask', { what: wanted.what });
  const restore = async (to: string | null, isDryRun: boolean): Promise<Report> => {
    let total = NOTHING;
    for (const path of wanted.paths) total = add(total, await ask('folders.restore', inputOf(folder.id, path, wanted, targetOf(to, path), isDryRun)));
    return total;
  };
  useEffect(() => {
    void run(async () => {
      let total = NOTHING;
      for (const path of wanted.paths) total = add(total, await ask('folders.restore', inputOf(folder.id, path, wanted, null, true)));
      setPreview(total);
    });
  }, [run, folder.id, wanted]);
  const choose = async (): Promise<void> => setTarget((await ask('host.chooseFolder', { title: t('past.chooseTitle') }).catch(() => null)) ?? target);
  const carryOut = (): void => {
    let report = NOTHING;
    void action.run(async () => {
      report = await restore(where === 'place' ? null : target, false);
    }).then((isDone) => isDone && onDone(report));
  };
  const isReady = preview !== null && (where === 'place' || target !== '');
  return (
    <Dialog name={title} width={600} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); if (isReady) carryOut(); }}>
        <div className="dialog-body">
          <h1>{title}</h1>
          <p className="mute">{wanted.atMs === null ? t('past.last') : t('past.then', { at: longDateTime(wanted.atMs) })}</p>
          {preview === null && looking.isRunning && <p className="mute" role="status">{t('past.looking')}</p>}
          {preview !== null && (
            <div className="restore-counts" role="status">
              <p className="b">{t('past.comes', { count: preview.restored, value: count(preview.restored), bytes: bytes(preview.bytes) })}</p>
              {preview.unchanged > 0 && <p className="mute">{t('past.unchanged', { count: preview.unchanged, value: count(preview.unchanged) })}</p>}
              {preview.newer > 0 && <p className="mute">{t('past.newer', { count: preview.newer, value: count(preview.newer) })}</p>}
            </div>
          )}
          <Choices
            label={t('past.where')} value={where} onChange={(value) => setWhere(value as typeof where)}
            options={[{ value: 'place', title: t('past.place'), says: t('past.placeSays') }, { value: 'elsewhere', title: t('past.elsewhere'), says: t('past.elsewhereSays') }]}
          />
          {where === 'elsewhere' && <div className="row end"><TextInput className="grow mono-input" label={t('past.target')} value={target} onChange={(event) => setTarget(event.currentTarget.value)} spellCheck={false} /><Button onClick={() => void choose()}>{t('common.choose')}</Button></div>}
          {(looking.error ?? action.error) !== null && <ErrorNote error={(looking.error ?? action.error)!} />}
          {(preview?.failed.length ?? 0) > 0 && <p className="sm mute">{t('past.failed', { count: preview?.failed.length ?? 0 })}: {preview?.failed.slice(0, 5).map(({ path }) => visible(path ?? '')).join(', ')}</p>}
        </div>
        <div className="foot"><span className="grow" /><Button onClick={onClose}>{t('common.cancel')}</Button><Button variant="filled" type="submit" disabled={!isReady} loading={action.isRunning} data-autofocus>{t('past.do')}</Button></div>
      </form>
    </Dialog>
  );
}
