/**
 * Loaded before the code of a process, it writes each time that the process's event loop stood still to `$ENFOLD_BENCH_LOOP.<name>`, one
 * JSON object a line: `gapMs` the whole of it, `ranMs` how much of that the thread computed, `waitedMs` how much it had work but no core, as
 * on a machine with other work to do. What is left it spent in a system call that waits, as for a disk.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import path from 'node:path';

const TICK_MS = 10;
const WORTH_TELLING_MS = 15;
const log = `${process.env.ENFOLD_BENCH_LOOP}.${process.type === 'browser' ? 'main' : path.basename(process.argv[1] ?? 'other', '.js')}-${process.pid}`;
// Linux: nanoseconds that the main thread ran, and that it was ready to run but did not.
const spent = () => readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ').map((ns) => Number(ns) / 1e6);

appendFileSync(log, '');
let last = performance.now();
let [lastRan, lastWaited] = spent();
setInterval(() => {
  const now = performance.now();
  const [ran, waited] = spent();
  const gapMs = now - last - TICK_MS;
  if (gapMs > WORTH_TELLING_MS) appendFileSync(log, `${JSON.stringify({ atMs: Date.now(), gapMs, ranMs: ran - lastRan, waitedMs: waited - lastWaited })}\n`);
  [last, lastRan, lastWaited] = [now, ran, waited];
}, TICK_MS).unref();
