/** The main job against Enfold's own storage, in every mode that exists. */
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { makeScratch } from '../helpers/cli.ts';
import { startKmsStandIn, type RunningKms } from '../helpers/kms-stand-in.ts';
import { testObjects } from './objects.contract.ts';
import { testWholePath } from './whole-path.contract.ts';

const scratch = makeScratch();
const KMS_KEY = 'alias/whole-path';
let server: RunningStorage;
let kms: RunningKms;
beforeAll(async () => {
  kms = await startKmsStandIn([KMS_KEY]);
  process.env['AWS_ENDPOINT_URL_KMS'] = kms.endpoint;
  server = await startStorage({ dir: join(scratch.dir, 'storage') });
});
afterAll(async () => {
  await server.stop();
  delete process.env['AWS_ENDPOINT_URL_KMS'];
  await kms.stop();
  scratch.remove();
});

testWholePath('sse-s3', () => server);
testWholePath('cse-c', () => server);
testWholePath('cse-c', () => server, { variant: 'rsa', keyType: 'rsa', isBrief: true });
testWholePath('cse-c', () => server, { variant: 'v2', isBrief: true, args: ['--format', 'v2'] });
testWholePath('cse-kms', () => server, { isBrief: true, args: ['--kms-key-id', KMS_KEY] });
testObjects('built-in storage', [
  { what: 'sse-s3', args: ['--mode', 'sse-s3'], without: 'content' },
  { what: 'cse-c with an AES key', keyType: 'aes', args: ['--mode', 'cse-c', '--key', 'aes'], readArgs: ['--key', 'aes'], without: 'ciphertext' },
  { what: 'cse-c with an AES key, for old readers', keyType: 'aes', args: ['--key', 'aes', '--format', 'v2'], readArgs: ['--key', 'aes'], without: 'ciphertext' },
  { what: 'cse-c with an RSA key', keyType: 'rsa', args: ['--key', 'rsa'], without: 'ciphertext' },
  { what: 'cse-kms', args: ['--mode', 'cse-kms', '--kms-key-id', KMS_KEY], readArgs: ['--kms-key-id', KMS_KEY], without: 'ciphertext' },
  { what: 'cse-kms, for old readers', args: ['--kms-key-id', KMS_KEY, '--format', 'v2'], without: 'ciphertext' },
], () => server);
