/** Whole encrypted objects on a server: Enfold's envelope with the AWS SDK as its carrier, so that any byte can be changed on the way. */
import { CreateBucketCommand, GetObjectCommand, NoSuchKey, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { createEncryption, decryptWhole, encryptWhole, openEnvelope, READ_V3_AND_V2 } from '../../main/envelope/envelope.ts';
import type { ReadPolicy } from '../../main/envelope/envelope.ts';
import { splitForInstructionFile } from '../../main/envelope/format.ts';
import type { Keyring } from '../../main/envelope/keyring.ts';
import type { EnvelopeFormat } from '../../main/model/mode.ts';

export type Server = { readonly endpoint: string; readonly accessKeyId: string; readonly secretAccessKey: string };
export type Place = 'metadata' | 'instruction-file';
export type RawObject = { readonly metadata: Readonly<Record<string, string>>; readonly body: Buffer };

export type Bucket = {
  readonly name: string;
  put(objectKey: string, object: RawObject): Promise<void>;
  /** Null where there is none. */
  get(objectKey: string): Promise<RawObject | null>;
  /** Encrypts as Enfold does, with the envelope in the metadata or beside the object. */
  write(objectKey: string, keyring: Keyring, plaintext: Buffer, format: EnvelopeFormat, place?: Place): Promise<void>;
  /** Decrypts as Enfold does. @throws SyncError as openEnvelope and decryptWhole */
  read(objectKey: string, keyring: Keyring, policy?: ReadPolicy): Promise<Buffer>;
  close(): void;
};

export async function openBucket({ endpoint, accessKeyId, secretAccessKey }: Server, name: string): Promise<Bucket> {
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId, secretAccessKey }, requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' });
  await client.send(new CreateBucketCommand({ Bucket: name }));
  const put = async (objectKey: string, { metadata, body }: RawObject): Promise<void> => {
    await client.send(new PutObjectCommand({ Bucket: name, Key: objectKey, Body: body, Metadata: { ...metadata } }));
  };
  const get = async (objectKey: string): Promise<RawObject | null> => {
    try {
      const { Metadata = {}, Body } = await client.send(new GetObjectCommand({ Bucket: name, Key: objectKey }));
      return { metadata: Metadata, body: Buffer.from((await Body?.transformToByteArray()) ?? []) };
    } catch (error) {
      if (error instanceof NoSuchKey) return null;
      throw error;
    }
  };
  return {
    name, put, get,
    async write(objectKey, keyring, plaintext, format, place = 'metadata') {
      const encryption = await createEncryption(keyring, { format });
      const body = Buffer.concat(encryptWhole(encryption, plaintext));
      const { metadata, instructionFile } = place === 'metadata' ? { metadata: encryption.metadata, instructionFile: null } : splitForInstructionFile(encryption.metadata);
      if (instructionFile !== null) await put(`${objectKey}.instruction`, { metadata: { 'x-amz-crypto-instr-file': '' }, body: instructionFile });
      await put(objectKey, { metadata, body });
      encryption.dispose();
    },
    async read(objectKey, keyring, policy = READ_V3_AND_V2) {
      const object = await get(objectKey);
      if (object === null) throw new Error(`There is no object ${objectKey}.`);
      const loadInstructionFile = async (): Promise<Buffer | null> => (await get(`${objectKey}.instruction`))?.body ?? null;
      const decryption = await openEnvelope(object.metadata, keyring, policy, { objectBytes: object.body.length, loadInstructionFile });
      try {
        return decryptWhole(decryption, object.body);
      } finally {
        decryption.dispose();
      }
    },
    close: () => client.destroy(),
  };
}

/** A copy with one byte changed; -1 is the last one. */
export function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  const index = at < 0 ? copy.length + at : at;
  copy[index] = (copy[index] ?? 0) ^ 0x01;
  return copy;
}

/** The same for a base64 value. */
export const flippedText = (text: string | undefined, at: number): string => flipped(Buffer.from(text ?? '', 'base64'), at).toString('base64');
