/**
 * The conditions of policies: which operators and keys there are, and when a condition holds, as IAM defines it. Operators that IAM does not
 * know are malformed; keys that AWS knows and this storage cannot decide are refused when the policy is put.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
import { BlockList, isIP } from 'node:net';
import { S3Error, notImplemented } from './errors.ts';

/** The value, or values, of a condition key, lower case, in a request; undefined where it has none. */
export type ValueOf = (name: string) => string | readonly string[] | undefined;
type Test = (value: string, valueOf: ValueOf) => boolean;
export type Condition = {
  readonly name: string;
  /** Over the values of a key that has several; null: it has one. */
  readonly quantifier: 'all' | 'any' | null;
  readonly isOptional: boolean;
  readonly isNegated: boolean;
  /** `Null`: whether the key is to be missing; any of these. */
  readonly isMissing: readonly boolean[] | null;
  /** One per value of the policy. */
  readonly tests: readonly Test[];
};

const malformed = (message: string): S3Error => new S3Error('MalformedPolicy', message);
const badValue = (): S3Error => malformed('Policy has an invalid condition value');

/** Keys that requests here may have a value for, lower case. */
const COMMON_KEYS = ['aws:principalarn', 'aws:username', 'aws:principalaccount', 'aws:principaltype', 'aws:userid', 'aws:currenttime', 'aws:epochtime', 'aws:principalisawsservice', 'aws:viaawsservice'];
const S3_KEYS = new Set([
  ...COMMON_KEYS, 'aws:securetransport', 'aws:sourceip', 'aws:useragent', 'aws:referer', 'aws:resourceaccount', 's3:resourceaccount',
  's3:x-amz-server-side-encryption', 's3:x-amz-server-side-encryption-aws-kms-key-id', 's3:x-amz-server-side-encryption-customer-algorithm', 's3:x-amz-acl', 's3:x-amz-copy-source',
  's3:requestobjecttagkeys', 's3:objectcreationoperation', 'aws:requestedregion', 's3:x-amz-metadata-directive', 's3:x-amz-storage-class', 's3:x-amz-content-sha256', 's3:prefix', 's3:delimiter', 's3:max-keys', 's3:versionid', 's3:if-match', 's3:if-none-match', 's3:authtype',
  's3:signatureversion', 's3:signatureage', 's3:tlsversion',
]);
const KMS_KEYS = new Set([
  ...COMMON_KEYS, 'aws:securetransport', 'aws:sourceip', 'aws:useragent', 'aws:requestedregion', 'aws:resourceaccount', 'kms:calleraccount', 'kms:viaservice', 'kms:encryptioncontextkeys', 'kms:requestalias', 'kms:resourcealiases',
  'kms:keyspec', 'kms:keyusage', 'kms:keyorigin', 'kms:multiregion', 'kms:encryptionalgorithm', 'kms:schedulekeydeletionpendingwindowindays', 'kms:reencryptonsamekey',
]);
/** Keys of what does not exist here - networks, organisations, roles, other services -: no request has a value for them, as none on AWS has that comes from elsewhere. */
const ABSENT_KEYS = new Set([
  'aws:sourcevpc', 'aws:sourcevpce', 'aws:vpcsourceip', 'aws:principalorgid', 'aws:principalorgpaths', 'aws:resourceorgid', 'aws:resourceorgpaths', 'aws:sourcearn', 'aws:sourceaccount', 'aws:sourceorgid',
  'aws:sourceorgpaths', 'aws:calledvia', 'aws:calledviafirst', 'aws:calledvialast', 'aws:multifactorauthpresent', 'aws:multifactorauthage', 'aws:tokenissuetime', 'aws:federatedprovider',
  's3:dataaccesspointarn', 's3:dataaccesspointaccount', 's3:accesspointnetworkorigin', 's3:accessgrantsinstancearn', 's3:object-lock-mode', 's3:object-lock-retain-until-date', 's3:object-lock-remaining-retention-days', 's3:object-lock-legal-hold',
  'aws:sourceidentity', 'aws:ec2instancesourcevpc', 'aws:ec2instancesourceprivateipv4', 'aws:principalservicename', 'aws:principalservicenameslist', 'aws:assumedroot', 'aws:vpceaccount', 'aws:vpceorgid', 'aws:vpceorgpaths', 'aws:tagkeys',
  's3:x-amz-object-ownership', 'kms:grantisforawsresource', 'kms:granteeprincipal', 'kms:retiringprincipal', 'kms:grantconstrainttype', 'kms:grantoperations', 'kms:bypasspolicylockoutsafetycheck',
  's3:x-amz-website-redirect-location', 's3:x-amz-grant-full-control', 's3:x-amz-grant-read', 's3:x-amz-grant-read-acp', 's3:x-amz-grant-write', 's3:x-amz-grant-write-acp',
]);
const OBJECT_TAG = /^s3:(existing|request)objecttag\/.{1,128}$/;
const ENCRYPTION_CONTEXT = /^kms:encryptioncontext:.+$/s;
/** Identities have no tags here, and those of buckets and requests count only where that was switched on, which it cannot be. */
const ABSENT_TAG = /^(aws:(principal|resource|request)tag|s3:buckettag)\/.{1,128}$/;

export type ConditionScope = 's3' | 'kms';

function isKnownKey(name: string, scope: ConditionScope): boolean {
  if (ABSENT_KEYS.has(name) || ABSENT_TAG.test(name)) return true;
  return scope === 's3' ? S3_KEYS.has(name) || OBJECT_TAG.test(name) : KMS_KEYS.has(name) || ENCRYPTION_CONTEXT.test(name);
}

/** `*` and `?` as wildcards, all else as it stands. */
export function wildcards(text: string, flags = 's'): RegExp {
  return new RegExp(`^${text.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`, flags);
}

const VARIABLE = /\$\{([^}]*)\}/g;
const ESCAPED = new Set(['*', '?', '$']);
const PLAIN = '\u0000';

export const hasVariables = (text: string): boolean => text.includes('${');

/** @throws S3Error MalformedPolicy, NotImplemented where a policy variable is one that no request here has */
export function checkVariables(text: string, scope: ConditionScope): void {
  for (const [, inside = ''] of text.matchAll(VARIABLE)) {
    const name = (inside.split(',')[0] ?? '').trim().toLowerCase();
    if (ESCAPED.has(name)) continue;
    if (!/^(aws|s3|kms):/.test(name)) throw malformed('Policy has an invalid variable');
    if (!isKnownKey(name, scope)) throw notImplemented(inside);
  }
}

/**
 * Puts the request's values in the place of policy variables, `${aws:username}` or `${aws:username, 'nobody'}`.
 *
 * @returns null where a value is missing: what needs it then matches nothing. Characters that are not wildcards any more stand behind NUL.
 */
function substitute(text: string, valueOf: ValueOf): string | null {
  let isMissing = false;
  const literal = (value: string): string => value.replace(/[*?]/g, `${PLAIN}$&`);
  const filled = text.replace(VARIABLE, (_all, inside: string) => {
    const [name = '', fallback] = inside.split(/,(.*)/s);
    if (ESCAPED.has(name.trim())) return literal(name.trim());
    const value = valueOf(name.trim().toLowerCase());
    if (typeof value === 'string') return literal(value);
    const given = /^\s*'(.*)'\s*$/s.exec(fallback ?? '')?.[1];
    if (given === undefined) isMissing = true;
    return literal(given ?? '');
  });
  return isMissing ? null : filled;
}

const withoutMarks = (text: string): string => text.replaceAll(PLAIN, '');

// oxlint-disable-next-line no-control-regex -- the mark of `substitute`
const MARKED = /(\u0000[*?])/;

function wildcardsOf(text: string, flags: string): RegExp {
  const source = text.split(MARKED).map((piece) => (piece.startsWith(PLAIN) ? `\\${piece[1] ?? ''}` : wildcards(piece, flags).source.slice(1, -1))).join('');
  return new RegExp(`^${source}$`, flags);
}

/** A pattern that may hold policy variables: compiled once where it holds none. */
export function patternOf(text: string, flags = 's'): (value: string, valueOf: ValueOf) => boolean {
  if (!hasVariables(text)) {
    const pattern = wildcards(text, flags);
    return (value) => pattern.test(value);
  }
  return (value, valueOf) => {
    const filled = substitute(text, valueOf);
    return filled !== null && wildcardsOf(filled, flags).test(value);
  };
}

/** ARNs are compared part by part: a wildcard does not reach over a colon, but in the last part. */
function arnTest(text: string): Test {
  if (!/^(arn|\*|\$\{)/.test(text)) throw badValue();
  if (!/^arn:/.test(text)) return patternOf(text);
  const parts = text.split(':');
  const tests = [...parts.slice(0, 5), parts.slice(5).join(':')].map((part) => patternOf(part));
  return (value, valueOf) => {
    const given = value.split(':');
    const six = [...given.slice(0, 5), given.slice(5).join(':')];
    return given.length >= 6 && tests.every((test, index) => test(six[index] ?? '', valueOf));
  };
}

function ipTest(text: string): Test {
  const [address = '', bits] = text.split('/');
  const version = isIP(address);
  const most = version === 6 ? 128 : 32;
  const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : 129;
  if (version === 0 || prefix > most) throw badValue();
  const range = new BlockList();
  range.addSubnet(address, prefix, version === 6 ? 'ipv6' : 'ipv4');
  return (value) => {
    const plain = value.replace(/^::ffff:(?=\d+\.)/i, '');
    return isIP(plain) !== 0 && range.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
  };
}

/** ISO 8601, or seconds since 1970. */
function timeOf(text: string): number {
  const timeMs = /^\d{1,12}(\.\d+)?$/.test(text) ? Number(text) * 1000 : /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:?\d{2})?)?$/.test(text) ? Date.parse(text) : Number.NaN;
  return timeMs;
}

const comparisons: Readonly<Record<string, (value: number, wanted: number) => boolean>> = {
  Equals: (value, wanted) => value === wanted, NotEquals: (value, wanted) => value === wanted,
  LessThan: (value, wanted) => value < wanted, LessThanEquals: (value, wanted) => value <= wanted, GreaterThan: (value, wanted) => value > wanted, GreaterThanEquals: (value, wanted) => value >= wanted,
};

function ordered(kind: string, parse: (text: string) => number): (text: string) => Test {
  const compare = comparisons[kind] ?? (() => false);
  return (text) => {
    const wanted = parse(text);
    if (Number.isNaN(wanted)) throw badValue();
    return (value) => {
      const given = parse(value);
      return !Number.isNaN(given) && compare(given, wanted);
    };
  };
}
const numberOf = (text: string): number => (/^-?\d{1,15}(\.\d+)?$/.test(text) ? Number(text) : Number.NaN);

/** Exactly the text, policy variables filled in. */
const exact = (fold: (text: string) => string) => (text: string): Test => {
  if (!hasVariables(text)) return (value) => fold(value) === fold(text);
  return (value, valueOf) => {
    const filled = substitute(text, valueOf);
    return filled !== null && fold(withoutMarks(filled)) === fold(value);
  };
};
const same = (text: string): string => text;
const lower = (text: string): string => text.toLowerCase();

function flagTest(text: string): Test {
  if (!/^(true|false)$/i.test(text)) throw badValue();
  return (value) => lower(value) === lower(text);
}

function binaryTest(text: string): Test {
  if (Buffer.from(text, 'base64').toString('base64') !== text) throw badValue();
  return (value) => value === text;
}

/** How one value of the policy is tested, by operator; those with `Not` say when it does not hold. */
const operators: ReadonlyMap<string, (text: string) => Test> = new Map<string, (text: string) => Test>([
  ['StringEquals', exact(same)], ['StringNotEquals', exact(same)], ['StringEqualsIgnoreCase', exact(lower)], ['StringNotEqualsIgnoreCase', exact(lower)],
  ['StringLike', (text) => patternOf(text)], ['StringNotLike', (text) => patternOf(text)],
  ['ArnEquals', arnTest], ['ArnNotEquals', arnTest], ['ArnLike', arnTest], ['ArnNotLike', arnTest],
  ['IpAddress', ipTest], ['NotIpAddress', ipTest], ['Bool', flagTest], ['BinaryEquals', binaryTest],
  ...Object.keys(comparisons).flatMap((kind): [string, (text: string) => Test][] => [[`Numeric${kind}`, ordered(kind, numberOf)], [`Date${kind}`, ordered(kind, timeOf)]]),
]);
const byLowerName = new Map([...operators.keys(), 'Null'].map((name) => [name.toLowerCase(), name]));

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function textsOf(value: unknown): string[] {
  const list = Array.isArray(value) ? value as unknown[] : [value];
  if (list.length === 0) throw badValue();
  return list.map((each) => {
    if (typeof each === 'string') return each;
    if (typeof each === 'boolean' || typeof each === 'number') return String(each);
    throw badValue();
  });
}

/** @throws S3Error MalformedPolicy; NotImplemented for a key that AWS knows and this storage does not decide */
export function parseConditions(value: unknown, scope: ConditionScope): Condition[] {
  if (value === undefined) return [];
  if (!isObject(value)) throw malformed('Invalid Condition type');
  return Object.entries(value).flatMap(([spelled, tests]) => {
    const found = /^(?:For(All|Any)Values?:)?([A-Za-z]+?)(IfExists)?$/i.exec(spelled);
    const operator = byLowerName.get((found?.[2] ?? '').toLowerCase());
    const isOptional = found?.[3] !== undefined;
    const quantifier = found?.[1] === undefined ? null : found[1].toLowerCase() === 'all' ? 'all' as const : 'any' as const;
    if (operator === undefined || !isObject(tests) || (operator === 'Null' && (isOptional || quantifier !== null))) throw malformed(`Invalid Condition type : ${spelled}`);
    return Object.entries(tests).map(([key, values]): Condition => {
      const name = key.toLowerCase();
      if (!/^(s3|aws|kms):/.test(name)) throw malformed('Policy has an invalid condition key');
      if (!isKnownKey(name, scope)) throw notImplemented(key);
      const texts = textsOf(values);
      for (const text of texts) checkVariables(text, scope);
      const common = { name, quantifier, isOptional, isNegated: operator.includes('Not') };
      if (operator !== 'Null') return { ...common, isMissing: null, tests: texts.map((text) => operators.get(operator)?.(text) ?? (() => false)) };
      return { ...common, tests: [], isMissing: texts.map((text) => {
        if (!/^(true|false)$/i.test(text)) throw badValue();
        return lower(text) === 'true';
      }) };
    });
  });
}

export function holds({ name, quantifier, isOptional, isNegated, isMissing, tests }: Condition, valueOf: ValueOf): boolean {
  const found = valueOf(name);
  const values = found === undefined ? [] : typeof found === 'string' ? [found] : found;
  if (isMissing !== null) return isMissing.includes(values.length === 0);
  const fits = (value: string): boolean => tests.some((test) => test(value, valueOf)) !== isNegated;
  if (quantifier === 'all') return values.every(fits);
  if (values.length === 0) return isOptional || (isNegated && quantifier === null);
  // Negated and without a quantifier: none of the values may match.
  return quantifier === null && isNegated ? values.every(fits) : values.some(fits);
}
