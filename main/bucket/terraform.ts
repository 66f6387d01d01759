/** A bucket template as Terraform, for the AWS provider from 6.22 on, which knows blocked encryption types. */
import type { LifecycleRule } from './checks.ts';
import { keyPolicy, NEW_KEY, prefixOfRule, type BucketTemplate } from './template.ts';

/** An expression that stands as it is. */
class Raw {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
type Value = string | number | boolean | Raw | readonly Value[] | { readonly [name: string]: Value };
/** Attributes, and blocks by name: one or several. */
type Body = readonly (readonly [name: string, value: Value] | Block)[];
type Block = { readonly block: string; readonly labels?: readonly string[]; readonly body: Body };

const KEY_ARN = new Raw('aws_kms_key.enfold.arn');
/** Text in quotes; `${` and `%{` would begin an expression. */
const quoted = (text: string): string => JSON.stringify(text).replace(/[$%](?=\{)/g, (sign) => sign + sign);

function expression(value: Value, indent: string): string {
  if (value === NEW_KEY) return KEY_ARN.text;
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value instanceof Raw) return value.text;
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const items = value as readonly Value[];
    const isShort = items.every((item) => typeof item !== 'object');
    return isShort ? `[${items.map((item) => expression(item, indent)).join(', ')}]` : `[\n${items.map((item) => `${inner}${expression(item, inner)},\n`).join('')}${indent}]`;
  }
  const entries = Object.entries(value as { readonly [name: string]: Value }).map(([name, member]) => [/^[A-Za-z_]\w*$/.test(name) ? name : quoted(name), expression(member, inner)] as const);
  return `{\n${aligned(entries, inner)}${indent}}`;
}

/** Neighbours of one line each have their signs below each other, as `terraform fmt` puts them. */
function aligned(entries: readonly (readonly [name: string, text: string])[], indent: string): string {
  const isLong = (entry: (typeof entries)[number] | undefined): boolean => entry === undefined || entry[1].includes('\n');
  return entries.map((entry, index) => {
    const [name, text] = entry;
    let [first, last] = [index, index];
    while (!isLong(entry) && !isLong(entries[first - 1])) first -= 1;
    while (!isLong(entry) && !isLong(entries[last + 1])) last += 1;
    const width = Math.max(...entries.slice(first, last + 1).map(([each]) => each.length));
    return `${indent}${name.padEnd(width)} = ${text}\n`;
  }).join('');
}

function render({ block, labels = [], body }: Block, indent = ''): string {
  const inner = `${indent}  `;
  let text = '';
  let run: (readonly [string, string])[] = [];
  for (const entry of [...body, null]) {
    if (entry !== null && !('block' in entry)) {
      run.push([entry[0], expression(entry[1], inner)]);
      continue;
    }
    text += aligned(run, inner);
    run = [];
    if (entry !== null) text += `${text === '' ? '' : '\n'}${render(entry, inner)}`;
  }
  return `${indent}${[block, ...labels.map((label) => JSON.stringify(label))].join(' ')} {\n${text}${indent}}\n`;
}

const resource = (type: string, body: Body): Block => ({ block: 'resource', labels: [type, 'enfold'], body });
const block = (name: string, ...body: Body): Block => ({ block: name, body });
const BUCKET = ['bucket', new Raw('aws_s3_bucket.enfold.id')] as const;

function lifecycleRule(rule: LifecycleRule): Block {
  const { ID, Status, Expiration, Transitions, AbortIncompleteMultipartUpload: abort, NoncurrentVersionExpiration: old } = rule;
  const body: (Body[number])[] = [['id', ID ?? 'rule'], ['status', Status ?? 'Enabled'], block('filter', ['prefix', prefixOfRule(rule)])];
  if (Expiration?.Days !== undefined) body.push(block('expiration', ['days', Expiration.Days]));
  for (const { Days = 0, StorageClass = '' } of (Transitions ?? []) as readonly { Days?: number; StorageClass?: string }[]) body.push(block('transition', ['days', Days], ['storage_class', StorageClass]));
  if (abort?.DaysAfterInitiation !== undefined) body.push(block('abort_incomplete_multipart_upload', ['days_after_initiation', abort.DaysAfterInitiation]));
  if (old?.NoncurrentDays !== undefined) body.push(block('noncurrent_version_expiration', ['noncurrent_days', old.NoncurrentDays]));
  return { block: 'rule', body };
}

const snake = (name: string): string => name.replace(/(?<!^)([A-Z])/g, '_$1').toLowerCase();

export function renderTerraform(template: BucketTemplate): string {
  const { bucket, region, encryption: { algorithm, kmsKey, bucketKey, blocked }, versioning, publicAccess, ownership, lifecycle, policy, newKey, secret } = template;
  const blocks: Block[] = [
    { block: 'terraform', body: [block('required_providers', ['aws', { source: 'hashicorp/aws', version: '>= 6.22' }], ...(secret === null ? [] : [['random', { source: 'hashicorp/random', version: '>= 3.6' }] as const]))] },
    { block: 'provider', labels: ['aws'], body: [['region', region]] },
  ];
  if (newKey !== null) {
    const policyOfKey = keyPolicy(newKey.use, region, { rootArn: new Raw('"arn:aws:iam::${data.aws_caller_identity.enfold.account_id}:root"'), account: new Raw('data.aws_caller_identity.enfold.account_id') });
    blocks.push(
      { block: 'data', labels: ['aws_caller_identity', 'enfold'], body: [] },
      resource('aws_kms_key', [['description', `Encrypts ${bucket}`], ['enable_key_rotation', true], ['policy', new Raw(`jsonencode(${expression(policyOfKey as Value, '  ')})`)], block('lifecycle', ['prevent_destroy', true])]),
      resource('aws_kms_alias', [['name', newKey.alias], ['target_key_id', new Raw('aws_kms_key.enfold.key_id')]]),
    );
  }
  blocks.push(
    resource('aws_s3_bucket', [['bucket', bucket], block('lifecycle', ['prevent_destroy', true])]),
    resource('aws_s3_bucket_server_side_encryption_configuration', [BUCKET, block('rule',
      block('apply_server_side_encryption_by_default', ['sse_algorithm', algorithm], ...(kmsKey === null ? [] : [['kms_master_key_id', kmsKey] as const])),
      ['bucket_key_enabled', bucketKey], ...(blocked.length === 0 ? [] : [['blocked_encryption_types', blocked] as const]))]),
  );
  if (versioning !== null) blocks.push(resource('aws_s3_bucket_versioning', [BUCKET, block('versioning_configuration', ['status', versioning])]));
  if (publicAccess !== null) blocks.push(resource('aws_s3_bucket_public_access_block', [BUCKET, ...Object.entries(publicAccess).map(([name, value]) => [snake(name), value] as const)]));
  if (ownership !== null) blocks.push(resource('aws_s3_bucket_ownership_controls', [BUCKET, block('rule', ['object_ownership', ownership])]));
  if (lifecycle.length > 0) blocks.push(resource('aws_s3_bucket_lifecycle_configuration', [BUCKET, ...lifecycle.map(lifecycleRule)]));
  if (policy !== null) blocks.push(resource('aws_s3_bucket_policy', [BUCKET, ['policy', new Raw(`jsonencode(${expression(policy as unknown as Value, '  ')})`)]]));
  if (secret !== null) {
    blocks.push(
      resource('random_password', [['length', 32], ['special', true]]),
      resource('aws_secretsmanager_secret', [['name', secret], ['description', `The customer key (SSE-C) of ${bucket}: 32 characters`]]),
      resource('aws_secretsmanager_secret_version', [['secret_id', new Raw('aws_secretsmanager_secret.enfold.id')], ['secret_string', new Raw('random_password.enfold.result')]]),
    );
  }
  return blocks.map((one) => render(one)).join('\n');
}
