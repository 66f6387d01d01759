/**
 * Wraps anew, after the server master key was rotated: the data keys of objects, versions and uploads, KMS keys and secrets that are still
 * wrapped by an older one. Contents stay as they are. It goes through the records in small steps between requests, and again until a whole
 * round finds nothing; where it is stopped, the next start begins another round. Older master keys stay in the ring: a write that was under
 * way, or a copy of the folder, may still need them.
 */
import { setImmediate } from 'node:timers/promises';
import type { Catalogue, RecordPosition, RecordTable } from './catalogue.ts';
import type { KeyRing, WrappedKey } from './key-ring.ts';
import type { KmsKey } from './kms-keys.ts';
import type { EncryptionRecord } from './records.ts';
import { secretKeyName, type Secret } from './operations/secrets.ts';

const STEP_ROWS = 200;
/** Uploads first: one that is completed meanwhile becomes an object, which comes later. */
const TABLES: readonly RecordTable[] = ['uploads', 'objects', 'old_versions'];

export type RewrapReport = { readonly masterKeyId: string; readonly rewrapped: number; readonly isComplete: boolean };
const DOCUMENT = 'rewrap';

/** How far wrapping anew under the current master key has come; null where there was never another one. */
export function rewrapReport(catalogue: Catalogue, keyRing: KeyRing): RewrapReport | null {
  if (keyRing.listed().length < 2) return null;
  return catalogue.document<RewrapReport>(DOCUMENT, keyRing.currentId()) ?? { masterKeyId: keyRing.currentId(), rewrapped: 0, isComplete: false };
}

/** Resolves when all is wrapped by the current master key, or at the signal. */
export async function rewrapAll(catalogue: Catalogue, keyRing: KeyRing, signal: AbortSignal): Promise<void> {
  const masterKeyId = keyRing.currentId();
  let total = rewrapReport(catalogue, keyRing)?.rewrapped ?? 0;
  const again = <Wrapped extends WrappedKey>(wrapped: Wrapped, name: string): Wrapped => {
    const dataKey = keyRing.unwrap(wrapped, name);
    const fresh = keyRing.wrap(dataKey, name);
    dataKey.fill(0);
    return { ...wrapped, ...fresh };
  };
  const isStale = (wrapped: WrappedKey): boolean => wrapped.masterKeyId !== masterKeyId && wrapped.wrapped !== '';
  const ofRecord = (encryption: EncryptionRecord): EncryptionRecord | null => (encryption.type === 'sse-s3' && isStale(encryption) ? again(encryption, encryption.objectId) : null);

  const documents = (): Promise<number> => catalogue.commit(() => {
    const keys = catalogue.documents<KmsKey>('kms-key').filter(({ record }) => isStale(record.wrapped));
    for (const { id, record } of keys) catalogue.putDocument('kms-key', id, { ...record, wrapped: again(record.wrapped, `kms|${id}`) });
    const secrets = catalogue.documents<Secret>('secret').filter(({ record }) => isStale(record.dataKey));
    for (const { id, record } of secrets) catalogue.putDocument('secret', id, { ...record, dataKey: again(record.dataKey, secretKeyName(record)) });
    return keys.length + secrets.length;
  });

  for (;;) {
    let found = await documents();
    for (const table of TABLES) {
      let position: RecordPosition | null = null;
      do {
        if (signal.aborted) return;
        const from: RecordPosition | null = position;
        const step: { readonly next: RecordPosition | null; readonly changed: number } = await catalogue.commit(() => catalogue.rewriteRecords(table, from, STEP_ROWS, ofRecord));
        position = step.next;
        found += step.changed;
        await setImmediate();
      } while (position !== null);
    }
    if (signal.aborted || keyRing.currentId() !== masterKeyId) return;
    total += found;
    const report: RewrapReport = { masterKeyId, rewrapped: total, isComplete: found === 0 };
    await catalogue.commit(() => catalogue.putDocument(DOCUMENT, masterKeyId, report));
    if (found === 0) return;
  }
}
