import { randomBytes } from 'node:crypto';
import { createAesKeyring } from '../../main/envelope/aes-keyring.ts';
import { createEncryption, decryptChunks, encryptChunks, openEnvelope, READ_V3_AND_V2 } from '../../main/envelope/envelope.ts';

/** Stands for S3: `metadata` goes into `x-amz-meta-<name>` headers, `body` is the object. */
export async function roundTrip(file: AsyncIterable<Uint8Array>): Promise<{ metadata: Readonly<Record<string, string>>; body: Buffer; text: Buffer }> {
  const wrappingKey = randomBytes(32);
  const keyring = createAesKeyring({ wrappingKey, keyId: null, description: { keyLabel: 'backup 2026' } });

  // Encrypt: one encryption for each object, metadata first, then the body in chunks of any size.
  const encryption = await createEncryption(keyring, { format: 'v3' });
  const { metadata } = encryption;
  const body: Buffer[] = [];
  for await (const chunk of encryptChunks(encryption, file)) body.push(chunk);
  encryption.dispose();

  // Decrypt: the key commitment is checked before anything is decrypted, the tag when the chunks end.
  const decryption = await openEnvelope(metadata, keyring, READ_V3_AND_V2);
  const text: Buffer[] = [];
  try {
    // What comes out is not verified before the loop has ended without an error: write it where nobody looks, and rename it then.
    for await (const chunk of decryptChunks(decryption, chunksOf(body))) text.push(chunk);
  } finally {
    decryption.dispose();
    wrappingKey.fill(0);
  }
  return { metadata, body: Buffer.concat(body), text: Buffer.concat(text) };
}

async function* chunksOf(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}
