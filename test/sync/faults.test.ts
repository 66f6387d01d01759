import { beforeEach, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../main/model/errors.ts';
import { NO_GUARD, World } from '../helpers/world.ts';
import type { Device, FaultPlan } from '../helpers/world.ts';

let faults: FaultPlan;
let world: World;
let a: Device;
let b: Device;

beforeEach(() => {
  faults = {};
  world = new World({ faults });
  a = world.addDevice('anna', { guard: NO_GUARD });
  b = world.addDevice('ben', { guard: NO_GUARD });
});

/** Fails every call of that name, or those about one path, from now on. */
function fail(call: string, error: ErrorCode, at: 'before' | 'after' = 'before', path?: string): void {
  faults.next = (point) => (point.call === call && (path === undefined || point.path === path) ? { at, error } : null);
}

function heal(): void {
  delete faults.next;
}

async function settleBoth(): Promise<void> {
  heal();
  world.clock.pass(24 * 3600_000);
  for (const device of [a, b, a, b]) await device.sync();
  expect(b.disk.files()).toEqual(a.disk.files());
  expect(world.remoteFiles()).toEqual(a.disk.files());
}

describe('one failing path', () => {
  test('stops no other, is listed, and is done once the fault is gone', async () => {
    for (const name of ['one', 'two', 'three']) a.disk.write(name, name);
    fail('remote.put', 'permission-denied', 'before', 'two');
    const result = await a.sync();
    expect(result).toMatchObject({ done: 2, isInStep: false });
    expect(result?.problems).toMatchObject([{ path: 'two', error: { code: 'permission-denied' } }]);
    expect([...world.remoteFiles().keys()].toSorted()).toEqual(['one', 'three']);
    await settleBoth();
    expect(a.engine.status()).toMatchObject({ state: 'up-to-date', problems: [] });
  });

  test('is not tried again at once, and the others of the next cycle go on', async () => {
    a.disk.write('bad', 'bad');
    fail('remote.put', 'permission-denied', 'before', 'bad');
    await a.cycle();
    let tries = 0;
    faults.onCall = (point) => {
      if (point.call === 'remote.put' && point.path === 'bad') tries += 1;
    };
    a.disk.write('good', 'good');
    const result = await a.cycle();
    expect(result).toMatchObject({ done: 1, postponed: 1 });
    expect(tries).toBe(0);
    expect(a.engine.status().problems).toMatchObject([{ path: 'bad' }]);
  });

  test('that can never succeed is tried again as soon as the file changes', async () => {
    a.disk.write('bad', 'bad');
    fail('remote.put', 'metadata-too-large');
    await a.cycle();
    heal();
    expect(await a.cycle()).toMatchObject({ done: 0, postponed: 1 });
    a.disk.write('bad', 'better');
    expect(await a.cycle()).toMatchObject({ done: 1, postponed: 0 });
  });

  test('changed while it was read goes back to the next plan', async () => {
    a.disk.write('busy', 'version 1');
    let edits = 0;
    faults.onCall = (point) => {
      if (point.call === 'remote.put' && edits++ === 0) a.disk.write('busy', 'version 2');
    };
    const result = await a.sync();
    expect(result).toMatchObject({ failed: 0, isInStep: true });
    expect(world.remoteFiles().get('busy')).toBe('version 2');
  });
});

describe('a lost answer', () => {
  test.each(['remote.put', 'remote.delete', 'remote.copy', 'remote.putTombstone'])('of %s is resolved without a conflict copy and without a second effect', async (call) => {
    a.disk.write('edited', 'one');
    a.disk.write('deleted', 'two');
    a.disk.write('renamed', 'three');
    await settleBoth();
    a.disk.write('edited', 'one, edited');
    a.disk.remove('deleted');
    a.disk.rename('renamed', 'moved');
    fail(call, 'offline', 'after');
    await a.sync();
    await settleBoth();
    expect(Object.fromEntries(a.disk.files())).toEqual({ edited: 'one, edited', moved: 'three' });
    expect(a.parts.state.openIntents()).toEqual([]);
  });

  test('of a deletion does not delete the file that the user put back meanwhile', async () => {
    a.disk.write('one', 'the only copy');
    a.disk.write('two', 'two');
    await settleBoth();
    a.disk.remove('one');
    fail('remote.delete', 'offline', 'after');
    await a.cycle();
    a.disk.write('one', 'the only copy');
    await settleBoth();
    expect(a.disk.read('one')).toBe('the only copy');
  });

  test('of an upload that another device went on from makes no conflict copy', async () => {
    a.disk.write('one', 'first');
    await settleBoth();
    a.disk.write('one', 'by anna');
    fail('remote.put', 'offline', 'after');
    await a.cycle();
    heal();
    await b.sync();
    b.disk.write('one', 'by anna, then by ben');
    await b.sync();
    await settleBoth();
    expect([...a.disk.files()]).toEqual([['one', 'by anna, then by ben']]);
  });
});

describe('what stops a folder', () => {
  test.each<ErrorCode>(['sign-in-wrong', 'bucket-not-found', 'access-denied', 'offline'])('a listing that fails with %s deletes nothing and says so', async (code) => {
    a.disk.write('one', 'one');
    await settleBoth();
    a.disk.remove('one');
    fail('remote.list', code);
    const result = await b.cycle();
    expect(result).toMatchObject({ done: 0, stopped: { code } });
    expect(b.disk.read('one')).toBe('one');
    expect(b.engine.status().problems).toMatchObject([{ path: null, error: { code } }]);
  });

  test('a folder that is not there: nothing is deleted remotely', async () => {
    a.disk.write('one', 'one');
    await settleBoth();
    fail('local.checkRoot', 'root-missing');
    expect(await a.cycle()).toMatchObject({ stopped: { code: 'root-missing' } });
    expect(world.remoteFiles().size).toBe(1);
  });

  test('a sign-in that is refused in the middle ends the cycle after a few requests', async () => {
    for (let i = 0; i < 200; i++) a.disk.write(`file-${i}`, `content ${i}`);
    let uploads = 0;
    faults.onCall = (point) => {
      if (point.call === 'remote.put') uploads += 1;
    };
    fail('remote.put', 'sign-in-expired');
    expect(await a.cycle()).toMatchObject({ stopped: { code: 'sign-in-expired' } });
    expect(uploads).toBeLessThan(10);
    expect(a.parts.state.openIntents()).toEqual([]);
  });

  test('an unreachable server ends the cycle after a few requests, and its intents are resolved later', async () => {
    for (let i = 0; i < 200; i++) a.disk.write(`file-${i}`, `content ${i}`);
    let uploads = 0;
    faults.onCall = (point) => {
      if (point.call === 'remote.put') uploads += 1;
    };
    fail('remote.put', 'offline', 'after');
    expect(await a.cycle()).toMatchObject({ stopped: { code: 'offline' } });
    expect(uploads).toBeLessThan(12);
    await settleBoth();
    expect(a.disk.files().size).toBe(200);
  });

  test('a full disk stops downloads and lets uploads go on', async () => {
    for (let i = 0; i < 50; i++) b.disk.write(`theirs-${i}`, `content ${i}`);
    await b.sync();
    for (let i = 0; i < 50; i++) a.disk.write(`mine-${i}`, `my content ${i}`);
    let downloads = 0;
    faults.onCall = (point) => {
      if (point.call === 'remote.get') downloads += 1;
    };
    fail('remote.get', 'disk-full');
    const result = await a.cycle();
    expect(result).toMatchObject({ done: 50, stopped: { code: 'disk-full' } });
    expect(downloads).toBeLessThan(10);
    await settleBoth();
  });

  test('a refusal to delete lets uploads go on', async () => {
    for (let i = 0; i < 30; i++) a.disk.write(`old-${i}`, `old ${i}`);
    await settleBoth();
    for (let i = 0; i < 30; i++) a.disk.remove(`old-${i}`);
    for (let i = 0; i < 30; i++) a.disk.write(`new-${i}`, `quite new ${i}`);
    fail('remote.delete', 'access-denied');
    const result = await a.cycle();
    expect(result).toMatchObject({ done: 30, stopped: { code: 'access-denied' } });
    await settleBoth();
    expect(b.disk.files().size).toBe(30);
  });
});

describe('a server that lists badly', () => {
  test('a key that the listing leaves out is found by a HEAD and not deleted', async () => {
    a.disk.write('one', 'one');
    a.disk.write('two', 'two');
    await settleBoth();
    world.bucket.hidden.add(`${world.prefix}one` as never);
    await a.sync();
    world.bucket.hidden.clear();
    await settleBoth();
    expect(a.disk.read('one')).toBe('one');
  });

  test('an object that fails its checks is left alone on both sides', async () => {
    a.disk.write('one', 'one');
    a.disk.write('two', 'two');
    await settleBoth();
    a.disk.write('one', 'two one');
    await a.sync();
    faults.next = (point) => ((point.call === 'remote.head' || point.call === 'remote.get') && point.path === 'one' ? { at: 'before', error: 'not-authentic' } : null);
    await b.sync();
    expect(b.disk.read('one')).toBe('one');
    expect(b.engine.status().problems).toMatchObject([{ path: 'one', error: { code: 'not-authentic' } }]);
  });
});

describe('copies before deletes', () => {
  test('a file whose new place could not be uploaded keeps its old place in the bucket', async () => {
    a.disk.write('from', 'precious');
    a.disk.write('other', 'other content');
    await settleBoth();
    // Moved and changed a little: no rename that could be recognised.
    a.disk.remove('from');
    a.disk.write('to', 'Precious');
    fail('remote.put', 'permission-denied');
    await a.cycle();
    expect(world.remoteFiles().get('from')).toBe('precious');
    // Nor while the upload waits to be tried again.
    expect(await a.cycle()).toMatchObject({ done: 0, failed: 0, postponed: 2 });
    expect(world.remoteFiles().get('from')).toBe('precious');
    await settleBoth();
    expect([...a.disk.files().keys()].toSorted()).toEqual(['other', 'to']);
  });
});
