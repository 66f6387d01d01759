/**
 * Where requests for a bucket go and as whom they are signed, as the AWS SDK resolves it. A fixed endpoint with a fixed
 * access key needs no resolving and so does not load the SDK.
 */
import type { AgentOptions } from 'node:https';
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import type { S3Access } from '../model/settings.ts';
import type { Credentials } from '../sigv4/sign.ts';
import { pinnedTls } from './pinned-tls.ts';
import { errorOfSdk } from './s3-errors.ts';

export type Endpoint = {
  /** `https://host:port`, without a trailing slash. */
  readonly origin: string;
  /** Decoded; `''` or `/bucket`. */
  readonly basePath: string;
  readonly region: string;
  readonly credentials: Credentials | (() => Promise<Credentials>);
  /** The one certificate, PEM, that the server may have. */
  readonly certificate?: string | null | undefined;
  /** 12 digits: whose bucket it must be. */
  readonly bucketOwner?: string | null | undefined;
  /** From now on `credentials` reads anew where sign-ins are kept. Missing where there is nothing to read. */
  readonly renew?: (() => void) | undefined;
};

/** Our own retries know which writes are ambiguous; the SDK's would repeat them. */
const MAX_ATTEMPTS = 1;

/** How an SDK client connects. */
export function requestHandlerOf({ certificate }: Pick<S3Access, 'certificate'>, requestTimeout: number): { connectionTimeout: number; requestTimeout: number; httpsAgent?: AgentOptions } {
  const pinned = pinnedTls(certificate);
  return { connectionTimeout: 10_000, requestTimeout, ...(pinned !== null && { httpsAgent: { keepAlive: true, maxSockets: 50, ...pinned } }) };
}

/** A client of the AWS SDK for everything that is not the lean path. */
export async function createSdkClient(access: S3Access): Promise<S3Client> {
  const sdk = await import('@aws-sdk/client-s3');
  const config: S3ClientConfig = {
    forcePathStyle: access.pathStyle,
    maxAttempts: MAX_ATTEMPTS,
    // Checksums nobody asked for arrive in trailers, which several servers refuse.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: requestHandlerOf(access, 120_000),
  };
  if (access.region !== '') config.region = access.region;
  if (access.endpoint !== null) config.endpoint = access.endpoint;
  switch (access.credentials.type) {
    case 'static': {
      const { accessKeyId, secretAccessKey, sessionToken } = access.credentials;
      config.credentials = sessionToken === undefined ? { accessKeyId, secretAccessKey } : { accessKeyId, secretAccessKey, sessionToken };
      break;
    }
    case 'profile':
      config.profile = access.credentials.profile;
      break;
    case 'environment':
      break;
  }
  const client = new sdk.S3Client(config);
  const { bucketOwner } = access;
  if (bucketOwner !== undefined && bucketOwner !== null) {
    // What makes a bucket, or names none, cannot expect an owner of it.
    client.middlewareStack.add((next, { commandName }) => async (args) => {
      const hasBucket = 'Bucket' in args.input && commandName !== 'CreateBucketCommand';
      return next(hasBucket ? { ...args, input: { ...args.input, ExpectedBucketOwner: bucketOwner, ...('CopySource' in args.input ? { ExpectedSourceBucketOwner: bucketOwner } : {}) } } : args);
    }, { step: 'initialize', name: 'enfoldBucketOwner' });
  }
  return client;
}

/** The sign-in as it is kept now: the SDK's own provider remembers files as it first read them. */
export async function freshCredentials({ credentials }: S3Access): Promise<() => Promise<Credentials>> {
  const { fromNodeProviderChain } = await import('@aws-sdk/credential-providers');
  return fromNodeProviderChain({ ignoreCache: true, ...(credentials.type === 'profile' ? { profile: credentials.profile } : {}) });
}

/** @throws SyncError sign-in-missing, offline */
export async function resolveEndpoint(access: S3Access, bucket: string, sdkClient: () => Promise<S3Client>): Promise<Endpoint> {
  const { endpoint, credentials } = access;
  if (endpoint !== null && credentials.type === 'static' && access.region !== '') {
    const url = new URL(endpoint);
    const path = url.pathname.replace(/\/+$/, '');
    return access.pathStyle
      ? { origin: url.origin, basePath: `${decodeURIComponent(path)}/${bucket}`, region: access.region, credentials, certificate: access.certificate, bucketOwner: access.bucketOwner }
      : { origin: `${url.protocol}//${bucket}.${url.host}`, basePath: decodeURIComponent(path), region: access.region, credentials, certificate: access.certificate, bucketOwner: access.bucketOwner };
  }
  try {
    const client = await sdkClient();
    const { HeadBucketCommand } = await import('@aws-sdk/client-s3');
    // The SDK's own rules for hosts (regions, partitions, dotted names, profiles) say where a request for the bucket goes;
    // it is caught before it is signed or sent.
    let seen: { protocol: string; hostname: string; port?: number; path: string } | null = null;
    const command = new HeadBucketCommand({ Bucket: bucket });
    command.middlewareStack.add(
      () => async (args) => {
        seen = args.request as typeof seen;
        return { response: {}, output: { $metadata: {} } };
      },
      { step: 'build', name: 'enfoldSeeEndpoint', priority: 'high' },
    );
    await client.send(command);
    if (seen === null) throw new TypeError('the SDK did not build a request');
    const { protocol, hostname, port, path } = seen as { protocol: string; hostname: string; port?: number; path: string };
    let provider: () => Promise<Credentials> = client.config.credentials;
    return {
      origin: `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`,
      basePath: decodeURIComponent(path.replace(/\/+$/, '')),
      region: await client.config.region(),
      credentials: async () => provider(),
      certificate: access.certificate,
      bucketOwner: access.bucketOwner,
      renew: access.credentials.type === 'static' ? undefined : () => {
        const fresh = freshCredentials(access);
        provider = async () => (await fresh)();
      },
    };
  } catch (error) {
    throw errorOfSdk(error);
  }
}
