/** What the window's owner of a built-in storage asks for, done by the storage's process while it serves nothing. */
import { X509Certificate } from 'node:crypto';
import { basename, join } from 'node:path';
import { storageWordsPage } from '../keys/storage-words-page.ts';
import { wordsOf } from '../keys/words.ts';
import { SyncError } from '../model/errors.ts';
import { CERTIFICATE_FILE } from '../storage/certificate.ts';
import { exportRootKey, moveToStore, rootKeyPlace, type RootKeyPlace } from '../storage/root-key.ts';
import { readSecretFile } from '../storage/secret-file.ts';
import { secretStore, type Env } from './storage-root-keys.ts';

/** `page`: a page to be printed, with the recovery words; secret. */
export type OwnerResult = { readonly rootKey: RootKeyPlace; readonly fingerprint: string | null; readonly page: string | null };

async function pageOf(dir: string, env: Env): Promise<string> {
  const rootKey = await exportRootKey(dir, secretStore(env), Date.now());
  try {
    return storageWordsPage({ words: wordsOf(rootKey), directory: basename(dir), rootKeyId: (await rootKeyPlace(dir)).rootKeyId ?? '', nowMs: Date.now() });
  } finally {
    rootKey.fill(0);
  }
}

/**
 * @param task - `look`, also while it is served; `to-keychain` and `words`, while it is not.
 * @throws SyncError not-a-storage-folder, storage-busy, storage-key-missing, keychain-…, bad-usage
 */
export async function performOwnerTask(dir: string, env: Env, task: string): Promise<OwnerResult> {
  let page: string | null = null;
  if (task === 'to-keychain') await moveToStore(dir, secretStore(env));
  else if (task === 'words') page = await pageOf(dir, env);
  else if (task !== 'look') throw new SyncError('bad-usage', { detail: 'no such task' });
  const certificate = await readSecretFile(join(dir, CERTIFICATE_FILE));
  return { rootKey: await rootKeyPlace(dir), fingerprint: certificate === null ? null : new X509Certificate(certificate).fingerprint256, page };
}
