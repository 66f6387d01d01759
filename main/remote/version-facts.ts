/** What every version of a folder's objects needs to be read, earlier ones included: which key, under which epoch. */
import { SyncError, isSyncError, toWire } from '../model/errors.ts';
import type { WireError } from '../model/errors.ts';
import { isClientSide } from '../model/mode.ts';
import type { KeyId } from '../model/mode.ts';
import { OWN_DIRECTORY } from '../model/path.ts';
import type { SyncPath } from '../model/path.ts';
import type { ResolvedKey } from '../sync/ports.ts';
import type { RemoteFolderConfig } from './folder-config.ts';
import type { ListedVersion, ObjectHead, ObjectStore } from './object-store.ts';
import { withRetries } from './retry.ts';
import type { StoredFiles } from './stored-file.ts';
import { explainUnreadable } from './writes.ts';

/** A key of the user's, a key of KMS, or nothing that could be lost. */
export type NeededKey = { readonly type: 'key'; readonly keyId: KeyId } | { readonly type: 'kms'; readonly kmsKeyId: string } | { readonly type: 'none' };

export type VersionFact = {
  readonly version: ListedVersion;
  readonly path: SyncPath | null;
  readonly needs: NeededKey;
  /** Under the epoch that is written now. */
  readonly isCurrent: boolean;
  /** Why nothing could be found out. */
  readonly error: WireError | null;
};

type Options = {
  readonly config: RemoteFolderConfig;
  readonly store: ObjectStore;
  readonly files: StoredFiles;
  readonly resolve: (objectKeys: readonly ListedVersion['objectKey'][], signal: AbortSignal) => Promise<readonly ResolvedKey[]>;
};

/** Pages of versions of files, without marks of deletion and without Enfold's own objects. @throws SyncError rejected where the endpoint lists no versions */
export async function* listFileVersions(store: ObjectStore, prefix: string, signal: AbortSignal): AsyncIterable<readonly ListedVersion[]> {
  if (store.listVersions === undefined) throw new SyncError('rejected', { detail: 'The endpoint lists no versions.' });
  for await (const page of store.listVersions(prefix, signal)) {
    yield page.filter(({ objectKey, isDeleteMarker }) => !isDeleteMarker && objectKey.length > prefix.length && !objectKey.startsWith(`${prefix}${OWN_DIRECTORY}/`));
  }
}

/** A version of a file, or the mark that it was deleted, with the file's name. */
export type NamedVersion = ListedVersion & { readonly path: SyncPath };

/**
 * Every version and mark of deletion below a key, by name: those of one key together, the newest first. What is no file of the folder is left out.
 *
 * @throws SyncError rejected where the endpoint lists no versions
 */
export async function* namedVersions({ store, resolve }: Pick<Options, 'store' | 'resolve'>, prefix: string, below: string, signal: AbortSignal): AsyncIterable<readonly NamedVersion[]> {
  if (store.listVersions === undefined) throw new SyncError('rejected', { detail: 'The endpoint lists no versions.' });
  for await (const page of store.listVersions(below, signal)) {
    const versions = page.filter(({ objectKey }) => objectKey.length > prefix.length && !objectKey.startsWith(`${prefix}${OWN_DIRECTORY}/`));
    const resolved = await resolve(versions.map(({ objectKey }) => objectKey), signal);
    yield versions.flatMap((version, index) => {
      const one = resolved[index];
      return one?.type === 'path' ? [{ ...version, path: one.path }] : [];
    });
  }
}

/** How many earlier versions there are. Null: the bucket keeps none. */
export async function countOldVersions(store: ObjectStore, prefix: string, signal: AbortSignal): Promise<{ readonly objects: number; readonly bytes: number } | null> {
  let objects = 0;
  let bytes = 0;
  try {
    for await (const page of listFileVersions(store, prefix, signal)) {
      for (const { isLatest, objectBytes } of page) {
        if (isLatest) continue;
        objects += 1;
        bytes += objectBytes;
      }
    }
  } catch (error) {
    // Endpoints without versions, and sign-ins that may not list them.
    if (isSyncError(error, 'rejected') || isSyncError(error, 'access-denied') || isSyncError(error, 'not-s3')) return null;
    throw error;
  }
  return objects === 0 && !(await store.isVersioned(signal).catch(() => false)) ? null : { objects, bytes };
}

export async function* versionFacts({ config, store, files, resolve }: Options, signal: AbortSignal): AsyncIterable<VersionFact> {
  for await (const page of listFileVersions(store, config.prefix, signal)) {
    const resolved = await resolve(page.map(({ objectKey }) => objectKey), signal);
    for (const [index, version] of page.entries()) {
      const one = resolved[index];
      const path = one?.type === 'path' ? one.path : null;
      try {
        if (path === null) throw new SyncError('not-ours', { objectKey: version.objectKey });
        yield { version, path, ...(await factOf(version, path)), error: null };
      } catch (error) {
        signal.throwIfAborted();
        if (isSyncError(error) && error.retry === 'later') throw error;
        yield { version, path, needs: { type: 'none' }, isCurrent: false, error: toWire(error) };
      }
    }
  }

  async function factOf(version: ListedVersion, path: SyncPath): Promise<Pick<VersionFact, 'needs' | 'isCurrent'>> {
    const { objectKey } = version;
    const versionId = version.versionId === 'null' ? undefined : version.versionId;
    const read = async (): Promise<ObjectHead | null> => withRetries(async () => store.head(objectKey, { modeHeaders: files.requests.read, versionId: version.isLatest ? undefined : versionId ?? 'null' }, signal), signal);
    const head = await explainUnreadable(store, files.requests, objectKey, read, signal);
    if (head === null) throw new SyncError('object-not-found', { objectKey });
    const opened = files.open(head, objectKey, path);
    const mode = config.epochs.find(({ n }) => n === opened.epoch)?.mode;
    const isCurrent = opened.epoch === files.epoch.n;
    if (opened.keyId !== null) return { needs: { type: 'key', keyId: opened.keyId }, isCurrent };
    if (opened.isClientSide) return { needs: mode !== undefined && isClientSide(mode) && mode.id === 'cse-kms' ? { type: 'kms', kmsKeyId: mode.kmsKeyId } : { type: 'none' }, isCurrent };
    const { kmsKeyId } = head.encryption;
    return { needs: kmsKeyId === null ? { type: 'none' } : { type: 'kms', kmsKeyId }, isCurrent };
  }
}
