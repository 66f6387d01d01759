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

/**
 * How a remote version relates to the one that is known here: `same`, an `update` made by who had seen it, a `fork` made by
 * who had not, a `replay` of something older, or `foreign`, where another program wrote it and left no vector.
 */
export function relateVersions(remote: VersionVector, known: VersionVector): 'same' | 'update' | 'fork' | 'replay' | 'foreign' {
  if (Object.keys(remote).length === 0) return 'foreign';
  if (dominates(remote, known)) return dominates(known, remote) ? 'same' : 'update';
  return dominates(known, remote) ? 'replay' : 'fork';
}
