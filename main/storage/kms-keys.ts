/**
 * The storage's KMS keys: made here, wrapped at rest by the server master key, and never handed out. `operations/kms.ts` answers the KMS
 * calls with them, `encryption.ts` uses them for SSE-KMS, both as the access key that asks.
 */
import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto';
import type { Principal } from './access-keys.ts';
import type { Catalogue } from './catalogue.ts';
import { ServiceError } from './errors.ts';
import type { KeyRing, WrappedKey } from './key-ring.ts';
import { ACCOUNT, ROOT_ARN, evaluate, parsePolicy, principalValue, type Policy } from './policy.ts';

export type KmsKey = {
  readonly id: string;
  readonly arn: string;
  readonly description: string;
  readonly createdMs: number;
  readonly isEnabled: boolean;
  /** When the key is to be gone, where its deletion is scheduled. */
  readonly deletionMs: number | null;
  readonly manager: 'CUSTOMER' | 'AWS';
  /** JSON text; null: the account may do everything. */
  readonly policy: string | null;
  readonly wrapped: WrappedKey;
};
export type EncryptionContext = Readonly<Record<string, string>>;

/** How a key is to be used, as far as policies ask. */
export type KmsUse = {
  /** `s3.REGION.amazonaws.com` where S3 asks in the name of the principal; where the request itself comes from is then not known to KMS. */
  readonly viaService?: string;
  /** Of calls that encrypt or decrypt. */
  readonly context?: EncryptionContext;
  /** As the request names the key. */
  readonly name?: string;
  readonly pendingDays?: number;
  readonly isSameKey?: boolean;
  readonly from?: { readonly address: string | undefined; readonly isSecure: boolean; readonly userAgent: string | undefined };
};

const CONTEXT_KEY = 'kms:encryptioncontext:';
const BLOB_VERSION = 1;
const HEAD_BYTES = 17;
export const DEFAULT_KEY_POLICY = JSON.stringify({
  Version: '2012-10-17', Id: 'key-default-1', Statement: [{ Sid: 'Enable IAM User Permissions', Effect: 'Allow', Principal: { AWS: ROOT_ARN }, Action: 'kms:*', Resource: '*' }],
}, null, 2);

const isKeyId = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);

function associated(id: string, context: EncryptionContext): Buffer {
  const entries = Object.entries(context).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Buffer.from(`enfold kms v1|${id}|${JSON.stringify(entries)}`);
}

export class KmsKeys {
  readonly #catalogue: Catalogue;
  readonly #keyRing: KeyRing;
  readonly #now: () => number;
  readonly #policies = new Map<string, Policy>();

  constructor(catalogue: Catalogue, keyRing: KeyRing, now: () => number) {
    this.#catalogue = catalogue;
    this.#keyRing = keyRing;
    this.#now = now;
  }

  all(): KmsKey[] {
    return this.#catalogue.documents<KmsKey>('kms-key').map(({ record }) => record).filter((key) => !this.#isGone(key));
  }
  aliases(): { readonly name: string; readonly keyId: string }[] {
    return this.#catalogue.documents<string>('kms-alias').map(({ id, record }) => ({ name: id, keyId: record }));
  }

  /** By key id, key ARN, alias or alias ARN. @throws ServiceError NotFoundException */
  find(name: string): KmsKey {
    const arn = /^arn:aws:kms:([a-z0-9-]+):(\d{12}):(key\/(.+)|alias\/.+)$/.exec(name);
    const local = arn === null ? name : (arn[4] ?? arn[3] ?? '');
    const id = local.startsWith('alias/') ? this.#catalogue.document<string>('kms-alias', local) : local;
    const key = id === null || !isKeyId(id) ? null : this.#catalogue.document<KmsKey>('kms-key', id);
    const isMeant = key !== null && !this.#isGone(key) && (arn === null || (arn[2] === ACCOUNT && (arn[4] === undefined || key.arn === name)));
    if (isMeant) return key;
    if (name.startsWith('alias/')) throw new ServiceError('NotFoundException', `Alias arn:aws:kms:us-east-1:${ACCOUNT}:${name} is not found.`);
    throw new ServiceError('NotFoundException', arn === null && !isKeyId(name) ? `Invalid keyId '${name}'` : `Key '${name}' does not exist`);
  }

  /** Wherever the key may be used for its purpose. @throws ServiceError DisabledException, KMSInvalidStateException */
  requireUsable(key: KmsKey): void {
    if (key.deletionMs !== null) throw new ServiceError('KMSInvalidStateException', `${key.arn} is pending deletion.`);
    if (!key.isEnabled) throw new ServiceError('DisabledException', `${key.arn} is disabled.`);
  }

  /** @throws ServiceError AccessDeniedException */
  authorize(principal: Principal, action: string, key: KmsKey, use: KmsUse = {}): void {
    // The root access key can always mend a policy that locks everybody out.
    if (principal.isRoot && /^kms:(Get|Put)KeyPolicy$/.test(action)) return;
    const text = key.policy ?? DEFAULT_KEY_POLICY;
    let policy = this.#policies.get(text);
    if (policy === undefined) {
      policy = parsePolicy(text, { service: 'kms' });
      if (this.#policies.size > 100) this.#policies.clear();
      this.#policies.set(text, policy);
    }
    if (evaluate(policy, { principal, action, resource: key.arn, valueOf: (name) => this.#valueOf(principal, key, use, name) }) === 'allow') return;
    throw new ServiceError('AccessDeniedException', `User: ${principal.arn} is not authorized to perform: ${action} on resource: ${key.arn}`);
  }

  /** A new key, to be put inside a commit. */
  make(region: string, more: Partial<Pick<KmsKey, 'description' | 'policy' | 'manager'>> = {}): KmsKey {
    const id = randomUUID();
    const material = randomBytes(32);
    const wrapped = this.#keyRing.wrap(material, `kms|${id}`);
    material.fill(0);
    return { id, arn: `arn:aws:kms:${region}:${ACCOUNT}:key/${id}`, description: '', createdMs: this.#now(), isEnabled: true, deletionMs: null, manager: 'CUSTOMER', policy: null, ...more, wrapped };
  }
  put(key: KmsKey): void {
    this.#catalogue.putDocument('kms-key', key.id, key);
  }
  putAlias(name: string, keyId: string): void {
    this.#catalogue.putDocument('kms-alias', name, keyId);
  }
  removeAlias(name: string): void {
    this.#catalogue.removeDocument('kms-alias', name);
  }

  /** The key AWS would manage for S3, made when it is first needed. */
  async managedKey(region: string): Promise<KmsKey> {
    const alias = 'alias/aws/s3';
    const id = this.#catalogue.document<string>('kms-alias', alias);
    if (id !== null) return this.find(id);
    return this.#catalogue.commit(() => {
      const known = this.#catalogue.document<string>('kms-alias', alias);
      if (known !== null) return this.find(known);
      const key = this.make(region, { manager: 'AWS', description: 'Default key that protects my S3 objects when no other key is defined' });
      this.put(key);
      this.putAlias(alias, key.id);
      return key;
    });
  }

  /** A ciphertext that names its key; only the same context opens it. */
  encrypt(key: KmsKey, plaintext: Uint8Array, context: EncryptionContext): Buffer {
    const material = this.#keyRing.unwrap(key.wrapped, `kms|${key.id}`);
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', material, nonce);
    material.fill(0);
    cipher.setAAD(associated(key.id, context));
    return Buffer.concat([Uint8Array.of(BLOB_VERSION), Buffer.from(key.id.replaceAll('-', ''), 'hex'), nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  }

  /** The key a ciphertext names. @throws ServiceError InvalidCiphertextException */
  keyOfCiphertext(blob: Uint8Array): KmsKey {
    const bytes = Buffer.from(blob);
    if (bytes.length < HEAD_BYTES + 28 || bytes[0] !== BLOB_VERSION) throw new ServiceError('InvalidCiphertextException');
    const hex = bytes.toString('hex', 1, HEAD_BYTES);
    const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    const key = this.#catalogue.document<KmsKey>('kms-key', id);
    if (key === null || this.#isGone(key)) throw new ServiceError('InvalidCiphertextException');
    return key;
  }

  /** @throws ServiceError InvalidCiphertextException where it was altered or the context is another */
  decrypt(key: KmsKey, blob: Uint8Array, context: EncryptionContext): Buffer {
    const bytes = Buffer.from(blob);
    const material = this.#keyRing.unwrap(key.wrapped, `kms|${key.id}`);
    const decipher = createDecipheriv('aes-256-gcm', material, bytes.subarray(HEAD_BYTES, HEAD_BYTES + 12), { authTagLength: 16 });
    material.fill(0);
    decipher.setAAD(associated(key.id, context));
    decipher.setAuthTag(bytes.subarray(bytes.length - 16));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(HEAD_BYTES + 12, bytes.length - 16)), decipher.final()]);
    } catch {
      throw new ServiceError('InvalidCiphertextException');
    }
  }

  #valueOf(principal: Principal, key: KmsKey, use: KmsUse, name: string): string | readonly string[] | undefined {
    // Names are compared without their case here; who wants more compares kms:EncryptionContextKeys.
    if (name.startsWith(CONTEXT_KEY)) return Object.entries(use.context ?? {}).find(([each]) => each.toLowerCase() === name.slice(CONTEXT_KEY.length))?.[1];
    switch (name) {
      case 'kms:viaservice': return use.viaService;
      case 'aws:viaawsservice': return String(use.viaService !== undefined);
      case 'kms:encryptioncontextkeys': return Object.keys(use.context ?? {});
      case 'kms:encryptionalgorithm': return use.context === undefined ? undefined : 'SYMMETRIC_DEFAULT';
      case 'kms:requestalias': return use.name === undefined ? undefined : /alias\/.+$/.exec(use.name)?.[0];
      case 'kms:resourcealiases': return this.aliases().filter(({ keyId }) => keyId === key.id).map((alias) => alias.name);
      case 'kms:calleraccount':
      case 'aws:resourceaccount': return ACCOUNT;
      case 'kms:keyspec': return 'SYMMETRIC_DEFAULT';
      case 'kms:keyusage': return 'ENCRYPT_DECRYPT';
      case 'kms:keyorigin': return 'AWS_KMS';
      case 'kms:multiregion': return 'false';
      case 'aws:requestedregion': return key.arn.split(':')[3];
      case 'kms:schedulekeydeletionpendingwindowindays': return use.pendingDays === undefined ? undefined : String(use.pendingDays);
      case 'kms:reencryptonsamekey': return use.isSameKey === undefined ? undefined : String(use.isSameKey);
      case 'aws:securetransport': return use.from === undefined ? undefined : String(use.from.isSecure);
      case 'aws:sourceip': return use.from?.address;
      case 'aws:useragent': return use.from?.userAgent;
      default: return principalValue(principal, this.#now(), name);
    }
  }

  #isGone(key: KmsKey): boolean {
    return key.deletionMs !== null && key.deletionMs <= this.#now();
  }
}
