/** What the pool and its workers say to each other; all of it plain data. Several messages travel together. */
import type { WireError } from '../model/errors.ts';
import type { Capabilities } from '../remote/capabilities.ts';
import type { RemoteFolderConfig } from '../remote/folder-config.ts';
import type { BegunUpload, DownloadJob, DownloadResult, SavedUpload, UploadJob, UploadResult } from '../sync/ports.ts';
import type { RunnerOptions } from './runner.ts';

export type ToWorker =
  /** First and once: it carries the keys. */
  | { readonly type: 'open'; readonly config: RemoteFolderConfig; readonly options: RunnerOptions }
  /** Once, before the first upload: only who writes needs to know, and may probe. */
  | { readonly type: 'capabilities'; readonly capabilities: Capabilities }
  /** `saved` undefined: nothing is written down about it. */
  | { readonly type: 'upload'; readonly id: number; readonly job: UploadJob; readonly saved: SavedUpload | null | undefined }
  /** What was asked to be written down is on disk, unless there is an error. */
  | { readonly type: 'journaled'; readonly note: number; readonly error: WireError | null }
  | { readonly type: 'download'; readonly id: number; readonly job: DownloadJob }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'close' };

/** What a transfer asks its owner to write down. */
export type JournalEntry = { readonly type: 'begin'; readonly upload: BegunUpload } | { readonly type: 'attempt'; readonly partNumber: number; readonly sha256: string } | { readonly type: 'drop' };

export type FromWorker =
  | { readonly type: 'uploaded'; readonly id: number; readonly result: UploadResult }
  | { readonly type: 'downloaded'; readonly id: number; readonly result: DownloadResult }
  | { readonly type: 'failed'; readonly id: number; readonly error: WireError }
  | { readonly type: 'journal'; readonly id: number; readonly note: number; readonly entry: JournalEntry }
  | { readonly type: 'progress'; readonly id: number; readonly doneBytes: number };

/** Collects messages and sends them together: one crossing between threads costs more than many small messages. */
export function createOutbox<Message>(send: (messages: readonly Message[]) => void): (message: Message) => void {
  let waiting: Message[] = [];
  return (message) => {
    if (waiting.length === 0) {
      setImmediate(() => {
        const messages = waiting;
        waiting = [];
        send(messages);
      });
    }
    waiting.push(message);
  };
}
