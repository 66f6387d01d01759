/** `enfold explain`: how one object is encrypted, which key opens it, and how other programs read it. */
import type { Command } from 'commander';
import { perform } from './cli.ts';
import { formatBytes, printable } from './output.ts';
import { parseTarget, type ObjectOptions } from './target.ts';

export function registerExplain(program: Command): void {
  program
    .command('explain')
    .description('show how an object is encrypted, which key opens it, and the exact commands that read it')
    .argument('<target>')
    .option('--connection <name>', 's3://: how to reach S3')
    .option('--key <name>', 's3://: a key to look with; by default all that could fit')
    .addHelpText('after', `
TARGET is FOLDER:path (a folder by id, start of id, or name), or s3://BUCKET/KEY with --connection. Nothing is downloaded.
  $ enfold explain documents:2024/tax.pdf
  $ enfold explain s3://photos/holiday.jpg --connection work`)
    .action(perform(async (cli, options: ObjectOptions, text: string) => {
      const target = parseTarget(text, options);
      const enfold = await cli.enfold();
      const explained = await enfold.explain(target, cli.signal);
      const { bucket, objectKey, sizeBytes, words, commands } = explained;
      const size = sizeBytes > 0 ? ` (${formatBytes(sizeBytes)})` : '';
      // Commands are for copying: what would steer a terminal is made visible there too.
      cli.out.answer(explained, [`s3://${bucket}/${printable(objectKey)}${size}`, '', ...words, ...commands.flatMap(({ tool, lines, note }) => ['', `${tool}:${note === null ? '' : ` ${note}`}`, ...lines.map((line) => `  ${printable(line)}`)])]);
    }));
}
