import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { encryptWhole } from '../../main/envelope/envelope.ts';
import { authKeyOf } from '../../main/envelope/folder-key.ts';
import { keyIdOf } from '../../main/envelope/key-id.ts';
import { parseRsaKey } from '../../main/envelope/rsa-keyring.ts';
import type { EncryptionMode } from '../../main/model/mode.ts';
import type { SyncPath } from '../../main/model/path.ts';
import type { FileAttributes, OperationId } from '../../main/model/snapshot.ts';
import type { HeldKey, RemoteFolderConfig } from '../../main/remote/folder-config.ts';
import { createFolderKeyring } from '../../main/remote/folder-keyring.ts';
import type { ObjectHead } from '../../main/remote/object-store.ts';
import { createStoredFiles } from '../../main/remote/stored-file.ts';
import { codeOf } from './store.contract.ts';

const access = { endpoint: 'http://127.0.0.1:1', region: 'us-east-1', pathStyle: true, credentials: { type: 'environment' } } as const;
const aesBytes = randomBytes(32);
const aes: HeldKey = { keyId: keyIdOf('aes', aesBytes), type: 'aes', bytes: aesBytes };
const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rsaBytes = pair.privateKey.export({ format: 'der', type: 'pkcs8' });
const rsa: HeldKey = { keyId: parseRsaKey(rsaBytes).keyId, type: 'rsa', bytes: rsaBytes };
const publicOnly: HeldKey = { ...rsa, bytes: pair.publicKey.export({ format: 'der', type: 'spki' }) };

const aesV3 = { id: 'cse-c', keyId: aes.keyId, keyType: 'aes', format: 'v3' } as const;
const aesV2 = { ...aesV3, format: 'v2' } as const;
const rsaV3 = { id: 'cse-c', keyId: rsa.keyId, keyType: 'rsa', format: 'v3' } as const;

const folderKey = randomBytes(32);
const folderId = '0'.repeat(32);
const path = 'a.txt' as SyncPath;

function filesOf(...modes: EncryptionMode[]): ReturnType<typeof createStoredFiles> {
  const config: RemoteFolderConfig = {
    access, bucket: 'b', prefix: 'p/', folderId, names: 'readable', namesKey: null, keys: [aes, rsa],
    epochs: modes.map((mode, index) => ({ n: index + 1, mode, authKey: authKeyOf(folderKey, index + 1) })),
  };
  return createStoredFiles(config);
}

/** What a HEAD says of `text`, written by a folder whose last epoch is the last of `modes`; and its body. */
async function written(text: string, ...modes: EncryptionMode[]): Promise<{ head: ObjectHead; body: Buffer }> {
  const files = filesOf(...modes);
  const encryption = await files.startEncryption();
  if (encryption === null) throw new Error('a client-side mode is needed');
  const body = Buffer.concat(encryptWhole(encryption, Buffer.from(text)));
  const attributes: FileAttributes = { operationId: 'a'.repeat(32) as OperationId, vector: {}, mtimeMs: 1, modeBits: 0o644, kind: 'file', sizeBytes: text.length, sha256: null };
  const metadata = files.metadataOf(attributes, files.objectKeyOf(path), encryption);
  return { body, head: { etag: 'e', versionId: null, objectBytes: body.length, lastModifiedMs: 0, metadata, encryption: { algorithm: null, kmsKeyId: null, customerKeyMd5: null } } };
}

async function read(head: ObjectHead, body: Buffer, ...modes: EncryptionMode[]): Promise<string> {
  const files = filesOf(...modes);
  files.open(head, files.objectKeyOf(path), path);
  const decryption = await files.openBody(head);
  return Buffer.concat([decryption.update(body) ?? Buffer.alloc(0), decryption.final()]).toString();
}

describe('the keys of a folder', () => {
  test('write under the last epoch and read under all, whatever kind they are', async () => {
    for (const [old, now] of [[aesV3, rsaV3], [rsaV3, aesV3]] as const) {
      const before = await written('before', old);
      const after = await written('after', old, now);
      expect(filesOf(old, now).keyId).toBe(now.keyId);
      expect(await read(before.head, before.body, old, now)).toBe('before');
      expect(await read(after.head, after.body, old, now)).toBe('after');
      // A device that has not heard of the new epoch does not guess.
      expect(await codeOf(read(after.head, after.body, old))).toBe('not-authentic');
    }
  });

  test('are none where S3 encrypts', () => {
    expect(createFolderKeyring([{ id: 'sse-s3' }], [], access)).toBe(null);
  });

  test('wrap with the public half of an RSA pair, and unwrap with the pair alone', async () => {
    const wrapping = createFolderKeyring([rsaV3], [publicOnly], access);
    const wrapped = await wrapping?.wrapSecret(folderKey, 'purpose');
    expect(await createFolderKeyring([rsaV3], [rsa], access)?.unwrapSecret(wrapped ?? Buffer.alloc(0), 'purpose')).toEqual(folderKey);
    expect(await codeOf(wrapping!.unwrapSecret(wrapped ?? Buffer.alloc(0), 'purpose'))).toBe('key-not-found');
  });
});

describe('the format of a folder', () => {
  test('V2 is read where an epoch writes it, and V3 there as well', async () => {
    const v2 = await written('two', aesV2);
    const v3 = await written('three', aesV3);
    expect(v2.head.metadata['x-amz-key-v2']).toBeDefined();
    expect(await read(v2.head, v2.body, aesV2)).toBe('two');
    expect(await read(v3.head, v3.body, aesV2)).toBe('three');
    expect(await read(v2.head, v2.body, aesV2, aesV3)).toBe('two');
  });

  test('V2 is refused where no epoch writes it, and in the name of an epoch that does not', async () => {
    const v2 = await written('two', aesV2);
    expect(await codeOf(read(v2.head, v2.body, aesV3))).toBe('format-refused');
    const later = await written('two', aesV3, aesV2);
    expect(await codeOf(read(later.head, later.body, aesV2, aesV3))).toBe('format-refused');
  });
});
