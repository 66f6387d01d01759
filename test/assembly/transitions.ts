/** The six modes, and the ways between them. */
export const MODE_NAMES = ['sse-s3', 'sse-kms managed', 'sse-kms own', 'sse-c', 'cse-kms', 'cse-c'] as const;
export type ModeName = (typeof MODE_NAMES)[number];
export type Transition = readonly [from: ModeName, to: ModeName];

/** All thirty. */
export const TRANSITIONS: readonly Transition[] = MODE_NAMES.flatMap((from) => MODE_NAMES.filter((to) => to !== from).map((to) => [from, to] as const));

/** Six of them, in which each mode is left once and entered once, and each way of carrying an object over occurs. */
export function pairwise(all: readonly Transition[]): readonly Transition[] {
  const chosen: readonly Transition[] = [['sse-s3', 'sse-kms own'], ['sse-kms own', 'sse-c'], ['sse-c', 'cse-c'], ['cse-c', 'cse-kms'], ['cse-kms', 'sse-kms managed'], ['sse-kms managed', 'sse-s3']];
  return chosen.filter(([from, to]) => all.some((one) => one[0] === from && one[1] === to));
}
