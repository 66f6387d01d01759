/** What a folder costs while nothing happens: all requests of a day, counted where they would leave. */
import { expect, test } from 'vitest';
import type { ObjectKey, SyncPath } from '../../main/model/path.ts';
import type { BaseEntry, LocalEntry } from '../../main/model/snapshot.ts';
import type { DeviceId } from '../../main/model/version-vector.ts';
import { encodeDescriptor } from '../../main/envelope/descriptor.ts';
import { openRemoteFolder } from '../../main/remote/folder.ts';
import type { ListedKey, ObjectStore } from '../../main/remote/object-store.ts';
import { createFolderEngine } from '../../main/sync/folder-engine.ts';
import type { LocalTree, Transfers, WalkedDirectory } from '../../main/sync/ports.ts';
import { FakeClock } from '../helpers/fake-clock.ts';
import { MemoryState, newRecords } from '../helpers/memory-state.ts';
import { baseOf, entryOf } from '../plan/rows.ts';

const FILES = 100_000;
const PER_DIRECTORY = 1_000;
const PAGE = 1_000;
const DAY_MS = 24 * 3_600_000;
const FOLDER_ID = 'f'.repeat(32);

/** As {@link MemoryState}, for so many files that looking through all of them for each page would take long. */
class SortedState extends MemoryState {
  readonly #byDirectory: ReadonlyMap<string, readonly BaseEntry[]>;
  readonly #sorted: readonly BaseEntry[];

  constructor(byDirectory: ReadonlyMap<string, readonly BaseEntry[]>) {
    const records = newRecords('0123456789ab' as DeviceId);
    super(records);
    this.#byDirectory = byDirectory;
    this.#sorted = [...byDirectory.values()].flat();
    for (const entry of this.#sorted) {
      records.base.set(entry.path, entry);
      records.paths.set(entry.objectKey, entry.path);
    }
  }
  override baseTotals(): { readonly files: number; readonly bytes: number } {
    return { files: this.#sorted.length, bytes: this.#sorted.length };
  }
  override stampsInDirectory(directory: SyncPath | ''): ReadonlyMap<SyncPath, string> {
    return new Map((this.#byDirectory.get(directory) ?? []).map(({ path, stamp }) => [path, stamp]));
  }
  override baseSubdirectories(directory: SyncPath | ''): readonly SyncPath[] {
    return directory === '' ? ([...this.#byDirectory.keys()] as SyncPath[]) : [];
  }
  override *baseByKeyRange(after: ObjectKey | '', until: ObjectKey | null): Iterable<BaseEntry> {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle]?.objectKey ?? '') <= after) low = middle + 1;
      else high = middle;
    }
    for (const entry of this.#sorted.slice(low)) {
      if (until !== null && entry.objectKey > until) return;
      yield entry;
    }
  }
}

function makeFolder(): ReadonlyMap<string, readonly BaseEntry[]> {
  const byDirectory = new Map<string, readonly BaseEntry[]>();
  for (let d = 0; d < FILES / PER_DIRECTORY; d++) {
    const directory = `d${String(d).padStart(3, '0')}/`;
    byDirectory.set(directory, Array.from({ length: PER_DIRECTORY }, (_, i) => baseOf(`${directory}f${String(i).padStart(4, '0')}`, 'x', { objectKey: `p/${directory}f${String(i).padStart(4, '0')}` as ObjectKey, listedMs: 2_000, epoch: 1 })));
  }
  return byDirectory;
}

/** Counts what is asked of it. */
function makeStore(entries: Iterable<BaseEntry>): { readonly store: ObjectStore; readonly requests: Map<string, number> } {
  const requests = new Map<string, number>();
  const count = (name: string): unknown => requests.set(name, (requests.get(name) ?? 0) + 1);
  const listed = ({ objectKey, etag }: Pick<BaseEntry, 'objectKey' | 'etag'>): ListedKey => ({ objectKey, etag, objectBytes: 1, lastModifiedMs: 2_000 });
  const own = ['folder.json', 'feed/0123456789ab', 'feed/cccccccccccc'].map((name) => listed({ objectKey: `p/.enfold/${name}` as ObjectKey, etag: `etag of ${name}` }));
  const keys = [...own.toSorted((a, b) => (a.objectKey < b.objectKey ? -1 : 1)), ...[...entries].map(listed)];
  const descriptor = encodeDescriptor({ folderId: FOLDER_ID, names: 'readable', epochs: [{ n: 1, mode: { id: 'sse-s3' }, wrappedFolderKey: null }], devices: [] }, null);
  const feed = Buffer.from(`{"changes":[{"deleted":false,"etag":"e","key":"d000/f0000","keyId":null,"op":"${'0'.repeat(31)}1","size":1,"vector":{}}],"device":"cccccccccccc","enfold":"feed","first":1,"version":1}`);
  const store: Partial<ObjectStore> = {
    listPage: ({ prefix, startAfter, continuation }) => {
      count('list');
      const from = continuation === undefined ? keys.findIndex(({ objectKey }) => objectKey.startsWith(prefix) && objectKey > (startAfter ?? '')) : Number(continuation);
      const objects = keys.slice(from, from + PAGE).filter(({ objectKey }) => objectKey.startsWith(prefix));
      return Promise.resolve({ objects, prefixes: [], next: objects.length === PAGE ? String(from + PAGE) : null });
    },
    get: (objectKey) => {
      count('get');
      const head = { etag: 'e', versionId: null, objectBytes: 1, lastModifiedMs: 2_000, metadata: {}, encryption: { algorithm: 'AES256', kmsKeyId: null, customerKeyMd5: null } };
      return Promise.resolve({ head, body: objectKey.includes('/feed/') ? feed : descriptor });
    },
    head: () => Promise.resolve(void count('head') as unknown as null),
  };
  return { store: store as ObjectStore, requests };
}

function makeTree(byDirectory: ReadonlyMap<string, readonly BaseEntry[]>): { readonly tree: LocalTree; readonly walks: () => number } {
  let walks = 0;
  const top = [...byDirectory.keys()].map((directory): LocalEntry => entryOf(baseOf(directory), { isEmpty: false }));
  const directories: WalkedDirectory[] = [{ directory: '', entries: top, skipped: [] }];
  for (const [directory, entries] of byDirectory) directories.push({ directory: directory as SyncPath, entries: entries.map((entry) => entryOf(entry)), skipped: [] });
  const tree: Partial<LocalTree> = {
    checkRoot: () => Promise.resolve(),
    // oxlint-disable-next-line typescript/require-await -- as the port says
    walk: async function* () {
      walks += 1;
      yield* directories;
    },
  };
  return { tree: tree as LocalTree, walks: () => walks };
}

test('a folder of 100,000 files in which nothing happens costs at most 3,000 requests a day', { timeout: 120_000 }, async () => {
  const byDirectory = makeFolder();
  const state = new SortedState(byDirectory);
  state.putFact('first-cycle-done', true);
  const { store, requests } = makeStore([...byDirectory.values()].flat());
  const { tree, walks } = makeTree(byDirectory);
  const clock = new FakeClock(Date.UTC(2026, 0, 1), false);
  const access = { endpoint: 'http://127.0.0.1:9', region: 'us-east-1', pathStyle: true, credentials: { type: 'environment' } } as const;
  const remote = openRemoteFolder({ access, bucket: 'b', prefix: 'p/', folderId: FOLDER_ID, names: 'readable', namesKey: null, epochs: [{ n: 1, mode: { id: 'sse-s3' }, authKey: null }], keys: [] }, store);
  const engine = createFolderEngine({
    tree, remote, state, clock, transfers: {} as Transfers, random: { bytes: (length) => new Uint8Array(length) }, watcher: { start: () => Promise.resolve(), problem: null, stop: () => Promise.resolve() },
    folderId: FOLDER_ID, hostName: 'anna', epoch: 1, keyId: null, policy: { direction: 'two-way', isClientSide: false },
  });
  engine.start();
  await clock.advance(DAY_MS);
  expect(engine.status()).toMatchObject({ state: 'up-to-date', files: FILES, problems: [] });
  const daily = new Map(requests);

  // A poll asks once whether there is news; a hint of the watcher that proves to be nothing walks, and asks for nothing.
  const walksBefore = walks();
  requests.clear();
  expect(await engine.runCycle({ look: 'remote-first' })).toMatchObject({ isUnchanged: true, isSettled: true });
  expect([Object.fromEntries(requests), walks()]).toEqual([{ list: 1 }, walksBefore]);
  requests.clear();
  expect(await engine.runCycle({ look: 'local-first' })).toMatchObject({ isUnchanged: true, isSettled: true });
  expect([Object.fromEntries(requests), walks()]).toEqual([{}, walksBefore + 1]);
  await engine.close();

  const total = [...daily.values()].reduce((sum, count) => sum + count, 0);
  // A look at the feeds every 36 seconds, a listing of a hundred pages at the start and every six hours.
  expect(total).toBeGreaterThan(DAY_MS / 36_000);
  expect(total).toBeLessThanOrEqual(3_000);
  expect(walks()).toBeGreaterThanOrEqual(24);
  expect(state.lastChange()).toBe(0);
});
