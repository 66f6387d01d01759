/** A whole sync on a disk that is full, was made read-only, or fails to flush: what fails is named, nothing is half there, and the next one goes on. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { canCutPower, createPowerCutDisk } from '../helpers/power-cut.ts';
import { canTrace, inScratch } from './bad-ends.ts';
import { createPair, type Pair } from './pair.ts';

async function onSmallDisk(options: string, hasRecordsToo: boolean, use: (pair: Pair, place: string) => Promise<void>): Promise<void> {
  await inScratch(async (scratch) => {
    const place = join(scratch, 'disk');
    mkdirSync(place);
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'enfold-test', place]);
    try {
      const pair = await createPair(scratch, place, hasRecordsToo ? join(place, 'home') : join(scratch, 'home'));
      try {
        await use(pair, place);
      } finally {
        await pair.close();
      }
    } finally {
      execFileSync('umount', ['-l', place]);
    }
  });
}

function fill(place: string, leaveBytes: number): string {
  const ballast = join(place, 'ballast');
  const { bavail, bsize } = statfsSync(place);
  writeFileSync(ballast, Buffer.alloc(bavail * bsize - leaveBytes));
  return ballast;
}

const isPossible = canCutPower() && canTrace();
if (isPossible) {
  describe('a sync', { timeout: 300_000 }, () => {
    test.each([['the folder\'s disk is', false, 8_192], ['the disk of folder and records is to the last byte', true, 0]])('names it where %s full, and is through once there is room', async (_, hasRecordsToo, leaveBytes) => {
      await onSmallDisk('size=24m', hasRecordsToo, async (pair, place) => {
        await pair.change();
        await pair.syncFirst();
        await pair.change();
        const ballast = fill(place, leaveBytes);
        const { code, stdout, stderr } = await pair.syncFirst();
        expect([code === 0, `${stdout}${stderr}`.includes('disk-full')], stdout + stderr).toEqual([false, true]);
        expect(pair.torn()).toEqual([]);
        rmSync(ballast);
        expect(await pair.settle()).toEqual([]);
      });
    });

    test('sends what is new and takes nothing where the folder\'s disk was made read-only, and says so', async () => {
      await onSmallDisk('size=24m', false, async (pair, place) => {
        await pair.change();
        execFileSync('mount', ['-o', 'remount,ro', place]);
        const { code, stdout, stderr } = await pair.syncFirst();
        execFileSync('mount', ['-o', 'remount,rw', place]);
        expect([code, `${stdout}${stderr}`.includes('read-only')], stdout + stderr).toEqual([2, true]);
        expect(existsSync(join(pair.roots.first, 'second'))).toBe(false);
        expect(await pair.syncSecond()).toEqual([]);
        expect(existsSync(join(pair.roots.second, 'first', 'edited'))).toBe(true);
        expect(await pair.settle()).toEqual([]);
      });
    });

    test.each([['fsync', 1], ['fsync', 6], ['fdatasync', 1]])('never takes for written what the disk failed to flush and lost with the power: %s, from the %ith on', async (call, nth) => {
      await inScratch(async (scratch) => {
        const disk = createPowerCutDisk('xfs');
        try {
          const pair = await createPair(scratch, disk.path);
          try {
            await pair.change();
            const { stdout, stderr } = await pair.syncFirst({ through: ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', 'signal=none', '-e', `inject=${call}:error=EIO:when=${nth}+`] });
            expect(`${stdout}${stderr}`).toContain('io-error');
            disk.cut();
            disk.restore();
            expect(pair.torn()).toEqual([]);
            expect(await pair.settle()).toEqual([]);
          } finally {
            await pair.close();
          }
        } finally {
          disk.remove();
        }
      });
    });
  });
} else {
  test('cannot be tried here, which was said', () => expect(isPossible).toBe(false));
}
