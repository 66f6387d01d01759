/** A directory as it was at a time, or what was deleted in it since: rows for Browse, from the versions that the bucket keeps. */
import type { BrowseRow } from '../../preload/contract.ts';
import type { FileVersion } from './api.ts';
import { isBy } from './restore.ts';

type Past = NonNullable<BrowseRow['past']>;

/** Of one file's versions, the newest first, the one that is shown; null: none. */
function shownOf(versions: readonly FileVersion[], atMs: number | null): { readonly version: FileVersion; readonly now: Past['now'] } | null {
  const [latest] = versions;
  if (latest === undefined) return null;
  const version = atMs === null ? (latest.isDeletion ? versions.find(({ isDeletion }) => !isDeletion) : undefined) : versions.find((one) => isBy(atMs, one.atMs));
  if (version === undefined || version.isDeletion) return null;
  return { version, now: version.versionId === latest.versionId ? 'same' : latest.isDeletion ? 'deleted' : 'changed' };
}

async function* byFile(versions: AsyncIterable<FileVersion>): AsyncGenerator<readonly FileVersion[]> {
  let group: FileVersion[] = [];
  for await (const version of versions) {
    if (group[0] !== undefined && group[0].path !== version.path) {
      yield group;
      group = [];
    }
    group.push(version);
  }
  if (group.length > 0) yield group;
}

/**
 * @param versions - those of one file together, the newest first.
 * @param directory - `''` or ending in `/`; what is deeper than directly inside stands for its directory, unless `isDeep`.
 * @param atMs - by the server's clock; null: what stands no more, each as it was last.
 */
export async function* pastRows(versions: AsyncIterable<FileVersion>, directory: string, isDeep: boolean, atMs: number | null, protection: BrowseRow['protection']): AsyncGenerator<BrowseRow> {
  const told = new Set<string>();
  for await (const group of byFile(versions)) {
    const shown = shownOf(group, atMs);
    if (shown === null) continue;
    const { path, sizeBytes, atMs: modifiedMs } = shown.version;
    const inside = path.slice(directory.length);
    const cut = inside.indexOf('/');
    if (inside === '' || (isDeep && path.endsWith('/'))) continue;
    if (cut >= 0 && !isDeep) {
      const name = inside.slice(0, cut);
      if (told.has(name)) continue;
      told.add(name);
      yield { path: `${directory}${name}/`, name, kind: 'directory', sizeBytes: null, modifiedMs: null, objectKey: '', protection, isConfirmed: false, past: { now: 'unknown' } };
    } else yield { path, name: inside.slice(inside.lastIndexOf('/') + 1), kind: 'file', sizeBytes, modifiedMs, objectKey: '', protection, isConfirmed: false, past: { now: shown.now } };
  }
}
