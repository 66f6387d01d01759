import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { encodeKeyExport, generateKey, isPublicOnly, keyIdOfMaterial, needsPassphrase, parseKeyMaterial } from '../../main/keys/key-material.ts';

// An export costs a second of scrypt and 256 MiB, more on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const key = randomBytes(32);

describe('a key is read from', () => {
  const forms: [string, Buffer][] = [
    ['32 raw bytes', key],
    ['hex', Buffer.from(key.toString('hex'))],
    ['upper-case hex with a line end', Buffer.from(`${key.toString('hex').toUpperCase()}\r\n`)],
    ['base64', Buffer.from(key.toString('base64'))],
    ['base64 with spaces around it', Buffer.from(`  ${key.toString('base64')}\n`)],
    ['URL-safe base64 without padding', Buffer.from(key.toString('base64url'))],
  ];
  test.each(forms)('%s', async (_form, file) => {
    expect(needsPassphrase(file)).toBe(false);
    expect(await parseKeyMaterial(file, 'aes', null)).toEqual({ type: 'aes', bytes: key, name: null });
  });

  test('what an export wrote, with its name and type', async () => {
    const exported = Buffer.from(await encodeKeyExport({ type: 'sse-c', name: 'photos', bytes: key }, 'export passphrase'));
    expect(needsPassphrase(exported)).toBe(true);
    expect(exported.toString()).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----/);
    expect(await parseKeyMaterial(exported, 'aes', 'export passphrase')).toEqual({ type: 'sse-c', bytes: key, name: 'photos' });
    await expect(parseKeyMaterial(exported, 'aes', 'another')).rejects.toMatchObject({ code: 'passphrase-wrong' });
    await expect(parseKeyMaterial(exported, 'aes', null)).rejects.toMatchObject({ code: 'passphrase-missing' });
    await expect(parseKeyMaterial(exported.subarray(0, 300), 'aes', 'export passphrase')).rejects.toMatchObject({ code: 'key-file-damaged' });
  });
});

describe('what is no key is refused, with the reason', () => {
  const bad: [string, Buffer, string][] = [
    ['31 bytes', randomBytes(31), 'key-invalid'],
    ['33 bytes', Buffer.concat([key, Buffer.of(0)]), 'key-invalid'],
    ['nothing', Buffer.alloc(0), 'key-invalid'],
    ['hex of 31 bytes', Buffer.from(key.subarray(1).toString('hex')), 'key-invalid'],
    ['all zeros', Buffer.alloc(32), 'key-invalid'],
    ['hex zeros', Buffer.from('00'.repeat(32)), 'key-invalid'],
    ['a text', Buffer.from('this is not a key at all!'), 'key-invalid'],
    ['a huge file', Buffer.alloc(100_000, 65), 'key-invalid'],
    ['a PEM that holds nothing', Buffer.from('-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n'), 'key-invalid'],
  ];
  test.each(bad)('%s', async (_what, file, code) => {
    await expect(parseKeyMaterial(file, 'aes', null)).rejects.toMatchObject({ code });
  });
});

describe('an RSA key', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

  test('is read from PKCS#8, PKCS#1 and, to write only, its public half; all have one id', async () => {
    const pair = privateKey.export({ format: 'der', type: 'pkcs8' });
    for (const type of ['pkcs8', 'pkcs1'] as const) {
      expect(await parseKeyMaterial(Buffer.from(privateKey.export({ format: 'pem', type })), 'aes', null)).toEqual({ type: 'rsa', bytes: pair, name: null });
    }
    for (const type of ['spki', 'pkcs1'] as const) {
      const half = await parseKeyMaterial(Buffer.from(publicKey.export({ format: 'pem', type })), 'aes', null);
      expect(half).toEqual({ type: 'rsa', bytes: publicKey.export({ format: 'der', type: 'spki' }), name: null });
      expect(keyIdOfMaterial('rsa', half.bytes)).toBe(keyIdOfMaterial('rsa', pair));
      expect([isPublicOnly('rsa', half.bytes), isPublicOnly('rsa', pair)]).toEqual([true, false]);
    }
  });

  test('survives an export under a passphrase', async () => {
    const bytes = privateKey.export({ format: 'der', type: 'pkcs8' });
    const exported = Buffer.from(await encodeKeyExport({ type: 'rsa', name: 'office', bytes }, 'export passphrase'));
    expect(await parseKeyMaterial(exported, 'aes', 'export passphrase')).toEqual({ type: 'rsa', bytes, name: 'office' });
  });

  const pemOf = (bits: number): Buffer => Buffer.from(generateKeyPairSync('rsa', { modulusLength: bits }).privateKey.export({ format: 'pem', type: 'pkcs8' }));
  const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' });
  const locked = privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'secret' });
  const bad: [string, Buffer][] = [['too short', pemOf(1024)], ['of another kind', Buffer.from(elliptic)], ['in an encrypted PEM', Buffer.from(locked)]];
  test.each(bad)('is refused when it is %s', async (_what, file) => {
    await expect(parseKeyMaterial(file, 'aes', null)).rejects.toMatchObject({ code: 'key-invalid' });
  });

  test('is no 32 bytes', async () => {
    await expect(parseKeyMaterial(key, 'rsa', null)).rejects.toMatchObject({ code: 'key-invalid' });
  });

  test('is made with 3,072 bits', async () => {
    const made = await generateKey('rsa');
    expect(createPrivateKey({ key: made, format: 'der', type: 'pkcs8' }).asymmetricKeyDetails?.modulusLength).toBe(3072);
  });
});

test('a generated key is 32 bytes and never the same twice', async () => {
  expect(await generateKey('aes')).toHaveLength(32);
  expect(await generateKey('sse-c')).not.toEqual(await generateKey('sse-c'));
});
