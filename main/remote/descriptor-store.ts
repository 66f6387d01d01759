/** `<prefix>/.enfold/folder.json` in the bucket: created once, read before anything else, compared with what this device knows. */
import { currentEpoch, encodeDescriptor, parseDescriptor, verifyDescriptor } from '../envelope/descriptor.ts';
import type { Descriptor, DescriptorContent } from '../envelope/descriptor.ts';
import { SyncError, isSyncError } from '../model/errors.ts';
import type { ObjectKey } from '../model/path.ts';
import type { DescriptorPin } from './folder-config.ts';
import type { ModeRequests } from './modes.ts';
import { checkHonoured, isHonoured } from './modes.ts';
import type { ObjectStore } from './object-store.ts';
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
      checkHonoured(requests, written.encryption, objectKey);
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

/** @throws SyncError descriptor-mismatch (another folder or folder key), descriptor-rollback (an older epoch) */
export function checkPin(descriptor: DescriptorContent, pin: DescriptorPin): void {
  if (descriptor.folderId !== pin.folderId) throw new SyncError('descriptor-mismatch');
  if (currentEpoch(descriptor).n < pin.epoch) throw new SyncError('descriptor-rollback');
}
