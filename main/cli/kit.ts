/** `enfold key kit | verify-kit`, and where the words of a kit come in: standard input, the environment, or a question. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { KitFolderView } from '../assembly/api.ts';
import { SyncError } from '../model/errors.ts';
import { perform, type Cli } from './cli.ts';
import { keyJson } from './key.ts';
import { plural, printable } from './output.ts';
import { askHidden, isInteractive, readStandardInput } from './passphrase.ts';

/** Never an argument. @throws SyncError kit-words-missing */
export async function readWords(cli: Cli): Promise<string> {
  const given = cli.env['ENFOLD_KIT_WORDS'] ?? '';
  if (given !== '') return given;
  const typed = isInteractive() ? await askHidden('The 24 words of the page: ') : await readStandardInput(null);
  if (typed.trim() === '') throw new SyncError('kit-words-missing');
  return typed;
}

export function knownFolderLines(folders: readonly KitFolderView[]): string[] {
  return folders.map(({ name, remote, endpoint, region, mode, fingerprint }) => `  ${printable(name)}: ${printable(remote)} at ${endpoint ?? `AWS ${region}`} (${mode}${fingerprint === null ? '' : `, fingerprint ${fingerprint}`})`);
}

export function registerKit(key: Command): void {
  key
    .command('kit')
    .description('write a recovery kit: a page to print, and a file that its 24 words open')
    .argument('<name>', 'a key, or the KMS key of a folder by its id, ARN or alias')
    .requiredOption('--out <file>', 'the page (HTML); the file is written beside it with the end .age')
    .addHelpText('after', `
Whoever has the page has the key. Print it, check it with verify-kit, then delete the file of the page.
  $ enfold key kit family --out family-kit.html       (writes family-kit.html and family-kit.age)
  $ enfold key verify-kit family --from -             (and type the words from the paper)
  $ age --decrypt family-kit.age                      (any age program opens it with the words)`)
    .action(perform(async (cli, options: { out: string }, name: string) => {
      const { kits } = await cli.enfold();
      const written = await kits.saveTo(name, resolve(options.out));
      cli.out.answer(written, [
        `Page: ${printable(written.page)}`,
        ...(written.ageFile === null ? ['There are no words: the key never leaves AWS KMS. The page says what to do if it stops working.'] : [`File: ${printable(written.ageFile)}, which the 24 words of the page open.`]),
        written.folders.length === 0 ? 'No folder uses the key yet: make the kit again once one does.' : `It opens ${plural(written.folders.length, 'folder')}:`,
        ...knownFolderLines(written.folders),
        ...(written.ageFile === null ? [] : [`Not checked yet. Print the page, then: enfold key verify-kit ${printable(name)} --from -`]),
      ]);
    }));

  key
    .command('verify-kit')
    .description('prove that a recovery kit works, by opening the folders with it')
    .argument('<name>')
    .requiredOption('--from <file>', 'the page, the .age file or a file with the words; - takes the words alone, typed or from standard input')
    .addHelpText('after', `
The words: ENFOLD_KIT_WORDS, else standard input, else you are asked. Four letters of each are enough.
  $ enfold key verify-kit family --from -
  $ enfold key verify-kit family --from /media/stick/family-kit.age`)
    .action(perform(async (cli, options: { from: string }, name: string) => {
      const { keys, kits } = await cli.enfold();
      keys.find(name);
      const file = options.from === '-' ? null : resolve(options.from);
      const proof = file === null ? { words: await readWords(cli) } : { file, words: (await kits.needsWords(file)) ? await readWords(cli) : null };
      const { key: checked, opened } = await kits.verify(name, proof);
      cli.out.answer({ ...keyJson(checked), kitState: kits.stateOf(checked), opened, verified: true }, [
        `The kit of ${printable(checked.name)} works${opened.length === 0 ? '.' : `: it opened the folder keys of ${plural(opened.length, 'folder')}.`}`,
        ...knownFolderLines(opened),
      ]);
    }));
}
