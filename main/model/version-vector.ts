/**
 * Version vectors: which device has made how many versions of a path. They tell an update from a fork
 * where ETags and clocks cannot.
 *
 * Keys are device ids: 12 lower-case hex digits (6 bytes). Values are positive integers.
 */
export type DeviceId = string & { readonly __brand: 'DeviceId' };
export type VersionVector = Readonly<Record<string, number>>;

export const EMPTY_VECTOR: VersionVector = Object.freeze({});

/** True where `a` has seen everything `b` has; equal vectors dominate each other. */
export function dominates(a: VersionVector, b: VersionVector): boolean {
  return Object.entries(b).every(([device, count]) => (a[device] ?? 0) >= count);
}

export function equalVectors(a: VersionVector, b: VersionVector): boolean {
  return dominates(a, b) && dominates(b, a);
}

/** The least vector that dominates both. */
export function joinVectors(a: VersionVector, b: VersionVector): VersionVector {
  const joined: Record<string, number> = { ...a };
  for (const [device, count] of Object.entries(b)) joined[device] = Math.max(joined[device] ?? 0, count);
  return joined;
}

/** `vector` with this device's entry set to `counter`, which must be higher than any it has used before. */
export function advanceVector(vector: VersionVector, device: DeviceId, counter: number): VersionVector {
  return { ...vector, [device]: Math.max(counter, (vector[device] ?? 0) + 1) };
}
