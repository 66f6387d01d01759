/** `enfold preview` and `enfold sync`. */
import type { Command } from 'commander';
import type { Enfold, OpenFolder, SyncProgress, SyncReport, WatchNews } from '../assembly/api.ts';
import type { Plan, Question } from '../model/action.ts';
import { SyncError, toWire } from '../model/errors.ts';
import type { FolderSettings } from '../model/settings.ts';
import type { Look } from '../sync/observe.ts';
import { perform, type Cli } from './cli.ts';
import { asSyncError, describeFailure, exitCodeOf, failureJson, type ExitCode } from './failure.ts';
import { HELD_WORDS } from './held-words.ts';
import { formatBytes, plural, printable, progressBar } from './output.ts';

function questionWords(type: Question['type'], { id, direction }: Pick<FolderSettings, 'id' | 'direction'>): string {
  if (type === 'vanished') return 'is gone from S3 without a recorded deletion; the local file is kept';
  const choice = direction === 'upload-mirror' ? `to replace what is in S3: enfold sync ${id.slice(0, 8)} --yes; to keep both, rename the file here` : 'rename the file here to keep both, or remove the object you do not want';
  return `differs on both sides, and neither is touched until you choose: ${choice}`;
}

function planJson(folder: FolderSettings, plan: Plan): Record<string, unknown> {
  const actions = plan.stages.flat().map((action) => ({ action: action.type, path: action.path, ...(action.type === 'rename-remote' ? { from: action.from.path } : {}) }));
  return { id: folder.id, name: folder.name, counts: plan.counts, actions, unlisted: plan.unlisted ?? 0, questions: plan.questions.map((one) => ({ type: one.type, path: one.path })), held: plan.held, skipped: plan.skipped };
}

const ACTION_WORDS: Readonly<Record<string, string>> = {
  upload: 'upload', download: 'download', 'keep-both': 'keep both', adopt: 'already equal', 'refresh-base': 'unchanged content', 'update-attributes': 'update permissions',
  'rename-remote': 'rename in S3', 'delete-remote': 'delete in S3', 'delete-local': 'move to trash', forget: 'gone on both sides',
};
const SHOWN_ACTIONS = 200;

function planLines(folder: FolderSettings, plan: Plan): string[] {
  const actions = plan.stages.flat();
  const { counts, unlisted = 0 } = plan;
  const transfers = [counts.bytesUp > 0 ? `${formatBytes(counts.bytesUp)} up` : '', counts.bytesDown > 0 ? `${formatBytes(counts.bytesDown)} down` : ''].filter((text) => text !== '');
  return [
    ...actions.slice(0, SHOWN_ACTIONS).map((action) => `${(ACTION_WORDS[action.type] ?? action.type).padEnd(18)} ${printable(action.type === 'rename-remote' ? `${action.from.path} -> ${action.path}` : action.path)}`),
    ...(actions.length + unlisted > SHOWN_ACTIONS ? [`... and ${actions.length + unlisted - SHOWN_ACTIONS} more${unlisted === 0 ? ' (--json lists all)' : ''}`] : []),
    ...plan.questions.map((question) => `for you to decide  ${printable(question.path)} ${questionWords(question.type, folder)}`),
    actions.length + plan.questions.length === 0 ? `${printable(folder.name)} is in step.` : `${plural(actions.length + unlisted, 'change')}${transfers.length === 0 ? '' : `, ${transfers.join(', ')}`}. Nothing was done yet.`,
    ...(plan.held === null ? [] : [`Held: ${HELD_WORDS[plan.held.reason] ?? plan.held.reason} (${plan.held.deletions.length} of ${plan.held.ofTotal}). To go on: enfold sync ${folder.id.slice(0, 8)} --yes`]),
  ];
}

function reportLine(report: SyncReport): string {
  const { counts } = report;
  const done = [
    [counts.upload, 'uploaded'], [counts.download, 'downloaded'], [counts['keep-both'], 'kept in two versions'], [counts.adopt, 'found equal'], [counts['rename-remote'], 'renamed in S3'],
    [counts['update-attributes'], 'permissions updated'], [counts['delete-remote'], 'deleted in S3'], [counts['delete-local'], 'moved to trash here'],
  ] as const;
  const parts = done.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  if (report.change !== undefined) parts.push(`${report.change.changed} brought under the new mode`);
  if (report.skipped > 0) parts.push(`${report.skipped} skipped`);
  const seconds = (report.elapsedMs / 1000).toFixed(1);
  return `${printable(report.name)}: ${report.inStep ? 'in step' : 'not in step'} (${parts.length === 0 ? 'nothing to do' : parts.join(', ')}; ${seconds} s)`;
}

function problemLines(report: SyncReport, folder: FolderSettings): string[] {
  return [
    ...report.failed.map(({ path, error }) => describeFailure(path === null || error.about.path !== undefined ? error : { ...error, about: { ...error.about, path: printable(path) } }).trimEnd()),
    ...report.quarantined.map((skipped) => `enfold: ${printable(skipped.path)} is left alone: ${skipped.reason}${skipped.detail === null ? '' : ` (${printable(skipped.detail)})`}`),
    ...report.questions.map((question) => `enfold: ${printable(question.path)} ${questionWords(question.type, folder)}`),
    ...(report.held === null ? [] : [`enfold: held: ${HELD_WORDS[report.held.reason] ?? report.held.reason}: ${report.held.deletions.length} of ${report.held.ofTotal}. Nothing was deleted.\n        See enfold preview ${report.id.slice(0, 8)}; if that is right: enfold sync ${report.id.slice(0, 8)} --yes [plan-held]`]),
  ];
}

function progressLine(name: string, progress: SyncProgress): string {
  const { phase, doneFiles, totalFiles, doneBytes, totalBytes } = progress;
  if (totalFiles === 0) return `${printable(name)}: ${phase}`;
  const bar = totalBytes > 0 ? progressBar(doneBytes, totalBytes) : progressBar(doneFiles, totalFiles);
  return `${printable(name)} ${bar}  ${doneFiles} of ${totalFiles} files, ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`;
}

type Failure = { readonly id: string; readonly name: string; readonly inStep: false; readonly error: ReturnType<typeof toWire> };

type How = { readonly acceptHeld: boolean; readonly look: 'both' | 'changes' };

/** One folder once: by this process, or by the Enfold that has it open. */
async function syncOnce(cli: Cli, enfold: Enfold, folder: FolderSettings, { acceptHeld, look }: How): Promise<SyncReport> {
  try {
    const open = await enfold.folders.open(folder.id);
    try {
      cli.started();
      const report = await open.sync({ acceptHeld, look, signal: cli.signal, onProgress: (progress) => cli.out.progress(progressLine(folder.name, progress)) });
      return await withChange(cli, open, report);
    } finally {
      await open.close();
    }
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== 'folder-busy') throw error;
    const { askRunningEngine } = await import('../assembly/engine-socket.ts');
    const asked = await askRunningEngine(enfold.home, { type: 'sync', folderId: folder.id, acceptHeld }, cli.signal);
    if (asked === null) throw error;
    cli.out.note(`${printable(folder.name)} is open in the app, which synced it.`);
    return asked.answer;
  }
}

/** A change of mode or key that was begun goes on once the folder itself is in step. */
async function withChange(cli: Cli, open: OpenFolder, report: SyncReport, untilMs?: number): Promise<SyncReport> {
  if (!report.inStep) return report;
  const change = await open.continueChange({ signal: cli.signal, ...(untilMs === undefined ? {} : { untilMs }), onProgress: ({ examined, changed }) => cli.out.progress(`${printable(report.name)}: ${examined} objects looked at, ${changed} brought under the new mode`) });
  if (change === null) return report;
  return { ...report, change, inStep: report.inStep && change.failed.length === 0, failed: [...report.failed, ...change.failed] };
}

function codeOf(report: SyncReport): ExitCode {
  return report.inStep ? 0 : 2;
}

/** 1 only where nothing could start at all. */
function worst(codes: readonly ExitCode[]): ExitCode {
  if (codes.every((code) => code === 0)) return 0;
  return codes.every((code) => code === 1) ? 1 : 2;
}

/** All given folders once, each on its own: one that fails does not stop the others. */
async function syncAll(cli: Cli, enfold: Enfold, chosen: readonly FolderSettings[], how: How): Promise<ExitCode> {
  const results: (SyncReport | Failure)[] = [];
  const codes: ExitCode[] = [];
  for (const folder of chosen) {
    try {
      const report = await syncOnce(cli, enfold, folder, how);
      results.push(report);
      codes.push(codeOf(report));
      cli.out.progress(null);
      if (!cli.out.isJson) await cli.out.item(report, reportLine(report));
      for (const line of problemLines(report, folder)) cli.out.note(line);
    } catch (error) {
      if (cli.signal.aborted) throw error;
      const known = asSyncError(error);
      results.push({ id: folder.id, name: folder.name, inStep: false, error: toWire(known) });
      codes.push(exitCodeOf(known, 'working'));
      if (cli.out.isJson) process.stderr.write(failureJson(toWire(known)));
      if (chosen.length > 1) cli.out.note(`${printable(folder.name)}: not in step`);
      cli.out.note(describeFailure(toWire(known)).trimEnd());
    }
  }
  if (cli.out.isJson) cli.out.answer({ inStep: worst(codes) === 0, folders: results }, []);
  return worst(codes);
}

/** A change of mode lets other work have its turn this often. */
const CHANGE_SLICE_MS = 10_000;
const WATCH_POLL_MS = 3_000;
const WATCH_IDLE_POLL_MS = 36_000;
const BUSY_FOR_MS = 600_000;
/** Events get lost; a walk finds what they missed. */
const WALK_EVERY_MS = 3_600_000;
/** Other programs tell nobody what they change; a listing finds it. */
const LIST_EVERY_MS = 6 * 3_600_000;
const BACK_OFF_MS = [3_000, 6_000, 12_000, 24_000, 48_000, 60_000];

const LOOK_AFTER: Readonly<Record<WatchNews, Look>> = { changed: 'local-first', nothing: 'remote-first', woken: 'changes' };

/** Keeps one folder in step until the signal: after local changes at once, after remote ones at the next look. */
async function watchFolder(cli: Cli, enfold: Enfold, folder: FolderSettings, acceptHeld: boolean): Promise<ExitCode> {
  const open = await enfold.folders.open(folder.id);
  cli.started();
  let failures = 0;
  let code: ExitCode | null = null;
  let look: Look = 'both';
  let listedAt = Number.NEGATIVE_INFINITY;
  let walkedAt = Number.NEGATIVE_INFINITY;
  let busyUntil = Date.now() + BUSY_FOR_MS;

  const syncAndTell = async (): Promise<void> => {
    try {
      const now = Date.now();
      if (now - listedAt >= LIST_EVERY_MS) look = 'both';
      else if (failures > 0 || now - walkedAt >= WALK_EVERY_MS) look = 'changes';
      const synced = await open.sync({ acceptHeld, look, signal: cli.signal, onProgress: (progress) => cli.out.progress(progressLine(folder.name, progress)) });
      const report = await withChange(cli, open, synced, Date.now() + CHANGE_SLICE_MS);
      if (look === 'both') listedAt = now;
      if (look !== 'remote-first') walkedAt = now;
      const before = code;
      code = codeOf(report);
      failures = 0;
      const { bytesUp: _up, bytesDown: _down, ...changes } = report.counts;
      const hasChanges = Object.values(changes).some((count) => count > 0);
      if (hasChanges) busyUntil = Date.now() + BUSY_FOR_MS;
      cli.out.progress(null);
      if (!hasChanges && before === code && report.failed.length === 0) return;
      await cli.out.item(report, reportLine(report));
      for (const line of problemLines(report, folder)) cli.out.note(line);
    } catch (error) {
      if (cli.signal.aborted) return;
      const known = asSyncError(error);
      if (known.retry !== 'later' && known.retry !== 'replan') throw error;
      if (failures === 0) await cli.out.item({ id: folder.id, name: folder.name, inStep: false, error: toWire(known) }, `${printable(folder.name)}: waiting. ${known.message} [${known.code}]`);
      failures += 1;
      code = 2;
    }
  };

  try {
    const hints = await open.watch();
    const problem = hints.problem();
    if (problem !== null) {
      if (cli.out.isJson) process.stderr.write(failureJson(toWire(problem)));
      cli.out.note(describeFailure(toWire(problem)).trimEnd());
    }
    while (!cli.signal.aborted) {
      await syncAndTell();
      const pauseMs = failures > 0 ? (BACK_OFF_MS[Math.min(failures, BACK_OFF_MS.length) - 1] ?? 60_000) : Date.now() < busyUntil ? WATCH_POLL_MS : WATCH_IDLE_POLL_MS;
      const news = await hints.next(AbortSignal.any([cli.signal, AbortSignal.timeout(pauseMs)]));
      look = LOOK_AFTER[news];
      if (news === 'woken') listedAt = Math.min(listedAt, Date.now());
    }
    return code ?? 0;
  } finally {
    await open.close();
  }
}

type SyncOptions = { watch?: boolean; yes?: boolean; quick?: boolean };

export function registerSync(program: Command): void {
  program
    .command('preview')
    .description('what the next sync would do, and why; changes nothing')
    .argument('<id>', 'a folder by id, start of id, name or local path')
    .action(perform(async (cli, _options: object, id: string) => {
      const enfold = await cli.enfold();
      const folder = enfold.folders.find(id);
      const open = await enfold.folders.open(folder.id);
      cli.started();
      try {
        const plan = await open.preview(cli.signal);
        cli.out.answer(planJson(folder, plan), planLines(folder, plan));
      } finally {
        await open.close();
      }
    }));

  program
    .command('sync')
    .description('bring folders in step, until nothing is left to do')
    .argument('[id...]', 'folders by id, start of id, name or local path; all that are not paused without it')
    .option('--watch', 'keep going until interrupted')
    .option('--yes', 'accept a plan that is held because it would delete many files, and let an upload-mirror replace objects it never knew')
    .option('--quick', 'learn what changed from the other devices instead of listing the bucket; finds nothing that other programs did there')
    .addHelpText('after', `
Exit code: 0 in step (files kept in two versions and paths skipped by rule included), 2 something failed, is quarantined or held, 1 could not start.
  $ enfold sync                      all folders, once
  $ enfold sync documents --watch    keep one in step`)
    .action(perform(async (cli, options: SyncOptions, ids: readonly string[]) => {
      if (options.watch === true && options.quick === true) throw new SyncError('bad-usage', { detail: '--watch is quick after its first look' });
      const enfold = await cli.enfold();
      const chosen = ids.length === 0 ? enfold.folders.list().filter((folder) => !folder.isPaused) : [...new Map(ids.map((id) => enfold.folders.find(id)).map((folder) => [folder.id, folder])).values()];
      if (options.watch !== true) {
        if (chosen.length === 0) cli.out.note('No folders to sync. Add one: enfold folder add --help');
        return syncAll(cli, enfold, chosen, { acceptHeld: options.yes === true, look: options.quick === true ? 'changes' : 'both' });
      }
      if (chosen.length === 0) throw new SyncError('no-such-folder', { detail: 'there is no folder to watch' });
      const ends = await Promise.allSettled(chosen.map(async (folder) => watchFolder(cli, enfold, folder, options.yes === true)));
      const failed = ends.find((end) => end.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
      return worst(ends.map((end) => (end.status === 'fulfilled' ? end.value : 2)));
    }));
}
