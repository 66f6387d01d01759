/**
 * One object's encryption in words: who encrypts it, which key opens it, and the exact commands and code by which other programs read it.
 * Everything comes from S3's answer to HEAD. Keys appear as names of files and variables only.
 */
import { keyOfRow } from './report.ts';
import type { Facts } from './object-encryption.ts';

export type ObjectName = {
  readonly bucket: string;
  readonly objectKey: string;
  readonly versionId: string | null;
  /** Null is AWS. */
  readonly endpoint: string | null;
  readonly region: string;
};
export type Explanation = {
  /** One sentence each. */
  readonly words: readonly string[];
  readonly protection: string;
  readonly keyName: string | null;
  readonly envelope: Facts['envelope'];
  /** The name of the key here that opens it; null: none is known, or it needs none. */
  readonly localKey: string | null;
  readonly commands: readonly { readonly tool: string; readonly lines: readonly string[]; /** Null: it reads the content. */ readonly note: string | null }[];
};
export type LocalKey = { readonly name: string; readonly type: 'aes' | 'rsa' | 'sse-c' };

/** One word for a POSIX shell. */
export const shellWord = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll('\'', '\'\\\'\'')}'`);
const js = (text: string): string => JSON.stringify(text);
/** Inside double quotes Ruby also takes `#{`, `#@` and `#$`. */
const ruby = (text: string): string => js(text).replaceAll('#', '\\#');

function wordsOf(facts: Facts, localKey: LocalKey | null): string[] {
  const { protection, kmsKey, envelope, hasBucketKey, isArchived, isLocked } = facts;
  const words: string[] = [];
  if (envelope !== null) {
    const format = { v3: 'the Amazon S3 Encryption Client\'s format V3 (committing AES-256-GCM)', v2: 'the Amazon S3 Encryption Client\'s format V2', v1: 'the first, weaker format of the Amazon S3 Encryption Client', damaged: 'an envelope that is damaged or of no known format' }[envelope.format];
    words.push(`It was encrypted before it was sent, in ${format}.`);
    if (envelope.wrappedBy === 'kms') words.push('Its data key is wrapped by a KMS key; whoever may use that key (kms:Decrypt) and read the object can open it.');
    if (envelope.wrappedBy === 'own key') words.push(`Its data key is wrapped by a master key that no provider holds${localKey === null ? '; none of the keys here is known to be it' : `: ${localKey.name}, which is on this computer`}.`);
    if (envelope.wrappedBy === 'unknown' && envelope.format !== 'damaged') words.push('Its wrapped key stands in an object of its own beside it (.instruction).');
  }
  const bucketKey = hasBucketKey ? ', by way of a Bucket Key' : '';
  switch (protection) {
    case 'none':
      words.push(envelope === null ? 'It is not encrypted, as far as the server says.' : 'The server adds no encryption of its own.');
      break;
    case 'SSE-S3':
      words.push('S3 encrypts it at rest with a key of its own (SSE-S3); whoever may read the object gets it in the clear.');
      break;
    case 'SSE-KMS':
    case 'DSSE-KMS':
      words.push(`S3 encrypts it at rest ${protection === 'DSSE-KMS' ? 'in two layers ' : ''}under the KMS key ${kmsKey ?? 'of the bucket'}${bucketKey} (${protection}); whoever may read the object and use that key (kms:Decrypt) gets it in the clear.`);
      break;
    case 'SSE-C':
      words.push(`S3 encrypts it at rest under a customer key, which must come with each request (SSE-C)${localKey === null ? '; none of the keys here opens it' : `: ${localKey.name}, which is on this computer`}. Whoever has that key and may read the object gets it in the clear.`);
      break;
    case 'unknown':
      words.push('This sign-in may not look at it.');
      break;
    default:
      protection satisfies never;
  }
  if (isArchived) words.push('It is archived and must be restored before it can be read.');
  if (isLocked) words.push('It is locked against deletion (retention or legal hold).');
  return words;
}

type Command = Explanation['commands'][number];

function awsCommand({ bucket, objectKey, versionId, endpoint, region }: ObjectName, facts: Facts): Command {
  const words = ['aws', ...(endpoint === null ? [] : ['--endpoint-url', endpoint]), '--region', region, 's3api', 'get-object', '--bucket', bucket, '--key', objectKey, ...(versionId === null ? [] : ['--version-id', versionId])];
  const customer = facts.protection === 'SSE-C' ? ' --sse-customer-algorithm AES256 --sse-customer-key "$(base64 -w0 < customer.key)" --sse-customer-key-md5 "$(openssl md5 -binary < customer.key | base64)"' : '';
  return {
    tool: 'AWS command line', lines: [`${words.map(shellWord).join(' ')}${customer} content.bin`],
    note: facts.envelope !== null ? 'It gets the bytes as they are stored: still encrypted.' : facts.protection === 'SSE-C' ? 'customer.key holds the 32 bytes of the key.' : null,
  };
}

function sdkCommands({ bucket, objectKey, versionId, endpoint, region }: ObjectName, facts: Facts): Command[] {
  const isCustomer = facts.protection === 'SSE-C';
  const note = facts.envelope !== null ? 'It gets the bytes as they are stored: still encrypted.' : null;
  const jsOptions = `{ region: ${js(region)}${endpoint === null ? '' : `, endpoint: ${js(endpoint)}, forcePathStyle: true`} }`;
  const python = (text: string): string => js(text).replace(/[\u007f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return [
    { tool: 'AWS SDK for JavaScript', note, lines: [
      "import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';",
      ...(isCustomer ? ["import { createHash } from 'node:crypto';", "import { readFileSync } from 'node:fs';", "const key = readFileSync('customer.key');"] : []),
      `const { Body } = await new S3Client(${jsOptions}).send(new GetObjectCommand({ Bucket: ${js(bucket)}, Key: ${js(objectKey)}${versionId === null ? '' : `, VersionId: ${js(versionId)}`}${isCustomer ? ", SSECustomerAlgorithm: 'AES256', SSECustomerKey: key.toString('base64'), SSECustomerKeyMD5: createHash('md5').update(key).digest('base64')" : ''} }));`,
    ] },
    { tool: 'AWS SDK for Python', note, lines: [
      'import boto3',
      `body = boto3.client('s3', region_name=${python(region)}${endpoint === null ? '' : `, endpoint_url=${python(endpoint)}`}).get_object(Bucket=${python(bucket)}, Key=${python(objectKey)}${versionId === null ? '' : `, VersionId=${python(versionId)}`}${isCustomer ? ", SSECustomerAlgorithm='AES256', SSECustomerKey=open('customer.key', 'rb').read()" : ''})['Body'].read()`,
    ] },
  ];
}

/** Amazon's own clients that open what was encrypted before it was sent. */
function clientCommands({ bucket, objectKey, endpoint, region }: ObjectName, { envelope }: Facts, localKey: LocalKey | null): Command[] {
  if (envelope === null || envelope.format === 'damaged') return [];
  const isKms = envelope.wrappedBy === 'kms';
  const isRsa = localKey?.type === 'rsa';
  const legacy = envelope.format === 'v1';
  const javaKey = isKms ? '.kmsKeyId("the KMS key\'s ARN")' : isRsa ? '.rsaKeyPair(keyPair)' : '.aesKey(new SecretKeySpec(Files.readAllBytes(Path.of("master.key")), "AES"))';
  const rubyKey = isKms ? 'kms_key_id: :kms_allow_decrypt_with_any_cmk, key_wrap_schema: :kms_context' : isRsa ? 'encryption_key: OpenSSL::PKey::RSA.new(File.read("master.pem")), key_wrap_schema: :rsa_oaep_sha1' : 'encryption_key: File.binread("master.key"), key_wrap_schema: :aes_gcm';
  const javaPolicy = envelope.format === 'v3' ? '' : '.commitmentPolicy(CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT)';
  const rubyClient = envelope.format === 'v3' ? `client = Aws::S3::EncryptionV3::Client.new(${rubyKey}` : `client = Aws::S3::EncryptionV2::Client.new(${rubyKey}, content_encryption_schema: :aes_gcm_no_padding, security_profile: ${legacy ? ':v2_and_legacy' : ':v2'}`;
  const where = `region: ${js(region)}${endpoint === null ? '' : `, endpoint: ${js(endpoint)}, force_path_style: true`}`;
  return [
    { tool: 'Amazon S3 Encryption Client for Java', note: 'Version 4 or newer.', lines: [
      `S3EncryptionClient client = S3EncryptionClient.builderV4()${javaKey}${javaPolicy}${legacy ? '.enableLegacyUnauthenticatedModes(true).enableLegacyWrappingAlgorithms(true)' : ''}.build();`,
      `byte[] content = client.getObjectAsBytes(b -> b.bucket(${js(bucket)}).key(${js(objectKey)})).asByteArray();`,
    ] },
    { tool: 'AWS SDK for Ruby', note: isKms ? null : isRsa ? 'master.pem holds the private key.' : 'master.key holds the 32 bytes of the key.', lines: ["require 'aws-sdk-s3'", `${rubyClient}, ${where})`, `content = client.get_object(bucket: ${ruby(bucket)}, key: ${ruby(objectKey)}).body.read`] },
  ];
}

function enfoldCommand({ bucket, objectKey, versionId }: ObjectName, { protection, envelope }: Facts, localKey: LocalKey | null, connection: string): Command {
  const key = localKey === null ? ((envelope !== null && envelope.wrappedBy !== 'kms') || protection === 'SSE-C' ? ['--key', 'NAME'] : []) : ['--key', localKey.name];
  const kms = envelope?.wrappedBy === 'kms' ? ['--mode', 'cse-kms', '--kms-key-id', 'ID'] : [];
  return {
    tool: 'Enfold', lines: [['enfold', 'get', `s3://${bucket}/${objectKey}`, '--connection', connection, ...kms, ...key, ...(envelope?.format === 'v1' ? ['--legacy'] : []), '--out', 'content.bin'].map(shellWord).join(' ')],
    note: versionId === null ? null : 'It gets the current version.',
  };
}

export function explainObject(name: ObjectName, facts: Facts, localKey: LocalKey | null, connection: string): Explanation {
  const keyName = keyOfRow(facts);
  const commands = facts.protection === 'unknown' ? [] : [enfoldCommand(name, facts, localKey, connection), ...clientCommands(name, facts, localKey), awsCommand(name, facts), ...sdkCommands(name, facts)];
  return { words: wordsOf(facts, localKey), protection: facts.protection, keyName: keyName === '' ? null : keyName, envelope: facts.envelope, localKey: localKey?.name ?? null, commands };
}
