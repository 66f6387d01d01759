/**
 * The audit log: one JSON line per request in `audit.jsonl`, only ever added to. No content, no keys, no secrets.
 *
 * Lines are flushed to the disk together, at the latest a second after the answer. A log that has grown to 64 MiB is closed under a name that
 * says when (`audit-20261121T093000123Z.jsonl`), and a new one is begun; nothing is ever deleted.
 */
import { open, readdir, rename, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { syncDirectory } from './secret-file.ts';

export const AUDIT_FILE = 'audit.jsonl';
const CLOSED_FILE = /^audit-(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})(\d{3})Z\.jsonl$/;
const MAX_BYTES = 64 * 1024 * 1024;
const FLUSH_MS = 1000;

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

async function openForAdding(directory: string): Promise<{ readonly file: FileHandle; readonly size: number }> {
  const file = await open(join(directory, AUDIT_FILE), 'a+', 0o600);
  const { size } = await file.stat();
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
  if (size === 0 || buffer[0] === 10) return { file, size };
  // A line that was cut off does not swallow the next one.
  await file.appendFile('\n');
  return { file, size: size + 1 };
}

/** Names sort by time. Two in one millisecond, or after the clock was set back, still follow each other. */
function nextClosedName(nowMs: number, names: readonly string[]): string {
  const lastMs = Math.max(0, ...names.map(closedAtMs).filter((ms) => ms !== null));
  return `audit-${new Date(Math.max(nowMs, lastMs + 1)).toISOString().replace(/[-:.]/g, '')}.jsonl`;
}

function closedAtMs(name: string): number | null {
  const digits = CLOSED_FILE.exec(name)?.slice(1);
  if (digits === undefined) return null;
  const [year, month, day, hour, minute, second, ms] = digits;
  const atMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
  return Number.isNaN(atMs) ? null : atMs;
}

/** Closes the log under a name of its own. */
async function setAside(directory: string, file: FileHandle): Promise<void> {
  await file.sync();
  await file.close();
  await rename(join(directory, AUDIT_FILE), join(directory, nextClosedName(Date.now(), await readdir(directory))));
  await syncDirectory(directory);
}

/** Opens the log of a data folder for adding. Lines are written as they come, together where many do, and are whole. */
export async function openAudit(directory: string, maxBytes = MAX_BYTES): Promise<Audit> {
  let { file, size } = await openForAdding(directory);
  let waiting: string[] = [];
  let writing: Promise<void> | null = null;
  let flushing: NodeJS.Timeout | null = null;
  let isFlushDue = false;
  const write = async (): Promise<void> => {
    while (waiting.length > 0 || isFlushDue) {
      const text = waiting.join('');
      waiting = [];
      try {
        if (text !== '') await file.appendFile(text);
        size += Buffer.byteLength(text);
        if (isFlushDue) await file.datasync();
        isFlushDue = false;
        if (size < maxBytes) continue;
        await setAside(directory, file);
        ({ file, size } = await openForAdding(directory));
      } catch {
        // A full disk loses lines of the log; it is not a reason to fail what has been done.
        isFlushDue = false;
      }
    }
    writing = null;
  };
  const flushSoon = (): void => {
    flushing ??= setTimeout(() => {
      flushing = null;
      isFlushDue = true;
      writing ??= write();
    }, FLUSH_MS).unref();
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
      flushSoon();
      writing ??= write();
    },
    close: async () => {
      if (flushing !== null) clearTimeout(flushing);
      flushing = null;
      await writing;
      await file.sync().catch(() => undefined);
      await file.close();
    },
  };
}

const FOLLOW_MS = 300;

/** Reads one file of the log from where it was left; a file keeps its place when it is renamed. */
class LineReader {
  readonly #positions = new Map<number, { position: number; rest: Buffer }>();

  async *read(file: FileHandle, signal: AbortSignal): AsyncGenerator<AuditEntry> {
    const inode = (await file.stat()).ino;
    const at = this.#positions.get(inode) ?? { position: 0, rest: Buffer.alloc(0) };
    this.#positions.set(inode, at);
    for (;;) {
      const piece = Buffer.alloc(64 * 1024);
      const { bytesRead } = await file.read(piece, 0, piece.length, at.position);
      if (bytesRead === 0 || signal.aborted) return;
      at.position += bytesRead;
      const text = Buffer.concat([at.rest, piece.subarray(0, bytesRead)]);
      const end = text.lastIndexOf(10) + 1;
      at.rest = text.subarray(end);
      for (const line of text.toString('utf8', 0, end).split('\n')) {
        const entry = line === '' ? null : parseLine(line);
        if (entry !== null) yield entry;
      }
    }
  }
}

async function openIfThere(name: string): Promise<FileHandle | null> {
  return open(name, 'r').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
}

/** The lines of a data folder's log, closed files first, oldest first; with `follow` also those still to come, until `signal`. */
export async function* readAudit(directory: string, follow: boolean, signal: AbortSignal): AsyncGenerator<AuditEntry> {
  const reader = new LineReader();
  const done = new Set<string>();
  for (;;) {
    // Opened before the closed files are listed: should it be closed meanwhile, it is among them, or still what is read last.
    const current = await openIfThere(join(directory, AUDIT_FILE));
    try {
      const closed = (await readdir(directory)).filter((name) => CLOSED_FILE.test(name) && !done.has(name)).sort();
      for (const name of closed) {
        const file = await openIfThere(join(directory, name));
        if (file !== null) yield* reader.read(file, signal);
        await file?.close();
        done.add(name);
      }
      if (current !== null) yield* reader.read(current, signal);
    } finally {
      await current?.close();
    }
    if (!follow || signal.aborted) return;
    await sleep(FOLLOW_MS, undefined, { signal }).catch(() => undefined);
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
