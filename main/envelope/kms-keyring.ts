/**
 * Data keys made and unwrapped by a KMS key that never leaves KMS. The client is injected: this file knows which calls are made
 * with which encryption context, not how they travel.
 */
import { SyncError } from '../model/errors.ts';
import type { StringMap } from './encoding.ts';
import { EMPTY_MAP, equalStringMaps, withoutNames } from './encryption-context.ts';
import { unwrapFailed, type Keyring, type NewDataKey } from './keyring.ts';
import { DATA_KEY_BYTES } from './suites.ts';

/**
 * What is needed of KMS. Implementations translate its errors to SyncErrors: a ciphertext or context it does not accept is
 * `key-unwrap-failed`, an unknown key `kms-key-not-found`, a disabled one `kms-key-unusable`, a missing right `access-denied`.
 */
export interface KmsClient {
  /** `KeySpec` AES_256. @returns 32 bytes, and the same wrapped */
  generateDataKey(request: { readonly keyId: string; readonly encryptionContext: StringMap }): Promise<{ readonly plaintext: Buffer; readonly ciphertext: Buffer }>;
  /** `keyId` null: whatever key the ciphertext names. */
  decrypt(request: { readonly keyId: string | null; readonly ciphertext: Buffer; readonly encryptionContext: StringMap }): Promise<Buffer>;
  encrypt(request: { readonly keyId: string; readonly plaintext: Buffer; readonly encryptionContext: StringMap }): Promise<Buffer>;
  /** What another key of KMS wrapped, wrapped under `keyId`, without leaving KMS. */
  reEncrypt?(request: { readonly keyId: string; readonly ciphertext: Buffer; readonly sourceContext: StringMap; readonly encryptionContext: StringMap }): Promise<Buffer>;
}

/** Added by the format to every context; a caller may not set it. */
const ALGORITHM_NAME = 'aws:x-amz-cek-alg';
/** Added by V1 clients. */
const LEGACY_KEY_NAME = 'kms_cmk_id';
const PURPOSE_NAME = 'enfold-purpose';

export type KmsKeyringOptions = {
  readonly client: KmsClient;
  /** Id, ARN or alias; null is read-only and lets KMS find the key. */
  readonly keyId: string | null;
  /** What every object of this keyring states, and must state to be read. Default: nothing beside the format's own member. */
  readonly encryptionContext?: StringMap | undefined;
  /**
   * Lets one KMS data key serve several V3 objects, each with a message id and so a content key of its own: fewer and cheaper calls, but the
   * audit trail then names batches instead of objects. Default: one call per object.
   */
  readonly reuse?: { readonly maxObjects: number; readonly maxAgeMs: number; readonly nowMs: () => number } | undefined;
};

export const MAX_REUSE_OBJECTS = 1_000;
export const MAX_REUSE_AGE_MS = 300_000;

/** @throws SyncError context-mismatch where the caller's context holds a reserved name */
export function createKmsKeyring(options: KmsKeyringOptions): Keyring & { dispose(): void } {
  const { client, keyId, encryptionContext = EMPTY_MAP, reuse } = options;
  if (Object.hasOwn(encryptionContext, ALGORITHM_NAME)) throw new SyncError('context-mismatch', { detail: `An encryption context may not hold ${ALGORITHM_NAME}.` });
  const writingKeyId = (): string => {
    if (keyId === null) throw new SyncError('key-not-found', { detail: 'Writing needs a KMS key id.' });
    return keyId;
  };

  async function generate(algorithmText: string): Promise<NewDataKey> {
    const description = { ...encryptionContext, [ALGORITHM_NAME]: algorithmText };
    const { plaintext, ciphertext } = await client.generateDataKey({ keyId: writingKeyId(), encryptionContext: description });
    if (plaintext.length !== DATA_KEY_BYTES || ciphertext.length === 0) throw new SyncError('answer-invalid', { detail: 'KMS gave a data key of the wrong length.' });
    return { wrap: 'kms-context', dataKey: plaintext, wrappedKey: ciphertext, description };
  }

  type Shared = { readonly made: Promise<NewDataKey>; readonly untilMs: number; objectsLeft: number };
  let shared: Shared | null = null;

  async function generateShared({ maxObjects, maxAgeMs, nowMs }: NonNullable<KmsKeyringOptions['reuse']>, algorithmText: string): Promise<NewDataKey> {
    if (shared === null || shared.objectsLeft <= 0 || nowMs() >= shared.untilMs) {
      forget();
      const next: Shared = { made: generate(algorithmText), untilMs: nowMs() + Math.min(maxAgeMs, MAX_REUSE_AGE_MS), objectsLeft: Math.min(maxObjects, MAX_REUSE_OBJECTS) };
      next.made.catch(() => { if (shared === next) shared = null; });
      shared = next;
    }
    const used: Shared = shared;
    used.objectsLeft -= 1;
    const made = await used.made;
    // Each caller zeroes its own copy.
    return { ...made, dataKey: Buffer.from(made.dataKey) };
  }

  /** Waits for nobody: whoever still awaits the key copies it before the zeroing, which runs after their continuations. */
  function forget(): void {
    const last = shared;
    shared = null;
    last?.made.then(({ dataKey }) => setImmediate(() => dataKey.fill(0)), () => undefined);
  }

  async function decrypt(ciphertext: Buffer, context: StringMap): Promise<Buffer> {
    return client.decrypt({ keyId, ciphertext, encryptionContext: context });
  }

  const rewrap = client.reEncrypt?.bind(client);
  return {
    keyId: null,
    async wrapDataKey(dataKey, { algorithmText }) {
      const description = { ...encryptionContext, [ALGORITHM_NAME]: algorithmText };
      return { wrap: 'kms-context', wrappedKey: await client.encrypt({ keyId: writingKeyId(), plaintext: dataKey, encryptionContext: description }), description };
    },
    ...(rewrap !== undefined && {
      async rewrapDataKey({ wrap, wrappedKey, description: before }, algorithmText) {
        if (wrap !== 'kms-context') throw new SyncError('key-not-found', { detail: 'It asks for another kind of key.' });
        if (before[ALGORITHM_NAME] !== algorithmText) throw new SyncError('context-mismatch', { detail: 'Its encryption context names another content algorithm.' });
        const description = { ...encryptionContext, [ALGORITHM_NAME]: algorithmText };
        return { wrap: 'kms-context', wrappedKey: await rewrap({ keyId: writingKeyId(), ciphertext: wrappedKey, sourceContext: before, encryptionContext: description }), description };
      },
    } satisfies Partial<Keyring>),
    async createDataKey({ algorithmText, isCommitting }) {
      // Without commitment the data key is the content key: never for two objects.
      return reuse === undefined || !isCommitting ? generate(algorithmText) : generateShared(reuse, algorithmText);
    },
    async unwrapDataKey({ wrap, wrappedKey, description }, algorithmText) {
      if (wrap === 'kms') {
        if (Object.keys(encryptionContext).length > 0) throw new SyncError('context-mismatch', { detail: 'An object this old states no encryption context.' });
        return decrypt(wrappedKey, description);
      }
      if (wrap !== 'kms-context') throw new SyncError('key-not-found', { detail: 'It asks for another kind of key.' });
      if (!Object.hasOwn(description, ALGORITHM_NAME) || description[ALGORITHM_NAME] !== algorithmText) throw new SyncError('context-mismatch', { detail: 'Its encryption context names another content algorithm.' });
      if (!equalStringMaps(withoutNames(description, [ALGORITHM_NAME, LEGACY_KEY_NAME]), encryptionContext)) throw new SyncError('context-mismatch');
      return decrypt(wrappedKey, description);
    },
    async wrapSecret(secret, purpose) {
      return client.encrypt({ keyId: writingKeyId(), plaintext: secret, encryptionContext: { [PURPOSE_NAME]: purpose } });
    },
    async unwrapSecret(wrapped, purpose) {
      const secret = await decrypt(wrapped, { [PURPOSE_NAME]: purpose });
      if (secret.length === DATA_KEY_BYTES) return secret;
      secret.fill(0);
      throw unwrapFailed();
    },
    dispose: forget,
  };
}
