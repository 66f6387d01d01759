/** A large transfer that takes long: what comes up meanwhile goes first, and the large one goes on where it was. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFolderEngine, type FolderEngine } from '../../main/sync/folder-engine.ts';
import type { LocalWatcher, Transfers } from '../../main/sync/ports.ts';
import { LARGE_BYTES } from '../../main/model/transfer-limits.ts';
import type { FakeClock } from '../helpers/fake-clock.ts';
import { NO_GUARD, World, type Device } from '../helpers/world.ts';

let world: World;
let device: Device;
let clock: FakeClock;
let engine: FolderEngine;
let hint: () => void;
let attempts: { ended: 'done' | 'gave way' | null }[];
/** Lets the attempt that is under way come to its end. */
let finish: () => void;

/** Uploads of large files take until they are told to end; all else is as before. */
function slow(transfers: Transfers): Transfers {
  return {
    concurrency: transfers.concurrency,
    download: async (...given) => transfers.download(...given),
    upload: async (job, onProgress, signal, journal) => {
      if (job.local.sizeBytes < LARGE_BYTES) return transfers.upload(job, onProgress, signal, journal);
      const attempt: (typeof attempts)[number] = { ended: null };
      attempts.push(attempt);
      await new Promise<void>((done, failed) => {
        finish = done;
        signal.addEventListener('abort', () => {
          attempt.ended = 'gave way';
          failed(signal.reason as Error);
        });
      });
      attempt.ended = 'done';
      return transfers.upload(job, onProgress, signal, journal);
    },
  };
}

beforeEach(() => {
  world = new World({ faults: {} });
  device = world.addDevice('anna', { guard: NO_GUARD });
  clock = world.clock;
  attempts = [];
  hint = () => undefined;
  const watcher: LocalWatcher = { problem: null, start: async (onHint) => void (hint = () => onHint('everything')), stop: async () => undefined };
  engine = createFolderEngine({
    ...device.parts, transfers: slow(device.parts.transfers), watcher, folderId: 'f'.repeat(32), hostName: 'anna', epoch: 1, keyId: null, quietMs: 0, policy: { direction: 'two-way', isClientSide: false, guard: NO_GUARD },
  });
  clock.isAutomatic = false;
});
afterEach(async () => {
  clock.isAutomatic = true;
  await engine.close();
});

/** The memory's clock stands; what waits for the disk in memory needs turns of the loop as well. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 500) await clock.advance(Math.min(500, left));
}

describe('a large upload', () => {
  test('gives way to a small file that is saved meanwhile, after its turn, and then goes on', async () => {
    device.disk.write('huge', 'x'.repeat(LARGE_BYTES));
    engine.start();
    await pass(5_000);
    expect(attempts).toEqual([{ ended: null }]);
    device.disk.write('small', 'just saved');
    hint();
    await pass(20_000);
    expect([attempts.length, world.remoteFiles().has('small')]).toEqual([1, false]);
    await pass(20_000);
    expect([world.remoteFiles().get('small'), attempts]).toEqual(['just saved', [{ ended: 'gave way' }, { ended: null }]]);
    // Nothing else comes up: it is not disturbed again.
    await pass(120_000);
    expect(attempts.length).toBe(2);
    finish();
    await pass(5_000);
    expect([...world.remoteFiles().keys()].toSorted()).toEqual(['huge', 'small']);
    expect(engine.status()).toMatchObject({ state: 'up-to-date', problems: [], twoVersions: 0 });
    expect(device.parts.state.openIntents()).toEqual([]);
  });

  test('lets the folder be looked at every ten minutes, whatever nobody tells', async () => {
    device.disk.write('huge', 'x'.repeat(LARGE_BYTES));
    engine.start();
    await pass(5_000);
    device.disk.write('small', 'the watcher missed it');
    await pass(590_000);
    expect(world.remoteFiles().has('small')).toBe(false);
    await pass(20_000);
    expect([world.remoteFiles().get('small'), attempts.length]).toEqual(['the watcher missed it', 2]);
  });

  test('keeps the deletion of what it may be a copy of waiting', async () => {
    device.disk.write('old place', 'y'.repeat(LARGE_BYTES));
    engine.start();
    await pass(2_000);
    finish();
    await pass(5_000);
    expect([...world.remoteFiles().keys()]).toEqual(['old place']);
    // Moved and changed a little: no rename that could be recognised.
    device.disk.remove('old place');
    device.disk.write('new place', `${'y'.repeat(LARGE_BYTES - 1)}z`);
    hint();
    await pass(5_000);
    device.disk.write('small', 'just saved');
    hint();
    await pass(60_000);
    expect([...world.remoteFiles().keys()].toSorted()).toEqual(['old place', 'small']);
    finish();
    await pass(5_000);
    expect([...world.remoteFiles().keys()].toSorted()).toEqual(['new place', 'small']);
  });
});
