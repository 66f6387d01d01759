/**
 * Accidents that look as if the user had deleted everything, or much: whatever happened to a disk, a bucket, the records or the way between
 * them, nothing is deleted on any side until somebody says so. The real engine, with the guard as users have it.
 */
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../main/model/errors.ts';
import type { ObjectKey } from '../../main/model/path.ts';
import type { DeviceId } from '../../main/model/version-vector.ts';
import { newRecords } from '../helpers/memory-state.ts';
import { World } from '../helpers/world.ts';
import type { Device, WorldOptions } from '../helpers/world.ts';

type Scenario = {
  readonly name: string;
  readonly world?: WorldOptions;
  /** What happens; `ben` has the folder too, and looks only afterwards. */
  readonly wreck: (world: World, anna: Device, ben: Device) => void | Promise<void>;
  /** What the next look of `who` (default anna) comes to: `held: why`, `stopped: code`, `asked`, `left alone`, or `in step` where nothing is missing after all, or comes back. */
  readonly comesTo: string;
  readonly who?: 'ben';
};

const DIRECTORIES = ['music', 'pictures', 'pictures/2024', 'texts'];
const FILES_EACH = 30;
const DAY_MS = 24 * 3_600_000;

const isFile = (key: string): boolean => !key.endsWith('/');
function loseObjects(world: World, isLost: (path: string) => boolean): void {
  for (const path of world.remoteFiles().keys()) if (isLost(path)) world.deleteForeign(path);
}
function failing(world: World, isMeant: (call: string, path: string | null) => boolean, error: ErrorCode): void {
  world.faults.next = ({ call, path }) => (isMeant(call, path) ? { at: 'before', error } : null);
}
const every = (share: number) => {
  let seen = 0;
  return (): boolean => seen++ % share === 0;
};
/** The records as they were when this was called, put back by what it returns. */
function backUp({ records, crash }: Pick<Device, 'records'> & { readonly crash: () => void }): () => void {
  const saved = structuredClone(records);
  return () => {
    crash();
    const { base, paths, intents, uploads, skipped, facts, ...rest } = saved;
    for (const [now, then] of [[records.base, base], [records.paths, paths], [records.intents, intents], [records.uploads, uploads], [records.skipped, skipped], [records.facts, facts]] as const) {
      now.clear();
      for (const [key, value] of then) (now as Map<unknown, unknown>).set(key, value);
    }
    Object.assign(records, rest);
  };
}
function loseRecords(device: Device, id: string): void {
  device.crash();
  const fresh = newRecords(id as DeviceId);
  for (const map of [device.records.base, device.records.paths, device.records.intents, device.records.uploads, device.records.skipped, device.records.facts]) map.clear();
  Object.assign(device.records, { device: fresh.device, counter: 0, changes: [], lastChange: 0, activity: [] });
}

const SCENARIOS: readonly Scenario[] = [
  // The disk
  { name: 'the disk is not mounted', wreck: (_, { disk }) => void (disk.rootState = 'root-missing'), comesTo: 'stopped: root-missing' },
  { name: 'another folder stands in the folder\'s place', wreck: (_, { disk }) => void (disk.rootState = 'root-foreign'), comesTo: 'stopped: root-foreign' },
  { name: 'the folder cannot be read', wreck: (_, { disk }) => void (disk.rootState = 'root-unreadable'), comesTo: 'stopped: root-unreadable' },
  { name: 'the folder came up empty', wreck: (_, { disk }) => DIRECTORIES.filter((path) => !path.includes('/')).forEach((path) => disk.remove(path)), comesTo: 'held: root-emptied' },
  { name: 'a large tree is gone', world: { pageSize: 50 }, wreck: (_, { disk }) => disk.remove('pictures'), comesTo: 'held: mass-delete-remote' },
  { name: 'a third of all files is gone', wreck: (_, { disk }) => [...disk.files().keys()].filter(every(3)).forEach((path) => disk.remove(path)), comesTo: 'held: mass-delete-remote' },
  { name: 'a directory cannot be listed', wreck: (_, { disk }) => void disk.unreadable.add('pictures/'), comesTo: 'left alone' },
  { name: 'no directory can be listed', wreck: (_, { disk }) => DIRECTORIES.forEach((path) => disk.unreadable.add(`${path}/`)), comesTo: 'left alone' },
  { name: 'no file can be read', wreck: (_, { disk }) => [...disk.files().keys()].forEach((path) => disk.unreadable.add(path)), comesTo: 'left alone' },
  { name: 'a rule ignores everything', wreck: (_, { disk }) => void (disk.isIgnored = () => true), comesTo: 'left alone' },
  { name: 'the disk fails in the middle of the walk', wreck: (world) => failing(world, (call, path) => call === 'local.walk' && path === 'pictures/2024/', 'io-error'), comesTo: 'stopped: io-error' },
  {
    name: 'the disk goes away in the middle of the walk',
    wreck(world, { disk }) {
      disk.remove('music');
      world.faults.onCall = ({ call, path }) => {
        if (call === 'local.walk' && path === 'pictures/') disk.rootState = 'root-missing';
      };
    },
    comesTo: 'stopped: root-missing',
  },
  {
    name: 'a file stands in place of each directory',
    wreck(_, { disk }) {
      for (const path of ['music', 'pictures', 'texts']) {
        disk.remove(path);
        disk.write(path, 'a file now');
      }
    },
    comesTo: 'held: mass-delete-remote',
  },
  {
    name: 'the disk was restored from a backup that lacks half of the files',
    wreck(_, { disk }) {
      for (const path of [...disk.files().keys()].filter(every(2))) disk.remove(path);
      for (const path of disk.files().keys()) disk.utime(path, 1);
    },
    comesTo: 'held: mass-delete-remote',
  },
  { name: 'the disk is full', wreck: (world) => failing(world, (call) => call === 'local.stage' || call === 'local.replace', 'disk-full'), comesTo: 'in step' },
  // The records
  {
    name: 'the records are gone, and half of the files with them',
    wreck(_, anna) {
      for (const path of [...anna.disk.files().keys()].filter(every(2))) anna.disk.remove(path);
      loseRecords(anna, 'aaaaaaaaaaaa');
    },
    comesTo: 'in step',
  },
  {
    name: 'the records are gone, and half of the objects with them',
    wreck(world, anna) {
      loseObjects(world, every(2));
      loseRecords(anna, 'aaaaaaaaaaaa');
    },
    comesTo: 'in step',
  },
  {
    name: 'old records were restored over a newer folder',
    async wreck(_, anna) {
      const restore = backUp({ records: anna.records, crash: () => anna.crash() });
      for (let i = 0; i < 40; i++) anna.disk.write(`later/${i}`, `later ${i}`);
      await anna.sync();
      restore();
    },
    comesTo: 'in step',
  },
  {
    name: 'old records were restored over an older folder',
    async wreck(_, anna) {
      const restore = backUp({ records: anna.records, crash: () => anna.crash() });
      for (let i = 0; i < 40; i++) anna.disk.write(`later/${i}`, `later ${i}`);
      await anna.sync();
      anna.disk.remove('later');
      restore();
    },
    comesTo: 'in step',
  },
  // The bucket
  {
    name: 'the bucket was emptied',
    wreck(world) {
      loseObjects(world, () => true);
      world.bucket.isDescribed = false;
    },
    comesTo: 'stopped: descriptor-missing',
  },
  { name: 'all objects were deleted by another program', wreck: (world) => loseObjects(world, () => true), comesTo: 'held: remote-emptied' },
  { name: 'all objects are gone, and the server is not trusted', world: { isClientSide: true }, wreck: (world) => loseObjects(world, () => true), comesTo: 'asked' },
  { name: 'half of the objects were deleted by another program', wreck: (world) => loseObjects(world, every(2)), comesTo: 'held: mass-delete-local' },
  { name: 'half of the objects are gone, and the server is not trusted', world: { isClientSide: true }, wreck: (world) => loseObjects(world, every(2)), comesTo: 'asked' },
  { name: 'one object is withheld by a server that is not trusted', world: { isClientSide: true }, wreck: (world) => world.deleteForeign('music/1'), comesTo: 'asked' },
  {
    name: 'all objects are gone, and the tombstones are of older versions',
    world: { isClientSide: true },
    wreck(world, _, ben) {
      loseObjects(world, () => true);
      for (const path of world.devices[0]?.disk.files().keys() ?? []) {
        world.bucket.tombstones.set(path as never, [{ path: path as never, operationId: '0'.repeat(32) as never, vector: {}, deletedAtMs: 0, device: ben.records.device }]);
      }
    },
    comesTo: 'in step',
  },
  {
    name: 'the connection leads to another account, where another folder stands',
    wreck(world) {
      loseObjects(world, () => true);
      failing(world, (call) => call === 'remote.checkFolder', 'descriptor-mismatch');
    },
    comesTo: 'stopped: descriptor-mismatch',
  },
  {
    name: 'the whole bucket was put back to an older state',
    wreck(world) {
      loseObjects(world, every(2));
      failing(world, (call) => call === 'remote.checkFolder', 'descriptor-rollback');
    },
    comesTo: 'stopped: descriptor-rollback',
  },
  { name: 'the bucket is gone', wreck: (world) => failing(world, (call) => call.startsWith('remote.'), 'bucket-not-found'), comesTo: 'stopped: bucket-not-found' },
  { name: 'the sign-in may not list', wreck: (world) => failing(world, (call) => call === 'remote.list', 'access-denied'), comesTo: 'stopped: access-denied' },
  // The listing
  { name: 'the listing fails at its first page', wreck: (world) => failing(world, (call) => call === 'remote.list', 'server-error'), comesTo: 'stopped: server-error' },
  {
    name: 'the listing fails at a later page',
    wreck(world) {
      let pages = 0;
      failing(world, (call) => call === 'remote.list' && ++pages % 3 === 0, 'offline');
    },
    comesTo: 'stopped: offline',
  },
  { name: 'the listing leaves out half of the objects', wreck: (world) => [...world.bucket.objects.keys()].filter(every(2)).forEach((key) => world.bucket.hidden.add(key)), comesTo: 'in step' },
  { name: 'the listing is empty', wreck: (world) => [...world.bucket.objects.keys()].forEach((key) => world.bucket.hidden.add(key)), comesTo: 'in step' },
  {
    name: 'the listing ends early, and nobody can ask for what it lacks',
    wreck(world) {
      [...world.bucket.objects.keys()].slice(5).forEach((key) => world.bucket.hidden.add(key));
      failing(world, (call) => call === 'remote.head', 'server-error');
    },
    comesTo: 'stopped: server-error',
  },
  {
    name: 'the listing says the first page again and again',
    wreck(world) {
      const page = world.bucket.page.bind(world.bucket);
      world.bucket.page = (prefix) => page(prefix, '');
    },
    comesTo: 'stopped: answer-invalid',
  },
  {
    name: 'the listing is out of order',
    wreck(world) {
      const page = world.bucket.page.bind(world.bucket);
      world.bucket.page = (prefix, after) => page(prefix, after).toReversed();
    },
    comesTo: 'stopped: answer-invalid',
  },
  // Keys and other devices
  {
    name: 'no object can be opened any more',
    world: { isClientSide: true },
    wreck(world) {
      for (const [key, object] of world.bucket.objects) if (isFile(key)) world.bucket.objects.set(key, { ...object, etag: `${object.etag}*`, sealedFor: 'elsewhere' as ObjectKey });
    },
    comesTo: 'left alone',
  },
  {
    name: 'another device deleted everything, and its user said yes',
    async wreck(_, anna) {
      for (const path of ['music', 'pictures', 'texts']) anna.disk.remove(path);
      await anna.sync({ acceptHeld: true });
    },
    comesTo: 'held: remote-emptied',
    who: 'ben',
  },
  {
    name: 'another device deleted a third of all files, and its user said yes',
    async wreck(_, anna) {
      for (const path of [...anna.disk.files().keys()].filter(every(3))) anna.disk.remove(path);
      await anna.sync({ acceptHeld: true });
    },
    comesTo: 'held: mass-delete-local',
    who: 'ben',
  },
  {
    name: 'another device\'s feed was put back to an older one',
    async wreck(world, anna, ben) {
      const before = new Map(world.bucket.feeds);
      anna.disk.write('music/new', 'new');
      await anna.sync();
      await ben.sync();
      for (const [device, feed] of before) world.bucket.feeds.set(device, { ...feed, etag: `${feed.etag}-again` });
    },
    comesTo: 'in step',
    who: 'ben',
  },
  { name: 'the computer was away for a year', wreck: (world) => world.clock.pass(365 * DAY_MS), comesTo: 'in step' },
];

async function makeWorld(options: WorldOptions = {}): Promise<{ readonly world: World; readonly anna: Device; readonly ben: Device }> {
  const world = new World({ pageSize: 20, ...options });
  const [anna, ben] = [world.addDevice('anna'), world.addDevice('ben')];
  for (const directory of DIRECTORIES) for (let i = 0; i < FILES_EACH; i++) anna.disk.write(`${directory}/${i}`, `content of ${directory}/${i}`);
  for (const device of [anna, ben, anna]) expect(await device.sync()).toMatchObject({ isInStep: true });
  return { world, anna, ben };
}

type Found = Awaited<ReturnType<Device['cycle']>>;
function told(found: Found): string {
  if (found === null) return 'nothing';
  if (found.stopped !== null) return `stopped: ${found.stopped.code}`;
  if (found.held !== null) return `held: ${found.held.reason}`;
  if (found.questions.length > 0) return 'asked';
  return found.skipped > 0 ? 'left alone' : 'in step';
}

const contents = ({ disk }: Device): ReadonlyMap<string, string> => disk.files();
function expectNothingGone(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>, where: string): void {
  expect([...before.keys()].filter((path) => !now.has(path)), where).toEqual([]);
}

describe('nothing is deleted on either side', () => {
  test.each(SCENARIOS)('when $name', async ({ world: options, wreck, comesTo, who }) => {
    const { world, anna, ben } = await makeWorld(options);
    await wreck(world, anna, ben);
    const before = { anna: contents(anna), ben: contents(ben), bucket: world.remoteFiles() };
    const afflicted = who === 'ben' ? ben : anna;
    expect(told(await afflicted.cycle({ look: 'both' }))).toBe(comesTo);
    for (const look of ['both', 'changes', 'both'] as const) {
      for (const device of [anna, ben]) await device.sync({ look });
      world.clock.pass(DAY_MS);
    }
    expectNothingGone(before.anna, contents(anna), 'on anna\'s disk');
    expectNothingGone(before.ben, contents(ben), 'on ben\'s disk');
    expectNothingGone(before.bucket, world.remoteFiles(), 'in the bucket');
  });

  test('in thirty and more accidents of different kinds', () => {
    expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBeGreaterThanOrEqual(30);
  });
});

test('the same deletions are carried out where a user says so: the accidents are what stops them', async () => {
  const { world, anna, ben } = await makeWorld();
  for (const path of ['music', 'pictures', 'texts']) anna.disk.remove(path);
  await anna.sync({ acceptHeld: true });
  await ben.sync({ acceptHeld: true });
  expect([world.remoteFiles().size, ben.disk.files().size, ben.disk.trash.length]).toEqual([0, 0, DIRECTORIES.length * FILES_EACH]);
});
