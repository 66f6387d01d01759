/**
 * Built-in storage in a process of its own: `--dir FOLDER [--https]`, started by the app as a utility process or by `child_process.fork`.
 *
 * It says once where it is reached, `{type: 'ready', endpoint, accessKeyId, secretAccessKey, certificatePem, dir}`, and ends when it is told
 * `{type: 'stop'}`, by SIGTERM or SIGINT, or when its parent is gone. Where another process serves the folder already, it says where that one
 * is, and takes its place when it ends: at the same address, so that nobody need be told. Only where that address is taken by then it says
 * `ready` once more.
 *
 * With `--task NAME` it serves nothing, does what the owner asked for, says `{type: 'done', result}`, and ends: see `cli/storage-owner`.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openAccessKeys } from './storage/access-keys.ts';
import { CERTIFICATE_FILE } from './storage/certificate.ts';
import { readSecretFile } from './storage/secret-file.ts';
import { readEndpoint, startStorage, type RunningStorage } from './storage/server.ts';
import { rootKeysFor } from './cli/storage-root-keys.ts';
import { SyncError, isSyncError, toWire } from './model/errors.ts';

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

/** How soon the end of another server is noticed; the engine tries again for longer than that. */
const WATCH_MS = 400;

const ready = ({ endpoint, accessKeyId, secretAccessKey, certificatePem, dir }: Pick<RunningStorage, 'endpoint' | 'accessKeyId' | 'secretAccessKey' | 'dir'> & { readonly certificatePem: string | null }): void =>
  say({ type: 'ready', endpoint, accessKeyId, secretAccessKey, certificatePem, dir });

/** Where the server that holds the folder is. It may be about to say so, or about to end. */
async function endpointOfOther(dir: string): Promise<string> {
  const endpoint = await readEndpoint(dir);
  if (endpoint === null) throw new SyncError('storage-busy');
  return endpoint;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ args: process.argv.slice(2), options: { dir: { type: 'string' }, https: { type: 'boolean' }, task: { type: 'string' } }, strict: false });
  const { dir } = values;
  if (typeof dir !== 'string') throw new Error('--dir is missing');
  if (typeof values.task === 'string') {
    const { performOwnerTask } = await import('./cli/storage-owner.ts');
    say({ type: 'done', result: await performOwnerTask(dir, process.env, values.task) });
    return;
  }
  const stopping = new AbortController();
  let storage: RunningStorage | null = null;
  stopOnDemand(async () => {
    stopping.abort();
    await storage?.stop();
  });
  /** Null: another process serves the folder. */
  const serve = async (isSecure: boolean): Promise<RunningStorage | null> => {
    try {
      storage = await startStorage({ dir, isSecure, log, rootKeys: rootKeysFor(dir, process.env) });
      return storage;
    } catch (error) {
      if (isSyncError(error, 'storage-busy')) return null;
      throw error;
    }
  };
  const announce = (running: RunningStorage): void => ready({ ...running, certificatePem: running.certificate?.pem ?? null });

  const first = await serve(values.https === true);
  if (first !== null) return announce(first);
  const endpoint = await endpointOfOther(dir);
  const isSecure = endpoint.startsWith('https:');
  const { root } = await openAccessKeys(dir);
  ready({ ...root, endpoint, dir, certificatePem: isSecure ? await readSecretFile(join(dir, CERTIFICATE_FILE)) : null });
  for (;;) {
    await sleep(WATCH_MS);
    if (stopping.signal.aborted) return;
    const successor = await serve(isSecure);
    if (successor === null) continue;
    log(`took over ${dir}`);
    if (successor.endpoint !== endpoint) announce(successor);
    return;
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
