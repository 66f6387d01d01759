/** `enfold connection`: where S3 is, and how to sign in there. */
import { X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { NewConnection } from '../assembly/api.ts';
import { SyncError } from '../model/errors.ts';
import type { ConnectionSettings } from '../model/settings.ts';
import { perform, type Env } from './cli.ts';
import { printable, table } from './output.ts';
import { readSecretAccessKey } from './passphrase.ts';
import { serverWords } from './server-words.ts';

type AddOptions = { endpoint?: string; region?: string; profile?: string; accessKey?: string; builtIn?: string; https?: boolean; fingerprint?: string; bucketOwner?: string };

const DEFAULT_REGION = 'us-east-1';

function signInOf(connection: ConnectionSettings): string {
  if (connection.kind === 'built-in') return 'built-in';
  switch (connection.credentials.type) {
    case 'stored':
      return `access key ${connection.credentials.accessKeyId}`;
    case 'profile':
      return `profile ${connection.credentials.profile}`;
    case 'environment':
      return 'environment';
  }
}

export function connectionJson(connection: ConnectionSettings): Record<string, unknown> {
  const { id, name, kind, endpoint, directory, region, certificate, bucketOwner } = connection;
  const pinned = certificate === undefined || certificate === null ? null : { fingerprint: new X509Certificate(certificate).fingerprint256 };
  return { id, name, kind, endpoint, directory, region, signIn: signInOf(connection), ...pinned, ...(bucketOwner === undefined || bucketOwner === null ? {} : { bucketOwner }) };
}

async function newConnection(name: string, options: AddOptions, env: Env): Promise<NewConnection> {
  const { endpoint = null, profile, accessKey, builtIn, fingerprint, bucketOwner } = options;
  const chosen = [profile, accessKey, builtIn].filter((option) => option !== undefined);
  if (chosen.length > 1) throw new SyncError('bad-usage', { detail: 'give one of --profile, --access-key and --built-in' });
  if (builtIn !== undefined) {
    if (endpoint !== null) throw new SyncError('bad-usage', { detail: '--built-in has no --endpoint; it is found when the storage starts' });
    if (fingerprint !== undefined) throw new SyncError('bad-usage', { detail: '--built-in needs no --fingerprint: its certificate is known' });
    if (bucketOwner !== undefined) throw new SyncError('bad-usage', { detail: '--built-in has no --bucket-owner: its buckets are in a folder of yours' });
    return { kind: 'built-in', name, directory: resolve(builtIn), isSecure: options.https === true };
  }
  if (options.https === true) throw new SyncError('bad-usage', { detail: '--https is for --built-in; an endpoint says https:// itself' });
  const region = options.region ?? (env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || DEFAULT_REGION);
  if (accessKey !== undefined) return { kind: 's3', name, endpoint, region, fingerprint, bucketOwner, accessKeyId: accessKey, secretAccessKey: await readSecretAccessKey(env) };
  if (profile !== undefined) return { kind: 'profile', name, endpoint, region, fingerprint, bucketOwner, profile };
  return { kind: 'environment', name, endpoint, region, fingerprint, bucketOwner };
}

export function registerConnection(program: Command): void {
  const connection = program.command('connection').description('where S3 is, and how to sign in there');

  connection
    .command('add')
    .description('remember an S3 endpoint and a way to sign in')
    .argument('<name>', 'what to call it')
    .option('--endpoint <url>', 'an S3-compatible server; without it: AWS')
    .option('--region <region>', 'the region of its buckets (AWS_REGION, else us-east-1)')
    .option('--profile <profile>', 'sign in by a profile of ~/.aws')
    .option('--access-key <id>', 'sign in by an access key; its secret comes from standard input, else AWS_SECRET_ACCESS_KEY, and is kept in the keychain')
    .option('--built-in <dir>', "Enfold's own storage, keeping its data in DIR")
    .option('--https', 'with --built-in: reach it over HTTPS, by its own certificate')
    .option('--bucket-owner <account>', 'the AWS account, 12 digits, that every bucket must belong to; one in other hands is refused')
    .option('--fingerprint <sha256>', "take only the server certificate of this fingerprint, whoever signed it")
    .addHelpText('after', `
Examples:
  $ enfold connection add work --profile work --region eu-central-1
  $ enfold connection add ceph --endpoint https://s3.example.org --access-key AKIA123 < secret.txt
  $ enfold connection add disk --built-in /media/usb/enfold
  $ enfold connection add nas --endpoint https://127.0.0.1:9000 --fingerprint 5E:A1:... --access-key ENFO123 < secret.txt`)
    .action(perform(async (cli, options: AddOptions, name: string) => {
      const input = await newConnection(name, options, cli.env);
      const added = await (await cli.enfold()).connections.add(input);
      cli.out.answer(connectionJson(added), [`Connection ${printable(added.name)} added. Try it: enfold connection test ${printable(added.name)}`]);
    }));

  connection
    .command('list')
    .description('list the connections')
    .action(perform(async (cli) => {
      const list = (await cli.enfold()).connections.list();
      cli.out.answer(list.map(connectionJson), list.length === 0
        ? ['No connections yet. Add one: enfold connection add NAME --help']
        : table([['NAME', 'ENDPOINT', 'REGION', 'SIGN-IN'], ...list.map((one) => [printable(one.name), one.directory ?? one.endpoint ?? 'AWS', one.region, signInOf(one)])]));
    }));

  connection
    .command('test')
    .description('check that the server is there and takes the sign-in')
    .argument('<name>')
    .action(perform(async (cli, _options: object, name: string) => {
      const { connections, folders } = await cli.enfold();
      const found = connections.find(name);
      await connections.test(found.id, cli.signal);
      const using = folders.list().filter(({ connectionId }) => connectionId === found.id);
      const known = await Promise.all(using.map(async (folder) => ({ folder, server: (await folders.recordsOf(folder.id)).capabilities })));
      cli.out.answer({ id: found.id, name: found.name, ok: true, folders: known.map(({ folder, server }) => ({ id: folder.id, name: folder.name, bucket: folder.bucket, prefix: folder.prefix, server })) }, [
        `${printable(found.name)} works.`,
        ...known.map(({ folder, server }) => `  ${printable(folder.name)} (s3://${folder.bucket}/${folder.prefix}): ${serverWords(server)}`),
      ]);
    }));

  connection
    .command('remove')
    .description('forget a connection and its secret; deletes nothing in S3')
    .argument('<name>')
    .action(perform(async (cli, _options: object, name: string) => {
      const { connections } = await cli.enfold();
      const found = connections.find(name);
      await connections.remove(found.id);
      cli.out.answer({ id: found.id, name: found.name, removed: true }, [`Connection ${printable(found.name)} removed.`]);
    }));
}
