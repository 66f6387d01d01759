/**
 * The AWS services beside S3 that Enfold calls, KMS and Secrets Manager, through the AWS SDK: where they are, as whom they are asked,
 * and what their refusals mean. Each SDK client is loaded when it is first needed.
 */
import type * as KmsSdk from '@aws-sdk/client-kms';
import type { KmsClient } from '../envelope/kms-keyring.ts';
import { SyncError, isSyncError } from '../model/errors.ts';
import type { ErrorCode } from '../model/errors.ts';
import type { S3Access } from '../model/settings.ts';
import { freshCredentials, requestHandlerOf } from './endpoint.ts';
import { errorOfSdk } from './s3-errors.ts';
import { withRetries } from './retry.ts';

export type OpenKms = KmsClient & { close(): void };

type ServiceConfig = {
  maxAttempts: number;
  requestHandler: ReturnType<typeof requestHandlerOf>;
  region?: string;
  endpoint?: string;
  profile?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
};

/**
 * AWS's own endpoint for AWS connections. A server of one's own is asked at the S3 endpoint, as built-in storage answers there, unless
 * `AWS_ENDPOINT_URL_<SERVICE>` names another place.
 *
 * @param resource - a key or secret; an ARN names its region.
 */
function configOf(access: S3Access, service: 'KMS' | 'SECRETS_MANAGER', resource: string): ServiceConfig {
  const elsewhere = process.env[`AWS_ENDPOINT_URL_${service}`];
  const config: ServiceConfig = { maxAttempts: 1, requestHandler: requestHandlerOf({ certificate: elsewhere === undefined ? access.certificate : null }, 30_000) };
  const [, , , arnRegion] = resource.startsWith('arn:') ? resource.split(':') : [];
  const region = arnRegion === undefined || arnRegion === '' ? access.region : arnRegion;
  if (region !== '') config.region = region;
  const endpoint = elsewhere ?? access.endpoint;
  if (endpoint !== null && endpoint !== '') config.endpoint = endpoint;
  const { credentials } = access;
  if (credentials.type === 'static') {
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    config.credentials = { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  } else if (credentials.type === 'profile') config.profile = credentials.profile;
  return config;
}

const byName: Readonly<Record<string, ErrorCode>> = {
  InvalidCiphertextException: 'key-unwrap-failed',
  IncorrectKeyException: 'key-unwrap-failed',
  NotFoundException: 'kms-key-not-found',
  DisabledException: 'kms-key-unusable',
  KMSInvalidStateException: 'kms-key-unusable',
  InvalidKeyUsageException: 'kms-key-unusable',
  ResourceNotFoundException: 'key-not-found',
  KeyUnavailableException: 'server-error',
  DependencyTimeoutException: 'server-error',
  KMSInternalException: 'server-error',
  InternalServiceError: 'server-error',
  ThrottlingException: 'throttled',
  LimitExceededException: 'throttled',
  AccessDeniedException: 'access-denied',
  InvalidSignatureException: 'sign-in-wrong',
  UnrecognizedClientException: 'sign-in-wrong',
  InvalidClientTokenId: 'sign-in-wrong',
  ExpiredTokenException: 'sign-in-expired',
  CredentialsProviderError: 'sign-in-missing',
};

const says: Readonly<Record<string, string>> = {
  DisabledException: 'It is disabled.',
  KMSInvalidStateException: 'It is not in a state to be used, for instance because it is to be deleted.',
  InvalidKeyUsageException: 'It is not one for encrypting.',
  ResourceNotFoundException: 'Secrets Manager has no such secret for this sign-in and region.',
};

function translated(error: unknown, service: string, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true || !(error instanceof Error)) return errorOfSdk(error, signal);
  const { name } = error;
  const code = Object.hasOwn(byName, name) ? byName[name] : undefined;
  if (code !== undefined) return new SyncError(code, { server: `${service}: ${name}`, detail: says[name] }, { cause: error });
  const other = errorOfSdk(error, signal);
  // A 404 of such a service means that it is not there at all, no object.
  return other instanceof SyncError && other.code === 'object-not-found' ? new SyncError('not-s3', { server: `${service}: ${name}`, detail: `No ${service} answers there.` }, { cause: error }) : other;
}

async function destroyed(opening: Promise<KmsSdk.KMSClient>): Promise<void> {
  try {
    (await opening).destroy();
  } catch {
    // It never connected.
  }
}

/** KMS as the connection reaches it. Nothing is loaded or connected before the first call. */
export function openKms(access: S3Access, keyId: string): OpenKms {
  let client: Promise<KmsSdk.KMSClient> | null = null;
  const connect = async (isRenewed = false): Promise<KmsSdk.KMSClient> => {
    const { KMSClient: Client } = await import('@aws-sdk/client-kms');
    const config = configOf(access, 'KMS', keyId);
    return new Client(isRenewed ? { ...config, credentials: await freshCredentials(access) } : config);
  };
  /** The user may have signed in again since: what is written where sign-ins are kept counts from now on. */
  const renew = (error: unknown): boolean => {
    if (access.credentials.type === 'static' || !(isSyncError(error, 'sign-in-expired') || isSyncError(error, 'sign-in-wrong'))) return false;
    const old = client;
    client = connect(true);
    if (old !== null) void destroyed(old);
    return true;
  };
  const call = async <T>(run: (kms: KmsSdk.KMSClient, sdk: typeof KmsSdk) => Promise<T>): Promise<T> => {
    const sdk = await import('@aws-sdk/client-kms');
    const signal = new AbortController().signal;
    const ask = async (): Promise<T> => withRetries(async () => {
      try {
        return await run(await (client ??= connect()), sdk);
      } catch (error) {
        throw translated(error, 'KMS', undefined);
      }
    }, signal);
    try {
      return await ask();
    } catch (error) {
      if (!renew(error)) throw error;
      return ask();
    }
  };
  const taken = (bytes: Uint8Array | undefined): Buffer => {
    if (bytes === undefined || bytes.length === 0) throw new SyncError('answer-invalid', { detail: 'KMS answered nothing.' });
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
  return {
    generateDataKey: async (request) => call(async (kms, { GenerateDataKeyCommand }) => {
      const { Plaintext, CiphertextBlob } = await kms.send(new GenerateDataKeyCommand({ KeyId: request.keyId, KeySpec: 'AES_256', EncryptionContext: { ...request.encryptionContext } }));
      return { plaintext: taken(Plaintext), ciphertext: taken(CiphertextBlob) };
    }),
    decrypt: async (request) => call(async (kms, { DecryptCommand }) => {
      const { Plaintext } = await kms.send(new DecryptCommand({ ...(request.keyId === null ? {} : { KeyId: request.keyId }), CiphertextBlob: request.ciphertext, EncryptionContext: { ...request.encryptionContext } }));
      return taken(Plaintext);
    }),
    encrypt: async (request) => call(async (kms, { EncryptCommand }) => {
      const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: request.keyId, Plaintext: request.plaintext, EncryptionContext: { ...request.encryptionContext } }));
      return taken(CiphertextBlob);
    }),
    reEncrypt: async (request) => call(async (kms, { ReEncryptCommand }) => {
      const { CiphertextBlob } = await kms.send(new ReEncryptCommand({
        CiphertextBlob: request.ciphertext, SourceEncryptionContext: { ...request.sourceContext }, DestinationKeyId: request.keyId, DestinationEncryptionContext: { ...request.encryptionContext },
      }));
      return taken(CiphertextBlob);
    }),
    close: () => {
      void client?.then((kms) => kms.destroy(), () => undefined);
      client = null;
    },
  };
}

export type KmsKeyState = { readonly arn: string; readonly region: string; readonly isEnabled: boolean; /** `Enabled`, `Disabled`, `PendingDeletion`, ... */ readonly state: string; readonly isAwsManaged: boolean };

/** What a key id, ARN or alias stands for. @throws SyncError key-not-found, access-denied, not-s3 (no KMS there), sign-in-..., offline */
export async function describeKmsKey(access: S3Access, keyId: string, signal: AbortSignal): Promise<KmsKeyState> {
  const { DescribeKeyCommand, KMSClient } = await import('@aws-sdk/client-kms');
  const client = new KMSClient(configOf(access, 'KMS', keyId));
  try {
    return await withRetries(async () => {
      try {
        const { KeyMetadata: key } = await client.send(new DescribeKeyCommand({ KeyId: keyId }), { abortSignal: signal });
        if (key?.Arn === undefined) throw new SyncError('answer-invalid', { detail: 'KMS does not say which key that is.' });
        return { arn: key.Arn, region: key.Arn.split(':')[3] ?? '', isEnabled: key.Enabled === true, state: key.KeyState ?? 'unknown', isAwsManaged: key.KeyManager === 'AWS' };
      } catch (error) {
        throw translated(error, 'KMS', signal);
      }
    }, signal, { attempts: 3 });
  } finally {
    client.destroy();
  }
}

/** The value of a secret, binary or text. The caller zeroes it. @throws SyncError key-not-found, access-denied, sign-in-…, offline */
export async function loadSecret(access: S3Access, secretId: string, signal: AbortSignal): Promise<Buffer> {
  const { GetSecretValueCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
  const client = new SecretsManagerClient(configOf(access, 'SECRETS_MANAGER', secretId));
  try {
    return await withRetries(async () => {
      try {
        const { SecretBinary, SecretString } = await client.send(new GetSecretValueCommand({ SecretId: secretId }), { abortSignal: signal });
        if (SecretBinary !== undefined) return Buffer.from(SecretBinary);
        if (SecretString !== undefined) return Buffer.from(SecretString, 'utf8');
        throw new SyncError('key-invalid', { detail: 'The secret is empty.' });
      } catch (error) {
        throw translated(error, 'Secrets Manager', signal);
      }
    }, signal);
  } finally {
    client.destroy();
  }
}

export type KmsKey = { arn: string; aliases: string[] };

async function withKms<T>(access: S3Access, signal: AbortSignal, run: (kms: KmsSdk.KMSClient, sdk: typeof KmsSdk) => Promise<T>): Promise<T> {
  const sdk = await import('@aws-sdk/client-kms');
  const kms = new sdk.KMSClient(configOf(access, 'KMS', ''));
  try {
    return await run(kms, sdk);
  } catch (error) {
    throw translated(error, 'KMS', signal);
  } finally {
    kms.destroy();
  }
}

/** Enough to choose from; who has more keys types the one that is meant. */
const MAX_KMS_KEYS = 1000;

/** The KMS keys that the sign-in may see, without those that AWS manages. @throws SyncError access-denied, offline, not-s3, … */
export async function listKmsKeys(access: S3Access, signal: AbortSignal): Promise<KmsKey[]> {
  return withKms(access, signal, async (kms, { paginateListAliases, paginateListKeys }) => {
    const keys = new Map<string, KmsKey>();
    for await (const { Keys } of paginateListKeys({ client: kms }, {}, { abortSignal: signal })) {
      for (const { KeyId, KeyArn } of Keys ?? []) if (KeyId !== undefined && KeyArn !== undefined) keys.set(KeyId, { arn: KeyArn, aliases: [] });
      if (keys.size >= MAX_KMS_KEYS) break;
    }
    for await (const { Aliases } of paginateListAliases({ client: kms }, {}, { abortSignal: signal })) {
      for (const { AliasName, TargetKeyId } of Aliases ?? []) if (AliasName !== undefined && TargetKeyId !== undefined) keys.get(TargetKeyId)?.aliases.push(AliasName);
    }
    return [...keys.values()].filter(({ aliases }) => !aliases.some((alias) => alias.startsWith('alias/aws/')));
  });
}

/** Makes a key for encrypting, and names it. @param alias - with `alias/`. @throws SyncError access-denied, name-taken, … */
export async function createKmsKey(access: S3Access, alias: string, signal: AbortSignal): Promise<KmsKey> {
  // Asked first: a key without its name would be left behind, and costs money.
  const taken = (await listKmsKeys(access, signal)).some(({ aliases }) => aliases.includes(alias));
  if (taken) throw new SyncError('name-taken', { detail: alias });
  return withKms(access, signal, async (kms, { CreateAliasCommand, CreateKeyCommand }) => {
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Description: 'Made by Enfold' }), { abortSignal: signal });
    if (KeyMetadata?.KeyId === undefined || KeyMetadata.Arn === undefined) throw new SyncError('answer-invalid', { detail: 'KMS answered no key.' });
    await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: KeyMetadata.KeyId }), { abortSignal: signal });
    return { arn: KeyMetadata.Arn, aliases: [alias] };
  });
}
