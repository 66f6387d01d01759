/**
 * A device's change feed as bytes: the body of a sealed record in client-side modes, the whole object in server-side ones.
 * @see docs/format.md, "Change feed"
 */
import { SyncError } from '../model/errors.ts';
import { MAX_FEED_BYTES, MAX_FEED_ENTRIES } from '../model/feed.ts';
import type { ChangeFeed, NumberedChange } from '../model/feed.ts';
import type { KeyId } from '../model/mode.ts';
import type { ObjectKey } from '../model/path.ts';
import type { OperationId } from '../model/snapshot.ts';
import type { DeviceId } from '../model/version-vector.ts';
import { canonicalJson, decodeUtf8, parseJson } from './encoding.ts';
import { isVector } from './sealed-record.ts';

const malformed = (detail: string) => new SyncError('malformed', { detail });

/**
 * The newest changes that fit into 1 MiB and 10,000 entries.
 *
 * @param prefix - of the folder; keys are written without it.
 */
export function encodeFeed({ device, changes }: ChangeFeed, prefix: string): Buffer {
  const head = `{"changes":[`;
  const tail = (first: number): string => `],"device":"${device}","enfold":"feed","first":${first},"version":1}`;
  const texts: string[] = [];
  let bytes = head.length + tail(Number.MAX_SAFE_INTEGER).length;
  let first = 0;
  for (const change of changes.slice(-MAX_FEED_ENTRIES).toReversed()) {
    const { seq, objectKey, etag, operationId, vector, objectBytes, keyId, isDeleted } = change;
    // All of it is ASCII: one character is one byte.
    const text = canonicalJson({ deleted: isDeleted, etag, key: objectKey.slice(prefix.length), keyId, op: operationId, size: objectBytes, vector });
    if (bytes + text.length + 1 > MAX_FEED_BYTES) break;
    bytes += text.length + 1;
    texts.push(text);
    first = seq;
  }
  if (texts.length === 0) throw new SyncError('invariant', { detail: 'a feed without changes' });
  return Buffer.from(`${head}${texts.reverse().join(',')}${tail(first)}`, 'latin1');
}

/** @throws SyncError malformed, newer-version, not-authentic (of another device) */
export function parseFeed(bytes: Buffer, device: DeviceId, prefix: string): ChangeFeed {
  if (bytes.length > MAX_FEED_BYTES) throw malformed('The feed is too large.');
  const value = parseJson(decodeUtf8(bytes));
  if (value === null || typeof value !== 'object' || !('enfold' in value) || value.enfold !== 'feed') throw malformed('It is no change feed.');
  const { version, device: writer, first, changes } = value as Record<string, unknown>;
  if (typeof version === 'number' && version > 1) throw new SyncError('newer-version');
  if (writer !== device) throw new SyncError('not-authentic', { detail: 'It is the feed of another device.' });
  if (version !== 1 || !Number.isSafeInteger(first) || (first as number) < 1 || !Array.isArray(changes) || changes.length === 0 || changes.length > MAX_FEED_ENTRIES) throw malformed('The feed is damaged.');
  return { device, changes: changes.map((change, index) => parseChange(change, (first as number) + index, prefix)) };
}

function parseChange(value: unknown, seq: number, prefix: string): NumberedChange {
  if (value === null || typeof value !== 'object') throw malformed('The feed is damaged.');
  const { deleted, etag, key, keyId, op, size, vector } = value as Record<string, unknown>;
  const isSound =
    typeof deleted === 'boolean' && typeof etag === 'string' && etag !== '' && typeof key === 'string' && key !== '' && (keyId === null || typeof keyId === 'string') &&
    typeof op === 'string' && /^[0-9a-f]{32}$/.test(op) && Number.isSafeInteger(size) && (size as number) >= 0 && isVector(vector) && Number.isSafeInteger(seq);
  if (!isSound) throw malformed('The feed is damaged.');
  return { seq, objectKey: `${prefix}${key}` as ObjectKey, etag, operationId: op as OperationId, vector, objectBytes: size as number, keyId: keyId as KeyId | null, isDeleted: deleted };
}
