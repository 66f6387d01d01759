/** The modes that Ceph's radosgw has besides: folders and single objects. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isRadosgwInstalled, startRadosgw, type RunningRadosgw } from '../helpers/radosgw.ts';
import { testObjects } from './objects.contract.ts';
import { testStoredAs } from './stored-as.contract.ts';
import { testWholePath } from './whole-path.contract.ts';

if (isRadosgwInstalled()) {
  let server: RunningRadosgw;
  beforeAll(async () => {
    server = await startRadosgw();
  });
  afterAll(async () => server.stop());

  testWholePath('sse-c', () => server, { isBrief: true });
  testWholePath('sse-kms', () => server, { isBrief: true, args: ['--kms-key-id', 'testkey-1'] });

  testStoredAs('radosgw', [
    { what: 'sse-c', args: ['--mode', 'sse-c', '--key', 'family'], keyType: 'sse-c', head: { SSECustomerAlgorithm: 'AES256' }, anybody: 'refused' },
    { what: 'sse-kms with a key of one\'s own', args: ['--mode', 'sse-kms', '--kms-key-id', 'testkey-1'], head: { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'testkey-1' }, anybody: 'content' },
  ], () => server);
  testObjects('radosgw', [
    { what: 'sse-c', keyType: 'sse-c', args: ['--mode', 'sse-c', '--key', 'sse-c'], readArgs: ['--key', 'sse-c'], without: 'error' },
    { what: 'sse-kms with a key of one\'s own', args: ['--mode', 'sse-kms', '--kms-key-id', 'testkey-1'], without: 'content' },
  ], () => server);
} else {
  test('radosgw is not installed, which the output above says', () => {
    expect(isRadosgwInstalled()).toBe(false);
  });
}
