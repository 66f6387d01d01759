/**
 * The key file: all secrets of one Enfold home in one passphrase-encrypted age file, for machines without a keychain.
 *
 * The file is decrypted at most once per process and version: scrypt is slow on purpose. Each change is written whole, to
 * a new file that replaces the old one durably, under a lock against other processes.
 */
import { open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { SyncError } from '../model/errors.ts';
import type { SecretStore } from '../sync/ports.ts';
import { KEY_FILE_WORK_FACTOR, decryptWithPassphrase, encryptWithPassphrase } from './passphrase.ts';

export const KEY_FILE_NAME = 'keys.age';
const LOCK_PATIENCE_MS = 20_000;

type Contents = { readonly version: 1; readonly secrets: Record<string, string> };

const hasCode = (error: unknown, code: string): boolean => error instanceof Error && 'code' in error && error.code === code;

function parseContents(plaintext: Buffer): Map<string, Buffer> {
  let contents: unknown;
  try {
    contents = JSON.parse(plaintext.toString('utf8'));
  } catch (error) {
    throw new SyncError('key-file-damaged', {}, { cause: error });
  }
  if (typeof contents !== 'object' || contents === null || !('version' in contents) || !('secrets' in contents)) throw new SyncError('key-file-damaged');
  if (contents.version !== 1) throw new SyncError('newer-version', { detail: 'The key file has a newer format.' });
  const secrets = new Map<string, Buffer>();
  for (const [name, value] of Object.entries(contents.secrets ?? {})) {
    if (typeof value !== 'string') throw new SyncError('key-file-damaged');
    secrets.set(name, Buffer.from(value, 'base64'));
  }
  return secrets;
}

function encodeContents(secrets: ReadonlyMap<string, Buffer>): Buffer {
  const contents: Contents = { version: 1, secrets: Object.fromEntries([...secrets].map(([name, value]) => [name, value.toString('base64')])) };
  return Buffer.from(JSON.stringify(contents));
}

/** Writes `file` so that after a power cut it is the old one or the new one, whole. */
async function replaceFile(file: string, content: Uint8Array): Promise<void> {
  const staged = `${file}.${process.pid}.new`;
  try {
    const handle = await open(staged, 'w', 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(staged, file);
  } catch (error) {
    await unlink(staged).catch(() => undefined);
    if (hasCode(error, 'ENOSPC')) throw new SyncError('disk-full', {}, { cause: error });
    if (hasCode(error, 'EROFS')) throw new SyncError('read-only', {}, { cause: error });
    throw error;
  }
  const directory = await open(join(file, '..'), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

/** Runs `work` while no other process changes the file; a lock whose owner is dead is taken over. */
async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const lock = `${file}.lock`;
  const giveUpAt = Date.now() + LOCK_PATIENCE_MS;
  for (;;) {
    try {
      const handle = await open(lock, 'wx', 0o600);
      await handle.writeFile(String(process.pid));
      await handle.close();
      break;
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
      const owner = Number(await readFile(lock, 'utf8').catch(() => ''));
      if (owner > 0 && !isAlive(owner)) await unlink(lock).catch(() => undefined);
      else if (Date.now() > giveUpAt) throw new SyncError('folder-busy', { detail: 'Another Enfold is changing the key file.' }, { cause: error });
      else await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  try {
    return await work();
  } finally {
    await unlink(lock).catch(() => undefined);
  }
}

/**
 * A SecretStore over `<home>/keys.age`.
 *
 * @param passphrase - asked at most once per process.
 */
export function createKeyFileStore(home: string, passphrase: () => Promise<string | null>): SecretStore {
  const file = join(home, KEY_FILE_NAME);
  let asked: Promise<string> | null = null;
  let opened: { readonly version: string; readonly secrets: Map<string, Buffer> } | null = null;

  const knownPassphrase = (): Promise<string> => (asked ??= passphrase().then((given) => {
    if (given === null) {
      asked = null;
      throw new SyncError('passphrase-missing');
    }
    return given;
  }));

  /** Tells one content of the file from another, so that a change by another process is seen. */
  const fileVersion = async (): Promise<string | null> => {
    try {
      const { ino, mtimeMs, size } = await stat(file);
      return `${ino}.${mtimeMs}.${size}`;
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return null;
      throw error;
    }
  };

  const load = async (): Promise<Map<string, Buffer>> => {
    const version = await fileVersion();
    if (version === null) return new Map();
    if (opened?.version === version) return opened.secrets;
    try {
      const plaintext = await decryptWithPassphrase(await readFile(file), await knownPassphrase());
      opened = { version, secrets: parseContents(plaintext) };
      plaintext.fill(0);
    } catch (error) {
      if (error instanceof SyncError && error.code === 'passphrase-wrong') asked = null; // the user may be asked again
      throw error;
    }
    return opened.secrets;
  };

  // One load at a time: ten secrets asked for at once must not run scrypt ten times.
  let queue: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = queue.then(work, work);
    queue = turn.catch(() => undefined);
    return turn;
  };

  const change = (edit: (secrets: Map<string, Buffer>) => boolean): Promise<void> => inTurn(() => withLock(file, async () => {
    const secrets = new Map(await load());
    if (!edit(secrets)) return;
    const plaintext = encodeContents(secrets);
    await replaceFile(file, await encryptWithPassphrase(plaintext, await knownPassphrase(), KEY_FILE_WORK_FACTOR));
    plaintext.fill(0);
    opened = { version: (await fileVersion()) ?? '', secrets };
  }));

  return {
    backend: 'file',
    get: async (name) => {
      const value = (await inTurn(load)).get(name);
      return value === undefined ? null : Buffer.from(value);
    },
    set: async (name, value) => change((secrets) => {
      secrets.set(name, Buffer.from(value));
      return true;
    }),
    delete: async (name) => change((secrets) => secrets.delete(name)),
    forget: () => {
      for (const value of opened?.secrets.values() ?? []) value.fill(0);
      opened = null;
      asked = null;
    },
  };
}
