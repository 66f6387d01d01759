/**
 * Histories by the thousand: which ones a seed stands for, and the least history that still breaks what a long one broke.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { Dice } from '../helpers/world.ts';
import type { Level } from '../helpers/world.ts';
import { runHistory } from './history.ts';
import type { HistoryOptions, HistoryReport } from './history.ts';

export const LEVELS: readonly Level[] = ['full', 'put-only', 'versioned', 'none'];
export const FIRST_SEED = Number(process.env['ENFOLD_SEED'] ?? (Date.now() % 1_000_000) * 1_000);

const SEEDS_PER_LEVEL = 10_000_000;
/** Each level has seeds of its own: some of them behave alike. */
export function firstSeedAt(level: Level, firstSeed: number = FIRST_SEED): number {
  return firstSeed + LEVELS.indexOf(level) * SEEDS_PER_LEVEL;
}

export type Kind = Omit<HistoryOptions, 'seed' | 'level' | 'isClientSide'> & Partial<HistoryOptions> & {
  /** No two users ever touch one file, so that no conflict copy is ever needed. */
  readonly hasNoConflicts?: boolean;
};
export type Sum = { histories: number; steps: number; faults: number; crashes: number; conflictCopies: number; mostRounds: number };

/** What a history broke, in words; empty is good. */
export async function brokenBy(options: HistoryOptions & { readonly hasNoConflicts?: boolean }): Promise<{ readonly broken: readonly string[]; readonly report: HistoryReport | null }> {
  try {
    const report = await runHistory(options);
    const copies = options.hasNoConflicts === true && report.conflictCopies > 0 ? [`${report.conflictCopies} conflict copies without a conflict`] : [];
    return { broken: [...report.broken, ...copies], report };
  } catch (error) {
    return { broken: [`it threw ${String(error)}`], report: null };
  }
}

/**
 * Two to four devices under a weather of their own: calm or stormy, users who wait or do not, all devices at once or one after the
 * other; every third history is client-side, every sixth under a server that also replaces contents, every fifth hides hashes as `sse-kms` does. What replaces contents or writes
 * besides Enfold tells no feed.
 */
export function mixedHistory(level: Level, seed: number): HistoryOptions & Kind {
  const dice = new Dice(seed ^ 0x0add);
  const isClientSide = seed % 3 === 0;
  const devices = dice.pick([2, 2, 2, 3, 3, 4]);
  const isDisjoint = dice.chance(0.1);
  const hasClashes = !isDisjoint && dice.chance(0.08);
  const hasTampering = isClientSide && !hasClashes && dice.chance(0.5);
  const hasForeigners = level === 'full' && !isClientSide && !isDisjoint && !hasClashes && dice.chance(0.1);
  return {
    seed, level, isClientSide, devices, isDisjoint, hasNoConflicts: isDisjoint, hasClashes, hasTampering, steps: dice.pick([12, 20, 32]),
    hidesHashes: !isClientSide && dice.chance(0.3), hasForeigners, faultChance: dice.pick([0, 0.03, 0.06, 0.15]), crashChance: dice.pick([0, 0.003, 0.01, 0.02]), meanwhileChance: dice.pick([0, 0.01, 0.03, 0.1]),
    abortChance: dice.pick([0, 0, 0, 0.02]), togetherChance: dice.pick([0.1, 0.1, 0.3]), restsOnFeeds: !hasTampering && !hasForeigners && dice.chance(0.25),
  };
}

/** @throws Error with the least history that still breaks it, its trace, and what to add to the remembered ones. */
export async function runHistories(count: number, optionsOf: (seed: number) => HistoryOptions & { readonly hasNoConflicts?: boolean }, firstSeed: number = FIRST_SEED): Promise<Sum> {
  // Most errors here are thrown on purpose, and a stack for each is a tenth of the time.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const sum: Sum = { histories: 0, steps: 0, faults: 0, crashes: 0, conflictCopies: 0, mostRounds: 0 };
  try {
    for (let seed = firstSeed; seed < firstSeed + count; seed++) {
      const options = optionsOf(seed);
      const { broken, report } = await brokenBy(options);
      if (broken.length > 0 || report === null) throw new Error(await describe(options));
      sum.histories += 1;
      sum.steps += options.steps;
      sum.faults += report.faults;
      sum.crashes += report.crashes;
      sum.conflictCopies += report.conflictCopies;
      sum.mostRounds = Math.max(sum.mostRounds, report.rounds);
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  return sum;
}

async function describe(options: HistoryOptions): Promise<string> {
  const least = await shrink(options);
  const { broken, report } = await brokenBy(least);
  return `${broken.join('\n')}\n\nseed ${options.seed}; the least history that breaks it:\n${JSON.stringify(least)}\n\n${report?.trace.join('\n') ?? ''}`;
}

const GENTLER: readonly Partial<HistoryOptions>[] = [
  { devices: 2 }, { devices: 3 }, { abortChance: 0 }, { crashChance: 0 }, { faultChance: 0 }, { meanwhileChance: 0 }, { hasTampering: false }, { hasForeigners: false }, { hasClashes: false }, { restsOnFeeds: false },
];

/** Leaves out whatever can be left out with something still broken: kinds of trouble first, then steps, in halves, quarters, one by one. */
export async function shrink<T extends HistoryOptions>(options: T): Promise<T> {
  const isBroken = async (candidate: T): Promise<boolean> => (await brokenBy(candidate)).broken.length > 0;
  let least = options;
  for (const change of GENTLER) {
    const candidate = { ...least, ...change };
    if ('devices' in change && (change.devices ?? 0) >= least.devices) continue;
    if (await isBroken(candidate)) least = candidate;
  }
  for (let before: T | null = null; before !== least;) {
    before = least;
    for (let size = Math.ceil(options.steps / 2); size >= 1; size = Math.floor(size / 2)) {
      for (let from = options.steps; from >= 1; from -= size) {
        const candidate = leaveOut(least, Math.max(1, from - size + 1), from);
        if (candidate !== null && (await isBroken(candidate))) least = candidate;
      }
    }
  }
  return least;
}

/** Null where these steps are left out already. */
function leaveOut<T extends HistoryOptions>(options: T, first: number, last: number): T | null {
  const left = new Set(options.without);
  for (let step = first; step <= last; step++) left.add(step);
  return left.size === (options.without?.length ?? 0) ? null : { ...options, without: [...left].toSorted((a, b) => a - b) };
}

export type Share = { readonly level: Level; readonly firstSeed: number; readonly count: number };

/** Spreads mixed histories of each level over all processors. @throws Error as {@link runHistories} does, the first of any share */
export async function runOnAllProcessors(perLevel: number, firstSeed: number, onShare: (share: Share, sum: Sum) => void): Promise<void> {
  const perShare = 1_000;
  const shares: Share[] = [];
  for (let from = 0; from < perLevel; from += perShare) for (const level of LEVELS) shares.push({ level, firstSeed: firstSeedAt(level, firstSeed) + from, count: Math.min(perShare, perLevel - from) });
  const work = async (): Promise<void> => {
    for (let share = shares.shift(); share !== undefined; share = shares.shift()) onShare(share, await runShare(share));
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
}

function runShare(share: Share): Promise<Sum> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('histories-worker.ts', import.meta.url), { workerData: share });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('a worker ended early')));
  });
}
