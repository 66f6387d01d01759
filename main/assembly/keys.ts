/** Keys by name: the bytes live in the secret store, all else in the settings. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fromWire, isSyncError, SyncError, toWire } from '../model/errors.ts';
import type { KeyId } from '../model/mode.ts';
import type { KeySettings, KeyType } from '../model/settings.ts';
import type { SettingsStore } from '../state/settings.ts';
import type { SecretStore } from '../sync/ports.ts';
import type { Keys } from './api.ts';
import { rememberFolders } from './known-folders.ts';
import { checkName, findNamed } from './lookup.ts';

const secretName = (keyId: KeyId): string => `key/${keyId}`;
/** A kit's page with its codes is the largest. */
const MAX_KEY_FILE_BYTES = 4 * 1024 * 1024;

export function readKeyFile(file: string): Buffer {
  try {
    const { size } = statSync(file);
    if (size > MAX_KEY_FILE_BYTES) throw new SyncError('key-invalid', { path: file, detail: 'the file is too large to be a key' });
    return readFileSync(file);
  } catch (error) {
    if (error instanceof SyncError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw new SyncError('no-such-path', { path: file }, { cause: error });
    throw new SyncError(code === 'EISDIR' ? 'key-invalid' : 'permission-denied', { path: file }, { cause: error });
  }
}

/** Whole or not at all, for the owner only; a file that holds something stays. */
export function writeNewFile(file: string, text: string): void {
  const holds = statSync(file, { throwIfNoEntry: false });
  if (holds !== undefined && (!holds.isFile() || holds.size > 0)) throw new SyncError('target-exists', { path: file });
  const temporary = join(dirname(file), `.enfold-${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = openSync(temporary, 'wx', 0o600);
    try {
      writeSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    const code = (error as NodeJS.ErrnoException).code;
    throw new SyncError(code === 'ENOSPC' ? 'disk-full' : code === 'EROFS' ? 'read-only' : code === 'ENOENT' ? 'no-such-path' : 'permission-denied', { path: file }, { cause: error });
  }
}

/** `foldersNeeding`: where a key of an earlier time may still be needed, and why. */
type Options = { readonly foldersNeeding: (keyId: KeyId) => Promise<readonly { readonly folder: { readonly name: string }; readonly why: string }[]>; readonly settings: SettingsStore; readonly secrets: () => Promise<SecretStore>; readonly loadSecret: (connection: string, secretId: string) => Promise<Buffer> };

export function createKeys({ settings, secrets, loadSecret, foldersNeeding }: Options): Keys {
  const find = (wanted: string): KeySettings => findNamed(settings.keys(), wanted, ({ keyId }) => keyId, ({ name }) => name, 'key-not-found');

  const checkFree = (name: string): string => {
    const checked = checkName(name);
    if (settings.keyNamed(checked) !== null) throw new SyncError('key-name-taken', { detail: checked });
    return checked;
  };

  /** Takes `bytes` over: they are zeroed. */
  const store = async (name: string, type: KeyType, bytes: Buffer): Promise<KeySettings> => {
    try {
      const { isPublicOnly, keyIdOfMaterial } = await import('../keys/key-material.ts');
      const keyId = keyIdOfMaterial(type, bytes);
      const known = settings.key(keyId);
      if (known !== null && known.type !== type) throw new SyncError('key-invalid', { detail: `the same bytes are already here as ${known.name}, a key of type ${known.type}: one key serves one purpose` });
      const secretStore = await secrets();
      // The public half must not take the place of the pair, which alone can read.
      const held = type === 'rsa' && isPublicOnly(type, bytes) ? await secretStore.get(secretName(keyId)) : null;
      const isHeld = held !== null && !isPublicOnly(type, held);
      held?.fill(0);
      if (!isHeld) await secretStore.set(secretName(keyId), bytes);
      // The same key again: its bytes are restored where they were lost, and its row is kept.
      if (known !== null) {
        if (known.name.toLowerCase() !== name.toLowerCase()) throw new SyncError('key-name-taken', { detail: `the same key is already here as ${known.name}` });
        return known;
      }
      const key: KeySettings = { keyId, name, type, createdAtMs: Date.now(), backend: secretStore.backend, exportedAtMs: null };
      try {
        settings.addKey(key);
      } catch (error) {
        await secretStore.delete(secretName(keyId));
        throw error;
      }
      return key;
    } finally {
      bytes.fill(0);
    }
  };

  /** Under a name that is free, or that this very key has. */
  const takeIn = async (name: string, material: { readonly type: KeyType; readonly bytes: Buffer }): Promise<KeySettings> => {
    const { keyIdOfMaterial } = await import('../keys/key-material.ts');
    const named = settings.keyNamed(name);
    if (named !== null && named.keyId !== keyIdOfMaterial(material.type, material.bytes)) {
      material.bytes.fill(0);
      throw new SyncError('key-name-taken', { detail: name });
    }
    return store(name, material.type, material.bytes);
  };

  const importSource = async (name: string, file: Buffer, type: KeyType, passphrase: string | null): Promise<KeySettings> => {
    const { readKeySource } = await import('../keys/kit-source.ts');
    const source = await readKeySource(file, type, passphrase);
    const key = await takeIn(name, source.key);
    if (source.kit === false) return key;
    rememberFolders(settings, source.folders);
    // The kit has just done what a check of it would do.
    const restored = { ...key, kit: { madeAtMs: key.kit?.madeAtMs ?? null, verifiedAtMs: Date.now(), folderIds: source.folders.map(({ descriptor }) => descriptor.folderId) } };
    settings.updateKey(restored);
    return restored;
  };

  const bytesOf = async (keyId: KeyId): Promise<Buffer> => {
    const store = await secrets();
    const bytes = await store.get(secretName(keyId));
    const known = settings.key(keyId);
    if (bytes === null && known !== null && known.backend !== store.backend) throw new SyncError('secret-elsewhere', { detail: `${known.name}: it was stored in the ${known.backend === 'file' ? 'key file' : 'keychain'}` });
    if (bytes === null) throw new SyncError('key-not-found', { detail: settings.key(keyId)?.name ?? keyId });
    return bytes;
  };

  return {
    list: () => settings.keys(),
    find,
    bytesOf,
    create: async ({ name, type }) => {
      const checked = checkFree(name);
      const { generateKey } = await import('../keys/key-material.ts');
      return store(checked, type, await generateKey(type));
    },
    needsPassphrase: async (file) => {
      const { asksFor } = await import('../keys/kit-source.ts');
      return asksFor(readKeyFile(file)) === 'passphrase';
    },
    importFrom: async ({ name, file, passphrase, type = 'aes' }) => importSource(checkName(name), readKeyFile(file), type, passphrase),
    takeIn: async ({ name, type, bytes }) => {
      const { keyIdOfMaterial } = await import('../keys/key-material.ts');
      const known = settings.key(keyIdOfMaterial(type, bytes));
      let free = known?.name ?? checkName(name);
      if (known === null) for (let number = 2; settings.keyNamed(free) !== null; number += 1) free = `${name} ${number}`;
      return { key: await store(free, type, bytes), isNew: known === null };
    },
    importWords: async ({ name, words, type = 'aes' }) => {
      const checked = checkName(name);
      const { normalizeWords } = await import('../keys/words.ts');
      return importSource(checked, Buffer.from(normalizeWords(words), 'utf8'), type, null);
    },
    importFromSecret: async ({ name, secretId, connection, type = 'aes' }) => {
      const checked = checkName(name);
      const { parseKeyMaterial } = await import('../keys/key-material.ts');
      const value = await loadSecret(connection, secretId);
      try {
        return await takeIn(checked, await parseKeyMaterial(value, type, null));
      } finally {
        value.fill(0);
      }
    },
    exportTo: async (wanted, file, passphrase) => {
      const key = find(wanted);
      if (passphrase === '') throw new SyncError('passphrase-missing', { detail: 'an exported key needs a passphrase' });
      const bytes = await bytesOf(key.keyId);
      const { encodeKeyExport } = await import('../keys/key-material.ts');
      try {
        writeNewFile(file, await encodeKeyExport({ type: key.type, name: key.name, bytes }, passphrase));
      } finally {
        bytes.fill(0);
      }
      const exported = { ...key, exportedAtMs: Date.now() };
      settings.updateKey(exported);
      return exported;
    },
    selfTest: async () => {
      const { keyIdOfMaterial } = await import('../keys/key-material.ts');
      const found = new Map<KeyId, SyncError | null>();
      for (const { keyId, name, type } of settings.keys()) {
        try {
          const bytes = await bytesOf(keyId);
          try {
            if (keyIdOfMaterial(type, bytes) !== keyId) throw new SyncError('key-damaged', { detail: name });
          } finally {
            bytes.fill(0);
          }
          found.set(keyId, null);
        } catch (error) {
          found.set(keyId, isSyncError(error, 'key-invalid') ? new SyncError('key-damaged', { detail: name }, { cause: error }) : fromWire(toWire(error)));
        }
      }
      return found;
    },
    remove: async (wanted) => {
      const key = find(wanted);
      const using = settings.folders().filter(({ mode }) => 'keyId' in mode && mode.keyId === key.keyId).map(({ name }) => name);
      const needing = (await foldersNeeding(key.keyId)).map(({ folder, why }) => `${folder.name}: ${why}`);
      if (using.length + needing.length > 0) throw new SyncError('key-in-use', { detail: [...using, ...needing].join('; ') });
      settings.removeKey(key.keyId);
      await (await secrets()).delete(secretName(key.keyId));
    },
  };
}
