import { beforeEach, describe, expect, test } from 'vitest';
import { isSyncError } from '../../main/model/errors.ts';
import type { ObjectKey, SyncPath } from '../../main/model/path.ts';
import type { LocalEntry, PathStates } from '../../main/model/snapshot.ts';
import type { FolderState, ListedObject, LocalTree, RemoteFolder, WalkedDirectory } from '../../main/sync/ports.ts';
import { compareByteOrder } from '../../main/sync/key-order.ts';
import { keepListedUnder, scanLocal, scanRemote } from '../../main/sync/scan.ts';
import { World } from '../helpers/world.ts';

const never = new AbortController().signal;
const ALL_AS_THEY_ARE = { quietMs: 0, nowMs: 0 };
let state: FolderState;

/** A folder with `kept`, `dir/one`, `dir/sub/two` in step. */
beforeEach(async () => {
  const device = new World().addDevice('anna');
  for (const path of ['kept', 'dir/one', 'dir/sub/two']) device.disk.write(path, path);
  await device.sync();
  state = device.parts.state;
  state.beginScan();
});

function entry(path: string): LocalEntry {
  const base = state.baseAt(path as SyncPath);
  const isDirectory = path.endsWith('/');
  return { path: path as SyncPath, kind: isDirectory ? 'directory' : 'file', sizeBytes: 3, mtimeMs: 0, modeBits: 0o644, inode: '1', stamp: base?.stamp ?? 'new', ...(isDirectory ? { isEmpty: false } : {}) };
}

function treeOf(directories: readonly WalkedDirectory[], failure?: Error): LocalTree {
  const walk = async function* (): AsyncIterable<WalkedDirectory> {
    for (const directory of directories) yield await Promise.resolve(directory);
    if (failure !== undefined) throw failure;
  };
  return { walk } as unknown as LocalTree;
}

function directory(path: string, entries: readonly string[], skipped: WalkedDirectory['skipped'] = []): WalkedDirectory {
  return { directory: path as SyncPath | '', entries: entries.map(entry), skipped };
}

function found(): Record<string, string> {
  const shown = (side: PathStates['local'] | PathStates['remote']): string => (side.type === 'unknown' ? side.reason : side.type);
  return Object.fromEntries([...state.differences()].map(({ path, local, remote }) => [path, `${shown(local)}|${shown(remote)}`]));
}

const whole = (): WalkedDirectory[] => [directory('', ['kept', 'dir/']), directory('dir/', ['dir/one', 'dir/sub/']), directory('dir/sub/', ['dir/sub/two'])];

describe('the walk', () => {
  test('writes nothing where nothing differs', async () => {
    expect(await scanLocal(treeOf(whole()), state, ALL_AS_THEY_ARE, never)).toMatchObject({ files: 3, isClean: true });
    expect(found()).toEqual({});
  });

  test('finds all of a directory gone that its parent does not show', async () => {
    await scanLocal(treeOf([directory('', ['kept'])]), state, ALL_AS_THEY_ARE, never);
    expect(found()).toEqual({ 'dir/one': 'absent|present', 'dir/sub/two': 'absent|present' });
  });

  test('knows nothing of what is below a directory that could not be listed', async () => {
    const skip = { path: 'dir/sub/', side: 'local', reason: 'directory-unreadable', detail: null } as const;
    const scan = await scanLocal(treeOf([directory('', ['kept', 'dir/']), directory('dir/', ['dir/one'], [skip])]), state, ALL_AS_THEY_ARE, never);
    state.putRemoteDifferences([{ path: 'dir/sub/two' as SyncPath, state: { type: 'absent', tombstone: null } }]);
    expect(found()['dir/sub/two']).toBe('directory-unreadable|absent');
    expect(scan.isClean).toBe(false);
  });

  test('knows nothing of what is below a directory that was seen and never came', async () => {
    await scanLocal(treeOf([directory('', ['kept', 'dir/'])]), state, ALL_AS_THEY_ARE, never);
    state.putRemoteDifferences([{ path: 'dir/one' as SyncPath, state: { type: 'absent', tombstone: null } }]);
    expect(found()['dir/one']).toBe('directory-unreadable|absent');
    expect(state.skipped()).toMatchObject([{ path: 'dir/', reason: 'directory-unreadable' }]);
  });

  test('takes a directory that comes in parts for one', async () => {
    const parts: WalkedDirectory[] = [{ ...directory('', ['kept']), isPart: true }, directory('', ['dir/']), { ...directory('dir/', ['dir/sub/']), isPart: true }, directory('dir/', ['dir/one']), directory('dir/sub/', ['dir/sub/two'])];
    expect(await scanLocal(treeOf(parts), state, ALL_AS_THEY_ARE, never)).toMatchObject({ files: 3, isClean: true });
    expect(found()).toEqual({});
  });

  test('believes nothing of a directory of which only a part came', async () => {
    const parts: WalkedDirectory[] = [directory('', ['kept', 'dir/', 'other/']), { ...directory('dir/', ['dir/new', 'dir/sub/']), isPart: true }, directory('other/', ['other/new'])];
    expect(await scanLocal(treeOf(parts), state, ALL_AS_THEY_ARE, never)).toMatchObject({ files: 2, isClean: false });
    expect(found()).toEqual({ 'other/new': 'present|absent' });
    state.putRemoteDifferences(['dir/one', 'dir/new', 'dir/sub/two'].map((path) => ({ path: path as SyncPath, state: { type: 'absent', tombstone: null } })));
    expect(found()).toMatchObject({ 'dir/one': 'directory-unreadable|absent', 'dir/new': 'directory-unreadable|absent', 'dir/sub/two': 'directory-unreadable|absent' });
  });

  test('knows nothing of what was below a directory whose name is a symbolic link now', async () => {
    const link = { path: 'dir', side: 'local', reason: 'symlink', detail: null } as const;
    await scanLocal(treeOf([directory('', ['kept'], [link])]), state, ALL_AS_THEY_ARE, never);
    state.putRemoteDifferences([{ path: 'dir/one' as SyncPath, state: { type: 'absent', tombstone: null } }]);
    expect(found()['dir/one']).toBe('symlink|absent');
  });

  test('never takes an ignored path for a deleted one', async () => {
    const ignored = { path: 'kept', side: 'local', reason: 'ignored', detail: '*.kept' } as const;
    const scan = await scanLocal(treeOf([directory('', ['dir/'], [ignored]), ...whole().slice(1)]), state, ALL_AS_THEY_ARE, never);
    expect(found()).toEqual({ kept: 'ignored|present' });
    expect(scan.isClean).toBe(false);
  });

  test('is an error where it does not come to its end', async () => {
    await expect(scanLocal(treeOf([directory('', ['kept'])], new Error('disk gone')), state, ALL_AS_THEY_ARE, never)).rejects.toThrow('disk gone');
  });
});

describe('the listing', () => {
  const object = (key: string, etag = 'new'): ListedObject => ({ objectKey: key as ObjectKey, etag, versionId: null, objectBytes: 1, lastModifiedMs: 1 });
  const remoteOf = (pages: readonly (readonly ListedObject[])[]): RemoteFolder => {
    const list = async function* (): AsyncIterable<readonly ListedObject[]> {
      for (const page of pages) yield await Promise.resolve(page);
    };
    const resolve: RemoteFolder['resolve'] = (keys) =>
      Promise.resolve(keys.map((key) => (key.includes('..') ? { type: 'skip', reason: 'name-traversal', detail: null } : { type: 'path', path: key.replace(/^files\//, '') as SyncPath })));
    return { list, resolve } as unknown as RemoteFolder;
  };
  const known = (): ListedObject[] => ['dir/one', 'dir/sub/two', 'kept'].map((path) => object(`files/${path}`, state.baseAt(path as SyncPath)?.etag));

  test('writes nothing where nothing differs', async () => {
    expect(await scanRemote(remoteOf([known()]), state, { suspects: new Set(), epoch: 0 }, never)).toEqual({ files: 3, vanished: 0, isClean: true });
    expect(found()).toEqual({});
  });

  test('finds what is gone before, between and behind the pages', async () => {
    const [, second] = known();
    expect(await scanRemote(remoteOf([[second as ListedObject]]), state, { suspects: new Set(), epoch: 0 }, never)).toMatchObject({ files: 1, vanished: 2 });
    expect(found()).toEqual({ 'dir/one': 'present|absent', kept: 'present|absent' });
  });

  test('finds everything gone in an empty bucket', async () => {
    expect(await scanRemote(remoteOf([]), state, { suspects: new Set(), epoch: 0 }, never)).toMatchObject({ files: 0, vanished: 3 });
  });

  test('lists keys that are no names of files, and finds new ones', async () => {
    const pages = [[object('files/../evil'), ...known()], [object('files/new')]];
    expect(await scanRemote(remoteOf(pages), state, { suspects: new Set(), epoch: 0 }, never)).toMatchObject({ files: 4, vanished: 0 });
    expect(found()).toEqual({ new: 'absent|present' });
    expect(state.skipped()).toMatchObject([{ side: 'remote', path: 'files/../evil', reason: 'name-traversal' }]);
  });

  test('shows a suspect anew although its ETag is the known one', async () => {
    await scanRemote(remoteOf([known()]), state, { suspects: new Set(['kept' as SyncPath]), epoch: 0 }, never);
    expect(found()).toEqual({ kept: 'present|present' });
  });

  test('shows an object of an earlier epoch anew, whose ETag is the known one, where no listing told its time before', async () => {
    await scanRemote(remoteOf([known()]), state, { suspects: new Set(), epoch: 1 }, never);
    expect(found()).toEqual({ 'dir/one': 'present|present', 'dir/sub/two': 'present|present', kept: 'present|present' });
  });

  test('shows an object of an earlier epoch anew whose time a listing told before this device knew of the later one, until all was looked at', async () => {
    await scanRemote(remoteOf([known()]), state, { suspects: new Set(), epoch: 0 }, never);
    keepListedUnder(state, 0);
    await scanRemote(remoteOf([known()]), state, { suspects: new Set(), epoch: 1 }, never);
    expect(found()).toEqual({ 'dir/one': 'present|present', 'dir/sub/two': 'present|present', kept: 'present|present' });
    keepListedUnder(state, 1);
    state.beginScan();
    expect(await scanRemote(remoteOf([known()]), state, { suspects: new Set(), epoch: 1 }, never)).toMatchObject({ isClean: true });
  });

  test('shows an object anew whose time changed under an unchanged ETag', async () => {
    await scanRemote(remoteOf([known()]), state, { suspects: new Set(), epoch: 0 }, never);
    await scanRemote(remoteOf([known().map((one) => ({ ...one, lastModifiedMs: one.objectKey.endsWith('kept') ? 2 : 1 }))]), state, { suspects: new Set(), epoch: 0 }, never);
    expect(found()).toEqual({ kept: 'present|present' });
  });

  test.each([
    ['out of order', [[object('files/b'), object('files/a')]]],
    ['the same page twice', [[object('files/a')], [object('files/a')]]],
    ['a page that goes back', [[object('files/b')], [object('files/a')]]],
  ])('is an error where it is %s', async (_, pages) => {
    const error: unknown = await scanRemote(remoteOf(pages), state, { suspects: new Set(), epoch: 0 }, never).catch((thrown: unknown) => thrown);
    expect(isSyncError(error, 'answer-invalid')).toBe(true);
  });
});

test('keys compare as their UTF-8 bytes do', () => {
  const keys = ['a', 'b', 'ab', 'é', '\u{FFFD}', '\u{1F600}', '\u{E000}', '\u{10FFFF}', 'a\u{1F600}', ''];
  for (const a of keys) {
    for (const b of keys) expect(Math.sign(compareByteOrder(a, b)), `${a} and ${b}`).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
  }
});
