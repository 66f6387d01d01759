/** `enfold storage key`, `status`, `rotate-key` and `root-key`: what the owner of a storage folder does with it. */
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { SyncError } from '../model/errors.ts';
import { enfoldHome } from '../state/home.ts';
import type { ListedKey } from '../storage/access-keys.ts';
import type { Admin, StorageStatus } from '../storage/admin.ts';
import type { RootKeyPlace, RootKeyStore } from '../storage/root-key.ts';
import { perform, type Cli } from './cli.ts';
import { readWords } from './kit.ts';
import { formatTime, plural, printable, table } from './output.ts';
import { askHidden, isInteractive } from './passphrase.ts';

type DirOption = { dir?: string };
type AddOptions = DirOption & { limited?: boolean };

export const storageDir = (cli: Cli, options: DirOption): string => resolve(options.dir ?? join(enfoldHome(cli.env), 'storage'));
const DIR = ['--dir <dir>', "the storage's folder (ENFOLD_HOME's storage folder)"] as const;

/** The passphrase of the key file, where that is what keeps secrets: as other commands take it. */
export const passphraseOf = (cli: Cli) => async (): Promise<string | null> => cli.givenPassphrase() ?? (isInteractive() ? askHidden('Passphrase of the key file: ') : null);

async function storeOf(cli: Cli): Promise<RootKeyStore> {
  const { secretStore } = await import('./storage-root-keys.ts');
  return secretStore(cli.env, passphraseOf(cli));
}

async function withAdmin<T>(cli: Cli, options: DirOption, use: (admin: Admin) => Promise<T>): Promise<T> {
  const { openAdmin } = await import('../storage/admin.ts');
  const { rootKeysFor } = await import('./storage-root-keys.ts');
  const dir = storageDir(cli, options);
  const admin = await openAdmin(dir, rootKeysFor(dir, cli.env, 'beside-data', passphraseOf(cli)), (line) => cli.out.note(line));
  cli.started();
  try {
    return await use(admin);
  } finally {
    await admin.close();
  }
}

const accessOf = ({ isRoot, hasFullAccess }: Pick<ListedKey, 'isRoot' | 'hasFullAccess'>): string => (isRoot ? 'everything' : hasFullAccess ? 'everything that no policy denies' : 'what policies allow it');

function registerAccessKeys(storage: Command): void {
  const key = storage.command('key').description('the access keys that sign in to the storage; also while it runs');

  key
    .command('add')
    .description('make an access key; its secret is shown this once')
    .argument('<name>', 'the user it is, as policies name it: arn:aws:iam::000000000000:user/NAME')
    .option('--limited', 'it may do what bucket and key policies allow it, and nothing else')
    .option(...DIR)
    .action(perform<[string], AddOptions>(async (cli, options, name) => {
      const added = await withAdmin(cli, options, (admin) => admin.addAccessKey(name, options.limited !== true));
      const arn = `arn:aws:iam::000000000000:user/${added.name}`;
      cli.out.answer({ ...added, arn }, [`Access key of ${added.name}`, `  access key id      ${added.accessKeyId}`, `  secret access key  ${added.secretAccessKey}`, `  may do             ${accessOf({ ...added, isRoot: false })}`, `  in policies        ${arn}`]);
    }));

  key
    .command('list')
    .description('list the access keys, without their secrets')
    .option(...DIR)
    .action(perform<[], DirOption>(async (cli, options) => {
      const list = await withAdmin(cli, options, (admin) => admin.listAccessKeys());
      cli.out.answer(list, table([['NAME', 'ACCESS KEY ID', 'MAY DO'], ...list.map((each) => [printable(each.name), each.accessKeyId, accessOf(each)])]));
    }));

  key
    .command('remove')
    .description('nothing that this access key signs is taken any more')
    .argument('<name>', 'its name, or the access key id')
    .option(...DIR)
    .action(perform<[string], DirOption>(async (cli, options, name) => {
      const gone = await withAdmin(cli, options, (admin) => admin.removeAccessKey(name));
      cli.out.answer({ ...gone, removed: true }, [`Access key ${gone.accessKeyId} of ${printable(gone.name)} removed.`]);
    }));
}

const besides = 'beside the data: whoever has the folder can read it';

export function placeLines(place: RootKeyPlace): string[] {
  if (place.place === 'beside-data') return [`  root key           ${besides}`];
  return [`  root key           ${place.rootKeyId ?? ''}, in the keychain of this computer`,
    `  recovery words     ${place.exportedMs === null ? 'not written down yet: enfold storage root-key export' : `shown ${formatTime(place.exportedMs)}`}`];
}

function statusLines(status: StorageStatus, place: RootKeyPlace): string[] {
  const current = status.masterKeys.find((each) => each.isCurrent);
  const { rewrap } = status;
  return [
    `  served             ${status.endpoint ?? 'not now'}`,
    `  master key         ${current?.id ?? ''} of ${formatTime(current?.createdMs ?? 0)}, ${plural(status.masterKeys.length - 1, 'older one')} kept`,
    ...(rewrap === null ? [] : [`  wrapped anew       ${plural(rewrap.rewrapped, 'record')}, ${rewrap.isComplete ? 'all there are' : 'still under way'}`]),
    ...placeLines(place),
    `  unfinished uploads ${status.unfinishedUploads}`,
  ];
}

function registerMasterKeys(storage: Command): void {
  const show = async (cli: Cli, options: DirOption, first: string, ask: (admin: Admin) => Promise<StorageStatus>): Promise<void> => {
    const { rootKeyPlace } = await import('../storage/root-key.ts');
    const dir = storageDir(cli, options);
    const status = await withAdmin(cli, options, ask);
    const place = await rootKeyPlace(dir);
    cli.out.answer({ dir, ...status, rootKey: place }, [`${first} ${dir}`, ...statusLines(status, place)]);
  };

  storage
    .command('status')
    .description('show where a storage is served, and how its keys are kept')
    .option(...DIR)
    .action(perform<[], DirOption>((cli, options) => show(cli, options, 'Storage in', (admin) => admin.status())));

  storage
    .command('rotate-key')
    .description('make a new server master key, and wrap anew what older ones wrap; also while it runs')
    .option(...DIR)
    .action(perform<[], DirOption>((cli, options) => show(cli, options, 'New master key in', (admin) => admin.rotateMasterKey())));
}

function registerRootKey(storage: Command): void {
  const rootKey = storage
    .command('root-key')
    .description('the key that wraps the master keys: beside the data, or in the keychain')
    .addHelpText('after', `
Beside the data, the folder alone is all that is needed - by you, and by whoever takes it. In the keychain, another
computer needs the recovery words too. Write them down: without them and without this keychain nobody can read the storage.`);

  const answer = (cli: Cli, dir: string, place: RootKeyPlace, first: string): void => cli.out.answer({ dir, ...place }, [first, ...placeLines(place)]);

  rootKey
    .command('to-keychain')
    .description("move it into this computer's keychain; the storage must not run")
    .option(...DIR)
    .action(perform<[], DirOption>(async (cli, options) => {
      const { moveToStore } = await import('../storage/root-key.ts');
      const dir = storageDir(cli, options);
      answer(cli, dir, await moveToStore(dir, await storeOf(cli)), `The root key of ${dir} is in the keychain.`);
    }));

  rootKey
    .command('to-folder')
    .description('move it beside the data; the storage must not run')
    .option(...DIR)
    .action(perform<[], DirOption>(async (cli, options) => {
      const { moveBesideData } = await import('../storage/root-key.ts');
      const dir = storageDir(cli, options);
      answer(cli, dir, await moveBesideData(dir, await storeOf(cli)), `The root key of ${dir} lies in the folder.`);
    }));

  rootKey
    .command('export')
    .description('show its 24 recovery words, to be written down; the storage must not run')
    .option(...DIR)
    .action(perform<[], DirOption>(async (cli, options) => {
      const { exportRootKey } = await import('../storage/root-key.ts');
      const dir = storageDir(cli, options);
      const bytes = await exportRootKey(dir, await storeOf(cli), Date.now());
      const { wordsOf } = await import('../keys/words.ts');
      const words = wordsOf(bytes).split(' ');
      bytes.fill(0);
      const rows = Array.from({ length: 6 }, (_, row) => `  ${words.slice(row * 4, row * 4 + 4).map((word, index) => `${String(row * 4 + index + 1).padStart(2)} ${word.padEnd(9)}`).join(' ').trimEnd()}`);
      cli.out.answer({ dir, words }, [`Whoever has these words and ${dir} can read all of it. Keep them apart from it.`, ...rows]);
    }));

  rootKey
    .command('import')
    .description('bring it to this computer, by its 24 words')
    .option(...DIR)
    .addHelpText('after', '\nThe words: ENFOLD_KIT_WORDS, else standard input, else you are asked.')
    .action(perform<[], DirOption>(async (cli, options) => {
      const { importRootKey } = await import('../storage/root-key.ts');
      const { normalizeWords, secretOfWords } = await import('../keys/words.ts');
      const dir = storageDir(cli, options);
      const bytes = secretOfWords(normalizeWords(await readWords(cli)));
      try {
        answer(cli, dir, await importRootKey(dir, await storeOf(cli), bytes), `This computer can open ${dir} now.`);
      } finally {
        bytes.fill(0);
      }
    }));
}

/** Adds the commands below `enfold storage`. */
export function registerStorageAdmin(storage: Command): void {
  registerAccessKeys(storage);
  registerMasterKeys(storage);
  registerRootKey(storage);
}

/** @throws SyncError bad-usage */
export function placementOf(text: string | undefined): 'keychain' | 'beside-data' | undefined {
  if (text === undefined || text === 'keychain') return text;
  if (text === 'folder') return 'beside-data';
  throw new SyncError('bad-usage', { detail: '--root-key is keychain or folder' });
}
