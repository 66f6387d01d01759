import { describe, expect, test } from 'vitest';
import { isSyncError } from '../../main/model/errors.ts';
import { errorOfAnswer, errorOfFailure, errorOfSdk } from '../../main/remote/s3-errors.ts';

const answer = (status: number, code: string | null, headers: Record<string, string> = {}) => ({ status, headers, body: Buffer.from(code === null ? '' : `<?xml version="1.0"?><Error><Code>${code}</Code><Message></Message></Error>`) });

describe('what a server answers', () => {
  test.each([
    [412, 'PreconditionFailed', 'version-changed'], [409, 'ConditionalRequestConflict', 'server-error'], [404, 'NoSuchBucket', 'bucket-not-found'], [404, 'NoSuchKey', 'object-not-found'],
    [404, 'NoSuchUpload', 'object-not-found'], [403, 'RequestTimeTooSkewed', 'clock-wrong'], [403, 'InvalidAccessKeyId', 'sign-in-wrong'], [403, 'SignatureDoesNotMatch', 'sign-in-wrong'],
    [400, 'ExpiredToken', 'sign-in-expired'], [403, 'AccessDenied', 'access-denied'], [301, 'PermanentRedirect', 'wrong-region'], [503, 'SlowDown', 'throttled'], [429, null, 'throttled'],
    [500, 'InternalError', 'server-error'], [502, null, 'server-error'], [400, 'RequestTimeout', 'server-error'], [400, 'InvalidArgument', 'rejected'], [501, 'NotImplemented', 'rejected'],
    [403, 'QuotaExceeded', 'quota-exceeded'], [507, null, 'quota-exceeded'], [400, 'MetadataTooLarge', 'metadata-too-large'], [400, 'KeyTooLongError', 'name-too-long'], [412, null, 'version-changed'],
    [404, null, 'object-not-found'], [200, null, 'answer-invalid'], [302, null, 'answer-invalid'],
  ] as const)('%i %s is %s', (status, code, expected) => {
    expect(errorOfAnswer(answer(status, code)).code).toBe(expected);
  });

  test('is about the bucket where a request for the bucket finds nothing', () => {
    expect(errorOfAnswer(answer(404, null), { isBucketRequest: true }).code).toBe('bucket-not-found');
  });

  test('is not S3 where it is a web page', () => {
    const page = { status: 403, headers: { 'content-type': 'text/html; charset=utf-8' }, body: Buffer.from('<html>no</html>') };
    expect(errorOfAnswer(page).code).toBe('not-s3');
    expect(errorOfAnswer({ ...page, status: 502 }).code).toBe('server-error');
  });

  test('tells how long to wait and which region the bucket is in', () => {
    expect(errorOfAnswer(answer(503, 'SlowDown', { 'retry-after': '7' })).retryAfterMs).toBe(7000);
    expect(errorOfAnswer(answer(301, 'PermanentRedirect', { 'x-amz-bucket-region': 'eu-west-1' })).about.detail).toContain('eu-west-1');
  });

  test('never carries a message of the server, which may name anything', () => {
    const error = errorOfAnswer({ status: 403, headers: {}, body: Buffer.from('<Error><Code>AccessDenied</Code><Message>secret words</Message></Error>') });
    expect(JSON.stringify([error.message, error.about])).not.toContain('secret words');
  });
});

describe('a request without an answer', () => {
  test.each([
    ['ECONNREFUSED', 'offline'], ['ENOTFOUND', 'offline'], ['UND_ERR_CONNECT_TIMEOUT', 'offline'], ['UND_ERR_SOCKET', 'offline'], ['CERT_HAS_EXPIRED', 'tls-failed'], ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls-failed'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls-failed'], ['EPROTO', 'tls-failed'], ['HPE_INVALID_CONSTANT', 'answer-invalid'], ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'answer-invalid'],
  ])('because of %s is %s', (code, expected) => {
    expect(errorOfFailure(Object.assign(new Error('x'), { code }))).toMatchObject({ code: expected });
  });

  test('that was given up keeps the reason', () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    stop.abort(reason);
    expect(errorOfFailure(new Error('x'), stop.signal)).toBe(reason);
  });

  test('leaves mistakes of our own alone', () => {
    const mistake = new TypeError('x is not a function');
    expect(errorOfFailure(mistake)).toBe(mistake);
  });
});

test('what the SDK throws is translated by name and status', () => {
  const thrown = Object.assign(new Error('UnknownError'), { name: 'NoSuchBucket', $metadata: { httpStatusCode: 404 } });
  expect(isSyncError(errorOfSdk(thrown), 'bucket-not-found')).toBe(true);
  const credentials = Object.assign(new Error('Could not load credentials'), { name: 'CredentialsProviderError' });
  expect(isSyncError(errorOfSdk(credentials), 'sign-in-missing')).toBe(true);
  const socket = Object.assign(new Error('connect'), { code: 'ECONNREFUSED', $metadata: {} });
  expect(isSyncError(errorOfSdk(socket), 'offline')).toBe(true);
});
