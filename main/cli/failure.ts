/** Errors as the command line tells them, and the exit codes that scripts rely on. */
import { SyncError, toWire, type WireError } from '../model/errors.ts';

/** 0 in step; 1 could not start, or bad usage; 2 something failed, is quarantined or held. */
export type ExitCode = 0 | 1 | 2;

/** What a script that was interrupted sees, as shells have it. */
export const INTERRUPTED = 130;

/**
 * The exit code of an error that ended a command.
 *
 * Whatever kept the command from starting is 1: wrong usage, settings, the secret store, a folder that another Enfold has
 * open. What went wrong with files, objects, keys of objects or the server while it worked is 2.
 */
export function exitCodeOf(error: SyncError, stage: 'setting-up' | 'working'): ExitCode {
  if (stage === 'setting-up') return 1;
  switch (error.family) {
    case 'UsageError':
      return error.code === 'plan-held' ? 2 : 1;
    case 'StateError':
      return 1;
    case 'KeyError':
      return error.code === 'key-not-found' || error.code === 'key-unwrap-failed' ? 2 : 1;
    default:
      return 2;
  }
}

/** What the reader may rely on after an error, in one sentence. */
export function safetyOf(error: WireError): string {
  if (/nothing was|was not used|was removed again|no file is lost/i.test(error.next)) return '';
  switch (error.code) {
    case 'bad-usage':
    case 'not-available-yet':
      return '';
    case 'invariant':
      return 'Files that were not yet done are as they were.';
    default:
      return 'Your files are as they were.';
  }
}

/** One sentence, what it is about, what is safe, the next step, and the code. */
export function describeFailure(error: WireError): string {
  const { path, objectKey, server, detail } = error.about;
  const about = [path ?? objectKey, detail, server === undefined ? undefined : `server: ${server}`].filter((part) => part !== undefined && part !== '');
  const says = about.length === 0 ? error.says : `${error.says.replace(/\.$/, '')}: ${about.join('; ').replace(/\.$/, '')}.`;
  const fix = error.about.fix === undefined ? '' : `        To mend it: ${error.about.fix.join(' ')}\n`;
  return `enfold: ${says}\n        ${[safetyOf(error), error.next].filter((part) => part !== '').join(' ')} [${error.code}]\n${fix}`;
}

/** The shape on standard error with --json. */
export function failureJson(error: WireError): string {
  const { code, says, next, retry, about, retryAfterMs } = error;
  return `${JSON.stringify({ error: { code, message: says, next, retry, ...about, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) } })}\n`;
}

export function asSyncError(error: unknown): SyncError {
  if (error instanceof SyncError) return error;
  const { about } = toWire(error);
  return new SyncError('invariant', about, { cause: error });
}
