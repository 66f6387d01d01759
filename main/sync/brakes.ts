/**
 * What stops more than the path it happened at. One failing path never stops the others, so only two things do: an error
 * that every other action would meet as well, and the same error again and again without a success in between.
 */
import { toWire } from '../model/errors.ts';
import type { ErrorCode, SyncError, WireError } from '../model/errors.ts';

/** What an action needs: the way up, the way down, the right to delete remotely, or room to change local files. */
export type Lane = 'up' | 'down' | 'delete-remote' | 'delete-local';

/** Every other action of the folder would meet these. */
const STOPS_FOLDER: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'keychain-locked', 'keychain-missing', 'passphrase-missing', 'passphrase-wrong', 'key-file-damaged',
  'sign-in-wrong', 'sign-in-expired', 'sign-in-missing', 'clock-wrong', 'wrong-region', 'not-s3', 'tls-failed', 'bucket-not-found',
  'root-missing', 'root-foreign', 'root-unreadable', 'descriptor-missing', 'descriptor-mismatch', 'descriptor-rollback',
  'state-corrupt', 'state-newer-version', 'folder-busy', 'invariant',
]);
const STOPS_LANES: Partial<Record<ErrorCode, readonly Lane[]>> = {
  'disk-full': ['down'],
  'read-only': ['down', 'delete-local'],
  'quota-exceeded': ['up'],
};
/** After this many in a row without a success, all of the lane is given up until the next cycle. */
const REPEATS: Partial<Record<ErrorCode, number>> = { 'access-denied': 4, rejected: 4, 'mode-not-honoured': 4, 'io-error': 8 };
/** After this many in a row without any success, the whole cycle is: the server is not well. */
const REPEATS_FOR_ALL: Partial<Record<ErrorCode, number>> = { offline: 3, throttled: 16, 'server-error': 8, 'answer-invalid': 8 };

export class Brakes {
  #stopped: WireError | null = null;
  #stoppedLanes = new Map<Lane, WireError>();
  #inARow = new Map<string, number>();

  /** What stopped the whole cycle, if anything did. */
  get stopped(): WireError | null {
    return this.#stopped;
  }

  /** Lanes given up, with the reason. */
  get stoppedLanes(): ReadonlyMap<Lane, WireError> {
    return this.#stoppedLanes;
  }

  mayGo(lane: Lane): boolean {
    return this.#stopped === null && !this.#stoppedLanes.has(lane);
  }

  succeeded(lane: Lane): void {
    if (this.#inARow.size === 0) return;
    for (const key of this.#inARow.keys()) {
      if (key.startsWith(`${lane}:`) || key.startsWith('all:')) this.#inARow.delete(key);
    }
  }

  failed(lane: Lane, error: SyncError): void {
    const wire = toWire(error);
    if (STOPS_FOLDER.has(error.code)) this.#stopped ??= wire;
    for (const stopped of STOPS_LANES[error.code] ?? []) this.#stopLane(stopped, wire);
    if (this.#isOnceTooOften(`${lane}:${error.code}`, REPEATS[error.code])) this.#stopLane(lane, wire);
    if (this.#isOnceTooOften(`all:${error.code}`, REPEATS_FOR_ALL[error.code])) this.#stopped ??= wire;
  }

  #stopLane(lane: Lane, wire: WireError): void {
    if (!this.#stoppedLanes.has(lane)) this.#stoppedLanes.set(lane, wire);
  }

  #isOnceTooOften(key: string, limit: number | undefined): boolean {
    if (limit === undefined) return false;
    const count = (this.#inARow.get(key) ?? 0) + 1;
    this.#inARow.set(key, count);
    return count >= limit;
  }
}
