/** `enfold bucket scan`: how every object is encrypted, as a report; and mending what is not as it should be. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { checkReports, writeReports } from '../assembly/bucket-reports.ts';
import type { OpenScan } from '../assembly/bucket-scan.ts';
import { SyncError } from '../model/errors.ts';
import { placeOf, PLACE_HELP, placeText, withMode, withPlace, type PlaceOptions } from './bucket-place.ts';
import { perform, type Cli } from './cli.ts';
import { formatBytes, plural, printable, table } from './output.ts';

type Options = PlaceOptions & { key?: string[]; versions?: boolean; inventory?: string; inventoryFields?: string; report?: string[]; resume?: boolean; fix?: boolean; only?: string[]; yes?: boolean };

const usage = (detail: string): SyncError => new SyncError('bad-usage', { detail });
const MOST_OUTCOMES_SHOWN = 20;

function totalLines({ head: { totals } }: OpenScan): string[] {
  if (totals.length === 0) return ['There are no objects.'];
  const rows = totals.toSorted((a, b) => b.objects - a.objects).map(({ protection, key, envelope, verdict, reason, objects, bytes }) => [protection, key === '' ? '-' : key, envelope === '' ? '-' : envelope, verdict === '' ? '-' : verdict, String(objects), formatBytes(bytes), reason]);
  return table([['ENCRYPTION', 'KEY', 'ENVELOPE', 'VERDICT', 'OBJECTS', 'SIZE', 'WHY'], ...rows]);
}

function estimateLines({ estimate }: OpenScan): string[] {
  if (estimate === null || estimate.objects === 0) return [];
  const { objects, bytes, requests: { heads, writes, kms }, usd, seconds } = estimate;
  return ['', `Mending ${plural(objects, 'object')} (${formatBytes(bytes)}) takes about ${writes} copies or updates inside S3, ${heads} looks${kms === 0 ? '' : `, ${kms} KMS requests`}: about ${usd.toFixed(2)} USD by AWS's list prices, ${seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`}.`];
}

async function fix(cli: Cli, scan: OpenScan, only: readonly string[] | undefined): Promise<{ counts: Record<string, number>; shown: unknown[]; lines: string[] }> {
  const { counts } = await scan.fix({ only: only === undefined ? null : new Set(only), signal: cli.signal, onProgress: (done) => cli.out.progress(`${done} mended or looked at`) });
  const shown: { objectKey: string; versionId: string | null; outcome: string; reason: string | null }[] = [];
  for await (const outcome of scan.outcomes()) if ((outcome.outcome === 'skipped' || outcome.outcome === 'failed') && shown.length < MOST_OUTCOMES_SHOWN) shown.push(outcome);
  const rest = counts.skipped + counts.failed - shown.length;
  return {
    counts: { ...counts }, shown,
    lines: ['', `${counts.fixed} mended and verified, ${counts.already} were right already, ${counts.skipped} skipped, ${counts.failed} failed.`, ...shown.map(({ objectKey, outcome, reason }) => `  ${outcome}: ${printable(objectKey)}: ${reason ?? ''}`), ...(rest > 0 ? [`  and ${rest} more`] : [])],
  };
}

export function registerScan(bucket: Command): void {
  withMode(withPlace(bucket.command('scan')))
    .description('how every object is encrypted, as a report; mend what is not as it should be')
    .option('--key <name...>', 'customer keys to look with; the first is the one that sse-c is to use')
    .option('--versions', 'old versions too')
    .option('--inventory <file>', 'take the objects from an S3 Inventory (manifest.json, or a CSV file of it) instead of listing them')
    .option('--inventory-fields <names>', 'the fields of a CSV file without its manifest')
    .option('--report <file...>', 'write a report: .csv, .json or .html')
    .option('--resume', 'go on with the last scan of this place, and with mending')
    .option('--fix', 'mend what is wrong, where it is: shows what it takes; with --yes does it')
    .option('--only <key...>', 'mend these objects only')
    .option('--yes', 'yes, mend')
    .addHelpText('after', `${PLACE_HELP}
Without --mode, and where no folder lies there, objects are counted and not judged. Nothing is read but what HEAD says.
Exit code 2: something is not as it should be.
  $ enfold bucket scan s3://photos --connection work --report photos.html photos.csv
  $ enfold bucket scan s3://photos --connection work --mode sse-kms --kms-key-id alias/photos --fix
  $ enfold bucket scan s3://photos --connection work --mode sse-kms --kms-key-id alias/photos --resume --fix --yes`)
    .action(perform(async (cli, options: Options, text: string) => {
      const { inventory, inventoryFields, only } = options;
      const report = (options.report ?? []).map((file) => resolve(file));
      if ((options.yes === true || only !== undefined) && options.fix !== true) throw usage('--yes and --only go with --fix');
      if (inventoryFields !== undefined && inventory === undefined) throw usage('--inventory-fields goes with --inventory');
      checkReports(report);
      const enfold = await cli.enfold();
      const { place, wish, folderMode } = placeOf(enfold, text, options);
      if (options.fix === true && wish === null) throw usage('--fix needs --mode');
      const keys = options.key ?? (folderMode?.id === 'sse-c' ? [folderMode.keyId] : []);
      cli.started();
      const scan = await enfold.buckets.scan({
        place, wish, keys, hasVersions: options.versions === true, inventory: inventory === undefined ? null : { file: resolve(inventory), fields: inventoryFields ?? null }, isResumed: options.resume === true, signal: cli.signal,
        onProgress: (objects, wrong) => cli.out.progress(`${objects} objects looked at${wish === null ? '' : `, ${wrong} not as they should be`}`),
      });
      try {
        await writeReports(scan, report);
        const mended = options.fix === true && options.yes === true ? await fix(cli, scan, only) : null;
        const count = (verdict: string): number => scan.head.totals.reduce((sum, total) => sum + (total.verdict === verdict ? total.objects : 0), 0);
        const [wrong, unknown] = [count('wrong'), count('unknown')];
        cli.out.answer({ bucket: place.bucket, prefix: place.prefix, wish: scan.head.wish, totals: scan.head.totals, wrong, unknown, estimate: scan.estimate, reports: report, fix: mended === null ? null : { ...mended.counts, notFixed: mended.shown } }, [
          placeText(place), ...totalLines(scan), ...(options.fix === true ? estimateLines(scan) : []), ...report.map((file) => `Report written: ${file}`),
          ...(mended?.lines ?? (options.fix === true && wrong > 0 ? ['Nothing was changed. Mend it with --resume --fix --yes.'] : [])),
        ]);
        if (mended !== null) return (mended.counts['skipped'] ?? 0) + (mended.counts['failed'] ?? 0) > 0 ? 2 : 0;
        return wrong + unknown > 0 && wish !== null ? 2 : 0;
      } finally {
        await scan.close();
      }
    }));
}
