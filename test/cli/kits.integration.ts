/**
 * Recovery kits end to end, on the command line and without it: a computer is lost, and what was written down brings the files back;
 * and the commands that the page prints for readers without Enfold are run as they are printed.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DeleteObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { runAge } from '../helpers/age-terminal.ts';
import { createComputer, makeScratch } from '../helpers/cli.ts';
import { treeOf, writeAt } from '../helpers/tree.ts';

const scratch = makeScratch();
const at = (...names: string[]): string => join(scratch.dir, ...names);
const first = createComputer(scratch.dir, 'home-1');
let storage: RunningStorage;
beforeAll(async () => {
  storage = await startStorage({ dir: at('storage') });
  await first.connect(storage);
  await first.ok(['bucket', 'create', 's3://kits', '--connection', 's3']);
});
afterAll(async () => {
  await storage.stop();
  scratch.remove();
});

type Kit = { page: string; ageFile: string; folders: { id: string; fingerprint: string; remote: string }[] };
const wordsOn = (page: string): string => [...readFileSync(page, 'utf8').matchAll(/<li><i>\d+<\/i>([a-z]+)/g)].map(([, word]) => word).join(' ');

/** A folder under a new key, synced, and the kit of the key. */
async function folderWithKit(name: string, type: 'aes' | 'rsa' | 'sse-c'): Promise<{ root: string; id: string; fingerprint: string | null; remote: string; kit: Kit; words: string; keyId: string }> {
  const root = at(name);
  writeAt(root, 'letter.txt', `a letter in ${name}`);
  writeAt(root, 'photos/2026/one.jpg', Buffer.alloc(20_000, name));
  writeAt(root, `long ${'name '.repeat(30)}.txt`, 'long');
  const { keyId } = await first.json<{ keyId: string }>(['key', 'new', name, '--type', type]);
  const remote = `s3://kits/${name}`;
  const { id, fingerprint } = await first.json<{ id: string; fingerprint: string | null }>(['folder', 'add', root, '--remote', remote, '--connection', 's3', '--mode', type === 'sse-c' ? 'sse-c' : 'cse-c', '--key', name]);
  await first.ok(['sync', id]);
  const kit = await first.json<Kit>(['key', 'kit', name, '--out', at(`${name}-kit.html`)]);
  return { root, id, fingerprint, remote, kit, words: wordsOn(kit.page), keyId };
}

/** The commands of one step as the page prints them. */
function printed(page: string, step: string): string {
  const [, html = ''] = new RegExp(`<pre data-step="${step}">([^]*?)</pre>`).exec(readFileSync(page, 'utf8')) ?? [];
  return html.replace(/&#(\d+);/g, (_all, code: string) => String.fromCharCode(Number(code)));
}

const shell = async (commands: string, cwd: string, env: Record<string, string> = {}): Promise<string> =>
  (await promisify(execFile)('bash', ['-e', '-c', commands], { cwd, env: { ...process.env, PATH: `/usr/bin:${process.env['PATH'] ?? ''}`, AWS_ACCESS_KEY_ID: storage.accessKeyId, AWS_SECRET_ACCESS_KEY: storage.secretAccessKey, AWS_DEFAULT_REGION: 'us-east-1', ...env }, timeout: 120_000 })).stdout;

type Listed = { name: string; kitState: string; usedBy: string[]; isBackedUp: boolean };
const stateOf = async (name: string): Promise<string | undefined> => (await first.json<Listed[]>(['key', 'list'])).find((key) => key.name === name)?.kitState;

describe('the kit of a master key', () => {
  let made: Awaited<ReturnType<typeof folderWithKit>>;
  beforeAll(async () => {
    made = await folderWithKit('cards', 'aes');
  });

  test('counts as checked only when the words or the file were given back and opened the folder', async () => {
    expect(await stateOf('cards')).toBe('unverified');
    const { kit, words } = made;
    expect(await first.json(['key', 'verify-kit', 'cards', '--from', '-'], { input: words.toUpperCase() })).toMatchObject({ verified: true, opened: [{ name: 'cards', fingerprint: made.fingerprint }] });
    expect(await stateOf('cards')).toBe('verified');
    expect(await first.json(['key', 'verify-kit', 'cards', '--from', kit.ageFile], { env: { ENFOLD_KIT_WORDS: words } })).toMatchObject({ opened: [{ id: made.id }] });
    expect(await first.json(['key', 'verify-kit', 'cards', '--from', kit.page])).toMatchObject({ opened: [{ id: made.id }] });
  });

  test('is refused with the reason when a word is wrong, the file is cut, or it is of another key', async () => {
    const { kit, words } = made;
    const before = await stateOf('cards');
    const typed = words.split(' ');
    expect(await first.error(['key', 'verify-kit', 'cards', '--from', '-'], { input: typed.with(3, 'enfold').join(' ') })).toMatchObject({ exitCode: 1, code: 'kit-word-unknown', detail: 'word 4' });
    expect(await first.error(['key', 'verify-kit', 'cards', '--from', '-'], { input: typed.with(8, typed[8] === 'zoo' ? 'art' : 'zoo').join(' ') })).toMatchObject({ code: 'kit-words-wrong', detail: 'word 9 of the page is another one' });
    writeFileSync(at('cut.age'), readFileSync(kit.ageFile).subarray(0, 900));
    expect(await first.error(['key', 'verify-kit', 'cards', '--from', at('cut.age')], { env: { ENFOLD_KIT_WORDS: words } })).toMatchObject({ code: 'kit-damaged' });
    writeFileSync(at('cut.html'), readFileSync(kit.page).subarray(0, 9_000));
    expect(await first.error(['key', 'verify-kit', 'cards', '--from', at('cut.html')])).toMatchObject({ code: 'kit-damaged' });
    await first.ok(['key', 'new', 'unrelated']);
    expect(await first.error(['key', 'verify-kit', 'unrelated', '--from', kit.page])).toMatchObject({ code: 'kit-other-key' });
    expect(await first.error(['key', 'verify-kit', 'cards', '--from', '-'], { input: '' })).toMatchObject({ code: 'kit-words-missing' });
    expect(await first.error(['key', 'kit', 'cards', '--out', kit.page])).toMatchObject({ code: 'target-exists' });
    expect(await stateOf('cards')).toBe(before);
    expect(await stateOf('unrelated')).toBe('none');
  });

  test('brings the files back on a new computer from the words on paper', async () => {
    const second = createComputer(scratch.dir, 'home-words');
    await second.connect(storage);
    mkdirSync(at('from-words'));
    expect(await second.error(['folder', 'add', at('from-words'), '--remote', made.remote, '--connection', 's3'])).toMatchObject({ code: 'key-not-found' });
    expect(await second.json(['key', 'import', 'paper', '--from', '-'], { input: made.words })).toMatchObject({ keyId: made.keyId });
    expect(await second.json(['folder', 'add', at('from-words'), '--remote', made.remote, '--connection', 's3'])).toMatchObject({ id: made.id, joined: true, fingerprint: made.fingerprint });
    await second.ok(['sync']);
    expect(treeOf(at('from-words'))).toEqual(treeOf(made.root));
  });

  test('is read without Enfold by the steps that its page prints', async () => {
    const { kit, words } = made;
    const place = at('without');
    mkdirSync(place);
    for (const script of ['enfold-names.py', 'enfold-open.py', 'enfold-words.py']) cpSync(resolve('scripts', script), join(place, script));
    // What the page calls `age --decrypt` asks for the passphrase on a terminal.
    const [age = '', extract = ''] = printed(kit.page, 'open').split('\n');
    expect(age).toBe('age --decrypt --output kit.json RECOVERY-FILE.age');
    await runAge(words, ['--decrypt', '--output', join(place, 'kit.json'), kit.ageFile]);
    await shell(extract, place);
    const key = readFileSync(join(place, 'key.txt'), 'utf8');
    writeFileSync(join(place, 'words.txt'), words);
    await shell(`${printed(kit.page, 'words')} < words.txt`, place);
    expect(readFileSync(join(place, 'key.txt'), 'utf8').trim()).toBe(Buffer.from(key, 'base64').toString('hex'));
    // The list itself is the published one, read by neither of the two.
    expect(readFileSync(join(place, 'enfold-words.py'), 'utf8').split('"""')[3]?.split(/\s+/).filter(Boolean)).toEqual((await import('@scure/bip39/wordlists/english.js')).wordlist);
    const names = await shell(printed(kit.page, 'names'), place);
    expect(names).toContain('photos/2026/one.jpg');
    expect(names).toContain('long name name');
    const { key: objectKey } = JSON.parse(names.split('\n').find((line) => line.includes('letter.txt')) ?? '{}') as { key: string };
    await shell(printed(kit.page, 'get'), place, { K: objectKey });
    expect(readFileSync(join(place, 'FILE'), 'utf8')).toBe('a letter in cards');
  });

  test('writes the description of the folder again where the bucket has lost it', async () => {
    const third = createComputer(scratch.dir, 'home-lost');
    await third.connect(storage);
    const client = new S3Client({ endpoint: storage.endpoint, region: 'us-east-1', forcePathStyle: true, credentials: storage });
    await client.send(new DeleteObjectCommand({ Bucket: 'kits', Key: 'cards/.enfold/folder.json' }));
    client.destroy();
    await third.ok(['key', 'import', 'paper', '--from', made.kit.ageFile], { env: { ENFOLD_KIT_WORDS: made.words } });
    mkdirSync(at('lost'));
    expect(await third.json(['folder', 'add', at('lost'), '--remote', made.remote, '--connection', 's3'])).toMatchObject({ id: made.id, joined: true, fingerprint: made.fingerprint });
    await third.ok(['sync']);
    expect(treeOf(at('lost'))).toEqual(treeOf(made.root));
    await first.ok(['sync', made.id]);
  });

  test('is refused by a join where another folder stands at the place than the kit says', async () => {
    const victim = createComputer(scratch.dir, 'home-victim');
    await victim.connect(storage);
    await victim.ok(['key', 'import', 'paper', '--from', made.kit.page]);
    // Somebody with the key (a former member) made a folder of the same id with another folder key.
    const facts = await import('../../main/state/settings.ts');
    const settings = facts.openSettings(victim.home);
    const known = settings.fact('known-folders') as Record<string, { fingerprint: string }>;
    settings.putFact('known-folders', Object.fromEntries(Object.entries(known).map(([id, one]) => [id, { ...one, fingerprint: 'AAAA-BBBB-CCCC-DDDD' }])));
    settings.close();
    mkdirSync(at('victim'));
    expect(await victim.error(['folder', 'add', at('victim'), '--remote', made.remote, '--connection', 's3'])).toMatchObject({ code: 'fingerprint-mismatch' });
    expect(await victim.json(['folder', 'list'])).toEqual([]);
  });
});

test('the kit of an RSA pair brings the files back from its file and the words, on the command line and without Enfold', async () => {
  const { root, id, remote, kit, words, keyId } = await folderWithKit('office', 'rsa');
  expect(await first.json(['key', 'verify-kit', 'office', '--from', kit.ageFile], { input: words })).toMatchObject({ opened: [{ id }] });
  const second = createComputer(scratch.dir, 'home-rsa');
  await second.connect(storage);
  expect(await second.json(['key', 'import', 'office', '--from', kit.page])).toMatchObject({ keyId, type: 'rsa' });
  mkdirSync(at('from-rsa'));
  await second.ok(['folder', 'add', at('from-rsa'), '--remote', remote, '--connection', 's3']);
  await second.ok(['sync']);
  expect(treeOf(at('from-rsa'))).toEqual(treeOf(root));
  const place = at('without-rsa');
  mkdirSync(place);
  await runAge(words, ['--decrypt', '--output', join(place, 'kit.json'), kit.ageFile]);
  await shell(printed(kit.page, 'open').split('\n')[1] ?? '', place);
  expect(readFileSync(join(place, 'key.txt'), 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----/);
});

test('the kit of a customer key names the request that S3 decrypts for', async () => {
  const { kit, words } = await folderWithKit('customer', 'sse-c');
  expect(await first.json(['key', 'verify-kit', 'customer', '--from', '-'], { input: words })).toMatchObject({ verified: true, opened: [] });
  const place = at('without-customer');
  mkdirSync(place);
  writeFileSync(join(place, 'key.txt'), Buffer.from(await shell(`python3 ${resolve('scripts/enfold-words.py')} <<< '${words}'`, place), 'hex').toString('base64'));
  await shell(printed(kit.page, 'get'), place, { K: 'customer/letter.txt' });
  expect(readFileSync(join(place, 'FILE'), 'utf8')).toBe('a letter in customer');
});
