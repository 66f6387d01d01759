/** A device with a real folder and real records on disk, over a bucket in memory. */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Direction } from '../../main/model/action.ts';
import type { NamePlatform } from '../../main/local/names.ts';
import { createRootMarker, openLocalTree } from '../../main/local/tree.ts';
import { openFolderState } from '../../main/state/folder-state.ts';
import { createFolderEngine } from '../../main/sync/folder-engine.ts';
import type { FolderEngine, FolderEngineOptions } from '../../main/sync/folder-engine.ts';
import type { Clock, FolderState, LocalTree } from '../../main/sync/ports.ts';
import type { MemoryBucket } from './bucket-over-disks.ts';

/**
 * Ends a device in the middle: at the `at`th call that changes or asks something outside, before or after its effect. From then
 * on every call fails, as nothing runs any more.
 */
export class CrashPoint {
  steps = 0;
  hasCrashed = false;
  readonly #at: number;
  readonly #isAfter: boolean;

  constructor(at: number, isAfter: boolean) {
    this.#at = at;
    this.#isAfter = isAfter;
  }

  wrap<T extends object>(port: T, counted: readonly (keyof T)[]): T {
    return new Proxy(port, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...given: unknown[]): unknown => {
          this.#checkAlive();
          const isHere = counted.includes(name as keyof T) && ++this.steps === this.#at;
          if (isHere && !this.#isAfter) this.#crash();
          const result: unknown = (value as (...all: unknown[]) => unknown).apply(target, given);
          if (!(result instanceof Promise)) {
            if (isHere) this.#crash();
            return result;
          }
          return result.finally(() => {
            if (isHere) this.hasCrashed = true;
            this.#checkAlive();
          });
        };
      },
    });
  }

  #crash(): never {
    this.hasCrashed = true;
    throw new Error('crashed');
  }

  #checkAlive(): void {
    if (this.hasCrashed) throw new Error('crashed');
  }
}

const FOLDER_ID = 'f'.repeat(32);

/** Real time, whose sleeps keep no process alive. */
export const realClock: Clock = {
  nowMs: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      timer.unref();
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      }, { once: true });
    }),
};

export class Device {
  readonly root: string;
  readonly home: string;
  readonly name: string;
  readonly bucket: MemoryBucket;
  readonly #options: Partial<FolderEngineOptions> & { readonly direction?: Direction; readonly isClientSide?: boolean; readonly platform?: NamePlatform };
  engine!: FolderEngine;
  state!: FolderState;

  constructor(name: string, bucket: MemoryBucket, options: Partial<FolderEngineOptions> & { readonly direction?: Direction; readonly isClientSide?: boolean; /** Whose rules for names the disk is said to have. */ readonly platform?: NamePlatform } = {}) {
    const top = mkdtempSync(join(tmpdir(), 'enfold-sync-'));
    this.root = join(top, 'folder');
    this.home = join(top, 'home');
    mkdirSync(this.root);
    mkdirSync(this.home);
    this.name = name;
    this.bucket = bucket;
    this.#options = options;
  }

  async open(crash: CrashPoint | null = null): Promise<this> {
    if (!existsSync(join(this.root, '.enfold', 'root.json'))) await createRootMarker(this.root, FOLDER_ID);
    const { direction, isClientSide, platform, ...rest } = this.#options;
    const tree = openLocalTree({ root: this.root, folderId: FOLDER_ID, ...(platform === undefined ? {} : { platform }) });
    this.state = openFolderState(this.home, FOLDER_ID);
    const ports = { tree: tree as LocalTree, remote: this.bucket.folder(), transfers: this.bucket.transfers(tree), state: this.state };
    if (crash !== null) {
      ports.tree = crash.wrap(ports.tree, ['replace', 'makeDirectory', 'moveToTrash', 'rename', 'pruneEmptyParents', 'hash']);
      ports.remote = crash.wrap(ports.remote, ['head', 'copy', 'delete', 'putTombstone', 'tombstonesOf']);
      ports.transfers = crash.wrap(ports.transfers, ['upload', 'download']);
      ports.state = crash.wrap(ports.state, ['commit', 'beginIntents', 'takeCounters', 'putFact']);
    }
    this.engine = createFolderEngine({
      folderId: FOLDER_ID, hostName: this.name, policy: { direction: direction ?? 'two-way', isClientSide: isClientSide ?? false }, epoch: 1, keyId: null,
      ...ports, clock: realClock,
      random: { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) }, ...rest,
    });
    return this;
  }

  /** Ends the engine and opens another over the same disk, records and bucket. */
  async restart(crash: CrashPoint | null = null): Promise<void> {
    await this.close();
    await this.open(crash);
  }

  async close(): Promise<void> {
    await this.engine.close();
    this.state.close();
  }

  async remove(): Promise<void> {
    await this.close();
    rmSync(dirname(this.root), { recursive: true, force: true });
  }

  write(path: string, content: string, mtimeMs?: number): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    if (mtimeMs !== undefined) utimesSync(file, mtimeMs / 1000, mtimeMs / 1000);
  }

  makeDirectory(path: string): void {
    mkdirSync(join(this.root, path), { recursive: true });
  }

  delete(path: string): void {
    rmSync(join(this.root, path), { recursive: true });
  }

  rename(from: string, to: string): void {
    mkdirSync(dirname(join(this.root, to)), { recursive: true });
    renameSync(join(this.root, from), join(this.root, to));
  }

  chmod(path: string, mode: number): void {
    chmodSync(join(this.root, path), mode);
  }

  mode(path: string): number {
    return statSync(join(this.root, path)).mode & 0o777;
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  /** All files and empty directories with their content, without Enfold's own. */
  files(): Record<string, string> {
    const found: Record<string, string> = {};
    const walk = (directory: string): void => {
      const names = readdirSync(join(this.root, directory), { withFileTypes: true }).filter((entry) => directory !== '' || entry.name !== '.enfold');
      if (names.length === 0 && directory !== '') found[directory] = '';
      for (const entry of names.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
        const path = directory + entry.name;
        if (entry.isDirectory()) walk(`${path}/`);
        else found[path] = this.read(path);
      }
    };
    walk('');
    return found;
  }

  /** What the bucket holds for the folder. */
  remoteFiles(): Record<string, string> {
    return Object.fromEntries([...this.bucket.objects].map(([key, { body }]) => [key, body.toString()]).toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1)));
  }

  sync(options: Parameters<FolderEngine['runUntilDone']>[0] = {}): ReturnType<FolderEngine['runUntilDone']> {
    return this.engine.runUntilDone(options);
  }

  conflictCopies(): string[] {
    return Object.keys(this.files()).filter((path) => path.includes('(conflict '));
  }
}

export function sha256Of(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}
