/** `enfold bucket encryption`: what becomes of uploads that name no encryption. */
import type { Command } from 'commander';
import type { EncryptionWish } from '../bucket/default-encryption.ts';
import { SyncError } from '../model/errors.ts';
import { placeOf, pretty, withPlace } from './bucket-place.ts';
import { perform } from './cli.ts';
import { parseMode } from './target.ts';

type Options = { connection?: string; mode?: string; kmsKeyId?: string; dsse?: boolean; bucketKey?: boolean; remove?: boolean; blockSseC?: boolean; allowSseC?: boolean; apply?: boolean };

const usage = (detail: string): SyncError => new SyncError('bad-usage', { detail });

/** Null: nothing was wished; `remove`: take it away. */
function wishOf(options: Options): EncryptionWish | 'remove' | null {
  const { mode: text, kmsKeyId = null, dsse = false, bucketKey, blockSseC = false, allowSseC = false } = options;
  const hasOthers = text !== undefined || kmsKeyId !== null || dsse || bucketKey !== undefined || blockSseC || allowSseC;
  if (options.remove === true) {
    if (hasOthers) throw usage('--remove stands alone');
    return 'remove';
  }
  if (blockSseC && allowSseC) throw usage('give one of --block-sse-c and --allow-sse-c');
  const mode = text === undefined ? null : parseMode(text);
  if (mode !== null && mode !== 'sse-s3' && mode !== 'sse-kms') throw usage('a bucket\'s default is sse-s3 or sse-kms; the other modes need a key with each upload');
  if (mode === null && (kmsKeyId !== null || dsse)) throw usage('--kms-key-id and --dsse go with --mode sse-kms');
  return hasOthers ? { mode, kmsKeyId, dsse, bucketKey: bucketKey ?? null, blocksCustomerKeys: blockSseC ? true : allowSseC ? false : null } : null;
}

export function registerEncryption(bucket: Command): void {
  withPlace(bucket.command('encryption'))
    .description('show, set or remove the default encryption, the Bucket Key, and what is blocked')
    .option('--mode <mode>', 'sse-s3 or sse-kms')
    .option('--kms-key-id <id>', 'id, ARN or alias; sse-kms without it is the AWS managed key')
    .option('--dsse', 'sse-kms: two layers of encryption (aws:kms:dsse)')
    .option('--bucket-key', 'fewer KMS requests (the default with --mode sse-kms)')
    .option('--no-bucket-key', 'one KMS request for each object')
    .option('--block-sse-c', 'refuse uploads under customer keys')
    .option('--allow-sse-c', 'take uploads under customer keys')
    .option('--remove', 'remove the setting; S3 then takes SSE-S3')
    .option('--apply', 'do it (without: only show what would change)')
    .addHelpText('after', `
It is a setting of the whole bucket. Taken back by: enfold bucket doctor PLACE --undo last
  $ enfold bucket encryption s3://photos --connection work
  $ enfold bucket encryption s3://photos --connection work --mode sse-kms --kms-key-id alias/photos --apply
  $ enfold bucket encryption s3://photos --connection work --allow-sse-c --apply`)
    .action(perform(async (cli, options: Options, text: string) => {
      const wish = wishOf(options);
      const enfold = await cli.enfold();
      const { place } = placeOf(enfold, text, { ...(options.connection === undefined ? {} : { connection: options.connection }) });
      if (wish === null) {
        if (options.apply === true) throw usage('say what to apply');
        const before = await enfold.buckets.encryptionOf(place, cli.signal);
        return cli.out.answer(before, before === null ? ['No default encryption is set.'] : pretty(before));
      }
      const preview = await enfold.buckets.previewEncryption(place, wish === 'remove' ? null : wish, cli.signal);
      const { before, after, change } = preview;
      const applied = options.apply === true && change !== null;
      if (applied) await enfold.buckets.applyFix(place, { id: 'default-encryption', says: wish === 'remove' ? 'remove the default encryption' : 'set the default encryption', change }, cli.signal);
      // S3 itself says what it is now: removing it leaves what S3 does anyway.
      const now = applied ? await enfold.buckets.encryptionOf(place, cli.signal) : before;
      cli.out.answer({ bucket: place.bucket, call: change?.call ?? null, before, after, applied, now }, change === null
        ? ['It is so already.']
        : [`${change.call} on s3://${place.bucket}`, '', 'Before:', ...pretty(before), '', 'After:', ...pretty(applied ? now : after), '', applied ? 'Done.' : 'Nothing was changed. Do it with --apply.']);
    }));
}
