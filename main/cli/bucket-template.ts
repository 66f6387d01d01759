/** `enfold bucket template`: a bucket, its key and its policy as CloudFormation, Terraform, or a script. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { SyncError } from '../model/errors.ts';
import { placeOf, PLACE_HELP, withMode, withPlace, type PlaceOptions } from './bucket-place.ts';
import { perform } from './cli.ts';
import { parseMode, parseRemote } from './target.ts';

type Options = PlaceOptions & { format: string; region?: string; newKmsKey?: string; secret?: string; versioning: boolean; export?: boolean; out?: string };

const FORMATS = ['cloudformation', 'terraform', 'awscli'] as const;
const usage = (detail: string): SyncError => new SyncError('bad-usage', { detail });

export function registerTemplate(bucket: Command): void {
  withMode(withPlace(bucket.command('template')))
    .description('print a bucket with encryption, policy, versions and key as CloudFormation, Terraform or a script')
    .requiredOption('--format <format>', FORMATS.join(', '))
    .option('--region <region>', 'of a new bucket (AWS_REGION, else us-east-1)')
    .option('--new-kms-key <alias>', 'sse-kms, cse-kms: make a KMS key too, called alias/NAME')
    .option('--secret <name>', 'sse-c: make the key too, 32 characters in AWS Secrets Manager')
    .option('--no-versioning', 'keep no old versions')
    .option('--export', 'print the bucket that is there, as it is')
    .option('--out <file>', 'write it to a new file')
    .addHelpText('after', `${PLACE_HELP}
A new bucket needs no --connection; an existing KMS key is then given by its ARN. Nothing is made.
  $ enfold bucket template s3://photos --mode sse-kms --new-kms-key alias/photos --format cloudformation
  $ enfold bucket template s3://photos/family --mode sse-c --secret photos/key --format terraform --out photos.tf
  $ enfold bucket template s3://photos --export --connection work --format awscli`)
    .action(perform(async (cli, options: Options, text: string) => {
      const format = FORMATS.find((each) => each === options.format);
      if (format === undefined) throw usage(`--format is ${FORMATS.join(', ')}`);
      const { renderTemplate, describeTemplate, writeTemplate } = await import('../assembly/bucket-template.ts');
      const printed = async (): Promise<string> => {
        if (options.export === true) {
          if (options.mode !== undefined || options.newKmsKey !== undefined || options.secret !== undefined) throw usage('--export takes the bucket as it is');
          const enfold = await cli.enfold();
          return renderTemplate(format, await enfold.buckets.exportTemplate(placeOf(enfold, text, options).place, cli.signal));
        }
        const isBare = text.startsWith('s3://') && options.connection === undefined;
        const wish = isBare
          ? (options.mode === undefined ? null : { mode: parseMode(options.mode), kmsKeyId: options.kmsKeyId ?? null, dsse: options.dsse === true })
          : placeOf(await cli.enfold(), text, options).wish;
        const { bucket: name, prefix } = isBare ? parseRemote(text) : placeOf(await cli.enfold(), text, options).place;
        if (wish === null) throw usage('a new bucket needs --mode; one that is there --export');
        const region = options.region ?? (cli.env['AWS_REGION'] || cli.env['AWS_DEFAULT_REGION'] || 'us-east-1');
        return renderTemplate(format, describeTemplate({ bucket: name, prefix, region, wish, newKmsKey: options.newKmsKey ?? null, secret: options.secret ?? null, versioning: options.versioning }));
      };
      const template = await printed();
      if (options.out === undefined) return cli.out.isJson ? cli.out.answer({ format, template }, []) : cli.out.bytes(Buffer.from(template));
      const file = resolve(options.out);
      writeTemplate(file, template);
      return cli.out.answer({ format, file }, [`Written: ${file}`]);
    }));
}
