/**
 * Bugs on purpose, to see that the tests notice: each takes one safeguard out of the ports a device's engine works through. The
 * engine itself has no switch for any of them.
 */
import { isSyncError } from '../../main/model/errors.ts';
import type { BaseEntry, FileAttributes, RemoteVersion } from '../../main/model/snapshot.ts';
import type { FolderParts } from '../../main/sync/parts.ts';
import type { MemoryBucket } from './memory-bucket.ts';
import { sha256Of } from './memory-disk.ts';
import type { MemoryDisk, MemoryTree } from './memory-disk.ts';

export type SeededBug =
  /** What stands at a path is not looked at again before it is replaced or removed. */
  | 'no-recheck'
  /** Nobody writes down what is about to be changed in the bucket. */
  | 'no-intents'
  /** Nobody writes down what is about to be deleted there. */
  | 'no-delete-intents'
  /** Attributes, feeds and tombstones carry no version vector; and nobody looks before an upload, so that a race lasts longer than a moment. */
  | 'no-vectors'
  /** Uploads and deletions name no version. */
  | 'no-if-match'
  /** An upload is recorded as done when it is begun. */
  | 'base-before-durable'
  /** What a download holds is not compared with what its writer sealed. */
  | 'tag-unchecked'
  /** A deletion leaves no tombstone. */
  | 'no-tombstones';

type Spoiled = { readonly [K in keyof FolderParts]?: Partial<FolderParts[K]> };

/** @param tree - of `parts`, over `disk`. */
export function withBug(parts: FolderParts, bug: SeededBug, { bucket, disk, tree }: { readonly bucket: MemoryBucket; readonly disk: MemoryDisk; readonly tree: MemoryTree }): FolderParts {
  const spoiled = spoil(parts, bug, bucket, disk, tree);
  return {
    ...parts,
    tree: override(parts.tree, spoiled.tree), remote: override(parts.remote, spoiled.remote),
    transfers: override(parts.transfers, spoiled.transfers), state: override(parts.state, spoiled.state),
  };
}

function override<T extends object>(port: T, changes: Partial<T> | undefined): T {
  if (changes === undefined) return port;
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = name in changes ? changes[name as keyof T] : Reflect.get(target, name, target);
      return typeof value === 'function' ? (value as (...all: unknown[]) => unknown).bind(target) : value;
    },
  });
}

function spoil({ remote, transfers, state }: FolderParts, bug: SeededBug, bucket: MemoryBucket, disk: MemoryDisk, tree: MemoryTree): Spoiled {
  switch (bug) {
    case 'no-recheck': {
      const asItIs = <T extends { readonly path: Parameters<MemoryDisk['entryAt']>[0] }>({ path }: T): ReturnType<MemoryDisk['entryAt']> => disk.entryAt(path);
      return {
        tree: {
          replace: (items) => tree.replace(items.map((item) => ({ ...item, replaces: asItIs(item) }))),
          moveToTrash: (entry) => tree.moveToTrash(asItIs(entry) ?? entry),
        },
      };
    }
    case 'no-intents': return { state: { beginIntents: () => undefined } };
    case 'no-delete-intents': return { state: { beginIntents: (intents) => state.beginIntents(intents.filter(({ kind }) => kind !== 'delete')) } };
    case 'no-vectors': return withoutVectors(remote, blindly(transfers, bucket));
    case 'no-if-match': return {
      transfers: blindly(transfers, bucket),
      remote: {
        delete: (version, ...rest) => {
          const standing = bucket.objects.get(version.objectKey);
          return remote.delete({ ...version, etag: standing?.etag ?? version.etag, operationId: standing?.attributes?.operationId ?? version.operationId }, ...rest);
        },
      },
    };
    case 'base-before-durable': return {
      state: {
        beginIntents(intents) {
          state.beginIntents(intents);
          state.commit({ put: intents.flatMap((intent): BaseEntry[] => {
            const { kind, local, path, objectKey, operationId, vector } = intent;
            const content = disk.read(path);
            if (kind !== 'upload' || local?.kind !== 'file' || content === null) return [];
            const { isEmpty: _, ...entry } = local;
            return [{ ...entry, objectKey, etag: 'begun', versionId: null, operationId, vector, sha256: sha256Of(content), epoch: 0, keyId: null, objectBytes: local.sizeBytes }];
          }) });
        },
      },
    };
    case 'tag-unchecked': return {
      transfers: {
        async download(job, onProgress, signal) {
          try {
            return await transfers.download(job, onProgress, signal);
          } catch (error) {
            const standing = bucket.objects.get(job.objectKey);
            if (!isSyncError(error, 'not-authentic') || standing?.attributes === null || standing?.attributes === undefined) throw error;
            tree.stage(job.staged, standing.content);
            const attributes = { ...standing.attributes, sha256: sha256Of(standing.content) };
            const { objectKey, etag, versionId, lastModifiedMs } = standing;
            return { version: { objectKey, etag, versionId, lastModifiedMs, objectBytes: job.objectBytes, attributes }, attributes, epoch: 0, keyId: null };
          }
        },
      },
    };
    case 'no-tombstones': return { remote: { putTombstone: () => Promise.resolve() } };
  }
}

/** Each upload goes over whatever stands there. */
function blindly(transfers: FolderParts['transfers'], bucket: MemoryBucket): FolderParts['transfers'] {
  return override(transfers, { upload: (job, ...rest) => transfers.upload({ ...job, ifMatch: bucket.objects.get(job.objectKey)?.etag ?? null }, ...rest) });
}

function withoutVectors(remote: FolderParts['remote'], transfers: FolderParts['transfers']): Spoiled {
  const bare = <T extends FileAttributes | null>(attributes: T): T => (attributes === null ? attributes : { ...attributes, vector: {} });
  const bareVersion = (version: RemoteVersion): RemoteVersion => ({ ...version, attributes: bare(version.attributes) });
  const bareEach = <T extends { readonly vector: unknown }>(items: readonly T[]): T[] => items.map((item) => ({ ...item, vector: {} }));
  return {
    remote: {
      head: async (...asked) => {
        const version = await remote.head(...asked);
        return version === null ? null : bareVersion(version);
      },
      copy: async (...asked) => bareVersion(await remote.copy(...asked)),
      tombstonesOf: async (...asked) => bareEach(await remote.tombstonesOf(...asked)),
      feeds: override(remote.feeds, {
        load: async (...asked) => {
          const loaded = await remote.feeds.load(...asked);
          return loaded === null ? null : { ...loaded, feed: { ...loaded.feed, changes: bareEach(loaded.feed.changes) } };
        },
      }),
    },
    transfers: {
      upload: async (...asked) => {
        const result = await transfers.upload(...asked);
        return { ...result, version: bareVersion(result.version) };
      },
      download: async (...asked) => {
        const result = await transfers.download(...asked);
        return { ...result, version: bareVersion(result.version), attributes: bare(result.attributes) };
      },
    },
  };
}
