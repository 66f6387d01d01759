/** When some files last came back from S3 as they were sent: of all folders, and the way to try it now. */
import { useCallback, useEffect, useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { UnstyledButton } from '@mantine/core';
import type { DrillView, FolderView } from '../../preload/contract.ts';
import { ask, useAction } from '../bridge.ts';
import { count, longDateTime } from '../format.ts';
import { openFolder } from '../store.ts';
import { ErrorNote } from './bits.tsx';

/** The last drill of each folder that had one. */
function useDrills(folders: readonly FolderView[]): { drills: ReadonlyMap<string, DrillView>; reload: () => void } {
  const [drills, setDrills] = useState<ReadonlyMap<string, DrillView>>(new Map());
  const [round, setRound] = useState(0);
  const asked = JSON.stringify({ round, ids: folders.map(({ id }) => id) });
  useEffect(() => {
    let isCurrent = true;
    const each = (JSON.parse(asked) as { ids: string[] }).ids.map(async (folderId) => [folderId, await ask('drill.last', { folderId })] as const);
    void Promise.allSettled(each).then((all) => {
      if (isCurrent) setDrills(new Map(all.flatMap((one) => (one.status === 'fulfilled' && one.value[1] !== null ? [[one.value[0], one.value[1]] as const] : []))));
    });
    return () => {
      isCurrent = false;
    };
  }, [asked]);
  return { drills, reload: useCallback(() => setRound((last) => last + 1), []) };
}

export function ProofPanel({ folders }: { folders: readonly FolderView[] }): ReactElement {
  const { t } = useTranslation();
  const { drills, reload } = useDrills(folders);
  const action = useAction();
  const provenMs = (folder: FolderView): number => drills.get(folder.id)?.lastProvenMs ?? 0;
  // What was proved longest ago is tried next.
  const next = folders.filter(({ status }) => status.state !== 'locked').toSorted((a, b) => provenMs(a) - provenMs(b))[0];
  const shown = folders.filter(({ id }) => drills.has(id)).toSorted((a, b) => drills.get(b.id)!.atMs - drills.get(a.id)!.atMs)[0];
  const last = shown === undefined ? null : drills.get(shown.id)!;
  const run = (): void => void action.run(async () => {
    if (next !== undefined) await ask('drill.run', { folderId: next.id });
    reload();
  });
  return (
    <section className="panel stat" aria-label={t('proof.title')}>
      <div className="row">
        <h2 className="h3 grow">{t('proof.title')}</h2>
        {next !== undefined && <UnstyledButton className="sm b stat-do" aria-label={t('proof.runOf', { name: next.name })} aria-busy={action.isRunning} onClick={run}>{t(action.isRunning ? 'common.loading' : 'proof.run')}</UnstyledButton>}
      </div>
      {last === null || shown === undefined ? (
        <><p className="stat-figure mute">{t('proof.never')}</p><p className="sm mute">{t('proof.neverSays')}</p></>
      ) : (
        <>
          <p className="stat-figure"><b>{t('proof.ofFiles', { count: last.files, files: count(last.files), right: count(last.files - last.failed) })}</b></p>
          <span className="ticks" aria-hidden="true">{Array.from({ length: Math.min(20, last.files) }, (_, index) => <i key={index} className={index < Math.ceil((Math.min(20, last.files) * last.failed) / Math.max(1, last.files)) ? 'bad' : ''} />)}</span>
          <p className="sm mute">{t('proof.says')}</p>
          <p className="sm"><span className="b">{longDateTime(last.atMs)}.</span> <UnstyledButton className="link sm" onClick={() => openFolder(shown.id, 'settings')}><bdi>{shown.name}</bdi></UnstyledButton></p>
        </>
      )}
      {action.error !== null && <ErrorNote error={action.error} />}
    </section>
  );
}
