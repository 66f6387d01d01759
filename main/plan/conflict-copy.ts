/** The name under which the second version of a file stands beside the first. */
import { isDirectoryPath, nameOf, parentOf, syncPath } from '../model/path.ts';
import type { SyncPath } from '../model/path.ts';

/** Longest name most file systems take, in UTF-8 bytes. */
const MAX_NAME_BYTES = 255;
/** A host name longer than this says no more about which computer it was. */
const MAX_HOST_BYTES = 40;
/** What follows the last dot is only kept whole where it can be an extension. */
const MAX_EXTENSION_BYTES = 32;

const TAG = / \(conflict [^()]* \d{4}-\d{2}-\d{2} \d{6} [0-9a-f]{4}(?: \d+)?\)(?=\.[^.]*$|$)/;

export type ConflictCopy = {
  readonly hostName: string;
  /** 12 hex digits, of which the first four are shown. */
  readonly deviceId: string;
  readonly atMs: number;
  /** Of the version that gets the name, 64 hex digits. */
  readonly sha256: string;
  /** Minutes that local time is ahead of UTC. */
  readonly utcOffsetMinutes?: number;
  /** Which try this is, from 1: a name that is taken is tried again with the number behind it. */
  readonly attempt?: number;
};

/**
 * `name (conflict <host>-<4 hex> <YYYY-MM-DD HHMMSS> <4 hex of the content's hash>).ext`, in the same directory.
 * The stem is cut, between code points, where the whole would be over 255 bytes. The caller checks that nothing has the name.
 */
export function conflictCopyPath(path: SyncPath, copy: ConflictCopy): SyncPath {
  if (isDirectoryPath(path)) throw new TypeError('a directory has no conflict copy');
  const name = nameOf(path);
  const dot = name.lastIndexOf('.');
  const hasExtension = dot > 0 && byteLength(name.slice(dot)) <= MAX_EXTENSION_BYTES;
  const extension = hasExtension ? name.slice(dot) : '';
  const stem = hasExtension ? name.slice(0, dot) : name;
  const number = copy.attempt === undefined || copy.attempt === 1 ? '' : ` ${copy.attempt}`;
  const device = `${cutToBytes(cleanHostName(copy.hostName), MAX_HOST_BYTES)}-${copy.deviceId.slice(0, 4)}`;
  const tag = ` (conflict ${device} ${formatTime(copy.atMs + (copy.utcOffsetMinutes ?? 0) * 60_000)} ${copy.sha256.slice(0, 4)}${number})${extension}`;
  return syncPath(parentOf(path) + cutToBytes(stem, MAX_NAME_BYTES - byteLength(tag)) + tag);
}

/** The path that a conflict copy stands beside, as far as its name tells, or null where the name is not a conflict copy's. */
export function originalOfConflictCopy(path: SyncPath): SyncPath | null {
  if (isDirectoryPath(path)) return null;
  const name = nameOf(path);
  const original = name.replace(TAG, '');
  return original === name || original === '' ? null : syncPath(parentOf(path) + original);
}

/** The host name goes into a name that must exist on every platform. */
function cleanHostName(hostName: string): string {
  const clean = hostName.toWellFormed().replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}/\\:*?"<>|()]+/gu, '-').replaceAll(/\s+/g, ' ').trim();
  return clean === '' ? 'device' : clean;
}

function formatTime(ms: number): string {
  const [date = '', time = ''] = new Date(Math.trunc(ms)).toISOString().split('T');
  return `${date.slice(-10)} ${time.slice(0, 8).replaceAll(':', '')}`;
}

function byteLength(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

function cutToBytes(text: string, limit: number): string {
  let kept = '';
  let bytes = 0;
  for (const character of text) {
    bytes += byteLength(character);
    if (bytes > limit) break;
    kept += character;
  }
  return kept;
}
