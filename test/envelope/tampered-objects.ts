/** One client-side folder whose server hands out whatever it is told to, read by the same download that the app uses. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encryptWhole } from '../../main/envelope/envelope.ts';
import type { ErrorCode } from '../../main/model/errors.ts';
import { syncPath, type LocalPath, type ObjectKey } from '../../main/model/path.ts';
import type { LongNames } from '../../main/remote/long-names.ts';
import type { ObjectStore } from '../../main/remote/object-store.ts';
import { createStoredFiles } from '../../main/remote/stored-file.ts';
import { createBudget } from '../../main/transfer/budget.ts';
import { download } from '../../main/transfer/download.ts';
import { createPartBuffers } from '../../main/transfer/part-buffers.ts';
import { answerTo } from '../helpers/answer.ts';
import { makeConfig, never, newOperationId, noProgress, type TestMode } from '../transfer/folder-fixture.ts';

export type Sealed = { readonly path: string; readonly objectKey: ObjectKey; readonly metadata: Readonly<Record<string, string>>; readonly body: Buffer };

export type ReadFolder = {
  seal(path: string, plaintext: Buffer): Promise<Sealed>;
  /** `value` where the download succeeds; what it staged is removed then, and compared with `plaintext`. */
  read(served: Sealed, plaintext: Buffer): Promise<ErrorCode | 'value'>;
  /** What is left in the staging directory. */
  leftovers(): readonly string[];
  close(): void;
};

const MIB = 1024 * 1024;
/** Larger objects are fetched in ranges and decrypted while they come. */
const PART_BYTES = 64 * 1024;

export function openReadFolder(mode: TestMode): ReadFolder {
  const config = makeConfig({ endpoint: null, region: 'us-east-1', pathStyle: false, credentials: { type: 'static', accessKeyId: '', secretAccessKey: '' } }, 'bucket', mode);
  const files = createStoredFiles(config);
  const staging = mkdtempSync(join(tmpdir(), 'enfold-tampered-'));
  const serverSays = { versionId: null, lastModifiedMs: 0, encryption: { algorithm: null, kmsKeyId: null, customerKeyMd5: null } };
  let served: Sealed | null = null;
  const store = {
    async get(objectKey, { range, into }) {
      if (served === null) throw new Error('nothing is served');
      const { metadata, body } = served;
      const part = range === undefined ? body : body.subarray(range.start, range.end);
      const filled = into === undefined ? part : into.subarray(0, part.copy(into));
      return { head: { ...serverSays, etag: 'etag', objectBytes: body.length, metadata }, body: filled };
    },
  } as Pick<ObjectStore, 'get'> as ObjectStore;
  const context = {
    store, files, longNames: {} as LongNames, budget: createBudget(64 * MIB), buffers: createPartBuffers(PART_BYTES, 8), partBytes: PART_BYTES, partsInFlight: 4,
  };
  let count = 0;
  return {
    async seal(path, plaintext) {
      const encryption = await files.startEncryption();
      if (encryption === null) throw new Error('a client-side mode was asked for');
      const body = Buffer.concat(encryptWhole(encryption, plaintext));
      const objectKey = files.objectKeyOf(syncPath(path));
      const attributes = { operationId: newOperationId(), vector: { aaaaaaaaaaaa: 1 }, mtimeMs: 1_700_000_000_000, modeBits: 0o644, kind: 'file', sizeBytes: plaintext.length, sha256: createHash('sha256').update(plaintext).digest('hex') } as const;
      const metadata = files.metadataOf(attributes, objectKey, encryption);
      encryption.dispose();
      return { path, objectKey, metadata, body };
    },
    async read(object, plaintext) {
      served = object;
      const staged = join(staging, `staged-${(count += 1)}`) as LocalPath;
      const answer = await answerTo(download(context, { path: syncPath(object.path), objectKey: object.objectKey, etag: 'etag', objectBytes: object.body.length, staged }, noProgress, never));
      if (answer !== 'value') return answer;
      if (!existsSync(staged) || !readFileSync(staged).equals(plaintext)) throw new Error('a download succeeded with another text');
      unlinkSync(staged);
      return answer;
    },
    leftovers: () => readdirSync(staging),
    close: () => rmSync(staging, { recursive: true, force: true }),
  };
}

/** One change to an object; `what` groups them. */
export type Tampered = { readonly what: string; readonly object: Sealed };

function flipBit(bytes: Buffer, bit: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
  return changed;
}

const below = (limit: number): number => randomBytes(4).readUInt32BE() % limit;

/**
 * Every single flipped bit of body, tag and each metadata value; every shorter body; longer ones; and random damage and rearrangement.
 *
 * @param other - another object of the folder, to take pieces from.
 * @param step - 1: all of them; more: every so many of each kind.
 */
export function* tamperingsOf(object: Sealed, other: Sealed, step: number): Generator<Tampered> {
  const { body, metadata } = object;
  for (let bit = below(step); bit < body.length * 8; bit += step) yield { what: 'a flipped bit of the body or tag', object: { ...object, body: flipBit(body, bit) } };
  for (const [name, value] of Object.entries(metadata)) {
    const text = Buffer.from(value, 'latin1');
    for (let bit = below(step); bit < text.length * 8; bit += step) yield { what: `a flipped bit of ${name}`, object: { ...object, metadata: { ...metadata, [name]: flipBit(text, bit).toString('latin1') } } };
    const { [name]: _gone, ...rest } = metadata;
    yield { what: `without ${name}`, object: { ...object, metadata: rest } };
    yield { what: `an empty ${name}`, object: { ...object, metadata: { ...metadata, [name]: '' } } };
    const foreign = other.metadata[name] ?? '';
    if (foreign !== value) yield { what: `the ${name} of another object`, object: { ...object, metadata: { ...metadata, [name]: foreign } } };
    // Some bytes of a value that is base64, replaced whole so that it stays base64.
    const bytes = Buffer.from(value, 'base64');
    if (bytes.length < 28 || bytes.toString('base64') !== value) continue;
    for (let round = 0; round < 150; round += step) {
      const changed = Buffer.from(bytes);
      randomBytes(1 + below(8)).copy(changed, below(bytes.length));
      if (!changed.equals(bytes)) yield { what: `random bytes in ${name}`, object: { ...object, metadata: { ...metadata, [name]: changed.toString('base64') } } };
    }
  }
  for (let length = below(step); length < body.length; length += step) yield { what: 'a shorter body', object: { ...object, body: body.subarray(0, length) } };
  for (let length = 1 + below(step); length < body.length; length += 8 * step) yield { what: 'a body without its beginning', object: { ...object, body: body.subarray(length) } };
  for (let extra = 1; extra <= 500; extra += step) yield { what: 'a longer body', object: { ...object, body: Buffer.concat([body, extra % 2 === 0 ? Buffer.alloc(extra) : randomBytes(extra)]) } };
  const blocks = Math.floor(body.length / 16);
  for (let round = 0; round < 2_500; round += step) {
    const [from, to, count] = [below(blocks), below(blocks), 1 + below(4)];
    const moved = Buffer.from(body);
    body.copy(moved, to * 16, from * 16, Math.min(body.length, (from + count) * 16));
    body.copy(moved, from * 16, to * 16, Math.min(body.length, (to + 1) * 16));
    if (!moved.equals(body)) yield { what: 'blocks in another order', object: { ...object, body: moved } };
    const cut = 1 + below(body.length - 1);
    yield { what: 'the end of another body', object: { ...object, body: Buffer.concat([body.subarray(0, cut), other.body.subarray(cut)]) } };
    yield { what: 'the beginning of another body', object: { ...object, body: Buffer.concat([other.body.subarray(0, cut), body.subarray(cut)]) } };
    const damaged = Buffer.from(body);
    randomBytes(1 + below(64)).copy(damaged, below(body.length));
    if (!damaged.equals(body)) yield { what: 'random bytes in the body', object: { ...object, body: damaged } };
  }
}
