/* oxlint-disable vitest/no-conditional-tests -- where a program is not installed, that is said loudly */
/** Programs other people wrote: the AWS command line, rclone, s3cmd, restic and the Ruby SDK. */
import { execFile, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';

const run = promisify(execFile);
const AWS = '/usr/bin/aws';
const RCLONE = '/usr/bin/rclone';
const S3CMD = '/usr/bin/s3cmd';
const RESTIC = '/usr/bin/restic';
const RUBY = '/usr/bin/ruby';

function isInstalled(program: string, asks = '--version'): boolean {
  const found = existsSync(program) && spawnSync(program, [asks]).status === 0;
  if (!found && process.env['CI']) throw new Error(`${program} is not installed: run \`npm run setup\``);
  if (!found) process.stderr.write(`\n*** ${program} is not installed: its tests do NOT run ***\n\n`);
  return found;
}

const odd = ['plain.txt', 'with space.txt', 'plus+and&and=.txt', 'ünï/日本語/😀.txt', 'hash#question?.txt', 'per%20cent.txt', 'deep/er/and/deeper.txt', 'quote\'s "double".txt', '[brackets] (and) {more}.txt', 'empty'];

describe('other clients', () => {
  const root = mkdtempSync(join(tmpdir(), 'enfold-clients-'));
  const source = join(root, 'source');
  let storage: RunningStorage;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    storage = await startStorage({ dir: join(root, 'storage') });
    for (const name of odd) {
      mkdirSync(join(source, name, '..'), { recursive: true });
      writeFileSync(join(source, name), name === 'empty' ? '' : `content of ${name}`);
    }
    writeFileSync(join(source, 'big.bin'), randomBytes(40 * 1024 * 1024 + 13));
    const { AWS_CA_BUNDLE: _unused, ...rest } = process.env;
    env = {
      ...rest, HOME: root, AWS_ACCESS_KEY_ID: storage.accessKeyId, AWS_SECRET_ACCESS_KEY: storage.secretAccessKey, AWS_DEFAULT_REGION: 'us-east-1', AWS_EC2_METADATA_DISABLED: 'true', AWS_PAGER: '',
      LC_ALL: 'C.UTF-8', RCLONE_CONFIG: join(root, 'rclone.conf'), RCLONE_CONFIG_E_TYPE: 's3', RCLONE_CONFIG_E_PROVIDER: 'Other', RCLONE_CONFIG_E_ENDPOINT: storage.endpoint,
      RCLONE_CONFIG_E_ACCESS_KEY_ID: storage.accessKeyId, RCLONE_CONFIG_E_SECRET_ACCESS_KEY: storage.secretAccessKey,
    };
    writeFileSync(join(root, 'rclone.conf'), '');
  });
  afterAll(async () => {
    await storage.stop();
    rmSync(root, { recursive: true });
  });

  const aws = async (...args: string[]): Promise<string> => (await run(AWS, ['--endpoint-url', storage.endpoint, ...args], { env, maxBuffer: 1 << 28 })).stdout;
  const rclone = async (...args: string[]): Promise<string> => (await run(RCLONE, args, { env, maxBuffer: 1 << 28 })).stdout;
  const md5 = (file: string): string => createHash('md5').update(readFileSync(file)).digest('hex');

  if (isInstalled(AWS)) {
    test('the AWS command line makes a bucket, syncs there and back, and finds nothing more to do', async () => {
      await aws('s3', 'mb', 's3://aws-sync');
      await aws('s3', 'sync', source, 's3://aws-sync/d', '--no-progress');
      expect(await aws('s3', 'sync', source, 's3://aws-sync/d', '--no-progress')).toBe('');
      const back = join(root, 'aws-back');
      await aws('s3', 'sync', 's3://aws-sync/d', back, '--no-progress');
      for (const name of [...odd, 'big.bin']) expect(md5(join(back, name))).toBe(md5(join(source, name)));
      expect((await aws('s3', 'ls', 's3://aws-sync/d/')).split('\n').some((line) => /PRE deep\/$/.test(line))).toBe(true);
    });
    test('the AWS command line copies in parts, presigns and removes', async () => {
      await aws('s3', 'mb', 's3://aws-more');
      await aws('s3', 'cp', join(source, 'big.bin'), 's3://aws-more/big', '--no-progress', '--metadata', 'a=1');
      const head = JSON.parse(await aws('s3api', 'head-object', '--bucket', 'aws-more', '--key', 'big')) as Record<string, unknown>;
      expect(head).toMatchObject({ ServerSideEncryption: 'AES256', Metadata: { a: '1' }, ETag: expect.stringMatching(/-6"$/) });
      await aws('s3', 'cp', 's3://aws-more/big', 's3://aws-more/a b/copy', '--no-progress');
      const url = (await aws('s3', 'presign', 's3://aws-more/a b/copy')).trim();
      const fetched = Buffer.from(await (await fetch(url)).arrayBuffer());
      expect(createHash('md5').update(fetched).digest('hex')).toBe(md5(join(source, 'big.bin')));
      expect(await aws('s3api', 'list-object-versions', '--bucket', 'aws-more')).toContain('"VersionId": "null"');
      await aws('s3', 'rb', 's3://aws-more', '--force');
      await expect(aws('s3', 'ls', 's3://aws-more')).rejects.toThrow(/NoSuchBucket/);
    });
    test('the AWS command line is told plainly what is wrong', async () => {
      await expect(aws('s3', 'ls', 's3://no-such-bucket-here')).rejects.toThrow(/NoSuchBucket/);
      await expect(aws('s3', 'mb', 's3://UPPER')).rejects.toThrow(/InvalidBucketName|Invalid bucket name/);
      await expect(run(AWS, ['--endpoint-url', storage.endpoint, 's3', 'ls'], { env: { ...env, AWS_SECRET_ACCESS_KEY: 'wrong' } })).rejects.toThrow(/SignatureDoesNotMatch/);
    });
  }

  if (isInstalled(AWS)) {
    test('the AWS command line keeps an object under a customer key and under a KMS key', async () => {
      await aws('s3', 'mb', 's3://aws-modes');
      const keyFile = join(root, 'customer.key');
      writeFileSync(keyFile, randomBytes(32));
      await aws('s3', 'cp', join(source, 'big.bin'), 's3://aws-modes/c', '--sse-c', 'AES256', '--sse-c-key', `fileb://${keyFile}`, '--no-progress');
      await aws('s3', 'cp', 's3://aws-modes/c', join(root, 'c.back'), '--sse-c', 'AES256', '--sse-c-key', `fileb://${keyFile}`, '--no-progress');
      expect(md5(join(root, 'c.back'))).toBe(md5(join(source, 'big.bin')));
      await expect(aws('s3', 'cp', 's3://aws-modes/c', join(root, 'c.none'), '--no-progress')).rejects.toThrow(/400/);
      const { KeyMetadata } = JSON.parse(await aws('kms', 'create-key')) as { KeyMetadata: { KeyId: string; Arn: string } };
      await aws('s3', 'cp', join(source, 'big.bin'), 's3://aws-modes/k', '--sse', 'aws:kms', '--sse-kms-key-id', KeyMetadata.KeyId, '--no-progress');
      expect(JSON.parse(await aws('s3api', 'head-object', '--bucket', 'aws-modes', '--key', 'k'))).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyMetadata.Arn });
      await aws('s3', 'cp', 's3://aws-modes/k', join(root, 'k.back'), '--no-progress');
      expect(md5(join(root, 'k.back'))).toBe(md5(join(source, 'big.bin')));
      await aws('kms', 'disable-key', '--key-id', KeyMetadata.KeyId);
      await expect(aws('s3', 'cp', 's3://aws-modes/k', join(root, 'k.none'), '--no-progress')).rejects.toThrow(/DisabledException|400/);
    });
    test('the AWS command line uses KMS, secrets, versions and policies', async () => {
      const made = JSON.parse(await aws('kms', 'create-key', '--description', 'of the command line')) as { KeyMetadata: { KeyId: string } };
      await aws('kms', 'create-alias', '--alias-name', 'alias/cli', '--target-key-id', made.KeyMetadata.KeyId);
      const data = JSON.parse(await aws('kms', 'generate-data-key', '--key-id', 'alias/cli', '--key-spec', 'AES_256', '--encryption-context', 'a=1')) as { Plaintext: string; CiphertextBlob: string };
      writeFileSync(join(root, 'blob'), Buffer.from(data.CiphertextBlob, 'base64'));
      const opened = JSON.parse(await aws('kms', 'decrypt', '--ciphertext-blob', `fileb://${join(root, 'blob')}`, '--encryption-context', 'a=1')) as { Plaintext: string };
      expect(opened.Plaintext).toBe(data.Plaintext);
      await expect(aws('kms', 'decrypt', '--ciphertext-blob', `fileb://${join(root, 'blob')}`)).rejects.toThrow(/InvalidCiphertextException/);
      await aws('secretsmanager', 'create-secret', '--name', 'cli', '--secret-string', 'hidden');
      expect(await aws('secretsmanager', 'get-secret-value', '--secret-id', 'cli', '--query', 'SecretString', '--output', 'text')).toBe('hidden\n');
      await aws('s3', 'mb', 's3://aws-settings');
      await aws('s3api', 'put-bucket-versioning', '--bucket', 'aws-settings', '--versioning-configuration', 'Status=Enabled');
      for (const name of ['plain.txt', 'empty']) await aws('s3', 'cp', join(source, name), 's3://aws-settings/a', '--no-progress');
      await aws('s3', 'rm', 's3://aws-settings/a');
      const listed = JSON.parse(await aws('s3api', 'list-object-versions', '--bucket', 'aws-settings')) as { Versions: unknown[]; DeleteMarkers: unknown[] };
      expect([listed.Versions.length, listed.DeleteMarkers.length]).toEqual([2, 1]);
      const policy = { Version: '2012-10-17', Statement: [{ Effect: 'Deny', Principal: '*', Action: 's3:PutObject', Resource: 'arn:aws:s3:::aws-settings/*', Condition: { StringNotEquals: { 's3:x-amz-server-side-encryption': 'aws:kms' } } }] };
      await aws('s3api', 'put-bucket-policy', '--bucket', 'aws-settings', '--policy', JSON.stringify(policy));
      await expect(aws('s3', 'cp', join(source, 'plain.txt'), 's3://aws-settings/b', '--no-progress')).rejects.toThrow(/AccessDenied/);
      await aws('s3', 'cp', join(source, 'plain.txt'), 's3://aws-settings/b', '--sse', 'aws:kms', '--no-progress');
    });
  }

  if (isInstalled(RCLONE)) {
    test('rclone keeps objects under a customer key, which it sends over HTTPS alone', async () => {
      const secure = await startStorage({ dir: join(root, 'secure'), isSecure: true, accessKey: storage });
      const key = randomBytes(32);
      const certificate = join(root, 'secure', 'certificate.pem');
      const there = ['--s3-endpoint', secure.endpoint, '--ca-cert', certificate];
      const options = [...there, '--s3-sse-customer-algorithm', 'AES256', '--s3-sse-customer-key-base64', key.toString('base64'), '--s3-upload-cutoff', '8M', '--s3-chunk-size', '5M', '--ignore-checksum'];
      await rclone('mkdir', 'e:rclone-c', ...there);
      await rclone('copy', source, 'e:rclone-c/d', ...options);
      await rclone('check', source, 'e:rclone-c/d', '--download', ...options);
      await expect(rclone('check', source, 'e:rclone-c/d', '--download', ...there)).rejects.toThrow(/400|Bad Request/);
      await secure.stop();
    });
    test('rclone copies, checks, lists, reads and purges', async () => {
      await rclone('mkdir', 'e:rclone-bucket');
      await rclone('copy', source, 'e:rclone-bucket/d', '--s3-upload-cutoff', '8M', '--s3-chunk-size', '5M');
      await rclone('check', source, 'e:rclone-bucket/d', '--download');
      const listed = (await rclone('lsf', '-R', '--files-only', 'e:rclone-bucket/d')).trim().split('\n');
      expect(listed.toSorted()).toEqual([...odd, 'big.bin'].toSorted());
      expect(await rclone('cat', 'e:rclone-bucket/d/with space.txt')).toBe('content of with space.txt');
      await rclone('moveto', 'e:rclone-bucket/d/plain.txt', 'e:rclone-bucket/d/moved.txt');
      expect(await rclone('cat', 'e:rclone-bucket/d/moved.txt')).toBe('content of plain.txt');
      await rclone('purge', 'e:rclone-bucket');
      expect(await rclone('lsf', 'e:')).not.toContain('rclone-bucket');
    });
  }

  if (isInstalled(RCLONE)) {
    test('rclone syncs both ways, deletes what is gone, and shows old versions', async () => {
      const [there, back] = [join(root, 'rclone-there'), join(root, 'rclone-back')];
      mkdirSync(there);
      for (const name of ['a.txt', 'b.txt', 'c.txt']) writeFileSync(join(there, name), `first ${name}`);
      await aws('s3', 'mb', 's3://rclone-sync');
      await aws('s3api', 'put-bucket-versioning', '--bucket', 'rclone-sync', '--versioning-configuration', 'Status=Enabled');
      await rclone('sync', there, 'e:rclone-sync/d');
      writeFileSync(join(there, 'a.txt'), 'second a.txt, longer');
      rmSync(join(there, 'b.txt'));
      await rclone('sync', there, 'e:rclone-sync/d');
      await rclone('check', there, 'e:rclone-sync/d');
      expect((await rclone('lsf', 'e:rclone-sync/d')).trim().split('\n').toSorted()).toEqual(['a.txt', 'c.txt']);
      await rclone('sync', 'e:rclone-sync/d', back);
      expect(readFileSync(join(back, 'a.txt'), 'utf8')).toBe('second a.txt, longer');
      expect(existsSync(join(back, 'b.txt'))).toBe(false);

      const versions = (await rclone('lsf', '--s3-versions', 'e:rclone-sync/d')).trim().split('\n');
      expect(versions.filter((name) => /^a-v\d{4}-\d{2}-\d{2}-\d{6}-\d{3}\.txt$/.test(name))).toHaveLength(1);
      const old = versions.find((name) => name.startsWith('b-v')) ?? 'none';
      await rclone('copy', '--s3-versions', 'e:rclone-sync/d', join(root, 'rclone-versions'));
      expect(readFileSync(join(root, 'rclone-versions', old), 'utf8')).toBe('first b.txt');
    });
  }

  if (isInstalled(AWS)) {
    test('the AWS command line does by s3api what s3 has no words for', async () => {
      const at = ['--bucket', 'aws-api', '--key', 'a'];
      const api = async (name: string, ...args: string[]): Promise<Record<string, unknown>> => JSON.parse((await aws('s3api', name, ...args)) || '{}') as Record<string, unknown>;
      await api('create-bucket', '--bucket', 'aws-api');
      const { ETag } = await api('put-object', ...at, '--body', join(source, 'plain.txt'), '--checksum-algorithm', 'SHA256');
      const sha256 = createHash('sha256').update(readFileSync(join(source, 'plain.txt'))).digest('base64');
      expect(await api('head-object', ...at, '--checksum-mode', 'ENABLED')).toMatchObject({ ETag, ChecksumSHA256: sha256 });
      await api('get-object', ...at, '--range', 'bytes=0-6', join(root, 'api.range'));
      expect(readFileSync(join(root, 'api.range'), 'utf8')).toBe('content');
      const { UploadId } = await api('create-multipart-upload', '--bucket', 'aws-api', '--key', 'parts') as { UploadId: string };
      const upload = ['--bucket', 'aws-api', '--key', 'parts', '--upload-id', UploadId];
      await api('upload-part', ...upload, '--part-number', '1', '--body', join(source, 'plain.txt'));
      expect(await api('list-parts', ...upload)).toMatchObject({ Parts: [{ PartNumber: 1, Size: readFileSync(join(source, 'plain.txt')).length }] });
      await api('abort-multipart-upload', ...upload);
      expect(await api('list-multipart-uploads', '--bucket', 'aws-api')).not.toHaveProperty('Uploads');
    });
  }

  if (isInstalled(S3CMD)) {
    test('s3cmd makes a bucket, copies in parts, lists, moves and removes', async () => {
      const { host } = new URL(storage.endpoint);
      const options = ['--no-ssl', `--host=${host}`, `--host-bucket=${host}`, `--access_key=${storage.accessKeyId}`, `--secret_key=${storage.secretAccessKey}`, '--config=/dev/null', '--no-progress'];
      const s3cmd = async (...args: string[]): Promise<string> => (await run(S3CMD, [...options, ...args], { env, maxBuffer: 1 << 28 })).stdout;
      await s3cmd('mb', 's3://s3cmd-bucket');
      await s3cmd('put', '--multipart-chunk-size-mb=8', join(source, 'big.bin'), 's3://s3cmd-bucket/big');
      await s3cmd('sync', `${source}/`, 's3://s3cmd-bucket/d/');
      expect((await s3cmd('ls', '-r', 's3://s3cmd-bucket/d/')).trim().split('\n')).toHaveLength(odd.length + 1);
      await s3cmd('get', 's3://s3cmd-bucket/big', join(root, 's3cmd.big'));
      expect(md5(join(root, 's3cmd.big'))).toBe(md5(join(source, 'big.bin')));
      await s3cmd('mv', 's3://s3cmd-bucket/d/plain.txt', 's3://s3cmd-bucket/moved.txt');
      await s3cmd('get', 's3://s3cmd-bucket/moved.txt', join(root, 's3cmd.txt'));
      expect(readFileSync(join(root, 's3cmd.txt'), 'utf8')).toBe('content of plain.txt');
      await s3cmd('rb', '-r', 's3://s3cmd-bucket');
      expect(await s3cmd('ls')).not.toContain('s3cmd-bucket');
    });
  }

  if (isInstalled(RESTIC, 'version')) {
    test('restic keeps a backup, checks it and restores it', async () => {
      const resticEnv = { ...env, RESTIC_REPOSITORY: `s3:${storage.endpoint}/restic-bucket/repository`, RESTIC_PASSWORD: 'a passphrase', RESTIC_CACHE_DIR: join(root, 'restic-cache') };
      const restic = async (...args: string[]): Promise<string> => (await run(RESTIC, args, { env: resticEnv, maxBuffer: 1 << 28 })).stdout;
      await restic('init');
      await restic('backup', source);
      await restic('check', '--read-data');
      await restic('restore', 'latest', '--target', join(root, 'restic-back'));
      for (const name of [...odd, 'big.bin']) expect(md5(join(root, 'restic-back', source, name))).toBe(md5(join(source, name)));
    });
  }

  if (isInstalled(RUBY)) {
    test('the Ruby SDK puts, gets and copies under a KMS key and a customer key over HTTPS, and lists versions', async () => {
      const secure = await startStorage({ dir: join(root, 'secure-ruby'), isSecure: true, accessKey: storage });
      const script = join(root, 'client.rb');
      writeFileSync(script, `
require 'aws-sdk-s3'
s3 = Aws::S3::Client.new(endpoint: ARGV[0], region: 'us-east-1', force_path_style: true, ssl_ca_bundle: ARGV[1])
s3.create_bucket(bucket: 'ruby-bucket')
s3.put_bucket_versioning(bucket: 'ruby-bucket', versioning_configuration: { status: 'Enabled' })
kms = s3.put_object(bucket: 'ruby-bucket', key: 'a', body: 'one', server_side_encryption: 'aws:kms')
raise 'no key' unless kms.ssekms_key_id.start_with?('arn:aws:kms:')
key = 'k' * 32
customer = { sse_customer_algorithm: 'AES256', sse_customer_key: key }
s3.copy_object(bucket: 'ruby-bucket', key: 'b', copy_source: 'ruby-bucket/a', **customer)
raise 'content' unless s3.get_object(bucket: 'ruby-bucket', key: 'b', **customer).body.read == 'one'
s3.put_object(bucket: 'ruby-bucket', key: 'a', body: 'two')
s3.delete_object(bucket: 'ruby-bucket', key: 'a')
listed = s3.list_object_versions(bucket: 'ruby-bucket', prefix: 'a')
puts [listed.versions.length, listed.delete_markers.length, s3.get_object(bucket: 'ruby-bucket', key: 'a', version_id: kms.version_id).body.read].join(' ')
begin
  s3.get_object(bucket: 'ruby-bucket', key: 'b')
rescue Aws::S3::Errors::InvalidRequest => error
  puts error.code
end
`);
      expect((await run(RUBY, [script, secure.endpoint, join(root, 'secure-ruby', 'certificate.pem')], { env })).stdout).toBe('2 1 one\nInvalidRequest\n');
      await secure.stop();
    });
  }
});
