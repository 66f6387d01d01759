/** The audit log: one JSON line per request in `audit.jsonl`, only ever added to. No content, no keys, no secrets. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

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
  const file = await open(join(directory, AUDIT_FILE), 'a+', 0o600);
  const { size } = await file.stat();
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
  // A line that was cut off does not swallow the next one.
  if (size > 0 && buffer[0] !== 10) await file.appendFile('\n');
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

const FOLLOW_MS = 300;

/** The lines of a data folder's log, oldest first; with `follow` also those still to come, until `signal`. */
export async function* readAudit(directory: string, follow: boolean, signal: AbortSignal): AsyncGenerator<AuditEntry> {
  const name = join(directory, AUDIT_FILE);
  let position = 0;
  let rest = Buffer.alloc(0);
  for (;;) {
    const file = await open(name, 'r').catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    });
    try {
      for (;;) {
        const piece = Buffer.alloc(64 * 1024);
        const { bytesRead } = (await file?.read(piece, 0, piece.length, position)) ?? { bytesRead: 0 };
        if (bytesRead === 0 || signal.aborted) break;
        position += bytesRead;
        const text = Buffer.concat([rest, piece.subarray(0, bytesRead)]);
        const end = text.lastIndexOf(10) + 1;
        rest = text.subarray(end);
        for (const line of text.toString('utf8', 0, end).split('\n')) {
          const entry = line === '' ? null : parseLine(line);
          if (entry !== null) yield entry;
        }
      }
    } finally {
      await file?.close();
    }
    if (!follow || signal.aborted) return;
    await setTimeout(FOLLOW_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Null for a line that a power cut left broken. */
function parseLine(line: string): AuditEntry | null {
  try {
    return JSON.parse(line) as AuditEntry;
  } catch {
    return null;
  }
}
