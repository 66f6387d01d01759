/** `enfold storage`: the built-in storage, served on its own. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { SyncError } from '../model/errors.ts';
import { perform } from './cli.ts';
import { passphraseOf, placeLines, placementOf, registerStorageAdmin, storageDir } from './storage-admin.ts';

type ServeOptions = { dir?: string; port?: string; https?: boolean; rootKey?: string };
type AuditOptions = { dir?: string; follow?: boolean };

function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 65_536;
  if (port > 65_535) throw new SyncError('bad-usage', { detail: '--port is a number from 0 to 65535' });
  return port;
}

/** A port of one's own choice that is taken is the caller's to change. */
function asPortTaken(error: unknown, port: number | undefined): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (port === undefined || (code !== 'EADDRINUSE' && code !== 'EACCES')) return error;
  return new SyncError('bad-usage', { detail: code === 'EACCES' ? `port ${port} may not be used by you` : `port ${port} is taken by another program` }, { cause: error });
}

export function registerStorage(program: Command): void {
  const storage = program.command('storage').description("Enfold's own storage: an S3 endpoint on this computer, over a folder");

  storage
    .command('serve')
    .description('serve S3 on 127.0.0.1 until interrupted')
    .option('--dir <dir>', "where to keep the data; made if it is not there (ENFOLD_HOME's storage folder)")
    .option('--port <port>', 'the port to listen on; 0: any free one (the one it had last, if free)')
    .option('--https', 'serve HTTPS with a certificate of its own; its fingerprint is printed')
    .option('--root-key <place>', 'of a folder that is made now: keychain, or folder (beside the data)')
    .addHelpText('after', `
Examples:
  $ enfold storage serve --dir /media/disk/objects --port 9000
  $ enfold --json storage serve      first line: {"endpoint", "accessKeyId", "secretAccessKey", "dir"}`)
    .action(
      perform<[], ServeOptions>(async (cli, options) => {
        const dir = storageDir(cli, options);
        const port = portOf(options.port);
        const placement = placementOf(options.rootKey);
        const { startStorage } = await import('../storage/server.ts');
        const { CERTIFICATE_FILE } = await import('../storage/certificate.ts');
        const { rootKeysFor } = await import('./storage-root-keys.ts');
        const { rootKeyPlace } = await import('../storage/root-key.ts');
        const running = await startStorage({ dir, port, isSecure: options.https === true, rootKeys: rootKeysFor(dir, cli.env, placement, passphraseOf(cli)), log: (line) => cli.out.note(line) }).catch((error: unknown) => {
          throw asPortTaken(error, port);
        });
        try {
          const { endpoint, accessKeyId, secretAccessKey, certificate } = running;
          const certified = certificate === null ? null : { certificate: join(dir, CERTIFICATE_FILE), fingerprint: certificate.fingerprint };
          const rootKey = await rootKeyPlace(dir);
          cli.out.answer({ endpoint, accessKeyId, secretAccessKey, dir, ...certified, rootKey: rootKey.place }, [
            `Storage in ${dir}`, `  endpoint           ${endpoint}`, `  access key id      ${accessKeyId}`, `  secret access key  ${secretAccessKey}`,
            ...(certified === null ? [] : [`  certificate        ${certified.certificate}`, `  fingerprint        SHA-256 ${certified.fingerprint}`]),
            ...placeLines(rootKey), 'Interrupt to stop.',
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
        const dir = storageDir(cli, options);
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

  registerStorageAdmin(storage);
}
