/** What a change of mode or key would take: how many objects go which way, the requests, the bytes, and at AWS the money. */
import { isClientSide, type EncryptionMode } from '../model/mode.ts';
import type { FolderSettings } from '../model/settings.ts';
import type { FolderState } from '../sync/ports.ts';
import { currentEpoch } from '../envelope/descriptor.ts';
import { knownDescription } from './epochs.ts';
import { pendingChange } from './change-mode.ts';
import { openRemoteSide, type Wiring } from './open-folder.ts';

export type ChangeWay = 'none' | 'update' | 'copy' | 'rewrap' | 'transfer';
export type Amount = { readonly objects: number; readonly bytes: number };

export type ChangePreview = {
  readonly id: string;
  readonly name: string;
  readonly from: EncryptionMode;
  readonly to: EncryptionMode;
  /** Objects by what has to be done with them; `none` are under the mode already. */
  readonly ways: Readonly<Record<ChangeWay, Amount>>;
  /** Sent and fetched by this computer. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** About as many. `writes` are PUT, COPY and LIST, as S3 bills them. */
  readonly requests: { readonly writes: number; readonly reads: number; readonly kms: number };
  /** At AWS's list prices; null elsewhere. */
  readonly costUsd: number | null;
  /** Earlier versions in the bucket, which keep the protection that they have. Null: the bucket keeps none. */
  readonly oldVersions: Amount | null;
  /** Encrypted names in a server-side mode still need the key of the mode before. */
  readonly namesNeedOldKey: boolean;
  /** A change that was begun and is not finished. */
  readonly isUnderWay: boolean;
};

/** S3 Standard and KMS in us-east-1, dollars, November 2026; other regions differ by up to a third. */
const PRICES = { perWrite: 5e-6, perRead: 4e-7, perKms: 3e-6, perByteOut: 0.09 / 1e9 } as const;
const PART_BYTES = 8 * 1024 * 1024;

/** How an object under one mode comes under another. Whether UpdateObjectEncryption is there to be used shows only when it is tried. */
export function wayBetween(from: EncryptionMode, to: EncryptionMode): ChangeWay {
  if (isClientSide(from) !== isClientSide(to)) return 'transfer';
  if (isClientSide(from) && isClientSide(to)) return from.format === to.format ? 'rewrap' : 'transfer';
  return from.id === 'sse-kms' && to.id === 'sse-kms' && !from.dsse && !to.dsse && to.kmsKeyId !== null && from.encryptionContext === null && to.encryptionContext === null ? 'update' : 'copy';
}

type Count = { objects: number; bytes: number };

export async function previewChange(folder: FolderSettings, state: FolderState, to: EncryptionMode, wiring: Wiring, signal: AbortSignal): Promise<ChangePreview> {
  const { descriptor } = knownDescription(folder, state);
  const current = currentEpoch(descriptor);
  const side = await openRemoteSide(folder, state, wiring);
  const ways: Record<ChangeWay, Count> = { none: zero(), update: zero(), copy: zero(), rewrap: zero(), transfer: zero() };
  let pages = 0;
  try {
    await side.remote.checkFolder?.(signal);
    for await (const page of side.remote.list(signal)) {
      pages += 1;
      for (const { objectKey, etag, objectBytes } of page) {
        const base = state.baseByKey(objectKey);
        const under = base !== null && base.etag === etag ? descriptor.epochs.find(({ n }) => n === base.epoch)?.mode : current.mode;
        const count = ways[wayBetween(under ?? current.mode, to)];
        count.objects += 1;
        count.bytes += objectBytes;
      }
    }
    const oldVersions = await side.remote.oldVersions(signal);
    const connection = wiring.connections.list().find((one) => one.id === folder.connectionId);
    const isAws = connection?.kind === 's3' && connection.endpoint === null;
    return {
      id: folder.id, name: folder.name, from: current.mode, to, ways, oldVersions,
      ...amounts(ways, current.mode, to, pages, isAws),
      namesNeedOldKey: folder.names === 'encrypted' && !isClientSide(to),
      isUnderWay: pendingChange(state) !== null,
    };
  } finally {
    await side.close();
  }
}

const zero = (): Count => ({ objects: 0, bytes: 0 });

function amounts(ways: Readonly<Record<ChangeWay, Amount>>, from: EncryptionMode, to: EncryptionMode, pages: number, isAws: boolean): Pick<ChangePreview, 'bytesUp' | 'bytesDown' | 'requests' | 'costUsd'> {
  const { update, copy, rewrap, transfer } = ways;
  const parts = Math.ceil(transfer.bytes / PART_BYTES);
  const changed = update.objects + copy.objects + rewrap.objects + transfer.objects;
  // Two passes of listing; a HEAD before, and after a change on the server two more that prove it.
  const writes = changed + parts + 2 * (pages + 1);
  const reads = 3 * (update.objects + copy.objects + rewrap.objects) + transfer.objects + Math.max(transfer.objects, parts);
  const kms = kmsCalls(from, copy.objects + update.objects + transfer.objects) + kmsCalls(to, copy.objects + update.objects + transfer.objects) + (from.id === 'cse-kms' || to.id === 'cse-kms' ? rewrap.objects : 0);
  const requests = { writes, reads, kms };
  const costUsd = isAws ? writes * PRICES.perWrite + reads * PRICES.perRead + kms * PRICES.perKms + transfer.bytes * PRICES.perByteOut : null;
  return { bytesUp: transfer.bytes, bytesDown: transfer.bytes, requests, costUsd: costUsd === null ? null : Math.round(costUsd * 100) / 100 };
}

/** With a bucket key S3 asks KMS once for many objects. */
function kmsCalls(mode: EncryptionMode, objects: number): number {
  if (mode.id === 'cse-kms') return objects;
  return mode.id === 'sse-kms' ? (mode.bucketKey ? Math.ceil(objects / 1_000) : objects) : 0;
}
