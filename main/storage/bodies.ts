/**
 * Object bodies on the disk: sealed as they stream through, small ones handed back to be committed with their record, larger ones in a
 * file of their own.
 *
 * A large body is written to `staging/`, flushed, and moved to `bodies/` only after the commit that names it. So a file in `staging/`
 * that no record names is the leftover of an unfinished write and may go; one in `bodies/` never is, and stays.
 */
import { randomBytes, type KeyObject } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Catalogue } from './catalogue.ts';
import type { BodyRef } from './records.ts';
import type { Reserve } from './reserve.ts';
import { CHUNK_BYTES, SEALED_CHUNK_BYTES, chunkCount, contentKeyOf, openChunk, sealChunk, sealedSize } from './sealing.ts';
import { syncDirectory } from './secret-file.ts';

/** Up to this much plaintext a body lives in the database: one flush for many. */
export const INLINE_BYTES = 64 * 1024;
const WRITE_CHUNKS = 16;
const READ_CHUNKS = 8;

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

/** A body that is written and flushed, and that no record names yet. */
export type WrittenBody = {
  readonly size: number;
  /** To be called inside a commit. */
  readonly attach: () => BodyRef;
  /** To be called after that commit. */
  readonly settle: () => void;
  /** To be called instead, where the commit was refused. */
  readonly discard: () => Promise<void>;
};

export interface BodyWriter {
  /** A promise means: give no more until it is done. */
  write(plaintext: Uint8Array): Promise<void> | undefined;
  finish(): Promise<WrittenBody>;
  abort(): Promise<void>;
}

type Slice = { readonly body: BodyRef; readonly from: number; readonly to: number; readonly plaintext: Buffer | null };

export type OpenContent = {
  /** All of it, where it is small. */
  readonly whole: Buffer | null;
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
        yield* readFile(handle, contentKeyOf(dataKey, body.salt), body, from, to);
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
  }

  async #removeGarbage(): Promise<void> {
    for (;;) {
      const files = this.#catalogue.garbage(1000).filter((file) => !this.#pins.has(file));
      if (files.length === 0 || this.#isClosed) return;
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

function readInline(dataKey: Uint8Array, body: BodyRef, content: Uint8Array, start: number, end: number): Buffer {
  if (content.length !== sealedSize(body.size)) throw new Error(`body ${body.no} has the wrong length`);
  const contentKey = contentKeyOf(dataKey, body.salt);
  const last = chunkCount(body.size) - 1;
  const pieces: Buffer[] = [];
  for (let index = 0; index <= last; index += 1) {
    pieces.push(openChunk(contentKey, index, index === last, content.subarray(index * SEALED_CHUNK_BYTES, (index + 1) * SEALED_CHUNK_BYTES)));
  }
  return (pieces.length === 1 ? (pieces[0] ?? Buffer.alloc(0)) : Buffer.concat(pieces)).subarray(start, end);
}

async function* readFile(handle: FileHandle, contentKey: KeyObject, body: BodyRef, start: number, end: number): AsyncGenerator<Buffer> {
  const last = chunkCount(body.size) - 1;
  const first = Math.floor(start / CHUNK_BYTES);
  const until = end <= start ? first : Math.min(last, Math.floor((end - 1) / CHUNK_BYTES));
  const readFrom = (from: number): Promise<Buffer> | null => {
    if (from > until) return null;
    const reading = readSealed(handle, body, from, Math.min(until, from + READ_CHUNKS - 1));
    // It fails where it is awaited; until then, and where it never is, nobody else is to hear of it.
    reading.catch(() => undefined);
    return reading;
  };
  let next = readFrom(first);
  try {
    for (let from = first; next !== null; from += READ_CHUNKS) {
      const sealed = await next;
      // The disk reads on while this is decrypted and sent.
      next = readFrom(from + READ_CHUNKS);
      for (let at = 0, index = from; at < sealed.length; at += SEALED_CHUNK_BYTES, index += 1) {
        const plaintext = openChunk(contentKey, index, index === last, sealed.subarray(at, at + SEALED_CHUNK_BYTES));
        const offset = index * CHUNK_BYTES;
        yield plaintext.subarray(Math.max(0, start - offset), Math.max(0, end - offset));
      }
    }
  } finally {
    // The file is closed next.
    await next?.catch(() => undefined);
  }
}

async function readSealed(handle: FileHandle, body: BodyRef, from: number, to: number): Promise<Buffer> {
  const wanted = Math.min((to + 1) * SEALED_CHUNK_BYTES, sealedSize(body.size)) - from * SEALED_CHUNK_BYTES;
  const sealed = Buffer.allocUnsafe(wanted);
  for (let done = 0; done < wanted;) {
    const { bytesRead } = await handle.read(sealed, done, wanted - done, from * SEALED_CHUNK_BYTES + done);
    if (bytesRead === 0) throw new Error(`body file ${body.salt} is cut off`);
    done += bytesRead;
  }
  return sealed;
}

class StreamWriter implements BodyWriter {
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
  /** Writes follow one another. */
  #tail: Promise<void> = Promise.resolve();
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
    return this.#sealed.length >= 2 * WRITE_CHUNKS ? this.#flush() : undefined;
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
    await this.#flush();
    await this.#handle?.datasync();
    await this.#handle?.close();
    this.#handle = null;
    await syncDirectory(this.#staging);
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
      discard: async () => {
        await unlink(staged).catch(() => undefined);
      },
    };
  }

  async abort(): Promise<void> {
    await this.#tail.catch(() => undefined);
    if (this.#handle === null) return;
    await this.#handle.close().catch(() => undefined);
    this.#handle = null;
    await unlink(join(this.#staging, this.#salt)).catch(() => undefined);
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

  #flush(): Promise<void> {
    this.#tail = this.#tail.then(() => this.#writeOut());
    return this.#tail;
  }

  async #writeOut(): Promise<void> {
    if (this.#handle === null) {
      this.#handle = await open(join(this.#staging, this.#salt), 'wx', 0o600);
    }
    const pieces = this.#sealed;
    this.#sealed = [];
    let total = 0;
    for (const piece of pieces) total += piece.length;
    const { bytesWritten } = await this.#handle.writev(pieces);
    // A disk that fills up writes less than asked before it says so.
    if (bytesWritten !== total) await this.#handle.writeFile(Buffer.concat(pieces).subarray(bytesWritten));
  }
}
