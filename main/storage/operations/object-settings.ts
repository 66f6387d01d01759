/** What can be changed of an object without writing it again: its tags, and who can unwrap its data key. */
import { authorizeTags } from '../authorize.ts';
import { receiveAll } from '../body.ts';
import { openDataKey, wrapDataKey, type Wish } from '../encryption.ts';
import { S3Error } from '../errors.ts';
import { requireBucket, requireKey, xmlAnswer, type Answer, type Context, type Operation } from '../operation.ts';
import type { EncryptionRecord, ObjectRecord } from '../records.ts';
import { tagsDocument, tagsOfDocument, type Tags } from '../tags.ts';
import { requireVersion, versionHeaders } from '../versions.ts';
import { childText, parseXml } from '../xml.ts';

const MAX_XML_BYTES = 64 * 1024;

function find(context: Context): { readonly object: ObjectRecord; readonly headers: readonly string[] } {
  const bucket = requireBucket(context, context.request.bucketName);
  const object = requireVersion(context.catalogue, bucket, requireKey(context.request), context.request.query.get('versionId'));
  return { object, headers: versionHeaders(bucket, object.versionId) };
}

/** Changes the record of the version the request means, whichever that is at the moment of the commit. */
function change(context: Context, changesOf: (object: ObjectRecord) => { readonly [Name in keyof ObjectRecord]?: ObjectRecord[Name] }): Promise<readonly string[]> {
  return context.catalogue.commit(() => {
    const bucket = requireBucket(context, context.request.bucketName);
    const { object, headers } = find(context);
    context.catalogue.changeVersion(bucket.id, requireKey(context.request), { ...object, ...changesOf(object), isMarker: false });
    return headers;
  });
}

export const getObjectTagging: Operation = (context) => {
  const { object, headers } = find(context);
  return xmlAnswer(tagsDocument(object.tags ?? {}), headers);
};

const setTags = async (context: Context, tags: Tags, status: number): Promise<Answer> => ({ status, headers: await change(context, () => ({ tags })) });

export const putObjectTagging: Operation = async (context) => {
  const requestTags = tagsOfDocument(await receiveAll(context.request, context.payload, MAX_XML_BYTES), 10);
  authorizeTags({ ...context, requestTags });
  return setTags(context, requestTags, 200);
};

export const deleteObjectTagging: Operation = (context) => setTags(context, {}, 204);

const REQUESTS = 'Requests that modify an object';

/** UpdateObjectEncryption: the data key is wrapped anew, the content stays. */
export const updateObjectEncryption: Operation = async (context) => {
  const root = parseXml(await receiveAll(context.request, context.payload, MAX_XML_BYTES));
  const [target] = root.children;
  if (root.name !== 'ObjectEncryption' || target?.name !== 'SSE-KMS') throw new S3Error('InvalidRequest', `${REQUESTS} encryption configuration require a valid new encryption type. Valid values are SSEKMS. Modify the request to specify SSE-KMS for the updated encryption type, and then try again.`);
  const keyId = childText(target, 'KMSKeyArn')?.trim();
  if (keyId === undefined || !/^arn:aws:kms:[a-z0-9-]+:\d{12}:key\/.+$/.test(keyId)) throw new S3Error('InvalidRequest', `${REQUESTS}'s encryption type to SSE-KMS require an Amazon Web Services KMS key Amazon Resource Name (ARN). Modify the request to specify a KMS key ARN, and then try again.`);
  const bucketKey = (childText(target, 'BucketKeyEnabled') ?? 'false').trim();
  if (bucketKey !== 'true' && bucketKey !== 'false') throw new S3Error('InvalidRequest', 'The BucketKeyEnabled value isn\'t valid. Valid values are true or false. Modify the request to specify a valid value, and then try again.');

  const bucket = requireBucket(context, context.request.bucketName);
  const { object } = find(context);
  const { encryption: before } = object;
  if (before.type === 'sse-c' || (before.type === 'sse-kms' && before.algorithm === 'aws:kms:dsse')) {
    throw new S3Error('InvalidRequest', 'The UpdateObjectEncryption operation doesn\'t support source objects with the encryption type DSSE-KMS or SSE-C. Only source objects encrypted with SSE-S3 or SSE-KMS are supported.');
  }
  const wish: Wish = { type: 'sse-kms', algorithm: 'aws:kms', keyId, context: {}, isBucketKey: bucketKey === 'true' };
  const dataKey = openDataKey(context, before, null);
  let encryption: EncryptionRecord;
  try {
    encryption = await wrapDataKey(context, wish, bucket, requireKey(context.request), dataKey);
  } finally {
    dataKey.fill(0);
  }
  const headers = await change(context, (now) => {
    // Another object came in the place of the one whose data key this is.
    if (now.encryption.type !== before.type || now.encryption.wrapped !== before.wrapped) throw new S3Error('ConditionalRequestConflict');
    return { encryption };
  });
  return { status: 200, headers };
};
