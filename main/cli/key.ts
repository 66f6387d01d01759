/** `enfold key`: the keys that only you hold. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { SyncError } from '../model/errors.ts';
import type { KeySettings, KeyType, KitState } from '../model/settings.ts';
import { perform, type Cli } from './cli.ts';
import { registerLock } from './lock.ts';
import { formatTime, printable, table } from './output.ts';
import { knownFolderLines, readWords, registerKit } from './kit.ts';
import { registerRecipient } from './sharing.ts';
import { askHidden, askNewPassphrase, isInteractive } from './passphrase.ts';

export function keyJson(key: KeySettings): Record<string, unknown> {
  return { keyId: key.keyId, name: key.name, type: key.type, createdAtMs: key.createdAtMs, exportedAtMs: key.exportedAtMs, backend: key.backend };
}

const KIT_WORDS: Record<KitState, string> = { none: 'none', unverified: 'not checked', verified: 'checked', due: 'check again', outdated: 'make again' };

function parseType(text: string): KeyType {
  if (text === 'aes' || text === 'rsa' || text === 'sse-c') return text;
  throw new SyncError('bad-usage', { detail: `${text} is no key type; types are aes, rsa and sse-c` });
}

/** ENFOLD_EXPORT_PASSPHRASE, else the passphrase of the key file, else (on a terminal) asked for. */
async function exportPassphrase(cli: Cli, ask: () => Promise<string>): Promise<string> {
  const given = cli.env['ENFOLD_EXPORT_PASSPHRASE'] || cli.givenPassphrase();
  if (given !== null && given !== '') return given;
  if (isInteractive()) return ask();
  throw new SyncError('passphrase-missing', { detail: 'an exported key is protected by a passphrase: set ENFOLD_EXPORT_PASSPHRASE' });
}

export function registerKey(program: Command): void {
  const key = program.command('key').description('the keys that only you hold');

  key
    .command('new')
    .description('make a new random key and keep it in the keychain')
    .argument('<name>', 'what to call it')
    .option('--type <type>', 'aes, rsa or sse-c', 'aes')
    .addHelpText('after', `
Without this key nothing that it encrypted can be read again, by anyone. Save it elsewhere at once:
  $ enfold key new family
  $ enfold key export family --out family-key.age`)
    .action(perform(async (cli, options: { type: string }, name: string) => {
      const created = await (await cli.enfold()).keys.create({ name, type: parseType(options.type) });
      cli.out.answer(keyJson(created), [`Key ${printable(created.name)} made (${created.keyId}).`, `Save it elsewhere now: enfold key export ${printable(created.name)} --out FILE`]);
    }));

  key
    .command('list')
    .description('list keys, KMS keys that folders use, and access secrets: never the secrets themselves')
    .option('--check', 'read each key from where it is kept, and compare it with its id')
    .action(perform(async (cli, options: { check?: boolean }) => {
      if (options.check === true) {
        const { keys } = await cli.enfold();
        const found = [...(await keys.selfTest())].map(([keyId, problem]) => ({ keyId, name: keys.find(keyId).name, problem: problem === null ? null : problem.code, next: problem === null ? null : problem.next }));
        cli.out.answer(found, table([['NAME', 'ID', 'STATE'], ...found.map(({ keyId, name, problem }) => [printable(name), keyId, problem ?? 'can be read, and is the key'])]));
        return found.every(({ problem }) => problem === null) ? 0 : 2;
      }
      const { listSecrets } = await import('../assembly/secret-list.ts');
      const list = listSecrets(await cli.enfold());
      cli.out.answer(list, list.length === 0
        ? ['No keys yet. Make one: enfold key new NAME']
        : table([['NAME', 'ID', 'KIND', 'FINGERPRINT', 'MADE', 'USED BY', 'RECOVERY KIT', 'EXPORTED'], ...list.map((one) => [
          printable(one.name), one.keyId ?? '-', one.type, one.fingerprint ?? '-', one.createdAtMs === null ? '-' : formatTime(one.createdAtMs).slice(0, 10), one.usedBy.map(printable).join(', ') || '-',
          one.kitState === null ? '-' : KIT_WORDS[one.kitState], one.exportedAtMs === null ? (one.keyId === null ? '-' : 'never') : formatTime(one.exportedAtMs).slice(0, 10),
        ])]));
      const due = list.filter(({ kitState }) => kitState === 'due');
      if (due.length > 0) cli.out.note(`More than a year since the last check: enfold key verify-kit ${due.map(({ name }) => printable(name)).join(' | ')} --from -`);
    }));

  key
    .command('export')
    .description('save a key to a file that a passphrase protects (age format)')
    .argument('<name>')
    .requiredOption('--out <file>', 'the file to write; one that holds something is not replaced')
    .addHelpText('after', `
The passphrase: ENFOLD_EXPORT_PASSPHRASE, else the one of --passphrase-fd or ENFOLD_PASSPHRASE, else you are asked.
  $ enfold key export family --out family-key.age
  $ age --decrypt family-key.age            (any age program opens it)`)
    .action(perform(async (cli, options: { out: string }, name: string) => {
      const { keys } = await cli.enfold();
      keys.find(name);
      const passphrase = await exportPassphrase(cli, async () => askNewPassphrase('Passphrase for the exported key'));
      const file = resolve(options.out);
      const exported = await keys.exportTo(name, file, passphrase);
      cli.out.answer({ ...keyJson(exported), file }, [`Key ${printable(exported.name)} saved to ${printable(file)}. Whoever has that file and its passphrase can read what the key encrypted.`]);
    }));

  key
    .command('import')
    .description('take in a key: a recovery kit or its words, raw 32 bytes, hex, base64, PEM (RSA), or what export wrote')
    .argument('<name>', 'what to call it here')
    .option('--from <file>', 'the file to read: also the page or the .age file of a recovery kit; - takes its 24 words alone')
    .option('--from-secret <arn>', 'take it from AWS Secrets Manager')
    .option('--connection <name>', 'how to sign in for --from-secret')
    .option('--type <type>', 'what raw bytes are: aes or sse-c; exports and PEM say it themselves', 'aes')
    .addHelpText('after', `
The passphrase of an exported key: ENFOLD_EXPORT_PASSPHRASE, else the one of --passphrase-fd or ENFOLD_PASSPHRASE, else you are asked.
The words of a kit: ENFOLD_KIT_WORDS, else standard input, else you are asked.
  $ enfold key import family --from family-key.age
  $ enfold key import family --from family-kit.age        (asks for the words of the page)
  $ enfold key import family --from -                     (the words alone; --type sse-c for such a key)
  $ enfold key import office --from public.pem            (the public half encrypts, and reads nothing)
  $ enfold key import team --from-secret arn:aws:secretsmanager:eu-central-1:111122223333:secret:team --connection work`)
    .action(perform(async (cli, options: { from?: string; fromSecret?: string; connection?: string; type: string }, name: string) => {
      const type = parseType(options.type);
      if ((options.from === undefined) === (options.fromSecret === undefined)) throw new SyncError('bad-usage', { detail: 'give either --from FILE or --from-secret ARN' });
      const { keys, kits } = await cli.enfold();
      const answer = async (imported: KeySettings): Promise<void> => {
        const { fingerprintOf } = await import('../envelope/key-id.ts');
        const fingerprint = fingerprintOf(imported.keyId);
        const folders = kits.known();
        cli.out.answer({ ...keyJson(imported), fingerprint, folders }, [
          `Key ${printable(imported.name)} imported (${imported.keyId}). Its fingerprint: ${fingerprint}`,
          ...(folders.length === 0 ? [] : ['Folders to add again (enfold folder add LOCAL_PATH --remote ... --connection NAME):', ...knownFolderLines(folders)]),
        ]);
      };
      if (options.fromSecret !== undefined) {
        if (options.connection === undefined) throw new SyncError('bad-usage', { detail: '--from-secret needs --connection NAME' });
        return answer(await keys.importFromSecret({ name, secretId: options.fromSecret, connection: options.connection, type }));
      }
      if (options.from === '-') {
        if (type === 'rsa') throw new SyncError('bad-usage', { detail: 'the words of an RSA key open the file of its recovery kit: give that file' });
        return answer(await keys.importWords({ name, words: await readWords(cli), type }));
      }
      const file = resolve(options.from ?? '');
      const words = cli.env['ENFOLD_KIT_WORDS'] ?? '';
      const passphrase = !(await keys.needsPassphrase(file)) ? null : words !== '' ? words : await exportPassphrase(cli, async () => askHidden('Its passphrase, or the 24 words of the kit: '));
      return answer(await keys.importFrom({ name, file, passphrase, type }));
    }));

  key
    .command('remove')
    .description('forget a key that no folder here uses; what it encrypted stays unreadable without it')
    .argument('<name>')
    .action(perform(async (cli, _options: object, name: string) => {
      const { keys } = await cli.enfold();
      const found = keys.find(name);
      await keys.remove(found.keyId);
      cli.out.answer({ ...keyJson(found), removed: true }, [`Key ${printable(found.name)} removed from this computer.`]);
    }));

  registerKit(key);
  registerRecipient(key);
  registerLock(key);
  key
    .command('rotate')
    .description('change every folder that uses a key to another one')
    .argument('<name>')
    .option('--to <key>', 'a key that is here already; without it a new one of the same kind is made')
    .option('--yes', 'begin; without it only what it would take is told')
    .addHelpText('after', `
New files are encrypted under the new key at once, and the keys of all others are wrapped under it. The old key is kept: enfold verify ID --versions
says when nothing needs it any more, and only then enfold key remove removes it.
  $ enfold key rotate photos
  $ enfold key rotate photos --yes`)
    .action(perform(async (cli, options: { to?: string; yes?: boolean }, name: string) => {
      const { runRotation } = await import('./change.ts');
      return runRotation(cli, await cli.enfold(), name, options.to ?? null, options.yes === true);
    }));
}
