/** Which operation a request asks for. What S3 has and this storage does not is refused as NotImplemented, never taken for something else. */
import { S3Error, notImplemented } from './errors.ts';
import type { Operation } from './operation.ts';
import { createBucket, deleteBucket, getAcl, getLocation, headBucket, listBuckets, notConfigured } from './operations/buckets.ts';
import {
  deleteDocument, deleteEncryption, deleteOwnership, deletePolicy, deletePublicAccessBlock, getDocument, getEncryption, getOwnership, getPolicy, getPolicyStatus, getPublicAccessBlock, getVersioning,
  putDocument, putEncryption, putOwnership, putPolicy, putPublicAccessBlock, putVersioning,
} from './operations/bucket-settings.ts';
import { copyObject } from './operations/copy.ts';
import { listObjectVersions, listObjectsV1, listObjectsV2 } from './operations/listing.ts';
import { abortUpload, completeUpload, createUpload, listParts, listUploads, uploadPart, uploadPartCopy } from './operations/multipart.ts';
import { deleteObject, deleteObjects, getObject, headObject, putObject } from './operations/objects.ts';
import { deleteObjectTagging, getObjectTagging, putObjectTagging, updateObjectEncryption } from './operations/object-settings.ts';
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
  policy: getPolicy, policyStatus: getPolicyStatus, publicAccessBlock: getPublicAccessBlock, ownershipControls: getOwnership, tagging: getDocument('tagging'), cors: getDocument('cors'),
  lifecycle: getDocument('lifecycle'), 'object-lock': notConfigured('ObjectLockConfigurationNotFoundError'),
};
const bucketWrites: typeof bucketReads = {
  versioning: putVersioning, encryption: putEncryption, policy: putPolicy, publicAccessBlock: putPublicAccessBlock, ownershipControls: putOwnership,
  tagging: putDocument('tagging'), cors: putDocument('cors'), lifecycle: putDocument('lifecycle'),
};
const bucketDeletions: typeof bucketReads = {
  encryption: deleteEncryption, policy: deletePolicy, publicAccessBlock: deletePublicAccessBlock, ownershipControls: deleteOwnership,
  tagging: deleteDocument('tagging'), cors: deleteDocument('cors'), lifecycle: deleteDocument('lifecycle'),
};
const bucketOperations: Readonly<Record<string, typeof bucketReads>> = { GET: bucketReads, PUT: bucketWrites, DELETE: bucketDeletions };
const taggings: Readonly<Record<string, Operation>> = { GET: getObjectTagging, PUT: putObjectTagging, DELETE: deleteObjectTagging };

const methodNotAllowed = (method: string): S3Error => new S3Error('MethodNotAllowed', undefined, { Method: method });

function routeBucket(request: S3Request): Operation {
  const resource = BUCKET_RESOURCES.find((name) => request.query.has(name));
  if (resource !== undefined) {
    const operation = bucketOperations[request.method]?.[resource];
    if (operation !== undefined) return operation;
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
  const tagging = resource === 'tagging' ? taggings[method] : undefined;
  if (tagging !== undefined) return tagging;
  if (resource === 'encryption' && method === 'PUT') return updateObjectEncryption;
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
