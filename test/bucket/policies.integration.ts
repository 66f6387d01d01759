/** Policies that enforce modes, on built-in storage. */
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { testPolicies } from './policies.contract.ts';

const dir = mkdtempSync(join(tmpdir(), 'enfold-policies-'));
let storage: RunningStorage;
let kmsKeys: [string, string];
beforeAll(async () => {
  storage = await startStorage({ dir });
  const kms = new KMSClient({ endpoint: storage.endpoint, region: 'us-east-1', credentials: storage });
  const newKey = async (): Promise<string> => (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
  kmsKeys = [await newKey(), await newKey()];
  kms.destroy();
});
afterAll(async () => {
  await storage.stop();
  rmSync(dir, { recursive: true });
});

testPolicies(() => ({ endpoint: storage, kmsKeys }));
