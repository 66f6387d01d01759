/** What the SDK never sends: requests that are altered, forged, late, malformed or cut off. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createSigner } from '../../main/sigv4/sign.ts';
import { SIGNED_CHUNKS, SIGNED_CHUNKS_WITH_TRAILER, UNSIGNED_CHUNKS_WITH_TRAILER, amzDateOf, chunkStringToSign, deriveSigningKey, encodePath, sha256Hex, signText, trailerStringToSign } from '../../main/sigv4/signature.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createTarget, send, type RawAnswer, type Target } from './target.ts';

describe('what is refused', () => {
  const dir = mkdtempSync(join(tmpdir(), 'enfold-storage-'));
  let storage: RunningStorage;
  let target: Target;
  let bucket: string;
  let host: string;

  beforeAll(async () => {
    storage = await startStorage({ dir });
    target = createTarget(storage);
    host = new URL(storage.endpoint).host;
  });
  beforeEach(async () => {
    bucket = target.newBucketName();
    await target.raw(`/${bucket}`, { method: 'PUT' });
  });
  afterAll(async () => {
    target.client.destroy();
    await storage.stop();
    rmSync(dir, { recursive: true });
  });

  const put = (body: string | Uint8Array, more: Parameters<Target['raw']>[1] = {}): Promise<RawAnswer> => target.raw(`/${bucket}/a`, { method: 'PUT', body, ...more });
  const isAbsent = async (): Promise<boolean> => (await target.raw(`/${bucket}/a`, { method: 'HEAD' })).status === 404;

  describe('by its signature', () => {
    test('a request without one', async () => {
      expect(await send(storage.endpoint, '/', { method: 'GET', headers: { host } })).toMatchObject({ status: 403, code: 'AccessDenied' });
      expect(await send(storage.endpoint, `/${bucket}/a`, { method: 'PUT', headers: { host, 'content-length': '1' }, body: 'x' })).toMatchObject({ status: 403, code: 'AccessDenied' });
    });
    test('a request of an unknown access key, or with another secret', async () => {
      const unknown = createTarget({ ...storage, accessKeyId: 'AKIANOBODY' });
      expect(await unknown.raw(`/${bucket}`)).toMatchObject({ status: 403, code: 'InvalidAccessKeyId' });
      const wrong = createTarget({ ...storage, secretAccessKey: 'wrong' });
      expect(await wrong.raw(`/${bucket}`)).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
    });
    test.each<[string, (headers: Record<string, string>) => void]>([
      ['signed header', (headers) => void (headers['x-amz-meta-a'] = 'changed')],
      ['signature', (headers) => void (headers['authorization'] = `${headers['authorization']?.slice(0, -1) ?? ''}x`)],
      ['payload hash', (headers) => void (headers['x-amz-content-sha256'] = sha256Hex('other'))],
      ['date', (headers) => void (headers['x-amz-date'] = amzDateOf(Date.now() - 1000))],
    ])('a request whose %s was altered', async (_name, alter) => {
      expect(await put('x', { headers: { 'x-amz-meta-a': 'a' }, alter })).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
      expect(await isAbsent()).toBe(true);
    });
    test('a header of S3 that was added without a signature', async () => {
      expect(await put('x', { unsignedHeaders: { 'x-amz-meta-added': 'x' } })).toMatchObject({ status: 403, code: 'AccessDenied' });
    });
    test('a clock that is more than fifteen minutes off, either way', async () => {
      for (const offMs of [-16 * 60_000, 16 * 60_000]) expect(await target.raw(`/${bucket}`, { signedAtMs: Date.now() + offMs })).toMatchObject({ status: 403, code: 'RequestTimeTooSkewed' });
      expect(await target.raw(`/${bucket}`, { signedAtMs: Date.now() - 14 * 60_000 })).toMatchObject({ status: 200 });
    });
    test('an old or malformed authorization', async () => {
      const answer = (authorization: string) => target.raw(`/${bucket}`, { alter: (headers) => void (headers['authorization'] = authorization) });
      expect(await answer('AWS key:signature')).toMatchObject({ status: 400, code: 'InvalidRequest' });
      expect(await answer('AWS4-HMAC-SHA256 nonsense')).toMatchObject({ status: 400, code: 'AuthorizationHeaderMalformed' });
      expect(await answer('AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0')).toMatchObject({ status: 400, code: 'AuthorizationHeaderMalformed' });
      expect(await target.raw(`/${bucket}`, { alter: (headers) => void delete headers['x-amz-content-sha256'] })).toMatchObject({ status: 400, code: 'InvalidRequest' });
    });
  });

  describe('by its presigned query', () => {
    const presigned = (method: string, more: { atMs?: number; seconds?: number; key?: string } = {}): string => {
      const path = `/${bucket}/${more.key ?? 'a ü'}`;
      return `${encodePath(path)}?${createSigner(storage, 'us-east-1').presignQuery({ method, path, headers: { host } }, more.atMs ?? Date.now(), more.seconds ?? 60)}`;
    };
    const follow = (method: string, url: string, body?: string) => send(storage.endpoint, url, { method, headers: { host, ...(body === undefined ? {} : { 'content-length': String(body.length) }) }, body });

    test('none that is right', async () => {
      expect(await follow('PUT', presigned('PUT'), 'hello')).toMatchObject({ status: 200 });
      expect((await follow('GET', presigned('GET'))).body.toString()).toBe('hello');
    });
    test('one that is used for something else', async () => {
      expect(await follow('DELETE', presigned('GET'))).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
      expect(await follow('GET', presigned('GET').replace('/a', '/b'))).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
      expect(await follow('GET', `${presigned('GET')}&versionId=null`)).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
    });
    test('one that has expired, is not valid yet, or is valid too long', async () => {
      expect(await follow('GET', presigned('GET', { atMs: Date.now() - 61_000 }))).toMatchObject({ status: 403, code: 'AccessDenied' });
      expect(await follow('GET', presigned('GET', { atMs: Date.now() + 3600_000 }))).toMatchObject({ status: 403, code: 'AccessDenied' });
      expect(await follow('GET', presigned('GET', { seconds: 604_801 }))).toMatchObject({ status: 400, code: 'AuthorizationQueryParametersError' });
    });
  });

  describe('by its body', () => {
    test('a body that is not what its hash says', async () => {
      expect(await put('hello', { payloadHash: sha256Hex('other') })).toMatchObject({ status: 400, code: 'XAmzContentSHA256Mismatch' });
      expect(await put('x'.repeat(200_000), { payloadHash: sha256Hex('other') })).toMatchObject({ status: 400, code: 'XAmzContentSHA256Mismatch' });
      expect(await isAbsent()).toBe(true);
      expect(await put('hello', { payloadHash: sha256Hex('hello') })).toMatchObject({ status: 200 });
    });
    test('a body that is not what its MD5 says, or an MD5 that is none', async () => {
      const md5 = (text: string): string => createHash('md5').update(text).digest('base64');
      expect(await put('hello', { headers: { 'content-md5': md5('other') } })).toMatchObject({ status: 400, code: 'BadDigest' });
      expect(await put('hello', { headers: { 'content-md5': 'nonsense' } })).toMatchObject({ status: 400, code: 'InvalidDigest' });
      expect(await isAbsent()).toBe(true);
      expect(await put('hello', { headers: { 'content-md5': md5('hello') } })).toMatchObject({ status: 200 });
    });
    test('a body without a length', async () => {
      expect(await target.raw(`/${bucket}/a`, { method: 'PUT', unsignedHeaders: { 'transfer-encoding': 'chunked' }, body: 'x' })).toMatchObject({ status: 411, code: 'MissingContentLength' });
    });
    test('more than 5 GiB, before any of it is sent', async () => {
      const { status, code } = await target.raw(`/${bucket}/a`, { method: 'PUT', unsignedHeaders: { 'content-length': String(5 * 1024 ** 3 + 1), expect: '100-continue' } });
      expect({ status, code }).toEqual({ status: 400, code: 'EntityTooLarge' });
    });
  });

  /** A body in chunks, signed as AWS's clients sign it. */
  const chunked = (pieces: readonly string[], options: { trailer?: string; isSigned?: boolean; breakChunk?: number; breakTrailer?: boolean } = {}): Promise<RawAnswer> => {
    const { trailer, isSigned = true, breakChunk, breakTrailer = false } = options;
    const nowMs = Date.now();
    const amzDate = amzDateOf(nowMs);
    const scope = { day: amzDate.slice(0, 8), region: 'us-east-1', service: 's3' };
    const signingKey = deriveSigningKey(storage.secretAccessKey, scope);
    const payloadHash = isSigned ? (trailer === undefined ? SIGNED_CHUNKS : SIGNED_CHUNKS_WITH_TRAILER) : UNSIGNED_CHUNKS_WITH_TRAILER;
    const path = `/${bucket}/a`;
    const headers: Record<string, string> = { host, 'content-encoding': 'aws-chunked', 'x-amz-decoded-content-length': String(pieces.join('').length), ...(trailer === undefined ? {} : { 'x-amz-trailer': trailer.split(':')[0] ?? '' }) };
    const signed = createSigner(storage, 'us-east-1').signHeaders({ method: 'PUT', path, headers, payloadHash }, nowMs);
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
    return send(storage.endpoint, path, { method: 'PUT', headers: { ...headers, ...signed, 'content-length': String(body.length) }, body });
  };
  const crcTrailer = (text: string): string => `x-amz-checksum-crc32:${Buffer.from(crc32(text).toString(16).padStart(8, '0'), 'hex').toString('base64')}`;

  describe('by the chunks of its body', () => {
    const pieces = ['a'.repeat(65_536), 'b'.repeat(100_000), 'c'.repeat(3)];
    test('none that is right, signed or not, with a trailer or not', async () => {
      for (const options of [{}, { trailer: crcTrailer(pieces.join('')) }, { trailer: crcTrailer(pieces.join('')), isSigned: false }]) {
        expect(await chunked(pieces, options)).toMatchObject({ status: 200 });
        const { body, headers } = await target.raw(`/${bucket}/a`);
        expect(body.toString()).toBe(pieces.join(''));
        expect(headers['content-encoding']).toBeUndefined();
      }
      expect(await chunked([])).toMatchObject({ status: 200 });
    });
    test.each([0, 1, 2, 3])('chunk %i whose signature is not its own', async (breakChunk) => {
      expect(await chunked(pieces, { breakChunk })).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
      expect(await isAbsent()).toBe(true);
    });
    test('a trailer that is forged, wrong or missing', async () => {
      expect(await chunked(pieces, { trailer: crcTrailer(pieces.join('')), breakTrailer: true })).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
      expect(await chunked(pieces, { trailer: crcTrailer('other') })).toMatchObject({ status: 400, code: 'BadDigest' });
      expect(await chunked(pieces, { trailer: crcTrailer('other'), isSigned: false })).toMatchObject({ status: 400, code: 'BadDigest' });
      expect(await chunked(pieces, { trailer: 'x-amz-checksum-crc32:', isSigned: false })).toMatchObject({ status: 400, code: 'InvalidRequest' });
      expect(await isAbsent()).toBe(true);
    });
    test.each(['', 'zz\r\n', '5\r\nhel', '5\r\nhello', '5\r\nhello\r\n', '5\r\nhelloXX0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\nmore', '6\r\nhello!\r\n0\r\n\r\n', 'x'.repeat(10_000)])('the framing %j', async (body) => {
      const answer = await put(body, { payloadHash: UNSIGNED_CHUNKS_WITH_TRAILER, headers: { 'x-amz-decoded-content-length': '5', 'content-encoding': 'aws-chunked' } });
      expect(answer).toMatchObject({ status: 400, code: 'IncompleteBody' });
      expect(await isAbsent()).toBe(true);
    });
  });

  describe('because it is not built yet', () => {
    test('object lock', async () => {
      expect(await put('x', { headers: { 'x-amz-object-lock-mode': 'GOVERNANCE' } })).toMatchObject({ status: 501, code: 'NotImplemented' });
      expect(await isAbsent()).toBe(true);
      for (const resource of ['object-lock', 'replication', 'website']) {
        expect(await target.raw(`/${bucket}`, { method: 'PUT', query: [[resource, '']], body: '<a/>' })).toMatchObject({ status: 501, code: 'NotImplemented' });
      }
    });
    test('public access, and unknown encryption', async () => {
      expect(await put('x', { headers: { 'x-amz-acl': 'public-read' } })).toMatchObject({ status: 400, code: 'AccessControlListNotSupported' });
      expect(await put('x', { headers: { 'x-amz-server-side-encryption': 'ROT13' } })).toMatchObject({ status: 400, code: 'InvalidArgument' });
    });
  });

  test.each(['', 'nonsense', '<Delete>', '<Delete></Other>', '<Delete></Delete>', '<!DOCTYPE a [<!ENTITY b "c">]><Delete><Object><Key>&b;</Key></Object></Delete>', '<Delete><Object><Key></Key></Object></Delete>', '<a>'.repeat(100)])('the document %j', async (body) => {
    const headers = { 'content-md5': createHash('md5').update(body).digest('base64') };
    expect(await target.raw(`/${bucket}`, { method: 'POST', query: [['delete', '']], body, headers })).toMatchObject({ status: 400, code: 'MalformedXML' });
  });

  test('a path that is no UTF-8', async () => {
    expect(await send(storage.endpoint, `/${bucket}/%ff%fe`, { method: 'GET', headers: { host } })).toMatchObject({ status: 400, code: 'InvalidURI' });
  });

  test('nothing leaves the data folder and no name on the disk is the client’s', async () => {
    for (const key of ['../../../etc/x', '..', 'a/../../b', '/etc/passwd']) expect((await target.raw(`/${bucket}/${key}`, { method: 'PUT', body: 'x'.repeat(100_000) })).status).toBe(200);
    const names = readdirSync(dir, { recursive: true, encoding: 'utf8' });
    expect(names.filter((name) => !/^(bodies|staging)(\/|$)|^(keys\.json|master-keys\.json|storage\.db(-wal|-shm)?|audit\.jsonl|certificate(-key)?\.pem|lock\.db|endpoint|reserve)$/.test(name.replaceAll('\\', '/')))).toEqual([]);
  });

  test('no plaintext lies on the disk', async () => {
    const secret = 'the plaintext nobody else may read';
    await put(secret.repeat(3));
    await target.raw(`/${bucket}/big`, { method: 'PUT', body: secret.repeat(10_000) });
    const holds = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => {
      try {
        return readFileSync(join(dir, name)).includes(secret);
      } catch {
        return false; // a directory
      }
    });
    expect(holds).toEqual([]);
    expect((await target.raw(`/${bucket}/big`)).body.toString()).toBe(secret.repeat(10_000));
  });

  test('buckets answer under their own host name', async () => {
    await put('hello');
    const virtual = createSigner(storage, 'us-east-1');
    const headers = { host: `${bucket}.localhost:${new URL(storage.endpoint).port}` };
    const answer = await send(storage.endpoint, '/a', { method: 'GET', headers: { ...headers, ...virtual.signHeaders({ method: 'GET', path: '/a', headers, payloadHash: 'UNSIGNED-PAYLOAD' }, Date.now()) } });
    expect(answer.body.toString()).toBe('hello');
  });

  test('a connection stays usable after every kind of refusal', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (method: string, path: string, headers: Record<string, string>, body: string) => new Promise<{ status: number; port: number }>((resolve, reject) => {
      const { hostname, port } = new URL(storage.endpoint);
      const outgoing = httpRequest({ hostname, port, path, method, headers, agent }, (incoming) => {
        const answer = { status: incoming.statusCode ?? 0, port: incoming.socket.localPort ?? 0 };
        incoming.resume();
        incoming.on('end', () => resolve(answer));
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
    const signed = (path: string, payloadHash: string) => createSigner(storage, 'us-east-1').signHeaders({ method: 'PUT', path, headers: { host }, payloadHash }, Date.now());
    const body = 'x'.repeat(300_000);
    const path = `/${bucket}/a`;
    const answers = [
      await ask('PUT', path, { host, 'content-length': String(body.length) }, body),
      await ask('PUT', path, { host, 'content-length': String(body.length), ...signed(path, sha256Hex('other')) }, body),
      await ask('PUT', '/no-such-bucket-here/a', { host, 'content-length': String(body.length), ...signed('/no-such-bucket-here/a', 'UNSIGNED-PAYLOAD') }, body),
      await ask('PUT', path, { host, 'content-length': String(body.length), ...signed(path, 'UNSIGNED-PAYLOAD') }, body),
    ];
    expect(answers.map(({ status }) => status)).toEqual([403, 400, 404, 200]);
    expect(new Set(answers.map(({ port }) => port)).size).toBe(1);
    agent.destroy();
  });

  test('an upload that is cut off leaves nothing behind', async () => {
    const path = `/${bucket}/a`;
    const headers = { host, 'content-length': '1000000' };
    const signed = createSigner(storage, 'us-east-1').signHeaders({ method: 'PUT', path, headers, payloadHash: 'UNSIGNED-PAYLOAD' }, Date.now());
    const head = Object.entries({ ...headers, ...signed }).map(([name, value]) => `${name}: ${value}\r\n`).join('');
    await new Promise<void>((resolve) => {
      const { hostname, port } = new URL(storage.endpoint);
      const socket = connect(Number(port), hostname, () => socket.write(`PUT ${path} HTTP/1.1\r\n${head}\r\n${'x'.repeat(900_000)}`, () => socket.destroy()));
      socket.on('close', () => resolve());
    });
    await expect.poll(() => readdirSync(join(dir, 'staging')), { timeout: 5000 }).toEqual([]);
    expect(await isAbsent()).toBe(true);
  });
});
