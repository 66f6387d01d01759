/**
 * Where a file and a directory of one name would meet. The bucket can hold both `a` and `a/b`; a disk cannot. What stands on
 * the disk stays, and what cannot be created beside it is listed as a clash until one of the two is gone. Where the disk's
 * side is leaving in the same plan, the newcomer waits for it instead.
 */
import type { Action, PlanPolicy } from '../model/action.ts';
import { isDirectoryPath, parentOf } from '../model/path.ts';
import type { SyncPath } from '../model/path.ts';

/** Creates something at its path on the disk, where nothing of that name stood. */
export type Newcomer = Extract<Action, { type: 'download' }>;
/** `wait`: after the deletions. `clash`: not at all. */
export type Placement = 'now' | 'wait' | 'clash';

export type Standing = {
  /** Differing rows: files and empty directories that are on the disk, and paths that base knows and the disk has not. */
  readonly present: ReadonlySet<SyncPath>;
  readonly absent: ReadonlySet<SyncPath>;
  /** What this plan deletes from the disk. */
  readonly leaving: ReadonlySet<SyncPath>;
};

/** Decides for many newcomers at once. A file that comes itself wins over what would come below it. */
export function placeNewcomers(newcomers: readonly Newcomer[], standing: Standing, policy: PlanPolicy): ReadonlyMap<SyncPath, Placement> {
  const comingFiles = new Set(newcomers.map(({ path }) => path).filter((path) => !isDirectoryPath(path)));
  const presentBelow = countBelow(standing.present);
  const leavingBelow = countBelow(standing.leaving);
  const goneBelow = countBelow(new Set([...standing.leaving, ...standing.absent]));
  const placements = new Map<SyncPath, Placement>();

  // Thousands of newcomers share a few directories, and each look at base is a query.
  const known = new Map<SyncPath, boolean>();
  const stands = (path: SyncPath): boolean => {
    let isStanding = known.get(path);
    if (isStanding === undefined) {
      isStanding = standing.present.has(path) || (!standing.absent.has(path) && policy.hasBase?.(path) === true);
      known.set(path, isStanding);
    }
    return isStanding;
  };

  const placeBelowFile = (path: SyncPath): Placement => {
    let placement: Placement = 'now';
    for (const ancestor of fileNamesAbove(path)) {
      if (comingFiles.has(ancestor)) return 'clash';
      if (!stands(ancestor)) continue;
      if (!standing.leaving.has(ancestor)) return 'clash';
      placement = 'wait';
    }
    return placement;
  };
  const placeOverDirectory = (path: SyncPath): Placement => {
    const directory = `${path}/` as SyncPath;
    if (stands(directory) && !standing.leaving.has(directory)) return 'clash';
    const leaving = leavingBelow.get(directory) ?? 0;
    if ((presentBelow.get(directory) ?? 0) > leaving) return 'clash';
    // Base entries that no row mentions stand unchanged on the disk.
    const gone = goneBelow.get(directory) ?? 0;
    if ((policy.baseEntriesBelow?.(directory, gone + 1) ?? 0) > gone) return 'clash';
    return leaving > 0 || standing.leaving.has(directory) ? 'wait' : 'now';
  };

  for (const { path } of newcomers) {
    const below = placeBelowFile(path);
    const over = isDirectoryPath(path) ? 'now' : placeOverDirectory(path);
    placements.set(path, below === 'clash' || over === 'clash' ? 'clash' : below === 'wait' || over === 'wait' ? 'wait' : 'now');
  }
  return placements;
}

/** For `a/b/c`: `a/b`, `a`. For `a/b/`: `a/b`, `a`, since a file of the directory's own name is in its way too. */
function* fileNamesAbove(path: SyncPath): Iterable<SyncPath> {
  for (let directory = isDirectoryPath(path) ? path : parentOf(path); directory !== ''; directory = parentOf(directory)) {
    yield directory.slice(0, -1) as SyncPath;
  }
}

/** How many of the paths lie below each directory. */
function countBelow(paths: ReadonlySet<SyncPath>): ReadonlyMap<SyncPath, number> {
  const counts = new Map<SyncPath, number>();
  for (const path of paths) {
    for (let directory = parentOf(path); directory !== ''; directory = parentOf(directory)) counts.set(directory, (counts.get(directory) ?? 0) + 1);
  }
  return counts;
}
