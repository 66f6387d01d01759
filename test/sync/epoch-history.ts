/**
 * One random history of a folder whose mode and key change while devices write: users edit, rename and delete, changes begin anywhere, jobs are
 * ended by crashes and lost answers and go on, devices are away during whole changes. One seed gives one history.
 */
import type { DeviceId } from '../../main/model/version-vector.ts';
import { EpochWorld } from '../helpers/epochs.ts';
import type { EpochBug } from '../helpers/epochs.ts';
import type { CallPoint, Fault } from '../helpers/faults.ts';
import { Dice, NO_GUARD } from '../helpers/world.ts';
import type { Device, Level } from '../helpers/world.ts';

export type EpochHistoryOptions = {
  readonly seed: number;
  readonly level: Level;
  readonly devices: number;
  readonly steps: number;
  /** Devices whose users change something. Default all. */
  readonly writers?: number;
  readonly faultChance: number;
  readonly crashChance: number;
  readonly bug?: EpochBug;
};
export type EpochHistoryReport = { readonly broken: readonly string[]; readonly trace: readonly string[]; readonly changes: number; readonly conflictCopies: number; readonly faults: number; readonly crashes: number };

const PATHS = ['a', 'b', 'c.txt', 'd/e', 'd/f.txt', 'g/h/i'];
const MOST_ROUNDS = 10;

export async function runEpochHistory(options: EpochHistoryOptions): Promise<EpochHistoryReport> {
  return new EpochHistory(options).run();
}

class EpochHistory {
  readonly #options: EpochHistoryOptions;
  readonly #dice: Dice;
  readonly #world: EpochWorld;
  readonly #trace: string[] = [];
  readonly #broken: string[] = [];
  /** Contents that some user wrote and none removed since. */
  readonly #live = new Set<string>();
  #written = 0;
  #changes = 0;
  #conflictCopies = 0;
  #faults = 0;
  #crashes = 0;
  #isCalm = false;
  #isMeanwhile = false;

  constructor(options: EpochHistoryOptions) {
    this.#options = options;
    this.#dice = new Dice(options.seed ^ 0xe90c);
    this.#world = new EpochWorld({ seed: options.seed, level: options.level, pageSize: 3, first: this.#dice.pick(['plain', 'sealed']), ...(options.bug === undefined ? {} : { epochBug: options.bug }) });
    for (let i = 0; i < options.devices; i++) this.#world.addDevice(`device-${'abc'[i] ?? i}`, { guard: NO_GUARD, concurrency: 1 + (options.seed % 3) });
    this.#world.faults.next = (point) => this.#nextFault(point);
    this.#world.beforePut = async (_, device) => this.#whileOnItsWay(device);
    this.#world.faults.onCall = () => {
      if (!this.#isCalm && this.#dice.chance(0.01)) this.#act(this.#writer());
    };
  }

  async run(): Promise<EpochHistoryReport> {
    for (let step = 0; step < this.#options.steps; step++) await this.#step();
    this.#isCalm = true;
    await this.#comeToRest();
    this.#check();
    return { broken: this.#broken, trace: this.#trace, changes: this.#changes, conflictCopies: this.#conflictCopies, faults: this.#faults, crashes: this.#crashes };
  }

  async #step(): Promise<void> {
    this.#world.clock.pass(this.#dice.below(20_000));
    const device = this.#dice.pick(this.#world.devices);
    const roll = this.#dice.next();
    if (roll < 0.45) this.#act(this.#writer());
    else if (roll < 0.65) await this.#cycle(device);
    else if (roll < 0.72) this.#begin(device);
    else if (roll < 0.8) await this.#goOn(device);
    else if (roll < 0.97) await Promise.all(this.#world.devices.map(async (one) => (this.#dice.chance(0.4) ? this.#goOn(one) : this.#cycle(one))));
    else device.crash();
  }

  #begin(device: Device): void {
    const kind = this.#dice.pick(['plain', 'sealed'] as const);
    if (!this.#world.begin(device, kind)) return;
    this.#changes += 1;
    this.#trace.push(`${device.name} begins epoch ${this.#world.last.n}, ${kind}`);
  }

  async #goOn(device: Device): Promise<void> {
    const untilMs = !this.#isCalm && this.#dice.chance(0.3) ? this.#world.clock.nowMs() + this.#dice.below(2) : undefined;
    this.#trace.push(`${device.name} goes on`);
    const result = await this.#world.goOn(device, untilMs);
    if (result !== null) this.#trace.push(`${device.name} went on: ${JSON.stringify({ ...result.ways, isDone: result.isDone, failed: result.failed.map(({ path, error }) => `${path} ${error.code}`), foreign: result.foreign })}`);
  }

  /** A later description is taken over, as the app does it, and then the folder is opened again. */
  async #cycle(device: Device): Promise<void> {
    this.#trace.push(`${device.name} cycles`);
    const result = await device.cycle({ acceptHeld: true, look: this.#dice.pick(['both', 'changes', 'remote-first', 'local-first']) });
    if (result === null) return void this.#trace.push(`${device.name} crashed`);
    this.#conflictCopies += result.conflictCopies.length;
    this.#trace.push(`${device.name} done ${result.done} failed ${result.failed}${result.stopped === null ? '' : ` stopped ${result.stopped.code}`}`);
    if (result.stopped?.code === 'invariant') this.#broken.push(`${device.name}: ${result.stopped.about.detail ?? 'invariant'}`);
    if (result.stopped?.code === 'descriptor-changed') this.#world.adopt(device);
  }

  /** While one device's file is on its way, another may carry a whole change through, or a cycle. */
  async #whileOnItsWay(device: DeviceId): Promise<void> {
    if (this.#isCalm || this.#isMeanwhile || !this.#dice.chance(0.08)) return;
    this.#isMeanwhile = true;
    try {
      const other = this.#dice.pick(this.#world.devices.filter(({ records }) => records.device !== device));
      this.#trace.push(`while a file is on its way: ${other.name}`);
      if (this.#dice.chance(0.5)) return await this.#cycle(other);
      if (this.#dice.chance(0.5)) this.#begin(other);
      await this.#goOn(other);
    } finally {
      this.#isMeanwhile = false;
    }
  }

  #nextFault({ call, device, path }: CallPoint): Fault | null {
    if (this.#isCalm) return null;
    if (this.#dice.chance(this.#options.crashChance)) {
      this.#crashes += 1;
      const at = this.#dice.chance(0.5) ? 'crash-before' : 'crash-after';
      this.#trace.push(`${device} ${at} ${call} ${path ?? ''}`);
      return { at };
    }
    if (!call.startsWith('remote.') || !this.#dice.chance(this.#options.faultChance)) return null;
    this.#faults += 1;
    const at = this.#dice.chance(0.5) ? 'before' : 'after';
    this.#trace.push(`${device} loses ${at === 'before' ? 'the request' : 'the answer'} of ${call} ${path ?? ''}`);
    return { at, error: this.#dice.pick(['offline', 'server-error', 'throttled']) };
  }

  // -------------------------------------------------------------- users

  #writer(): Device {
    return this.#dice.pick(this.#world.devices.slice(0, this.#options.writers ?? this.#options.devices));
  }

  #act({ name, disk }: Device): void {
    const standing = [...disk.files().keys()];
    const roll = this.#dice.next();
    try {
      if (standing.length === 0 || roll < 0.6) {
        const path = this.#dice.chance(0.5) && standing.length > 0 ? this.#dice.pick(standing) : this.#dice.pick(PATHS);
        const before = disk.read(path);
        const content = `content-${String(this.#written++).padStart(4, '0')}`;
        if (this.#dice.chance(0.5)) disk.write(path, content);
        else disk.save(path, content);
        if (before !== null) this.#live.delete(before);
        this.#live.add(content);
        this.#trace.push(`${name} user: write ${path} ${content}`);
      } else if (roll < 0.75) {
        const path = this.#dice.pick(standing);
        const before = disk.read(path);
        disk.remove(path);
        if (before !== null) this.#live.delete(before);
        this.#trace.push(`${name} user: remove ${path} ${before ?? ''}`);
      } else if (roll < 0.9) {
        const [from, to] = [this.#dice.pick(standing), this.#dice.pick(PATHS)];
        const before = from === to ? null : disk.read(to);
        disk.rename(from, to);
        if (before !== null) this.#live.delete(before);
        this.#trace.push(`${name} user: rename ${from} ${to}`);
      } else {
        disk.chmod(this.#dice.pick(standing), this.#dice.pick([0o600, 0o644, 0o755]));
      }
    } catch {
      // A file where a directory should be, or the reverse: the user thinks of something else.
    }
  }

  // -------------------------------------------------------------- at rest

  async #comeToRest(): Promise<void> {
    for (let round = 1; round <= MOST_ROUNDS; round++) {
      const before = this.#fingerprint();
      for (const device of this.#world.devices) {
        this.#world.clock.pass(600_000);
        const result = await this.#world.sync(device);
        if (result === null) throw new Error('a crash in a calm world');
        this.#conflictCopies += result.conflictCopies.length;
        for (const { error, path } of result.problems) this.#trace.push(`${device.name} at rest: ${error.code} ${path ?? ''} ${error.about.detail ?? ''}`);
        for (const skipped of device.records.skipped.values()) this.#trace.push(`${device.name} at rest: skipped ${skipped.path} ${skipped.reason}`);
        this.#trace.push(`${device.name} at rest: done ${result.done}`);
        await this.#goOn(device);
      }
      if (this.#fingerprint() === before) return;
    }
    this.#broken.push(`not at rest after ${MOST_ROUNDS} rounds`);
  }

  #fingerprint(): string {
    const { bucket, devices, epochs } = this.#world;
    return JSON.stringify([bucket.writes, devices.map((device) => [device.disk.changes, this.#world.hasJob(device)]), epochs, [...bucket.feeds.values()].map(({ etag }) => etag)]);
  }

  #check(): void {
    const { devices, last } = this.#world;
    const remote = this.#world.remoteFiles();
    for (const [path, epoch] of this.#world.epochByPath()) if (epoch !== last.n) this.#broken.push(`${path} stands under epoch ${epoch} of ${last.n}`);
    for (const device of devices) {
      const files = device.disk.files();
      for (const path of new Set([...files.keys(), ...remote.keys()])) {
        if (files.get(path) !== remote.get(path)) this.#broken.push(`${device.name} and the bucket differ at ${path}: ${files.get(path) ?? 'nothing'}, ${remote.get(path) ?? 'nothing'}`);
      }
      if (device.records.intents.size > 0) this.#broken.push(`${device.name} has ${device.records.intents.size} open intents`);
      for (const { path, epoch, objectKey, etag } of device.records.base.values()) {
        if (this.#world.bucket.objects.get(objectKey)?.etag !== etag) this.#broken.push(`${device.name} believes in a version of ${path} that is not there`);
        if (epoch !== last.n) this.#broken.push(`${device.name} believes ${path} to stand under epoch ${epoch}`);
      }
      if (this.#world.hasJob(device)) this.#broken.push(`${device.name} is not through with its change`);
    }
    const contents = new Set(remote.values());
    for (const content of this.#live) if (!contents.has(content)) this.#broken.push(`${content} is lost`);
  }
}

