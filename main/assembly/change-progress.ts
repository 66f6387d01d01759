/** How far a change of mode or key is, from the folder's own records: true also after a restart, and while the folder is paused. */
import type { WireError } from '../model/errors.ts';
import type { FolderState } from '../sync/ports.ts';
import type { FailedPath } from './api.ts';
import { FINISHED_FACT, pendingChange, type FinishedChange } from './change-mode.ts';

/** What went wrong in the last stretch; the next one tries again. */
export type ChangeTrouble = { readonly problem: WireError | null; readonly failed: readonly FailedPath[] };
export const NO_TROUBLE: ChangeTrouble = { problem: null, failed: [] };

export type ChangeProgress = ChangeTrouble & {
  readonly startedAtMs: number;
  /** Null: it is under way. */
  readonly finishedAtMs: number | null;
  /** Of the objects that this computer has in step, those that are under the current epoch. */
  readonly done: number;
  readonly total: number;
  /** Objects that were changed, and bytes that were read and written again for it. */
  readonly changed: number;
  readonly bytesSent: number;
};

/** Null: this device has changed nothing yet. */
export function changeProgressOf(state: FolderState, trouble: ChangeTrouble): ChangeProgress | null {
  const pending = pendingChange(state);
  if (pending === null) {
    const finished = state.fact<FinishedChange>(FINISHED_FACT);
    return finished === null ? null : { ...finished, ...NO_TROUBLE, done: 0, total: 0 };
  }
  const { startedAtMs, changed, bytesSent, epoch } = pending;
  const { total, before } = state.countBefore(epoch);
  return { startedAtMs, finishedAtMs: null, done: total - before, total, changed, bytesSent, ...trouble };
}
