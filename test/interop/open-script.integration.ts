/**
 * The stand-alone script that decrypts an object without Enfold, written from the format's specification alone. It is the second
 * reader of V3, for which Debian packages no official client: held to the recorded vectors, to objects of Enfold's envelope, and
 * to folders that Enfold itself wrote through a server and the AWS command line fetched.
 */
import { execFile, spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAesKeyring } from '../../main/envelope/aes-keyring.ts';
import type { Keyring } from '../../main/envelope/keyring.ts';
import { createRsaKeyring, parseRsaKey } from '../../main/envelope/rsa-keyring.ts';
import { startStorage, type RunningStorage } from '../../main/storage/server.ts';
import { createComputer, makeScratch } from '../helpers/cli.ts';
import { vectors, type RecordedObject } from '../helpers/envelope-vectors.ts';
import { seededBytes, treeOf, writeAt } from '../helpers/tree.ts';
import { flipped, flippedText, openBucket, type Bucket, type Place } from './objects.ts';

const script = fileURLToPath(new URL('../../scripts/enfold-open.py', import.meta.url));
const namesScript = fileURLToPath(new URL('../../scripts/enfold-names.py', import.meta.url));
const run = promisify(execFile);

/** A Python with the `cryptography` package, which not every Python on PATH has. */
const python = ['python3', '/usr/bin/python3'].find((program) => spawnSync(program, ['-c', 'import cryptography']).status === 0) ?? '';
const aesKey = randomBytes(32);
const pem = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

let directory: string;
let storage: RunningStorage;
let bucket: Bucket;
let count = 0;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'enfold-open-'));
  storage = await startStorage({ dir: join(directory, 'storage') });
  bucket = await openBucket(storage, 'interop');
});
afterAll(async () => {
  bucket.close();
  await storage.stop();
  rmSync(directory, { recursive: true, force: true });
});

type Downloaded = { readonly metadata: Readonly<Record<string, string>>; readonly body: Buffer; readonly instruction: Buffer | null; readonly key: string | Buffer };

/** What the script made of the files, or what it said instead; a refusal must leave nothing behind. */
async function open(object: Downloaded, ...options: string[]): Promise<Buffer | string> {
  const place = join(directory, `object-${(count += 1)}`);
  mkdirSync(place);
  const at = (name: string): string => join(place, name);
  writeFileSync(at('head.json'), JSON.stringify({ ContentLength: object.body.length, Metadata: object.metadata }));
  writeFileSync(at('body.bin'), object.body);
  writeFileSync(at('key'), object.key);
  writeFileSync(at('instruction'), object.instruction ?? '');
  const given = readdirSync(place);
  const args = [script, '--key', at('key'), '--metadata', at('head.json'), '--out', at('out.bin'), ...(object.instruction === null ? [] : ['--instruction', at('instruction')]), ...options, at('body.bin')];
  try {
    await run(python, args);
    return readFileSync(at('out.bin'));
  } catch (error) {
    const left = readdirSync(place).filter((name) => !given.includes(name));
    return left.length > 0 ? `It left ${left.join(', ')} behind.` : (error as { stderr: string }).stderr.trim();
  }
}

const recorded = (object: RecordedObject): Downloaded => ({
  metadata: object.metadata,
  body: Buffer.from(object.body, 'hex'),
  instruction: object.instructionFile === undefined ? null : Buffer.from(JSON.stringify(object.instructionFile)),
  key: object.mode === 'rsa' ? vectors.inputs.rsaPrivateKeyPem : vectors.inputs.aesWrappingKey,
});

async function fetched(objectKey: string, key: string | Buffer): Promise<Downloaded> {
  const [object, instruction] = await Promise.all([bucket.get(objectKey), bucket.get(`${objectKey}.instruction`)]);
  if (object === null) throw new Error(`There is no object ${objectKey}.`);
  return { ...object, instruction: instruction?.body ?? null, key };
}

describe('the stand-alone script that opens an object', () => {
  const readable = Object.entries(vectors.objects).filter(([, object]) => object.mode !== 'kms' && object.legacy !== true);
  test.each(readable)('opens the recorded object %s', async (_name, object) => {
    expect((await open(recorded(object))).toString('hex')).toBe(object.plaintext);
    expect((await open(recorded(object), ...(object.mode === 'aes' ? ['--slow'] : []))).toString('hex')).toBe(object.plaintext);
  });

  test('refuses every recorded object that must fail, and every old one', async () => {
    // It has no policy to set: a V2 object is read for what it is.
    const failures = vectors.mustFail.filter(({ policy }) => policy === undefined).map(({ base, note, ...changes }) => [note, { ...(vectors.objects[base] as RecordedObject), ...changes }] as const);
    const old = Object.entries(vectors.objects).filter(([, { legacy }]) => legacy === true);
    expect(failures.length + old.length).toBeGreaterThan(20);
    for (const [note, object] of [...failures, ...old]) {
      expect([note, await open(recorded(object))]).toEqual([note, expect.stringMatching(/^enfold-open: .+$/)]);
    }
  });

  const cases = (['v3', 'v2'] as const).flatMap((format) => (['aes', 'rsa'] as const).flatMap((wrap) => (['metadata', 'instruction-file'] as const).map((place: Place) => ({ format, wrap, place }))));
  test.each(cases)('opens $format objects under $wrap of every size, with the envelope in the $place', async ({ format, wrap, place }) => {
    const keyring: Keyring = wrap === 'aes' ? createAesKeyring({ wrappingKey: aesKey, keyId: null }) : createRsaKeyring(parseRsaKey(pem));
    for (const sizeBytes of [0, 1, 15, 16, 17, 5 * 1024 * 1024 + 1]) {
      const plaintext = randomBytes(sizeBytes);
      const objectKey = `${format}/${wrap}/${place}/${sizeBytes}`;
      await bucket.write(objectKey, keyring, plaintext, format, place);
      const opened = await open(await fetched(objectKey, wrap === 'rsa' ? pem : aesKey));
      expect(typeof opened === 'string' ? opened : opened.equals(plaintext)).toBe(true);
    }
  });

  test('needs nothing but Python where the cryptography package is not installed', async () => {
    const plaintext = randomBytes(70_001);
    await bucket.write('slow', createAesKeyring({ wrappingKey: aesKey, keyId: null }), plaintext, 'v3');
    const object = await fetched('slow', aesKey.toString('base64'));
    expect(await open(object, '--slow')).toEqual(plaintext);
    expect(await open({ ...object, body: flipped(object.body, 70_000) }, '--slow')).toBe('enfold-open: the object was altered, or is not whole');
    expect(await open({ ...object, key: randomBytes(32) }, '--slow')).toMatch(/key does not open/);
  });

  test('says why it refuses, and leaves nothing behind', async () => {
    await bucket.write('refused', createAesKeyring({ wrappingKey: aesKey, keyId: null }), Buffer.from('some text'), 'v3');
    await bucket.write('split', createAesKeyring({ wrappingKey: aesKey, keyId: null }), Buffer.from('some text'), 'v3', 'instruction-file');
    const [object, split] = [await fetched('refused', aesKey.toString('hex')), await fetched('split', aesKey)];
    const { metadata, body } = object;
    expect((await open(object)).toString()).toBe('some text');
    expect(await open({ ...object, body: flipped(body, -1) })).toMatch(/was altered/);
    expect(await open({ ...object, body: flipped(body, 0) })).toMatch(/was altered/);
    expect(await open({ ...object, body: body.subarray(0, -1) })).toMatch(/was altered/);
    expect(await open({ ...object, body: body.subarray(0, 15) })).toMatch(/too short/);
    expect(await open({ ...object, key: randomBytes(32) })).toMatch(/key does not open/);
    expect(await open({ ...object, key: 'not a key' })).toMatch(/neither an AES key/);
    expect(await open({ ...object, key: pem })).toMatch(/asks for an AES key/);
    expect(await open({ ...object, metadata: { ...metadata, 'x-amz-d': flippedText(metadata['x-amz-d'], 0) } })).toMatch(/does not belong to the key/);
    expect(await open({ ...object, metadata: { ...metadata, 'x-amz-i': flippedText(metadata['x-amz-i'], 0) } })).toMatch(/does not belong to the key/);
    expect(await open({ ...object, metadata: { ...metadata, 'x-amz-w': '12' } })).toMatch(/KMS/);
    expect(await open({ ...object, metadata: {} })).toMatch(/not encrypted by an S3 encryption client/);
    expect(await open({ ...split, instruction: null })).toMatch(/instruction file: download it too/);
    expect(await open(object, '--out', script)).toMatch(/already a file/);
    expect(await open({ ...object, instruction: split.instruction })).toMatch(/does not need an instruction file/);
  });
});

describe('a folder that Enfold wrote', () => {
  test('is read whole with the AWS command line and the two scripts', async () => {
    const scratch = makeScratch();
    try {
      const at = (name: string): string => join(scratch.dir, name);
      const environment = { ...process.env, AWS_ACCESS_KEY_ID: storage.accessKeyId, AWS_SECRET_ACCESS_KEY: storage.secretAccessKey, AWS_DEFAULT_REGION: 'us-east-1' };
      const aws = async (...args: string[]): Promise<string> => (await run('aws', ['--endpoint-url', storage.endpoint, '--output', 'json', ...args], { env: environment })).stdout;
      mkdirSync(at('folder'));
      writeAt(at('folder'), 'empty.txt', '');
      writeAt(at('folder'), 'dir/Ünïcödé 日本.txt', 'some text');
      writeAt(at('folder'), `${'long-'.repeat(30)}name.bin`, seededBytes('block', 16));
      // More than one part of a multipart upload.
      writeAt(at('folder'), 'large.bin', seededBytes('large', 17 * 1024 * 1024 + 3));
      writeFileSync(at('key.bin'), aesKey);
      const computer = createComputer(scratch.dir, 'home');
      await computer.connect(storage);
      await computer.ok(['key', 'import', 'mine', '--from', at('key.bin')]);
      const { id } = await computer.json<{ id: string }>(['folder', 'add', at('folder'), '--remote', 's3://leave/place', '--create-bucket', '--connection', 's3', '--mode', 'cse-c', '--key', 'mine']);
      await computer.ok(['sync', id]);

      await aws('s3', 'cp', '--recursive', '--quiet', 's3://leave/place/.enfold/', at('enfold'));
      const { Contents } = JSON.parse(await aws('s3api', 'list-objects-v2', '--bucket', 'leave')) as { Contents: { Key: string }[] };
      const objectKeys = Contents.map(({ Key }) => Key).filter((key) => !key.includes('/.enfold/'));
      const names = await run(python, [namesScript, '--json', '--key', at('key.bin'), '--descriptor', join(at('enfold'), 'folder.json'), '--long-names', join(at('enfold'), 'names'), '--prefix', 'place/', ...objectKeys]);
      const named = names.stdout.trim().split('\n').map((line) => JSON.parse(line) as { key: string; path: string });
      const restored: Record<string, string> = {};
      for (const { key, path } of named.filter((one) => !one.path.endsWith('/'))) {
        const [head, body, out] = [at(`${key.length}.json`), at('body.bin'), at('out.bin')];
        writeFileSync(head, await aws('s3api', 'head-object', '--bucket', 'leave', '--key', key));
        await aws('s3api', 'get-object', '--bucket', 'leave', '--key', key, body);
        await run(python, [script, '--key', at('key.bin'), '--metadata', head, '--out', out, body]);
        restored[path] = createHash('sha256').update(readFileSync(out)).digest('hex');
        rmSync(out);
      }
      const written = Object.entries(treeOf(at('folder'))).filter(([path]) => !path.endsWith('/'));
      expect(written).toHaveLength(4);
      expect(restored).toEqual(Object.fromEntries(written));
    } finally {
      scratch.remove();
    }
  });
});
