/**
 * A real keychain in every state it can be in: GNOME's, in a session of its own, so that locking and killing it disturbs nothing
 * else. The steps run in one process, as an engine would live through them, and in a second one after it: the library of the Secret
 * Service never connects anew.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'enfold-keyring-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const KEYRING = `
import { execFileSync, fork, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import keytar from 'keytar';
const bus = (...args) => execFileSync('dbus-send', ['--session', '--print-reply', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
const isThere = () => bus('--dest=org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus.NameHasOwner', 'string:org.freedesktop.secrets').includes('true');
const startDaemon = async () => {
  const daemon = spawn('gnome-keyring-daemon', ['--unlock', '--components=secrets', '--foreground'], { stdio: ['pipe', 'ignore', 'ignore'] });
  daemon.stdin.end('enfold');
  while (!isThere()) await new Promise((done) => setTimeout(done, 50));
  return daemon;
};
let daemon;
const end = async () => {
  const gone = new Promise((done) => daemon.once('exit', done));
  daemon.kill('SIGKILL');
  await gone;
  while (isThere()) await new Promise((done) => setTimeout(done, 50));
};
const home = process.env.ENFOLD_TEST_HOME;
const told = {};
`;

const STEPS = `${KEYRING}
const { createKeychainStore } = await import(process.env.STORE);
const store = createKeychainStore(home);
const attempt = async (step, use) => {
  try {
    const value = await use();
    told[step] = Buffer.isBuffer(value) ? value.toString() : value === undefined ? 'done' : value;
  } catch (error) {
    told[step] = error.code ?? String(error);
  }
};
if (process.env.PHASE === '2') {
  await attempt('back, in a new process: get', () => store.get('key/00'));
  const [item] = await keytar.findCredentials('Enfold');
  await keytar.deletePassword('Enfold', item.account);
  await attempt('item deleted: get', () => store.get('key/00'));
  await attempt('item deleted: set', () => store.set('key/01', Buffer.from('other')));
  told['files left'] = readdirSync(home + '/wrapped-secrets').length;
  await keytar.setPassword('Enfold', item.account, item.password);
  await attempt('item put back: get', () => store.get('key/00'));
  told['items'] = (await keytar.findCredentials('Enfold')).length;
  console.log(JSON.stringify(told));
  process.exit(0);
}
daemon = await startDaemon();
await attempt('present: nothing yet', () => store.get('key/00'));
await attempt('present: set', () => store.set('key/00', Buffer.from('precious')));
await attempt('present: get', () => store.get('key/00'));
bus('--dest=org.freedesktop.secrets', '/org/freedesktop/secrets', 'org.freedesktop.Secret.Service.Lock', 'array:objpath:/org/freedesktop/secrets/collection/login');
await attempt('locked: get', () => store.get('key/00'));
await attempt('locked: set', () => store.set('key/01', Buffer.from('other')));
await attempt('locked: delete', () => store.delete('key/00'));
await end();
await attempt('killed: get', () => store.get('key/00'));
await attempt('killed: set', () => store.set('key/01', Buffer.from('other')));
daemon = await startDaemon();
const { stdout } = spawnSync(process.execPath, [process.argv[1]], { encoding: 'utf8', env: { ...process.env, PHASE: '2' } });
Object.assign(told, JSON.parse(stdout.trim().split('\\n').at(-1)));
await end();
console.log(JSON.stringify(told));
process.exit(0);
`;

/** The engine as the app runs it: a process that is begun anew where it ends. */
const ENGINE = `${KEYRING}
const engine = async () => {
  const child = fork(process.env.ENGINE, [], { env: { ...process.env, ENFOLD_HOME: home }, serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const exited = new Promise((done) => child.once('exit', (code) => done(code)));
  const waiting = new Map();
  await new Promise((ready) => child.on('message', (message) => {
    if (message.type === 'ready') ready();
    if (message.type === 'answer') waiting.get(message.id)?.(message.answer);
  }));
  let id = 0;
  const ask = (name, input) => new Promise((done) => {
    waiting.set(++id, done);
    child.send({ type: 'request', id, name, input });
  });
  return { ask, exited, stop: () => child.send({ type: 'stop' }) };
};
daemon = await startDaemon();
const first = await engine();
const made = await first.ask('keys.create', { name: 'mine', type: 'aes' });
told['key made'] = made.ok;
const out = join(home, 'exported.age');
const exportIt = (running) => running.ask('keys.exportTo', { keyId: made.value.keyId, file: out, passphrase: 'five random words are strong' });
await end();
told['daemon killed'] = (await exportIt(first)).error?.code;
told['file written'] = existsSync(out);
told['engine ended by itself'] = await first.exited;
daemon = await startDaemon();
const second = await engine();
told['key still listed'] = (await second.ask('keys.list')).value.map(({ name }) => name);
told['begun anew'] = (await exportIt(second)).ok;
told['file written then'] = existsSync(out);
second.stop();
await second.exited;
await end();
console.log(JSON.stringify(told));
process.exit(0);
`;

/** Runs a program in a session of its own. @returns what it printed last */
function inSession(name: string, source: string): unknown {
  const directories = Object.fromEntries([['XDG_DATA_HOME', 'data'], ['XDG_CONFIG_HOME', 'config'], ['XDG_CACHE_HOME', 'cache'], ['XDG_RUNTIME_DIR', 'run'], ['ENFOLD_TEST_HOME', 'home']].map(([variable = '', directory = '']) => {
    mkdirSync(join(scratch, name, directory), { mode: 0o700, recursive: true });
    return [variable, join(scratch, name, directory)];
  }));
  const { DISPLAY: _display, WAYLAND_DISPLAY: _wayland, DBUS_SESSION_BUS_ADDRESS: _bus, ENFOLD_KEYCHAIN: _keychain, ...inherited } = process.env;
  const program = resolve(`test/keys/.keyring-${name}.mjs`); // where keytar is found from
  writeFileSync(program, source);
  try {
    const { stdout, stderr } = spawnSync('dbus-run-session', ['--', process.execPath, program], { encoding: 'utf8', timeout: 110_000, env: { ...inherited, ...directories, STORE: resolve('main/keys/keychain.ts'), ENGINE: resolve('main/engine-process.ts') } });
    const last = stdout.trim().split('\n').at(-1) ?? '';
    expect(last, stderr).toMatch(/^\{/);
    return JSON.parse(last);
  } finally {
    rmSync(program, { force: true });
  }
}

test('the engine whose keychain is killed while it runs says so, ends by itself, and the one begun after it has every key', { timeout: 120_000 }, () => {
  expect(inSession('engine', ENGINE)).toEqual({
    'key made': true, 'daemon killed': 'keychain-lost', 'file written': false, 'engine ended by itself': 0, 'key still listed': ['mine'], 'begun anew': true, 'file written then': true,
  });
});

test('the real keychain, present, locked, killed, restarted and with its item deleted, never loses a secret and never takes another place instead', { timeout: 120_000 }, () => {
  expect(inSession('store', STEPS)).toEqual({
    'present: nothing yet': null, 'present: set': 'done', 'present: get': 'precious',
    'locked: get': 'keychain-locked', 'locked: set': 'keychain-locked', 'locked: delete': 'keychain-locked',
    'killed: get': 'keychain-lost', 'killed: set': 'keychain-lost',
    'back, in a new process: get': 'precious',
    'item deleted: get': 'key-item-missing', 'item deleted: set': 'key-item-missing', 'files left': 1,
    'item put back: get': 'precious', items: 1,
  });
});
