/** Deletions wait a few seconds before they are asked for, so that Undo needs nothing to be brought back. */
import { create } from 'zustand';
import type { WireError } from '../../../preload/contract.ts';
import { ask, wireOf } from '../../bridge.ts';

export type Deletion = { readonly id: number; readonly folderId: string; readonly paths: ReadonlySet<string> };
type State = { waiting: Deletion[]; error: WireError | null; done: number };

export const UNDO_MS = 6000;
export const useDeletions = create<State>(() => ({ waiting: [], error: null, done: 0 }));
const timers = new Map<number, ReturnType<typeof setTimeout>>();
let nextId = 1;

const drop = (id: number): void => useDeletions.setState((state) => ({ waiting: state.waiting.filter((one) => one.id !== id) }));

export function deleteSoon(folderId: string, paths: readonly string[]): void {
  const deletion: Deletion = { id: nextId++, folderId, paths: new Set(paths) };
  useDeletions.setState((state) => ({ waiting: [...state.waiting, deletion], error: null }));
  timers.set(deletion.id, setTimeout(() => void carryOut(deletion), UNDO_MS));
}

async function carryOut({ id, folderId, paths }: Deletion): Promise<void> {
  timers.delete(id);
  try {
    await ask('browse.remove', { folderId, paths: [...paths] });
  } catch (error) {
    useDeletions.setState({ error: wireOf(error) });
  } finally {
    drop(id);
    useDeletions.setState((state) => ({ done: state.done + 1 }));
  }
}

/** The last one, unless it was carried out already. */
export function undoDeletion(): void {
  const last = useDeletions.getState().waiting.at(-1);
  const timer = last === undefined ? undefined : timers.get(last.id);
  if (last === undefined || timer === undefined) return;
  clearTimeout(timer);
  timers.delete(last.id);
  drop(last.id);
}
