/**
 * Built-in storage, one process per data folder, started when the engine first needs it and stopped at quit.
 */
import { utilityProcess, type UtilityProcess } from 'electron';
import type { StorageAccess } from '../../preload/contract.ts';
import { SyncError, fromWire, type WireError } from '../model/errors.ts';

/** What a task of the owner gives; `page` is secret. */
export type OwnerResult = { rootKey: { place: 'keychain' | 'beside-data'; rootKeyId: string | null; exportedMs: number | null }; fingerprint: string | null; page: string | null };
type FromTask = { type: 'done'; result: OwnerResult } | { type: 'failed'; error: WireError };
type FromStorage = ({ type: 'ready'; dir: string } & StorageAccess) | { type: 'failed'; error: WireError };

export type StorageHost = {
  /** @throws SyncError `offline` if the storage does not come up. */
  readonly start: (directory: string, isSecure: boolean) => Promise<StorageAccess>;
  /** `look`, or, while the storage is stopped for it, `to-keychain` or `words`; it runs again afterwards if it did. */
  readonly perform: (directory: string, task: 'look' | 'to-keychain' | 'words') => Promise<OwnerResult>;
  readonly stop: () => Promise<void>;
};

const accessIn = ({ endpoint, accessKeyId, secretAccessKey, certificatePem = null }: StorageAccess): StorageAccess => ({ endpoint, accessKeyId, secretAccessKey, certificatePem });

const READY_MS = 20_000;
const STOP_MS = 5_000;
/** A keychain may ask its user first. */
const TASK_MS = 120_000;

export function createStorageHost(options: { entry: string; env: Record<string, string | undefined> }): StorageHost {
  const running = new Map<string, { child: UtilityProcess; isSecure: boolean; access: Promise<StorageAccess> }>();
  /** What is done for the owner of a folder, and what must wait for it. */
  const turns = new Map<string, Promise<unknown>>();

  const launch = (directory: string, isSecure: boolean): Promise<StorageAccess> => {
    const child = utilityProcess.fork(options.entry, ['--dir', directory, ...(isSecure ? ['--https'] : [])], { serviceName: 'Enfold storage', stdio: 'inherit', env: options.env });
    const access = new Promise<StorageAccess>((resolve, reject) => {
      const timer = setTimeout(() => {
        child.kill();
        reject(new SyncError('offline', { detail: 'built-in storage did not start in time' }));
      }, READY_MS);
      child.on('message', (message: FromStorage) => {
        clearTimeout(timer);
        if (message.type === 'failed') {
          child.kill();
          reject(fromWire(message.error));
        } else {
          resolve(accessIn(message));
          // Said again where it took another server's place at another address.
          if (running.get(directory)?.child === child) running.set(directory, { child, isSecure, access: Promise.resolve(accessIn(message)) });
        }
      });
      child.once('exit', (code) => {
        clearTimeout(timer);
        if (running.get(directory)?.child === child) running.delete(directory);
        reject(new SyncError('offline', { detail: `built-in storage ended with code ${code}` }));
      });
    });
    running.set(directory, { child, isSecure, access });
    return access;
  };

  const end = (child: UtilityProcess): Promise<void> => new Promise((resolve) => {
    const timer = setTimeout(() => child.kill(), STOP_MS);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.postMessage({ type: 'stop' });
  });

  /** Ends the process that serves a folder. @returns how it was reached; null where none did */
  const endOf = async (directory: string): Promise<{ isSecure: boolean } | null> => {
    const current = running.get(directory);
    if (current === undefined) return null;
    running.delete(directory);
    await end(current.child);
    return current;
  };

  const runTask = (directory: string, task: string): Promise<OwnerResult> => new Promise((resolve, reject) => {
    const child = utilityProcess.fork(options.entry, ['--dir', directory, '--task', task], { serviceName: 'Enfold storage task', stdio: 'inherit', env: options.env });
    const timer = setTimeout(() => child.kill(), TASK_MS);
    child.on('message', (message: FromTask) => {
      if (message.type === 'done') resolve(message.result);
      else reject(fromWire(message.error));
      child.kill();
    });
    child.once('exit', () => {
      clearTimeout(timer);
      reject(new SyncError('offline', { detail: 'built-in storage did not do what was asked' }));
    });
  });

  /** One after the other for each folder: nobody starts what another has just stopped. */
  const inTurn = <T>(directory: string, act: () => Promise<T>): Promise<T> => {
    const mine = (turns.get(directory) ?? Promise.resolve()).then(act, act);
    turns.set(directory, mine.catch(() => undefined));
    return mine;
  };

  return {
    start: (directory, isSecure) => inTurn(directory, async () => {
      const current = running.get(directory);
      if (current !== undefined && current.isSecure === isSecure) return current.access;
      await endOf(directory);
      return launch(directory, isSecure);
    }),
    perform: (directory, task) => inTurn(directory, async () => {
      if (task === 'look') return runTask(directory, task);
      const before = await endOf(directory);
      try {
        return await runTask(directory, task);
      } finally {
        if (before !== null) await launch(directory, before.isSecure).catch(() => undefined);
      }
    }),
    stop: async () => {
      await Promise.all([...running.values()].map(({ child }) => end(child)));
    },
  };
}
