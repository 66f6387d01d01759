/**
 * The program without a face: settings, secrets, folders and the remote side of each, wired together. The command line, the
 * engine process and tests open one of these and nothing below it.
 *
 * Promises: what needs no secret opens no secret store; what needs no server loads no S3 client; unwrapped keys stay in
 * memory. It leaves to the engine what a sync does, and to its callers how to show it.
 */
import { isSyncError, SyncError } from '../model/errors.ts';
import type { SecretStore } from '../sync/ports.ts';
import { enfoldHome } from '../state/home.ts';
import { openSettings } from '../state/settings.ts';
import type { Enfold, EnfoldOptions, Invitations } from './api.ts';
import { createBuckets } from './buckets.ts';
import { createConnections } from './connections.ts';
import { checkTransfers, createFlow, limitsIn, LIMITS_FACT } from './flow.ts';
import { createFolders } from './folders.ts';
import { createKeys } from './keys.ts';
import { createKits } from './kits.ts';
import { createLock, guardSecrets } from './lock.ts';

/** Set where the user chose the passphrase file in the window; the environment counts for more. */
const BACKEND_FACT = 'secret-backend';
/** No secret has this name: asking for it opens the store and nothing else. */
const PROBE_SECRET = 'connection/none';

/** @throws SyncError state-corrupt, state-newer-version, permission-denied, not-a-directory, disk-full */
export async function openEnfold(options: EnfoldOptions): Promise<Enfold> {
  const home = enfoldHome(options.home === undefined ? options.env : { ...options.env, ENFOLD_HOME: options.home });
  const settings = openSettings(home);
  let opening: Promise<SecretStore> | null = null;
  let passphrase: string | null = null;
  const openSecrets = async (): Promise<SecretStore> => {
    const { env } = options;
    const chosen = env['ENFOLD_KEYCHAIN'] || settings.fact(BACKEND_FACT);
    if (chosen !== null && chosen !== undefined && chosen !== 'file') throw new SyncError('bad-usage', { detail: 'ENFOLD_KEYCHAIN is file, or not set' });
    const { openSecretStore } = await import('../keys/secret-store.ts');
    return openSecretStore({
      home,
      env: { ...env, ...(chosen === 'file' ? { ENFOLD_KEYCHAIN: 'file' } : {}), ...(passphrase === null ? {} : { ENFOLD_PASSPHRASE: undefined }) },
      askPassphrase: async () => passphrase ?? (await options.askPassphrase?.()) ?? null,
    });
  };
  const store = async (): Promise<SecretStore> => (opening ??= openSecrets());
  const secrets = async (): Promise<SecretStore> => guardSecrets(await store(), settings);
  /** On an error everything is as before. */
  const openWith = async (given: string): Promise<void> => {
    const before = { passphrase, opening, backend: settings.fact(BACKEND_FACT) };
    passphrase = given;
    opening = null;
    try {
      // Where the environment chose the key file, nothing needs to be remembered.
      if (options.env['ENFOLD_KEYCHAIN'] !== 'file') settings.putFact(BACKEND_FACT, 'file');
      await (await store()).get(PROBE_SECRET);
    } catch (error) {
      ({ passphrase, opening } = before);
      if (settings.fact(BACKEND_FACT) !== before.backend) settings.putFact(BACKEND_FACT, before.backend);
      throw error;
    }
  };
  const lock = createLock({
    settings, store, openKeyFile: openWith,
    forget: async () => {
      passphrase = null;
      const held = opening;
      opening = null;
      (await held)?.forget?.();
    },
  });
  const connections = createConnections({ settings, secrets, storageHost: options.storageHost });
  const keys = createKeys({
    settings, secrets,
    foldersNeeding: async (keyId) => (await import('./versions.ts')).foldersNeeding(keyId, settings, home),
    loadSecret: async (connection, secretId) => (await import('../remote/aws-services.ts')).loadSecret(await connections.accessOf(connections.find(connection)), secretId, new AbortController().signal),
  });
  const flow = createFlow(settings);
  const wiring = { home, settings, connections, keys, hostName: options.hostName, isLocked: () => lock.isLocked(), flow, log: options.log ?? (() => undefined) };
  const folders = createFolders({ home, settings, connections, keys, wiring: () => wiring, openFolder: async (folder) => (await import('./open-folder.ts')).openFolder(folder, wiring) });
  const kits = createKits({ home, settings, keys, hostName: options.hostName });
  const lazyInvitations = async () => (await import('./invitations.ts')).createInvitations({ home, settings, secrets, keys, connections, folders, hostName: options.hostName });
  const invitations: Invitations = {
    recipient: async () => (await lazyInvitations()).recipient(),
    invite: async (input) => (await lazyInvitations()).invite(input),
    accept: async (input) => (await lazyInvitations()).accept(input),
    needsPassphrase: async (file) => (await lazyInvitations()).needsPassphrase(file),
    members: async (folder) => (await lazyInvitations()).members(folder),
    renew: async (input) => (await lazyInvitations()).renew(input),
    withdraw: async (folder, member, given) => (await lazyInvitations()).withdraw(folder, member, given),
  };
  const lazyFiles = async () => (await import('./files.ts')).createFiles(folders, wiring);
  return {
    home, connections, keys, kits, invitations, lock, folders, settings, wiring, secrets, buckets: createBuckets({ home, connections, keys, settings }),
    usePassphrase: openWith,
    secretsProblem: async () => {
      try {
        await (await secrets()).get(PROBE_SECRET);
        return null;
      } catch (error) {
        if (isSyncError(error)) return error;
        throw error;
      }
    },
    files: {
      list: async function* (target, given) {
        yield* (await lazyFiles()).list(target, given);
      },
      get: async (...given) => (await lazyFiles()).get(...given),
      cat: async (...given) => (await lazyFiles()).cat(...given),
      put: async (...given) => (await lazyFiles()).put(...given),
      remove: async function* (target, given) {
        yield* (await lazyFiles()).remove(target, given);
      },
    },
    drill: async (wanted, given) => (await import('./drill.ts')).drillFolder(folders.find(wanted), wiring, given),
    deleteOldVersions: async (wanted, { isConfirmed, signal }) => {
      const folder = folders.find(wanted);
      const [{ openFolderState }, { deleteOldVersions }] = await Promise.all([import('../state/folder-state.ts'), import('./versions.ts')]);
      const state = openFolderState(home, folder.id);
      try {
        return await deleteOldVersions(folder, state, wiring, isConfirmed, signal);
      } finally {
        state.close();
      }
    },
    versions: async function* (target, signal) {
      yield* (await import('./restore.ts')).fileVersions(target, folders, wiring, signal);
    },
    restore: async (target, given) => (await import('./restore.ts')).restoreTarget(target, folders, wiring, given),
    trash: {
      list: async (wanted) => (await import('./trash.ts')).trashOf(folders.find(wanted)),
      restore: async (wanted, what, given) => (await import('./trash.ts')).restoreTrashed(folders.find(wanted), what, given),
      empty: async (wanted, ids) => (await import('./trash.ts')).emptyTrash(folders.find(wanted), ids),
    },
    limits: () => limitsIn(settings),
    setLimits: (changes) => {
      checkTransfers(changes.transfers);
      const next = { ...limitsIn(settings), ...changes };
      settings.putFact(LIMITS_FACT, next);
      return next;
    },
    why: async (wanted, path, signal) => (await import('./why.ts')).reasonsFor(folders.find(wanted), path, wiring, signal),
    explain: async (target, signal) => (await import('./explain.ts')).explainTarget(target, folders, wiring, signal),
    verify: async (wanted, given) => (await import('./verify.ts')).verifyFolder(folders.find(wanted), wiring, given),
    close: async () => {
      flow.close();
      settings.close();
    },
  };
}
