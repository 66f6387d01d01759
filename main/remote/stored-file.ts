/**
 * What stands between a file of the folder and its object: the mode's headers, the envelope and the attributes. Shared by the
 * folder's small operations and the transfer workers, so that both write and believe the same.
 */
import { createHash } from 'node:crypto';
import { encodeAttributes, openAttributes, openCustomerAttributes, parseAttributes, sealAttributes, sealCustomerAttributes } from '../envelope/attributes.ts';
import { READ_V3_AND_V2, READ_V3_ONLY, createEncryption, inspectEnvelope, openEnvelope, resumeEncryption, rewrapEnvelope } from '../envelope/envelope.ts';
import type { Binding, Decryption, Encryption, SavedEncryption } from '../envelope/envelope.ts';
import { checkMetadataSize } from '../envelope/format.ts';
import { createNames } from '../envelope/names.ts';
import type { Names } from '../envelope/names.ts';
import { SyncError, isSyncError } from '../model/errors.ts';
import { isClientSide } from '../model/mode.ts';
import type { KeyId } from '../model/mode.ts';
import type { ObjectKey, SyncPath } from '../model/path.ts';
import { MAX_OBJECT_KEY_BYTES, OWN_DIRECTORY, isDirectoryPath } from '../model/path.ts';
import type { FileAttributes, OperationId } from '../model/snapshot.ts';
import { currentEpoch } from './folder-config.ts';
import type { FolderEpoch, RemoteFolderConfig } from './folder-config.ts';
import { createFolderKeyring } from './folder-keyring.ts';
import { heldKey, isHonoured, requestsOf } from './modes.ts';
import type { ModeRequests } from './modes.ts';
import type { Metadata, ObjectHead } from './object-store.ts';
import { ATTRIBUTES_NAME } from './writes.ts';

export type OpenedHead = {
  readonly attributes: FileAttributes;
  readonly epoch: number;
  readonly keyId: KeyId | null;
  readonly isClientSide: boolean;
};

export type StoredFiles = {
  readonly epoch: FolderEpoch;
  /** Headers of the current epoch's mode. */
  readonly requests: ModeRequests;
  /** The ways of reading that objects of all epochs need, one for each customer key at hand and one without; the current epoch's first. */
  readonly readers: readonly ModeRequests[];
  /** The key under which new objects are written; null where S3 or KMS holds it. */
  readonly keyId: KeyId | null;
  readonly names: Names | null;
  /** Whether some epoch that has not ended wrote plain objects and records. */
  readonly acceptsPlain: boolean;
  readonly authKeyOf: (epoch: number) => Buffer | null;
  objectKeyOf(path: SyncPath): ObjectKey;
  /** In client-side modes a fresh encryption for one upload attempt, else null. */
  startEncryption(): Promise<Encryption | null>;
  /** The same encryption again from its first byte, for a file of which the same text was sent before. */
  resumeEncryption(saved: SavedEncryption): Promise<Encryption>;
  /**
   * The whole user metadata of an object. `binding` is that of its encryption; null in server-side modes.
   *
   * @throws SyncError metadata-too-large
   */
  metadataOf(attributes: FileAttributes, objectKey: ObjectKey, encryption: { readonly metadata: Metadata; readonly binding: Binding } | null): Metadata;
  /** Metadata for an object that is copied as it is, with new attributes. @throws SyncError not-ours */
  metadataOfCopy(old: Metadata, attributes: FileAttributes, to: ObjectKey): Metadata;
  /**
   * What a HEAD or GET says of a file, verified.
   *
   * @throws SyncError not-ours (foreign), not-authentic, malformed, format-refused, newer-version, mode-not-honoured (kept otherwise than any epoch asks)
   */
  open(head: ObjectHead, objectKey: ObjectKey, path: SyncPath): OpenedHead;
  /**
   * What an object that {@link open} refuses as `not-ours` says of itself, where it was written in the way of a server-side epoch that has
   * ended. It proves nothing: only who knows from elsewhere that it wrote the object may go by it. Null: it is no such object.
   */
  openEnded(head: ObjectHead, objectKey: ObjectKey, path: SyncPath): OpenedHead | null;
  /** @throws SyncError key-not-found, key-unwrap-failed, commitment-mismatch, … */
  openBody(head: ObjectHead): Promise<Decryption>;
  /**
   * The metadata of an object whose data key is wrapped anew under the current epoch's key, its body left as it is.
   *
   * @throws SyncError not-ours, key-not-found, key-unwrap-failed, commitment-mismatch, metadata-too-large, …
   */
  rewrapped(head: ObjectHead, attributes: FileAttributes, objectKey: ObjectKey): Promise<Metadata>;
  /** Ends what connections the keys need. */
  close(): void;
};

/** The operation id of a version that another tool wrote: the same each time it is seen. */
export function foreignOperationId(objectKey: ObjectKey, etag: string): OperationId {
  return createHash('sha256').update(`enfold foreign version v1\0${objectKey}\0${etag}`).digest('hex').slice(0, 32) as OperationId;
}

/** What can be said of a plain object of another tool; its hash is not known before it is read, unless S3 tells. */
function foreignAttributes(head: ObjectHead, objectKey: ObjectKey, path: SyncPath): FileAttributes {
  const isDirectory = isDirectoryPath(path);
  const mtimeSeconds = Number(head.metadata['mtime'] ?? Number.NaN);
  const isTime = Number.isFinite(mtimeSeconds) && Math.abs(mtimeSeconds) < 8.64e12;
  return {
    operationId: foreignOperationId(objectKey, head.etag),
    vector: {},
    mtimeMs: isTime ? Math.floor(mtimeSeconds * 1000) : head.lastModifiedMs,
    modeBits: isDirectory ? 0o755 : 0o644,
    kind: isDirectory ? 'directory' : 'file',
    sizeBytes: head.objectBytes,
    sha256: head.sha256 ?? null,
  };
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

type Way = { readonly epoch: FolderEpoch; readonly requests: ModeRequests };

/** How each epoch's objects are asked for; those whose customer key is not here are left out. */
function waysOf(config: RemoteFolderConfig, current: ModeRequests): readonly Way[] {
  const last = currentEpoch(config);
  return config.epochs.flatMap((epoch) => {
    if (epoch === last) return [{ epoch, requests: current }];
    try {
      return [{ epoch, requests: requestsOf(epoch.mode, config.keys, config.access.endpoint) }];
    } catch (error) {
      if (isSyncError(error, 'key-not-found')) return [];
      throw error;
    }
  });
}

/** One for each customer key, the newest first. */
function readersOf(ways: readonly Way[]): readonly ModeRequests[] {
  const distinct: ModeRequests[] = [];
  for (const { requests } of ways.toReversed()) if (!distinct.some(({ customerKeyMd5 }) => customerKeyMd5 === requests.customerKeyMd5)) distinct.push(requests);
  return distinct;
}

/** @throws SyncError key-not-found, key-invalid, rejected (`sse-c` over plain http) */
export function createStoredFiles(config: RemoteFolderConfig): StoredFiles {
  const { prefix, folderId, epochs } = config;
  const epoch = currentEpoch(config);
  const requests = requestsOf(epoch.mode, config.keys, config.access.endpoint);
  const keyring = createFolderKeyring(epochs.map(({ mode }) => mode), config.keys, config.access, config);
  const authKeys = new Map(epochs.flatMap(({ n, authKey }) => (authKey === null ? [] : [[n, asBuffer(authKey)] as const])));
  const names = config.namesKey === null ? null : createNames(asBuffer(config.namesKey), folderId);
  // Once an epoch has ended, nothing plain passes for an object of it any more.
  const hasServerSide = epochs.some(({ mode, isEnded }) => !isClientSide(mode) && isEnded !== true);
  const ways = waysOf(config, requests);
  const hasSealedEpoch = epochs.some(({ mode }) => isClientSide(mode));
  const hasV2 = epochs.some(({ mode }) => isClientSide(mode) && mode.format === 'v2');
  const serverSide = ways.filter(({ epoch: { mode } }) => !isClientSide(mode)).map((way) => way.requests);
  const hasKmsWrap = epochs.some(({ mode }) => mode.id === 'cse-kms');
  const modeOf = (n: number): FolderEpoch['mode'] | undefined => epochs.find((known) => known.n === n)?.mode;
  const customerKeyOf = (mode: FolderEpoch['mode']): Buffer | null => (mode.id === 'sse-c' ? asBuffer(heldKey(config.keys, mode.keyId).bytes) : null);
  const customerKey = customerKeyOf(epoch.mode);
  const authKeyOf = (n: number): Buffer | null => authKeys.get(n) ?? null;

  function attributesText(attributes: FileAttributes, objectKey: ObjectKey, binding: Binding | null): string {
    if (isClientSide(epoch.mode)) {
      const authKey = authKeyOf(epoch.n);
      if (authKey === null || binding === null) throw new SyncError('invariant', { detail: 'A client-side object without its keys.' });
      return sealAttributes(attributes, { folderId, objectKey, authKey, epoch: epoch.n, binding });
    }
    if (customerKey !== null) return sealCustomerAttributes(attributes, { folderId, objectKey, customerKey });
    return encodeAttributes(epoch.mode.id === 'sse-kms' ? { ...attributes, sha256: null } : attributes);
  }

  function metadataWith(text: string, attributes: FileAttributes, envelope: Metadata): Metadata {
    // As rclone writes it, for tools that look no further.
    const others: Metadata = isClientSide(epoch.mode) ? {} : { mtime: (attributes.mtimeMs / 1000).toFixed(3) };
    const metadata = { ...envelope, ...others, [ATTRIBUTES_NAME]: text };
    checkMetadataSize(metadata);
    return metadata;
  }

  function envelopeOf(metadata: Metadata): Metadata {
    return Object.fromEntries(Object.entries(metadata).filter(([name]) => name.startsWith('x-amz-')));
  }

  function openSealed(head: ObjectHead, objectKey: ObjectKey): OpenedHead {
    const facts = inspectEnvelope(head.metadata);
    const text = head.metadata[ATTRIBUTES_NAME];
    if (facts === null || text === undefined) throw new SyncError('not-ours', { objectKey });
    const { attributes, epoch: n } = openAttributes(text, { folderId, objectKey, authKeyOf, binding: facts.binding });
    const mode = modeOf(n);
    // A downgrade to a format the epoch never wrote is tampering, whatever the attributes say.
    const isAccepted = facts.format === 'v3' || (facts.format === 'v2' && mode !== undefined && isClientSide(mode) && mode.format === 'v2');
    if (mode === undefined || !isClientSide(mode) || facts.isLegacy || !isAccepted) throw new SyncError('format-refused', { objectKey });
    // Every object of the folder names its master key; only what KMS wrapped has none to name.
    if (facts.keyId === null && !hasKmsWrap) throw new SyncError('format-refused', { objectKey, detail: 'Its envelope does not name the key that it was written under.' });
    if (attributes.sizeBytes + 16 !== head.objectBytes) throw new SyncError('truncated', { objectKey });
    return { attributes, epoch: n, keyId: facts.keyId, isClientSide: true };
  }

  /** The last server-side epoch that would have had the object stored as it is. */
  function plainEpochOf(head: ObjectHead): FolderEpoch {
    const fitting = ways.findLast(({ requests: way }) => !isClientSide(way.mode) && isHonoured(way, head.encryption));
    return fitting?.epoch ?? epochs.findLast(({ mode }) => !isClientSide(mode)) ?? epoch;
  }

  function openPlain(head: ObjectHead, objectKey: ObjectKey, path: SyncPath): OpenedHead {
    const text = head.metadata[ATTRIBUTES_NAME];
    // Sealed, in a folder of which no sealed epoch is known here: it is of a later one. Taken for a plain object, its ciphertext would be the file.
    if (text !== undefined && inspectEnvelope(head.metadata) !== null) throw new SyncError('key-not-found', { objectKey, detail: 'It is encrypted, and no key for that is known here.' });
    const found = plainEpochOf(head);
    const keyId = found.mode.id === 'sse-c' ? found.mode.keyId : null;
    const foreign = { attributes: foreignAttributes(head, objectKey, path), epoch: found.n, keyId, isClientSide: false };
    if (text === undefined) return foreign;
    try {
      const ownKey = customerKeyOf(found.mode);
      const attributes = ownKey === null ? parseAttributes(text) : openCustomerAttributes(text, { folderId, objectKey, customerKey: ownKey });
      // Another tool that copied the metadata along with a new body has made a version of its own.
      if (attributes.sizeBytes !== head.objectBytes) return foreign;
      // What Enfold stored must still be kept as one of the folder's modes says. Another tool's object is kept as that tool asked.
      if (serverSide.some((asked) => isHonoured(asked, head.encryption))) return { ...foreign, attributes: { ...attributes, sha256: attributes.sha256 ?? head.sha256 ?? null } };
      throw new SyncError('mode-not-honoured', { objectKey, detail: `The server says it keeps it under ${head.encryption.algorithm ?? 'no encryption'}, which this folder never asked for. It was not used, and is left as it is.` });
    } catch (error) {
      if (isSyncError(error, 'malformed')) return foreign;
      throw error;
    }
  }

  return {
    epoch,
    requests,
    readers: readersOf(ways),
    acceptsPlain: hasServerSide,
    keyId: epoch.mode.id === 'cse-c' || epoch.mode.id === 'sse-c' ? epoch.mode.keyId : null,
    names,
    authKeyOf,
    objectKeyOf(path) {
      const objectKey = prefix + (names === null ? path : names.encryptPath(path).relativeKey);
      if (Buffer.byteLength(objectKey) > MAX_OBJECT_KEY_BYTES) throw new SyncError('name-too-long', { path });
      if (objectKey.startsWith(`${prefix}${OWN_DIRECTORY}/`)) throw new SyncError('invariant', { detail: 'A file may not stand among Enfold\'s own objects.' });
      return objectKey as ObjectKey;
    },
    async startEncryption() {
      if (!isClientSide(epoch.mode)) return null;
      if (keyring === null) throw new SyncError('key-not-found');
      return createEncryption(keyring, { format: epoch.mode.format });
    },
    async resumeEncryption(saved) {
      if (keyring === null) throw new SyncError('key-not-found');
      return resumeEncryption(keyring, saved);
    },
    metadataOf: (attributes, objectKey, encryption) => metadataWith(attributesText(attributes, objectKey, encryption?.binding ?? null), attributes, encryption?.metadata ?? {}),
    metadataOfCopy(old, attributes, to) {
      const facts = inspectEnvelope(old);
      if (isClientSide(epoch.mode) && facts === null) throw new SyncError('not-ours');
      // New attributes alone would say of a sealed body that it is plain.
      if (!isClientSide(epoch.mode) && facts !== null && hasSealedEpoch) throw new SyncError('rejected', { detail: 'It is still encrypted as the folder was before.' });
      return metadataWith(attributesText(attributes, to, facts?.binding ?? null), attributes, facts === null ? {} : envelopeOf(old));
    },
    open(head, objectKey, path) {
      // An envelope decides, so that a plain object never passes in a folder that has only client-side epochs.
      if (!hasServerSide || (authKeys.size > 0 && inspectEnvelope(head.metadata) !== null)) return openSealed(head, objectKey);
      return openPlain(head, objectKey, path);
    },
    openEnded(head, objectKey, path) {
      if (!epochs.some(({ mode }) => !isClientSide(mode)) || inspectEnvelope(head.metadata) !== null) return null;
      const opened = openPlain(head, objectKey, path);
      return Object.keys(opened.attributes.vector).length === 0 ? null : opened;
    },
    async openBody(head) {
      if (keyring === null) throw new SyncError('key-not-found');
      return openEnvelope(head.metadata, keyring, hasV2 ? READ_V3_AND_V2 : READ_V3_ONLY, { objectBytes: head.objectBytes });
    },
    async rewrapped(head, attributes, objectKey) {
      if (keyring === null) throw new SyncError('key-not-found');
      const { metadata, binding } = await rewrapEnvelope(head.metadata, keyring);
      return metadataWith(attributesText(attributes, objectKey, binding), attributes, metadata);
    },
    close: () => keyring?.close(),
  };
}
