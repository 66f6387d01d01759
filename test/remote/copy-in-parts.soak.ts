/** Copies in parts of an object that is really too large for one copy: a little more than 5 GiB. */
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll } from 'vitest';
import type { S3Access } from '../../main/model/settings.ts';
import { startBuiltInPlace, type BuiltInPlace } from '../helpers/built-in-place.ts';
import { makeScratch } from '../helpers/cli.ts';
import { CHANGES, testCopiesInParts } from './copy-in-parts.contract.ts';

const scratch = makeScratch();
let place: BuiltInPlace;
let access: S3Access;
beforeAll(async () => {
  place = await startBuiltInPlace(scratch.dir);
  const { endpoint, accessKeyId, secretAccessKey } = place.server;
  access = { endpoint, region: 'us-east-1', pathStyle: true, credentials: { type: 'static', accessKeyId, secretAccessKey } };
  await place.s3.send(new CreateBucketCommand({ Bucket: 'parts' }));
});
afterAll(async () => {
  await place.stop();
  scratch.remove();
});

testCopiesInParts(CHANGES, () => ({ access, bucket: 'parts', s3: place.s3, kmsArn: place.kmsArns[0] }), { objectBytes: Math.floor(5.2 * 1024 ** 3) });
