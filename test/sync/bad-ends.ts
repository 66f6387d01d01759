/* oxlint-disable vitest/no-standalone-expect -- run inside tests */
/** Syncs that end badly, one after the other: killed between two calls that change the disk or tell the server something, or by a power cut. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { RunOptions } from '../helpers/cli.ts';
import { Dice } from '../helpers/faults.ts';
import { notRunHere } from '../helpers/not-run-here.ts';
import { createPowerCutDisk, type FileSystem } from '../helpers/power-cut.ts';
import { createPair, type Pair } from './pair.ts';

export const newSeed = (): number => Number(process.env['ENFOLD_SEED'] ?? Date.now() % 2 ** 31);

/** Calls of the process by which it changes the disk or sends something. */
const WRITING_CALLS = ['write', 'writev', 'pwrite64', 'fsync', 'fdatasync', 'rename', 'link', 'unlink', 'mkdir', 'rmdir', 'ftruncate', 'utimensat', 'chmod'];
/** Both sides come to rest after so many bad ends, so that one can meet what another left. */
const BAD_ENDS_PER_REST = 4;

export function canTrace(): boolean {
  const hasTracer = process.platform === 'linux' && spawnSync('strace', ['-V']).status === 0;
  if (!hasTracer) notRunHere('syncs killed between two calls', 'strace is missing: apt-get install strace');
  return hasTracer;
}

export async function inScratch<T>(use: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = mkdtempSync(join(tmpdir(), 'enfold-bad-ends-'));
  try {
    return await use(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

export type CallPoint = { readonly call: string; /** Counted in each thread. */ readonly nth: number };

/** Every call of a whole sync at which it can be killed. */
async function callPoints(pair: Pair, scratch: string): Promise<readonly CallPoint[]> {
  const log = join(scratch, 'calls');
  await pair.change();
  const { code } = await pair.syncFirst({ through: ['strace', '-f', '-qq', '--seccomp-bpf', '-o', log, '-e', `trace=${WRITING_CALLS.join()}`, '-e', 'signal=none'] });
  expect(code).toBe(0);
  const counts = new Map<string, number>();
  const most = new Map<string, number>();
  for (const [, thread = '', call = ''] of readFileSync(log, 'utf8').matchAll(/^(\d+) +(\w+)\(/gm)) {
    const count = (counts.get(`${thread} ${call}`) ?? 0) + 1;
    counts.set(`${thread} ${call}`, count);
    most.set(call, Math.max(most.get(call) ?? 0, count));
  }
  expect(await pair.settle()).toEqual([]);
  return [...most].flatMap(([call, last]) => Array.from({ length: last }, (_, i) => ({ call, nth: i + 1 })));
}

/** At most so many, evenly, and at least one of each call. */
function spread(all: readonly CallPoint[], most: number): readonly CallPoint[] {
  if (all.length <= most) return all;
  const middles = WRITING_CALLS.flatMap((call) => {
    const some = all.filter((point) => point.call === call);
    return some.slice(Math.floor(some.length / 2), Math.floor(some.length / 2) + 1);
  });
  const others = all.filter((point) => !middles.includes(point));
  const step = others.length / (most - middles.length);
  return all.filter((point) => middles.includes(point) || Math.floor(others.indexOf(point) % step) === 0);
}

/** @returns how many points there were, at how many the process was killed, and whether any was at a call of each kind. */
export async function killAtWritingCalls(scratch: string, mostPoints: number): Promise<{ readonly points: number; readonly killed: number; readonly calls: ReadonlySet<string> }> {
  const place = join(scratch, 'first');
  mkdirSync(place);
  const pair = await createPair(scratch, place);
  try {
    const all = await callPoints(pair, scratch);
    const points = spread(all, mostPoints);
    const calls = new Set<string>();
    let killed = 0;
    for (const [i, { call, nth }] of points.entries()) {
      await pair.change();
      const { code, signal } = await pair.syncFirst({ through: ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', 'signal=none', '-e', `inject=${call}:signal=KILL:when=${nth}`] });
      if (signal === 'SIGKILL') {
        killed += 1;
        calls.add(call);
      } else expect([code, call, nth]).toEqual([0, call, nth]);
      expect(pair.torn(), `killed at ${call} ${nth}`).toEqual([]);
      if (i % BAD_ENDS_PER_REST === BAD_ENDS_PER_REST - 1 || i === points.length - 1) expect(await pair.settle(), `killed at ${call} ${nth}, or up to ${BAD_ENDS_PER_REST - 1} before`).toEqual([]);
    }
    return { points: all.length, killed, calls };
  } finally {
    await pair.close();
  }
}

const MOST_REQUESTS = 60;
const MOST_DELAY_MS = 15;

/** Begins a sync and cuts the power at some request, or at once when it is through; then the power is back. @returns whether the sync had told that it was through */
export async function cutPowerInSync(pair: Pair, disk: ReturnType<typeof createPowerCutDisk>, at: { readonly request: number; readonly delayMs: number }, options: RunOptions = {}): Promise<boolean> {
  let requests = 0;
  let timer: NodeJS.Timeout | undefined;
  let isCut = false;
  const cut = (): void => {
    if (!isCut) disk.cut();
    isCut = true;
  };
  pair.wire.onRequest = () => {
    requests += 1;
    if (requests === at.request) timer = setTimeout(cut, at.delayMs);
  };
  const { code } = await pair.syncFirst(options);
  clearTimeout(timer);
  pair.wire.onRequest = () => undefined;
  const isThrough = !isCut && code === 0;
  cut();
  disk.restore();
  return isThrough;
}

/** The power goes again and again while the first computer syncs. @returns how often, and how often the sync had just told that it was through */
export async function cutPowerAgainAndAgain(scratch: string, kind: FileSystem, cuts: number): Promise<{ readonly cuts: number; readonly through: number }> {
  const disk = createPowerCutDisk(kind);
  const seed = newSeed();
  const dice = new Dice(seed);
  let through = 0;
  try {
    const pair = await createPair(scratch, disk.path);
    try {
      for (let i = 1; i <= cuts; i++) {
        await pair.change();
        const at = { request: 1 + dice.below(MOST_REQUESTS), delayMs: dice.below(MOST_DELAY_MS) };
        if (await cutPowerInSync(pair, disk, at)) through += 1;
        const about = `seed ${seed}, cut ${i} at request ${at.request} and ${at.delayMs} ms`;
        expect(pair.torn(), about).toEqual([]);
        expect(await pair.settle(), about).toEqual([]);
      }
    } finally {
      await pair.close();
    }
  } finally {
    disk.remove();
  }
  return { cuts, through };
}
