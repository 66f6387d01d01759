/** What a resident folder gets over by itself: events that never came, a computer that slept, a network and a disk that were away. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { FolderEngine } from '../../main/sync/folder-engine.ts';
import { createFolderEngine } from '../../main/sync/folder-engine.ts';
import { World, type Device, type FaultPlan } from '../helpers/world.ts';

const HOUR_MS = 3_600_000;
let faults: FaultPlan;
let world: World;
let a: Device;
let b: Device;
let engine: FolderEngine;

/** A watcher that is there and never says anything. */
const deaf = { start: () => Promise.resolve(), problem: null, stop: () => Promise.resolve() };

beforeEach(async () => {
  faults = {};
  world = new World({ isAutomatic: false, faults });
  a = world.addDevice('anna');
  b = world.addDevice('ben');
  engine = createFolderEngine({ ...a.parts, watcher: deaf, folderId: 'watched', hostName: 'anna', epoch: 1, keyId: null, policy: { direction: 'two-way', isClientSide: false } });
  a.disk.write('one', 'one');
  engine.start();
  await world.clock.advance(20_000);
  if (engine.status().state !== 'up-to-date') throw new Error('not in step');
  return async () => engine.close();
});

describe('a resident folder', () => {
  test('finds what the watcher never told, within the hour', async () => {
    a.disk.write('unheard', 'of');
    await world.clock.advance(HOUR_MS + 60_000);
    expect(world.remoteFiles().get('unheard')).toBe('of');
    expect(engine.status()).toMatchObject({ state: 'up-to-date', files: 2 });
  });

  test('looks at both sides soon after the computer wakes', async () => {
    await b.sync();
    b.disk.write('meanwhile', 'there');
    await b.sync();
    a.disk.write('before the lid closed', 'here');
    world.clock.pass(8 * HOUR_MS);
    await world.clock.advance(10_000);
    expect([a.disk.read('meanwhile'), world.remoteFiles().get('before the lid closed')]).toEqual(['there', 'here']);
    expect(engine.status()).toMatchObject({ state: 'up-to-date', files: 3, problems: [] });
  });

  test('says that it is offline while the network is away, deletes nothing, and goes on by itself', async () => {
    await b.sync();
    b.disk.write('from ben', 'hello');
    await b.sync();
    let isAway = true;
    faults.next = ({ device, call }) => (isAway && device === 'anna' && call.startsWith('remote.') ? { at: 'before', error: 'offline' } : null);
    a.disk.write('two', 'two');
    await world.clock.advance(2 * HOUR_MS);
    expect(engine.status().problems).toMatchObject([{ path: null, error: { code: 'offline' } }]);
    expect([...world.remoteFiles().keys()].toSorted()).toEqual(['from ben', 'one']);
    isAway = false;
    await world.clock.advance(10 * 60_000);
    expect(engine.status()).toMatchObject({ state: 'up-to-date', files: 3, problems: [] });
    expect([a.disk.read('from ben'), world.remoteFiles().get('two')]).toEqual(['hello', 'two']);
  });

  test('takes a folder that is unmounted or another one for no deletion, and goes on when it is back', async () => {
    for (const error of ['root-missing', 'root-foreign'] as const) {
      let isAway = true;
      faults.next = ({ device, call }) => (isAway && device === 'anna' && (call === 'local.checkRoot' || call.startsWith('local.walk')) ? { at: 'before', error } : null);
      await world.clock.advance(HOUR_MS);
      expect(engine.status()).toMatchObject({ state: 'needs-attention', problems: [{ path: null, error: { code: error } }] });
      expect(world.remoteFiles().get('one')).toBe('one');
      isAway = false;
      await world.clock.advance(5 * 60_000);
      expect(engine.status()).toMatchObject({ state: 'up-to-date', problems: [] });
    }
    expect(world.remoteFiles().get('one')).toBe('one');
  });
});
