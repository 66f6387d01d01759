/** Held to the examples in AWS's S3 documentation, whose key is public, and to Smithy's independent implementation. */
import { SignatureV4 } from '@smithy/signature-v4';
import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createSigner } from '../../main/sigv4/sign.ts';
import { EMPTY_SHA256, SIGNED_CHUNKS, SIGNED_CHUNKS_WITH_TRAILER, amzDateOf, canonicalQuery, chunkStringToSign, deriveSigningKey, encodeComponent, encodePath, parseAmzDate, sha256Hex, signText, trailerStringToSign } from '../../main/sigv4/signature.ts';

const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const nowMs = Date.UTC(2013, 4, 24);
const host = 'examplebucket.s3.amazonaws.com';
const signer = createSigner(credentials, 'us-east-1');
const scope = { day: '20130524', region: 'us-east-1', service: 's3' };
const signatureOf = (headers: Record<string, string>): string => /Signature=([0-9a-f]{64})$/.exec(headers['authorization'] ?? '')?.[1] ?? '';

class Sha256 {
  readonly #hash;
  constructor(secret?: unknown) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Uint8Array);
  }
  update(data: Uint8Array): void {
    this.#hash.update(data);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(this.#hash.digest()));
  }
}

describe('Signature Version 4', () => {
  test.each([
    ['a GET with a range', 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41', { method: 'GET', path: '/test.txt', headers: { host, range: 'bytes=0-9' }, payloadHash: EMPTY_SHA256 }],
    ['a PUT of a key that needs encoding', '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd', {
      method: 'PUT', path: '/test$file.text', headers: { host, date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' }, payloadHash: '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072' }],
    ['a query name without value', 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543', { method: 'GET', path: '/', query: [['lifecycle', '']] as const, headers: { host }, payloadHash: EMPTY_SHA256 }],
    ['a listing', '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7', { method: 'GET', path: '/', query: [['max-keys', '2'], ['prefix', 'J']] as const, headers: { host }, payloadHash: EMPTY_SHA256 }],
  ])('signs %s as published', (_name, expected, request) => {
    expect(signatureOf(signer.signHeaders(request, nowMs))).toBe(expected);
  });

  test('presigns a GET as published', () => {
    expect(signer.presignQuery({ method: 'GET', path: '/test.txt', headers: { host } }, nowMs, 86_400)).toMatch(/&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404$/);
  });

  test('signs chunks one upon the other as published', () => {
    const headers = { host, 'content-encoding': 'aws-chunked', 'content-length': '66824', 'x-amz-decoded-content-length': '66560', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' };
    let signature = signatureOf(signer.signHeaders({ method: 'PUT', path: '/examplebucket/chunkObject.txt', headers: { ...headers, host: 's3.amazonaws.com' }, payloadHash: SIGNED_CHUNKS }, nowMs));
    expect(signature).toBe('4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9');
    const signingKey = deriveSigningKey(credentials.secretAccessKey, scope);
    const signatures = ['a'.repeat(65_536), 'a'.repeat(1024), ''].map((chunk) => (signature = signText(signingKey, chunkStringToSign('20130524T000000Z', scope, signature, sha256Hex(chunk)))));
    expect(signatures).toEqual(['ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648', '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497', 'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9']);
  });

  test('signs a trailer as published', () => {
    const headers = { host: 's3.amazonaws.com', 'content-encoding': 'aws-chunked', 'x-amz-decoded-content-length': '66560', 'x-amz-storage-class': 'REDUCED_REDUNDANCY', 'x-amz-trailer': 'x-amz-checksum-crc32c' };
    let signature = signatureOf(signer.signHeaders({ method: 'PUT', path: '/examplebucket/chunkObject.txt', headers, payloadHash: SIGNED_CHUNKS_WITH_TRAILER }, nowMs));
    expect(signature).toBe('106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e');
    const signingKey = deriveSigningKey(credentials.secretAccessKey, scope);
    for (const chunk of ['a'.repeat(65_536), 'a'.repeat(1024), '']) signature = signText(signingKey, chunkStringToSign('20130524T000000Z', scope, signature, sha256Hex(chunk)));
    expect(signature).toBe('2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992');
    expect(signText(signingKey, trailerStringToSign('20130524T000000Z', scope, signature, sha256Hex('x-amz-checksum-crc32c:sOO8/Q==\n')))).toBe('d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435');
  });

  test.each([
    ['plain', '/bucket/key', {}],
    ['odd characters', '/bucket/a b/ü/+%!\'()*~/日本語/😀', {}],
    ['slashes and dots', '/bucket/a//b/../c/./d/', {}],
    ['a query to sort', '/bucket', { 'list-type': '2', prefix: 'a/ü b+c', 'a-b': '', a: '1', A: '2', delimiter: '/' }],
  ])('agrees with Smithy about %s', async (_name, path, query: Record<string, string>) => {
    const smithy = new SignatureV4({ credentials, region: 'eu-central-1', service: 's3', sha256: Sha256, uriEscapePath: false, applyChecksum: true });
    const signingDate = new Date(Date.UTC(2026, 0, 31, 23, 59, 58));
    const headers = { host: 'localhost:9000', 'x-amz-meta-spaced': '  a   b ', 'content-type': 'text/plain', 'x-amz-content-sha256': sha256Hex('body') };
    const expected = await smithy.sign({ method: 'PUT', protocol: 'http:', hostname: 'localhost', port: 9000, path: encodePath(path), query, headers, body: 'body' }, { signingDate });
    const { 'x-amz-content-sha256': payloadHash, ...toSign } = headers;
    const signed = createSigner(credentials, 'eu-central-1').signHeaders({ method: 'PUT', path, query: Object.entries(query), headers: toSign, payloadHash }, signingDate.getTime());
    expect(signed['authorization']).toBe(expected.headers['authorization']);
  });

  test('signs the session token', () => {
    const headers = createSigner({ ...credentials, sessionToken: 'a-token' }, 'us-east-1').signHeaders({ method: 'GET', path: '/', headers: { host }, payloadHash: EMPTY_SHA256 }, nowMs);
    expect(headers).toMatchObject({ 'x-amz-security-token': 'a-token', authorization: expect.stringContaining('x-amz-security-token') });
  });

  test('encodes all but the unreserved characters', () => {
    expect(encodeComponent('AZaz09-._~ !\'()*/+%&=ü')).toBe('AZaz09-._~%20%21%27%28%29%2A%2F%2B%25%26%3D%C3%BC');
    expect(encodePath('/a b/%2F/ü')).toBe('/a%20b/%252F/%C3%BC');
    expect(canonicalQuery([['b', '2'], ['a', 'y z'], ['a', 'x'], ['A', '']])).toBe('A=&a=x&a=y%20z&b=2');
  });

  test('reads and writes dates, and refuses moments that do not exist', () => {
    expect(amzDateOf(nowMs)).toBe('20130524T000000Z');
    expect(parseAmzDate('20130524T000000Z')).toBe(nowMs);
    for (const text of ['20130231T000000Z', '20130524T250000Z', '2013-05-24T00:00:00Z', '', '20130524T000000']) expect(parseAmzDate(text)).toBeNull();
  });
});
