/**
 * Groups actions into stages. Any order inside a stage gives the same result, and a stage begins when the one before it has
 * ended, so that parents come before children, copies are durable before anything is deleted, and a path is free before
 * it is used again.
 */
import type { Action } from '../model/action.ts';
import { isDirectoryPath } from '../model/path.ts';

/**
 * 1. what only the records are told, and directories to be made;
 * 2. what sends, fetches or copies content;
 * 3. deletions of files, and of directories' objects;
 * 4. deletions of local directories, the deepest first, each depth a stage;
 * 5. what waited for a path to become free, directories before files.
 *
 * @param waiting - the actions of step 5.
 */
export function stageActions(actions: Iterable<Action>, waiting: ReadonlySet<Action>): readonly (readonly Action[])[] {
  const first: Action[] = [];
  const transfers: Action[] = [];
  const deletions: Action[] = [];
  const byDepth = new Map<number, Action[]>();
  const lateDirectories: Action[] = [];
  const late: Action[] = [];
  for (const action of actions) {
    const isDirectory = isDirectoryPath(action.path);
    if (waiting.has(action)) (isDirectory ? lateDirectories : late).push(action);
    else if (action.type === 'delete-local' && isDirectory) push(byDepth, depthOf(action.path), action);
    else if (action.type === 'delete-local' || action.type === 'delete-remote') deletions.push(action);
    else if (isRecordOnly(action) || (action.type === 'download' && isDirectory)) first.push(action);
    else transfers.push(action);
  }
  const directories = [...byDepth].toSorted(([a], [b]) => b - a).map(([, stage]) => stage);
  return [first, transfers, deletions, ...directories, lateDirectories, late].filter((stage) => stage.length > 0);
}

function isRecordOnly(action: Action): boolean {
  return action.type === 'adopt' || action.type === 'refresh-base' || action.type === 'forget';
}

function depthOf(path: string): number {
  return path.split('/').length;
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
