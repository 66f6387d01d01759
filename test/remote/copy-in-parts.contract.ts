/** Objects that are too large for one copy, brought under another mode or key without passing through this computer. */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, lstatSync, openSync, closeSync, ftruncateSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectTaggingCommand, HeadObjectCommand, PutObjectTaggingCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authKeyOf, createFolderKey } from '../../main/envelope/folder-key.ts';
import { keyIdOf } from '../../main/envelope/key-id.ts';
import { entryOf } from '../../main/local/stamp.ts';
import { isSyncError } from '../../main/model/errors.ts';
import { isClientSide, type EncryptionMode } from '../../main/model/mode.ts';
import { syncPath } from '../../main/model/path.ts';
import type { LocalPath } from '../../main/model/path.ts';
import type { S3Access } from '../../main/model/settings.ts';
import { descriptorKey } from '../../main/remote/descriptor-store.ts';
import type { HeldKey, RemoteFolderConfig } from '../../main/remote/folder-config.ts';
import { openRemoteFolder, type RemoteFolderOptions } from '../../main/remote/folder.ts';
import { requestsOf } from '../../main/remote/modes.ts';
import { createS3Store } from '../../main/remote/s3.ts';
import { startBuiltInPlace, type BuiltInPlace } from '../helpers/built-in-place.ts';
import { makeScratch } from '../helpers/cli.ts';
import { never, noProgress, openFixture } from '../transfer/folder-fixture.ts';

export type CopyPlace = { readonly access: S3Access; readonly bucket: string; readonly s3: S3Client; readonly kmsArn: string };
/** Built-in storage with a bucket for copies, for as long as the tests of a file run. */
export function useCopyPlace(): { readonly place: () => BuiltInPlace; readonly access: () => S3Access; readonly copyPlace: () => CopyPlace } {
  const scratch = makeScratch();
  let place: BuiltInPlace;
  beforeAll(async () => {
    place = await startBuiltInPlace(scratch.dir);
    await place.s3.send(new CreateBucketCommand({ Bucket: 'parts' }));
  });
  afterAll(async () => {
    await place.stop();
    scratch.remove();
  });
  const access = (): S3Access => {
    const { endpoint, accessKeyId, secretAccessKey } = place.server;
    return { endpoint, region: 'us-east-1', pathStyle: true, credentials: { type: 'static', accessKeyId, secretAccessKey } };
  };
  return { place: () => place, access, copyPlace: () => ({ access: access(), bucket: 'parts', s3: place.s3, kmsArn: place.kmsArns[0] }) };
}

export type CopySizes = { readonly objectBytes: number; readonly copyLimits?: RemoteFolderOptions['copyLimits'] };

const codeOfError = (error: unknown): string => (isSyncError(error) ? error.code : String(error));

const key = (type: 'aes' | 'sse-c'): HeldKey => {
  const bytes = randomBytes(32);
  return { keyId: keyIdOf(type, bytes), type, bytes };
};

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

/** Mostly holes, with something to tell parts apart by at the borders that copies may have. */
function writeSparse(file: string, sizeBytes: number, everyBytes: number): void {
  const fd = openSync(file, 'w');
  for (let at = 0; at < sizeBytes; at += everyBytes) writeSync(fd, Buffer.from(`at ${at}`), 0, undefined, at);
  ftruncateSync(fd, sizeBytes);
  closeSync(fd);
}

type Change = readonly [what: string, way: 'copy' | 'rewrap', make: (kmsArn: string) => { readonly keys: readonly HeldKey[]; readonly from: EncryptionMode; readonly to: EncryptionMode }];
export const CHANGES: readonly Change[] = [
  ['S3\'s key to a KMS key', 'copy', (kmsArn) => ({ keys: [], from: { id: 'sse-s3' }, to: { id: 'sse-kms', kmsKeyId: kmsArn, bucketKey: true, dsse: false, encryptionContext: null } })],
  ['one customer key to another', 'copy', () => {
    const keys = [key('sse-c'), key('sse-c')] as const;
    return { keys, from: { id: 'sse-c', keyId: keys[0].keyId }, to: { id: 'sse-c', keyId: keys[1].keyId } };
  }],
  ['one master key to another', 'rewrap', () => {
    const keys = [key('aes'), key('aes')] as const;
    return { keys, from: { id: 'cse-c', keyId: keys[0].keyId, keyType: 'aes', format: 'v3' }, to: { id: 'cse-c', keyId: keys[1].keyId, keyType: 'aes', format: 'v3' } };
  }],
];

export function testCopiesInParts(changes: readonly Change[], place: () => CopyPlace, { objectBytes, copyLimits }: CopySizes): void {
  describe.each(changes)('an object too large for one copy comes from %s', (_, way, make) => {
    test('in parts on the server, with its content, its attributes and its tags', async () => {
      const { access, bucket, s3, kmsArn } = place();
      const { keys, from, to } = make(kmsArn);
      const folderKey = createFolderKey();
      const epochOf = (n: number, mode: EncryptionMode) => ({ n, mode, authKey: isClientSide(mode) ? authKeyOf(folderKey, n) : null });
      const before: RemoteFolderConfig = { access, bucket, prefix: `${randomBytes(6).toString('hex')}/`, folderId: randomBytes(16).toString('hex'), names: 'readable', namesKey: null, epochs: [epochOf(1, from)], keys };
      const after: RemoteFolderConfig = { ...before, epochs: [epochOf(1, from), epochOf(2, to)] };
      const old = openFixture(before);
      const now = openFixture(after);
      const folder = openRemoteFolder(after, undefined, copyLimits === undefined ? {} : { copyLimits });
      const store = createS3Store(access, bucket);
      try {
        const path = syncPath('large.bin');
        const source = join(old.directory, 'large') as LocalPath;
        writeSparse(source, objectBytes, copyLimits?.copyPartBytes ?? 512 * 1024 ** 2);
        const sha256 = await hashOf(source);
        const local = entryOf(path, lstatSync(source, { bigint: true }));
        const { version } = await old.pool.upload(old.jobFor({ path, local, source }), noProgress, never);
        const { objectKey, etag } = version;
        await s3.send(new PutObjectTaggingCommand({ Bucket: bucket, Key: objectKey, Tagging: { TagSet: [{ Key: 'kept for', Value: '7 years + more' }] } }));
        // How the description is kept says how all is to be kept.
        await store.put(descriptorKey(after.prefix), Buffer.from('{}'), { metadata: {}, modeHeaders: requestsOf(to, keys, access.endpoint).write, condition: null }, never);

        expect(await folder.reprotect?.({ objectKey, etag }, path, sha256, never)).toMatchObject({ type: 'changed', way, version: { epoch: 2, attributes: { operationId: version.attributes?.operationId } } });
        const standing = await folder.head(objectKey, path, never);
        expect(standing).toMatchObject({ epoch: 2, attributes: { mtimeMs: version.attributes?.mtimeMs, sizeBytes: objectBytes } });
        // Made of parts: that it was one copy would not show.
        const read = requestsOf(to, keys, access.endpoint).read;
        const customer = to.id === 'sse-c' ? { SSECustomerAlgorithm: 'AES256', SSECustomerKey: read['x-amz-server-side-encryption-customer-key'] ?? '', SSECustomerKeyMD5: read['x-amz-server-side-encryption-customer-key-md5'] ?? '' } : {};
        const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: objectKey, PartNumber: 1, ...customer }));
        expect(head.PartsCount ?? 0).toBeGreaterThan(1);
        expect((await s3.send(new GetObjectTaggingCommand({ Bucket: bucket, Key: objectKey }))).TagSet).toEqual([{ Key: 'kept for', Value: '7 years + more' }]);
        expect(await store.listMultipart(after.prefix, never)).toEqual([]);
        rmSync(source);
        const staged = now.newStaged();
        await now.pool.download({ path, objectKey, etag: standing?.etag ?? '', objectBytes: standing?.objectBytes ?? 0, staged }, noProgress, never);
        expect(await hashOf(staged)).toBe(sha256);
        // The old key opens it no more.
        const byOldKey = keys.length === 0 ? 'S3 has it' : await old.folder.head(objectKey, path, never).then(() => 'opened', codeOfError);
        expect(byOldKey).toMatch(/^(S3 has it|not-authentic|key-not-found|access-denied)$/);
      } finally {
        await Promise.all([old.close(), now.close(), folder.close(), store.close()]);
      }
    });
  });
}
