/** The audit log: one JSON line per request in `audit.jsonl`, only ever added to. No content, no keys, no secrets. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';

export const AUDIT_FILE = 'audit.jsonl';

/** Filled in as the request becomes known; what stays undefined is not written. */
export type AuditEntry = {
  readonly time: string;
  readonly requestId: string;
  who?: string;
  accessKeyId?: string;
  action?: string | undefined;
  bucket?: string | undefined;
  objectKey?: string | undefined;
  versionId?: string | undefined;
  encryption?: string | undefined;
  /** The KMS key, or the secret, that was used. */
  keyArn?: string | undefined;
  status?: number;
  error?: string | undefined;
};

export type Audit = {
  begin(nowMs: number, requestId: string): AuditEntry;
  /** Completes the entry from what is answered and writes it. */
  answered(entry: AuditEntry, status: number, headers: readonly string[], error?: string): void;
  close(): Promise<void>;
};

const valueOf = (headers: readonly string[], name: string): string | undefined => {
  for (let at = 0; at < headers.length; at += 2) if (headers[at]?.toLowerCase() === name) return headers[at + 1];
  return undefined;
};

/** Opens the log of a data folder for adding. Lines are written as they come, together where many do, and are whole. */
export async function openAudit(directory: string): Promise<Audit> {
  const file = await open(join(directory, AUDIT_FILE), 'a', 0o600);
  let waiting: string[] = [];
  let writing: Promise<void> | null = null;
  const write = async (): Promise<void> => {
    while (waiting.length > 0) {
      const lines = waiting;
      waiting = [];
      // A full disk loses lines of the log; it is not a reason to fail what has been done.
      await file.appendFile(lines.join('')).catch(() => undefined);
    }
    writing = null;
  };
  return {
    begin: (nowMs, requestId) => ({ time: new Date(nowMs).toISOString(), requestId }),
    answered: (entry, status, headers, error) => {
      entry.status = status;
      entry.error = error;
      entry.versionId = valueOf(headers, 'x-amz-version-id');
      const isCustomers = valueOf(headers, 'x-amz-server-side-encryption-customer-algorithm') !== undefined;
      entry.encryption ??= isCustomers ? 'SSE-C' : valueOf(headers, 'x-amz-server-side-encryption');
      entry.keyArn ??= valueOf(headers, 'x-amz-server-side-encryption-aws-kms-key-id');
      waiting.push(`${JSON.stringify(entry)}\n`);
      writing ??= write();
    },
    close: async () => {
      await writing;
      await file.close();
    },
  };
}
