/**
 * Keys and access secrets at rest. Secrets live in the operating system's keychain, or, where the user asked for it with
 * ENFOLD_KEYCHAIN=file, in one passphrase-encrypted file. There is no third place and no silent change from one to the
 * other: where the chosen store cannot be used, the caller gets an error that says why.
 *
 * A secret goes in and comes out as bytes; names are `key/<key id>` and `connection/<connection id>`. Which folders need
 * a key, and what it is called, is no secret and lives in the settings.
 */
import type { SecretStore } from '../sync/ports.ts';
import { createKeyFileStore } from './key-file.ts';
import { createKeychainStore } from './keychain.ts';

export type SecretStoreOptions = {
  /** Enfold's own directory on this computer. */
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Asked at most once, when the key file is first needed; null: none can be had. ENFOLD_PASSPHRASE comes first. */
  readonly askPassphrase?: (() => Promise<string | null>) | undefined;
};

/**
 * The store that the environment chooses. Nothing is opened before the first secret is needed.
 *
 * @throws SyncError from its methods: keychain-locked, keychain-missing, passphrase-missing, passphrase-wrong, key-file-damaged
 */
export function openSecretStore({ home, env, askPassphrase }: SecretStoreOptions): SecretStore {
  if (env['ENFOLD_KEYCHAIN'] !== 'file') return createKeychainStore(home);
  return createKeyFileStore(home, async () => env['ENFOLD_PASSPHRASE'] || (await askPassphrase?.()) || null);
}
