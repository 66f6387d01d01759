/** `enfold trash`: what Enfold removed or replaced on this computer, for 30 days. */
import type { Command } from 'commander';
import type { TrashedView } from '../assembly/api.ts';
import { SyncError } from '../model/errors.ts';
import { perform } from './cli.ts';
import { describeFailure } from './failure.ts';
import { formatBytes, formatTime, plural, printable } from './output.ts';

const line = ({ folder, id, sizeBytes, trashedAtMs }: TrashedView, isNamed: boolean): string => `${formatTime(trashedAtMs)}  ${formatBytes(sizeBytes).padStart(9)}  ${isNamed ? `${printable(folder)}  ` : ''}${printable(id)}`;

export function registerTrash(program: Command): void {
  const trash = program.command('trash').description('what Enfold removed or replaced here: list it, put it back');

  trash
    .command('list')
    .description('list what is in the trash, the newest first')
    .argument('[id]', 'a folder by id, start of id, name or local path; all without it')
    .addHelpText('after', `
The trash is .enfold/trash inside each folder. What is older than 30 days goes, and so does the oldest where it takes more than a tenth of the disk.
  $ enfold trash list documents`)
    .action(perform(async (cli, _options: object, id: string | undefined) => {
      const enfold = await cli.enfold();
      const folders = id === undefined ? enfold.folders.list() : [enfold.folders.find(id)];
      const found = (await Promise.all(folders.map(async (folder) => enfold.trash.list(folder.id)))).flat().toSorted((a, b) => b.trashedAtMs - a.trashedAtMs);
      cli.out.answer(found, found.length === 0 ? ['The trash is empty.'] : found.map((one) => line(one, id === undefined)));
    }));

  trash
    .command('restore')
    .description('put files back where they were')
    .argument('<id>', 'a folder by id, start of id, name or local path')
    .argument('<what...>', 'entries of the list, or paths as they were: the newest of that path, and of each file below one that ends in /')
    .option('--to <path>', 'a single file: another path in the folder')
    .option('--replace', 'what stands there goes to the trash in its turn; without it nothing is replaced')
    .addHelpText('after', `
Exit code: 0 all is back, 2 something is not, 1 nothing of that name is in the trash.
  $ enfold trash restore documents 2024/tax.pdf
  $ enfold trash restore documents 2024/ --replace
  $ enfold trash restore documents 2024/tax.pdf --to tax-before.pdf`)
    .action(perform(async (cli, options: { to?: string; replace?: boolean }, id: string, what: readonly string[]) => {
      const enfold = await cli.enfold();
      const folder = enfold.folders.find(id);
      const restored = [];
      for (const one of what) restored.push(...(await enfold.trash.restore(folder.id, one, { to: options.to ?? null, replaces: options.replace === true })));
      const back = restored.filter(({ error }) => error === null);
      cli.out.answer({ id: folder.id, name: folder.name, restored: back.map(({ id: from, path }) => ({ id: from, path })), failed: restored.flatMap(({ id: from, path, error }) => (error === null ? [] : [{ id: from, path, error }])) }, [
        ...back.map(({ path }) => printable(path)), `${plural(back.length, 'file')} put back.`,
      ]);
      for (const { path, error } of restored) if (error !== null) cli.out.note(describeFailure({ ...error, about: { ...error.about, path: printable(path) } }).trimEnd());
      return back.length === restored.length ? 0 : 2;
    }));

  trash
    .command('empty')
    .description('remove what is in the trash for good')
    .argument('<id>', 'a folder by id, start of id, name or local path')
    .argument('[entry...]', 'entries of the list; without them all of it')
    .option('--yes', 'do it; without it only what would go is told')
    .addHelpText('after', `
  $ enfold trash empty documents
  $ enfold trash empty documents --yes`)
    .action(perform(async (cli, options: { yes?: boolean }, id: string, entries: readonly string[]) => {
      const enfold = await cli.enfold();
      const folder = enfold.folders.find(id);
      const named = { id: folder.id, name: folder.name };
      const wanted = new Set(entries);
      const found = (await enfold.trash.list(folder.id)).filter((one) => wanted.size === 0 || wanted.delete(one.id));
      const [unknown] = wanted;
      if (unknown !== undefined && entries.length > 0) throw new SyncError('no-such-path', { path: unknown, detail: 'not in the trash' });
      if (options.yes !== true) {
        const bytes = found.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        cli.out.answer({ ...named, removed: 0, bytes: 0, wouldRemove: found.length, wouldFree: bytes }, [`${plural(found.length, 'file')} (${formatBytes(bytes)}) would go for good. Nothing was done yet. To remove them: enfold trash empty ${folder.id.slice(0, 8)} --yes`]);
        return 0;
      }
      const { removed, bytes } = await enfold.trash.empty(folder.id, entries.length === 0 ? null : entries);
      cli.out.answer({ ...named, removed, bytes }, [`${plural(removed, 'file')} (${formatBytes(bytes)}) removed for good.`]);
      return 0;
    }));
}
