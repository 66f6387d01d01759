/** Signing outgoing requests: the caller adds what is returned to its headers or its query. */
import type { KeyObject } from 'node:crypto';
import type { Scope } from './signature.ts';
import { ALGORITHM, UNSIGNED_PAYLOAD, amzDateOf, canonicalQuery, canonicalRequest, deriveSigningKey, encodePath, scopeText, signText, stringToSign } from './signature.ts';

export type Credentials = { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string | undefined };

export type RequestToSign = {
  readonly method: string;
  /** Decoded, from the slash on: `/bucket/key with spaces`. Sent as `encodePath` encodes it. */
  readonly path: string;
  readonly query?: readonly (readonly [name: string, value: string])[];
  /** Lower-case names; must hold `host`. All of them are signed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly payloadHash: string;
};

export type Signer = {
  /** The headers to send besides those given: date, payload hash, session token, authorization; lower-case names. */
  signHeaders(request: RequestToSign, nowMs: number): Record<string, string>;
  /** The whole query, encoded, of a URL that is valid for `expiresSeconds` (at most seven days). */
  presignQuery(request: Omit<RequestToSign, 'payloadHash'>, nowMs: number, expiresSeconds: number): string;
};

/** A signer for one set of credentials and one region; it keeps the day's signing key. */
export function createSigner(credentials: Credentials, region: string, service = 's3'): Signer {
  let cachedDay = '';
  let cachedKey: KeyObject | undefined;
  const keyOf = (scope: Scope): KeyObject => {
    if (cachedKey === undefined || scope.day !== cachedDay) {
      cachedKey = deriveSigningKey(credentials.secretAccessKey, scope);
      cachedDay = scope.day;
    }
    return cachedKey;
  };
  const signatureOf = (request: RequestToSign, query: string, headers: Readonly<Record<string, string>>, amzDate: string, scope: Scope): [names: string, signature: string] => {
    const names = Object.keys(headers).sort();
    const parts = { method: request.method, path: encodePath(request.path), query, signedHeaders: names, header: (name: string) => headers[name], payloadHash: request.payloadHash };
    return [names.join(';'), signText(keyOf(scope), stringToSign(amzDate, scope, canonicalRequest(parts)))];
  };

  return {
    signHeaders: (request, nowMs) => {
      const amzDate = amzDateOf(nowMs);
      const scope = { day: amzDate.slice(0, 8), region, service };
      const added: Record<string, string> = { 'x-amz-date': amzDate, 'x-amz-content-sha256': request.payloadHash };
      if (credentials.sessionToken !== undefined) added['x-amz-security-token'] = credentials.sessionToken;
      const [names, signature] = signatureOf(request, canonicalQuery(request.query ?? []), { ...request.headers, ...added }, amzDate, scope);
      added['authorization'] = `${ALGORITHM} Credential=${credentials.accessKeyId}/${scopeText(scope)}, SignedHeaders=${names}, Signature=${signature}`;
      return added;
    },
    presignQuery: (request, nowMs, expiresSeconds) => {
      const amzDate = amzDateOf(nowMs);
      const scope = { day: amzDate.slice(0, 8), region, service };
      const pairs: (readonly [string, string])[] = [
        ...(request.query ?? []),
        ['X-Amz-Algorithm', ALGORITHM],
        ['X-Amz-Credential', `${credentials.accessKeyId}/${scopeText(scope)}`],
        ['X-Amz-Date', amzDate],
        ['X-Amz-Expires', String(expiresSeconds)],
        ['X-Amz-SignedHeaders', Object.keys(request.headers).sort().join(';')],
      ];
      if (credentials.sessionToken !== undefined) pairs.push(['X-Amz-Security-Token', credentials.sessionToken]);
      const query = canonicalQuery(pairs);
      const [, signature] = signatureOf({ ...request, payloadHash: UNSIGNED_PAYLOAD }, query, request.headers, amzDate, scope);
      return `${query}&X-Amz-Signature=${signature}`;
    },
  };
}
