/**
 * The engine's half of the window's contract: parses every input again, answers with views, and pushes what changed, at most
 * four times a second. No answer and no event holds a secret.
 */
import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { requests, type Answer, type ConnectionView, type EngineEvent, type EngineHandlers, type EngineRequest, type Events, type FolderStatus, type FolderView, type KeyView, type ModeDetails, type PreviewView } from '../../preload/contract.ts';
import type { Plan } from '../model/action.ts';
import { isSyncError, SyncError, toWire } from '../model/errors.ts';
import { syncPath } from '../model/path.ts';
import type { EncryptionMode } from '../model/mode.ts';
import type { ConnectionSettings, FolderSettings, KeySettings } from '../model/settings.ts';
import type { SyncStatus } from '../sync/status.ts';
import { watchForWaking } from '../sync/waking.ts';
import { createBucketHandlers } from './bucket-requests.ts';
import type { Enfold, NewConnection, SelfTest, SyncReport } from './api.ts';
import { createBrowseHandlers } from './browse.ts';
import { createChangeHandlers } from './change-requests.ts';
import { networkOf, systemClock } from './computer.ts';
import { createDrills } from './drills.ts';
import type { EngineQuestion, SyncQuestion } from './engine-socket.ts';
import { createKeyHandlers } from './key-requests.ts';
import { createPastHandlers } from './past-requests.ts';
import { createPreviewHandlers } from './preview.ts';
import { createSessions, type FolderStanding } from './sessions.ts';
import { removeDragged } from './temporary.ts';
import { createVersionsHandlers } from './two-versions.ts';
import { VERSION } from './version.ts';

export type EngineService = {
  readonly handlers: EngineHandlers;
  /** Parses and answers one request; never rejects. */
  answer(name: string, input: unknown): Promise<Answer<EngineRequest>>;
  /** Opens the folders and keeps them in step from now on. */
  start(): Promise<void>;
  /** Secret: the kit of a key, for the shell to print. */
  makeKit(keyId: string): Promise<{ readonly page: string; readonly age: string | null }>;
  /** Resolves when every folder is closed and what was opened is forgotten. */
  lock(): Promise<void>;
  /** The computer woke up, or found a network. */
  woken(): void;
  unlock(passphrase: string | null): Promise<void>;
  /** The system has checked its user. */
  unlockVerified(): void;
  /** A one-shot sync that the command line asks for. */
  sync(question: SyncQuestion): Promise<SyncReport>;
  /** What the command line asks. */
  ask(question: EngineQuestion): Promise<SyncReport | null>;
  close(): Promise<void>;
};
export type PushEvent = <N extends EngineEvent>(name: N, payload: Events[N]) => void;

const EVENT_INTERVAL_MS = 250;
const MAX_EXAMPLES = 50;

function signInOf(connection: ConnectionSettings): string {
  if (connection.kind === 'built-in') return 'built-in';
  switch (connection.credentials.type) {
    case 'stored':
      return connection.credentials.accessKeyId;
    case 'profile':
      return `profile ${connection.credentials.profile}`;
    case 'environment':
      return 'environment';
  }
}

function connectionView(connection: ConnectionSettings): ConnectionView {
  const { id, name, kind, endpoint, directory, region, isSecure = false } = connection;
  return { id, name, kind, endpoint, directory, region, signIn: signInOf(connection), isSecure };
}

function previewView(plan: Plan): PreviewView {
  const { counts } = plan;
  return {
    upload: counts.upload, download: counts.download, adopt: counts.adopt, twoVersions: counts['keep-both'], deleteLocal: counts['delete-local'], deleteRemote: counts['delete-remote'],
    rename: counts['rename-remote'], bytesUp: counts.bytesUp, bytesDown: counts.bytesDown, skipped: plan.skipped.length, undecided: plan.questions.length,
    examples: plan.stages.flat().slice(0, MAX_EXAMPLES).map(({ type, path }) => ({ action: type, path })), held: plan.held?.reason ?? null,
  };
}

const copyStatus = (status: FolderStanding): FolderStatus => structuredClone(status) as FolderStatus;

/** @param onKeychainLost - only a new process can reach the keychain again. */
export function createEngineService(enfold: Enfold, push: PushEvent, onKeychainLost: () => void = () => undefined): EngineService {
  const { connections, folders, keys, kits, lock, settings } = enfold;
  const changedStatuses = new Map<string, SyncStatus>();
  let statusTimer: NodeJS.Timeout | null = null;
  let isClosed = false;
  const closing = new AbortController();

  /** As the settings have them; read again when those change, not with every status. */
  let listed = folders.list();
  const sessions = createSessions(enfold, (status) => {
    if (status.problems.some(({ error }) => error.code === 'keychain-lost')) onKeychainLost();
    changedStatuses.set(status.folderId, status);
    statusTimer ??= setTimeout(() => {
      statusTimer = null;
      const all = listed.map((folder) => copyStatus(sessions.statusOf(folder)));
      changedStatuses.clear();
      if (!isClosed) push('status', all);
    }, EVENT_INTERVAL_MS);
  });

  const lists = (): Record<Events['changed'], string> => ({ folders: JSON.stringify(folders.list()), connections: JSON.stringify(connections.list()), keys: JSON.stringify(keys.list()) });
  let known = lists();
  let wasLocked = lock.isLocked();
  /** Another process may have locked or unlocked it: the settings tell. */
  const followLock = async (): Promise<void> => {
    const isLocked = lock.isLocked();
    if (isLocked === wasLocked) return;
    wasLocked = isLocked;
    if (isLocked) {
      await sessions.lock();
      await lock.lock();
    } else sessions.retry();
    if (!isClosed) push('lock', { isLocked });
  };
  const wired = (folderId: string): ReturnType<typeof sessions.wired> => sessions.wired(folderId);
  const { close: closeListings, ...browseHandlers } = createBrowseHandlers({ home: enfold.home, wired, push: (event) => !isClosed && push('listing', event), fetchVersion: async (...given) => enfold.files.get(...given), versionsOf: (...given) => enfold.versions(...given), signal: closing.signal });
  const { close: closePreviews, ...previewHandlers } = createPreviewHandlers({ home: enfold.home, wired, signal: closing.signal });

  let following: Promise<void> = Promise.resolve();
  const follow = async (): Promise<void> => (following = following.then(followLock).catch((error: unknown) => enfold.wiring.log(`lock: ${toWire(error).code}`)));
  const lockNow = async (): Promise<void> => {
    closePreviews();
    removeDragged(enfold.home);
    await lock.lock();
    // Also where it was another process that locked it, and the settings have not told yet.
    await follow();
  };

  const unsubscribe = settings.onChange(() => {
    if (isClosed) return;
    listed = folders.list();
    void follow();
    const now = lists();
    const before = known;
    known = now;
    for (const kind of ['connections', 'keys', 'folders'] as const) if (now[kind] !== before[kind]) push('changed', kind);
    if (now.folders !== before.folders) void sessions.reconcile();
    if (now.keys !== before.keys || now.connections !== before.connections) sessions.retry();
  });

  const modeDetails = (mode: EncryptionMode): ModeDetails => ({
    kmsKeyId: 'kmsKeyId' in mode ? mode.kmsKeyId : null, bucketKey: mode.id === 'sse-kms' ? mode.bucketKey : null, dsse: mode.id === 'sse-kms' ? mode.dsse : null,
    format: 'format' in mode ? mode.format : null, keyType: mode.id === 'cse-c' ? mode.keyType : mode.id === 'sse-c' ? 'sse-c' : null,
  });
  const folderView = (folder: FolderSettings): FolderView => {
    const keyId = 'keyId' in folder.mode ? folder.mode.keyId : null;
    return {
      id: folder.id, name: folder.name, localPath: folder.localPath, connectionId: folder.connectionId, connectionName: settings.connection(folder.connectionId)?.name ?? '', bucket: folder.bucket, prefix: folder.prefix,
      mode: folder.mode.id, modeDetails: modeDetails(folder.mode), keyId, keyName: keyId === null ? null : (settings.key(keyId)?.name ?? null), names: folder.names, direction: folder.direction, isPaused: folder.isPaused, reusesDataKey: folder.reusesDataKey ?? false, status: copyStatus(sessions.statusOf(folder)),
    };
  };
  /** What the last self-test found, by key. */
  let problems: SelfTest = new Map();
  const selfTest = async (): Promise<void> => {
    problems = await keys.selfTest();
    for (const [keyId, problem] of problems) if (problem !== null) enfold.wiring.log(`key ${keyId}: ${problem.code}`);
    if (!isClosed && [...problems.values()].some((problem) => problem !== null)) push('changed', 'keys');
  };
  const keyView = async (key: KeySettings): Promise<KeyView> => {
    const { keyId, name, type, createdAtMs, exportedAtMs, backend } = key;
    const { fingerprintOf } = await import('../envelope/key-id.ts');
    const usedBy = folders.list().filter((folder) => 'keyId' in folder.mode && folder.mode.keyId === keyId).map((folder) => folder.name);
    const problem = problems.get(keyId) ?? null;
    return {
      keyId, name, type, fingerprint: fingerprintOf(keyId), createdAtMs, exportedAtMs, usedBy, backend, problem: problem === null ? null : toWire(problem),
      kit: { state: kits.stateOf(key), madeAtMs: key.kit?.madeAtMs ?? null, verifiedAtMs: key.kit?.verifiedAtMs ?? null },
    };
  };

  /** Everything below a directory of the folder, or one file, to a place on disk. */
  const download = async (folderId: string, path: string, to: string): Promise<number> => {
    const { side, state } = await sessions.wired(folderId);
    const { downloadOne, listFolder } = await import('./files.ts');
    const { besideOf, putInPlace, removeTemporary } = await import('./temporary.ts');
    const { mayCreate } = await import('../local/names.ts');
    const fetchTo = async (from: string, target: string): Promise<number> => {
      const staged = besideOf(target);
      try {
        const { sizeBytes } = await downloadOne(side, syncPath(from), staged, closing.signal);
        putInPlace(staged, target);
        return sizeBytes;
      } finally {
        removeTemporary(staged);
      }
    };
    if (path !== '' && !path.endsWith('/')) return fetchTo(path, to);
    let bytes = 0;
    mkdirSync(to, { recursive: true });
    for await (const row of listFolder(side, state, path, true, closing.signal)) {
      if (row.protection === 'foreign' || mayCreate(syncPath(row.path)) !== null) continue;
      const target = join(to, row.path.slice(path.length));
      mkdirSync(row.kind === 'directory' ? target : dirname(target), { recursive: true });
      if (row.kind === 'file') bytes += await fetchTo(row.path, target);
    }
    return bytes;
  };

  const upload = async (folderId: string, directory: string, files: readonly string[]): Promise<{ files: number; bytes: number }> => {
    const { side, state } = await sessions.wired(folderId);
    const { checkSource, pathOf, uploadOne } = await import('./files.ts');
    const total = { files: 0, bytes: 0 };
    const send = async (source: string, path: string): Promise<void> => {
      if (lstatSync(source).isDirectory()) {
        for (const child of readdirSync(source)) await send(join(source, child), `${path}/${child}`);
        return;
      }
      if (!lstatSync(source).isFile()) return;
      const { sizeBytes } = await uploadOne({ side, state }, checkSource(source), pathOf(path), closing.signal);
      total.files += 1;
      total.bytes += sizeBytes;
    };
    for (const file of files) await send(file, `${directory}${basename(file)}`);
    return total;
  };

  const drills = createDrills(enfold, { statusOf: (folder) => sessions.statusOf(folder).state, signal: closing.signal });

  /** What changes how a folder is opened is done while it is not. */
  const whileClosed = async <T>(folderId: string, change: () => Promise<T>): Promise<T> => {
    await sessions.forget(folders.find(folderId).id);
    try {
      return await change();
    } finally {
      await sessions.reconcile();
    }
  };

  const handlers: EngineHandlers = {
    ...createBucketHandlers(enfold.buckets, ({ connection, bucket, prefix }) => folders.list().flatMap((folder) => (folder.connectionId === connection && folder.bucket === bucket && folder.prefix === prefix && folder.mode.id === 'sse-c' ? [folder.mode.keyId] : [])), (event) => !isClosed && push('scan', event), closing.signal),
    ...createKeyHandlers({ enfold, keyView, folderView, reconcile: async () => sessions.reconcile(), lockNow, whileClosed, selfTest, problems: () => problems, drill: async (folderId, files) => drills.run(folderId, files) }),
    ...createChangeHandlers({ enfold, folderView, whileClosed, signal: closing.signal }),
    ...browseHandlers,
    ...createPastHandlers(enfold, (folderId) => void sessions.wired(folderId).then(({ engine }) => engine.syncNow(), () => undefined), closing.signal),
    ...createVersionsHandlers(wired, (folderId) => folders.find(folderId)),
    'folders.set': async ({ folderId, ...changes }) => folderView(await whileClosed(folderId, async () => folders.set(folderId, changes))),
    'folders.abilities': async ({ folderId }) => {
      const { capabilities } = await folders.recordsOf(folderId);
      if (capabilities === null) return null;
      const { level, isVersioned, keepsMetadata, clockSkewMs, probedAtMs } = capabilities;
      return { level, isVersioned, keepsMetadata, clockSkewMs, probedAtMs };
    },
    'folders.verify': async ({ folderId }) => {
      const { objects, checked, bytes, failed, foreign } = await enfold.verify(folderId, { sample: null, signal: closing.signal });
      return { objects, checked, bytes, failed: failed.map(({ path, error }) => ({ path, error })), foreign: foreign.length };
    },
    'folders.rename': async ({ folderId, name }) => {
      await folders.set(folderId, { name });
      return null;
    },
    'folders.shown': async ({ folderId }) => {
      sessions.show(folderId);
      return null;
    },
    'aws.profiles': async () => (await import('./aws-profiles.ts')).listProfiles(process.env),
    ...previewHandlers,
    'drag.stage': async ({ folderId, paths }) => {
      const { newDragDirectory } = await import('./temporary.ts');
      const directory = newDragDirectory(enfold.home);
      const files: string[] = [];
      for (const path of paths) {
        const file = join(directory, basename(path));
        await download(folderId, path, file);
        files.push(file);
      }
      return { files };
    },
    'app.info': async () => ({ version: VERSION, isFirstRun: connections.list().length === 0 && folders.list().length === 0, platform: process.platform, homeDirectory: homedir() }),
    'keychain.state': async () => {
      const problem = await enfold.secretsProblem();
      const { backend } = await enfold.secrets();
      const state = problem === null ? 'ready' : problem.code === 'keychain-locked' ? 'locked' : problem.code.startsWith('passphrase-') ? 'passphrase-needed' : 'missing';
      return { backend, state };
    },
    'keychain.usePassphrase': async ({ passphrase }) => {
      await enfold.usePassphrase(passphrase);
      sessions.retry();
      return null;
    },
    'connections.list': async () => connections.list().map(connectionView),
    'connections.add': async (input) => {
      const added: NewConnection = input.kind === 'profile' ? { ...input, endpoint: null } : input;
      return connectionView(await connections.add(added));
    },
    'connections.test': async ({ connectionId }) => {
      try {
        await connections.test(connectionId, closing.signal);
        return { ok: true, error: null };
      } catch (error) {
        return { ok: false, error: toWire(error) };
      }
    },
    'connections.remove': async ({ connectionId }) => {
      await connections.remove(connectionId);
      return null;
    },
    'connections.setSecure': async ({ connectionId, isSecure }) => {
      const changed = connections.setSecure(connectionId, isSecure);
      for (const folder of folders.list()) if (changed.includes(folder.connectionId)) await sessions.forget(folder.id);
      await sessions.reconcile();
      return null;
    },
    'connections.buckets': async ({ connectionId }) => {
      try {
        return { buckets: [...(await connections.buckets(connectionId))], error: null };
      } catch (error) {
        return { buckets: [], error: toWire(error) };
      }
    },
    'kms.keys': async ({ connectionId }) => {
      const { listKmsKeys } = await import('../remote/aws-services.ts');
      try {
        return { keys: await listKmsKeys(await connections.accessOf(connections.find(connectionId)), closing.signal), error: null };
      } catch (error) {
        return { keys: [], error: toWire(error) };
      }
    },
    'kms.create': async ({ connectionId, alias }) => {
      const { createKmsKey } = await import('../remote/aws-services.ts');
      return createKmsKey(await connections.accessOf(connections.find(connectionId)), `alias/${alias}`, closing.signal);
    },
    'keys.list': async () => Promise.all(keys.list().map(keyView)),
    'keys.create': async (input) => keyView(await keys.create(input)),
    'keys.exportTo': async ({ keyId, file, passphrase }) => {
      await keys.exportTo(keyId, file, passphrase);
      return null;
    },
    'keys.importSecret': async ({ connectionId, ...input }) => keyView(await keys.importFromSecret({ ...input, connection: connectionId })),
    'keys.importFrom': async (input) => keyView(await keys.importFrom(input)),
    'folders.list': async () => folders.list().map(folderView),
    'folders.inspect': async ({ localPath, connectionId, bucket, prefix }) => {
      const { existing, ...rest } = await folders.inspect({ localPath, connection: connectionId, bucket, prefix });
      if (existing === null) return { ...rest, existing };
      const { fingerprintOf } = await import('../envelope/key-id.ts');
      const keyId = 'keyId' in existing.mode ? existing.mode.keyId : null;
      return { ...rest, existing: { ...existing, mode: existing.mode.id, modeDetails: modeDetails(existing.mode), keyId, keyFingerprint: keyId === null ? null : fingerprintOf(keyId) } };
    },
    // The window shows a preview before anything moves, so a new folder waits for `folders.start`.
    'folders.add': async ({ connectionId, keyId, ...input }) => {
      const { folder } = await folders.add({ ...input, connection: connectionId, key: keyId, isPaused: true });
      await sessions.reconcile();
      return folderView(folder);
    },
    'folders.preview': async ({ folderId }) => previewView(await (await sessions.wired(folderId)).engine.preview(closing.signal)),
    'folders.start': async ({ folderId }) => {
      await folders.set(folderId, { isPaused: false });
      await sessions.reconcile();
      return null;
    },
    'folders.pause': async ({ folderId }) => {
      await folders.set(folderId, { isPaused: true });
      await sessions.reconcile();
      return null;
    },
    'folders.syncNow': async ({ folderId }) => {
      (await sessions.wired(folderId)).engine.syncNow();
      return null;
    },
    'folders.answerHeld': async ({ folderId, answer }) => {
      await (await sessions.wired(folderId)).engine.answerHeld(answer);
      return null;
    },
    'folders.remove': async ({ folderId }) => {
      folders.find(folderId);
      await sessions.forget(folderId);
      try {
        await folders.remove(folderId);
      } finally {
        await sessions.reconcile();
      }
      return null;
    },
    'folders.activity': async ({ folderId, limit }) => [...(await sessions.wired(folderId)).state.recentActivity(limit)],
    'folders.skipped': async ({ folderId }) => [...(await sessions.wired(folderId)).state.skipped()],
    'browse.download': async ({ folderId, path, to, mayReplace }) => {
      if (!mayReplace && lstatSync(to, { throwIfNoEntry: false }) !== undefined) throw new SyncError('target-exists', { path: to });
      return { bytes: await download(folderId, path, to) };
    },
    'browse.explain': async ({ folderId, path }) => {
      const { words, protection, keyName, localKey, objectKey, commands } = await enfold.explain({ type: 'folder', folder: folderId, path }, closing.signal);
      return { words: [...words], protection, keyName, localKey, objectKey, commands: commands.map(({ tool, lines, note }) => ({ tool, lines: [...lines], note })) };
    },
    'browse.upload': async ({ folderId, directory, files }) => {
      try {
        return await upload(folderId, directory, files);
      } finally {
        // What was sent past the folder's own engine is in no device's feed: it is found by looking.
        (await sessions.wired(folderId)).engine.syncNow();
      }
    },
  };

  const sync = async ({ folderId, acceptHeld }: SyncQuestion): Promise<SyncReport> => {
    const folder = folders.find(folderId);
    const { engine, state } = await sessions.wired(folder.id);
    const { reportOf } = await import('./open-folder.ts');
    const startedAt = Date.now();
    const result = await engine.runUntilDone({ acceptHeld, signal: closing.signal });
    return reportOf(folder, result, state, Date.now() - startedAt);
  };

  return {
    handlers,
    answer: async (name, input) => {
      try {
        if (!Object.hasOwn(handlers, name)) throw new SyncError('bad-usage', { detail: 'no such request' });
        const known = name as EngineRequest;
        const parsed = requests[known].input.safeParse(input);
        if (!parsed.success) throw new SyncError('bad-usage', { detail: parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ') });
        const handler = handlers[known] as (given: unknown) => Promise<never>;
        return { ok: true, value: await handler(parsed.data) };
      } catch (error) {
        if (isSyncError(error, 'keychain-lost')) onKeychainLost();
        return { ok: false, error: toWire(error) };
      }
    },
    start: async () => {
      // What an earlier run decrypted for a drag is nobody's any more.
      removeDragged(enfold.home);
      await sessions.reconcile();
      drills.start();
      void watchForWaking({ clock: systemClock, network: networkOf, onWoken: () => sessions.woken() }, closing.signal);
      void selfTest().catch((error: unknown) => enfold.wiring.log(`self-test: ${toWire(error).code}`));
    },
    makeKit: async (keyId) => {
      const papers = await kits.make(keyId);
      papers.saved();
      return { page: papers.page, age: papers.age };
    },
    lock: lockNow,
    woken: () => sessions.woken(),
    unlock: async (passphrase) => lock.unlock(passphrase),
    unlockVerified: () => lock.unlockVerified(),
    sync,
    ask: async (question) => {
      switch (question.type) {
        case 'sync':
          return sync(question);
        case 'lock':
          await lockNow();
          return null;
        case 'unlock':
          await lock.unlock(question.passphrase);
          return null;
      }
    },
    close: async () => {
      isClosed = true;
      unsubscribe();
      drills.close();
      if (statusTimer !== null) clearTimeout(statusTimer);
      closing.abort();
      closeListings();
      closePreviews();
      removeDragged(enfold.home);
      await sessions.close();
    },
  };
}

