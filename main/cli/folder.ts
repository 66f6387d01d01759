/** `enfold folder`: which local folder belongs to which place in S3, and how. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Direction } from '../model/action.ts';
import { SyncError } from '../model/errors.ts';
import type { NamesSetting } from '../model/mode.ts';
import { isClientSide } from '../model/mode.ts';
import type { FolderSettings } from '../model/settings.ts';
import type { Enfold, FolderChanges, ModeChanges } from '../assembly/api.ts';
import { runChange } from './change.ts';
import { perform, type Cli } from './cli.ts';
import type { ExitCode } from './failure.ts';
import { limitChangesOf, limitsJson, limitWords, type LimitOptions } from './limits.ts';
import { formatBytes, formatTime, plural, printable, table } from './output.ts';
import { registerSharing } from './sharing.ts';
import { serverWords } from './server-words.ts';
import { parseContext, parseFormat, parseMode, parseRemote } from './target.ts';

const DIRECTIONS: Readonly<Record<Direction, string>> = {
  'two-way': 'changes and deletions travel both ways; a file changed on both sides is kept twice',
  upload: 'a backup: what is here goes up, nothing here is touched, and nothing is ever deleted in S3',
  'upload-mirror': 'S3 becomes what is here: what is deleted or changed here is deleted or replaced there',
  download: 'what is in S3 comes here; nothing goes up, and nothing is deleted here',
  'download-mirror': 'this computer becomes what is in S3: changes here are undone (into the trash), deletions there are carried out here',
};
const DIRECTION_NAMES = Object.keys(DIRECTIONS).join(', ');
const DIRECTION_HELP = `Directions:
${Object.entries(DIRECTIONS).map(([name, says]) => `  ${name.padEnd(16)} ${says}`).join('\n')}`;

function parseDirection(text: string): Direction {
  if (!Object.hasOwn(DIRECTIONS, text)) throw new SyncError('bad-usage', { detail: `${text} is no direction; directions are ${DIRECTION_NAMES}` });
  return text as Direction;
}

function parseNames(text: string): NamesSetting {
  if (text === 'readable' || text === 'encrypted') return text;
  throw new SyncError('bad-usage', { detail: '--names is readable or encrypted' });
}

function keyIdOf(folder: FolderSettings): string | null {
  return 'keyId' in folder.mode ? folder.mode.keyId : null;
}

export function folderJson(folder: FolderSettings, enfold: Enfold): Record<string, unknown> {
  const connection = enfold.connections.list().find((one) => one.id === folder.connectionId);
  return {
    id: folder.id, name: folder.name, localPath: folder.localPath, remote: `s3://${folder.bucket}/${folder.prefix}`, bucket: folder.bucket, prefix: folder.prefix,
    connection: connection?.name ?? null, mode: folder.mode.id, keyId: keyIdOf(folder), kmsKeyId: 'kmsKeyId' in folder.mode ? folder.mode.kmsKeyId : null, format: isClientSide(folder.mode) ? folder.mode.format : null,
    names: folder.names, direction: folder.direction, isPaused: folder.isPaused, reusesDataKey: folder.reusesDataKey ?? false, limits: limitsJson(folder.limits ?? {}),
  };
}

type AddOptions = { remote: string; connection: string; mode?: string; key?: string; kmsKeyId?: string; bucketKey: boolean; dsse?: boolean; context?: string[]; names?: string; direction: string; format?: string; createBucket?: boolean; name?: string; reuseDataKey?: boolean };
type SetOptions = {
  direction?: string; pause?: boolean; resume?: boolean; name?: string; names?: string; reuseDataKey?: boolean; yes?: boolean; acceptEpoch?: boolean; deleteOldVersions?: boolean;
  mode?: string; key?: string; kmsKeyId?: string; format?: string; bucketKey?: boolean; dsse?: boolean; context?: string[] | false;
} & LimitOptions;

/** What is to be encrypted in another way. Null: nothing was said about it. */
function modeChangesOf(options: SetOptions): ModeChanges | null {
  const { mode, key, kmsKeyId, format, bucketKey, dsse, context } = options;
  const changes: ModeChanges = {
    ...(mode === undefined ? {} : { mode: parseMode(mode) }), ...(key === undefined ? {} : { key }), ...(kmsKeyId === undefined ? {} : { kmsKeyId }), ...(format === undefined ? {} : { format: parseFormat(format) }),
    ...(bucketKey === undefined ? {} : { bucketKey }), ...(dsse === undefined ? {} : { dsse }), ...(context === undefined ? {} : { encryptionContext: context === false ? {} : parseContext(context) }),
  };
  return Object.keys(changes).length === 0 ? null : changes;
}

/** The options of a change as they were given, to be given again. */
function spokenOptions({ mode, key, kmsKeyId, format, bucketKey, dsse, context }: SetOptions): string {
  const said = [
    mode === undefined ? '' : `--mode ${mode}`, key === undefined ? '' : `--key ${printable(key)}`, kmsKeyId === undefined ? '' : `--kms-key-id ${printable(kmsKeyId)}`, format === undefined ? '' : `--format ${format}`,
    bucketKey === undefined ? '' : bucketKey ? '--bucket-key' : '--no-bucket-key', dsse === undefined ? '' : dsse ? '--dsse' : '--no-dsse', context === undefined ? '' : context === false ? '--no-context' : `--context ${context.map(printable).join(' ')}`,
  ];
  return said.filter((option) => option !== '').join(' ');
}

async function deleteOldVersions(cli: Cli, enfold: Enfold, id: string, isConfirmed: boolean): Promise<ExitCode> {
  const folder = enfold.folders.find(id);
  cli.started();
  const found = await enfold.deleteOldVersions(folder.id, { isConfirmed, signal: cli.signal });
  const amount = `${plural(found.objects, 'earlier version')} (${formatBytes(found.bytes)})`;
  cli.out.answer({ id: folder.id, name: folder.name, ...found }, [
    isConfirmed ? `${printable(folder.name)}: ${amount} removed for good.` : `${printable(folder.name)}: ${amount} under an earlier mode or key. Nothing was done yet. To remove them for good: enfold folder set ${folder.id.slice(0, 8)} --delete-old-versions --yes`,
  ]);
  return 0;
}

export function registerFolder(program: Command): void {
  const folder = program.command('folder').description('which local folder belongs to which place in S3');

  folder
    .command('add')
    .description('pair a local folder with a place in a bucket; joins the folder that is there')
    .argument('<local-path>', 'an existing folder')
    .requiredOption('--remote <s3-url>', 's3://BUCKET or s3://BUCKET/PREFIX')
    .requiredOption('--connection <name>', 'how to reach S3')
    .option('--mode <mode>', 'cse-c (encrypted here, only you hold the key), cse-kms (encrypted here, KMS holds it), sse-c (encrypted by S3 under your key), sse-kms, sse-s3')
    .option('--key <name>', 'the key of cse-c (aes or rsa) or sse-c')
    .option('--kms-key-id <id>', 'id, ARN or alias of the KMS key of cse-kms or sse-kms; sse-kms without it uses the AWS managed key')
    .option('--no-bucket-key', 'sse-kms: one KMS request for each object')
    .option('--dsse', 'sse-kms: two layers of encryption (aws:kms:dsse)')
    .option('--context <name=value...>', 'sse-kms: an encryption context for KMS')
    .option('--names <how>', 'readable or encrypted in the bucket (encrypted for cse-c, else readable)')
    .option('--direction <direction>', DIRECTION_NAMES, 'two-way')
    .option('--format <format>', 'cse-c, cse-kms: v3 (default), or v2 for Amazon S3 Encryption Clients older than December 2025')
    .option('--reuse-data-key', 'cse-kms: ask KMS for one data key per 1,000 objects or 5 minutes instead of one per object; its audit log then names no objects')
    .option('--create-bucket', 'make the bucket if it is missing')
    .addHelpText('after', `
${DIRECTION_HELP}

Nothing is transferred before the first sync, and a first sync deletes nothing on either side. See what it would do: enfold preview ID
  $ enfold folder add ~/Documents --remote s3://my-backup/documents --connection work --mode cse-c --key family
  $ enfold folder add /srv/data --remote s3://data --connection ceph --mode sse-s3 --direction upload`)
    .action(perform(async (cli, options: AddOptions, localPath: string) => {
      const { bucket, prefix } = parseRemote(options.remote);
      const enfold = await cli.enfold();
      const added = await enfold.folders.add({
        localPath: resolve(localPath), connection: options.connection, bucket, prefix,
        mode: options.mode === undefined ? null : parseMode(options.mode), key: options.key ?? null,
        names: options.names === undefined ? null : parseNames(options.names), direction: parseDirection(options.direction),
        kmsKeyId: options.kmsKeyId ?? null, dsse: options.dsse, encryptionContext: options.context === undefined ? undefined : parseContext(options.context),
        // On by default, and nothing to say about it in the other modes.
        bucketKey: options.bucketKey ? undefined : false,
        format: options.format === undefined ? undefined : parseFormat(options.format), createBucket: options.createBucket === true, reusesDataKey: options.reuseDataKey,
      });
      const what = added.joined ? `Joined the folder at ${options.remote}` : `Folder ${printable(added.folder.name)} added`;
      cli.out.answer({ ...folderJson(added.folder, enfold), joined: added.joined, fingerprint: added.fingerprint }, [
        `${what}: ${added.folder.id.slice(0, 8)} (${added.folder.mode.id}, names ${added.folder.names}, ${added.folder.direction}).`,
        ...(added.fingerprint === null ? [] : [`Its fingerprint, the same on all your computers: ${added.fingerprint}`]),
        `Next: enfold preview ${added.folder.id.slice(0, 8)}, or enfold sync ${added.folder.id.slice(0, 8)}`,
      ]);
    }));

  folder
    .command('list')
    .description('list the folders')
    .action(perform(async (cli) => {
      const enfold = await cli.enfold();
      const list = enfold.folders.list();
      cli.out.answer(list.map((one) => folderJson(one, enfold)), list.length === 0
        ? ['No folders yet. Add one: enfold folder add --help']
        : table([['ID', 'NAME', 'LOCAL', 'REMOTE', 'MODE', 'DIRECTION'], ...list.map((one) => [one.id.slice(0, 8), printable(one.name), printable(one.localPath), `s3://${one.bucket}/${one.prefix}`, one.mode.id, one.isPaused ? `${one.direction} (paused)` : one.direction])]));
    }));

  folder
    .command('status')
    .description("how folders stand, from this computer's own records")
    .argument('[id]', 'a folder by id, start of id, name or local path; all without it')
    .action(perform(async (cli, _options: object, id: string | undefined) => {
      const enfold = await cli.enfold();
      const chosen = id === undefined ? enfold.folders.list() : [enfold.folders.find(id)];
      const rows = await Promise.all(chosen.map(async (one) => ({ one, records: await enfold.folders.recordsOf(one.id) })));
      const json = rows.map(({ one, records }) => ({
        ...folderJson(one, enfold), files: records.files, bytes: records.bytes, lastSuccessMs: records.lastSuccessMs,
        skipped: records.skipped, recent: records.activity, drill: records.drill, server: records.capabilities, openIn: records.openIn,
      }));
      const lines = rows.flatMap(({ one, records }) => [
        `${printable(one.name)} (${one.id.slice(0, 8)}): ${plural(records.files, 'file')}, ${formatBytes(records.bytes)}, ${one.mode.id}, ${one.direction}${one.isPaused ? ', paused' : ''}${records.openIn === null ? '' : ', open in another Enfold'}`,
        ...(limitWords(one.limits ?? {}) === '' ? [] : [`  limits: ${limitWords(one.limits ?? {}).slice(2)}`]),
        `  last in step: ${records.lastSuccessMs === null ? 'never' : formatTime(records.lastSuccessMs)}`,
        `  server: ${serverWords(records.capabilities)}`,
        `  last proven restore: ${(records.drill?.lastProvenMs ?? null) === null ? 'never (enfold key drill)' : formatTime(records.drill?.lastProvenMs ?? 0)}${(records.drill?.failed ?? 0) > 0 ? `; the last drill failed for ${records.drill?.failed} of its files` : ''}`,
        ...(records.skipped.length === 0 ? [] : [`  skipped: ${plural(records.skipped.length, 'path')}`, ...records.skipped.slice(0, 20).map((skipped) => `    ${printable(skipped.path)}: ${skipped.reason}${skipped.detail === null ? '' : ` (${printable(skipped.detail)})`}`)]),
      ]);
      cli.out.answer(id === undefined ? json : json[0], lines.length === 0 ? ['No folders yet. Add one: enfold folder add --help'] : lines);
    }));

  folder
    .command('set')
    .description('change how a folder is synced, or how it is encrypted')
    .argument('<id>')
    .option('--direction <direction>', `${DIRECTION_NAMES}; the first sync after it deletes nothing`)
    .option('--name <name>', 'what to call it here')
    .option('--pause', 'leave it alone until --resume')
    .option('--resume', 'sync it again')
    .option('--reuse-data-key', 'cse-kms: ask KMS for one data key per 1,000 objects or 5 minutes')
    .option('--no-reuse-data-key', 'cse-kms: ask KMS for a data key per object')
    .option('--upload-limit <rate>', 'bandwidth of this folder: 512K, 2M, off, or a timetable (see enfold limits --help)')
    .option('--download-limit <rate>', 'the same for what comes down')
    .option('--transfers <n>', 'files of this folder on their way at once, or auto')
    .option('--mode <mode>', 'another encryption mode, for all that is there and all that comes')
    .option('--key <name>', 'another key (cse-c, sse-c)')
    .option('--kms-key-id <id>', 'another KMS key (cse-kms, sse-kms); alias/aws/s3 is the AWS managed key of sse-kms')
    .option('--format <format>', 'cse-c, cse-kms: v3 or v2')
    .option('--bucket-key', 'sse-kms: one KMS request for many objects')
    .option('--no-bucket-key', 'sse-kms: one KMS request for each object')
    .option('--dsse', 'sse-kms: two layers of encryption')
    .option('--no-dsse', 'sse-kms: one layer')
    .option('--context <name=value...>', 'sse-kms: another encryption context')
    .option('--no-context', 'sse-kms: no encryption context any more')
    .option('--yes', 'begin the change of encryption; without it only what it would take is told')
    .option('--accept-epoch', 'agree to a change of encryption that another computer made')
    .option('--delete-old-versions', 'remove earlier versions in the bucket that are not under the mode and key of now (with --yes; without it they are counted)')
    .option('--names <how>', 'not possible: names are changed by moving the files to a new folder')
    .addHelpText('after', `
${DIRECTION_HELP}

A change of encryption reads or copies every object; everything can be read by all computers throughout. Interrupted, it goes on with the
same command or the next sync. The key of before is kept: enfold verify ID --versions says when nothing needs it any more.
  $ enfold folder set documents --direction upload
  $ enfold folder set documents --mode sse-kms --kms-key-id alias/photos          what it would take
  $ enfold folder set documents --mode sse-kms --kms-key-id alias/photos --yes`)
    .action(perform(async (cli, options: SetOptions, id: string) => {
      if (options.names !== undefined) throw new SyncError('bad-usage', { detail: 'names are changed by adding a folder at another prefix with the names you want, and syncing the files into it' });
      if (options.pause === true && options.resume === true) throw new SyncError('bad-usage', { detail: '--pause and --resume exclude each other' });
      const limits = limitChangesOf(options);
      const changes: FolderChanges = {
        ...(limits === null ? {} : { limits }),
        ...(options.direction === undefined ? {} : { direction: parseDirection(options.direction) }),
        ...(options.name === undefined ? {} : { name: options.name }),
        ...(options.reuseDataKey === undefined ? {} : { reusesDataKey: options.reuseDataKey }),
        ...(options.pause === true ? { isPaused: true } : options.resume === true ? { isPaused: false } : {}),
      };
      const mode = modeChangesOf(options);
      const jobs = [Object.keys(changes).length > 0, mode !== null, options.acceptEpoch === true, options.deleteOldVersions === true].filter(Boolean).length;
      if (jobs === 0) throw new SyncError('bad-usage', { detail: 'nothing to change was given' });
      if (jobs > 1) throw new SyncError('bad-usage', { detail: 'how a folder is synced, how it is encrypted, --accept-epoch and --delete-old-versions are each set by a command of their own' });
      const enfold = await cli.enfold();
      if (mode !== null) return runChange(cli, enfold, id, mode, options.yes === true, `enfold folder set ${id} ${spokenOptions(options)}`);
      if (options.deleteOldVersions === true) return deleteOldVersions(cli, enfold, id, options.yes === true);
      const changed = options.acceptEpoch === true ? await enfold.folders.acceptEpoch(id, cli.signal) : await enfold.folders.set(id, changes);
      cli.out.answer(folderJson(changed, enfold), [`${printable(changed.name)}: ${options.acceptEpoch === true ? changed.mode.id : changed.direction}${changed.isPaused ? ', paused' : ''}${changed.reusesDataKey === true ? ', one KMS data key for many objects' : ''}${limitWords(changed.limits ?? {})}.`]);
      return 0;
    }));

  folder
    .command('remove')
    .description('forget the pairing; deletes no file and no object')
    .argument('<id>')
    .action(perform(async (cli, _options: object, id: string) => {
      const { folders } = await cli.enfold();
      const found = folders.find(id);
      await folders.remove(found.id);
      cli.out.answer({ id: found.id, name: found.name, removed: true }, [`Folder ${printable(found.name)} is no longer synced. Its files are still in ${printable(found.localPath)} and in s3://${found.bucket}/${found.prefix}.`]);
    }));

  registerSharing(folder);
}
