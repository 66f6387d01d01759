/** `enfold key lock | unlock | drill`: forget what is open, open it again, prove that files come back. */
import type { Command } from 'commander';
import type { DrillReport } from '../assembly/api.ts';
import { SyncError } from '../model/errors.ts';
import { perform, type Cli } from './cli.ts';
import { describeFailure } from './failure.ts';
import { formatBytes, plural, printable, progressBar } from './output.ts';
import { askHidden, askNewPassphrase, isInteractive } from './passphrase.ts';

/** ENFOLD_LOCK_PASSPHRASE, else asked for. */
async function lockPassphrase(cli: Cli, question: string): Promise<string> {
  const given = cli.env['ENFOLD_LOCK_PASSPHRASE'] ?? '';
  if (given !== '') return given;
  if (isInteractive()) return askHidden(question);
  throw new SyncError('passphrase-missing', { detail: 'the passphrase of the lock goes into ENFOLD_LOCK_PASSPHRASE' });
}

export function registerLock(key: Command): void {
  key
    .command('lock')
    .description('lock Enfold: folders stop, and what was opened is forgotten, here and in the app')
    .option('--set-passphrase', 'give the lock a passphrase of its own instead (keychain only)')
    .option('--clear-passphrase', 'take that passphrase away')
    .addHelpText('after', `
A key file is unlocked by its own passphrase. With the keychain anybody at this computer unlocks it, unless the lock has a passphrase
(ENFOLD_LOCK_PASSPHRASE is the one it has now; the new one is asked for, or ENFOLD_NEW_LOCK_PASSPHRASE).
  $ enfold key lock
  $ enfold key unlock`)
    .action(perform(async (cli, options: { setPassphrase?: boolean; clearPassphrase?: boolean }) => {
      const { lock, home } = await cli.enfold();
      if (options.setPassphrase === true || options.clearPassphrase === true) {
        if (options.setPassphrase === options.clearPassphrase) throw new SyncError('bad-usage', { detail: 'either --set-passphrase or --clear-passphrase' });
        const current = (await lock.method()) === 'passphrase' ? await lockPassphrase(cli, 'Passphrase of the lock now: ') : null;
        const fromEnvironment = cli.env['ENFOLD_NEW_LOCK_PASSPHRASE'] ?? '';
        if (options.setPassphrase === true && fromEnvironment === '' && !isInteractive()) throw new SyncError('passphrase-missing', { detail: 'the new passphrase of the lock goes into ENFOLD_NEW_LOCK_PASSPHRASE' });
        const next = options.clearPassphrase === true ? null : fromEnvironment || (await askNewPassphrase('New passphrase of the lock'));
        await lock.setPassphrase(current, next);
        cli.out.answer({ method: await lock.method() }, [next === null ? 'The lock has no passphrase now.' : 'The lock has a passphrase now.']);
        return;
      }
      await lock.lock();
      // The settings tell the app too; its answer says that everything is closed.
      const { askRunningEngine } = await import('../assembly/engine-socket.ts');
      await askRunningEngine(home, { type: 'lock' }, cli.signal);
      cli.out.answer({ locked: true }, ['Locked.']);
    }));

  key
    .command('unlock')
    .description('take the lock off')
    .addHelpText('after', `
With a key file: its passphrase (--passphrase-fd, ENFOLD_PASSPHRASE, or asked for). With a passphrase of the lock's own: ENFOLD_LOCK_PASSPHRASE, or asked for.`)
    .action(perform(async (cli) => {
      const { lock, home } = await cli.enfold();
      const method = await lock.method();
      const ask = async (): Promise<string> => (isInteractive() ? askHidden('Passphrase of the key file: ') : Promise.reject(new SyncError('passphrase-missing')));
      const passphrase = method === 'none' ? null : method === 'passphrase' ? await lockPassphrase(cli, 'Passphrase of the lock: ') : (cli.givenPassphrase() ?? (await ask()));
      const { askRunningEngine } = await import('../assembly/engine-socket.ts');
      // The app must hear the passphrase itself: it has forgotten the one it had.
      if ((await askRunningEngine(home, { type: 'unlock', passphrase }, cli.signal)) === null) await lock.unlock(passphrase);
      cli.out.answer({ locked: false }, ['Unlocked.']);
    }));

  key
    .command('set-aside')
    .description('where the keychain has lost its item for good: move what it opened out of the way (nothing is deleted) and begin anew')
    .addHelpText('after', `
Then take the keys in again from their recovery kits, and the sign-ins with enfold connection.
  $ enfold key set-aside
  $ enfold key import family --from family-kit.age`)
    .action(perform(async (cli) => {
      const store = await (await cli.enfold()).secrets();
      if (store.setAside === undefined) throw new SyncError('bad-usage', { detail: 'that is for the keychain; a key file is opened by its passphrase' });
      const place = await store.setAside();
      cli.out.answer({ setAside: place }, [place === null ? 'There was nothing to set aside.' : `What could not be opened is now in ${printable(place)}. Take the keys in again: enfold key import NAME --from KIT`]);
    }));

  key
    .command('drill')
    .description('restore drill: fetch some files of each folder, decrypt them and compare them')
    .argument('[id]', 'a folder by id, start of id, name or local path; all without it')
    .option('--files <n>', 'how many of each, chosen at random', '5')
    .addHelpText('after', `
The app does this by itself once a month. Exit code: 0 all came back right, 2 something did not.
  $ enfold key drill photos --files 20`)
    .action(perform(async (cli, options: { files: string }, id: string | undefined) => {
      if (!/^[1-9][0-9]{0,3}$/.test(options.files)) throw new SyncError('bad-usage', { detail: '--files takes 1 to 9999' });
      const enfold = await cli.enfold();
      const chosen = id === undefined ? enfold.folders.list() : [enfold.folders.find(id)];
      cli.started();
      const reports: DrillReport[] = [];
      for (const folder of chosen) {
        reports.push(await enfold.drill(folder.id, { files: Number(options.files), signal: cli.signal, onProgress: (done, total) => cli.out.progress(`${printable(folder.name)} ${progressBar(done, total)}  ${done} of ${total} files`) }));
      }
      const ok = reports.every(({ failed }) => failed === 0);
      cli.out.answer({ ok, folders: reports }, reports.length === 0 ? ['No folders yet.'] : reports.map(({ name, files, bytes, compared, failed }) => `${printable(name)}: ${plural(files, 'file')} came back, ${formatBytes(bytes)}, ${compared} compared with the ones here${failed === 0 ? '' : `, ${failed} not right`}.`));
      for (const { problems } of reports) for (const { path, error } of problems) cli.out.note(describeFailure({ ...error, about: { ...error.about, path: path === null ? undefined : printable(path) } }).trimEnd());
      return ok ? 0 : 2;
    }));
}
