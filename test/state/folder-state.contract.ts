/** What every FolderState promises, the one over SQLite and the one in memory alike. */
import * as fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { SyncError } from '../../main/model/errors.ts';
import { syncPath, type ObjectKey, type SyncPath } from '../../main/model/path.ts';
import type { BaseEntry, LocalEntry, LocalState, OperationId, PathStates, RemoteState, RemoteVersion, SkipReason } from '../../main/model/snapshot.ts';
import type { FolderState, Intent, LocalDifference, RemoteDifference } from '../../main/sync/ports.ts';

export type FolderStateUnderTest = {
  readonly state: FolderState;
  /** Closes it and opens the same records again. */
  reopen(): FolderState;
  done(): void;
};

export function baseEntry(path: string, changes: Partial<BaseEntry> = {}): BaseEntry {
  const isDirectory = path.endsWith('/');
  return {
    path: syncPath(path),
    kind: isDirectory ? 'directory' : 'file',
    objectKey: `prefix/${path}` as ObjectKey,
    etag: `"etag of ${path}"`,
    versionId: null,
    operationId: 'ab'.repeat(16) as OperationId,
    vector: { aabbccddeeff: 1 },
    sizeBytes: isDirectory ? 0 : 3,
    mtimeMs: 1_700_000_000_123,
    modeBits: 0o644,
    sha256: isDirectory ? '' : 'cd'.repeat(32),
    inode: '7',
    stamp: `stamp of ${path}`,
    epoch: 1,
    keyId: null,
    ...changes,
  };
}

function localEntry(path: string, changes: Partial<LocalEntry> = {}): LocalEntry {
  const kind = path.endsWith('/') ? 'directory' : 'file';
  return { path: syncPath(path), kind, sizeBytes: 5, mtimeMs: 1_700_000_001_000, modeBits: 0o600, inode: '8', stamp: 'changed', ...changes };
}

function remoteVersion(path: string): RemoteVersion {
  return { objectKey: `prefix/${path}` as ObjectKey, etag: '"changed"', versionId: 'v2', objectBytes: 21, lastModifiedMs: 1_700_000_002_000, attributes: null };
}

const byteOrder = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
/** Whenever the stored object was written: a hint only. */
const anyTime = expect.any(Number) as number;
const paths = (rows: Iterable<{ readonly path: string }>): string[] => [...rows].map((row) => row.path);

export function describeFolderState(name: string, make: () => FolderStateUnderTest): void {
  describe(`FolderState ${name}`, () => {
    const open: FolderStateUnderTest[] = [];
    const start = (): FolderStateUnderTest => {
      const one = make();
      open.push(one);
      return one;
    };
    afterEach(() => {
      for (const one of open.splice(0)) one.done();
    });

    test('numbers own changes without gaps, in the commit that records them, and forgets only old ones', () => {
      const one = start();
      const changeOf = (n: number, atMs: number) => ({ objectKey: `prefix/${n}` as ObjectKey, etag: 'e', operationId: 'ab'.repeat(16) as OperationId, vector: { aabbccddeeff: n }, objectBytes: n, keyId: null, isDeleted: n % 2 === 0, atMs });
      expect([one.state.lastChange(), one.state.ownChanges(10)]).toEqual([0, []]);
      one.state.commit({ put: [baseEntry('a')], changes: [changeOf(1, 1_000), changeOf(2, 1_000)] });
      one.state.commit({ changes: [changeOf(3, 5_000)] });
      expect(() => one.state.commit({ put: [{ ...baseEntry('b'), etag: '' }], changes: [changeOf(4, 5_000)] })).toThrow(SyncError);
      const state = one.reopen();
      state.commit({ changes: [changeOf(4, 6_000)] });
      expect(state.lastChange()).toBe(4);
      const { atMs: _, ...third } = changeOf(3, 0);
      expect(state.ownChanges(2)).toEqual([{ ...third, seq: 3 }, expect.objectContaining({ seq: 4, isDeleted: true })]);
      state.forgetChanges(1, 5_000);
      expect(state.ownChanges(10).map(({ seq }) => seq)).toEqual([3, 4]);
      state.forgetChanges(1, 10_000);
      expect(state.ownChanges(10).map(({ seq }) => seq)).toEqual([4]);
      expect(state.lastChange()).toBe(4);
    });

    test('forgets very many own changes in as many calls as it says', () => {
      const { state } = start();
      state.commit({ changes: Array.from({ length: 3_500 }, (_, n) => ({ objectKey: `k${n}` as ObjectKey, etag: 'e', operationId: 'ab'.repeat(16) as OperationId, vector: { aabbccddeeff: n }, objectBytes: n, keyId: null, isDeleted: false, atMs: 1_000 })) });
      let calls = 0;
      do calls += 1;
      while (state.forgetChanges(100, 2_000) && calls < 10);
      expect(calls).toBeLessThan(10);
      expect(state.ownChanges(4_000).map(({ seq }) => seq)).toEqual(Array.from({ length: 100 }, (_, i) => 3_401 + i));
      expect([state.forgetChanges(100, 2_000), state.ownChanges(4_000).length]).toEqual([false, 100]);
    });

    test('keeps what was ever attempted of a begun upload, until it is over', () => {
      const one = start();
      const upload = {
        path: syncPath('big'), objectKey: 'prefix/big' as ObjectKey, uploadId: 'u1', operationId: 'ab'.repeat(16) as OperationId, vector: { aabbccddeeff: 1 }, stamp: 's', sizeBytes: 20, sha256: 'cd'.repeat(32),
        partBytes: 10, epoch: 1, metadata: { a: 'b' }, encryption: { format: 'v3' as const, metadata: { c: 'd' } }, savedAtMs: 5, parts: {},
      };
      one.state.saveUpload(upload);
      one.state.savePart(upload.path, 2, 'ef'.repeat(32));
      const state = one.reopen();
      expect(state.savedUpload(upload.path)).toEqual({ ...upload, parts: { 2: 'ef'.repeat(32) } });
      // A second text under the same number would be one too many.
      expect(() => state.savePart(upload.path, 2, '01'.repeat(32))).toThrow(SyncError);
      state.saveUpload({ ...upload, uploadId: 'u2' });
      expect(state.savedUploads()).toEqual([{ ...upload, uploadId: 'u2' }]);
      state.dropUpload(upload.path);
      expect([state.savedUpload(upload.path), state.savedUploads()]).toEqual([null, []]);
    });

    test('is a new device after its records turned out to be old', () => {
      const one = start();
      const { device } = one.state;
      expect(one.state.takeCounters(5)).toBe(1);
      one.state.commit({ put: [baseEntry('a')], changes: [{ objectKey: 'prefix/a' as ObjectKey, etag: 'e', operationId: 'ab'.repeat(16) as OperationId, vector: {}, objectBytes: 1, keyId: null, isDeleted: false, atMs: 1 }] });
      one.state.renewDevice();
      expect(one.state.device).not.toBe(device);
      expect(one.state.device).toMatch(/^[0-9a-f]{12}$/);
      expect([one.state.takeCounters(1), one.state.lastChange(), one.state.baseAt(syncPath('a'))]).toEqual([1, 0, baseEntry('a')]);
      const renewed = one.state.device;
      expect(one.reopen().device).toBe(renewed);
    });

    test('keeps what was skipped remotely while the bucket is not listed', () => {
      const { state } = start();
      state.beginScan();
      state.putSkipped([{ path: 'there', side: 'remote', reason: 'foreign', detail: null }, { path: 'here', side: 'local', reason: 'symlink', detail: null }]);
      state.beginScan(true);
      expect(paths(state.skipped())).toEqual(['there']);
      state.beginScan();
      expect(state.skipped()).toEqual([]);
    });

    test('has a device id of 12 hex digits that stays when the records are opened again', () => {
      const one = start();
      const { device } = one.state;
      expect(device).toMatch(/^[0-9a-f]{12}$/);
      expect(one.reopen().device).toBe(device);
    });

    test('never hands out a counter twice, also not after it was opened again', () => {
      const one = start();
      const taken: number[] = [];
      let { state } = one;
      for (const count of [1, 3, 1, 700, 2]) {
        const first = state.takeCounters(count);
        for (let i = 0; i < count; i += 1) taken.push(first + i);
        state = one.reopen();
      }
      expect(new Set(taken).size).toBe(707);
      expect(Math.min(...taken)).toBeGreaterThanOrEqual(1);
      expect(taken.toSorted((a, b) => a - b)).toEqual(taken);
    });

    test('gives back the base entries it was given, whole', () => {
      const { state } = start();
      const rich = baseEntry('a/b.txt', { versionId: 'v1', keyId: '0123456789abcdef' as BaseEntry['keyId'], vector: { aabbccddeeff: 3, '112233445566': 9 }, objectBytes: 19, epoch: 2 });
      const directory = baseEntry('leer/');
      state.commit({ put: [rich, directory] });
      expect(state.baseAt(rich.path)).toEqual(rich);
      expect(state.baseByKey(rich.objectKey)).toEqual(rich);
      expect(state.baseAt(directory.path)).toEqual(directory);
      expect(state.baseAt(syncPath('a/other'))).toBeNull();
      expect(state.baseByKey('other' as ObjectKey)).toBeNull();
    });

    test('keeps what was committed when it is opened again', () => {
      const one = start();
      one.state.commit({ put: [baseEntry('a')] });
      expect(one.reopen().baseAt(syncPath('a'))).toEqual(baseEntry('a'));
    });

    test('replaces and drops entries, drops first', () => {
      const { state } = start();
      state.commit({ put: [baseEntry('a', { objectKey: 'k' as ObjectKey }), baseEntry('b')] });
      state.commit({ put: [baseEntry('c', { objectKey: 'k' as ObjectKey }), baseEntry('b', { etag: '"new"' })], drop: [syncPath('a')] });
      expect(paths(state.baseByKeyRange('', null)).toSorted(byteOrder)).toEqual(['b', 'c']);
      expect(state.baseAt(syncPath('b'))?.etag).toBe('"new"');
    });

    test('counts files and their bytes, not directories', () => {
      const { state } = start();
      expect(state.baseTotals()).toEqual({ files: 0, bytes: 0 });
      state.commit({ put: [baseEntry('a', { sizeBytes: 10 }), baseEntry('b/c', { sizeBytes: 5 }), baseEntry('d/')] });
      expect(state.baseTotals()).toEqual({ files: 2, bytes: 15 });
      state.commit({ put: [baseEntry('a', { sizeBytes: 1 })], drop: [syncPath('b/c')] });
      expect(state.baseTotals()).toEqual({ files: 1, bytes: 1 });
    });

    test('counts the entries that stand under an epoch before another, directories too', () => {
      const { state } = start();
      expect(state.countBefore(2)).toEqual({ total: 0, before: 0 });
      state.commit({ put: [baseEntry('a', { epoch: 1 }), baseEntry('b', { epoch: 2 }), baseEntry('d/', { epoch: 1 })] });
      expect([state.countBefore(1), state.countBefore(2), state.countBefore(3)]).toEqual([{ total: 3, before: 0 }, { total: 3, before: 2 }, { total: 3, before: 3 }]);
    });

    test('lists what is directly inside a directory, and the directories that have something below them', () => {
      const { state } = start();
      state.commit({ put: ['a', 'b', 'b!/x', 'd/e/f', 'd/e/g', 'd/h', 'd.txt', 'd0', 'empty/', 'ü/x/y', '\u{1F600}/a'].map((path) => baseEntry(path)) });
      expect([...state.stampsInDirectory('')].map(([path]) => path).toSorted(byteOrder)).toEqual(['a', 'b', 'd.txt', 'd0', 'empty/']);
      expect([...state.stampsInDirectory(syncPath('d/'))]).toEqual([['d/h', baseEntry('d/h').stamp]]);
      expect([...state.stampsInDirectory(syncPath('e/'))]).toEqual([]);
      expect([...state.baseSubdirectories('')].toSorted(byteOrder)).toEqual(['b!/', 'd/', 'ü/', '\u{1F600}/'].toSorted(byteOrder));
      expect(state.baseSubdirectories(syncPath('d/'))).toEqual(['d/e/']);
      expect(state.baseSubdirectories(syncPath('empty/'))).toEqual([]);
      expect(paths(state.baseBelow(syncPath('d/'))).toSorted(byteOrder)).toEqual(['d/e/f', 'd/e/g', 'd/h']);
    });

    test('goes through more rows than a page, in byte order of the keys', () => {
      const { state } = start();
      // Where UTF-16 and UTF-8 order differ: above the surrogates.
      const names = [...Array.from({ length: 1300 }, (_, i) => `f${i}`), '\uFF5E', '\u{1F600}', 'zzz', 'ä'];
      state.commit({ put: names.map((name) => baseEntry(name, { objectKey: name as ObjectKey })) });
      const all = [...state.baseByKeyRange('', null)].map((row) => row.objectKey);
      expect(all).toEqual(names.toSorted(byteOrder));
      expect([...state.baseByKeyRange('f5' as ObjectKey, 'f50' as ObjectKey)].map((row) => row.objectKey)).toEqual(['f50']);
      expect([...state.baseByKeyRange('zzz' as ObjectKey, null)].map((row) => row.objectKey)).toEqual(['ä', '\uFF5E', '\u{1F600}']);
    });

    test('tells of each row what a listing can confirm, and keeps when the listing says it was stored', () => {
      const { state } = start();
      state.commit({ put: ['a', 'b', 'c'].map((name) => baseEntry(name, { objectKey: `k/${name}` as ObjectKey, etag: `"${name}"`, epoch: 3 })) });
      state.commit({ listed: [{ path: syncPath('b'), listedMs: 77 }, { path: syncPath('not there'), listedMs: 1 }] });
      const rows = [...state.listedByKeyRange('k/a' as ObjectKey, 'k/b' as ObjectKey)];
      expect(rows.map(({ path, objectKey, etag, epoch, listedMs }) => ({ path, objectKey, etag, epoch, listedMs }))).toEqual([{ path: 'b', objectKey: 'k/b', etag: '"b"', epoch: 3, listedMs: 77 }]);
      expect(state.baseAt(syncPath('b'))).toEqual(baseEntry('b', { objectKey: 'k/b' as ObjectKey, etag: '"b"', epoch: 3, listedMs: 77 }));
      expect([...state.listedByKeyRange('', null)].map(({ listedMs }) => listedMs ?? null)).toEqual([null, 77, null]);
    });

    test('lets the caller write between two rows', { timeout: 60_000 }, () => {
      const { state } = start();
      state.commit({ put: Array.from({ length: 600 }, (_, i) => baseEntry(`f${i}`)) });
      const seen = new Set<string>();
      for (const row of state.baseByKeyRange('', null)) {
        seen.add(row.path);
        state.commit({ drop: [row.path] });
      }
      expect(seen.size).toBe(600);
      expect(state.baseTotals().files).toBe(0);
    });

    test('joins the differences of both sides with base, in byte order of the paths', () => {
      const { state } = start();
      const base = baseEntry('both', { objectBytes: 30 });
      state.commit({ put: [base, baseEntry('untouched')] });
      state.beginScan();
      const changed = { type: 'present', entry: localEntry('both'), sha256: null } as const;
      state.putLocalDifferences([{ path: syncPath('both'), state: changed }, { path: syncPath('ä'), state: { type: 'unknown', reason: 'unreadable' } }]);
      state.putRemoteDifferences([{ path: syncPath('new'), state: { type: 'present', version: remoteVersion('new') } }]);
      expect([...state.differences()]).toEqual([
        {
          path: 'both',
          base,
          local: changed,
          remote: {
            type: 'present',
            version: {
              objectKey: base.objectKey, etag: base.etag, versionId: null, objectBytes: 30, lastModifiedMs: anyTime, epoch: 1, keyId: null,
              attributes: { operationId: base.operationId, vector: base.vector, mtimeMs: base.mtimeMs, modeBits: 0o644, kind: 'file', sizeBytes: 3, sha256: base.sha256 },
            },
          },
        },
        { path: 'new', base: null, local: { type: 'absent' }, remote: { type: 'present', version: remoteVersion('new') } },
        { path: 'ä', base: null, local: { type: 'unknown', reason: 'unreadable' }, remote: { type: 'absent', tombstone: null } },
      ]);
      expect(paths(state.differences(syncPath('both')))).toEqual(['new', 'ä']);
    });

    test('tells rows in line by size class, then the newest, then by path, joined with base as it is now, and forgets the line with the scan', () => {
      const { state } = start();
      state.beginScan();
      const names = Array.from({ length: 1_200 }, (_, i) => `f${String(i).padStart(4, '0')}`);
      state.putRemoteDifferences(names.map((name) => ({ path: syncPath(name), state: { type: 'present', version: remoteVersion(name) } })));
      const rows = names.map((name, i) => ({ path: syncPath(name), sizeClass: (i * 7) % 3 - 1, mtimeMs: (i * 31) % 50 + 0.5 }));
      for (const half of [rows.slice(0, 700), rows.slice(700)]) state.putInLine(half);
      const wanted = rows.toSorted((a, b) => a.sizeClass - b.sizeClass || b.mtimeMs - a.mtimeMs || (a.path < b.path ? -1 : 1)).map(({ path }) => path);
      const seen: string[] = [];
      for (const row of state.inLine()) {
        seen.push(row.path);
        expect(row).toMatchObject({ base: null, local: { type: 'absent' }, remote: { type: 'present' } });
        // What is carried out meanwhile is recorded between two rows.
        if (seen.length % 100 === 0) state.commit({ put: [baseEntry(row.path)] });
      }
      expect(seen).toEqual(wanted);
      expect([...state.inLine()].filter(({ base }) => base !== null).length).toBe(12);
      state.beginScan();
      expect([...state.inLine()]).toEqual([]);
    });

    test('takes a later row for the earlier one, and forgets all of them when a scan begins', () => {
      const { state } = start();
      state.beginScan();
      state.putLocalDifferences([{ path: syncPath('a'), state: { type: 'absent' } }]);
      state.putLocalDifferences([{ path: syncPath('a'), state: { type: 'unknown', reason: 'unreadable' } }]);
      expect([...state.differences()].map((row) => row.local)).toEqual([{ type: 'unknown', reason: 'unreadable' }]);
      state.putUnknownDirectory('local', '', 'directory-unreadable');
      state.beginScan();
      expect([...state.differences()]).toEqual([]);
      state.putRemoteDifferences([{ path: syncPath('a'), state: { type: 'absent', tombstone: null } }]);
      expect([...state.differences()].map((row) => row.local)).toEqual([{ type: 'absent' }]);
    });

    test('says unknown for a side without a row below an unknown directory, and only there', () => {
      const { state } = start();
      state.commit({ put: [baseEntry('d/e/f'), baseEntry('d/g'), baseEntry('de')] });
      state.beginScan();
      state.putUnknownDirectory('local', syncPath('d/e/'), 'directory-unreadable');
      state.putRemoteDifferences(['d/e/f', 'd/g', 'de', 'd/e/new'].map((path) => ({ path: syncPath(path), state: { type: 'absent', tombstone: null } as const })));
      expect(Object.fromEntries([...state.differences()].map((row) => [row.path, row.local.type]))).toEqual({
        'd/e/f': 'unknown', 'd/e/new': 'unknown', 'd/g': 'present', de: 'present',
      });
    });

    test('says the same as a plain join in memory, whatever the rows', () => {
      const segment = fc.constantFrom('a', 'b', 'ä', '~', 'a b', '\u{1F600}');
      const anyPath = fc.tuple(fc.array(segment, { minLength: 1, maxLength: 3 }), fc.boolean()).map(([segments, isDirectory]) => syncPath(segments.join('/') + (isDirectory ? '/' : '')));
      const directory = fc.array(segment, { maxLength: 2 }).map((segments) => (segments.length === 0 ? '' : syncPath(`${segments.join('/')}/`)));
      const local = anyPath.chain((path) => fc.constantFrom<LocalState>({ type: 'absent' }, { type: 'present', entry: localEntry(path), sha256: null }, { type: 'unknown', reason: 'ignored' })
        .map((state): LocalDifference => ({ path, state })));
      const remote = anyPath.chain((path) => fc.constantFrom<RemoteState>({ type: 'absent', tombstone: null }, { type: 'present', version: remoteVersion(path) }, { type: 'unknown', reason: 'foreign' })
        .map((state): RemoteDifference => ({ path, state })));
      const side = fc.constantFrom('local' as const, 'remote' as const);
      const { state } = start();
      fc.assert(
        fc.property(
          fc.uniqueArray(anyPath, { maxLength: 12 }), fc.array(local, { maxLength: 12 }), fc.array(remote, { maxLength: 12 }),
          fc.array(fc.tuple(side, directory), { maxLength: 3 }),
          (base, localRows, remoteRows, unknown) => {
            const dropped = paths(state.baseByKeyRange('', null)) as SyncPath[];
            state.commit({ drop: dropped, put: base.map((path) => baseEntry(path)) });
            state.beginScan();
            state.putLocalDifferences(localRows);
            state.putRemoteDifferences(remoteRows);
            for (const [which, at] of unknown) state.putUnknownDirectory(which, at, 'directory-unreadable');
            expect([...state.differences()]).toEqual(plainJoin(base, localRows, remoteRows, unknown));
          },
        ),
        { numRuns: 150 },
      );
    });

    test('keeps skipped paths of the running scan only, and in the records', () => {
      const one = start();
      const skip = (path: string, reason: SkipReason): { path: string; side: 'local'; reason: SkipReason; detail: null } => ({ path, side: 'local', reason, detail: null });
      one.state.beginScan();
      one.state.putSkipped([skip('a', 'symlink'), skip('b', 'symlink')]);
      one.state.putSkipped([skip('b', 'special-file')]);
      expect(one.state.skipped()).toEqual([skip('a', 'symlink'), skip('b', 'special-file')]);
      one.state.beginScan();
      one.state.putSkipped([skip('b', 'special-file'), { ...skip('c', 'ignored'), side: 'remote' }]);
      expect(paths(one.state.skipped())).toEqual(['b', 'c']);
      expect(paths(one.reopen().skipped())).toEqual(['b', 'c']);
    });

    test('keeps intents until they are finished, oldest first', () => {
      const one = start();
      const intent = (digit: string, changes: Partial<Intent> = {}): Intent => ({
        operationId: digit.repeat(32) as OperationId, kind: 'upload', path: syncPath(`p${digit}`), objectKey: `k${digit}` as ObjectKey, etag: null, fromPath: null,
        local: null, vector: { aabbccddeeff: 1 }, createdAtMs: 1_700_000_000_000, ...changes,
      });
      const rename = intent('1', { kind: 'rename', fromPath: syncPath('old'), etag: '"e"', local: localEntry('p1') });
      one.state.beginIntents([intent('9'), rename, intent('0')]);
      expect(one.reopen().openIntents()).toEqual([intent('9'), rename, intent('0')]);
      const state = one.reopen();
      state.commit({ finish: [rename.operationId], put: [baseEntry('p1')], drop: [syncPath('old')] });
      expect(state.openIntents().map((each) => each.operationId[0])).toEqual(['9', '0']);
    });

    test('keeps the last 10,000 events, newest first', () => {
      const { state } = start();
      const event = (i: number): { atMs: number; kind: 'uploaded'; path: string; bytes: number; detail: null } => ({ atMs: i, kind: 'uploaded', path: `f${i}`, bytes: i, detail: null });
      for (let i = 0; i < 10_500; i += 500) state.commit({ activity: Array.from({ length: 500 }, (_, n) => event(i + n)) });
      expect(state.recentActivity(2)).toEqual([event(10_499), event(10_498)]);
      expect(state.recentActivity(20_000).length).toBe(10_000);
    });

    test('keeps facts as JSON', () => {
      const one = start();
      expect(one.state.fact('pin')).toBeNull();
      one.state.putFact('pin', { epoch: 2, fingerprint: 'x' });
      one.state.putFact('done', true);
      const again = one.reopen();
      expect(again.fact('pin')).toEqual({ epoch: 2, fingerprint: 'x' });
      again.putFact('pin', null);
      expect(again.fact('pin')).toBeNull();
      expect(again.fact('done')).toBe(true);
    });
  });
}

function plainJoin(
  base: readonly SyncPath[],
  localRows: readonly LocalDifference[],
  remoteRows: readonly RemoteDifference[],
  unknown: readonly (readonly ['local' | 'remote', string])[],
): PathStates[] {
  const locals = new Map(localRows.map((row) => [row.path, row.state]));
  const remotes = new Map(remoteRows.map((row) => [row.path, row.state]));
  const isUnknown = (side: string, path: string): boolean => unknown.some(([which, at]) => which === side && path.startsWith(at));
  const states = [...new Set([...locals.keys(), ...remotes.keys()])].toSorted(byteOrder);
  return states.map((path) => {
    const row = base.includes(path) ? baseEntry(path) : null;
    const { kind, sizeBytes, mtimeMs, modeBits, inode, stamp } = baseEntry(path);
    const unchangedLocal: LocalState = row === null ? { type: 'absent' } : {
      type: 'present', sha256: row.sha256,
      entry: { path, kind, sizeBytes, mtimeMs, modeBits, inode, stamp, ...(kind === 'directory' ? { isEmpty: true } : {}) },
    };
    const unchangedRemote: RemoteState = row === null ? { type: 'absent', tombstone: null } : {
      type: 'present',
      version: {
        objectKey: row.objectKey, etag: row.etag, versionId: row.versionId, objectBytes: row.sizeBytes, lastModifiedMs: anyTime, epoch: 1, keyId: null,
        attributes: { operationId: row.operationId, vector: row.vector, mtimeMs, modeBits, kind, sizeBytes, sha256: row.sha256 === '' ? null : row.sha256 },
      },
    };
    const whenUnknown = { type: 'unknown', reason: 'directory-unreadable' } as const;
    return {
      path,
      base: row,
      local: locals.get(path) ?? (isUnknown('local', path) ? whenUnknown : unchangedLocal),
      remote: remotes.get(path) ?? (isUnknown('remote', path) ? whenUnknown : unchangedRemote),
    };
  });
}

