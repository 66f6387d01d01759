/** Commands that are agreed and not built yet: they say so and exit 1. */
import type { Command } from 'commander';
import { SyncError } from '../model/errors.ts';
import { perform } from './cli.ts';

/** Adds `name` below `parent`, accepting whatever arguments and options it will once have. */
export function notYet(parent: Command, name: string, summary: string): void {
  parent
    .command(name)
    .description(`${summary} (not available yet)`)
    .allowUnknownOption()
    .allowExcessArguments()
    .argument('[arguments...]')
    .action(
      perform(async () => {
        throw new SyncError('not-available-yet', { detail: `enfold ${parent.parent === null ? '' : `${parent.name()} `}${name}` });
      }),
    );
}

/** Top-level commands of later versions. */
export function registerLater(program: Command): void {
  notYet(program, 'versions', 'list the versions of a file');
  notYet(program, 'restore', 'bring back a file or folder as it was at a time');
  notYet(program, 'trash', 'list and restore what Enfold removed here');
  notYet(program, 'why', 'what Enfold thinks of one path, and why');
}
