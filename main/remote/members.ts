/**
 * Who was let into a folder: one small record per invitation, `<prefix>/.enfold/members/<invitation id>`. In client-side modes it is sealed under the
 * folder's authentication key, so that the storage neither reads nor makes one. A record is created with the invitation, and names the
 * computer that used it: a second one finds it taken.
 * @see docs/format.md, "Members"
 */
import { canonicalJson, decodeUtf8, parseJson } from '../envelope/encoding.ts';
import { openRecord, sealRecord } from '../envelope/sealed-record.ts';
import { isSyncError, SyncError } from '../model/errors.ts';
import { OWN_DIRECTORY, type ObjectKey } from '../model/path.ts';
import { currentEpoch, type RemoteFolderConfig } from './folder-config.ts';
import { capabilitiesOf } from './capabilities-of.ts';
import { checkHonoured, requestsOf } from './modes.ts';
import type { Condition, ObjectStore } from './object-store.ts';
import { withRetries } from './retry.ts';
import { createS3Store } from './s3.ts';

export type Member = {
  /** Of the invitation: 32 hex digits. */
  readonly id: string;
  /** What the one who invited calls them. */
  readonly name: string;
  /** Of the recipient it was encrypted to; null: to a passphrase. */
  readonly recipientFingerprint: string | null;
  /** The `age1…` recipient itself, so that a new key can be sent after it; null: a passphrase, or a record from before this was kept. */
  readonly recipient: string | null;
  readonly invitedBy: string;
  readonly invitedAtMs: number;
  readonly expiresAtMs: number;
  /** Null: not used yet. */
  readonly acceptedAtMs: number | null;
  readonly acceptedOn: string | null;
};
export type StoredMember = { readonly member: Member; readonly etag: string };

export type MemberStore = {
  list(signal: AbortSignal): Promise<readonly StoredMember[]>;
  /** Null where there is none: withdrawn. @throws SyncError not-authentic, malformed */
  load(id: string, signal: AbortSignal): Promise<StoredMember | null>;
  /** @throws SyncError version-changed where another was faster */
  save(member: Member, etag: string | null, signal: AbortSignal): Promise<void>;
  remove(id: string, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
};

const MAX_BYTES = 16_384;

/** @throws SyncError malformed, newer-version */
export function parseMember(bytes: Buffer): Member {
  const value = bytes.length > MAX_BYTES ? null : (parseJson(decodeUtf8(bytes)) as Record<string, unknown> | null);
  if (value === null || typeof value !== 'object' || value['enfold'] !== 'member') throw new SyncError('malformed', { detail: 'It is no member record.' });
  if (typeof value['version'] === 'number' && value['version'] > 1) throw new SyncError('newer-version');
  const { id, name, recipientFingerprint, recipient = null, invitedBy, invitedAtMs, expiresAtMs, acceptedAtMs, acceptedOn } = value;
  const isText = (text: unknown): text is string => typeof text === 'string' && text.length <= 256;
  const isTime = (time: unknown): time is number => Number.isSafeInteger(time);
  if (!isText(id) || !/^[0-9a-f]{32}$/.test(id) || !isText(name) || !isText(invitedBy) || !isTime(invitedAtMs) || !isTime(expiresAtMs)
    || (recipientFingerprint !== null && !isText(recipientFingerprint)) || (recipient !== null && !isText(recipient)) || (acceptedAtMs !== null && !isTime(acceptedAtMs)) || (acceptedOn !== null && !isText(acceptedOn))) throw new SyncError('malformed', { detail: 'The member record is damaged.' });
  return { id, name, recipientFingerprint, recipient, invitedBy, invitedAtMs, expiresAtMs, acceptedAtMs, acceptedOn };
}

/** @param givenStore - for tests; by default one that is closed with the records. */
export function openMembers(config: RemoteFolderConfig, givenStore?: ObjectStore): MemberStore {
  const store = givenStore ?? createS3Store(config.access, config.bucket, { connections: 2 });
  const epoch = currentEpoch(config);
  const requests = requestsOf(epoch.mode, config.keys, config.access.endpoint);
  const below = `${config.prefix}${OWN_DIRECTORY}/members/`;
  const keyOf = (id: string): ObjectKey => `${below}${id}` as ObjectKey;
  const authKeyOf = (n: number): Buffer | null => {
    const key = config.epochs.find((one) => one.n === n)?.authKey ?? null;
    return key === null ? null : Buffer.from(key);
  };

  const load = async (id: string, signal: AbortSignal): Promise<StoredMember | null> => {
    const objectKey = keyOf(id);
    try {
      const { body, head } = await withRetries(async () => store.get(objectKey, { modeHeaders: requests.read }, signal), signal);
      const member = parseMember(epoch.authKey !== null || body[0] !== 0x7b ? openRecord(body, { purpose: 'member', objectKey, authKeyOf }).body : body);
      if (member.id !== id) throw new SyncError('not-authentic', { objectKey });
      return { member, etag: head.etag };
    } catch (error) {
      if (isSyncError(error, 'object-not-found')) return null;
      throw error;
    }
  };

  return {
    load,
    list: async (signal) => {
      const found: StoredMember[] = [];
      let continuation: string | undefined;
      do {
        const page = await withRetries(async () => store.listPage({ prefix: below, ...(continuation === undefined ? {} : { continuation }) }, signal), signal);
        for (const { objectKey } of page.objects) {
          const id = objectKey.slice(below.length);
          if (!/^[0-9a-f]{32}$/.test(id)) continue;
          const stored = await load(id, signal);
          if (stored !== null) found.push(stored);
        }
        continuation = page.next ?? undefined;
      } while (continuation !== undefined);
      return found.toSorted((one, other) => one.member.invitedAtMs - other.member.invitedAtMs);
    },
    save: async (member, etag, signal) => {
      const objectKey = keyOf(member.id);
      const plain = Buffer.from(canonicalJson({ enfold: 'member', version: 1, ...member }), 'utf8');
      const authKey = authKeyOf(epoch.n);
      const body = authKey === null ? plain : sealRecord(plain, { purpose: 'member', objectKey, authKey, epoch: epoch.n });
      authKey?.fill(0);
      const known = await capabilitiesOf(config, store, signal);
      const condition: Condition = etag === null ? { type: 'absent' } : { type: 'version', etag, isBare: known.ifMatchQuoting === 'unquoted' };
      const written = await withRetries(async () => store.put(objectKey, body, { metadata: {}, modeHeaders: requests.write, condition }, signal), signal);
      checkHonoured(requests, written.encryption, objectKey, 'It is a list entry of a member, which holds no file, and stays there.');
    },
    remove: async (id, signal) => withRetries(async () => store.delete(keyOf(id), null, signal), signal),
    close: async () => {
      if (givenStore === undefined) await store.close();
    },
  };
}
