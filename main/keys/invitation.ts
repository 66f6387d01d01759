/**
 * An invitation: one folder, how to reach it (without a sign-in) and the keys that open it, as an age file for one recipient
 * or under a passphrase.
 * @see docs/format.md, "Invitations"
 */
import { isSyncError, SyncError } from '../model/errors.ts';
import { keyJson, knownFolderJson, parseKeyJson, parseKnownFolder, type KitKey, type KnownFolder } from './recovery-kit.ts';
import { encryptTo, type Audience } from './identity.ts';

export type Invitation = {
  /** 32 hex digits: what makes it work once. */
  readonly id: string;
  /** The computer that invites. */
  readonly from: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly folder: KnownFolder;
  readonly pathStyle: boolean | null;
  /** Every key that an epoch of the folder names; none where KMS or S3 holds it. The caller zeroes their bytes. */
  readonly keys: readonly KitKey[];
};

const VERSION = 1;

/** @returns an armored age file. @throws SyncError recipient-invalid */
export async function sealInvitation(invitation: Invitation, audience: Audience): Promise<string> {
  const { folder, keys, ...rest } = invitation;
  const plaintext = Buffer.from(`${JSON.stringify({ enfold: 'invitation', version: VERSION, ...rest, folder: knownFolderJson(folder), keys: keys.map(keyJson) }, null, 2)}\n`, 'utf8');
  try {
    return await encryptTo(audience, plaintext);
  } finally {
    plaintext.fill(0);
  }
}

/** @throws SyncError invitation-damaged, newer-version */
export function parseInvitation(plaintext: Buffer): Invitation {
  try {
    const { enfold, version, id, from, createdAtMs, expiresAtMs, folder, pathStyle, keys } = JSON.parse(plaintext.toString('utf8')) as Record<string, unknown>;
    if (enfold !== 'invitation') throw new SyncError('invitation-damaged');
    if (version !== VERSION) throw new SyncError('newer-version');
    const isSound = typeof id === 'string' && /^[0-9a-f]{32}$/.test(id) && typeof from === 'string' && Number.isSafeInteger(createdAtMs) && Number.isSafeInteger(expiresAtMs) && Array.isArray(keys) && (pathStyle === null || typeof pathStyle === 'boolean');
    if (!isSound) throw new SyncError('invitation-damaged');
    return { id, from, createdAtMs: createdAtMs as number, expiresAtMs: expiresAtMs as number, folder: parseKnownFolder(folder), pathStyle, keys: keys.map(parseKeyJson) };
  } catch (error) {
    throw isSyncError(error, 'newer-version') ? error : new SyncError('invitation-damaged', {}, { cause: error });
  }
}
