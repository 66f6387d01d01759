/** The encryption mode that a user's choices come to, and why a bucket may refuse it. */
import { SyncError, isSyncError } from '../model/errors.ts';
import { AVAILABLE_MODE_IDS, type EncryptionContext, type EncryptionMode, type EnvelopeFormat, type KeyId, type ModeId } from '../model/mode.ts';
import type { KeySettings, KeyType, S3Access } from '../model/settings.ts';
import type { Keys } from './api.ts';

export type ModeChoice = {
  readonly mode: ModeId | null;
  /** Name or id of a key that is held here. */
  readonly key: string | null;
  readonly kmsKeyId?: string | null | undefined;
  readonly bucketKey?: boolean | undefined;
  readonly dsse?: boolean | undefined;
  readonly encryptionContext?: EncryptionContext | undefined;
  readonly format?: EnvelopeFormat | undefined;
};

/** More would not fit beside the attributes, or be refused by KMS. */
const MAX_CONTEXT_BYTES = 256;
const MAX_KMS_KEY_ID = 2_048;
/** The AWS managed key, as KMS names it: what a folder under a KMS key of one's own goes back to. */
const MANAGED_KEY = 'alias/aws/s3';

const usage = (detail: string): SyncError => new SyncError('bad-usage', { detail });

/** The id of a held key of one of the types. @throws SyncError key-not-found, bad-usage */
function keyOf(mode: ModeId, key: string | null, keys: Pick<Keys, 'find'>, types: readonly KeyType[]): KeySettings {
  if (key === null) throw usage(`${mode} needs a key`);
  const found = keys.find(key);
  if (!types.includes(found.type)) throw usage(`${mode} takes a key of type ${types.join(' or ')}; ${found.name} is of type ${found.type}`);
  return found;
}

function checkContext(context: EncryptionContext | undefined): EncryptionContext | null {
  if (context === undefined || Object.keys(context).length === 0) return null;
  if (Object.keys(context).some((name) => name === '' || name.startsWith('aws:')) || Object.values(context).includes('')) throw usage('names and values of an encryption context are not empty, and names do not begin with aws:');
  if (Buffer.byteLength(JSON.stringify(context)) > MAX_CONTEXT_BYTES) throw usage(`an encryption context has at most ${MAX_CONTEXT_BYTES} bytes`);
  return context;
}

/** @throws SyncError mode-not-available, bad-usage, key-not-found */
export function chooseMode(choice: ModeChoice, keys: Pick<Keys, 'find'>): EncryptionMode {
  const { mode: id, key, kmsKeyId = null } = choice;
  if (id === null) throw usage('there is no folder at that place yet; a new one needs --mode');
  if (!AVAILABLE_MODE_IDS.includes(id)) throw new SyncError('mode-not-available', { detail: id });
  if (kmsKeyId !== null && id !== 'sse-kms' && id !== 'cse-kms') throw usage(`${id} takes no KMS key`);
  if (kmsKeyId !== null && (kmsKeyId === '' || kmsKeyId.length > MAX_KMS_KEY_ID || !/^[\x21-\x7e]+$/.test(kmsKeyId))) throw usage('a KMS key is named by id, ARN or alias/NAME');
  if (key !== null && id !== 'cse-c' && id !== 'sse-c') throw usage(id === 'sse-s3' ? 'sse-s3 takes no key: S3 holds it' : `${id} takes no key of yours: KMS holds it`);
  if (id !== 'sse-kms' && (choice.bucketKey !== undefined || choice.dsse !== undefined || choice.encryptionContext !== undefined)) throw usage('bucket key, two layers and encryption context go with sse-kms');
  if (choice.format === 'v2' && id !== 'cse-c' && id !== 'cse-kms') throw usage(`${id} has no format: objects stand as they are`);
  const format = choice.format ?? 'v3';
  switch (id) {
    case 'sse-s3': return { id };
    case 'sse-kms': {
      const dsse = choice.dsse ?? false;
      return { id, kmsKeyId: kmsKeyId === MANAGED_KEY ? null : kmsKeyId, bucketKey: choice.bucketKey ?? !dsse, dsse, encryptionContext: checkContext(choice.encryptionContext) };
    }
    case 'sse-c': return { id, keyId: keyOf(id, key, keys, ['sse-c']).keyId };
    case 'cse-kms':
      if (kmsKeyId === null) throw usage('cse-kms needs --kms-key-id');
      if (kmsKeyId === MANAGED_KEY) throw usage('the AWS managed key of S3 wraps no data keys for others; cse-kms needs a KMS key of your own');
      return { id, kmsKeyId, format };
    case 'cse-c': {
      const { keyId, type }: { keyId: KeyId; type: KeyType } = keyOf(id, key, keys, ['aes', 'rsa']);
      return { id, keyId, keyType: type === 'rsa' ? 'rsa' : 'aes', format };
    }
    default: return id satisfies never;
  }
}

/**
 * The mode that a folder's becomes by what the user wants changed. Within the same mode the rest stays; another mode starts from its defaults.
 *
 * @throws SyncError as {@link chooseMode}
 */
export function changeMode(now: EncryptionMode, changes: Partial<Omit<ModeChoice, 'mode'>> & { readonly mode?: ModeId | undefined }, keys: Pick<Keys, 'find'>): EncryptionMode {
  const id = changes.mode ?? now.id;
  const given = { ...changes, mode: id, key: changes.key ?? null };
  if (id !== now.id) return chooseMode(given, keys);
  switch (now.id) {
    case 'sse-s3': return chooseMode(given, keys);
    case 'sse-kms': {
      const dsse = changes.dsse ?? now.dsse;
      // Two layers and a bucket key exclude each other, so asking for one gives up the other.
      const bucketKey = changes.bucketKey ?? (dsse ? false : now.dsse ? true : now.bucketKey);
      return chooseMode({ ...given, kmsKeyId: changes.kmsKeyId ?? now.kmsKeyId, dsse, bucketKey, encryptionContext: changes.encryptionContext ?? now.encryptionContext ?? undefined }, keys);
    }
    case 'sse-c': return chooseMode({ ...given, key: changes.key ?? now.keyId }, keys);
    case 'cse-kms': return chooseMode({ ...given, kmsKeyId: changes.kmsKeyId ?? now.kmsKeyId, format: changes.format ?? now.format }, keys);
    case 'cse-c': return chooseMode({ ...given, key: changes.key ?? now.keyId, format: changes.format ?? now.format }, keys);
    default: return now satisfies never;
  }
}

/** Where a bucket's own settings forbid SSE-C, as those of new AWS buckets do, the error that says so; else `error` as it is. */
export async function explainBlocked(error: unknown, mode: EncryptionMode, access: S3Access, bucket: string, connection: string): Promise<unknown> {
  if (mode.id !== 'sse-c' || !isSyncError(error, 'access-denied')) return error;
  const { isCustomerKeyBlocked } = await import('../remote/connection.ts');
  if (!(await isCustomerKeyBlocked(access, bucket, new AbortController().signal))) return error;
  const fix = ['enfold', 'bucket', 'encryption', `s3://${bucket}`, '--connection', connection, '--allow-sse-c', '--apply'];
  return new SyncError('mode-blocked', { path: error.about.path, detail: `bucket ${bucket} blocks SSE-C, as new AWS buckets do`, server: error.about.server, fix }, { cause: error });
}
