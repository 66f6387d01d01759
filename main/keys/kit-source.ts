/**
 * A key in whatever form people bring it back: the kit's page as it was saved, its age file with the words, the words alone,
 * or what `key-material.ts` reads (raw, hex, base64, PEM, an export).
 */
import { isSyncError, SyncError } from '../model/errors.ts';
import type { KeyType } from '../model/settings.ts';
import { isKitPage, parseKitPage } from './kit-page.ts';
import { parseKeyMaterial } from './key-material.ts';
import { decryptWithPassphrase, isAgeFile } from './passphrase.ts';
import { isKitContent, openKit, parseKitContent, type KitKey, type KnownFolder } from './recovery-kit.ts';
import { areWords, normalizeWords, secretOfWords } from './words.ts';

/** `name` null: it was not carried. `kit` false: no recovery kit, but a key in another form. */
export type KeySource = { readonly key: Omit<KitKey, 'name'> & { readonly name: string | null }; readonly folders: readonly KnownFolder[]; readonly kit: 'file' | 'page' | 'words' | false };

/** What has to be asked before {@link readKeySource}. */
export function asksFor(file: Uint8Array): 'passphrase' | 'nothing' {
  return isAgeFile(file) ? 'passphrase' : 'nothing';
}

/**
 * @param type - what 32 bytes, or words alone, are meant to be.
 * @param passphrase - of an age file: the words where it is a kit's, else the passphrase of the export.
 * @throws SyncError kit-…, key-invalid, key-file-damaged, passphrase-missing, passphrase-wrong, newer-version
 */
export async function readKeySource(file: Uint8Array, type: KeyType, passphrase: string | null): Promise<KeySource> {
  if (isKitPage(file)) {
    const { words, age } = parseKitPage(file);
    return { ...(await openKit(Buffer.from(age, 'latin1'), words)), kit: 'page' };
  }
  const text = Buffer.from(file).toString('utf8');
  if (!isAgeFile(file) && areWords(text)) {
    if (type === 'rsa') throw new SyncError('key-invalid', { detail: 'the words of an RSA key open the file of its recovery kit: give that file' });
    return { key: { type, bytes: secretOfWords(normalizeWords(text)), name: null }, folders: [], kit: 'words' };
  }
  if (isAgeFile(file) && passphrase !== null && areWords(passphrase)) {
    const words = normalizeWords(passphrase);
    const opened = await openWith(file, words);
    if (isKitContent(opened)) {
      try {
        return { ...parseKitContent(opened), kit: 'file' };
      } finally {
        opened.fill(0);
      }
    }
    opened.fill(0);
  }
  const { name, ...key } = await parseKeyMaterial(file, type, passphrase);
  return { key: { ...key, name }, folders: [], kit: false };
}

async function openWith(file: Uint8Array, words: string): Promise<Buffer> {
  try {
    return await decryptWithPassphrase(file, words);
  } catch (error) {
    if (isSyncError(error, 'passphrase-wrong')) throw new SyncError('kit-words-wrong', { detail: 'the words pass their checksum, and are those of another kit' }, { cause: error });
    throw isSyncError(error, 'key-file-damaged') ? new SyncError('kit-damaged', {}, { cause: error }) : error;
  }
}
