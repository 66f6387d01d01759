/** The engine as a process of its own, asked as the app's shell asks it, with a command line beside it. */
import { fork, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Answer, BrowseRow, EngineRequest, Events, FolderStatus, FromEngine, RequestAnswer, RequestInput, StorageAccess } from '../../preload/contract.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createComputer, makeScratch, type Computer } from '../helpers/cli.ts';
import { IN_KEY_FILE, PASSPHRASE, IN_ANY_STORE } from '../helpers/secrets.ts';
import { treeOf, writeAt } from '../helpers/tree.ts';

type Engine = {
  ask<N extends EngineRequest>(name: N, input: RequestInput<N>): Promise<Answer<N>>;
  must<N extends EngineRequest>(name: N, input: RequestInput<N>): Promise<RequestAnswer<N>>;
  status(folderId: string): FolderStatus | undefined;
  readonly changed: Events['changed'][];
  readonly statusEventsAt: number[];
  readonly storageAsked: string[];
  stop(): Promise<number | null>;
  readonly child: ChildProcess;
};

const accessOf = ({ endpoint, accessKeyId, secretAccessKey }: StorageAccess): StorageAccess => ({ endpoint, accessKeyId, secretAccessKey });

async function startEngine(computer: Computer, storageFor: (directory: string) => StorageAccess | null, env: Readonly<Record<string, string | undefined>> = IN_ANY_STORE): Promise<Engine> {
  const child = fork(resolve('main/engine-process.ts'), [], {
    env: { ...process.env, ENFOLD_HOME: computer.home, ...env }, stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced',
  });
  const pending = new Map<number, (answer: Answer<EngineRequest>) => void>();
  const changed: Events['changed'][] = [];
  const statusEventsAt: number[] = [];
  const storageAsked: string[] = [];
  let statuses: readonly FolderStatus[] = [];
  let nextId = 1;
  const exited = new Promise<number | null>((done) => child.once('exit', done));
  await new Promise<void>((ready, reject) => {
    child.once('exit', (code) => reject(new Error(`the engine ended with ${code}`)));
    child.on('message', (message: FromEngine) => {
      if (message.type === 'ready') ready();
      else if (message.type === 'answer') pending.get(message.id)?.(message.answer);
      else if (message.type === 'event' && message.name === 'changed') changed.push(message.payload);
      else if (message.type === 'event' && message.name === 'status') {
        statuses = message.payload;
        statusEventsAt.push(Date.now());
      } else if (message.type === 'start-storage') {
        storageAsked.push(message.directory);
        const access = storageFor(message.directory);
        if (access !== null) child.send({ type: 'storage', id: message.id, access: accessOf(access), error: null });
      }
    });
  });
  const ask = async <N extends EngineRequest>(name: N, input: RequestInput<N>): Promise<Answer<N>> =>
    new Promise((done) => {
      const id = nextId++;
      pending.set(id, (answer) => done(answer as Answer<N>));
      child.send({ type: 'request', id, name, input });
    });
  return {
    ask, child, changed, statusEventsAt, storageAsked,
    must: async (name, input) => {
      const answer = await ask(name, input);
      if (!answer.ok) throw new Error(`${name}: ${answer.error.code} ${answer.error.about.detail ?? ''}`);
      return answer.value;
    },
    status: (folderId) => statuses.find((one) => one.folderId === folderId),
    stop: async () => {
      if (child.connected) child.send({ type: 'stop' });
      return exited;
    },
  };
}

const scratch = makeScratch();
let server: RunningStorage;
let running: Engine | null = null;
let count = 0;
const wait = { timeout: 120_000, interval: 50 };

beforeAll(async () => {
  server = await startStorage({ dir: join(scratch.dir, 'storage') });
});
afterEach(async () => {
  await running?.stop();
  running = null;
});
afterAll(async () => {
  await server.stop();
  scratch.remove();
});

function newFolder(): string {
  count += 1;
  const root = join(scratch.dir, `folder-${count}`);
  mkdirSync(root);
  return root;
}

/** What the wizard does, in its order: built-in storage, key, folder, preview; nothing has moved yet. */
async function addFolder(engine: Engine, root: string, bucket: string): Promise<string> {
  const connection = (await engine.must('connections.list', undefined))[0] ?? (await engine.must('connections.add', { kind: 'built-in', name: 'This computer', directory: join(scratch.dir, 'storage') }));
  const key = (await engine.must('keys.list', undefined))[0] ?? (await engine.must('keys.create', { name: 'family', type: 'aes' }));
  const place = { localPath: root, connectionId: connection.id, bucket, prefix: 'x/' };
  expect(await engine.must('folders.inspect', place)).toMatchObject({ localProblem: null, remoteProblem: null, bucketExists: false, existing: null });
  const folder = await engine.must('folders.add', { ...place, mode: 'cse-c', keyId: key.keyId, names: 'encrypted', direction: 'two-way', createBucket: true });
  expect(folder).toMatchObject({ isPaused: true, mode: 'cse-c', keyName: 'family', connectionName: 'This computer' });
  return folder.id;
}

/** What Browse shows of a directory, as sorted by name. */
async function listed(folderId: string, directory: string, isDeep = false, text = ''): Promise<BrowseRow[]> {
  const engine = running!;
  const { listingId } = await engine.must('browse.open', { folderId, directory, isDeep });
  return (await engine.must('browse.rows', { listingId, text, by: 'name', isDown: false, start: 0, end: 10_000 })).rows;
}

describe('the engine process', () => {
  test('takes a folder from the wizard to up to date, keeps it there, and tells the window at most four times a second', async () => {
    const computer = createComputer(scratch.dir, 'home-wizard', { secrets: IN_KEY_FILE });
    running = await startEngine(computer, () => server, IN_KEY_FILE);
    expect(await running.must('app.info', undefined)).toMatchObject({ isFirstRun: true, platform: process.platform });
    expect(await running.must('keychain.state', undefined)).toEqual({ backend: 'file', state: 'ready' });
    const root = newFolder();
    for (let i = 0; i < 30; i += 1) writeAt(root, `file ${i}.txt`, `content ${i}`);
    const id = await addFolder(running, root, 'wizard');
    expect(running.storageAsked[0]).toBe(join(scratch.dir, 'storage'));
    expect(await running.must('folders.preview', { folderId: id })).toMatchObject({ upload: 30, download: 0, deleteLocal: 0, deleteRemote: 0, held: null });
    expect(await listed(id, '')).toEqual([]);

    await running.must('folders.start', { folderId: id });
    await vi.waitFor(() => expect(running?.status(id)).toMatchObject({ state: 'up-to-date', files: 30 }), wait);
    writeAt(root, 'dir/later.txt', 'seen by the watcher');
    await vi.waitFor(() => expect(running?.status(id)).toMatchObject({ state: 'up-to-date', files: 31 }), wait);
    expect((await listed(id, '')).map((row) => row.path).toSorted()).toEqual(['dir/', ...Object.keys(treeOf(root)).filter((path) => path.startsWith('file'))].toSorted());
    expect((await running.must('folders.activity', { folderId: id, limit: 100 })).some((event) => event.kind === 'uploaded' && event.path === 'dir/later.txt')).toBe(true);

    const gaps = running.statusEventsAt.slice(1).map((at, i) => at - (running?.statusEventsAt[i] ?? 0));
    // Messages may bunch up on a busy computer: what counts is how many were sent.
    expect(gaps.length).toBeLessThanOrEqual(Math.ceil(((running.statusEventsAt.at(-1) ?? 0) - (running.statusEventsAt[0] ?? 0)) / 200) + 2);
    expect(running.changed).toEqual(expect.arrayContaining(['connections', 'keys', 'folders']));
    expect(JSON.stringify(await running.must('connections.list', undefined))).not.toContain(server.secretAccessKey);
    expect(await running.stop()).toBe(0);
  });

  test('browses, stores, fetches and deletes files of the folder', async () => {
    const computer = createComputer(scratch.dir, 'home-browse');
    running = await startEngine(computer, () => server);
    const root = newFolder();
    writeAt(root, 'dir/one.txt', 'one');
    const id = await addFolder(running, root, 'browse-it');
    await running.must('folders.start', { folderId: id });
    await vi.waitFor(() => expect(running?.status(id)?.state).toBe('up-to-date'), wait);
    const source = newFolder();
    writeAt(source, 'sub/two.txt', 'two');
    writeAt(source, 'three.txt', 'three');
    expect(await running.must('browse.upload', { folderId: id, directory: 'dir/', files: [join(source, 'sub'), join(source, 'three.txt')] })).toEqual({ files: 2, bytes: 8 });
    expect((await listed(id, 'dir/')).map(({ path, protection }) => [path, protection])).toEqual([['dir/sub/', 'sealed'], ['dir/one.txt', 'sealed'], ['dir/three.txt', 'sealed']]);
    const out = newFolder();
    await running.must('browse.download', { folderId: id, path: 'dir/', to: join(out, 'dir'), mayReplace: false });
    expect(Object.keys(treeOf(out))).toEqual(['dir/', 'dir/one.txt', 'dir/sub/', 'dir/sub/two.txt', 'dir/three.txt']);
    expect(await running.must('browse.download', { folderId: id, path: 'dir/three.txt', to: join(out, 'three.txt'), mayReplace: false })).toEqual({ bytes: 5 });
    expect(await running.ask('browse.download', { folderId: id, path: 'dir/one.txt', to: join(out, 'three.txt'), mayReplace: false })).toMatchObject({ ok: false, error: { code: 'target-exists' } });
    expect(readFileSync(join(out, 'three.txt'), 'utf8')).toBe('three');
    await running.must('browse.remove', { folderId: id, paths: ['dir/sub/'] });
    await running.must('folders.syncNow', { folderId: id });
    await vi.waitFor(() => expect(Object.keys(treeOf(root))).toEqual(['dir/', 'dir/one.txt', 'dir/three.txt']), wait);
  });

  test('renames, makes folders, searches below, brings older versions back, and tells what the server says of a file', async () => {
    const computer = createComputer(scratch.dir, 'home-change');
    running = await startEngine(computer, () => server);
    const engine = running;
    const root = newFolder();
    writeAt(root, 'dir/one.txt', 'first words');
    writeAt(root, 'dir/deep/two.txt', 'two');
    writeAt(root, 'top.md', '# top');
    const id = await addFolder(engine, root, 'change-it');
    const s3 = new S3Client({ endpoint: server.endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey } });
    await s3.send(new PutBucketVersioningCommand({ Bucket: 'change-it', VersioningConfiguration: { Status: 'Enabled' } }));
    await engine.must('folders.start', { folderId: id });
    await vi.waitFor(() => expect(engine.status(id)).toMatchObject({ state: 'up-to-date', files: 3 }), wait);

    expect((await listed(id, '', true, 'TWO')).map(({ path }) => path)).toEqual(['dir/deep/two.txt']);
    expect(await engine.must('browse.facts', { folderId: id, path: 'dir/one.txt' })).toMatchObject({ problem: null, sizeBytes: 11, envelope: { format: 'v3' }, server: { objectBytes: 27 } });
    expect(await engine.ask('browse.rename', { folderId: id, path: 'top.md', to: 'dir/one.txt' })).toMatchObject({ ok: false, error: { code: 'target-exists' } });
    await engine.must('browse.rename', { folderId: id, path: 'dir/', to: 'moved/' });
    await engine.must('browse.makeDirectory', { folderId: id, path: 'empty one/' });
    await vi.waitFor(() => expect(Object.keys(treeOf(root))).toEqual(['empty one/', 'moved/', 'moved/deep/', 'moved/deep/two.txt', 'moved/one.txt', 'top.md']), wait);
    expect(readFileSync(join(root, 'moved/one.txt'), 'utf8')).toBe('first words');

    writeAt(root, 'moved/one.txt', 'second, longer words');
    await vi.waitFor(async () => expect(await engine.must('browse.facts', { folderId: id, path: 'moved/one.txt' })).toMatchObject({ sizeBytes: 20 }), wait);
    const versions = await engine.must('browse.versions', { folderId: id, path: 'moved/one.txt' });
    expect(versions.map(({ isLatest, sizeBytes }) => [isLatest, sizeBytes])).toEqual([[true, 20], [false, 11]]);
    await engine.must('browse.restore', { folderId: id, path: 'moved/one.txt', versionId: versions[1]!.versionId });
    await vi.waitFor(() => expect(readFileSync(join(root, 'moved/one.txt'), 'utf8')).toBe('first words'), wait);

    // Also one that is under a mode the folder no longer has.
    await engine.must('folders.beginChange', { folderId: id, mode: 'sse-s3' });
    await vi.waitFor(async () => expect(await engine.must('browse.facts', { folderId: id, path: 'moved/one.txt' })).toMatchObject({ epoch: 2, envelope: null, server: { algorithm: 'AES256' } }), wait);
    await engine.must('browse.restore', { folderId: id, path: 'moved/one.txt', versionId: versions[0]!.versionId });
    await vi.waitFor(() => expect(readFileSync(join(root, 'moved/one.txt'), 'utf8')).toBe('second, longer words'), wait);
    s3.destroy();
  });

  test('shows files from memory, large ones by decrypted ranges, and never writes their text', async () => {
    const computer = createComputer(scratch.dir, 'home-preview');
    running = await startEngine(computer, () => server);
    const engine = running;
    const root = newFolder();
    const large = Buffer.alloc(33 * 1024 * 1024 + 5);
    for (let at = 0; at + 4 <= large.length; at += 4) large.writeUInt32BE(at, at);
    large.write('PLAINTEXT-THAT-STAYS-IN-MEMORY', 20_000_001);
    writeAt(root, 'film.mp4', '');
    writeFileSync(join(root, 'film.mp4'), large);
    writeAt(root, 'notes.md', 'words of a note');
    const id = await addFolder(engine, root, 'preview-it');
    await engine.must('folders.start', { folderId: id });
    await vi.waitFor(() => expect(engine.status(id)).toMatchObject({ state: 'up-to-date', files: 2 }), wait);

    const note = await engine.must('preview.open', { folderId: id, path: 'notes.md' });
    expect(note).toMatchObject({ kind: 'text', text: 'words of a note', isWhole: true });
    const film = await engine.must('preview.open', { folderId: id, path: 'film.mp4' });
    expect(film).toMatchObject({ kind: 'video', sizeBytes: large.length, text: null });
    for (const [start, end] of [[0, 100], [19_999_999, 20_000_050], [large.length - 7, large.length + 50], [large.length, large.length]] as const) {
      const { bytes, type } = await engine.must('preview.read', { token: film.token, start, end });
      expect([type, Buffer.from(bytes).equals(large.subarray(start, end))]).toEqual(['video/mp4', true]);
    }
    const written = readdirSync(computer.home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => readFileSync(join(entry.parentPath, entry.name)));
    expect(written.some((bytes) => bytes.includes('PLAINTEXT-THAT-STAYS-IN-MEMORY') || bytes.includes('words of a note'))).toBe(false);
    await engine.must('preview.close', { token: film.token });
    expect(await engine.ask('preview.read', { token: film.token, start: 0, end: 1 })).toMatchObject({ ok: false });
  });

  test('syncs a folder for the command line while it has it open', async () => {
    const computer = createComputer(scratch.dir, 'home-busy');
    running = await startEngine(computer, () => server);
    const root = newFolder();
    writeAt(root, 'first.txt', 'first');
    const id = await addFolder(running, root, 'busy');
    await running.must('folders.preview', { folderId: id });
    expect(statSync(join(computer.home, 'engine.sock')).mode & 0o777).toBe(0o600);
    const report = await computer.json<{ inStep: boolean; folders: { counts: { upload: number } }[] }>(['sync', id]);
    expect(report).toMatchObject({ inStep: true, folders: [{ id, counts: { upload: 1 } }] });
    expect(await computer.error(['preview', id])).toMatchObject({ exitCode: 1, code: 'folder-busy' });
    expect(await computer.json(['folder', 'status', id])).toMatchObject({ files: 1, openIn: 'another' });
    await running.stop();
    expect(existsSync(join(computer.home, 'engine.sock'))).toBe(false);
    writeAt(root, 'second.txt', 'second');
    expect(await computer.json(['sync', id])).toMatchObject({ inStep: true });
  });

  test('follows what the command line changes, and a folder that is gone is let go', async () => {
    const computer = createComputer(scratch.dir, 'home-follow');
    running = await startEngine(computer, () => server);
    const root = newFolder();
    const id = await addFolder(running, root, 'follow');
    await computer.ok(['folder', 'set', id, '--resume']);
    await vi.waitFor(() => expect(running?.status(id)?.state).toBe('up-to-date'), wait);
    await computer.ok(['folder', 'set', id, '--pause']);
    await vi.waitFor(() => expect(running?.status(id)?.state).toBe('paused'), wait);
    await running.must('folders.remove', { folderId: id });
    expect(await running.must('folders.list', undefined)).toEqual([]);
    expect(await computer.json(['folder', 'list'])).toEqual([]);
  });

  test('shows a folder whose keys are closed as locked, and opens it with the passphrase', async () => {
    const computer = createComputer(scratch.dir, 'home-locked', { secrets: IN_KEY_FILE });
    const root = newFolder();
    writeAt(root, 'file.txt', 'content');
    await computer.connect(server);
    await computer.ok(['key', 'new', 'family']);
    const { id } = await computer.json<{ id: string }>(['folder', 'add', root, '--remote', 's3://locked', '--connection', 's3', '--mode', 'cse-c', '--key', 'family', '--create-bucket']);
    running = await startEngine(computer, () => server, { ...IN_KEY_FILE, ENFOLD_PASSPHRASE: '' });
    await vi.waitFor(() => expect(running?.status(id)).toMatchObject({ state: 'locked', problems: [{ error: { code: 'passphrase-missing' } }] }), wait);
    expect(await running.must('keychain.state', undefined)).toEqual({ backend: 'file', state: 'passphrase-needed' });
    expect(await running.ask('keychain.usePassphrase', { passphrase: 'wrong' })).toMatchObject({ ok: false, error: { code: 'passphrase-wrong' } });
    await running.must('keychain.usePassphrase', { passphrase: PASSPHRASE });
    await vi.waitFor(() => expect(running?.status(id)).toMatchObject({ state: 'up-to-date', files: 1 }), wait);
  });

  test('refuses input that the contract does not allow', async () => {
    const computer = createComputer(scratch.dir, 'home-input');
    running = await startEngine(computer, () => server);
    const ask = async (name: string, input: unknown): Promise<Answer<EngineRequest> | undefined> => running?.ask(name as EngineRequest, input as never);
    for (const [name, input] of [['folders.pause', {}], ['browse.open', { folderId: 'abcdef0123', directory: '../x', isDeep: false }], ['no.such', undefined], ['constructor', undefined], ['keys.create', { name: 'x', type: 'aes', more: 1 }]] as const) {
      expect(await ask(name, input)).toMatchObject({ ok: false, error: { code: 'bad-usage' } });
    }
    expect(await ask('folders.pause', { folderId: 'abcdef0123' })).toMatchObject({ ok: false, error: { code: 'no-such-folder' } });
  });

  test('ends when its parent is gone', async () => {
    const computer = createComputer(scratch.dir, 'home-orphan');
    running = await startEngine(computer, () => server);
    const exited = new Promise((done) => running?.child.once('exit', done));
    running.child.disconnect();
    expect(await exited).toBe(0);
  });

  test('ends while it still waits for storage that does not come up', async () => {
    const computer = createComputer(scratch.dir, 'home-no-storage');
    running = await startEngine(computer, () => server);
    const id = await addFolder(running, newFolder(), 'no-storage');
    await running.must('folders.start', { folderId: id });
    expect(await running.stop()).toBe(0);
    running = await startEngine(computer, () => null);
    await vi.waitFor(() => expect(running?.storageAsked).toHaveLength(1), wait);
    expect(await running.stop()).toBe(0);
  });

  test('has the version of the package', async () => {
    const computer = createComputer(scratch.dir, 'home-version');
    running = await startEngine(computer, () => server);
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect((await running.must('app.info', undefined)).version).toBe(version);
    expect((await computer.ok(['--version'])).trim()).toBe(version);
  });
});
