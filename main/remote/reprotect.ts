/**
 * Brings objects of earlier epochs under the current one: as little is sent as the two modes allow, and nothing is replaced that
 * changed in the meantime.
 *
 * | from -> to | way |
 * | --- | --- |
 * | S3 or KMS -> KMS, nothing in the metadata to hide | UpdateObjectEncryption, where the endpoint has it |
 * | server-side -> server-side | copy onto itself, checked by a HEAD |
 * | client-side -> client-side, same format | the data key wrapped anew (inside KMS where it can be), metadata replaced by a copy onto itself |
 * | all else | read and written again, by who called |
 */
import { randomBytes } from 'node:crypto';
import { inspectEnvelope } from '../envelope/envelope.ts';
import { openRecord, parseTombstone, sealRecord, tombstonePathHash } from '../envelope/sealed-record.ts';
import type { RecordPurpose } from '../envelope/sealed-record.ts';
import { SyncError, isSyncError } from '../model/errors.ts';
import { isClientSide } from '../model/mode.ts';
import type { ObjectKey, SyncPath } from '../model/path.ts';
import { OWN_DIRECTORY } from '../model/path.ts';
import type { FileAttributes, RemoteVersion } from '../model/snapshot.ts';
import type { KeptHeaders, Reprotection } from '../sync/ports.ts';
import type { Capabilities } from './capabilities.ts';
import { copyThrough } from './copy-through.ts';
import { descriptorKey, encryptionOfDescriptor } from './descriptor-store.ts';
import type { RemoteFolderConfig } from './folder-config.ts';
import { checkHonoured, isHonoured } from './modes.ts';
import type { ObjectHead, ObjectStore } from './object-store.ts';
import { withRetries } from './retry.ts';
import type { OpenedHead, StoredFiles } from './stored-file.ts';
import { MAX_COPY_BYTES, copyGuarded, copyPartsGuarded } from './writes.ts';
import type { GuardedWrite } from './writes.ts';

/** Enfold's own objects that are sealed records, by where they stand. */
const PURPOSES: readonly { readonly directory: string; readonly purpose: RecordPurpose }[] = [{ directory: 'tomb', purpose: 'tombstone' }, { directory: 'feed', purpose: 'feed' }, { directory: 'members', purpose: 'member' }];
/** Form and epoch. */
const SEALED_HEAD_BYTES = 5;

export type Reprotector = {
  one(object: { readonly objectKey: ObjectKey; readonly etag: string }, path: SyncPath, sha256: string | null, signal: AbortSignal): Promise<Reprotection>;
  own(signal: AbortSignal): Promise<number>;
};

export type ReprotectorOptions = {
  readonly config: RemoteFolderConfig;
  readonly store: ObjectStore;
  readonly files: StoredFiles;
  /** `isUntrusted`: only this device's own records say what it is. */
  readonly openHead: (head: ObjectHead, objectKey: ObjectKey, path: SyncPath) => OpenedHead & { readonly isUntrusted: boolean };
  readonly capabilities: (signal: AbortSignal) => Promise<Capabilities>;
  readonly listBelow: (below: string, signal: AbortSignal) => AsyncIterable<readonly { readonly objectKey: ObjectKey }[]>;
  readonly maxCopyBytes?: number;
  readonly copyPartBytes?: number;
};

export function createReprotector(options: ReprotectorOptions): Reprotector {
  const { config, store, files, maxCopyBytes = MAX_COPY_BYTES } = options;
  const { epoch, requests, authKeyOf } = files;
  const { mode } = epoch;
  const ownPrefix = `${config.prefix}${OWN_DIRECTORY}/`;
  let wanted: Promise<ObjectHead> | null = null;
  let canUpdate: Promise<boolean> | null = null;

  /** How the description is kept is how all is to be kept: by which KMS key an alias stands for, and since when. */
  const wantedOf = (signal: AbortSignal): Promise<ObjectHead> => {
    wanted ??= encryptionOfDescriptor(store, config.prefix, requests, signal);
    wanted.catch(() => { wanted = null; });
    return wanted;
  };

  const headOf = async (objectKey: ObjectKey, signal: AbortSignal): Promise<ObjectHead | null> => withRetries(async () => store.head(objectKey, { modeHeaders: requests.read }, signal), signal);

  async function isKeptAsWanted(head: ObjectHead, signal: AbortSignal): Promise<boolean> {
    const asked = await wantedOf(signal);
    const [is, should] = [head.encryption, asked.encryption];
    if (is.algorithm !== should.algorithm || is.kmsKeyId !== should.kmsKeyId || is.customerKeyMd5 !== should.customerKeyMd5 || (is.isBucketKey ?? false) !== (should.isBucketKey ?? false)) return false;
    // No answer tells an encryption context: what is older than the description may have been written with another one.
    return mode.id !== 'sse-kms' || !isContextNew || head.lastModifiedMs >= asked.lastModifiedMs;
  }
  const contextOf = (one: RemoteFolderConfig['epochs'][number]): string => JSON.stringify(one.mode.id === 'sse-kms' ? one.mode.encryptionContext : null);
  const isContextNew = mode.id === 'sse-kms' && config.epochs.some((one) => one.mode.id === 'sse-kms' && contextOf(one) !== contextOf(epoch));

  function versionOf(head: ObjectHead, objectKey: ObjectKey, opened: OpenedHead): RemoteVersion {
    const { etag, versionId, objectBytes, lastModifiedMs } = head;
    return { objectKey, etag, versionId, objectBytes, lastModifiedMs, attributes: opened.attributes, epoch: opened.epoch, keyId: opened.keyId };
  }

  /** What stands after a change of ours, which is now of the current epoch. @throws SyncError version-changed */
  async function after(objectKey: ObjectKey, path: SyncPath, before: RemoteVersion, signal: AbortSignal): Promise<RemoteVersion> {
    const head = await headOf(objectKey, signal);
    if (head === null) throw new SyncError('version-changed', { path, objectKey });
    const now = versionOf(head, objectKey, files.open(head, objectKey, path));
    const isOther = before.attributes !== null && Object.keys(before.attributes.vector).length > 0 && now.attributes?.operationId !== before.attributes.operationId;
    if (isOther || head.objectBytes !== before.objectBytes) throw new SyncError('version-changed', { path, objectKey });
    checkHonoured(requests, head.encryption, objectKey, 'The object stays there all the same, since it may be the only copy.');
    return { ...now, epoch: epoch.n, keyId: files.keyId };
  }

  /** What stays with an object whose metadata is given anew. */
  function ownHeadersOf({ contentType, kept = {} }: ObjectHead): Pick<GuardedWrite, 'contentType' | 'kept'> {
    return { kept, ...(contentType === undefined ? {} : { contentType }) };
  }

  /** A copy that keeps its metadata goes by the request for these all the same. */
  function keptByCopy({ kept = {} }: ObjectHead): Pick<GuardedWrite, 'kept'> {
    return { kept: Object.fromEntries(['x-amz-storage-class', 'x-amz-website-redirect-location'].flatMap((name) => (kept[name] === undefined ? [] : [[name, kept[name]]]))) };
  }

  /** A copy takes its tags along; parts, and what is sent again, must be given them. */
  async function tagsOf(objectKey: ObjectKey, signal: AbortSignal): Promise<KeptHeaders> {
    const tags = await withRetries(async () => store.tags?.(objectKey, signal) ?? '', signal);
    return tags === '' ? {} : { 'x-amz-tagging': tags };
  }

  async function withTags<T extends Pick<GuardedWrite, 'objectKey' | 'kept'>>(write: T, signal: AbortSignal): Promise<T> {
    return { ...write, kept: { ...write.kept, ...(await tagsOf(write.objectKey, signal)) } };
  }

  /** Of an object that is read and written again. How it is to be shown tells of its content, so where that is sealed from now on it goes. */
  async function byTransfer(head: ObjectHead, version: RemoteVersion, signal: AbortSignal): Promise<Extract<Reprotection, { readonly type: 'transfer' }>> {
    const kept = isClientSide(mode) ? keptByCopy(head).kept : ownHeadersOf(head).kept;
    return { type: 'transfer', version, kept: { ...kept, ...(await tagsOf(version.objectKey, signal)) } };
  }

  async function copyOnto(head: ObjectHead, write: Omit<GuardedWrite, 'ifMatch' | 'keepsUnhonoured'>, signal: AbortSignal): Promise<void> {
    const capabilities = await options.capabilities(signal);
    const { objectKey } = write;
    const from = { objectKey, etag: head.etag, objectBytes: head.objectBytes };
    const guarded = { ...write, ...ownHeadersOf(head), ifMatch: head.etag, keepsUnhonoured: true };
    try {
      if (head.objectBytes > maxCopyBytes) await copyPartsGuarded(store, requests, capabilities, from, await withTags(guarded, signal), signal, options.copyPartBytes);
      else await copyGuarded(store, requests, capabilities, from, guarded, signal);
    } catch (error) {
      // Some servers copy no object that they encrypted, and some say that they did and keep it as it was.
      if (!isSyncError(error, 'rejected') && !isSyncError(error, 'mode-not-honoured')) throw error;
      const source = isSyncError(error, 'rejected') ? head : await headOf(objectKey, signal);
      if (source === null) throw new SyncError('version-changed', { objectKey }, { cause: error });
      await copyThrough(store, requests, capabilities, { objectKey, source }, await withTags({ ...guarded, ifMatch: source.etag }, signal), signal);
    }
  }

  /** An object of another program, or of Enfold's own: it keeps the metadata that it has. */
  async function copyAsItIs(objectKey: ObjectKey, head: ObjectHead, signal: AbortSignal): Promise<void> {
    const capabilities = await options.capabilities(signal);
    const condition = capabilities.conditionalCopy ? { type: 'version', etag: head.etag, isBare: capabilities.ifMatchQuoting === 'unquoted' } as const : null;
    if (head.objectBytes > maxCopyBytes) {
      // Parts take no metadata over, so it is given anew.
      const write = await withTags({ objectKey, metadata: head.metadata, ifMatch: head.etag, keepsUnhonoured: true, ...ownHeadersOf(head) }, signal);
      await copyPartsGuarded(store, requests, capabilities, { objectKey, etag: head.etag, objectBytes: head.objectBytes }, write, signal, options.copyPartBytes);
      return;
    }
    // S3 refuses a copy onto itself that changes nothing it was told; without headers of the mode, metadata given anew is the change.
    const keepsMetadata = Object.keys(requests.write).length > 0;
    await withRetries(async () => store.copy({ objectKey, etag: head.etag }, objectKey, { metadata: head.metadata, modeHeaders: requests.write, sourceModeHeaders: requests.copySource, condition, keepsMetadata, ...(keepsMetadata ? keptByCopy(head) : ownHeadersOf(head)) }, signal), signal);
  }

  // ---------------------------------------------------------------- files

  async function one({ objectKey, etag }: { readonly objectKey: ObjectKey; readonly etag: string }, path: SyncPath, sha256: string | null, signal: AbortSignal): Promise<Reprotection> {
    const head = await headOf(objectKey, signal);
    if (head === null) return { type: 'gone' };
    if (head.etag !== etag) throw new SyncError('version-changed', { path, objectKey });
    const opened = options.openHead(head, objectKey, path);
    const version = versionOf(head, objectKey, opened);
    if (opened.isUntrusted) return { ...(await byTransfer(head, version, signal)), isUntrusted: true };
    if (version.attributes === null) throw new SyncError('invariant', { path, detail: 'a HEAD without attributes' });
    return isClientSide(mode) ? seal(head, opened.isClientSide, version, version.attributes, path, signal) : keep(head, opened.isClientSide, version, version.attributes, path, sha256, signal);
  }

  async function seal(head: ObjectHead, isSealed: boolean, version: RemoteVersion, attributes: FileAttributes, path: SyncPath, signal: AbortSignal): Promise<Reprotection> {
    const { objectKey } = version;
    const facts = isSealed ? inspectEnvelope(head.metadata) : null;
    if (facts === null || !isClientSide(mode)) return byTransfer(head, version, signal);
    if (version.epoch === epoch.n && (mode.id === 'cse-kms' || facts.keyId === mode.keyId)) return { type: 'current', version };
    if (facts.format !== mode.format) return byTransfer(head, version, signal);
    await copyOnto(head, { objectKey, metadata: await files.rewrapped(head, attributes, objectKey) }, signal);
    return { type: 'changed', way: 'rewrap', version: await after(objectKey, path, version, signal) };
  }

  async function keep(head: ObjectHead, isSealed: boolean, version: RemoteVersion, attributes: FileAttributes, path: SyncPath, sha256: string | null, signal: AbortSignal): Promise<Reprotection> {
    if (isSealed) return byTransfer(head, version, signal);
    const { objectKey } = version;
    const isForeign = Object.keys(attributes.vector).length === 0;
    const hidesHash = mode.id !== 'sse-kms' || attributes.sha256 === null;
    if (hidesHash && (await isKeptAsWanted(head, signal))) return { type: 'current', version: { ...version, epoch: epoch.n, keyId: files.keyId } };
    if (hidesHash && (await mayUpdate(head, signal))) {
      await update(objectKey, signal);
      return { type: 'changed', way: 'update', version: await after(objectKey, path, version, signal) };
    }
    if (isForeign) await copyAsItIs(objectKey, head, signal);
    else await copyOnto(head, { objectKey, metadata: files.metadataOf({ ...attributes, sha256: attributes.sha256 ?? sha256 }, objectKey, null) }, signal);
    return { type: 'changed', way: 'copy', version: await after(objectKey, path, version, signal) };
  }

  // ---------------------------------------------------------------- UpdateObjectEncryption

  async function update(objectKey: ObjectKey, signal: AbortSignal): Promise<void> {
    const { encryption } = await wantedOf(signal);
    if (store.updateEncryption === undefined || mode.id !== 'sse-kms' || encryption.kmsKeyId === null) throw new SyncError('invariant', { detail: 'no KMS key to update to' });
    await withRetries(async () => store.updateEncryption?.(objectKey, { kmsKeyArn: encryption.kmsKeyId ?? '', bucketKey: mode.bucketKey }, signal), signal);
  }

  async function mayUpdate(head: ObjectHead, signal: AbortSignal): Promise<boolean> {
    const { algorithm } = head.encryption;
    if (mode.id !== 'sse-kms' || mode.kmsKeyId === null || mode.dsse || mode.encryptionContext !== null || (algorithm !== 'AES256' && algorithm !== 'aws:kms') || head.encryption.customerKeyMd5 !== null) return false;
    canUpdate ??= probeUpdate(signal);
    return canUpdate;
  }

  /** On an object of its own: a server that does not know the request may take its body for the object's. */
  async function probeUpdate(signal: AbortSignal): Promise<boolean> {
    const { encryption } = await wantedOf(signal);
    if (store.updateEncryption === undefined || encryption.kmsKeyId?.startsWith('arn:') !== true) return false;
    const place = `${ownPrefix}probe/${randomBytes(8).toString('hex')}-u` as ObjectKey;
    const body = Buffer.from(place);
    try {
      await withRetries(async () => store.put(place, body, { metadata: {}, modeHeaders: { 'x-amz-server-side-encryption': 'AES256' }, condition: null }, signal), signal);
      await update(place, signal);
      const found = await withRetries(async () => store.get(place, {}, signal), signal);
      return found.body.equals(body) && isHonoured(requests, found.head.encryption);
    } catch (error) {
      if (isSyncError(error) && error.retry !== 'later') return false;
      throw error;
    } finally {
      await store.delete(place, null, signal).catch(() => undefined);
    }
  }

  // ---------------------------------------------------------------- Enfold's own objects

  async function own(signal: AbortSignal): Promise<number> {
    let changed = 0;
    for await (const page of options.listBelow(ownPrefix, signal)) {
      for (const { objectKey } of page) {
        signal.throwIfAborted();
        if (objectKey === descriptorKey(config.prefix) || objectKey.startsWith(`${ownPrefix}probe/`)) continue;
        const purpose = PURPOSES.find(({ directory }) => objectKey.startsWith(`${ownPrefix}${directory}/`))?.purpose ?? null;
        if ((purpose !== null && (await sealAnew(objectKey, purpose, signal))) || (await keepOwn(objectKey, purpose, signal))) changed += 1;
      }
    }
    return changed;
  }

  /**
   * A record is sealed by a key of its epoch, and a tombstone stands under a name of it too. It is written anew, and a tombstone's old place cleared.
   *
   * @returns whether it had to be
   */
  async function sealAnew(objectKey: ObjectKey, purpose: RecordPurpose, signal: AbortSignal): Promise<boolean> {
    try {
      const { head, body } = await withRetries(async () => store.get(objectKey, { modeHeaders: requests.read }, signal), signal);
      const authKey = authKeyOf(epoch.n);
      const isPlain = body[0] === 0x7b; // `{`
      // Plain ones prove nothing where every server-side epoch has ended.
      if (isPlain ? authKey === null || !files.acceptsPlain : authKey !== null && body.length > SEALED_HEAD_BYTES && body.readUInt32BE(1) === epoch.n) return false;
      const plain = isPlain ? body : openRecord(body, { purpose, objectKey, authKeyOf }).body;
      const place = purpose === 'tombstone' ? placeOfTombstone(plain, authKey) : objectKey;
      const sealed = authKey === null ? plain : sealRecord(plain, { purpose, objectKey: place, authKey, epoch: epoch.n });
      // Its own device may write the next one meanwhile; tombstones of one name say the same.
      const { ifMatchQuoting } = await options.capabilities(signal);
      if (purpose !== 'tombstone' && ifMatchQuoting === null) return false;
      const condition = purpose === 'tombstone' ? null : ({ type: 'version', etag: head.etag, isBare: ifMatchQuoting === 'unquoted' } as const);
      await withRetries(async () => store.put(place, sealed, { metadata: {}, modeHeaders: requests.write, condition }, signal), signal);
      if (place !== objectKey) await withRetries(async () => store.delete(objectKey, null, signal), signal);
      return true;
    } catch (error) {
      // Gone or written anew, forged or damaged: it is left as it is.
      if (isSyncError(error) && (error.code === 'object-not-found' || error.code === 'version-changed' || error.family === 'IntegrityError' || error.family === 'FormatError')) return false;
      throw error;
    }
  }

  function placeOfTombstone(plain: Buffer, authKey: Buffer | null): ObjectKey {
    const { path, operationId } = parseTombstone(plain);
    return `${ownPrefix}tomb/${tombstonePathHash(path, authKey)}/${operationId}` as ObjectKey;
  }

  async function keepOwn(objectKey: ObjectKey, purpose: RecordPurpose | null, signal: AbortSignal): Promise<boolean> {
    const head = await headOf(objectKey, signal);
    if (head === null || (await isKeptAsWanted(head, signal))) return false;
    // A device that publishes meanwhile must not find its older list of changes again; it writes the next one in the new way itself.
    if (purpose === 'feed' && !(await options.capabilities(signal)).conditionalCopy) return false;
    try {
      await copyAsItIs(objectKey, head, signal);
      return true;
    } catch (error) {
      // Its device has just written it, in the way that is wanted.
      if (isSyncError(error, 'version-changed') || isSyncError(error, 'object-not-found')) return false;
      throw error;
    }
  }

  return { one, own };
}
