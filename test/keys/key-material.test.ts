import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { encodeKeyExport, generateKey, needsPassphrase, parseKeyMaterial } from '../../main/keys/key-material.ts';

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
    ['a PEM', Buffer.from('-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n'), 'not-available-yet'],
  ];
  test.each(bad)('%s', async (_what, file, code) => {
    await expect(parseKeyMaterial(file, 'aes', null)).rejects.toMatchObject({ code });
  });
});

test('a generated key is 32 bytes and never the same twice', () => {
  expect(generateKey('aes')).toHaveLength(32);
  expect(generateKey('aes')).not.toEqual(generateKey('aes'));
  expect(() => generateKey('rsa')).toThrow(expect.objectContaining({ code: 'not-available-yet' }));
});
