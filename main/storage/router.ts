/** Which operation a request asks for. What S3 has and this storage does not is refused as NotImplemented, never taken for something else. */
import { S3Error, notImplemented } from './errors.ts';
import type { Operation } from './operation.ts';
import { createBucket, deleteBucket, getAcl, getEncryption, getLocation, getVersioning, headBucket, listBuckets, notConfigured } from './operations/buckets.ts';
import { copyObject } from './operations/copy.ts';
import { listObjectVersions, listObjectsV1, listObjectsV2 } from './operations/listing.ts';
import { abortUpload, completeUpload, createUpload, listParts, listUploads, uploadPart, uploadPartCopy } from './operations/multipart.ts';
import { deleteObject, deleteObjects, getObject, getObjectTagging, headObject, putObject } from './operations/objects.ts';
import type { S3Request } from './request.ts';

/** Query names that choose an operation of their own. */
const BUCKET_RESOURCES = [
  'accelerate', 'acl', 'analytics', 'cors', 'delete', 'encryption', 'intelligent-tiering', 'inventory', 'lifecycle', 'location', 'logging', 'metadataConfiguration',
  'metadataTable', 'metrics', 'notification', 'object-lock', 'ownershipControls', 'policy', 'policyStatus', 'publicAccessBlock', 'replication', 'requestPayment',
  'session', 'tagging', 'uploads', 'versioning', 'versions', 'website', 'abac',
] as const;
const OBJECT_RESOURCES = ['acl', 'attributes', 'encryption', 'legal-hold', 'renameObject', 'restore', 'retention', 'select', 'tagging', 'torrent', 'uploads', 'uploadId'] as const;

const bucketReads: Partial<Record<(typeof BUCKET_RESOURCES)[number], Operation>> = {
  location: getLocation, versioning: getVersioning, encryption: getEncryption, acl: getAcl, uploads: listUploads, versions: listObjectVersions,
  policy: notConfigured('NoSuchBucketPolicy'), tagging: notConfigured('NoSuchTagSet'), cors: notConfigured('NoSuchCORSConfiguration'),
  lifecycle: notConfigured('NoSuchLifecycleConfiguration'), 'object-lock': notConfigured('ObjectLockConfigurationNotFoundError'),
};

const methodNotAllowed = (method: string): S3Error => new S3Error('MethodNotAllowed', undefined, { Method: method });

function routeBucket(request: S3Request): Operation {
  const resource = BUCKET_RESOURCES.find((name) => request.query.has(name));
  if (resource !== undefined) {
    const read = request.method === 'GET' ? bucketReads[resource] : undefined;
    if (read !== undefined) return read;
    if (request.method === 'POST' && resource === 'delete') return deleteObjects;
    throw notImplemented(resource);
  }
  switch (request.method) {
    case 'GET':
      return request.query.get('list-type') === '2' ? listObjectsV2 : listObjectsV1;
    case 'HEAD':
      return headBucket;
    case 'PUT':
      return createBucket;
    case 'DELETE':
      return deleteBucket;
    case 'POST':
      throw notImplemented('POST');
    default:
      throw methodNotAllowed(request.method);
  }
}

function routeObject(request: S3Request): Operation {
  const { method, query } = request;
  const resource = OBJECT_RESOURCES.find((name) => query.has(name));
  if (resource === 'uploadId') {
    switch (method) {
      case 'PUT':
        return request.header('x-amz-copy-source') === undefined ? uploadPart : uploadPartCopy;
      case 'POST':
        return completeUpload;
      case 'DELETE':
        return abortUpload;
      case 'GET':
        return listParts;
      default:
        throw methodNotAllowed(method);
    }
  }
  if (resource === 'uploads' && method === 'POST') return createUpload;
  if (resource === 'tagging' && method === 'GET') return getObjectTagging;
  if (resource !== undefined) throw notImplemented(resource);
  switch (method) {
    case 'GET':
      return getObject;
    case 'HEAD':
      return headObject;
    case 'PUT':
      return request.header('x-amz-copy-source') === undefined ? putObject : copyObject;
    case 'DELETE':
      return deleteObject;
    case 'POST':
      throw notImplemented('POST');
    default:
      throw methodNotAllowed(method);
  }
}

/** @throws S3Error NotImplemented, MethodNotAllowed */
export function route(request: S3Request): Operation {
  if (request.bucketName === null) {
    if (request.method === 'GET' && request.objectKey === null) return listBuckets;
    throw methodNotAllowed(request.method);
  }
  return request.objectKey === null ? routeBucket(request) : routeObject(request);
}
