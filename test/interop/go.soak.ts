/**
 * The encryption client of the AWS SDK for Go (s3crypto, V2, kms+context only: it has no other modern wrap) and Enfold's envelope,
 * each reading what the other wrote. It is a soak test because Go and the SDK are some hundred megabytes, installed for it alone.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StringMap } from '../../main/envelope/encoding.ts';
import { READ_V3_ONLY } from '../../main/envelope/envelope.ts';
import { createKmsKeyring } from '../../main/envelope/kms-keyring.ts';
import type { Keyring } from '../../main/envelope/keyring.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { answerTo } from '../helpers/answer.ts';
import { createSdkKms, startKmsStandIn, type RunningKms } from '../helpers/kms-stand-in.ts';
import { openBucket, type Bucket, type Place } from './objects.ts';
import { readAs, refusalOf, startPeer, type Peer, type PeerRequest } from './peer.ts';
import { tamperings } from './tamperings.ts';

const run = promisify(execFile);
const sources = fileURLToPath(new URL('go-peer/main.go', import.meta.url));
const installer = fileURLToPath(new URL('../../scripts/system.mjs', import.meta.url));
const kmsKeyId = 'arn:aws:kms:us-east-1:111122223333:key/00000000-0000-4000-8000-000000000001';
const otherKmsKeyId = 'arn:aws:kms:us-east-1:111122223333:key/00000000-0000-4000-8000-000000000002';
const MIB = 1024 * 1024;
const sizes = [0, 1, 15, 16, 17, 5 * MIB, 5 * MIB + 1, 64 * MIB];
const places: readonly Place[] = ['metadata', 'instruction-file'];
const contexts: readonly StringMap[] = [{}, { tenant: 't1', purpose: 'photos' }, { 'ec-key': '我的资料', 'naïve': 'Zoë' }];

/** What it says where it does not accept an object, as opposed to a request that failed; without an IV it panics. */
const GO_REFUSALS = /message authentication failed|InvalidCiphertextException|InvalidWrapAlgorithmError|content encryption algorithm used|^panic: crypto\/cipher/;

describe('the Go client on built-in storage', () => {
  let directory: string;
  let storage: RunningStorage;
  let kms: RunningKms;
  let kmsClient: ReturnType<typeof createSdkKms>;
  let bucket: Bucket;
  let go: Peer;
  let count = 0;
  const newKey = (): string => `objects/${(count += 1)}.bin`;
  const at = (objectKey: string): PeerRequest => ({ bucket: bucket.name, objectKey, kms: kmsKeyId });
  const keyringFor = (context?: StringMap, keyId = kmsKeyId): Keyring => createKmsKeyring({ client: kmsClient, keyId, encryptionContext: context });

  beforeAll(async () => {
    await run(process.execPath, [installer, 'interop-go']);
    directory = mkdtempSync(join(tmpdir(), 'enfold-go-'));
    const program = join(directory, 'peer');
    await run('go', ['build', '-o', program, sources], { env: { ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOCACHE: join(directory, 'cache') } });
    storage = await startStorage({ dir: join(directory, 'storage') });
    kms = await startKmsStandIn([kmsKeyId, otherKmsKeyId]);
    kmsClient = createSdkKms(kms.endpoint, storage);
    bucket = await openBucket(storage, 'interop');
    go = await startPeer([program], storage, kms.endpoint);
  }, 900_000);
  afterAll(async () => {
    await go.stop();
    bucket.close();
    kmsClient.close();
    await kms.stop();
    await storage.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  test.each(places)('Enfold reads every size that Go wrote, with its envelope in the %s', async (place) => {
    for (const sizeBytes of sizes) {
      const [objectKey, plaintext] = [newKey(), randomBytes(sizeBytes)];
      await go.put({ ...at(objectKey), place }, plaintext);
      expect((await bucket.get(`${objectKey}.instruction`)) === null).toBe(place === 'metadata');
      expect((await bucket.read(objectKey, keyringFor())).equals(plaintext)).toBe(true);
      expect(await answerTo(bucket.read(objectKey, keyringFor(), READ_V3_ONLY))).toBe('format-refused');
    }
  });

  test.each(places)('Go reads every size that Enfold wrote, with its envelope in the %s', async (place) => {
    for (const sizeBytes of sizes) {
      const [objectKey, plaintext] = [newKey(), randomBytes(sizeBytes)];
      await bucket.write(objectKey, keyringFor(), plaintext, 'v2', place);
      expect(await go.get(at(objectKey))).toEqual(readAs(plaintext));
    }
  });

  test.each(places)('encryption contexts are the same to KMS from both sides, with the envelope in the %s', async (place) => {
    const plaintext = Buffer.from('bound to its context');
    for (const context of contexts) {
      const [byGo, byEnfold] = [newKey(), newKey()];
      kms.calls.length = 0;
      await go.put({ ...at(byGo), context, place }, plaintext);
      await bucket.write(byEnfold, keyringFor(context), plaintext, 'v2', place);
      expect((await bucket.read(byGo, keyringFor(context))).toString()).toBe(plaintext.toString());
      expect(await go.get(at(byEnfold))).toEqual(readAs(plaintext));
      expect(kms.calls.map((call) => call.split(' ')[0])).toEqual(['GenerateDataKey', 'GenerateDataKey', 'Decrypt', 'Decrypt']);
      for (const call of kms.calls) expect(JSON.parse(call.slice(call.indexOf(' ')))).toEqual({ 'aws:x-amz-cek-alg': 'AES/GCM/NoPadding', ...context });
    }
  });

  test('both sides refuse everything that was altered, and the wrong key, whoever wrote it', async () => {
    for (const writer of ['go', 'enfold']) {
      const [objectKey, otherKey] = [newKey(), newKey()];
      for (const [key, text] of [[objectKey, 'the text that was written'], [otherKey, 'another text of its own']] as const) {
        await (writer === 'go' ? go.put(at(key), Buffer.from(text)) : bucket.write(key, keyringFor(), Buffer.from(text), 'v2'));
      }
      const [object, other] = [await bucket.get(objectKey), await bucket.get(otherKey)];
      if (object === null || other === null) throw new Error('what was written is not there');
      for (const { what, change, code } of tamperings.filter(({ only }) => only?.includes('kms') ?? true)) {
        const altered = newKey();
        await bucket.put(altered, change(object, other));
        expect({ writer, what, enfold: await answerTo(bucket.read(altered, keyringFor())) }).toEqual({ writer, what, enfold: code });
        // The tag length is the one thing Go does not look at; it goes on to check a tag of 128 bits all the same.
        const expected = what === 'its tag length says 96' ? /^read$/ : GO_REFUSALS;
        expect({ writer, what, go: refusalOf(await go.get(at(altered))) }).toEqual({ writer, what, go: expect.stringMatching(expected) as string });
      }
      expect(await answerTo(bucket.read(objectKey, keyringFor(undefined, otherKmsKeyId)))).toBe('key-unwrap-failed');
      expect(refusalOf(await go.get({ ...at(objectKey), kms: otherKmsKeyId }))).toMatch(/InvalidCiphertextException/);
      expect(await go.get(at(objectKey))).toEqual(readAs(Buffer.from('the text that was written')));
    }
  });
});
