/** Whether a folder would meet another one, on this computer's disk or in a bucket. Two engines over one tree would undo each other's work. */
import { realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, parse, relative, resolve, sep } from 'node:path';
import type { ErrorCode } from '../model/errors.ts';
import type { ConnectionSettings, FolderSettings } from '../model/settings.ts';

/** The path with all links resolved; what does not exist (yet, or while its disk is away) is kept as it is below its deepest existing directory. */
export function realPathOf(path: string): string {
  const whole = resolve(path);
  try {
    return realpathSync.native(whole);
  } catch {
    const parent = dirname(whole);
    return parent === whole ? whole : join(realPathOf(parent), basename(whole));
  }
}

type Overlap = { readonly code: ErrorCode; readonly detail: string };

/**
 * The first reason why `folder` may not stand where it wants to, or null.
 *
 * @param folders - all folders; the one with the same id is left out.
 * @param home - Enfold's own directory, which must never be synced.
 */
export function findOverlap(
  folder: FolderSettings,
  folders: readonly FolderSettings[],
  connections: readonly ConnectionSettings[],
  home: string,
): Overlap | null {
  const root = folder.localPath;
  if (root === parse(root).root) return { code: 'root-unsuitable', detail: 'the whole disk' };
  if (isSamePlace(root, homedir())) return { code: 'root-unsuitable', detail: 'the whole home directory' };
  if (isInside(home, root) || isInside(root, join(home, 'folders'))) return { code: 'root-unsuitable', detail: 'Enfold\'s own settings are there' };
  for (const connection of connections) {
    if (connection.directory !== null && isEitherInside(root, connection.directory)) {
      return { code: 'root-unsuitable', detail: `the storage of ${connection.name} is there` };
    }
  }
  const others = folders.filter((other) => other.id !== folder.id);
  const nested = others.find((other) => isEitherInside(root, other.localPath));
  if (nested !== undefined) return { code: 'root-nested', detail: nested.name };
  const place = placeOf(folder, connections);
  const sharing = others.find((other) => placeOf(other, connections) === place && (other.prefix.startsWith(folder.prefix) || folder.prefix.startsWith(other.prefix)));
  return sharing === undefined ? null : { code: 'prefix-taken', detail: sharing.name };
}

/** Which bucket, whatever the connection is called. */
function placeOf(folder: FolderSettings, connections: readonly ConnectionSettings[]): string {
  const connection = connections.find((one) => one.id === folder.connectionId);
  if (connection === undefined) return JSON.stringify([folder.connectionId, folder.bucket]);
  if (connection.kind === 'built-in') return JSON.stringify(['built-in', connection.directory === null ? connection.id : realPathOf(connection.directory), folder.bucket]);
  return JSON.stringify(['s3', connection.endpoint === null ? null : normalEndpoint(connection.endpoint), folder.bucket]);
}

function normalEndpoint(endpoint: string): string {
  try {
    const url = new URL(endpoint);
    return `${url.host}${url.pathname.replace(/\/+$/, '')}`.toLowerCase();
  } catch {
    return endpoint;
  }
}

function isEitherInside(a: string, b: string): boolean {
  return isInside(a, b) || isInside(b, a);
}

/** By text first, then by identity, which also sees through bind mounts and file systems that ignore case. */
function isInside(path: string, directory: string): boolean {
  const [real, realDirectory] = [realPathOf(path), realPathOf(directory)];
  const way = relative(fold(realDirectory), fold(real));
  if (way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way))) return true;
  const wanted = identityOf(realDirectory);
  if (wanted === null) return false;
  for (let at = real; ; at = dirname(at)) {
    if (identityOf(at) === wanted) return true;
    if (dirname(at) === at) return false;
  }
}

function isSamePlace(a: string, b: string): boolean {
  return realPathOf(a) === realPathOf(b);
}

function fold(path: string): string {
  return process.platform === 'win32' || process.platform === 'darwin' ? path.normalize('NFC').toLowerCase() : path;
}

function identityOf(path: string): string | null {
  try {
    const stats = statSync(path, { bigint: true });
    return stats.ino === 0n ? null : `${stats.dev}:${stats.ino}`;
  } catch {
    return null;
  }
}
