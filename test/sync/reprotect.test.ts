/** What the other devices learn of objects that were brought under another mode or key, and what becomes of what they did meanwhile. */
import { beforeEach, describe, expect, test } from 'vitest';
import { EpochWorld } from '../helpers/epochs.ts';
import type { Device } from '../helpers/world.ts';

let world: EpochWorld;
let a: Device;
let b: Device;
let calls: Record<string, number> = {};

async function start(first: 'plain' | 'sealed'): Promise<void> {
  world = new EpochWorld({ first });
  a = world.addDevice('anna');
  b = world.addDevice('ben');
  for (let i = 0; i < 12; i++) a.disk.write(`files/${i}`, `content ${i}`);
  for (const device of [a, b, a]) await world.sync(device);
  calls = {};
  world.faults.onCall = ({ device, call }) => (calls[`${device} ${call}`] = (calls[`${device} ${call}`] ?? 0) + 1);
}
const rowOf = (device: Device, path: string) => [...device.records.base.values()].find((entry) => entry.path === path);
const epochs = (): number[] => [...new Set(world.epochByPath().values())];

describe.each([['a new key', 'sealed', 'sealed'], ['from a server-side mode to a client-side one', 'plain', 'sealed'], ['from a client-side mode to a server-side one', 'sealed', 'plain']] as const)('a change: %s', (_, first, next) => {
  beforeEach(async () => start(first));

  test('is told by the feed: the other device lists nothing and fetches nothing', async () => {
    world.begin(a, next);
    expect(await world.goOn(a)).toMatchObject({ isDone: true, changed: 12, failed: [], foreign: [] });
    expect(epochs()).toEqual([2]);
    expect(await world.sync(b, { look: 'changes' })).toMatchObject({ failed: 0, conflictCopies: [], skipped: 0, isInStep: true });
    expect([calls['ben remote.list'], calls['ben remote.get'], calls['ben remote.put']]).toEqual([undefined, undefined, undefined]);
    for (let i = 0; i < 12; i++) {
      const [annas, bens] = [rowOf(a, `files/${i}`), rowOf(b, `files/${i}`)];
      expect(bens).toMatchObject({ etag: annas?.etag, keyId: annas?.keyId, epoch: 2 });
    }
    expect(await world.goOn(b)).toMatchObject({ isDone: true, examined: 0 });
  });

  test('takes no deletion back that was made on the other device meanwhile', async () => {
    b.disk.remove('files/3');
    world.begin(a, next);
    await world.goOn(a);
    await world.sync(b);
    await world.sync(a);
    expect([a.disk.read('files/3'), b.disk.read('files/3'), world.remoteFiles().has('files/3')]).toEqual([null, null, false]);
  });

  test('makes no second version of what was edited, renamed or moved on the other device meanwhile', async () => {
    b.disk.write('files/1', 'edited by ben');
    b.disk.rename('files/2', 'renamed by ben');
    b.disk.chmod('files/4', 0o600);
    world.begin(a, next);
    await world.goOn(a);
    expect(await world.sync(b)).toMatchObject({ conflictCopies: [], failed: 0, isInStep: true });
    expect(await world.sync(a)).toMatchObject({ conflictCopies: [], failed: 0, isInStep: true });
    expect(a.disk.files()).toEqual(b.disk.files());
    expect([a.disk.read('files/1'), a.disk.read('files/2'), a.disk.read('renamed by ben')]).toEqual(['edited by ben', null, 'content 2']);
    expect(epochs()).toEqual([2]);
  });

  test('is told again by a run that goes on where one was ended between an object and its row', async () => {
    world.begin(a, next);
    let changed = 0;
    world.faults.next = ({ device, call }) => (device === 'anna' && (call === 'remote.reprotect' || call === 'remote.put') && ++changed === 6 ? { at: 'crash-after' } : null);
    expect(await world.goOn(a)).toBeNull();
    delete world.faults.next;
    expect(await world.goOn(a)).toMatchObject({ isDone: true, failed: [] });
    await world.sync(b, { look: 'changes' });
    for (let i = 0; i < 12; i++) expect(rowOf(b, `files/${i}`)).toMatchObject({ etag: rowOf(a, `files/${i}`)?.etag, epoch: 2 });
    expect(calls['ben remote.list']).toBeUndefined();
  });
});

describe('what a device wrote in the old way after the change was through', () => {
  beforeEach(async () => start('plain'));

  /** Anna's change to a client-side mode begins and ends while Ben's file is on its way. */
  function changeWhileSending(path: string): void {
    world.beforePut = async (sent) => {
      if (sent !== path) return;
      world.beforePut = null;
      world.begin(a, 'sealed');
      expect(await world.goOn(a)).toMatchObject({ isDone: true });
      expect(world.epochs.map(({ isEnded }) => isEnded)).toEqual([true, false]);
    };
  }
  const epochOf = (path: string) => world.epochByPath().get(path);

  test('is sent again by that device, under the new mode', async () => {
    b.disk.write('late', 'written at ben');
    changeWhileSending('late');
    await world.sync(b);
    expect(epochOf('late')).toBe(1);
    await world.sync(b);
    expect(await world.goOn(b)).toMatchObject({ isDone: true, examined: 1, ways: { transfer: 1 } });
    expect(epochs()).toEqual([2]);
    expect(await world.sync(a, { look: 'changes' })).toMatchObject({ isInStep: true, conflictCopies: [] });
    expect([a.disk.read('late'), b.disk.read('late')]).toEqual(['written at ben', 'written at ben']);
    expect(await world.goOn(b)).toBeNull();
  });

  test('is nobody\'s to the others until then', async () => {
    b.disk.write('late', 'written at ben');
    changeWhileSending('late');
    await world.sync(b);
    await world.sync(a);
    expect([epochOf('late'), a.disk.read('late')]).toEqual([1, null]);
  });

  test('is not sent again where the file was edited here since: the edit is', async () => {
    b.disk.write('late', 'written at ben');
    changeWhileSending('late');
    await world.sync(b);
    b.disk.write('late', 'edited at ben');
    world.adopt(b);
    expect(await world.goOn(b)).toMatchObject({ isDone: true, changed: 0 });
    expect(await world.sync(b)).toMatchObject({ isInStep: true, conflictCopies: [] });
    expect([epochs(), world.remoteFiles().get('late')]).toEqual([[2], 'edited at ben']);
  });

  test('is believed of this device alone, and of nobody who writes to the bucket', async () => {
    world.begin(a, 'sealed');
    await world.goOn(a);
    await world.sync(b);
    const [standing] = [...world.bucket.objects.values()].filter(({ objectKey }) => objectKey.endsWith('files/1'));
    if (standing === undefined || standing.attributes === null) throw new Error('nothing stands there');
    // Plain, with the attributes that the object had: the operation id, the vector, the hash.
    world.bucket.put(standing.objectKey, 'planted 1', { ...standing.attributes, epoch: 1 } as never, null);
    for (const device of [a, b]) {
      expect(await world.sync(device)).toMatchObject({ done: 0, skipped: 1 });
      await world.goOn(device);
      expect(device.disk.read('files/1')).toBe('content 1');
    }
  });

  test('is deleted in the bucket where the file was deleted here before that', async () => {
    b.disk.write('late', 'written at ben');
    changeWhileSending('late');
    await b.cycle({ acceptHeld: true });
    b.disk.remove('late');
    world.adopt(b);
    await world.sync(b);
    await world.goOn(b);
    expect([epochOf('late'), b.disk.read('late')]).toEqual([undefined, null]);
  });

  test('is known again after a crash before its answer was recorded', async () => {
    b.disk.write('late', 'written at ben');
    changeWhileSending('late');
    world.faults.next = ({ device, call }) => (device === 'ben' && call === 'remote.put' ? { at: 'crash-after' } : null);
    expect(await world.sync(b)).toBeNull();
    delete world.faults.next;
    expect(await world.sync(b)).toMatchObject({ isInStep: true, conflictCopies: [] });
    await world.goOn(b);
    expect(epochs()).toEqual([2]);
    await world.sync(a);
    expect(a.disk.read('late')).toBe('written at ben');
  });
});
