/** `<prefix>/.enfold/folder.json` in the bucket: created once, read before anything else, compared with what this device knows. */
import { isDeepStrictEqual } from 'node:util';
import { currentEpoch, encodeDescriptor, parseDescriptor, verifyDescriptor } from '../envelope/descriptor.ts';
import type { Descriptor, DescriptorContent } from '../envelope/descriptor.ts';
import { SyncError, isSyncError } from '../model/errors.ts';
import type { ObjectKey } from '../model/path.ts';
import type { EncryptionMode } from '../model/mode.ts';
import type { Capabilities } from './capabilities.ts';
import type { DescriptorPin } from './folder-config.ts';
import type { ModeRequests } from './modes.ts';
import { checkHonoured, isHonoured } from './modes.ts';
import type { ObjectHead, ObjectStore } from './object-store.ts';
import { withRetries } from './retry.ts';

export type LoadedDescriptor = { readonly descriptor: Descriptor; readonly etag: string };

const MAX_DESCRIPTOR_BYTES = 262_144;

export function descriptorKey(prefix: string): ObjectKey {
  return `${prefix}.enfold/folder.json` as ObjectKey;
}

/**
 * Null where the folder has no description: nobody has made it yet, or somebody deleted it. What is loaded is not to be trusted before
 * `verifyDescriptor` (client-side) and {@link checkPin}.
 *
 * @throws SyncError malformed, newer-version, bucket-not-found, access-denied, offline, …
 */
export async function loadDescriptor(store: ObjectStore, prefix: string, signal: AbortSignal, requests?: ModeRequests): Promise<LoadedDescriptor | null> {
  try {
    const { head, body } = await withRetries(async () => store.get(descriptorKey(prefix), { modeHeaders: requests?.read }, signal), signal);
    if (body.length > MAX_DESCRIPTOR_BYTES) throw new SyncError('malformed', { detail: 'folder.json is too large.' });
    return { descriptor: parseDescriptor(body), etag: head.etag };
  } catch (error) {
    if (isSyncError(error, 'object-not-found')) return null;
    throw error;
  }
}

/**
 * Creates the description where none is, and reads it back before anyone relies on it. Where the endpoint ignores `If-None-Match`,
 * the reading back tells who came last.
 *
 * @param folderKey - null in server-side modes.
 * @throws SyncError prefix-taken (there is one already, or somebody else's came between), mode-not-honoured
 */
export async function createDescriptor(store: ObjectStore, prefix: string, content: DescriptorContent, folderKey: Buffer | null, requests: ModeRequests, signal: AbortSignal): Promise<LoadedDescriptor> {
  const objectKey = descriptorKey(prefix);
  const file = encodeDescriptor(content, folderKey);
  if ((await loadDescriptor(store, prefix, signal, requests)) !== null) throw new SyncError('prefix-taken');
  let stored: { readonly head: { readonly etag: string }; readonly body: Buffer } | null = null;
  try {
    const options = { metadata: {}, modeHeaders: requests.write, condition: { type: 'absent' }, contentType: 'application/json' } as const;
    const written = await withRetries(async () => store.put(objectKey, file, options, signal), signal);
    if (!isHonoured(requests, written.encryption)) {
      const current = await store.get(objectKey, { modeHeaders: requests.read }, signal).catch(() => null);
      if (current?.body.equals(file) === true) await store.delete(objectKey, null, signal);
      checkHonoured(requests, written.encryption, objectKey, 'The folder\'s description was removed again.');
    }
  } catch (error) {
    // Refused: by another device that was faster, or by our own request whose answer was lost. Reading tells.
    if (!isSyncError(error, 'version-changed')) throw error;
  }
  stored = await withRetries(async () => store.get(objectKey, { modeHeaders: requests.read }, signal), signal);
  if (!stored.body.equals(file)) throw new SyncError('prefix-taken');
  const descriptor = parseDescriptor(stored.body);
  if (folderKey !== null) verifyDescriptor(descriptor, folderKey);
  return { descriptor, etag: stored.head.etag };
}

/**
 * Writes a later description over the one that was read, and reads it back.
 *
 * @param known - what is replaced, as it was read. @param requests - of the mode that the new description names last.
 * @throws SyncError version-changed (another device came first: read it again), mode-not-honoured, descriptor-missing
 */
export async function replaceDescriptor(
  store: ObjectStore,
  prefix: string,
  known: LoadedDescriptor,
  content: DescriptorContent,
  folderKey: Buffer | null,
  writing: { readonly requests: ModeRequests; readonly capabilities: Capabilities },
  signal: AbortSignal,
): Promise<LoadedDescriptor> {
  const { requests, capabilities } = writing;
  const objectKey = descriptorKey(prefix);
  const file = encodeDescriptor(content, folderKey);
  const read = async (): Promise<{ readonly head: ObjectHead; readonly body: Buffer }> => withRetries(async () => store.get(objectKey, { modeHeaders: requests.read }, signal), signal);
  const isEnforced = capabilities.ifMatchQuoting !== null;
  if (!isEnforced && (await loadDescriptor(store, prefix, signal, requests))?.etag !== known.etag) throw new SyncError('version-changed', { objectKey });
  const condition = isEnforced ? { type: 'version', etag: known.etag, isBare: capabilities.ifMatchQuoting === 'unquoted' } as const : null;
  try {
    const written = await withRetries(async () => store.put(objectKey, file, { metadata: {}, modeHeaders: requests.write, condition, contentType: 'application/json' }, signal), signal);
    if (written.etag !== '') checkHonoured(requests, written.encryption, objectKey, 'It is the folder\'s description, without which nothing opens, and stays there.');
  } catch (error) {
    // Refused: by another device that was faster, or by our own request whose answer was lost. Reading tells.
    if (!isSyncError(error, 'version-changed')) throw error;
  }
  const stored = await read();
  if (!stored.body.equals(file)) throw new SyncError('version-changed', { objectKey });
  return { descriptor: parseDescriptor(stored.body), etag: stored.head.etag };
}

/** How the server keeps the description, which stands for how it is to keep every object of the folder from now on. */
export async function encryptionOfDescriptor(store: ObjectStore, prefix: string, requests: ModeRequests, signal: AbortSignal): Promise<ObjectHead> {
  const head = await withRetries(async () => store.head(descriptorKey(prefix), { modeHeaders: requests.read }, signal), signal);
  if (head === null) throw new SyncError('descriptor-missing');
  return head;
}

/** @throws SyncError descriptor-mismatch (another folder or folder key), descriptor-rollback (an older epoch) */
export function checkPin(descriptor: DescriptorContent, pin: DescriptorPin): void {
  if (descriptor.folderId !== pin.folderId) throw new SyncError('descriptor-mismatch');
  if (currentEpoch(descriptor).n < pin.epoch) throw new SyncError('descriptor-rollback');
}

/**
 * Compares a description with what this device goes by.
 *
 * @returns whether it says something new, which the device has to take over before it goes on.
 * @throws SyncError descriptor-rollback (an ended epoch is open again), descriptor-mismatch (an epoch was rewritten)
 */
export function hasNews(descriptor: DescriptorContent, known: readonly { readonly n: number; readonly mode: EncryptionMode; readonly isEnded?: boolean | undefined }[]): boolean {
  for (const { n, mode, isEnded } of known) {
    const now = descriptor.epochs.find((epoch) => epoch.n === n);
    if (now === undefined) throw new SyncError('descriptor-mismatch', { detail: `epoch ${n} is missing` });
    if (!isDeepStrictEqual(now.mode, mode)) throw new SyncError('descriptor-mismatch', { detail: `epoch ${n} was rewritten` });
    if (isEnded === true && now.ended !== true) throw new SyncError('descriptor-rollback', { detail: `epoch ${n} had ended` });
  }
  return descriptor.epochs.some(({ n, ended }) => ended === true ? known.find((epoch) => epoch.n === n)?.isEnded !== true : !known.some((epoch) => epoch.n === n));
}
