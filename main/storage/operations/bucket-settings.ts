/** What can be set for a bucket: versioning, default encryption, policy, public access, ownership, and documents that are kept for those who ask. */
import { receiveAll } from '../body.ts';
import { S3Error, ServiceError, type S3ErrorCode } from '../errors.ts';
import { NO_CONTENT, requireBucket, xmlAnswer, type Answer, type Context, type Operation } from '../operation.ts';
import { isPublic, parsePolicy } from '../policy.ts';
import type { Bucket, BucketSettings, DefaultEncryption, PublicAccessBlock } from '../records.ts';
import { tagsDocument, tagsOfDocument } from '../tags.ts';
import { childText, document, element, escapeXml, optionalElement, parseXml, type XmlElement } from '../xml.ts';

const MAX_XML_BYTES = 256 * 1024;
const DONE: Answer = { status: 200, headers: [] };

type Changes = { readonly [Name in keyof BucketSettings]?: BucketSettings[Name] | undefined };

async function receiveXml(context: Context, rootName: string): Promise<XmlElement> {
  const root = parseXml(await receiveAll(context.request, context.payload, MAX_XML_BYTES));
  if (root.name !== rootName) throw new S3Error('MalformedXML');
  return root;
}

async function change(context: Context, changesOf: (bucket: Bucket) => Changes): Promise<void> {
  await context.catalogue.commit(() => {
    const bucket = requireBucket(context, context.request.bucketName);
    context.catalogue.changeSettings(bucket, changesOf(bucket));
  });
}

const bucketOf = (context: Context): Bucket => requireBucket(context, context.request.bucketName);
const remove = (changes: Changes): Operation => async (context) => {
  await change(context, () => changes);
  return NO_CONTENT;
};

// ---- versioning

export const getVersioning: Operation = (context) => xmlAnswer(document('VersioningConfiguration', optionalElement('Status', bucketOf(context).settings.versioning)));

export const putVersioning: Operation = async (context) => {
  const root = await receiveXml(context, 'VersioningConfiguration');
  const status = childText(root, 'Status')?.trim();
  if ((childText(root, 'MfaDelete') ?? 'Disabled').trim() !== 'Disabled') throw new S3Error('NotImplemented');
  if (status !== 'Enabled' && status !== 'Suspended') throw new S3Error('IllegalVersioningConfigurationException');
  await change(context, () => ({ versioning: status }));
  return DONE;
};

// ---- default encryption

const ALGORITHMS = ['AES256', 'aws:kms', 'aws:kms:dsse'] as const;
const BUILT_IN: DefaultEncryption = { algorithm: 'AES256', kmsKeyId: null, isBucketKeyEnabled: false, blocked: [] };

export const getEncryption: Operation = (context) => {
  const { algorithm, kmsKeyId, isBucketKeyEnabled, blocked } = bucketOf(context).settings.encryption ?? BUILT_IN;
  const byDefault = `<ApplyServerSideEncryptionByDefault>${element('SSEAlgorithm', algorithm)}${optionalElement('KMSMasterKeyID', kmsKeyId)}</ApplyServerSideEncryptionByDefault>`;
  const blocks = blocked.length === 0 ? '' : `<BlockedEncryptionTypes>${blocked.map((type) => element('EncryptionType', type)).join('')}</BlockedEncryptionTypes>`;
  return xmlAnswer(document('ServerSideEncryptionConfiguration', `<Rule>${byDefault}${element('BucketKeyEnabled', isBucketKeyEnabled)}${blocks}</Rule>`));
};

function parseRule(rule: XmlElement): DefaultEncryption {
  const byDefault = rule.children.find((child) => child.name === 'ApplyServerSideEncryptionByDefault');
  const text = byDefault === undefined ? 'AES256' : childText(byDefault, 'SSEAlgorithm')?.trim();
  const algorithm = ALGORITHMS.find((known) => known === text);
  if (algorithm === undefined) throw new S3Error('MalformedXML');
  const kmsKeyId = byDefault === undefined ? undefined : childText(byDefault, 'KMSMasterKeyID')?.trim();
  if (kmsKeyId !== undefined && algorithm === 'AES256') throw new S3Error('InvalidArgument', 'a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse', { ArgumentName: 'ApplyServerSideEncryptionByDefault' });
  const bucketKey = (childText(rule, 'BucketKeyEnabled') ?? 'false').trim();
  if (bucketKey !== 'true' && bucketKey !== 'false') throw new S3Error('MalformedXML');
  const blocked = rule.children.find((child) => child.name === 'BlockedEncryptionTypes')?.children.map((child) => child.text.trim()) ?? [];
  if (blocked.some((type) => type !== 'SSE-C' && type !== 'NONE')) throw new S3Error('MalformedXML');
  if (blocked.length > 1 && blocked.includes('NONE')) throw new S3Error('InvalidArgument', 'NONE stands alone among the blocked encryption types', { ArgumentName: 'BlockedEncryptionTypes' });
  return { algorithm, kmsKeyId: kmsKeyId === undefined || kmsKeyId === '' ? null : kmsKeyId, isBucketKeyEnabled: bucketKey === 'true', blocked: blocked.filter((type) => type !== 'NONE') };
}

export const putEncryption: Operation = async (context) => {
  const root = await receiveXml(context, 'ServerSideEncryptionConfiguration');
  const [rule, ...more] = root.children.filter((child) => child.name === 'Rule');
  if (rule === undefined || more.length > 0) throw new S3Error('MalformedXML');
  const encryption = parseRule(rule);
  // S3 takes any key name and fails later, at every object; here a key that is not there is told at once.
  if (encryption.kmsKeyId !== null) requireKmsKey(context, encryption.kmsKeyId);
  await change(context, () => ({ encryption }));
  return DONE;
};

function requireKmsKey(context: Context, name: string): void {
  try {
    context.kms.find(name);
  } catch (error) {
    throw error instanceof ServiceError ? new S3Error('KMS.NotFoundException', error.message) : error;
  }
}

export const deleteEncryption = remove({ encryption: undefined });

// ---- policy and public access

const ALL_BLOCKED: PublicAccessBlock = { blockPublicAcls: true, ignorePublicAcls: true, blockPublicPolicy: true, restrictPublicBuckets: true };
const blockOf = ({ settings }: Bucket): PublicAccessBlock | null => (settings.publicAccessBlock === undefined ? ALL_BLOCKED : settings.publicAccessBlock);

export const getPolicy: Operation = (context) => {
  const bucket = bucketOf(context);
  const { policy } = bucket.settings;
  if (policy === undefined) throw new S3Error('NoSuchBucketPolicy', undefined, { BucketName: bucket.name });
  return { status: 200, headers: ['Content-Type', 'application/json'], body: policy };
};

export const putPolicy: Operation = async (context) => {
  const text = (await receiveAll(context.request, context.payload, MAX_XML_BYTES)).toString('utf8');
  const policy = parsePolicy(text, { service: 's3', bucketName: bucketOf(context).name });
  await change(context, (bucket) => {
    if (isPublic(policy) && blockOf(bucket)?.blockPublicPolicy === true) {
      throw new S3Error('AccessDenied', `User: ${context.principal.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "arn:aws:s3:::${bucket.name}" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.`);
    }
    return { policy: text };
  });
  return NO_CONTENT;
};

export const deletePolicy = remove({ policy: undefined });

export const getPolicyStatus: Operation = (context) => {
  const bucket = bucketOf(context);
  if (bucket.settings.policy === undefined) throw new S3Error('NoSuchBucketPolicy', undefined, { BucketName: bucket.name });
  return xmlAnswer(document('PolicyStatus', element('IsPublic', isPublic(parsePolicy(bucket.settings.policy, { service: 's3', bucketName: bucket.name })))));
};

export const getPublicAccessBlock: Operation = (context) => {
  const bucket = bucketOf(context);
  const block = blockOf(bucket);
  if (block === null) throw new S3Error('NoSuchPublicAccessBlockConfiguration', undefined, { BucketName: bucket.name });
  return xmlAnswer(document('PublicAccessBlockConfiguration', element('BlockPublicAcls', block.blockPublicAcls) + element('IgnorePublicAcls', block.ignorePublicAcls)
    + element('BlockPublicPolicy', block.blockPublicPolicy) + element('RestrictPublicBuckets', block.restrictPublicBuckets)));
};

export const putPublicAccessBlock: Operation = async (context) => {
  const root = await receiveXml(context, 'PublicAccessBlockConfiguration');
  const flag = (name: string): boolean => {
    const text = (childText(root, name) ?? 'false').trim().toLowerCase();
    if (text !== 'true' && text !== 'false') throw new S3Error('MalformedXML');
    return text === 'true';
  };
  const publicAccessBlock = { blockPublicAcls: flag('BlockPublicAcls'), ignorePublicAcls: flag('IgnorePublicAcls'), blockPublicPolicy: flag('BlockPublicPolicy'), restrictPublicBuckets: flag('RestrictPublicBuckets') };
  await change(context, () => ({ publicAccessBlock }));
  return DONE;
};

export const deletePublicAccessBlock = remove({ publicAccessBlock: null });

// ---- ownership

const OWNERSHIPS = ['BucketOwnerEnforced', 'BucketOwnerPreferred', 'ObjectWriter'];

export const getOwnership: Operation = (context) => {
  const bucket = bucketOf(context);
  const ownership = bucket.settings.ownership === undefined ? 'BucketOwnerEnforced' : bucket.settings.ownership;
  if (ownership === null) throw new S3Error('OwnershipControlsNotFoundError', undefined, { BucketName: bucket.name });
  return xmlAnswer(document('OwnershipControls', `<Rule>${element('ObjectOwnership', ownership)}</Rule>`));
};

export const putOwnership: Operation = async (context) => {
  const root = await receiveXml(context, 'OwnershipControls');
  const [rule] = root.children;
  const ownership = rule === undefined ? undefined : childText(rule, 'ObjectOwnership')?.trim();
  if (root.children.length !== 1 || ownership === undefined || !OWNERSHIPS.includes(ownership)) throw new S3Error('MalformedXML');
  await change(context, () => ({ ownership }));
  return DONE;
};

export const deleteOwnership = remove({ ownership: null });

// ---- documents that are kept and answered

type DocumentName = 'tagging' | 'cors' | 'lifecycle';
const documents: Readonly<Record<DocumentName, { readonly root: string; readonly missing: S3ErrorCode }>> = {
  tagging: { root: 'Tagging', missing: 'NoSuchTagSet' },
  cors: { root: 'CORSConfiguration', missing: 'NoSuchCORSConfiguration' },
  lifecycle: { root: 'LifecycleConfiguration', missing: 'NoSuchLifecycleConfiguration' },
};

const rewrite = ({ name, children, text }: XmlElement): string => `<${name}>${children.length === 0 ? escapeXml(text) : children.map(rewrite).join('')}</${name}>`;

export const getDocument = (name: DocumentName): Operation => (context) => {
  const bucket = bucketOf(context);
  const text = bucket.settings.documents?.[name];
  if (text === undefined) throw new S3Error(documents[name].missing, undefined, { BucketName: bucket.name });
  return xmlAnswer(text);
};

export const putDocument = (name: DocumentName): Operation => async (context) => {
  const { root: rootName } = documents[name];
  const body = await receiveAll(context.request, context.payload, MAX_XML_BYTES);
  const root = parseXml(body);
  if (root.name !== rootName || root.children.length === 0) throw new S3Error('MalformedXML');
  if (name === 'lifecycle') checkLifecycle(root);
  const text = name === 'tagging' ? tagsDocument(tagsOfDocument(body, 50)) : document(rootName, root.children.map(rewrite).join(''));
  await change(context, (bucket) => ({ documents: { ...bucket.settings.documents, [name]: text } }));
  return name === 'tagging' ? NO_CONTENT : DONE;
};

function checkLifecycle(root: XmlElement): void {
  const isWhole = root.children.length <= 1000 && root.children.every((rule) => rule.name === 'Rule' && ['Enabled', 'Disabled'].includes(childText(rule, 'Status')?.trim() ?? ''));
  if (!isWhole) throw new S3Error('MalformedXML');
}

export const deleteDocument = (name: DocumentName): Operation => async (context) => {
  await change(context, (bucket) => ({ documents: Object.fromEntries(Object.entries(bucket.settings.documents ?? {}).filter(([each]) => each !== name)) }));
  return NO_CONTENT;
};
