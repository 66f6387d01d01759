/** The HTTP side: one request in, one answer out, and a connection that stays usable whatever the request was. */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Authenticator } from './authenticate.ts';
import { ClientGone, S3Error, toS3Error } from './errors.ts';
import { refuseUnsupported } from './object-headers.ts';
import type { Answer, Storage } from './operation.ts';
import type { AccessKeys } from './access-keys.ts';
import type { Audit } from './audit.ts';
import { actionOf, authorizeRequest } from './authorize.ts';
import { certificateFor } from './certificate.ts';
import { isServiceCall, performServiceCall } from './json-services.ts';
import { BUCKET_HOST, parseRequest } from './request.ts';
import { route } from './router.ts';
import { XML_HEAD, element } from './xml.ts';

/** Longer headers than any request that S3 takes (8 KiB), and short enough to read whole, so that the connection goes on. */
const MAX_HEADER_BYTES = 128 << 10;
/** Certificates for buckets' own host names that are kept. */
const MAX_KEPT_CERTIFICATES = 100;

const HOST_ID = randomBytes(24).toString('base64');
const processPart = randomBytes(4).toString('hex').toUpperCase();
let requestCount = 0;

const newRequestId = (): string => processPart + (requestCount++ >>> 0).toString(16).toUpperCase().padStart(8, '0');

export type HttpOptions = {
  readonly storage: Storage;
  readonly authenticate: Authenticator;
  readonly principalOf: AccessKeys['principalOf'];
  readonly audit: Audit;
  /** Certificate and private key, PEM; none: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  readonly now: () => number;
  /** Told of every error that is the server's own fault; the text holds no content and no secrets. */
  readonly onFault: (error: unknown, requestId: string) => void;
};

/** Done when the piece has left the process or never will: until then its memory may not be written again. */
function writePiece(response: ServerResponse, piece: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('close', done);
      resolve();
    };
    response.on('close', done);
    response.write(piece, done);
  });
}

async function sendContent(response: ServerResponse, body: Exclude<Answer['body'], string | undefined>): Promise<void> {
  const { content } = body;
  if (content.whole !== null) {
    response.end(content.whole);
    return;
  }
  for await (const piece of content.pieces()) {
    if (response.destroyed) return;
    await writePiece(response, piece);
  }
  response.end();
}

async function send(method: string, response: ServerResponse, answer: Answer, headers: string[]): Promise<void> {
  const { body } = answer;
  if (typeof body === 'string') {
    const bytes = Buffer.from(body);
    headers.push('Content-Length', String(bytes.length), ...answer.headers);
    response.writeHead(answer.status, headers);
    response.end(method === 'HEAD' ? undefined : bytes);
    return;
  }
  headers.push(...answer.headers);
  if (body === undefined) {
    if (answer.status === 200 && !answer.headers.includes('Content-Length')) headers.push('Content-Length', '0');
    response.writeHead(answer.status, headers);
    response.end();
    return;
  }
  try {
    response.writeHead(answer.status, headers);
    await sendContent(response, body);
  } finally {
    body.content.release();
  }
}

function errorXml(error: S3Error, resource: string, requestId: string): string {
  const details = Object.entries(error.details).map(([name, text]) => element(name, text)).join('');
  return `${XML_HEAD}<Error>${element('Code', error.code)}${element('Message', error.message)}${details}${element('Resource', resource)}${element('RequestId', requestId)}${element('HostId', HOST_ID)}</Error>`;
}

function errorAnswer(error: S3Error, resource: string, requestId: string): Answer {
  if (error.status === 304) return { status: 304, headers: error.headers };
  return { status: error.status, headers: ['Content-Type', 'application/xml', ...error.headers], body: errorXml(error, resource, requestId) };
}

/** What never became a request: nobody knows where the next one would begin, so the connection ends with the answer. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const known = new S3Error(error.code === 'HPE_HEADER_OVERFLOW' ? 'RequestHeaderSectionTooLarge' : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'RequestTimeout' : 'BadRequest');
  const xml = errorXml(known, '/', newRequestId());
  socket.end(`HTTP/1.1 ${known.status} Bad Request\r\nContent-Type: application/xml\r\nContent-Length: ${Buffer.byteLength(xml)}\r\nConnection: close\r\n\r\n${xml}`);
}

type SniCallback = (host: string, done: (error: Error | null, context?: SecureContext) => void) => void;

/** Which certificate a client gets: each bucket that is called by its own host name needs one, and any other name gets the server's. */
function chooseCertificate(tls: NonNullable<HttpOptions['tls']>, now: () => number): SniCallback {
  const kept = new Map<string, SecureContext>();
  return (name, done) => {
    const host = name.toLowerCase();
    if (!BUCKET_HOST.test(host)) {
      done(null);
      return;
    }
    let context = kept.get(host);
    if (context === undefined) {
      context = createSecureContext({ cert: certificateFor(host, tls, now()), key: tls.key });
      const [oldest] = kept.keys();
      if (kept.size >= MAX_KEPT_CERTIFICATES && oldest !== undefined) kept.delete(oldest);
      kept.set(host, context);
    }
    done(null, context);
  };
}

export function createHttpServer(options: HttpOptions): Server {
  const { storage, authenticate, principalOf, audit, now, onFault } = options;

  const tellFlushed = async ({ body }: Answer): Promise<void> => {
    try {
      await storage.catalogue.flushed();
    } catch (error) {
      if (typeof body === 'object') body.content.release();
      throw error;
    }
  };

  const perform = async (incoming: IncomingMessage, askForBody: () => void, requestId: string): Promise<Answer> => {
    const nowMs = now();
    const entry = audit.begin(nowMs, requestId);
    try {
      const request = parseRequest(incoming, askForBody);
      if (isServiceCall(request)) {
        return await performServiceCall({ storage, authenticate, principalOf, nowMs }, request, entry, requestId, (status, error) => audit.answered(entry, status, [], error));
      }
      entry.bucket = request.bucketName ?? undefined;
      entry.objectKey = request.objectKey ?? undefined;
      const { payload, accessKeyId } = authenticate(request, nowMs);
      const principal = principalOf(accessKeyId);
      entry.who = principal.arn;
      entry.accessKeyId = accessKeyId;
      const action = actionOf(request);
      entry.action = action ?? (request.query.has('delete') ? 's3:DeleteObject' : undefined);
      refuseUnsupported(request);
      const operation = route(request);
      const context = { ...storage, request, payload, principal, nowMs };
      authorizeRequest(context, action);
      const answer = await operation(context);
      if (request.method === 'GET' || request.method === 'HEAD') await tellFlushed(answer);
      audit.answered(entry, answer.status, answer.headers);
      return answer;
    } catch (error) {
      if (!(error instanceof ClientGone)) {
        // Why something is refused was read too.
        await storage.catalogue.flushed()?.catch(() => undefined);
        const { status, code, headers } = toS3Error(error);
        audit.answered(entry, status, headers, code);
      }
      throw error;
    }
  };

  const serve = async (incoming: IncomingMessage, response: ServerResponse, isWaiting: boolean): Promise<void> => {
    const requestId = newRequestId();
    const headers = ['x-amz-request-id', requestId, 'x-amz-id-2', HOST_ID, 'Server', 'Enfold'];
    let mustAsk = isWaiting;
    const askForBody = (): void => {
      if (mustAsk) response.writeContinue();
      mustAsk = false;
    };
    try {
      await send(incoming.method ?? 'GET', response, await perform(incoming, askForBody, requestId), headers);
    } catch (error) {
      if (error instanceof ClientGone) {
        response.destroy();
        return;
      }
      const known = toS3Error(error);
      if (known.status >= 500 && known.status !== 501) onFault(error, requestId);
      if (response.headersSent) {
        // Part of the content is out already: only a broken connection tells the client that it is not whole.
        response.destroy();
        return;
      }
      // A client that was not asked for its body will not send it: the connection cannot be told where the next request begins.
      if (mustAsk) headers.push('Connection', 'close');
      await send(incoming.method ?? 'GET', response, errorAnswer(known, (incoming.url ?? '/').split('?')[0] ?? '/', requestId), headers);
    }
    if (!incoming.readableEnded) incoming.resume();
  };

  // A request may take as long as its body does; a header must come soon, and idle connections are kept longer than clients keep theirs.
  const settings = { keepAliveTimeout: 300_000, headersTimeout: 60_000, requestTimeout: 0, noDelay: true, maxHeaderSize: MAX_HEADER_BYTES };
  const server = options.tls === undefined ? createServer(settings) : createTlsServer({ ...settings, ...options.tls, minVersion: 'TLSv1.2', SNICallback: chooseCertificate(options.tls, now) });
  server.on('request', (incoming, response) => void serve(incoming, response, false));
  server.on('clientError', refuseUnreadable);
  server.on('checkContinue', (incoming, response) => void serve(incoming, response, true));
  return server;
}
