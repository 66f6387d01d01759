/** `enfold storage`: the built-in storage, served on its own. */
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { SyncError } from '../model/errors.ts';
import { enfoldHome } from '../state/home.ts';
import { perform } from './cli.ts';
import { notYet } from './later.ts';

type ServeOptions = { dir?: string; port?: string };

function portOf(text: string | undefined): number {
  const port = text === undefined ? 0 : /^\d{1,5}$/.test(text) ? Number(text) : 65_536;
  if (port > 65_535) throw new SyncError('bad-usage', { detail: '--port is a number from 0 to 65535' });
  return port;
}

export function registerStorage(program: Command): void {
  const storage = program.command('storage').description("Enfold's own storage: an S3 endpoint on this computer, over a folder");

  storage
    .command('serve')
    .description('serve S3 on 127.0.0.1 until interrupted')
    .option('--dir <dir>', "where to keep the data; made if it is not there (ENFOLD_HOME's storage folder)")
    .option('--port <port>', 'the port to listen on; 0: any free one', '0')
    .addHelpText('after', `
Examples:
  $ enfold storage serve --dir /media/disk/objects --port 9000
  $ enfold --json storage serve      first line: {"endpoint", "accessKeyId", "secretAccessKey", "dir"}`)
    .action(
      perform<[], ServeOptions>(async (cli, options) => {
        const dir = resolve(options.dir ?? join(enfoldHome(cli.env), 'storage'));
        const { startStorage } = await import('../storage/server.ts');
        const running = await startStorage({ dir, port: portOf(options.port), log: (line) => cli.out.note(line) });
        try {
          const { endpoint, accessKeyId, secretAccessKey } = running;
          cli.out.answer({ endpoint, accessKeyId, secretAccessKey, dir }, [
            `Storage in ${dir}`, `  endpoint           ${endpoint}`, `  access key id      ${accessKeyId}`, `  secret access key  ${secretAccessKey}`, 'Interrupt to stop.',
          ]);
          cli.started();
          await new Promise<void>((stop) => {
            if (cli.signal.aborted) stop();
            else cli.signal.addEventListener('abort', () => stop(), { once: true });
          });
        } finally {
          await running.stop();
        }
      }),
    );
  notYet(storage, 'audit', 'show who did what in the storage');
}
