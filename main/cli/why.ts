/** `enfold why`: what Enfold thinks of one path, and why. */
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type { Command } from 'commander';
import type { Reasons } from '../assembly/why.ts';
import type { ActionType } from '../model/action.ts';
import { SyncError } from '../model/errors.ts';
import type { FolderSettings } from '../model/settings.ts';
import type { SkipReason } from '../model/snapshot.ts';
import { perform } from './cli.ts';
import { HELD_WORDS } from './held-words.ts';
import { formatBytes, formatTime, plural, printable } from './output.ts';

const CHANGES: Readonly<Record<string, string>> = {
  unchanged: 'as both sides last agreed', restamped: 'the same content, with other times or permissions', replaced: 'another file of the same content', changed: 'changed since both sides last agreed',
  new: 'new', gone: 'gone since both sides last agreed', never: 'never there', unknown: 'cannot be looked at',
};
const NEXT: Readonly<Record<ActionType, string>> = {
  upload: 'It is sent to S3.', download: 'It is fetched from S3.', 'keep-both': 'Both versions are kept: this one under another name, and the one from S3.', adopt: 'Both sides hold the same; that is noted.',
  'refresh-base': 'Only times changed; that is noted.', 'update-attributes': 'Its permissions are sent to S3.', 'rename-remote': 'It is renamed in S3.', 'delete-remote': 'It is deleted in S3.',
  'delete-local': 'It moves to the trash here, since it was deleted elsewhere.', forget: 'It is gone on both sides; that is noted.',
};
const REASONS: Readonly<Record<SkipReason, string>> = {
  ignored: 'an ignore rule leaves it out', unreadable: 'it cannot be read', 'directory-unreadable': 'its directory cannot be read', symlink: 'it is a symbolic link, which is never followed', 'special-file': 'it is no regular file',
  'name-encoding': 'its name is no valid text', 'name-unsupported': 'its name cannot exist on this computer', 'name-collision': 'another file has the same name on this computer', 'name-clash': 'a file and a directory have the same name',
  'name-too-long': 'its name is too long', 'name-traversal': 'its name would leave the folder', 'name-control': 'its name holds control characters', 'name-reserved': 'its name is reserved by the system', 'own-file': 'it belongs to Enfold itself',
  foreign: 'the object in S3 is not from Enfold', 'not-authentic': 'the object in S3 fails its checks', 'mode-not-honoured': 'the object in S3 is not encrypted as the folder asks', 'key-not-found': 'the key of the object in S3 is not here',
  'file-too-large-for-mode': 'it is larger than the encryption mode can hold', 'waiting-for-quiet': 'it is still being written', 'filesystem-boundary': 'it lies on another disk', direction: 'the folder\'s direction does not take it over',
};

function nextOf({ id, next, skipped, path, isPaused, remote, held, failed }: Reasons): string {
  if (isPaused) return 'Nothing: the folder is paused.';
  if (held !== null) return `Nothing: its deletion is held, ${held.deletions === 1 ? 'alone' : `with ${held.deletions - 1} others`} (${HELD_WORDS[held.reason] ?? held.reason}). If that is right: enfold sync ${id.slice(0, 8)} --yes`;
  if (next === null) return `Cannot be told: ${remote.problem?.says ?? 'S3 was not asked.'}`;
  if (next.question === 'vanished') return 'You are asked: it is gone from S3 and nobody recorded a deletion.';
  if (next.question === 'both-changed') return 'You are asked: it differs on both sides.';
  if (next.action !== null) return failed === null ? NEXT[next.action] : `Tried again: ${NEXT[next.action]}`;
  if (skipped.length > 0) return 'Nothing: it is left alone on both sides.';
  return path.endsWith('/') ? 'Nothing at the directory itself; ask for the files in it.' : 'Nothing.';
}

/** What is told without --json. */
export function linesOf(reasons: Reasons): string[] {
  const { path, name, id, local, remote, base, skipped, recent, filesBelow } = reasons;
  const size = (bytes: number | null): string => (bytes === null ? '' : `${formatBytes(bytes)}, `);
  const here = local.state === 'absent' ? 'not there' : local.state === 'unknown' ? `left out: ${local.reason === null ? '' : REASONS[local.reason]}` : `${size(local.sizeBytes)}${local.modifiedMs === null ? '' : `written ${formatTime(local.modifiedMs)}`}`;
  const there = remote.state === null ? `not asked${remote.problem === null ? '' : ` (${remote.problem.code})`}` : remote.state === 'absent' ? 'not there' : remote.state === 'unknown' ? `left alone: ${remote.reason === null ? '' : REASONS[remote.reason]}` : `${size(remote.sizeBytes)}stored ${formatTime(remote.storedAtMs ?? 0)} as ${printable(remote.objectKey ?? '')}`;
  const since = (change: string | null): string => (change === null || base === null ? '' : `; ${CHANGES[change] ?? change}`);
  return [
    `${printable(path)} in ${printable(name)} (${id.slice(0, 8)}, ${reasons.direction})`,
    `  here      ${here}${since(local.change)}`,
    `  in S3     ${there}${since(remote.change)}`,
    ...(path.endsWith('/') && base === null ? [] : [`  agreed    ${base === null ? 'never in step' : `${formatBytes(base.sizeBytes)}, written ${formatTime(base.modifiedMs)}`}`]),
    ...(filesBelow === null ? [] : [`  inside    ${plural(filesBelow, 'file')} in step when last looked at`]),
    ...skipped.map((one) => `  left out  ${one.side === 'local' ? 'here' : 'in S3'}: ${REASONS[one.reason]}${one.detail === null ? '' : ` (${printable(one.detail)})`}${one.path === path ? '' : `, at ${printable(one.path)}`}`),
    ...recent.map(({ atMs, kind, detail }) => `  ${formatTime(atMs)}  ${kind}${detail === null ? '' : ` (${printable(detail)})`}`),
    ...(reasons.failed === null ? [] : [`  last try  failed: ${reasons.failed.says}${reasons.failed.next === '' ? '' : ` ${reasons.failed.next}`} [${reasons.failed.code}]`]),
    `  next sync ${nextOf(reasons)}`,
  ];
}

/** A path on this disk, or FOLDER:path. The last name may be a link: it is asked about, not followed. */
export function placeOf(text: string, folders: readonly FolderSettings[], find: (wanted: string) => FolderSettings): { readonly folder: FolderSettings; readonly path: string } {
  const absolute = resolve(text);
  const parent = dirname(absolute);
  const real = join(existsSync(parent) ? realpathSync.native(parent) : parent, basename(absolute));
  // A link above it may lead out of the folder: then it is the place of that name inside which is asked about.
  for (const at of [real, absolute]) for (const folder of folders) {
    if (at === folder.localPath) throw new SyncError('bad-usage', { detail: `${text} is the folder ${folder.name} itself; see enfold folder status` });
    if (at.startsWith(folder.localPath.endsWith(sep) ? folder.localPath : `${folder.localPath}${sep}`)) return { folder, path: relative(folder.localPath, at).replaceAll(sep, '/') };
  }
  const cut = text.indexOf(':');
  if (cut > 0 && !existsSync(absolute)) {
    const path = text.slice(cut + 1).replace(/^\/+|\/+$/g, '');
    if (path === '') throw new SyncError('bad-usage', { detail: 'FOLDER:path needs a path' });
    return { folder: find(text.slice(0, cut)), path };
  }
  throw new SyncError('no-such-folder', { path: absolute, detail: 'it is inside no folder of Enfold' });
}

export function registerWhy(program: Command): void {
  program
    .command('why')
    .description('what Enfold thinks of one path, and why')
    .argument('<path>', 'a path on this computer, or FOLDER:path')
    .addHelpText('after', `
Shows both sides as they are now, what they last agreed on, why the path may be left out, what went wrong there, and what the next sync does.
  $ enfold why ~/Documents/2024/tax.pdf
  $ enfold why documents:2024/tax.pdf`)
    .action(perform(async (cli, _options: object, text: string) => {
      const enfold = await cli.enfold();
      const { folder, path } = placeOf(text, enfold.folders.list(), (wanted) => enfold.folders.find(wanted));
      const reasons = await enfold.why(folder.id, path, cli.signal);
      cli.out.answer(reasons, linesOf(reasons));
    }));
}
