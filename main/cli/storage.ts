/** `enfold storage`: the built-in storage, served on its own. */
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { SyncError } from '../model/errors.ts';
import { enfoldHome } from '../state/home.ts';
import { perform } from './cli.ts';

type ServeOptions = { dir?: string; port?: string; https?: boolean };
type AuditOptions = { dir?: string; follow?: boolean };

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
    .option('--https', 'serve HTTPS with a certificate of its own; its fingerprint is printed')
    .addHelpText('after', `
Examples:
  $ enfold storage serve --dir /media/disk/objects --port 9000
  $ enfold --json storage serve      first line: {"endpoint", "accessKeyId", "secretAccessKey", "dir"}`)
    .action(
      perform<[], ServeOptions>(async (cli, options) => {
        const dir = resolve(options.dir ?? join(enfoldHome(cli.env), 'storage'));
        const { startStorage } = await import('../storage/server.ts');
        const { CERTIFICATE_FILE } = await import('../storage/certificate.ts');
        const running = await startStorage({ dir, port: portOf(options.port), isSecure: options.https === true, log: (line) => cli.out.note(line) });
        try {
          const { endpoint, accessKeyId, secretAccessKey, certificate } = running;
          const certified = certificate === null ? null : { certificate: join(dir, CERTIFICATE_FILE), fingerprint: certificate.fingerprint };
          cli.out.answer({ endpoint, accessKeyId, secretAccessKey, dir, ...certified }, [
            `Storage in ${dir}`, `  endpoint           ${endpoint}`, `  access key id      ${accessKeyId}`, `  secret access key  ${secretAccessKey}`,
            ...(certified === null ? [] : [`  certificate        ${certified.certificate}`, `  fingerprint        SHA-256 ${certified.fingerprint}`]), 'Interrupt to stop.',
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

  storage
    .command('audit')
    .description('show who did what in the storage, and with which key')
    .option('--dir <dir>', "the storage's folder (ENFOLD_HOME's storage folder)")
    .option('--follow', 'go on with what happens, until interrupted')
    .action(
      perform<[], AuditOptions>(async (cli, options) => {
        const { readAudit } = await import('../storage/audit.ts');
        const dir = resolve(options.dir ?? join(enfoldHome(cli.env), 'storage'));
        cli.started();
        for await (const entry of readAudit(dir, options.follow === true, cli.signal)) {
          const { time, who, action, bucket, objectKey, encryption, keyArn, status, error } = entry;
          const target = bucket === undefined ? '' : `${bucket}${objectKey === undefined ? '' : `/${objectKey}`}`;
          // Names are other people's: what could steer a terminal is not printed.
          const words = [time, String(status ?? ''), error, action, target, encryption, keyArn, who].filter((word) => word !== undefined && word !== '');
          await cli.out.item(entry, words.join('  ').replace(/[\p{Cc}\p{Cf}]/gu, '\uFFFD'));
        }
      }),
    );
}
