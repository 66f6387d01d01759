/**
 * A folder shared by a small team, without a server between them: invitations out, invitations in, and who is in.
 *
 * An invitation hands out the folder's master key, so it is refused while that key opens other folders too. It works once, for one
 * computer, until it expires: the bucket holds a record of each, which accepting takes.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isSyncError, SyncError } from '../model/errors.ts';
import type { KeyId } from '../model/mode.ts';
import type { FolderSettings, KeySettings } from '../model/settings.ts';
import type { KitKey, KnownFolder } from '../keys/recovery-kit.ts';
import type { Member, MemberStore } from '../remote/members.ts';
import type { SettingsStore } from '../state/settings.ts';
import type { SecretStore } from '../sync/ports.ts';
import type { Connections, Folders, Invitations, Keys, RenewedInvitation } from './api.ts';
import { remoteConfigOf, unlockFolder } from './folder-access.ts';
import { describeFolder } from './kits.ts';
import { readKeyFile, writeNewFile } from './keys.ts';
import { forgetFolder, rememberFolders } from './known-folders.ts';
import { checkName, findNamed } from './lookup.ts';

const IDENTITY_SECRET = 'identity/age';
const USED_FACT = 'used-invitations';
const DAY_MS = 24 * 3600_000;

type Options = { readonly home: string; readonly settings: SettingsStore; readonly secrets: () => Promise<SecretStore>; readonly keys: Keys; readonly connections: Connections; readonly folders: Folders; readonly hostName: string | undefined };

export function createInvitations({ home, settings, secrets, keys, connections, folders, hostName = hostname() }: Options): Invitations {
  const identity = async (): Promise<string> => {
    const store = await secrets();
    const held = await store.get(IDENTITY_SECRET);
    if (held !== null) return held.toString('utf8');
    const { createIdentity } = await import('../keys/identity.ts');
    const made = await createIdentity();
    await store.set(IDENTITY_SECRET, Buffer.from(made, 'utf8'));
    return made;
  };

  /** The records of a folder that is described, with keys of whatever source. */
  const withMembers = async <T>(known: KnownFolder, place: { readonly connectionId: string }, keySource: Pick<Keys, 'bytesOf'>, use: (members: MemberStore) => Promise<T>): Promise<T> => {
    const connection = settings.connection(place.connectionId);
    if (connection === null) throw new SyncError('no-such-connection', { detail: place.connectionId });
    const access = await connections.accessOf(connection);
    const unlocked = await unlockFolder(known.descriptor, keySource, access);
    const { openMembers } = await import('../remote/members.ts');
    const members = openMembers(remoteConfigOf(unlocked, { access, bucket: known.bucket, prefix: known.prefix, pin: unlocked.pin, capabilities: null }));
    try {
      if (unlocked.pin.folderKeyFingerprint !== known.fingerprint) throw new SyncError('fingerprint-mismatch', { detail: known.name });
      return await use(members);
    } finally {
      await members.close();
      for (const secret of [unlocked.folderKey, unlocked.namesKey, ...unlocked.epochs.map(({ authKey }) => authKey), ...unlocked.keys.map(({ bytes }) => bytes)]) secret?.fill(0);
    }
  };

  const describe = async (folder: FolderSettings): Promise<KnownFolder> => {
    const known = await describeFolder(folder, { home, settings });
    if (known === null) throw new SyncError('state-corrupt', { detail: folder.name });
    return known;
  };

  const keyIdsOf = ({ descriptor }: KnownFolder): KeyId[] => [...new Set(descriptor.epochs.flatMap(({ mode }) => ('keyId' in mode ? [mode.keyId] : [])))];

  const refuseShared = async (folder: FolderSettings, known: KnownFolder): Promise<void> => {
    const wanted = keyIdsOf(known);
    if (wanted.length === 0) return;
    const sharing: string[] = [];
    for (const other of settings.folders()) {
      if (other.id === folder.id) continue;
      const named = await describeFolder(other, { home, settings });
      if (named !== null && keyIdsOf(named).some((keyId) => wanted.includes(keyId))) sharing.push(other.name);
    }
    if (sharing.length > 0) throw new SyncError('key-shared', { detail: sharing.join(', ') });
  };

  const invite: Invitations['invite'] = async ({ folder: wanted, audience, file, name, days }) => {
    const { parseRecipient } = await import('../keys/identity.ts');
    const recipient = audience.type === 'recipient' ? await parseRecipient(audience.recipient) : null;
    if (audience.type === 'passphrase' && audience.passphrase === '') throw new SyncError('passphrase-missing', { detail: 'an invitation needs a recipient or a passphrase' });
    const folder = folders.find(wanted);
    const known = await describe(folder);
    if (known.endpoint === 'built-in') throw new SyncError('bad-usage', { detail: 'built-in storage is on this computer alone: nobody else can reach it. Share a folder on a server' });
    await refuseShared(folder, known);
    const now = Date.now();
    const member: Member = { id: randomBytes(16).toString('hex'), name: checkName(name), recipientFingerprint: recipient?.fingerprint ?? null, recipient: recipient?.text ?? null, invitedBy: hostName, invitedAtMs: now, expiresAtMs: now + days * DAY_MS, acceptedAtMs: null, acceptedOn: null };
    const held: KitKey[] = [];
    try {
      for (const keyId of keyIdsOf(known)) {
        const { type, name: keyName } = keys.find(keyId);
        held.push({ type, name: keyName, bytes: await keys.bytesOf(keyId) });
      }
      const { sealInvitation } = await import('../keys/invitation.ts');
      const text = await sealInvitation({ id: member.id, from: hostName, createdAtMs: now, expiresAtMs: member.expiresAtMs, folder: known, pathStyle: settings.connection(folder.connectionId)?.pathStyle ?? null, keys: held }, audience);
      const { signal } = new AbortController();
      await withMembers(known, folder, keys, async (members) => {
        await members.save(member, null, signal);
        try {
          writeNewFile(file, text);
        } catch (error) {
          await members.remove(member.id, signal);
          throw error;
        }
      });
      return { member, file, recipient };
    } finally {
      for (const { bytes } of held) bytes.fill(0);
    }
  };

  /** A connection to the same server, or the one that was named. */
  const connectionFor = (known: KnownFolder, wanted: string | null): string => {
    if (wanted !== null) return connections.find(wanted).id;
    const fitting = connections.list().filter((one) => one.kind === 's3' && one.endpoint === known.endpoint && (known.endpoint !== null || one.region === known.region));
    const [only] = fitting;
    if (only === undefined) throw new SyncError('no-such-connection', { detail: `the folder is at ${known.endpoint ?? `AWS, region ${known.region}`}: add a connection there with a sign-in of your own` });
    if (fitting.length > 1) throw new SyncError('bad-usage', { detail: `several connections lead there: ${fitting.map(({ name }) => name).join(', ')}; choose one with --connection` });
    return only.id;
  };

  const usedBefore = (): readonly string[] => (settings.fact(USED_FACT) ?? []) as readonly string[];

  const read = async (file: string, passphrase: string | null) => {
    const [{ decryptFor, isForPassphrase }, { parseInvitation }, { isAgeFile }] = await Promise.all([import('../keys/identity.ts'), import('../keys/invitation.ts'), import('../keys/passphrase.ts')]);
    const bytes = readKeyFile(file);
    if (!isAgeFile(bytes)) throw new SyncError('invitation-damaged', { path: file });
    try {
      const opener = (await isForPassphrase(bytes)) ? passphrase : null;
      if (opener === null && (await isForPassphrase(bytes))) throw new SyncError('passphrase-missing', { detail: 'the invitation is under a passphrase' });
      const plaintext = await decryptFor(bytes, opener === null ? { identity: await identity() } : { passphrase: opener });
      try {
        return parseInvitation(plaintext);
      } finally {
        plaintext.fill(0);
      }
    } catch (error) {
      throw isSyncError(error, 'key-file-damaged') ? new SyncError('invitation-damaged', { path: file }, { cause: error }) : error;
    }
  };

  const accept: Invitations['accept'] = async ({ file, localPath, connection: wanted, passphrase, isPaused = false }) => {
    const invitation = await read(file, passphrase);
    const { folder: known, id } = invitation;
    const { signal } = new AbortController();
    const imported: KeySettings[] = [];
    let isRemembered = false;
    try {
      if (usedBefore().includes(id)) throw new SyncError('invitation-used', { detail: 'on this computer' });
      if (Date.now() > invitation.expiresAtMs) throw new SyncError('invitation-expired', { detail: new Date(invitation.expiresAtMs).toISOString().slice(0, 10) });
      const connectionId = connectionFor(known, wanted);
      const offered: Pick<Keys, 'bytesOf'> = {
        bytesOf: async (keyId) => {
          const { keyIdOfMaterial } = await import('../keys/key-material.ts');
          const key = invitation.keys.find(({ type, bytes }) => keyIdOfMaterial(type, bytes) === keyId);
          if (key === undefined) throw new SyncError('key-not-found', { detail: keyId });
          return Buffer.from(key.bytes);
        },
      };
      return await withMembers(known, { connectionId }, offered, async (members) => {
        const stored = await members.load(id, signal);
        if (stored === null) throw new SyncError('invitation-withdrawn');
        if (stored.member.acceptedAtMs !== null) throw new SyncError('invitation-used', { detail: `by ${stored.member.acceptedOn ?? 'another computer'}` });
        for (const key of invitation.keys) {
          const taken = await keys.takeIn({ name: key.name, type: key.type, bytes: Buffer.from(key.bytes) });
          if (taken.isNew) imported.push(taken.key);
        }
        const here = settings.folder(known.descriptor.folderId);
        if (here !== null) {
          // A new key for who is in already: the folder stays where it is, and takes over what its description says with its next cycle.
          await members.save({ ...stored.member, acceptedAtMs: Date.now(), acceptedOn: hostName }, stored.etag, signal);
          settings.putFact(USED_FACT, [...usedBefore(), id]);
          return { folder: here, joined: true, isDescriptorRestored: false, fingerprint: known.fingerprint, from: invitation.from };
        }
        if (localPath === null) throw new SyncError('bad-usage', { detail: 'say where the folder is to be on this computer' });
        rememberFolders(settings, [known]);
        isRemembered = true;
        const added = await folders.add({ localPath, connection: connectionId, bucket: known.bucket, prefix: known.prefix, mode: null, key: null, names: null, direction: 'two-way', createBucket: false, isPaused });
        try {
          const now = Date.now();
          await members.save({ ...stored.member, acceptedAtMs: now, acceptedOn: hostName }, stored.etag, signal);
        } catch (error) {
          await folders.remove(added.folder.id);
          throw isSyncError(error, 'version-changed') ? new SyncError('invitation-used', { detail: 'by another computer, just now' }, { cause: error }) : error;
        }
        settings.putFact(USED_FACT, [...usedBefore(), id]);
        return { ...added, from: invitation.from };
      });
    } catch (error) {
      // What was taken in for a join that did not come about goes again.
      if (isRemembered) forgetFolder(settings, known.descriptor.folderId);
      for (const { keyId } of imported) await keys.remove(keyId).catch(() => undefined);
      throw error;
    } finally {
      for (const { bytes } of invitation.keys) bytes.fill(0);
    }
  };

  const members: Invitations['members'] = async (wanted) => {
    const folder = folders.find(wanted);
    return withMembers(await describe(folder), folder, keys, async (records) => (await records.list(new AbortController().signal)).map(({ member }) => member));
  };

  const renew: Invitations['renew'] = async ({ folder: wanted, directory, days }) => {
    const folder = folders.find(wanted);
    const all = (await members(folder.id)).filter(({ acceptedAtMs }) => acceptedAtMs !== null);
    const fileFor = ({ id, name }: Member): string => join(directory, `${name.replaceAll(/[^\p{L}\p{N}]+/gu, '-').slice(0, 60)}-${id.slice(0, 8)}.age`);
    const files: RenewedInvitation[] = [];
    for (const member of all) {
      if (member.recipient === null) continue;
      const file = fileFor(member);
      await invite({ folder: folder.id, audience: { type: 'recipient', recipient: member.recipient }, file, name: member.name, days });
      files.push({ name: member.name, file });
      // The new record is theirs from now on.
      await withMembers(await describe(folder), folder, keys, async (records) => records.remove(member.id, new AbortController().signal));
    }
    return { files, byHand: all.filter(({ recipient }) => recipient === null).map(({ name }) => name) };
  };

  return {
    renew,
    recipient: async () => {
      const { recipientOf } = await import('../keys/identity.ts');
      return recipientOf(await identity());
    },
    invite, accept, members,
    needsPassphrase: async (file) => {
      const { isForPassphrase } = await import('../keys/identity.ts');
      return isForPassphrase(readKeyFile(file));
    },
    withdraw: async (wanted, memberId, { mayChangeKey }) => {
      const folder = folders.find(wanted);
      const { signal } = new AbortController();
      const member = findNamed(await members(folder.id), memberId, ({ id }) => id, ({ name }) => name, 'bad-usage');
      let next: KeySettings | null = null;
      if (member.acceptedAtMs !== null && 'keyId' in folder.mode) {
        // Who is in has the keys: forgetting them without new ones would only hide that.
        if (!mayChangeKey) throw new SyncError('bad-usage', { detail: `${member.name} is in and holds the key: removing them gives the folder a new one. Say --yes to begin` });
        const old = keys.find(folder.mode.keyId);
        ({ key: next } = await keys.takeIn({ name: old.name, type: old.type, bytes: await (await import('../keys/key-material.ts')).generateKey(old.type) }));
        await folders.beginChange(folder.id, { key: next.keyId }, signal);
      }
      await withMembers(await describe(folders.find(folder.id)), folder, keys, async (records) => records.remove(member.id, signal));
      return { member, next };
    },
  };
}
