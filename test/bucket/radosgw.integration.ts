/** Policies that enforce modes, the doctor and the scan, on Ceph's radosgw. */
import { CreateBucketCommand, GetObjectCommand, HeadBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Enfold } from '../../main/assembly/api.ts';
import { openEnfold } from '../../main/assembly/enfold.ts';
import { answerTo } from '../helpers/answer.ts';
import { isRadosgwInstalled, startRadosgw, type RunningRadosgw } from '../helpers/radosgw.ts';
import { createTarget, type Target } from '../storage/target.ts';
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

  describe('looking after a bucket there', () => {
    const scratch = mkdtempSync(join(tmpdir(), 'enfold-bucket-radosgw-'));
    const signal = new AbortController().signal;
    const wish = { mode: 'sse-kms', kmsKeyId: 'testkey-1', dsse: false } as const;
    let enfold: Enfold;
    let target: Target;
    beforeAll(async () => {
      target = createTarget(server);
      enfold = await openEnfold({ home: join(scratch, 'home'), env: { ENFOLD_KEYCHAIN: 'file', ENFOLD_PASSPHRASE: 'a passphrase' } });
      await enfold.connections.add({ kind: 's3', name: 's3', endpoint: server.endpoint, region: 'us-east-1', accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey });
    });
    afterAll(async () => {
      await enfold.close();
      rmSync(scratch, { recursive: true });
    });
    const settingsOf = async (bucket: string): Promise<string[]> => Promise.all(['policy', 'publicAccessBlock', 'lifecycle'].map(async (name) => {
      const { status, body } = await target.raw(`/${bucket}`, { query: [[name, '']] });
      return status === 200 ? body.toString('utf8') : String(status);
    }));

    test('the doctor mends what the server can be set to, says what it does not know, and takes all back', async () => {
      await target.client.send(new CreateBucketCommand({ Bucket: 'examined' }));
      const place = { connection: 's3', bucket: 'examined', prefix: 'team/' };
      const before = await settingsOf('examined');
      const first = await enfold.buckets.examine(place, wish, signal);
      // It takes a question about these two for a listing.
      expect(first.findings.find(({ id }) => id === 'settings-unreadable')).toMatchObject({ severity: 'info', says: 'This server does not know: encryption, ownership.' });
      const mendable = first.findings.filter(({ fix }) => fix?.isOptional === false).map(({ id }) => id);
      expect(mendable).toEqual(['versioning', 'public-access', 'mode-required', 'stale-uploads']);
      const mend = async (id: (typeof mendable)[number]): Promise<void> => {
        const preview = await enfold.buckets.previewFix(place, wish, id, signal);
        if (preview === null) throw new Error(`${id} has no fix`);
        await enfold.buckets.applyFix(place, preview, signal);
      };
      const bad = async (): Promise<string[]> => (await enfold.buckets.examine(place, wish, signal)).findings.filter(({ severity }) => severity === 'critical' || severity === 'warning').map(({ id }) => id);
      for (const id of mendable.filter((one) => one !== 'public-access')) await mend(id);
      expect(await bad()).toEqual(['public-access']);
      // It takes a block of public access lists for one of every upload: that shows when it is looked at again.
      await mend('public-access');
      expect(await bad()).toEqual(['permissions']);
      for (const { id } of enfold.buckets.changesOf(place)) await enfold.buckets.undo(place, id, signal);
      expect(await settingsOf('examined')).toEqual(before);
      expect(await bad()).not.toContain('permissions');
    });

    test('a setting that the server does not know is refused: taking it away would be a request to delete the bucket', async () => {
      await target.client.send(new CreateBucketCommand({ Bucket: 'kept' }));
      const place = { connection: 's3', bucket: 'kept', prefix: '' };
      expect(await answerTo(enfold.buckets.previewEncryption(place, null, signal))).toBe('rejected');
      expect(await answerTo(enfold.buckets.previewEncryption(place, { mode: 'sse-s3', kmsKeyId: null, dsse: false, bucketKey: null, blocksCustomerKeys: null }, signal))).toBe('rejected');
      expect(await answerTo(enfold.buckets.encryptionOf(place, signal))).toBe('rejected');
      await target.client.send(new HeadBucketCommand({ Bucket: 'kept' }));
    });

    test('a scan counts exactly; mending is refused by the server, is told so, and changes nothing', async () => {
      await target.client.send(new CreateBucketCommand({ Bucket: 'scanned' }));
      const encryptions = [{}, { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'testkey-1' }, { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'testkey-2' }] as const;
      for (let index = 0; index < 9; index += 1) await target.client.send(new PutObjectCommand({ Bucket: 'scanned', Key: `f/${index}`, Body: `content ${index}`, ...encryptions[index % 3] }));
      const scan = await enfold.buckets.scan({ place: { connection: 's3', bucket: 'scanned', prefix: 'f/' }, wish, keys: [], hasVersions: false, inventory: null, isResumed: false, signal });
      expect(scan.head.totals.map(({ protection, key, verdict, objects }) => `${protection} ${key} ${verdict} ${objects}`).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(['SSE-KMS testkey-1 right 3', 'SSE-KMS testkey-2 wrong 3', 'none  wrong 3']);
      expect((await scan.fix({ only: null, signal })).counts).toEqual({ fixed: 0, already: 0, skipped: 0, failed: 6 });
      await scan.close();
      for (let index = 0; index < 9; index += 1) {
        const got = await target.client.send(new GetObjectCommand({ Bucket: 'scanned', Key: `f/${index}` }));
        expect([await got.Body?.transformToString(), got.SSEKMSKeyId]).toEqual([`content ${index}`, [undefined, 'testkey-1', 'testkey-2'][index % 3]]);
      }
    });
  });
} else {
  test('radosgw is not installed, which the output above says', () => {
    expect(isRadosgwInstalled()).toBe(false);
  });
}
