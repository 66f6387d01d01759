/** The part of the window's contract that is about keys at rest: kits, sharing, the lock, drills. No answer holds a secret. */
import type { EngineHandlers, FolderView, KeyView } from '../../preload/contract.ts';
import { SyncError, toWire } from '../model/errors.ts';
import type { FolderSettings, KeySettings } from '../model/settings.ts';
import type { DrillReport, Enfold, KitProof } from './api.ts';

export type KeyRequest =
  | 'keys.others' | 'keys.saveKit' | 'keys.needsWords' | 'keys.verifyKit' | 'keys.importKit' | 'keys.selfTest' | 'keys.remove' | 'folders.known'
  | 'sharing.recipient' | 'sharing.invite' | 'sharing.needsPassphrase' | 'sharing.accept' | 'sharing.members' | 'sharing.withdraw' | 'sharing.renew' | 'sharing.grants'
  | 'lock.state' | 'lock.lock' | 'lock.unlock' | 'lock.setPassphrase' | 'lock.setSettings' | 'drill.last' | 'drill.run';

type Options = {
  readonly enfold: Enfold;
  readonly keyView: (key: KeySettings) => Promise<KeyView>;
  readonly folderView: (folder: FolderSettings) => FolderView;
  /** Brings what is open in line with the settings. */
  readonly reconcile: () => Promise<void>;
  /** Locks, and waits until every folder is closed. */
  readonly lockNow: () => Promise<void>;
  /** Does what changes how a folder is opened, while it is not. */
  readonly whileClosed: <T>(folderId: string, change: () => Promise<T>) => Promise<T>;
  readonly selfTest: () => Promise<void>;
  readonly problems: () => ReadonlyMap<string, SyncError | null>;
  readonly drill: (folderId: string, files: number | null) => Promise<DrillReport>;
};

/** @throws SyncError bad-usage where neither was given */
function proofOf({ words, file }: { readonly words: string | null; readonly file: string | null }): KitProof {
  if (file !== null) return { file, words };
  if (words === null) throw new SyncError('kit-words-missing');
  return { words };
}

export function createKeyHandlers({ enfold, keyView, folderView, reconcile, lockNow, whileClosed, selfTest, problems, drill }: Options): Pick<EngineHandlers, KeyRequest> {
  const { connections, folders, invitations, keys, kits, lock } = enfold;
  return {
    'keys.others': async () => {
      const { listSecrets } = await import('./secret-list.ts');
      return listSecrets(enfold).flatMap(({ name, type, usedBy }) => (type === 'kms' || type === 'access' ? [{ name, type, usedBy: [...usedBy] }] : []));
    },
    'keys.saveKit': async ({ keyId, file }) => {
      const { page, ageFile, folders: opened } = await kits.saveTo(keyId, file);
      return { page, ageFile, folders: [...opened] };
    },
    'keys.needsWords': async ({ file }) => ({ needs: await kits.needsWords(file) }),
    'keys.verifyKit': async ({ keyId, ...given }) => ({ folders: [...(await kits.verify(keyId, proofOf(given))).opened] }),
    'keys.importKit': async ({ name, type, ...given }) => {
      const proof = proofOf(given);
      return keyView(await ('file' in proof ? keys.importFrom({ name, file: proof.file, passphrase: proof.words, type }) : keys.importWords({ name, words: proof.words, type })));
    },
    'keys.selfTest': async () => {
      await selfTest();
      return [...problems()].map(([keyId, problem]) => ({ keyId, problem: problem === null ? null : toWire(problem) }));
    },
    'keys.remove': async ({ keyId }) => {
      await keys.remove(keyId);
      return null;
    },
    'folders.known': async () => [...kits.known()],
    'sharing.recipient': async () => {
      const { text, fingerprint } = await invitations.recipient();
      const { svgCode } = await import('../keys/recipient-code.ts');
      return { recipient: text, fingerprint, code: svgCode(text) };
    },
    'sharing.invite': async ({ folderId, recipient, passphrase, file, name, days }) => {
      if ((recipient === null) === (passphrase === null)) throw new SyncError('bad-usage', { detail: 'either a recipient or a passphrase' });
      const invited = await invitations.invite({ folder: folderId, audience: recipient === null ? { type: 'passphrase', passphrase: passphrase ?? '' } : { type: 'recipient', recipient }, file, name, days });
      return { member: invited.member, file: invited.file, fingerprint: invited.recipient?.fingerprint ?? null };
    },
    'sharing.needsPassphrase': async ({ file }) => ({ needs: await invitations.needsPassphrase(file) }),
    'sharing.accept': async ({ connectionId, ...input }) => {
      // As every folder that the window adds, it waits for `folders.start`.
      const { folder } = await invitations.accept({ ...input, connection: connectionId, isPaused: true });
      await reconcile();
      return folderView(folder);
    },
    'sharing.members': async ({ folderId }) => [...(await invitations.members(folderId))],
    // The engine goes on with the change of key once the folder is open again.
    'sharing.withdraw': async ({ folderId, memberId, mayChangeKey }) => ({ newKeyName: (await whileClosed(folderId, async () => invitations.withdraw(folderId, memberId, { mayChangeKey }))).next?.name ?? null }),
    'sharing.renew': async ({ folderId, directory, days }) => {
      const { files, byHand } = await invitations.renew({ folder: folderId, directory, days });
      return { files: files.map((file) => ({ ...file })), byHand: [...byHand] };
    },
    'sharing.grants': async ({ folderId }) => {
      const { grantsFor } = await import('./grants.ts');
      const folder = folders.find(folderId);
      const region = connections.list().find(({ id }) => id === folder.connectionId)?.region ?? null;
      return grantsFor(folder, region).map((grant) => ({ ...grant, statements: [...grant.statements] }));
    },
    'lock.state': async () => ({ isLocked: lock.isLocked(), method: await lock.method(), settings: lock.settings() }),
    'lock.lock': async () => {
      await lockNow();
      return null;
    },
    'lock.unlock': async ({ passphrase }) => {
      await lock.unlock(passphrase);
      return null;
    },
    'lock.setPassphrase': async ({ current, next }) => {
      await lock.setPassphrase(current, next);
      return null;
    },
    'lock.setSettings': async (next) => {
      lock.setSettings(next);
      return null;
    },
    'drill.last': async ({ folderId }) => (await folders.recordsOf(folderId)).drill,
    'drill.run': async ({ folderId, files }) => {
      const { problems: failed, id: _id, name: _name, ...drilled } = await drill(folderId, files ?? null);
      return { ...drilled, problems: failed.map(({ path, error }) => ({ path, error })) };
    },
  };
}
