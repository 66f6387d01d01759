import { describe, expect, test } from 'vitest';
import type { LocalState, PathStates, RemoteState } from '../../main/model/snapshot.ts';
import { chooseTombstone } from '../../main/plan/changes.ts';
import { needsHash, needsHead, needsTombstones, renameSizes } from '../../main/plan/needs.ts';
import { ABSENT_HERE, ABSENT_THERE, baseOf, createdHere, deletedHere, entryOf, ME, OTHER, policyOf, presentHere, row, tombstoneOf, unchangedThere, versionOf } from './rows.ts';

const NO_SIZES: ReadonlySet<number> = new Set();
const base = baseOf('f', 'base');
const unread = (sizeBytes: number): LocalState => ({ type: 'present', entry: { ...entryOf(base), stamp: 'other', sizeBytes }, sha256: null });
const listed = (sizeBytes: number, etag = 'new etag'): RemoteState => ({ type: 'present', version: { ...versionOf('f', 'x', {}), etag, objectBytes: sizeBytes, attributes: null } });
const same = unchangedThere(base);

describe('a local file is read', () => {
  test.each<[string, boolean, PathStates]>([
    ['where its stamp is another and its size the same', true, row('f', base, unread(4), same)],
    ['not where its size is another: it changed', false, row('f', base, unread(5), same)],
    ['not where its stamp is the same', false, row('f', base, { type: 'present', entry: entryOf(base), sha256: null }, listed(4))],
    ['where both sides changed, since a second version is named by its content', true, row('f', base, unread(5), listed(9))],
    ['where both sides are new', true, row('f', null, unread(5), listed(9))],
    ['not where it is new and nothing stands there', false, row('f', null, unread(5), ABSENT_THERE)],
    ['not where it was read already', false, row('f', base, presentHere({ ...entryOf(base), stamp: 'other' }, 'mine'), same)],
    ['not where it is empty: there is nothing to read', false, row('f', baseOf('f', ''), unread(0), listed(0))],
    ['not where the other side is unknown', false, row('f', base, unread(4), { type: 'unknown', reason: 'foreign' })],
    ['where it is gone remotely and may be unchanged', true, row('f', base, unread(4), ABSENT_THERE)],
  ])('%s', (_, expected, states) => {
    expect(needsHash(states, NO_SIZES)).toBe(expected);
  });

  test('where it is new and of the size of one that is gone, which may have been renamed', () => {
    const created = createdHere('new', 'xxxx');
    const local = created.local.type === 'present' ? { ...created.local, sha256: null } : created.local;
    const states = { ...created, local };
    const rows = [deletedHere('old', 'abcd'), states];
    expect(renameSizes(rows, policyOf())).toEqual(new Set([4]));
    expect(needsHash(states, renameSizes(rows, policyOf()))).toBe(true);
    expect(needsHash(states, new Set([5]))).toBe(false);
    expect(renameSizes(rows, policyOf({ direction: 'upload' })).size).toBe(0);
    expect(renameSizes([deletedHere('old', '')], policyOf()).size).toBe(0);
  });
});

describe('an object is asked for its attributes', () => {
  const client = policyOf({ isClientSide: true });
  test.each<[string, boolean, PathStates, typeof client]>([
    ['where both sides could hold the same', true, row('f', null, unread(5), listed(5)), policyOf()],
    ['where the plaintext\'s size is the same', true, row('f', null, unread(5), listed(21)), client],
    ['not where the sizes tell that they differ', false, row('f', null, unread(5), listed(6)), policyOf()],
    ['where it may be from before the folder became a client-side one', true, row('f', null, unread(5), listed(5)), client],
    ['where it may be from before the folder left a client-side mode', true, row('f', null, unread(5), listed(21)), policyOf()],
    ['not where neither kind of object is of that size', false, row('f', null, unread(5), listed(20)), client],
    ['where the object may still be what was edited here', true, row('f', base, unread(5), listed(4)), policyOf()],
    ['where an ETag that is the same is not believed', true, row('f', base, ABSENT_HERE, listed(4, base.etag)), policyOf()],
    ['not where it is only to be downloaded', false, row('f', null, ABSENT_HERE, listed(4)), policyOf()],
    ['where a mirror would delete it', true, row('f', base, ABSENT_HERE, listed(9)), policyOf({ direction: 'upload-mirror' })],
    ['not where it has been', false, row('f', base, unread(4), same), policyOf()],
    ['not where the other side is unknown', false, row('f', base, { type: 'unknown', reason: 'ignored' }, listed(4)), policyOf()],
  ])('%s', (_, expected, states, policy) => {
    expect(needsHead(states, policy)).toBe(expected);
  });
});

describe('tombstones are looked for', () => {
  test.each<[string, boolean, PathStates]>([
    ['where a file is here and its object gone', true, row('f', base, unread(4), ABSENT_THERE)],
    ['not where both are gone', false, row('f', base, ABSENT_HERE, ABSENT_THERE)],
    ['not where the file is new', false, row('f', null, unread(4), ABSENT_THERE)],
    ['not where one was found', false, row('f', base, unread(4), { type: 'absent', tombstone: tombstoneOf('f', {}) })],
  ])('%s', (_, expected, states) => {
    expect(needsTombstones(states, policyOf())).toBe(expected);
  });

  test('not where the listing proves nothing, or nothing would be deleted', () => {
    const states = row('f', base, unread(4), ABSENT_THERE);
    expect(needsTombstones(states, policyOf({ isRemoteComplete: false }))).toBe(false);
    expect(needsTombstones(states, policyOf({ isJoining: true }))).toBe(false);
  });

  test('and the one that proves the deletion is taken, wherever it stands', () => {
    const proof = tombstoneOf('f', { [ME]: 3, [OTHER]: 5 });
    const older = tombstoneOf('f', { [OTHER]: 9 });
    expect(chooseTombstone([older, proof], base)).toBe(proof);
    expect(chooseTombstone([older], base)).toBe(older);
    expect(chooseTombstone([], base)).toBeNull();
  });
});
