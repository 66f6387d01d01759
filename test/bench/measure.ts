/** Runs a program as a whole process and tells what it cost. */
import { spawnSync } from 'node:child_process';

export type Cost = { readonly wallSeconds: number; readonly cpuSeconds: number; readonly peakMiB: number };

// wait4 gives the resources of exactly that process and of the children it waited for; Node does not offer it.
const WAIT4 = `
import json, os, sys, time
started = time.monotonic()
pid = os.fork()
if pid == 0:
    out = os.open(os.environ['MEASURE_OUT'], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1); os.dup2(out, 2)
    os.execvp(sys.argv[1], sys.argv[1:])
_, status, used = os.wait4(pid, 0)
print(json.dumps({'status': os.waitstatus_to_exitcode(status), 'wall': time.monotonic() - started, 'cpu': used.ru_utime + used.ru_stime, 'peakKiB': used.ru_maxrss}))
`;

/** @throws where the program fails, with the end of what it printed. */
export function measure(command: readonly string[], env: NodeJS.ProcessEnv, outFile: string): Cost {
  const run = spawnSync('python3', ['-c', WAIT4, ...command], { env: { ...env, MEASURE_OUT: outFile }, encoding: 'utf8' });
  if (run.status !== 0) throw new Error(run.stderr);
  const told = JSON.parse(run.stdout) as { status: number; wall: number; cpu: number; peakKiB: number };
  if (told.status !== 0) throw new Error(`${command.join(' ')} ended with ${told.status}:\n${spawnSync('tail', ['-n', '20', outFile], { encoding: 'utf8' }).stdout}`);
  return { wallSeconds: told.wall, cpuSeconds: told.cpu, peakMiB: told.peakKiB / 1024 };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? NaN) : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

/** The median of each figure on its own. */
export function medianCost(costs: readonly Cost[]): Cost {
  return { wallSeconds: median(costs.map((cost) => cost.wallSeconds)), cpuSeconds: median(costs.map((cost) => cost.cpuSeconds)), peakMiB: median(costs.map((cost) => cost.peakMiB)) };
}
