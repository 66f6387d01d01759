/** An HTTP request as S3 reads it: which bucket and key, which query, which headers. */
import type { IncomingMessage } from 'node:http';
import { S3Error } from './errors.ts';

export type S3Request = {
  readonly method: string;
  /** Decoded, from the slash on, as it was sent: what the signature covers. */
  readonly path: string;
  readonly bucketName: string | null;
  readonly objectKey: string | null;
  readonly query: ReadonlyMap<string, string>;
  /** Decoded pairs in the order sent, for the signature. */
  readonly queryPairs: readonly (readonly [string, string])[];
  /** By lower-case name; one character per byte. */
  readonly header: (name: string) => string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly incoming: IncomingMessage;
  /** Over TLS. */
  readonly isSecure: boolean;
  /** From this computer. */
  readonly isLocal: boolean;
  /** Tells a client that waits for it to send the body. */
  readonly askForBody: () => void;
};

const MAX_KEY_BYTES = 1024;

function decode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Error('InvalidURI');
  }
}

function parseQuery(text: string): (readonly [string, string])[] {
  if (text === '') return [];
  return text.split('&').filter((pair) => pair !== '').map((pair) => {
    const equals = pair.indexOf('=');
    const [name, value] = equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
    return [decode(name.replaceAll('+', ' ')), decode(value.replaceAll('+', ' '))] as const;
  });
}

/** The bucket's own host name, lower case, without a port; a name is at most 63 characters long. */
export const BUCKET_HOST = /^([a-z0-9._-]{1,63})\.localhost$/;

/** `photos.localhost:9000` -> `photos`; null for any host that names no bucket. */
function bucketOfHost(host: string | undefined): string | null {
  return BUCKET_HOST.exec(host?.replace(/:\d+$/, '').toLowerCase() ?? '')?.[1] ?? null;
}

/** What S3 takes: names and values as they were sent. */
const MAX_HEADER_BYTES = 8 << 10;
const headerBytes = ({ rawHeaders }: IncomingMessage): number => rawHeaders.reduce((bytes, text) => bytes + text.length + 2, 0);

const isLoopback = (address: string): boolean => /^(127\.|::1$|::ffff:127\.)/.test(address);

/** @throws S3Error RequestHeaderSectionTooLarge, InvalidURI, KeyTooLongError */
export function parseRequest(incoming: IncomingMessage, askForBody: () => void = () => undefined): S3Request {
  if (headerBytes(incoming) > MAX_HEADER_BYTES) throw new S3Error('RequestHeaderSectionTooLarge');
  const url = (incoming.url ?? '/').replace(/^https?:\/\/[^/?]*/i, '');
  const mark = url.indexOf('?');
  const rawPath = mark === -1 ? url : url.slice(0, mark);
  const path = decode(rawPath === '' ? '/' : rawPath);
  if (!path.startsWith('/')) throw new S3Error('InvalidURI');
  const queryPairs = parseQuery(mark === -1 ? '' : url.slice(mark + 1));

  let bucketName = bucketOfHost(incoming.headers.host);
  let objectKey: string;
  if (bucketName === null) {
    const slash = path.indexOf('/', 1);
    bucketName = slash === -1 ? path.slice(1) : path.slice(1, slash);
    objectKey = slash === -1 ? '' : path.slice(slash + 1);
  } else {
    objectKey = path.slice(1);
  }
  if (Buffer.byteLength(objectKey) > MAX_KEY_BYTES) {
    throw new S3Error('KeyTooLongError', undefined, { Size: String(Buffer.byteLength(objectKey)), MaxSizeAllowed: String(MAX_KEY_BYTES) });
  }
  const headers = incoming.headers;
  return {
    method: incoming.method ?? 'GET',
    path,
    bucketName: bucketName === '' ? null : bucketName,
    objectKey: objectKey === '' ? null : objectKey,
    query: new Map(queryPairs),
    queryPairs,
    header: (name) => {
      const value = headers[name];
      return typeof value === 'string' ? value : value?.join(',');
    },
    headers,
    incoming,
    isSecure: 'encrypted' in incoming.socket && incoming.socket.encrypted === true,
    isLocal: isLoopback(incoming.socket.remoteAddress ?? ''),
    askForBody,
  };
}
