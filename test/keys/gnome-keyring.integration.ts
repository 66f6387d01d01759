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

const STEPS = `
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import keytar from 'keytar';
const { createKeychainStore } = await import(process.env.STORE);
const home = process.env.ENFOLD_TEST_HOME;
const store = createKeychainStore(home);
const told = {};
const attempt = async (step, use) => {
  try {
    const value = await use();
    told[step] = Buffer.isBuffer(value) ? value.toString() : value === undefined ? 'done' : value;
  } catch (error) {
    told[step] = error.code ?? String(error);
  }
};
const bus = (...args) => execFileSync('dbus-send', ['--session', '--print-reply', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
const isThere = () => bus('--dest=org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus.NameHasOwner', 'string:org.freedesktop.secrets').includes('true');
const startDaemon = async () => {
  const daemon = spawn('gnome-keyring-daemon', ['--unlock', '--components=secrets', '--foreground'], { stdio: ['pipe', 'ignore', 'ignore'] });
  daemon.stdin.end('enfold');
  while (!isThere()) await new Promise((done) => setTimeout(done, 50));
  return daemon;
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
let daemon = await startDaemon();
await attempt('present: nothing yet', () => store.get('key/00'));
await attempt('present: set', () => store.set('key/00', Buffer.from('precious')));
await attempt('present: get', () => store.get('key/00'));
bus('--dest=org.freedesktop.secrets', '/org/freedesktop/secrets', 'org.freedesktop.Secret.Service.Lock', 'array:objpath:/org/freedesktop/secrets/collection/login');
await attempt('locked: get', () => store.get('key/00'));
await attempt('locked: set', () => store.set('key/01', Buffer.from('other')));
await attempt('locked: delete', () => store.delete('key/00'));
const end = async () => {
  const gone = new Promise((done) => daemon.once('exit', done));
  daemon.kill('SIGKILL');
  await gone;
  while (isThere()) await new Promise((done) => setTimeout(done, 50));
};
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

test('the real keychain, present, locked, killed, restarted and with its item deleted, never loses a secret and never takes another place instead', { timeout: 120_000 }, () => {
  const directories = Object.fromEntries([['XDG_DATA_HOME', 'data'], ['XDG_CONFIG_HOME', 'config'], ['XDG_CACHE_HOME', 'cache'], ['XDG_RUNTIME_DIR', 'run'], ['ENFOLD_TEST_HOME', 'home']].map(([name = '', directory = '']) => {
    mkdirSync(join(scratch, directory), { mode: 0o700 });
    return [name, join(scratch, directory)];
  }));
  const { DISPLAY: _display, WAYLAND_DISPLAY: _wayland, DBUS_SESSION_BUS_ADDRESS: _bus, ...inherited } = process.env;
  const program = resolve('test/keys/.keyring-steps.mjs'); // where keytar is found from
  writeFileSync(program, STEPS);
  try {
    const { stdout, stderr } = spawnSync('dbus-run-session', ['--', process.execPath, program], { encoding: 'utf8', timeout: 110_000, env: { ...inherited, ...directories, STORE: resolve('main/keys/keychain.ts') } });
    const last = stdout.trim().split('\n').at(-1) ?? '';
    expect(last, stderr).toMatch(/^\{/);
    expect(JSON.parse(last)).toEqual({
      'present: nothing yet': null, 'present: set': 'done', 'present: get': 'precious',
      'locked: get': 'keychain-locked', 'locked: set': 'keychain-locked', 'locked: delete': 'keychain-locked',
      'killed: get': 'keychain-lost', 'killed: set': 'keychain-lost',
      'back, in a new process: get': 'precious',
      'item deleted: get': 'key-item-missing', 'item deleted: set': 'key-item-missing', 'files left': 1,
      'item put back: get': 'precious', items: 1,
    });
  } finally {
    rmSync(program, { force: true });
  }
});
