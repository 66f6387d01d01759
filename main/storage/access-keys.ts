/** The access keys that may sign requests. The root key is made at first start and kept in the data folder. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { SyncError } from '../model/errors.ts';
import { readSecretFile, writeSecretFile } from './secret-file.ts';

export const ACCESS_KEYS_FILE = 'keys.json';

export type AccessKey = { readonly accessKeyId: string; readonly secretAccessKey: string };
type Stored = { readonly version: 1; readonly accessKeys: readonly (AccessKey & { readonly name: string })[] };

export type AccessKeys = { readonly root: AccessKey; readonly secretOf: (accessKeyId: string) => string | undefined };

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function newAccessKey(): AccessKey {
  const id = [...randomBytes(16)].map((byte) => BASE32.charAt(byte & 31)).join('');
  return { accessKeyId: `ENFO${id}`, secretAccessKey: randomBytes(30).toString('base64') };
}

function parse(text: string): Stored {
  try {
    const stored = JSON.parse(text) as Stored;
    const isWhole = stored.version === 1 && stored.accessKeys.length > 0 && stored.accessKeys.every((key) => key.accessKeyId !== '' && key.secretAccessKey !== '');
    if (isWhole) return stored;
  } catch {
    // Answered below, whatever is wrong with it.
  }
  throw new SyncError('state-corrupt', { detail: `${ACCESS_KEYS_FILE} is damaged; remove it to get a new access key` });
}

/**
 * Reads the access keys of a data folder, or makes the root key.
 *
 * @param given - a key from outside that takes the place of the stored root key and is not stored.
 * @throws SyncError state-corrupt
 */
export async function openAccessKeys(directory: string, given?: AccessKey): Promise<AccessKeys> {
  const file = join(directory, ACCESS_KEYS_FILE);
  const text = await readSecretFile(file);
  let keys: AccessKey[] = text === null ? [] : [...parse(text).accessKeys];
  if (given !== undefined) {
    keys = [given, ...keys];
  } else if (text === null) {
    const root = newAccessKey();
    await writeSecretFile(file, JSON.stringify({ version: 1, accessKeys: [{ name: 'root', ...root }] } satisfies Stored, null, 2));
    keys = [root];
  }
  const root = keys[0];
  if (root === undefined) throw new SyncError('state-corrupt', { detail: `${ACCESS_KEYS_FILE} holds no access key` });
  const secrets = new Map(keys.map((key) => [key.accessKeyId, key.secretAccessKey]));
  return { root, secretOf: (accessKeyId) => secrets.get(accessKeyId) };
}
