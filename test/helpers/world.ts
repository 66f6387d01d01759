/**
 * A whole world in memory: one bucket, any number of devices with a disk, records and an engine each, a clock that jumps,
 * and faults and crashes at any call of a port. One seed, one history.
 */
import { DEFAULT_GUARD } from '../../main/model/action.ts';
import type { Direction, PlanPolicy } from '../../main/model/action.ts';
import type { ObjectKey } from '../../main/model/path.ts';
import type { FileAttributes } from '../../main/model/snapshot.ts';
import type { DeviceId } from '../../main/model/version-vector.ts';
import { createFolderEngine } from '../../main/sync/folder-engine.ts';
import type { FolderEngine } from '../../main/sync/folder-engine.ts';
import type { FolderParts } from '../../main/sync/parts.ts';
import { FakeClock } from './fake-clock.ts';
import { Dice, Power, PowerCut } from './faults.ts';
import type { FaultPlan } from './faults.ts';
import { MemoryBucket, MemoryFolder, MemoryTransfers } from './memory-bucket.ts';
import type { BucketOptions, Level } from './memory-bucket.ts';
import { MemoryDisk, MemoryTree } from './memory-disk.ts';
import { MemoryState, newRecords } from './memory-state.ts';
import type { Records } from './memory-state.ts';
import { withBug } from './seeded-bugs.ts';
import type { SeededBug } from './seeded-bugs.ts';

export { Dice, FakeClock, MemoryBucket, MemoryDisk, PowerCut };
export type { BucketOptions, FaultPlan, Level, Records, SeededBug };

export type WorldOptions = {
  readonly seed?: number;
  readonly level?: Level;
  readonly etags?: BucketOptions['etags'];
  readonly isClientSide?: boolean;
  readonly hidesHashes?: boolean;
  readonly pageSize?: number;
  readonly prefix?: string;
  /** Time jumps by itself when everybody waits. Default true. */
  readonly isAutomatic?: boolean;
  readonly faults?: FaultPlan;
  readonly bug?: SeededBug;
  /** What stands between a device's engine and its ports; also says under which epoch it writes. */
  readonly between?: (parts: FolderParts, power: Power, records: Records) => { readonly parts: FolderParts; readonly epoch: number };
};

export type DeviceOptions = {
  readonly direction?: Direction;
  readonly guard?: PlanPolicy['guard'];
  readonly concurrency?: number;
  readonly portionRows?: number;
};

export class World {
  readonly clock: FakeClock;
  readonly dice: Dice;
  readonly bucket: MemoryBucket;
  readonly devices: Device[] = [];
  /** May be changed at any time. */
  readonly faults: FaultPlan;
  readonly prefix: string;
  readonly bug: SeededBug | null;
  readonly between: NonNullable<WorldOptions['between']>;

  constructor(options: WorldOptions = {}) {
    this.between = options.between ?? ((parts) => ({ parts, epoch: 0 }));
    const isClientSide = options.isClientSide ?? false;
    this.clock = new FakeClock(Date.UTC(2026, 0, 1), options.isAutomatic ?? true);
    this.dice = new Dice(options.seed ?? 1);
    this.faults = options.faults ?? {};
    this.prefix = options.prefix ?? 'files/';
    this.bug = options.bug ?? null;
    this.bucket = new MemoryBucket(this.clock, {
      level: options.level ?? 'full', etags: options.etags ?? (isClientSide ? 'unique' : 'md5'), isClientSide, pageSize: options.pageSize ?? 5, hidesHashes: options.hidesHashes ?? false,
    });
  }

  addDevice(name: string, options: DeviceOptions = {}): Device {
    const device = new Device(this, name, options);
    this.devices.push(device);
    return device;
  }

  /** What the bucket holds for users: content by path. */
  remoteFiles(): Map<string, string> {
    const found = new Map<string, string>();
    for (const { objectKey, content } of this.bucket.objects.values()) {
      if (!objectKey.endsWith('/')) found.set(objectKey.slice(this.prefix.length), content);
    }
    return found;
  }

  remoteDirectories(): string[] {
    return [...this.bucket.objects.keys()].filter((key) => key.endsWith('/')).map((key) => key.slice(this.prefix.length));
  }

  /** As another program does it: without attributes. */
  putForeign(path: string, content: string): void {
    this.bucket.put(`${this.prefix}${path}` as ObjectKey, content, null, null);
  }
  deleteForeign(path: string): void {
    this.bucket.delete(`${this.prefix}${path}` as ObjectKey, null);
  }
  attributesOf(path: string): FileAttributes | null {
    return this.bucket.objects.get(`${this.prefix}${path}` as ObjectKey)?.attributes ?? null;
  }
}

/** One computer. Its disk and its records survive a crash; its engine does not. */
export class Device {
  readonly name: string;
  readonly disk: MemoryDisk;
  readonly records: Records;
  readonly #world: World;
  readonly #options: DeviceOptions;
  #running: { readonly power: Power; readonly parts: FolderParts; readonly engine: FolderEngine } | null = null;
  #staged = 0;

  constructor(world: World, name: string, options: DeviceOptions) {
    this.#world = world;
    this.#options = options;
    this.name = name;
    this.disk = new MemoryDisk(world.clock);
    this.records = newRecords(Buffer.from(world.dice.bytes(6)).toString('hex') as DeviceId);
  }

  get isRunning(): boolean {
    return this.#running?.power.isOn === true;
  }

  get parts(): FolderParts {
    return this.#start().parts;
  }

  /** Starts it where it is not running. */
  get engine(): FolderEngine {
    return this.#start().engine;
  }

  /** The process ends at once; whatever it was doing stops at its next call. */
  crash(): void {
    if (this.#running !== null) this.#running.power.isOn = false;
    this.#running = null;
  }

  /** One cycle. Null where the power was cut in the middle. */
  async cycle(options: Parameters<FolderEngine['runCycle']>[0] = {}): Promise<Awaited<ReturnType<FolderEngine['runCycle']>> | null> {
    return this.#whilePowered((engine) => engine.runCycle(options));
  }

  /** Cycles until nothing is left to do. Null where the power was cut in the middle. */
  async sync(options: Parameters<FolderEngine['runUntilDone']>[0] = {}): Promise<Awaited<ReturnType<FolderEngine['runUntilDone']>> | null> {
    return this.#whilePowered((engine) => engine.runUntilDone(options));
  }

  /** Other work on the folder, between its cycles. Null where the power was cut in the middle. */
  async work<T>(run: (parts: FolderParts, signal: AbortSignal) => Promise<T>): Promise<T | null> {
    return this.#whilePowered((engine) => engine.exclusively((signal) => run(this.parts, signal)));
  }

  async #whilePowered<T>(run: (engine: FolderEngine) => Promise<T>): Promise<T | null> {
    const { power, engine } = this.#start();
    try {
      const result = await run(engine);
      if (power.isOn) return result;
    } catch (error) {
      if (power.isOn) throw error;
    }
    if (this.#running?.power === power) this.#running = null;
    return null;
  }

  #start(): { readonly power: Power; readonly parts: FolderParts; readonly engine: FolderEngine } {
    if (this.#running?.power.isOn === true) return this.#running;
    const world = this.#world;
    const power = new Power(this.name, world.faults, world.dice);
    const tree = new MemoryTree(this.disk, power, `/disks/${this.name}`, () => String(++this.#staged));
    const sound: FolderParts = {
      tree,
      remote: new MemoryFolder(world.bucket, power, world.prefix),
      transfers: new MemoryTransfers(world.bucket, tree, power, this.#options.concurrency ?? 4),
      state: new MemoryState(this.records, power),
      clock: world.clock,
      random: world.dice,
    };
    const { parts, epoch } = world.between(world.bug === null ? sound : withBug(sound, world.bug, { bucket: world.bucket, disk: this.disk, tree }), power, this.records);
    const guard = this.#options.guard ?? DEFAULT_GUARD;
    const engine = createFolderEngine({
      ...parts, folderId: 'folder', hostName: this.name, epoch, keyId: null,
      ...(this.#options.portionRows === undefined ? {} : { portionRows: this.#options.portionRows }),
      policy: { direction: this.#options.direction ?? 'two-way', isClientSide: world.bucket.options.isClientSide, guard },
    });
    this.#running = { power, parts, engine };
    return this.#running;
  }
}

/** A guard that holds nothing, for histories in which users really delete all they have. */
export const NO_GUARD: PlanPolicy['guard'] = { maxFiles: Number.POSITIVE_INFINITY, maxShare: 1, maxTree: Number.POSITIVE_INFINITY };
