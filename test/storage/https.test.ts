import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSigner } from '../../main/sigv4/sign.ts';
import { readAudit } from '../../main/storage/audit.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';

describe('built-in storage over HTTPS', () => {
  const dir = mkdtempSync(join(tmpdir(), 'enfold-storage-'));
  let storage: RunningStorage;
  beforeAll(async () => {
    storage = await startStorage({ dir, isSecure: true });
  });
  afterAll(async () => {
    await storage.stop();
    rmSync(dir, { recursive: true });
  });

  const ask = (method: string, path: string, ca: string | undefined, body = '', servername?: string) => new Promise<number>((resolve, reject) => {
    const { host: own, hostname, port } = new URL(storage.endpoint);
    const host = servername === undefined ? own : `${servername}:${port}`;
    const headers = { host, 'content-length': String(body.length) };
    const signed = createSigner(storage, 'us-east-1').signHeaders({ method, path, headers, payloadHash: 'UNSIGNED-PAYLOAD' }, Date.now());
    const outgoing = request({ hostname, port, method, path, ca, ...(servername === undefined ? {} : { servername }), headers: { ...headers, ...signed } }, (incoming) => {
      incoming.resume();
      incoming.on('end', () => resolve(incoming.statusCode ?? 0));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });

  test('a client that trusts the certificate by its file may talk to it, no other', async () => {
    expect(storage.endpoint).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(await ask('PUT', '/a-bucket', storage.certificate?.pem)).toBe(200);
    await expect(ask('GET', '/', undefined)).rejects.toThrow(/self.signed/);
  });

  test('the certificate is for this computer, and its fingerprint is what is printed', () => {
    const certificate = new X509Certificate(storage.certificate?.pem ?? '');
    expect(certificate.fingerprint256).toBe(storage.certificate?.fingerprint);
    expect(certificate.checkHost('localhost')).toBe('localhost');
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.checkHost('example.org')).toBeUndefined();
    expect(certificate.verify(certificate.publicKey)).toBe(true);
  });

  test('a bucket under its own host name has a certificate that the same file vouches for', async () => {
    const ca = storage.certificate?.pem;
    expect(await ask('PUT', '/my.photos', ca)).toBe(200);
    expect(await ask('PUT', '/a.txt', ca, 'content', 'my.photos.localhost')).toBe(200);
    expect(await ask('HEAD', '/my.photos/a.txt', ca)).toBe(200);
    expect(await ask('HEAD', '/a.txt', ca, '', `${'b'.repeat(63)}.localhost`)).toBe(404);
    await expect(ask('HEAD', '/a.txt', undefined, '', 'my.photos.localhost')).rejects.toThrow(/self.signed/);
    await expect(ask('HEAD', '/a.txt', ca, '', 'photos.example.org')).rejects.toThrow(/altnames|does not match/i);
  });

  test('a policy that wants TLS lets it through', async () => {
    const policy = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Deny', Principal: '*', Action: 's3:*', Resource: ['arn:aws:s3:::tls-only', 'arn:aws:s3:::tls-only/*'], Condition: { Bool: { 'aws:SecureTransport': 'false' } } }] });
    await ask('PUT', '/tls-only', storage.certificate?.pem);
    const { host } = new URL(storage.endpoint);
    const signed = createSigner(storage, 'us-east-1').presignQuery({ method: 'PUT', path: '/tls-only', query: [['policy', '']], headers: { host } }, Date.now(), 60);
    const status = await new Promise<number>((resolve, reject) => {
      const outgoing = request(`${storage.endpoint}/tls-only?${signed}`, { method: 'PUT', ca: storage.certificate?.pem, headers: { 'content-length': String(policy.length) } }, (incoming) => resolve(incoming.statusCode ?? 0));
      outgoing.on('error', reject);
      outgoing.end(policy);
    });
    expect(status).toBe(204);
    expect(await ask('PUT', '/tls-only/a', storage.certificate?.pem, 'x')).toBe(200);
  });

  test('the certificate stays over a restart', async () => {
    const { certificate } = storage;
    await storage.stop();
    storage = await startStorage({ dir, isSecure: true });
    expect(storage.certificate).toEqual(certificate);
  });

  test('the audit log can be followed while it grows', async () => {
    const abort = new AbortController();
    const seen: (string | undefined)[] = [];
    const following = (async () => {
      for await (const entry of readAudit(dir, true, abort.signal)) seen.push(entry.objectKey);
    })();
    await expect.poll(() => seen.length).toBeGreaterThan(0);
    await ask('PUT', '/a-bucket/later', storage.certificate?.pem, 'x');
    await expect.poll(() => seen).toContain('later');
    abort.abort();
    await following;
    expect(seen.filter((name) => name === 'later')).toHaveLength(1);
  });
});
