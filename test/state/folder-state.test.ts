import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { isSyncError } from '../../main/model/errors.ts';
import { syncPath } from '../../main/model/path.ts';
import type { BaseEntry } from '../../main/model/snapshot.ts';
import { Database } from '../../main/state/database.ts';
import { openFolderState, removeFolderState } from '../../main/state/folder-state.ts';
import { FOLDER_MIGRATIONS } from '../../main/state/folder-schema.ts';
import { isFolderLocked, lockFolder } from '../../main/state/lock.ts';
import { baseEntry, describeFolderState } from './folder-state.contract.ts';

const ID = 'f'.repeat(32);
const homes: string[] = [];
function newHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'enfold-state-'));
  homes.push(home);
  return home;
}
afterEach(() => {
  for (const home of homes.splice(0)) rmSync(home, { recursive: true, force: true });
});

describeFolderState('in SQLite', () => {
  const home = newHome();
  let state = openFolderState(home, ID);
  return {
    state,
    reopen() {
      state.close();
      state = openFolderState(home, ID);
      return state;
    },
    done: () => state.close(),
  };
});

describe('the records of a folder', () => {
  const databaseOf = (home: string): string => join(home, 'folders', `${ID}.db`);
  const codeOf = (body: () => unknown): string => {
    try {
      body();
    } catch (error) {
      return isSyncError(error) ? error.code : String(error);
    }
    return 'no error';
  };

  test('refuse bad states whoever writes them', () => {
    const home = newHome();
    const state = openFolderState(home, ID);
    state.commit({ put: [baseEntry('good')] });
    const bad: Partial<Record<keyof BaseEntry, unknown>>[] = [
      { path: '/etc/passwd' }, { path: '' }, { path: 'a//b' }, { path: '../x' }, { path: 'a/../x' }, { path: 'a/./x' }, { path: '.enfold/root.json' }, { path: 'a/..' },
      { kind: 'directory' }, { path: 'd/' }, { objectKey: 'prefix/good' }, { objectKey: '' }, { etag: '' }, { operationId: 'xyz' }, { sizeBytes: -1 },
      { modeBits: 0o1000 }, { sha256: 'short' }, { sha256: '' }, { epoch: -1 }, { kind: 'link' },
    ];
    for (const change of bad) {
      const entry = { ...baseEntry('fresh'), objectKey: 'prefix/fresh', ...change } as BaseEntry;
      expect([change, codeOf(() => state.commit({ put: [baseEntry('beside'), entry] }))]).toEqual([change, 'invariant']);
    }
    expect([...state.baseByKeyRange('', null)].map((entry) => entry.path)).toEqual(['good']);
    state.close();
  });

  test('are private to the user', () => {
    const home = newHome();
    const state = openFolderState(home, ID);
    state.commit({ put: [baseEntry('a')] });
    state.beginScan();
    for (const name of readdirSync(join(home, 'folders'))) expect([name, statSync(join(home, 'folders', name)).mode & 0o077]).toEqual([name, 0]);
    expect(statSync(join(home, 'folders')).mode & 0o077).toBe(0);
    state.close();
  });

  test('leave no scratch file behind, also not one of a process that died', () => {
    const home = newHome();
    const state = openFolderState(home, ID);
    state.beginScan();
    const left = join(home, 'folders', `${ID}.scan-1-dead`);
    writeFileSync(left, 'x');
    state.close();
    const again = openFolderState(home, ID);
    again.beginScan();
    again.close();
    expect(readdirSync(join(home, 'folders')).filter((name) => name.includes('.scan-'))).toEqual([]);
  });

  test('say state-corrupt when a page is damaged or the file is something else', () => {
    const home = newHome();
    const state = openFolderState(home, ID);
    state.commit({ put: Array.from({ length: 500 }, (_, i) => baseEntry(`f${i}`)) });
    state.close();
    const whole = readFileSync(databaseOf(home));
    const damaged = Buffer.from(whole);
    damaged.fill(0xa5, 4096 * 4, 4096 * 40);
    writeFileSync(databaseOf(home), damaged);
    expect(codeOf(() => openFolderState(home, ID))).toBe('state-corrupt');
    writeFileSync(databaseOf(home), Buffer.alloc(8192, 'no database '));
    expect(codeOf(() => openFolderState(home, ID))).toBe('state-corrupt');
    writeFileSync(databaseOf(home), whole);
    const restored = openFolderState(home, ID);
    expect(restored.baseTotals().files).toBe(500);
    restored.close();
  });

  test('say state-newer-version when a newer Enfold wrote them', () => {
    const home = newHome();
    openFolderState(home, ID).close();
    const raw = new DatabaseSync(databaseOf(home));
    raw.exec(`PRAGMA user_version = ${FOLDER_MIGRATIONS.length + 1}`);
    raw.close();
    expect(codeOf(() => openFolderState(home, ID))).toBe('state-newer-version');
  });

  test('get a new device id when they are made anew', () => {
    const home = newHome();
    const first = openFolderState(home, ID);
    const { device } = first;
    first.close();
    removeFolderState(home, ID);
    expect(readdirSync(join(home, 'folders'))).toEqual([]);
    const second = openFolderState(home, ID);
    expect(second.device).not.toBe(device);
    second.close();
  });

  test('refuse an id that would lead out of the directory', () => {
    expect(codeOf(() => openFolderState(newHome(), '../../etc/x'))).toBe('invariant');
  });

  test('are read by a second opener while the first writes', () => {
    const home = newHome();
    const [writer, reader] = [openFolderState(home, ID), openFolderState(home, ID)];
    writer.beginScan();
    reader.beginScan();
    writer.commit({ put: [baseEntry('a')] });
    writer.putLocalDifferences([{ path: syncPath('a'), state: { type: 'absent' } }]);
    expect(reader.baseAt(syncPath('a'))).not.toBeNull();
    expect([...reader.differences()]).toEqual([]);
    expect(reader.device).toBe(writer.device);
    expect(reader.takeCounters(1)).not.toBe(writer.takeCounters(1));
    writer.close();
    reader.close();
  });

  test('are found by index, never by reading them all', () => {
    const home = newHome();
    const state = openFolderState(home, ID);
    const all = Array.from({ length: 600 }, (_, i) => baseEntry(`dir${i % 20}/f${i}`));
    state.commit({ put: all });
    const reads = [vi.spyOn(Database.prototype, 'get'), vi.spyOn(Database.prototype, 'allArrays')];
    let rows = 0;
    for (const directory of state.baseSubdirectories('')) rows += [...state.stampsInDirectory(directory)].length;
    for (const _ of state.baseByKeyRange('', null)) rows += 1;
    for (const _ of state.listedByKeyRange('', null)) rows += 1;
    const queries = new Set(reads.flatMap((read) => read.mock.calls.map(([sql]) => sql)));
    for (const read of reads) read.mockRestore();
    state.close();
    expect(rows).toBe(1800);
    expect(queries.size).toBe(4);
    const database = new DatabaseSync(join(home, readdirSync(home, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith('.db')) ?? ''));
    for (const sql of queries) {
      const steps = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all().map((step) => String((step as Record<string, unknown>)['detail']));
      expect(steps.filter((step) => /SCAN|TEMP B-TREE/.test(step)), sql).toEqual([]);
    }
    database.close();
  });
});

describe('the lock of a folder', () => {
  test('is held by one at a time, in one process', () => {
    const home = newHome();
    const release = lockFolder(home, ID);
    expect(() => lockFolder(home, ID)).toThrowError(expect.objectContaining({ code: 'folder-busy' }) as Error);
    lockFolder(home, 'a'.repeat(32))();
    expect([isFolderLocked(home, ID), isFolderLocked(home, 'a'.repeat(32)), isFolderLocked(home, 'b'.repeat(32))]).toEqual([true, false, false]);
    release();
    expect(isFolderLocked(home, ID)).toBe(false);
    release();
    lockFolder(home, ID)();
  });
});
