/** `enfold bucket doctor`: what is wrong with a bucket, and mending it. */
import type { Command } from 'commander';
import type { Enfold } from '../assembly/api.ts';
import type { BucketPlace, Mended, ModeWish } from '../assembly/buckets.ts';
import type { Examination } from '../bucket/doctor.ts';
import { SEVERITIES, type FindingId, type FixPreview } from '../bucket/finding.ts';
import { SyncError } from '../model/errors.ts';
import { placeOf, PLACE_HELP, placeText, pretty, withMode, withPlace, type PlaceOptions } from './bucket-place.ts';
import { perform, type Cli } from './cli.ts';
import { formatTime, plural, table } from './output.ts';

type Options = PlaceOptions & { preview?: string; fix?: string; undo?: string; changes?: boolean };

const usage = (detail: string): SyncError => new SyncError('bad-usage', { detail });
const isBad = ({ findings }: Examination): boolean => findings.some(({ severity }) => severity === 'critical' || severity === 'warning');

function findingLines({ findings, missing }: Examination): string[] {
  const sorted = SEVERITIES.flatMap((severity) => findings.filter((one) => one.severity === severity));
  const lines = sorted.flatMap(({ id, severity, says, advice, fix }) => [
    `${severity.toUpperCase().padEnd(8)}  ${id}: ${says}`,
    ...(fix === null ? [] : [`          Fix: ${fix.says}.${fix.isOptional ? ' Only if you name it.' : ''}`]),
    ...(advice === null ? [] : [`          ${advice}`]),
  ]);
  const counts = SEVERITIES.map((severity) => `${findings.filter((one) => one.severity === severity).length} ${severity}`).join(', ');
  const statements = missing.length === 0 ? [] : ['', 'What would allow what is missing:', ...pretty({ Version: '2012-10-17', Statement: missing })];
  return [...lines, '', counts, ...statements];
}

function previewLines({ id, says, change }: FixPreview): string[] {
  return [`${id}: ${says}`, change.call, 'Before:', ...pretty(change.before), 'After:', ...pretty(change.after), ''];
}

/** Which findings are meant: `all` leaves those out that decide about files. */
function chosen(text: string, { findings }: Examination): FindingId[] {
  const fixable = findings.filter(({ fix }) => fix !== null);
  if (text === 'all') return fixable.filter(({ fix }) => fix?.isOptional === false).map(({ id }) => id);
  return text.split(',').map((name) => {
    const found = fixable.find(({ id }) => id === name.trim());
    if (found === undefined) throw usage(`${name.trim()} is no finding that can be fixed here; there ${fixable.length === 0 ? 'is none' : `are ${fixable.map(({ id }) => id).join(', ')}`}`);
    return found.id;
  });
}

async function undo(cli: Cli, enfold: Enfold, place: BucketPlace, text: string): Promise<void> {
  const changes = enfold.buckets.changesOf(place);
  const wanted = text === 'last' ? changes.slice(0, 1) : text === 'all' ? changes : changes.filter(({ id }) => String(id) === text);
  if (wanted.length === 0) throw usage(text === 'last' || text === 'all' ? `nothing was changed of ${place.bucket} from here` : `there is no change ${text}; see --changes`);
  const undone: { id: number; says: string; isWhole: boolean }[] = [];
  for (const { id, says } of wanted) undone.push({ id, says, isWhole: await enfold.buckets.undo(place, id, cli.signal) });
  cli.out.answer({ undone }, undone.map(({ id, says, isWhole }) => `Taken back: ${id} ${says}${isWhole ? '' : ' (as far as S3 can go back: versioning is suspended now, not as if it had never been on)'}`));
}

async function fix(cli: Cli, enfold: Enfold, place: BucketPlace, wish: ModeWish | null, ids: readonly FindingId[]): Promise<readonly Mended[]> {
  const made: Mended[] = [];
  for (const id of ids) {
    // Looked at again each time: fixes of one setting build on each other.
    const preview = await enfold.buckets.previewFix(place, wish, id, cli.signal);
    if (preview === null) continue;
    const mended = await enfold.buckets.applyFix(place, preview, cli.signal);
    made.push(mended);
    cli.out.note(`Fixed ${id}: ${preview.says} (${preview.change.call}; change ${mended.id})`);
  }
  return made;
}

export function registerDoctor(bucket: Command): void {
  withMode(withPlace(bucket.command('doctor')))
    .description('check encryption, access, versioning, permissions and what the server really does; mend it')
    .option('--preview <what>', 'show what mending would change: all, or findings by name, with commas')
    .option('--fix <what>', 'mend: all, or findings by name, with commas; then check again')
    .option('--undo <change>', 'take a change back: last, all, or its number')
    .option('--changes', 'what was changed of this bucket from here')
    .addHelpText('after', `${PLACE_HELP}
Without --mode, and where no folder lies there, the bucket is checked without expecting a mode. It uploads a few bytes below .enfold/probe/ and removes them.
Exit code 2: something is critical or worth a warning.
  $ enfold bucket doctor s3://photos/family --connection work --mode sse-kms --kms-key-id alias/photos
  $ enfold bucket doctor documents --preview all
  $ enfold bucket doctor documents --fix public-access,versioning
  $ enfold bucket doctor documents --undo last`)
    .action(perform(async (cli, options: Options, text: string) => {
      if ([options.preview, options.fix, options.undo, options.changes].filter((one) => one !== undefined).length > 1) throw usage('give one of --preview, --fix, --undo and --changes');
      const enfold = await cli.enfold();
      const { place, wish } = placeOf(enfold, text, options);
      if (options.changes === true) {
        const changes = enfold.buckets.changesOf(place).map(({ id, atMs, says, undo: { call } }) => ({ id, atMs, says, call }));
        return cli.out.answer(changes, changes.length === 0 ? ['Nothing was changed from here.'] : table(changes.map(({ id, atMs, says, call }) => [String(id), formatTime(atMs), call, says])));
      }
      if (options.undo !== undefined) return undo(cli, enfold, place, options.undo);
      const examination = await enfold.buckets.examine(place, wish, cli.signal);
      cli.started();
      if (options.preview !== undefined) {
        const previews: FixPreview[] = [];
        for (const id of chosen(options.preview, examination)) {
          const preview = await enfold.buckets.previewFix(place, wish, id, cli.signal);
          if (preview !== null) previews.push(preview);
        }
        const shown = previews.map(({ id, says, change: { call, before, after } }) => ({ id, says, call, before, after }));
        cli.out.answer(shown, previews.length === 0 ? ['There is nothing to mend.'] : [...previews.flatMap(previewLines), 'Nothing was changed. Each is made from the bucket as it is then.']);
        return 0;
      }
      if (options.fix === undefined) {
        cli.out.answer(examination, [placeText(place), ...findingLines(examination)]);
        return isBad(examination) ? 2 : 0;
      }
      const made = await fix(cli, enfold, place, wish, chosen(options.fix, examination));
      const again = await enfold.buckets.examine(place, wish, cli.signal);
      cli.out.answer({ ...again, fixed: made.map(({ id, says }) => ({ id, says })) }, [`${plural(made.length, 'change')} made. Checked again:`, ...findingLines(again)]);
      return isBad(again) ? 2 : 0;
    }));
}
