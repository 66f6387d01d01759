/** Verifies the signature of a request, in its header or its query, and tells how its body is to be verified. */
import { timingSafeEqual, type KeyObject } from 'node:crypto';
import type { Scope } from '../sigv4/signature.ts';
import {
  ALGORITHM, SIGNED_CHUNKS, SIGNED_CHUNKS_WITH_TRAILER, UNSIGNED_CHUNKS_WITH_TRAILER, UNSIGNED_PAYLOAD,
  canonicalQuery, canonicalRequest, deriveSigningKey, encodePath, parseAmzDate, scopeText, signText, stringToSign,
} from '../sigv4/signature.ts';
import { S3Error, notImplemented } from './errors.ts';
import type { S3Request } from './request.ts';

const MAX_SKEW_MS = 15 * 60_000;
const MAX_EXPIRES_SECONDS = 7 * 24 * 3600;

/** What the body of the request must be, by what its signature covers. */
export type Payload =
  | { readonly type: 'unsigned' }
  | { readonly type: 'hashed'; readonly sha256: string }
  | { readonly type: 'unsigned-chunks' }
  | { readonly type: 'signed-chunks'; readonly hasTrailer: boolean; readonly signingKey: KeyObject; readonly scope: Scope; readonly amzDate: string; readonly seedSignature: string };

/** `given`: for services whose body is read before its signature is checked. */
export type Authenticator = (request: S3Request, nowMs: number, given?: { readonly service: string; readonly bodySha256: string }) => { readonly accessKeyId: string; readonly payload: Payload; readonly region: string };

type Claim = {
  readonly accessKeyId: string;
  readonly scope: Scope;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly amzDate: string;
  readonly payloadHash: string;
  readonly queryPairs: readonly (readonly [string, string])[];
};

const malformed = (message: string): S3Error => new S3Error('AuthorizationHeaderMalformed', `The authorization header is malformed; ${message}`);
const badQuery = (message: string): S3Error => new S3Error('AuthorizationQueryParametersError', message);

function parseScope(credential: string, refuse: (message: string) => S3Error): { accessKeyId: string; scope: Scope } {
  const pieces = credential.split('/');
  const [terminator, service, region, day] = pieces.splice(-4).reverse();
  const accessKeyId = pieces.join('/');
  if (accessKeyId === '' || day === undefined || region === undefined || terminator !== 'aws4_request' || !/^\d{8}$/.test(day)) {
    throw refuse('the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".');
  }
  return { accessKeyId, scope: { day, region, service: service ?? '' } };
}

function claimOfHeader(request: S3Request, authorization: string, bodySha256: string | undefined): Claim {
  const space = authorization.indexOf(' ');
  const algorithm = space === -1 ? authorization : authorization.slice(0, space);
  if (algorithm === 'AWS') throw new S3Error('InvalidRequest', 'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.');
  if (algorithm !== ALGORITHM) throw new S3Error('InvalidRequest', 'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.');
  const fields = new Map<string, string>();
  for (const field of authorization.slice(space + 1).split(',')) {
    const equals = field.indexOf('=');
    if (equals !== -1) fields.set(field.slice(0, equals).trim(), field.slice(equals + 1).trim());
  }
  const credential = fields.get('Credential');
  const signedHeaders = fields.get('SignedHeaders');
  const signature = fields.get('Signature');
  if (credential === undefined) throw malformed('missing Credential.');
  if (signedHeaders === undefined) throw malformed('missing SignedHeaders.');
  if (signature === undefined) throw malformed('missing Signature.');
  const payloadHash = bodySha256 ?? request.header('x-amz-content-sha256');
  if (payloadHash === undefined) throw new S3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
  const amzDate = request.header('x-amz-date') ?? amzDateOfDate(request.header('date'));
  if (amzDate === null || parseAmzDate(amzDate) === null) throw new S3Error('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header');
  return { ...parseScope(credential, malformed), signedHeaders: signedHeaders.toLowerCase().split(';'), signature, amzDate, payloadHash, queryPairs: request.queryPairs };
}

function amzDateOfDate(date: string | undefined): string | null {
  const timeMs = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(timeMs) ? null : new Date(timeMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

function claimOfQuery(request: S3Request, nowMs: number): Claim {
  const { query } = request;
  if (query.get('X-Amz-Algorithm') !== ALGORITHM) throw badQuery('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"');
  const credential = query.get('X-Amz-Credential');
  const signedHeaders = query.get('X-Amz-SignedHeaders');
  const signature = query.get('X-Amz-Signature');
  const amzDate = query.get('X-Amz-Date');
  const expires = query.get('X-Amz-Expires');
  if (credential === undefined || signedHeaders === undefined || signature === undefined || amzDate === undefined || expires === undefined) {
    throw badQuery('Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.');
  }
  const signedMs = parseAmzDate(amzDate);
  if (signedMs === null) throw badQuery('X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd\'T\'HHmmss\'Z\'"');
  const expiresSeconds = /^\d{1,9}$/.test(expires) ? Number(expires) : Number.NaN;
  if (!(expiresSeconds >= 1)) throw badQuery('X-Amz-Expires should be a number greater than zero');
  if (expiresSeconds > MAX_EXPIRES_SECONDS) throw badQuery('X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds');
  if (signedMs > nowMs + MAX_SKEW_MS) throw new S3Error('AccessDenied', 'Request is not yet valid');
  if (nowMs > signedMs + expiresSeconds * 1000) {
    throw new S3Error('AccessDenied', 'Request has expired', { 'X-Amz-Expires': expires, Expires: new Date(signedMs + expiresSeconds * 1000).toISOString(), ServerTime: new Date(nowMs).toISOString() });
  }
  return {
    ...parseScope(credential, badQuery),
    signedHeaders: signedHeaders.toLowerCase().split(';'),
    signature,
    amzDate,
    payloadHash: query.get('X-Amz-Content-Sha256') ?? request.header('x-amz-content-sha256') ?? UNSIGNED_PAYLOAD,
    queryPairs: request.queryPairs.filter(([name]) => name !== 'X-Amz-Signature'),
  };
}

function payloadOf(claim: Claim, signingKey: KeyObject): Payload {
  const { payloadHash, scope, amzDate, signature } = claim;
  switch (payloadHash) {
    case UNSIGNED_PAYLOAD:
      return { type: 'unsigned' };
    case UNSIGNED_CHUNKS_WITH_TRAILER:
      return { type: 'unsigned-chunks' };
    case SIGNED_CHUNKS:
    case SIGNED_CHUNKS_WITH_TRAILER:
      return { type: 'signed-chunks', hasTrailer: payloadHash === SIGNED_CHUNKS_WITH_TRAILER, signingKey, scope, amzDate, seedSignature: signature };
    default:
      if (payloadHash.startsWith('STREAMING-')) throw notImplemented('x-amz-content-sha256');
      if (!/^[0-9a-fA-F]{64}$/.test(payloadHash)) {
        throw new S3Error('InvalidArgument', 'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, or a valid sha256 value.', { ArgumentName: 'x-amz-content-sha256', ArgumentValue: payloadHash });
      }
      return { type: 'hashed', sha256: payloadHash.toLowerCase() };
  }
}

/** All `x-amz-*` headers and the host must be under the signature, or they could be added by somebody else. */
function requireSigned(request: S3Request, signedHeaders: readonly string[]): void {
  const missing = Object.keys(request.headers).filter((name) => (name === 'host' || name.startsWith('x-amz-')) && !signedHeaders.includes(name));
  if (missing.length > 0) throw new S3Error('AccessDenied', 'There were headers present in the request which were not signed', { HeadersNotSigned: missing.join(', ') });
}

/** @param secretOf - the secret of an access key, or undefined where there is no such key. */
export function createAuthenticator(secretOf: (accessKeyId: string) => string | undefined): Authenticator {
  const signingKeys = new Map<string, KeyObject>();
  const signingKeyOf = (accessKeyId: string, secret: string, scope: Scope): KeyObject => {
    const name = `${accessKeyId}/${scopeText(scope)}`;
    const cached = signingKeys.get(name);
    if (cached !== undefined) return cached;
    const signingKey = deriveSigningKey(secret, scope);
    if (signingKeys.size >= 64) signingKeys.clear();
    signingKeys.set(name, signingKey);
    return signingKey;
  };

  return (request, nowMs, given) => {
    const authorization = request.header('authorization');
    const isPresigned = request.query.has('X-Amz-Algorithm') || request.query.has('X-Amz-Signature');
    if (authorization !== undefined && isPresigned) throw new S3Error('InvalidArgument', 'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified');
    if (authorization === undefined && !isPresigned) throw new S3Error('AccessDenied');
    const claim = authorization !== undefined ? claimOfHeader(request, authorization, given?.bodySha256) : claimOfQuery(request, nowMs);
    const service = given?.service ?? 's3';
    if (claim.scope.service !== service) {
      const message = `incorrect service "${claim.scope.service}". This endpoint belongs to "${service}".`;
      throw authorization !== undefined ? malformed(message) : badQuery(message);
    }
    const secret = secretOf(claim.accessKeyId);
    if (secret === undefined) throw new S3Error('InvalidAccessKeyId', undefined, { AWSAccessKeyId: claim.accessKeyId });
    const signedMs = parseAmzDate(claim.amzDate) ?? 0;
    if (authorization !== undefined && Math.abs(nowMs - signedMs) > MAX_SKEW_MS) {
      throw new S3Error('RequestTimeTooSkewed', undefined, { RequestTime: claim.amzDate, ServerTime: new Date(nowMs).toISOString(), MaxAllowedSkewMilliseconds: String(MAX_SKEW_MS) });
    }
    if (!claim.amzDate.startsWith(claim.scope.day)) {
      throw authorization !== undefined ? malformed('the date in Credential is not the date of the request.') : badQuery('Invalid credential date. It must be the same as X-Amz-Date.');
    }
    requireSigned(request, claim.signedHeaders);
    const signingKey = signingKeyOf(claim.accessKeyId, secret, claim.scope);
    const canonical = canonicalRequest({
      method: request.method, path: encodePath(request.path), query: canonicalQuery(claim.queryPairs),
      signedHeaders: claim.signedHeaders, header: request.header, payloadHash: claim.payloadHash,
    });
    const expected = Buffer.from(signText(signingKey, stringToSign(claim.amzDate, claim.scope, canonical, 'latin1')));
    const signature = Buffer.from(claim.signature);
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) throw new S3Error('SignatureDoesNotMatch', undefined, { AWSAccessKeyId: claim.accessKeyId });
    return { accessKeyId: claim.accessKeyId, payload: payloadOf(claim, signingKey), region: claim.scope.region };
  };
}
