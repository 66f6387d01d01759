/** `enfold ls`, `cat`, `get`, `put`, `rm`: the remote side as files, by their real names. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { FileRow, OnBytes, Target } from '../assembly/api.ts';
import { SyncError } from '../model/errors.ts';
import { MODE_IDS } from '../model/mode.ts';
import { perform, type Cli } from './cli.ts';
import { formatBytes, formatTime, printable, progressBar } from './output.ts';
import { parseTarget, type ObjectOptions } from './target.ts';

export const TARGETS = `
TARGET is FOLDER:path (a folder by id, start of id, or name), or s3://BUCKET/KEY with --connection.`;

type Versioned = { versionId?: string };

/** How far one file is, for terminals. */
function showBytes(cli: Cli): OnBytes {
  return (doneBytes, totalBytes) => cli.out.progress(`${progressBar(doneBytes, totalBytes)}  ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`);
}

function withObjectOptions(command: Command): Command {
  return command
    .option('--connection <name>', 's3://: how to reach S3')
    .option('--mode <mode>', `s3://: ${MODE_IDS.join(', ')}; by default what --key is for`)
    .option('--key <name>', 's3://: the key of cse-c or sse-c')
    .option('--kms-key-id <id>', 's3://: the KMS key of sse-kms or cse-kms')
    .option('--format <format>', 's3://: v3 or v2, to write with cse-c and cse-kms; what is read says its own')
    .option('--legacy', 's3://: also read old, weaker formats (V1, AES-CBC, kms, AESWrap)');
}

function rowLine(row: FileRow, isLong: boolean): string {
  const note = row.protection === 'foreign' ? '  (not from Enfold)' : '';
  if (!isLong) return `${printable(row.path)}${note}`;
  const size = row.kind === 'directory' || row.sizeBytes === null ? '-' : formatBytes(row.sizeBytes);
  return `${(row.modifiedMs === null ? '-' : formatTime(row.modifiedMs)).padEnd(19)}  ${size.padStart(9)}  ${printable(row.path)}${note}`;
}

export function registerFiles(program: Command): void {
  withObjectOptions(program.command('ls'))
    .description('list what is in S3, by real names')
    .argument('<target>')
    .option('-l, --long', 'with times and sizes')
    .option('-r, --recursive', 'everything below')
    .addHelpText('after', `${TARGETS}
  $ enfold ls documents:
  $ enfold ls -lr documents:2024/`)
    .action(perform(async (cli, options: ObjectOptions & { long?: boolean; recursive?: boolean }, text: string) => {
      const target = parseTarget(text, options);
      const { files } = await cli.enfold();
      const rows: FileRow[] = [];
      cli.started();
      for await (const row of files.list(target, { recursive: options.recursive === true, signal: cli.signal })) {
        if (cli.out.isJson) rows.push(row);
        else await cli.out.item(row, rowLine(row, options.long === true));
      }
      if (cli.out.isJson) cli.out.answer(rows, []);
    }));

  withObjectOptions(program.command('cat'))
    .description('write a file from S3 to standard output, once it is verified')
    .argument('<target>')
    .option('--version-id <id>', 'an earlier version, as enfold versions lists it')
    .addHelpText('after', `${TARGETS}
  $ enfold cat documents:notes.txt | less`)
    .action(perform(async (cli, options: ObjectOptions & Versioned, text: string) => {
      const target: Target = { ...parseTarget(text, options), versionId: options.versionId };
      const { files } = await cli.enfold();
      cli.started();
      await files.cat(target, (chunk) => cli.out.bytes(chunk), cli.signal, showBytes(cli));
    }));

  withObjectOptions(program.command('get'))
    .description('fetch a file from S3')
    .argument('<target>')
    .requiredOption('--out <file>', 'where to; a file that is there is replaced once the new one is verified')
    .option('--version-id <id>', 'an earlier version, as enfold versions lists it')
    .addHelpText('after', `${TARGETS}
  $ enfold get documents:2024/tax.pdf --out tax.pdf
  $ enfold get s3://backup/plain.txt --connection work --out plain.txt`)
    .action(perform(async (cli, options: ObjectOptions & Versioned & { out: string }, text: string) => {
      const target: Target = { ...parseTarget(text, options), versionId: options.versionId };
      const { files } = await cli.enfold();
      const file = resolve(options.out);
      cli.started();
      const fetched = await files.get(target, file, cli.signal, showBytes(cli));
      cli.out.answer({ ...fetched, file }, [`${printable(fetched.path)}: ${formatBytes(fetched.sizeBytes)} to ${printable(file)}`]);
    }));

  withObjectOptions(program.command('put'))
    .description('send one file to S3')
    .argument('<file>')
    .argument('<target>', 'ends in / to keep the file\'s own name')
    .addHelpText('after', `${TARGETS}
What is there is replaced, unless it changes in that moment; a folder's devices get the new version.
  $ enfold put tax.pdf documents:2024/
  $ enfold put key.txt s3://backup/key.txt --connection work --mode cse-c --key family`)
    .action(perform(async (cli, options: ObjectOptions, file: string, text: string) => {
      const target = parseTarget(text, options);
      const { files } = await cli.enfold();
      cli.started();
      const stored = await files.put(resolve(file), target, cli.signal, showBytes(cli));
      cli.out.answer(stored, [`${printable(stored.path)}: ${formatBytes(stored.sizeBytes)} ${stored.replaced ? 'replaced' : 'stored'}`]);
    }));

  withObjectOptions(program.command('rm'))
    .description('delete a file in S3; in a folder, its devices move theirs to the trash')
    .argument('<target>')
    .option('-r, --recursive', 'a directory and everything below')
    .addHelpText('after', `${TARGETS}
  $ enfold rm documents:old.txt`)
    .action(perform(async (cli, options: ObjectOptions & { recursive?: boolean }, text: string) => {
      const target = parseTarget(text, options);
      const { files } = await cli.enfold();
      const removed: string[] = [];
      cli.started();
      for await (const path of files.remove(target, { recursive: options.recursive === true, signal: cli.signal })) {
        if (cli.out.isJson) removed.push(path);
        else await cli.out.item(path, `removed ${printable(path)}`);
      }
      if (removed.length === 0 && cli.out.isJson && target.type === 'object' && options.recursive !== true) throw new SyncError('no-such-path', { path: text });
      if (cli.out.isJson) cli.out.answer({ removed }, []);
    }));
}
