/**
 * Policies as documents: parsed, and merged by `Sid` so that only statements which Enfold wrote are ever replaced or removed.
 *
 * The `Sid` of a statement of Enfold says what it is for, which place it is about, and (its last eight digits) what it says. One whose text
 * no longer fits those digits was edited by somebody else, and is theirs; only which KMS key it names is not among them.
 */
import { createHash } from 'node:crypto';
import { SyncError } from '../model/errors.ts';

export type Statement = {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: unknown;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
};
export type PolicyDocument = { readonly Version?: string; readonly Id?: string; readonly Statement: readonly Statement[] };

/** What S3 allows a bucket policy to be. */
export const MAX_POLICY_BYTES = 20 * 1024;
const VERSION = '2012-10-17';
const OURS = /^Enfold[A-Za-z]+[0-9a-f]{16}$/;

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8);

/** The same text for the same meaning: AWS gives lists of one back as one, and fields in an order of its own. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return value.length === 1 ? canonical(value[0]) : `[${value.map(canonical).toSorted().join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(String(value));
  return `{${Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`;
}

/** A KMS key that a template is yet to make has no ARN, so which key a statement names is left out; that it names one is not. */
const KMS_KEY = /"(?:arn:aws[\w-]*:kms:[^"]*|\$\{[^"]*\})"/g;
const checkOf = ({ Sid: _sid, ...rest }: Statement): string => digest(canonical(rest).replace(KMS_KEY, '"a KMS key"'));
export const isSameStatement = (a: Statement, b: Statement): boolean => canonical(a) === canonical(b);

/** Eight digits that stand for a place, so that several folders of a bucket have statements of their own. */
export const placeDigits = (prefix: string): string => digest(`prefix|${prefix}`);

export function withSid(purpose: string, prefix: string, statement: Omit<Statement, 'Sid'>): Statement {
  return { Sid: `Enfold${purpose}${placeDigits(prefix)}${checkOf(statement)}`, ...statement };
}

/** `foreign`: not from Enfold, or edited since. `prefix` null: of any place. */
export function originOf(statement: Statement, prefix: string | null = null): 'ours' | 'edited' | 'foreign' {
  const { Sid } = statement;
  if (Sid === undefined || !OURS.test(Sid)) return 'foreign';
  if (prefix !== null && Sid.slice(-16, -8) !== placeDigits(prefix)) return 'foreign';
  return Sid.slice(-8) === checkOf(statement) ? 'ours' : 'edited';
}

/** @param text - null: there is no policy. @throws SyncError policy-damaged */
export function parsePolicyDocument(text: string | null): PolicyDocument {
  if (text === null) return { Version: VERSION, Statement: [] };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SyncError('policy-damaged', { detail: 'it is no JSON' }, { cause });
  }
  const statements = (value as { Statement?: unknown } | null)?.Statement;
  const list: readonly unknown[] = Array.isArray(statements) ? statements : [statements];
  const isWhole = list.every((each) => typeof each === 'object' && each !== null && ((each as Statement).Effect === 'Allow' || (each as Statement).Effect === 'Deny'));
  if (!isWhole) throw new SyncError('policy-damaged', { detail: 'a statement is missing or has no effect' });
  return { ...(value as PolicyDocument), Statement: list as readonly Statement[] };
}

/**
 * The policy with Enfold's statements for a place replaced by `statements`; every other statement stays as it is, in its order.
 *
 * @returns null where nothing is left.
 * @throws SyncError policy-edited, policy-too-large
 */
export function mergeStatements(policy: PolicyDocument, prefix: string, statements: readonly Statement[]): PolicyDocument | null {
  const edited = policy.Statement.find((statement) => originOf(statement, prefix) === 'edited');
  if (edited !== undefined) throw new SyncError('policy-edited', { detail: `its Sid is ${edited.Sid ?? ''}` });
  const others = policy.Statement.filter((statement) => originOf(statement, prefix) !== 'ours');
  const taken = statements.find(({ Sid }) => others.some((other) => other.Sid === Sid));
  if (taken !== undefined) throw new SyncError('policy-edited', { detail: `its Sid is ${taken.Sid ?? ''}` });
  const merged = [...others, ...statements];
  if (merged.length === 0) return null;
  const whole = { ...policy, Version: policy.Version ?? VERSION, Statement: merged };
  const sizeBytes = Buffer.byteLength(JSON.stringify(whole));
  if (sizeBytes > MAX_POLICY_BYTES) throw new SyncError('policy-too-large', { detail: `it would have ${sizeBytes} bytes` });
  return whole;
}

export const isSamePolicy = (a: PolicyDocument | null, b: PolicyDocument | null): boolean => canonical(a?.Statement ?? []) === canonical(b?.Statement ?? []);
