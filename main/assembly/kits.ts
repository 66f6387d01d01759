/**
 * Recovery kits of the keys here: put together from the secret store and the folders' records, and checked by doing what
 * recovery would do, which is unwrapping the folder keys with what the user has on paper.
 */
import { hostname } from 'node:os';
import { existsSync } from 'node:fs';
import { isSyncError, SyncError } from '../model/errors.ts';
import type { Descriptor } from '../envelope/descriptor.ts';
import type { KeyId } from '../model/mode.ts';
import { kitStateOf, type FolderSettings, type KeySettings } from '../model/settings.ts';
import type { DescriptorPin } from '../remote/folder-config.ts';
import type { KnownFolder } from '../keys/recovery-kit.ts';
import type { SettingsStore } from '../state/settings.ts';
import type { Keys, KitFolderView, KitProof, Kits } from './api.ts';
import { DESCRIPTOR_FACT, PIN_FACT } from './epochs.ts';
import { readKeyFile, writeNewFile } from './keys.ts';
import { folderView, knownFolders } from './known-folders.ts';

type Options = { readonly home: string; readonly settings: SettingsStore; readonly keys: Keys; readonly hostName: string | undefined };

const isOpenedBy = (descriptor: Descriptor, keyId: KeyId): boolean => descriptor.epochs.some(({ mode }) => 'keyId' in mode && mode.keyId === keyId);
const isUnderKms = (descriptor: Descriptor, kmsKeyId: string): boolean => descriptor.epochs.some(({ mode }) => 'kmsKeyId' in mode && mode.kmsKeyId === kmsKeyId);

/** The folder as this computer's records have it; null where they are gone. */
export async function describeFolder(folder: FolderSettings, { home, settings }: Pick<Options, 'home' | 'settings'>): Promise<KnownFolder | null> {
  const { openFolderState } = await import('../state/folder-state.ts');
  const state = openFolderState(home, folder.id);
  try {
    const descriptor = state.fact<Descriptor>(DESCRIPTOR_FACT);
    const pin = state.fact<DescriptorPin>(PIN_FACT);
    const connection = settings.connection(folder.connectionId);
    if (descriptor === null || pin === null || connection === null) return null;
    return {
      name: folder.name, bucket: folder.bucket, prefix: folder.prefix, region: connection.region, fingerprint: pin.folderKeyFingerprint, descriptor,
      endpoint: connection.kind === 'built-in' ? 'built-in' : connection.endpoint,
    };
  } finally {
    state.close();
  }
}

export function createKits({ home, settings, keys, hostName = hostname() }: Options): Kits {
  const described = async (isWanted: (descriptor: Descriptor) => boolean): Promise<KnownFolder[]> => {
    const all = await Promise.all(settings.folders().map(async (folder) => describeFolder(folder, { home, settings })));
    return all.filter((folder) => folder !== null).filter(({ descriptor }) => isWanted(descriptor));
  };

  const kmsKeyOf = (wanted: string): string | null => settings.folders().map(({ mode }) => ('kmsKeyId' in mode ? mode.kmsKeyId : null)).find((id) => id !== null && (id === wanted || id.endsWith(`/${wanted}`))) ?? null;

  const make: Kits['make'] = async (wanted) => {
    const { kitPage, kmsPage } = await import('../keys/kit-page.ts');
    const kmsKeyId = kmsKeyOf(wanted);
    const now = Date.now();
    if (kmsKeyId !== null) {
      const folders = await described((descriptor) => isUnderKms(descriptor, kmsKeyId));
      return { page: kmsPage(kmsKeyId, folders, { atMs: now, on: hostName }), age: null, folders: folders.map(folderView), saved: () => undefined };
    }
    const key = keys.find(wanted);
    const folders = await described((descriptor) => isOpenedBy(descriptor, key.keyId));
    const { sealKit } = await import('../keys/recovery-kit.ts');
    const bytes = await keys.bytesOf(key.keyId);
    try {
      const { isPublicOnly } = await import('../keys/key-material.ts');
      if (isPublicOnly(key.type, bytes)) throw new SyncError('key-invalid', { detail: `${key.name} is the public half alone: it reads nothing, and there is nothing to recover` });
      const kit = { key: { type: key.type, name: key.name, bytes }, folders, madeAtMs: now, madeOn: hostName };
      const sealed = await sealKit(kit);
      // The words of an RSA kit are new each time, so that an earlier check says nothing about this one.
      const verifiedAtMs = key.type === 'rsa' ? null : (key.kit?.verifiedAtMs ?? null);
      return {
        page: kitPage(kit, sealed), age: sealed.age, folders: folders.map(folderView),
        saved: () => settings.updateKey({ ...keys.find(key.keyId), kit: { madeAtMs: now, verifiedAtMs, folderIds: folders.map(({ descriptor }) => descriptor.folderId) } }),
      };
    } finally {
      bytes.fill(0);
    }
  };

  /** The folders that `key` must open are really unwrapped; those under S3's own encryption have no folder key to unwrap. */
  const openEach = async (key: { readonly keyId: KeyId; readonly type: KeySettings['type']; readonly bytes: Buffer }, folders: readonly KnownFolder[]): Promise<KitFolderView[]> => {
    const [{ createAesKeyring }, { createRsaKeyring, parseRsaKey }, { folderKeyFingerprint, unwrapFolderKey }] = await Promise.all([import('../envelope/aes-keyring.ts'), import('../envelope/rsa-keyring.ts'), import('../envelope/folder-key.ts')]);
    const opened: KitFolderView[] = [];
    for (const folder of folders) {
      const wrapped = folder.descriptor.epochs.findLast(({ mode }) => mode.id === 'cse-c' && mode.keyId === key.keyId)?.wrappedFolderKey ?? null;
      if (wrapped === null) continue;
      const keyring = key.type === 'rsa' ? createRsaKeyring(parseRsaKey(key.bytes)) : createAesKeyring({ wrappingKey: key.bytes, keyId: key.keyId });
      const failed = (cause?: unknown): SyncError => new SyncError('kit-folder-not-opened', { detail: folder.name }, cause === undefined ? {} : { cause });
      const folderKey = await unwrapFolderKey(keyring, Buffer.from(wrapped, 'base64'), folder.descriptor.folderId).catch((error: unknown) => {
        throw failed(error);
      });
      const isRight = folderKeyFingerprint(folderKey) === folder.fingerprint;
      folderKey.fill(0);
      if (!isRight) throw failed();
      opened.push(folderView(folder));
    }
    return opened;
  };

  /** Which words differ can be told where the key is here. */
  const explainWords = async (error: unknown, typed: string, key: KeySettings): Promise<unknown> => {
    if (!isSyncError(error, 'kit-words-wrong') || key.type === 'rsa') return error;
    const { differingWords, wordsOf } = await import('../keys/words.ts');
    const bytes = await keys.bytesOf(key.keyId);
    const positions = differingWords(typed, wordsOf(bytes));
    bytes.fill(0);
    return positions.length === 0 || positions.length > 6 ? error : new SyncError('kit-words-wrong', { detail: `${positions.length === 1 ? 'word' : 'words'} ${positions.join(', ')} of the page ${positions.length === 1 ? 'is another one' : 'are other ones'}` }, { cause: error });
  };

  const verify = async (wanted: string, proof: KitProof): Promise<{ key: KeySettings; opened: KitFolderView[] }> => {
    const key = keys.find(wanted);
    const { readKeySource } = await import('../keys/kit-source.ts');
    const { normalizeWords } = await import('../keys/words.ts');
    try {
      const isFile = 'file' in proof;
      if (proof.words !== null) normalizeWords(proof.words);
      const source = await readKeySource(isFile ? readKeyFile(proof.file) : Buffer.from(proof.words, 'utf8'), key.type, proof.words);
      const { bytes, type } = source.key;
      try {
        const { keyIdOfMaterial } = await import('../keys/key-material.ts');
        if (source.kit === false) throw new SyncError('kit-damaged', { detail: 'that is a key, but no recovery kit' });
        if (keyIdOfMaterial(type, bytes) !== key.keyId) throw new SyncError('kit-other-key', { detail: key.name });
        const here = await described((descriptor) => isOpenedBy(descriptor, key.keyId));
        // What the kit itself carries, and what has come since, as this computer has it.
        const carried = source.folders.map(({ descriptor }) => descriptor.folderId);
        const opened = await openEach({ keyId: key.keyId, type, bytes }, [...source.folders, ...here.filter(({ descriptor }) => !carried.includes(descriptor.folderId))]);
        const folderIds = source.kit === 'words' ? here.map(({ descriptor }) => descriptor.folderId) : carried;
        const checked = { ...key, kit: { madeAtMs: key.kit?.madeAtMs ?? null, verifiedAtMs: Date.now(), folderIds } };
        settings.updateKey(checked);
        return { key: checked, opened };
      } finally {
        bytes.fill(0);
      }
    } catch (error) {
      throw proof.words === null ? error : await explainWords(error, proof.words, key);
    }
  };

  return {
    make,
    saveTo: async (wanted, file) => {
      const page = /\.html?$/i.test(file) ? file : `${file}.html`;
      const ageFile = page.replace(/\.html?$/i, '.age');
      for (const target of [page, ageFile]) if (existsSync(target)) throw new SyncError('target-exists', { path: target });
      const papers = await make(wanted);
      writeNewFile(page, papers.page);
      if (papers.age !== null) writeNewFile(ageFile, papers.age);
      papers.saved();
      return { page, ageFile: papers.age === null ? null : ageFile, folders: papers.folders };
    },
    verify,
    needsWords: async (file) => {
      const { asksFor } = await import('../keys/kit-source.ts');
      return asksFor(readKeyFile(file)) === 'passphrase';
    },
    known: () => knownFolders(settings).filter(({ descriptor }) => settings.folder(descriptor.folderId) === null).map(folderView),
    stateOf: (key) => kitStateOf(key.kit, settings.folders().filter(({ mode }) => 'keyId' in mode && mode.keyId === key.keyId).map(({ id }) => id), Date.now()),
  };
}
