/** Reports of a scan as files; a report names every object, so it is its owner's alone, and never replaces a file. */
import { createWriteStream, existsSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { REPORT_KINDS, renderReport, type ReportKind } from '../bucket/report.ts';
import { SyncError } from '../model/errors.ts';
import type { OpenScan } from './bucket-scan.ts';

function kindOf(file: string): ReportKind {
  const kind = REPORT_KINDS.find((each) => file.toLowerCase().endsWith(`.${each}`));
  if (kind === undefined) throw new SyncError('bad-usage', { detail: `a report ends in ${REPORT_KINDS.map((each) => `.${each}`).join(', ')}: ${file}` });
  return kind;
}

/** Before the work, so that it is not done in vain. @throws SyncError bad-usage, target-exists */
export function checkReports(files: readonly string[]): void {
  for (const file of files) {
    kindOf(file);
    if (existsSync(file)) throw new SyncError('target-exists', { path: file });
  }
}

/** @param files - absolute paths. @throws SyncError bad-usage, target-exists, permission-denied, disk-full */
export async function writeReports(scan: OpenScan, files: readonly string[]): Promise<void> {
  checkReports(files);
  const { translateFileError } = await import('./temporary.ts');
  for (const file of files) {
    try {
      await pipeline(Readable.from(renderReport(kindOf(file), scan.head, scan.rows())), createWriteStream(file, { flags: 'wx', mode: 0o600 }));
    } catch (error) {
      throw translateFileError(error, file);
    }
  }
}
