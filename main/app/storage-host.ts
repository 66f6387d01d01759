/**
 * Built-in storage, one process per data folder, started when the engine first needs it and stopped at quit.
 */
import { utilityProcess, type UtilityProcess } from 'electron';
import type { StorageAccess } from '../../preload/contract.ts';
import { SyncError, fromWire, type WireError } from '../model/errors.ts';

type FromStorage = ({ type: 'ready'; dir: string } & StorageAccess) | { type: 'failed'; error: WireError };

export type StorageHost = {
  /** @throws SyncError `offline` if the storage does not come up. */
  readonly start: (directory: string, isSecure: boolean) => Promise<StorageAccess>;
  readonly stop: () => Promise<void>;
};

const accessIn = ({ endpoint, accessKeyId, secretAccessKey, certificatePem = null }: StorageAccess): StorageAccess => ({ endpoint, accessKeyId, secretAccessKey, certificatePem });

const READY_MS = 20_000;
const STOP_MS = 5_000;

export function createStorageHost(options: { entry: string; env: Record<string, string | undefined> }): StorageHost {
  const running = new Map<string, { child: UtilityProcess; access: Promise<StorageAccess> }>();

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
          if (running.get(directory)?.child === child) running.set(directory, { child, access: Promise.resolve(accessIn(message)) });
        }
      });
      child.once('exit', (code) => {
        clearTimeout(timer);
        if (running.get(directory)?.child === child) running.delete(directory);
        reject(new SyncError('offline', { detail: `built-in storage ended with code ${code}` }));
      });
    });
    running.set(directory, { child, access });
    return access;
  };

  return {
    start: (directory, isSecure) => running.get(directory)?.access ?? launch(directory, isSecure),
    stop: async () => {
      await Promise.all(
        [...running.values()].map(
          ({ child }) =>
            new Promise<void>((resolve) => {
              const timer = setTimeout(() => child.kill(), STOP_MS);
              child.once('exit', () => {
                clearTimeout(timer);
                resolve();
              });
              child.postMessage({ type: 'stop' });
            }),
        ),
      );
    },
  };
}
