/** `enfold verify`: reads back what S3 holds and proves that it is what was stored. */
import type { Command } from 'commander';
import type { VersionsReport } from '../assembly/api.ts';
import { SyncError } from '../model/errors.ts';
import { perform } from './cli.ts';
import { describeFailure } from './failure.ts';
import { formatBytes, plural, printable, progressBar } from './output.ts';

function versionLines({ versions, bytes, keys, retirable }: VersionsReport): string[] {
  const WHY = { versions: '', names: ', for the names', current: ', for what is written now' } as const;
  return [
    `${plural(versions, 'version')} in all, ${formatBytes(bytes)} read.`,
    ...keys.map(({ keyId, kmsKeyId, name, versions: count, why }) => `  needed: ${keyId === null ? `KMS key ${printable(kmsKeyId ?? '')}` : `key ${printable(name ?? keyId)} (${keyId})`}${count === 0 ? '' : `, ${plural(count, 'version')}`}${WHY[why]}`),
    ...retirable.map(({ keyId, name }) => `  no longer needed here: key ${printable(name ?? keyId)} (${keyId})`),
  ];
}

export function registerVerify(program: Command): void {
  program
    .command('verify')
    .description('re-read objects of a folder; check tags, hashes and modes')
    .argument('<id>', 'a folder by id, start of id, name or local path')
    .option('--sample <n>', 'read N objects, chosen at random, instead of all')
    .option('--versions', 'also every earlier version in the bucket, and which keys are still needed')
    .addHelpText('after', `
Exit code: 0 all that was read is right, 2 something is not.
  $ enfold verify documents
  $ enfold verify documents --sample 50`)
    .action(perform(async (cli, options: { sample?: string; versions?: boolean }, id: string) => {
      if (options.sample !== undefined && !/^[1-9][0-9]{0,8}$/.test(options.sample)) throw new SyncError('bad-usage', { detail: '--sample takes a number from 1' });
      const enfold = await cli.enfold();
      const folder = enfold.folders.find(id);
      cli.started();
      const report = await enfold.verify(folder.id, {
        sample: options.sample === undefined ? null : Number(options.sample), versions: options.versions === true, signal: cli.signal,
        onProgress: (done, total) => cli.out.progress(`${printable(folder.name)} ${progressBar(done, total)}  ${done} of ${total} objects`),
      });
      const ok = report.failed.length === 0;
      cli.out.answer({ ...report, ok }, [`${printable(report.name)}: ${plural(report.checked, 'object')} of ${report.objects} read back, ${formatBytes(report.bytes)}, ${ok ? 'all right' : `${report.failed.length} not right`}.`, ...(report.versions === undefined ? [] : versionLines(report.versions))]);
      for (const { path, error } of report.failed) cli.out.note(describeFailure({ ...error, about: { ...error.about, path: path === null ? undefined : printable(path) } }).trimEnd());
      if (report.foreign.length > 0) cli.out.note(`${plural(report.foreign.length, 'object')} that Enfold did not write; left alone.`);
      return ok ? 0 : 2;
    }));
}
