/**
 * Versions that a bucket keeps of a folder's files: listed, and brought back as they were at a time, into place or elsewhere. Into place means into
 * the folder on this disk: what stands there goes to the trash first, and the next sync sends the file up as a new version, so that nothing is lost on either side.
 */
import { mkdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { SyncError, isSyncError, toWire } from '../model/errors.ts';
import type { WireError } from '../model/errors.ts';
import { isClientSide } from '../model/mode.ts';
import { isDirectoryPath, nameOf, OWN_DIRECTORY, syncPath, type SyncPath } from '../model/path.ts';
import type { FolderSettings } from '../model/settings.ts';
import type { FileAttributes, LocalEntry } from '../model/snapshot.ts';
import type { FolderOnDisk } from '../local/tree.ts';
import type { NamedVersion } from '../remote/version-facts.ts';
import { forEachBounded } from '../sync/bounded.ts';
import type { FolderState, Replacement, ReplaceOutcome } from '../sync/ports.ts';
import type { FailedPath, FileVersion, Folders, RestoreOptions, RestoreReport, Target } from './api.ts';
import { pathOf } from './files.ts';
import { openCurrentSide, type RemoteSide, type Wiring } from './open-folder.ts';
import { besideOf, removeTemporary, translateFileError } from './temporary.ts';

/** Versions that are fetched at a time; each may hold a few parts in memory. */
const AT_ONCE = 8;
/** So many are looked at before the first of them is fetched: directories end up complete one after the other. */
const CHOSEN_AT_ONCE = 256;
const SECOND_MS = 1000;

type Open = { readonly folder: FolderSettings; readonly side: RemoteSide; readonly state: FolderState };

async function withFolder<T>(folder: FolderSettings, wiring: Wiring, signal: AbortSignal, use: (open: Open) => Promise<T>): Promise<T> {
  const { openFolderState } = await import('../state/folder-state.ts');
  const state = openFolderState(wiring.home, folder.id);
  try {
    const side = await openCurrentSide(folder, state, wiring, signal, { opensEnded: true });
    try {
      return await use({ folder, side, state });
    } finally {
      await side.close();
    }
  } finally {
    state.close();
  }
}

/** The versions of each file together, the newest first, at most one file's in memory. */
async function* byFile(side: RemoteSide, where: SyncPath | '', signal: AbortSignal): AsyncGenerator<readonly NamedVersion[]> {
  let group: NamedVersion[] = [];
  for await (const page of side.remote.versionsBelow(where, signal)) {
    for (const version of page) {
      if (group[0] !== undefined && group[0].objectKey !== version.objectKey) {
        yield group;
        group = [];
      }
      group.push(version);
    }
  }
  if (group.length > 0) yield group;
}

/** Where the endpoint or the sign-in tells no versions: those that stand, each the only one of its file. */
async function* standingFiles(side: RemoteSide, where: SyncPath | '', signal: AbortSignal): AsyncGenerator<readonly NamedVersion[]> {
  for await (const page of side.remote.list(signal)) {
    const resolved = await side.remote.resolve(page.map(({ objectKey }) => objectKey), signal);
    for (const [index, object] of page.entries()) {
      const one = resolved[index];
      const isWanted = one?.type === 'path' && (one.path === where || ((where === '' || isDirectoryPath(where)) && one.path.startsWith(where)));
      if (isWanted) yield [{ ...object, path: one.path, versionId: 'null', isLatest: true, isDeleteMarker: false }];
    }
  }
}

/** What a TARGET means: the file of that name, if there ever was one, else the directory. */
async function* groupsOf(side: RemoteSide, where: string, signal: AbortSignal): AsyncGenerator<{ readonly versions: readonly NamedVersion[]; readonly isSingle: boolean }> {
  if (where !== '' && !where.endsWith('/')) {
    let isFile = false;
    for await (const versions of byFile(side, pathOf(where), signal)) {
      isFile = true;
      yield { versions, isSingle: true };
    }
    if (isFile) return;
  }
  const directory = where === '' || where === '/' ? '' : pathOf(where.endsWith('/') ? where : `${where}/`);
  for await (const versions of byFile(side, directory, signal)) yield { versions, isSingle: false };
}

/** @throws SyncError no-such-path, access-denied, … */
export async function* fileVersions(target: Target, folders: Folders, wiring: Wiring, signal: AbortSignal): AsyncGenerator<FileVersion> {
  if (target.type === 'object') {
    const { listVersions } = await import('../remote/versions.ts');
    if (target.objectKey === '' || target.objectKey.endsWith('/')) throw new SyncError('bad-usage', { detail: 's3://BUCKET/KEY needs the key of one object' });
    const found = await listVersions(await wiring.connections.accessOf(wiring.connections.find(target.connection)), target.bucket, target.objectKey as NamedVersion['objectKey'], signal);
    if (found.length === 0) throw new SyncError('no-such-path', { objectKey: target.objectKey });
    for (const { objectBytes, ...version } of found) yield { path: target.objectKey, ...version, sizeBytes: objectBytes };
    return;
  }
  const { plaintextBytesOf } = await import('../envelope/envelope.ts');
  const { openFolderState } = await import('../state/folder-state.ts');
  const folder = folders.find(target.folder);
  const state = openFolderState(wiring.home, folder.id);
  let side: RemoteSide | null = null;
  try {
    side = await openCurrentSide(folder, state, wiring, signal, { opensEnded: true });
    const isSealed = isClientSide(side.unlocked.mode);
    let count = 0;
    for await (const { versions } of groupsOf(side, target.path, signal)) {
      for (const { path, versionId, isLatest, isDeleteMarker, lastModifiedMs, objectBytes } of versions) {
        count += 1;
        yield { path, versionId, isLatest, isDeletion: isDeleteMarker, atMs: lastModifiedMs, sizeBytes: isDeleteMarker ? null : isDirectoryPath(path) ? 0 : isSealed ? plaintextBytesOf(objectBytes) : objectBytes };
      }
    }
    if (count === 0 && target.path !== '') throw new SyncError('no-such-path', { path: target.path });
  } finally {
    await side?.close();
    state.close();
  }
}

/** A listing of versions gives whole seconds on some servers: a time without a fraction means the whole second. */
export function isBy(at: number, lastModifiedMs: number): boolean {
  return (at % SECOND_MS === 0 ? Math.floor(lastModifiedMs / SECOND_MS) * SECOND_MS : lastModifiedMs) <= at;
}

/** Of one file's versions the one that is asked for; null: it did not exist then, or does not now. */
function choose(versions: readonly NamedVersion[], { at, versionId, includesDeleted }: RestoreOptions, isSingle: boolean): NamedVersion | null {
  if (versionId !== null) return versions.find((version) => version.versionId === versionId && !version.isDeleteMarker) ?? null;
  if (at !== null) {
    const then = versions.find((version) => isBy(at, version.lastModifiedMs));
    return then === undefined || then.isDeleteMarker ? null : then;
  }
  if (isSingle || includesDeleted) return versions.find(({ isDeleteMarker }) => !isDeleteMarker) ?? null;
  return versions.find(({ isLatest, isDeleteMarker }) => isLatest && !isDeleteMarker) ?? null;
}

/** Where restored files go: into place, or below a directory elsewhere. */
type Destination = {
  /** True where that very version is there already, as far as can be told without fetching it. */
  isThere(version: NamedVersion): Promise<boolean>;
  newStaged(path: SyncPath): string;
  /** @returns false where the same content stands there already. @throws SyncError */
  place(path: SyncPath, staged: string, attributes: FileAttributes): Promise<boolean>;
  makeDirectory(path: SyncPath): Promise<void>;
};

function throwFailed(outcome: ReplaceOutcome | undefined, path: SyncPath, whenTaken: (error: WireError) => SyncError): void {
  if (outcome === undefined) throw new SyncError('invariant', { path, detail: 'a replacement has no outcome' });
  if (!outcome.ok) throw whenTaken(outcome.error);
}

function intoPlace(tree: FolderOnDisk, state: FolderState, signal: AbortSignal): Destination {
  return {
    async isThere({ path, etag, isLatest }) {
      if (isDirectoryPath(path)) return (await tree.entryAt(path)) !== null;
      const base = state.baseAt(path);
      if (!isLatest || base === null || base.etag !== etag) return false;
      const entry = await tree.entryAt(path);
      return entry !== null && entry.stamp === base.stamp;
    },
    newStaged: () => tree.newStagingPath(),
    async place(path, staged, { sha256, sizeBytes, mtimeMs, modeBits }) {
      const standing = await tree.entryAt(path);
      if (standing !== null && standing.sizeBytes === sizeBytes && (await hashOf(tree, standing, signal)) === sha256) return false;
      const replacement: Replacement = { staged: staged as Replacement['staged'], path, replaces: standing, mtimeMs, modeBits };
      const [outcome] = await tree.replace([replacement]);
      // A link or a special file is nothing that was looked at, and nothing that is replaced.
      throwFailed(outcome, path, ({ code, about }) => new SyncError(code === 'target-changed' && standing === null ? 'target-exists' : code, { ...about, path }));
      return true;
    },
    makeDirectory: async (path) => void (await tree.makeDirectory(path)),
  };
}

async function hashOf(tree: FolderOnDisk, entry: LocalEntry, signal: AbortSignal): Promise<string | null> {
  try {
    return await tree.hash(entry, signal);
  } catch (error) {
    if (isSyncError(error) && error.family === 'LocalError') return null;
    throw error;
  }
}

/** @param below - what of the paths is left out. `name`: the single file is to be called that. */
async function elsewhere(root: string, below: number, name: string | null): Promise<Destination> {
  const [{ createPlace, createDirectoryFsync }, { createTrash }, { replaceFiles }] = await Promise.all([import('../local/place.ts'), import('../local/trash.ts'), import('../local/replace.ts')]);
  const place = createPlace(root);
  const parts = { place, trash: createTrash(place), fsyncDirectory: createDirectoryFsync(), nowMs: Date.now };
  const at = (path: SyncPath): SyncPath => syncPath(name ?? path.slice(below));
  return {
    isThere: () => Promise.resolve(false),
    newStaged: () => besideOf(join(root, 'any')),
    async place(path, staged, { mtimeMs, modeBits }) {
      const [outcome] = await replaceFiles([{ staged: staged as Replacement['staged'], path: at(path), replaces: null, mtimeMs, modeBits }], parts);
      throwFailed(outcome, path, ({ code, about }) => new SyncError(code === 'target-changed' ? 'target-exists' : code, { ...about, path: join(root, at(path)) }));
      return true;
    },
    makeDirectory: (path) => {
      if (path.length > below) mkdirSync(place.at(at(path)), { recursive: true });
      return Promise.resolve();
    },
  };
}

type Wanted = { readonly version: NamedVersion; readonly isSingle: boolean };

/** Carries one restore out; made once for each. */
class Restoring {
  readonly #open: Open;
  readonly #options: RestoreOptions;
  readonly #where: string;
  #destination: Destination | null = null;
  #to: string | null = null;
  restored = 0;
  bytes = 0;
  unchanged = 0;
  newer = 0;
  readonly failed: FailedPath[] = [];

  constructor(open: Open, where: string, options: RestoreOptions) {
    this.#open = open;
    this.#where = where;
    this.#options = options;
  }

  async run(): Promise<RestoreReport> {
    const { folder, side } = this.#open;
    const { at, versionId, includesDeleted, signal } = this.#options;
    let seen = 0;
    let waiting: Wanted[] = [];
    const take = async (versions: readonly NamedVersion[], isSingle: boolean): Promise<void> => {
      seen += 1;
      const version = choose(versions, this.#options, isSingle);
      if (version === null && versions.some(({ isLatest, isDeleteMarker }) => isLatest && !isDeleteMarker)) this.newer += 1;
      if (version === null) return;
      if (versionId !== null && !isSingle) throw new SyncError('bad-usage', { detail: '--version-id goes with the path of one file' });
      waiting.push({ version, isSingle });
      if (waiting.length >= CHOSEN_AT_ONCE) await this.#bringBack(waiting.splice(0));
    };
    try {
      for await (const { versions, isSingle } of groupsOf(side, this.#where, signal)) await take(versions, isSingle);
    } catch (error) {
      const isUntold = isSyncError(error, 'rejected') || isSyncError(error, 'access-denied');
      if (!isUntold || at !== null || versionId !== null || includesDeleted || seen > 0) throw error;
      for await (const versions of standingFiles(side, this.#where === '' ? '' : pathOf(this.#where), signal)) await take(versions, this.#where === versions[0]?.path);
    }
    await this.#bringBack(waiting.splice(0));
    if (seen === 0 && this.#where !== '') throw new SyncError('no-such-path', { path: this.#where });
    if (this.restored + this.unchanged + this.failed.length === 0) throw new SyncError('no-such-version', { path: this.#where === '' ? folder.name : this.#where });
    const { restored, bytes, unchanged, newer, failed } = this;
    return { id: folder.id, name: folder.name, to: this.#to, restored, bytes, unchanged, newer, failed };
  }

  async #bringBack(wanted: readonly Wanted[]): Promise<void> {
    const [first] = wanted;
    if (first === undefined) return;
    const destination = (this.#destination ??= await this.#openDestination(first));
    await forEachBounded(wanted, AT_ONCE, async ({ version }) => this.#one(version, destination));
  }

  async #openDestination({ version: { path }, isSingle }: Wanted): Promise<Destination> {
    const { folder, state } = this.#open;
    const { to, signal, isDryRun } = this.#options;
    if (to === null) {
      const { openLocalTree } = await import('../local/tree.ts');
      const tree = openLocalTree({ root: folder.localPath, folderId: folder.id });
      await tree.checkRoot();
      return intoPlace(tree, state, signal);
    }
    const target = resolve(to);
    if (target === join(folder.localPath, OWN_DIRECTORY) || target.startsWith(join(folder.localPath, OWN_DIRECTORY, '/'))) throw new SyncError('root-unsuitable', { path: to });
    const isIntoDirectory = !isSingle || to.endsWith('/') || statSync(target, { throwIfNoEntry: false })?.isDirectory() === true;
    this.#to = target;
    const root = isIntoDirectory ? target : join(target, '..');
    try {
      if (!isDryRun) mkdirSync(root, { recursive: true });
    } catch (error) {
      throw translateFileError(error, root);
    }
    if (isSingle) return elsewhere(root, 0, isIntoDirectory ? nameOf(path) : basename(target));
    const directory = this.#where === '' || this.#where === '/' ? '' : this.#where.endsWith('/') ? this.#where : `${this.#where}/`;
    return elsewhere(root, directory.length, null);
  }

  async #one(version: NamedVersion, destination: Destination): Promise<void> {
    const { side } = this.#open;
    const { signal, isDryRun, onRestored } = this.#options;
    const { path, objectKey, etag, objectBytes, versionId, isLatest } = version;
    try {
      if (await destination.isThere(version)) {
        this.unchanged += 1;
        return;
      }
      let sizeBytes = 0;
      if (isDirectoryPath(path)) {
        if (!isDryRun) await destination.makeDirectory(path);
      } else if (isDryRun) {
        const { plaintextBytesOf } = await import('../envelope/envelope.ts');
        sizeBytes = isClientSide(side.unlocked.mode) ? (plaintextBytesOf(objectBytes) ?? 0) : objectBytes;
      } else {
        const staged = destination.newStaged(path);
        try {
          const job = { path, objectKey, etag, objectBytes, staged: staged as Replacement['staged'], ...(isLatest ? {} : { versionId }) };
          const { attributes } = await side.transfers.download(job, () => undefined, signal);
          ({ sizeBytes } = attributes);
          if (!(await destination.place(path, staged, attributes))) {
            this.unchanged += 1;
            return;
          }
        } finally {
          removeTemporary(staged);
        }
      }
      this.restored += 1;
      this.bytes += sizeBytes;
      onRestored?.(path, sizeBytes);
    } catch (error) {
      signal.throwIfAborted();
      const known = translateFileError(error, path);
      if (!isSyncError(known) || known.code === 'disk-full' || known.family === 'InvariantError') throw known;
      this.failed.push({ path, error: toWire(known) });
    }
  }
}

/** @throws SyncError bad-usage for a single object, no-such-path, no-such-version, root-missing, disk-full, … */
export async function restoreTarget(target: Target, folders: Folders, wiring: Wiring, options: RestoreOptions): Promise<RestoreReport> {
  if (target.type === 'object') throw new SyncError('bad-usage', { detail: 'a single object is fetched with enfold get s3://BUCKET/KEY --version-id ID' });
  const folder = folders.find(target.folder);
  return withFolder(folder, wiring, options.signal, async (open) => new Restoring(open, target.path, options).run());
}
