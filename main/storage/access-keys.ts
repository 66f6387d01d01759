/** The access keys that may sign requests. The root key is made at first start and kept in the data folder. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { SyncError } from '../model/errors.ts';
import { ACCOUNT, ROOT_ARN } from './policy.ts';
import { readSecretFile, writeSecretFile } from './secret-file.ts';

export const ACCESS_KEYS_FILE = 'keys.json';

export type AccessKey = { readonly accessKeyId: string; readonly secretAccessKey: string };
type Stored = { readonly version: 1; readonly accessKeys: readonly (AccessKey & { readonly name: string; readonly hasFullAccess?: boolean })[] };

/** Who signed a request. Access keys other than the root's are users of the one account. */
export type Principal = {
  readonly accessKeyId: string;
  /** `arn:aws:iam::000000000000:user/NAME`, or the account's root. */
  readonly arn: string;
  readonly isRoot: boolean;
  /** False: it may do only what bucket and key policies allow it. */
  readonly hasFullAccess: boolean;
};
export type UserKey = AccessKey & { readonly name: string; readonly hasFullAccess: boolean };
/** An access key without its secret. */
export type ListedKey = Pick<Principal, 'accessKeyId' | 'arn' | 'isRoot' | 'hasFullAccess'> & { readonly name: string };

export type AccessKeys = {
  readonly root: AccessKey;
  readonly secretOf: (accessKeyId: string) => string | undefined;
  readonly principalOf: (accessKeyId: string) => Principal;
  /** A new access key, durably, under a name that is free. */
  readonly add: (name: string, hasFullAccess: boolean) => Promise<UserKey>;
  readonly list: () => readonly ListedKey[];
  /** From then on nothing signed by it is taken. The root key stays. @throws SyncError bad-usage, no-such-access-key */
  readonly remove: (name: string) => Promise<ListedKey>;
};

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
  let stored: Stored = text === null ? { version: 1, accessKeys: [] } : parse(text);
  const save = async (next: Stored): Promise<void> => {
    await writeSecretFile(file, JSON.stringify(next, null, 2));
    stored = next;
  };
  if (given === undefined && text === null) await save({ version: 1, accessKeys: [{ name: 'root', ...newAccessKey() }] });
  const root = given ?? stored.accessKeys.find((key) => key.name === 'root') ?? stored.accessKeys[0];
  if (root === undefined) throw new SyncError('state-corrupt', { detail: `${ACCESS_KEYS_FILE} holds no access key` });
  const find = (accessKeyId: string): Stored['accessKeys'][number] | undefined => stored.accessKeys.find((key) => key.accessKeyId === accessKeyId);
  const principalOf = (accessKeyId: string): Principal => {
    const key = find(accessKeyId);
    const isRoot = accessKeyId === root.accessKeyId || key === undefined || key.name === 'root';
    return { accessKeyId, isRoot, arn: isRoot ? ROOT_ARN : `arn:aws:iam::${ACCOUNT}:user/${key.name}`, hasFullAccess: isRoot || key.hasFullAccess !== false };
  };
  const listed = ({ name, accessKeyId }: Stored['accessKeys'][number]): ListedKey => ({ name, ...principalOf(accessKeyId) });
  return {
    root: { accessKeyId: root.accessKeyId, secretAccessKey: root.secretAccessKey },
    secretOf: (accessKeyId) => (accessKeyId === root.accessKeyId ? root.secretAccessKey : find(accessKeyId)?.secretAccessKey),
    principalOf,
    add: async (name, hasFullAccess) => {
      if (!/^[\w+=,.@-]{1,64}$/.test(name) || name === 'root' || stored.accessKeys.some((key) => key.name === name)) throw new SyncError('bad-usage', { detail: 'the name of an access key must be new, of letters, digits and +=,.@_-' });
      const added = { name, hasFullAccess, ...newAccessKey() };
      const known = stored.accessKeys.length > 0 ? stored.accessKeys : [{ name: 'root', ...newAccessKey() }];
      await save({ version: 1, accessKeys: [...known, added] });
      return added;
    },
    list: () => stored.accessKeys.map(listed),
    remove: async (name) => {
      const key = stored.accessKeys.find((each) => each.name === name || each.accessKeyId === name);
      if (key === undefined) throw new SyncError('no-such-access-key', { detail: name });
      if (key.name === 'root') throw new SyncError('bad-usage', { detail: 'the root access key cannot be removed' });
      const gone = listed(key);
      await save({ version: 1, accessKeys: stored.accessKeys.filter((each) => each !== key) });
      return gone;
    },
  };
}
