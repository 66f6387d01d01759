/** The window's requests about buckets. What it applies is what it was shown: it names it, and gets it made again and compared. */
import { createHash } from 'node:crypto';
import type { BucketFixView, BucketMendView, BucketPolicyView, BucketScanView, EngineHandlers, Events, RequestInput } from '../../preload/contract.ts';
import type { Change } from '../bucket/configuration.ts';
import type { FixPreview } from '../bucket/finding.ts';
import type { PolicyPreview } from '../bucket/bucket-policy.ts';
import { SyncError } from '../model/errors.ts';
import type { OpenScan } from './bucket-scan.ts';
import type { BucketPlace, Buckets, ModeWish } from './buckets.ts';

type BucketRequest = Extract<keyof EngineHandlers, `buckets.${string}`>;
type Place = RequestInput<'buckets.examine'>;

const placeOf = ({ connectionId, bucket, prefix }: Place): BucketPlace => ({ connection: connectionId, bucket, prefix });
const wishOf = ({ wish }: Place): ModeWish | null => (wish === null ? null : { mode: wish.mode, kmsKeyId: wish.kmsKeyId, dsse: wish.dsse ?? false });
/** Stands for exactly this change from exactly this state. */
const tokenOf = ({ part, call, after, beforeBytes }: Change): string => createHash('sha256').update(JSON.stringify([part, call, after, beforeBytes])).digest('hex');

const fixView = ({ id, says, change }: FixPreview): BucketFixView => ({ id, says, call: change.call, before: change.before, after: change.after, token: tokenOf(change) });
const policyView = ({ before, after, change, limits }: PolicyPreview): BucketPolicyView => ({ call: change?.call ?? null, before, after, limits: [...limits], token: change === null ? null : tokenOf(change) });

function checkToken(change: Change | null, token: string): Change {
  if (change === null || tokenOf(change) !== token) throw new SyncError('configuration-changed');
  return change;
}

const MOST_EXAMPLES = 200;
const countOf = ({ head }: OpenScan, verdict: string | null): number => head.totals.reduce((sum, total) => sum + (verdict === null || total.verdict === verdict ? total.objects : 0), 0);
type Mended = BucketMendView['notFixed'];
type Stopped = Pick<Place, 'connectionId' | 'bucket' | 'prefix'>;

export function createBucketHandlers(buckets: Buckets, customerKeyOf: (place: BucketPlace) => readonly string[], push: (event: Events['scan']) => void, signal: AbortSignal): Pick<EngineHandlers, BucketRequest> {
  const running = new Map<string, AbortController>();
  const idOf = ({ connectionId, bucket, prefix }: Stopped): string => JSON.stringify([connectionId, bucket, prefix]);
  /** Null where it was stopped; what was done by then is kept, and can be gone on with. */
  const stoppable = async <T>(place: Stopped, work: (stop: AbortSignal) => Promise<T>): Promise<T | null> => {
    const abort = new AbortController();
    const id = idOf(place);
    if (running.has(id)) throw new SyncError('folder-busy', { detail: 'another scan of this place is running' });
    running.set(id, abort);
    try {
      return await work(AbortSignal.any([abort.signal, signal]));
    } catch (error) {
      if (abort.signal.aborted && !signal.aborted) return null;
      throw error;
    } finally {
      running.delete(id);
    }
  };
  return {
    'buckets.examine': async (input) => {
      const { findings, permissions, missing } = await buckets.examine(placeOf(input), wishOf(input), signal);
      return {
        findings: findings.map(({ id, severity, says, advice, fix }) => ({ id, severity, says, advice, fix: fix === null ? null : { says: fix.says, isOptional: fix.isOptional } })),
        permissions: permissions.map(({ action, purpose, isAllowed, isEssential, isDenied }) => ({ action, purpose, isAllowed, isEssential, isDenied })),
        missing: missing.length === 0 ? null : { Version: '2012-10-17', Statement: missing },
      };
    },
    'buckets.scan': async ({ isResumed, hasVersions = false, reports, ...input }) => stoppable<BucketScanView>(input, async (stop) => {
      const { checkReports, writeReports } = await import('./bucket-reports.ts');
      checkReports(reports);
      const place = placeOf(input);
      const { connectionId, bucket, prefix } = input;
      const onProgress = (objects: number, wrong: number): void => push({ connectionId, bucket, prefix, objects, wrong, mended: null });
      const scan = await buckets.scan({ place, wish: wishOf(input), keys: customerKeyOf(place), hasVersions, inventory: null, isResumed, signal: stop, onProgress });
      try {
        await writeReports(scan, reports);
        const examples: BucketScanView['examples'] = [];
        const old = { objects: 0, wrong: 0 };
        for await (const { objectKey, versionId, isLatest, protection, judgement } of scan.rows()) {
          const isWrong = judgement !== null && judgement.verdict !== 'right';
          if (!isLatest) old.objects += 1;
          if (!isLatest && isWrong) old.wrong += 1;
          if (isWrong && examples.length < MOST_EXAMPLES) examples.push({ objectKey, versionId, protection, reason: judgement.reason ?? '' });
          if (!hasVersions && examples.length === MOST_EXAMPLES) break;
        }
        return {
          old: hasVersions ? old : null, totals: scan.head.totals.map((total) => ({ ...total })), examples, wrong: countOf(scan, 'wrong'), unknown: countOf(scan, 'unknown'), estimate: scan.estimate };
      } finally {
        await scan.close();
      }
    }),
    'buckets.stop': async (input) => {
      running.get(idOf(input))?.abort();
      return null;
    },
    'buckets.mend': async ({ only, hasVersions = false, ...input }) => stoppable<BucketMendView>(input, async (stop) => {
      const place = placeOf(input);
      const { connectionId, bucket, prefix } = input;
      const scan = await buckets.scan({ place, wish: wishOf(input), keys: customerKeyOf(place), hasVersions, inventory: null, isResumed: true, signal: stop });
      try {
        const [objects, wrong] = [countOf(scan, null), countOf(scan, 'wrong')];
        const { counts } = await scan.fix({ only: only === null ? null : new Set(only), signal: stop, onProgress: (mended) => push({ connectionId, bucket, prefix, objects, wrong, mended }) });
        const notFixed: Mended = [];
        for await (const { objectKey, outcome, reason } of scan.outcomes()) if ((outcome === 'skipped' || outcome === 'failed') && notFixed.length < MOST_EXAMPLES) notFixed.push({ objectKey, outcome, reason: reason ?? '' });
        return { ...counts, notFixed };
      } finally {
        await scan.close();
      }
    }),
    'buckets.previewFix': async ({ finding, ...input }) => {
      const preview = await buckets.previewFix(placeOf(input), wishOf(input), finding, signal);
      return preview === null ? null : fixView(preview);
    },
    'buckets.applyFix': async ({ finding, token, ...input }) => {
      const place = placeOf(input);
      const preview = await buckets.previewFix(place, wishOf(input), finding, signal);
      checkToken(preview?.change ?? null, token);
      if (preview === null) throw new SyncError('configuration-changed');
      return { changeId: (await buckets.applyFix(place, preview, signal)).id };
    },
    'buckets.changes': async (input) => buckets.changesOf(placeOf(input)).map(({ id, atMs, says, undo }) => ({ id, atMs, says, call: undo.call })),
    'buckets.undo': async ({ changeId, ...input }) => ({ isWhole: await buckets.undo(placeOf(input), changeId, signal) }),
    'buckets.previewPolicy': async (input) => policyView(await buckets.previewPolicy(placeOf(input), wishOf(input), signal)),
    'buckets.applyPolicy': async ({ token, ...input }) => {
      const preview = await buckets.previewPolicy(placeOf(input), wishOf(input), signal);
      checkToken(preview.change, token);
      await buckets.applyPolicy(placeOf(input), preview, signal);
      return null;
    },
    'buckets.provePolicy': async (input) => {
      const wish = wishOf(input);
      if (wish === null) throw new SyncError('bad-usage', { detail: 'a proof needs a mode' });
      const { probes, isProven, leftBehind } = await buckets.provePolicy(placeOf(input), wish, signal);
      return { probes: probes.map((probe) => ({ ...probe })), isProven, leftBehind: [...leftBehind] };
    },
    'buckets.template': async ({ format, region, newKmsKey, secret, versioning, file, ...input }) => {
      const { describeTemplate, renderTemplate, writeTemplate } = await import('./bucket-template.ts');
      const { bucket, prefix } = input;
      const wish = wishOf(input);
      const text = renderTemplate(format, wish === null ? await buckets.exportTemplate(placeOf(input), signal) : describeTemplate({ bucket, prefix, region, wish, newKmsKey, secret, versioning }));
      if (file !== null) writeTemplate(file, text);
      return { text };
    },
    'buckets.iamPolicy': async ({ access, ...input }) => {
      const wish = wishOf(input);
      if (wish === null) throw new SyncError('bad-usage', { detail: 'rights need a mode' });
      return buckets.iamPolicy(placeOf(input), wish, access, signal);
    },
  };
}
