/** Who may do what: the bucket's policy on top of what the access key may do anyway. */
import { CUSTOMER_HEADERS } from './customer-key.ts';
import { S3Error, ServiceError } from './errors.ts';
import type { Context } from './operation.ts';
import type { TLSSocket } from 'node:tls';
import { parseAmzDate } from '../sigv4/signature.ts';
import { ACCOUNT, evaluate, parsePolicy, principalValue, type Policy } from './policy.ts';
import type { Bucket, EncryptionRecord } from './records.ts';
import type { S3Request } from './request.ts';
import { tagsOfHeader, type Tags } from './tags.ts';

const parsed = new Map<string, Policy>();

function policyOf(bucket: Bucket): Policy | null {
  const text = bucket.settings.policy;
  if (text === undefined) return null;
  let policy = parsed.get(text);
  if (policy === undefined) {
    policy = parsePolicy(text, { service: 's3', bucketName: bucket.name });
    if (parsed.size > 100) parsed.clear();
    parsed.set(text, policy);
  }
  return policy;
}

const SSE = 'x-amz-server-side-encryption';
/** Condition keys that are a header of the same name. */
const HEADER_KEYS = new Set(['x-amz-acl', 'x-amz-copy-source', 'x-amz-metadata-directive', 'x-amz-storage-class', 'x-amz-content-sha256', 'if-match', 'if-none-match', SSE, `${CUSTOMER_HEADERS}algorithm`]);

function kmsArnOf(context: Context, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  try {
    return context.kms.find(name).arn;
  } catch (error) {
    if (error instanceof ServiceError) return name;
    throw error;
  }
}

/** Parts are judged by how their upload was begun, which is where its encryption was said. */
function encryptionOfUpload(context: Context, bucket: Bucket): EncryptionRecord | null {
  const { request } = context;
  const id = request.query.get('uploadId');
  return id === undefined || request.objectKey === null ? null : (context.catalogue.upload(id, bucket.id, request.objectKey)?.encryption ?? null);
}

/** Condition keys are read in lower case, and the names of tags are not: the first that is the same but for that. */
const tagNamed = (tags: Tags, lowerName: string): string | undefined => Object.entries(tags).find(([name]) => name.toLowerCase() === lowerName)?.[1];

/** The tags of the object that is asked for, as it is before the request. */
function existingTag(context: Context, bucket: Bucket, objectKey: string | null, tag: string): string | undefined {
  const { request, catalogue } = context;
  if (objectKey === null) return undefined;
  const versionId = objectKey === request.objectKey ? request.query.get('versionId') : undefined;
  const object = versionId === undefined ? catalogue.latest(bucket.id, objectKey) : catalogue.version(bucket.id, objectKey, versionId);
  return tagNamed(object?.tags ?? {}, tag);
}

/** The tags the request would give the object; parts have those of their upload. */
function requestTags(context: Context, bucket: Bucket): Tags {
  const { request } = context;
  const id = request.query.get('uploadId');
  const upload = id === undefined || request.objectKey === null ? null : context.catalogue.upload(id, bucket.id, request.objectKey);
  return context.requestTags ?? upload?.tags ?? tagsOfHeader(request) ?? {};
}

/** Whether a `s3:PutObject` makes an object: beginning an upload and adding parts to it do not. */
function isCreation({ method, query }: S3Request): boolean {
  return query.has('uploadId') ? method === 'POST' : !query.has('uploads');
}

function valueOf(context: Context, bucket: Bucket, objectKey: string | null, name: string): string | readonly string[] | undefined {
  const { request, principal } = context;
  const common = principalValue(principal, context.nowMs, name);
  if (common !== undefined) return common;
  if (name.startsWith(EXISTING_TAG)) return existingTag(context, bucket, objectKey, name.slice(EXISTING_TAG.length));
  if (name.startsWith(REQUEST_TAG)) return tagNamed(requestTags(context, bucket), name.slice(REQUEST_TAG.length));
  switch (name) {
    case 'aws:securetransport': return String(request.isSecure);
    case 'aws:sourceip': return request.incoming.socket.remoteAddress;
    case 'aws:useragent': return request.header('user-agent');
    case 'aws:referer': return request.header('referer');
    case 'aws:resourceaccount':
    case 's3:resourceaccount': return ACCOUNT;
    case 's3:tlsversion': return tlsVersionOf(request);
    case 's3:signatureage': return signatureAgeOf(context);
    case 's3:requestobjecttagkeys': return Object.keys(requestTags(context, bucket));
    case 's3:objectcreationoperation': return String(isCreation(request));
    case 'aws:requestedregion': return bucket.region;
    case 's3:prefix': return request.query.get('prefix');
    case 's3:delimiter': return request.query.get('delimiter');
    case 's3:max-keys': return request.query.get('max-keys');
    case 's3:versionid': return request.query.get('versionId');
    case 's3:authtype': return request.header('authorization') === undefined ? 'REST-QUERY-STRING' : 'REST-HEADER';
    case 's3:signatureversion': return 'AWS4-HMAC-SHA256';
    default: break;
  }
  const upload = encryptionOfUpload(context, bucket);
  if (upload !== null && name === `s3:${SSE}`) return upload.type === 'sse-s3' ? 'AES256' : upload.type === 'sse-kms' ? upload.algorithm : undefined;
  if (upload !== null && name === `s3:${CUSTOMER_HEADERS}algorithm`) return upload.type === 'sse-c' ? 'AES256' : undefined;
  if (name === `s3:${SSE}-aws-kms-key-id`) return upload === null ? kmsArnOf(context, request.header(`${SSE}-aws-kms-key-id`)) : upload.type === 'sse-kms' ? upload.keyArn : undefined;
  const header = name.slice('s3:'.length);
  return HEADER_KEYS.has(header) ? request.header(header) : undefined;
}

const EXISTING_TAG = 's3:existingobjecttag/';
const REQUEST_TAG = 's3:requestobjecttag/';

function tlsVersionOf({ incoming }: S3Request): string | undefined {
  const protocol = 'getProtocol' in incoming.socket ? (incoming.socket as TLSSocket).getProtocol() : null;
  return protocol?.replace(/^TLSv/, '');
}

/** Milliseconds since the request was signed. */
function signatureAgeOf({ request, nowMs }: Context): string | undefined {
  const signedMs = parseAmzDate(request.query.get('X-Amz-Date') ?? request.header('x-amz-date') ?? '');
  return signedMs === null ? undefined : String(Math.max(0, nowMs - signedMs));
}

function authorize(context: Context, bucket: Bucket, action: string, resource: string, objectKey: string | null = null): void {
  const policy = policyOf(bucket);
  const { principal } = context;
  const decision = policy === null ? 'none' : evaluate(policy, { principal, action, resource, valueOf: (name) => valueOf(context, bucket, objectKey, name) });
  if (decision === 'allow' || (decision === 'none' && principal.hasFullAccess)) return;
  // Whatever a policy says, the root access key can take it back.
  if (principal.isRoot && /^s3:(Get|Put|Delete)BucketPolicy$/.test(action)) return;
  throw new S3Error('AccessDenied', `User: ${principal.arn} is not authorized to perform: ${action} on resource: "${resource}"${decision === 'deny' ? ' with an explicit deny in a resource-based policy' : ''}`);
}

/** @throws S3Error AccessDenied */
export function authorizeObject(context: Context, bucket: Bucket, action: string, objectKey: string): void {
  authorize(context, bucket, action, `arn:aws:s3:::${bucket.name}/${objectKey}`, objectKey);
}

/** The action a request is, as policies name it. Null: it is about no bucket, or judged key by key. */
export function actionOf(request: S3Request): string | null {
  const { method, query } = request;
  const isRead = method === 'GET' || method === 'HEAD';
  if (request.bucketName === null) return isRead ? 's3:ListAllMyBuckets' : null;
  const names = request.objectKey === null ? bucketResources : objectResources;
  for (const [resource, name] of names) {
    if (!query.has(resource)) continue;
    if (typeof name === 'function') return name(method);
    const hasVersion = query.has('versionId') && request.objectKey !== null ? 'Version' : '';
    const isDeletion = method === 'DELETE' && (resource === 'tagging' || resource === 'policy') ? 'Delete' : 'Put';
    return `s3:${isRead ? 'Get' : isDeletion}${name.replace('Object', `Object${hasVersion}`)}`;
  }
  if (request.objectKey === null) {
    if (isRead) return 's3:ListBucket';
    return method === 'PUT' ? 's3:CreateBucket' : 's3:DeleteBucket';
  }
  const version = query.has('versionId') ? 'Version' : '';
  if (isRead) return `s3:GetObject${version}`;
  return method === 'DELETE' ? `s3:DeleteObject${version}` : 's3:PutObject';
}

type Name = string | ((method: string) => string | null);
const bucketResources: readonly (readonly [string, Name])[] = [
  ['delete', () => null], ['uploads', () => 's3:ListBucketMultipartUploads'], ['versions', () => 's3:ListBucketVersions'], ['location', 'BucketLocation'], ['versioning', 'BucketVersioning'],
  ['encryption', 'EncryptionConfiguration'], ['policyStatus', 'BucketPolicyStatus'], ['policy', 'BucketPolicy'], ['lifecycle', 'LifecycleConfiguration'], ['tagging', (method) => (method === 'GET' ? 's3:GetBucketTagging' : 's3:PutBucketTagging')],
  ['acl', 'BucketAcl'], ['cors', 'BucketCORS'], ['publicAccessBlock', 'BucketPublicAccessBlock'], ['ownershipControls', 'BucketOwnershipControls'], ['object-lock', 'BucketObjectLockConfiguration'],
];
const objectResources: readonly (readonly [string, Name])[] = [
  ['uploads', () => 's3:PutObject'], ['tagging', 'ObjectTagging'], ['acl', 'ObjectAcl'], ['encryption', () => 's3:UpdateObjectEncryption'],
  ['uploadId', (method) => (method === 'GET' ? 's3:ListMultipartUploadParts' : method === 'DELETE' ? 's3:AbortMultipartUpload' : 's3:PutObject')],
];

/** Tags that come in the body: judged by the operation, once it has read them. */
const TAGGING = /^s3:PutObject(Version)?Tagging$/;

/** @throws S3Error AccessDenied */
export function authorizeTags(context: Context & { readonly requestTags: Tags }): void {
  authorizeRequest(context, actionOf(context.request));
}

/** Whoever says whose bucket it must be meets no other's; every bucket here is of the one account. */
function checkOwner({ request }: Context): void {
  for (const name of ['x-amz-expected-bucket-owner', 'x-amz-source-expected-bucket-owner']) {
    const expected = request.header(name);
    if (expected !== undefined && request.bucketName !== null && expected !== ACCOUNT) throw new S3Error('AccessDenied', 'Access Denied');
  }
}

/** Judges a request before its operation runs. @throws S3Error AccessDenied */
export function authorizeRequest(context: Context, action: string | null): void {
  checkOwner(context);
  const { request, principal } = context;
  if (action === null || (TAGGING.test(action) && context.requestTags === undefined)) return;
  const bucket = request.bucketName === null ? null : context.catalogue.bucket(request.bucketName);
  if (bucket === null) {
    // No policy speaks of what is not there; the operation says so to who may know.
    if (principal.hasFullAccess) return;
    throw new S3Error('AccessDenied', `User: ${principal.arn} is not authorized to perform: ${action}`);
  }
  if (request.objectKey === null) authorize(context, bucket, action, `arn:aws:s3:::${bucket.name}`);
  else authorizeObject(context, bucket, action, request.objectKey);
}
