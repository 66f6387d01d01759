/**
 * Three snapshots as plain values, the rows at which they differ, and what a plan's actions do to them when nothing goes wrong:
 * the planner's whole world, without an engine.
 */
import type { Action } from '../../main/model/action.ts';
import { isDirectoryPath, parentOf, syncPath } from '../../main/model/path.ts';
import type { SyncPath } from '../../main/model/path.ts';
import type { BaseEntry, LocalEntry, PathStates, RemoteVersion, Tombstone } from '../../main/model/snapshot.ts';
import { advanceVector, joinVectors } from '../../main/model/version-vector.ts';
import type { DeviceId } from '../../main/model/version-vector.ts';
import { conflictCopyPath } from '../../main/plan/conflict-copy.ts';
import { chooseTombstone } from '../../main/plan/changes.ts';
import { sha256Of, sizeOf } from '../helpers/memory-disk.ts';
import { baseOf, entryOf, ME, operation, OTHER, unchangedThere } from './rows.ts';

type LocalFile = { readonly content: string; readonly entry: LocalEntry };
type RemoteFile = { readonly content: string; readonly version: RemoteVersion };

export class Triple {
  readonly base = new Map<SyncPath, BaseEntry>();
  readonly local = new Map<SyncPath, LocalFile>();
  readonly remote = new Map<SyncPath, RemoteFile>();
  readonly tombstones = new Map<SyncPath, Tombstone[]>();
  readonly trash: string[] = [];
  #counter = 100;

  /** A path in step on all three sides. */
  addInStep(path: string, content: string): void {
    const base = baseOf(path, content, { operationId: operation(this.#counter++), vector: { [ME]: 1, [OTHER]: 1 } });
    this.base.set(base.path, base);
    this.local.set(base.path, { content, entry: entryOf(base) });
    const remote = unchangedThere(base);
    if (remote.type === 'present') this.remote.set(base.path, { content, version: remote.version });
  }

  // -------------------------------------------------------------- users

  writeHere(path: string, content: string, keepsInode: boolean): void {
    const at = syncPath(path);
    const standing = this.local.get(at);
    const number = this.#counter++;
    const inode = keepsInode && standing !== undefined ? standing.entry.inode : `inode ${number}`;
    this.#putHere(at, content, { inode, modeBits: standing?.entry.modeBits ?? 0o644 });
  }

  renameHere(from: string, to: string): void {
    const file = this.local.get(syncPath(from));
    if (file === undefined || from === to) return;
    this.local.delete(syncPath(from));
    this.#putHere(syncPath(to), file.content, file.entry);
  }

  chmodHere(path: string, modeBits: number): void {
    const file = this.local.get(syncPath(path));
    if (file !== undefined) this.#putHere(syncPath(path), file.content, { ...file.entry, modeBits });
  }

  removeHere(path: string): void {
    this.local.delete(syncPath(path));
  }

  /** By another device that had seen what stands there, or had not. */
  writeThere(path: string, content: string, hasSeen: boolean): void {
    const at = syncPath(path);
    const standing = this.remote.get(at);
    const number = this.#counter++;
    const seen = hasSeen ? (standing?.version.attributes?.vector ?? {}) : {};
    this.#putThere(at, content, number, { ...seen, [OTHER]: number }, standing?.version.attributes?.modeBits ?? 0o644);
  }

  removeThere(path: string, isBuried: boolean): void {
    const at = syncPath(path);
    const standing = this.remote.get(at);
    this.remote.delete(at);
    const { attributes } = standing?.version ?? {};
    if (isBuried && attributes !== null && attributes !== undefined) {
      this.#bury({ path: at, operationId: attributes.operationId, vector: attributes.vector, deletedAtMs: 0, device: OTHER });
    }
  }

  // -------------------------------------------------------------- what the planner sees

  rows(): PathStates[] {
    const paths = new Set([...this.base.keys(), ...this.local.keys(), ...this.remote.keys()]);
    const rows: PathStates[] = [];
    for (const path of [...paths].toSorted()) {
      const base = this.base.get(path) ?? null;
      const local = this.local.get(path);
      const remote = this.remote.get(path);
      const isSame = base !== null && local?.entry.stamp === base.stamp && remote?.version.etag === base.etag;
      if (isSame) continue;
      rows.push({
        path, base,
        local: local === undefined ? { type: 'absent' } : { type: 'present', entry: local.entry, sha256: isDirectoryPath(path) ? null : sha256Of(local.content) },
        remote: remote === undefined ? { type: 'absent', tombstone: base === null ? null : chooseTombstone(this.tombstones.get(path) ?? [], base) } : { type: 'present', version: remote.version },
      });
    }
    return rows;
  }

  contents(): { readonly here: ReadonlySet<string>; readonly there: ReadonlySet<string> } {
    const filesOf = (side: ReadonlyMap<SyncPath, { readonly content: string }>): Set<string> =>
      new Set([...side].filter(([path]) => !isDirectoryPath(path)).map(([, { content }]) => content));
    return { here: filesOf(this.local), there: filesOf(this.remote) };
  }

  /** Everything but counters, as text. */
  fingerprint(): string {
    const side = (map: ReadonlyMap<SyncPath, { readonly content: string }>): string[] => [...map].map(([path, { content }]) => `${path}=${content}`).toSorted();
    return JSON.stringify([[...this.base.keys()].toSorted(), side(this.local), side(this.remote), this.trash.toSorted()]);
  }

  copy(): Triple {
    const copy = new Triple();
    for (const name of ['base', 'local', 'remote', 'tombstones'] as const) {
      for (const [path, value] of this[name]) (copy[name] as Map<SyncPath, unknown>).set(path, Array.isArray(value) ? [...value] : value);
    }
    copy.trash.push(...this.trash);
    copy.#counter = this.#counter;
    return copy;
  }

  // -------------------------------------------------------------- what an executor does

  /** @throws where a precondition does not hold: another action of the same stage came in between. */
  apply(action: Action): void {
    const { path } = action;
    switch (action.type) {
      case 'upload': {
        const local = this.#expectHere(path, action.local);
        this.#expectThere(path, action.replaces?.etag ?? null);
        const number = this.#counter++;
        const version = this.#putThere(path, local.content, number, advanceVector(joinVectors(action.ancestor, action.replaces?.attributes?.vector ?? {}), ME as DeviceId, number), local.entry.modeBits);
        this.#agree(path, local.entry, version);
        return;
      }
      case 'download': {
        const remote = this.#expectThere(path, action.remote.etag);
        this.#expectHereNow(path, action.replaces);
        this.#receive(path, remote);
        return;
      }
      case 'keep-both': {
        const local = this.#expectHere(path, action.local);
        const remote = this.#expectThere(path, action.remote.etag);
        const aside = conflictCopyPath(path, { hostName: 'me', deviceId: ME, atMs: 0, sha256: action.localSha256, attempt: this.#counter++ });
        this.local.delete(path);
        this.#putHere(aside, local.content, local.entry);
        this.#receive(path, remote);
        return;
      }
      case 'adopt': this.#agree(path, this.#expectHere(path, action.local).entry, this.#expectThere(path, action.remote.etag).version); return;
      case 'refresh-base': this.base.set(path, { ...action.base, stamp: action.local.stamp, inode: action.local.inode, modeBits: action.local.modeBits }); return;
      case 'update-attributes': {
        const { content, version } = this.#expectThere(path, action.base.etag);
        const local = this.#expectHere(path, action.local);
        this.#agree(path, local.entry, this.#putThere(path, content, this.#counter++, version.attributes?.vector ?? {}, action.local.modeBits));
        return;
      }
      case 'rename-remote': {
        const source = this.#expectThere(action.from.path, action.from.etag);
        this.#expectThere(path, null);
        this.#expectHereNow(action.from.path, null);
        const local = this.#expectHere(path, action.local);
        const number = this.#counter++;
        this.#agree(path, local.entry, this.#putThere(path, source.content, number, { [ME]: number }, local.entry.modeBits));
        this.#dropThere(action.from);
        return;
      }
      case 'delete-remote':
        this.#expectHereNow(path, null);
        this.#expectThere(path, action.base.etag);
        this.#dropThere(action.base);
        return;
      case 'delete-local': {
        if (isDirectoryPath(path) && [...this.local.keys()].some((other) => other !== path && other.startsWith(path))) {
          this.base.delete(path);
          return;
        }
        const { content } = this.#expectHere(path, action.local);
        if (!isDirectoryPath(path)) this.trash.push(content);
        this.local.delete(path);
        this.base.delete(path);
        return;
      }
      case 'forget': this.base.delete(path);
    }
  }

  #dropThere(base: BaseEntry): void {
    this.remote.delete(base.path);
    this.base.delete(base.path);
    this.#bury({ path: base.path, operationId: base.operationId, vector: base.vector, deletedAtMs: 0, device: ME });
  }

  #bury(tombstone: Tombstone): void {
    this.tombstones.set(tombstone.path, [...(this.tombstones.get(tombstone.path) ?? []), tombstone]);
  }

  #receive(path: SyncPath, remote: RemoteFile): void {
    const standing = this.local.get(path);
    if (standing !== undefined && !isDirectoryPath(path)) this.trash.push(standing.content);
    this.#putHere(path, remote.content, { inode: `inode ${this.#counter++}`, modeBits: remote.version.attributes?.modeBits ?? 0o644 });
    this.#agree(path, this.#expectHereAny(path).entry, remote.version);
  }

  #putHere(path: SyncPath, content: string, { inode, modeBits }: Pick<LocalEntry, 'inode' | 'modeBits'>): void {
    const isDirectory = isDirectoryPath(path);
    if (this.local.has(parentOf(path).slice(0, -1) as SyncPath)) throw new Error(`a file stands above ${path}`);
    const entry: LocalEntry = {
      path, kind: isDirectory ? 'directory' : 'file', sizeBytes: isDirectory ? 0 : sizeOf(content), mtimeMs: 1, modeBits, inode, stamp: `stamp ${this.#counter++}`, ...(isDirectory ? { isEmpty: true } : {}),
    };
    this.local.set(path, { content, entry });
  }

  #putThere(path: SyncPath, content: string, number: number, vector: Readonly<Record<string, number>>, modeBits: number): RemoteVersion {
    const base = baseOf(path, content, { operationId: operation(number), etag: `etag ${number}`, vector, modeBits });
    const state = unchangedThere(base);
    if (state.type !== 'present') throw new Error('unreachable');
    this.remote.set(path, { content, version: state.version });
    return state.version;
  }

  #agree(path: SyncPath, entry: LocalEntry, version: RemoteVersion): void {
    const content = this.local.get(path)?.content ?? '';
    const { operationId, vector } = version.attributes ?? { operationId: operation(0), vector: {} };
    this.base.set(path, baseOf(path, content, { operationId, vector, etag: version.etag, modeBits: entry.modeBits, inode: entry.inode, stamp: entry.stamp }));
  }

  #expectHereAny(path: SyncPath): LocalFile {
    const file = this.local.get(path);
    if (file === undefined) throw new Error(`nothing at ${path} here`);
    return file;
  }
  #expectHere(path: SyncPath, entry: LocalEntry): LocalFile {
    const file = this.#expectHereAny(path);
    if (file.entry.stamp !== entry.stamp) throw new Error(`${path} changed here`);
    return file;
  }
  #expectHereNow(path: SyncPath, entry: LocalEntry | null): void {
    const file = this.local.get(path);
    if ((file?.entry.stamp ?? null) !== (entry?.stamp ?? null)) throw new Error(`${path} changed here`);
  }
  #expectThere(path: SyncPath, etag: string): RemoteFile;
  #expectThere(path: SyncPath, etag: string | null): RemoteFile | undefined;
  #expectThere(path: SyncPath, etag: string | null): RemoteFile | undefined {
    const file = this.remote.get(path);
    if ((file?.version.etag ?? null) !== etag) throw new Error(`${path} changed there`);
    return file;
  }
}
