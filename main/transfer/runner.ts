/** Runs transfers of one folder in this thread: what a worker does, and what the pool does where no worker is wanted. */
import { SyncError } from '../model/errors.ts';
import { withAnyKey } from '../remote/any-key-store.ts';
import type { RemoteFolderConfig } from '../remote/folder-config.ts';
import type { Capabilities } from '../remote/capabilities.ts';
import { createLongNames } from '../remote/long-names.ts';
import type { ObjectStore } from '../remote/object-store.ts';
import { createS3Store } from '../remote/s3.ts';
import type { Meter } from '../remote/throttle.ts';
import { createStoredFiles } from '../remote/stored-file.ts';
import type { DownloadJob, DownloadResult, OnProgress, UploadJob, UploadJournal, UploadResult } from '../sync/ports.ts';
import { createBudget } from './budget.ts';
import { createPartBuffers } from './part-buffers.ts';
import { download } from './download.ts';
import { upload } from './upload.ts';
import type { TransferContext } from './upload.ts';

const TAG_BYTES = 16;

export type RunnerOptions = {
  /** Bytes that all transfers of this runner may hold at once. */
  readonly memoryBytes: number;
  readonly connections: number;
  readonly partBytes: number;
  readonly partsInFlight: number;
  /** Bandwidth limits. */
  readonly meters?: readonly Meter[];
};

export type TransferRunner = {
  /** To be told before the first upload. */
  setCapabilities(capabilities: Capabilities): void;
  upload(job: UploadJob, onProgress: OnProgress, signal: AbortSignal, journal?: UploadJournal): Promise<UploadResult>;
  download(job: DownloadJob, onProgress: OnProgress, signal: AbortSignal): Promise<DownloadResult>;
  close(): Promise<void>;
};

/** @throws SyncError key-not-found, key-invalid, rejected (`sse-c` over plain http) */
export function createRunner(config: RemoteFolderConfig, options: RunnerOptions, givenStore?: ObjectStore): TransferRunner {
  const files = createStoredFiles(config);
  const store = withAnyKey(givenStore ?? createS3Store(config.access, config.bucket, { connections: options.connections, meters: options.meters }), files.readers);
  let known: Capabilities | null = null;
  const context: TransferContext = {
    store, files, longNames: createLongNames(store, config.prefix, files.requests), budget: createBudget(options.memoryBytes), buffers: createPartBuffers(options.partBytes + TAG_BYTES, 2 * options.partsInFlight),
    partBytes: options.partBytes, partsInFlight: options.partsInFlight,
  };
  return {
    setCapabilities(capabilities) {
      known = capabilities;
    },
    async upload(job, onProgress, signal, journal) {
      if (known === null) throw new SyncError('invariant', { detail: 'An upload before it was known what the endpoint can do.' });
      return upload(context, known, job, onProgress, signal, journal);
    },
    download: async (job, onProgress, signal) => download(context, job, onProgress, signal),
    close: async () => {
      files.close();
      if (givenStore === undefined) await store.close();
    },
  };
}
