/**
 * The pool that owns the transfer workers of one folder: hands each file to the worker with the least to do, relays results and
 * progress, and starts a worker again that died. Bounds the bytes in memory over all of them, whatever the file sizes.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { SyncError, fromWire, toWire } from '../model/errors.ts';
import { capabilitiesOf } from '../remote/capabilities-of.ts';
import type { Capabilities } from '../remote/capabilities.ts';
import type { RemoteFolderConfig } from '../remote/folder-config.ts';
import type { ObjectStore } from '../remote/object-store.ts';
import { onAbort, unlessAborted } from '../remote/on-abort.ts';
import { createS3Store } from '../remote/s3.ts';
import type { DownloadJob, DownloadResult, OnProgress, Transfers, UploadJob, UploadJournal, UploadResult } from '../sync/ports.ts';
import type { Meter } from '../remote/throttle.ts';
import { createLanes, DEFAULT_TRANSFERS } from './lanes.ts';
import type { FolderLanes } from './lanes.ts';
import { createOutbox } from './messages.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { createRunner } from './runner.ts';
import type { RunnerOptions, TransferRunner } from './runner.ts';

export type TransferPoolOptions = {
  /** Workers; 0 runs everything in this thread. By default by the number of processors: one for each but one, at least 1, at most 4. */
  readonly size?: number;
  /** Small transfers in flight over all workers. */
  readonly concurrency?: number;
  readonly memoryBytes?: number;
  readonly partBytes?: number;
  readonly partsInFlight?: number;
  /** Starts a worker over `worker.ts`; by default the built one, or the source where nothing is built. */
  readonly startWorker?: () => Promise<Worker>;
  /** For tests, with `size` 0. */
  readonly store?: ObjectStore;
  /** The folder's part of the places that all folders share; by default those of this pool alone. */
  readonly lanes?: FolderLanes;
  /** Bandwidth limits. */
  readonly meters?: readonly Meter[];
};

export type TransferPool = Transfers & { close(): Promise<void> };

const MIB = 1024 * 1024;
const DEFAULT_MEMORY_BYTES = 96 * MIB;
export const DEFAULT_PART_BYTES = 8 * MIB;

async function startDefaultWorker(): Promise<Worker> {
  // The build turns the query into a module that starts the built worker; without a build it is the worker module itself.
  const built = (await import('./worker.ts?nodeWorker')) as { default?: (options: object) => Worker };
  return built.default === undefined ? new Worker(new URL('./worker.ts', import.meta.url)) : built.default({});
}

type Pending = {
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: OnProgress;
  readonly journal: UploadJournal | undefined;
};

/** One worker thread and what it has been given. */
class PooledWorker {
  readonly #thread: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #post: (message: ToWorker) => void;
  #isGone = false;
  #isTold = false;

  constructor(thread: Worker, config: RemoteFolderConfig, options: RunnerOptions) {
    this.#thread = thread;
    this.#post = createOutbox<ToWorker>((messages) => {
      if (!this.#isGone) thread.postMessage(messages);
    });
    thread.on('message', (messages: readonly FromWorker[]) => {
      for (const message of messages) this.#take(message);
    });
    thread.on('error', (error) => this.#lose(error));
    thread.on('exit', () => this.#lose(null));
    this.#post({ type: 'open', config, options });
  }

  tell(capabilities: Capabilities): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#post({ type: 'capabilities', capabilities });
  }

  get isGone(): boolean {
    return this.#isGone;
  }
  get load(): number {
    return this.#pending.size;
  }

  async run<Result>(message: Extract<ToWorker, { readonly job: unknown }>, onProgress: OnProgress, signal: AbortSignal, journal?: UploadJournal): Promise<Result> {
    const { id } = message;
    const forget = onAbort(signal, () => this.#post({ type: 'cancel', id }));
    try {
      return await new Promise<Result>((resolve, reject) => {
        if (this.#isGone) {
          reject(new SyncError('engine-stopped'));
          return;
        }
        this.#pending.set(id, { resolve, reject, onProgress, journal });
        this.#post(message);
      });
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      forget();
    }
  }

  async close(): Promise<void> {
    if (this.#isGone) return;
    const gone = new Promise<void>((resolve) => {
      this.#thread.once('exit', () => resolve());
    });
    this.#post({ type: 'close' });
    const patience = setTimeout(() => void this.#thread.terminate(), 5_000);
    await gone;
    clearTimeout(patience);
  }

  #take(message: FromWorker): void {
    const pending = this.#pending.get(message.id);
    if (pending === undefined) {
      if (message.type === 'journal') this.#post({ type: 'journaled', note: message.note, error: toWire(new SyncError('engine-stopped')) });
      return;
    }
    if (message.type === 'journal') {
      void this.#write(message, pending.journal);
      return;
    }
    if (message.type === 'progress') {
      pending.onProgress(message.doneBytes);
      return;
    }
    this.#pending.delete(message.id);
    if (message.type === 'failed') pending.reject(fromWire(message.error));
    else pending.resolve(message.result as never);
  }

  async #write({ note, entry }: Extract<FromWorker, { readonly type: 'journal' }>, journal: UploadJournal | undefined): Promise<void> {
    try {
      switch (entry.type) {
        case 'begin': await journal?.begin(entry.upload); break;
        case 'attempt': await journal?.attempt(entry.partNumber, entry.sha256); break;
        case 'drop': await journal?.drop(); break;
      }
      this.#post({ type: 'journaled', note, error: null });
    } catch (error) {
      this.#post({ type: 'journaled', note, error: toWire(error) });
    }
  }

  #lose(error: Error | null): void {
    this.#isGone = true;
    for (const { reject } of this.#pending.values()) reject(new SyncError('engine-stopped', { detail: 'A transfer worker stopped.' }, { cause: error }));
    this.#pending.clear();
  }
}

/**
 * Nothing is started before the first transfer; the first upload probes the endpoint unless the configuration says what it can do.
 */
export function createTransferPool(config: RemoteFolderConfig, options: TransferPoolOptions = {}): TransferPool {
  const size = options.size ?? Math.min(4, Math.max(1, availableParallelism() - 1));
  const concurrency = options.concurrency ?? Math.max(DEFAULT_TRANSFERS, options.lanes?.limit ?? 0);
  const partBytes = options.partBytes ?? DEFAULT_PART_BYTES;
  const startWorker = options.startWorker ?? startDefaultWorker;
  const closing = new AbortController();
  const workers: (Promise<PooledWorker> | undefined)[] = Array.from({ length: Math.max(1, size) });
  const started: (PooledWorker | undefined)[] = [];
  const starting: number[] = workers.map(() => 0);
  let inThread: TransferRunner | null = null;
  let capabilities: Promise<Capabilities> | null = null;
  let nextId = 1;

  const shared = Math.max(1, size);
  const runnerOptions: RunnerOptions = {
    memoryBytes: Math.floor((options.memoryBytes ?? DEFAULT_MEMORY_BYTES) / shared),
    connections: Math.ceil(concurrency / shared),
    partBytes,
    partsInFlight: options.partsInFlight ?? 4,
    ...(options.meters === undefined ? {} : { meters: options.meters }),
  };
  const lanes = options.lanes ?? createLanes({ transfers: concurrency }).folder();
  /** A small file is held whole, in the clear and encrypted; of a large one some parts. */
  const heldBytesOf = (bytes: number): number => Math.min(2 * bytes, runnerOptions.partsInFlight * partBytes);

  /** Waits for a place before anything is opened or asked for. */
  async function inLane<Result>(bytes: number, mtimeMs: number, signal: AbortSignal, transfer: () => Promise<Result>): Promise<Result> {
    const leave = await lanes.take({ bytes, heldBytes: heldBytesOf(bytes), mtimeMs }, signal);
    try {
      return await transfer();
    } finally {
      leave();
    }
  }

  async function findCapabilities(): Promise<Capabilities> {
    const store = options.store ?? createS3Store(config.access, config.bucket, { connections: 2 });
    try {
      return await capabilitiesOf(config, store, closing.signal);
    } finally {
      if (options.store === undefined) await store.close();
    }
  }

  /** Downloads never ask for it: who may only read cannot probe. A failed probe is tried again at the next upload. */
  async function knownCapabilities(): Promise<Capabilities> {
    const finding = (capabilities ??= findCapabilities());
    try {
      return await finding;
    } catch (error) {
      if (capabilities === finding) capabilities = null;
      throw error;
    }
  }

  async function open(index: number): Promise<PooledWorker> {
    // Workers need no key that they do not encrypt or authenticate with.
    const { folderKey: _kept, ...given } = config;
    const worker = new PooledWorker(await startWorker(), given, runnerOptions);
    started[index] = worker;
    return worker;
  }

  async function workerAt(index: number): Promise<PooledWorker> {
    if (started[index]?.isGone === true) workers[index] = undefined;
    const opening = (workers[index] ??= open(index));
    try {
      return await opening;
    } catch (error) {
      if (workers[index] === opening) workers[index] = undefined;
      throw error;
    }
  }

  function leastLoaded(): number {
    let best = 0;
    const loadOf = (index: number): number => (started[index]?.load ?? 0) + (starting[index] ?? 0);
    for (let index = 1; index < workers.length; index += 1) if (loadOf(index) < loadOf(best)) best = index;
    return best;
  }

  const runner = (): TransferRunner => (inThread ??= createRunner(config, runnerOptions, options.store));

  /** @param known - for uploads: what the worker must be told first. */
  async function inWorker<Result>(make: (id: number) => Extract<ToWorker, { readonly job: unknown }>, known: Promise<Capabilities> | null, onProgress: OnProgress, signal: AbortSignal, journal?: UploadJournal): Promise<Result> {
    const index = leastLoaded();
    starting[index] = (starting[index] ?? 0) + 1;
    let worker: PooledWorker;
    try {
      // The thread starts while the endpoint is probed.
      const [opened, told] = await unlessAborted(Promise.all([workerAt(index), known]), signal);
      worker = opened;
      if (told !== null) worker.tell(told);
    } finally {
      starting[index] = (starting[index] ?? 1) - 1;
    }
    signal.throwIfAborted();
    return worker.run<Result>(make(nextId++), onProgress, signal, journal);
  }

  function checkOpen(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (closing.signal.aborted) throw new SyncError('engine-stopped');
  }

  return {
    get concurrency() {
      return lanes.limit;
    },
    async upload(job: UploadJob, onProgress, signal, journal) {
      checkOpen(signal);
      return inLane(job.local.sizeBytes, job.local.mtimeMs, signal, async () => {
        if (size > 0) return inWorker<UploadResult>((id) => ({ type: 'upload', id, job, saved: journal === undefined ? undefined : journal.saved }), knownCapabilities(), onProgress, signal, journal);
        runner().setCapabilities(await unlessAborted(knownCapabilities(), signal));
        return runner().upload(job, onProgress, signal, journal);
      });
    },
    async download(job: DownloadJob, onProgress, signal) {
      checkOpen(signal);
      // How new the file is only its attributes tell, which come with it.
      return inLane(job.objectBytes, 0, signal, async () => (size === 0 ? runner().download(job, onProgress, signal) : inWorker<DownloadResult>((id) => ({ type: 'download', id, job }), null, onProgress, signal)));
    },
    async close() {
      closing.abort(new SyncError('engine-stopped'));
      const opened = await Promise.allSettled(workers.filter((worker) => worker !== undefined));
      await Promise.all(opened.map(async (worker) => (worker.status === 'fulfilled' ? worker.value.close() : undefined)));
      await inThread?.close();
    },
  };
}
