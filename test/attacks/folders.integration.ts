/**
 * What somebody with write access to the bucket can try with a folder as a whole: with its description, its lists of changes, and those who are
 * invited into it.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createAesKeyring } from '../../main/envelope/aes-keyring.ts';
import { encodeDescriptor, parseDescriptor, type Descriptor } from '../../main/envelope/descriptor.ts';
import { canonicalJson } from '../../main/envelope/encoding.ts';
import { authKeyOf, createFolderKey, folderKeyFingerprint, wrapFolderKey } from '../../main/envelope/folder-key.ts';
import { keyIdOf } from '../../main/envelope/key-id.ts';
import { sealRecord } from '../../main/envelope/sealed-record.ts';
import { parseRecipient } from '../../main/keys/identity.ts';
import { sealInvitation } from '../../main/keys/invitation.ts';
import { isSyncError } from '../../main/model/errors.ts';
import type { ObjectKey } from '../../main/model/path.ts';
import { readAt, treeOf, writeAt } from '../helpers/tree.ts';
import { BUCKET, never, openWorld, type Attacker, type Place, type World } from './devices.ts';

let world: World;
let attacker: Attacker;
beforeAll(async () => {
  world = await openWorld();
  ({ attacker } = world);
});
afterEach(async () => world.leave());
afterAll(async () => world.close());

const some = (root: string): void => {
  for (let index = 0; index < 3; index += 1) writeAt(root, `file ${index}.txt`, `content ${index}`);
};
const codeOf = async (run: Promise<unknown>): Promise<string> => run.then(() => 'done', (error: unknown) => (isSyncError(error) ? error.code : String(error)));

describe('an attacker in the bucket', () => {
  test('cannot put back an earlier description of a folder, by which files would go out under an earlier key (A7)', async () => {
    const place = await world.place(some);
    const file = join(world.scratch, 'next-key');
    writeFileSync(file, randomBytes(32));
    for (const { enfold } of [place.a, place.b]) await enfold.keys.importFrom({ name: 'next', file, passphrase: null });
    const description = `${place.prefix}.enfold/folder.json`;
    const earlier = await attacker.get(description);
    await place.a.close();
    await place.a.enfold.folders.beginChange(place.a.id, { key: 'next' }, never);
    const open = await place.a.enfold.folders.open(place.a.id);
    expect(await open.continueChange({ signal: never })).toMatchObject({ isDone: true });
    await open.close();
    expect(await place.b.sync()).toMatchObject({ inStep: true });
    const genuine = await attacker.get(description);

    await attacker.put(description, earlier);
    writeAt(place.a.root, 'new.txt', 'not under the earlier key');
    const before = treeOf(place.b.root);
    for (const device of [place.a, place.b]) expect(await device.trySync()).toBe('descriptor-rollback');
    expect(await attacker.keys(`${place.prefix}new`)).toEqual([]);
    expect(treeOf(place.b.root)).toEqual(before);

    await attacker.put(description, genuine);
    for (const device of [place.a, place.b]) expect(await device.sync()).toMatchObject({ inStep: true });
    expect(readAt(place.b.root, 'new.txt')).toBe('not under the earlier key');
  });

  test('cannot hide changes behind an earlier list of changes (A7)', async () => {
    const place = await world.place(some);
    const [feed = ''] = (await attacker.keys(`${place.prefix}.enfold/feed/`));
    const earlier = await attacker.get(feed);
    writeAt(place.a.root, 'file 0.txt', 'a newer content');
    await place.a.sync();
    await place.b.sync();
    await attacker.put(feed, earlier);
    expect((await place.b.sync()).failed.map(({ error }) => error.code)).toEqual(['feed-rollback']);
    expect(readAt(place.b.root, 'file 0.txt')).toBe('a newer content');
  });
});

describe('a forged invitation', () => {
  type Forgery = { readonly descriptor: Descriptor; readonly body: Buffer; readonly invite: (recipient: string) => Promise<string> };

  /** Everything that anybody can make who knows the folder's place and somebody's recipient: a key, a folder key, a description, a record of the invitation. */
  async function forge(place: Place): Promise<Forgery> {
    const genuine = parseDescriptor((await attacker.get(`${place.prefix}.enfold/folder.json`)).body);
    const bytes = randomBytes(32);
    const keyId = keyIdOf('aes', bytes);
    const folderKey = createFolderKey();
    const wrapped = (await wrapFolderKey(createAesKeyring({ wrappingKey: bytes, keyId }), folderKey, genuine.folderId)).toString('base64');
    const content = { ...genuine, epochs: [{ n: 1, mode: { id: 'cse-c', keyId, keyType: 'aes', format: 'v3' }, wrappedFolderKey: wrapped }] } as const;
    const body = encodeDescriptor(content, folderKey);
    const descriptor = parseDescriptor(body);
    return {
      descriptor, body,
      async invite(recipient) {
        const now = Date.now();
        const id = randomBytes(16).toString('hex');
        const objectKey = `${place.prefix}.enfold/members/${id}` as ObjectKey;
        const member = { enfold: 'member', version: 1, id, name: 'you', recipientFingerprint: null, recipient: null, invitedBy: 'first', invitedAtMs: now, expiresAtMs: now + 86_400_000, acceptedAtMs: null, acceptedOn: null };
        await attacker.put(objectKey, { metadata: {}, body: sealRecord(Buffer.from(canonicalJson(member)), { purpose: 'member', objectKey, authKey: authKeyOf(folderKey, 1), epoch: 1 }) });
        const text = await sealInvitation({
          id, from: 'first', createdAtMs: now, expiresAtMs: now + 86_400_000, pathStyle: true, keys: [{ type: 'aes', name: 'team', bytes: Buffer.from(bytes) }],
          folder: { name: 'team', bucket: BUCKET, prefix: place.prefix, endpoint: world.storage.endpoint, region: 'us-east-1', fingerprint: folderKeyFingerprint(folderKey), descriptor },
        }, { type: 'recipient', recipient });
        const file = join(world.scratch, `forged-${id}.age`);
        writeFileSync(file, text);
        return file;
      },
    };
  }

  test('lets nobody into a folder that is not described as it says, and leaves no key behind (A2)', async () => {
    const place = await world.place(some);
    const forgery = await forge(place);
    const { enfold } = await place.join();
    const before = enfold.keys.list().length;
    for (const folder of enfold.folders.list()) await enfold.folders.remove(folder.id);
    const root = join(world.scratch, 'invited');
    mkdirSync(root);
    const { text: recipient } = await enfold.invitations.recipient();
    expect((await parseRecipient(recipient)).text).toBe(recipient);
    const file = await forgery.invite(recipient);
    expect(await codeOf(enfold.invitations.accept({ file, localPath: root, connection: 's3', passphrase: null }))).toMatch(/^(fingerprint-mismatch|descriptor-mismatch)$/);
    expect(enfold.folders.list()).toEqual([]);
    expect(enfold.keys.list().length).toBe(before);
    expect(readdirSync(root)).toEqual([]);
  });

  test('leads nobody who is in to another folder key, whatever description stands there (A2)', async () => {
    const place = await world.place(some);
    const forgery = await forge(place);
    const { text: recipient } = await place.b.enfold.invitations.recipient();
    const file = await forgery.invite(recipient);
    await codeOf(place.b.enfold.invitations.accept({ file, localPath: null, connection: 's3', passphrase: null }));
    const description = `${place.prefix}.enfold/folder.json`;
    const genuine = await attacker.get(description);
    await attacker.put(description, { metadata: genuine.metadata, body: forgery.body });
    writeAt(place.b.root, 'new.txt', 'not for the attacker');
    const before = treeOf(place.b.root);
    expect(await place.b.trySync()).toBe('descriptor-mismatch');
    expect(await attacker.keys(`${place.prefix}new`)).toEqual([]);
    expect(treeOf(place.b.root)).toEqual(before);
    await attacker.put(description, genuine);
    expect(await place.b.sync()).toMatchObject({ inStep: true });
  });

  test('that was swapped for another recipient opens for nobody else (A2)', async () => {
    const place = await world.place(some);
    const { enfold } = await place.join();
    for (const folder of enfold.folders.list()) await enfold.folders.remove(folder.id);
    const { text: recipient } = await place.b.enfold.invitations.recipient();
    const forgery = await forge(place);
    const swapped = await forgery.invite(recipient);
    const root = join(world.scratch, 'swapped');
    mkdirSync(root);
    expect(await codeOf(enfold.invitations.accept({ file: swapped, localPath: root, connection: 's3', passphrase: null }))).toBe('invitation-for-another');
    expect(enfold.folders.list()).toEqual([]);
  });
});
