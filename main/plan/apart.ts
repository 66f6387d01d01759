/**
 * Which rows can be planned and carried out apart from all others: plans of a million rows are made in portions, so that neither their actions
 * nor a long calculation stand in the way of anything else. What may belong together with another row (deletions, renames, directories), and what
 * may take long, is planned at the end, in one plan.
 */
import type { Plan, PlanCounts, PlanPolicy } from '../model/action.ts';
import { isDirectoryPath } from '../model/path.ts';
import type { PathStates, RemoteVersion } from '../model/snapshot.ts';
import { LARGE_BYTES, sizeClassOf } from '../model/transfer-limits.ts';
import { mayRename } from './needs.ts';

/** @param sizes - what {@link renameSizes} found in all rows. */
export function standsAlone({ path, base, local, remote }: PathStates, sizes: ReadonlySet<number>, policy: PlanPolicy): boolean {
  if (isDirectoryPath(path)) return false;
  if (local.type === 'unknown' || remote.type === 'unknown') return true;
  if (base !== null && (local.type === 'absent' || remote.type === 'absent')) return false;
  if (local.type === 'present' && local.entry.sizeBytes >= LARGE_BYTES) return false;
  if (remote.type === 'present' && remote.version.objectBytes >= LARGE_BYTES) return false;
  const mayBeRenamed = base === null && local.type === 'present' && remote.type === 'absent' && mayRename(policy) && sizes.has(local.entry.sizeBytes);
  return !mayBeRenamed;
}

/** Which goes first: the smaller size class, and in it the newest. */
export type Urgency = { readonly sizeClass: number; readonly mtimeMs: number };

/** Before all that has to travel. */
export const NOTHING_TO_SEND = { sizeClass: -1 } as const;

/** A listing does not tell when the file was changed; when it came to the bucket is the next best. */
export function mtimeOf({ attributes, lastModifiedMs }: RemoteVersion): number {
  return attributes?.mtimeMs ?? lastModifiedMs;
}

/** Of what may have to travel for a row. */
export function urgencyOf({ base, local, remote }: PathStates): Urgency {
  if (local.type === 'unknown' || remote.type === 'unknown') return { ...NOTHING_TO_SEND, mtimeMs: 0 };
  if (remote.type === 'present' && (base === null || remote.version.etag !== base.etag)) return { sizeClass: sizeClassOf(remote.version.objectBytes), mtimeMs: mtimeOf(remote.version) };
  if (local.type === 'present' && local.entry.stamp !== base?.stamp) return { sizeClass: sizeClassOf(local.entry.sizeBytes), mtimeMs: local.entry.mtimeMs };
  return { ...NOTHING_TO_SEND, mtimeMs: 0 };
}

/** What several plans came to together; their stages are not kept. */
export function addCounts(a: PlanCounts, b: PlanCounts): PlanCounts {
  return Object.fromEntries(Object.entries(a).map(([name, count]) => [name, count + b[name as keyof PlanCounts]])) as PlanCounts;
}

/** One plan for the account of a cycle; the stages are those of the last. */
export function addPlans(a: Plan, b: Plan): Plan {
  return {
    stages: b.stages, counts: addCounts(a.counts, b.counts), questions: [...a.questions, ...b.questions], skipped: [...a.skipped, ...b.skipped], unheard: [...a.unheard, ...b.unheard],
    held: b.held ?? a.held, ...((a.unlisted ?? 0) + (b.unlisted ?? 0) === 0 ? {} : { unlisted: (a.unlisted ?? 0) + (b.unlisted ?? 0) }),
  };
}
