/**
 * Room that is kept back so that a full disk can be emptied again: a deletion writes a little before it frees anything.
 *
 * It is a file of no meaning. A deletion that finds the disk full takes it; while it is gone nothing is added, only read and deleted; and
 * it is made again as soon as there is room.
 */
import { randomFillSync } from 'node:crypto';
import { closeSync, openSync, rmSync, statSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { S3Error, isDiskFull } from './errors.ts';

export const RESERVE_FILE = 'reserve';
const RESERVE_BYTES = 8 * 1024 * 1024;
/** What must stay free beside it, so that making it does not fill the disk. */
const SLACK_BYTES = 1024 * 1024;

export class Reserve {
  readonly #directory: string;
  readonly #file: string;
  #isHeld: boolean;

  /** On a disk that is full already it is given up at once: opening the storage needs room too. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#file = join(directory, RESERVE_FILE);
    const found = statSync(this.#file, { throwIfNoEntry: false });
    // It is not flushed: a power cut may leave its length without its room.
    this.#isHeld = found?.size === RESERVE_BYTES && found.blocks * 512 >= RESERVE_BYTES;
    if (!this.#isHeld) this.release();
    if (this.#isHeld && this.#freeBytes() < SLACK_BYTES) this.release();
  }

  /** Gives the room free. False: there was none to give. */
  release(): boolean {
    const wasHeld = this.#isHeld;
    this.#isHeld = false;
    rmSync(this.#file, { force: true });
    return wasHeld;
  }

  /**
   * To be asked before anything is added.
   *
   * @param sizeBytes - how much it is, as far as that is known; at least that much must be free.
   * @throws S3Error InsufficientStorage
   */
  require(sizeBytes = 0): void {
    if (!this.#isHeld) this.#restore();
    if (!this.#isHeld || (sizeBytes > SLACK_BYTES && sizeBytes > this.#freeBytes())) throw new S3Error('InsufficientStorage');
  }

  #freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#directory);
    return bavail * bsize;
  }

  #restore(): void {
    if (this.#freeBytes() < RESERVE_BYTES + SLACK_BYTES) return;
    // Random: a file system that compresses keeps room for nothing else.
    const content = randomFillSync(Buffer.allocUnsafe(RESERVE_BYTES));
    const handle = openSync(this.#file, 'w', 0o600);
    try {
      for (let done = 0; done < content.length;) done += writeSync(handle, content, done);
      this.#isHeld = true;
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    } finally {
      closeSync(handle);
      if (!this.#isHeld) rmSync(this.#file, { force: true });
    }
  }
}
