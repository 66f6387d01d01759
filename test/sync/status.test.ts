import { beforeEach, describe, expect, test } from 'vitest';
import { createEngine } from '../../main/sync/engine.ts';
import { createFolderEngine } from '../../main/sync/folder-engine.ts';
import type { FolderEngine } from '../../main/sync/folder-engine.ts';
import { StatusBoard } from '../../main/sync/status.ts';
import type { SyncStatus } from '../../main/sync/status.ts';
import { SyncError, toWire } from '../../main/model/errors.ts';
import { FakeClock, World } from '../helpers/world.ts';
import type { Device, FaultPlan } from '../helpers/world.ts';

let faults: FaultPlan;
let world: World;
let a: Device;

beforeEach(() => {
  faults = {};
  world = new World({ faults });
  a = world.addDevice('anna');
});

describe('a folder\'s status', () => {
  test('goes from new over scanning and transferring to up to date', async () => {
    const seen: string[] = [];
    a.disk.write('one', 'one');
    expect(a.engine.status()).toMatchObject({ state: 'syncing', phase: 'new', lastSuccessMs: null });
    a.engine.onStatus(({ state, phase }) => {
      const now = `${state} ${phase}`;
      if (seen.at(-1) !== now) seen.push(now);
    });
    await a.cycle();
    expect(seen).toEqual(['syncing scanning', 'syncing planning', 'syncing transferring', 'up-to-date idle']);
    expect(a.engine.status()).toMatchObject({ files: 1, bytes: 3, progress: null, transfers: [], lastSuccessMs: world.clock.nowMs() });
  });

  test('stays up to date while a cycle finds nothing new', async () => {
    a.disk.write('one', 'one');
    await a.cycle();
    const states = new Set<string>();
    a.engine.onStatus(({ state }) => states.add(state));
    await a.cycle();
    expect([...states]).toEqual(['up-to-date']);
  });

  test('counts files and bytes while they are transferred', async () => {
    for (let i = 0; i < 20; i++) a.disk.write(`file-${i}`, 'x'.repeat(100));
    const seen: SyncStatus[] = [];
    a.engine.onStatus((status) => seen.push(status));
    faults.onCall = () => world.clock.pass(60);
    await a.cycle();
    const last = seen.filter(({ progress }) => progress !== null).at(-1);
    expect(last?.progress).toMatchObject({ totalFiles: 20, totalBytes: 2_000 });
    expect(seen.some(({ progress }) => progress !== null && progress.doneBytes > 0 && progress.doneBytes < 2_000 && progress.bytesPerSecond > 0)).toBe(true);
    expect(seen.every(({ transfers }) => transfers.every(({ direction }) => direction === 'up'))).toBe(true);
  });

  test('is a new frozen value each time', async () => {
    const before = a.engine.status();
    a.disk.write('one', 'one');
    await a.cycle();
    expect(before.files).toBe(0);
    expect(Object.isFrozen(a.engine.status())).toBe(true);
  });

  test('needs attention while a path fails, and waits while the server does not answer', async () => {
    a.disk.write('one', 'one');
    faults.next = ({ call }) => (call === 'remote.put' ? { at: 'before', error: 'permission-denied' } : null);
    await a.cycle();
    expect(a.engine.status()).toMatchObject({ state: 'needs-attention', phase: 'idle' });
    faults.next = ({ call }) => (call === 'remote.list' ? { at: 'before', error: 'offline' } : null);
    await a.cycle();
    expect(a.engine.status()).toMatchObject({ state: 'needs-attention', phase: 'waiting', problems: [{ path: null, error: { code: 'offline' } }, { path: 'one' }] });
  });

  test('is locked while the keychain is', () => {
    const board = new StatusBoard('folder', new FakeClock(), { problems: [{ path: null, error: toWire(new SyncError('keychain-locked')) }] });
    expect(board.current().state).toBe('locked');
  });

  test('is paused until it is resumed', async () => {
    a.engine.start();
    await world.clock.advance(100);
    await a.engine.pause();
    expect(a.engine.status().state).toBe('paused');
    a.disk.write('one', 'one');
    await world.clock.advance(100_000);
    expect(world.remoteFiles().size).toBe(0);
    a.engine.resume();
    await world.clock.advance(1_000);
    await a.engine.close();
    expect(world.remoteFiles().size).toBe(1);
  });

  test('counts the conflict copies that still stand', async () => {
    const b = world.addDevice('ben');
    a.disk.write('one', 'by anna');
    b.disk.write('one', 'by ben');
    await a.sync();
    await b.sync();
    expect(b.engine.status().twoVersions).toBe(1);
    const copy = [...b.disk.files().keys()].find((path) => path.includes('conflict')) ?? '';
    b.disk.remove(copy);
    await b.sync();
    expect(b.engine.status().twoVersions).toBe(0);
  });
});

describe('a running folder', () => {
  test('uploads what is written and fetches what others wrote, by itself', async () => {
    const b = world.addDevice('ben');
    a.engine.start();
    b.engine.start();
    await world.clock.advance(1_000);
    a.disk.write('from-a', 'a');
    b.disk.write('from-b', 'b');
    await world.clock.advance(80_000);
    await a.engine.close();
    await b.engine.close();
    expect(Object.fromEntries(a.disk.files())).toEqual({ 'from-a': 'a', 'from-b': 'b' });
    expect(b.disk.files()).toEqual(a.disk.files());
  });

  test('leaves a file alone while it is being written, and takes it when it is quiet', async () => {
    a.disk.write('growing', '1');
    expect(await a.cycle({ quietMs: 5_000 })).toMatchObject({ done: 0, waiting: 1, isSettled: false });
    expect(a.engine.status()).toMatchObject({ phase: 'waiting', skippedCount: 0 });
    world.clock.pass(5_001);
    expect(await a.cycle({ quietMs: 5_000 })).toMatchObject({ done: 1, waiting: 0 });
  });

  test('gets over an outage by itself', async () => {
    a.disk.write('one', 'one');
    faults.next = ({ call }) => (call.startsWith('remote') ? { at: 'before', error: 'offline' } : null);
    a.engine.start();
    await world.clock.advance(30_000);
    expect(a.engine.status().problems).toMatchObject([{ error: { code: 'offline' } }]);
    delete faults.next;
    await world.clock.advance(60_000);
    await a.engine.close();
    expect(world.remoteFiles().size).toBe(1);
    expect(a.engine.status()).toMatchObject({ state: 'up-to-date', problems: [] });
  });

  test('writes nothing while nothing changes', async () => {
    a.disk.write('one', 'one');
    a.engine.start();
    await world.clock.advance(10_000);
    const writes = world.bucket.writes;
    let changes = 0;
    faults.onCall = ({ call }) => {
      if (/^local\.(replace|makeDirectory|moveToTrash|rename|stage)/.test(call)) changes += 1;
    };
    await world.clock.advance(3_700_000);
    await a.engine.close();
    expect(world.bucket.writes).toBe(writes);
    expect(changes).toBe(0);
  });
});

describe('many folders', () => {
  test('go on while one of them fails', async () => {
    const engineOf = (folderId: string, device: Device): FolderEngine =>
      createFolderEngine({ ...device.parts, folderId, hostName: folderId, epoch: 1, keyId: null, policy: { direction: 'two-way', isClientSide: false } });
    const engine = createEngine();
    engine.add(engineOf('well', a));
    engine.add(engineOf('broken', world.addDevice('broken')));
    expect(() => engine.add(engineOf('well', a))).toThrow(TypeError);
    const told = new Set<string>();
    engine.onStatus(({ folderId }) => told.add(folderId));
    faults.next = ({ device, call }) => (device === 'broken' && call === 'local.checkRoot' ? { at: 'before', error: 'root-missing' } : null);
    a.disk.write('one', 'one');
    for (const folder of engine.folders()) folder.start();
    await world.clock.advance(1_000);
    expect(engine.statuses()).toMatchObject([{ folderId: 'well', state: 'up-to-date', files: 1 }, { folderId: 'broken', state: 'needs-attention' }]);
    expect([...told].toSorted()).toEqual(['broken', 'well']);
    await engine.remove('broken');
    expect(engine.get('broken')).toBeNull();
    await engine.close();
    expect(engine.folders()).toEqual([]);
  });
});

describe('one look', () => {
  /** Counts walks, listings of the bucket and looks at the change feeds. */
  function countLooks(): { walks: number; lists: number; feeds: number } {
    const looks = { walks: 0, lists: 0, feeds: 0 };
    faults.onCall = ({ call, path }) => {
      if (call === 'local.walk' && (path === '' || path === null)) looks.walks += 1;
      if (call === 'remote.list') looks.lists += 1;
      if (call === 'remote.feeds.list') looks.feeds += 1;
    };
    return looks;
  }

  test('at the local side is enough where it shows nothing new', async () => {
    a.disk.write('one', 'one');
    await a.cycle();
    const looks = countLooks();
    expect(await a.cycle({ look: 'local-first' })).toMatchObject({ isSettled: true });
    expect(looks).toEqual({ walks: 1, lists: 0, feeds: 0 });
    a.disk.write('two', 'two');
    expect(await a.cycle({ look: 'local-first' })).toMatchObject({ done: 1 });
    expect(looks).toEqual({ walks: 2, lists: 0, feeds: 1 });
    expect(world.remoteFiles().get('two')).toBe('two');
  });

  test('at the remote side is enough where it shows nothing new', async () => {
    a.disk.write('one', 'one');
    await a.cycle();
    const looks = countLooks();
    expect(await a.cycle({ look: 'remote-first' })).toMatchObject({ isSettled: true });
    expect(looks).toEqual({ walks: 0, lists: 0, feeds: 1 });
    const b = world.addDevice('ben');
    await b.sync();
    b.disk.write('two', 'two');
    await b.sync();
    Object.assign(looks, { walks: 0, lists: 0 });
    expect(await a.cycle({ look: 'remote-first' })).toMatchObject({ done: 1 });
    expect(looks).toMatchObject({ walks: 1, lists: 0 });
    expect(a.disk.read('two')).toBe('two');
  });

  test('is what a watched folder takes: hints begin with the walk, polls with the change feeds', async () => {
    let hint: () => void = () => undefined;
    const watcher = { start: (onHint: (paths: 'everything') => void) => Promise.resolve(void (hint = () => onHint('everything'))), problem: null, stop: () => Promise.resolve() };
    const engine = createFolderEngine({ ...a.parts, watcher, folderId: 'watched', hostName: 'anna', epoch: 1, keyId: null, policy: { direction: 'two-way', isClientSide: false } });
    a.disk.write('one', 'one');
    engine.start();
    await world.clock.advance(5_000);
    const looks = countLooks();
    await world.clock.advance(3_100);
    expect(looks).toEqual({ walks: 0, lists: 0, feeds: 1 });
    a.disk.write('two', 'two');
    hint();
    await world.clock.advance(700);
    expect(world.remoteFiles().size).toBe(2);
    await engine.close();
  });

  test('says what cannot be watched, and is in step all the same', async () => {
    const watcher = { start: () => Promise.resolve(), problem: new SyncError('watch-limit'), stop: () => Promise.resolve() };
    const engine = createFolderEngine({ ...a.parts, watcher, folderId: 'watched', hostName: 'anna', epoch: 1, keyId: null, policy: { direction: 'two-way', isClientSide: false } });
    a.disk.write('one', 'one');
    engine.start();
    await world.clock.advance(5_000);
    expect(engine.status()).toMatchObject({ state: 'up-to-date', problems: [{ path: null, error: { code: 'watch-limit' } }] });
    await engine.close();
  });
});
