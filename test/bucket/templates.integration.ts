/** Templates: valid by the published schemas, and what they make is what Enfold itself would. */
import { CreateBucketCommand, PutBucketEncryptionCommand, PutBucketLifecycleConfigurationCommand, PutBucketPolicyCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeTemplate, renderTemplate, type TemplateRequest } from '../../main/assembly/bucket-template.ts';
import { modeStatements } from '../../main/bucket/mode-policy.ts';
import { openBucket } from '../../main/bucket/open-bucket.ts';
import { mergeStatements, originOf, parsePolicyDocument, type PolicyDocument, type Statement } from '../../main/bucket/policy-document.ts';
import { templateFrom } from '../../main/bucket/template.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { answerOf } from '../helpers/answer.ts';
import { isAwsInstalled } from '../helpers/aws-shell.ts';
import { problemsOf } from '../helpers/cloudformation-schema.ts';
import { parseHcl, valueOf } from '../helpers/hcl.ts';
import { terraformProblems } from '../helpers/terraform-schema.ts';
import { createTarget, type Target } from '../storage/target.ts';

const run = promisify(execFile);
const ARN = 'arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555';
const base = { bucket: 'made', prefix: 'team/', region: 'us-east-1', newKmsKey: null, secret: null, versioning: true };
const VARIANTS: Readonly<Record<string, TemplateRequest>> = {
  'sse-s3': { ...base, wish: { mode: 'sse-s3', kmsKeyId: null, dsse: false } },
  'sse-kms with the managed key': { ...base, wish: { mode: 'sse-kms', kmsKeyId: null, dsse: false } },
  'sse-kms in two layers': { ...base, wish: { mode: 'sse-kms', kmsKeyId: null, dsse: true } },
  'sse-kms with a key that is there': { ...base, wish: { mode: 'sse-kms', kmsKeyId: ARN, dsse: false } },
  'sse-kms with a new key': { ...base, wish: { mode: 'sse-kms', kmsKeyId: null, dsse: false }, newKmsKey: 'alias/team' },
  'sse-c with a new key': { ...base, wish: { mode: 'sse-c', kmsKeyId: null, dsse: false }, secret: 'team/key' },
  'cse-kms with a new key': { ...base, wish: { mode: 'cse-kms', kmsKeyId: null, dsse: false }, newKmsKey: 'alias/team', versioning: false },
  'cse-c': { ...base, prefix: '', wish: { mode: 'cse-c', kmsKeyId: null, dsse: false } },
};
const names = Object.keys(VARIANTS);
const requestOf = (name: string): TemplateRequest => VARIANTS[name] ?? VARIANTS['sse-s3'] as TemplateRequest;
type Resource = { readonly Type: string; readonly Properties: Record<string, unknown> };
const stackOf = (request: TemplateRequest): Readonly<Record<string, Resource>> => (JSON.parse(renderTemplate('cloudformation', describeTemplate(request))) as { Resources: Record<string, Resource> }).Resources;

describe('a template', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'enfold-templates-'));
  let storage: RunningStorage;
  let target: Target;
  let env: NodeJS.ProcessEnv;
  beforeAll(async () => {
    storage = await startStorage({ dir: join(scratch, 'storage') });
    target = createTarget(storage);
    const { AWS_CA_BUNDLE: _unused, ...rest } = process.env;
    env = { ...rest, HOME: scratch, PATH: `/usr/bin:${process.env['PATH'] ?? ''}`, AWS_ACCESS_KEY_ID: storage.accessKeyId, AWS_SECRET_ACCESS_KEY: storage.secretAccessKey, AWS_EC2_METADATA_DISABLED: 'true', AWS_PAGER: '', ENDPOINT_URL: storage.endpoint };
  });
  afterAll(async () => {
    await storage.stop();
    rmSync(scratch, { recursive: true });
  });

  test.each(names)('of %s is CloudFormation that fits the published schemas', (name) => {
    const resources = Object.values(stackOf(requestOf(name)));
    expect(resources.flatMap(problemsOf)).toEqual([]);
    expect(resources.map(({ Type }) => Type)).toContain('AWS::S3::Bucket');
  });

  test('is checked by schemas that find a mistake', () => {
    const { EnfoldBucket: bucket } = stackOf(requestOf('sse-s3'));
    if (bucket === undefined) throw new Error('no bucket');
    const broken = (change: object): string[] => problemsOf({ ...bucket, Properties: { ...bucket.Properties, ...change } });
    expect(broken({ Colour: 'red' })).toEqual(['AWS::S3::Bucket.Colour is not known']);
    expect(broken({ VersioningConfiguration: { Status: 'On' } })).toEqual(['AWS::S3::Bucket.VersioningConfiguration.Status is On']);
    expect(broken({ BucketEncryption: {} })).toEqual(['AWS::S3::Bucket.BucketEncryption.ServerSideEncryptionConfiguration is missing']);
    expect(broken({ PublicAccessBlockConfiguration: { BlockPublicAcls: 'yes' } })).toEqual(['AWS::S3::Bucket.PublicAccessBlockConfiguration.BlockPublicAcls is no boolean']);
  });

  test.each(names)('of %s has the very policy that Enfold applies, and Enfold takes it for its own', (name) => {
    const request = requestOf(name);
    const { mode } = request.wish;
    const policy = JSON.parse(JSON.stringify(stackOf(request)['EnfoldBucketPolicy']?.Properties['PolicyDocument']).replaceAll('{"Fn::GetAtt":["EnfoldKey","Arn"]}', JSON.stringify(ARN))) as PolicyDocument;
    const kmsKey = request.newKmsKey === null ? request.wish.kmsKeyId : ARN;
    const applied = modeStatements({ bucket: 'made', prefix: request.prefix }, mode === 'sse-kms' ? { id: mode, kmsKey, dsse: request.wish.dsse } : mode === 'cse-kms' ? { id: mode, kmsKey: kmsKey ?? '' } : { id: mode }, true);
    expect(policy).toEqual({ Version: '2012-10-17', Statement: applied });
    expect(policy.Statement.map((statement: Statement) => originOf(statement, request.prefix))).toEqual(applied.map(() => 'ours'));
    expect(mergeStatements(policy, request.prefix, applied)).toEqual(policy);
  });

  test('makes keys for what they are for', () => {
    const policyOf = (name: string): string => JSON.stringify(stackOf(requestOf(name))['EnfoldKey']?.Properties['KeyPolicy']);
    expect(policyOf('sse-kms with a new key')).toContain('"kms:ViaService":"s3.us-east-1.amazonaws.com"');
    expect(policyOf('cse-kms with a new key')).not.toContain('ViaService');
    expect(stackOf(requestOf('sse-c with a new key'))['EnfoldCustomerKey']?.Properties['GenerateSecretString']).toMatchObject({ PasswordLength: 32 });
    const encryptionOf = (name: string): string => JSON.stringify(stackOf(requestOf(name))['EnfoldBucket']?.Properties['BucketEncryption']);
    expect(encryptionOf('sse-c with a new key')).toContain('"NONE"');
    expect(encryptionOf('sse-s3')).toContain('"SSE-C"');
  });

  test.each(names)('of %s is Terraform that fits the published schemas, and has the very policy too', (name) => {
    const request = requestOf(name);
    const text = renderTemplate('terraform', describeTemplate(request));
    expect(terraformProblems(text)).toEqual([]);
    const { blocks } = parseHcl(text);
    const resource = (type: string) => blocks.find(({ labels }) => labels[0] === type)?.body;
    expect(blocks.filter(({ type }) => type === 'resource').map(({ labels }) => labels[0])).toEqual(expect.arrayContaining([
      'aws_s3_bucket', 'aws_s3_bucket_server_side_encryption_configuration', 'aws_s3_bucket_public_access_block', 'aws_s3_bucket_ownership_controls', 'aws_s3_bucket_lifecycle_configuration', 'aws_s3_bucket_policy',
      ...(request.newKmsKey === null ? [] : ['aws_kms_key', 'aws_kms_alias']), ...(request.secret === null ? [] : ['random_password', 'aws_secretsmanager_secret', 'aws_secretsmanager_secret_version']), ...(request.versioning ? ['aws_s3_bucket_versioning'] : []),
    ]));
    const policy = resource('aws_s3_bucket_policy')?.attributes.get('policy');
    if (policy === undefined) throw new Error('no policy');
    const ofStack = JSON.stringify(stackOf(request)['EnfoldBucketPolicy']?.Properties['PolicyDocument']).replaceAll('{"Fn::GetAtt":["EnfoldKey","Arn"]}', JSON.stringify('${aws_kms_key.enfold.arn}'));
    expect(valueOf(policy)).toEqual(JSON.parse(ofStack));
    const rule = resource('aws_s3_bucket_server_side_encryption_configuration')?.blocks[0]?.body;
    expect(rule?.attributes.get('blocked_encryption_types')).toEqual({ type: 'list', items: [{ type: 'literal', value: request.wish.mode === 'sse-c' ? 'NONE' : 'SSE-C' }] });
  });

  test('in Terraform is checked by schemas that find a mistake', () => {
    const text = renderTemplate('terraform', describeTemplate(requestOf('sse-kms with a new key')));
    // Equal signs stand below each other, with as many spaces before them as that takes.
    const evenly = text.replace(/ += /g, ' = ');
    const broken = (from: string, to: string): string[] => {
      expect(evenly).toContain(from);
      return terraformProblems(evenly.replace(from, to));
    };
    expect(broken('enable_key_rotation = true', 'enable_rotation = true')).toEqual(['aws_kms_key.enable_rotation is not known']);
    expect(broken('bucket_key_enabled = true', 'bucket_key_enabled = "yes"')).toEqual(['aws_s3_bucket_server_side_encryption_configuration.rule.bucket_key_enabled is "yes"']);
    expect(broken('versioning_configuration {', 'versioning {')).toEqual(['aws_s3_bucket_versioning.versioning is no known block', 'aws_s3_bucket_versioning.versioning_configuration is missing']);
    expect(broken('aws_kms_key.enfold.key_id', 'aws_kms_key.enfold.number')).toEqual(['aws_kms_key.enfold.number points nowhere']);
    expect(broken('resource "aws_kms_alias" "enfold"', 'resource "aws_kms_name" "enfold"')).toEqual(['resource aws_kms_name enfold is not known']);
    expect(broken('">= 6.22"', '">= 7.1"')).toEqual(['provider aws hashicorp/aws >= 7.1 is not the one that was published']);
    expect(() => broken('{\n', '\n')).toThrow('instead of');
  });

  test('as a script makes a bucket that is exported as the same template again', async () => {
    expect(isAwsInstalled()).toBe(true);
    const template = describeTemplate({ ...requestOf('sse-kms with a new key'), bucket: 'scripted' });
    // Debian's release of the command line does not know blocked types yet.
    const script = renderTemplate('awscli', template).replace(',"BlockedEncryptionTypes":{"EncryptionType":["SSE-C"]}', '');
    await run('bash', ['-c', script], { env, cwd: scratch });
    const open = openBucket({ endpoint: storage.endpoint, region: 'us-east-1', pathStyle: true, credentials: { type: 'static', ...storage } }, 'scripted');
    const made = await templateFrom(open, 'us-east-1', new AbortController().signal);
    await open.close();
    const wanted = JSON.parse(JSON.stringify(template).replaceAll('${EnfoldKey}', made.encryption.kmsKey ?? '')) as typeof template;
    expect(made).toEqual({ ...wanted, newKey: null, encryption: { ...wanted.encryption, blocked: [] } });
    expect(made.policy?.Statement.map((statement) => originOf(statement, 'team/'))).toEqual(made.policy?.Statement.map(() => 'ours'));
  });

  test('of an existing bucket says all that it is, in every format', async () => {
    const { client } = target;
    await client.send(new CreateBucketCommand({ Bucket: 'existing' }));
    await client.send(new PutBucketEncryptionCommand({ Bucket: 'existing', ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' }, BucketKeyEnabled: true, BlockedEncryptionTypes: { EncryptionType: ['SSE-C'] } }] } }));
    await client.send(new PutBucketVersioningCommand({ Bucket: 'existing', VersioningConfiguration: { Status: 'Suspended' } }));
    await client.send(new PutBucketLifecycleConfigurationCommand({ Bucket: 'existing', LifecycleConfiguration: { Rules: [
      { ID: 'all', Status: 'Enabled', Filter: { Prefix: 'logs/' }, Expiration: { Days: 3 }, Transitions: [{ Days: 1, StorageClass: 'GLACIER_IR' }], NoncurrentVersionExpiration: { NoncurrentDays: 2 }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
    ] } }));
    const theirs = { Sid: 'Theirs', Effect: 'Deny', Principal: '*', Action: 's3:DeleteBucket', Resource: 'arn:aws:s3:::existing', Condition: { StringNotLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/${aws:username}' } } } as const;
    await client.send(new PutBucketPolicyCommand({ Bucket: 'existing', Policy: JSON.stringify({ Version: '2012-10-17', Statement: [theirs] }) }));
    const open = openBucket({ endpoint: storage.endpoint, region: 'us-east-1', pathStyle: true, credentials: { type: 'static', ...storage } }, 'existing');
    const template = await templateFrom(open, 'us-east-1', new AbortController().signal);
    await open.close();
    const resources = Object.values((JSON.parse(renderTemplate('cloudformation', template)) as { Resources: Record<string, Resource> }).Resources);
    expect(resources.flatMap(problemsOf)).toEqual([]);
    expect(resources[0]?.Properties).toMatchObject({ VersioningConfiguration: { Status: 'Suspended' }, LifecycleConfiguration: { Rules: [{ Id: 'all', Prefix: 'logs/', ExpirationInDays: 3, Transitions: [{ StorageClass: 'GLACIER_IR', TransitionInDays: 1 }] }] } });
    expect(resources[1]?.Properties['PolicyDocument']).toEqual(parsePolicyDocument(JSON.stringify({ Version: '2012-10-17', Statement: [theirs] })));
    // Each format has an escape of its own for what looks like a variable.
    expect(renderTemplate('terraform', template)).toContain('user/$${aws:username}');
    expect(terraformProblems(renderTemplate('terraform', template))).toEqual([]);
    expect(renderTemplate('awscli', template)).toContain('user/${aws:username}');
  });

  test.each([
    ['a key that is no ARN', { wish: { mode: 'sse-kms', kmsKeyId: 'alias/x', dsse: false } }, 'bad-usage'], ['a key of another region', { wish: { mode: 'sse-kms', kmsKeyId: ARN.replace('us-east-1', 'eu-west-1'), dsse: false } }, 'kms-key-unusable'],
    ['a new key for sse-s3', { newKmsKey: 'alias/a' }, 'bad-usage'], ['a reserved alias', { wish: { mode: 'sse-kms', kmsKeyId: null, dsse: false }, newKmsKey: 'alias/aws/s3' }, 'bad-usage'], ['a secret for sse-s3', { secret: 'a' }, 'bad-usage'],
    ['no region', { region: 'here' }, 'bad-usage'], ['a prefix that a policy takes for a pattern', { prefix: 'a*/' }, 'bad-usage'],
  ] as const)('refuses %s', (_what, change, code) => {
    expect(answerOf(() => describeTemplate({ ...requestOf('sse-s3'), ...change }))).toBe(code);
  });
});
