/** Reading a folder's description from the bucket with whatever keys are here: S3 does not say which customer key opens it. */
import { SyncError, isSyncError } from '../model/errors.ts';
import type { S3Access } from '../model/settings.ts';
import type { LoadedDescriptor } from '../remote/descriptor-store.ts';
import type { ObjectStore } from '../remote/object-store.ts';
import type { Keys } from './api.ts';
import { heldKeysOf } from './folder-access.ts';

/** Opens the place for a moment. */
export async function withStore<T>(access: S3Access, bucket: string, use: (store: ObjectStore) => Promise<T>): Promise<T> {
  const { createS3Store } = await import('../remote/s3.ts');
  const store = createS3Store(access, bucket, { connections: 2 });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/**
 * Null where there is none.
 *
 * @throws SyncError key-not-found (it is under a customer key that is not here), malformed, newer-version, access-denied, offline, …
 */
export async function loadDescription(store: ObjectStore, prefix: string, access: S3Access, keys: Keys, signal: AbortSignal): Promise<LoadedDescriptor | null> {
  const { loadDescriptor } = await import('../remote/descriptor-store.ts');
  try {
    return await loadDescriptor(store, prefix, signal);
  } catch (error) {
    const isKeyMissing = isSyncError(error, 'rejected') && /^Invalid(?:Request|Argument) /.test(error.about.server ?? '');
    if (!isKeyMissing) throw error;
    const { requestsOf } = await import('../remote/modes.ts');
    for (const { keyId } of keys.list().filter(({ type }) => type === 'sse-c')) {
      const mode = { id: 'sse-c', keyId } as const;
      const held = await heldKeysOf([mode], keys);
      try {
        return await loadDescriptor(store, prefix, signal, requestsOf(mode, held, access.endpoint));
      } catch (wrong) {
        if (!isSyncError(wrong, 'rejected') && !isSyncError(wrong, 'access-denied')) throw wrong;
      } finally {
        for (const { bytes } of held) bytes.fill(0);
      }
    }
    throw new SyncError('key-not-found', { detail: 'the folder at that place is encrypted with a customer key (sse-c) that is not here' }, { cause: error });
  }
}
