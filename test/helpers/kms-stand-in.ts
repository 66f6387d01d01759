/**
 * AWS KMS over HTTP as far as the encryption clients call it, so that clients of other makers can be pointed at it: JSON 1.1,
 * GenerateDataKey, Decrypt and Encrypt, wrapping as `createKmsStandIn` does. Signatures are not looked at.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DecryptCommand, EncryptCommand, GenerateDataKeyCommand, KMSClient, KMSServiceException } from '@aws-sdk/client-kms';
import type { KmsClient } from '../../main/envelope/kms-keyring.ts';
import { SyncError } from '../../main/model/errors.ts';
import { createKmsStandIn } from './envelope-vectors.ts';

type Call = { readonly KeyId?: string; readonly CiphertextBlob?: string; readonly Plaintext?: string; readonly KeySpec?: string; readonly EncryptionContext?: Record<string, string> };
export type RunningKms = {
  readonly endpoint: string;
  /** Each call as `Operation {context}`, in order. */
  readonly calls: string[];
  stop(): Promise<void>;
};

class KmsRefusal extends Error {}

/** @param keyIds - the keys it has; any other is NotFoundException. */
export async function startKmsStandIn(keyIds: readonly string[]): Promise<RunningKms> {
  const kms = createKmsStandIn();
  const calls: string[] = [];
  const answer = async (operation: string, { KeyId, CiphertextBlob = '', Plaintext = '', KeySpec, EncryptionContext: encryptionContext = {} }: Call): Promise<object> => {
    calls.push(`${operation} ${JSON.stringify(encryptionContext)}`);
    if (KeyId !== undefined && !keyIds.includes(KeyId)) throw new KmsRefusal('NotFoundException');
    if (operation === 'Decrypt') {
      const plaintext = await kms.decrypt({ keyId: KeyId ?? null, ciphertext: Buffer.from(CiphertextBlob, 'base64'), encryptionContext });
      return { KeyId, Plaintext: plaintext.toString('base64'), EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
    }
    if (KeyId === undefined) throw new KmsRefusal('ValidationException');
    if (operation === 'Encrypt') return { KeyId, CiphertextBlob: (await kms.encrypt({ keyId: KeyId, plaintext: Buffer.from(Plaintext, 'base64'), encryptionContext })).toString('base64') };
    if (operation !== 'GenerateDataKey' || KeySpec !== 'AES_256') throw new KmsRefusal('ValidationException');
    const { plaintext, ciphertext } = await kms.generateDataKey({ keyId: KeyId, encryptionContext });
    return { KeyId, Plaintext: plaintext.toString('base64'), CiphertextBlob: ciphertext.toString('base64') };
  };
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const operation = String(request.headers['x-amz-target']).replace('TrentService.', '');
    const [status, result] = await answer(operation, JSON.parse(Buffer.concat(chunks).toString('utf8')) as Call).then(
      (value) => [200, value] as const,
      (error: unknown) => [400, { __type: error instanceof KmsRefusal ? error.message : 'InvalidCiphertextException' }] as const,
    );
    response.writeHead(status, { 'Content-Type': 'application/x-amz-json-1.1' }).end(JSON.stringify(result));
  };
  const server = createServer((request, response) => { serve(request, response).catch(() => response.destroy()); });
  await new Promise<void>((listening) => { server.listen(0, '127.0.0.1', listening); });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async stop() {
      const closed = new Promise<void>((done) => { server.close(() => done()); });
      server.closeAllConnections();
      await closed;
    },
  };
}

/** KMS at an endpoint, called by the AWS SDK. */
export function createSdkKms(endpoint: string, credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }): KmsClient & { close(): void } {
  const client = new KMSClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
  const run = async <T>(send: () => Promise<T>): Promise<T> => {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof KMSServiceException)) throw error;
      throw new SyncError(error.name === 'InvalidCiphertextException' || error.name === 'IncorrectKeyException' ? 'key-unwrap-failed' : 'key-not-found', {}, { cause: error });
    }
  };
  return {
    generateDataKey: async ({ keyId, encryptionContext }) => run(async () => {
      const { Plaintext, CiphertextBlob } = await client.send(new GenerateDataKeyCommand({ KeyId: keyId, KeySpec: 'AES_256', EncryptionContext: { ...encryptionContext } }));
      return { plaintext: Buffer.from(Plaintext ?? []), ciphertext: Buffer.from(CiphertextBlob ?? []) };
    }),
    decrypt: async ({ keyId, ciphertext, encryptionContext }) => run(async () => {
      const { Plaintext } = await client.send(new DecryptCommand({ ...(keyId !== null && { KeyId: keyId }), CiphertextBlob: ciphertext, EncryptionContext: { ...encryptionContext } }));
      return Buffer.from(Plaintext ?? []);
    }),
    encrypt: async ({ keyId, plaintext, encryptionContext }) => run(async () => {
      const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId: keyId, Plaintext: plaintext, EncryptionContext: { ...encryptionContext } }));
      return Buffer.from(CiphertextBlob ?? []);
    }),
    close: () => client.destroy(),
  };
}
