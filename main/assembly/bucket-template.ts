/** Bucket templates from what a user asks for. */
import { writeFileSync } from 'node:fs';
import { renderAwsCli } from '../bucket/awscli.ts';
import { renderCloudFormation } from '../bucket/cloudformation.ts';
import type { PolicyMode } from '../bucket/mode-policy.ts';
import { NEW_KEY, templateOf, type BucketTemplate } from '../bucket/template.ts';
import { renderTerraform } from '../bucket/terraform.ts';
import { SyncError } from '../model/errors.ts';
import { checkPolicyPrefix, checkWish, type ModeWish } from './buckets.ts';

export type TemplateFormat = 'cloudformation' | 'terraform' | 'awscli';
export type TemplateRequest = { readonly bucket: string; readonly prefix: string; readonly region: string; readonly wish: ModeWish; /** `alias/NAME` */ readonly newKmsKey: string | null; readonly secret: string | null; readonly versioning: boolean };

const usage = (detail: string): SyncError => new SyncError('bad-usage', { detail });

function modeOf({ wish: { mode, kmsKeyId, dsse }, newKmsKey, region }: TemplateRequest): PolicyMode {
  const kmsKey = newKmsKey === null ? kmsKeyId : NEW_KEY;
  if (kmsKeyId !== null) {
    const [, of] = /^arn:aws[\w-]*:kms:([a-z0-9-]+):\d{12}:key\/.+$/.exec(kmsKeyId) ?? [];
    if (of === undefined) throw usage('a template names an existing KMS key by its ARN');
    if (of !== region) throw new SyncError('kms-key-unusable', { detail: `the key is in ${of}, the bucket in ${region}` });
  }
  switch (mode) {
    case 'sse-kms': return { id: mode, kmsKey, dsse };
    case 'cse-kms': return { id: mode, kmsKey: kmsKey ?? '' };
    default: return { id: mode };
  }
}

/** @throws SyncError bad-usage, kms-key-unusable (in another region) */
export function describeTemplate(request: TemplateRequest): BucketTemplate {
  const { bucket, prefix, region, wish, newKmsKey, secret, versioning } = request;
  checkPolicyPrefix(prefix);
  const isKms = wish.mode === 'sse-kms' || wish.mode === 'cse-kms';
  if (newKmsKey !== null && (!isKms || wish.kmsKeyId !== null)) throw usage('--new-kms-key goes with sse-kms or cse-kms, and without --kms-key-id');
  if (newKmsKey !== null && !/^alias\/(?!aws\/)[\w/-]{1,250}$/.test(newKmsKey)) throw usage('a new KMS key is called alias/NAME');
  if (secret !== null && wish.mode !== 'sse-c') throw usage('--secret goes with sse-c');
  if (secret !== null && !/^[\w/+=.@-]{1,512}$/.test(secret)) throw usage('the name of a secret has letters, digits and /_+=.@-');
  if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(region)) throw usage(`${region} is no region`);
  checkWish(newKmsKey === null ? wish : { ...wish, kmsKeyId: newKmsKey });
  return templateOf({ bucket, prefix, region, mode: modeOf(request), newKeyAlias: newKmsKey, secret, versioning });
}

export function renderTemplate(format: TemplateFormat, template: BucketTemplate): string {
  switch (format) {
    case 'cloudformation': return renderCloudFormation(template);
    case 'terraform': return renderTerraform(template);
    case 'awscli': return renderAwsCli(template);
    default: return format satisfies never;
  }
}

/** Into a new file. @throws SyncError target-exists, permission-denied */
export function writeTemplate(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: 'wx' });
  } catch (cause) {
    throw new SyncError((cause as NodeJS.ErrnoException).code === 'EEXIST' ? 'target-exists' : 'permission-denied', { path: file }, { cause });
  }
}
