import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSyncError } from '../../main/model/errors.ts';
import { scanListPage, scanUploadsPage } from '../../main/remote/list-scanner.ts';

const entry = (key: string, size = '1', etag = '&quot;abc&quot;'): string => `<Contents><Key>${key}</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>${etag}</ETag><Size>${size}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
const page = (inner: string, truncated = 'false', more = ''): Buffer =>
  Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><EncodingType>url</EncodingType><IsTruncated>${truncated}</IsTruncated>${more}${inner}</ListBucketResult>`);
function codeOf(run: () => unknown): string | null {
  try {
    run();
    return null;
  } catch (error) {
    return isSyncError(error) ? error.code : 'not a SyncError';
  }
}

describe('a page of a listing', () => {
  test('gives keys, sizes, times and bare ETags in order', () => {
    expect(scanListPage(page(entry('a', '12') + entry('b%20c%26d', '0', '"x-2"')))).toEqual({
      objects: [
        { objectKey: 'a', etag: 'abc', objectBytes: 12, lastModifiedMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678) },
        { objectKey: 'b c&d', etag: 'x-2', objectBytes: 0, lastModifiedMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678) },
      ],
      prefixes: [], next: null,
    });
  });

  test('says how it goes on, wherever the server puts that', () => {
    const token = '<NextContinuationToken>t&amp;k=</NextContinuationToken>';
    expect(scanListPage(page(entry('a'), 'true', token)).next).toBe('t&k=');
    const behind = Buffer.from(`<ListBucketResult>${entry('a')}<IsTruncated>true</IsTruncated>${token}</ListBucketResult>`);
    expect(scanListPage(behind).next).toBe('t&k=');
  });

  test('takes an empty bucket for an empty page', () => {
    expect(scanListPage(page(''))).toEqual({ objects: [], prefixes: [], next: null });
  });

  test('is not taken from a web page, a part of one or a promise without a way on', () => {
    expect(codeOf(() => scanListPage(Buffer.from('<html>sign in</html>')))).toBe('not-s3');
    expect(codeOf(() => scanListPage(page(entry('a')).subarray(0, -5)))).toBe('answer-invalid');
    expect(codeOf(() => scanListPage(page(entry('a'), 'true')))).toBe('answer-invalid');
    expect(codeOf(() => scanListPage(Buffer.from(`<ListBucketResult>${entry('a')}</ListBucketResult>`)))).toBe('answer-invalid');
  });

  test.each([['the same key twice', entry('a') + entry('a')], ['keys out of order', entry('b') + entry('a')], ['a size that is none', entry('a', 'x')], ['a name that is no UTF-8', entry('%FF')], ['no key', '<Contents><Size>1</Size></Contents>']])('is refused with %s', (_what, inner) => {
    expect(codeOf(() => scanListPage(page(inner)))).toBe('answer-invalid');
  });

  test('orders keys by their bytes, as S3 does', () => {
    expect(scanListPage(page(entry(encodeURIComponent('\u{FFFD}')) + entry(encodeURIComponent('\u{1F642}')))).objects).toHaveLength(2);
    expect(codeOf(() => scanListPage(page(entry(encodeURIComponent('\u{1F642}')) + entry(encodeURIComponent('\u{FFFD}')))))).toBe('answer-invalid');
  });

  test('answers any bytes with a page or a listed error', () => {
    fc.assert(fc.property(fc.string({ maxLength: 300 }), fc.nat(400), (text, at) => {
      const whole = page(entry('a') + entry('b')).toString();
      const broken = Buffer.from(whole.slice(0, at) + text + whole.slice(at));
      expect(codeOf(() => scanListPage(broken))).not.toBe('not a SyncError');
    }));
  });
});

test('unfinished uploads are read with their keys and times', () => {
  const xml = '<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><EncodingType>url</EncodingType><NextKeyMarker>a%2Fb</NextKeyMarker><NextUploadIdMarker>u1</NextUploadIdMarker><Upload><Key>a%2Fb</Key><UploadId>u1</UploadId><Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload></ListMultipartUploadsResult>';
  expect(scanUploadsPage(xml)).toEqual({ uploads: [{ objectKey: 'a/b', uploadId: 'u1', initiatedMs: Date.UTC(2026, 0, 1) }], next: { key: 'a/b', uploadId: 'u1' } });
});
