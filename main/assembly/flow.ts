/**
 * How fast and how many at once files travel in this process: the limits of all folders and of each, as the settings have them now and as their timetables
 * say at this minute. Changed settings hold at once, also for transfers that are under way.
 */
import { hasSchedule, MOST_TRANSFERS, rateAt, type TransferLimits } from '../model/transfer-limits.ts';
import { SyncError } from '../model/errors.ts';
import { createMeter, setRates, type Meter } from '../remote/throttle.ts';
import { createLanes, DEFAULT_TRANSFERS, type FolderLanes } from '../transfer/lanes.ts';
import type { SettingsStore } from '../state/settings.ts';

export type FolderFlow = { readonly lanes: FolderLanes; readonly meters: readonly Meter[]; close(): void };
export type TransferFlow = {
  /** For a folder that is opened. */
  folder(folderId: string): FolderFlow;
  close(): void;
};

export const LIMITS_FACT = 'transfer-limits';
const LOOK_EVERY_MS = 15_000;

/** Of all folders together. */
export function limitsIn(settings: Pick<SettingsStore, 'fact'>): TransferLimits {
  return (settings.fact(LIMITS_FACT) as TransferLimits | null) ?? {};
}

/** @throws SyncError bad-usage */
export function checkTransfers(transfers: number | undefined): void {
  if (transfers !== undefined && !(Number.isInteger(transfers) && transfers >= 1 && transfers <= MOST_TRANSFERS)) throw new SyncError('bad-usage', { detail: `transfers at once are 1 to ${MOST_TRANSFERS}` });
}

export function createFlow(settings: SettingsStore, now: () => Date = () => new Date()): TransferFlow {
  const lanes = createLanes();
  const common = createMeter();
  const folders = new Map<symbol, { readonly folderId: string; readonly meter: Meter; readonly lanes: FolderLanes }>();
  const shown = new Map<Meter, string>();
  let timer: NodeJS.Timeout | null = null;
  let forget: (() => void) | null = null;

  const hold = (meter: Meter, limits: TransferLimits, at: Date): void => {
    const rates = { up: rateAt(limits.upload, at), down: rateAt(limits.download, at) };
    const text = `${rates.up} ${rates.down}`;
    // What was used of a rate that stays is not given back.
    if (shown.get(meter) !== text) setRates(meter, rates);
    shown.set(meter, text);
  };

  function apply(): void {
    const all = limitsIn(settings);
    const at = now();
    lanes.setLimit(all.transfers ?? DEFAULT_TRANSFERS);
    hold(common, all, at);
    let isScheduled = hasSchedule(all);
    for (const { folderId, meter, lanes: own } of folders.values()) {
      const limits = settings.folder(folderId)?.limits ?? {};
      own.setLimit(limits.transfers ?? null);
      hold(meter, limits, at);
      isScheduled ||= hasSchedule(limits);
    }
    if (isScheduled) timer ??= setInterval(apply, LOOK_EVERY_MS).unref();
    else if (timer !== null) {
      clearInterval(timer);
      timer = null;
    }
  }

  return {
    folder(folderId) {
      const id = Symbol(folderId);
      const own = { folderId, meter: createMeter(), lanes: lanes.folder() };
      folders.set(id, own);
      forget ??= settings.onChange(apply);
      apply();
      return {
        lanes: own.lanes, meters: [common, own.meter],
        close: () => {
          folders.delete(id);
          shown.delete(own.meter);
        },
      };
    },
    close() {
      if (timer !== null) clearInterval(timer);
      forget?.();
    },
  };
}
