/**
 * Everything the engine can decide to do, as one union, and the plan that holds it.
 *
 * Each action names the exact versions it was decided on, so that the executor can make it conditional on both sides
 * and hand the path back to the next plan where the world has moved on.
 */
import type { SyncPath } from './path.ts';
import type { BaseEntry, LocalEntry, RemoteState, RemoteVersion, Skipped, Tombstone } from './snapshot.ts';
import type { VersionVector } from './version-vector.ts';

export type Action =
  /** Send the local file or empty directory. `replaces` null: create only if nothing is there. */
  | {
      readonly type: 'upload';
      readonly path: SyncPath;
      readonly local: LocalEntry;
      readonly replaces: RemoteVersion | null;
      /** What the new version's vector must dominate, before this device's own entry is advanced. */
      readonly ancestor: VersionVector;
    }
  /** Fetch the remote version. `replaces` null: nothing may stand there. A remote vector that does not dominate `ancestor` is a fork. */
  | {
      readonly type: 'download';
      readonly path: SyncPath;
      readonly remote: RemoteVersion;
      readonly replaces: LocalEntry | null;
      readonly ancestor: VersionVector;
    }
  /** Both sides changed: move the local file to a conflict name (chosen at execution), then download. */
  | { readonly type: 'keep-both'; readonly path: SyncPath; readonly local: LocalEntry; readonly localSha256: string; readonly remote: RemoteVersion }
  /** Both sides hold equal content: record it, transfer nothing. `modeBits`: another device changed the permissions, which the local file is to get. */
  | { readonly type: 'adopt'; readonly path: SyncPath; readonly local: LocalEntry; readonly sha256: string; readonly remote: RemoteVersion; readonly modeBits?: number }
  /** Only the stamp or times changed locally: record it, no request. */
  | { readonly type: 'refresh-base'; readonly path: SyncPath; readonly base: BaseEntry; readonly local: LocalEntry }
  /** Only the permission bits changed locally: copy the object onto itself with new attributes. */
  | { readonly type: 'update-attributes'; readonly path: SyncPath; readonly base: BaseEntry; readonly local: LocalEntry }
  /** A local rename: server-side copy to the new key with newly sealed attributes, then delete the old. */
  | { readonly type: 'rename-remote'; readonly from: BaseEntry; readonly path: SyncPath; readonly local: LocalEntry }
  /** Tombstone, then conditional delete. */
  | { readonly type: 'delete-remote'; readonly path: SyncPath; readonly base: BaseEntry }
  /**
   * Into the folder's trash, only if still as `local` says. A directory only when it is empty: one that is not stays and
   * only its base entry is dropped, since adding a file beats removing its directory.
   */
  | { readonly type: 'delete-local'; readonly path: SyncPath; readonly base: BaseEntry; readonly local: LocalEntry; readonly tombstone: Tombstone | null }
  /** Gone on both sides: drop the base entry. */
  | { readonly type: 'forget'; readonly path: SyncPath; readonly base: BaseEntry };

export type ActionType = Action['type'];

/** Something only the user can decide; nothing happens at the path until then. */
export type Question =
  /** Gone remotely without a valid tombstone, in a client-side folder. */
  | { readonly type: 'vanished'; readonly path: SyncPath; readonly base: BaseEntry }
  /** Both sides changed, and the direction lets neither be moved aside. Base is null where the path was never in step. */
  | { readonly type: 'both-changed'; readonly path: SyncPath; readonly base: BaseEntry | null };

export type HoldReason = 'mass-delete-local' | 'mass-delete-remote' | 'tree-delete-local' | 'tree-delete-remote' | 'root-emptied' | 'remote-emptied';

export type PlanCounts = { readonly [type in ActionType]: number } & { readonly bytesUp: number; readonly bytesDown: number };

export type Plan = {
  /** In an order that is safe to execute; `stage` groups what may run in parallel. */
  readonly stages: readonly (readonly Action[])[];
  readonly counts: PlanCounts;
  /** Actions that are counted and, in a preview of very many, not listed. */
  readonly unlisted?: number;
  readonly questions: readonly Question[];
  readonly skipped: readonly Skipped[];
  /** What happened remotely at paths whose local side cannot be told just now: nobody may tell of it again. */
  readonly unheard: readonly { readonly path: SyncPath; readonly state: RemoteState }[];
  /** Not null: looks like an accident. Deletions wait for the user; everything else may go on. */
  readonly held: { readonly reason: HoldReason; readonly deletions: readonly SyncPath[]; readonly ofTotal: number } | null;
};

export type Direction = 'two-way' | 'upload' | 'upload-mirror' | 'download' | 'download-mirror';

/** What the planner must know beside the differing rows. */
export type PlanPolicy = {
  readonly direction: Direction;
  /** Base is empty and this device has never completed a cycle: nothing is deleted on either side. */
  readonly isJoining: boolean;
  readonly isClientSide: boolean;
  /** Accept a plan that the guard would hold. */
  readonly acceptHeld: boolean;
  /** The listing of each side was complete. An incomplete side plans no deletions on the other. */
  readonly isLocalComplete: boolean;
  readonly isRemoteComplete: boolean;
  /**
   * False: the remote side is told by the change feeds and not by a listing. What is gone there then proves a deletion only together with a
   * tombstone; without one it waits for a listing. Default true.
   */
  readonly isRemoteListed?: boolean;
  readonly guard: { readonly maxFiles: number; readonly maxShare: number; readonly maxTree: number };
  /** Aggregates over the whole folder, since the planner sees only rows that differ. */
  readonly totals: { readonly baseFiles: number; readonly localFiles: number; readonly remoteFiles: number };
  /**
   * Base entries below a directory (files, and directories with an object), counted up to `limit`. Tells a vanished tree from a thinned one, and whether a
   * file and a directory of one name would meet. Without it both are judged by the differing rows alone.
   */
  readonly baseEntriesBelow?: (directory: SyncPath, limit: number) => number;
  /** Whether a path has a base entry. */
  readonly hasBase?: (path: SyncPath) => boolean;
};

export const DEFAULT_GUARD: PlanPolicy['guard'] = { maxFiles: 10, maxShare: 0.25, maxTree: 50 };
