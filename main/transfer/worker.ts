/**
 * Worker-thread entry: the whole pipeline of one file (read, hash, encrypt, send, and back), so that plaintext and keys
 * never cross threads after the start. Loaded in the main thread it does nothing.
 */
import { parentPort } from 'node:worker_threads';
import { fromWire, SyncError, toWire } from '../model/errors.ts';
import type { WireError } from '../model/errors.ts';
import type { SavedUpload, UploadJournal } from '../sync/ports.ts';
import { createOutbox } from './messages.ts';
import type { FromWorker, JournalEntry, ToWorker } from './messages.ts';
import { createRunner } from './runner.ts';
import type { TransferRunner } from './runner.ts';

const PROGRESS_INTERVAL_MS = 250;

if (parentPort !== null) {
  const port = parentPort;
  const post = createOutbox<FromWorker>((messages) => port.postMessage(messages));
  const running = new Map<number, AbortController>();
  let runner: TransferRunner | null = null;
  const notes = new Map<number, (error: WireError | null) => void>();
  let nextNote = 1;

  /** At most a few times a second for each transfer. */
  const progressOf = (id: number) => {
    let lastMs = Date.now();
    return (doneBytes: number): void => {
      const nowMs = Date.now();
      if (nowMs - lastMs < PROGRESS_INTERVAL_MS) return;
      lastMs = nowMs;
      post({ type: 'progress', id, doneBytes });
    };
  };

  /** The records are on the other side; what is written down there is on disk when the answer comes. */
  const journalOf = (id: number, saved: SavedUpload | null): UploadJournal => {
    const write = async (entry: JournalEntry): Promise<void> =>
      new Promise((resolve, reject) => {
        const note = nextNote++;
        notes.set(note, (error) => (error === null ? resolve() : reject(fromWire(error))));
        post({ type: 'journal', id, note, entry });
      });
    return { saved, begin: (upload) => write({ type: 'begin', upload }), attempt: (partNumber, sha256) => write({ type: 'attempt', partNumber, sha256 }), drop: () => write({ type: 'drop' }) };
  };

  const run = async (message: Extract<ToWorker, { readonly id: number; readonly job: unknown }>): Promise<void> => {
    const { id } = message;
    const cancel = new AbortController();
    running.set(id, cancel);
    try {
      if (runner === null) throw new SyncError('invariant', { detail: 'A transfer before its folder was opened.' });
      if (message.type === 'upload') post({ type: 'uploaded', id, result: await runner.upload(message.job, progressOf(id), cancel.signal, message.saved === undefined ? undefined : journalOf(id, message.saved)) });
      else post({ type: 'downloaded', id, result: await runner.download(message.job, progressOf(id), cancel.signal) });
    } catch (error) {
      post({ type: 'failed', id, error: toWire(error) });
    } finally {
      running.delete(id);
    }
  };

  const take = async (message: ToWorker): Promise<void> => {
    switch (message.type) {
      case 'open':
        runner = createRunner(message.config, message.options);
        break;
      case 'capabilities':
        runner?.setCapabilities(message.capabilities);
        break;
      case 'upload':
      case 'download':
        await run(message);
        break;
      case 'journaled':
        notes.get(message.note)?.(message.error);
        notes.delete(message.note);
        break;
      case 'cancel':
        running.get(message.id)?.abort(new SyncError('engine-stopped', { detail: 'The transfer was cancelled.' }));
        break;
      case 'close':
        for (const cancel of running.values()) cancel.abort(new SyncError('engine-stopped'));
        await runner?.close();
        port.close();
        break;
    }
  };

  port.on('message', (messages: readonly ToWorker[]) => {
    for (const message of messages) void take(message);
  });
}
