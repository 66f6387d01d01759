/** Looks at every object of a place, many at once, and counts them by encryption, key, format and verdict. */
import { keyOfRow } from './report.ts';
import { judge, lookAt, type Facts, type LookKey, type ReadEnvelope, type ScanWish } from './object-encryption.ts';
import type { Listed, ObjectSource } from './object-source.ts';
import type { OpenBucket } from './open-bucket.ts';
import type { Row, ScanRecords, Total } from './scan-records.ts';

export type ScanOptions = {
  readonly prefix: string;
  /** Null: only counted. */
  readonly wish: ScanWish | null;
  readonly keys: readonly LookKey[];
  readonly readEnvelope: ReadEnvelope;
  readonly atOnce: number;
  readonly signal: AbortSignal;
  readonly onProgress?: ((objects: number, wrong: number) => void) | undefined;
};

/** Runs `work` over the items, `atOnce` at a time; the answers in the items' order. */
export async function mapBounded<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const waiting = items.entries();
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, async () => {
    for (const [index, item] of waiting) results[index] = await work(item);
  }));
  return results;
}

export const isEngineKey = (objectKey: string, prefix: string): boolean => objectKey.startsWith(`${prefix}.enfold/`);

export function rowOf(listed: Listed, { redirect: _redirect, ...facts }: Facts, { wish, prefix }: Pick<ScanOptions, 'wish' | 'prefix'>): Row {
  return { ...listed, ...facts, judgement: wish === null ? null : judge(wish, { ...facts, redirect: null }, isEngineKey(listed.objectKey, prefix)) };
}

/** Goes on where the records end. @throws SyncError what a listing throws, bucket-not-found, access-denied, offline, … */
export async function scan(open: OpenBucket, source: ObjectSource, records: ScanRecords, options: ScanOptions): Promise<void> {
  const { keys, readEnvelope, atOnce, signal, onProgress } = options;
  const before = records.progress();
  if (before.isScanned) return;
  const startedMs = Date.now();
  const totals = new Map(before.totals.map((total) => [idOf(total), { ...total }]));
  const count = (verdict: string | null): number => [...totals.values()].reduce((sum, total) => sum + (verdict === null || total.verdict === verdict ? total.objects : 0), 0);
  for await (const { items, cursor, isLast } of source(before.cursor, signal)) {
    const looked = await mapBounded(items, atOnce, async (listed) => {
      const facts = await lookAt(open, listed.objectKey, listed.versionId, keys, readEnvelope, signal);
      return facts === null ? null : rowOf(listed, facts, options);
    });
    const rows = looked.filter((row) => row !== null);
    for (const row of rows) {
      const total: Total = { protection: row.protection, key: keyOfRow(row), envelope: row.envelope?.format ?? '', verdict: row.judgement?.verdict ?? '', reason: row.judgement?.reason ?? '', objects: 0, bytes: 0 };
      const known = totals.get(idOf(total)) ?? total;
      totals.set(idOf(total), known);
      known.objects += 1;
      known.bytes += row.sizeBytes;
    }
    records.addRows(rows, { cursor, isScanned: isLast, totals: [...totals.values()], elapsedMs: before.elapsedMs + Date.now() - startedMs });
    onProgress?.(count(null), count('wrong'));
  }
}

const idOf = ({ protection, key, envelope, verdict, reason }: Total): string => JSON.stringify([protection, key, envelope, verdict, reason]);
