/** The one keyring of a folder: writes under the current epoch's key, reads under those of all epochs, whatever kind they are. */
import { createAesKeyring } from '../envelope/aes-keyring.ts';
import { createKmsKeyring, MAX_REUSE_AGE_MS, MAX_REUSE_OBJECTS } from '../envelope/kms-keyring.ts';
import type { Keyring } from '../envelope/keyring.ts';
import { createRsaKeyring, parseRsaKey } from '../envelope/rsa-keyring.ts';
import { SyncError, isSyncError, type ErrorCode } from '../model/errors.ts';
import { isClientSide } from '../model/mode.ts';
import type { ClientSideMode, EncryptionMode } from '../model/mode.ts';
import type { S3Access } from '../model/settings.ts';
import { openKms } from './aws-services.ts';
import type { HeldKey, RemoteFolderConfig } from './folder-config.ts';
import { heldKey } from './modes.ts';

export type OpenKeyring = Keyring & {
  /** Ends the connection to KMS, where there is one. */
  close(): void;
};

/** Answers of one key that say nothing of the others. */
const UNFIT: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['key-not-found', 'key-unwrap-failed', 'kms-key-not-found', 'kms-key-unusable']);

type Kind = 'aes' | 'rsa' | 'kms';
export type KeyringOptions = Pick<RemoteFolderConfig, 'reusesDataKey'>;
type Member = { readonly kind: Kind; readonly keyring: Keyring; readonly close: () => void };

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const isSame = (one: ClientSideMode, other: ClientSideMode): boolean => (one.id === 'cse-kms' ? other.id === one.id && one.kmsKeyId === other.kmsKeyId : other.id === one.id && one.keyId === other.keyId);

function memberOf(mode: ClientSideMode, keys: readonly HeldKey[], access: S3Access, { reusesDataKey }: KeyringOptions): Member {
  if (mode.id === 'cse-kms') {
    const client = openKms(access, mode.kmsKeyId);
    const reuse = reusesDataKey === true ? { maxObjects: MAX_REUSE_OBJECTS, maxAgeMs: MAX_REUSE_AGE_MS, nowMs: () => performance.now() } : undefined;
    const keyring = createKmsKeyring({ client, keyId: mode.kmsKeyId, reuse });
    return {
      kind: 'kms', keyring,
      close: () => {
        keyring.dispose();
        client.close();
      },
    };
  }
  const { bytes, keyId } = heldKey(keys, mode.keyId);
  const keyring = mode.keyType === 'aes' ? createAesKeyring({ wrappingKey: asBuffer(bytes), keyId }) : createRsaKeyring(parseRsaKey(asBuffer(bytes)));
  return { kind: mode.keyType, keyring, close: () => undefined };
}

/**
 * @param modes - of all epochs, ascending; the last client-side one is written under.
 * @param keys - those that the modes name; of earlier modes some may be missing, whose objects then do not open.
 * @returns null where no mode is client-side. @throws SyncError key-not-found, key-invalid
 */
export function createFolderKeyring(modes: readonly EncryptionMode[], keys: readonly HeldKey[], access: S3Access, options: KeyringOptions = {}): OpenKeyring | null {
  const distinct: ClientSideMode[] = [];
  for (const mode of modes.filter(isClientSide).toReversed()) if (!distinct.some((known) => isSame(known, mode))) distinct.push(mode);
  const isHeld = (mode: ClientSideMode): boolean => mode.id === 'cse-kms' || keys.some(({ keyId }) => keyId === mode.keyId);
  const members = distinct.filter((mode) => mode === modes.at(-1) || isHeld(mode)).map((mode) => memberOf(mode, keys, access, options));
  const [current] = members;
  if (current === undefined) return null;
  return {
    ...current.keyring,
    async unwrapDataKey(wrapped, algorithmText) {
      const kind: Kind | null = wrapped.wrap === 'v1' ? null : wrapped.wrap.startsWith('kms') ? 'kms' : wrapped.wrap.startsWith('rsa') ? 'rsa' : 'aes';
      let failure: unknown = new SyncError('key-not-found', { detail: 'It asks for a kind of key that this folder does not use.' });
      for (const { keyring } of members.filter((member) => kind === null || member.kind === kind)) {
        try {
          return await keyring.unwrapDataKey(wrapped, algorithmText);
        } catch (error) {
          // An earlier epoch's key may be the one.
          if (!isSyncError(error) || !UNFIT.has(error.code)) throw error;
          failure = error;
        }
      }
      throw failure;
    },
    close: () => {
      for (const member of members) member.close();
    },
  };
}
