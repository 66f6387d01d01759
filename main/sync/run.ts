/** What the actions of one cycle share: ports, facts, where results go, and what they found out for the next cycle. */
import type { SyncError } from '../model/errors.ts';
import type { SyncPath } from '../model/path.ts';
import type { BaseEntry, LocalEntry } from '../model/snapshot.ts';
import type { Replacement } from './ports.ts';
import type { Brakes } from './brakes.ts';
import type { Leftovers } from './leftovers.ts';
import type { FolderFacts, FolderParts } from './parts.ts';
import type { PathFailures } from './path-failures.ts';
import type { Recorder } from './record.ts';
import type { StatusBoard } from './status.ts';

/** A verified file in the staging directory, and what is to become of it. */
export type Staged = {
  readonly replacement: Replacement;
  /** A local file that must first move to a conflict name, with its hash. */
  readonly keepAside: { readonly entry: LocalEntry; readonly sha256: string } | null;
  /** What base will say of the path once `entry` stands there. */
  readonly baseFor: (entry: LocalEntry) => BaseEntry;
  readonly placed: (entry: LocalEntry) => void;
  readonly failed: (error: SyncError) => void;
};

export type Run = {
  readonly parts: FolderParts;
  readonly facts: FolderFacts;
  readonly recorder: Recorder;
  readonly board: StatusBoard;
  readonly brakes: Brakes;
  readonly failures: PathFailures;
  /** Paths whose remote version must be fetched anew, whatever the listing says. */
  readonly suspects: Set<SyncPath>;
  readonly signal: AbortSignal;
  /** Hands a staged file on; it is put in place together with others, soon. */
  readonly place: (staged: Staged) => Promise<void>;
  readonly outcome: Outcome;
  /** Whether something has come up since the cycle looked; without it large transfers never give way. */
  readonly hasNews?: (() => boolean) | undefined;
};

export type Outcome = {
  done: number;
  failed: number;
  /** Actions that were left out: the brakes were on, or the path waits after a failure. */
  postponed: number;
  /** Large transfers were put off for what has come up meanwhile. */
  gaveWay: boolean;
  readonly conflictCopies: SyncPath[];
  /** All that failed or was left out. */
  readonly left: Leftovers;
};

