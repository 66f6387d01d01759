/** Copies in parts on built-in storage, with limits low enough for small objects. */
import { PutObjectCommand, HeadObjectCommand, GetObjectTaggingCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import type { ObjectKey } from '../../main/model/path.ts';
import { syncPath } from '../../main/model/path.ts';
import { descriptorKey } from '../../main/remote/descriptor-store.ts';
import { openRemoteFolder } from '../../main/remote/folder.ts';
import { requestsOf } from '../../main/remote/modes.ts';
import { createS3Store } from '../../main/remote/s3.ts';
import { never } from '../transfer/folder-fixture.ts';
import { CHANGES, testCopiesInParts, useCopyPlace } from './copy-in-parts.contract.ts';

const MIB = 1024 ** 2;
const copyLimits = { maxCopyBytes: 6 * MIB, copyPartBytes: 5 * MIB };
const { place: placeOf, access: accessOf, copyPlace } = useCopyPlace();

testCopiesInParts(CHANGES, copyPlace, { objectBytes: 11 * MIB + 1, copyLimits });

test.each([['whole', 1 * MIB], ['in parts', 7 * MIB]])('an object of another program keeps all that it had when it is copied %s', async (_, bytes) => {
  const [place, access] = [placeOf(), accessOf()];
  const prefix = `others-${bytes}/`;
  const objectKey = `${prefix}page.html` as ObjectKey;
  const given = { ContentType: 'text/html', CacheControl: 'max-age=60', ContentDisposition: 'inline', ContentLanguage: 'de', Metadata: { colour: 'green' } };
  await place.s3.send(new PutObjectCommand({ Bucket: 'parts', Key: objectKey, Body: Buffer.alloc(bytes, 'x'), Tagging: 'a=1&b=%2B', ...given }));
  const to = { id: 'sse-kms', kmsKeyId: place.kmsArns[1], bucketKey: true, dsse: false, encryptionContext: { for: 'a copy' } } as const;
  const config = { access, bucket: 'parts', prefix, folderId: 'f'.repeat(32), names: 'readable', namesKey: null, epochs: [{ n: 1, mode: { id: 'sse-s3' }, authKey: null }, { n: 2, mode: to, authKey: null }], keys: [] } as const;
  const folder = openRemoteFolder(config, undefined, { copyLimits });
  const store = createS3Store(access, 'parts');
  try {
    await store.put(descriptorKey(prefix), Buffer.from('{}'), { metadata: {}, modeHeaders: requestsOf(to, [], access.endpoint).write, condition: null }, never);
    const path = syncPath('page.html');
    const standing = await folder.head(objectKey, path, never);
    expect(await folder.reprotect?.({ objectKey, etag: standing?.etag ?? '' }, path, null, never)).toMatchObject({ type: 'changed', way: 'copy' });
    expect(await place.s3.send(new HeadObjectCommand({ Bucket: 'parts', Key: objectKey }))).toMatchObject({ ...given, SSEKMSKeyId: place.kmsArns[1], ContentLength: bytes });
    expect((await place.s3.send(new GetObjectTaggingCommand({ Bucket: 'parts', Key: objectKey }))).TagSet).toEqual([{ Key: 'a', Value: '1' }, { Key: 'b', Value: '+' }]);
  } finally {
    await Promise.all([folder.close(), store.close()]);
  }
});
