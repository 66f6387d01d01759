/** Policies that enforce modes, on Ceph's radosgw. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isRadosgwInstalled, startRadosgw, type RunningRadosgw } from '../helpers/radosgw.ts';
import { testPolicies } from './policies.contract.ts';

const noManagedKey = 'it has no key that it manages';
const noTwoLayers = 'it knows no encryption in two layers';
const noCustomerCondition = 'its policies do not see customer keys: one that asks for them refuses everything, one that forbids them nothing';
const DEVIATIONS = {
  'sse-kms with the managed key: aws:kms': noManagedKey,
  'sse-kms in two layers: aws:kms:dsse': noTwoLayers,
  'sse-c: customer': noCustomerCondition,
  'a client-side mode, where S3 cannot tell: aws:kms': noManagedKey,
  'a client-side mode, where S3 cannot tell: aws:kms:dsse': noTwoLayers,
  'a client-side mode, where S3 cannot tell: customer': noCustomerCondition,
};

if (isRadosgwInstalled()) {
  let server: RunningRadosgw;
  beforeAll(async () => {
    server = await startRadosgw();
  });
  afterAll(async () => server.stop());
  testPolicies(() => ({ endpoint: server, kmsKeys: ['testkey-1', 'testkey-2'] }), DEVIATIONS);
} else {
  test('radosgw is not installed, which the output above says', () => {
    expect(isRadosgwInstalled()).toBe(false);
  });
}
