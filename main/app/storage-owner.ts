/** What the owner of a built-in storage sees and changes in the window: its address, HTTPS, and where its root key is. */
import type { Answer, ConnectionView, EngineRequest, HostHandlers, LockView, StorageOwnerView } from '../../preload/contract.ts';
import { SyncError, fromWire } from '../model/errors.ts';
import { saveKitPdf } from './kit-printer.ts';
import type { OwnerResult, StorageHost } from './storage-host.ts';

type Options = { askEngine: (name: EngineRequest, input: unknown) => Promise<Answer<EngineRequest>>; storage: StorageHost };
type Handlers = Pick<HostHandlers, 'host.storageOwner' | 'host.storageSecure' | 'host.storageToKeychain' | 'host.saveStorageWords'>;

export function createStorageOwner({ askEngine, storage }: Options): Handlers {
  const ask = async <T>(name: EngineRequest, input: unknown): Promise<T> => {
    const answer = await askEngine(name, input);
    if (!answer.ok) throw fromWire(answer.error);
    return answer.value as T;
  };
  /** @throws SyncError enfold-locked: who sits at a locked window is not taken for the owner */
  const find = async (connectionId: string): Promise<{ directory: string; isSecure: boolean }> => {
    if ((await ask<LockView>('lock.state', undefined)).isLocked) throw new SyncError('enfold-locked');
    const found = (await ask<ConnectionView[]>('connections.list', undefined)).find(({ id }) => id === connectionId);
    if (found === undefined) throw new SyncError('no-such-connection');
    if (found.directory === null) throw new SyncError('bad-usage', { detail: 'only built-in storage has an owner here' });
    return { directory: found.directory, isSecure: found.isSecure };
  };
  const viewOf = async (connectionId: string, known?: OwnerResult): Promise<StorageOwnerView> => {
    const { directory, isSecure } = await find(connectionId);
    const { endpoint } = await storage.start(directory, isSecure);
    const { rootKey, fingerprint } = known ?? (await storage.perform(directory, 'look'));
    return { directory, endpoint, isSecure, fingerprint: isSecure ? fingerprint : null, rootKey: { place: rootKey.place, id: rootKey.rootKeyId, wordsAtMs: rootKey.exportedMs } };
  };
  return {
    'host.storageOwner': async ({ connectionId }) => viewOf(connectionId),
    'host.storageSecure': async ({ connectionId, isSecure }) => {
      await find(connectionId);
      await ask('connections.setSecure', { connectionId, isSecure });
      return viewOf(connectionId);
    },
    'host.storageToKeychain': async ({ connectionId }) => viewOf(connectionId, await storage.perform((await find(connectionId)).directory, 'to-keychain')),
    'host.saveStorageWords': async ({ connectionId, file }) => {
      const { directory } = await find(connectionId);
      const { page } = await saveKitPdf(async () => ({ page: (await storage.perform(directory, 'words')).page ?? '', age: null }), file);
      return { page, owner: await viewOf(connectionId) };
    },
  };
}
