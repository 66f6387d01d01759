/**
 * What the storage does by itself, at start and every six hours: uploads in parts that nobody goes on with are removed, by the bucket's
 * lifecycle rules or after thirty days without a new part; and what an older server master key still wraps is wrapped anew.
 */
import type { Audit } from './audit.ts';
import type { Catalogue } from './catalogue.ts';
import type { KeyRing } from './key-ring.ts';
import type { Bucket } from './records.ts';
import { rewrapAll, rewrapReport } from './rewrap.ts';
import { childText, parseXml } from './xml.ts';

const DAY_MS = 24 * 3600 * 1000;
export const ABANDONED_DAYS = 30;
const EVERY_MS = 6 * 3600 * 1000;
const BATCH = 100;

type Rule = { readonly prefix: string; readonly days: number };

/** The rules of a bucket that end uploads; a rule that filters by anything but a prefix says nothing about uploads. */
function uploadRules(bucket: Bucket): readonly Rule[] {
  const text = bucket.settings.documents?.['lifecycle'];
  if (text === undefined) return [];
  return parseXml(Buffer.from(text)).children.flatMap((rule) => {
    const abort = rule.children.find(({ name }) => name === 'AbortIncompleteMultipartUpload');
    const days = Number(abort === undefined ? Number.NaN : childText(abort, 'DaysAfterInitiation'));
    const filter = rule.children.find(({ name }) => name === 'Filter');
    const isByPrefix = filter === undefined || filter.children.every(({ name }) => name === 'Prefix');
    if (childText(rule, 'Status')?.trim() !== 'Enabled' || !Number.isInteger(days) || days < 1 || !isByPrefix) return [];
    return [{ prefix: (filter === undefined ? childText(rule, 'Prefix') : childText(filter, 'Prefix')) ?? '', days }];
  });
}

export type Housekeeping = {
  /** Begins wrapping anew under the current master key, unless that is under way; resolves when it is done or the storage stops. */
  rewrap(): Promise<void>;
  /** Resolves when the round that runs now is done. */
  settled(): Promise<void>;
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>;
};

export function startHousekeeping(parts: { readonly catalogue: Catalogue; readonly keyRing: KeyRing; readonly audit: Audit; readonly now: () => number; readonly log: (line: string) => void }): Housekeeping {
  const { catalogue, keyRing, audit, now, log } = parts;
  const abort = new AbortController();

  const remove = async (bucket: Bucket, uploads: readonly { readonly id: string; readonly objectKey: string }[]): Promise<void> => {
    await catalogue.commit(() => {
      for (const { id } of uploads) catalogue.removeUpload(id, true);
    }, 'deletion');
    for (const { id, objectKey } of uploads) {
      const entry = audit.begin(now(), id);
      audit.answered(Object.assign(entry, { who: 'enfold', action: 's3:AbortMultipartUpload', bucket: bucket.name, objectKey }), 204, []);
    }
    log(`removed ${uploads.length} abandoned uploads from ${bucket.name}`);
  };

  const removeAbandoned = async (): Promise<void> => {
    const buckets = catalogue.buckets();
    for (const bucket of buckets) {
      const rules = uploadRules(bucket);
      if (rules.length === 0) continue;
      const due = [...catalogue.scanUploads(bucket.id, Buffer.alloc(0))].filter(({ objectKey, createdMs }) => rules.some(({ prefix, days }) => objectKey.startsWith(prefix) && createdMs + days * DAY_MS <= now()));
      if (due.length > 0 && !abort.signal.aborted) await remove(bucket, due);
    }
    for (;;) {
      const idle = catalogue.idleUploads(now() - ABANDONED_DAYS * DAY_MS, BATCH);
      if (idle.length === 0 || abort.signal.aborted) return;
      for (const bucket of buckets) {
        const own = idle.filter(({ bucketId }) => bucketId === bucket.id);
        if (own.length > 0) await remove(bucket, own);
      }
    }
  };

  let rewrapping: Promise<void> | null = null;
  const rewrap = async (): Promise<void> => {
    const begun = rewrapping ?? rewrapAll(catalogue, keyRing, abort.signal);
    rewrapping = begun;
    try {
      await begun;
    } finally {
      if (rewrapping === begun) rewrapping = null;
    }
    // The master key was rotated once more meanwhile.
    if (!abort.signal.aborted && rewrapReport(catalogue, keyRing)?.isComplete === false) await rewrap();
  };

  let running: Promise<void> = Promise.resolve();
  const round = (): void => {
    running = (async () => {
      await removeAbandoned();
      if (rewrapReport(catalogue, keyRing)?.isComplete === false) await rewrap();
    })().catch((error: unknown) => log(`housekeeping failed: ${error instanceof Error ? error.message : 'unknown error'}`));
  };
  round();
  const timer = setInterval(round, EVERY_MS);
  timer.unref();

  return {
    rewrap,
    settled: () => running,
    stop: async () => {
      abort.abort();
      clearInterval(timer);
      await running;
      await rewrapping?.catch(() => undefined);
    },
  };
}
