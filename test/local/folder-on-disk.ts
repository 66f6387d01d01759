/** A synced folder in a temporary place, for the tests of the local side. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createRootMarker, openLocalTree, type FolderOnDisk, type LocalTreeOptions } from '../../main/local/tree.ts';
import { isSyncError } from '../../main/model/errors.ts';
import { syncPath } from '../../main/model/path.ts';
import type { LocalEntry } from '../../main/model/snapshot.ts';
import type { Replacement, WalkedDirectory } from '../../main/sync/ports.ts';

export const FOLDER_ID = 'f'.repeat(32);

export type TestFolder = {
  readonly base: string;
  readonly root: string;
  readonly tree: FolderOnDisk;
  write(path: string, content?: string): void;
  read(path: string): string;
  entry(path: string): Promise<LocalEntry>;
  stage(path: string, content: string, replaces?: LocalEntry | null, changes?: Partial<Replacement>): Replacement;
  walk(): Promise<WalkedDirectory[]>;
  /** Every path outside `.enfold`, directories with a trailing `/`. */
  all(): string[];
  remove(): void;
};

export async function makeFolder(options: Partial<LocalTreeOptions> & { readonly in?: string } = {}): Promise<TestFolder> {
  const base = realpathSync(mkdtempSync(join(options.in ?? tmpdir(), 'enfold-local-')));
  const root = join(base, 'root');
  mkdirSync(root);
  await createRootMarker(root, FOLDER_ID);
  const tree = openLocalTree({ root, folderId: FOLDER_ID, ...options });
  return {
    base,
    root,
    tree,
    write(path, content = path) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    },
    read: (path) => readFileSync(join(root, path), 'utf8'),
    async entry(path) {
      const entry = await tree.entryAt(syncPath(path));
      if (entry === null) throw new Error(`nothing at ${path}`);
      return entry;
    },
    stage(path, content, replaces = null, changes = {}) {
      const staged = tree.newStagingPath();
      writeFileSync(staged, content, { flag: 'wx' });
      return { staged, path: syncPath(path), replaces, mtimeMs: 1_600_000_000_123, modeBits: 0o640, ...changes };
    },
    async walk() {
      const found: WalkedDirectory[] = [];
      for await (const directory of tree.walk(new AbortController().signal)) found.push(directory);
      return found;
    },
    all: () => listAll(root, '').filter((path) => !path.startsWith('.enfold')),
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}

function listAll(root: string, inner: string): string[] {
  return readdirSync(join(root, inner), { withFileTypes: true }).flatMap((item) => {
    const path = `${inner}${item.name}`;
    return item.isDirectory() ? [`${path}/`, ...listAll(root, `${path}/`)] : [path];
  }).toSorted();
}

/** The code a promise fails with, or `no error`. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return isSyncError(error) ? error.code : String(error);
  }
  return 'no error';
}
