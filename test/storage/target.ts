/** An S3 endpoint under test: the SDK's client for it, requests by hand for what the SDK would never send, and fresh buckets. */
import { S3Client } from '@aws-sdk/client-s3';
import { randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { createSigner, type Signer } from '../../main/sigv4/sign.ts';
import { UNSIGNED_PAYLOAD, canonicalQuery, encodePath } from '../../main/sigv4/signature.ts';

export type Endpoint = { readonly endpoint: string; readonly accessKeyId: string; readonly secretAccessKey: string };
export type RawAnswer = { readonly status: number; readonly headers: Readonly<Record<string, string | string[] | undefined>>; readonly body: Buffer; readonly code: string | null };
export type RawRequest = {
  readonly method?: string;
  readonly query?: readonly (readonly [string, string])[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly payloadHash?: string;
  /** Headers that go out without a signature. */
  readonly unsignedHeaders?: Readonly<Record<string, string>>;
  readonly signedAtMs?: number;
  /** Changes what is sent after it was signed. */
  readonly alter?: (headers: Record<string, string>) => void;
};

export type Target = Endpoint & {
  readonly client: S3Client;
  readonly signer: Signer;
  /** A signed request by hand; `path` is decoded. */
  raw(path: string, request?: RawRequest): Promise<RawAnswer>;
  newBucketName(): string;
};

export function send(endpoint: string, path: string, options: { method: string; headers: Record<string, string>; body?: Uint8Array | string | undefined }): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(endpoint);
    const outgoing = httpRequest({ hostname, port, path, method: options.method, headers: options.headers, agent: false }, (incoming) => {
      const pieces: Buffer[] = [];
      incoming.on('data', (piece: Buffer) => pieces.push(piece));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const body = Buffer.concat(pieces);
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body, code: /<Code>(\w+)<\/Code>/.exec(body.toString('latin1'))?.[1] ?? null });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(options.body);
  });
}

export function createTarget(endpoint: Endpoint): Target {
  const signer = createSigner(endpoint, 'us-east-1');
  const { host } = new URL(endpoint.endpoint);
  return {
    ...endpoint,
    client: new S3Client({ endpoint: endpoint.endpoint, region: 'us-east-1', forcePathStyle: true, maxAttempts: 1, credentials: endpoint }),
    signer,
    raw: (path, { method = 'GET', query = [], headers = {}, body, payloadHash = UNSIGNED_PAYLOAD, unsignedHeaders = {}, signedAtMs = Date.now(), alter } = {}) => {
      const toSign = { host, ...headers };
      const sent: Record<string, string> = { ...toSign, ...unsignedHeaders, ...signer.signHeaders({ method, path, query, headers: toSign, payloadHash }, signedAtMs) };
      if (body !== undefined && sent['content-length'] === undefined && sent['transfer-encoding'] === undefined) sent['content-length'] = String(Buffer.byteLength(body));
      alter?.(sent);
      const queryText = canonicalQuery(query);
      return send(endpoint.endpoint, encodePath(path) + (queryText === '' ? '' : `?${queryText}`), { method, headers: sent, body });
    },
    newBucketName: () => `test-${randomBytes(6).toString('hex')}`,
  };
}

/** What an SDK call was refused with. */
export async function refusal(call: Promise<unknown>): Promise<{ readonly code: string; readonly status: number }> {
  try {
    await call;
  } catch (error) {
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
    return { code: name, status: $metadata?.httpStatusCode ?? 0 };
  }
  return { code: 'accepted', status: 200 };
}
