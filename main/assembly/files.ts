/** The remote side as files, by their real names: of a folder, or single objects of a bucket. */
import { randomBytes } from 'node:crypto';
import { createReadStream, lstatSync, realpathSync, statSync, utimesSync } from 'node:fs';
import { basename } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { isSyncError, SyncError } from '../model/errors.ts';
import type { Change } from '../model/feed.ts';
import { isClientSide } from '../model/mode.ts';
import { isDirectoryPath, isOwnPath, nameOf, parseSyncPath, type LocalPath, type ObjectKey, type SyncPath } from '../model/path.ts';
import type { OperationId, RemoteVersion } from '../model/snapshot.ts';
import { advanceVector, EMPTY_VECTOR, joinVectors } from '../model/version-vector.ts';
import type { FolderState, ListedObject } from '../sync/ports.ts';
import type { Fetched, FileRow, Folders, OnBytes, RemoteFiles, Stored, Target } from './api.ts';
import { openCurrentSide, type OpenSideOptions, type RemoteSide, type Wiring } from './open-folder.ts';
import { systemClock } from './computer.ts';
import { createObjects } from './objects.ts';
import { besideOf, inHome, putInPlace, removeTemporary, translateFileError } from './temporary.ts';

type FolderTarget = Extract<Target, { type: 'folder' }>;
type OpenSide = { readonly side: RemoteSide; readonly state: FolderState };

/** Rows that are looked up in the records at a stretch: some ten milliseconds. */
const ROWS_PER_BREATH = 500;


export function pathOf(text: string): SyncPath {
  const path = parseSyncPath(text);
  if (path === null || isOwnPath(path)) throw new SyncError('no-such-path', { path: text });
  return path;
}

/** A directory inside a folder: `''` is the top, else with a trailing `/`. */
function directoryOf(text: string): SyncPath | '' {
  if (text === '' || text === '/') return '';
  return pathOf(text.endsWith('/') ? text : `${text}/`);
}

export function createFiles(folders: Folders, wiring: Wiring): RemoteFiles {
  const objects = createObjects(wiring);

  const withSide = async <T>(target: FolderTarget, signal: AbortSignal, use: (open: OpenSide) => Promise<T>, options: OpenSideOptions = {}): Promise<T> => {
    const { openFolderState } = await import('../state/folder-state.ts');
    const folder = folders.find(target.folder);
    const state = openFolderState(wiring.home, folder.id);
    try {
      const side = await openCurrentSide(folder, state, wiring, signal, options);
      try {
        return await use({ side, state });
      } finally {
        await side.close();
      }
    } finally {
      state.close();
    }
  };

  /** As `withSide`, for what is told piece by piece: the folder stays open until the last one was taken. */
  async function* yieldWithSide<T>(target: FolderTarget, signal: AbortSignal, use: (open: OpenSide) => AsyncIterable<T>): AsyncGenerator<T> {
    const { openFolderState } = await import('../state/folder-state.ts');
    const folder = folders.find(target.folder);
    const state = openFolderState(wiring.home, folder.id);
    let side: RemoteSide | null = null;
    try {
      side = await openCurrentSide(folder, state, wiring, signal);
      yield* use({ side, state });
    } finally {
      await side?.close();
      state.close();
    }
  }

  const download = async (target: FolderTarget, staged: LocalPath, signal: AbortSignal, onBytes?: OnBytes): Promise<Fetched> =>
    withSide(target, signal, async ({ side }) => downloadOne(side, pathOf(target.path), staged, signal, onBytes, target.versionId), { opensEnded: target.versionId !== undefined });

  const fetch = async (target: Target, staged: LocalPath, signal: AbortSignal, onBytes?: OnBytes): Promise<Fetched> =>
    target.type === 'folder' ? download(target, staged, signal, onBytes) : objects.get(target, staged, signal, onBytes);

  return {
    list: async function* (target, { recursive, signal }) {
      if (target.type === 'object') return yield* objects.list(target, recursive, signal);
      yield* yieldWithSide(target, signal, ({ side, state }) => listFolder(side, state, target.path, recursive, signal));
    },

    get: async (target, file, signal, onBytes) => {
      const staged = besideOf(file);
      try {
        if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) throw new SyncError('target-exists', { path: file, detail: 'that is a directory' });
        const fetched = await fetch(target, staged, signal, onBytes);
        if (fetched.modifiedMs !== null) utimesSync(staged, fetched.modifiedMs / 1000, fetched.modifiedMs / 1000);
        putInPlace(staged, file);
        return fetched;
      } catch (error) {
        throw translateFileError(error, file);
      } finally {
        removeTemporary(staged);
      }
    },

    cat: async (target, sink, signal, onBytes) => {
      const staged = inHome(wiring.home);
      try {
        const fetched = await fetch(target, staged, signal, onBytes);
        for await (const chunk of createReadStream(staged, { highWaterMark: 1 << 20 })) await sink(chunk as Buffer);
        return fetched;
      } finally {
        removeTemporary(staged);
      }
    },

    put: async (file, target, signal, onBytes) => {
      const source = checkSource(file);
      if (target.type === 'object') return objects.put(source, { ...target, objectKey: target.objectKey === '' || target.objectKey.endsWith('/') ? `${target.objectKey}${basename(file)}` : target.objectKey }, signal, onBytes);
      return withSide(target, signal, async (open) => uploadOne(open, source, pathOf(target.path === '' || target.path.endsWith('/') ? `${target.path}${basename(file)}` : target.path), signal, onBytes));
    },

    remove: async function* (target, { recursive, signal }) {
      if (target.type === 'object') return yield* objects.remove(target, recursive, signal);
      yield* yieldWithSide(target, signal, ({ side, state }) => removeFrom(side, state, target.path, recursive, signal));
    },
  };
}

async function existing(side: RemoteSide, path: SyncPath, signal: AbortSignal): Promise<RemoteVersion> {
  const version = await side.remote.head(side.remote.objectKeyOf(path), path, signal);
  if (version === null) throw new SyncError('no-such-path', { path });
  return version;
}

/** An earlier version, as the bucket lists it. @throws SyncError no-such-version */
async function earlier(side: RemoteSide, path: SyncPath, versionId: string, signal: AbortSignal): Promise<Pick<ListedObject, 'objectKey' | 'etag' | 'objectBytes'> & { readonly versionId: string }> {
  for await (const page of side.remote.versionsBelow(path, signal)) {
    const found = page.find((version) => version.versionId === versionId && !version.isDeleteMarker);
    if (found !== undefined) return found;
  }
  throw new SyncError('no-such-version', { path });
}

/**
 * Fetches one file of the folder, verified, to a place where nothing is.
 *
 * @param versionId - an earlier version; by default the one that stands.
 * @throws SyncError no-such-path, no-such-version, not-authentic, …
 */
export async function downloadOne(side: RemoteSide, path: SyncPath, staged: LocalPath, signal: AbortSignal, onBytes?: OnBytes, versionId?: string): Promise<Fetched> {
  if (isDirectoryPath(path)) throw new SyncError('no-such-path', { path, detail: 'that is a directory' });
  const version = versionId === undefined ? await existing(side, path, signal) : await earlier(side, path, versionId, signal);
  const { attributes } = await side.transfers.download({ path, objectKey: version.objectKey, etag: version.etag, objectBytes: version.objectBytes, versionId, staged }, (doneBytes) => onBytes?.(doneBytes, version.objectBytes), signal);
  return { path, sizeBytes: attributes.sizeBytes, sha256: attributes.sha256, modifiedMs: attributes.mtimeMs };
}

export function checkSource(file: string): string {
  try {
    const real = realpathSync.native(file);
    if (!lstatSync(real).isFile()) throw new SyncError('bad-usage', { path: file, detail: 'that is no file' });
    return real;
  } catch (error) {
    throw translateFileError(error, file);
  }
}

/** Uploads one file into the folder as a new version that the folder's devices take over. */
export async function uploadOne({ side, state }: OpenSide, source: string, path: SyncPath, signal: AbortSignal, onBytes?: OnBytes): Promise<Stored> {
  if (isDirectoryPath(path)) throw new SyncError('bad-usage', { path, detail: 'a file needs a name' });
  const { entryOf } = await import('../local/stamp.ts');
  const { remote, transfers } = side;
  const objectKey = remote.objectKeyOf(path);
  const before = await remote.head(objectKey, path, signal);
  // A version must be newer than all that this place has seen, or devices would take it for an old one.
  const seen = before === null ? (await remote.tombstonesOf(path, signal)).map(({ vector }) => vector) : [before.attributes?.vector ?? EMPTY_VECTOR];
  const ancestor = [...seen, state.baseAt(path)?.vector ?? EMPTY_VECTOR].reduce(joinVectors, EMPTY_VECTOR);
  const local = entryOf(path, lstatSync(source, { bigint: true }));
  const operationId = randomBytes(16).toString('hex') as OperationId;
  const { version, sha256 } = await transfers.upload(
    {
      path, objectKey, source: source as LocalPath, local, ifMatch: before?.etag ?? null,
      attributes: { operationId, vector: advanceVector(ancestor, state.device, state.takeCounters(1)), mtimeMs: local.mtimeMs, modeBits: local.modeBits, kind: 'file' },
    },
    (doneBytes) => onBytes?.(doneBytes, local.sizeBytes),
    signal,
  );
  const { etag, objectBytes, attributes } = version;
  await tell({ side, state }, [{ objectKey, etag, operationId, vector: attributes?.vector ?? {}, objectBytes, keyId: version.keyId ?? null, isDeleted: false }], signal);
  return { path, objectKey: version.objectKey, sizeBytes: local.sizeBytes, sha256, replaced: before !== null };
}

/** So that the other devices need not list the bucket to learn of it. What cannot be told now is told by the next sync. */
async function tell({ side, state }: OpenSide, changes: readonly Change[], signal: AbortSignal): Promise<void> {
  if (changes.length === 0) return;
  const { publishChanges } = await import('../sync/feed.ts');
  state.commit({ changes: changes.map((change) => ({ ...change, atMs: Date.now() })) });
  try {
    await publishChanges({ state, remote: side.remote, clock: systemClock }, signal);
  } catch (error) {
    if (!isSyncError(error)) throw error;
  }
}

function rowOf(path: string, object: Pick<ListedObject, 'objectKey' | 'objectBytes' | 'lastModifiedMs' | 'etag'> | null, side: RemoteSide, state: FolderState, objectKey: string, isForeign: boolean, plaintextBytesOf: (objectBytes: number) => number | null): FileRow {
  const isDirectory = path.endsWith('/');
  const isSealed = isClientSide(side.unlocked.mode) && !isForeign;
  const base = object === null || isDirectory ? null : state.baseByKey(object.objectKey);
  const known = base !== null && base.etag === object?.etag ? base : null;
  return {
    path, name: nameOf(path as SyncPath), kind: isDirectory ? 'directory' : 'file',
    sizeBytes: isDirectory || object === null ? null : isSealed ? plaintextBytesOf(object.objectBytes) : object.objectBytes,
    modifiedMs: isDirectory ? null : (known?.mtimeMs ?? object?.lastModifiedMs ?? null),
    objectKey, protection: isForeign ? 'foreign' : isSealed ? 'sealed' : 'server', isConfirmed: known !== null,
  };
}

/** Rows below a directory. A path that names a file gives that file. */
export async function* listFolder(side: RemoteSide, state: FolderState, where: string, recursive: boolean, signal: AbortSignal): AsyncIterable<FileRow> {
  const { plaintextBytesOf } = await import('../envelope/envelope.ts');
  const { createS3Store } = await import('../remote/s3.ts');
  const { withRetries } = await import('../remote/retry.ts');
  const { config, remote } = side;
  const directory = directoryOf(where);
  const top = directory === '' ? config.prefix : remote.objectKeyOf(directory);
  const store = createS3Store(config.access, config.bucket, { connections: 2 });
  let found = 0;
  try {
    let continuation: string | undefined;
    do {
      const page = await withRetries(async () => store.listPage({ prefix: top, ...(recursive ? {} : { delimiter: '/' }), ...(continuation === undefined ? {} : { continuation }) }, signal), signal);
      const keys = [...page.objects.map(({ objectKey }) => objectKey), ...(page.prefixes as readonly ObjectKey[])].filter((key) => key !== top && !key.startsWith(`${config.prefix}.enfold/`));
      const byKey = new Map(page.objects.map((object) => [object.objectKey, object]));
      const resolved = await remote.resolve(keys, signal);
      const rows: FileRow[] = [];
      for (const [index, objectKey] of keys.entries()) {
        const one = resolved[index];
        const object = byKey.get(objectKey) ?? null;
        const isPath = one?.type === 'path';
        rows.push(rowOf(isPath ? one.path : objectKey.slice(config.prefix.length), object, side, state, objectKey, !isPath, plaintextBytesOf));
        if (rows.length % ROWS_PER_BREATH === 0) await breathe();
      }
      for (const row of rows.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
        found += 1;
        yield row;
      }
      continuation = page.next ?? undefined;
    } while (continuation !== undefined);
  } finally {
    await store.close();
  }
  if (found > 0 || directory === '') return;
  if (!where.endsWith('/')) {
    const path = pathOf(where);
    const version = await remote.head(remote.objectKeyOf(path), path, signal);
    if (version !== null) return yield rowOf(path, version, side, state, version.objectKey, false, plaintextBytesOf);
  }
  // An empty directory has an object of its own.
  if ((await remote.head(remote.objectKeyOf(directory), directory, signal)) === null) throw new SyncError('no-such-path', { path: where });
}

/** Tombstone first, so that the devices take the absence for what it is. */
export async function* removeFrom(side: RemoteSide, state: FolderState, where: string, recursive: boolean, signal: AbortSignal): AsyncIterable<string> {
  const { remote } = side;
  const removed: Change[] = [];
  const removeOne = async (path: SyncPath, version: RemoteVersion): Promise<void> => {
    const { attributes, objectKey, etag, objectBytes } = version;
    if (attributes === null) throw new SyncError('invariant', { path, detail: 'a HEAD without attributes' });
    const { operationId, vector } = attributes;
    await remote.putTombstone({ path, operationId, vector, deletedAtMs: Date.now(), device: state.device }, signal);
    await remote.delete({ objectKey, etag, operationId }, path, signal);
    removed.push({ objectKey, etag, operationId, vector, objectBytes, keyId: version.keyId ?? null, isDeleted: true });
  };

  if (where !== '' && !where.endsWith('/')) {
    const path = pathOf(where);
    const version = await remote.head(remote.objectKeyOf(path), path, signal);
    if (version !== null) {
      await removeOne(path, version);
      await tell({ side, state }, removed, signal);
      return yield path;
    }
  }
  const directory = directoryOf(where);
  if (!recursive) {
    if (directory === '') throw new SyncError('bad-usage', { detail: 'the whole folder is deleted with --recursive only' });
    for await (const row of listFolder(side, state, directory, false, signal)) throw new SyncError('bad-usage', { path: where, detail: `a directory that holds ${row.name} and perhaps more is deleted with --recursive only` });
  }
  const paths: SyncPath[] = [];
  for await (const row of listFolder(side, state, directory, true, signal)) if (row.protection !== 'foreign') paths.push(row.path as SyncPath);
  if (directory !== '') paths.push(directory);
  try {
    for (const path of paths) {
      const version = await remote.head(remote.objectKeyOf(path), path, signal);
      if (version === null) continue;
      await removeOne(path, version);
      yield path;
    }
  } finally {
    await tell({ side, state }, removed, signal);
  }
}
