/** Buckets: create, list, look at, delete, and what is said about their settings. */
import { receiveAll } from '../body.ts';
import { S3Error, notImplemented } from '../errors.ts';
import { NO_CONTENT, OWNER, isoTime, requireBucket, wholeSeconds, xmlAnswer, type Operation } from '../operation.ts';
import { childText, document, element, optionalElement, parseXml } from '../xml.ts';

const MAX_XML_BYTES = 64 * 1024;
const DEFAULT_REGION = 'us-east-1';

/** S3's rules for names of general purpose buckets. @throws S3Error InvalidBucketName */
export function checkBucketName(name: string): void {
  const isValid = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes('..') && !/^\d{1,3}(\.\d{1,3}){3}$/.test(name)
    && !/^(xn--|sthree-|amzn-s3-demo-)/.test(name) && !/(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/.test(name);
  if (!isValid) throw new S3Error('InvalidBucketName', undefined, { BucketName: name });
}

export const listBuckets: Operation = ({ catalogue, request }) => {
  const prefix = request.query.get('prefix') ?? '';
  const buckets = catalogue.buckets().filter(({ name }) => name.startsWith(prefix));
  const listed = buckets.map((bucket) => `<Bucket>${element('Name', bucket.name)}${element('CreationDate', isoTime(bucket.createdMs))}${element('BucketRegion', bucket.region)}</Bucket>`);
  return xmlAnswer(document('ListAllMyBucketsResult', `<Owner>${OWNER}</Owner><Buckets>${listed.join('')}</Buckets>${optionalElement('Prefix', prefix === '' ? null : prefix)}`));
};

export const createBucket: Operation = async ({ catalogue, request, payload, nowMs }) => {
  const name = request.bucketName ?? '';
  checkBucketName(name);
  const body = await receiveAll(request, payload, MAX_XML_BYTES);
  let region = DEFAULT_REGION;
  if (body.length > 0) {
    const configuration = parseXml(body);
    if (configuration.name !== 'CreateBucketConfiguration') throw new S3Error('MalformedXML');
    if (configuration.children.some((child) => child.name === 'Bucket' || child.name === 'Location')) throw notImplemented('CreateBucketConfiguration');
    region = childText(configuration, 'LocationConstraint') ?? DEFAULT_REGION;
    if (!/^[A-Za-z0-9-]{1,64}$/.test(region)) throw new S3Error('InvalidLocationConstraint');
  }
  await catalogue.commit(() => {
    if (catalogue.bucket(name) !== null) throw new S3Error('BucketAlreadyOwnedByYou', undefined, { BucketName: name });
    catalogue.addBucket({ name, createdMs: wholeSeconds(nowMs), region });
  });
  return { status: 200, headers: ['Location', `/${name}`] };
};

export const headBucket: Operation = (context) => {
  const bucket = requireBucket(context, context.request.bucketName);
  return { status: 200, headers: ['x-amz-bucket-region', bucket.region] };
};

export const deleteBucket: Operation = async (context) => {
  const { catalogue, request } = context;
  await catalogue.commit(() => {
    const bucket = requireBucket(context, request.bucketName);
    if (catalogue.hasObjects(bucket.id)) throw new S3Error('BucketNotEmpty', undefined, { BucketName: bucket.name });
    catalogue.removeBucket(bucket.id);
  }, 'deletion');
  return NO_CONTENT;
};

export const getLocation: Operation = (context) => {
  const { region } = requireBucket(context, context.request.bucketName);
  return xmlAnswer(document('LocationConstraint', region === DEFAULT_REGION ? '' : region));
};

export const getAcl: Operation = (context) => {
  requireBucket(context, context.request.bucketName);
  const grantee = `<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">${OWNER}</Grantee>`;
  return xmlAnswer(document('AccessControlPolicy', `<Owner>${OWNER}</Owner><AccessControlList><Grant>${grantee}<Permission>FULL_CONTROL</Permission></Grant></AccessControlList>`));
};

/** Settings no bucket here can have yet: S3's own answer where there are none. */
export const notConfigured = (code: 'ObjectLockConfigurationNotFoundError'): Operation => (context) => {
  requireBucket(context, context.request.bucketName);
  throw new S3Error(code, undefined, { BucketName: context.request.bucketName ?? '' });
};
