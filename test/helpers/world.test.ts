/** The world itself: what the simulations rest on. */
import { describe, expect, test } from 'vitest';
import { World } from './world.ts';

describe('a world in memory', () => {
  test('brings two devices in step', async () => {
    const world = new World();
    const [a, b] = [world.addDevice('a'), world.addDevice('b')];
    a.disk.write('one.txt', 'one');
    a.disk.write('d/two.txt', 'two');
    a.disk.makeDirectory('empty');
    b.disk.write('three.txt', 'three');
    await a.sync();
    await b.sync();
    await a.sync();
    expect(a.disk.files()).toEqual(new Map([['d/two.txt', 'two'], ['one.txt', 'one'], ['three.txt', 'three']]));
    expect(b.disk.files()).toEqual(a.disk.files());
    expect(world.remoteFiles()).toEqual(a.disk.files());
    expect(b.disk.directories().toSorted()).toEqual(['d/', 'empty/']);
    expect(world.remoteDirectories()).toEqual(['empty/']);
  });

  test('gives away the inode that was freed last, as real file systems do', () => {
    const { disk } = new World().addDevice('a');
    disk.write('one', '1');
    const inode = disk.entryAt('one' as never)?.inode;
    disk.remove('one');
    disk.write('two', '2');
    expect(disk.entryAt('two' as never)?.inode).toBe(inode);
  });

  test('keeps the inode of a renamed file and changes its stamp', () => {
    const { disk } = new World().addDevice('a');
    disk.write('one', '1');
    const before = disk.entryAt('one' as never);
    disk.rename('one', 'two');
    const after = disk.entryAt('two' as never);
    expect(after?.inode).toBe(before?.inode);
    expect(after?.stamp).not.toBe(before?.stamp);
  });

  test('stops a device at the call where its power is cut, and starts it again on the same disk and records', async () => {
    const world = new World();
    const a = world.addDevice('a');
    a.disk.write('one.txt', 'one');
    let cuts = 0;
    world.faults.next = ({ call }) => (call === 'remote.put' && cuts++ === 0 ? { at: 'crash-after' } : null);
    expect(await a.sync()).toBeNull();
    expect(world.remoteFiles().get('one.txt')).toBe('one');
    expect(a.records.base.size).toBe(0);
    expect(a.records.intents.size).toBe(1);
    const result = await a.sync();
    expect(result?.isInStep).toBe(true);
    expect(a.records.intents.size).toBe(0);
    expect(world.bucket.writes).toBe(1);
  });

  test('loses an answer and not its effect', async () => {
    const world = new World();
    const a = world.addDevice('a');
    a.disk.write('one.txt', 'one');
    await a.sync();
    a.disk.remove('one.txt');
    let faults = 0;
    world.faults.next = ({ call }) => (call === 'remote.delete' && faults++ === 0 ? { at: 'after', error: 'offline' } : null);
    await a.sync();
    expect(world.remoteFiles().size).toBe(0);
    const result = await a.sync();
    expect(result?.isInStep).toBe(true);
    expect(a.records.base.size + a.records.intents.size).toBe(0);
  });
});
