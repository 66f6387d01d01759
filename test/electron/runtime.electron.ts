import { expect, test } from 'vitest';

test('these tests run on the cryptography that the app ships with', () => {
  expect(process.versions['electron']).toBeDefined();
  expect(process.versions.openssl).toBe('0.0.0'); // BoringSSL has no OpenSSL version
});
