/** The hashes that a body is verified and named by, computed while it streams through: here, or for long bodies on another thread (`body-thread`). */
import { createHash, type Hash } from 'node:crypto';
import { createChecksum, type ChecksumAlgorithm, type RunningChecksum } from './checksums.ts';

export type HashWish = { readonly md5: boolean; readonly sha256: boolean; readonly checksum: ChecksumAlgorithm | null };

/** Null: not wished for. `md5` and `sha256` in hex, the checksum in base64. */
export type Hashes = { readonly md5: string | null; readonly sha256: string | null; readonly checksum: string | null };

export interface BodyHashes {
  /** The chunk may be changed once this has returned. A promise means: give no more until it is done. */
  update(chunk: Uint8Array): Promise<void> | undefined;
  /** Called once, at the end. */
  finish(): Hashes | Promise<Hashes>;
  /** To be called instead, where the body will not be finished. */
  drop(): void;
}

export type CreateHashes = (wish: HashWish, sizeBytes: number) => BodyHashes;

/** Computed where it is called. */
export class RunningHashes implements BodyHashes {
  readonly #md5: Hash | null;
  readonly #sha256: Hash | null;
  readonly #checksum: RunningChecksum | null;

  constructor(wish: HashWish) {
    this.#md5 = wish.md5 ? createHash('md5') : null;
    this.#sha256 = wish.sha256 ? createHash('sha256') : null;
    this.#checksum = wish.checksum === null ? null : createChecksum(wish.checksum);
  }

  update(chunk: Uint8Array): undefined {
    this.#md5?.update(chunk);
    this.#sha256?.update(chunk);
    this.#checksum?.update(chunk);
  }

  finish(): Hashes {
    return { md5: this.#md5?.digest('hex') ?? null, sha256: this.#sha256?.digest('hex') ?? null, checksum: this.#checksum?.digest() ?? null };
  }

  drop(): void {
    // Nothing is held that the collector does not find.
  }
}

export const hashHere: CreateHashes = (wish) => new RunningHashes(wish);
