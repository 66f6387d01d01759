/** `enfold bucket policy`: the statements that make S3 refuse the wrong encryption, and the least rights an identity needs. */
import type { Command } from 'commander';
import type { PolicyPreview } from '../bucket/bucket-policy.ts';
import type { Proof } from '../bucket/prove.ts';
import { SyncError } from '../model/errors.ts';
import { modeNames, placeOf, PLACE_HELP, placeText, pretty, requireWish, withMode, withPlace, type PlaceOptions } from './bucket-place.ts';
import { perform } from './cli.ts';
import { table } from './output.ts';

type Options = PlaceOptions & { apply?: boolean; remove?: boolean; prove?: boolean; iam?: string };

function proofLines({ probes, isProven, leftBehind }: Proof): string[] {
  return [
    ...table([['UPLOAD', 'SHOULD BE', "S3's ANSWER", ''], ...probes.map(({ kind, expected, answer, isAsExpected }) => [kind, expected, answer, isAsExpected ? 'right' : 'WRONG'])]),
    isProven ? 'Proved: every upload was answered as it should be.' : 'Not proved: an upload was not answered as it should be.',
    ...leftBehind.map((key) => `Could not be removed again: ${key}`),
  ];
}

function previewLines(preview: PolicyPreview, where: string): string[] {
  if (preview.change === null) return [`The policy of ${where} is so already.`];
  return [`${preview.change.call} on ${where}`, '', 'Before:', ...pretty(preview.before), '', 'After:', ...pretty(preview.after)];
}

export function registerPolicy(bucket: Command): void {
  withMode(withPlace(bucket.command('policy')))
    .description("make S3 refuse uploads that are not encrypted as the mode says; print an identity's least rights")
    .option('--apply', 'put it there (without: only show what would change)')
    .option('--remove', "take Enfold's statements for this place away; with --apply")
    .option('--prove', 'try one upload of each kind, and remove it again; after --apply if both are given')
    .option('--iam <access>', 'print an IAM policy instead: read, write, or both')
    .addHelpText('after', `${PLACE_HELP}
Statements are recognised by their Sid. One that Enfold did not write, or that was edited since, is never touched.
Exit code 2: the proof failed.
  $ enfold bucket policy s3://photos/family --connection work --mode sse-kms --kms-key-id alias/photos
  $ enfold bucket policy s3://photos/family --connection work --mode sse-kms --kms-key-id alias/photos --apply --prove
  $ enfold bucket policy documents --iam write`)
    .action(perform(async (cli, options: Options, text: string) => {
      const enfold = await cli.enfold();
      const placed = placeOf(enfold, text, options);
      const { place } = placed;
      const where = placeText(place);
      if (options.iam !== undefined) {
        if (options.apply === true || options.remove === true || options.prove === true) throw new SyncError('bad-usage', { detail: '--iam only prints' });
        if (options.iam !== 'read' && options.iam !== 'write' && options.iam !== 'both') throw new SyncError('bad-usage', { detail: '--iam is read, write or both' });
        const policy = await enfold.buckets.iamPolicy(place, requireWish(placed), options.iam, cli.signal);
        return cli.out.answer(policy, pretty(policy));
      }
      if (options.remove === true && options.prove === true) throw new SyncError('bad-usage', { detail: '--prove does not go with --remove' });
      const wish = options.remove === true ? null : requireWish(placed);
      const isOnlyProof = options.prove === true && options.apply !== true;
      const preview = isOnlyProof ? null : await enfold.buckets.previewPolicy(place, wish, cli.signal);
      const applied = preview !== null && options.apply === true && (await enfold.buckets.applyPolicy(place, preview, cli.signal)) !== null;
      if (preview !== null && options.apply === true) cli.out.note(applied ? `The policy of ${where} is changed.` : `The policy of ${where} was so already.`);
      cli.started();
      const proof = options.prove === true && wish !== null ? await enfold.buckets.provePolicy(place, wish, cli.signal) : null;
      const isShown = preview !== null && options.apply !== true;
      const lines = [
        ...(isShown && preview !== null ? previewLines(preview, where) : []),
        ...(preview === null || preview.limits.length === 0 ? [] : ['', `What this policy is for: ${wish === null ? '' : modeNames[wish.mode]}.`, ...preview.limits]),
        ...(isShown && preview?.change !== null ? ['', 'Nothing was changed. Put it there with --apply.'] : []),
        ...(proof === null ? [] : ['', ...proofLines(proof)]),
      ];
      cli.out.answer({ bucket: place.bucket, prefix: place.prefix, mode: wish?.mode ?? null, applied, ...(preview === null ? {} : { call: preview.change?.call ?? null, statements: preview.statements, before: preview.before, after: preview.after, limits: preview.limits }), proof }, lines[0] === '' ? lines.slice(1) : lines);
      return proof !== null && !proof.isProven ? 2 : 0;
    }));
}
