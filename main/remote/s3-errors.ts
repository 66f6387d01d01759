/**
 * Provider answers -> SyncErrors: the only file that knows their codes. Goes by code and status, never by message: some
 * servers send empty ones.
 */
import { SyncError, isSyncError } from '../model/errors.ts';
import type { ErrorCode } from '../model/errors.ts';

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
};

const byCode: Readonly<Record<string, ErrorCode>> = {
  PreconditionFailed: 'version-changed',
  // Two conditional writes met: neither is known to have won, so the retry's own answer decides.
  ConditionalRequestConflict: 'server-error',
  OperationAborted: 'server-error',
  NoSuchBucket: 'bucket-not-found',
  InvalidBucketName: 'bucket-not-found',
  NoSuchKey: 'object-not-found',
  NoSuchVersion: 'object-not-found',
  NoSuchUpload: 'object-not-found',
  NotFound: 'object-not-found',
  RequestTimeTooSkewed: 'clock-wrong',
  InvalidAccessKeyId: 'sign-in-wrong',
  SignatureDoesNotMatch: 'sign-in-wrong',
  InvalidSecurity: 'sign-in-wrong',
  InvalidToken: 'sign-in-wrong',
  ExpiredToken: 'sign-in-expired',
  ExpiredTokenException: 'sign-in-expired',
  TokenRefreshRequired: 'sign-in-expired',
  CredentialsProviderError: 'sign-in-missing',
  AccessDenied: 'access-denied',
  AllAccessDisabled: 'access-denied',
  AccountProblem: 'access-denied',
  InvalidPayer: 'access-denied',
  AuthorizationHeaderMalformed: 'wrong-region',
  PermanentRedirect: 'wrong-region',
  IllegalLocationConstraintException: 'wrong-region',
  SlowDown: 'throttled',
  ServiceUnavailable: 'throttled',
  TooManyRequests: 'throttled',
  RequestLimitExceeded: 'throttled',
  BandwidthLimitExceeded: 'throttled',
  InternalError: 'server-error',
  RequestTimeout: 'server-error',
  IncompleteBody: 'server-error',
  BadDigest: 'server-error',
  XAmzContentSHA256Mismatch: 'server-error',
  TemporaryRedirect: 'server-error',
  InvalidPart: 'server-error',
  QuotaExceeded: 'quota-exceeded',
  InsufficientStorage: 'quota-exceeded',
  XMinioStorageFull: 'quota-exceeded',
  'KMS.NotFoundException': 'kms-key-not-found',
  'KMS.DisabledException': 'kms-key-unusable',
  'KMS.KMSInvalidStateException': 'kms-key-unusable',
  'KMS.InvalidKeyUsageException': 'kms-key-unusable',
  'KMS.ThrottlingException': 'throttled',
  MetadataTooLarge: 'metadata-too-large',
  KeyTooLongError: 'name-too-long',
  BucketAlreadyExists: 'name-taken',
};

function codeOfStatus(status: number): ErrorCode {
  switch (status) {
    case 301: case 308: return 'wrong-region';
    case 401: return 'sign-in-wrong';
    case 403: return 'access-denied';
    case 404: return 'object-not-found';
    case 412: return 'version-changed';
    case 429: case 503: return 'throttled';
    case 507: return 'quota-exceeded';
    case 408: case 409: return 'server-error';
    default: break;
  }
  if (status >= 500 && status !== 501) return 'server-error';
  return status >= 400 ? 'rejected' : 'answer-invalid';
}

export function headerOf(answer: Answer, name: string): string | undefined {
  const value = answer.headers[name];
  return typeof value === 'string' ? value : value?.[0];
}

/** What the server calls the error, from the XML body; null where there is none. */
export function providerCodeOf(body: Buffer): string | null {
  return /<Code>\s*([A-Za-z0-9_.-]{1,100})\s*<\/Code>/.exec(body.toString('latin1', 0, 8192))?.[1] ?? null;
}

function retryAfterMs(answer: Answer): number | undefined {
  const seconds = Number(headerOf(answer, 'retry-after'));
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 300) * 1000 : undefined;
}

/**
 * The error that an answer other than the expected one stands for.
 *
 * @param isBucketRequest - a 404 without a code then means the bucket.
 */
export function errorOfAnswer(answer: Answer, about: { readonly objectKey?: string | undefined; readonly isBucketRequest?: boolean } = {}): SyncError {
  const provider = providerCodeOf(answer.body);
  let code = (provider === null ? undefined : byCode[provider]) ?? codeOfStatus(answer.status);
  // A web page where an S3 answer should be: a captive portal, a proxy, some other server.
  const isPage = provider === null && answer.body.length > 0 && (headerOf(answer, 'content-type') ?? '').startsWith('text/html');
  if (isPage && answer.status < 500) code = 'not-s3';
  else if (about.isBucketRequest === true && answer.status === 404 && provider === null) code = 'bucket-not-found';
  else if (code === 'wrong-region' && provider === 'AuthorizationHeaderMalformed' && !answer.body.includes('<Region>')) code = 'sign-in-wrong';
  const region = code === 'wrong-region' ? headerOf(answer, 'x-amz-bucket-region') : undefined;
  return new SyncError(
    code,
    { objectKey: about.objectKey, server: `${provider ?? 'no code'} (${answer.status})`, detail: region === undefined ? undefined : `The bucket is in ${region}.` },
    { retryAfterMs: retryAfterMs(answer) },
  );
}

const certificateCodes = new Set(['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'HOSTNAME_MISMATCH']);
const garbledCodes = new Set(['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_INVALID_RETURN_VALUE', 'UND_ERR_RESPONSE']);

/** The error that a request without an answer stands for. An abort passes through as it is. */
export function errorOfFailure(error: unknown, signal?: AbortSignal, objectKey?: string): unknown {
  if (isSyncError(error) || (signal?.aborted ?? false)) return signal?.aborted === true ? signal.reason : error;
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const options = { cause: error };
  if (certificateCodes.has(code) || code.startsWith('CERT_') || code.startsWith('ERR_TLS_') || code.startsWith('ERR_SSL_')) {
    return new SyncError('tls-failed', { objectKey, detail: code }, options);
  }
  if (code === 'EPROTO') return new SyncError('tls-failed', { objectKey, detail: 'The server does not speak TLS there.' }, options);
  if (code.startsWith('HPE_') || garbledCodes.has(code)) return new SyncError('answer-invalid', { objectKey, detail: code }, options);
  if (error instanceof RangeError || (error instanceof TypeError && code === '')) return error;
  return new SyncError('offline', { objectKey, detail: code === '' ? undefined : code }, options);
}

/** As the two above, for what the AWS SDK throws. */
export function errorOfSdk(error: unknown, signal?: AbortSignal, about: { readonly objectKey?: string | undefined; readonly isBucketRequest?: boolean } = {}): unknown {
  if (isSyncError(error) || signal?.aborted === true) return signal?.aborted === true ? signal.reason : error;
  if (!(error instanceof Error)) return error;
  const { name, $metadata: metadata, $response: response } = error as Error & { $metadata?: { httpStatusCode?: number }; $response?: { headers?: Record<string, string> } };
  const status = metadata?.httpStatusCode;
  if (status === undefined) {
    if (name in byCode) return new SyncError(byCode[name] ?? 'rejected', { objectKey: about.objectKey, server: name }, { cause: error });
    // The SDK wraps what the socket said.
    const cause = error.cause instanceof Error && 'code' in error.cause ? error.cause : error;
    return errorOfFailure(cause, signal, about.objectKey);
  }
  const body = Buffer.from(name in byCode ? `<Code>${name}</Code>` : '');
  return errorOfAnswer({ status, headers: response?.headers ?? {}, body }, about);
}
