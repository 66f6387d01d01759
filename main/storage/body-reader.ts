/** Reads the chunks of one body that a range touches, each verified before it is given: small ones from memory, files here or, where much is read, by the other thread. */
import type { KeyObject } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { SLOT_CHUNKS, type BodyThread } from './body-thread.ts';
import type { BodyRef } from './records.ts';
import { CHUNK_BYTES, SEALED_CHUNK_BYTES, chunkCount, contentKeyOf, openChunk, sealedSize } from './sealing.ts';

const READ_CHUNKS = 8;
/** Of a long body: pieces that are read and decrypted while one is sent. */
const PIECES_AHEAD = 4;

export function readInline(dataKey: Uint8Array, body: BodyRef, content: Uint8Array, start: number, end: number): Buffer {
  if (content.length !== sealedSize(body.size)) throw new Error(`body ${body.no} has the wrong length`);
  const contentKey = contentKeyOf(dataKey, body.salt);
  const last = chunkCount(body.size) - 1;
  const pieces: Buffer[] = [];
  for (let index = 0; index <= last; index += 1) {
    pieces.push(openChunk(contentKey, index, index === last, content.subarray(index * SEALED_CHUNK_BYTES, (index + 1) * SEALED_CHUNK_BYTES)));
  }
  return (pieces.length === 1 ? (pieces[0] ?? Buffer.alloc(0)) : Buffer.concat(pieces)).subarray(start, end);
}

export type Reading = { readonly handle: FileHandle; readonly contentKey: KeyObject; readonly body: BodyRef; readonly start: number; readonly end: number };

/** The chunks that hold what is read, and the body's last one. */
function chunksOf({ body, start, end }: Reading): { readonly first: number; readonly until: number; readonly last: number } {
  const last = chunkCount(body.size) - 1;
  const first = Math.floor(start / CHUNK_BYTES);
  return { first, until: end <= start ? first : Math.min(last, Math.floor((end - 1) / CHUNK_BYTES)), last };
}

/** Decrypted on the other thread, in memory that is used again: so several pieces are read and decrypted while one is sent. */
export async function* readLongFile(reading: Reading, thread: BodyThread): AsyncGenerator<Buffer> {
  const { handle, contentKey, body, start, end } = reading;
  const { first, until, last } = chunksOf(reading);
  const begin = (from: number): { readonly slot: SharedArrayBuffer; readonly opening: Promise<number> } => {
    const slot = thread.takeSlot();
    const opening = readSealed(handle, body, from, Math.min(until, from + SLOT_CHUNKS - 1), new Uint8Array(slot)).then(({ length }) => thread.open(contentKey, from, last, slot, length));
    // It fails where it is awaited; until then, and where it never is, nobody else is to hear of it.
    opening.catch(() => undefined);
    return { slot, opening };
  };
  const ahead: ReturnType<typeof begin>[] = [];
  try {
    let next = first;
    for (let from = first; from <= until; from += SLOT_CHUNKS) {
      for (; ahead.length < PIECES_AHEAD && next <= until; next += SLOT_CHUNKS) ahead.push(begin(next));
      const current = ahead.shift();
      if (current === undefined) return;
      const plaintext = Buffer.from(current.slot, 0, await current.opening);
      const offset = from * CHUNK_BYTES;
      yield plaintext.subarray(Math.max(0, start - offset), Math.max(0, end - offset));
      thread.giveBack(current.slot);
    }
  } finally {
    // The file is closed next.
    await Promise.allSettled(ahead.map(({ opening }) => opening));
  }
}

export async function* readFile(reading: Reading): AsyncGenerator<Buffer> {
  const { handle, contentKey, body, start, end } = reading;
  const { first, until, last } = chunksOf(reading);
  const readFrom = (from: number): Promise<Uint8Array> | null => {
    if (from > until) return null;
    const sealed = readSealed(handle, body, from, Math.min(until, from + READ_CHUNKS - 1));
    // As above.
    sealed.catch(() => undefined);
    return sealed;
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

/** Chunks `from` up to and with `to`, as they are stored, into `memory` where that is given. */
async function readSealed(handle: FileHandle, body: BodyRef, from: number, to: number, memory?: Uint8Array): Promise<Uint8Array> {
  const wanted = Math.min((to + 1) * SEALED_CHUNK_BYTES, sealedSize(body.size)) - from * SEALED_CHUNK_BYTES;
  const sealed = memory?.subarray(0, wanted) ?? Buffer.allocUnsafe(wanted);
  for (let done = 0; done < wanted;) {
    const { bytesRead } = await handle.read(sealed, done, wanted - done, from * SEALED_CHUNK_BYTES + done);
    if (bytesRead === 0) throw new Error(`body file ${body.salt} is cut off`);
    done += bytesRead;
  }
  return sealed;
}
