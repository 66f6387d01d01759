/** A folder shared by invitation: on the command line, and every way an invitation must not work. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEnfold } from '../../main/assembly/enfold.ts';
import type { Enfold } from '../../main/assembly/api.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createComputer, makeScratch } from '../helpers/cli.ts';
import { IN_ANY_STORE } from '../helpers/secrets.ts';
import { fingerprintOf, treeOf, writeAt } from '../helpers/tree.ts';

const scratch = makeScratch();
const at = (...names: string[]): string => join(scratch.dir, ...names);
const owner = createComputer(scratch.dir, 'owner');
let storage: RunningStorage;
let ownerEnfold: Enfold;
let team: { readonly id: string; readonly fingerprint: string };
const opened: Enfold[] = [];

/** A colleague's computer in this process, signed in to the same server. */
async function colleague(name: string, isConnected = true): Promise<Enfold> {
  const enfold = await openEnfold({ home: at(name), hostName: name, env: IN_ANY_STORE });
  opened.push(enfold);
  if (isConnected) await enfold.connections.add({ kind: 's3', name: 'team', endpoint: storage.endpoint, region: 'us-east-1', accessKeyId: storage.accessKeyId, secretAccessKey: storage.secretAccessKey });
  return enfold;
}

beforeAll(async () => {
  storage = await startStorage({ dir: at('storage') });
  await owner.connect(storage);
  writeAt(at('team'), 'plan.txt', 'the plan');
  writeAt(at('team'), 'photos/one.jpg', Buffer.alloc(5_000, 'x'));
  await owner.ok(['key', 'new', 'team']);
  const { id, fingerprint } = await owner.json<{ id: string; fingerprint: string }>(['folder', 'add', at('team'), '--remote', 's3://shared/team', '--connection', 's3', '--mode', 'cse-c', '--key', 'team', '--create-bucket']);
  team = { id, fingerprint };
  await owner.ok(['sync']);
  ownerEnfold = await openEnfold({ home: owner.home, hostName: 'owner', env: IN_ANY_STORE });
  opened.push(ownerEnfold);
});
afterAll(async () => {
  for (const enfold of opened) await enfold.close();
  await storage.stop();
  scratch.remove();
});

const place = (name: string): string => {
  mkdirSync(at(name), { recursive: true });
  return at(name);
};
const invite = async (name: string, audience: Parameters<Enfold['invitations']['invite']>[0]['audience'], days = 14): Promise<string> => (await ownerEnfold.invitations.invite({ folder: 'team', audience, file: at(`${name}.age`), name, days })).file;
const accept = async (enfold: Enfold, file: string, into: string, passphrase: string | null = null) => enfold.invitations.accept({ file, localPath: place(into), connection: null, passphrase });

test('an invitation to a recipient lets that computer in, once, and members tells', async () => {
  const ines = createComputer(scratch.dir, 'ines');
  await ines.connect(storage, 'work');
  const { recipient, fingerprint } = await ines.json<{ recipient: string; fingerprint: string }>(['key', 'recipient']);
  expect(recipient).toMatch(/^age1[a-z0-9]{58}$/);
  const invited = await owner.json<{ recipientFingerprint: string }>(['folder', 'invite', 'team', '--to', recipient, '--name', 'Ines', '--out', at('ines.age')]);
  expect(invited.recipientFingerprint).toBe(fingerprint);
  expect(await owner.json(['folder', 'members', 'team'])).toMatchObject([{ name: 'Ines', acceptedAtMs: null }]);
  const joined = await ines.json<{ id: string; fingerprint: string }>(['folder', 'accept', at('ines.age'), place('ines-team')]);
  expect(joined).toMatchObject({ joined: true, mode: 'cse-c', ...team });
  await ines.ok(['sync']);
  expect(treeOf(at('ines-team'))).toEqual(treeOf(at('team')));
  expect(await owner.json(['folder', 'members', 'team'])).toMatchObject([{ name: 'Ines', acceptedAtMs: expect.any(Number), recipientFingerprint: fingerprint }]);
  // Who is in holds the keys: that is not hidden by forgetting them.
  expect(await owner.error(['folder', 'members', 'team', '--remove', 'Ines'])).toMatchObject({ code: 'bad-usage' });
  // Replayed on the same computer, also after it left the folder.
  await ines.ok(['folder', 'remove', joined.id]);
  expect(await ines.error(['folder', 'accept', at('ines.age'), place('ines-again')])).toMatchObject({ code: 'invitation-used' });
  expect(await ines.json(['folder', 'list'])).toEqual([]);
});

test('an invitation for somebody else does not open, and changes nothing', async () => {
  const [meant, other] = [await colleague('meant'), await colleague('other')];
  const file = await invite('meant', { type: 'recipient', recipient: (await meant.invitations.recipient()).text });
  await other.invitations.recipient();
  const before = fingerprintOf(place('other-team'));
  await expect(accept(other, file, 'other-team')).rejects.toMatchObject({ code: 'invitation-for-another' });
  expect(fingerprintOf(at('other-team'))).toBe(before);
  expect([other.keys.list(), other.folders.list(), other.kits.known()]).toEqual([[], [], []]);
  // The file is an ordinary age file, which the identity it is for opens.
  const identity = (await (await meant.secrets()).get('identity/age'))?.toString('utf8') ?? '';
  writeFileSync(at('identity.txt'), `${identity}\n`, { mode: 0o600 });
  const content = JSON.parse(execFileSync('age', ['--decrypt', '-i', at('identity.txt'), file], { encoding: 'utf8' })) as { enfold: string; keys: unknown[]; connection?: unknown };
  expect(content).toMatchObject({ enfold: 'invitation', folder: { bucket: 'shared', prefix: 'team/', endpoint: storage.endpoint }, keys: [{ type: 'aes', name: 'team' }] });
  expect(JSON.stringify(content)).not.toContain(storage.secretAccessKey);
  expect(JSON.stringify(content)).not.toContain(storage.accessKeyId);
});

test('an invitation under a passphrase lets one computer in, and no second', async () => {
  const passphrase = 'five random words are strong';
  const file = await invite('by-passphrase', { type: 'passphrase', passphrase });
  const [one, two] = [await colleague('one'), await colleague('two')];
  await expect(accept(one, file, 'one-team')).rejects.toMatchObject({ code: 'passphrase-missing' });
  await expect(accept(one, file, 'one-team', 'wrong')).rejects.toMatchObject({ code: 'passphrase-wrong' });
  expect((await accept(one, file, 'one-team', passphrase)).folder.mode.id).toBe('cse-c');
  await expect(accept(two, file, 'two-team', passphrase)).rejects.toMatchObject({ code: 'invitation-used', about: { detail: 'by one' } });
  expect([two.keys.list(), two.folders.list(), existsSync(at('two-team/.enfold'))]).toEqual([[], [], false]);
});

test('expired, withdrawn, damaged and unreachable invitations are refused with the reason', async () => {
  const guest = await colleague('guest');
  const recipient = { type: 'recipient', recipient: (await guest.invitations.recipient()).text } as const;
  await expect(accept(guest, await invite('expired', recipient, -1), 'guest-team')).rejects.toMatchObject({ code: 'invitation-expired' });
  const withdrawn = await invite('withdrawn', recipient);
  await ownerEnfold.invitations.withdraw('team', 'withdrawn', { mayChangeKey: false });
  await expect(accept(guest, withdrawn, 'guest-team')).rejects.toMatchObject({ code: 'invitation-withdrawn' });
  const good = await invite('good', recipient);
  const text = readFileSync(good, 'utf8');
  for (const [name, damaged] of [['cut', text.slice(0, text.length / 2)], ['no', 'not an invitation at all'], ['empty', '']] as const) {
    writeFileSync(at(name), damaged);
    await expect(accept(guest, at(name), 'guest-team')).rejects.toMatchObject({ code: 'invitation-damaged' });
  }
  await expect(accept(guest, at('absent.age'), 'guest-team')).rejects.toMatchObject({ code: 'no-such-path' });
  const stranger = await colleague('stranger', false);
  const toStranger = await invite('stranger', { type: 'recipient', recipient: (await stranger.invitations.recipient()).text });
  await expect(accept(stranger, toStranger, 'stranger-team')).rejects.toMatchObject({ code: 'no-such-connection' });
  expect([guest.keys.list(), guest.folders.list(), guest.kits.known()]).toEqual([[], [], []]);
});

test('nobody is invited with a key that opens other folders, to a wrong recipient, or over a file that is there', async () => {
  await expect(invite('nobody', { type: 'recipient', recipient: 'age1qqq' })).rejects.toMatchObject({ code: 'recipient-invalid' });
  writeFileSync(at('taken.age'), 'mine');
  const before = (await ownerEnfold.invitations.members('team')).length;
  await expect(invite('taken', { type: 'passphrase', passphrase: 'five random words are strong' })).rejects.toMatchObject({ code: 'target-exists' });
  expect(readFileSync(at('taken.age'), 'utf8')).toBe('mine');
  expect(await ownerEnfold.invitations.members('team')).toHaveLength(before);
  await ownerEnfold.folders.add({ localPath: place('second'), connection: 's3', bucket: 'shared', prefix: 'second/', mode: 'cse-c', key: 'team', names: null, direction: 'two-way', createBucket: false });
  await expect(invite('shared', { type: 'passphrase', passphrase: 'five random words are strong' })).rejects.toMatchObject({ code: 'key-shared', about: { detail: 'second' } });
  expect(existsSync(at('shared.age'))).toBe(false);
});

test('a folder under S3 encryption is shared without a key, and the statements for AWS are ready to copy', async () => {
  const guest = await colleague('sse-guest');
  await ownerEnfold.folders.add({ localPath: place('plain'), connection: 's3', bucket: 'shared', prefix: 'plain/', mode: 'sse-s3', key: null, names: null, direction: 'two-way', createBucket: false });
  const { file } = await ownerEnfold.invitations.invite({ folder: 'plain', audience: { type: 'recipient', recipient: (await guest.invitations.recipient()).text }, file: at('plain.age'), name: 'guest', days: 1 });
  expect(await accept(guest, file, 'guest-plain')).toMatchObject({ joined: true, fingerprint: null });
  expect(await ownerEnfold.invitations.members('plain')).toMatchObject([{ name: 'guest', acceptedOn: 'sse-guest' }]);
  const grants = await owner.json<{ action: string; statements: { Resource?: unknown }[] }[]>(['folder', 'members', 'plain', '--grant']);
  expect(grants.map(({ action }) => action)).toEqual(['grant', 'revoke']);
  expect(JSON.stringify(grants[0])).toContain('arn:aws:s3:::shared/plain/*');
});

test('removing a member who is in gives the folder a new key, under which they read nothing new', async () => {
  const former = await colleague('former');
  const root = place('club');
  writeAt(root, 'old.txt', 'everybody may read this');
  await ownerEnfold.keys.create({ name: 'club', type: 'aes' });
  const { folder } = await ownerEnfold.folders.add({ localPath: root, connection: 's3', bucket: 'shared', prefix: 'club/', mode: 'cse-c', key: 'club', names: 'readable', direction: 'two-way', createBucket: false });
  await owner.ok(['sync', folder.id]);
  const { file } = await ownerEnfold.invitations.invite({ folder: folder.id, audience: { type: 'recipient', recipient: (await former.invitations.recipient()).text }, file: at('former.age'), name: 'former', days: 1 });
  await accept(former, file, 'former-club');
  const stays = createComputer(scratch.dir, 'stays');
  await stays.connect(storage, 'work');
  const { recipient } = await stays.json<{ recipient: string }>(['key', 'recipient']);
  await owner.ok(['folder', 'invite', folder.id, '--to', recipient, '--name', 'Stays / here', '--out', at('stays.age')]);
  await stays.ok(['folder', 'accept', at('stays.age'), place('stays-club')]);
  const removed = await owner.json<{ nextKeyId: string }>(['folder', 'members', folder.id, '--remove', 'former', '--yes']);
  expect(await owner.json(['folder', 'members', folder.id])).toMatchObject([{ name: 'Stays / here', recipient }]);
  expect((await owner.json<{ id: string; keyId: string }[]>(['folder', 'list'])).find(({ id }) => id === folder.id)?.keyId).toBe(removed.nextKeyId);
  writeAt(root, 'new.txt', 'only those who stay may read this');
  await owner.ok(['sync', folder.id]);
  const theirs = await former.folders.open(folder.id).catch((error: unknown) => error);
  if (theirs !== null && typeof theirs === 'object' && 'sync' in theirs) {
    const open = theirs as Awaited<ReturnType<Enfold['folders']['open']>>;
    await open.sync({ acceptHeld: false, signal: new AbortController().signal }).catch(() => undefined);
    await open.close();
  }
  expect(existsSync(at('former-club', 'new.txt'))).toBe(false);
  expect(former.keys.list().some(({ keyId }) => keyId === removed.nextKeyId)).toBe(false);

  // Who stays cannot go on without the new key either, gets it in an invitation of their own, and goes on where they were.
  expect(JSON.parse((await stays.run(['sync', folder.id, '--json'])).stderr)).toMatchObject({ error: { code: 'key-not-found' } });
  await expect(ownerEnfold.invitations.renew({ folder: folder.id, directory: at('absent'), days: 1 })).rejects.toMatchObject({ code: 'no-such-path' });
  expect(await owner.json(['folder', 'members', folder.id])).toHaveLength(1);
  const renewed = await owner.json<{ files: { name: string; file: string }[]; byHand: string[] }>(['folder', 'members', folder.id, '--renew', place('renewed')]);
  expect(renewed).toMatchObject({ files: [{ name: 'Stays / here' }], byHand: [] });
  const [mine] = renewed.files;
  await expect(accept(former, mine?.file ?? '', 'former-again')).rejects.toMatchObject({ code: 'invitation-for-another' });
  expect(await stays.json(['folder', 'accept', mine?.file ?? ''])).toMatchObject({ id: folder.id, localPath: at('stays-club') });
  await stays.ok(['sync', folder.id]);
  expect(readFileSync(at('stays-club', 'new.txt'), 'utf8')).toBe('only those who stay may read this');
  expect(await owner.json(['folder', 'members', folder.id])).toMatchObject([{ name: 'Stays / here', acceptedOn: expect.any(String), acceptedAtMs: expect.any(Number) }]);
  expect(await stays.error(['folder', 'accept', mine?.file ?? ''])).toMatchObject({ code: 'invitation-used' });
});
