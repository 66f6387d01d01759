/**
 * The decision table. Each cell is one (base, local, remote): the row says what happened on this computer since base, the
 * column what happened in the bucket.
 */
import { describe, expect, test } from 'vitest';
import type { Direction, PlanPolicy } from '../../main/model/action.ts';
import type { BaseEntry, LocalState, RemoteState } from '../../main/model/snapshot.ts';
import { reconcile } from '../../main/plan/reconcile.ts';
import { ABSENT_HERE, ABSENT_THERE, baseOf, entryOf, ME, newFile, operation, OTHER, policyOf, presentHere, row, tombstoneOf, unchangedThere, versionOf } from './rows.ts';

const base = baseOf('f');
const entry = entryOf(base);
const NEWER = { [ME]: 3, [OTHER]: 4 };
const FORK = { [ME]: 1, [OTHER]: 4 };

const here = {
  untouched: presentHere(entry, 'base'),
  restamped: presentHere({ ...entry, stamp: 'other', mtimeMs: 5_000 }, 'base'),
  chmodded: presentHere({ ...entry, stamp: 'other', modeBits: 0o600 }, 'base'),
  replaced: presentHere({ ...entry, stamp: 'other', inode: 'other' }, 'base'),
  edited: presentHere({ ...entry, stamp: 'other' }, 'mine'),
  deleted: ABSENT_HERE,
  unknown: { type: 'unknown', reason: 'unreadable' },
} as const satisfies Record<string, LocalState>;

function contentOf(name: string): string {
  return name === 'edited' ? 'mine' : 'base';
}

const there: Record<string, (local: string) => RemoteState> = {
  same: () => unchangedThere(base),
  newer: () => ({ type: 'present', version: versionOf('f', 'theirs', NEWER) }),
  unfetched: () => ({ type: 'present', version: { ...versionOf('f', 'theirs', NEWER), attributes: null } }),
  equal: (local) => ({ type: 'present', version: versionOf('f', contentOf(local), NEWER) }),
  reattributed: () => ({ type: 'present', version: versionOf('f', 'base', base.vector, { modeBits: 0o600 }) }),
  forked: () => ({ type: 'present', version: versionOf('f', 'theirs', FORK) }),
  foreign: () => ({ type: 'present', version: versionOf('f', 'theirs', {}) }),
  buried: () => ({ type: 'absent', tombstone: tombstoneOf('f', base.vector) }),
  outlived: () => ({ type: 'absent', tombstone: tombstoneOf('f', { [ME]: 2, [OTHER]: 2 }) }),
  vanished: () => ABSENT_THERE,
  unknown: () => ({ type: 'unknown', reason: 'not-authentic' }),
};

/** `-` is nothing at all; `local:` and `remote:` are skipped with that side's reason; `ask:` is a question. */
function decide(baseEntry: BaseEntry | null, local: LocalState, remote: RemoteState, policy: PlanPolicy, path = 'f'): string {
  const { action, question, skipped } = reconcile(row(path, baseEntry, local, remote), policy);
  if (action !== null) return action.type;
  if (question !== null) return `ask:${question.type}`;
  return skipped === null ? '-' : `${skipped.side}:${skipped.reason}`;
}

type Cell = { readonly rowName: string; readonly column: string; readonly expected: string };

function readTable(text: string): { readonly columns: readonly string[]; readonly rows: readonly string[]; readonly cells: readonly Cell[] } {
  const lines = text.trim().split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
  const [head = [], ...body] = lines;
  const columns = head.slice(1);
  return {
    columns, rows: body.map(([name = '']) => name),
    cells: body.flatMap(([rowName = '', ...cells]) => columns.map((column, i) => ({ rowName, column, expected: cells[i] ?? 'missing' }))),
  };
}

const TABLES: Record<Direction, string> = {
  'two-way': `
              | same              | newer     | unfetched | equal    | reattributed | forked    | foreign   | buried       | outlived | vanished     | unknown
    untouched | -                 | download  | download  | adopt    | adopt        | keep-both | download  | delete-local | upload   | delete-local | remote:not-authentic
    restamped | refresh-base      | download  | download  | adopt    | adopt        | keep-both | download  | delete-local | upload   | delete-local | remote:not-authentic
    chmodded  | update-attributes | download  | download  | adopt    | adopt        | keep-both | download  | delete-local | upload   | delete-local | remote:not-authentic
    replaced  | refresh-base      | keep-both | keep-both | adopt    | adopt        | keep-both | keep-both | upload       | upload   | upload       | remote:not-authentic
    edited    | upload            | keep-both | keep-both | adopt    | upload       | keep-both | keep-both | upload       | upload   | upload       | remote:not-authentic
    deleted   | delete-remote     | download  | download  | download | download     | download  | download  | forget       | forget   | forget       | remote:not-authentic
    unknown   | local:unreadable  | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable`,
  upload: `
              | same              | newer            | unfetched        | equal | reattributed | forked           | foreign          | buried | outlived | vanished | unknown
    untouched | -                 | remote:direction | remote:direction | adopt | adopt        | ask:both-changed | remote:direction | upload | upload   | upload   | remote:not-authentic
    restamped | refresh-base      | remote:direction | remote:direction | adopt | adopt        | ask:both-changed | remote:direction | upload | upload   | upload   | remote:not-authentic
    chmodded  | update-attributes | remote:direction | remote:direction | adopt | adopt        | ask:both-changed | remote:direction | upload | upload   | upload   | remote:not-authentic
    replaced  | refresh-base      | ask:both-changed | ask:both-changed | adopt | adopt        | ask:both-changed | ask:both-changed | upload | upload   | upload   | remote:not-authentic
    edited    | upload            | ask:both-changed | ask:both-changed | adopt | upload       | ask:both-changed | ask:both-changed | upload | upload   | upload   | remote:not-authentic
    deleted   | -                 | -                | -                | -     | -            | -                | -                | forget | forget   | forget   | remote:not-authentic
    unknown   | local:unreadable  | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable`,
  'upload-mirror': `
              | same              | newer         | unfetched        | equal         | reattributed  | forked        | foreign       | buried | outlived | vanished | unknown
    untouched | -                 | upload        | upload           | adopt         | adopt         | upload        | upload        | upload | upload   | upload   | remote:not-authentic
    restamped | refresh-base      | upload        | upload           | adopt         | adopt         | upload        | upload        | upload | upload   | upload   | remote:not-authentic
    chmodded  | update-attributes | upload        | upload           | adopt         | adopt         | upload        | upload        | upload | upload   | upload   | remote:not-authentic
    replaced  | refresh-base      | upload        | upload           | adopt         | adopt         | upload        | upload        | upload | upload   | upload   | remote:not-authentic
    edited    | upload            | upload        | upload           | adopt         | upload        | upload        | upload        | upload | upload   | upload   | remote:not-authentic
    deleted   | delete-remote     | delete-remote | remote:direction | delete-remote | delete-remote | delete-remote | delete-remote | forget | forget   | forget   | remote:not-authentic
    unknown   | local:unreadable  | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable`,
  download: `
              | same             | newer     | unfetched | equal    | reattributed    | forked    | foreign   | buried | outlived | vanished | unknown
    untouched | -                | download  | download  | adopt    | adopt           | keep-both | download  | -      | -        | -        | remote:not-authentic
    restamped | refresh-base     | download  | download  | adopt    | adopt           | keep-both | download  | -      | -        | -        | remote:not-authentic
    chmodded  | refresh-base     | download  | download  | adopt    | adopt           | keep-both | download  | -      | -        | -        | remote:not-authentic
    replaced  | refresh-base     | keep-both | keep-both | adopt    | adopt           | keep-both | keep-both | -      | -        | -        | remote:not-authentic
    edited    | local:direction  | keep-both | keep-both | adopt    | local:direction | keep-both | keep-both | -      | -        | -        | remote:not-authentic
    deleted   | download         | download  | download  | download | download        | download  | download  | forget | forget   | forget   | remote:not-authentic
    unknown   | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable`,
  'download-mirror': `
              | same             | newer     | unfetched | equal    | reattributed | forked    | foreign   | buried       | outlived     | vanished     | unknown
    untouched | -                | download  | download  | adopt    | adopt        | keep-both | download  | delete-local | delete-local | delete-local | remote:not-authentic
    restamped | refresh-base     | download  | download  | adopt    | adopt        | keep-both | download  | delete-local | delete-local | delete-local | remote:not-authentic
    chmodded  | refresh-base     | download  | download  | adopt    | adopt        | keep-both | download  | delete-local | delete-local | delete-local | remote:not-authentic
    replaced  | refresh-base     | keep-both | keep-both | adopt    | adopt        | keep-both | keep-both | delete-local | delete-local | delete-local | remote:not-authentic
    edited    | download         | keep-both | keep-both | adopt    | download     | keep-both | keep-both | delete-local | delete-local | delete-local | remote:not-authentic
    deleted   | download         | download  | download  | download | download     | download  | download  | forget       | forget       | forget       | remote:not-authentic
    unknown   | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable | local:unreadable`,
};

describe.each(Object.entries(TABLES))('a file that was in step, %s', (direction, text) => {
  const table = readTable(text);
  const policy = policyOf({ direction: direction as Direction });

  test('every state of either side has its row and column', () => {
    expect([table.rows, table.columns]).toEqual([Object.keys(here), Object.keys(there)]);
    expect(table.cells).toHaveLength(Object.keys(here).length * Object.keys(there).length);
  });

  test.each(table.cells)('$rowName here, $column there: $expected', ({ rowName, column, expected }) => {
    const remote = there[column]?.(rowName);
    expect(remote && decide(base, here[rowName as keyof typeof here], remote, policy)).toBe(expected);
  });
});

describe('a file that never was in step', () => {
  const sidesHere: Record<string, LocalState> = { absent: ABSENT_HERE, new: newFile('f', 'mine'), unread: presentHere({ ...entry, stamp: 'new', sizeBytes: 4 }, null), unknown: { type: 'unknown', reason: 'ignored' } };
  const sidesThere: Record<string, RemoteState> = {
    absent: ABSENT_THERE,
    equal: { type: 'present', version: versionOf('f', 'mine', { [OTHER]: 1 }) },
    other: { type: 'present', version: versionOf('f', 'theirs', { [OTHER]: 1 }) },
    unfetched: { type: 'present', version: { ...versionOf('f', 'theirs', {}), attributes: null } },
    unknown: { type: 'unknown', reason: 'foreign' },
  };
  const text: Record<Direction, string> = {
    'two-way': `
              | absent        | equal            | other            | unfetched        | unknown
      absent  | -             | download         | download         | download         | remote:foreign
      new     | upload        | adopt            | keep-both        | keep-both        | remote:foreign
      unread  | upload        | local:unreadable | local:unreadable | local:unreadable | remote:foreign
      unknown | local:ignored | local:ignored    | local:ignored    | local:ignored    | local:ignored`,
    upload: `
              | absent        | equal            | other            | unfetched        | unknown
      absent  | -             | -                | -                | -                | remote:foreign
      new     | upload        | adopt            | ask:both-changed | ask:both-changed | remote:foreign
      unread  | upload        | ask:both-changed | ask:both-changed | ask:both-changed | remote:foreign
      unknown | local:ignored | local:ignored    | local:ignored    | local:ignored    | local:ignored`,
    'upload-mirror': `
              | absent        | equal            | other            | unfetched        | unknown
      absent  | -             | remote:direction | remote:direction | remote:direction | remote:foreign
      new     | upload        | adopt            | ask:both-changed | ask:both-changed | remote:foreign
      unread  | upload        | ask:both-changed | ask:both-changed | ask:both-changed | remote:foreign
      unknown | local:ignored | local:ignored    | local:ignored    | local:ignored    | local:ignored`,
    download: `
              | absent        | equal            | other            | unfetched        | unknown
      absent  | -             | download         | download         | download         | remote:foreign
      new     | -             | adopt            | keep-both        | keep-both        | remote:foreign
      unread  | -             | local:unreadable | local:unreadable | local:unreadable | remote:foreign
      unknown | local:ignored | local:ignored    | local:ignored    | local:ignored    | local:ignored`,
    'download-mirror': `
              | absent          | equal            | other            | unfetched        | unknown
      absent  | -               | download         | download         | download         | remote:foreign
      new     | local:direction | adopt            | keep-both        | keep-both        | remote:foreign
      unread  | local:direction | local:unreadable | local:unreadable | local:unreadable | remote:foreign
      unknown | local:ignored   | local:ignored    | local:ignored    | local:ignored    | local:ignored`,
  };

  describe.each(Object.entries(text))('%s', (direction, lines) => {
    const table = readTable(lines);
    test('every state of either side has its row and column', () => {
      expect([table.rows, table.columns]).toEqual([Object.keys(sidesHere), Object.keys(sidesThere)]);
    });
    test.each(table.cells)('$rowName here, $column there: $expected', ({ rowName, column, expected }) => {
      const [local, remote] = [sidesHere[rowName], sidesThere[column]];
      expect(local && remote && decide(null, local, remote, policyOf({ direction: direction as Direction }))).toBe(expected);
    });
  });
});

describe('an empty directory', () => {
  const known = baseOf('d/');
  const empty = entryOf(known);
  const sidesHere: Record<string, LocalState> = {
    absent: ABSENT_HERE,
    empty: { type: 'present', entry: empty, sha256: null },
    filled: { type: 'present', entry: { ...empty, stamp: 'other', isEmpty: false }, sha256: null },
    unknown: { type: 'unknown', reason: 'directory-unreadable' },
  };
  const sidesThere: Record<string, RemoteState> = {
    same: unchangedThere(known),
    newer: { type: 'present', version: versionOf('d/', '', NEWER) },
    buried: { type: 'absent', tombstone: tombstoneOf('d/', known.vector) },
    outlived: { type: 'absent', tombstone: tombstoneOf('d/', { [ME]: 1 }) },
    vanished: ABSENT_THERE,
  };
  const inStep = readTable(`
            | same          | newer    | buried       | outlived | vanished
    absent  | delete-remote | download | forget       | forget   | forget
    empty   | -             | adopt    | delete-local | upload   | delete-local
    filled  | -             | adopt    | forget       | forget   | forget
    unknown | local:directory-unreadable | local:directory-unreadable | local:directory-unreadable | local:directory-unreadable | local:directory-unreadable`);
  const never = readTable(`
            | newer    | vanished
    absent  | download | -
    empty   | adopt    | upload
    filled  | adopt    | -
    unknown | local:directory-unreadable | local:directory-unreadable`);

  test('every state of either side has its row and column', () => {
    expect([inStep.rows, inStep.columns, never.rows]).toEqual([Object.keys(sidesHere), Object.keys(sidesThere), Object.keys(sidesHere)]);
  });
  test.each(inStep.cells)('that was in step, $rowName here, $column there: $expected', ({ rowName, column, expected }) => {
    const [local, remote] = [sidesHere[rowName], sidesThere[column]];
    expect(local && remote && decide(known, local, remote, policyOf(), 'd/')).toBe(expected);
  });
  test.each(never.cells)('that never was in step, $rowName here, $column there: $expected', ({ rowName, column, expected }) => {
    const [local, remote] = [sidesHere[rowName], sidesThere[column]];
    expect(local && remote && decide(null, local, remote, policyOf(), 'd/')).toBe(expected);
  });

  test('is neither fetched by a backup nor sent by a receiver', () => {
    expect(decide(null, ABSENT_HERE, { type: 'present', version: versionOf('d/', '', NEWER) }, policyOf({ direction: 'upload' }), 'd/')).toBe('-');
    expect(decide(null, { type: 'present', entry: empty, sha256: null }, ABSENT_THERE, policyOf({ direction: 'download' }), 'd/')).toBe('-');
  });
});

describe('what a server that is not trusted says', () => {
  const policy = policyOf({ isClientSide: true });
  test('a file that is gone without a reason is asked about, not deleted', () => {
    expect(decide(base, here.untouched, ABSENT_THERE, policy)).toBe('ask:vanished');
    expect(decide(base, here.untouched, ABSENT_THERE, policyOf({ isClientSide: true, direction: 'download-mirror' }))).toBe('ask:vanished');
    expect(decide(base, here.edited, ABSENT_THERE, policy)).toBe('upload');
  });
  test('a proved deletion is carried out', () => {
    expect(decide(base, here.untouched, { type: 'absent', tombstone: tombstoneOf('f', NEWER) }, policy)).toBe('delete-local');
  });
  test('an older version that comes back is not taken', () => {
    const replay: RemoteState = { type: 'present', version: versionOf('f', 'old', { [ME]: 2 }) };
    expect(decide(base, here.untouched, replay, policy)).toBe('remote:not-authentic');
    expect(decide(base, here.edited, replay, policy)).toBe('remote:not-authentic');
    expect(decide(base, here.untouched, replay, policyOf())).toBe('keep-both');
  });
});

describe('nothing is deleted', () => {
  const sides = { mine: unchangedThere(base), buried: { type: 'absent', tombstone: tombstoneOf('f', base.vector) } as const };
  test('while this device joins', () => {
    const policy = policyOf({ isJoining: true });
    expect(decide(base, ABSENT_HERE, sides.mine, policy)).toBe('-');
    expect(decide(base, here.untouched, sides.buried, policy)).toBe('-');
    expect(decide(base, ABSENT_HERE, ABSENT_THERE, policy)).toBe('-');
  });
  test('remotely, because of a walk that is not complete', () => {
    const policy = policyOf({ isLocalComplete: false });
    expect(decide(base, ABSENT_HERE, sides.mine, policy)).toBe('-');
    expect(decide(base, ABSENT_HERE, sides.mine, policyOf({ isLocalComplete: false, direction: 'upload-mirror' }))).toBe('-');
    expect(decide(base, here.untouched, sides.buried, policy)).toBe('delete-local');
  });
  test('locally, because of a listing that is not complete, nor is anything sent again', () => {
    const policy = policyOf({ isRemoteComplete: false });
    for (const name of ['untouched', 'restamped', 'replaced', 'edited'] as const) expect(decide(base, here[name], ABSENT_THERE, policy)).toBe('-');
    expect(decide(base, ABSENT_HERE, sides.mine, policy)).toBe('delete-remote');
    expect(decide(baseOf('d/'), { type: 'present', entry: entryOf(baseOf('d/')), sha256: null }, ABSENT_THERE, policy, 'd/')).toBe('-');
  });
});

describe('versions', () => {
  const actionOf = (local: LocalState, remote: RemoteState, policy = policyOf()) => reconcile(row('f', base, local, remote), policy).action;

  test('an upload names the version it replaces and descends from the one it was made of', () => {
    expect(actionOf(here.edited, unchangedThere(base))).toMatchObject({ replaces: { etag: base.etag }, ancestor: base.vector });
  });
  test('an upload over an attribute change names the version that is there now', () => {
    expect(actionOf(here.edited, there['reattributed']?.('edited') ?? ABSENT_THERE)).toMatchObject({ replaces: { etag: 'new etag of f' } });
  });
  test('an upload after a deletion creates only, and descends from what was deleted', () => {
    expect(actionOf(here.edited, { type: 'absent', tombstone: tombstoneOf('f', { [OTHER]: 7 }) })).toMatchObject({ replaces: null, ancestor: { [ME]: 3, [OTHER]: 7 } });
  });
  test('a download names what it may replace, and what its version must have seen', () => {
    expect(actionOf(here.untouched, there['newer']?.('untouched') ?? ABSENT_THERE)).toMatchObject({ replaces: entry, ancestor: base.vector });
    expect(actionOf(ABSENT_HERE, there['newer']?.('deleted') ?? ABSENT_THERE)).toMatchObject({ replaces: null, ancestor: {} });
  });
  test('a mirror deletes the version that is there, as one that it has seen', () => {
    const action = actionOf(ABSENT_HERE, there['newer']?.('deleted') ?? ABSENT_THERE, policyOf({ direction: 'upload-mirror' }));
    expect(action).toMatchObject({ type: 'delete-remote', base: { etag: 'new etag of f', operationId: operation(2), vector: NEWER } });
  });
  test('a mirror\'s upload descends from the version it replaces', () => {
    const action = actionOf(here.edited, there['forked']?.('edited') ?? ABSENT_THERE, policyOf({ direction: 'upload-mirror' }));
    expect(action).toMatchObject({ type: 'upload', ancestor: { [ME]: 3, [OTHER]: 4 } });
  });
  test('a mirror replaces a version that it never knew only where the user said so', () => {
    const unknown: RemoteState = { type: 'present', version: versionOf('f', 'theirs', { [OTHER]: 1 }) };
    expect(decide(null, newFile('f', 'mine'), unknown, policyOf({ direction: 'upload-mirror', acceptHeld: true }))).toBe('upload');
    expect(decide(null, newFile('f', 'mine'), unknown, policyOf({ direction: 'upload', acceptHeld: true }))).toBe('ask:both-changed');
  });
  test('an ETag that is the same tells nothing where the operation is another', () => {
    const repeated: RemoteState = { type: 'present', version: { ...versionOf('f', 'base', NEWER), etag: base.etag } };
    expect(decide(base, ABSENT_HERE, repeated, policyOf())).toBe('download');
    expect(decide(base, here.untouched, repeated, policyOf())).toBe('adopt');
  });
});
