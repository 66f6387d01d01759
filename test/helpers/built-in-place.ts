/** Built-in storage with two keys in its KMS, and an S3 client to look at it from outside. */
import { join } from 'node:path';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';

export type BuiltInPlace = { readonly server: RunningStorage; readonly s3: S3Client; readonly kmsArns: readonly [string, string]; stop(): Promise<void> };

export async function startBuiltInPlace(scratch: string): Promise<BuiltInPlace> {
  const server = await startStorage({ dir: join(scratch, 'storage') });
  const client = { endpoint: server.endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey } };
  const s3 = new S3Client(client);
  const kms = new KMSClient(client);
  const createKey = async (): Promise<string> => (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
  const kmsArns = [await createKey(), await createKey()] as const;
  kms.destroy();
  return {
    server, s3, kmsArns,
    stop: async () => {
      s3.destroy();
      await server.stop();
    },
  };
}
