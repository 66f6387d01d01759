/**
 * The folder's description in the bucket, `<prefix>/.enfold/folder.json`: what the folder is, under which keys each of its
 * epochs writes, and in client-side modes a MAC that only holders of the folder key can make.
 * @see docs/format.md, "Descriptor"
 */
import { createHmac } from 'node:crypto';
import { SyncError } from '../model/errors.ts';
import type { EncryptionMode, KeyId, NamesSetting } from '../model/mode.ts';
import type { DeviceId } from '../model/version-vector.ts';
import { canonicalJson, decodeBase64, decodeUtf8, parseJson, type JsonValue } from './encoding.ts';
import { deriveKey, equalBytes } from './derive.ts';
import { authKeyOf } from './folder-key.ts';
import { isKeyId } from './key-id.ts';

export type DescriptorEpoch = {
  /** 1 and up, each one more than the one before. */
  readonly n: number;
  readonly mode: EncryptionMode;
  /** Base64; null in server-side modes. */
  readonly wrappedFolderKey: string | null;
  /** Only on earlier epochs, and only once: every object that counts has been brought under a later one. */
  readonly ended?: true;
};
export type DescriptorContent = {
  /** 32 hex digits. */
  readonly folderId: string;
  readonly names: NamesSetting;
  /** In order of `n`, never empty; new objects are written under the last. */
  readonly epochs: readonly DescriptorEpoch[];
  readonly devices: readonly { readonly id: DeviceId; readonly name: string }[];
};
export type Descriptor = DescriptorContent & {
  /** Base64; null where no epoch is client-side. */
  readonly mac: string | null;
};

const VERSION = 1;
const MAX_FILE_BYTES = 262_144;
const MAX_EPOCHS = 256;
const MAX_DEVICES = 1_024;
const MAX_NAME_LENGTH = 256;
const MAX_WRAPPED_LENGTH = 16_384;

const malformed = (detail: string) => new SyncError('malformed', { detail: `folder.json: ${detail}` });

export function currentEpoch(descriptor: DescriptorContent): DescriptorEpoch {
  const epoch = descriptor.epochs.at(-1);
  if (epoch === undefined) throw new SyncError('invariant', { detail: 'A descriptor without epochs.' });
  return epoch;
}

const needsMac = (content: DescriptorContent) => content.epochs.some((epoch) => epoch.wrappedFolderKey !== null);

function toJson({ folderId, names, epochs, devices }: DescriptorContent): { readonly [name: string]: JsonValue } {
  return {
    enfold: 'folder', version: VERSION, id: folderId, names,
    epochs: epochs.map(({ n, mode, wrappedFolderKey, ended }) => ({ n, mode, wrappedFolderKey, ...(ended === true ? { ended } : {}) })),
    devices: devices.map(({ id, name }) => ({ id, name })),
  };
}

function macOf(content: DescriptorContent, folderKey: Buffer): Buffer {
  const authKey = authKeyOf(folderKey, currentEpoch(content).n);
  const macKey = deriveKey(authKey, null, 'enfold descriptor mac v1', 32);
  authKey.fill(0);
  const mac = createHmac('sha256', macKey).update(canonicalJson(toJson(content)), 'utf8').digest();
  macKey.fill(0);
  return mac;
}

/**
 * @param folderKey - null only where no epoch is client-side.
 * @returns the file's bytes, canonical JSON. @throws SyncError malformed where the content breaks a limit
 */
export function encodeDescriptor(content: DescriptorContent, folderKey: Buffer | null): Buffer {
  if (needsMac(content) && folderKey === null) throw new SyncError('invariant', { detail: 'A client-side descriptor needs its folder key.' });
  const mac = folderKey === null || !needsMac(content) ? null : macOf(content, folderKey).toString('base64');
  const file = Buffer.from(canonicalJson({ ...toJson(content), mac }), 'utf8');
  parseDescriptor(file);
  return file;
}

/** The file that a descriptor was parsed from, as far as it matters: canonical JSON with the MAC that it had. */
export function descriptorFile(descriptor: Descriptor): Buffer {
  return Buffer.from(canonicalJson({ ...toJson(descriptor), mac: descriptor.mac }), 'utf8');
}

/**
 * Checks form and limits; what it says is to be trusted only after {@link verifyDescriptor}.
 *
 * @throws SyncError malformed, newer-version
 */
export function parseDescriptor(file: Buffer): Descriptor {
  if (file.length > MAX_FILE_BYTES) throw malformed('too large.');
  const value = members(parseJson(decodeUtf8(file)), 'the file');
  if (value['enfold'] !== 'folder' || !Number.isSafeInteger(value['version'])) throw malformed('it does not describe a folder.');
  if ((value['version'] as number) > VERSION) throw new SyncError('newer-version');
  exactly(value, ['enfold', 'version', 'id', 'names', 'epochs', 'devices', 'mac'], 'the file');
  const { version, id, names, mac } = value;
  if (version !== VERSION || typeof id !== 'string' || !/^[0-9a-f]{32}$/.test(id)) throw malformed('bad folder id.');
  if (names !== 'readable' && names !== 'encrypted') throw malformed('bad names setting.');
  const epochs = list(value['epochs'], MAX_EPOCHS, 'epochs').map(parseEpoch);
  if (epochs.length === 0 || epochs.some((epoch, index) => index > 0 && epoch.n !== (epochs[index - 1] as DescriptorEpoch).n + 1)) throw malformed('epochs are not in order.');
  if (epochs.at(-1)?.ended === true) throw malformed('the epoch that is written under has ended.');
  const devices = list(value['devices'], MAX_DEVICES, 'devices').map(parseDevice);
  const content: DescriptorContent = { folderId: id, names, epochs, devices };
  const isMacSound = needsMac(content) ? typeof mac === 'string' && decodeBase64(mac)?.length === 32 : mac === null;
  if (!isMacSound) throw malformed('bad MAC.');
  if (names === 'encrypted' && !needsMac(content)) throw malformed('encrypted names without a folder key.');
  return { ...content, mac: mac as string | null };
}

/** @throws SyncError not-authentic where the descriptor was not written by a holder of the folder key */
export function verifyDescriptor(descriptor: Descriptor, folderKey: Buffer): void {
  const mac = descriptor.mac === null ? null : decodeBase64(descriptor.mac);
  if (mac === null || !equalBytes(mac, macOf(descriptor, folderKey))) throw new SyncError('not-authentic', { detail: 'The folder\'s description was not written with this folder\'s key.' });
}

type Members = Record<string, unknown>;

function members(value: unknown, what: string): Members {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw malformed(`${what} is not an object.`);
  return value as Members;
}

function exactly(value: Members, names: readonly string[], what: string): void {
  if (Object.keys(value).length !== names.length || !names.every((name) => Object.hasOwn(value, name))) throw malformed(`${what} has missing or unknown members.`);
}

function list(value: unknown, maxLength: number, what: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length > maxLength) throw malformed(`bad list of ${what}.`);
  return value;
}

function parseDevice(value: unknown): { readonly id: DeviceId; readonly name: string } {
  const device = members(value, 'a device');
  exactly(device, ['id', 'name'], 'a device');
  const { id, name } = device;
  if (typeof id !== 'string' || !/^[0-9a-f]{12}$/.test(id) || typeof name !== 'string' || name.length > MAX_NAME_LENGTH) throw malformed('bad device.');
  return { id: id as DeviceId, name };
}

function parseEpoch(value: unknown): DescriptorEpoch {
  const epoch = members(value, 'an epoch');
  const { n, wrappedFolderKey, ended } = epoch;
  exactly(epoch, ['n', 'mode', 'wrappedFolderKey', ...(ended === true ? ['ended'] : [])], 'an epoch');
  if (!Number.isSafeInteger(n) || (n as number) < 1 || (n as number) > 0xffff_ffff) throw malformed('bad epoch number.');
  const mode = parseMode(epoch['mode']);
  const isClientSide = mode.id === 'cse-c' || mode.id === 'cse-kms';
  const isKeySound = isClientSide
    ? typeof wrappedFolderKey === 'string' && wrappedFolderKey.length <= MAX_WRAPPED_LENGTH && wrappedFolderKey !== '' && decodeBase64(wrappedFolderKey) !== null
    : wrappedFolderKey === null;
  if (!isKeySound) throw malformed('bad wrapped folder key.');
  return { n: n as number, mode, wrappedFolderKey: wrappedFolderKey as string | null, ...(ended === true ? { ended } : {}) };
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '' && value.length <= 2_048;
const isKey = (value: unknown): value is KeyId => typeof value === 'string' && isKeyId(value);
const isFormat = (value: unknown): value is 'v3' | 'v2' => value === 'v3' || value === 'v2';

function parseMode(value: unknown): EncryptionMode {
  const mode = members(value, 'a mode');
  const { keyId, keyType, format, kmsKeyId, bucketKey, encryptionContext, dsse } = mode;
  switch (mode['id']) {
    case 'sse-s3':
      exactly(mode, ['id'], 'a mode');
      return { id: 'sse-s3' };
    case 'sse-c':
      exactly(mode, ['id', 'keyId'], 'a mode');
      if (isKey(keyId)) return { id: 'sse-c', keyId };
      break;
    case 'sse-kms':
      exactly(mode, ['id', 'kmsKeyId', 'bucketKey', 'encryptionContext', 'dsse'], 'a mode');
      if ((kmsKeyId === null || isText(kmsKeyId)) && typeof bucketKey === 'boolean' && typeof dsse === 'boolean') {
        return { id: 'sse-kms', kmsKeyId, bucketKey, dsse, encryptionContext: encryptionContext === null ? null : parseContext(encryptionContext) };
      }
      break;
    case 'cse-kms':
      exactly(mode, ['id', 'kmsKeyId', 'format'], 'a mode');
      if (isText(kmsKeyId) && isFormat(format)) return { id: 'cse-kms', kmsKeyId, format };
      break;
    case 'cse-c':
      exactly(mode, ['id', 'keyId', 'keyType', 'format'], 'a mode');
      if (isKey(keyId) && (keyType === 'aes' || keyType === 'rsa') && isFormat(format)) return { id: 'cse-c', keyId, keyType, format };
      break;
  }
  throw malformed('a mode is not known.');
}

function parseContext(value: unknown): Readonly<Record<string, string>> {
  const context = members(value, 'an encryption context');
  if (!Object.entries(context).every(([, text]) => isText(text))) throw malformed('bad encryption context.');
  return context as Readonly<Record<string, string>>;
}
