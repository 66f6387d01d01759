/**
 * A second thread for long bodies, so that hashing an upload and decrypting a download do not take turns with the connections: MD5 alone takes longer than
 * everything else that is done to a byte. Bytes pass in shared memory, in slots that are used again; how many a body may hold at once is bounded.
 *
 * The thread starts with the first long body. Where it dies, what it was doing fails, and the next long body starts it again.
 */
import type { KeyObject } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { Done, Task } from './body-worker.ts';
import { RunningHashes, type BodyHashes, type Hashes, type HashWish } from './hashes.ts';
import { SEALED_CHUNK_BYTES } from './sealing.ts';

/** Bodies from here on are long: below, a message to another thread costs more than it saves. */
export const LONG_BODY_BYTES = 1 << 20;
export const SLOT_CHUNKS = 4;
const SLOT_BYTES = SLOT_CHUNKS * SEALED_CHUNK_BYTES;
/** Slots of one upload that the thread has not hashed yet, before more is waited for. */
const HASHING_AT_ONCE = 3;
const SPARE_SLOTS = 16;

/** Its buffers lie outside its heap and are collected by how full that is: with a large one they would pile up to 100 MiB, with this to 40. */
const LIMITS = { resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32 } };

async function startWorker(): Promise<Worker> {
  // The build turns the query into a module that starts the built worker; without a build it is the worker module itself.
  const built = (await import('./body-worker.ts?nodeWorker')) as { default?: (options: object) => Worker };
  return built.default === undefined ? new Worker(new URL('./body-worker.ts', import.meta.url), LIMITS) : built.default(LIMITS);
}

type Waiting = { readonly resolve: (done: never) => void; readonly reject: (error: Error) => void };

export class BodyThread {
  #worker: Worker | null = null;
  #isStarting = false;
  #isClosed = false;
  /** Until the worker has started. */
  #unsent: Task[] = [];
  /** In the order of their tasks, which is the order of the answers. */
  #waiting: Waiting[] = [];
  #spare: SharedArrayBuffer[] = [];
  #lastId = 0;
  readonly #start: () => Promise<Worker>;

  constructor(start: () => Promise<Worker> = startWorker) {
    this.#start = start;
  }

  createHashes(wish: HashWish, sizeBytes: number): BodyHashes {
    if (sizeBytes < LONG_BODY_BYTES || !(wish.md5 || wish.sha256 || wish.checksum !== null)) return new RunningHashes(wish);
    this.#lastId += 1;
    return new ThreadHashes(this, this.#lastId, wish);
  }

  /**
   * Opens sealed chunks where they lie.
   *
   * @param slot - holds `length` bytes: whole chunks from `firstIndex` on; afterwards their plaintext.
   * @returns the length of the plaintext.
   * @throws Error where a chunk is not authentic at its place
   */
  open(contentKey: KeyObject, firstIndex: number, lastIndex: number, slot: SharedArrayBuffer, length: number): Promise<number> {
    return this.ask({ type: 'open', contentKey, firstIndex, lastIndex, memory: slot, length });
  }

  takeSlot(): SharedArrayBuffer {
    return this.#spare.pop() ?? new SharedArrayBuffer(SLOT_BYTES);
  }

  /** Only once nobody reads or writes it any more. */
  giveBack(slot: SharedArrayBuffer): void {
    if (this.#spare.length < SPARE_SLOTS) this.#spare.push(slot);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#lose(new Error('the storage was stopped'));
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  ask<T>(task: Task): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#isClosed) throw new Error('the storage was stopped');
      this.#waiting.push({ resolve, reject });
      if (this.#worker !== null) {
        this.#worker.postMessage(task);
        return;
      }
      this.#unsent.push(task);
      if (this.#isStarting) return;
      this.#isStarting = true;
      this.#start().then((worker) => this.#begin(worker), (error: unknown) => {
        this.#isStarting = false;
        this.#lose(error);
      });
    });
  }

  #begin(worker: Worker): void {
    this.#isStarting = false;
    if (this.#isClosed) {
      void worker.terminate();
      return;
    }
    this.#worker = worker;
    // It keeps no process alive: whoever waits for it has a connection.
    worker.unref();
    worker.on('message', (answer: Done) => {
      const waiting = this.#waiting.shift();
      if ('problem' in answer) waiting?.reject(new Error(answer.problem));
      else waiting?.resolve(answer.done as never);
    });
    const onEnd = (error: unknown): void => {
      if (this.#worker !== worker) return;
      this.#worker = null;
      this.#lose(error);
    };
    worker.on('error', onEnd);
    worker.on('exit', () => onEnd(null));
    for (const task of this.#unsent.splice(0)) worker.postMessage(task);
  }

  #lose(cause: unknown): void {
    const error = cause instanceof Error ? cause : new Error('the thread of long bodies ended');
    this.#unsent = [];
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

class ThreadHashes implements BodyHashes {
  readonly #thread: BodyThread;
  readonly #id: number;
  #slot: SharedArrayBuffer | null = null;
  #filled = 0;
  #inFlight = 0;
  #failure: Error | null = null;
  #room: { readonly promise: Promise<void>; readonly open: () => void } | null = null;

  constructor(thread: BodyThread, id: number, wish: HashWish) {
    this.#thread = thread;
    this.#id = id;
    this.#note(thread.ask({ type: 'hash-begin', id, wish }));
  }

  update(chunk: Uint8Array): Promise<void> | undefined {
    for (let rest = chunk; rest.length > 0;) {
      this.#slot ??= this.#thread.takeSlot();
      const taken = rest.subarray(0, SLOT_BYTES - this.#filled);
      new Uint8Array(this.#slot).set(taken, this.#filled);
      this.#filled += taken.length;
      rest = rest.subarray(taken.length);
      if (this.#filled === SLOT_BYTES) this.#submit();
    }
    if (this.#failure !== null) throw this.#failure;
    if (this.#inFlight < HASHING_AT_ONCE) return undefined;
    if (this.#room === null) {
      let open = (): void => undefined;
      const promise = new Promise<void>((resolve) => {
        open = resolve;
      });
      this.#room = { promise, open };
    }
    return this.#room.promise;
  }

  async finish(): Promise<Hashes> {
    this.#submit();
    const hashes = await this.#thread.ask<Hashes>({ type: 'hash-end', id: this.#id });
    // One that failed before it is answered before it.
    if (this.#failure !== null) throw this.#failure;
    return hashes;
  }

  drop(): void {
    if (this.#slot !== null) this.#thread.giveBack(this.#slot);
    this.#slot = null;
    this.#note(this.#thread.ask({ type: 'hash-drop', id: this.#id }));
  }

  #submit(): void {
    const slot = this.#slot;
    if (slot === null) return;
    this.#slot = null;
    this.#inFlight += 1;
    this.#note(this.#thread.ask({ type: 'hash', id: this.#id, memory: slot, length: this.#filled }).finally(() => {
      this.#inFlight -= 1;
      this.#room?.open();
      this.#room = null;
    }).then(() => this.#thread.giveBack(slot)));
    this.#filled = 0;
  }

  #note(asked: Promise<unknown>): void {
    asked.catch((error: unknown) => {
      this.#failure ??= error instanceof Error ? error : new Error('the hashes failed');
    });
  }
}
