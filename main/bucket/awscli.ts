/** A bucket template as a script for the AWS command line. It stops at the first call that fails; ENDPOINT_URL points it at another server. */
import { shellWord } from './explain.ts';
import { keyPolicy, type BucketTemplate } from './template.ts';

/** JSON for one argument; names of shell variables stand outside the quotes. */
function json(value: unknown): string {
  const text = JSON.stringify(value);
  if (!text.includes('${')) return shellWord(text);
  return text.split(/(\$\{\w+\})/).map((piece) => (/^\$\{\w+\}$/.test(piece) ? `"${piece}"` : piece === '' ? '' : `'${piece.replaceAll('\'', '\'\\\'\'')}'`)).join('');
}

export function renderAwsCli(template: BucketTemplate): string {
  const { bucket, region, encryption: { algorithm, kmsKey, bucketKey, blocked }, versioning, publicAccess, ownership, lifecycle, policy, newKey, secret } = template;
  const s3 = (call: string, ...args: string[]): string => `call s3api ${call} --bucket ${shellWord(bucket)}${args.map((arg) => ` ${arg}`).join('')}`;
  const lines = ['#!/bin/bash', `# A bucket for Enfold: ${bucket.replace(/[^\w.-]/g, '')}`, 'set -euo pipefail', `call() { aws \${ENDPOINT_URL:+--endpoint-url "$ENDPOINT_URL"} --region ${shellWord(region)} "$@"; }`, ''];
  if (newKey !== null) {
    const policyOfKey = keyPolicy(newKey.use, region, { rootArn: 'arn:aws:iam::${Account}:root', account: '${Account}' });
    lines.push(
      `EnfoldKey=$(call kms create-key --description ${shellWord(`Encrypts ${bucket}`)} --query KeyMetadata.Arn --output text)`,
      'Account=$(echo "$EnfoldKey" | cut -d: -f5)',
      `call kms create-alias --alias-name ${shellWord(newKey.alias)} --target-key-id "$EnfoldKey"`,
      // Rotation is AWS's own service; a server of one's own may not have it.
      'call kms enable-key-rotation --key-id "$EnfoldKey" || echo "The key will not be rotated by itself." >&2',
      '# What a key is for, S3 or identities with policies of their own, is said by its policy; other servers have their own way.',
      `[ -n "\${ENDPOINT_URL:-}" ] || call kms put-key-policy --key-id "$EnfoldKey" --policy-name default --policy ${json(policyOfKey)}`,
      '',
    );
  }
  const location = region === 'us-east-1' ? [] : [`--create-bucket-configuration LocationConstraint=${shellWord(region)}`];
  const rule = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: algorithm, ...(kmsKey === null ? {} : { KMSMasterKeyID: kmsKey }) }, BucketKeyEnabled: bucketKey, ...(blocked.length === 0 ? {} : { BlockedEncryptionTypes: { EncryptionType: blocked } }) };
  lines.push(s3('create-bucket', ...location), s3('put-bucket-encryption', `--server-side-encryption-configuration ${json({ Rules: [rule] })}`));
  if (versioning !== null) lines.push(s3('put-bucket-versioning', `--versioning-configuration ${json({ Status: versioning })}`));
  if (publicAccess !== null) lines.push(s3('put-public-access-block', `--public-access-block-configuration ${json(publicAccess)}`));
  if (ownership !== null) lines.push(s3('put-bucket-ownership-controls', `--ownership-controls ${json({ Rules: [{ ObjectOwnership: ownership }] })}`));
  if (lifecycle.length > 0) lines.push(s3('put-bucket-lifecycle-configuration', `--lifecycle-configuration ${json({ Rules: lifecycle })}`));
  if (policy !== null) lines.push(s3('put-bucket-policy', `--policy ${json(policy)}`));
  if (secret !== null) {
    lines.push('', `call secretsmanager create-secret --name ${shellWord(secret)} --description ${shellWord(`The customer key (SSE-C) of ${bucket}: 32 characters`)} \\`, '  --secret-string "$(call secretsmanager get-random-password --password-length 32 --query RandomPassword --output text)"');
  }
  return `${lines.join('\n')}\n`;
}
