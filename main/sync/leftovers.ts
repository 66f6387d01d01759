/**
 * What a cycle planned and did not carry out. The change feed tells each change once, so the remote side of these paths is kept
 * for the next cycle; where there is too much of it, that cycle lists the bucket.
 */
import type { Action } from '../model/action.ts';
import type { SyncPath } from '../model/path.ts';
import type { RemoteDifference } from './ports.ts';

/** `ask`: an upload may have taken effect although it failed, so only a HEAD tells. */
export type Leftover = { readonly path: SyncPath; readonly state: RemoteDifference['state'] | { readonly type: 'ask' } };

const MOST_ROWS = 1_000;

export class Leftovers {
  readonly #rows = new Map<SyncPath, Leftover>();
  #isWhole = true;

  add(actions: readonly Action[]): void {
    for (const action of actions) {
      if (this.#rows.size >= MOST_ROWS) this.#isWhole = false;
      if (!this.#isWhole) return;
      const state = remoteStateOf(action);
      if (state !== null) this.#rows.set(action.path, { path: action.path, state });
    }
  }

  addRows(rows: readonly Leftover[]): void {
    for (const row of rows) {
      if (this.#rows.size >= MOST_ROWS) this.#isWhole = false;
      else this.#rows.set(row.path, row);
    }
  }

  get rows(): readonly Leftover[] {
    return [...this.#rows.values()];
  }

  /** False: more was left over than is kept. */
  get isWhole(): boolean {
    return this.#isWhole;
  }
}

/** Null: as base has it, which needs no row. */
function remoteStateOf(action: Action): Leftover['state'] | null {
  switch (action.type) {
    case 'upload': return { type: 'ask' };
    case 'download':
    case 'keep-both':
    case 'adopt': return { type: 'present', version: action.remote };
    case 'delete-local': return { type: 'absent', tombstone: action.tombstone };
    case 'forget': return { type: 'absent', tombstone: null };
    case 'refresh-base':
    case 'update-attributes':
    case 'rename-remote':
    case 'delete-remote': return null;
  }
}
