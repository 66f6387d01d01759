/**
 * Built-in storage in a process of its own: `--dir FOLDER`, started by the app as a utility process or by `child_process.fork`.
 *
 * It says once where it is reached, `{type: 'ready', endpoint, accessKeyId, secretAccessKey, dir}`, and ends when it is told `{type: 'stop'}`,
 * by SIGTERM or SIGINT, or when its parent is gone. Where another process serves the folder already, it says where that one is.
 */
import { parseArgs } from 'node:util';
import { openAccessKeys } from './storage/access-keys.ts';
import { readEndpoint, startStorage } from './storage/server.ts';
import { isSyncError, toWire } from './model/errors.ts';

/** The end of Electron's utility process channel that this process holds; absent elsewhere. */
type ParentPort = { postMessage(message: unknown): void; on(event: 'message', listener: (event: { data: unknown }) => void): void };
const parentPort = (process as unknown as { parentPort?: ParentPort }).parentPort;

const say = (message: unknown): void => {
  if (parentPort !== undefined) parentPort.postMessage(message);
  else process.send?.(message);
};
const log = (line: string): void => void process.stderr.write(`storage: ${line}\n`);
const isStop = (message: unknown): boolean => typeof message === 'object' && message !== null && 'type' in message && message.type === 'stop';

/** Ends this process once `stop` is done, whoever asks for it first. */
function stopOnDemand(stop: () => Promise<void>): void {
  let isStopping = false;
  const end = (): void => {
    if (isStopping) return;
    isStopping = true;
    void stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  process.on('disconnect', end);
  process.on('message', (message) => {
    if (isStop(message)) end();
  });
  parentPort?.on('message', ({ data }) => {
    if (isStop(data)) end();
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({ args: process.argv.slice(2), options: { dir: { type: 'string' }, port: { type: 'string' } }, strict: false });
  if (typeof values.dir !== 'string') throw new Error('--dir is missing');
  try {
    const storage = await startStorage({ dir: values.dir, port: typeof values.port === 'string' ? Number(values.port) : 0, log });
    stopOnDemand(() => storage.stop());
    say({ type: 'ready', endpoint: storage.endpoint, accessKeyId: storage.accessKeyId, secretAccessKey: storage.secretAccessKey, dir: storage.dir });
  } catch (error) {
    const endpoint = isSyncError(error, 'storage-busy') ? await readEndpoint(values.dir) : null;
    if (endpoint === null) throw error;
    const { root } = await openAccessKeys(values.dir);
    // Only the channel to the parent keeps this process: it serves nothing.
    stopOnDemand(() => Promise.resolve());
    say({ type: 'ready', endpoint, accessKeyId: root.accessKeyId, secretAccessKey: root.secretAccessKey, dir: values.dir });
  }
}

main().catch((error: unknown) => {
  const wire = toWire(error);
  log(wire.code === 'invariant' ? (wire.about.detail ?? wire.says) : wire.says);
  say({ type: 'failed', error: wire });
  process.exitCode = 1;
  // The channel to the parent must not keep the process alive.
  if (process.connected) process.disconnect();
  setTimeout(() => process.exit(1), 200).unref();
});
