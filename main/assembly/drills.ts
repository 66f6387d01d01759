/** When the resident engine proves that folders can be restored: once a month, a few files of each, while it is in step. */
import type { FolderSettings } from '../model/settings.ts';
import type { DrillReport, Enfold } from './api.ts';
import { DRILL_FILES, isDrillDue } from './drill.ts';

/** How often it is looked whether one is due. */
const LOOK_EVERY_MS = 3600_000;

export type Drills = {
  start(): void;
  /** One at a time. @param files - null: as many as the schedule takes. */
  run(folderId: string, files: number | null): Promise<DrillReport>;
  /** Those that are due now; the schedule calls it. */
  runDue(): Promise<readonly DrillReport[]>;
  close(): void;
};

type Options = { readonly statusOf: (folder: FolderSettings) => string; readonly signal: AbortSignal };

export function createDrills(enfold: Enfold, { statusOf, signal }: Options): Drills {
  let timer: NodeJS.Timeout | null = null;
  let turn: Promise<unknown> = Promise.resolve();

  const run: Drills['run'] = async (folderId, files) => {
    const mine = turn.then(async () => enfold.drill(folderId, { files: files ?? DRILL_FILES, signal }));
    turn = mine.catch(() => undefined);
    return mine;
  };

  const runDue = async (): Promise<readonly DrillReport[]> => {
    const reports: DrillReport[] = [];
    for (const folder of enfold.folders.list()) {
      if (signal.aborted || enfold.lock.isLocked() || statusOf(folder) !== 'up-to-date') continue;
      const { drill, lastSuccessMs } = await enfold.folders.recordsOf(folder.id);
      if (!isDrillDue(drill, lastSuccessMs, Date.now())) continue;
      const report = await run(folder.id, null);
      enfold.wiring.log(`${folder.id.slice(0, 8)}: restore drill, ${report.files} files, ${report.failed} failed`);
      reports.push(report);
    }
    return reports;
  };

  return {
    start: () => {
      timer ??= setInterval(() => void runDue().catch((error: unknown) => enfold.wiring.log(`restore drill: ${error instanceof Error ? error.message : 'failed'}`)), LOOK_EVERY_MS);
      timer.unref();
    },
    run, runDue,
    close: () => {
      if (timer !== null) clearInterval(timer);
    },
  };
}
