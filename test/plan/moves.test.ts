import { describe, expect, test } from 'vitest';
import type { PathStates } from '../../main/model/snapshot.ts';
import { makePlan } from '../../main/plan/plan.ts';
import { createdHere, createdThere, deletedHere, policyOf, row } from './rows.ts';

function actionsOf(rows: readonly PathStates[], policy = policyOf()): string[] {
  return makePlan(rows, policy).stages.flat().map((action) => (action.type === 'rename-remote' ? `${action.from.path} -> ${action.path}` : `${action.type} ${action.path}`)).toSorted();
}
const inodeOf = (path: string): { readonly inode: string } => ({ inode: `inode of ${path}` });

describe('a file that is gone and a file that is new', () => {
  test('of equal content are a rename', () => {
    expect(actionsOf([deletedHere('old', 'x'), createdHere('d/new', 'x')])).toEqual(['old -> d/new']);
  });
  test('of different content are none, even where the inode is the same', () => {
    expect(actionsOf([deletedHere('old', 'x'), createdHere('new', 'y', inodeOf('old'))])).toEqual(['delete-remote old', 'upload new']);
  });
  test('whose content was not read are none', () => {
    const unread = createdHere('new', 'x');
    const local = unread.local.type === 'present' ? { ...unread.local, sha256: null } : unread.local;
    expect(actionsOf([deletedHere('old', 'x'), { ...unread, local }])).toEqual(['delete-remote old', 'upload new']);
  });
  test('are none where both are empty', () => {
    expect(actionsOf([deletedHere('old', ''), createdHere('new', '')])).toEqual(['delete-remote old', 'upload new']);
  });
  test('are none where something stands remotely at the new path', () => {
    const remote = createdThere('new', 'x').remote;
    expect(actionsOf([deletedHere('old', 'x'), { ...createdHere('new', 'x'), remote }])).toEqual(['adopt new', 'delete-remote old']);
  });
  test('are none where the old path was changed remotely', () => {
    const { base, local } = deletedHere('old', 'x');
    const { remote } = createdThere('old', 'z');
    expect(actionsOf([row('old', base, local, remote), createdHere('new', 'x')])).toEqual(['download old', 'upload new']);
  });
});

describe('several files of equal content', () => {
  test('are not guessed at', () => {
    expect(actionsOf([deletedHere('a', 'x'), deletedHere('b', 'x'), createdHere('c', 'x')])).toEqual(['delete-remote a', 'delete-remote b', 'upload c']);
    expect(actionsOf([deletedHere('a', 'x'), createdHere('b', 'x'), createdHere('c', 'x')])).toEqual(['delete-remote a', 'upload b', 'upload c']);
  });
  test('are told apart by their inodes', () => {
    const rows = [deletedHere('a', 'x'), deletedHere('b', 'x'), createdHere('c', 'x', inodeOf('b')), createdHere('d', 'x', inodeOf('a'))];
    expect(actionsOf(rows)).toEqual(['a -> d', 'b -> c']);
  });
  test('leave one pair over when the others have theirs', () => {
    const rows = [deletedHere('a', 'x'), deletedHere('b', 'x'), createdHere('c', 'x', inodeOf('b')), createdHere('d', 'x')];
    expect(actionsOf(rows)).toEqual(['a -> d', 'b -> c']);
  });
  test('that were hard links are not told apart', () => {
    const rows = [deletedHere('a', 'x'), createdHere('b', 'x', inodeOf('a')), createdHere('c', 'x', inodeOf('a'))];
    expect(actionsOf(rows)).toEqual(['delete-remote a', 'upload b', 'upload c']);
  });
  test('are paired without looking at every pair', () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => [deletedHere(`a${i}`, 'x'), createdHere(`b${i}`, 'x', inodeOf(`a${i}`))]).flat();
    expect(makePlan(rows, policyOf()).counts['rename-remote']).toBe(20_000);
  });
});

describe('a rename deletes its old path, so there is none', () => {
  const rows = [deletedHere('old', 'x'), createdHere('new', 'x')];
  test.each([
    ['in a backup', policyOf({ direction: 'upload' }), ['upload new']],
    ['while a device joins', policyOf({ isJoining: true }), ['upload new']],
    ['after a walk that is not complete', policyOf({ isLocalComplete: false }), ['upload new']],
    ['after a listing that is not complete', policyOf({ isRemoteComplete: false }), ['delete-remote old', 'upload new']],
  ])('%s', (_, policy, expected) => {
    expect(actionsOf(rows, policy)).toEqual(expected);
  });
});
