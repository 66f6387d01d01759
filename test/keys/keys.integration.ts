import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { encodeKeyExport } from '../../main/keys/key-material.ts';
import { openSecretStore } from '../../main/keys/secret-store.ts';
import { decryptWithPassphrase } from '../../main/keys/passphrase.ts';
import { runAge } from '../helpers/age-terminal.ts';

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

test('the ordinary age program opens an exported key', async () => {
  const bytes = randomBytes(32);
  writeFileSync(join(scratch, 'key.age'), await encodeKeyExport({ type: 'aes', name: 'photos', bytes }, 'four words of passphrase'));
  await runAge('four words of passphrase', ['--decrypt', '--output', join(scratch, 'key.json'), join(scratch, 'key.age')]);
  const opened = JSON.parse(readFileSync(join(scratch, 'key.json'), 'utf8')) as { key: string; name: string };
  expect(opened.name).toBe('photos');
  expect(Buffer.from(opened.key, 'base64')).toEqual(bytes);
});

test('a file from the ordinary age program opens here', async () => {
  writeFileSync(join(scratch, 'plain'), 'hello');
  await runAge('another passphrase', ['--passphrase', '--output', join(scratch, 'sealed'), join(scratch, 'plain')]);
  const sealed = readFileSync(join(scratch, 'sealed'));
  expect((await decryptWithPassphrase(sealed, 'another passphrase')).toString()).toBe('hello');
});
