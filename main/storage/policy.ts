/**
 * Policies of buckets and KMS keys: parsed strictly, evaluated as AWS does. What a policy says and this storage cannot decide is refused
 * when the policy is put, so that no statement is ever ignored.
 */
import { S3Error } from './errors.ts';
import type { Principal } from './access-keys.ts';
import { checkVariables, hasVariables, holds, parseConditions, patternOf, wildcards, type Condition, type ValueOf } from './policy-conditions.ts';

export const ACCOUNT = '000000000000';
export const ROOT_ARN = `arn:aws:iam::${ACCOUNT}:root`;
const MAX_POLICY_BYTES = 20 * 1024;

type Pattern = (value: string, valueOf: ValueOf) => boolean;
type Statement = {
  readonly effect: 'Allow' | 'Deny';
  readonly principals: { readonly isNot: boolean; readonly names: readonly string[] };
  readonly actions: { readonly isNot: boolean; readonly patterns: readonly Pattern[] };
  readonly resources: { readonly isNot: boolean; readonly patterns: readonly Pattern[] };
  readonly conditions: readonly Condition[];
};
export type Policy = { readonly statements: readonly Statement[] };

export type PolicyRequest = {
  readonly principal: Principal;
  /** `s3:PutObject` */
  readonly action: string;
  readonly resource: string;
  readonly valueOf: ValueOf;
};

const malformed = (message: string): S3Error => new S3Error('MalformedPolicy', message);

function textsOf(value: unknown, problem: string): string[] {
  const list = Array.isArray(value) ? value as unknown[] : [value];
  if (list.length === 0) throw malformed(problem);
  return list.map((each) => {
    if (typeof each === 'string') return each;
    if (typeof each === 'boolean' || typeof each === 'number') return String(each);
    throw malformed(problem);
  });
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function principalsOf(statement: Record<string, unknown>): Statement['principals'] {
  const isNot = 'NotPrincipal' in statement;
  const value = isNot ? statement['NotPrincipal'] : statement['Principal'];
  if (value === undefined || (isNot && 'Principal' in statement)) throw malformed('Missing required field Principal');
  if (value === '*') return { isNot, names: ['*'] };
  if (!isObject(value) || Object.keys(value).length === 0) throw malformed('Invalid principal in policy');
  const others = Object.keys(value).filter((name) => name !== 'AWS');
  // Services and federated users do not exist here: allowing them nothing and denying them everything is the same.
  if (others.some((name) => !['CanonicalUser', 'Service', 'Federated'].includes(name))) throw malformed('Invalid principal in policy');
  const names = value['AWS'] === undefined ? [] : textsOf(value['AWS'], 'Invalid principal in policy');
  if (names.some((name) => name !== '*' && !/^(\d{12}|arn:aws[\w-]*:(iam|sts)::\d{12}:.+|[A-Z0-9]{16,32})$/.test(name))) throw malformed('Invalid principal in policy');
  return { isNot, names };
}

/**
 * @param scope - for `s3` the bucket whose resources the policy may name.
 * @throws S3Error MalformedPolicy; NotImplemented for what AWS knows and this storage does not decide
 */
export function parsePolicy(text: string, scope: { readonly service: 's3'; readonly bucketName: string } | { readonly service: 'kms' }): Policy {
  if (Buffer.byteLength(text) > MAX_POLICY_BYTES) throw malformed('Policy exceeds the maximum allowed document size.');
  let policy: unknown;
  try {
    policy = JSON.parse(text);
  } catch {
    throw malformed('Policies must be valid JSON and the first byte must be \'{\'');
  }
  if (!isObject(policy)) throw malformed('Policies must be valid JSON and the first byte must be \'{\'');
  const unknown = Object.keys(policy).find((name) => !['Version', 'Id', 'Statement'].includes(name));
  if (unknown !== undefined) throw malformed(`Unknown field ${unknown}`);
  const version = policy['Version'];
  if (version !== undefined && version !== '2012-10-17' && version !== '2008-10-17') throw malformed('The policy must contain a valid version string');
  if (policy['Statement'] === undefined) throw malformed('Missing required field Statement');
  const list = Array.isArray(policy['Statement']) ? policy['Statement'] as unknown[] : [policy['Statement']];
  if (list.length === 0) throw malformed('Could not parse the policy: Statement is empty!');
  return { statements: list.map((statement) => parseStatement(statement, scope)) };
}

const FIELDS = new Set(['Sid', 'Effect', 'Principal', 'NotPrincipal', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition']);

function parseStatement(statement: unknown, scope: Parameters<typeof parsePolicy>[1]): Statement {
  if (!isObject(statement)) throw malformed('Invalid policy syntax.');
  const unknown = Object.keys(statement).find((name) => !FIELDS.has(name));
  if (unknown !== undefined) throw malformed(`Unknown field ${unknown}`);
  const effect = statement['Effect'];
  if (effect === undefined) throw malformed('Missing required field Effect');
  if (effect !== 'Allow' && effect !== 'Deny') throw malformed(`Invalid effect: ${JSON.stringify(effect)}`);
  const principals = principalsOf(statement);

  const isNotAction = 'NotAction' in statement;
  if (!isNotAction && statement['Action'] === undefined) throw malformed('Missing required field Action');
  const actions = textsOf(isNotAction ? statement['NotAction'] : statement['Action'], 'Policy has invalid action');
  const isAction = (name: string): boolean => name === '*' || new RegExp(`^${scope.service}:[A-Za-z*?]+$`, 'i').test(name);
  if (!actions.every(isAction)) throw malformed('Policy has invalid action');

  const isNotResource = 'NotResource' in statement;
  if (!isNotResource && statement['Resource'] === undefined) throw malformed('Missing required field Resource');
  const resources = textsOf(isNotResource ? statement['NotResource'] : statement['Resource'], 'Policy has invalid resource');
  for (const resource of resources) checkVariables(resource, scope.service);
  if (scope.service === 's3') checkResources(resources, actions, isNotAction, scope.bucketName);
  return {
    effect, principals,
    actions: { isNot: isNotAction, patterns: actions.map((name) => patternOf(name, 'si')) },
    resources: { isNot: isNotResource, patterns: resources.map((name) => patternOf(name)) },
    conditions: parseConditions(statement['Condition'], scope.service),
  };
}

/** Actions on a bucket need the bucket's ARN, actions on objects that of objects; a statement that can never apply is a mistake. */
function checkResources(resources: readonly string[], actions: readonly string[], isNotAction: boolean, bucketName: string): void {
  const isOwn = (resource: string): boolean => {
    const path = /^arn:aws:s3:::(.+)$/.exec(resource)?.[1];
    const name = path?.split('/', 1)[0] ?? '';
    return path !== undefined && !hasVariables(name) && wildcards(name).test(bucketName);
  };
  if (!resources.every((resource) => isOwn(resource))) throw malformed('Policy has invalid resource');
  if (isNotAction || actions.some((name) => name.includes('*') || name.includes('?'))) return;
  const hasObjects = resources.some((resource) => resource.includes('/') || resource.endsWith('*'));
  const hasBucket = resources.some((resource) => !resource.includes('/'));
  if (!actions.every((name) => (isObjectAction(name) ? hasObjects : hasBucket))) throw malformed('Action does not apply to any resource(s) in statement');
}

const OBJECT_ACTIONS = new Set(['bypassgovernanceretention', 'restoreobject', 'listmultipartuploadparts', 'abortmultipartupload']);
const isObjectAction = (action: string): boolean => {
  const name = action.toLowerCase().slice('s3:'.length);
  return OBJECT_ACTIONS.has(name) || (/object/.test(name) && !/bucket|objectlockconfiguration/.test(name));
};

function namesPrincipal(names: readonly string[], principal: Principal, isDeny: boolean): boolean {
  return names.some((name) => name === '*' || name === principal.arn || name === principal.accessKeyId
    // The account stands for those of its access keys that the account has given everything; what it is denied, all are denied.
    || ((name === ROOT_ARN || name === ACCOUNT) && (isDeny || principal.hasFullAccess)));
}

/** What condition keys say about who asks and when, for any service. */
export function principalValue(principal: Principal, nowMs: number, name: string): string | undefined {
  switch (name) {
    case 'aws:principalarn': return principal.arn;
    case 'aws:username': return principal.isRoot ? undefined : principal.arn.split('/').at(-1);
    case 'aws:principalaccount': return principal.arn.split(':')[4];
    case 'aws:principaltype': return principal.isRoot ? 'Account' : 'User';
    case 'aws:userid': return principal.isRoot ? ACCOUNT : principal.accessKeyId;
    case 'aws:currenttime': return new Date(nowMs).toISOString();
    case 'aws:epochtime': return String(Math.floor(nowMs / 1000));
    case 'aws:principalisawsservice':
    case 'aws:viaawsservice': return 'false';
    default: return undefined;
  }
}

/** A denial wins over everything; `none` where no statement applies. */
export function evaluate(policy: Policy, request: PolicyRequest): 'allow' | 'deny' | 'none' {
  let result: 'allow' | 'none' = 'none';
  for (const { effect, principals, actions, resources, conditions } of policy.statements) {
    const isDeny = effect === 'Deny';
    const applies = namesPrincipal(principals.names, request.principal, isDeny) !== principals.isNot
      && actions.patterns.some((matches) => matches(request.action, request.valueOf)) !== actions.isNot
      && resources.patterns.some((matches) => matches(request.resource, request.valueOf)) !== resources.isNot
      && conditions.every((condition) => holds(condition, request.valueOf));
    if (!applies) continue;
    if (isDeny) return 'deny';
    result = 'allow';
  }
  return result;
}

/** Whether a policy gives anything to everybody. */
export const isPublic = (policy: Policy): boolean => policy.statements.some(({ effect, principals }) => effect === 'Allow' && (principals.isNot || principals.names.includes('*')));
