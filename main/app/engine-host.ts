/**
 * Forks the engine as a process of its own and relays the contract. A crash there costs a restart, never the window: what was
 * asked meanwhile is answered with `engine-stopped`, and the engine takes up its work from its own records.
 */
import { utilityProcess, type UtilityProcess } from 'electron';
import type { Answer, EngineRequest, FromEngine, StorageAccess, ToEngine } from '../../preload/contract.ts';
import { fromWire, SyncError, toWire, type WireError } from '../model/errors.ts';

const FIRST_RESTART_MS = 500;
const LAST_RESTART_MS = 30_000;
/** An engine that ran this long was not failing at start: its next restart is quick again. */
const HEALTHY_MS = 60_000;
const STOP_MS = 15_000;

export type EngineState = { state: 'running' | 'restarting' | 'stopped'; error: WireError | null };
export type EngineHost = {
  readonly request: (name: EngineRequest, input: unknown) => Promise<Answer<EngineRequest>>;
  readonly state: () => EngineState;
  /** Secret: the kit of a key, to be printed. @throws SyncError */
  readonly makeKit: (keyId: string) => Promise<{ page: string; age: string | null }>;
  /** The system has checked its user. */
  readonly unlockVerified: () => void;
  /** The computer woke up. */
  readonly woken: () => void;
  /** Lets the engine finish what must not be torn, then ends it; resolves when it is gone. */
  readonly stop: () => Promise<void>;
};

type Options = {
  entry: string;
  env: Record<string, string | undefined>;
  startStorage: (directory: string, isSecure: boolean) => Promise<StorageAccess>;
  onEvent: (event: Extract<FromEngine, { type: 'event' }>) => void;
  onState: (state: EngineState) => void;
};

export function startEngine(options: Options): EngineHost {
  let child: UtilityProcess | null = null;
  let isReady = false;
  let isStopping = false;
  let failures = 0;
  let nextId = 1;
  let current: EngineState = { state: 'restarting', error: null };
  let restartTimer: NodeJS.Timeout | null = null;
  const pending = new Map<number, (answer: Answer<EngineRequest>) => void>();
  const kits = new Map<number, { resolve: (kit: { page: string; age: string | null }) => void; reject: (error: SyncError) => void }>();
  /** Asked before the engine said it is ready. */
  const waiting: ToEngine[] = [];

  const setState = (state: EngineState): void => {
    current = state;
    options.onState(state);
  };

  const receive = (from: UtilityProcess, message: FromEngine): void => {
    if (from !== child) return;
    switch (message.type) {
      case 'ready':
        isReady = true;
        setState({ state: 'running', error: null });
        for (const request of waiting.splice(0)) from.postMessage(request);
        return;
      case 'answer':
        pending.get(message.id)?.(message.answer);
        pending.delete(message.id);
        return;
      case 'kit': {
        const waitingKit = kits.get(message.id);
        kits.delete(message.id);
        if (message.kit === null) waitingKit?.reject(fromWire(message.error ?? toWire(new SyncError('engine-stopped'))));
        else waitingKit?.resolve(message.kit);
        return;
      }
      case 'event':
        options.onEvent(message);
        return;
      case 'start-storage':
        void options.startStorage(message.directory, message.isSecure).then(
          (access) => from.postMessage({ type: 'storage', id: message.id, access, error: null } satisfies ToEngine),
          (error: unknown) => from.postMessage({ type: 'storage', id: message.id, access: null, error: toWire(error) } satisfies ToEngine),
        );
        return;
      case 'stopped':
        from.kill();
    }
  };

  const fork = (): void => {
    restartTimer = null;
    isReady = false;
    const startedAt = Date.now();
    const started = utilityProcess.fork(options.entry, [], { serviceName: 'Enfold engine', stdio: 'inherit', env: options.env });
    child = started;
    started.on('message', (message: FromEngine) => receive(started, message));
    started.on('exit', () => {
      if (child === started) child = null;
      const error = toWire(new SyncError('engine-stopped'));
      waiting.splice(0);
      for (const answer of pending.values()) answer({ ok: false, error });
      pending.clear();
      for (const { reject } of kits.values()) reject(new SyncError('engine-stopped'));
      kits.clear();
      if (isStopping) return setState({ state: 'stopped', error: null });
      failures = Date.now() - startedAt > HEALTHY_MS ? 0 : failures + 1;
      setState({ state: 'restarting', error });
      restartTimer = setTimeout(fork, Math.min(FIRST_RESTART_MS * 2 ** failures, LAST_RESTART_MS));
    });
  };
  fork();

  return {
    state: () => current,
    makeKit: (keyId) =>
      new Promise((resolve, reject) => {
        if (!isReady || child === null) return reject(new SyncError('engine-stopped'));
        const id = nextId++;
        kits.set(id, { resolve, reject });
        child.postMessage({ type: 'make-kit', id, keyId } satisfies ToEngine);
      }),
    woken: () => child?.postMessage({ type: 'woken' } satisfies ToEngine),
    unlockVerified: () => child?.postMessage({ type: 'unlock-verified' } satisfies ToEngine),
    request: (name, input) =>
      new Promise((resolve) => {
        if (isStopping || (child === null && failures > 0)) return resolve({ ok: false, error: toWire(new SyncError('engine-stopped')) });
        const id = nextId++;
        pending.set(id, resolve);
        const message: ToEngine = { type: 'request', id, name, input };
        if (isReady && child !== null) child.postMessage(message);
        else waiting.push(message);
      }),
    stop: () =>
      new Promise((resolve) => {
        isStopping = true;
        if (restartTimer !== null) clearTimeout(restartTimer);
        const leaving = child;
        if (leaving === null) return resolve();
        const timer = setTimeout(() => {
          process.stderr.write('shell: the engine did not stop in time and was ended\n');
          // It takes SIGTERM for another `stop`.
          if (leaving.pid !== undefined) process.kill(leaving.pid, 'SIGKILL');
        }, STOP_MS);
        leaving.once('exit', () => {
          clearTimeout(timer);
          resolve();
        });
        leaving.postMessage({ type: 'stop' } satisfies ToEngine);
      }),
  };
}
