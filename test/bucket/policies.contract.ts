/* oxlint-disable vitest/no-conditional-tests -- where a program is not installed, that is said loudly */
/** The policy of each mode against uploads of each kind, made by the AWS command line, rclone and the probes that prove a policy. */
import { CreateBucketCommand, GetBucketPolicyCommand, ListObjectsV2Command, PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyChange } from '../../main/bucket/configuration.ts';
import { previewPolicy } from '../../main/bucket/bucket-policy.ts';
import type { PolicyMode } from '../../main/bucket/mode-policy.ts';
import { openBucket, type OpenBucket } from '../../main/bucket/open-bucket.ts';
import { provePolicy } from '../../main/bucket/prove.ts';
import { openCertificate } from '../../main/storage/certificate.ts';
import { isAwsInstalled, startAws, type AwsShell } from '../helpers/aws-shell.ts';
import { createTarget, type Endpoint, type Target } from '../storage/target.ts';

/** What an upload says about its encryption. `own` and `other` are KMS keys. */
const UPLOADS = ['nothing', 'AES256', 'aws:kms', 'aws:kms own', 'aws:kms other', 'aws:kms:dsse', 'customer'] as const;
type Upload = (typeof UPLOADS)[number];

export type PolicyServer = {
  readonly endpoint: Endpoint;
  /** Two usable KMS keys; the first is what modes with a key of one's own use. */
  readonly kmsKeys: readonly [own: string, other: string];
};

const modesOf = ([own]: PolicyServer['kmsKeys']): Readonly<Record<string, { readonly mode: PolicyMode; readonly allowed: readonly Upload[] }>> => ({
  'sse-s3': { mode: { id: 'sse-s3' }, allowed: ['AES256'] },
  'sse-kms with the managed key': { mode: { id: 'sse-kms', kmsKey: null, dsse: false }, allowed: ['aws:kms'] },
  'sse-kms with a key of one\'s own': { mode: { id: 'sse-kms', kmsKey: own, dsse: false }, allowed: ['aws:kms own'] },
  'sse-kms in two layers': { mode: { id: 'sse-kms', kmsKey: null, dsse: true }, allowed: ['aws:kms:dsse'] },
  'sse-c': { mode: { id: 'sse-c' }, allowed: ['customer'] },
  'a client-side mode, where S3 cannot tell': { mode: { id: 'cse-c' }, allowed: ['nothing', 'AES256', 'aws:kms', 'aws:kms own', 'aws:kms other', 'aws:kms:dsse'] },
});

/** One attempt, and no look at ETags, which say nothing about content under KMS. The certificate is one of the test's own. */
const RCLONE = ['--retries', '1', '--low-level-retries', '1', '--s3-no-check-bucket', '--s3-no-head', '--ignore-checksum', '--no-check-certificate'];

const run = async (program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<{ code: number; stderr: string }> => new Promise((resolve, reject) => {
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString('utf8')));
  child.once('error', reject);
  child.once('close', (code) => resolve({ code: code ?? 1, stderr }));
});

/**
 * @param deviations - cells (`mode: upload`) where this server cannot be judged, with the reason; they are checked to be so still.
 */
export function testPolicies(server: () => PolicyServer, deviations: Readonly<Record<string, string>> = {}): void {
  const scratch = mkdtempSync(join(tmpdir(), 'enfold-policies-'));
  const file = join(scratch, 'file');
  const customerKey = randomBytes(32);
  let target: Target;
  let tls: Server;
  let aws: AwsShell | null = null;
  let env: NodeJS.ProcessEnv;
  const hasAws = isAwsInstalled();

  beforeAll(async () => {
    const { endpoint } = server();
    target = createTarget(endpoint);
    // rclone sends customer keys by TLS alone.
    const { cert, key } = await openCertificate(scratch, Date.now());
    tls = createServer({ cert, key }, (client) => {
      const onward = connect(Number(new URL(endpoint.endpoint).port), '127.0.0.1');
      for (const socket of [client, onward]) socket.on('error', () => [client, onward].forEach((each) => each.destroy()));
      client.pipe(onward).pipe(client);
    });
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    const { port } = tls.address() as AddressInfo;
    writeFileSync(file, 'a file');
    writeFileSync(join(scratch, 'key'), customerKey);
    writeFileSync(join(scratch, 'rclone.conf'), '');
    const { AWS_CA_BUNDLE: _unused, ...rest } = process.env;
    env = {
      ...rest, HOME: scratch, AWS_ACCESS_KEY_ID: endpoint.accessKeyId, AWS_SECRET_ACCESS_KEY: endpoint.secretAccessKey, AWS_DEFAULT_REGION: 'us-east-1', AWS_EC2_METADATA_DISABLED: 'true', AWS_PAGER: '', AWS_MAX_ATTEMPTS: '1',
      RCLONE_CONFIG: join(scratch, 'rclone.conf'), RCLONE_CONFIG_E_TYPE: 's3', RCLONE_CONFIG_E_PROVIDER: 'Other', RCLONE_CONFIG_E_ENDPOINT: `https://127.0.0.1:${port}`, RCLONE_CONFIG_E_ENV_AUTH: 'true',
    };
    if (hasAws) aws = startAws(env);
  });
  afterAll(async () => {
    await aws?.stop();
    await new Promise((resolve) => tls.close(resolve));
    rmSync(scratch, { recursive: true });
  });

  const awsArgs = (upload: Upload): string[] => {
    const [own, other] = server().kmsKeys;
    switch (upload) {
      case 'nothing': return [];
      case 'AES256': case 'aws:kms': case 'aws:kms:dsse': return ['--server-side-encryption', upload];
      case 'aws:kms own': return ['--server-side-encryption', 'aws:kms', '--ssekms-key-id', own];
      case 'aws:kms other': return ['--server-side-encryption', 'aws:kms', '--ssekms-key-id', other];
      case 'customer': return ['--sse-customer-algorithm', 'AES256', '--sse-customer-key', customerKey.toString('base64'), '--sse-customer-key-md5', createHash('md5').update(customerKey).digest('base64')];
    }
  };
  const rcloneArgs = (upload: Upload): string[] => {
    const [own, other] = server().kmsKeys;
    switch (upload) {
      case 'nothing': return [];
      case 'AES256': case 'aws:kms': case 'aws:kms:dsse': return ['--s3-server-side-encryption', upload];
      case 'aws:kms own': return ['--s3-server-side-encryption', 'aws:kms', '--s3-sse-kms-key-id', own];
      case 'aws:kms other': return ['--s3-server-side-encryption', 'aws:kms', '--s3-sse-kms-key-id', other];
      // It takes a key as text only.
      case 'customer': return ['--s3-sse-customer-algorithm', 'AES256', '--s3-sse-customer-key', '0123456789abcdef0123456789abcdef'];
    }
  };
  // The AWS command line fails so over a refusal without a message, as radosgw sends it.
  const outcome = (code: number, stderr: string): string => (code === 0 ? 'allowed' : /AccessDenied|403|'NoneType' is not iterable/.test(stderr) ? 'refused' : stderr);

  describe.each(Object.keys(modesOf(['', ''])))('the policy of %s', (name) => {
    let open: OpenBucket;
    let mode: PolicyMode;
    let expected: Readonly<Record<string, string>>;
    const bucket = `policy-${randomBytes(6).toString('hex')}`;
    const signal = new AbortController().signal;
    beforeAll(async () => {
      const { endpoint, kmsKeys } = server();
      const found = modesOf(kmsKeys)[name];
      if (found === undefined) throw new Error(name);
      mode = found.mode;
      await target.client.send(new CreateBucketCommand({ Bucket: bucket }));
      open = openBucket({ endpoint: endpoint.endpoint, region: 'us-east-1', pathStyle: true, credentials: { type: 'static', ...endpoint } }, bucket);
      expected = Object.fromEntries(UPLOADS.map((upload) => [upload, `${name}: ${upload}` in deviations ? 'deviates' : found.allowed.includes(upload) ? 'allowed' : 'refused']));
      const { change } = await previewPolicy(open, 'folder/', mode, signal);
      if (change === null) throw new Error('there was a policy');
      await applyChange(open, change, signal);
    });
    afterAll(async () => open.close());
    const asExpected = (seen: Readonly<Record<string, string>>) => Object.fromEntries(Object.entries(seen).map(([upload, what]) => {
      const isDeviation = `${name}: ${upload}` in deviations;
      const should = modesOf(server().kmsKeys)[name]?.allowed.includes(upload as Upload) === true ? 'allowed' : 'refused';
      return [upload, isDeviation && what !== should ? 'deviates' : what];
    }));

    if (hasAws) {
      test('judges uploads of the AWS command line', async () => {
        const seen: Record<string, string> = {};
        for (const upload of UPLOADS) {
          const answer = await aws?.run(['--endpoint-url', server().endpoint.endpoint, 's3api', 'put-object', '--bucket', bucket, '--key', `folder/aws-${upload}`, '--body', file, ...awsArgs(upload)]);
          seen[upload] = outcome(answer?.code ?? 1, answer?.stderr ?? '');
        }
        expect(asExpected(seen)).toEqual(expected);
      });
    }

    test('judges uploads of rclone', async () => {
      const seen = await Promise.all(UPLOADS.map(async (upload) => {
        const { code, stderr } = await run('/usr/bin/rclone', ['copyto', file, `E:${bucket}/folder/rclone-${upload.replace(/\W/g, '-')}`, ...RCLONE, ...rcloneArgs(upload)], env);
        return [upload, outcome(code, stderr)];
      }));
      expect(asExpected(Object.fromEntries(seen))).toEqual(expected);
    });

    test('is proved by probes that leave nothing behind', async () => {
      const proof = await provePolicy(open, 'folder/', mode, signal);
      const isDeviating = Object.keys(deviations).some((cell) => cell.startsWith(`${name}:`));
      expect(proof.probes.filter(({ isAsExpected }) => !isAsExpected).length > 0).toBe(isDeviating);
      expect(proof.leftBehind).toEqual([]);
      const { Contents = [] } = await target.client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: 'folder/.enfold/' }));
      expect(Contents).toEqual([]);
    });

    test('says nothing about other places, keeps other statements, and is taken away without a trace', async () => {
      await target.raw(`/${bucket}/elsewhere`, { method: 'PUT', body: 'plain' }).then(({ status }) => expect(status).toBe(200));
      const other = { Sid: 'Mine', Effect: 'Deny', Principal: '*', Action: 's3:PutObject', Resource: `arn:aws:s3:::${bucket}/never/*` };
      const { Policy = '{}' } = await target.client.send(new GetBucketPolicyCommand({ Bucket: bucket }));
      const policy = JSON.parse(Policy) as { Statement: unknown[] };
      await target.client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: JSON.stringify({ ...policy, Statement: [other, ...policy.Statement] }) }));
      expect((await previewPolicy(open, 'folder/', mode, signal)).change).toBeNull();
      const removal = await previewPolicy(open, 'folder/', null, signal);
      if (removal.change === null) throw new Error('there was nothing to remove');
      await applyChange(open, removal.change, signal);
      expect(JSON.parse((await target.client.send(new GetBucketPolicyCommand({ Bucket: bucket }))).Policy ?? '')).toEqual({ Version: '2012-10-17', Statement: [other] });
      await expect(target.raw(`/${bucket}/folder/again`, { method: 'PUT', body: 'plain' })).resolves.toMatchObject({ status: 200 });
    });
  });
}
