/**
 * Names that a disk takes for one: `Report` and `report` where it ignores case, the two spellings of `ü` where it normalises. The first one stays (what is on
 * the disk, else the first in the order asked), the others are left alone in the bucket and listed; nothing is merged and nothing goes back and forth.
 */
import { readdirSync } from 'node:fs';
import type { SyncPath } from '../model/path.ts';
import type { NameCollisions } from '../sync/ports.ts';
import { collisionKey, type NamePlatform } from './names.ts';
import type { Place } from './place.ts';

/** @param platform - by whose rules names are one. */
export function createNameCollisions(place: Place, platform: NamePlatform): NameCollisions {
  /** By the folded path of a directory: what is in it and what was let pass, by folded name. */
  const known = new Map<string, Map<string, string>>();

  function namesIn(directory: string): Map<string, string> {
    const folded = collisionKey(directory as SyncPath, platform);
    let names = known.get(folded);
    if (names === undefined) {
      names = new Map();
      known.set(folded, names);
      for (const name of namesOnDisk(place.at(directory as SyncPath | ''))) names.set(collisionKey(name as SyncPath, platform), name);
    }
    return names;
  }

  return {
    take(path) {
      const segments = (path.endsWith('/') ? path.slice(0, -1) : path).split('/');
      let directory = '';
      const free: [Map<string, string>, string, string][] = [];
      for (const segment of segments) {
        const names = namesIn(directory);
        const key = collisionKey(segment as SyncPath, platform);
        const standing = names.get(key);
        if (standing !== undefined && standing !== segment) return `${directory}${standing}`;
        if (standing === undefined) free.push([names, key, segment]);
        directory += `${segment}/`;
      }
      for (const [names, key, segment] of free) names.set(key, segment);
      return null;
    },
  };
}

function namesOnDisk(absolute: string): readonly string[] {
  try {
    return readdirSync(absolute);
  } catch {
    // Not there yet, or nothing that can be looked into: then nothing is created in it either.
    return [];
  }
}
