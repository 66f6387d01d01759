/* oxlint-disable vitest/no-standalone-expect -- run inside tests */
/** Rounds of writing, ending at once by a kill or a power cut, and comparing what is left with what was promised. */
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { startStorage } from '../../main/storage/server.ts';
import { createPowerCutDisk, type FileSystem } from '../helpers/power-cut.ts';
import { BusyWriters } from './busy-writers.ts';
import { ended, launch } from './process.ts';

const WRITERS = 200;
const MAX_ANSWERS = 300;
const MAX_DELAY_MS = 20;
const MAX_CALLS = 600;
/** Where fewer calls were made than were waited for. */
const LATEST_MS = 2500;
/** How the storage changes what is on the disk. Those of the database are made by one thread, those of body files by some. */
const DISK_CALLS = ['pwrite64', 'pwritev,writev', 'fsync,fdatasync', 'rename,unlink'];

export const newSeed = (): number => Number(process.env['ENFOLD_SEED'] ?? Date.now() % 2 ** 31);

/** What a start over the folder finds, and what its objects are. */
export async function expectPromisesKept(dir: string, writers: BusyWriters, isLast: boolean, about: string): Promise<void> {
  const storage = await startStorage({ dir });
  expect(storage.damage, about).toEqual({ unreadable: [], unknownFiles: [] });
  expect(readdirSync(join(dir, 'staging')), about).toEqual([]);
  expect(await writers.check(storage, isLast), about).toEqual([]);
  await storage.stop();
}

/** Kills a process as it enters the nth of these calls, which is then not made. Counted per thread. */
async function killAtCall(pid: number, calls: string, nth: number): Promise<void> {
  const tracer = spawn('strace', ['-f', '-p', String(pid), '-e', `trace=${calls}`, '-e', 'signal=none', '-e', `inject=${calls}:signal=KILL:when=${nth}`, '-o', '/dev/null'], { stdio: ['ignore', 'ignore', 'pipe'] });
  tracer.stderr.on('error', () => undefined);
  let told = '';
  for await (const piece of tracer.stderr as AsyncIterable<Buffer>) {
    told += piece.toString('utf8');
    if (told.includes('attached')) break;
  }
  expect(told).toContain('attached');
}

/**
 * Starts the storage, lets it be written to, and kills it: at any moment, and in every second round between two calls that change the disk,
 * where a change is half done.
 *
 * @returns how many changes were acknowledged in all.
 */
export async function killAgainAndAgain(dir: string, rounds: number): Promise<number> {
  const hasTracer = spawnSync('strace', ['-V']).status === 0;
  if (!hasTracer) process.stderr.write('\n*** strace is not installed: the storage is killed at random moments only. apt-get install strace ***\n\n');
  const writers = new BusyWriters(newSeed());
  for (let round = 0; round < rounds; round += 1) {
    const { child, access } = await launch(dir);
    if (round === 0) await writers.prepare(access);
    const gone = ended(child);
    let about = `seed ${writers.seed}, round ${round}`;
    let answers = 1 + writers.below(MAX_ANSWERS);
    const delayMs = writers.below(MAX_DELAY_MS);
    let late: NodeJS.Timeout | undefined;
    if (hasTracer && round % 2 === 1) {
      const calls = DISK_CALLS[writers.below(DISK_CALLS.length)] ?? 'pwrite64';
      const nth = 1 + writers.below(calls === 'pwrite64' ? MAX_CALLS : MAX_CALLS / 50);
      about += `, killed at ${calls} ${nth}`;
      answers = Number.POSITIVE_INFINITY;
      await killAtCall(child.pid ?? 0, calls, nth);
      late = setTimeout(() => child.kill('SIGKILL'), LATEST_MS);
    }
    await writers.write(access, WRITERS, (count) => {
      if (count === answers) setTimeout(() => child.kill('SIGKILL'), delayMs);
    });
    await gone;
    clearTimeout(late);
    await expectPromisesKept(dir, writers, round === rounds - 1, about);
  }
  expect([...writers.faults]).toEqual([]);
  return writers.acknowledged;
}

/** Starts the storage on a disk of its own, lets it be written to, and cuts the power at any moment. @returns how many changes were acknowledged in all. */
export async function cutPowerAgainAndAgain(kind: FileSystem, rounds: number): Promise<number> {
  const disk = createPowerCutDisk(kind);
  try {
    const dir = join(disk.path, 'storage');
    const writers = new BusyWriters(newSeed());
    for (let round = 0; round < rounds; round += 1) {
      const { child, access } = await launch(dir);
      if (round === 0) await writers.prepare(access);
      const answers = 1 + writers.below(MAX_ANSWERS);
      const delayMs = writers.below(MAX_DELAY_MS);
      const gone = ended(child);
      await writers.write(access, WRITERS, (count) => {
        if (count !== answers) return;
        setTimeout(() => {
          disk.cut();
          child.kill('SIGKILL');
        }, delayMs);
      });
      await gone;
      disk.restore();
      await expectPromisesKept(dir, writers, round === rounds - 1, `seed ${writers.seed}, round ${round} on ${kind}`);
    }
    return writers.acknowledged;
  } finally {
    disk.remove();
  }
}
