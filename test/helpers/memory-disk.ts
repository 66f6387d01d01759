/**
 * A file system in memory with what sync rests on: inodes that are given away again, change times that no program can set,
 * directories, staging and trash. And a LocalTree over it, held to the same rules as the real one.
 */
import { createHash } from 'node:crypto';
import { SyncError, toWire } from '../../main/model/errors.ts';
import { isDirectoryPath, isOwnPath, nameOf, parentOf } from '../../main/model/path.ts';
import type { LocalPath, SyncPath } from '../../main/model/path.ts';
import type { LocalEntry, Skipped, SkipReason } from '../../main/model/snapshot.ts';
import type { LocalTree, ReplaceOutcome, Replacement, WalkedDirectory } from '../../main/sync/ports.ts';
import type { FakeClock } from './fake-clock.ts';
import type { Power } from './faults.ts';

type FileNode = { readonly kind: 'file'; readonly inode: number; content: string; mtimeMs: number; modeBits: number; changed: number };
type DirectoryNode = { readonly kind: 'directory'; readonly inode: number; readonly children: Map<string, Node>; mtimeMs: number; modeBits: number; changed: number };
type Node = FileNode | DirectoryNode;
export type Trashed = { readonly path: SyncPath; readonly content: string };

const hashes = new Map<string, string>();
/** SHA-256 of a text in UTF-8, 64 hex digits. */
export function sha256Of(content: string): string {
  let hash = hashes.get(content);
  if (hash === undefined) {
    hash = createHash('sha256').update(content).digest('hex');
    if (hashes.size > 100_000) hashes.clear();
    hashes.set(content, hash);
  }
  return hash;
}

export function sizeOf(content: string): number {
  return Buffer.byteLength(content);
}

/** One device's disk. What a user does to it is synchronous: it happens at one instant. */
export class MemoryDisk {
  readonly root: DirectoryNode = { kind: 'directory', inode: 2, children: new Map(), mtimeMs: 0, modeBits: 0o755, changed: 0 };
  /** What the engine staged; it survives a crash. */
  readonly staging = new Map<string, string>();
  readonly trash: Trashed[] = [];
  /** Names that are never synced. */
  isIgnored: (path: string) => boolean = () => false;
  /** Directories that cannot be listed. */
  readonly unreadable = new Set<string>();
  rootState: 'there' | 'root-missing' | 'root-foreign' | 'root-unreadable' = 'there';
  freeBytes = 2 ** 40;
  readonly #clock: FakeClock;
  #nextInode = 10;
  readonly #freeInodes: number[] = [];
  #ticks = 0;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  // -------------------------------------------------------------- what a user does

  /** In place: the file keeps its inode; its directories are made. A directory of that name is in the way. */
  write(path: string, content: string): void {
    const node = this.find(path);
    if (node?.kind === 'directory') throw new Error(`EISDIR ${path}`);
    if (node === undefined) {
      this.put(path, this.newFile(content, this.#clock.nowMs(), 0o644));
    } else {
      node.content = content;
      node.mtimeMs = this.#clock.nowMs();
      this.touch(node);
    }
  }

  /** As editors save: a new file takes the name of the old one. */
  save(path: string, content: string): void {
    if (this.find(path)?.kind === 'directory') throw new Error(`EISDIR ${path}`);
    const node = this.newFile(content, this.#clock.nowMs(), 0o644);
    this.put(path, node);
  }

  read(path: string): string | null {
    const node = this.find(path);
    return node?.kind === 'file' ? node.content : null;
  }

  /** A file, or a directory with all that is in it. */
  remove(path: string): void {
    const [parent, name] = this.#locate(path);
    const node = parent?.children.get(name);
    if (parent === null || node === undefined) throw new Error(`ENOENT ${path}`);
    parent.children.delete(name);
    this.#free(node);
    this.touch(parent);
  }

  /** Replaces a file that stands there, as rename(2) does; never a directory. */
  rename(from: string, to: string): void {
    const [parent, name] = this.#locate(from);
    const node = parent?.children.get(name);
    if (parent === null || node === undefined) throw new Error(`ENOENT ${from}`);
    const standing = this.find(to);
    if (standing === node) return;
    if (standing?.kind === 'directory' || (standing !== undefined && node.kind === 'directory')) throw new Error(`EEXIST ${to}`);
    if (`${to}/`.startsWith(`${from}/`)) throw new Error(`EINVAL ${to}`);
    parent.children.delete(name);
    this.touch(parent);
    this.touch(node);
    try {
      this.put(to, node);
    } catch (error) {
      parent.children.set(name, node);
      throw error;
    }
  }

  makeDirectory(path: string): void {
    if (this.find(path) !== undefined) throw new Error(`EEXIST ${path}`);
    this.put(path, { kind: 'directory', inode: this.#newInode(), children: new Map(), mtimeMs: this.#clock.nowMs(), modeBits: 0o755, changed: ++this.#ticks });
  }

  chmod(path: string, modeBits: number): void {
    const node = this.find(path);
    if (node === undefined) throw new Error(`ENOENT ${path}`);
    node.modeBits = modeBits;
    this.touch(node);
  }

  /** Sets the modification time only. */
  utime(path: string, mtimeMs: number): void {
    const node = this.find(path);
    if (node === undefined) throw new Error(`ENOENT ${path}`);
    node.mtimeMs = mtimeMs;
    this.touch(node);
  }

  /** Grows with every change of anything. */
  get changes(): number {
    return this.#ticks;
  }

  // -------------------------------------------------------------- what is there

  /** Every file's content by path. */
  files(): Map<string, string> {
    const found = new Map<string, string>();
    for (const [path, node] of this.#below(this.root, '')) if (node.kind === 'file') found.set(path, node.content);
    return found;
  }

  /** Every directory's path, with a trailing `/`. */
  directories(): string[] {
    return [...this.#below(this.root, '')].filter(([, node]) => node.kind === 'directory').map(([path]) => path);
  }

  find(path: string): Node | undefined {
    const [parent, name] = this.#locate(path);
    return parent?.children.get(name);
  }

  entryOf(path: SyncPath, node: Node): LocalEntry {
    const sizeBytes = node.kind === 'file' ? sizeOf(node.content) : 0;
    const entry = {
      path, kind: node.kind, sizeBytes, mtimeMs: node.mtimeMs, modeBits: node.modeBits, inode: String(node.inode),
      stamp: `${node.inode}:${sizeBytes}:${node.mtimeMs}:${node.changed}`,
    };
    return node.kind === 'directory' ? { ...entry, isEmpty: node.children.size === 0 } : entry;
  }

  /** Null where nothing is there, or a directory under a file's name, or the reverse. */
  entryAt(path: SyncPath): LocalEntry | null {
    const node = this.find(path);
    return node === undefined || (node.kind === 'directory') !== isDirectoryPath(path) ? null : this.entryOf(path, node);
  }

  newFile(content: string, mtimeMs: number, modeBits: number): FileNode {
    return { kind: 'file', inode: this.#newInode(), content, mtimeMs, modeBits, changed: ++this.#ticks };
  }

  /** Puts a node under a name, makes its directories, and gives the inode of a file that stood there away. */
  put(path: string, node: Node): void {
    const parent = this.#makeParents(path);
    const standing = parent.children.get(nameOf(path as SyncPath));
    if (standing !== undefined) this.#free(standing);
    parent.children.set(nameOf(path as SyncPath), node);
    this.touch(parent);
  }

  touch(node: Node): void {
    node.changed = ++this.#ticks;
    if (node.kind === 'directory') node.mtimeMs = this.#clock.nowMs();
  }

  #makeParents(path: string): DirectoryNode {
    let at = this.root;
    for (const name of segmentsOf(path).slice(0, -1)) {
      const next = at.children.get(name);
      if (next?.kind === 'file') throw new SyncError('target-exists', { path, detail: 'a file stands where a folder should be' });
      if (next !== undefined) {
        at = next;
        continue;
      }
      const made: DirectoryNode = { kind: 'directory', inode: this.#newInode(), children: new Map(), mtimeMs: this.#clock.nowMs(), modeBits: 0o755, changed: ++this.#ticks };
      at.children.set(name, made);
      this.touch(at);
      at = made;
    }
    return at;
  }

  #locate(path: string): [DirectoryNode | null, string] {
    const segments = segmentsOf(path);
    let at = this.root;
    for (const name of segments.slice(0, -1)) {
      const next = at.children.get(name);
      if (next?.kind !== 'directory') return [null, segments.at(-1) ?? ''];
      at = next;
    }
    return [at, segments.at(-1) ?? ''];
  }

  *#below(directory: DirectoryNode, prefix: string): Iterable<[string, Node]> {
    for (const [name, node] of directory.children) {
      const path = node.kind === 'directory' ? `${prefix}${name}/` : `${prefix}${name}`;
      yield [path, node];
      if (node.kind === 'directory') yield* this.#below(node, path);
    }
  }

  /** The one freed last is given away first, as some file systems do: an inode proves nothing by itself. */
  #newInode(): number {
    return this.#freeInodes.pop() ?? this.#nextInode++;
  }

  #free(node: Node): void {
    if (node.kind === 'directory') for (const child of node.children.values()) this.#free(child);
    this.#freeInodes.push(node.inode);
  }
}

function segmentsOf(path: string): string[] {
  return (path.endsWith('/') ? path.slice(0, -1) : path).split('/');
}

/** The engine's view of a {@link MemoryDisk}, for as long as the power is on. */
export class MemoryTree implements LocalTree {
  readonly root: LocalPath;
  readonly #disk: MemoryDisk;
  readonly #power: Power;
  readonly #newName: () => string;

  /** @param newName - a name for a staged file that none has had. */
  constructor(disk: MemoryDisk, power: Power, root: string, newName: () => string) {
    this.root = root as LocalPath;
    this.#disk = disk;
    this.#power = power;
    this.#newName = newName;
  }

  checkRoot(): Promise<void> {
    return this.#power.call('local.checkRoot', null, () => this.#checkRoot());
  }

  async *walk(signal: AbortSignal): AsyncIterable<WalkedDirectory> {
    const waiting: (SyncPath | '')[] = [''];
    for (let directory = waiting.shift(); directory !== undefined; directory = waiting.shift()) {
      signal.throwIfAborted();
      const at = directory;
      const walked = await this.#power.call('local.walk', at, () => this.#list(at));
      // Gone since its parent was listed: the walker says nothing about it.
      if (walked === null) continue;
      const skippedHere = new Set(walked.skipped.map((skip) => skip.path));
      waiting.push(...walked.entries.filter((entry) => entry.kind === 'directory' && !skippedHere.has(entry.path)).map((entry) => entry.path));
      yield walked;
    }
  }

  entryAt(path: SyncPath): Promise<LocalEntry | null> {
    return this.#power.call('local.entryAt', path, () => this.#disk.entryAt(path));
  }

  hash(entry: LocalEntry, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    return this.#power.call('local.hash', entry.path, () => sha256Of(this.#readSame(entry)));
  }

  newStagingPath(): LocalPath {
    this.#power.check();
    return `${this.root}/.enfold/tmp/${this.#newName()}` as LocalPath;
  }

  stagedEntry(staged: LocalPath, path: SyncPath): Promise<LocalEntry> {
    return this.#power.call('local.stagedEntry', path, () => {
      const content = this.#disk.staging.get(staged) ?? '';
      return { path, kind: isDirectoryPath(path) ? 'directory' : 'file', sizeBytes: sizeOf(content), mtimeMs: 0, modeBits: 0o600, inode: '0', stamp: `staged:${staged}`, ...(isDirectoryPath(path) ? { isEmpty: true } : {}) };
    });
  }
  /** What was staged there; null where nothing was. */
  stagedContent(staged: LocalPath): string | null {
    return this.#disk.staging.get(staged) ?? null;
  }

  removeStaged(staged: LocalPath): Promise<void> {
    return this.#power.call('local.removeStaged', null, () => void this.#disk.staging.delete(staged));
  }

  async replace(items: readonly Replacement[]): Promise<readonly ReplaceOutcome[]> {
    const outcomes: ReplaceOutcome[] = [];
    for (const item of items) {
      try {
        const entry = await this.#power.call('local.replace', item.path, () => this.#replaceOne(item));
        outcomes.push({ path: item.path, ok: true, entry });
      } catch (error) {
        if (!(error instanceof SyncError)) throw error;
        outcomes.push({ path: item.path, ok: false, error: toWire(error) });
      }
    }
    return outcomes;
  }

  makeDirectory(path: SyncPath): Promise<LocalEntry> {
    return this.#power.call('local.makeDirectory', path, () => {
      const standing = this.#disk.find(path);
      if (standing?.kind === 'file') throw new SyncError('target-exists', { path });
      if (standing === undefined) this.#disk.makeDirectory(path);
      const entry = this.#disk.entryAt(path);
      if (entry === null) throw new SyncError('target-changed', { path });
      return entry;
    });
  }

  moveToTrash(entry: LocalEntry): Promise<void> {
    return this.#power.call('local.moveToTrash', entry.path, () => {
      const node = this.#disk.find(entry.path);
      const now = this.#disk.entryAt(entry.path);
      if (now === null) throw new SyncError('target-changed', { path: entry.path });
      if (node?.kind === 'directory') {
        if (now.inode !== entry.inode || now.isEmpty !== true) throw new SyncError('target-changed', { path: entry.path });
      } else {
        if (now.stamp !== entry.stamp) throw new SyncError('target-changed', { path: entry.path });
        if (node !== undefined) this.#disk.trash.push({ path: entry.path, content: node.content });
      }
      this.#disk.remove(entry.path);
    });
  }

  pruneEmptyParents(path: SyncPath, keep: (directory: SyncPath) => boolean): Promise<void> {
    return this.#power.call('local.pruneEmptyParents', path, () => {
      for (let directory = parentOf(path); directory !== ''; directory = parentOf(directory)) {
        if (keep(directory)) return;
        const entry = this.#disk.entryAt(directory);
        if (entry === null) continue;
        if (entry.isEmpty !== true) return;
        this.#disk.remove(directory);
      }
    });
  }

  setModeBits(entry: LocalEntry, modeBits: number): Promise<LocalEntry> {
    return this.#power.call('local.setModeBits', entry.path, () => {
      if (this.#disk.entryAt(entry.path)?.stamp !== entry.stamp) throw new SyncError('target-changed', { path: entry.path });
      this.#disk.chmod(entry.path, modeBits);
      const changed = this.#disk.entryAt(entry.path);
      if (changed === null) throw new SyncError('target-changed', { path: entry.path });
      return changed;
    });
  }

  rename(entry: LocalEntry, to: SyncPath): Promise<LocalEntry> {
    return this.#power.call('local.rename', entry.path, () => {
      if (this.#disk.entryAt(entry.path)?.stamp !== entry.stamp) throw new SyncError('target-changed', { path: entry.path });
      if (this.#disk.find(to) !== undefined) throw new SyncError('target-exists', { path: to });
      this.#disk.rename(entry.path, to);
      const moved = this.#disk.entryAt(to);
      if (moved === null) throw new SyncError('target-changed', { path: to });
      return moved;
    });
  }

  localPathOf(path: SyncPath): LocalPath {
    return `${this.root}/${path}` as LocalPath;
  }

  mayCreate(path: SyncPath): SkipReason | null {
    if (isOwnPath(path)) return 'own-file';
    return this.#disk.isIgnored(path) ? 'ignored' : null;
  }

  freeBytes(): Promise<number> {
    return this.#power.call('local.freeBytes', null, () => this.#disk.freeBytes);
  }

  // -------------------------------------------------------------- for the transfers

  /** The content of the file that `entry` describes. @throws SyncError file-vanished, changed-while-reading */
  readForUpload(entry: LocalEntry): string {
    return this.#readSame(entry);
  }

  stage(staged: LocalPath, content: string): void {
    if (this.#disk.staging.has(staged)) throw new SyncError('target-exists', { detail: 'a staged file of that name' });
    this.#disk.staging.set(staged, content);
  }

  // -------------------------------------------------------------- effects

  #checkRoot(): void {
    if (this.#disk.rootState !== 'there') throw new SyncError(this.#disk.rootState);
  }

  #readSame(entry: LocalEntry): string {
    const node = this.#disk.find(entry.path);
    if (node === undefined) throw new SyncError('file-vanished', { path: entry.path });
    if (node.kind !== 'file' || this.#disk.entryOf(entry.path, node).stamp !== entry.stamp) throw new SyncError('changed-while-reading', { path: entry.path });
    return node.content;
  }

  #list(directory: SyncPath | ''): WalkedDirectory | null {
    this.#checkRoot();
    const node = directory === '' ? this.#disk.root : this.#disk.find(directory);
    if (node?.kind !== 'directory') return null;
    const entries: LocalEntry[] = [];
    const skipped: Skipped[] = [];
    for (const [name, child] of node.children) {
      const path = `${directory}${name}${child.kind === 'directory' ? '/' : ''}` as SyncPath;
      if (this.#disk.isIgnored(path)) skipped.push({ path, side: 'local', reason: 'ignored', detail: null });
      else if (this.#disk.unreadable.has(path)) skipped.push({ path, side: 'local', reason: child.kind === 'directory' ? 'directory-unreadable' : 'unreadable', detail: null });
      else entries.push(this.#disk.entryOf(path, child));
    }
    return { directory, entries, skipped };
  }

  #replaceOne(item: Replacement): LocalEntry {
    const content = this.#disk.staging.get(item.staged);
    if (content === undefined) throw new SyncError('file-vanished', { path: item.path, detail: 'the staged file' });
    const standing = this.#disk.find(item.path);
    const stamp = standing === undefined ? null : this.#disk.entryOf(item.path, standing).stamp;
    if (stamp !== (item.replaces?.stamp ?? null)) throw new SyncError('target-changed', { path: item.path });
    const node = this.#disk.newFile(content, item.mtimeMs, item.modeBits);
    this.#disk.put(item.path, node);
    if (standing?.kind === 'file') this.#disk.trash.push({ path: item.path, content: standing.content });
    this.#disk.staging.delete(item.staged);
    return this.#disk.entryOf(item.path, node);
  }
}
