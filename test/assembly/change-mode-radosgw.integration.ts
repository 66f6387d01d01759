/**
 * Changes of encryption on Ceph's radosgw, among the modes that it has. Where it deviates from S3: it stores in the clear what it is asked to keep in
 * sse-s3, which is refused before anything changes; it has no KMS to wrap data keys with, so there is no cse-kms; it copies no object that it encrypted,
 * so server-side changes go by way of this computer; and it knows no UpdateObjectEncryption.
 */
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeScratch } from '../helpers/cli.ts';
import { openComputer } from '../helpers/computer.ts';
import { isRadosgwInstalled, startRadosgw, type RunningRadosgw } from '../helpers/radosgw.ts';
import { describeStored } from '../helpers/stored-objects.ts';
import { writeAt } from '../helpers/tree.ts';
import { testTransitions } from './change-mode.contract.ts';

if (isRadosgwInstalled()) {
  const scratch = makeScratch();
  let server: RunningRadosgw;
  let s3: S3Client;
  beforeAll(async () => {
    server = await startRadosgw();
    const { endpoint, accessKeyId, secretAccessKey } = server;
    s3 = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId, secretAccessKey }, requestChecksumCalculation: 'WHEN_REQUIRED' });
  });
  afterAll(async () => {
    s3.destroy();
    await server.stop();
    scratch.remove();
  });

  testTransitions([['sse-kms own', 'sse-c'], ['sse-c', 'cse-c'], ['cse-c', 'sse-kms own']], () => ({ server, s3, scratch: scratch.dir, kmsArns: ['testkey-1', 'testkey-1'] }));
  test('a change to sse-s3, which the server would ignore, is refused and changes nothing', async () => {
    const computer = await openComputer(scratch.dir, 'refused', server);
    try {
      await computer.enfold.keys.create({ name: 'master', type: 'aes' });
      const root = join(scratch.dir, 'refused-files');
      writeAt(root, 'a.txt', 'as it was');
      const { id } = await computer.add(root, { bucket: 'refused', mode: 'cse-c', key: 'master' });
      await computer.sync(id);
      const before = await describeStored(s3, 'refused', 'photos/');
      await expect(computer.change(id, { mode: 'sse-s3' })).rejects.toMatchObject({ code: 'mode-not-honoured' });
      expect(await describeStored(s3, 'refused', 'photos/')).toEqual(before);
      expect(computer.enfold.folders.find(id).mode.id).toBe('cse-c');
      expect(await computer.sync(id)).toMatchObject({ inStep: true });
    } finally {
      await computer.close();
    }
  });
} else {
  test('radosgw is not installed, which the output above says', () => {
    expect(isRadosgwInstalled()).toBe(false);
  });
}
