/** Folders: pairing a local folder with a place in a bucket, and forgetting the pairing. Nothing here moves a file. */
import { randomBytes } from 'node:crypto';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { isSyncError, SyncError, toWire } from '../model/errors.ts';
import { AVAILABLE_MODE_IDS, defaultNames, isClientSide, type EncryptionMode } from '../model/mode.ts';
import { OWN_DIRECTORY } from '../model/path.ts';
import type { ConnectionSettings, FolderSettings, S3Access } from '../model/settings.ts';
import type { LoadedDescriptor } from '../remote/descriptor-store.ts';
import type { KnownFolder } from '../keys/recovery-kit.ts';
import type { ObjectStore } from '../remote/object-store.ts';
import type { SettingsStore } from '../state/settings.ts';
import type { FolderState } from '../sync/ports.ts';
import type { AddedFolder, Connections, FolderRecords, Folders, Keys, NewFolder, OpenFolder } from './api.ts';
import { loadDescription, withStore } from './descriptions.ts';
import { DESCRIPTOR_FACT, PIN_FACT } from './epochs.ts';
import { checkTransfers } from './flow.ts';
import { describeNewFolder, heldKeysOf, keyIdOfMode, unlockFolder } from './folder-access.ts';
import { checkPromised, promisedAt } from './known-folders.ts';
import { checkLocalFolder, countFiles, isThere, removeEmpty } from './local-checks.ts';
import { checkName, findNamed } from './lookup.ts';
import { changeMode, chooseMode, explainBlocked } from './mode-choice.ts';
import type { Wiring } from './open-folder.ts';

const LAST_SUCCESS_FACT = 'last-success';

type Options = {
  readonly home: string;
  readonly settings: SettingsStore;
  readonly connections: Connections;
  readonly keys: Keys;
  readonly openFolder: (folder: FolderSettings) => Promise<OpenFolder>;
  readonly wiring: () => Wiring;
};

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

function checkPlace({ bucket, prefix }: Pick<NewFolder, 'bucket' | 'prefix'>): void {
  if (!BUCKET.test(bucket)) throw new SyncError('bad-usage', { detail: 'a bucket name has 3 to 63 of a-z, 0-9, - and .' });
  const isSound = prefix === '' || (prefix.endsWith('/') && !prefix.startsWith('/') && Buffer.byteLength(prefix) <= 900 && prefix.split('/').slice(0, -1).every((segment) => segment !== '' && segment !== '.' && segment !== '..' && segment !== '.enfold'));
  if (!isSound) throw new SyncError('bad-usage', { detail: 'a prefix has no empty parts, no . or .., and does not lie inside .enfold' });
}

/** What the user said must not contradict what the folder is. @throws SyncError bad-usage, key-not-found */
function checkAgreement(input: NewFolder, found: { readonly mode: EncryptionMode; readonly names: string }, keys: Keys): void {
  const { mode } = found;
  if (input.mode !== null && input.mode !== mode.id) throw new SyncError('bad-usage', { detail: `the folder at that place uses ${mode.id}, not ${input.mode}` });
  if (input.names !== null && input.names !== found.names) throw new SyncError('bad-usage', { detail: `the folder at that place has ${found.names} names` });
  if (input.format !== undefined && isClientSide(mode) && input.format !== mode.format) throw new SyncError('bad-usage', { detail: `the folder at that place writes format ${mode.format}` });
  const kmsKeyId = 'kmsKeyId' in mode ? mode.kmsKeyId : null;
  if (input.kmsKeyId !== undefined && input.kmsKeyId !== null && input.kmsKeyId !== kmsKeyId) throw new SyncError('bad-usage', { detail: kmsKeyId === null ? 'the folder at that place names no KMS key' : `the folder at that place uses KMS key ${kmsKeyId}` });
  const wanted = keyIdOfMode(mode);
  if (input.key === null) return;
  if (wanted === null) throw new SyncError('bad-usage', { detail: `${mode.id} takes no key of yours` });
  const key = keys.find(input.key);
  if (key.keyId !== wanted) throw new SyncError('key-not-found', { detail: `the folder asks for key ${wanted}; ${key.name} is ${key.keyId}` });
}

/** Without the commitment of V3 a data key is the content key, which no two objects may share. */
function checkReuse(reusesDataKey: boolean | undefined, mode: EncryptionMode): void {
  if (reusesDataKey === true && (mode.id !== 'cse-kms' || mode.format !== 'v3')) throw new SyncError('bad-usage', { detail: 'a data key is reused with cse-kms in format v3 only' });
}

export function createFolders({ home, settings, connections, keys, openFolder, wiring }: Options): Folders {
  const find = (wanted: string): FolderSettings => {
    if (isAbsolute(wanted) || wanted.startsWith('.')) {
      const path = resolve(wanted);
      const byPath = settings.folders().find((folder) => folder.localPath === path);
      if (byPath !== undefined) return byPath;
    }
    return findNamed(settings.folders(), wanted, ({ id }) => id, ({ name }) => name, 'no-such-folder');
  };

  const provisional = (input: Pick<NewFolder, 'localPath' | 'bucket' | 'prefix'>, connection: ConnectionSettings): FolderSettings => ({
    id: 'provisional', name: '', localPath: input.localPath, connectionId: connection.id, bucket: input.bucket, prefix: input.prefix,
    mode: { id: 'sse-s3' }, names: 'readable', direction: 'two-way', isPaused: false, addedAtMs: 0,
  });

  const checkOverlap = async (input: Pick<NewFolder, 'bucket' | 'prefix'>, real: string, connection: ConnectionSettings): Promise<void> => {
    const { findOverlap } = await import('../state/overlap.ts');
    const overlap = findOverlap(provisional({ ...input, localPath: real }, connection), settings.folders(), settings.connections(), home);
    if (overlap !== null) throw new SyncError(overlap.code, { path: real, detail: overlap.detail });
  };

  /** The folder at the place, or null; a folder that holds the place inside it is an error. */
  const loadAt = async (store: ObjectStore, prefix: string, access: S3Access, signal: AbortSignal): Promise<LoadedDescriptor | null> => {
    const found = await loadDescription(store, prefix, access, keys, signal);
    if (found !== null) return found;
    const segments = prefix.split('/').slice(0, -1);
    for (let length = segments.length - 1; length >= 0; length -= 1) {
      const above = segments.slice(0, length).map((segment) => `${segment}/`).join('');
      if ((await loadDescription(store, above, access, keys, signal)) !== null) throw new SyncError('prefix-taken', { detail: `there is a folder at ${above === '' ? 'the top of the bucket' : above}` });
    }
    return null;
  };

  const add = async (input: NewFolder): Promise<AddedFolder> => {
    checkPlace(input);
    if (!isAbsolute(input.localPath)) throw new SyncError('bad-usage', { detail: 'the local folder is given by its absolute path' });
    if (input.mode !== null && !AVAILABLE_MODE_IDS.includes(input.mode)) throw new SyncError('mode-not-available', { detail: input.mode });
    if (input.key !== null) keys.find(input.key);
    const connection = connections.find(input.connection);
    const real = checkLocalFolder(input.localPath, true);
    await checkOverlap(input, real, connection);
    const access = await connections.accessOf(connection);
    const { signal } = new AbortController();
    const { createBucket, headBucket } = await import('../remote/connection.ts');
    if (!(await headBucket(access, input.bucket, signal, input.prefix))) {
      if (!input.createBucket) throw new SyncError('bucket-not-found', { detail: input.bucket });
      await createBucket(access, input.bucket, signal);
    }
    return withStore(access, input.bucket, async (store) => {
      const found = await loadAt(store, input.prefix, access, signal);
      if (found !== null) return joinFound(input, found, { real, connection, access });
      const promised = promisedAt(settings, { bucket: input.bucket, prefix: input.prefix, endpoint: connection.kind === 'built-in' ? 'built-in' : connection.endpoint });
      if (promised !== null) return writeAgain(input, promised, { real, connection, access, store, signal });
      return create(input, { real, connection, access, store, signal });
    });
  };

  type Place = { readonly real: string; readonly connection: ConnectionSettings; readonly access: S3Access };

  const create = async (input: NewFolder, { real, connection, access, store, signal }: Place & { store: ObjectStore; signal: AbortSignal }): Promise<AddedFolder> => {
    const mode = chooseMode(input, keys);
    const names = input.names ?? defaultNames(mode);
    if (names === 'encrypted' && !isClientSide(mode)) throw new SyncError('bad-usage', { detail: 'names can be encrypted in the client-side modes only' });
    const folderId = randomBytes(16).toString('hex');
    const { createDescriptor, descriptorKey } = await import('../remote/descriptor-store.ts');
    const { requestsOf } = await import('../remote/modes.ts');
    const held = await heldKeysOf([mode], keys);
    let folderKey: Buffer | null = null;
    try {
      const requests = requestsOf(mode, held, access.endpoint);
      const described = await describeNewFolder({ folderId, names, mode, held, access });
      ({ folderKey } = described);
      return await pair(input, { real, connection, access }, { folderId, mode, names }, async () => {
        const loaded = await createDescriptor(store, input.prefix, described.content, folderKey, requests, signal);
        return { loaded, undo: async () => store.delete(descriptorKey(input.prefix), { type: 'version', etag: loaded.etag }, signal) };
      });
    } catch (error) {
      throw await explainBlocked(error, mode, access, input.bucket, connection.name);
    } finally {
      folderKey?.fill(0);
      for (const { bytes } of held) bytes.fill(0);
    }
  };

  /** The place is known from a kit or an invitation and has lost its description: it is written again as it was. */
  const writeAgain = async (input: NewFolder, promised: KnownFolder, { real, connection, access, store, signal }: Place & { store: ObjectStore; signal: AbortSignal }): Promise<AddedFolder> => {
    const { descriptor } = promised;
    const { folderId, names } = descriptor;
    const mode = descriptor.epochs.at(-1)?.mode;
    if (mode === undefined) throw new SyncError('malformed');
    checkAgreement(input, { mode, names }, keys);
    const { createDescriptor, descriptorKey } = await import('../remote/descriptor-store.ts');
    const { requestsOf } = await import('../remote/modes.ts');
    const unlocked = await unlockFolder(descriptor, keys, access);
    try {
      checkPromised(settings, folderId, unlocked.pin.folderKeyFingerprint);
      return await pair(input, { real, connection, access }, { folderId, mode, names }, async () => {
        const loaded = await createDescriptor(store, input.prefix, descriptor, unlocked.folderKey, requestsOf(mode, unlocked.keys, access.endpoint), signal);
        return { loaded, undo: async () => store.delete(descriptorKey(input.prefix), { type: 'version', etag: loaded.etag }, signal) };
      }, true);
    } finally {
      unlocked.folderKey?.fill(0);
      for (const { bytes } of unlocked.keys) bytes.fill(0);
    }
  };

  const joinFound = async (input: NewFolder, loaded: LoadedDescriptor, place: Place): Promise<AddedFolder> => {
    const { currentEpoch } = await import('../envelope/descriptor.ts');
    const { folderId, names } = loaded.descriptor;
    const { mode } = currentEpoch(loaded.descriptor);
    checkAgreement(input, { mode, names }, keys);
    if (settings.folder(folderId) !== null) throw new SyncError('prefix-taken', { detail: 'the folder is already paired on this computer' });
    const wanted = keyIdOfMode(mode);
    if (wanted !== null && settings.key(wanted) === null) throw new SyncError('key-not-found', { detail: `the folder asks for key ${wanted}` });
    const { pin } = await unlockFolder(loaded.descriptor, keys, place.access); // a wrong key must show before anything is written
    checkPromised(settings, folderId, pin.folderKeyFingerprint);
    return pair(input, place, { folderId, mode, names }, async () => ({ loaded, undo: null }), true);
  };

  /** Marker, description, records, settings, in this order; what was done is undone where a later step fails. */
  const pair = async (
    input: NewFolder,
    { real, connection, access }: Place,
    folder: Pick<FolderSettings, 'mode' | 'names'> & { readonly folderId: string },
    describe: () => Promise<{ loaded: LoadedDescriptor; undo: (() => Promise<unknown>) | null }>,
    joined = false,
  ): Promise<AddedFolder> => {
    const { createRootMarker, removeRootMarker } = await import('../local/root.ts');
    const { openFolderState, removeFolderState } = await import('../state/folder-state.ts');
    const { folderId, mode, names } = folder;
    checkReuse(input.reusesDataKey, mode);
    const undo: (() => unknown)[] = [];
    try {
      const own = join(real, OWN_DIRECTORY);
      const wasThere = isThere(own);
      undo.unshift(() => removeEmpty(own, wasThere));
      undo.unshift(() => removeRootMarker(real, folderId));
      await createRootMarker(real, folderId);
      const described = await describe();
      if (described.undo !== null) undo.unshift(described.undo);
      const unlocked = await unlockFolder(described.loaded.descriptor, keys, access);
      // Records of an earlier pairing with the same folder speak of files that may be gone since: a fresh start deletes nothing.
      if (isThere(join(home, 'folders'))) removeFolderState(home, folderId);
      undo.unshift(() => removeFolderState(home, folderId));
      const state = openFolderState(home, folderId);
      try {
        state.putFact(PIN_FACT, unlocked.pin);
        state.putFact(DESCRIPTOR_FACT, described.loaded.descriptor);
      } finally {
        state.close();
      }
      const added = settings.addFolder({
        id: folderId, name: settings.freeFolderName(checkName(basename(real) || 'folder')), localPath: real, connectionId: connection.id, bucket: input.bucket, prefix: input.prefix,
        mode, names, direction: input.direction, isPaused: input.isPaused ?? false, addedAtMs: Date.now(), ...(input.reusesDataKey === true && { reusesDataKey: true }),
      });
      return { folder: added, joined, fingerprint: unlocked.pin.folderKeyFingerprint };
    } catch (error) {
      for (const step of undo) {
        try {
          await step();
        } catch {
          // What could not be undone is harmless: a marker or description that the next attempt finds.
        }
      }
      throw error;
    }
  };

  const withState = async <T>(folder: FolderSettings, use: (state: FolderState) => Promise<T>): Promise<T> => {
    const { openFolderState } = await import('../state/folder-state.ts');
    const state = openFolderState(home, folder.id);
    try {
      return await use(state);
    } finally {
      state.close();
    }
  };

  /** Nobody else on this computer has the folder open meanwhile. @throws SyncError folder-busy */
  const withLock = async <T>(folder: FolderSettings, use: (state: FolderState) => Promise<T>): Promise<T> => {
    const { lockFolder } = await import('../state/lock.ts');
    const release = lockFolder(home, folder.id);
    try {
      return await withState(folder, use);
    } finally {
      release();
    }
  };

  return {
    list: () => settings.folders(),
    find,
    add,
    open: async (wanted) => openFolder(find(wanted)),
    inspect: async (input) => {
      checkPlace(input);
      const connection = connections.find(input.connection);
      let localProblem = null;
      let localFiles: number | null = null;
      try {
        const real = checkLocalFolder(input.localPath, true);
        await checkOverlap(input, real, connection);
        localFiles = countFiles(real);
      } catch (error) {
        localProblem = toWire(error);
      }
      const blank = { localProblem, localFiles, bucketExists: false, isCustomerKeyBlocked: false, existing: null };
      try {
        const access = await connections.accessOf(connection);
        const { headBucket, isCustomerKeyBlocked } = await import('../remote/connection.ts');
        const { signal } = new AbortController();
        if (!(await headBucket(access, input.bucket, signal, input.prefix))) return { ...blank, remoteProblem: null };
        const found = await withStore(access, input.bucket, (store) => loadAt(store, input.prefix, access, signal));
        if (found === null) return { ...blank, bucketExists: true, remoteProblem: null, isCustomerKeyBlocked: await isCustomerKeyBlocked(access, input.bucket, signal) };
        const { currentEpoch } = await import('../envelope/descriptor.ts');
        const { descriptor } = found;
        const { mode } = currentEpoch(descriptor);
        const keyId = keyIdOfMode(mode);
        const hasKey = keyId === null || settings.key(keyId) !== null;
        let remoteProblem = null;
        let fingerprint: string | null = null;
        if (hasKey) {
          try {
            ({ folderKeyFingerprint: fingerprint } = (await unlockFolder(descriptor, keys, access)).pin);
          } catch (error) {
            remoteProblem = toWire(error);
          }
        }
        return { ...blank, bucketExists: true, remoteProblem, existing: { folderId: descriptor.folderId, mode, names: descriptor.names, fingerprint, hasKey } };
      } catch (error) {
        return { ...blank, remoteProblem: toWire(error) };
      }
    },
    set: async (wanted, changes) => {
      const folder = find(wanted);
      const name = changes.name === undefined ? folder.name : checkName(changes.name);
      checkReuse(changes.reusesDataKey, folder.mode);
      checkTransfers(changes.limits?.transfers);
      return settings.updateFolder({ ...folder, ...(changes.limits !== undefined && { limits: { ...folder.limits, ...changes.limits } }), ...(changes.reusesDataKey !== undefined && { reusesDataKey: changes.reusesDataKey }), name, direction: changes.direction ?? folder.direction, isPaused: changes.isPaused ?? folder.isPaused });
    },
    previewChange: async (wanted, changes, signal) => {
      const folder = find(wanted);
      const { previewChange } = await import('./change-preview.ts');
      return withState(folder, async (state) => previewChange(folder, state, changeMode(folder.mode, changes, keys), wiring(), signal));
    },
    beginChange: async (wanted, changes, signal) => {
      const folder = find(wanted);
      const mode = changeMode(folder.mode, changes, keys);
      const { beginChange, isSameMode, repeatChange } = await import('./change-mode.ts');
      return withLock(folder, async (state) => {
        if (!isSameMode(mode, folder.mode)) return beginChange(folder, state, mode, wiring(), signal);
        repeatChange(state);
        return folder;
      });
    },
    acceptEpoch: async (wanted, signal) => {
      const folder = find(wanted);
      const { adoptDescription } = await import('./epochs.ts');
      return withLock(folder, async (state) => (await adoptDescription(folder, state, wiring(), true, signal)).folder);
    },
    remove: async (wanted) => {
      const folder = find(wanted);
      const { lockFolder } = await import('../state/lock.ts');
      const { removeFolderState } = await import('../state/folder-state.ts');
      const { removeRootMarker } = await import('../local/root.ts');
      const release = lockFolder(home, folder.id);
      try {
        try {
          removeRootMarker(folder.localPath, folder.id);
        } catch (error) {
          // The disk may be away; the pairing is forgotten all the same.
          if (!isSyncError(error)) throw error;
        }
        settings.removeFolder(folder.id);
      } finally {
        release();
      }
      removeFolderState(home, folder.id);
    },
    recordsOf: async (wanted): Promise<FolderRecords> => {
      const folder = find(wanted);
      const { openFolderState } = await import('../state/folder-state.ts');
      const { lockFolder } = await import('../state/lock.ts');
      const { drillStateOf } = await import('./drill.ts');
      const { rememberedCapabilities } = await import('./capabilities.ts');
      let openIn: FolderRecords['openIn'] = null;
      try {
        lockFolder(home, folder.id)();
      } catch (error) {
        if (!isSyncError(error, 'folder-busy')) throw error;
        openIn = 'another';
      }
      const state = openFolderState(home, folder.id);
      try {
        const { files, bytes } = state.baseTotals();
        return { files, bytes, lastSuccessMs: state.fact<number>(LAST_SUCCESS_FACT), skipped: state.skipped(), activity: state.recentActivity(20), drill: drillStateOf(state), capabilities: rememberedCapabilities(state), openIn };
      } finally {
        state.close();
      }
    },
  };
}
