/**
 * What a scan found, on disk: one line per object, and how far it came. A million objects fill some 400 MB there and nothing in memory; a scan
 * that was interrupted goes on after its last whole page.
 */
import { closeSync, createReadStream, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Facts, Judgement } from './object-encryption.ts';
import type { Listed } from './object-source.ts';

export type Row = Listed & Omit<Facts, 'redirect'> & { readonly judgement: Judgement | null };
export type Total = { readonly protection: string; readonly key: string; readonly envelope: string; /** `''`: nothing was wished. */ readonly verdict: Judgement['verdict'] | ''; readonly reason: string; objects: number; bytes: number };
export type FixOutcome = { readonly objectKey: string; readonly versionId: string | null; readonly outcome: 'fixed' | 'already' | 'skipped' | 'failed'; readonly reason: string | null };

export type Progress = {
  /** What was asked for; a scan of something else does not go on with this. */
  readonly subject: string;
  readonly cursor: unknown;
  readonly rowsBytes: number;
  readonly isScanned: boolean;
  readonly totals: readonly Total[];
  readonly elapsedMs: number;
  /** Rows whose fixing is done, and what came of it. */
  readonly fixedRows: number;
  readonly outcomesBytes: number;
};

export type ScanRecords = {
  progress(): Progress;
  /** Adds rows and says how far the scan is, together. */
  addRows(rows: readonly Row[], next: Pick<Progress, 'cursor' | 'isScanned' | 'totals' | 'elapsedMs'>): void;
  addOutcomes(outcomes: readonly FixOutcome[], fixedRows: number): void;
  rows(): AsyncIterable<Row>;
  outcomes(): AsyncIterable<FixOutcome>;
  close(): void;
  remove(): void;
};

const NEW = { cursor: null, rowsBytes: 0, isScanned: false, totals: [], elapsedMs: 0, fixedRows: 0, outcomesBytes: 0 };

/**
 * @param subject - what is scanned; records of another are begun anew.
 * @param isResumed - false: begin anew in any case.
 */
export function openRecords(directory: string, subject: string, isResumed: boolean): ScanRecords {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const [rowsFile, outcomesFile, progressFile] = [join(directory, 'rows.jsonl'), join(directory, 'outcomes.jsonl'), join(directory, 'progress.json')];
  let progress: Progress = { subject, ...NEW };
  if (isResumed) {
    try {
      const known = JSON.parse(readFileSync(progressFile, 'utf8')) as Progress;
      if (known.subject === subject && statSync(rowsFile).size >= known.rowsBytes) progress = known;
    } catch {
      // None, or torn: it begins anew.
    }
  }
  const open = (file: string, bytes: number): number => {
    const handle = openSync(file, bytes === 0 ? 'w' : 'a', 0o600);
    if (bytes > 0) truncateSync(file, bytes);
    return handle;
  };
  const rowsHandle = open(rowsFile, progress.rowsBytes);
  const outcomesHandle = open(outcomesFile, progress.outcomesBytes);
  const append = (handle: number, items: readonly unknown[]): number => {
    const text = Buffer.from(items.map((item) => `${JSON.stringify(item)}\n`).join(''));
    for (let at = 0; at < text.length;) at += writeSync(handle, text, at);
    fsyncSync(handle);
    return text.length;
  };
  const save = (next: Progress): void => {
    writeFileSync(`${progressFile}.new`, JSON.stringify(next), { mode: 0o600, flush: true });
    renameSync(`${progressFile}.new`, progressFile);
    progress = next;
  };
  const linesOf = async function* <T>(file: string, bytes: number): AsyncGenerator<T> {
    if (bytes === 0) return;
    for await (const line of createInterface({ input: createReadStream(file, { end: bytes - 1 }), crlfDelay: Infinity })) if (line !== '') yield JSON.parse(line) as T;
  };
  return {
    progress: () => progress,
    addRows: (rows, next) => save({ ...progress, ...next, rowsBytes: progress.rowsBytes + append(rowsHandle, rows) }),
    addOutcomes: (outcomes, fixedRows) => save({ ...progress, fixedRows, outcomesBytes: progress.outcomesBytes + append(outcomesHandle, outcomes) }),
    rows: () => linesOf<Row>(rowsFile, progress.rowsBytes),
    outcomes: () => linesOf<FixOutcome>(outcomesFile, progress.outcomesBytes),
    close: () => {
      closeSync(rowsHandle);
      closeSync(outcomesHandle);
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
