/**
 * The program without a face: settings, secrets, folders and the remote side of each, wired together. The command line, the
 * engine process and tests open one of these and nothing below it.
 *
 * Promises: what needs no secret opens no secret store; what needs no server loads no S3 client; unwrapped keys stay in
 * memory. It leaves to the engine what a sync does, and to its callers how to show it.
 */
import { SyncError } from '../model/errors.ts';
import type { SecretStore } from '../sync/ports.ts';
import { enfoldHome } from '../state/home.ts';
import { openSettings } from '../state/settings.ts';
import type { Enfold, EnfoldOptions } from './api.ts';
import { createConnections } from './connections.ts';
import { createFolders } from './folders.ts';
import { createKeys } from './keys.ts';

/** @throws SyncError state-corrupt, state-newer-version, permission-denied, not-a-directory, disk-full */
export async function openEnfold(options: EnfoldOptions): Promise<Enfold> {
  const home = enfoldHome(options.home === undefined ? options.env : { ...options.env, ENFOLD_HOME: options.home });
  const settings = openSettings(home);
  let opening: Promise<SecretStore> | null = null;
  const secrets = async (): Promise<SecretStore> => (opening ??= openSecrets(home, options));
  const connections = createConnections({ settings, secrets, storageHost: options.storageHost });
  const keys = createKeys({ settings, secrets });
  const wiring = { home, connections, keys, hostName: options.hostName, log: options.log ?? (() => undefined) };
  const folders = createFolders({ home, settings, connections, keys, openFolder: async (folder) => (await import('./open-folder.ts')).openFolder(folder, wiring) });
  const lazyFiles = async () => (await import('./files.ts')).createFiles(folders, wiring);
  return {
    home, connections, keys, folders, settings, wiring, secrets,
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
    verify: async (wanted, given) => (await import('./verify.ts')).verifyFolder(folders.find(wanted), wiring, given),
    close: async () => settings.close(),
  };
}

async function openSecrets(home: string, { env, askPassphrase }: EnfoldOptions): Promise<SecretStore> {
  if (env['ENFOLD_KEYCHAIN'] !== undefined && env['ENFOLD_KEYCHAIN'] !== '' && env['ENFOLD_KEYCHAIN'] !== 'file') {
    throw new SyncError('bad-usage', { detail: 'ENFOLD_KEYCHAIN is file, or not set' });
  }
  const { openSecretStore } = await import('../keys/secret-store.ts');
  return openSecretStore({ home, env, askPassphrase });
}
