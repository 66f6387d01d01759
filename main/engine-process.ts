/**
 * The engine as a process of its own: wires the adapters, serves the contract over its parent's port, keeps every folder in
 * step, and answers the command line over a local socket. The app forks it as an Electron utility process; tests fork it as a
 * plain Node process. It ends itself on `stop`, when it has finished what must not be torn, or when its parent is gone.
 */
import type { FromEngine, StorageAccess, ToEngine } from '../preload/contract.ts';
import { openEnfold } from './assembly/enfold.ts';
import { serveEngineSocket } from './assembly/engine-socket.ts';
import { createEngineService } from './assembly/service.ts';
import { fromWire, SyncError, toWire } from './model/errors.ts';

/** What is used of Electron's parent port; its types would bring all of Electron along. */
type ParentPort = { on(event: 'message', listener: (event: { data: ToEngine }) => void): void; postMessage(message: FromEngine): void };
const parentPort = (process as { parentPort?: ParentPort }).parentPort;

function post(message: FromEngine): void {
  if (parentPort !== undefined) parentPort.postMessage(message);
  else if (process.connected) process.send?.(message);
}

type Waiting = { readonly resolve: (access: StorageAccess) => void; readonly reject: (error: SyncError) => void };
const waitingForStorage = new Map<number, Waiting>();
let nextId = 1;
let isStopping = false;

/** What has not ended by then waits for something outside, such as a keychain that asks the user. Being killed loses nothing. */
const STOP_PATIENCE_MS = 8_000;

/** The shell owns the storage processes: it starts one where none runs, and ends them. */
async function startStorage(directory: string, isSecure = false): Promise<StorageAccess> {
  if (isStopping) throw new SyncError('engine-stopped');
  return new Promise((resolve, reject) => {
    const id = nextId++;
    waitingForStorage.set(id, { resolve, reject });
    post({ type: 'start-storage', id, directory, isSecure });
  });
}

process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const enfold = await openEnfold({ env: process.env, storageHost: { ensureRunning: startStorage }, log: (line) => process.stderr.write(`engine: ${line}\n`) });
const service = createEngineService(enfold, (name, payload) => post({ type: 'event', name, payload } as FromEngine), () => void stop());
const socket = await serveEngineSocket(enfold.home, (question) => service.ask(question));

async function stop(): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  const patience = setTimeout(() => {
    process.stderr.write('engine: something did not end in time\n');
    leave();
  }, STOP_PATIENCE_MS);
  for (const { reject } of waitingForStorage.values()) reject(new SyncError('engine-stopped'));
  waitingForStorage.clear();
  try {
    await socket.close();
    await service.close();
    await enfold.close();
  } finally {
    clearTimeout(patience);
    leave();
  }
}

function leave(): void {
  post({ type: 'stopped' });
  // The message must be on its way before the process is gone; the parent ends it sooner where it can.
  setTimeout(() => process.exit(0), 100);
}

function receive(message: ToEngine): void {
  switch (message.type) {
    case 'request':
      void service.answer(message.name, message.input).then((answer) => post({ type: 'answer', id: message.id, answer }));
      return;
    case 'storage': {
      const waiting = waitingForStorage.get(message.id);
      waitingForStorage.delete(message.id);
      if (message.access !== null) waiting?.resolve(message.access);
      else waiting?.reject(message.error === null ? new SyncError('offline') : fromWire(message.error));
      return;
    }
    case 'make-kit':
      void service.makeKit(message.keyId).then(
        (kit) => post({ type: 'kit', id: message.id, kit, error: null }),
        (error: unknown) => post({ type: 'kit', id: message.id, kit: null, error: toWire(error) }),
      );
      return;
    case 'unlock-verified':
      service.unlockVerified();
      return;
    case 'woken':
      service.woken();
      return;
    case 'stop':
      void stop();
  }
}

if (parentPort !== undefined) parentPort.on('message', ({ data }) => receive(data));
else process.on('message', (message) => receive(message as ToEngine));
process.on('disconnect', () => void stop());
process.on('SIGTERM', () => void stop());
post({ type: 'ready' });
await service.start();
