/** Single objects in every form that other clients of the format leave them in, and keys from elsewhere. */
import { generateKeyPairSync } from 'node:crypto';
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Enfold, Target } from '../../main/assembly/api.ts';
import { openEnfold } from '../../main/assembly/enfold.ts';
import type { ObjectKey } from '../../main/model/path.ts';
import { createBucket } from '../../main/remote/connection.ts';
import type { ObjectStore } from '../../main/remote/object-store.ts';
import { createS3Store } from '../../main/remote/s3.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { hex, vectors } from '../helpers/envelope-vectors.ts';
import { startKmsStandIn, type RunningKms } from '../helpers/kms-stand-in.ts';
import { IN_ANY_STORE } from '../helpers/secrets.ts';

const { signal } = new AbortController();
const { aesWrappingKey, rsaPrivateKeyPem, rsaPublicKeyPem, kmsKeyId } = vectors.inputs;
const SECRETS: Readonly<Record<string, object>> = {
  base64: { SecretString: hex(aesWrappingKey).toString('base64') },
  binary: { SecretBinary: hex(aesWrappingKey).toString('base64') },
  random: { SecretString: 'abcdefghijklmnopqrstuvwxyz012345' },
  short: { SecretString: 'too short' },
};
const scratch = mkdtempSync(join(tmpdir(), 'enfold-objects-'));
const at = (name: string): string => join(scratch, name);
let storage: RunningStorage;
let kms: RunningKms;
let enfold: Enfold;
let store: ObjectStore;
const secretsManager = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
    const { SecretId } = JSON.parse(Buffer.concat(chunks).toString()) as { SecretId: string };
    const secret = SECRETS[SecretId];
    response.writeHead(secret === undefined ? 400 : 200, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(secret ?? { __type: 'ResourceNotFoundException' }));
  });
});

const target = (objectKey: string, options: Partial<Extract<Target, { type: 'object' }>> = {}): Target => ({ type: 'object', connection: 's3', bucket: 'objects', objectKey, mode: null, key: null, ...options });

async function read(from: Target): Promise<string> {
  const chunks: Buffer[] = [];
  await enfold.files.cat(from, async (chunk) => void chunks.push(chunk), signal);
  return Buffer.concat(chunks).toString('hex');
}

beforeAll(async () => {
  [storage, kms] = await Promise.all([startStorage({ dir: at('storage') }), startKmsStandIn([kmsKeyId])]);
  await new Promise<void>((listening) => { secretsManager.listen(0, '127.0.0.1', listening); });
  process.env['AWS_ENDPOINT_URL_KMS'] = kms.endpoint;
  process.env['AWS_ENDPOINT_URL_SECRETS_MANAGER'] = `http://127.0.0.1:${(secretsManager.address() as AddressInfo).port}`;
  const { endpoint, accessKeyId, secretAccessKey } = storage;
  const access = { endpoint, region: 'us-east-1', pathStyle: true, credentials: { type: 'static', accessKeyId, secretAccessKey } } as const;
  await createBucket(access, 'objects', signal);
  store = createS3Store(access, 'objects');
  enfold = await openEnfold({ home: at('home'), env: IN_ANY_STORE });
  await enfold.connections.add({ kind: 's3', name: 's3', endpoint, region: 'us-east-1', accessKeyId, secretAccessKey });
  for (const [name, content] of [['aes', aesWrappingKey], ['rsa', rsaPrivateKeyPem]] as const) {
    writeFileSync(at(name), content);
    await enfold.keys.importFrom({ name, file: at(name), passphrase: null });
  }
});
afterAll(async () => {
  delete process.env['AWS_ENDPOINT_URL_KMS'];
  delete process.env['AWS_ENDPOINT_URL_SECRETS_MANAGER'];
  await enfold.close();
  await store.close();
  await kms.stop();
  secretsManager.close();
  secretsManager.closeAllConnections();
  await storage.stop();
  rmSync(scratch, { recursive: true, force: true });
});

/** Those that no caller's own context binds: the command line has no way to give one. */
const recorded = Object.entries(vectors.objects).filter(([, { callerContext }]) => callerContext === undefined);

describe('an object that another client wrote', () => {
  test.each(recorded)('is read with its key alone: %s', async (name, { metadata, body, instructionFile, plaintext, mode, legacy }) => {
    const objectKey = `recorded/${name}` as ObjectKey;
    await store.put(objectKey, hex(body), { metadata, modeHeaders: {}, condition: null }, signal);
    if (instructionFile !== undefined) await store.put(`${objectKey}.instruction` as ObjectKey, Buffer.from(JSON.stringify(instructionFile)), { metadata: {}, modeHeaders: {}, condition: null }, signal);
    const how = mode === 'kms' ? { kmsKeyId } : { key: mode };
    // Old formats only where the user says so; the others never need it.
    const plain = await read(target(objectKey, how)).catch((error: { code: string }) => error.code);
    expect(plain).toBe(legacy === true ? 'legacy-refused' : plaintext);
    expect(await read(target(objectKey, { ...how, legacy: true }))).toBe(plaintext);
  });

  test('is refused with another key, or a key for something else', async () => {
    const [name] = recorded.find(([, { mode, legacy }]) => mode === 'rsa' && legacy !== true) ?? ['none'];
    await enfold.keys.create({ name: 'customer', type: 'sse-c' });
    await expect(read(target(`recorded/${name}`, { key: 'aes' }))).rejects.toMatchObject({ code: 'key-not-found' });
    await expect(read(target(`recorded/${name}`, { mode: 'cse-c', key: 'customer' }))).rejects.toMatchObject({ code: 'bad-usage' });
  });
});

test('the public half of an RSA pair stores what only the pair reads', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(at('public.pem'), publicKey.export({ format: 'pem', type: 'spki' }));
  writeFileSync(at('private.pem'), privateKey.export({ format: 'pem', type: 'pkcs1' }));
  writeFileSync(at('source'), 'for the owner of the pair');
  const half = await enfold.keys.importFrom({ name: 'theirs', file: at('public.pem'), passphrase: null });
  await enfold.files.put(at('source'), target('drop/note.txt', { key: 'theirs' }), signal);
  await expect(read(target('drop/note.txt', { key: 'theirs' }))).rejects.toMatchObject({ code: 'key-not-found' });
  const pair = await enfold.keys.importFrom({ name: 'theirs', file: at('private.pem'), passphrase: null });
  expect(pair.keyId).toBe(half.keyId);
  // Imported once more, the public half takes nothing away.
  await enfold.keys.importFrom({ name: 'theirs', file: at('public.pem'), passphrase: null });
  expect(Buffer.from(await read(target('drop/note.txt', { key: 'theirs' })), 'hex').toString()).toBe('for the owner of the pair');
  expect(rsaPublicKeyPem).toContain('PUBLIC KEY');
});

test('a customer key is sent over no open network', async () => {
  await enfold.connections.add({ kind: 's3', name: 'open', endpoint: 'http://s3.example:9000', region: 'us-east-1', accessKeyId: 'a', secretAccessKey: 'b' });
  writeFileSync(at('source'), 'private');
  for (const run of [async () => enfold.files.put(at('source'), { ...target('x', { key: 'customer' }), connection: 'open' } as Target, signal), async () => read({ ...target('x', { key: 'customer' }), connection: 'open' } as Target)]) {
    await expect(run()).rejects.toMatchObject({ code: 'rejected', about: { detail: expect.stringContaining('unencrypted connection') } });
  }
});

describe('a file that changes while it is sent as a single object', () => {
  const MIB = 1024 ** 2;
  test.each([
    ['one that fits into one request', MIB, 'longer'], ['one that is sent in parts', 20 * MIB, 'longer'],
    ['one that fits into one request', MIB, 'shorter'], ['one that is sent in parts', 20 * MIB, 'shorter'],
  ] as const)('is not stored: %s gets %s', async (_, bytes, how) => {
    writeFileSync(at('changing'), Buffer.alloc(bytes, 'x'));
    const objectKey = `changing-${bytes}-${how}`;
    let isChanged = false;
    const change = (): void => {
      if (isChanged) return;
      isChanged = true;
      if (how === 'longer') appendFileSync(at('changing'), 'more');
      else truncateSync(at('changing'), bytes / 2);
    };
    for (const options of [{ key: 'aes', mode: 'cse-c' }, {}] as const) {
      isChanged = false;
      writeFileSync(at('changing'), Buffer.alloc(bytes, 'x'));
      await expect(enfold.files.put(at('changing'), target(objectKey, options), signal, change)).rejects.toMatchObject({ code: 'changed-while-reading' });
      expect(await store.head(objectKey as ObjectKey, {}, signal)).toBeNull();
    }
    expect(await store.listMultipart('changing', signal)).toEqual([]);
  });
});

describe('a key from Secrets Manager', () => {
  test('is taken as base64, raw bytes, or 32 characters as the service makes them', async () => {
    const aes = enfold.keys.find('aes');
    for (const secretId of ['base64', 'binary']) expect((await enfold.keys.importFromSecret({ name: 'aes', secretId, connection: 's3' })).keyId).toBe(aes.keyId);
    const { keyId } = await enfold.keys.importFromSecret({ name: 'made there', secretId: 'random', connection: 's3', type: 'sse-c' });
    expect((await enfold.keys.bytesOf(keyId)).toString()).toBe('abcdefghijklmnopqrstuvwxyz012345');
  });

  test.each([['short', 'key-invalid'], ['none', 'key-not-found']])('is refused: %s', async (secretId, code) => {
    await expect(enfold.keys.importFromSecret({ name: 'refused', secretId, connection: 's3' })).rejects.toMatchObject({ code });
  });
});

test('a KMS key that is not there, or may not be used, is said in the words of keys', async () => {
  writeFileSync(at('source'), 'text');
  await expect(enfold.files.put(at('source'), target('x', { mode: 'cse-kms', kmsKeyId: 'alias/none' }), signal)).rejects.toMatchObject({ code: 'kms-key-not-found', about: { server: 'KMS: NotFoundException' } });
});
