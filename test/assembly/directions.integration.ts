/** The five directions on built-in storage: a device that syncs both ways, and one that does not. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Enfold, OpenFolder, SyncReport } from '../../main/assembly/api.ts';
import { openEnfold } from '../../main/assembly/enfold.ts';
import type { Direction } from '../../main/model/action.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { readAt, treeOf, writeAt } from '../helpers/tree.ts';

const scratch = mkdtempSync(join(tmpdir(), 'enfold-directions-'));
const { signal } = new AbortController();
let storage: RunningStorage;
let both: Enfold;
let one: Enfold;
let places = 0;

beforeAll(async () => {
  storage = await startStorage({ dir: join(scratch, 'storage') });
  process.env['AWS_ACCESS_KEY_ID'] = storage.accessKeyId;
  process.env['AWS_SECRET_ACCESS_KEY'] = storage.secretAccessKey;
  both = await openEnfold({ home: join(scratch, 'both'), env: {}, hostName: 'both' });
  one = await openEnfold({ home: join(scratch, 'one'), env: {}, hostName: 'one' });
  for (const enfold of [both, one]) await enfold.connections.add({ kind: 'environment', name: 's3', endpoint: storage.endpoint, region: 'us-east-1' });
});
afterAll(async () => {
  await both.close();
  await one.close();
  delete process.env['AWS_ACCESS_KEY_ID'];
  delete process.env['AWS_SECRET_ACCESS_KEY'];
  await storage.stop();
  rmSync(scratch, { recursive: true });
});

type Side = { readonly root: string; readonly id: string; readonly enfold: Enfold };

async function withFolder<T>({ enfold, id }: Side, use: (open: OpenFolder) => Promise<T>): Promise<T> {
  const open = await enfold.folders.open(id);
  try {
    return await use(open);
  } finally {
    await open.close();
  }
}
const sync = async (side: Side): Promise<SyncReport> => withFolder(side, async (open) => open.sync({ acceptHeld: true, signal }));
const names = (root: string): string[] => Object.keys(treeOf(root));

/** `there` syncs both ways and holds one.txt and two.txt; `here` goes one way and is in step with it where that way leads. */
async function pair(direction: Direction): Promise<{ here: Side; there: Side }> {
  places += 1;
  const add = async (enfold: Enfold, name: string, way: Direction): Promise<Side> => {
    const root = join(scratch, `${name}-${places}`);
    mkdirSync(root, { recursive: true });
    const { folder } = await enfold.folders.add({ localPath: root, connection: 's3', bucket: 'directions', prefix: `${places}/`, mode: name === 'there' ? 'sse-s3' : null, key: null, names: null, direction: way, createBucket: true });
    return { root, id: folder.id, enfold };
  };
  const there = await add(both, 'there', 'two-way');
  const here = await add(one, 'here', direction);
  const first = direction.startsWith('upload') ? here : there;
  for (const name of ['one', 'two']) writeAt(first.root, `${name}.txt`, name);
  for (const side of [first, first === here ? there : here]) await sync(side);
  expect([names(here.root), names(there.root)]).toEqual([['one.txt', 'two.txt'], ['one.txt', 'two.txt']]);
  return { here, there };
}

/** Both sides edit, delete and add; then the one that syncs both ways says what the bucket holds. */
async function changeBoth(direction: Direction): Promise<{ here: Side; there: Side; report: SyncReport }> {
  const { here, there } = await pair(direction);
  const [sender, receiver] = direction.startsWith('upload') ? [here, there] : [there, here];
  rmSync(join(sender.root, 'one.txt'));
  writeAt(sender.root, 'new.txt', 'new');
  writeAt(receiver.root, 'receiver.txt', 'of the receiver');
  writeAt(receiver.root, 'two.txt', 'edited by the receiver');
  await sync(there);
  const report = await sync(here);
  await sync(there);
  return { here, there, report };
}

/** Both sides are full before they meet: equal.txt is the same, differs.txt is not, and each has a file of its own. */
const FIRST: readonly { readonly direction: Direction; readonly counts: Record<string, number>; readonly here: Record<string, string>; readonly there: Record<string, string> }[] = [
  { direction: 'two-way', counts: { upload: 1, download: 1, adopt: 1, 'keep-both': 1 }, here: { 'differs (copy).txt': 'of here', 'differs.txt': 'of there', 'equal.txt': 'equal', 'here.txt': 'here', 'there.txt': 'there' }, there: { 'differs (copy).txt': 'of here', 'differs.txt': 'of there', 'equal.txt': 'equal', 'here.txt': 'here', 'there.txt': 'there' } },
  { direction: 'upload', counts: { upload: 1, adopt: 1 }, here: { 'differs.txt': 'of here', 'equal.txt': 'equal', 'here.txt': 'here' }, there: { 'differs.txt': 'of there', 'equal.txt': 'equal', 'here.txt': 'here', 'there.txt': 'there' } },
  { direction: 'upload-mirror', counts: { upload: 1, adopt: 1 }, here: { 'differs.txt': 'of here', 'equal.txt': 'equal', 'here.txt': 'here' }, there: { 'differs.txt': 'of there', 'equal.txt': 'equal', 'here.txt': 'here', 'there.txt': 'there' } },
  { direction: 'download', counts: { download: 1, adopt: 1, 'keep-both': 1 }, here: { 'differs (copy).txt': 'of here', 'differs.txt': 'of there', 'equal.txt': 'equal', 'here.txt': 'here', 'there.txt': 'there' }, there: { 'differs.txt': 'of there', 'equal.txt': 'equal', 'there.txt': 'there' } },
  { direction: 'download-mirror', counts: { download: 1, adopt: 1, 'keep-both': 1 }, here: { 'differs (copy).txt': 'of here', 'differs.txt': 'of there', 'equal.txt': 'equal', 'here.txt': 'here', 'there.txt': 'there' }, there: { 'differs.txt': 'of there', 'equal.txt': 'equal', 'there.txt': 'there' } },
];
const textsOf = (root: string): Record<string, string> => Object.fromEntries(names(root).map((name) => [name.replace(/ \(conflict [^)]*\)/, ' (copy)'), readAt(root, name)]));

describe('the first sync of two full sides', () => {
  test.each(FIRST)('deletes and overwrites nothing on either side, and is told before: $direction', async ({ direction, counts, here: wantedHere, there: wantedThere }) => {
    places += 1;
    const add = async (enfold: Enfold, name: string, way: Direction): Promise<Side> => {
      const root = join(scratch, `${name}-${places}`);
      mkdirSync(root, { recursive: true });
      for (const [file, text] of Object.entries({ 'equal.txt': 'equal', 'differs.txt': `of ${name}`, [`${name}.txt`]: name })) writeAt(root, file, text);
      const { folder } = await enfold.folders.add({ localPath: root, connection: 's3', bucket: 'directions', prefix: `${places}/`, mode: name === 'there' ? 'sse-s3' : null, key: null, names: null, direction: way, createBucket: true });
      return { root, id: folder.id, enfold };
    };
    const there = await add(both, 'there', 'two-way');
    await sync(there);
    const here = await add(one, 'here', direction);
    const plan = await withFolder(here, async (open) => open.preview(signal));
    expect(Object.fromEntries(Object.entries(plan.counts).filter(([name, count]) => count > 0 && !name.startsWith('bytes')))).toEqual(counts);
    expect(plan.questions.map(({ type, path }) => [type, path])).toEqual(direction.startsWith('upload') ? [['both-changed', 'differs.txt']] : []);
    expect([textsOf(here.root)['there.txt'], textsOf(here.root)['differs.txt']]).toEqual([undefined, 'of here']);

    for (let round = 0; round < 2; round++) {
      await withFolder(here, async (open) => open.sync({ acceptHeld: false, signal }));
      await sync(there);
    }
    expect(textsOf(here.root)).toEqual(wantedHere);
    expect(textsOf(there.root)).toEqual(wantedThere);

    // Said so, a mirror replaces what it never knew; a backup never does.
    if (!direction.startsWith('upload')) return;
    await withFolder(here, async (open) => open.sync({ acceptHeld: true, signal }));
    await sync(there);
    expect(textsOf(there.root)['differs.txt']).toBe(direction === 'upload' ? 'of there' : 'of here');
  });
});

describe('one way', () => {
  test('upload is a backup: nothing here is touched, and nothing there is deleted or overwritten unseen', async () => {
    const { here, there, report } = await changeBoth('upload');
    expect(names(here.root)).toEqual(['new.txt', 'two.txt']);
    expect(readAt(here.root, 'two.txt')).toBe('two');
    expect(names(there.root)).toEqual(['new.txt', 'one.txt', 'receiver.txt', 'two.txt']);
    expect(readAt(there.root, 'two.txt')).toBe('edited by the receiver');
    expect(report).toMatchObject({ failed: [], conflictCopies: [] });
  });

  test('upload-mirror makes S3 equal to what is here', async () => {
    const { here, there } = await changeBoth('upload-mirror');
    expect(names(here.root)).toEqual(['new.txt', 'two.txt']);
    expect(readAt(there.root, 'two.txt')).toBe('two');
    // What somebody put there and this device never knew is no deletion of its own: it is listed.
    expect(names(there.root)).toEqual(['new.txt', 'receiver.txt', 'two.txt']);
  });

  test('download brings what is there, deletes nothing here and sends nothing', async () => {
    const { here, there } = await changeBoth('download');
    expect(names(here.root)).toEqual(['new.txt', 'one.txt', 'receiver.txt', 'two.txt']);
    expect(readAt(here.root, 'two.txt')).toBe('edited by the receiver');
    expect(names(there.root)).toEqual(['new.txt', 'two.txt']);
    expect(readAt(there.root, 'two.txt')).toBe('two');
  });

  test('download-mirror makes this computer equal to S3, what it takes away goes to the trash', async () => {
    const { here, there } = await changeBoth('download-mirror');
    expect(names(there.root)).toEqual(['new.txt', 'two.txt']);
    // A file that was never in step may be somebody's only copy.
    expect(names(here.root)).toEqual(['new.txt', 'receiver.txt', 'two.txt']);
    expect(readAt(here.root, 'two.txt')).toBe('two');
    expect(readdirSync(join(here.root, '.enfold', 'trash'), { recursive: true }).filter((name) => String(name).includes('.txt')).length).toBeGreaterThanOrEqual(2);
  });

  test('two-way after a backup takes nothing for deleted that the backup kept', async () => {
    const { here, there } = await pair('upload');
    rmSync(join(here.root, 'one.txt'));
    await sync(here);
    await here.enfold.folders.set(here.id, { direction: 'two-way' });
    const plan = await withFolder(here, async (open) => open.preview(signal));
    expect(plan.counts).toMatchObject({ 'delete-remote': 0, 'delete-local': 0, download: 1 });
    expect(await sync(here)).toMatchObject({ inStep: true });
    await sync(there);
    expect([names(here.root), names(there.root)]).toEqual([['one.txt', 'two.txt'], ['one.txt', 'two.txt']]);
    // From here on a deletion is one.
    rmSync(join(here.root, 'one.txt'));
    await sync(here);
    await sync(there);
    expect(names(there.root)).toEqual(['two.txt']);
  });
});
