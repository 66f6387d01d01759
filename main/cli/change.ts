/** What the command line says of a change of mode or key: before it, while it runs, and after. */
import type { Enfold, ModeChanges } from '../assembly/api.ts';
import type { ChangePreview, ChangeWay } from '../assembly/change-preview.ts';
import { modeWords } from '../assembly/epochs.ts';
import type { FolderSettings } from '../model/settings.ts';
import type { ReprotectResult } from '../sync/reprotect.ts';
import type { Cli } from './cli.ts';
import type { ExitCode } from './failure.ts';
import { describeFailure } from './failure.ts';
import { formatBytes, plural, printable } from './output.ts';

const WAY_WORDS: Readonly<Record<ChangeWay, string>> = {
  none: 'as wanted already', update: 'get their data key wrapped anew by S3', copy: 'copied inside S3', rewrap: 'get their data key wrapped anew', transfer: 'read and written again by this computer',
};

export function changeJson(preview: ChangePreview): Record<string, unknown> {
  return { ...preview, started: false };
}

export function previewLines(preview: ChangePreview, again: string): string[] {
  const { ways, requests, costUsd, oldVersions } = preview;
  const rows = (Object.keys(ways) as ChangeWay[]).filter((way) => ways[way].objects > 0).map((way) => `  ${plural(ways[way].objects, 'object')}, ${formatBytes(ways[way].bytes)}: ${WAY_WORDS[way]}`);
  return [
    `${printable(preview.name)}: from ${printable(modeWords(preview.from))} to ${printable(modeWords(preview.to))}`,
    ...(rows.length === 0 ? ['  no objects yet'] : rows),
    `  about ${plural(requests.writes, 'write request')}, ${plural(requests.reads, 'read request')}${requests.kms === 0 ? '' : `, ${plural(requests.kms, 'KMS call')}`}${preview.bytesUp === 0 ? '' : `; ${formatBytes(preview.bytesDown)} down, ${formatBytes(preview.bytesUp)} up`}`,
    ...(costUsd === null ? [] : [`  about ${costUsd.toFixed(2)} US dollars at AWS's list prices`]),
    ...(oldVersions === null || oldVersions.objects === 0 ? [] : [`  ${plural(oldVersions.objects, 'earlier version')} (${formatBytes(oldVersions.bytes)}) keep the protection they have, and need its key; afterwards: enfold folder set ${preview.id.slice(0, 8)} --delete-old-versions`]),
    ...(preview.namesNeedOldKey ? ['  the names stay encrypted, so the key of now is still needed for them'] : []),
    `Nothing was done yet. To begin: ${again} --yes`,
  ];
}

export function resultLines(name: string, result: ReprotectResult): string[] {
  const { ways } = result;
  const parts = (Object.keys(ways) as (keyof typeof ways)[]).filter((way) => ways[way] > 0).map((way) => `${ways[way]} ${WAY_WORDS[way]}`);
  return [
    `${printable(name)}: ${result.isDone ? 'every object is under the new mode' : 'not every object is under the new mode yet; the next sync goes on'} (${parts.length === 0 ? 'nothing was left to do' : parts.join(', ')}).`,
    ...(result.foreign.length === 0 ? [] : [`  ${plural(result.foreign.length, 'object')} of other programs left alone`]),
  ];
}

/** Goes on with the change of one folder until it is done or can go on no further. Null: there was none. */
export async function finishChange(cli: Cli, enfold: Enfold, folder: FolderSettings): Promise<ReprotectResult | null> {
  const open = await enfold.folders.open(folder.id);
  try {
    cli.started();
    return await open.continueChange({ signal: cli.signal, onProgress: ({ examined, changed }) => cli.out.progress(`${printable(folder.name)}: ${examined} objects looked at, ${changed} brought under the new mode`) });
  } finally {
    await open.close();
  }
}

export function tellFailures(cli: Cli, result: ReprotectResult): void {
  for (const { path, error } of result.failed) cli.out.note(describeFailure({ ...error, about: { ...error.about, path: printable(path) } }).trimEnd());
}

/** Without `isConfirmed` only what it would take. @returns the exit code */
export async function runChange(cli: Cli, enfold: Enfold, id: string, changes: ModeChanges, isConfirmed: boolean, again: string): Promise<ExitCode> {
  const folder = enfold.folders.find(id);
  const preview = await enfold.folders.previewChange(folder.id, changes, cli.signal);
  if (!isConfirmed) {
    cli.out.answer(changeJson(preview), previewLines(preview, again));
    return 0;
  }
  const begun = await enfold.folders.beginChange(folder.id, changes, cli.signal);
  const result = await finishChange(cli, enfold, begun);
  if (result === null) return 0;
  cli.out.answer({ ...changeJson(preview), started: true, ...result }, resultLines(folder.name, result));
  tellFailures(cli, result);
  return result.isDone ? 0 : 2;
}

/** Without `isConfirmed` only what it would take. @returns the exit code */
export async function runRotation(cli: Cli, enfold: Enfold, name: string, to: string | null, isConfirmed: boolean): Promise<ExitCode> {
  const { beginRotation, planRotation } = await import('../assembly/rotation.ts');
  const plan = await planRotation(name, to, enfold, cli.signal);
  const next = plan.next === null ? null : { keyId: plan.next.keyId, name: plan.next.name };
  const json = { keyId: plan.old.keyId, name: plan.old.name, next, folders: plan.folders };
  if (!isConfirmed) {
    const rows = plan.folders.map((preview) => `  ${printable(preview.name)}: ${plural(Object.values(preview.ways).reduce((sum, { objects }) => sum + objects, 0), 'object')}${preview.costUsd === null ? '' : `, about ${preview.costUsd.toFixed(2)} US dollars`}`);
    cli.out.answer({ ...json, started: false }, [
      `Key ${printable(plan.old.name)} would be followed by ${plan.next === null ? 'a new key' : `key ${printable(plan.next.name)}`} in ${plural(plan.folders.length, 'folder')}:`, ...rows,
      `Nothing was done yet. To begin: enfold key rotate ${printable(plan.old.name)}${to === null ? '' : ` --to ${printable(to)}`} --yes`,
    ]);
    return 0;
  }
  const begun = await beginRotation(name, to, enfold, cli.signal);
  const results: (ReprotectResult & { readonly id: string })[] = [];
  for (const folder of begun.folders) {
    const result = await finishChange(cli, enfold, folder);
    if (result !== null) results.push({ ...result, id: folder.id });
    if (result !== null) tellFailures(cli, result);
  }
  const isDone = results.every((result) => result.isDone);
  cli.out.answer({ ...json, next: { keyId: begun.next.keyId, name: begun.next.name }, started: true, results }, [
    `Key ${printable(begun.next.name)} (${begun.next.keyId}) is used from now on. Save it elsewhere now: enfold key export ${printable(begun.next.name)} --out FILE`,
    ...results.flatMap((result) => resultLines(enfold.folders.find(result.id).name, result)),
  ]);
  return isDone ? 0 : 2;
}
