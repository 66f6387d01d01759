/** A bucket's policy with the statements for one mode: what it would be, put there, taken away again. */
import { previewChange, requirePart, type Change } from './configuration.ts';
import { limitsOf, modeStatements, type PolicyMode } from './mode-policy.ts';
import type { OpenBucket, Place } from './open-bucket.ts';
import { isSamePolicy, mergeStatements, originOf, parsePolicyDocument, type PolicyDocument, type Statement } from './policy-document.ts';

export type PolicyPreview = {
  readonly statements: readonly Statement[];
  readonly before: PolicyDocument | null;
  readonly after: PolicyDocument | null;
  /** Null: the policy is so already. */
  readonly change: Change | null;
  readonly limits: readonly string[];
};

export const policyTextOf = (value: Readonly<Record<string, unknown>> | null): string | null => (typeof value?.['Policy'] === 'string' ? value['Policy'] : null);

/** Whether requests come by TLS at all: where not, denying those without would deny everybody. */
export const hasTls = ({ access }: OpenBucket): boolean => access.endpoint === null || access.endpoint.startsWith('https:');

/** @param mode - null: take Enfold's statements for this place away. @throws SyncError policy-damaged, policy-edited, policy-too-large, access-denied, … */
export async function previewPolicy(open: OpenBucket, prefix: string, mode: PolicyMode | null, signal: AbortSignal): Promise<PolicyPreview> {
  const place: Place = { bucket: open.bucket, prefix };
  const value = await requirePart(open, 'policy', signal);
  const text = policyTextOf(value);
  const before = text === null ? null : parsePolicyDocument(text);
  const statements = mode === null ? [] : modeStatements(place, mode, hasTls(open));
  const after = mergeStatements(before ?? parsePolicyDocument(null), prefix, statements);
  const isSame = isSamePolicy(before, after);
  const change = isSame ? null : await previewChange(open, 'policy', value, after === null ? null : { Policy: JSON.stringify(after) }, signal);
  return { statements, before, after, change, limits: mode === null ? [] : limitsOf(mode) };
}

/** Which of Enfold's statements stand in a policy for a place. */
export function statementsHere(policy: PolicyDocument | null, prefix: string): readonly Statement[] {
  return (policy?.Statement ?? []).filter((statement) => originOf(statement, prefix) === 'ours');
}

