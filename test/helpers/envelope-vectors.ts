/** The recorded objects of the S3 Encryption Client formats, and the KMS stand-in that made their wrapped keys. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createAesKeyring } from '../../main/envelope/aes-keyring.ts';
import type { StringMap } from '../../main/envelope/encoding.ts';
import type { Keyring } from '../../main/envelope/keyring.ts';
import { createKmsKeyring, type KmsClient } from '../../main/envelope/kms-keyring.ts';
import { createRsaKeyring, parseRsaKey } from '../../main/envelope/rsa-keyring.ts';
import { SyncError } from '../../main/model/errors.ts';

export type RecordedObject = {
  readonly metadata: StringMap;
  readonly body: string;
  readonly plaintext: string;
  readonly mode: 'aes' | 'rsa' | 'kms';
  readonly instructionFile?: StringMap;
  readonly callerContext?: StringMap;
  readonly legacy?: boolean;
};
export type RecordedFailure = Partial<RecordedObject> & { readonly base: string; readonly note: string; readonly policy?: string };
type Range = { readonly alignedCiphertextRange: string; readonly ciphertext: string; readonly decrypted: string };

export type Vectors = {
  readonly inputs: {
    readonly plaintext: string; readonly dataKey: string; readonly aesWrappingKey: string; readonly aesWrapIv: string; readonly contentIvGcm: string;
    readonly messageId: string; readonly rsaPrivateKeyPem: string; readonly rsaPublicKeyPem: string; readonly kmsKeyId: string;
  };
  readonly hkdf: { readonly commitKey: string; readonly derivedEncryptionKey: string };
  readonly contentV3: { readonly emptyPlaintextBody: string };
  readonly contentV2: { readonly emptyPlaintextBody: string };
  readonly rangeV3: Range;
  readonly rangeV2: Range;
  readonly objects: Readonly<Record<string, RecordedObject>>;
  readonly mustFail: readonly RecordedFailure[];
  readonly s3DoubleEncoding: { readonly original: string; readonly utf8AsLatin1: string; readonly rfc2047B: string; readonly rfc2047Q: string; readonly asciiJsonInstead: string };
};

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8'));

export const vectors = read('vectors.json') as Vectors;
export const published = {
  derivation: read('published/kdf_kat.json') as readonly Readonly<Record<string, string>>[],
  gcm: read('published/aes_gcm_kat.json') as readonly Readonly<Record<string, string>>[],
};
export const hex = (text: string): Buffer => Buffer.from(text, 'hex');

/** Gives recorded bytes in the order in which they are asked for, and fails the test where the lengths differ. */
export function recordedRandom(...values: readonly string[]): (length: number) => Buffer {
  const left = values.map(hex);
  return (length) => {
    const next = left.shift();
    if (next?.length !== length) throw new Error(`asked for ${length} random bytes, recorded were ${next?.length ?? 'none'}`);
    return next;
  };
}

function associatedOf(context: StringMap): Buffer {
  return Buffer.from(JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))), 'utf8');
}

/** "KMS0", length and text of the key id, IV, AES-GCM under SHA-256("kms-stub-v1:" || key id) with the context as associated data. */
export function createKmsStandIn(random: (length: number) => Buffer = randomBytes): KmsClient & { readonly calls: string[] } {
  const keyOf = (keyId: string) => createHash('sha256').update(`kms-stub-v1:${keyId}`).digest();
  const calls: string[] = [];
  function wrap(keyId: string, plaintext: Buffer, context: StringMap): Buffer {
    const iv = random(12);
    const cipher = createCipheriv('aes-256-gcm', keyOf(keyId), iv).setAAD(associatedOf(context));
    return Buffer.concat([Buffer.from('KMS0'), Buffer.from([keyId.length]), Buffer.from(keyId), iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  }
  return {
    calls,
    async generateDataKey({ keyId, encryptionContext }) {
      calls.push('generateDataKey');
      const plaintext = random(32);
      return { plaintext, ciphertext: wrap(keyId, plaintext, encryptionContext) };
    },
    async encrypt({ keyId, plaintext, encryptionContext }) {
      calls.push('encrypt');
      return wrap(keyId, plaintext, encryptionContext);
    },
    async decrypt({ keyId, ciphertext, encryptionContext }) {
      calls.push('decrypt');
      const end = 5 + (ciphertext[4] ?? 0);
      const named = ciphertext.toString('latin1', 5, end);
      try {
        if (keyId !== null && keyId !== named) throw new Error('another key');
        const decipher = createDecipheriv('aes-256-gcm', keyOf(named), ciphertext.subarray(end, end + 12), { authTagLength: 16 }).setAAD(associatedOf(encryptionContext));
        decipher.setAuthTag(ciphertext.subarray(-16));
        return Buffer.concat([decipher.update(ciphertext.subarray(end + 12, -16)), decipher.final()]);
      } catch (error) {
        throw new SyncError('key-unwrap-failed', {}, { cause: error });
      }
    },
  };
}

/** The keyring that a recorded object was written with. */
export function keyringOf(object: Pick<RecordedObject, 'mode' | 'callerContext'>, random?: (length: number) => Buffer, description?: StringMap): Keyring {
  const { aesWrappingKey, rsaPrivateKeyPem, kmsKeyId } = vectors.inputs;
  if (object.mode === 'aes') return createAesKeyring({ wrappingKey: hex(aesWrappingKey), keyId: null, description });
  if (object.mode === 'rsa') return createRsaKeyring({ ...parseRsaKey(rsaPrivateKeyPem), keyId: null, description });
  return createKmsKeyring({ client: createKmsStandIn(random), keyId: kmsKeyId, encryptionContext: object.callerContext });
}
