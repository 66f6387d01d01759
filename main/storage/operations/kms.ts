/** The KMS calls, over the storage's own keys. Names and limits are AWS KMS's. */
import { randomBytes } from 'node:crypto';
import { S3Error, ServiceError } from '../errors.ts';
import type { Call, ServiceOperation } from '../json-services.ts';
import { DEFAULT_KEY_POLICY, type EncryptionContext, type KmsKey, type KmsUse } from '../kms-keys.ts';
import { ACCOUNT, parsePolicy } from '../policy.ts';

const MAX_PLAINTEXT_BYTES = 4096;
const MAX_CIPHERTEXT_BYTES = 6144;
const DAY_MS = 24 * 3600 * 1000;

const seconds = (timeMs: number): number => timeMs / 1000;
const invalid = (message: string): ServiceError => new ServiceError('ValidationException', message);
const ciphertext = (blob: Buffer): string => blob.toString('base64');

function describe(key: KmsKey): Record<string, unknown> {
  return {
    AWSAccountId: ACCOUNT, KeyId: key.id, Arn: key.arn, CreationDate: seconds(key.createdMs), Enabled: key.isEnabled && key.deletionMs === null, Description: key.description, KeyUsage: 'ENCRYPT_DECRYPT',
    KeyState: key.deletionMs !== null ? 'PendingDeletion' : key.isEnabled ? 'Enabled' : 'Disabled', ...(key.deletionMs !== null && { DeletionDate: seconds(key.deletionMs) }),
    Origin: 'AWS_KMS', KeyManager: key.manager, CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT', KeySpec: 'SYMMETRIC_DEFAULT', EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'], MultiRegion: false,
  };
}

/** The key that is named, as the caller may use it for this. */
function keyFor(call: Call, action: string, name: string, use: KmsUse = {}): KmsKey {
  const key = call.kms.find(name);
  call.note(key.arn);
  call.kms.authorize(call.principal, `kms:${action}`, key, { name, from: call.from, ...use });
  return key;
}

function usable(call: Call, action: string, name: string, use: KmsUse): KmsKey {
  const key = keyFor(call, action, name, use);
  call.kms.requireUsable(key);
  return key;
}

function requireAccount(call: Call, action: string): void {
  if (!call.principal.hasFullAccess) throw new ServiceError('AccessDeniedException', `User: ${call.principal.arn} is not authorized to perform: kms:${action}`);
}

function checkAlgorithm(call: Call, name: string): void {
  const algorithm = call.input.optional(name);
  if (algorithm !== undefined && algorithm !== 'SYMMETRIC_DEFAULT') throw invalid(`${algorithm} is not supported by this key.`);
}

function checkPolicy(text: string): string {
  try {
    parsePolicy(text, { service: 'kms' });
  } catch (error) {
    if (error instanceof S3Error) throw new ServiceError('MalformedPolicyDocumentException', error.message);
    throw error;
  }
  return text;
}

/** Changes a key that its owner manages; what AWS manages is not changed. */
const change = (action: string, apply: (key: KmsKey, call: Call) => KmsKey, answer: (key: KmsKey) => Record<string, unknown> = () => ({}), useOf: (call: Call) => KmsUse = () => ({})): ServiceOperation => async (call) => {
  const name = call.input.text('KeyId');
  if (name.includes('alias/')) throw new ServiceError('InvalidArnException', `Invalid keyId ${name}`);
  return answer(await call.catalogue.commit(() => {
    const key = keyFor(call, action, name, useOf(call));
    if (key.manager === 'AWS') throw new ServiceError('AccessDeniedException', `${key.arn} is managed by AWS.`);
    const changed = apply(key, call);
    call.kms.put(changed);
    return changed;
  }));
};

function requireNotPending(key: KmsKey): void {
  if (key.deletionMs !== null) throw new ServiceError('KMSInvalidStateException', `${key.arn} is pending deletion.`);
}

const createKey: ServiceOperation = async (call) => {
  requireAccount(call, 'CreateKey');
  const { input, kms, catalogue } = call;
  const spec = input.optional('KeySpec') ?? input.optional('CustomerMasterKeySpec') ?? 'SYMMETRIC_DEFAULT';
  if (spec !== 'SYMMETRIC_DEFAULT' || (input.optional('KeyUsage') ?? 'ENCRYPT_DECRYPT') !== 'ENCRYPT_DECRYPT' || (input.optional('Origin') ?? 'AWS_KMS') !== 'AWS_KMS' || input.flag('MultiRegion')) {
    throw new ServiceError('UnsupportedOperationException', 'Only symmetric encryption keys made here are supported.');
  }
  const policy = input.optional('Policy');
  const key = kms.make(call.region, { description: input.optional('Description') ?? '', policy: policy === undefined ? null : checkPolicy(policy) });
  call.note(key.arn);
  await catalogue.commit(() => kms.put(key));
  return { KeyMetadata: describe(key) };
};

const createAlias: ServiceOperation = async (call) => {
  requireAccount(call, 'CreateAlias');
  const name = call.input.text('AliasName');
  if (!/^alias\/[\w/-]{1,250}$/.test(name)) throw new ServiceError('InvalidAliasNameException', 'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html');
  if (name.startsWith('alias/aws/')) throw new ServiceError('NotAuthorizedException', 'Aliases that begin with alias/aws/ are reserved.');
  const target = call.input.text('TargetKeyId');
  await call.catalogue.commit(() => {
    const key = keyFor(call, 'CreateAlias', target);
    requireNotPending(key);
    if (call.kms.aliases().some((alias) => alias.name === name)) throw new ServiceError('AlreadyExistsException', `An alias with the name arn:aws:kms:${call.region}:${ACCOUNT}:${name} already exists`);
    call.kms.putAlias(name, key.id);
  });
  return {};
};

const listAliases: ServiceOperation = (call) => {
  requireAccount(call, 'ListAliases');
  const only = call.input.optional('KeyId');
  const id = only === undefined ? null : call.kms.find(only).id;
  const keys = new Map(call.kms.all().map((key) => [key.id, key]));
  const aliases = call.kms.aliases().filter((alias) => (id === null || alias.keyId === id) && keys.has(alias.keyId));
  return { Aliases: aliases.map(({ name, keyId }) => ({ AliasName: name, AliasArn: `${keys.get(keyId)?.arn.replace(/key\/.*$/, '') ?? ''}${name}`, TargetKeyId: keyId })), Truncated: false };
};

function sizeOf({ input }: Call): number {
  const bytes = input.integer('NumberOfBytes', 1, 1024);
  const spec = input.optional('KeySpec');
  if ((bytes === undefined) === (spec === undefined)) throw invalid('Please specify either number of bytes or key spec.');
  if (spec !== undefined && spec !== 'AES_256' && spec !== 'AES_128') throw invalid(`1 validation error detected: Value '${spec}' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [AES_256, AES_128]`);
  return bytes ?? (spec === 'AES_128' ? 16 : 32);
}

const generateDataKey = (isPlain: boolean): ServiceOperation => (call) => {
  const context = call.input.map('EncryptionContext');
  const key = usable(call, isPlain ? 'GenerateDataKey' : 'GenerateDataKeyWithoutPlaintext', call.input.text('KeyId'), { context });
  const dataKey = randomBytes(sizeOf(call));
  const blob = ciphertext(call.kms.encrypt(key, dataKey, context));
  const plaintext = isPlain ? { Plaintext: dataKey.toString('base64') } : {};
  dataKey.fill(0);
  return { KeyId: key.arn, CiphertextBlob: blob, ...plaintext };
};

const encrypt: ServiceOperation = (call) => {
  checkAlgorithm(call, 'EncryptionAlgorithm');
  const plaintext = call.input.bytes('Plaintext', MAX_PLAINTEXT_BYTES);
  const context = call.input.map('EncryptionContext');
  const key = usable(call, 'Encrypt', call.input.text('KeyId'), { context });
  return { KeyId: key.arn, CiphertextBlob: ciphertext(call.kms.encrypt(key, plaintext, context)), EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
};

/** Opens what the call brings, under the key the ciphertext names, which must be the one the caller expects. */
function open(call: Call, action: string, expected: string | undefined, use: KmsUse & { readonly context: EncryptionContext }): { readonly key: KmsKey; readonly plaintext: Buffer } {
  const blob = call.input.bytes('CiphertextBlob', MAX_CIPHERTEXT_BYTES);
  const named = expected === undefined ? null : call.kms.find(expected);
  const { arn, id } = call.kms.keyOfCiphertext(blob);
  if (named !== null && named.id !== id) throw new ServiceError('IncorrectKeyException', 'The key ID in the request does not identify a CMK that can perform this operation.');
  const key = usable(call, action, arn, expected === undefined ? use : { name: expected, ...use });
  return { key, plaintext: call.kms.decrypt(key, blob, use.context) };
}

const decrypt: ServiceOperation = (call) => {
  checkAlgorithm(call, 'EncryptionAlgorithm');
  const { key, plaintext } = open(call, 'Decrypt', call.input.optional('KeyId'), { context: call.input.map('EncryptionContext') });
  return { KeyId: key.arn, Plaintext: plaintext.toString('base64'), EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
};

const reEncrypt: ServiceOperation = (call) => {
  checkAlgorithm(call, 'SourceEncryptionAlgorithm');
  checkAlgorithm(call, 'DestinationEncryptionAlgorithm');
  const destination = call.input.text('DestinationKeyId');
  const context = call.input.map('DestinationEncryptionContext');
  const isSameKey = call.kms.keyOfCiphertext(call.input.bytes('CiphertextBlob', MAX_CIPHERTEXT_BYTES)).id === call.kms.find(destination).id;
  const source = open(call, 'ReEncryptFrom', call.input.optional('SourceKeyId'), { context: call.input.map('SourceEncryptionContext'), isSameKey });
  const target = usable(call, 'ReEncryptTo', destination, { context, isSameKey });
  const blob = call.kms.encrypt(target, source.plaintext, context);
  source.plaintext.fill(0);
  return { CiphertextBlob: ciphertext(blob), SourceKeyId: source.key.arn, KeyId: target.arn, SourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT', DestinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
};

function requireDefaultPolicy(call: Call): void {
  if ((call.input.optional('PolicyName') ?? 'default') !== 'default') throw new ServiceError('NotFoundException', 'No such policy exists');
}

const pendingDays = ({ input }: Call): number => input.integer('PendingWindowInDays', 7, 30) ?? 30;

export const kmsOperations: ReadonlyMap<string, ServiceOperation> = new Map<string, ServiceOperation>([
  ['CreateKey', createKey],
  ['DescribeKey', async (call) => {
    const name = call.input.text('KeyId');
    // Like AWS, asking for the managed key makes it.
    if (name.replace(/^.*:(?=alias\/)/, '') === 'alias/aws/s3') await call.kms.managedKey(call.region);
    return { KeyMetadata: describe(keyFor(call, 'DescribeKey', name)) };
  }],
  ['ListKeys', (call) => {
    requireAccount(call, 'ListKeys');
    return { Keys: call.kms.all().map(({ id, arn }) => ({ KeyId: id, KeyArn: arn })), Truncated: false };
  }],
  ['CreateAlias', createAlias],
  ['ListAliases', listAliases],
  ['DeleteAlias', async (call) => {
    requireAccount(call, 'DeleteAlias');
    const name = call.input.text('AliasName');
    if (name.startsWith('alias/aws/')) throw new ServiceError('NotAuthorizedException', 'Aliases that begin with alias/aws/ are reserved.');
    await call.catalogue.commit(() => {
      keyFor(call, 'DeleteAlias', name);
      call.kms.removeAlias(name);
    });
    return {};
  }],
  ['GenerateDataKey', generateDataKey(true)],
  ['GenerateDataKeyWithoutPlaintext', generateDataKey(false)],
  ['Encrypt', encrypt],
  ['Decrypt', decrypt],
  ['ReEncrypt', reEncrypt],
  ['EnableKey', change('EnableKey', (key) => {
    requireNotPending(key);
    return { ...key, isEnabled: true };
  })],
  ['DisableKey', change('DisableKey', (key) => {
    requireNotPending(key);
    return { ...key, isEnabled: false };
  })],
  ['ScheduleKeyDeletion', change('ScheduleKeyDeletion', (key, call) => {
    requireNotPending(key);
    return { ...key, deletionMs: call.nowMs + pendingDays(call) * DAY_MS };
  }, (key) => ({ KeyId: key.arn, DeletionDate: seconds(key.deletionMs ?? 0), KeyState: 'PendingDeletion' }), (call) => ({ pendingDays: pendingDays(call) }))],
  // A key whose deletion is cancelled stays disabled until it is enabled, as in AWS.
  ['CancelKeyDeletion', change('CancelKeyDeletion', (key) => {
    if (key.deletionMs === null) throw new ServiceError('KMSInvalidStateException', `${key.arn} is not pending deletion.`);
    return { ...key, deletionMs: null, isEnabled: false };
  }, (key) => ({ KeyId: key.arn }))],
  ['GetKeyPolicy', (call) => {
    requireDefaultPolicy(call);
    return { Policy: keyFor(call, 'GetKeyPolicy', call.input.text('KeyId')).policy ?? DEFAULT_KEY_POLICY, PolicyName: 'default' };
  }],
  ['PutKeyPolicy', change('PutKeyPolicy', (key, call) => {
    requireDefaultPolicy(call);
    requireNotPending(key);
    return { ...key, policy: checkPolicy(call.input.text('Policy')) };
  })],
]);
