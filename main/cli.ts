#!/usr/bin/env node
/**
 * The command line: the same engine without a window, for servers, scripts and tests. One file per group of commands in `cli/`.
 *
 * Exit codes: 0 in step, 2 something failed, is quarantined or held, 1 could not start or bad usage.
 */
import { Command, CommanderError } from 'commander';
import { SyncError } from './model/errors.ts';
import { exitCodeSoFar, fail } from './cli/cli.ts';
import { registerBucket } from './cli/bucket.ts';
import { registerConnection } from './cli/connection.ts';
import { registerExplain } from './cli/explain.ts';
import { registerFiles } from './cli/files.ts';
import { registerFolder } from './cli/folder.ts';
import { registerKey } from './cli/key.ts';
import { registerLimits } from './cli/limits.ts';
import { registerRestore } from './cli/restore.ts';
import { registerStorage } from './cli/storage.ts';
import { registerSync } from './cli/sync.ts';
import { registerTrash } from './cli/trash.ts';
import { registerVerify } from './cli/verify.ts';
import { registerWhy } from './cli/why.ts';
import { VERSION } from './assembly/version.ts';

function build(): Command {
  const program = new Command('enfold');
  program
    .description('Keeps local folders in step with S3, each under the encryption you pick.')
    .version(VERSION, '-V, --version', 'show the version')
    .option('--json', 'answers for programs: one JSON value on standard output, errors as JSON on standard error')
    .option('--passphrase-fd <n>', 'read the passphrase of the key file from this file descriptor')
    .option('-v, --verbose', 'say on standard error what happens')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .showHelpAfterError(false)
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .addHelpText('after', `
Start here:
  $ enfold connection add work --profile work
  $ enfold key new family
  $ enfold folder add ~/Documents --remote s3://my-backup/documents --connection work --mode cse-c --key family
  $ enfold sync

Settings live in ENFOLD_HOME, or where this system keeps an application's data. Secrets live in the keychain; with
ENFOLD_KEYCHAIN=file in a file that ENFOLD_PASSPHRASE (or --passphrase-fd) opens.
Exit codes: 0 in step, 2 something failed, is quarantined or held, 1 could not start or bad usage.`);
  registerStorage(program);
  registerConnection(program);
  registerKey(program);
  registerFolder(program);
  registerSync(program);
  registerFiles(program);
  registerVerify(program);
  registerExplain(program);
  registerBucket(program);
  registerLimits(program);
  registerRestore(program);
  registerTrash(program);
  registerWhy(program);
  for (const command of everyCommand(program)) command.exitOverride().configureOutput({ outputError: () => undefined });
  return program;
}

function* everyCommand(command: Command): Iterable<Command> {
  yield command;
  for (const child of command.commands) yield* everyCommand(child);
}

/** What commander refused, in the words and shape of every other error. */
function usageError(error: CommanderError): SyncError {
  return new SyncError('bad-usage', { detail: error.message.replace(/^error: /, '') });
}

async function main(argv: readonly string[]): Promise<number> {
  const isJson = argv.includes('--json');
  try {
    await build().parseAsync(argv);
    return exitCodeSoFar();
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (error instanceof CommanderError && error.code === 'commander.help') return 1;
    fail(error instanceof CommanderError ? usageError(error) : error, isJson, 'setting-up');
    return exitCodeSoFar();
  }
}

// The SDK warns people who run an older Node about its own future; that is no news for who syncs a folder.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

// Whoever reads our output may stop early, as `head` does: no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 2));

const exitCode = await main(process.argv);
// Sockets that a server keeps open, or a worker, must not keep a finished command alive; what was written must arrive.
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
