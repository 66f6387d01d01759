/** `enfold bucket`: buckets themselves. */
import type { Command } from 'commander';
import { SyncError } from '../model/errors.ts';
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

  bucket
    .command('allow')
    .description('let a bucket take an encryption mode that its settings block')
    .argument('<s3-url>', 's3://BUCKET')
    .requiredOption('--mode <mode>', 'sse-c, which new AWS buckets block')
    .requiredOption('--connection <name>', 'how to reach S3')
    .addHelpText('after', `
Takes SSE-C off the bucket's blocked encryption types; everything else in its encryption settings stays. Objects are not touched.
  $ enfold bucket allow s3://my-backup --mode sse-c --connection work`)
    .action(perform(async (cli, options: { connection: string; mode: string }, text: string) => {
      if (options.mode !== 'sse-c') throw new SyncError('bad-usage', { detail: `buckets block SSE-C and no other mode; --mode is sse-c, not ${options.mode}` });
      const { bucket: name } = parseRemote(text);
      const { connections } = await cli.enfold();
      const changed = await connections.allowCustomerKeys(options.connection, name);
      cli.out.answer({ bucket: name, mode: options.mode, changed }, [changed ? `Bucket ${name} takes SSE-C now.` : `Bucket ${name} did not block SSE-C.`]);
    }));

  registerPolicy(bucket);
  registerDoctor(bucket);
  registerEncryption(bucket);
  registerTemplate(bucket);
  registerScan(bucket);
}
