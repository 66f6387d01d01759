/**
 * The six encryption modes (`sse-kms` counts twice: AWS managed key and own key), and what each needs.
 */
export type KeyId = string & { readonly __brand: 'KeyId' };
export type EnvelopeFormat = 'v3' | 'v2';
export type NamesSetting = 'readable' | 'encrypted';
export type EncryptionContext = Readonly<Record<string, string>>;

export type EncryptionMode =
  | { readonly id: 'sse-s3' }
  | {
      readonly id: 'sse-kms';
      /** Id, ARN or alias; null is the AWS managed key `alias/aws/s3`. */
      readonly kmsKeyId: string | null;
      readonly bucketKey: boolean;
      readonly encryptionContext: EncryptionContext | null;
      readonly dsse: boolean;
    }
  | { readonly id: 'sse-c'; readonly keyId: KeyId }
  | { readonly id: 'cse-kms'; readonly kmsKeyId: string; readonly format: EnvelopeFormat }
  | { readonly id: 'cse-c'; readonly keyId: KeyId; readonly keyType: 'aes' | 'rsa'; readonly format: EnvelopeFormat };

export type ModeId = EncryptionMode['id'];
export type ClientSideMode = Extract<EncryptionMode, { id: 'cse-kms' | 'cse-c' }>;

export const MODE_IDS: readonly ModeId[] = ['sse-s3', 'sse-kms', 'sse-c', 'cse-kms', 'cse-c'];
/** Modes that this version can use; the others are refused with `mode-not-available`. */
export const AVAILABLE_MODE_IDS: readonly ModeId[] = MODE_IDS;

/** True where content is encrypted on this computer before it is sent. */
export function isClientSide(mode: EncryptionMode): mode is ClientSideMode {
  return mode.id === 'cse-kms' || mode.id === 'cse-c';
}

/** The largest file a mode can hold, in bytes: AES-GCM's limit client-side, S3's own otherwise. */
export function maxFileBytes(mode: EncryptionMode): number {
  return isClientSide(mode) ? 2 ** 36 - 32 : 48.8 * 2 ** 40;
}

/** Encrypted names by default only where the provider otherwise learns nothing else. */
export function defaultNames(mode: EncryptionMode): NamesSetting {
  return mode.id === 'cse-c' ? 'encrypted' : 'readable';
}
