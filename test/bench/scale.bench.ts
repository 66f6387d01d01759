/**
 * What a cycle over very many files costs the engine and its records alone: the disk and the bucket are generators that take no time and no memory.
 * Options: --files N (1,000,000), --only upload.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock, systemRandom } from '../../main/assembly/computer.ts';
import type { ObjectKey, SyncPath } from '../../main/model/path.ts';
import type { LocalEntry } from '../../main/model/snapshot.ts';
import { openFolderState } from '../../main/state/folder-state.ts';
import { createFolderEngine } from '../../main/sync/folder-engine.ts';
import type { ListedObject, LocalTree, RemoteFolder, Transfers, WalkedDirectory } from '../../main/sync/ports.ts';

const { values: options } = parseArgs({ options: { files: { type: 'string', default: '1000000' }, only: { type: 'string', default: '' } } });
const files = Number(options.files);
const PER_DIRECTORY = 1000;
const directories = Math.ceil(files / PER_DIRECTORY);
const SIZE_BYTES = 200;
const AT_MS = 1_700_000_000_000;
const ETAG = 'e'.repeat(32);
const FOLDER_ID = 'f'.repeat(32);
const breathe = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const directoryAt = (d: number): SyncPath => `directory-${String(d).padStart(4, '0')}/` as SyncPath;
const fileAt = (d: number, i: number): SyncPath => `${directoryAt(d)}file-${String(i).padStart(6, '0')}.bin` as SyncPath;
const entryAt = (path: SyncPath): LocalEntry => ({ path, kind: 'file', sizeBytes: SIZE_BYTES, mtimeMs: AT_MS, modeBits: 0o644, inode: path.slice(-10), stamp: `${path.slice(-10)}.${SIZE_BYTES}.${AT_MS}000000.${AT_MS}000000` });
const namesIn = <T>(make: (i: number) => T): T[] => Array.from({ length: PER_DIRECTORY }, (_, i) => make(i));

const tree: Partial<LocalTree> = {
  checkRoot: async () => undefined,
  walk: async function* (): AsyncGenerator<WalkedDirectory> {
    yield { directory: '', entries: Array.from({ length: directories }, (_, d) => ({ ...entryAt(directoryAt(d)), kind: 'directory' as const, sizeBytes: 0, isEmpty: false })), skipped: [] };
    for (let d = 0; d < directories; d += 1) {
      await breathe();
      yield { directory: directoryAt(d), entries: namesIn((i) => entryAt(fileAt(d, i))), skipped: [] };
    }
  },
  localPathOf: (path) => `/nowhere/${path}` as ReturnType<LocalTree['localPathOf']>,
  mayCreate: () => null,
  freeBytes: async () => Number.MAX_SAFE_INTEGER,
  entryAt: async () => null,
};
let requests = 0;
let uploaded = 0;
const objectAt = (path: SyncPath): ListedObject => ({ objectKey: `p/${path}` as ObjectKey, etag: ETAG, versionId: null, objectBytes: SIZE_BYTES + 16, lastModifiedMs: AT_MS });
const remote: Partial<RemoteFolder> = {
  feeds: {
    list: async () => {
      requests += 1;
      return [];
    },
    load: async () => null,
    put: async () => {
      requests += 1;
      return `etag ${requests}`;
    },
  },
  list: async function* () {
    if (uploaded === 0) return;
    for (let d = 0; d < directories; d += 1) {
      await breathe();
      requests += 1;
      yield namesIn((i) => objectAt(fileAt(d, i)));
    }
  },
  resolve: async (keys) => keys.map((key) => ({ type: 'path', path: key.slice(2) as SyncPath })),
  objectKeyOf: (path) => `p/${path}` as ObjectKey,
};
const transfers: Partial<Transfers> = {
  concurrency: 32,
  upload: async ({ path }) => {
    uploaded += 1;
    requests += 1;
    if (uploaded % 32 === 0) await breathe();
    return { version: { ...objectAt(path), attributes: null }, sha256: 'a'.repeat(64), epoch: 1, keyId: null };
  },
};

const home = mkdtempSync(join(tmpdir(), 'enfold-scale-'));
mkdirSync(join(home, 'folders'));
const state = openFolderState(home, FOLDER_ID);
const engine = createFolderEngine({
  tree: tree as LocalTree, remote: remote as RemoteFolder, transfers: transfers as Transfers, state, clock: systemClock, random: systemRandom,
  folderId: FOLDER_ID, hostName: 'bench', policy: { direction: 'two-way', isClientSide: true }, epoch: 1, keyId: null,
});
const computedMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
let longestStallMs = 0;
/** On a machine with other work most of a stall is waiting for a core. */
let longestComputingMs = 0;
let lastMs = performance.now();
let lastComputedMs = computedMs();
setInterval(() => {
  const nowMs = performance.now();
  const nowComputedMs = computedMs();
  longestStallMs = Math.max(longestStallMs, nowMs - lastMs - 20);
  longestComputingMs = Math.max(longestComputingMs, nowComputedMs - lastComputedMs);
  lastMs = nowMs;
  lastComputedMs = nowComputedMs;
}, 20).unref();

console.log(`| ${files} files | wall s | CPU s | peak MiB of the process so far | longest stall ms | most computing between two turns ms | requests |\n| --- | --- | --- | --- | --- | --- | --- |`);
async function measure(name: string, run: () => Promise<{ readonly stopped: unknown }>): Promise<void> {
  if (options.only !== '' && options.only !== name) return;
  [longestStallMs, longestComputingMs, lastMs, lastComputedMs, requests] = [0, 0, performance.now(), computedMs(), 0];
  const [fromMs, cpu] = [performance.now(), process.cpuUsage()];
  const { stopped } = await run();
  if (stopped !== null) throw new Error(JSON.stringify(stopped));
  const { user, system } = process.cpuUsage(cpu);
  console.log(`| ${name} | ${((performance.now() - fromMs) / 1000).toFixed(1)} | ${((user + system) / 1e6).toFixed(1)} | ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} | ${longestStallMs.toFixed(0)} | ${longestComputingMs.toFixed(0)} | ${requests} |`);
}
try {
  await measure('upload', async () => engine.runCycle());
  await measure('first listing after it', async () => engine.runCycle());
  await measure('unchanged, both sides whole', async () => engine.runCycle());
  await measure('unchanged, a hint of the watcher', async () => engine.runCycle({ look: 'local-first' }));
  await measure('unchanged, a poll', async () => engine.runCycle({ look: 'remote-first' }));
} finally {
  await engine.close();
  state.close();
  rmSync(home, { recursive: true });
}
