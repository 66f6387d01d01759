/**
 * Amazon's S3 Encryption Client for Ruby and Enfold's envelope, each reading what the other wrote, on whatever server is given.
 *
 * The Ruby client at hand writes and reads V2 (and V1, through its older class). No official client that knows V3 is packaged
 * by Debian: V3 is held to the recorded and published vectors in test/vectors, to scripts/enfold-open.py, which was written from
 * the specification alone (open-script.integration.ts), and here only to not being mistaken for anything else.
 */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAesKeyring } from '../../main/envelope/aes-keyring.ts';
import type { StringMap } from '../../main/envelope/encoding.ts';
import { READ_LEGACY, READ_V3_AND_V2, READ_V3_ONLY } from '../../main/envelope/envelope.ts';
import type { Keyring } from '../../main/envelope/keyring.ts';
import { createKmsKeyring } from '../../main/envelope/kms-keyring.ts';
import { createRsaKeyring, parseRsaKey } from '../../main/envelope/rsa-keyring.ts';
import { answerTo } from '../helpers/answer.ts';
import { createSdkKms, startKmsStandIn, type RunningKms } from '../helpers/kms-stand-in.ts';
import { openBucket, type Bucket, type Place, type Server } from './objects.ts';
import { readAs, refusalOf, RUBY_PEER, startPeer, type Peer, type PeerKey, type PeerRequest } from './peer.ts';
import { NOT_ACCEPTED, NOT_DECRYPTED, tamperings } from './tamperings.ts';

const MIB = 1024 * 1024;
export const ALL_SIZES: readonly number[] = [0, 1, 15, 16, 17, 5 * MIB, 5 * MIB + 1];
export const FEW_SIZES: readonly number[] = [0, 17, 5 * MIB + 1];
const places: readonly Place[] = ['metadata', 'instruction-file'];
const wraps = ['aes', 'rsa', 'kms'] as const;
type Wrap = (typeof wraps)[number];

const descriptions: readonly StringMap[] = [
  { purpose: 'photos', team: 'north' },
  { '资料': '我的资料', 'naïve': 'Zoë – “déjà vu” 🎉' },
  { quote: '"\\/', control: '\t\n', percent: '%20 +', words: '=?UTF-8?B?4piD?=' },
];
const contexts: readonly StringMap[] = [{}, { tenant: 't1', purpose: 'photos' }, { 'ec-key': '我的资料', 'naïve': 'Zoë', words: '=?UTF-8?B?4piD?= à' }];

/** JSON as Ruby and others write it: with spaces, raw UTF-8, in this order. */
const looseJson = (map: StringMap): string => `{ ${Object.entries(map).map(([name, value]) => `${JSON.stringify(name)} : ${JSON.stringify(value)}`).join(', ')} }`;
const asciiJson = (map: StringMap): string => JSON.stringify(map).replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const aesKey = randomBytes(32);
const otherAesKey = randomBytes(32);
const newPem = (): string => generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const pem = newPem();
const otherPem = newPem();
const kmsKeyId = 'arn:aws:kms:us-east-1:111122223333:key/00000000-0000-4000-8000-000000000001';
const otherKmsKeyId = 'arn:aws:kms:us-east-1:111122223333:key/00000000-0000-4000-8000-000000000002';

/** The tests, on a server of that name; it may be started by the time they run. */
export function describeRubyPeer(serverName: string, getServer: () => Server, sizes: readonly number[]): void {
  describe(`the Ruby client on ${serverName}`, () => {
    let bucket: Bucket;
    let ruby: Peer;
    let kms: RunningKms;
    let kmsClient: ReturnType<typeof createSdkKms>;
    let count = 0;
    const newKey = (): string => `objects/${(count += 1)} ü ☃.bin`;

    beforeAll(async () => {
      const server = getServer();
      kms = await startKmsStandIn([kmsKeyId, otherKmsKeyId]);
      kmsClient = createSdkKms(kms.endpoint, server);
      bucket = await openBucket(server, 'interop');
      ruby = await startPeer(RUBY_PEER, server, kms.endpoint);
    });
    afterAll(async () => {
      await ruby.stop();
      bucket.close();
      kmsClient.close();
      await kms.stop();
    });

    function keyringFor(wrap: Wrap, options: { readonly isOther?: boolean; readonly description?: StringMap; readonly context?: StringMap } = {}): Keyring {
      const { isOther = false, description, context } = options;
      if (wrap === 'aes') return createAesKeyring({ wrappingKey: isOther ? otherAesKey : aesKey, keyId: null, description });
      if (wrap === 'rsa') return createRsaKeyring({ ...parseRsaKey(isOther ? otherPem : pem), keyId: null, description });
      return createKmsKeyring({ client: kmsClient, keyId: isOther ? otherKmsKeyId : kmsKeyId, encryptionContext: context });
    }
    const rubyKey = (wrap: 'aes' | 'rsa', isOther = false, description?: string): PeerKey => ({
      ...(wrap === 'aes' ? { aes: (isOther ? otherAesKey : aesKey).toString('base64') } : { rsa: isOther ? otherPem : pem }),
      ...(description !== undefined && { description }),
    });
    const rubyKeys = (wrap: Wrap, isOther = false): Pick<PeerRequest, 'keys' | 'kms'> => (wrap === 'kms' ? { kms: isOther ? otherKmsKeyId : kmsKeyId } : { keys: [rubyKey(wrap, isOther)] });
    const at = (objectKey: string): Pick<PeerRequest, 'bucket' | 'objectKey'> => ({ bucket: bucket.name, objectKey });

    test.each(wraps.flatMap((wrap) => places.map((place) => ({ wrap, place }))))('Enfold reads every size that Ruby wrote under $wrap, with its envelope in the $place', async ({ wrap, place }) => {
      for (const sizeBytes of sizes) {
        const objectKey = newKey();
        const plaintext = randomBytes(sizeBytes);
        await ruby.put({ ...at(objectKey), ...rubyKeys(wrap), place }, plaintext);
        expect((await bucket.get(objectKey))?.body.length).toBe(sizeBytes + 16);
        expect((await bucket.get(`${objectKey}.instruction`)) === null).toBe(place === 'metadata');
        expect(digestOf(await bucket.read(objectKey, keyringFor(wrap)))).toBe(digestOf(plaintext));
        expect(await answerTo(bucket.read(objectKey, keyringFor(wrap), READ_V3_ONLY))).toBe('format-refused');
      }
    });

    test.each(wraps.flatMap((wrap) => places.map((place) => ({ wrap, place }))))('Ruby reads every size that Enfold wrote under $wrap, with its envelope in the $place', async ({ wrap, place }) => {
      for (const sizeBytes of sizes) {
        const objectKey = newKey();
        const plaintext = randomBytes(sizeBytes);
        await bucket.write(objectKey, keyringFor(wrap), plaintext, 'v2', place);
        expect(await ruby.get({ ...at(objectKey), ...rubyKeys(wrap), place })).toEqual(readAs(plaintext));
      }
    });

    test.each((['aes', 'rsa'] as const).flatMap((wrap) => places.map((place) => ({ wrap, place }))))('material descriptions choose the $wrap key on both sides, with the envelope in the $place', async ({ wrap, place }) => {
      const plaintext = Buffer.from('found by its description');
      for (const description of descriptions) {
        // Each reader holds the wrong key first, so that only the description leads to the right one.
        const readers = wrap === 'aes'
          ? createAesKeyring({ wrappingKey: otherAesKey, keyId: null, description: {}, additional: [{ wrappingKey: aesKey, keyId: null, description }] })
          : createRsaKeyring({ ...parseRsaKey(otherPem), keyId: null, description: {}, additional: [{ ...parseRsaKey(pem), keyId: null, description }] });
        for (const text of [looseJson(description), asciiJson(description)]) {
          const objectKey = newKey();
          await ruby.put({ ...at(objectKey), keys: [rubyKey(wrap, false, text)], place }, plaintext);
          expect((await bucket.read(objectKey, readers)).toString()).toBe(plaintext.toString());
        }
        const objectKey = newKey();
        await bucket.write(objectKey, keyringFor(wrap, { description }), plaintext, 'v2', place);
        expect(await ruby.get({ ...at(objectKey), keys: [rubyKey(wrap, true), rubyKey(wrap, false, looseJson(description))], place })).toEqual(readAs(plaintext));
        expect(await ruby.get({ ...at(objectKey), keys: [rubyKey(wrap, true), rubyKey(wrap, false, '{"another":"one"}')], place })).toMatchObject({ ok: false, error: expect.stringMatching(/^OpenSSL::/) as string });
      }
    });

    test.each(places)('encryption contexts are the same to KMS from both sides, with the envelope in the %s', async (place) => {
      const plaintext = Buffer.from('bound to its context');
      for (const context of contexts) {
        const [byRuby, byEnfold] = [newKey(), newKey()];
        const stated = JSON.stringify({ 'aws:x-amz-cek-alg': 'AES/GCM/NoPadding', ...context });
        kms.calls.length = 0;
        await ruby.put({ ...at(byRuby), kms: kmsKeyId, context, place }, plaintext);
        await bucket.write(byEnfold, keyringFor('kms', { context }), plaintext, 'v2', place);
        expect((await bucket.read(byRuby, keyringFor('kms', { context }))).toString()).toBe(plaintext.toString());
        expect(await ruby.get({ ...at(byEnfold), kms: kmsKeyId, context, place })).toEqual(readAs(plaintext));
        expect(kms.calls.map((call) => call.split(' ')[0])).toEqual(['GenerateDataKey', 'GenerateDataKey', 'Decrypt', 'Decrypt']);
        for (const call of kms.calls) expect(JSON.parse(call.slice(call.indexOf(' ')))).toEqual(JSON.parse(stated));
      }
    });

    test('neither side asks KMS for the key of an object whose context is not the expected one', async () => {
      const [byRuby, byEnfold] = [newKey(), newKey()];
      await ruby.put({ ...at(byRuby), kms: kmsKeyId, context: { tenant: 't1' } }, Buffer.from('x'));
      await bucket.write(byEnfold, keyringFor('kms', { context: { tenant: 't1' } }), Buffer.from('x'), 'v2');
      kms.calls.length = 0;
      const others: readonly StringMap[] = [{}, { tenant: 't2' }, { tenant: 't1', more: 'x' }];
      for (const objectKey of [byRuby, byEnfold]) {
        for (const context of others) {
          expect(await answerTo(bucket.read(objectKey, keyringFor('kms', { context })))).toBe('context-mismatch');
          expect(await ruby.get({ ...at(objectKey), kms: kmsKeyId, context })).toMatchObject({ ok: false, error: 'Aws::S3::EncryptionV2::Errors::DecryptionError' });
        }
      }
      expect(kms.calls).toEqual([]);
    });

    test.each(wraps)('both sides refuse everything that was altered under %s, whoever wrote it', async (wrap) => {
      const keyring = keyringFor(wrap);
      for (const writer of ['ruby', 'enfold']) {
        const [objectKey, otherKey] = [newKey(), newKey()];
        for (const [key, text] of [[objectKey, 'the text that was written'], [otherKey, 'another text of its own']] as const) {
          await (writer === 'ruby' ? ruby.put({ ...at(key), ...rubyKeys(wrap) }, Buffer.from(text)) : bucket.write(key, keyring, Buffer.from(text), 'v2'));
        }
        const [object, other] = [await bucket.get(objectKey), await bucket.get(otherKey)];
        if (object === null || other === null) throw new Error('what was written is not there');
        for (const { what, change, code, ruby: reason } of tamperings.filter(({ only }) => only?.includes(wrap) ?? true)) {
          const altered = newKey();
          await bucket.put(altered, change(object, other));
          expect({ writer, what, enfold: await answerTo(bucket.read(altered, keyring)) }).toEqual({ writer, what, enfold: code });
          expect({ writer, what, ruby: refusalOf(await ruby.get({ ...at(altered), ...rubyKeys(wrap) })) }).toEqual({ writer, what, ruby: expect.stringMatching(reason) as string });
        }
        // The same way of storing it, unaltered, is read by both: what was refused above was refused for its change.
        await bucket.put(objectKey, object);
        expect((await bucket.read(objectKey, keyring)).toString()).toBe('the text that was written');
        expect(await ruby.get({ ...at(objectKey), ...rubyKeys(wrap) })).toEqual(readAs(Buffer.from('the text that was written')));
      }
    });

    test.each(wraps)('both sides refuse the wrong key under %s', async (wrap) => {
      const [byRuby, byEnfold] = [newKey(), newKey()];
      await ruby.put({ ...at(byRuby), ...rubyKeys(wrap) }, Buffer.from('x'));
      await bucket.write(byEnfold, keyringFor(wrap), Buffer.from('x'), 'v2');
      for (const objectKey of [byRuby, byEnfold]) {
        expect(await answerTo(bucket.read(objectKey, keyringFor(wrap, { isOther: true })))).toBe('key-unwrap-failed');
        expect(refusalOf(await ruby.get({ ...at(objectKey), ...rubyKeys(wrap, true) }))).toMatch(NOT_DECRYPTED);
      }
    });

    test('both sides refuse an instruction file that is another object\'s, damaged or gone', async () => {
      const keyring = keyringFor('aes');
      const [byRuby, byEnfold] = [newKey(), newKey()];
      await ruby.put({ ...at(byRuby), ...rubyKeys('aes'), place: 'instruction-file' }, Buffer.from('from Ruby'));
      await bucket.write(byEnfold, keyring, Buffer.from('from Enfold'), 'v2', 'instruction-file');
      for (const [mine, another] of [[byRuby, byEnfold], [byEnfold, byRuby]] as const) {
        const [body, own, other] = [await bucket.get(mine), await bucket.get(`${mine}.instruction`), await bucket.get(`${another}.instruction`)];
        if (body === null || own === null || other === null) throw new Error('what was written is not there');
        const cases = [['not-authentic', other.body], ['malformed', own.body.subarray(0, -1)], ['not-ours', Buffer.from('{}')], ['not-ours', null]] as const;
        for (const [code, file] of cases) {
          const objectKey = newKey();
          await bucket.put(objectKey, body);
          if (file !== null) await bucket.put(`${objectKey}.instruction`, { metadata: {}, body: file });
          expect(await answerTo(bucket.read(objectKey, keyring))).toBe(code);
          expect(refusalOf(await ruby.get({ ...at(objectKey), ...rubyKeys('aes'), place: 'instruction-file' }))).toMatch(code === 'not-authentic' ? NOT_DECRYPTED : NOT_ACCEPTED);
        }
      }
    });

    test.each(wraps.flatMap((wrap) => places.map((place) => ({ wrap, place }))))('Enfold reads the old objects of Ruby\'s first client under $wrap only when told to, with the envelope in the $place', async ({ wrap, place }) => {
      for (const sizeBytes of [1, 16, 1_000]) {
        const objectKey = newKey();
        const plaintext = randomBytes(sizeBytes);
        await ruby.put({ ...at(objectKey), ...rubyKeys(wrap), place, format: 'v1' }, plaintext);
        expect((await bucket.read(objectKey, keyringFor(wrap), READ_LEGACY)).equals(plaintext)).toBe(true);
        expect(await answerTo(bucket.read(objectKey, keyringFor(wrap), READ_V3_AND_V2))).toBe('legacy-refused');
      }
    });

    test.each(places)('Ruby takes a V3 object with its envelope in the %s for none of its own', async (place) => {
      const objectKey = newKey();
      const plaintext = Buffer.from('newer than that client');
      await bucket.write(objectKey, keyringFor('aes'), plaintext, 'v3', place);
      expect((await bucket.read(objectKey, keyringFor('aes'), READ_V3_ONLY)).equals(plaintext)).toBe(true);
      expect(await ruby.get({ ...at(objectKey), ...rubyKeys('aes'), place })).toMatchObject({ ok: false, error: 'Aws::S3::EncryptionV2::Errors::DecryptionError' });
    });

    test('Enfold refuses V3 metadata put beside what Ruby wrote', async () => {
      const objectKey = newKey();
      await ruby.put({ ...at(objectKey), ...rubyKeys('aes') }, Buffer.from('from Ruby'));
      const object = await bucket.get(objectKey);
      for (const name of ['x-amz-c', 'x-amz-d', 'x-amz-i', 'x-amz-3', 'x-amz-w', 'x-amz-m', 'x-amz-t', 'x-amz-key']) {
        await bucket.put(objectKey, { body: object?.body ?? Buffer.alloc(0), metadata: { ...object?.metadata, [name]: '115' } });
        expect(await answerTo(bucket.read(objectKey, keyringFor('aes')))).toBe('format-refused');
      }
    });
  });
}
