/** The window's requests about limits, the trash, earlier versions and single paths. */
import type { EngineHandlers, LimitsView } from '../../preload/contract.ts';
import { SyncError } from '../model/errors.ts';
import { formatRateTable, parseRateTable, type RateTable, type TransferLimits } from '../model/transfer-limits.ts';
import type { Enfold } from './api.ts';

type Names = 'limits.get' | 'limits.set' | 'trash.list' | 'trash.restore' | 'trash.empty' | 'folders.restore' | 'folders.why';

function viewOf({ upload, download, transfers }: TransferLimits): LimitsView {
  return { upload: formatRateTable(upload), download: formatRateTable(download), transfers: transfers ?? null };
}

function rateOf(text: string): RateTable | undefined {
  const table = parseRateTable(text);
  if (table === null) throw new SyncError('bad-usage', { detail: `${text} is no rate` });
  return table.length === 1 && table[0]?.bytesPerSecond === null ? undefined : table;
}

/** @param syncNow - what came back is to go up soon. */
export function createPastHandlers(enfold: Enfold, syncNow: (folderId: string) => void, signal: AbortSignal): Pick<EngineHandlers, Names> {
  const { folders } = enfold;
  return {
    'limits.get': async ({ folderId }) => viewOf(folderId === null ? enfold.limits() : (folders.find(folderId).limits ?? {})),
    'limits.set': async ({ folderId, upload, download, transfers }) => {
      const changes: TransferLimits = {
        ...(upload === undefined ? {} : { upload: rateOf(upload) }), ...(download === undefined ? {} : { download: rateOf(download) }), ...(transfers === undefined ? {} : { transfers: transfers ?? undefined }),
      };
      return viewOf(folderId === null ? enfold.setLimits(changes) : ((await folders.set(folderId, { limits: changes })).limits ?? {}));
    },
    'trash.list': async ({ folderId }) => (await enfold.trash.list(folderId)).map(({ id: trashId, path, sizeBytes, modifiedMs, trashedAtMs }) => ({ trashId, path, sizeBytes, modifiedMs, trashedAtMs })),
    'trash.restore': async ({ folderId, trashIds, replaces }) => {
      const done = [];
      for (const one of trashIds) done.push(...(await enfold.trash.restore(folderId, one, { to: null, replaces })));
      syncNow(folderId);
      return { restored: done.filter(({ error }) => error === null).length, failed: done.flatMap(({ path, error }) => (error === null ? [] : [{ path, error }])) };
    },
    'trash.empty': async ({ folderId, trashIds }) => enfold.trash.empty(folderId, trashIds),
    'folders.restore': async ({ folderId, path, atMs, to, includesDeleted = false, isDryRun }) => {
      const { restored, bytes, unchanged, newer, failed } = await enfold.restore({ type: 'folder', folder: folderId, path }, { at: atMs, versionId: null, to, includesDeleted, isDryRun, signal });
      if (to === null && !isDryRun) syncNow(folderId);
      return { restored, bytes, unchanged, newer, failed: [...failed] };
    },
    'folders.why': async ({ folderId, path: wanted }) => {
      const { path, local, remote, skipped, recent, next } = await enfold.why(folderId, wanted, signal);
      return {
        path, skipped: [...skipped], recent: [...recent], next,
        local: { state: local.state, change: local.change, sizeBytes: local.sizeBytes, modifiedMs: local.modifiedMs },
        remote: { state: remote.state, change: remote.change, sizeBytes: remote.sizeBytes, storedAtMs: remote.storedAtMs, problem: remote.problem },
      };
    },
  };
}
