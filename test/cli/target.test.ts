import { describe, expect, test } from 'vitest';
import { parseContext, parseRemote, parseTarget } from '../../main/cli/target.ts';

describe('TARGET', () => {
  test.each([
    ['docs:a/b.txt', { type: 'folder', folder: 'docs', path: 'a/b.txt' }],
    ['docs:', { type: 'folder', folder: 'docs', path: '' }],
    ['docs:/a:b', { type: 'folder', folder: 'docs', path: 'a:b' }],
  ])('%s is a file of a folder', (text, target) => {
    expect(parseTarget(text, {})).toEqual(target);
  });

  test('s3:// names an object, read as it is unless a mode or key is given', () => {
    expect(parseTarget('s3://bucket/a/b', { connection: 'c' })).toEqual({ type: 'object', connection: 'c', bucket: 'bucket', objectKey: 'a/b', mode: null, key: null, kmsKeyId: null, format: undefined, legacy: false });
    expect(parseTarget('s3://bucket/a', { connection: 'c', key: 'k' })).toMatchObject({ mode: null, key: 'k' });
    expect(parseTarget('s3://bucket/a', { connection: 'c', mode: 'cse-kms', kmsKeyId: 'alias/k', format: 'v2', legacy: true })).toMatchObject({ mode: 'cse-kms', kmsKeyId: 'alias/k', format: 'v2', legacy: true });
    expect(parseTarget('s3://bucket', { connection: 'c' })).toMatchObject({ bucket: 'bucket', objectKey: '' });
  });

  test.each([
    ['nothing', {}], [':path', {}], ['s3://bucket/a', {}], ['s3:///a', { connection: 'c' }], ['docs:a', { key: 'k' }], ['docs:a', { connection: 'c' }], ['docs:a', { legacy: true }],
    ['s3://bucket/a', { connection: 'c', mode: 'cse-c' }], ['s3://bucket/a', { connection: 'c', mode: 'sse-s3', key: 'k' }], ['s3://bucket/a', { connection: 'c', mode: 'rot13' }],
    ['s3://bucket/a', { connection: 'c', mode: 'sse-c' }], ['s3://bucket/a', { connection: 'c', mode: 'cse-kms' }], ['s3://bucket/a', { connection: 'c', mode: 'cse-c', key: 'k', kmsKeyId: 'x' }],
    ['s3://bucket/a', { connection: 'c', key: 'k', format: 'v1' }],
  ])('%s with %o is refused', (text, options) => {
    expect(() => parseTarget(text, options)).toThrow(expect.objectContaining({ code: 'bad-usage' }));
  });
});

test('an encryption context is given as NAME=VALUE', () => {
  expect(parseContext(['team=a', 'note=x=y'])).toEqual({ team: 'a', note: 'x=y' });
  expect(() => parseContext(['=x'])).toThrow(expect.objectContaining({ code: 'bad-usage' }));
});

describe('--remote', () => {
  test.each([['s3://bucket', 'bucket', ''], ['s3://bucket/', 'bucket', ''], ['s3://bucket/a/b', 'bucket', 'a/b/'], ['s3://bucket/a/', 'bucket', 'a/']])('%s', (text, bucket, prefix) => {
    expect(parseRemote(text)).toEqual({ bucket, prefix });
  });

  test.each(['bucket/a', 's3://', 's3://B', 's3://bucket//a', 's3://bucket/a//b', 'https://bucket/a'])('%s is refused', (text) => {
    expect(() => parseRemote(text)).toThrow(expect.objectContaining({ code: 'bad-usage' }));
  });
});
