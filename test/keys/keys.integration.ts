import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { encodeKeyExport } from '../../main/keys/key-material.ts';
import { openSecretStore } from '../../main/keys/secret-store.ts';
import { decryptWithPassphrase } from '../../main/keys/passphrase.ts';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'enfold-keys-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

test('the real keychain keeps secrets, one home apart from another', async () => {
  const store = openSecretStore({ home: scratch, env: {} });
  expect(store.backend).toBe('keychain');
  const secret = randomBytes(32);
  await store.set('key/0011', secret);
  expect(await openSecretStore({ home: scratch, env: {} }).get('key/0011')).toEqual(secret);
  const otherHome = mkdtempSync(join(scratch, 'other-'));
  expect(await openSecretStore({ home: otherHome, env: {} }).get('key/0011')).toBeNull();
  await store.delete('key/0011');
  expect(await store.get('key/0011')).toBeNull();
});

test('without a session bus the keychain is said to be missing, and nothing else is used instead', () => {
  const program = "import { openSecretStore } from './main/keys/secret-store.ts';"
    + `try { await openSecretStore({ home: ${JSON.stringify(scratch)}, env: {} }).set('key/00', Buffer.from('x')); console.log('stored'); } catch (error) { console.log(error.code); }`;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !['DBUS_SESSION_BUS_ADDRESS', 'DISPLAY', 'XDG_RUNTIME_DIR'].includes(name)));
  const result = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', program], { encoding: 'utf8', env });
  expect(result.stdout.trim(), result.stderr).toBe('keychain-missing');
});

// age asks for passphrases on the terminal only, so it gets one.
const AGE_ON_A_TERMINAL = `
import os, pty, sys, time
passphrase, command = sys.argv[1], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
seen = b''
while b'assphrase' not in seen:
    seen += os.read(terminal, 1024)
time.sleep(0.2)
os.write(terminal, passphrase.encode() + b'\\n')
for _ in range(command.count('--passphrase')):
    seen = b''
    while b'assphrase' not in seen:
        seen += os.read(terminal, 1024)
    time.sleep(0.2)
    os.write(terminal, passphrase.encode() + b'\\n')
try:
    while os.read(terminal, 1024):
        pass
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

test('the ordinary age program opens an exported key', async () => {
  const bytes = randomBytes(32);
  writeFileSync(join(scratch, 'key.age'), await encodeKeyExport({ type: 'aes', name: 'photos', bytes }, 'four words of passphrase'));
  execFileSync('python3', ['-c', AGE_ON_A_TERMINAL, 'four words of passphrase', 'age', '--decrypt', '--output', join(scratch, 'key.json'), join(scratch, 'key.age')], { timeout: 60_000 });
  const opened = JSON.parse(execFileSync('cat', [join(scratch, 'key.json')], { encoding: 'utf8' })) as { key: string; name: string };
  expect(opened.name).toBe('photos');
  expect(Buffer.from(opened.key, 'base64')).toEqual(bytes);
});

test('a file from the ordinary age program opens here', async () => {
  writeFileSync(join(scratch, 'plain'), 'hello');
  execFileSync('python3', ['-c', AGE_ON_A_TERMINAL, 'another passphrase', 'age', '--passphrase', '--output', join(scratch, 'sealed'), join(scratch, 'plain')], { timeout: 60_000 });
  const sealed = execFileSync('cat', [join(scratch, 'sealed')]);
  expect((await decryptWithPassphrase(sealed, 'another passphrase')).toString()).toBe('hello');
});
