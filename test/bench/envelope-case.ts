/**
 * One way of encrypting or decrypting one file into nothing, in a process of its own, so that the runtime and the memory are its own.
 * Arguments: program, direction, directory. Prints one line of JSON.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { closeSync, createReadStream, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createAesKeyring } from '../../main/envelope/aes-keyring.ts';
import { createEncryption, openEnvelope, READ_V3_ONLY } from '../../main/envelope/envelope.ts';

const SLICE_BYTES = 256 * 1024;
const wrappingKey = Buffer.alloc(32, 3);
const [contentKey, iv] = [Buffer.alloc(32, 4), Buffer.alloc(12, 1)];
const [program = '', direction = '', directory = ''] = process.argv.slice(2);
const at = (name: string): string => join(directory, name);

/** Calls `take` with every slice of the file, in a buffer that is used again. */
function readSlices(file: string, take: (slice: Buffer, at: number, total: number) => void): void {
  const handle = openSync(file, 'r');
  const { size } = fstatSync(handle);
  const buffer = Buffer.allocUnsafeSlow(SLICE_BYTES);
  for (let position = 0; position < size;) {
    const bytes = readSync(handle, buffer, 0, SLICE_BYTES, position);
    take(buffer.subarray(0, bytes), position, size);
    position += bytes;
  }
  closeSync(handle);
}

type Esdk = {
  buildClient: (policy: unknown) => { encryptStream(keyring: unknown, options: { suiteId: unknown }): NodeJS.ReadWriteStream; decryptUnsignedMessageStream(keyring: unknown): NodeJS.ReadWriteStream };
  CommitmentPolicy: Record<string, unknown>;
  RawAesKeyringNode: new (options: object) => unknown;
  RawAesWrappingSuiteIdentifier: Record<string, unknown>;
  AlgorithmSuiteIdentifier: Record<string, unknown>;
};

const runs: Readonly<Record<string, () => Promise<void>>> = {
  'raw up': async () => {
    const cipher = createCipheriv('aes-256-gcm', contentKey, iv, { authTagLength: 16 });
    readSlices(at('plain.bin'), (slice) => void cipher.update(slice));
    cipher.final();
  },
  'raw down': async () => {
    const decipher = createDecipheriv('aes-256-gcm', contentKey, iv, { authTagLength: 16 });
    readSlices(at('raw.bin'), (slice, position, total) => {
      const left = total - 16 - position;
      if (left > 0) decipher.update(slice.subarray(0, left));
      if (left < slice.length) decipher.setAuthTag(slice.subarray(-16));
    });
    decipher.final();
  },
  'envelope up': async () => {
    const encryption = await createEncryption(createAesKeyring({ wrappingKey, keyId: null }), { format: 'v3' });
    readSlices(at('plain.bin'), (slice) => void encryption.cipher.update(slice));
    encryption.cipher.final();
    encryption.dispose();
  },
  'envelope down': async () => {
    const metadata = JSON.parse(readFileSync(at('envelope.json'), 'utf8')) as Record<string, string>;
    const handle = openSync(at('envelope.bin'), 'r');
    const { size } = fstatSync(handle);
    closeSync(handle);
    const decryption = await openEnvelope(metadata, createAesKeyring({ wrappingKey, keyId: null }), READ_V3_ONLY, { objectBytes: size });
    readSlices(at('envelope.bin'), (slice) => void decryption.update(slice));
    decryption.final();
    decryption.dispose();
  },
  'esdk up': async () => {
    const { client, keyring, suiteId } = esdk();
    await pipeline(createReadStream(at('plain.bin'), { highWaterMark: SLICE_BYTES }), client.encryptStream(keyring, { suiteId }), nothing());
  },
  'esdk down': async () => {
    const { client, keyring } = esdk();
    await pipeline(createReadStream(at('esdk.bin'), { highWaterMark: SLICE_BYTES }), client.decryptUnsignedMessageStream(keyring), nothing());
  },
};

function esdk(): { readonly client: ReturnType<Esdk['buildClient']>; readonly keyring: unknown; readonly suiteId: unknown } {
  const { AlgorithmSuiteIdentifier, buildClient, CommitmentPolicy, RawAesKeyringNode, RawAesWrappingSuiteIdentifier } = createRequire(at('package.json'))('@aws-crypto/client-node') as Esdk;
  const keyring = new RawAesKeyringNode({ keyName: 'bench', keyNamespace: 'bench', unencryptedMasterKey: new Uint8Array(wrappingKey), wrappingSuite: RawAesWrappingSuiteIdentifier['AES256_GCM_IV12_TAG16_NO_PADDING'] });
  // Committing, as Enfold's, and not signing: signatures cost as much again.
  return { client: buildClient(CommitmentPolicy['REQUIRE_ENCRYPT_REQUIRE_DECRYPT']), keyring, suiteId: AlgorithmSuiteIdentifier['ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY'] };
}

const nothing = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done(), highWaterMark: 1 << 20 });

const run = runs[`${program} ${direction}`];
if (run === undefined) throw new Error(`There is no ${program} ${direction}.`);
const before = process.cpuUsage();
const startedAt = performance.now();
await run();
const seconds = (performance.now() - startedAt) / 1000;
const { user, system } = process.cpuUsage(before);
process.stdout.write(`${JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, runtime: process.versions['electron'] === undefined ? `Node ${process.versions.node}` : `Electron ${process.versions['electron']}` })}\n`);
