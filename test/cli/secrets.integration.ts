/** Secrets stay where they belong: after a whole run none is in any file, answer, log or argument that should not have it. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAesKeyring } from '../../main/envelope/aes-keyring.ts';
import type { Descriptor } from '../../main/envelope/descriptor.ts';
import { unwrapFolderKey } from '../../main/envelope/folder-key.ts';
import { createKeyFileStore } from '../../main/keys/key-file.ts';
import { wordsOf } from '../../main/keys/words.ts';
import { openFolderState } from '../../main/state/folder-state.ts';
import { openSettings } from '../../main/state/settings.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createComputer, makeScratch } from '../helpers/cli.ts';
import { IN_KEY_FILE } from '../helpers/secrets.ts';

const scratch = makeScratch();
let storage: RunningStorage;
beforeAll(async () => {
  storage = await startStorage({ dir: join(scratch.dir, 'storage') });
});
afterAll(async () => {
  await storage.stop();
  scratch.remove();
});

const PASSPHRASE = 'canary-passphrase-7c1f';
const EXPORT_PASSPHRASE = 'canary-export-passphrase-93ab';
const INVITATION_PASSPHRASE = 'canary-invitation-passphrase-51d0';
const WRONG_WORD = 'canaryword';
const CONTENT = 'canary-content-that-only-the-owner-may-read';
const FILE_NAME = 'canary-file-name.txt';

/** A secret in every form in which a program would let it slip. */
function formsOf(secret: Buffer): Buffer[] {
  return [secret, Buffer.from(secret.toString('hex')), Buffer.from(secret.toString('hex').toUpperCase()), Buffer.from(secret.toString('base64').replace(/=+$/, '')), Buffer.from(secret.toString('base64url'))];
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).filter((child) => child.isFile()).map((child) => join(child.parentPath, child.name));
}

/** The id of the client-side folder. */
function clientSideFolder(home: string): string {
  const settings = openSettings(home);
  const folder = settings.folders().find(({ mode }) => mode.id === 'cse-c');
  settings.close();
  return folder?.id ?? '';
}

test('no key, word, passphrase, access secret, content or file name is left where it does not belong', async () => {
  const masterKey = randomBytes(32);
  const keyFile = join(scratch.dir, 'canary.key');
  writeFileSync(keyFile, masterKey);
  const folder = join(scratch.dir, 'folder');
  mkdirSync(folder);
  writeFileSync(join(folder, FILE_NAME), CONTENT);

  const customerKey = randomBytes(32);
  writeFileSync(join(scratch.dir, 'canary-customer.key'), customerKey);
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  writeFileSync(join(scratch.dir, 'canary.pem'), pair.export({ format: 'pem', type: 'pkcs8' }));
  const words = wordsOf(masterKey);

  const env = { ENFOLD_PASSPHRASE: PASSPHRASE, ENFOLD_EXPORT_PASSPHRASE: EXPORT_PASSPHRASE, ENFOLD_INVITATION_PASSPHRASE: INVITATION_PASSPHRASE };
  const computer = createComputer(scratch.dir, 'home', { secrets: IN_KEY_FILE });
  const said: string[] = [];
  const commandLines: string[] = [];
  const run = async (args: string[], input?: string): Promise<void> => {
    const child = computer.spawn([...args, '--verbose'], { env, ...(input === undefined ? {} : { input }) });
    commandLines.push(readFileSync(`/proc/${child.pid}/cmdline`, 'utf8'));
    child.stdout?.on('data', (chunk: Buffer) => said.push(chunk.toString('latin1')));
    child.stderr?.on('data', (chunk: Buffer) => said.push(chunk.toString('latin1')));
    await new Promise((closed) => child.once('close', closed));
  };
  const addFolder = ['folder', 'add', folder, '--remote', 's3://canary/f', '--connection', 's3', '--mode', 'cse-c', '--key', 'k', '--create-bucket'];
  await run(['connection', 'add', 's3', '--endpoint', storage.endpoint, '--access-key', storage.accessKeyId], `${storage.secretAccessKey}\n`);
  await run(['key', 'import', 'k', '--from', keyFile]);
  await run(['key', 'export', 'k', '--out', join(scratch.dir, 'k.age')]);
  await run(addFolder);
  await run(['sync', '--json']);
  await run(['folder', 'status', '--json']);
  await run(['connection', 'list', '--json']);
  await run(['key', 'list', '--json']);
  await run(['verify', 'folder']);
  await run(['key', 'import', 'customer', '--from', join(scratch.dir, 'canary-customer.key'), '--type', 'sse-c']);
  await run(['key', 'import', 'pair', '--from', join(scratch.dir, 'canary.pem')]);
  const second = join(scratch.dir, 'second');
  mkdirSync(second);
  writeFileSync(join(second, 'plain.txt'), 'for S3 to encrypt');
  await run(['folder', 'add', second, '--remote', 's3://canary/c', '--connection', 's3', '--mode', 'sse-c', '--key', 'customer']);
  await run(['sync', 'second', '--json']);
  await run(['key', 'kit', 'k', '--out', join(scratch.dir, 'k-kit.html')]);
  await run(['key', 'kit', 'pair', '--out', join(scratch.dir, 'pair-kit.html')]);
  await run(['key', 'verify-kit', 'k', '--from', '-'], words);
  await run(['key', 'recipient', '--json']);
  await run(['folder', 'invite', 'folder', '--passphrase', '--out', join(scratch.dir, 'invitation.age')]);
  await run(['key', 'drill', '--json']);
  await run(['key', 'list', '--check']);
  await run(['key', 'lock']);
  await run(['sync']);
  await run(['key', 'unlock']);
  // What goes wrong must not tell them either.
  const wrongWords = words.split(' ').with(2, WRONG_WORD).join(' ');
  await run(['key', 'verify-kit', 'k', '--from', '-'], wrongWords);
  await run(['key', 'import', 'typed', '--from', '-'], words.split(' ').toReversed().join(' '));
  await run(['folder', 'accept', join(scratch.dir, 'invitation.age'), second]);
  await run(['key', 'import', 'again', '--from', join(folder, FILE_NAME)]);
  await run(['connection', 'add', 'wrong', '--endpoint', storage.endpoint, '--access-key', storage.accessKeyId], 'canary-wrong-secret\n');
  await run(['connection', 'test', 'wrong']);
  await run(['get', 's3://canary/nothing', '--connection', 's3', '--out', join(scratch.dir, 'none')]);
  expect(said.join('')).toContain('uploaded');

  const kept = createKeyFileStore(computer.home, async () => PASSPHRASE);
  const identity = (await kept.get('identity/age')) ?? Buffer.from('none was made');
  expect(identity.toString()).toMatch(/^AGE-SECRET-KEY-/);
  const state = openFolderState(computer.home, clientSideFolder(computer.home));
  const descriptor = state.fact<Descriptor>('descriptor');
  state.close();
  const folderKey = await unwrapFolderKey(createAesKeyring({ wrappingKey: masterKey, keyId: null }), Buffer.from(descriptor?.epochs[0]?.wrappedFolderKey ?? '', 'base64'), descriptor?.folderId ?? '');
  const pairWords = [...readFileSync(join(scratch.dir, 'pair-kit.html'), 'utf8').matchAll(/<li><i>\d+<\/i>([a-z]+)/g)].map(([, word]) => word);
  expect(pairWords).toHaveLength(24);
  const sameWords = (all: readonly (string | undefined)[]): Buffer[] => [Buffer.from(all.join(' ')), Buffer.from(all.slice(3, 7).join(' '))];

  const secrets: Record<string, Buffer[]> = {
    'the customer key': formsOf(customerKey),
    'the private key': [...formsOf(pair.export({ format: 'der', type: 'pkcs8' }).subarray(200, 400)), Buffer.from((pair.export({ format: 'pem', type: 'pkcs8' }) as string).split('\n')[5] ?? '')],
    'the folder key': formsOf(folderKey),
    'the words': sameWords(words.split(' ')),
    "the words of another kit": sameWords(pairWords),
    'a wrong word': [Buffer.from(WRONG_WORD)],
    'the invitation passphrase': formsOf(Buffer.from(INVITATION_PASSPHRASE)),
    'the identity': [identity],
    'the master key': formsOf(masterKey),
    'the access secret': formsOf(Buffer.from(storage.secretAccessKey)),
    'a wrong access secret': [Buffer.from('canary-wrong-secret')],
    'the passphrase': formsOf(Buffer.from(PASSPHRASE)),
    'the export passphrase': formsOf(Buffer.from(EXPORT_PASSPHRASE)),
    'the content': [Buffer.from(CONTENT)],
  };
  const places: [string, Buffer][] = [
    ['what was said', Buffer.from(said.join(''), 'latin1')],
    ['arguments', Buffer.from(commandLines.join('\n'))],
    ...[...filesBelow(computer.home), ...filesBelow(join(folder, '.enfold')), join(scratch.dir, 'k.age'), join(scratch.dir, 'k-kit.age'), join(scratch.dir, 'pair-kit.age'), join(scratch.dir, 'invitation.age')].map((file): [string, Buffer] => [file, readFileSync(file)]),
  ];
  // The storage has the access secret, of course, and learns nothing else.
  const stored = filesBelow(storage.dir).map((file): [string, Buffer] => [file, readFileSync(file)]);
  const found = [
    ...places.flatMap(([place, bytes]) => Object.entries(secrets).filter(([, forms]) => forms.some((form) => bytes.includes(form))).map(([secret]) => `${secret} in ${place}`)),
    ...stored.flatMap(([place, bytes]) => Object.keys(secrets).filter((secret) => secret !== 'the access secret').filter((secret) => secrets[secret]?.some((form) => bytes.includes(form))).map((secret) => `${secret} in ${place}`)),
    ...stored.filter(([, bytes]) => bytes.includes(FILE_NAME)).map(([place]) => `the file name in ${place}`),
  ];
  expect(found).toEqual([]);
  expect(Object.keys(secrets).length).toBeGreaterThanOrEqual(12);
  expect(places.length).toBeGreaterThan(4);
});
