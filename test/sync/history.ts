/**
 * One random history: users on one to four devices write, edit, rename, delete and undo, devices sync, answers get lost and
 * processes die; then everybody comes to rest, and what the engine promises is checked. One seed gives one history, and each of its
 * steps rolls dice of its own: one that is left out changes no other.
 */
import type { Direction } from '../../main/model/action.ts';
import type { SyncPath } from '../../main/model/path.ts';
import type { CallPoint, Fault } from '../helpers/faults.ts';
import { sha256Of } from '../helpers/memory-disk.ts';
import { Dice, NO_GUARD, World } from '../helpers/world.ts';
import type { Device, Level, SeededBug } from '../helpers/world.ts';

export type HistoryOptions = {
  readonly seed: number;
  readonly level: Level;
  readonly isClientSide: boolean;
  /** Attributes do not tell the content's hash, as in `sse-kms`. */
  readonly hidesHashes?: boolean;
  readonly devices: number;
  readonly steps: number;
  /** Steps that are left out. */
  readonly without?: readonly number[];
  /** Devices whose users change something; the others only receive. Default all. */
  readonly writers?: number;
  /** Chance of a lost request or answer per remote call, and of a crash per call of any port. */
  readonly faultChance: number;
  readonly crashChance: number;
  /** Chance per call that some user does something in the middle of a cycle. */
  readonly meanwhileChance: number;
  /** Chance per call that somebody pauses the device in the middle of its cycle. */
  readonly abortChance?: number;
  /** Names that are a file's and a directory's at once. */
  readonly hasClashes?: boolean;
  readonly bug?: SeededBug;
  /** How often all devices cycle at the same time, among the steps. Default 0.1. */
  readonly togetherChance?: number;
  /** Each user has files of their own: no two ever touch the same one. */
  readonly isDisjoint?: boolean;
  /** The server replaces contents, and puts them back before all come to rest. Only where the client side holds the keys. */
  readonly hasTampering?: boolean;
  /**
   * Another program writes to the bucket and deletes there. Only right where the server holds the keys, and only safe where it
   * keeps conditions: what a foreign program wrote between a HEAD and a DELETE nobody could send again.
   */
  readonly hasForeigners?: boolean;
  /** Plans of more rows than this are made in portions. Default: none are. */
  readonly portionRows?: number;
  /** In the end nobody lists the bucket who does not have to: the change feeds alone must bring all to rest. */
  readonly restsOnFeeds?: boolean;
  /** The last device's. The others sync both ways. */
  readonly direction?: Direction;
};

export type HistoryReport = {
  /** Broken promises, in words; empty is good. */
  readonly broken: readonly string[];
  readonly trace: readonly string[];
  readonly rounds: number;
  readonly conflictCopies: number;
  readonly faults: number;
  readonly crashes: number;
};

const PATHS = ['a', 'b', 'c.txt', 'd/e', 'd/f.txt', 'g/h/i', 'g/h/j'];
const DIRECTORIES = ['d', 'g', 'g/h', 'x', 'x/y'];
const CLASHING_PATHS = ['a', 'a/b', 'd', 'd/e', 'd/e/f'];
const LOOKS = ['both', 'changes', 'changes', 'local-first', 'remote-first'] as const;
/** What a server put in place of a content begins with it. */
const TAMPERED = 'tampered';
const MOST_ROUNDS = 6;
const REMOTE_CALLS = /^remote\./;

export async function runHistory(options: HistoryOptions): Promise<HistoryReport> {
  const history = new History(options);
  return history.run();
}

class History {
  readonly #options: HistoryOptions;
  readonly #dice: Dice;
  readonly #world: World;
  readonly #trace: string[] = [];
  readonly #broken: string[] = [];
  /** Contents that some user wrote and none removed since. */
  readonly #live = new Set<string>();
  readonly #everWritten: string[] = [];
  #stepNumber = 0;
  #contentsOfStep = 0;
  /** Written more than once: whose removal a removal was, nobody can tell. They must be recoverable, but need not stand in the tree. */
  readonly #repeated = new Set<string>();
  /** What users changed on each disk; all else the engine did. */
  readonly #userChanges = new Map<Device, number>();
  #conflictCopies = 0;
  #faults = 0;
  #crashes = 0;
  #isCalm = false;
  /** What ends the cycle that a device has under way. */
  readonly #pauses = new Map<string, AbortController>();

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#dice = new Dice(options.seed ^ 0x5eed);
    this.#world = new World({ seed: options.seed, level: options.level, isClientSide: options.isClientSide, hidesHashes: options.hidesHashes ?? false, pageSize: 3, ...(options.bug === undefined ? {} : { bug: options.bug }) });
    for (let i = 0; i < options.devices; i++) {
      this.#world.addDevice(`device-${'abcd'[i] ?? i}`, {
        guard: NO_GUARD, concurrency: 1 + (options.seed % 3), ...(options.portionRows === undefined ? {} : { portionRows: options.portionRows }), ...(i === options.devices - 1 && options.direction !== undefined ? { direction: options.direction } : {}),
      });
    }
    this.#world.faults.next = (point) => this.#nextFault(point);
    this.#world.faults.onCall = (point) => this.#meanwhile(point);
  }

  async run(): Promise<HistoryReport> {
    const without = new Set(this.#options.without);
    for (let step = 1; step <= this.#options.steps; step++) {
      if (without.has(step)) continue;
      this.#begin(step);
      await this.#step();
    }
    this.#begin(0);
    this.#isCalm = true;
    if (this.#options.hasTampering === true) this.#mendTampered();
    const rounds = await this.#comeToRest();
    this.#check();
    return { broken: this.#broken, trace: this.#trace, rounds, conflictCopies: this.#conflictCopies, faults: this.#faults, crashes: this.#crashes };
  }

  /** From here on all dice are those of this step. */
  #begin(step: number): void {
    const { seed } = this.#options;
    this.#dice.reseed(Math.imul(seed, 0x9e37_79b1) ^ Math.imul(step + 1, 0x85eb_ca6b));
    this.#world.dice.reseed(Math.imul(seed, 0xc2b2_ae35) ^ Math.imul(step + 1, 0x27d4_eb2f));
    this.#stepNumber = step;
    this.#contentsOfStep = 0;
  }

  // -------------------------------------------------------------- what happens

  async #step(): Promise<void> {
    this.#world.clock.pass(this.#dice.below(20_000));
    const roll = this.#dice.next();
    if (roll < 0.6) {
      this.#userDoesSomething();
    } else if (roll < 0.95 - (this.#options.togetherChance ?? 0.1)) {
      await this.#cycle(this.#dice.pick(this.#world.devices));
    } else if (roll < 0.95) {
      await Promise.all(this.#world.devices.map((device) => this.#cycle(device)));
    } else {
      const device = this.#dice.pick(this.#world.devices);
      this.#trace.push(`${device.name} is killed between cycles`);
      device.crash();
    }
  }

  async #cycle(device: Device): Promise<void> {
    this.#trace.push(`${device.name} cycles`);
    const pausing = new AbortController();
    this.#pauses.set(device.name, pausing);
    const look = this.#dice.pick(LOOKS);
    const result = await device.cycle({ acceptHeld: true, look, signal: pausing.signal }).catch((error: unknown) => {
      if (!pausing.signal.aborted || error !== pausing.signal.reason) throw error;
      return 'paused' as const;
    });
    if (result === 'paused') {
      this.#trace.push(`${device.name} paused`);
      return;
    }
    if (result === null) {
      this.#trace.push(`${device.name} crashed`);
      return;
    }
    this.#note(device, result.conflictCopies, result.stopped?.code ?? null);
    if (result.stopped?.code === 'invariant') this.#broken.push(`${device.name}: ${result.stopped.about.detail ?? 'invariant'}`);
    if (result.held !== null) this.#broken.push(`${device.name} holds a plan that was accepted`);
    this.#trace.push(`${device.name} done ${result.done} failed ${result.failed}${result.stopped === null ? '' : ` stopped ${result.stopped.code}`}`);
  }

  #note(device: Device, conflictCopies: readonly SyncPath[], stopped: string | null): void {
    this.#conflictCopies += conflictCopies.length;
    for (const path of conflictCopies) this.#trace.push(`${device.name} made ${path}`);
    if (stopped !== null) this.#trace.push(`${device.name} stopped: ${stopped}`);
  }

  #nextFault({ call, device, path }: CallPoint): Fault | null {
    if (this.#isCalm) return null;
    const { abortChance = 0 } = this.#options;
    if (abortChance > 0 && this.#dice.chance(abortChance)) {
      this.#trace.push(`${device} is paused at ${call} ${path ?? ''}`);
      this.#pauses.get(device)?.abort(new DOMException('paused', 'AbortError'));
    }
    if (this.#dice.chance(this.#options.crashChance)) {
      this.#crashes += 1;
      const at = this.#dice.chance(0.5) ? 'crash-before' : 'crash-after';
      this.#trace.push(`${device} ${at} ${call} ${path ?? ''}`);
      return { at };
    }
    if (REMOTE_CALLS.test(call) && this.#dice.chance(this.#options.faultChance)) {
      this.#faults += 1;
      const at = this.#dice.chance(0.5) ? 'before' : 'after';
      this.#trace.push(`${device} loses ${at === 'before' ? 'the request' : 'the answer'} of ${call} ${path ?? ''}`);
      return { at, error: this.#dice.pick(['offline', 'server-error', 'throttled']) };
    }
    return null;
  }

  #meanwhile(_point: CallPoint): void {
    if (!this.#isCalm && this.#dice.chance(this.#options.meanwhileChance)) this.#userDoesSomething();
  }

  /** What a user does is at one instant; it may be refused, as a file system refuses it. */
  #userDoesSomething(): void {
    if (this.#options.hasForeigners === true && this.#dice.chance(0.15)) {
      this.#foreignerDoesSomething();
      return;
    }
    if (this.#options.hasTampering === true && this.#dice.chance(0.15)) {
      this.#serverTampers();
      return;
    }
    const device = this.#dice.pick(this.#world.devices.slice(0, this.#options.writers ?? this.#options.devices));
    const before = device.disk.changes;
    try {
      this.#act(device);
    } catch {
      // A file where a directory should be, or the reverse: the user thinks of something else.
    }
    this.#userChanges.set(device, (this.#userChanges.get(device) ?? 0) + device.disk.changes - before);
  }

  #act(device: Device): void {
    const { disk } = device;
    const own = this.#options.isDisjoint === true ? `${device.name}/` : '';
    const standing = [...disk.files().keys()].filter((path) => path.startsWith(own));
    const below = (names: readonly string[]): readonly string[] => (own === '' ? names : names.map((name) => own + name));
    const paths = below(this.#options.hasClashes === true ? CLASHING_PATHS : PATHS);
    const directories = below(DIRECTORIES);
    const roll = this.#dice.next();
    const say = (what: string): void => void this.#trace.push(`${device.name} user: ${what}`);
    if (standing.length === 0 || roll < 0.45) {
      const path = this.#dice.chance(0.5) && standing.length > 0 ? this.#dice.pick(standing) : this.#dice.pick(paths);
      const before = disk.read(path);
      const content = this.#newContent();
      if (this.#dice.chance(0.5)) disk.write(path, content);
      else disk.save(path, content);
      if (before !== null) this.#live.delete(before);
      this.#live.add(content);
      say(`write ${path} ${content}`);
    } else if (roll < 0.6) {
      const path = this.#dice.pick(standing);
      const before = disk.read(path);
      disk.remove(path);
      if (before !== null) this.#live.delete(before);
      say(`remove ${path} ${before ?? ''}`);
    } else if (roll < 0.66) {
      const directory = this.#dice.pick(directories);
      const lost = [...disk.files()].filter(([path]) => path === directory || path.startsWith(`${directory}/`));
      disk.remove(directory);
      for (const [, content] of lost) this.#live.delete(content);
      say(`remove all of ${directory}`);
    } else if (roll < 0.82) {
      const isDirectory = this.#dice.chance(0.2);
      const from = isDirectory ? this.#dice.pick(directories) : this.#dice.pick(standing);
      const to = isDirectory ? this.#dice.pick(directories) : this.#dice.pick(paths);
      const before = from === to ? null : disk.read(to);
      disk.rename(from, to);
      if (before !== null) this.#live.delete(before);
      say(`rename ${from} ${to}`);
    } else if (roll < 0.88) {
      const directory = this.#dice.pick(directories);
      disk.makeDirectory(directory);
      say(`mkdir ${directory}`);
    } else if (roll < 0.94) {
      const path = this.#dice.pick(standing);
      disk.chmod(path, this.#dice.pick([0o600, 0o644, 0o755]));
      say(`chmod ${path}`);
    } else {
      const path = this.#dice.pick(standing);
      disk.utime(path, this.#world.clock.nowMs() + 1);
      say(`touch ${path}`);
    }
  }

  #foreignerDoesSomething(): void {
    const standing = [...this.#world.remoteFiles()];
    const path = this.#dice.pick(PATHS);
    const before = this.#world.remoteFiles().get(path);
    if (before !== undefined) this.#live.delete(before);
    if (standing.length > 0 && this.#dice.chance(0.3)) {
      if (before !== undefined) this.#world.deleteForeign(path);
      this.#trace.push(`somebody else deletes ${path} ${before ?? ''}`);
    } else {
      const content = this.#newContent();
      this.#world.putForeign(path, content);
      this.#live.add(content);
      this.#trace.push(`somebody else writes ${path} ${content}`);
    }
  }

  /** The attributes stay as their writer sealed them, and at times the ETag too. */
  #serverTampers(): void {
    const { objects } = this.#world.bucket;
    const files = [...objects.values()].filter(({ objectKey }) => !objectKey.endsWith('/'));
    if (files.length === 0) return;
    const object = this.#dice.pick(files);
    const content = `${TAMPERED}${this.#newContentName()}`;
    const etag = this.#dice.chance(0.5) ? object.etag : `${object.etag}*`;
    objects.set(object.objectKey, { ...object, content, etag });
    this.#trace.push(`the server replaces ${object.objectKey} ${object.content}`);
  }

  #mendTampered(): void {
    const { objects } = this.#world.bucket;
    const written = new Map(this.#everWritten.map((content) => [sha256Of(content), content]));
    for (const object of objects.values()) {
      const content = written.get(object.attributes?.sha256 ?? '');
      if (object.content.startsWith(TAMPERED) && content !== undefined) objects.set(object.objectKey, { ...object, content });
    }
    this.#trace.push('the server puts back what it replaced');
  }

  #newContentName(): string {
    this.#contentsOfStep += 1;
    return `${String(this.#stepNumber).padStart(3, '0')}-${String(this.#contentsOfStep).padStart(3, '0')}`;
  }

  /** Mostly new and of one length, so that sizes tell nothing; sometimes one that was there before: an undo, or a copy. */
  #newContent(): string {
    if (this.#everWritten.length > 0 && this.#dice.chance(0.15)) {
      const again = this.#dice.pick(this.#everWritten);
      this.#repeated.add(again);
      return again;
    }
    const content = this.#dice.chance(0.05) ? '' : `content-${this.#newContentName()}${this.#dice.chance(0.2) ? ' longer' : ''}`;
    if (content === '') this.#repeated.add(content);
    this.#everWritten.push(content);
    return content;
  }

  // -------------------------------------------------------------- what must be true at rest

  async #comeToRest(): Promise<number> {
    for (let round = 1; round <= MOST_ROUNDS; round++) {
      const before = this.#fingerprint();
      for (const device of this.#world.devices) {
        this.#world.clock.pass(600_000);
        const result = await device.sync({ acceptHeld: true, look: this.#options.restsOnFeeds === true ? 'changes' : 'both' });
        if (result === null) throw new Error('a crash in a calm world');
        this.#note(device, result.conflictCopies, null);
        for (const { error, path } of result.problems) this.#trace.push(`${device.name} at rest: ${error.code} ${path ?? ''} ${error.about.detail ?? ''}`);
        this.#trace.push(`${device.name} at rest: done ${result.done}`);
      }
      if (this.#fingerprint() === before) return round;
    }
    this.#broken.push(`not at rest after ${MOST_ROUNDS} rounds`);
    return MOST_ROUNDS;
  }

  /** Changes with every write to the bucket or to a disk, and with everything that is told. */
  #fingerprint(): string {
    const disks = this.#world.devices.map(({ disk }) => disk.changes);
    return JSON.stringify([this.#world.bucket.writes, disks, [...this.#world.bucket.feeds.values()].map(({ etag }) => etag)]);
  }

  #check(): void {
    const { devices } = this.#world;
    const remote = this.#world.remoteFiles();
    const first = devices[0];
    for (const device of devices) {
      const files = device.disk.files();
      if (this.#options.direction === 'upload') {
        this.#checkBackup(device, files, remote);
        continue;
      }
      if (this.#options.direction === 'download' && device === devices.at(-1)) {
        this.#checkReceiver(device, files, remote);
        continue;
      }
      if (this.#options.hasClashes !== true) {
        this.#expectSame(`${device.name}'s files`, files, 'the bucket', remote);
        if (first !== undefined) this.#expectSame(`${device.name}'s directories`, asMap(device.disk.directories()), first.name, asMap(first.disk.directories()));
      }
      if (device.records.intents.size > 0) this.#broken.push(`${device.name} has ${device.records.intents.size} open intents`);
      for (const entry of device.records.base.values()) {
        const object = this.#world.bucket.objects.get(entry.objectKey);
        if (object?.etag !== entry.etag && this.#options.hasClashes !== true) this.#broken.push(`${device.name} believes in a version of ${entry.path} that is not there`);
      }
      if (this.#options.hasClashes !== true) {
        const contents = new Set(files.values());
        for (const content of this.#live) {
          if (!contents.has(content) && !this.#repeated.has(content)) this.#broken.push(`${device.name} has lost ${content}`);
        }
      }
    }
    for (const { name, disk } of devices) {
      for (const content of [...disk.files().values(), ...disk.trash.map((trashed) => trashed.content)]) if (content.startsWith(TAMPERED)) this.#broken.push(`${name} took over ${content}`);
    }
    const somewhere = new Set([...remote.values(), ...devices.flatMap(({ disk }) => [...disk.files().values(), ...disk.trash.map(({ content }) => content)])]);
    const inTheOpen = new Set([...remote.values(), ...devices.flatMap(({ disk }) => [...disk.files().values()])]);
    for (const content of this.#live) {
      if (!inTheOpen.has(content) && !this.#repeated.has(content)) this.#broken.push(`nobody has ${content}`);
      // A foreign program may write what is there already; to replace that is no loss.
      const mayBeReplaced = this.#options.hasForeigners === true && this.#repeated.has(content);
      if (!somewhere.has(content) && !mayBeReplaced) this.#broken.push(`${content} cannot be recovered`);
    }
  }

  #checkBackup(device: Device, files: ReadonlyMap<string, string>, remote: ReadonlyMap<string, string>): void {
    for (const [path, content] of files) if (remote.get(path) !== content) this.#broken.push(`the backup lacks ${path}`);
    if (device.disk.changes !== (this.#userChanges.get(device) ?? 0)) this.#broken.push(`the backup changed something on ${device.name}`);
  }

  /** It has all that is there, keeps what is gone there, and sends nothing. */
  #checkReceiver(device: Device, files: ReadonlyMap<string, string>, remote: ReadonlyMap<string, string>): void {
    const own = device.records.device;
    for (const [path, content] of remote) if (files.get(path) !== content) this.#broken.push(`${device.name} lacks ${path}`);
    for (const { attributes } of this.#world.bucket.objects.values()) if (attributes !== null && own in attributes.vector) this.#broken.push(`${device.name} sent something`);
    if (this.#world.bucket.feeds.has(own)) this.#broken.push(`${device.name} tells of changes`);
  }

  #expectSame(what: string, a: ReadonlyMap<string, string>, other: string, b: ReadonlyMap<string, string>): void {
    for (const path of new Set([...a.keys(), ...b.keys()])) {
      if (a.get(path) !== b.get(path)) this.#broken.push(`${what} and ${other} differ at ${path}: ${a.get(path) ?? 'nothing'}, ${b.get(path) ?? 'nothing'}`);
    }
  }
}

function asMap(paths: readonly string[]): ReadonlyMap<string, string> {
  return new Map(paths.map((path) => [path, 'there']));
}
