/**
 * What every command gets: the parsed global options, output, an abort signal, and the assembled program, opened at first use.
 *
 * A command is a function that answers its exit code; what it throws is told by `failure.ts`. Nothing heavy is imported
 * before a command needs it, so that the command line starts quickly.
 */
import type { Command } from 'commander';
import type { Enfold } from '../assembly/api.ts';
import { asSyncError, describeFailure, exitCodeOf, failureJson, INTERRUPTED, type ExitCode } from './failure.ts';
import { createOutput, type Output } from './output.ts';
import { readPassphraseFd } from './passphrase.ts';
import { toWire } from '../model/errors.ts';

export type Env = Readonly<Record<string, string | undefined>>;
export type Cli = {
  readonly env: Env;
  readonly out: Output;
  readonly signal: AbortSignal;
  /** The same one at each call. */
  enfold(): Promise<Enfold>;
  /** The passphrase that the caller of this command gave by environment or descriptor; null: none. */
  givenPassphrase(): string | null;
  /** From here on what goes wrong is a failure of the work, not of its start. */
  started(): void;
};

type GlobalOptions = { json?: boolean; passphraseFd?: string; verbose?: boolean };

/** How a command ended; the last one wins and the entry sets the process's exit code from it. */
let exitCode = 0;
export const exitCodeSoFar = (): number => exitCode;

/** Tells an error and notes its exit code. */
export function fail(error: unknown, isJson: boolean, stage: 'setting-up' | 'working'): void {
  const known = asSyncError(error);
  exitCode = exitCodeOf(known, stage);
  const wire = toWire(known);
  process.stderr.write(isJson ? failureJson(wire) : describeFailure(wire));
  if (known.code === 'invariant' && process.env['ENFOLD_DEBUG'] === '1' && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
}

/** Wraps a command for commander: its arguments, then its options (the global ones among them). */
export function perform<Args extends unknown[], Options>(run: (cli: Cli, options: Options, ...args: Args) => Promise<ExitCode | void>): (this: Command, ...given: unknown[]) => Promise<void> {
  return async function (this: Command) {
    const options = this.optsWithGlobals<GlobalOptions & Options>();
    const out = createOutput(options.json === true, process.stdout, process.stderr);
    const abort = new AbortController();
    let stage: 'setting-up' | 'working' = 'setting-up';
    let opened: Promise<Enfold> | null = null;
    let closeStorage: (() => Promise<void>) | null = null;
    let fromFd: string | null = null;
    const interrupt = (): void => {
      if (abort.signal.aborted) process.exit(INTERRUPTED);
      abort.abort();
    };
    process.on('SIGINT', interrupt);
    process.on('SIGTERM', interrupt);
    const givenPassphrase = (): string | null => {
      if (options.passphraseFd !== undefined) return (fromFd ??= readPassphraseFd(options.passphraseFd));
      return process.env['ENFOLD_PASSPHRASE'] || null;
    };
    const open = async (): Promise<Enfold> => {
      const { openEnfold } = await import('../assembly/enfold.ts');
      const { createStorageHost } = await import('./storage-host.ts');
      const { askHidden, isInteractive } = await import('./passphrase.ts');
      const storage = createStorageHost();
      closeStorage = async () => storage.close();
      // A descriptor was chosen for this very command, so it counts for more than the environment.
      const env = options.passphraseFd === undefined ? process.env : { ...process.env, ENFOLD_PASSPHRASE: undefined };
      return openEnfold({
        env,
        askPassphrase: async () => givenPassphrase() ?? (isInteractive() ? await askHidden('Passphrase of the key file: ') : null),
        storageHost: storage,
        log: options.verbose === true ? (line) => process.stderr.write(`${line}\n`) : undefined,
      });
    };
    try {
      const cli: Cli = { env: process.env, out, signal: abort.signal, enfold: () => (opened ??= open()), givenPassphrase, started: () => void (stage = 'working') };
      exitCode = (await run(cli, options, ...(this.processedArgs as Args))) ?? 0;
    } catch (error) {
      out.progress(null);
      if (abort.signal.aborted) exitCode = INTERRUPTED;
      else fail(error, out.isJson, stage);
    } finally {
      out.progress(null);
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
      await (opened as Promise<Enfold> | null)?.then((enfold) => enfold.close()).catch(() => undefined);
      await (closeStorage as (() => Promise<void>) | null)?.();
    }
  };
}
