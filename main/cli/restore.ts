/** `enfold versions` and `enfold restore`: what the bucket keeps of earlier times, and bringing it back. */
import type { Command } from 'commander';
import type { FileVersion } from '../assembly/api.ts';
import { SyncError } from '../model/errors.ts';
import { perform } from './cli.ts';
import { describeFailure } from './failure.ts';
import { TARGETS } from './files.ts';
import { formatBytes, formatTime, plural, printable } from './output.ts';
import { parseTarget, type ObjectOptions } from './target.ts';

const AGO_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };
const TIME_HELP = 'TIME is 2026-11-20, 2026-11-20T17:42, 2026-11-20T17:42:10Z (without Z by this computer\'s clock), or 30m, 12h, 2d, 3w ago.';

/** @returns milliseconds since 1970. @throws SyncError bad-usage */
export function parseTime(text: string, nowMs: number): number {
  const ago = /^(\d{1,6})([mhdw])$/.exec(text);
  if (ago !== null) return nowMs - Number(ago[1]) * (AGO_MS[ago[2] ?? ''] ?? 0);
  const date = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})?)?$/.test(text);
  // A date alone would be taken for one of London.
  const ms = date ? Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T')) : Number.NaN;
  if (Number.isNaN(ms)) throw new SyncError('bad-usage', { detail: `${text} is no time. ${TIME_HELP}` });
  return ms;
}

function versionLine({ path, versionId, isLatest, isDeletion, atMs, sizeBytes }: FileVersion): string {
  const size = isDeletion ? 'deleted' : sizeBytes === null ? '-' : formatBytes(sizeBytes);
  return `${formatTime(atMs)}  ${size.padStart(9)}  ${versionId}  ${printable(path)}${isLatest && !isDeletion ? '  (stands)' : ''}`;
}

type RestoreFlags = { at?: string; to?: string; versionId?: string; deleted?: boolean; dryRun?: boolean };

export function registerRestore(program: Command): void {
  program
    .command('versions')
    .description('list the versions of a file, or of all below a directory, that the bucket keeps; deleted ones too')
    .argument('<target>')
    .option('--connection <name>', 's3://: how to reach S3')
    .option('--deleted', 'only files that are deleted now')
    .addHelpText('after', `${TARGETS} The newest version comes first.
  $ enfold versions documents:2024/tax.pdf
  $ enfold versions documents: --deleted
  $ enfold get documents:2024/tax.pdf --version-id 3sL4kqtJl --out tax-before.pdf`)
    .action(perform(async (cli, options: ObjectOptions & { deleted?: boolean }, text: string) => {
      const target = parseTarget(text, options);
      const enfold = await cli.enfold();
      const all: FileVersion[] = [];
      let isDeleted = false;
      let path: string | null = null;
      let count = 0;
      cli.started();
      for await (const version of enfold.versions(target, cli.signal)) {
        // Of one file the newest comes first, and says whether the file stands.
        if (version.path !== path) isDeleted = version.isDeletion;
        ({ path } = version);
        if (options.deleted === true && !isDeleted) continue;
        count += 1;
        if (cli.out.isJson) all.push(version);
        else await cli.out.item(version, versionLine(version));
      }
      if (cli.out.isJson) cli.out.answer(all, []);
      else if (count === 0) cli.out.note('None.');
    }));

  program
    .command('restore')
    .description('bring back a file, a directory or a whole folder as it was at a time, from the versions that the bucket keeps')
    .argument('<target>', 'FOLDER:path, or FOLDER: for all of it')
    .option('--at <time>', 'as it was then; without it a single file comes back though it was deleted, and a directory as it stands in S3')
    .option('--to <path>', 'elsewhere, where nothing is replaced; without it into place, and what stands there goes to the folder\'s trash')
    .option('--version-id <id>', 'this version of a single file, as enfold versions lists it')
    .option('--deleted', 'without --at: also the newest version of every file that was deleted')
    .option('--dry-run', 'only tell what would come back')
    .addHelpText('after', `
${TIME_HELP}
Into place, nothing is deleted: files that did not exist then are left as they are. The next sync sends what came back to S3 as new versions.
Exit code: 0 all is back, 2 something could not be brought back.
  $ enfold restore documents:2024/tax.pdf --at 2d
  $ enfold restore documents:2024/ --at 2026-11-20T17:42 --to ~/from-friday
  $ enfold restore documents: --at 2026-11-01 --dry-run`)
    .action(perform(async (cli, options: RestoreFlags, text: string) => {
      const target = parseTarget(text, {});
      const given = [options.at !== undefined, options.versionId !== undefined, options.deleted === true].filter(Boolean).length;
      if (given > 1) throw new SyncError('bad-usage', { detail: '--at, --version-id and --deleted exclude each other' });
      const at = options.at === undefined ? null : parseTime(options.at, Date.now());
      const isDryRun = options.dryRun === true;
      const enfold = await cli.enfold();
      const paths: string[] = [];
      cli.started();
      const report = await enfold.restore(target, {
        at, to: options.to ?? null, versionId: options.versionId ?? null, includesDeleted: options.deleted === true, isDryRun, signal: cli.signal,
        onRestored: (path, sizeBytes) => {
          if (cli.out.isJson) paths.push(path);
          else void cli.out.item(path, `${formatBytes(sizeBytes).padStart(9)}  ${printable(path)}`);
        },
      });
      const { restored, bytes, unchanged, newer, failed, to, id, name } = report;
      const where = to === null ? `into ${printable(name)}` : `to ${printable(to)}`;
      cli.out.answer({ ...report, at, isDryRun, paths }, [
        `${plural(restored, 'file')} (${formatBytes(bytes)}) ${isDryRun ? 'would come back' : 'came back'} ${where}${unchanged === 0 ? '' : `, ${unchanged} as they were already`}${newer === 0 ? '' : `, ${plural(newer, 'newer file')} left as ${newer === 1 ? 'it is' : 'they are'}`}${failed.length === 0 ? '' : `, ${failed.length} not`}.`,
        ...(to === null && restored > 0 && !isDryRun ? [`What was replaced is in the trash: enfold trash list ${id.slice(0, 8)}. To send it to S3: enfold sync ${id.slice(0, 8)}`] : []),
      ]);
      for (const { path, error } of failed) cli.out.note(describeFailure({ ...error, about: { ...error.about, path: printable(error.about.path ?? path ?? '') } }).trimEnd());
      return failed.length === 0 ? 0 : 2;
    }));
}
