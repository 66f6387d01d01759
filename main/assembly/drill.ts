/**
 * The restore drill: some files of a folder, chosen at random, are fetched with nothing but what a restore would have (the keys at
 * rest and the bucket), decrypted, verified, and compared with the ones on this disk.
 */
import { createHash } from 'node:crypto';
import { createReadStream, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { SyncError } from '../model/errors.ts';
import type { SyncPath } from '../model/path.ts';
import type { FolderSettings } from '../model/settings.ts';
import { stampOf } from '../local/stamp.ts';
import type { FolderState } from '../sync/ports.ts';
import type { DrillReport, DrillState } from './api.ts';
import type { Wiring } from './open-folder.ts';
import { verifyFolder } from './verify.ts';

const DRILL_FACT = 'last-drill';
export const DRILL_FILES = 5;
export const DRILL_EVERY_MS = 30 * 24 * 3600_000;

export function drillStateOf(state: Pick<FolderState, 'fact'>): DrillState | null {
  return state.fact<DrillState>(DRILL_FACT);
}

/** True where the folder has something to prove and nothing was proved lately. */
export function isDrillDue(drill: DrillState | null, lastSuccessMs: number | null, nowMs: number): boolean {
  return lastSuccessMs !== null && (drill === null || nowMs - drill.atMs > DRILL_EVERY_MS);
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** True: compared with the file here, which nobody has touched since it was synced. @throws SyncError not-authentic where they differ */
async function compare(folder: FolderSettings, state: FolderState, path: SyncPath, etag: string, staged: string): Promise<boolean> {
  const base = state.baseAt(path);
  const local = join(folder.localPath, ...path.split('/'));
  const stampHere = (): string | null => {
    const stats = lstatSync(local, { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? null : stampOf(stats);
  };
  if (base === null || base.etag !== etag || stampHere() !== base.stamp) return false;
  const [here, back] = [await sha256Of(local), await sha256Of(staged)];
  if (here === back) return true;
  // Edited this very moment: nothing is said about what came back.
  if (stampHere() !== base.stamp) return false;
  throw new SyncError('not-authentic', { path, detail: 'what came back is not what is here' });
}

/** @throws SyncError what keeps the folder from being opened, such as a key that is gone: that is a drill that failed before it began */
export async function drillFolder(folder: FolderSettings, wiring: Wiring, { files, signal, onProgress }: { readonly files: number; readonly signal: AbortSignal; readonly onProgress?: ((done: number, total: number) => void) | undefined }): Promise<DrillReport> {
  let compared = 0;
  const report = await verifyFolder(folder, wiring, {
    sample: files, signal, ...(onProgress === undefined ? {} : { onProgress }),
    onFile: async ({ path, etag, staged }, state) => {
      if (await compare(folder, state, path, etag, staged)) compared += 1;
    },
  });
  const { openFolderState } = await import('../state/folder-state.ts');
  const state = openFolderState(wiring.home, folder.id);
  try {
    const atMs = Date.now();
    const isProven = report.failed.length === 0;
    const drill: DrillState = { atMs, files: report.checked, bytes: report.bytes, compared, failed: report.failed.length, lastProvenMs: isProven ? atMs : (drillStateOf(state)?.lastProvenMs ?? null) };
    state.putFact(DRILL_FACT, drill);
    return { ...drill, id: folder.id, name: folder.name, problems: report.failed };
  } finally {
    state.close();
  }
}
