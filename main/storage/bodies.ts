/**
 * Object bodies on the disk: sealed as they stream through, small ones handed back to be committed with their record, larger ones in a
 * file of their own.
 *
 * A large body is written to `staging/`, flushed, and moved to `bodies/` only after the commit that names it. So a file in `staging/`
 * that no record names is the leftover of an unfinished write and may go; one in `bodies/` never is, and stays.
 */
import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { readFile, readInline, readLongFile, type Reading } from './body-reader.ts';
import { BodyThread, LONG_BODY_BYTES } from './body-thread.ts';
import { StreamWriter, type BodyWriter } from './body-writer.ts';
import type { Catalogue } from './catalogue.ts';
import type { CreateHashes } from './hashes.ts';
import type { BodyRef } from './records.ts';
import type { Reserve } from './reserve.ts';
import { contentKeyOf } from './sealing.ts';

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

type Slice = { readonly body: BodyRef; readonly from: number; readonly to: number; readonly plaintext: Buffer | null };

export type OpenContent = {
  /** All of it, where it is small. */
  readonly whole: Buffer | null;
  /** Each piece is the caller's until it asks for the next. */
  readonly pieces: () => AsyncGenerator<Buffer>;
  /** To be called once it was read, or will not be. */
  readonly release: () => void;
};

export type StartupReport = {
  readonly removedLeftovers: number;
  /** Files of bodies that records name and that are not there. */
  readonly missing: readonly string[];
  /** Files nothing names; kept. */
  readonly unknown: readonly string[];
};

export class BodyStore {
  readonly #staging: string;
  readonly #bodies: string;
  readonly #catalogue: Catalogue;
  readonly #reserve: Reserve;
  readonly #thread = new BodyThread();
  readonly #pins = new Map<string, number>();
  #collecting: Promise<void> | null = null;
  #isClosed = false;

  constructor(directory: string, catalogue: Catalogue, reserve: Reserve) {
    this.#reserve = reserve;
    this.#staging = join(directory, 'staging');
    this.#bodies = join(directory, 'bodies');
    this.#catalogue = catalogue;
    mkdirSync(this.#staging, { recursive: true, mode: 0o700 });
    for (let byte = 0; byte < 256; byte += 1) mkdirSync(join(this.#bodies, byte.toString(16).padStart(2, '0')), { recursive: true, mode: 0o700 });
  }

  /** Compares files and records after a start: finishes moves, removes leftovers, and says what is missing. */
  async check(): Promise<StartupReport> {
    const expected = new Set(this.#catalogue.bodyFiles());
    const garbage = new Set(this.#catalogue.garbage(-1));
    let removedLeftovers = 0;
    for (const name of readdirSync(this.#staging)) {
      if (expected.has(name)) {
        renameSync(join(this.#staging, name), this.#path(name));
      } else if (/^[0-9a-f]{24}$/.test(name)) {
        await unlink(join(this.#staging, name));
        removedLeftovers += 1;
      }
    }
    const unknown: string[] = [];
    for (const folder of readdirSync(this.#bodies)) {
      for (const name of readdirSync(join(this.#bodies, folder))) {
        if (!expected.delete(name) && !garbage.has(name)) unknown.push(join('bodies', folder, name));
      }
    }
    return { removedLeftovers, missing: [...expected], unknown };
  }

  /** To be asked before a body of this size is received. @throws S3Error InsufficientStorage */
  requireRoom(sizeBytes: number): void {
    this.#reserve.require(sizeBytes);
  }

  /** Long bodies are hashed on another thread. */
  readonly createHashes: CreateHashes = (wish, sizeBytes) => this.#thread.createHashes(wish, sizeBytes);

  createWriter(dataKey: Uint8Array): BodyWriter {
    return new StreamWriter(dataKey, this.#staging, this.#catalogue, (salt) => this.#path(salt));
  }

  /**
   * Opens bytes `start` up to `end` of bodies that follow one another. What is small is read now, files are kept until `release`; so what
   * is read is the version that was opened, whatever happens to the object meanwhile. Every piece was verified before it is given.
   *
   * @throws Error where what is stored is missing or not authentic; `pieces` too.
   */
  open(dataKey: Uint8Array, bodies: readonly BodyRef[], start: number, end: number): OpenContent {
    const slices: Slice[] = [];
    let offset = 0;
    for (const body of bodies) {
      const from = Math.max(0, start - offset);
      const to = Math.min(body.size, end - offset);
      offset += body.size;
      if (from >= to && bodies.length > 1) continue;
      const content = this.#catalogue.bodyContent(body.no);
      if (content === undefined) throw new Error(`body ${body.no} is not in the catalogue`);
      slices.push({ body, from, to, plaintext: content === null ? null : readInline(dataKey, body, content, from, to) });
    }
    const release = this.#pin(slices.filter((slice) => slice.plaintext === null).map((slice) => slice.body));
    const [only] = slices;
    return { whole: slices.length === 1 && only !== undefined ? only.plaintext : null, pieces: () => this.#pieces(dataKey, slices), release };
  }

  async *#pieces(dataKey: Uint8Array, slices: readonly Slice[]): AsyncGenerator<Buffer> {
    for (const { body, from, to, plaintext } of slices) {
      if (plaintext !== null) {
        yield plaintext;
        continue;
      }
      const handle = await this.#openFile(body.salt);
      try {
        const reading: Reading = { handle, contentKey: contentKeyOf(dataKey, body.salt), body, start: from, end: to };
        yield* to - from < LONG_BODY_BYTES ? readFile(reading) : readLongFile(reading, this.#thread);
      } finally {
        await handle.close();
      }
    }
  }

  /** Keeps the files of these bodies until the answer is called, even where their object is replaced meanwhile. */
  #pin(bodies: readonly BodyRef[]): () => void {
    if (bodies.length === 0) return () => undefined;
    for (const { salt } of bodies) this.#pins.set(salt, (this.#pins.get(salt) ?? 0) + 1);
    let isPinned = true;
    return () => {
      if (!isPinned) return;
      isPinned = false;
      for (const { salt } of bodies) {
        const count = (this.#pins.get(salt) ?? 1) - 1;
        if (count > 0) this.#pins.set(salt, count);
        else this.#pins.delete(salt);
      }
      this.collect();
    };
  }

  /** Removes, in the background, the files that nothing names any more and nobody reads. */
  collect(): void {
    if (this.#isClosed || this.#collecting !== null) return;
    this.#collecting = this.#removeGarbage()
      .catch(() => undefined) // A file that cannot be removed now stays in the list and is tried again.
      .finally(() => {
        this.#collecting = null;
      });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#collecting;
    await this.#thread.close();
  }

  async #removeGarbage(): Promise<void> {
    for (;;) {
      const files = this.#catalogue.garbage(1000).filter((file) => !this.#pins.has(file));
      if (files.length === 0 || this.#isClosed) return;
      // What a power cut may still give back its names is kept.
      await this.#catalogue.flushed();
      const removed: string[] = [];
      for (const file of files) {
        try {
          await unlink(this.#path(file));
        } catch (error) {
          if (!isMissing(error)) continue;
          await unlink(join(this.#staging, file)).catch(() => undefined);
        }
        removed.push(file);
      }
      if (removed.length === 0) return;
      await this.#catalogue.commit(() => {
        for (const file of removed) this.#catalogue.removeGarbage(file);
      }, 'deletion');
    }
  }

  #path(salt: string): string {
    return join(this.#bodies, salt.slice(0, 2), salt);
  }

  /** A committed body is in its place, or for a moment still in staging. */
  async #openFile(salt: string): Promise<FileHandle> {
    try {
      return await open(this.#path(salt), 'r');
    } catch (error) {
      if (!isMissing(error)) throw error;
      return open(join(this.#staging, salt), 'r');
    }
  }
}
