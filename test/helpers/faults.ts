/** Power, faults and the order of things in a world in memory: every call of a port passes here before and after its effect. */
import { SyncError } from '../../main/model/errors.ts';
import type { ErrorCode } from '../../main/model/errors.ts';

/** `before`: the call fails and nothing happened. `after`: it happened and the answer is lost. The crashes cut the power there. */
export type Fault = { readonly at: 'before' | 'after'; readonly error: ErrorCode } | { readonly at: 'crash-before' | 'crash-after' };
export type CallPoint = { readonly device: string; readonly call: string; readonly path: string | null };

/** What a stopped process throws from every port from then on: no SyncError, so that nothing takes it for a result. */
export class PowerCut extends Error {
  constructor() {
    super('the power is off');
    this.name = 'PowerCut';
  }
}

/** A seeded generator of 32-bit numbers (mulberry32); the same seed gives the same run. */
export class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  /** Goes on as one that began with this seed. */
  reseed(seed: number): void {
    this.#state = seed >>> 0;
  }
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  /** An integer from 0 to `below` - 1. */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }
  chance(probability: number): boolean {
    return this.next() < probability;
  }
  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }
  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

export type FaultPlan = {
  /** Asked once per call. */
  next?: (point: CallPoint) => Fault | null;
  /** Called when a call begins, before its effect: the place for a user's or another device's doing in the middle of a cycle. */
  onCall?: (point: CallPoint) => void;
  /** How many other steps may come in between, at most. */
  maxPauses?: number;
};

/** One running process of one device. A new one is made after a crash, on the same disk and the same records. */
export class Power {
  isOn = true;
  readonly #device: string;
  readonly #plan: FaultPlan;
  readonly #dice: Dice;

  constructor(device: string, plan: FaultPlan, dice: Dice) {
    this.#device = device;
    this.#plan = plan;
    this.#dice = dice;
  }

  cut(): never {
    this.isOn = false;
    throw new PowerCut();
  }

  check(): void {
    if (!this.isOn) throw new PowerCut();
  }

  /** Lets others run for a while, at random. */
  async pause(): Promise<void> {
    const pauses = this.#dice.below((this.#plan.maxPauses ?? 3) + 1);
    for (let i = 0; i <= pauses; i++) await Promise.resolve();
    this.check();
  }

  /** One call of a port that waits: `effect` is what it does, at one instant or with pauses of its own. */
  async call<T>(call: string, path: string | null, effect: () => T | Promise<T>): Promise<T> {
    await this.pause();
    const fault = this.#begin(call, path);
    const result = await effect();
    this.#end(fault, call, path);
    await this.pause();
    return result;
  }

  /** One call of a port that does not wait. Only crashes can come between. */
  callNow<T>(call: string, path: string | null, effect: () => T): T {
    this.check();
    const fault = this.#begin(call, path);
    const result = effect();
    this.#end(fault, call, path);
    return result;
  }

  #begin(call: string, path: string | null): Fault | null {
    const point = { device: this.#device, call, path };
    this.#plan.onCall?.(point);
    const fault = this.#plan.next?.(point) ?? null;
    if (fault?.at === 'crash-before') this.cut();
    if (fault?.at === 'before') throw new SyncError(fault.error, { path: path ?? undefined, detail: `injected before ${call}` });
    return fault;
  }

  #end(fault: Fault | null, call: string, path: string | null): void {
    if (fault?.at === 'crash-after') this.cut();
    if (fault?.at === 'after') throw new SyncError(fault.error, { path: path ?? undefined, detail: `injected after ${call}` });
  }
}
