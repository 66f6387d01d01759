/** What one sync folder's engine is built from: its ports, and the facts about the folder that never change while it runs. */
import type { Direction, PlanPolicy } from '../model/action.ts';
import type { KeyId } from '../model/mode.ts';
import type { Clock, FolderState, LocalTree, Random, RemoteFolder, Transfers } from './ports.ts';

export type FolderParts = {
  readonly tree: LocalTree;
  readonly remote: RemoteFolder;
  readonly transfers: Transfers;
  readonly state: FolderState;
  readonly clock: Clock;
  readonly random: Random;
};

export type FolderFacts = {
  readonly folderId: string;
  readonly direction: Direction;
  readonly isClientSide: boolean;
  /** Named in conflict copies. */
  readonly hostName: string;
  /** The epoch that is written now, and the key it uses: for objects whose HEAD does not tell. */
  readonly epoch: number;
  readonly keyId: KeyId | null;
  readonly guard: PlanPolicy['guard'];
  /** Most rows that are planned together. */
  readonly portionRows: number;
};
