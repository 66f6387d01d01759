/** `enfold bucket`: buckets themselves. */
import type { Command } from 'commander';
import { registerDoctor } from './bucket-doctor.ts';
import { registerEncryption } from './bucket-encryption.ts';
import { registerScan } from './bucket-scan.ts';
import { registerPolicy } from './bucket-policy.ts';
import { registerTemplate } from './bucket-template.ts';
import { perform } from './cli.ts';
import { parseRemote } from './target.ts';

export function registerBucket(program: Command): void {
  const bucket = program.command('bucket').description('make, list and check buckets');

  bucket
    .command('create')
    .description('make a bucket; one that is there and yours is no error')
    .argument('<s3-url>', 's3://BUCKET')
    .requiredOption('--connection <name>', 'how to reach S3')
    .addHelpText('after', `
  $ enfold bucket create s3://my-backup --connection work`)
    .action(perform(async (cli, options: { connection: string }, text: string) => {
      const { bucket: name } = parseRemote(text);
      const { connections } = await cli.enfold();
      const created = await connections.createBucket(options.connection, name);
      cli.out.answer({ bucket: name, created }, [created ? `Bucket ${name} made.` : `Bucket ${name} is already there.`]);
    }));

  bucket
    .command('list')
    .description('list the buckets that the sign-in may see')
    .requiredOption('--connection <name>', 'how to reach S3')
    .action(perform(async (cli, options: { connection: string }) => {
      const buckets = await (await cli.enfold()).connections.buckets(options.connection);
      cli.out.answer(buckets, buckets);
    }));

  registerPolicy(bucket);
  registerDoctor(bucket);
  registerEncryption(bucket);
  registerTemplate(bucket);
  registerScan(bucket);
}
