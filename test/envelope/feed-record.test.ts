/** The change feed's bytes: what is written comes back, what does not fit is left out at the old end, and damage is an error. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeFeed, parseFeed } from '../../main/envelope/feed-record.ts';
import { MAX_FEED_BYTES, MAX_FEED_ENTRIES } from '../../main/model/feed.ts';
import type { NumberedChange } from '../../main/model/feed.ts';
import type { KeyId } from '../../main/model/mode.ts';
import type { ObjectKey } from '../../main/model/path.ts';
import type { OperationId } from '../../main/model/snapshot.ts';
import type { DeviceId } from '../../main/model/version-vector.ts';
import { answerOf } from '../helpers/answer.ts';

const device = '0a0b0c0d0e0f' as DeviceId;
const prefix = 'photos/';
const change = (seq: number, key = `file ${seq}`): NumberedChange => ({
  seq, objectKey: `${prefix}${key}` as ObjectKey, etag: `etag-${seq}`, operationId: seq.toString(16).padStart(32, '0') as OperationId, vector: { [device]: seq }, objectBytes: seq * 3,
  keyId: seq % 2 === 0 ? null : ('0123456789abcdef' as KeyId), isDeleted: seq % 3 === 0,
});
const changes = (from: number, count: number, key?: string): NumberedChange[] => Array.from({ length: count }, (_, i) => change(from + i, key));

describe('a change feed', () => {
  test('comes back as it was, names outside ASCII included', () => {
    const feed = { device, changes: [...changes(41, 3), change(44, 'Ünïcödé \u{1f600}/b')] };
    expect(parseFeed(encodeFeed(feed, prefix), device, prefix)).toEqual(feed);
  });

  test('is written in one form only', () => {
    expect(encodeFeed({ device, changes: [change(6)] }, prefix).toString('latin1')).toBe(
      '{"changes":[{"deleted":true,"etag":"etag-6","key":"file 6","keyId":null,"op":"00000000000000000000000000000006","size":18,"vector":{"0a0b0c0d0e0f":6}}],"device":"0a0b0c0d0e0f","enfold":"feed","first":6,"version":1}',
    );
  });

  test('keeps the newest changes where not all of them fit', () => {
    const byBytes = parseFeed(encodeFeed({ device, changes: changes(1, 3_000, 'x'.repeat(900)) }, prefix), device, prefix);
    expect(encodeFeed(byBytes, prefix).length).toBeLessThanOrEqual(MAX_FEED_BYTES);
    expect(byBytes.changes.at(-1)?.seq).toBe(3_000);
    expect(byBytes.changes.length).toBeGreaterThan(900);
    const byCount = parseFeed(encodeFeed({ device, changes: changes(1, MAX_FEED_ENTRIES + 5).map((one) => ({ ...one, etag: 'e', objectKey: `${prefix}k` as ObjectKey, vector: {} })) }, prefix), device, prefix);
    expect(byCount.changes.length).toBeLessThanOrEqual(MAX_FEED_ENTRIES);
    expect(byCount.changes.at(-1)?.seq).toBe(MAX_FEED_ENTRIES + 5);
  });

  const good = encodeFeed({ device, changes: changes(1, 2) }, prefix).toString();
  test.each<[string, string, string]>([
    ['another device\'s', good.replace(device, 'ffffffffffff').replace('"device":"0a0b0c0d0e0f"', '"device":"ffffffffffff"'), 'not-authentic'],
    ['of a newer version', good.replace('"version":1', '"version":2'), 'newer-version'],
    ['without changes', good.replace(/"changes":\[.*\],"device"/, '"changes":[],"device"'), 'malformed'],
    ['numbered from nothing', good.replace('"first":1', '"first":0'), 'malformed'],
    ['of something else', good.replace('"feed"', '"food"'), 'malformed'],
    ['with an operation id of the wrong length', good.replace(/"op":"0/, '"op":"'), 'malformed'],
    ['with a negative size', good.replace('"size":3', '"size":-3'), 'malformed'],
    ['cut short', good.slice(0, -1), 'malformed'],
    ['too large', good.padEnd(MAX_FEED_BYTES + 1), 'malformed'],
  ])('is refused where it is %s', (_, text, code) => {
    expect(answerOf(() => parseFeed(Buffer.from(text), device, prefix))).toBe(code);
  });

  test('answers any bytes with a feed or an error of its own', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(['malformed', 'value']).toContain(answerOf(() => parseFeed(Buffer.from(bytes), device, prefix)));
    }));
  });
});
