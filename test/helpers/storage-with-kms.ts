/** Built-in storage with a KMS key of its own, for the tests of a file. */
import { join } from 'node:path';
import { CreateAliasCommand, CreateKeyCommand, DisableKeyCommand, EnableKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll } from 'vitest';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { makeScratch } from './cli.ts';

export const KMS_ALIAS = 'alias/whole-path';

export type StorageWithKms = {
  readonly server: () => RunningStorage;
  /** Until the answer is called, nobody can use the key. */
  readonly disableKmsKey: () => Promise<() => Promise<void>>;
};

/** Starts it before the tests of the file, and stops it after them. */
export function useStorageWithKms(): StorageWithKms {
  const scratch = makeScratch();
  let server: RunningStorage;
  let kms: KMSClient;
  let kmsKeyId = '';
  beforeAll(async () => {
    server = await startStorage({ dir: join(scratch.dir, 'storage') });
    const { endpoint, accessKeyId, secretAccessKey } = server;
    kms = new KMSClient({ endpoint, region: 'us-east-1', credentials: { accessKeyId, secretAccessKey } });
    ({ KeyId: kmsKeyId = '' } = (await kms.send(new CreateKeyCommand({}))).KeyMetadata ?? {});
    await kms.send(new CreateAliasCommand({ AliasName: KMS_ALIAS, TargetKeyId: kmsKeyId }));
  });
  afterAll(async () => {
    kms.destroy();
    await server.stop();
    scratch.remove();
  });
  return {
    server: () => server,
    disableKmsKey: async () => {
      await kms.send(new DisableKeyCommand({ KeyId: kmsKeyId }));
      return async () => void (await kms.send(new EnableKeyCommand({ KeyId: kmsKeyId })));
    },
  };
}
