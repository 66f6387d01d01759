/**
 * The app lock: while it is on, no secret is read, no folder is open, and what was opened is forgotten. It holds for every process
 * of this Enfold home, since it stands in the settings.
 *
 * What takes it off again: with a key file its passphrase; with the keychain a passphrase of the lock's own, where one was set, or
 * the system's own check of its user, which the shell makes. Without either the lock only waits for somebody to take it off.
 */
import { isSyncError, SyncError } from '../model/errors.ts';
import type { SettingsStore } from '../state/settings.ts';
import type { SecretStore } from '../sync/ports.ts';
import type { Lock, LockSettings } from './api.ts';

const LOCKED_FACT = 'locked';
const SETTINGS_FACT = 'lock-settings';
const HAS_PASSPHRASE_FACT = 'lock-has-passphrase';
const VERIFIER_SECRET = 'lock/verifier';
const VERIFIED_TEXT = 'enfold lock v1';
const DEFAULTS: LockSettings = { idleMinutes: null, onScreenLock: false, onSleep: false };

type Facts = Pick<SettingsStore, 'fact' | 'putFact'>;

export const isLockedIn = (settings: Pick<SettingsStore, 'fact'>): boolean => settings.fact(LOCKED_FACT) !== null;

/** A store that answers nothing while the lock is on. */
export function guardSecrets(store: SecretStore, settings: Pick<SettingsStore, 'fact'>): SecretStore {
  const checked = <T>(use: () => Promise<T>): Promise<T> => (isLockedIn(settings) ? Promise.reject(new SyncError('enfold-locked')) : use());
  return {
    backend: store.backend,
    get: async (name) => checked(async () => store.get(name)),
    set: async (name, value) => checked(async () => store.set(name, value)),
    delete: async (name) => checked(async () => store.delete(name)),
    forget: () => store.forget?.(),
    ...(store.setAside === undefined ? {} : { setAside: async () => checked(async () => store.setAside?.() ?? null) }),
  };
}

type Options = {
  readonly settings: Facts;
  /** The store itself, which the lock does not guard. */
  readonly store: () => Promise<SecretStore>;
  /** Forgets what was opened: passphrases and secrets held in memory. */
  readonly forget: () => Promise<void>;
  /** A key file is opened with this passphrase from now on. @throws SyncError passphrase-wrong; then nothing has changed */
  readonly openKeyFile: (passphrase: string) => Promise<void>;
};

export function createLock({ settings, store, forget, openKeyFile }: Options): Lock {
  const isLocked = (): boolean => isLockedIn(settings);

  const checkPassphrase = async (passphrase: string | null): Promise<void> => {
    const verifier = await (await store()).get(VERIFIER_SECRET);
    if (verifier === null) return;
    if (passphrase === null) throw new SyncError('passphrase-missing', { detail: 'the lock has a passphrase' });
    const { decryptWithPassphrase } = await import('../keys/passphrase.ts');
    try {
      const plaintext = await decryptWithPassphrase(verifier, passphrase);
      if (plaintext.toString('utf8') !== VERIFIED_TEXT) throw new SyncError('lock-passphrase-wrong');
    } catch (error) {
      throw isSyncError(error, 'passphrase-wrong') ? new SyncError('lock-passphrase-wrong', {}, { cause: error }) : error;
    }
  };

  return {
    isLocked,
    method: async () => ((await store()).backend === 'file' ? 'key-file' : settings.fact(HAS_PASSPHRASE_FACT) === true ? 'passphrase' : 'none'),
    lock: async () => {
      if (!isLocked()) settings.putFact(LOCKED_FACT, { atMs: Date.now() });
      await forget();
    },
    unlock: async (passphrase) => {
      if ((await store()).backend === 'file') {
        if (passphrase === null) throw new SyncError('passphrase-missing', { detail: 'the passphrase of the key file unlocks it' });
        await openKeyFile(passphrase);
      } else await checkPassphrase(passphrase);
      settings.putFact(LOCKED_FACT, null);
    },
    unlockVerified: () => settings.putFact(LOCKED_FACT, null),
    setPassphrase: async (current, next) => {
      const held = await store();
      if (held.backend === 'file') throw new SyncError('bad-usage', { detail: 'with a key file its own passphrase unlocks' });
      await checkPassphrase(current);
      if (next === null || next === '') {
        await held.delete(VERIFIER_SECRET);
        settings.putFact(HAS_PASSPHRASE_FACT, null);
        return;
      }
      const { encryptWithPassphrase, KEY_FILE_WORK_FACTOR } = await import('../keys/passphrase.ts');
      await held.set(VERIFIER_SECRET, await encryptWithPassphrase(Buffer.from(VERIFIED_TEXT), next, KEY_FILE_WORK_FACTOR));
      settings.putFact(HAS_PASSPHRASE_FACT, true);
    },
    settings: () => ({ ...DEFAULTS, ...(settings.fact(SETTINGS_FACT) as Partial<LockSettings> | null) }),
    setSettings: (next) => {
      if (next.idleMinutes !== null && (!Number.isInteger(next.idleMinutes) || next.idleMinutes < 1 || next.idleMinutes > 24 * 60)) throw new SyncError('bad-usage', { detail: 'the lock waits 1 minute to 24 hours' });
      settings.putFact(SETTINGS_FACT, next);
    },
  };
}
