/**
 * The marker `<root>/.enfold/root.json`: proof that what stands at the folder's path is the folder, and neither the empty place
 * where its disk should be nor a copy of it. Without it nothing is concluded from what is there or missing.
 */
import { randomBytes } from 'node:crypto';
import { accessSync, closeSync, constants, fstatSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SyncError } from '../model/errors.ts';
import { OWN_DIRECTORY } from '../model/path.ts';
import { fromOsError, isMissing } from './os-error.ts';
import { createDirectoryFsync, createPlace, lookAt, makeOwnDirectory } from './place.ts';

const MARKER = 'root.json';

type Marker = {
  readonly format: 'enfold folder root v1';
  readonly folderId: string;
  /** st_dev and the marker's own inode number. One of them stays when a disk is plugged in again; a copy has neither. */
  readonly device: string;
  readonly inode: string;
};

/** File systems that make up inode numbers anew at each mount (FAT, exFAT, FUSE, NFS, SMB): there the marker's presence must do. */
const UNSTABLE_INODES = new Set([0x4d44, 0x2011bab0, 0x65735546, 0x6969, 0xff534d42, 0xfe534d42, 0x517b, 0x01021997]);

/**
 * Makes the folder's root at `root` known as this folder, durably. Again for a folder that moved to another disk.
 *
 * @throws SyncError root-missing, not-a-directory, root-foreign (the marker of another folder is there), permission-denied, read-only, disk-full
 */
export async function createRootMarker(root: string, folderId: string): Promise<void> {
  const stats = lookAt(root, '');
  if (stats === null) throw new SyncError('root-missing');
  if (!stats.isDirectory()) throw new SyncError('not-a-directory');
  const place = createPlace(root);
  const directory = makeOwnDirectory(place);
  const known = readMarker(root);
  if (known !== null && known.folderId !== folderId) throw new SyncError('root-foreign', { detail: 'the folder is already paired' });
  makeOwnDirectory(place, 'tmp');
  makeOwnDirectory(place, 'trash');

  const temporary = join(directory, `${MARKER}.${randomBytes(8).toString('hex')}`);
  try {
    const file = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    try {
      const own = fstatSync(file, { bigint: true });
      const marker: Marker = { format: 'enfold folder root v1', folderId, device: String(own.dev), inode: String(own.ino) };
      writeSync(file, `${JSON.stringify(marker, null, 2)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, join(directory, MARKER));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw fromOsError(error, OWN_DIRECTORY);
  }
  const fsyncDirectory = createDirectoryFsync();
  await fsyncDirectory(directory);
  await fsyncDirectory(root);
}

/** Takes the marker away; staging goes with it, the trash stays. A marker of another folder is left alone. */
export function removeRootMarker(root: string, folderId: string): void {
  try {
    if (readMarker(root)?.folderId !== folderId) return;
    rmSync(join(root, OWN_DIRECTORY, MARKER), { force: true });
    rmSync(join(root, OWN_DIRECTORY, 'tmp'), { recursive: true, force: true });
  } catch (error) {
    throw fromOsError(error, OWN_DIRECTORY);
  }
}

/** @throws SyncError root-missing, root-foreign, root-unreadable */
export function checkRootMarker(root: string, folderId: string): void {
  const stats = lookAt(root, '');
  if (stats === null) throw new SyncError('root-missing');
  if (!stats.isDirectory()) throw new SyncError('root-foreign', { detail: 'something else stands in its place' });
  try {
    accessSync(root, constants.R_OK | constants.X_OK);
  } catch (error) {
    throw fromOsError(error, '', { EACCES: 'root-unreadable', EPERM: 'root-unreadable', ENOENT: 'root-missing' });
  }
  const marker = readMarker(root);
  if (marker === null) throw new SyncError('root-foreign', { detail: 'the marker in .enfold is missing' });
  if (marker.folderId !== folderId) throw new SyncError('root-foreign', { detail: 'it is another folder of Enfold' });
  const own = lookAt(join(root, OWN_DIRECTORY, MARKER), '');
  if (own === null) throw new SyncError('root-foreign', { detail: 'the marker in .enfold is missing' });
  if (String(own.dev) === marker.device || String(own.ino) === marker.inode) return;
  // Neither the disk nor the file is the one that was marked. Where inode numbers mean something this is a copy, perhaps an old one.
  if (process.platform === 'linux' && !UNSTABLE_INODES.has(fileSystemOf(root))) throw new SyncError('root-foreign', { detail: 'it is a copy on another disk' });
}

/** Null where there is none, also where it is damaged: then the folder is not proved. */
function readMarker(root: string): Marker | null {
  const directory = lookAt(join(root, OWN_DIRECTORY), '');
  if (directory === null || !directory.isDirectory()) return null;
  let text: string;
  try {
    text = readFileSync(join(root, OWN_DIRECTORY, MARKER), { encoding: 'utf8', flag: constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK });
  } catch (error) {
    if (isMissing(error)) return null;
    throw fromOsError(error, OWN_DIRECTORY, { ELOOP: 'root-foreign', EACCES: 'root-unreadable', EPERM: 'root-unreadable' });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const marker = value as Partial<Marker> | null;
  const isWhole = typeof marker === 'object' && marker !== null && typeof marker.folderId === 'string' && typeof marker.device === 'string' && typeof marker.inode === 'string';
  return isWhole ? (marker as Marker) : null;
}

function fileSystemOf(root: string): number {
  try {
    return statfsSync(root).type;
  } catch {
    return 0;
  }
}
