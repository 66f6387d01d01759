/** Content that the attributes may not tell the hash of, compared by the checksum that S3 keeps. */
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { syncPath } from '../../main/model/path.ts';
import type { RemoteFolderConfig } from '../../main/remote/folder-config.ts';
import { startBuiltInPlace, type BuiltInPlace } from '../helpers/built-in-place.ts';
import { makeScratch } from '../helpers/cli.ts';
import { openComputer } from '../helpers/computer.ts';
import { treeOf, writeAt } from '../helpers/tree.ts';
import { never, openFixture } from '../transfer/folder-fixture.ts';

const scratch = makeScratch();
let place: BuiltInPlace;
beforeAll(async () => {
  place = await startBuiltInPlace(scratch.dir);
  await place.s3.send(new CreateBucketCommand({ Bucket: 'checksums' }));
});
afterAll(async () => {
  await place.stop();
  scratch.remove();
});

function configOf(): RemoteFolderConfig {
  const { endpoint, accessKeyId, secretAccessKey } = place.server;
  return {
    access: { endpoint, region: 'us-east-1', pathStyle: true, credentials: { type: 'static', accessKeyId, secretAccessKey } }, bucket: 'checksums', prefix: `${randomBytes(6).toString('hex')}/`, folderId: 'f'.repeat(32),
    names: 'readable', namesKey: null, epochs: [{ n: 1, mode: { id: 'sse-kms', kmsKeyId: place.kmsArns[0], bucketKey: true, dsse: false, encryptionContext: null }, authKey: null }], keys: [],
  };
}

describe('an object under a KMS key', () => {
  test.each([['in one request', 1_000, true], ['in parts', 9 * 1024 ** 2, false]])('tells its hash without a download, where S3 keeps one of the whole: sent %s', async (_, bytes, isTold) => {
    const fixture = openFixture(configOf());
    try {
      const content = randomBytes(bytes);
      const { version } = await fixture.upload('file', content);
      const found = await fixture.folder.head(version.objectKey, syncPath('file'), never);
      expect(found?.attributes?.sha256).toBe(isTold ? createHash('sha256').update(content).digest('hex') : null);
      expect((await fixture.download(syncPath('file'), version)).content.equals(content)).toBe(true);
    } finally {
      await fixture.close();
    }
  });

  test('is found equal to the file of a computer that joins with it, and fetched by none', async () => {
    const [anna, ben] = [await openComputer(scratch.dir, 'anna', place.server), await openComputer(scratch.dir, 'ben', place.server)];
    try {
      const [annas, bens] = [join(scratch.dir, 'annas'), join(scratch.dir, 'bens')];
      for (const root of [annas, bens]) for (let index = 0; index < 5; index += 1) writeAt(root, `file ${index}.txt`, `content ${index}`);
      writeAt(bens, 'file 4.txt', 'content X');
      const { id } = await anna.add(annas, { bucket: 'joined', mode: 'sse-kms', kmsKeyId: place.kmsArns[0] });
      await anna.sync(id);
      await ben.add(bens, { bucket: 'joined' });
      expect(await ben.sync(id)).toMatchObject({ counts: { adopt: 4, 'keep-both': 1, download: 0, bytesDown: 9 } });
      await anna.sync(id);
      expect(treeOf(annas)).toEqual(treeOf(bens));
    } finally {
      await Promise.all([anna.close(), ben.close()]);
    }
  });
});
