/** What a folder's watcher needs of the system's file events, however they are had. */
import { lstatSync } from 'node:fs';

export type TreeWatchesOptions = {
  readonly root: string;
  readonly isIgnored: (directory: string) => boolean;
  /** Something happened at this path below the root, or, with null, it is not known where. */
  readonly onEvent: (path: string | null) => void;
  /** A watch ended by itself. */
  readonly onError: () => void;
};

export interface TreeWatches {
  /** Whether all that should be watched is; the system allows only so many watches. */
  readonly isWhole: boolean;
  /** Whether the directory that is watched is the one that stands at the root now. */
  isRootSame(): boolean;
  /** Watches all of the tree: what happens from now on is told, also of what lies in a directory that comes. */
  begin(): Promise<void>;
  close(): Promise<void>;
}

/** Null where no directory stands there. A symbolic link is none. */
export function inodeOfDirectory(absolute: string): number | null {
  try {
    const stats = lstatSync(absolute, { throwIfNoEntry: false });
    return stats?.isDirectory() === true ? stats.ino : null;
  } catch {
    return null;
  }
}
