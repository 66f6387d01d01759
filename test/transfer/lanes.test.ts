/** The places for transfers that all folders share. */
import { describe, expect, test } from 'vitest';
import { LARGE_BYTES } from '../../main/model/transfer-limits.ts';
import { createLanes, type FolderLanes, type Wanted } from '../../main/transfer/lanes.ts';

const never = new AbortController().signal;
const KIB = 1024;
const file = (bytes: number, mtimeMs = 0): Wanted => ({ bytes, heldBytes: Math.min(2 * bytes, 4 * LARGE_BYTES), mtimeMs });
const settled = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Asks for a place, and tells when it has one. */
function ask(lanes: FolderLanes, name: string, wanted: Wanted, went: string[]): { leave: () => void } {
  const held = { leave: () => {} };
  void lanes.take(wanted, never).then((leave) => {
    held.leave = leave;
    went.push(name);
  });
  return held;
}

describe('the places for transfers', () => {
  test('are as many for all folders together as are allowed, and a folder may have fewer', async () => {
    const lanes = createLanes({ transfers: 4 });
    const [one, two] = [lanes.folder(), lanes.folder()];
    two.setLimit(1);
    const went: string[] = [];
    for (const name of ['1a', '1b']) ask(one, name, file(KIB), went);
    const first = ask(two, '2a', file(KIB), went);
    ask(two, '2b', file(KIB), went);
    ask(one, '1c', file(KIB), went);
    ask(one, '1d', file(KIB), went);
    await settled();
    expect([went, lanes.underWay, one.limit, two.limit]).toEqual([['1a', '1b', '2a', '1c'], 4, 4, 1]);
    first.leave();
    first.leave();
    await settled();
    expect([went.at(-1), went.length, lanes.underWay]).toEqual(['2b', 5, 4]);
    lanes.setLimit(5);
    await settled();
    expect(went.at(-1)).toBe('1d');
  });

  test('go to small files before larger ones and to the newest first, across folders', async () => {
    const lanes = createLanes({ transfers: 1 });
    const [one, two] = [lanes.folder(), lanes.folder()];
    const went: string[] = [];
    let held = ask(one, 'first', file(KIB), went);
    const waiting = [ask(one, 'middling', file(1024 * KIB), went), ask(two, 'small and old', file(KIB, 1), went), ask(one, 'small and new', file(KIB, 2), went)];
    await settled();
    for (const next of [2, 1, 0]) {
      held.leave();
      await settled();
      held = waiting[next] ?? held;
    }
    expect(went).toEqual(['first', 'small and new', 'small and old', 'middling']);
  });

  test('are never all taken by large files: a huge one does not hold up the rest', async () => {
    const lanes = createLanes({ transfers: 16, memoryBytes: 1024 * LARGE_BYTES });
    const one = lanes.folder();
    const went: string[] = [];
    const huge = Array.from({ length: 6 }, (_, i) => ask(one, `huge ${i}`, file(50 * LARGE_BYTES), went));
    for (let i = 0; i < 3; i += 1) ask(one, `small ${i}`, file(KIB), went);
    await settled();
    expect(went).toEqual(['huge 0', 'huge 1', 'small 0', 'small 1', 'small 2']);
    huge[0]?.leave();
    await settled();
    expect(went.at(-1)).toBe('huge 2');
  });

  test('hold no more memory together than is allowed, and a transfer that needs more goes alone', async () => {
    const lanes = createLanes({ transfers: 32, memoryBytes: 10 * KIB });
    const [one, two] = [lanes.folder(), lanes.folder()];
    const went: string[] = [];
    const first = ask(one, 'a', file(3 * KIB), went);
    const second = ask(two, 'b', file(3 * KIB), went);
    ask(one, 'more than all', file(100 * KIB), went);
    await settled();
    expect(went).toEqual(['a']);
    first.leave();
    await settled();
    expect(went).toEqual(['a', 'b']);
    second.leave();
    await settled();
    expect(went).toEqual(['a', 'b', 'more than all']);
  });

  test('are not kept for those that gave up', async () => {
    const lanes = createLanes({ transfers: 1 });
    const one = lanes.folder();
    const leave = await one.take(file(KIB), never);
    const stop = new AbortController();
    const given = one.take(file(KIB), stop.signal);
    stop.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    leave();
    expect(lanes.underWay).toBe(0);
    await expect(one.take(file(KIB), stop.signal)).rejects.toThrow('enough');
  });
});
