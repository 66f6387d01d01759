/** What the engine takes from the computer itself: its clock, its randomness, its network. */
import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, Random } from '../sync/ports.ts';

export const systemClock: Clock = { nowMs: () => Date.now(), sleep: async (ms, signal) => sleep(ms, undefined, { signal }).then(() => undefined, () => signal.throwIfAborted()) };
export const systemRandom: Random = { bytes: (length) => randomBytes(length) };

type Interfaces = Record<string, readonly { readonly address: string; readonly internal: boolean }[] | undefined>;

/** Where this computer can be reached; another value means that it is in another network, or in one again. Loopback and link-local addresses lead nowhere. @returns `''` where there is no network */
export function networkOf(interfaces: Interfaces = networkInterfaces()): string {
  const addresses = Object.values(interfaces).flatMap((all) => all ?? []).filter(({ internal, address }) => !internal && !/^(?:fe80:|169\.254\.)/i.test(address));
  return addresses.map(({ address }) => address).toSorted().join(' ');
}
