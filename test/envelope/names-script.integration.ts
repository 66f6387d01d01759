/** The stand-alone script that reads encrypted names without Enfold, held to every naming case. */
import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAesKeyring } from '../../main/envelope/aes-keyring.ts';
import { encodeDescriptor } from '../../main/envelope/descriptor.ts';
import { createFolderKey, namesKeyOf, wrapFolderKey } from '../../main/envelope/folder-key.ts';
import { keyIdOf } from '../../main/envelope/key-id.ts';
import type { Keyring } from '../../main/envelope/keyring.ts';
import { createNames } from '../../main/envelope/names.ts';
import { createRsaKeyring, parseRsaKey } from '../../main/envelope/rsa-keyring.ts';
import { encodeKeyExport } from '../../main/keys/key-material.ts';
import type { KeyId } from '../../main/model/mode.ts';
import { syncPath } from '../../main/model/path.ts';

const script = fileURLToPath(new URL('../../scripts/enfold-names.py', import.meta.url));
const folderId = randomBytes(16).toString('hex');
const folderKey = createFolderKey();
const masterKey = randomBytes(32);
const pem = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const paths = [
  'a', 'a/', 'a/b', 'readme.txt', 'fifteen bytes 1', 'sixteen bytes 16', 'seventeen bytes 1', 'x'.repeat(32), 'x'.repeat(95), 'x'.repeat(96), 'x'.repeat(97), 'é'.repeat(48), `${'é'.repeat(48)}x`,
  'ünï/çödé/', 'e\u0301/x', '\u00e9/x', '日本語/写真.jpg', '😀/🎉 party.txt', ' ', '...', '~', '~tilde', 'quote"back\\slash', 'new\nline', 'tab\t', '\u202eright', `${'long directory '.repeat(10)}/${'long file '.repeat(20)}`, `d/${'long directory '.repeat(10)}/x/`,
].map(syncPath);
const prefix = 'team/folder/';
const names = createNames(namesKeyOf(folderKey), folderId);
const objectKeys = paths.map((path) => prefix + names.encryptPath(path).relativeKey);
let directory = '';

type Line = { readonly key: string; readonly path?: string; readonly error?: string };

async function run(...options: string[]): Promise<{ lines: Line[]; exitCode: number; stderr: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)('python3', [script, '--json', '--prefix', prefix, ...options], { env: { ...process.env, ENFOLD_PASSPHRASE: 'correct horse' }, maxBuffer: 2 ** 24 });
    return { lines: stdout.trim().split('\n').map((line) => JSON.parse(line) as Line), exitCode: 0, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { lines: stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Line), exitCode: code, stderr };
  }
}

async function writeDescriptor(name: string, keyring: Keyring, keyId: KeyId, keyType: 'aes' | 'rsa'): Promise<string> {
  const wrappedFolderKey = (await wrapFolderKey(keyring, folderKey, folderId)).toString('base64');
  const file = encodeDescriptor({ folderId, names: 'encrypted', devices: [], epochs: [{ n: 1, mode: { id: 'cse-c', keyId, keyType, format: 'v3' }, wrappedFolderKey }] }, folderKey);
  await writeFile(join(directory, name), file);
  return join(directory, name);
}
const place = (name: string) => join(directory, name);
let byAes = '';
let byRsa = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'enfold-names-'));
  byAes = await writeDescriptor('folder.json', createAesKeyring({ wrappingKey: masterKey, keyId: keyIdOf('aes', masterKey) }), keyIdOf('aes', masterKey), 'aes');
  const pair = parseRsaKey(pem);
  byRsa = await writeDescriptor('folder-rsa.json', createRsaKeyring(pair), pair.keyId, 'rsa');
  await mkdir(place('names'));
  for (const path of paths) for (const { hash, record } of names.encryptPath(path).longNames) await writeFile(join(place('names'), hash), record);
  await writeFile(place('raw'), masterKey);
  await writeFile(place('hex'), `${masterKey.toString('hex')}\n`);
  await writeFile(place('base64'), masterKey.toString('base64'));
  await writeFile(place('pem'), pem);
  await writeFile(place('names-key'), namesKeyOf(folderKey).toString('hex'));
  await writeFile(place('wrong'), randomBytes(32));
});
afterAll(async () => rm(directory, { recursive: true, force: true }));

const expected = paths.map((path, index) => ({ key: objectKeys[index], path }));

describe('the stand-alone names script', () => {
  test.each(['raw', 'hex', 'base64'])('reads every naming case with a %s key', async (key) => {
    expect((await run('--key', place(key), '--descriptor', byAes, '--long-names', place('names'), ...objectKeys)).lines).toEqual(expected);
  });

  test('reads them with an exported key and its passphrase', async () => {
    await writeFile(place('export'), await encodeKeyExport({ type: 'aes', name: 'mine', bytes: masterKey }, 'correct horse'));
    expect((await run('--key', place('export'), '--descriptor', byAes, '--long-names', place('names'), ...objectKeys)).lines).toEqual(expected);
    await writeFile(place('other-export'), await encodeKeyExport({ type: 'aes', name: 'mine', bytes: masterKey }, 'another'));
    expect(await run('--key', place('other-export'), '--descriptor', byAes, ...objectKeys)).toMatchObject({ exitCode: 1, lines: [], stderr: expect.stringContaining('wrong passphrase') as string });
  });

  test('reads them with an RSA private key', async () => {
    expect((await run('--key', place('pem'), '--descriptor', byRsa, '--long-names', place('names'), ...objectKeys)).lines).toEqual(expected);
  });

  test('reads them with the names key alone', async () => {
    expect((await run('--names-key', place('names-key'), '--folder-id', folderId, '--long-names', place('names'), ...objectKeys)).lines).toEqual(expected);
  });

  test('says which names it cannot read, and reads the others', async () => {
    const [first = ''] = objectKeys;
    const altered = prefix + (first[prefix.length] === '0' ? '1' : '0') + first.slice(prefix.length + 1);
    const { lines, exitCode } = await run('--key', place('raw'), '--descriptor', byAes, first, `${prefix}readme.txt`, altered, `${prefix}.enfold/folder.json`, 'elsewhere/x', objectKeys.at(-1) ?? '');
    expect(exitCode).toBe(1);
    expect(lines.map(({ path }) => path)).toEqual(['a', undefined, undefined, undefined]);
    expect(lines.at(-1)?.error).toMatch(/long name/);
  });

  test('refuses a wrong key and an altered description', async () => {
    expect(await run('--key', place('wrong'), '--descriptor', byAes, ...objectKeys)).toMatchObject({ exitCode: 1, lines: [], stderr: expect.stringContaining('does not open') as string });
    const altered = encodeDescriptor({ folderId, names: 'encrypted', devices: [], epochs: [{ n: 1, mode: { id: 'cse-c', keyId: keyIdOf('aes', masterKey), keyType: 'aes', format: 'v3' }, wrappedFolderKey: (await wrapFolderKey(createAesKeyring({ wrappingKey: masterKey, keyId: null }), folderKey, folderId)).toString('base64') }] }, createFolderKey());
    await writeFile(place('altered.json'), altered);
    expect(await run('--key', place('raw'), '--descriptor', place('altered.json'), ...objectKeys)).toMatchObject({ exitCode: 1, lines: [], stderr: expect.stringContaining('altered') as string });
  });
});
