/** Built-in storage for one run of the command line: started when a connection needs it, ended with the command. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { StorageAccess, StorageHost } from '../assembly/api.ts';
import { fromWire, SyncError, type WireError } from '../model/errors.ts';

type FromStorage = (StorageAccess & { type: 'ready' }) | { type: 'failed'; error: WireError };

const accessIn = ({ endpoint, accessKeyId, secretAccessKey, certificatePem = null }: StorageAccess): StorageAccess => ({ endpoint, accessKeyId, secretAccessKey, certificatePem });

const READY_MS = 20_000;
const STOP_MS = 5_000;

/** The storage's entry: beside the built command line, or as source where the source is run. */
function entry(): string {
  const isSource = import.meta.url.endsWith('.ts');
  return fileURLToPath(new URL(isSource ? '../storage-process.ts' : 'storage-process.js', builtRoot()));
}

/** Chunks of the build may stand in a folder of their own below the entries. */
function builtRoot(): string {
  return import.meta.url.replace(/\/chunks\/[^/]*$/, '/cli.js');
}

export function createStorageHost(): StorageHost & { close(): Promise<void> } {
  const running = new Map<string, { child: ChildProcess; access: Promise<StorageAccess> }>();

  const launch = (directory: string, isSecure: boolean): Promise<StorageAccess> => {
    const child = fork(entry(), ['--dir', directory, ...(isSecure ? ['--https'] : [])], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
    const access = new Promise<StorageAccess>((resolve, reject) => {
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        reject(new SyncError('offline', { detail: 'the built-in storage did not start in time' }));
      }, READY_MS);
      child.on('message', (message: FromStorage) => {
        clearTimeout(timer);
        if (message.type === 'failed') return reject(fromWire(message.error));
        resolve(accessIn(message));
        // Said again where it took another server's place at another address.
        if (running.get(directory)?.child === child) running.set(directory, { child, access: Promise.resolve(accessIn(message)) });
      });
      child.once('error', (cause) => reject(new SyncError('offline', { detail: 'the built-in storage could not be started' }, { cause })));
      child.once('exit', (code) => {
        clearTimeout(timer);
        running.delete(directory);
        reject(new SyncError('offline', { detail: `the built-in storage ended with code ${code ?? 'unknown'}` }));
      });
    });
    running.set(directory, { child, access });
    return access;
  };

  return {
    ensureRunning: (directory, isSecure = false) => running.get(directory)?.access ?? launch(directory, isSecure),
    close: async () => {
      await Promise.all(
        [...running.values()].map(async ({ child }) => {
          if (child.exitCode !== null || child.signalCode !== null) return;
          await new Promise<void>((resolve) => {
            const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
            child.once('exit', () => {
              clearTimeout(timer);
              resolve();
            });
            child.kill('SIGTERM');
          });
        }),
      );
    },
  };
}
