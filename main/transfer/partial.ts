/**
 * What has arrived of a large object, kept beside the staging files until all of it has: the stored bytes as they came (in the client-side modes the
 * ciphertext), so that a download whose process was killed fetches only what is missing. Nothing of it counts before the whole object is verified.
 */
import { constants } from 'node:fs';
import { open, readFile, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

export type KeptRanges = {
  /** Some of it arrived in an earlier attempt. */
  readonly isResumed: boolean;
  /** Fills the buffer with the range of that number, as it was kept. @returns false where it was not, or is no longer what it was */
  read(index: number, into: Buffer): Promise<boolean>;
  /** A failure only means that nothing is kept. */
  keep(index: number, body: Buffer): Promise<void>;
  /** For a later attempt. */
  close(): Promise<void>;
  discard(): Promise<void>;
};

const READ_WRITE = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
const APPEND = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | (constants.O_NOFOLLOW ?? 0);
const journalOf = (file: string): string => `${file}.ranges`;

/** One line for each range: its number and checksum. The first line says how long ranges are; a cut last line is none. */
function parseJournal(text: string, rangeBytes: number): Map<number, number> {
  const [first, ...lines] = text.split('\n');
  const kept = new Map<number, number>();
  if (first !== String(rangeBytes)) return kept;
  for (const line of lines.slice(0, -1)) {
    const [, index, sum] = /^(\d+) (\d+)$/.exec(line) ?? [];
    if (index !== undefined && sum !== undefined) kept.set(Number(index), Number(sum));
  }
  return kept;
}

/**
 * Opens what an earlier attempt kept, or begins.
 *
 * @param file - named after the object's version: what is in it is of that version and no other.
 * @returns null where nothing can be kept.
 */
export async function openKeptRanges(file: string, rangeBytes: number): Promise<KeptRanges | null> {
  const removeAll = async (): Promise<void> => {
    await Promise.allSettled([rm(file, { force: true }), rm(journalOf(file), { force: true })]);
  };
  let body: FileHandle | null = null;
  let journal: FileHandle | null = null;
  let kept: Map<number, number>;
  try {
    kept = parseJournal(await readFile(journalOf(file), 'utf8').catch(() => ''), rangeBytes);
    if (kept.size === 0) await removeAll();
    body = await open(file, READ_WRITE, 0o600);
    journal = await open(journalOf(file), APPEND, 0o600);
    if (kept.size === 0) await journal.write(`${rangeBytes}\n`);
  } catch {
    await Promise.allSettled([body?.close(), journal?.close()]);
    await removeAll();
    return null;
  }
  const [bodyFile, journalFile] = [body, journal];
  let isOpen = true;
  let writing: Promise<unknown> = Promise.resolve();
  const close = async (): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    await writing;
    await Promise.allSettled([bodyFile.close(), journalFile.close()]);
  };
  const discard = async (): Promise<void> => {
    await close();
    await removeAll();
  };
  return {
    isResumed: kept.size > 0,
    async read(index, into) {
      const sum = kept.get(index);
      if (sum === undefined || !isOpen) return false;
      try {
        const { bytesRead } = await bodyFile.read(into, 0, into.length, index * rangeBytes);
        // A power cut may have kept the line and lost the bytes.
        return bytesRead === into.length && crc32(into) === sum;
      } catch {
        return false;
      }
    },
    async keep(index, bytes) {
      if (!isOpen) return;
      const write = async (): Promise<void> => {
        for (let written = 0; written < bytes.length;) written += (await bodyFile.write(bytes, written, bytes.length - written, index * rangeBytes + written)).bytesWritten;
        await journalFile.write(`${index} ${crc32(bytes)}\n`);
      };
      const mine = write();
      writing = Promise.allSettled([writing, mine]);
      try {
        await mine;
      } catch {
        // A full disk: the download itself needs the room more.
        await discard();
      }
    },
    close,
    discard,
  };
}
