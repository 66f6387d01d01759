/** The services that speak JSON on the same port, chosen by `X-Amz-Target`: KMS and Secrets Manager. */
import type { AccessKeys, Principal } from './access-keys.ts';
import type { AuditEntry } from './audit.ts';
import type { Authenticator } from './authenticate.ts';
import { S3Error, ServiceError } from './errors.ts';
import type { Answer, Storage } from './operation.ts';
import { ADMIN_PREFIX, ADMIN_SERVICE, adminOperations } from './operations/admin.ts';
import type { KmsUse } from './kms-keys.ts';
import { kmsOperations } from './operations/kms.ts';
import { secretsOperations } from './operations/secrets.ts';
import { sha256Hex } from '../sigv4/signature.ts';
import type { S3Request } from './request.ts';

const MAX_BODY_BYTES = 1024 * 1024;

export type Call = Storage & {
  readonly input: Input;
  readonly principal: Principal;
  readonly region: string;
  readonly nowMs: number;
  /** Where the call comes from, as policies ask. */
  readonly from: NonNullable<KmsUse['from']>;
  /** Tells the audit log which key or secret this is about. */
  readonly note: (arn: string) => void;
};
export type ServiceOperation = (call: Call) => Promise<Record<string, unknown>> | Record<string, unknown>;

/** The members of a request document, each read as what it must be. @throws ServiceError ValidationException */
export class Input {
  readonly #members: Readonly<Record<string, unknown>>;

  constructor(members: Readonly<Record<string, unknown>>) {
    this.#members = members;
  }

  optional(name: string): string | undefined {
    const value = this.#members[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') throw invalid(`${name} is not a string`);
    return value;
  }
  text(name: string): string {
    const value = this.optional(name);
    if (value === undefined) throw invalid(`1 validation error detected: Value at '${name}' failed to satisfy constraint: Member must not be null`);
    return value;
  }
  bytes(name: string, limit: number): Buffer {
    const text = this.text(name);
    const bytes = Buffer.from(text, 'base64');
    if (bytes.length === 0 || bytes.length > limit) throw invalid(`1 validation error detected: Value at '${name}' failed to satisfy constraint: Member must have length less than or equal to ${limit}`);
    return bytes;
  }
  integer(name: string, least: number, most: number): number | undefined {
    const value = this.#members[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) throw invalid(`${name} is not a whole number from ${least} to ${most}`);
    return value;
  }
  flag(name: string): boolean {
    return this.#members[name] === true;
  }
  map(name: string): Record<string, string> {
    const value = this.#members[name] ?? {};
    if (typeof value !== 'object' || Array.isArray(value) || !Object.values(value).every((each) => typeof each === 'string')) throw invalid(`${name} is not a map of strings`);
    return value as Record<string, string>;
  }
  has(name: string): boolean {
    return this.#members[name] !== undefined && this.#members[name] !== null;
  }
}

const invalid = (message: string): ServiceError => new ServiceError('ValidationException', message);

const services = [
  { prefix: 'TrentService.', service: 'kms', operations: kmsOperations },
  { prefix: 'secretsmanager.', service: 'secretsmanager', operations: secretsOperations },
  { prefix: ADMIN_PREFIX, service: ADMIN_SERVICE, operations: adminOperations },
] as const;

export const isServiceCall = (request: S3Request): boolean => request.method === 'POST' && request.path === '/' && request.header('x-amz-target') !== undefined;

async function readBody({ incoming, askForBody }: S3Request): Promise<Buffer> {
  askForBody();
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of incoming as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > MAX_BODY_BYTES) throw new ServiceError('SerializationException', 'The request is too long.');
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function parseInput(body: Buffer): Input {
  try {
    const members = JSON.parse(body.length === 0 ? '{}' : body.toString('utf8')) as unknown;
    if (typeof members === 'object' && members !== null && !Array.isArray(members)) return new Input(members as Record<string, unknown>);
  } catch {
    // Answered below.
  }
  throw new ServiceError('SerializationException', 'The request is no JSON object.');
}

/** What a refused signature is called by these services. */
function ofSignature(error: S3Error): ServiceError {
  switch (error.code) {
    case 'InvalidAccessKeyId':
      return new ServiceError('UnrecognizedClientException', 'The security token included in the request is invalid.');
    case 'SignatureDoesNotMatch':
    case 'RequestTimeTooSkewed':
      return new ServiceError('InvalidSignatureException', error.message);
    case 'AuthorizationHeaderMalformed':
      return new ServiceError('IncompleteSignatureException', error.message);
    default:
      return new ServiceError('MissingAuthenticationTokenException', error.message);
  }
}

const jsonAnswer = (status: number, requestId: string, members: Record<string, unknown>): Answer => ({
  status, headers: ['Content-Type', 'application/x-amz-json-1.1', 'x-amzn-RequestId', requestId], body: JSON.stringify(members),
});

type Server = { readonly storage: Storage; readonly authenticate: Authenticator; readonly principalOf: AccessKeys['principalOf']; readonly nowMs: number };

/** Answers one call; refusals are answers too. Only what is the server's own fault is thrown. */
export async function performServiceCall(server: Server, request: S3Request, entry: AuditEntry, requestId: string, answered: (status: number, error?: string) => void): Promise<Answer> {
  try {
    const target = request.header('x-amz-target') ?? '';
    const body = await readBody(request);
    const known = services.find(({ prefix }) => target.startsWith(prefix));
    if (known === undefined) throw new ServiceError('UnknownOperationException');
    const name = target.slice(known.prefix.length);
    entry.action = `${known.service}:${name}`;
    const { accessKeyId, region } = authenticated(server, request, known.service, body);
    const principal = server.principalOf(accessKeyId);
    entry.who = principal.arn;
    entry.accessKeyId = accessKeyId;
    const operation = known.operations.get(name);
    if (operation === undefined) throw new ServiceError('UnknownOperationException', `${name} is not implemented.`);
    const note = (arn: string): void => {
      entry.keyArn = arn;
    };
    const result = await operation({ ...server.storage, input: parseInput(body), principal, region, nowMs: server.nowMs, from: { address: request.incoming.socket.remoteAddress, isSecure: request.isSecure, userAgent: request.header('user-agent') }, note });
    answered(200);
    return jsonAnswer(200, requestId, result);
  } catch (error) {
    if (error instanceof ServiceError) {
      answered(400, error.type);
      return jsonAnswer(400, requestId, { __type: error.type, message: error.message });
    }
    throw error;
  }
}

function authenticated({ authenticate, nowMs }: Server, request: S3Request, service: string, body: Buffer): { readonly accessKeyId: string; readonly region: string } {
  const bodySha256 = sha256Hex(body);
  try {
    const given = request.header('x-amz-content-sha256');
    if (given !== undefined && given !== bodySha256) throw new S3Error('SignatureDoesNotMatch');
    return authenticate(request, nowMs, { service, bodySha256 });
  } catch (error) {
    throw error instanceof S3Error ? ofSignature(error) : error;
  }
}
