/**
 * Path segments <-> encrypted segments, so that a bucket tells the shape of a folder and no name. Each segment is AES-256-SIV
 * under the folder's names key, bound to folder and plaintext parent; equal paths give equal keys, so that prefixes still list
 * and nothing has to be looked up. Segments too long for that become a hash, with the name in a record of its own.
 * @see docs/format.md, "Names"; RFC 5297
 */
import { createHmac } from 'node:crypto';
import { SyncError } from '../model/errors.ts';
import { parseSyncPath, type SyncPath } from '../model/path.ts';
import { createSiv, type SivState } from './aes-siv.ts';
import { deriveKey, equalBytes } from './derive.ts';
import { decodeBase32Hex, decodeUtf8, encodeBase32Hex } from './encoding.ts';
import { NAMES_KEY_BYTES } from './folder-key.ts';

/** A plaintext segment of more UTF-8 bytes than this stands as a hash. 96 bytes make 180 characters. */
export const MAX_SEGMENT_BYTES = 96;
/** Below the folder's own directory: `.enfold/names/<hash>`. */
export const LONG_NAMES_DIRECTORY = 'names';
const LONG_MARK = '~';
const HASH_BYTES = 20;
const HASH_LENGTH = (HASH_BYTES * 8) / 5;
const LONG_RECORD_VERSION = 0x01;
const MAX_LONG_NAME_BYTES = 4_096;
const MAX_CACHED_DIRECTORIES = 16_384;

export type LongName = {
  /** 32 characters: the last part of the record's key. */
  readonly hash: string;
  /** To be stored before the object that needs it. Equal names give equal records. */
  readonly record: Buffer;
};

export type Names = {
  /**
   * @returns the key below the folder's prefix, with a directory's trailing `/`, and the records it needs.
   */
  encryptPath(path: SyncPath): { readonly relativeKey: string; readonly longNames: readonly LongName[] };
  /**
   * @param lookupLong - the record of a hash (see {@link longNameHashes}), or null where there is none.
   * @throws SyncError malformed (not a key that `encryptPath` makes: foreign), not-authentic (altered, moved, of another folder; or its long name is missing)
   */
  decryptPath(relativeKey: string, lookupLong: (hash: string) => Buffer | null): SyncPath;
};

/** The hashes of long names in an encrypted key, in order; their records are needed to decrypt it. */
export function longNameHashes(relativeKey: string): readonly string[] {
  if (!relativeKey.includes(LONG_MARK)) return [];
  return relativeKey.split('/').filter((segment) => segment.length === 1 + HASH_LENGTH && segment.startsWith(LONG_MARK)).map((segment) => segment.slice(1));
}

type Directory = {
  /** The plaintext path in NFC, as UTF-8: `''` or with a trailing `/`. */
  readonly parentBytes: Buffer;
  readonly state: SivState;
};
type Encrypted = { readonly key: string; readonly longNames: readonly LongName[] };
const NO_LONG_NAMES: readonly LongName[] = [];

/**
 * @param namesKey - 64 bytes, from `namesKeyOf`; copied where it is needed, the caller's to zero.
 * @param folderId - 32 hex digits.
 */
export function createNames(namesKey: Buffer, folderId: string): Names {
  if (namesKey.length !== NAMES_KEY_BYTES || !/^[0-9a-f]{32}$/.test(folderId)) throw new SyncError('invariant', { detail: 'Names need a 64-byte key and a folder id.' });
  const folder = Buffer.from(folderId, 'hex');
  const siv = createSiv(namesKey);
  const folderState = siv.associate([folder]);
  const hashKey = deriveKey(namesKey, null, 'enfold long name hash v1', 32);
  const longLabel = Buffer.from('enfold long name v1', 'latin1');

  const directories = createCache<Directory>();
  const encryptedDirectories = createCache<Encrypted>();
  const decryptedDirectories = createCache<SyncPath | ''>();

  function directoryOf(parent: SyncPath | ''): Directory {
    const known = directories.get(parent);
    if (known !== undefined) return known;
    const parentBytes = Buffer.from(parent.normalize('NFC'), 'utf8');
    const directory = { parentBytes, state: siv.extend(folderState, parentBytes) };
    directories.set(parent, directory);
    return directory;
  }

  function hashOf(parent: Directory, name: Buffer): string {
    const parentLength = Buffer.alloc(4);
    parentLength.writeUInt32BE(parent.parentBytes.length);
    const hmac = createHmac('sha256', hashKey).update(folder).update(parentLength).update(parent.parentBytes).update(name);
    return encodeBase32Hex(hmac.digest().subarray(0, HASH_BYTES));
  }

  function encryptSegment(parent: SyncPath | '', segment: string): { readonly text: string; readonly longName: LongName | null } {
    const directory = directoryOf(parent);
    const name = Buffer.from(segment, 'utf8');
    if (name.length > MAX_LONG_NAME_BYTES) throw new SyncError('name-too-long');
    if (name.length <= MAX_SEGMENT_BYTES) return { text: encodeBase32Hex(siv.seal(directory.state, name)), longName: null };
    const hash = hashOf(directory, name);
    const sealed = siv.seal(siv.extend(directory.state, longLabel), name);
    return { text: LONG_MARK + hash, longName: { hash, record: Buffer.concat([Buffer.from([LONG_RECORD_VERSION]), sealed]) } };
  }

  /** `directory` is `''` or ends in `/`; so does the answer. */
  function encryptDirectory(directory: SyncPath | ''): Encrypted {
    if (directory === '') return { key: '', longNames: NO_LONG_NAMES };
    const known = encryptedDirectories.get(directory);
    if (known !== undefined) return known;
    const encrypted = encryptEntry(directory);
    encryptedDirectories.set(directory, encrypted);
    return encrypted;
  }

  function encryptEntry(path: SyncPath): Encrypted {
    const end = path.endsWith('/') ? path.length - 1 : path.length;
    const cut = path.lastIndexOf('/', end - 1) + 1;
    const parent = path.slice(0, cut) as SyncPath | '';
    const above = encryptDirectory(parent);
    const { text, longName } = encryptSegment(parent, path.slice(cut, end));
    return {
      key: end === path.length ? above.key + text : `${above.key}${text}/`,
      longNames: longName === null ? above.longNames : [...above.longNames, longName],
    };
  }

  function decryptSegment(parent: SyncPath | '', text: string, lookupLong: (hash: string) => Buffer | null): string {
    const directory = directoryOf(parent);
    if (text.startsWith(LONG_MARK)) return decryptLong(directory, text.slice(1), lookupLong);
    const sealed = decodeBase32Hex(text);
    if (sealed === null || sealed.length <= 16 || sealed.length > 16 + MAX_SEGMENT_BYTES) throw notOurs();
    const name = siv.open(directory.state, sealed);
    if (name === null) throw notAuthentic();
    return decodeUtf8(name);
  }

  function decryptLong(directory: Directory, hash: string, lookupLong: (hash: string) => Buffer | null): string {
    if (hash.length !== HASH_LENGTH || decodeBase32Hex(hash) === null) throw notOurs();
    const record = lookupLong(hash);
    if (record === null) throw new SyncError('not-authentic', { detail: 'The record of its long name is missing.' });
    if (record.length > 1 + 16 + MAX_LONG_NAME_BYTES || record[0] !== LONG_RECORD_VERSION) throw new SyncError('malformed', { detail: 'The record of its long name is damaged.' });
    const name = siv.open(siv.extend(directory.state, longLabel), record.subarray(1));
    if (name === null || name.length <= MAX_SEGMENT_BYTES || !equalBytes(Buffer.from(hashOf(directory, name)), Buffer.from(hash))) throw notAuthentic();
    return decodeUtf8(name);
  }

  /** `key` is `''` or ends in `/`; so does the answer. */
  function decryptDirectory(key: string, lookupLong: (hash: string) => Buffer | null): SyncPath | '' {
    if (key === '') return '';
    const known = decryptedDirectories.get(key);
    if (known !== undefined) return known;
    const path = decryptEntry(key, lookupLong);
    decryptedDirectories.set(key, path);
    return path;
  }

  function decryptEntry(key: string, lookupLong: (hash: string) => Buffer | null): SyncPath {
    const end = key.endsWith('/') ? key.length - 1 : key.length;
    const cut = key.lastIndexOf('/', end - 1) + 1;
    if (cut >= end) throw notOurs();
    const parent = decryptDirectory(key.slice(0, cut), lookupLong);
    const segment = decryptSegment(parent, key.slice(cut, end), lookupLong);
    const path = segment.includes('/') ? null : parseSyncPath(end === key.length ? parent + segment : `${parent}${segment}/`);
    if (path === null) throw new SyncError('malformed', { detail: 'Its name is none a file can have.' });
    return path;
  }

  return {
    encryptPath(path) {
      if (depthOf(path) > MAX_DEPTH) throw new SyncError('name-too-long');
      const { key, longNames } = encryptEntry(path);
      return { relativeKey: key, longNames };
    },
    decryptPath(relativeKey, lookupLong) {
      if (relativeKey === '' || relativeKey.length > 1_024) throw notOurs();
      return decryptEntry(relativeKey, lookupLong);
    },
  };
}

/** A segment takes at least 28 characters: what is deeper has no key within S3's 1,024 bytes, and would only exhaust the stack. */
const MAX_DEPTH = 36;

function depthOf(path: SyncPath): number {
  let depth = 0;
  for (let at = path.indexOf('/'); at >= 0 && depth <= MAX_DEPTH; at = path.indexOf('/', at + 1)) depth += 1;
  return depth;
}

const notOurs = () => new SyncError('malformed', { detail: 'It is not the key of an encrypted name.' });
const notAuthentic = () => new SyncError('not-authentic', { detail: 'Its name was altered, moved or belongs to another folder.' });

/** Keeps what was used lately: a full young half becomes the old one, and what is asked for there moves back. */
function createCache<V>(): { get(name: string): V | undefined; set(name: string, value: V): void } {
  let young = new Map<string, V>();
  let old = new Map<string, V>();
  function set(name: string, value: V): void {
    if (young.size >= MAX_CACHED_DIRECTORIES) {
      old = young;
      young = new Map();
    }
    young.set(name, value);
  }
  return {
    get(name) {
      const value = young.get(name);
      if (value !== undefined) return value;
      const older = old.get(name);
      if (older !== undefined) set(name, older);
      return older;
    },
    set,
  };
}
