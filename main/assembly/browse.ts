/**
 * What Browse shows and does: listings that stay in the engine and are shown piece by piece, so that a window over a hundred
 * thousand rows holds a few hundred; facts about one object from the server's own answer; and changes on S3, each under a
 * precondition and with a tombstone where something goes, so that the folder's devices follow.
 */
import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, rmSync } from 'node:fs';
import type { BrowseFacts, BrowseRow, EngineHandlers, Events, VersionView } from '../../preload/contract.ts';
import { SyncError, toWire } from '../model/errors.ts';
import { isDirectoryPath, type SyncPath } from '../model/path.ts';
import type { OperationId, RemoteVersion } from '../model/snapshot.ts';
import { advanceVector, EMPTY_VECTOR, joinVectors, type VersionVector } from '../model/version-vector.ts';
import type { Enfold, RemoteFiles } from './api.ts';
import { FileListing } from './file-listing.ts';
import { listFolder, pathOf, removeFrom, uploadOne } from './files.ts';
import type { WiredFolder } from './open-folder.ts';
import { inHome, removeTemporary } from './temporary.ts';

type Listing = { readonly id: string; /** What is listed. */ readonly of: string; readonly rows: FileListing; isComplete: boolean; problem: SyncError | null; readonly stop: AbortController };

/** The window looks at one, and perhaps still at the one before it. */
const MAX_LISTINGS = 2;
const MAX_ROWS = 1_000_000;
/** How soon the first rows are shown, however long the rest takes. */
const FIRST_ROWS = 1000;
const EVENT_MS = 500;

type Options = {
  readonly home: string;
  readonly wired: (folderId: string) => Promise<WiredFolder>;
  readonly push: (event: Events['listing']) => void;
  readonly fetchVersion: RemoteFiles['get'];
  readonly versionsOf: Enfold['versions'];
  readonly signal: AbortSignal;
};
type Names = 'browse.open' | 'browse.close' | 'browse.rows' | 'browse.facts' | 'browse.versions' | 'browse.restore' | 'browse.rename' | 'browse.makeDirectory' | 'browse.remove';

export function createBrowseHandlers({ home, wired, push, fetchVersion, versionsOf, signal }: Options): Pick<EngineHandlers, Names> & { readonly close: () => void } {
  const listings = new Map<string, Listing>();

  const fill = async (listing: Listing, rowsUntil: (stop: AbortSignal) => AsyncIterable<BrowseRow>, onFirst: () => void): Promise<void> => {
    const stop = AbortSignal.any([signal, listing.stop.signal]);
    let toldAtMs = Date.now();
    try {
      for await (const row of rowsUntil(stop)) {
        listing.rows.push(row);
        if (listing.rows.length === FIRST_ROWS) onFirst();
        if (listing.rows.length >= MAX_ROWS) return;
        if (Date.now() - toldAtMs < EVENT_MS) continue;
        toldAtMs = Date.now();
        push({ listingId: listing.id, total: listing.rows.length, isComplete: false });
      }
      listing.isComplete = true;
      // What the window showed until now of the same place.
      for (const older of listings.values()) {
        if (older === listing) break;
        if (older.of === listing.of) drop(older);
      }
    } catch (error) {
      if (stop.aborted) return;
      listing.problem = error instanceof SyncError ? error : new SyncError('invariant', {}, { cause: error });
    } finally {
      onFirst();
      if (!stop.aborted) push({ listingId: listing.id, total: listing.rows.length, isComplete: true });
    }
  };

  const rowsOf = async ({ side, state }: WiredFolder, folder: string, directory: string, isDeep: boolean, past: { atMs: number | null } | undefined): Promise<(stop: AbortSignal) => AsyncIterable<BrowseRow>> => {
    if (past === undefined) return (stop) => listFolder(side, state, directory, isDeep, stop);
    const [{ pastRows }, { isClientSide }] = await Promise.all([import('./past-listing.ts'), import('../model/mode.ts')]);
    const protection = isClientSide(side.unlocked.mode) ? 'sealed' : 'server';
    return (stop) => pastRows(safely(versionsOf({ type: 'folder', folder, path: directory }, stop)), directory, isDeep, past.atMs, protection);
  };

  const drop = (listing: Listing): void => {
    listing.stop.abort();
    listings.delete(listing.id);
  };

  /** Newer than all that this place has seen, or devices would take it for an old version. */
  const vectorFor = async ({ side, state }: WiredFolder, path: SyncPath): Promise<VersionVector> => {
    const seen = (await side.remote.tombstonesOf(path, signal)).map(({ vector }) => vector);
    const ancestor = [...seen, state.baseAt(path)?.vector ?? EMPTY_VECTOR].reduce(joinVectors, EMPTY_VECTOR);
    return advanceVector(ancestor, state.device, state.takeCounters(1));
  };

  const moveOne = async (folder: WiredFolder, from: SyncPath, to: SyncPath): Promise<void> => {
    const { remote, transfers } = folder.side;
    const version = await remote.head(remote.objectKeyOf(from), from, signal);
    if (version === null || version.attributes === null) throw new SyncError('no-such-path', { path: from });
    if ((await remote.head(remote.objectKeyOf(to), to, signal)) !== null) throw new SyncError('target-exists', { path: to });
    const operationId = randomBytes(16).toString('hex') as OperationId;
    const attributes = { ...version.attributes, operationId, vector: await vectorFor(folder, to) };
    try {
      await remote.copy({ objectKey: version.objectKey, etag: version.etag, path: from }, to, attributes, signal);
    } catch (error) {
      // The endpoint copies nothing: the content goes by way of this computer.
      if (!(error instanceof SyncError) || error.code !== 'rejected' || isDirectoryPath(from)) throw error;
      const staged = inHome(home);
      try {
        await transfers.download({ path: from, objectKey: version.objectKey, etag: version.etag, objectBytes: version.objectBytes, staged }, () => undefined, signal);
        await uploadOne(folder, staged, to, signal);
      } finally {
        removeTemporary(staged);
      }
    }
    await bury(folder, from, version);
  };

  const bury = async ({ side: { remote }, state }: WiredFolder, path: SyncPath, { attributes, objectKey, etag }: RemoteVersion): Promise<void> => {
    if (attributes === null) throw new SyncError('invariant', { path, detail: 'a HEAD without attributes' });
    const { operationId, vector } = attributes;
    await remote.putTombstone({ path, operationId, vector, deletedAtMs: Date.now(), device: state.device }, signal);
    await remote.delete({ objectKey, etag, operationId }, path, signal);
  };

  const factsOf = async (folderId: string, path: string): Promise<BrowseFacts> => {
    const { side } = await wired(folderId);
    const [{ createStoredFiles }, { createS3Store }, { withRetries }, { inspectEnvelope }] = await Promise.all([import('../remote/stored-file.ts'), import('../remote/s3.ts'), import('../remote/retry.ts'), import('../envelope/envelope.ts')]);
    const { config } = side;
    const files = createStoredFiles(config);
    const store = createS3Store(config.access, config.bucket, { connections: 1 });
    try {
      const syncedPath = pathOf(path);
      const objectKey = files.objectKeyOf(syncedPath);
      const head = await withRetries(async () => store.head(objectKey, { modeHeaders: files.requests.read }, signal), signal);
      if (head === null) throw new SyncError('no-such-path', { path });
      const envelope = inspectEnvelope(head.metadata);
      const { fingerprintOf } = await import('../envelope/key-id.ts');
      const server: BrowseFacts['server'] = { algorithm: head.encryption.algorithm, kmsKeyId: head.encryption.kmsKeyId, isCustomerKey: head.encryption.customerKeyMd5 !== null, etag: head.etag, versionId: head.versionId, objectBytes: head.objectBytes, storedAtMs: head.lastModifiedMs };
      const shown = { atMs: Date.now(), objectKey, server, envelope: envelope === null ? null : { format: envelope.format, keyFingerprint: envelope.keyId === null ? null : fingerprintOf(envelope.keyId), commitment: envelope.format === 'v3' ? envelope.binding.commitment.toString('hex') : null } };
      try {
        const { attributes, epoch } = files.open(head, objectKey, syncedPath);
        return { ...shown, problem: null, epoch, sizeBytes: attributes.sizeBytes, modifiedMs: attributes.mtimeMs, sha256: attributes.sha256 };
      } catch (error) {
        return { ...shown, problem: toWire(error), epoch: null, sizeBytes: null, modifiedMs: null, sha256: null };
      }
    } finally {
      files.close();
      await store.close();
    }
  };

  /** Read like any version, also under a mode that has ended, and sent as a new one. */
  const restore = async (folderId: string, path: string, versionId: string): Promise<void> => {
    const folder = await wired(folderId);
    const staged = inHome(home);
    try {
      await fetchVersion({ type: 'folder', folder: folderId, path, versionId }, staged, signal);
      await uploadOne(folder, staged, pathOf(path), signal);
    } finally {
      removeTemporary(staged);
    }
  };

  return {
    'browse.open': async ({ folderId, directory, isDeep, past }) => {
      const folder = await wired(folderId);
      const { config, remote } = folder.side;
      const top = directory === '' ? config.prefix : remote.objectKeyOf(pathOf(directory));
      const listing: Listing = { id: randomBytes(8).toString('hex'), of: JSON.stringify([folderId, directory, isDeep, past]), rows: new FileListing(top), isComplete: false, problem: null, stop: new AbortController() };
      listings.set(listing.id, listing);
      for (const old of [...listings.values()].slice(0, -MAX_LISTINGS)) drop(old);
      const rowsUntil = await rowsOf(folder, folderId, directory, isDeep, past);
      await new Promise<void>((resolve) => void fill(listing, rowsUntil, resolve));
      if (listing.problem !== null && listing.rows.length === 0) throw listing.problem;
      return { listingId: listing.id };
    },
    // oxlint-disable-next-line typescript/require-await -- the contract is asynchronous
    'browse.close': async ({ listingId }) => {
      const listing = listings.get(listingId);
      if (listing !== undefined) drop(listing);
      return null;
    },
    'browse.rows': async ({ listingId, text, by, isDown, start, end }) => {
      const listing = listings.get(listingId);
      if (listing === undefined) throw new SyncError('listing-gone');
      const { isComplete, problem } = listing;
      const ofTotal = listing.rows.length;
      return { ...(await listing.rows.rows(text, { by, isDown }, start, end)), ofTotal, isComplete, problem: problem === null ? null : toWire(problem) };
    },
    'browse.facts': async ({ folderId, path }) => factsOf(folderId, path),
    'browse.versions': async ({ folderId, path }): Promise<VersionView[]> => {
      const { side } = await wired(folderId);
      const { listVersions } = await import('../remote/versions.ts');
      const { plaintextBytesOf } = await import('../envelope/envelope.ts');
      const { isClientSide } = await import('../model/mode.ts');
      const isSealed = isClientSide(side.unlocked.mode);
      const versions = await listVersions(side.config.access, side.config.bucket, side.remote.objectKeyOf(pathOf(path)), signal);
      return versions.map(({ versionId, isLatest, isDeletion, objectBytes, atMs }) => ({ versionId, isLatest, isDeletion, atMs, sizeBytes: objectBytes === null ? null : isSealed ? plaintextBytesOf(objectBytes) : objectBytes }));
    },
    'browse.restore': async ({ folderId, path, versionId }) => {
      await restore(folderId, path, versionId);
      (await wired(folderId)).engine.syncNow();
      return null;
    },
    'browse.rename': async ({ folderId, path, to }) => {
      const folder = await wired(folderId);
      const [from, target] = [pathOf(path), pathOf(to)];
      if (isDirectoryPath(from) !== isDirectoryPath(target)) throw new SyncError('bad-usage', { path });
      if (isDirectoryPath(from)) {
        if (target.startsWith(from)) throw new SyncError('bad-usage', { path: to, detail: 'a folder cannot go into itself' });
        for await (const row of safely(listFolder(folder.side, folder.state, target, false, signal))) throw new SyncError('target-exists', { path: row.path });
        const below: SyncPath[] = [];
        for await (const row of listFolder(folder.side, folder.state, from, true, signal)) if (row.protection !== 'foreign') below.push(row.path as SyncPath);
        const own = await folder.side.remote.head(folder.side.remote.objectKeyOf(from), from, signal);
        for (const one of below) await moveOne(folder, one, pathOf(target + one.slice(from.length)));
        if (own !== null && !below.includes(from)) await moveOne(folder, from, target);
      } else await moveOne(folder, from, target);
      folder.engine.syncNow();
      return null;
    },
    'browse.makeDirectory': async ({ folderId, path }) => {
      const folder = await wired(folderId);
      const target = pathOf(path.endsWith('/') ? path : `${path}/`);
      const { remote, transfers } = folder.side;
      const objectKey = remote.objectKeyOf(target);
      if ((await remote.head(objectKey, target, signal)) !== null) throw new SyncError('target-exists', { path });
      const { entryOf } = await import('../local/stamp.ts');
      const source = inHome(home);
      mkdirSync(source, { mode: 0o755 });
      try {
        const local = entryOf(target, lstatSync(source, { bigint: true }));
        await transfers.upload({
          path: target, objectKey, source, local, ifMatch: null,
          attributes: { operationId: randomBytes(16).toString('hex') as OperationId, vector: await vectorFor(folder, target), mtimeMs: local.mtimeMs, modeBits: local.modeBits, kind: 'directory' },
        }, () => undefined, signal);
      } finally {
        rmSync(source, { recursive: true, force: true });
      }
      folder.engine.syncNow();
      return null;
    },
    'browse.remove': async ({ folderId, paths }) => {
      const folder = await wired(folderId);
      for (const path of paths) for await (const _removed of removeFrom(folder.side, folder.state, path, true, signal));
      folder.engine.syncNow();
      return null;
    },
    close: () => {
      for (const { stop } of listings.values()) stop.abort();
      listings.clear();
    },
  };
}

/** A directory that is not there lists as nothing. */
async function* safely<T>(rows: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* rows;
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== 'no-such-path') throw error;
  }
}
