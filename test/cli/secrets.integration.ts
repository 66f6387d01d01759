/** Secrets stay where they belong: after a whole run none is in any file, answer, log or argument that should not have it. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createComputer, makeScratch } from '../helpers/cli.ts';

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
const CONTENT = 'canary-content-that-only-the-owner-may-read';
const FILE_NAME = 'canary-file-name.txt';

/** A secret in every form in which a program would let it slip. */
function formsOf(secret: Buffer): Buffer[] {
  return [secret, Buffer.from(secret.toString('hex')), Buffer.from(secret.toString('hex').toUpperCase()), Buffer.from(secret.toString('base64').replace(/=+$/, '')), Buffer.from(secret.toString('base64url'))];
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).filter((child) => child.isFile()).map((child) => join(child.parentPath, child.name));
}

test('no key, passphrase, access secret, content or file name is left where it does not belong', async () => {
  const masterKey = randomBytes(32);
  const keyFile = join(scratch.dir, 'canary.key');
  writeFileSync(keyFile, masterKey);
  const folder = join(scratch.dir, 'folder');
  mkdirSync(folder);
  writeFileSync(join(folder, FILE_NAME), CONTENT);

  const env = { ENFOLD_PASSPHRASE: PASSPHRASE, ENFOLD_EXPORT_PASSPHRASE: EXPORT_PASSPHRASE };
  const computer = createComputer(scratch.dir, 'home');
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
  // What goes wrong must not tell them either.
  await run(['key', 'import', 'again', '--from', join(folder, FILE_NAME)]);
  await run(['connection', 'add', 'wrong', '--endpoint', storage.endpoint, '--access-key', storage.accessKeyId], 'canary-wrong-secret\n');
  await run(['connection', 'test', 'wrong']);
  await run(['get', 's3://canary/nothing', '--connection', 's3', '--out', join(scratch.dir, 'none')]);
  expect(said.join('')).toContain('uploaded');

  const secrets: Record<string, Buffer[]> = {
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
    ...[...filesBelow(computer.home), ...filesBelow(join(folder, '.enfold')), join(scratch.dir, 'k.age')].map((file): [string, Buffer] => [file, readFileSync(file)]),
  ];
  // The storage has the access secret, of course, and learns nothing else.
  const stored = filesBelow(storage.dir).map((file): [string, Buffer] => [file, readFileSync(file)]);
  const found = [
    ...places.flatMap(([place, bytes]) => Object.entries(secrets).filter(([, forms]) => forms.some((form) => bytes.includes(form))).map(([secret]) => `${secret} in ${place}`)),
    ...stored.flatMap(([place, bytes]) => ['the master key', 'the passphrase', 'the content'].filter((secret) => secrets[secret]?.some((form) => bytes.includes(form))).map((secret) => `${secret} in ${place}`)),
    ...stored.filter(([, bytes]) => bytes.includes(FILE_NAME)).map(([place]) => `the file name in ${place}`),
  ];
  expect(found).toEqual([]);
  expect(places.length).toBeGreaterThan(4);
});
