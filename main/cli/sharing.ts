/** `enfold folder invite | accept | members`, and `enfold key recipient`: sharing a folder with a few people. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Audience, Member } from '../assembly/api.ts';
import { SyncError } from '../model/errors.ts';
import { perform, type Cli } from './cli.ts';
import { folderJson } from './folder.ts';
import { formatTime, printable, table } from './output.ts';
import { askHidden, askNewPassphrase, isInteractive } from './passphrase.ts';
import { strengthOf } from './strength.ts';

const DEFAULT_DAYS = 14;
const MAX_DAYS = 365;

function daysOf(text: string): number {
  if (!/^[0-9]{1,3}$/.test(text) || Number(text) < 1 || Number(text) > MAX_DAYS) throw new SyncError('bad-usage', { detail: `--expires takes 1 to ${MAX_DAYS} days` });
  return Number(text);
}

/** Of an invitation: a passphrase of its own, never the one of this computer's key file. */
async function invitationPassphrase(cli: Cli, ask: () => Promise<string>): Promise<string> {
  const given = cli.env['ENFOLD_INVITATION_PASSPHRASE'] ?? '';
  if (given !== '') return given;
  if (isInteractive()) return ask();
  throw new SyncError('passphrase-missing', { detail: 'the passphrase of an invitation goes into ENFOLD_INVITATION_PASSPHRASE' });
}

const stateOf = ({ acceptedAtMs, acceptedOn, expiresAtMs }: Member): string =>
  acceptedAtMs !== null ? `in since ${formatTime(acceptedAtMs).slice(0, 10)}, on ${printable(acceptedOn ?? '?')}` : Date.now() > expiresAtMs ? 'expired, never used' : `invited, until ${formatTime(expiresAtMs).slice(0, 10)}`;

export function registerRecipient(key: Command): void {
  key
    .command('recipient')
    .description("this computer's own recipient: what others encrypt invitations to; no secret")
    .option('--qr', 'show it as a code too')
    .addHelpText('after', `
Send it to the one who invites you, and compare the fingerprint by another way (telephone):
  $ enfold key recipient`)
    .action(perform(async (cli, options: { qr?: boolean }) => {
      const recipient = await (await cli.enfold()).invitations.recipient();
      const code = options.qr === true ? (await import('../keys/recipient-code.ts')).terminalCode(recipient.text) : null;
      cli.out.answer({ recipient: recipient.text, fingerprint: recipient.fingerprint }, [recipient.text, `Fingerprint to compare: ${recipient.fingerprint}`, ...(code === null ? [] : [code])]);
    }));
}

export function registerSharing(folder: Command): void {
  folder
    .command('invite')
    .description('write an invitation that lets one computer into the folder')
    .argument('<id>')
    .option('--to <recipient>', 'the age1... recipient of the other computer (enfold key recipient)')
    .option('--passphrase', 'instead: under a passphrase, from ENFOLD_INVITATION_PASSPHRASE or asked for')
    .requiredOption('--out <file>', 'the file to write; one that holds something is not replaced')
    .option('--name <name>', 'whom it lets in, as members lists them', 'colleague')
    .option('--expires <days>', 'how long it may be used', String(DEFAULT_DAYS))
    .addHelpText('after', `
The invitation holds the place, the folder key and the master key, no sign-in: the other side signs in to the bucket on its own. It works once.
It is refused while the master key opens other folders too.
  $ enfold folder invite photos --to age1q... --name Ines --out ines.age
  $ enfold folder members photos --grant          (what to add in AWS, for KMS and server-side modes)`)
    .action(perform(async (cli, options: { to?: string; passphrase?: boolean; out: string; name: string; expires: string }, id: string) => {
      if ((options.to === undefined) === (options.passphrase !== true)) throw new SyncError('bad-usage', { detail: 'give either --to RECIPIENT or --passphrase' });
      const days = daysOf(options.expires);
      const enfold = await cli.enfold();
      const found = enfold.folders.find(id);
      const audience: Audience = options.to !== undefined ? { type: 'recipient', recipient: options.to } : { type: 'passphrase', passphrase: await invitationPassphrase(cli, async () => askNewPassphrase('Passphrase of the invitation')) };
      if (audience.type === 'passphrase' && strengthOf(audience.passphrase) === 'weak') cli.out.note('That passphrase is weak: whoever gets the file can guess it. Five random words are strong.');
      cli.started();
      const { member, file, recipient } = await enfold.invitations.invite({ folder: found.id, audience, file: resolve(options.out), name: options.name, days });
      const { keyId } = folderJson(found, enfold);
      cli.out.answer({ ...member, folderId: found.id, file, recipient: recipient?.text ?? null }, [
        `Invitation for ${printable(member.name)}: ${printable(file)}, until ${formatTime(member.expiresAtMs)}.`,
        ...(recipient === null ? ['Tell the passphrase by another way than the file.'] : [`Compare this fingerprint with ${printable(member.name)}: ${recipient.fingerprint}`]),
        ...(keyId === null ? [`They also need rights in AWS: enfold folder members ${found.id.slice(0, 8)} --grant`] : []),
      ]);
    }));

  folder
    .command('accept')
    .description('join a folder by an invitation')
    .argument('<file>')
    .argument('[local-path]', 'an existing folder; none where the folder is here already and only its key is new')
    .option('--connection <name>', 'how to reach the server; by default the one connection that leads there')
    .addHelpText('after', `
  $ enfold connection add team --endpoint https://s3.example.net --access-key ...
  $ enfold folder accept ines.age ~/Photos`)
    .action(perform(async (cli, options: { connection?: string }, file: string, localPath: string | undefined) => {
      const enfold = await cli.enfold();
      const path = resolve(file);
      const passphrase = (await enfold.invitations.needsPassphrase(path)) ? await invitationPassphrase(cli, async () => askHidden('Passphrase of the invitation: ')) : null;
      cli.started();
      const joined = await enfold.invitations.accept({ file: path, localPath: localPath === undefined ? null : resolve(localPath), connection: options.connection ?? null, passphrase });
      cli.out.answer({ ...folderJson(joined.folder, enfold), joined: true, fingerprint: joined.fingerprint, from: joined.from }, [
        `Joined ${printable(joined.folder.name)}, invited from ${printable(joined.from)}.`, ...(joined.fingerprint === null ? [] : [`Its fingerprint, the same on all computers: ${joined.fingerprint}`]),
        `Next: enfold preview ${joined.folder.id.slice(0, 8)}, or enfold sync ${joined.folder.id.slice(0, 8)}`,
      ]);
    }));

  folder
    .command('members')
    .description('who was let in')
    .argument('<id>')
    .option('--remove <member>', 'take back an invitation, or remove who is in')
    .option('--yes', 'with --remove: give the folder a new key where the member holds the old one')
    .option('--renew <directory>', 'write a new invitation for everybody who is in, with the keys as they are now')
    .option('--grant', 'the statements for IAM and the KMS key that let somebody in, and those that keep somebody out')
    .action(perform(async (cli, options: { remove?: string; yes?: boolean; grant?: boolean; renew?: string }, id: string) => {
      const enfold = await cli.enfold();
      const found = enfold.folders.find(id);
      if (options.grant === true) {
        const { grantsFor } = await import('../assembly/grants.ts');
        const grants = grantsFor(found, enfold.connections.list().find((one) => one.id === found.connectionId)?.region ?? null);
        cli.out.answer(grants, grants.flatMap(({ where, statements }) => [`# ${where}`, JSON.stringify(statements, null, 2), '']));
        return;
      }
      if ([options.remove, options.renew].every((one) => one !== undefined)) throw new SyncError('bad-usage', { detail: 'remove first, then renew' });
      cli.started();
      if (options.renew !== undefined) {
        const { files, byHand } = await enfold.invitations.renew({ folder: found.id, directory: resolve(options.renew), days: DEFAULT_DAYS });
        cli.out.answer({ files, byHand }, [
          ...files.map(({ name, file }) => `For ${printable(name)}: ${printable(file)}`), ...byHand.map((name) => `${printable(name)} was let in under a passphrase: enfold folder invite ${found.id.slice(0, 8)} --passphrase --out FILE`),
          files.length === 0 ? 'Nobody is in whose recipient is known.' : 'Each opens on that one computer alone, where it is taken in by: enfold folder accept FILE',
        ]);
        return;
      }
      if (options.remove !== undefined) {
        const { member, next } = await enfold.invitations.withdraw(found.id, options.remove, { mayChangeKey: options.yes === true });
        const name = printable(member.name);
        cli.out.answer({ ...member, removed: true, nextKeyId: next?.keyId ?? null }, member.acceptedAtMs === null ? [`The invitation of ${name} is no longer good.`] : [
          next === null ? `${name} is no longer listed. No key of yours opens this folder: take their rights away in AWS.` : `${name} is removed: new files are encrypted under ${printable(next.name)} from the next sync on, and the keys of the others are wrapped under it.`,
          `What ${name} could read until now they may have copied, and can read for as long as they may read the bucket: take that away too (enfold folder members ${found.id.slice(0, 8)} --grant).`,
          ...(next === null ? [] : [`Those who stay need the new key: enfold folder members ${found.id.slice(0, 8)} --renew DIRECTORY writes a new invitation for each.`]),
        ]);
        return;
      }
      const list = await enfold.invitations.members(found.id);
      cli.out.answer(list, list.length === 0 ? ['Nobody was invited from any computer of this folder.'] : table([['MEMBER', 'ID', 'STATE', 'INVITED BY', 'RECIPIENT'], ...list.map((one) => [printable(one.name), one.id.slice(0, 8), stateOf(one), printable(one.invitedBy), one.recipientFingerprint ?? 'by passphrase'])]));
    }));
}
