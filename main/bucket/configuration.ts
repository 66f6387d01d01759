/**
 * A bucket's settings, one part at a time: read as JSON (in the AWS command line's shapes) and as the bytes the server gives, changed only
 * if they still are what was shown, and put back byte for byte.
 */
import type * as Sdk from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { SyncError } from '../model/errors.ts';
import { providerOf, type OpenBucket } from './open-bucket.ts';
import { errorOfAnswer } from '../remote/s3-errors.ts';

export type Part = 'encryption' | 'policy' | 'versioning' | 'public-access' | 'ownership' | 'lifecycle';

type Json = Readonly<Record<string, unknown>>;
type Kind = {
  /** The name in the query, and of the permissions. */
  readonly query: string;
  readonly readAction: string;
  readonly writeAction: string;
  /** S3's calls, as people find them in its documentation. */
  readonly putCall: string;
  readonly deleteCall: string | null;
  /** What S3 answers where nothing is set. */
  readonly missing: readonly string[];
  /** What its XML begins with; null: it is JSON. */
  readonly root: string | null;
  readonly read: (client: Sdk.S3Client, sdk: typeof Sdk, Bucket: string, abortSignal: AbortSignal) => Promise<Json | null>;
  readonly write: (client: Sdk.S3Client, sdk: typeof Sdk, Bucket: string, value: Json, abortSignal: AbortSignal) => Promise<unknown>;
};

export const PARTS: Readonly<Record<Part, Kind>> = {
  encryption: {
    query: 'encryption', readAction: 's3:GetEncryptionConfiguration', writeAction: 's3:PutEncryptionConfiguration', putCall: 'PutBucketEncryption', deleteCall: 'DeleteBucketEncryption', missing: ['ServerSideEncryptionConfigurationNotFoundError'], root: 'ServerSideEncryptionConfiguration',
    read: async (client, sdk, Bucket, abortSignal) => ({ ...(await client.send(new sdk.GetBucketEncryptionCommand({ Bucket }), { abortSignal })).ServerSideEncryptionConfiguration }),
    write: async (client, sdk, Bucket, value, abortSignal) => client.send(new sdk.PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: value as never, ChecksumAlgorithm: 'CRC32' }), { abortSignal }),
  },
  policy: {
    query: 'policy', readAction: 's3:GetBucketPolicy', writeAction: 's3:PutBucketPolicy', putCall: 'PutBucketPolicy', deleteCall: 'DeleteBucketPolicy', missing: ['NoSuchBucketPolicy'], root: null,
    read: async (client, sdk, Bucket, abortSignal) => {
      const { Policy } = await client.send(new sdk.GetBucketPolicyCommand({ Bucket }), { abortSignal });
      return Policy === undefined ? null : { Policy };
    },
    write: async (client, sdk, Bucket, value, abortSignal) => client.send(new sdk.PutBucketPolicyCommand({ Bucket, Policy: String(value['Policy']), ChecksumAlgorithm: 'CRC32' }), { abortSignal }),
  },
  versioning: {
    query: 'versioning', readAction: 's3:GetBucketVersioning', writeAction: 's3:PutBucketVersioning', putCall: 'PutBucketVersioning', deleteCall: null, missing: [], root: 'VersioningConfiguration',
    read: async (client, sdk, Bucket, abortSignal) => {
      const { Status, MFADelete } = await client.send(new sdk.GetBucketVersioningCommand({ Bucket }), { abortSignal });
      return { ...(Status === undefined ? {} : { Status }), ...(MFADelete === undefined ? {} : { MFADelete }) };
    },
    write: async (client, sdk, Bucket, value, abortSignal) => client.send(new sdk.PutBucketVersioningCommand({ Bucket, VersioningConfiguration: value, ChecksumAlgorithm: 'CRC32' }), { abortSignal }),
  },
  'public-access': {
    query: 'publicAccessBlock', readAction: 's3:GetBucketPublicAccessBlock', writeAction: 's3:PutBucketPublicAccessBlock', putCall: 'PutPublicAccessBlock', deleteCall: 'DeletePublicAccessBlock', missing: ['NoSuchPublicAccessBlockConfiguration'], root: 'PublicAccessBlockConfiguration',
    read: async (client, sdk, Bucket, abortSignal) => ({ ...(await client.send(new sdk.GetPublicAccessBlockCommand({ Bucket }), { abortSignal })).PublicAccessBlockConfiguration }),
    write: async (client, sdk, Bucket, value, abortSignal) => client.send(new sdk.PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: value, ChecksumAlgorithm: 'CRC32' }), { abortSignal }),
  },
  ownership: {
    query: 'ownershipControls', readAction: 's3:GetBucketOwnershipControls', writeAction: 's3:PutBucketOwnershipControls', putCall: 'PutBucketOwnershipControls', deleteCall: 'DeleteBucketOwnershipControls', missing: ['OwnershipControlsNotFoundError'], root: 'OwnershipControls',
    read: async (client, sdk, Bucket, abortSignal) => ({ ...(await client.send(new sdk.GetBucketOwnershipControlsCommand({ Bucket }), { abortSignal })).OwnershipControls }),
    write: async (client, sdk, Bucket, value, abortSignal) => client.send(new sdk.PutBucketOwnershipControlsCommand({ Bucket, OwnershipControls: value as never, ChecksumAlgorithm: 'CRC32' }), { abortSignal }),
  },
  lifecycle: {
    query: 'lifecycle', readAction: 's3:GetLifecycleConfiguration', writeAction: 's3:PutLifecycleConfiguration', putCall: 'PutBucketLifecycleConfiguration', deleteCall: 'DeleteBucketLifecycle', missing: ['NoSuchLifecycleConfiguration'], root: 'LifecycleConfiguration',
    read: async (client, sdk, Bucket, abortSignal) => {
      const { Rules, TransitionDefaultMinimumObjectSize } = await client.send(new sdk.GetBucketLifecycleConfigurationCommand({ Bucket }), { abortSignal });
      return { Rules: Rules ?? [], ...(TransitionDefaultMinimumObjectSize === undefined ? {} : { TransitionDefaultMinimumObjectSize }) };
    },
    write: async (client, sdk, Bucket, { Rules, TransitionDefaultMinimumObjectSize }, abortSignal) => client.send(new sdk.PutBucketLifecycleConfigurationCommand({
      Bucket, LifecycleConfiguration: { Rules: Rules as never }, ...(TransitionDefaultMinimumObjectSize === undefined ? {} : { TransitionDefaultMinimumObjectSize: TransitionDefaultMinimumObjectSize as never }), ChecksumAlgorithm: 'CRC32',
    }), { abortSignal }),
  },
};

const UNKNOWN_SETTING = 'this server does not know the setting';

/** What became of reading a part. `elsewhere`: the bucket belongs to another account, whose settings nobody else may see. */
export type PartState =
  | { readonly state: 'set'; readonly value: Json }
  | { readonly state: 'unset' }
  | { readonly state: 'denied' | 'elsewhere' | 'unsupported'; readonly answer: string };

/** @throws SyncError bucket-not-found, offline, wrong-region, sign-in-wrong, … */
export async function readPart(open: OpenBucket, part: Part, signal: AbortSignal): Promise<PartState> {
  const kind = PARTS[part];
  try {
    const value = await open.ask(async (client, sdk) => kind.read(client, sdk, open.bucket, signal), signal);
    if (value !== null && Object.keys(value).length > 0) return { state: 'set', value };
    // A server that does not know the setting takes the request for another one, such as a listing.
    await readBytes(open, part, signal);
    return { state: 'unset' };
  } catch (error) {
    signal.throwIfAborted();
    const { name, status } = providerOf(error);
    if (kind.missing.includes(name)) return { state: 'unset' };
    if (error instanceof SyncError && error.about.detail === UNKNOWN_SETTING) return { state: 'unsupported', answer: 'the answer to another request' };
    const answer = `${name} (${status})`;
    if (status === 405) return { state: 'elsewhere', answer };
    if (status === 403 && error instanceof SyncError && error.code === 'access-denied') return { state: 'denied', answer };
    if (status === 501 || (status === 400 && name === 'NotImplemented')) return { state: 'unsupported', answer };
    throw error;
  }
}

/** As `readPart`, where the part must be readable. @throws SyncError access-denied too */
export async function requirePart(open: OpenBucket, part: Part, signal: AbortSignal): Promise<Json | null> {
  const read = await readPart(open, part, signal);
  switch (read.state) {
    case 'set':
      return read.value;
    case 'unset':
      return null;
    case 'elsewhere':
      throw new SyncError('access-denied', { server: read.answer, detail: `bucket ${open.bucket} belongs to another account, which alone may see its settings` });
    case 'denied':
      throw new SyncError('access-denied', { server: read.answer, detail: `needs ${PARTS[part].readAction} on ${open.bucket}` });
    case 'unsupported':
      throw new SyncError('rejected', { server: read.answer, detail: `this server has no such setting: ${part}` });
    default:
      return read satisfies never;
  }
}

/** One change of one part, as it is shown before it is made. Null: not set. */
export type Change = { readonly part: Part; readonly call: string; readonly before: Json | null; readonly after: Json | null; /** What the server gives now, byte for byte. */ readonly beforeBytes: string | null };
/** What takes a change back. */
export type Undo = { readonly part: Part; readonly call: string; readonly beforeBytes: string | null; readonly afterBytes: string | null; /** For servers that do not take back their own words. */ readonly before?: Json | null };

async function readBytes(open: OpenBucket, part: Part, signal: AbortSignal): Promise<string | null> {
  const { query, missing, root } = PARTS[part];
  const answer = await open.send({ method: 'GET', objectKey: '', query: [[query, '']] }, signal);
  if (answer.status === 200) {
    const text = answer.body.toString('utf8');
    // radosgw has a name of its own for one of them, which ends alike. To change what a server does not know would be dangerous: taking it
    // away is then a request to delete the bucket.
    if (root !== null && !new RegExp(`<\\w*${root}[\\s/>]`).test(text)) throw new SyncError('rejected', { detail: UNKNOWN_SETTING, server: 'the answer to another request' });
    return text;
  }
  if (answer.status === 404 && missing.some((name) => answer.body.includes(`<Code>${name}</Code>`))) return null;
  throw errorOfAnswer(answer, { isBucketRequest: true });
}

/** What a change would do. @throws SyncError access-denied, … */
export async function previewChange(open: OpenBucket, part: Part, before: Json | null, after: Json | null, signal: AbortSignal): Promise<Change> {
  const { putCall, deleteCall } = PARTS[part];
  if (after === null && deleteCall === null) throw new TypeError(`${part} cannot be removed`);
  return { part, call: after === null ? (deleteCall ?? putCall) : putCall, before, after, beforeBytes: await readBytes(open, part, signal) };
}

/** @throws SyncError configuration-changed where the bucket is no longer as the preview says, access-denied, rejected, … */
export async function applyChange(open: OpenBucket, change: Change, signal: AbortSignal): Promise<Undo> {
  const { part, after, beforeBytes, call } = change;
  if ((await readBytes(open, part, signal)) !== beforeBytes) throw new SyncError('configuration-changed', { detail: part });
  const kind = PARTS[part];
  try {
    if (after === null) await removePart(open, part, signal);
    else await open.ask(async (client, sdk) => kind.write(client, sdk, open.bucket, after, signal), signal);
  } catch (error) {
    throw explainRefusal(error, part, open.bucket);
  }
  return { part, call, beforeBytes, before: change.before, afterBytes: await readBytes(open, part, signal) };
}

function explainRefusal(error: unknown, part: Part, bucket: string): unknown {
  if (!(error instanceof SyncError)) return error;
  const { name } = providerOf(error);
  if (name === 'MalformedPolicy') return new SyncError('policy-damaged', { server: error.about.server, detail: error.cause instanceof Error ? error.cause.message : undefined }, { cause: error });
  if (name.startsWith('KMS.')) return new SyncError('kms-key-unusable', { server: error.about.server }, { cause: error });
  if (error.code === 'access-denied') return new SyncError('access-denied', { server: error.about.server, detail: `needs ${PARTS[part].writeAction} on ${bucket}` }, { cause: error });
  return error;
}

async function removePart(open: OpenBucket, part: Part, signal: AbortSignal): Promise<void> {
  const answer = await open.send({ method: 'DELETE', objectKey: '', query: [[PARTS[part].query, '']] }, signal);
  if (answer.status !== 204 && answer.status !== 200) throw errorOfAnswer(answer, { isBucketRequest: true });
}

/**
 * Puts a part back as it was.
 *
 * @returns false where the server now gives other bytes than it did: versioning that was never on can only be suspended.
 * @throws SyncError configuration-changed where it was changed again since
 */
export async function undoChange(open: OpenBucket, { part, beforeBytes, afterBytes, before = null }: Undo, signal: AbortSignal): Promise<boolean> {
  const now = await readBytes(open, part, signal);
  if (now === beforeBytes) return true;
  if (now !== afterBytes) throw new SyncError('configuration-changed', { detail: part });
  if (part === 'versioning' && !(beforeBytes ?? '').includes('<Status>')) {
    await open.ask(async (client, sdk) => PARTS.versioning.write(client, sdk, open.bucket, { Status: 'Suspended' }, signal), signal);
  } else if (beforeBytes === null) await removePart(open, part, signal);
  else {
    const body = Buffer.from(beforeBytes, 'utf8');
    const headers = { 'content-md5': createHash('md5').update(body).digest('base64'), 'content-type': part === 'policy' ? 'application/json' : 'application/xml' };
    const answer = await open.send({ method: 'PUT', objectKey: '', query: [[PARTS[part].query, '']], headers, body }, signal);
    if (answer.status === 400 && before !== null) await open.ask(async (client, sdk) => PARTS[part].write(client, sdk, open.bucket, before, signal), signal);
    else if (answer.status !== 200 && answer.status !== 204) throw errorOfAnswer(answer, { isBucketRequest: true });
  }
  return (await readBytes(open, part, signal)) === beforeBytes;
}
