/** The app's engine as a process of its own, keeping one real folder in step with a real server: what it costs while much, little or nothing changes. */
import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { FolderStatus, FromEngine } from '../../preload/contract.ts';
import { askRunningEngine } from '../../main/assembly/engine-socket.ts';

export type Resident = {
  /** Resolves when the folder's status is one that `isWanted`. */
  until(isWanted: (status: FolderStatus) => boolean): Promise<FolderStatus>;
  /** Both sides whole, as the user's button does. @returns seconds of the cycle alone */
  syncWhole(): Promise<number>;
  /** Resolves when it has computed next to nothing for three seconds: the watcher runs, and what it told was looked at. */
  untilQuiet(): Promise<void>;
  /** Begins a new span of time for `cost`. */
  mark(): void;
  /** Since the mark: processor time, most memory, and the longest time that the event loop stood still. */
  cost(): EngineCost;
  stop(): Promise<void>;
};
export type EngineCost = { readonly cpuSeconds: number; readonly peakMiB: number; readonly nowMiB: number; readonly longestStallMs: number; readonly longestComputingMs: number };

type Gap = { readonly gapMs: number; readonly ranMs: number };

/** @param scratch - where the record of the event loop goes. */
export async function startResident(home: string, env: NodeJS.ProcessEnv, scratch: string): Promise<Resident> {
  const monitor = pathToFileURL(resolve('test/bench/loop-monitor.mjs')).href;
  const loop = join(scratch, 'resident-loop');
  const child: ChildProcess = fork(resolve('out/main/engine-process.js'), [], { execArgv: ['--import', monitor], env: { ...env, ENFOLD_HOME: home, ENFOLD_BENCH_LOOP: loop }, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  let status: FolderStatus | null = null;
  let wake: () => void = () => undefined;
  child.on('message', (message: FromEngine) => {
    if (message.type !== 'event' || message.name !== 'status') return;
    status = message.payload[0] ?? null;
    wake();
  });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  const until: Resident['until'] = async (isWanted) => {
    for (;;) {
      if (status !== null && isWanted(status)) return status;
      await Promise.race([new Promise<void>((done) => { wake = done; }), ended.then(() => { throw new Error('the engine ended'); })]);
    }
  };
  const pid = child.pid ?? 0;
  const log = `${loop}.engine-process-${pid}`;
  const cpuNow = (): number => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  };
  const memory = (name: 'VmHWM' | 'VmRSS'): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;
  let marked = { cpu: 0, gaps: 0 };
  const gaps = (): readonly Gap[] => readFileSync(log, 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Gap);
  return {
    until,
    syncWhole: async () => {
      const folderId = (await until(() => true)).folderId;
      const asked = await askRunningEngine(home, { type: 'sync', folderId, acceptHeld: false }, AbortSignal.timeout(3_600_000));
      if (asked === null) throw new Error('the engine does not listen');
      return asked.answer.elapsedMs / 1000;
    },
    untilQuiet: async () => {
      for (let quiet = 0; quiet < 3;) {
        const before = cpuNow();
        await sleep(1_000);
        quiet = cpuNow() - before < 0.1 ? quiet + 1 : 0;
      }
    },
    mark: () => {
      marked = { cpu: cpuNow(), gaps: gaps().length };
      // Linux: forgets the highest memory so far.
      writeFileSync(`/proc/${pid}/clear_refs`, '5');
    },
    cost: () => {
      const since = gaps().slice(marked.gaps);
      return {
        cpuSeconds: cpuNow() - marked.cpu, peakMiB: memory('VmHWM'), nowMiB: memory('VmRSS'),
        longestStallMs: Math.max(0, ...since.map(({ gapMs }) => gapMs)), longestComputingMs: Math.max(0, ...since.map(({ ranMs }) => ranMs)),
      };
    },
    stop: async () => {
      child.send({ type: 'stop' });
      await ended;
    },
  };
}
