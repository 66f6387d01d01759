/* oxlint-disable vitest/no-standalone-expect -- every case is run inside a test */
/** What the SDK never sends: requests that are altered, forged, late, malformed, too long or wrongly framed. */
import { createHash, randomBytes } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { crc32 } from 'node:zlib';
import { expect } from 'vitest';
import { createSigner } from '../../main/sigv4/sign.ts';
import {
  SIGNED_CHUNKS, SIGNED_CHUNKS_WITH_TRAILER, UNSIGNED_CHUNKS_WITH_TRAILER, UNSIGNED_PAYLOAD, amzDateOf, chunkStringToSign, deriveSigningKey, encodePath, sha256Hex, signText, trailerStringToSign,
} from '../../main/sigv4/signature.ts';
import type { Case, Given } from './conformance.ts';
import { createTarget, send, type RawAnswer, type RawRequest } from './target.ts';

const putA = ({ target, bucket }: Given, body: string | Uint8Array, more: RawRequest = {}): Promise<RawAnswer> => target.raw(`/${bucket}/a`, { method: 'PUT', body, ...more });
const hostOf = ({ target }: Given): string => new URL(target.endpoint).host;
const md5Of = (content: string): string => createHash('md5').update(content).digest('base64');

async function expectNothingStored({ target, bucket }: Given): Promise<void> {
  expect((await target.raw(`/${bucket}/a`, { method: 'HEAD' })).status).toBe(404);
}

/** A request whose refusal is the whole case. */
const refused = (name: string, ask: (given: Given) => Promise<RawAnswer>, status: number, code: string): Case => ({
  name,
  run: async (given) => {
    const answer = await ask(given);
    expect({ status: answer.status, code: answer.code }).toEqual({ status, code });
    await expectNothingStored(given);
  },
});

const signatures: Case[] = [
  refused('refuses to read without a signature', (given) => send(given.target.endpoint, `/${given.bucket}`, { method: 'GET', headers: { host: hostOf(given) } }), 403, 'AccessDenied'),
  refused('refuses to write without a signature', (given) => send(given.target.endpoint, `/${given.bucket}/a`, { method: 'PUT', headers: { host: hostOf(given), 'content-length': '1' }, body: 'x' }), 403, 'AccessDenied'),
  refused('refuses an unknown access key', (given) => createTarget({ ...given.target, accessKeyId: 'AKIANOBODY' }).raw(`/${given.bucket}`), 403, 'InvalidAccessKeyId'),
  refused('refuses the signature of another secret', (given) => createTarget({ ...given.target, secretAccessKey: 'wrong' }).raw(`/${given.bucket}`), 403, 'SignatureDoesNotMatch'),
  ...([
    ['signed header', (headers) => void (headers['x-amz-meta-a'] = 'changed')],
    ['signature', (headers) => void (headers['authorization'] = `${headers['authorization']?.slice(0, -1) ?? ''}x`)],
    ['payload hash', (headers) => void (headers['x-amz-content-sha256'] = sha256Hex('other'))],
    ['date', (headers) => void (headers['x-amz-date'] = amzDateOf(Date.now() - 1000))],
  ] as const satisfies readonly (readonly [string, (headers: Record<string, string>) => void])[]).map(([what, alter]) =>
    refused(`refuses a request whose ${what} was altered`, (given) => putA(given, 'x', { headers: { 'x-amz-meta-a': 'a' }, alter }), 403, 'SignatureDoesNotMatch')),
  refused('refuses a header of S3 that was added without a signature', (given) => putA(given, 'x', { unsignedHeaders: { 'x-amz-meta-added': 'x' } }), 403, 'AccessDenied'),
  refused('refuses a clock that is sixteen minutes behind', (given) => given.target.raw(`/${given.bucket}`, { signedAtMs: Date.now() - 16 * 60_000 }), 403, 'RequestTimeTooSkewed'),
  refused('refuses a clock that is sixteen minutes ahead', (given) => given.target.raw(`/${given.bucket}`, { signedAtMs: Date.now() + 16 * 60_000 }), 403, 'RequestTimeTooSkewed'),
  { name: 'takes a clock that is fourteen minutes off', run: async ({ target, bucket }) => {
    for (const offMs of [-14 * 60_000, 14 * 60_000]) expect(await target.raw(`/${bucket}`, { signedAtMs: Date.now() + offMs })).toMatchObject({ status: 200 });
  } },
  ...([
    ['of version 2', 'AWS key:signature', 'InvalidRequest'],
    ['without its fields', 'AWS4-HMAC-SHA256 nonsense', 'AuthorizationHeaderMalformed'],
    ['with a credential that is none', 'AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0', 'AuthorizationHeaderMalformed'],
  ] as const).map(([what, authorization, code]) =>
    refused(`refuses an authorization ${what}`, ({ target, bucket }) => target.raw(`/${bucket}`, { alter: (headers) => void (headers['authorization'] = authorization) }), 400, code)),
  refused('refuses a signature that says nothing of the payload', ({ target, bucket }) => target.raw(`/${bucket}`, { alter: (headers) => void delete headers['x-amz-content-sha256'] }), 400, 'InvalidRequest'),
  refused('refuses a signature for another service', (given) => {
    const scoped = given.target.signer.signHeaders({ method: 'GET', path: `/${given.bucket}`, headers: { host: hostOf(given) }, payloadHash: UNSIGNED_PAYLOAD }, Date.now());
    return send(given.target.endpoint, `/${given.bucket}`, { method: 'GET', headers: { host: hostOf(given), ...scoped, authorization: (scoped['authorization'] ?? '').replace('/s3/', '/ec2/') } });
  }, 400, 'AuthorizationHeaderMalformed'),
];

function presigned({ target, bucket }: Given, method: string, more: { atMs?: number; seconds?: number; query?: readonly (readonly [string, string])[] } = {}): string {
  const path = `/${bucket}/a ü`;
  return `${encodePath(path)}?${createSigner(target, 'us-east-1').presignQuery({ method, path, headers: { host: new URL(target.endpoint).host }, query: more.query ?? [] }, more.atMs ?? Date.now(), more.seconds ?? 60)}`;
}
const follow = (given: Given, method: string, url: string, body?: string): Promise<RawAnswer> =>
  send(given.target.endpoint, url, { method, headers: { host: hostOf(given), ...(body === undefined ? {} : { 'content-length': String(body.length) }) }, body });

const presignedRequests: Case[] = [
  { name: 'writes and reads by a presigned query', run: async (given) => {
    expect(await follow(given, 'PUT', presigned(given, 'PUT'), 'hello')).toMatchObject({ status: 200 });
    expect((await follow(given, 'GET', presigned(given, 'GET'))).body.toString()).toBe('hello');
    expect((await follow(given, 'GET', presigned(given, 'GET', { query: [['response-content-type', 'text/x-other']] }))).headers['content-type']).toBe('text/x-other');
  } },
  refused('refuses a presigned query for another method', (given) => follow(given, 'DELETE', presigned(given, 'GET')), 403, 'SignatureDoesNotMatch'),
  refused('refuses a presigned query for another key', (given) => follow(given, 'GET', presigned(given, 'GET').replace('/a', '/b')), 403, 'SignatureDoesNotMatch'),
  refused('refuses a presigned query to which something was added', (given) => follow(given, 'GET', `${presigned(given, 'GET')}&versionId=null`), 403, 'SignatureDoesNotMatch'),
  refused('refuses a presigned query that has expired', (given) => follow(given, 'GET', presigned(given, 'GET', { atMs: Date.now() - 61_000 })), 403, 'AccessDenied'),
  refused('refuses a presigned query that is not valid yet', (given) => follow(given, 'GET', presigned(given, 'GET', { atMs: Date.now() + 3600_000 })), 403, 'AccessDenied'),
  refused('refuses a presigned query that is valid for more than a week', (given) => follow(given, 'GET', presigned(given, 'GET', { seconds: 604_801 })), 400, 'AuthorizationQueryParametersError'),
  refused('refuses a presigned query beside an authorization header', (given) => {
    const headers = { host: hostOf(given), ...given.target.signer.signHeaders({ method: 'GET', path: `/${given.bucket}/a ü`, headers: { host: hostOf(given) }, payloadHash: UNSIGNED_PAYLOAD }, Date.now()) };
    return send(given.target.endpoint, presigned(given, 'GET'), { method: 'GET', headers });
  }, 400, 'InvalidArgument'),
];

const bodies: Case[] = [
  refused('refuses a short body that is not what its hash says', (given) => putA(given, 'hello', { payloadHash: sha256Hex('other') }), 400, 'XAmzContentSHA256Mismatch'),
  refused('refuses a long body that is not what its hash says', (given) => putA(given, 'x'.repeat(200_000), { payloadHash: sha256Hex('other') }), 400, 'XAmzContentSHA256Mismatch'),
  refused('refuses a payload hash that is none', (given) => putA(given, 'hello', { payloadHash: 'nonsense' }), 400, 'InvalidArgument'),
  refused('refuses a body that is not what its MD5 says', (given) => putA(given, 'hello', { headers: { 'content-md5': md5Of('other') } }), 400, 'BadDigest'),
  refused('refuses an MD5 that is none', (given) => putA(given, 'hello', { headers: { 'content-md5': 'nonsense' } }), 400, 'InvalidDigest'),
  { name: 'takes a body that is what its hash and MD5 say', run: async (given) => {
    expect(await putA(given, 'hello', { payloadHash: sha256Hex('hello'), headers: { 'content-md5': md5Of('hello') } })).toMatchObject({ status: 200 });
  } },
  refused('refuses a body without a length', (given) => putA(given, 'x', { unsignedHeaders: { 'transfer-encoding': 'chunked' } }), 411, 'MissingContentLength'),
  refused('refuses more than 5 GiB before any of it is sent', ({ target, bucket }) => target.raw(`/${bucket}/a`, { method: 'PUT', unsignedHeaders: { 'content-length': String(5 * 1024 ** 3 + 1), expect: '100-continue' } }), 400, 'EntityTooLarge'),
  { name: 'stores nothing of a body that ends before its length', run: async (given) => {
    const path = `/${given.bucket}/a`;
    const headers = { host: hostOf(given), 'content-length': '1000000' };
    const signed = given.target.signer.signHeaders({ method: 'PUT', path, headers, payloadHash: UNSIGNED_PAYLOAD }, Date.now());
    const head = Object.entries({ ...headers, ...signed }).map(([name, value]) => `${name}: ${value}\r\n`).join('');
    await new Promise<void>((resolve, reject) => {
      const { hostname, port } = new URL(given.target.endpoint);
      const socket = connect(Number(port), hostname, () => socket.write(`PUT ${path} HTTP/1.1\r\n${head}\r\n${'x'.repeat(900_000)}`, () => socket.destroy()));
      socket.on('error', reject).on('close', () => resolve());
    });
    await expectNothingStored(given);
  } },
];

type Chunking = { readonly trailer?: string; readonly isSigned?: boolean; readonly breakChunk?: number; readonly breakTrailer?: boolean };

/** A body in chunks, signed as AWS's clients sign it. */
function chunked(given: Given, pieces: readonly string[], { trailer, isSigned = true, breakChunk, breakTrailer = false }: Chunking = {}): Promise<RawAnswer> {
  const { target, bucket } = given;
  const nowMs = Date.now();
  const amzDate = amzDateOf(nowMs);
  const scope = { day: amzDate.slice(0, 8), region: 'us-east-1', service: 's3' };
  const signingKey = deriveSigningKey(target.secretAccessKey, scope);
  const payloadHash = isSigned ? (trailer === undefined ? SIGNED_CHUNKS : SIGNED_CHUNKS_WITH_TRAILER) : UNSIGNED_CHUNKS_WITH_TRAILER;
  const path = `/${bucket}/a`;
  const headers: Record<string, string> = { host: hostOf(given), 'content-encoding': 'aws-chunked', 'x-amz-decoded-content-length': String(pieces.join('').length), ...(trailer === undefined ? {} : { 'x-amz-trailer': trailer.split(':')[0] ?? '' }) };
  const signed = createSigner(target, 'us-east-1').signHeaders({ method: 'PUT', path, headers, payloadHash }, nowMs);
  let signature = /Signature=(\w+)/.exec(signed['authorization'] ?? '')?.[1] ?? '';
  let body = '';
  for (const [index, piece] of [...pieces, ''].entries()) {
    signature = signText(signingKey, chunkStringToSign(amzDate, scope, signature, sha256Hex(index === breakChunk ? `${piece}!` : piece)));
    body += `${piece.length.toString(16)}${isSigned ? `;chunk-signature=${signature}` : ''}\r\n${piece === '' ? '' : `${piece}\r\n`}`;
  }
  if (trailer !== undefined) {
    body += `${trailer}\r\n`;
    if (isSigned) body += `x-amz-trailer-signature:${signText(signingKey, trailerStringToSign(amzDate, scope, signature, sha256Hex(breakTrailer ? 'other' : `${trailer}\n`)))}\r\n`;
  }
  body += '\r\n';
  return send(target.endpoint, path, { method: 'PUT', headers: { ...headers, ...signed, 'content-length': String(body.length) }, body });
}
const crcTrailer = (text: string): string => `x-amz-checksum-crc32:${Buffer.from(crc32(text).toString(16).padStart(8, '0'), 'hex').toString('base64')}`;
const pieces = ['a'.repeat(65_536), 'b'.repeat(100_000), 'c'.repeat(3)];
const whole = pieces.join('');

const takes = (name: string, options: Chunking, sent: readonly string[] = pieces): Case => ({ name, run: async (given) => {
  expect(await chunked(given, sent, options)).toMatchObject({ status: 200 });
  const { body, headers } = await given.target.raw(`/${given.bucket}/a`);
  expect(body.toString()).toBe(sent.join(''));
  expect(headers['content-encoding']).toBeUndefined();
} });

const chunkedBodies: Case[] = [
  takes('takes a body in signed chunks', {}),
  takes('takes a body in signed chunks with a signed trailer', { trailer: crcTrailer(whole) }),
  takes('takes a body in unsigned chunks with a trailer', { trailer: crcTrailer(whole), isSigned: false }),
  takes('takes an empty body in signed chunks', {}, []),
  ...[0, 1, 2, 3].map((breakChunk) => refused(`refuses chunk ${breakChunk} whose signature is not its own`, (given) => chunked(given, pieces, { breakChunk }), 403, 'SignatureDoesNotMatch')),
  refused('refuses a trailer that is forged', (given) => chunked(given, pieces, { trailer: crcTrailer(whole), breakTrailer: true }), 403, 'SignatureDoesNotMatch'),
  refused('refuses a signed trailer whose checksum is another', (given) => chunked(given, pieces, { trailer: crcTrailer('other') }), 400, 'BadDigest'),
  refused('refuses an unsigned trailer whose checksum is another', (given) => chunked(given, pieces, { trailer: crcTrailer('other'), isSigned: false }), 400, 'BadDigest'),
  refused('refuses a trailer whose checksum is none', (given) => chunked(given, pieces, { trailer: 'x-amz-checksum-crc32:', isSigned: false }), 400, 'InvalidRequest'),
  ...['', 'zz\r\n', '5\r\nhel', '5\r\nhello', '5\r\nhello\r\n', '5\r\nhelloXX0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\nmore', '6\r\nhello!\r\n0\r\n\r\n', 'x'.repeat(1000)].map((body) =>
    refused(`refuses the framing ${JSON.stringify(body.slice(0, 30))}`, (given) => putA(given, body, { payloadHash: UNSIGNED_CHUNKS_WITH_TRAILER, headers: { 'x-amz-decoded-content-length': '5', 'content-encoding': 'aws-chunked' } }), 400, 'IncompleteBody')),
];

const post = (query: string) => ({ target, bucket }: Given, body: string) => target.raw(`/${bucket}`, { method: query === 'delete' ? 'POST' : 'PUT', query: [[query, '']], body, headers: { 'content-md5': md5Of(body) } });

const documents: Case[] = [
  ...['', 'nonsense', '<Delete>', '<Delete></Other>', '<Delete></Delete>', '<!DOCTYPE a [<!ENTITY b "c">]><Delete><Object><Key>&b;</Key></Object></Delete>', '<Delete><Object><Key></Key></Object></Delete>', '<Delete><Object><Key>\u0000</Key></Object></Delete>', '<a>'.repeat(100)].map((body) =>
    refused(`refuses the list of deletions ${JSON.stringify(body.slice(0, 60))}`, (given) => post('delete')(given, body), 400, 'MalformedXML')),
  refused('refuses a list of 1,001 deletions', (given) => post('delete')(given, `<Delete>${'<Object><Key>a</Key></Object>'.repeat(1001)}</Delete>`), 400, 'MalformedXML'),
  refused('refuses a document that is no UTF-8', async ({ target, bucket }) => {
    const body = Buffer.concat([Buffer.from('<Delete><Object><Key>'), Buffer.from([0xff, 0xfe]), Buffer.from('</Key></Object></Delete>')]);
    return target.raw(`/${bucket}`, { method: 'POST', query: [['delete', '']], body, headers: { 'content-md5': createHash('md5').update(body).digest('base64') } });
  }, 400, 'MalformedXML'),
  refused('refuses a list of deletions that is not what its MD5 says', ({ target, bucket }) => target.raw(`/${bucket}`, { method: 'POST', query: [['delete', '']], body: '<Delete><Object><Key>a</Key></Object></Delete>', headers: { 'content-md5': md5Of('other') } }), 400, 'BadDigest'),
  ...(['versioning', 'encryption', 'tagging', 'publicAccessBlock', 'ownershipControls', 'lifecycle'] as const).map((resource) =>
    refused(`refuses a setting of ${resource} that is cut off`, (given) => post(resource)(given, `<${resource === 'versioning' ? 'VersioningConfiguration' : 'Configuration'}><Status>Ena`), 400, 'MalformedXML')),
  refused('refuses a versioning that is neither on nor suspended', (given) => post('versioning')(given, '<VersioningConfiguration><Status>Perhaps</Status></VersioningConfiguration>'), 400, 'IllegalVersioningConfigurationException'),
  refused('refuses a completion that is no document', async ({ target, bucket }) => {
    const begun = await target.raw(`/${bucket}/a`, { method: 'POST', query: [['uploads', '']] });
    const id = /<UploadId>([^<]+)</.exec(begun.body.toString())?.[1] ?? '';
    return target.raw(`/${bucket}/a`, { method: 'POST', query: [['uploadId', id]], body: '<CompleteMultipartUpload><Part>' });
  }, 400, 'MalformedXML'),
  refused('refuses to create a bucket by a document that is none', ({ target }) => target.raw(`/${target.newBucketName()}`, { method: 'PUT', body: '<CreateBucketConfiguration><Location' }), 400, 'MalformedXML'),
];

const rawPath = (given: Given, path: string, method = 'GET'): Promise<RawAnswer> => send(given.target.endpoint, path, { method, headers: { host: hostOf(given), 'content-length': '0' } });

const keysAndHeaders: Case[] = [
  refused('refuses to read a key that is no UTF-8', (given) => rawPath(given, `/${given.bucket}/%ff%fe`), 400, 'InvalidURI'),
  refused('refuses to write a key that is no UTF-8', (given) => rawPath(given, `/${given.bucket}/a%c3`, 'PUT'), 400, 'InvalidURI'),
  refused('refuses an escape that is none', (given) => rawPath(given, `/${given.bucket}/%zz`), 400, 'InvalidURI'),
  refused('refuses a query that is no UTF-8', (given) => rawPath(given, `/${given.bucket}?prefix=%ff`), 400, 'InvalidURI'),
  { name: 'keeps keys with .. apart from their look-alikes, and inside the bucket', run: async ({ target, bucket}) => {
    const keys = ['..', '../a', '../../../../etc/enfold-was-here', 'a/../b', 'a/../../b', './a', 'a/.', '/etc/passwd', '..%2f..%2fa', '..\\..\\a'];
    for (const key of keys) expect((await target.raw(`/${bucket}/${key}`, { method: 'PUT', body: `content of ${key}` })).status).toBe(200);
    for (const key of keys) expect((await target.raw(`/${bucket}/${key}`)).body.toString()).toBe(`content of ${key}`);
    expect((await target.raw(`/${bucket}/b`)).status).toBe(404);
    expect((await target.raw(`/${bucket}/a`)).status).toBe(404);
  } },
  { name: 'keeps a key with NUL apart from the key before it', run: async ({ target, bucket }) => {
    await target.raw(`/${bucket}/a`, { method: 'PUT', body: 'without' });
    expect((await target.raw(`/${bucket}/a\u0000b`, { method: 'PUT', body: 'with' })).status).toBe(200);
    expect((await target.raw(`/${bucket}/a\u0000b`)).body.toString()).toBe('with');
    expect((await target.raw(`/${bucket}/a`)).body.toString()).toBe('without');
    expect((await target.raw(`/${bucket}`, { query: [['list-type', '2'], ['encoding-type', 'url']] })).body.toString()).toContain('<Key>a%00b</Key>');
  } },
  refused('refuses to write a key of 1,025 bytes', ({ target, bucket }) => target.raw(`/${bucket}/${'k'.repeat(1025)}`, { method: 'PUT', body: 'x' }), 400, 'KeyTooLongError'),
  refused('refuses a key of 1,025 bytes in fewer characters', ({ target, bucket }) => target.raw(`/${bucket}/${'ü'.repeat(512)}k`, { method: 'PUT', body: 'x' }), 400, 'KeyTooLongError'),
  refused('refuses an upload in parts to a key of 1,025 bytes', ({ target, bucket }) => target.raw(`/${bucket}/${'k'.repeat(1025)}`, { method: 'POST', query: [['uploads', '']] }), 400, 'KeyTooLongError'),
  { name: 'says in the codes of S3 that headers are too long', run: async (given) => {
    for (const length of [9_000, 40_000]) {
      const answer = await given.target.raw(`/${given.bucket}/a`, { method: 'PUT', body: 'x', headers: { 'x-amz-meta-long': 'x'.repeat(length) } });
      expect(answer, String(length)).toMatchObject({ status: 400, code: 'RequestHeaderSectionTooLarge' });
    }
    await expectNothingStored(given);
  } },
  { name: 'answers a request that is no HTTP with 400 and goes on serving', run: async (given) => {
    const { hostname, port } = new URL(given.target.endpoint);
    const text = await new Promise<string>((resolve, reject) => {
      let received = '';
      const socket = connect(Number(port), hostname, () => socket.write('nonsense\r\n\r\n'));
      socket.on('data', (piece: Buffer) => void (received += piece.toString('latin1'))).on('error', reject).on('close', () => resolve(received));
    });
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect((await given.target.raw(`/${given.bucket}`)).status).toBe(200);
  } },
  refused('refuses metadata of more than 2 KB in many headers', (given) => putA(given, 'x', { headers: Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`x-amz-meta-${String(index).padStart(2, '0')}`, 'x'.repeat(80)])) }), 400, 'MetadataTooLarge'),
  { name: 'keeps metadata that is not ASCII, and answers it encoded', run: async (given) => {
    // Node sends one byte per character: the bytes of the UTF-8 that was signed.
    const alter = (headers: Record<string, string>): void => void (headers['x-amz-meta-colour'] = Buffer.from('grün 日本').toString('latin1'));
    expect(await putA(given, Buffer.from('x'), { headers: { 'x-amz-meta-colour': 'grün 日本' }, alter })).toMatchObject({ status: 200 });
    expect((await given.target.raw(`/${given.bucket}/a`, { method: 'HEAD' })).headers['x-amz-meta-colour']).toBe(`=?UTF-8?B?${Buffer.from('grün 日本').toString('base64')}?=`);
  } },
  refused('refuses public access', (given) => putA(given, 'x', { headers: { 'x-amz-acl': 'public-read' } }), 400, 'AccessControlListNotSupported'),
  refused('refuses an encryption nobody knows', (given) => putA(given, 'x', { headers: { 'x-amz-server-side-encryption': 'ROT13' } }), 400, 'InvalidArgument'),
  refused('refuses a storage class nobody knows', (given) => putA(given, 'x', { headers: { 'x-amz-storage-class': 'SHOEBOX' } }), 400, 'InvalidStorageClass'),
  refused('refuses a part number of 0', ({ target, bucket }) => target.raw(`/${bucket}/a`, { method: 'PUT', query: [['partNumber', '0'], ['uploadId', 'x']], body: 'x' }), 400, 'InvalidArgument'),
  refused('refuses a part number of 10,001', ({ target, bucket }) => target.raw(`/${bucket}/a`, { method: 'PUT', query: [['partNumber', '10001'], ['uploadId', 'x']], body: 'x' }), 400, 'InvalidArgument'),
  refused('refuses a part of an upload that never was', ({ target, bucket }) => target.raw(`/${bucket}/a`, { method: 'PUT', query: [['partNumber', '1'], ['uploadId', 'nonsense']], body: 'x' }), 404, 'NoSuchUpload'),
  refused('refuses a page of less than nothing', ({ target, bucket }) => target.raw(`/${bucket}`, { query: [['list-type', '2'], ['max-keys', '-1']] }), 400, 'InvalidArgument'),
  refused('refuses an encoding of names nobody knows', ({ target, bucket }) => target.raw(`/${bucket}`, { query: [['list-type', '2'], ['encoding-type', 'rot13']] }), 400, 'InvalidArgument'),
];

const connections: Case[] = [{
  name: 'keeps a connection usable after every kind of refusal',
  run: async (given) => {
    const { target, bucket } = given;
    const host = hostOf(given);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (method: string, path: string, headers: Record<string, string>, body: string | Uint8Array) => new Promise<{ status: number; port: number }>((resolve, reject) => {
      const { hostname, port } = new URL(target.endpoint);
      const outgoing = httpRequest({ hostname, port, path, method, headers: { host, 'content-length': String(Buffer.byteLength(body)), ...headers }, agent }, (incoming) => {
        const answer = { status: incoming.statusCode ?? 0, port: incoming.socket.localPort ?? 0 };
        incoming.resume();
        incoming.on('end', () => resolve(answer));
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
    const signed = (path: string, payloadHash: string, more: Record<string, string> = {}) => ({ ...more, ...target.signer.signHeaders({ method: 'PUT', path, headers: { host, ...more }, payloadHash }, Date.now()) });
    const body = randomBytes(300_000);
    const path = `/${bucket}/a`;
    const answers = [
      await ask('PUT', path, {}, body),
      await ask('PUT', path, signed(path, sha256Hex('other')), body),
      await ask('PUT', '/no-such-bucket-here/a', signed('/no-such-bucket-here/a', UNSIGNED_PAYLOAD), body),
      await ask('PUT', `/${bucket}/%ff`, {}, body),
      await ask('PUT', `/${bucket}/${'k'.repeat(1025)}`, signed(`/${bucket}/${'k'.repeat(1025)}`, UNSIGNED_PAYLOAD), body),
      await ask('PUT', path, signed(path, UNSIGNED_PAYLOAD, { 'content-md5': md5Of('other') }), body),
      await ask('PUT', path, signed(path, UNSIGNED_CHUNKS_WITH_TRAILER, { 'x-amz-decoded-content-length': '5', 'content-encoding': 'aws-chunked' }), body),
      await ask('PUT', path, signed(path, UNSIGNED_PAYLOAD, { 'x-amz-server-side-encryption': 'ROT13' }), body),
      await ask('PUT', path, signed(path, UNSIGNED_PAYLOAD), body),
    ];
    agent.destroy();
    expect(answers.map(({ status }) => status)).toEqual([403, 400, 404, 400, 400, 400, 400, 400, 200]);
    expect(new Set(answers.map(({ port }) => port)).size).toBe(1);
    expect((await target.raw(path)).body.equals(body)).toBe(true);
  },
}];

export const REQUEST_CASES: readonly Case[] = [...signatures, ...presignedRequests, ...bodies, ...chunkedBodies, ...documents, ...keysAndHeaders, ...connections];
