/** What devices tell each other by their change feeds, and what they make of feeds that are missing, short, old or forged. */
import { beforeEach, describe, expect, test } from 'vitest';
import { World } from '../helpers/world.ts';
import type { Device, Records } from '../helpers/world.ts';

let world: World;
let a: Device;
let b: Device;
let lists = 0;

beforeEach(async () => {
  world = new World();
  a = world.addDevice('anna');
  b = world.addDevice('ben');
  world.faults.onCall = ({ call }) => {
    if (call === 'remote.list') lists += 1;
  };
  for (let i = 0; i < 12; i++) a.disk.write(`files/${i}`, `content ${i}`);
  for (const device of [a, b, a]) await device.sync();
  lists = 0;
});

const feedOf = (device: Device) => world.bucket.feeds.get(device.records.device);

describe('a change of another device', () => {
  test.each<[string, () => void]>([
    ['an edit', () => a.disk.write('files/1', 'edited')],
    ['a new file', () => a.disk.write('new', 'new')],
    ['a rename', () => a.disk.rename('files/1', 'renamed')],
    ['a deletion', () => a.disk.remove('files/1')],
    ['new permission bits', () => a.disk.chmod('files/1', 0o755)],
    ['an empty directory', () => a.disk.makeDirectory('empty')],
  ])('is learned without listing the bucket: %s', async (_, change) => {
    change();
    expect(await a.cycle({ look: 'changes' })).toMatchObject({ done: 1, failed: 0 });
    expect(await b.cycle({ look: 'remote-first' })).toMatchObject({ failed: 0, held: null });
    expect(lists).toBe(0);
    expect(b.disk.files()).toEqual(a.disk.files());
    expect(b.disk.directories()).toEqual(a.disk.directories());
    expect(await b.cycle({ look: 'remote-first' })).toMatchObject({ isUnchanged: true, isSettled: true });
    expect((await b.cycle())?.done).toBe(0);
  });

  test('is no news to the device that made it, nor to one that has it', async () => {
    a.disk.write('files/1', 'edited');
    await a.sync();
    await b.sync();
    lists = 0;
    for (const device of [a, b]) expect(await device.cycle({ look: 'changes' })).toMatchObject({ done: 0 });
    expect(lists).toBe(0);
  });

  test('is a deletion also of a version that was told before and could not be taken', async () => {
    a.disk.write('new', 'new');
    await a.cycle({ look: 'changes' });
    // Of the same size, so that the version's attributes are looked up; then of the same content, which is not the version.
    b.disk.write('new', 'own');
    world.faults.onCall = ({ device, call }) => {
      if (call === 'remote.list') lists += 1;
      if (device === 'ben' && call === 'remote.get') b.disk.write('new', 'new');
    };
    expect(await b.cycle({ look: 'changes' })).toMatchObject({ done: 0, failed: 1 });
    a.disk.remove('new');
    expect(await a.cycle({ look: 'changes' })).toMatchObject({ done: 1 });
    world.clock.pass(600_000);
    expect(await b.cycle({ look: 'changes' })).toMatchObject({ counts: { upload: 1, adopt: 0 } });
    expect([world.remoteFiles().get('new'), lists]).toEqual(['new', 0]);
  });

  test('is told again after a crash between recording and publishing it', async () => {
    world.faults.next = ({ device, call }) => (device === 'anna' && call === 'remote.feeds.put' ? { at: 'crash-before' } : null);
    a.disk.write('new', 'new');
    expect(await a.cycle({ look: 'changes' })).toBeNull();
    expect(await b.cycle({ look: 'changes' })).toMatchObject({ done: 0 });
    delete world.faults.next;
    await a.cycle({ look: 'remote-first' });
    lists = 0;
    await b.cycle({ look: 'changes' });
    expect([b.disk.read('new'), lists]).toEqual(['new', 0]);
  });

  test('is told once where the answer to the publication was lost', async () => {
    world.faults.next = ({ device, call }) => (device === 'anna' && call === 'remote.feeds.put' ? { at: 'after', error: 'offline' } : null);
    a.disk.write('new', 'new');
    expect(await a.cycle({ look: 'changes' })).toMatchObject({ stopped: { code: 'offline' } });
    delete world.faults.next;
    expect(await a.cycle({ look: 'changes' })).toMatchObject({ stopped: null });
    const seqs = feedOf(a)?.feed.changes.map(({ seq }) => seq) ?? [];
    expect(seqs).toEqual(seqs.map((_, i) => (seqs[0] ?? 0) + i));
    expect(await b.cycle({ look: 'changes' })).toMatchObject({ done: 1 });
  });

  test('is found by a listing where more happened than a feed holds', async () => {
    for (let i = 0; i < 30; i++) a.disk.write(`many/${i}`, `content ${i}`);
    await a.cycle({ look: 'changes' });
    expect(lists).toBe(0);
    await b.cycle({ look: 'remote-first' });
    expect(lists).toBeGreaterThan(0);
    expect(b.disk.files().size).toBe(42);
    lists = 0;
    a.disk.write('one more', 'one more');
    await a.cycle({ look: 'changes' });
    await b.cycle({ look: 'remote-first' });
    expect([b.disk.read('one more'), lists]).toEqual(['one more', 0]);
  });

  test('that could not be taken over is not forgotten', async () => {
    world.faults.next = ({ device, call }) => (device === 'ben' && call === 'remote.get' ? { at: 'before', error: 'permission-denied' } : null);
    a.disk.write('new', 'new');
    await a.cycle({ look: 'changes' });
    expect(await b.cycle({ look: 'changes' })).toMatchObject({ failed: 1 });
    delete world.faults.next;
    world.clock.pass(600_000);
    expect(await b.cycle({ look: 'changes' })).toMatchObject({ done: 1, failed: 0 });
    expect([b.disk.read('new'), lists]).toEqual(['new', 0]);
  });
});

describe('a deletion', () => {
  test('is taken over only with its tombstone', async () => {
    a.disk.remove('files/1');
    await a.cycle({ look: 'changes' });
    world.bucket.tombstones.clear();
    expect(await b.cycle({ look: 'changes' })).toMatchObject({ done: 0, held: null, questions: [] });
    expect(b.disk.read('files/1')).toBe('content 1');
  });

  test('is not taken over where the object stands there all the same', async () => {
    a.disk.remove('files/1');
    await a.cycle({ look: 'changes' });
    world.putForeign('files/1', 'put back');
    await b.cycle({ look: 'changes' });
    expect(b.disk.read('files/1')).toBe('put back');
  });

  test('that no feed tells waits for a listing', async () => {
    world.deleteForeign('files/1');
    await b.cycle({ look: 'changes' });
    expect(b.disk.read('files/1')).toBe('content 1');
    await b.cycle();
    expect(b.disk.read('files/1')).toBeNull();
  });
});

describe('a feed that went backwards', () => {
  test('is an alarm, makes the folder list the bucket, and is over when the device publishes anew', async () => {
    const old = feedOf(a);
    if (old === undefined) throw new Error('no feed');
    a.disk.write('new', 'new');
    await a.cycle({ look: 'changes' });
    await b.cycle({ look: 'changes' });
    world.bucket.feeds.set(a.records.device, { feed: old.feed, etag: 'put-back' });
    const result = await b.sync({ look: 'changes' });
    expect(lists).toBeGreaterThan(0);
    expect(result).toMatchObject({ isInStep: false, problems: [{ error: { code: 'feed-rollback' }, path: null }] });
    expect(b.engine.status().state).toBe('needs-attention');

    await a.cycle({ look: 'remote-first' });
    await a.cycle({ look: 'remote-first' });
    expect(await b.sync({ look: 'changes' })).toMatchObject({ isInStep: true, problems: [] });
  });

  test('is noticed by a process that was started since', async () => {
    const old = feedOf(a);
    if (old === undefined) throw new Error('no feed');
    a.disk.write('new', 'new');
    await a.cycle({ look: 'changes' });
    await b.sync({ look: 'changes' });
    b.crash();
    world.bucket.feeds.set(a.records.device, { feed: old.feed, etag: 'put-back' });
    expect(await b.sync()).toMatchObject({ isInStep: false, problems: [{ error: { code: 'feed-rollback' } }] });
  });
});

describe('one quick sync after another, each a process of its own', () => {
  test('goes on from the feeds where the last one left nothing over', async () => {
    b.crash();
    a.disk.write('new', 'new');
    await a.cycle({ look: 'changes' });
    expect(await b.sync({ look: 'changes' })).toMatchObject({ done: 1, isInStep: true });
    expect([b.disk.read('new'), lists]).toEqual(['new', 0]);
  });

  test('lists the bucket where the last one ended in the middle', async () => {
    world.faults.next = ({ device, call }) => (device === 'ben' && call === 'remote.get' ? { at: 'crash-before' } : null);
    world.putForeign('foreign', 'foreign');
    expect(await b.cycle()).toBeNull();
    delete world.faults.next;
    lists = 0;
    expect(await b.sync({ look: 'changes' })).toMatchObject({ isInStep: true });
    expect(lists).toBeGreaterThan(0);
    expect(b.disk.read('foreign')).toBe('foreign');
  });
});

describe('records that were restored from a backup', () => {
  /** The records as they are now, over those that will be. */
  function backUp({ records }: Device): () => void {
    const saved: Records = structuredClone(records);
    return () => {
      const { base, paths, intents, skipped, facts, ...rest } = saved;
      for (const [now, then] of [[records.base, base], [records.paths, paths], [records.intents, intents], [records.skipped, skipped], [records.facts, facts]] as const) {
        now.clear();
        for (const [key, value] of then) (now as Map<unknown, unknown>).set(key, value);
      }
      Object.assign(records, rest);
    };
  }

  test('are those of a new device, which deletes nothing and makes no conflict of its own versions', async () => {
    const restore = backUp(a);
    const before = a.records.device;
    a.disk.write('files/1', 'edited since');
    a.disk.write('files/2', 'edited, then only the newer records knew');
    a.disk.write('new', 'new');
    await a.sync();
    b.disk.write('files/3', 'edited by ben');
    await b.sync();
    await a.sync();
    // What was deleted while no records tell of it comes back: a deletion is never concluded from old records.
    a.disk.remove('files/4');
    a.crash();
    restore();

    expect(await a.sync()).toMatchObject({ isInStep: true, conflictCopies: [], failed: 0 });
    expect(a.records.device).not.toBe(before);
    await b.sync();
    await a.sync();
    expect(a.disk.files()).toEqual(b.disk.files());
    expect(a.disk.read('files/1')).toBe('edited since');
    expect(a.disk.read('files/3')).toBe('edited by ben');
    expect(a.disk.read('files/4')).toBe('content 4');
    expect(a.disk.files().size).toBe(13);
    const vector = Object.keys(world.attributesOf('files/1')?.vector ?? {});
    expect(vector).toContain(before);

    // From here on it is a device as any other.
    a.disk.write('files/5', 'by the new one');
    await a.cycle({ look: 'changes' });
    await b.cycle({ look: 'changes' });
    expect(b.disk.read('files/5')).toBe('by the new one');
    expect(world.bucket.feeds.has(a.records.device)).toBe(true);
  });
});
