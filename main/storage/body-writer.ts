/** Writes one body: sealed as it streams through, kept in memory while it is small, else in a file of `staging/` that is flushed when the body is finished. */
import { randomBytes, type KeyObject } from 'node:crypto';
import { renameSync } from 'node:fs';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Catalogue } from './catalogue.ts';
import { FlushFailed } from './errors.ts';
import type { BodyRef } from './records.ts';
import { CHUNK_BYTES, contentKeyOf, sealChunk } from './sealing.ts';
import { syncDirectory } from './secret-file.ts';

/** Up to this much plaintext a body lives in the database: one flush for many. */
export const INLINE_BYTES = 64 * 1024;
const WRITE_CHUNKS = 16;
/** Of a long body: what is written is flushed from here on while the rest arrives, so that its end does not wait for all of it. */
const FLUSH_BYTES = 32 << 20;

/** A body that is written and flushed, and that no record names yet. */
export type WrittenBody = {
  readonly size: number;
  /** To be called inside a commit. */
  readonly attach: () => BodyRef;
  /** To be called after that commit. */
  readonly settle: () => void;
  /** To be called instead, where the commit failed: what it failed with decides whether the body is still needed. */
  readonly discard: (failure: unknown) => Promise<void>;
};

export interface BodyWriter {
  /** A promise means: give no more until it is done. */
  write(plaintext: Uint8Array): Promise<void> | undefined;
  finish(): Promise<WrittenBody>;
  abort(): Promise<void>;
}

export class StreamWriter implements BodyWriter {
  readonly #salt = randomBytes(12).toString('hex');
  readonly #contentKey: KeyObject;
  readonly #staging: string;
  readonly #catalogue: Catalogue;
  readonly #pathOf: (salt: string) => string;
  /** Plaintext of the chunk that is being filled. */
  #chunk: Buffer = Buffer.alloc(0);
  #filled = 0;
  #chunkIndex = 0;
  /** Sealed chunks on their way to the file. */
  #sealed: Buffer[] = [];
  #handle: FileHandle | null = null;
  /** Whether there is a file that is still this writer's to remove. */
  #isStaged = false;
  /** Writes follow one another. */
  #tail: Promise<void> = Promise.resolve();
  #unflushedBytes = 0;
  #flushing: Promise<void> | null = null;
  /** The system tells of a failed flush once: the next may succeed, and the bytes are lost all the same. */
  #flushFailure: { readonly error: unknown } | null = null;
  #size = 0;

  constructor(dataKey: Uint8Array, staging: string, catalogue: Catalogue, pathOf: (salt: string) => string) {
    this.#contentKey = contentKeyOf(dataKey, this.#salt);
    this.#staging = staging;
    this.#catalogue = catalogue;
    this.#pathOf = pathOf;
  }

  write(plaintext: Uint8Array): Promise<void> | undefined {
    this.#size += plaintext.length;
    let rest = plaintext;
    while (rest.length > 0) {
      if (this.#filled === CHUNK_BYTES) this.#seal(false);
      if (this.#chunk.length < CHUNK_BYTES) this.#grow(rest.length);
      const taken = rest.subarray(0, CHUNK_BYTES - this.#filled);
      this.#chunk.set(taken, this.#filled);
      this.#filled += taken.length;
      rest = rest.subarray(taken.length);
    }
    return this.#sealed.length >= 2 * WRITE_CHUNKS ? this.#writeAll() : undefined;
  }

  async finish(): Promise<WrittenBody> {
    const size = this.#size;
    const salt = this.#salt;
    const catalogue = this.#catalogue;
    this.#seal(true);
    if (this.#handle === null && size <= INLINE_BYTES) {
      const content = Buffer.concat(this.#sealed);
      return { size, attach: () => catalogue.addBody(salt, size, content), settle: () => undefined, discard: () => Promise.resolve() };
    }
    await this.#writeAll();
    await this.#flushing;
    if (this.#flushFailure !== null) throw this.#flushFailure.error;
    await this.#handle?.datasync();
    await this.#handle?.close();
    this.#handle = null;
    await syncDirectory(this.#staging);
    this.#isStaged = false;
    const staged = join(this.#staging, salt);
    const path = this.#pathOf(salt);
    return {
      size,
      attach: () => catalogue.addBody(salt, size, null),
      settle: () => {
        try {
          renameSync(staged, path);
        } catch {
          // It is committed where it is; readers look there too, and the next start moves it.
        }
      },
      discard: async (failure) => {
        // A record may name it after the next start, which removes it if none does.
        if (failure instanceof FlushFailed) return;
        await unlink(staged).catch(() => undefined);
      },
    };
  }

  async abort(): Promise<void> {
    await this.#tail.catch(() => undefined);
    await this.#flushing;
    await this.#handle?.close().catch(() => undefined);
    this.#handle = null;
    if (this.#isStaged) await unlink(join(this.#staging, this.#salt)).catch(() => undefined);
    this.#isStaged = false;
  }

  /** The first chunk grows with what comes, so that a small body costs a small buffer. */
  #grow(more: number): void {
    const wanted = Math.min(CHUNK_BYTES, this.#filled + more);
    if (this.#chunk.length >= wanted) return;
    const grown = Buffer.allocUnsafe(this.#filled === 0 ? wanted : CHUNK_BYTES);
    this.#chunk.copy(grown, 0, 0, this.#filled);
    this.#chunk = grown;
  }

  #seal(isLast: boolean): void {
    this.#sealed.push(...sealChunk(this.#contentKey, this.#chunkIndex, isLast, this.#chunk.subarray(0, this.#filled)));
    this.#chunkIndex += 1;
    this.#filled = 0;
  }

  #writeAll(): Promise<void> {
    this.#tail = this.#tail.then(() => this.#writeOut());
    return this.#tail;
  }

  async #writeOut(): Promise<void> {
    if (this.#handle === null) {
      this.#handle = await open(join(this.#staging, this.#salt), 'wx', 0o600);
      this.#isStaged = true;
    }
    const pieces = this.#sealed;
    this.#sealed = [];
    let total = 0;
    for (const piece of pieces) total += piece.length;
    const { bytesWritten } = await this.#handle.writev(pieces);
    // A disk that fills up writes less than asked before it says so.
    if (bytesWritten !== total) await this.#handle.writeFile(Buffer.concat(pieces).subarray(bytesWritten));
    this.#unflushedBytes += total;
    if (this.#unflushedBytes < FLUSH_BYTES || this.#flushing !== null) return;
    this.#unflushedBytes = 0;
    this.#flushing = this.#handle.datasync().catch((error: unknown) => {
      this.#flushFailure ??= { error };
    }).finally(() => {
      this.#flushing = null;
    });
  }
}
