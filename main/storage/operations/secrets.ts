/** Secrets Manager, as far as keys are kept in it: create, read, and random passwords. Values lie sealed under the server master key. */
import { createSecretKey, randomBytes, randomInt, randomUUID } from 'node:crypto';
import { ServiceError } from '../errors.ts';
import type { WrappedKey } from '../key-ring.ts';
import type { Call, ServiceOperation } from '../json-services.ts';
import { ACCOUNT } from '../policy.ts';
import { CHUNK_BYTES, openChunk, sealChunk } from '../sealing.ts';

export type Secret = { readonly name: string; readonly arn: string; readonly createdMs: number; readonly versionId: string; readonly isText: boolean; readonly dataKey: WrappedKey; readonly sealed: string };

/** What the data key of a secret's value is wrapped for. */
export const secretKeyName = ({ arn, versionId }: Pick<Secret, 'arn' | 'versionId'>): string => `secret|${arn}|${versionId}`;

const MAX_SECRET_BYTES = CHUNK_BYTES;
const invalid = (message: string): ServiceError => new ServiceError('InvalidParameterException', message);

function requireAccount(call: Call, action: string): void {
  if (!call.principal.hasFullAccess) throw new ServiceError('AccessDeniedException', `User: ${call.principal.arn} is not authorized to perform: secretsmanager:${action}`);
}

function valueOf({ input }: Call): { readonly isText: boolean; readonly bytes: Buffer } {
  const text = input.optional('SecretString');
  if ((text === undefined) === !input.has('SecretBinary')) throw invalid('You must provide either SecretString or SecretBinary.');
  const bytes = text === undefined ? input.bytes('SecretBinary', MAX_SECRET_BYTES) : Buffer.from(text);
  if (bytes.length > MAX_SECRET_BYTES) throw invalid('The secret value is too long.');
  return { isText: text !== undefined, bytes };
}

const createSecret: ServiceOperation = async (call) => {
  requireAccount(call, 'CreateSecret');
  const { input, catalogue, keyRing } = call;
  const name = input.text('Name');
  if (!/^[\w/+=.@-]{1,512}$/.test(name)) throw new ServiceError('ValidationException', 'Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!');
  if (input.has('KmsKeyId')) throw new ServiceError('InvalidRequestException', 'A key of one\'s own for secrets is not implemented.');
  const { isText, bytes } = valueOf(call);
  const versionId = input.optional('ClientRequestToken') ?? randomUUID();
  const arn = `arn:aws:secretsmanager:${call.region}:${ACCOUNT}:secret:${name}-${randomBytes(3).toString('hex')}`;
  call.note(arn);
  const dataKey = randomBytes(32);
  // The data key seals this one value: its nonce may be the first.
  const sealed = Buffer.concat(sealChunk(createSecretKey(dataKey), 0, true, bytes)).toString('base64');
  const secret: Secret = { name, arn, createdMs: call.nowMs, versionId, isText, dataKey: keyRing.wrap(dataKey, secretKeyName({ arn, versionId })), sealed };
  dataKey.fill(0);
  await catalogue.commit(() => {
    if (catalogue.document('secret', name) !== null) throw new ServiceError('ResourceExistsException', `The operation failed because the secret ${name} already exists.`);
    catalogue.putDocument('secret', name, secret);
  });
  return { ARN: arn, Name: name, VersionId: versionId };
};

const getSecretValue: ServiceOperation = (call) => {
  requireAccount(call, 'GetSecretValue');
  const { input, catalogue, keyRing } = call;
  const id = input.text('SecretId');
  const name = id.startsWith('arn:') ? (/^arn:aws:secretsmanager:[^:]+:\d{12}:secret:(.+)-[^-]{6}$/.exec(id)?.[1] ?? '') : id;
  const secret = catalogue.document<Secret>('secret', name);
  const isMeant = secret !== null && (!id.startsWith('arn:') || secret.arn === id) && (input.optional('VersionStage') ?? 'AWSCURRENT') === 'AWSCURRENT'
    && (input.optional('VersionId') ?? secret.versionId) === secret.versionId;
  if (!isMeant) throw new ServiceError('ResourceNotFoundException', 'Secrets Manager can\'t find the specified secret.');
  call.note(secret.arn);
  const dataKey = keyRing.unwrap(secret.dataKey, secretKeyName(secret));
  const value = openChunk(createSecretKey(dataKey), 0, true, Buffer.from(secret.sealed, 'base64'));
  dataKey.fill(0);
  const members = secret.isText ? { SecretString: value.toString('utf8') } : { SecretBinary: value.toString('base64') };
  return { ARN: secret.arn, Name: secret.name, VersionId: secret.versionId, VersionStages: ['AWSCURRENT'], CreatedDate: secret.createdMs / 1000, ...members };
};

const KINDS = [
  ['ExcludeLowercase', 'abcdefghijklmnopqrstuvwxyz'], ['ExcludeUppercase', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'], ['ExcludeNumbers', '0123456789'], ['ExcludePunctuation', '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'],
] as const;

const getRandomPassword: ServiceOperation = (call) => {
  const { input } = call;
  const length = input.integer('PasswordLength', 1, 4096) ?? 32;
  const excluded = new Set(input.optional('ExcludeCharacters') ?? '');
  const kinds = KINDS.filter(([flag]) => !input.flag(flag)).map(([, characters]) => characters.split('').filter((character) => !excluded.has(character)));
  if (input.flag('IncludeSpace') && !excluded.has(' ')) kinds.push([' ']);
  const all = kinds.flat();
  const mustHaveEach = !input.has('RequireEachIncludedType') || input.flag('RequireEachIncludedType');
  const isPossible = all.length > 0 && (!mustHaveEach || (kinds.every((kind) => kind.length > 0) && length >= kinds.length));
  if (!isPossible) throw invalid('No password can be made of what is left.');
  for (;;) {
    // Drawn anew until every kind is there: no place in the password is less random than another.
    const password = Array.from({ length }, () => all[randomInt(all.length)] ?? '');
    if (!mustHaveEach || kinds.every((kind) => password.some((character) => kind.includes(character)))) return { RandomPassword: password.join('') };
  }
};

export const secretsOperations: ReadonlyMap<string, ServiceOperation> = new Map([['CreateSecret', createSecret], ['GetSecretValue', getSecretValue], ['GetRandomPassword', getRandomPassword]]);
