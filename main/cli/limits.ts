/** `enfold limits`: how fast and how many at once files travel; and the same options for one folder. */
import type { Command } from 'commander';
import { SyncError } from '../model/errors.ts';
import { formatRateTable, MOST_TRANSFERS, parseRateTable, type RateTable, type TransferLimits } from '../model/transfer-limits.ts';
import { perform } from './cli.ts';

export type LimitOptions = { uploadLimit?: string; downloadLimit?: string; transfers?: string };

function parseRate(option: string, text: string): RateTable | undefined {
  const table = parseRateTable(text);
  if (table === null) throw new SyncError('bad-usage', { detail: `${option} takes 512K, 2M, 1.5G (bytes a second), off, or a timetable such as "08:00,512K 18:00,off" or "Mon-08:00,512K Fri-18:00,off", not ${text}` });
  return table.length === 1 && table[0]?.bytesPerSecond === null ? undefined : table;
}

/** What the options say; null: nothing. @throws SyncError bad-usage */
export function limitChangesOf({ uploadLimit, downloadLimit, transfers }: LimitOptions): TransferLimits | null {
  if (transfers !== undefined && transfers !== 'auto' && !/^[1-9][0-9]{0,2}$/.test(transfers)) throw new SyncError('bad-usage', { detail: `--transfers takes 1 to ${MOST_TRANSFERS}, or auto` });
  const changes: TransferLimits = {
    ...(uploadLimit === undefined ? {} : { upload: parseRate('--upload-limit', uploadLimit) }), ...(downloadLimit === undefined ? {} : { download: parseRate('--download-limit', downloadLimit) }),
    ...(transfers === undefined ? {} : { transfers: transfers === 'auto' ? undefined : Number(transfers) }),
  };
  return Object.keys(changes).length === 0 ? null : changes;
}

export function limitsJson({ upload, download, transfers }: TransferLimits): { upload: string; download: string; transfers: number | null } {
  return { upload: formatRateTable(upload), download: formatRateTable(download), transfers: transfers ?? null };
}

/** `, up at most 2M` and so on; `''` where nothing is limited. */
export function limitWords({ upload, download, transfers }: TransferLimits): string {
  return [
    upload === undefined ? '' : `, up at most ${formatRateTable(upload)} a second`, download === undefined ? '' : `, down at most ${formatRateTable(download)} a second`,
    transfers === undefined ? '' : `, at most ${transfers} files at once`,
  ].join('');
}

export function registerLimits(program: Command): void {
  program
    .command('limits')
    .description('show or set how fast, and how many at once, files of all folders together travel')
    .option('--upload-limit <rate>', 'bytes a second: 512K, 2M, 1.5G, off, or a timetable')
    .option('--download-limit <rate>', 'the same for what comes down')
    .option('--transfers <n>', `files on their way at once: 1 to ${MOST_TRANSFERS}, or auto (32)`)
    .addHelpText('after', `
A timetable is a list of TIME,RATE, each holding until the next: every day, or from a day of the week. Times are this computer's.
Limits hold at once, also for what is under way and in the app. One folder has its own beside these: enfold folder set ID --upload-limit RATE
  $ enfold limits --upload-limit 2M --download-limit off
  $ enfold limits --upload-limit "08:00,512K 18:00,off"
  $ enfold limits --upload-limit "Mon-08:00,512K Fri-18:00,off"
  $ enfold limits --transfers 8`)
    .action(perform(async (cli, options: LimitOptions) => {
      const changes = limitChangesOf(options);
      const enfold = await cli.enfold();
      const limits = changes === null ? enfold.limits() : enfold.setLimits(changes);
      const { upload, download, transfers } = limitsJson(limits);
      cli.out.answer({ upload, download, transfers }, [`up        ${upload}`, `down      ${download}`, `at once   ${transfers ?? 'auto'}`]);
    }));
}
