/** A scan as a report: CSV for spreadsheets, JSON for programs, HTML to print. Written as it is read, whatever its size. */
import type { Row, Total } from './scan-records.ts';

export type ReportHead = { readonly bucket: string; readonly prefix: string; readonly scannedAtMs: number; readonly wish: string | null; readonly totals: readonly Total[] };
/** More would be no page that anybody prints. */
const MOST_HTML_ROWS = 2_000;

/** Which key opens it, as far as S3 says. */
export function keyOfRow({ protection, kmsKey, customerKeyMd5 }: Pick<Row, 'protection' | 'kmsKey' | 'customerKeyMd5'>): string {
  if (kmsKey !== null) return kmsKey;
  if (protection === 'SSE-C') return customerKeyMd5 === null ? 'a customer key that is not here' : `customer key, MD5 ${customerKeyMd5}`;
  return '';
}

const csv = (value: string | number | boolean | null): string => `"${String(value ?? '').replaceAll('"', '""')}"`;

async function* csvOf(rows: AsyncIterable<Row>): AsyncGenerator<string> {
  yield `${['key', 'version', 'latest', 'bytes', 'modified', 'encryption', 'encryption key', 'bucket key', 'envelope', 'wrapped by', 'storage class', 'verdict', 'reason'].map(csv).join(',')}\r\n`;
  for await (const row of rows) {
    yield `${[row.objectKey, row.versionId, row.isLatest, row.sizeBytes, new Date(row.modifiedMs).toISOString(), row.protection, keyOfRow(row), row.hasBucketKey, row.envelope?.format ?? null, row.envelope?.wrappedBy ?? null, row.storageClass, row.judgement?.verdict ?? null, row.judgement?.reason ?? null].map(csv).join(',')}\r\n`;
  }
}

async function* jsonOf(head: ReportHead, rows: AsyncIterable<Row>): AsyncGenerator<string> {
  yield `${JSON.stringify(head).slice(0, -1)},"objects":[`;
  let separator = '\n';
  for await (const row of rows) {
    yield `${separator}${JSON.stringify(row)}`;
    separator = ',\n';
  }
  yield '\n]}\n';
}

const html = (text: string | number): string => String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
const cells = (values: readonly (string | number)[]): string => `<tr>${values.map((value) => `<td>${html(value)}</td>`).join('')}</tr>\n`;
const heads = (names: readonly string[]): string => `<thead><tr>${names.map((name) => `<th scope="col">${html(name)}</th>`).join('')}</tr></thead>\n`;
const STYLE = 'body{font:14px/1.4 system-ui,sans-serif;margin:2rem;color:#1b1f24}table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{border-bottom:1px solid #c9ced6;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}@media print{body{margin:0}tr{break-inside:avoid}}';

async function* htmlOf({ bucket, prefix, scannedAtMs, wish, totals }: ReportHead, rows: AsyncIterable<Row>): AsyncGenerator<string> {
  const where = `s3://${bucket}/${prefix}`;
  const count = (verdict: string | null): number => totals.reduce((sum, total) => sum + (verdict === null || total.verdict === verdict ? total.objects : 0), 0);
  yield `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Encryption of ${html(where)}</title><style>${STYLE}</style></head><body>\n<h1>Encryption of ${html(where)}</h1>\n`;
  yield `<p>${html(new Date(scannedAtMs).toISOString())}. ${count(null)} objects${wish === null ? '' : `; wished: ${html(wish)}; ${count('right')} right, ${count('wrong')} wrong, ${count('unknown')} unknown`}.</p>\n`;
  yield `<h2>Totals</h2>\n<table>${heads(['Encryption', 'Key', 'Envelope', 'Verdict', 'Reason', 'Objects', 'Bytes'])}<tbody>\n`;
  for (const { protection, key, envelope, verdict, reason, objects, bytes } of totals) yield cells([protection, key, envelope, verdict, reason, objects, bytes]);
  yield '</tbody></table>\n';
  if (wish !== null) {
    yield `<h2>Not as wished</h2>\n<table>${heads(['Object', 'Version', 'Encryption', 'Reason'])}<tbody>\n`;
    let shown = 0;
    for await (const row of rows) {
      if (row.judgement === null || row.judgement.verdict === 'right') continue;
      shown += 1;
      if (shown <= MOST_HTML_ROWS) yield cells([row.objectKey, row.versionId ?? '', row.protection, row.judgement.reason ?? '']);
    }
    yield `</tbody></table>\n${shown > MOST_HTML_ROWS ? `<p>${shown - MOST_HTML_ROWS} more are in the CSV and JSON reports.</p>\n` : shown === 0 ? '<p>None.</p>\n' : ''}`;
  }
  yield '</body></html>\n';
}

export const REPORT_KINDS = ['csv', 'json', 'html'] as const;
export type ReportKind = (typeof REPORT_KINDS)[number];

export function renderReport(kind: ReportKind, head: ReportHead, rows: AsyncIterable<Row>): AsyncIterable<string> {
  switch (kind) {
    case 'csv': return csvOf(rows);
    case 'json': return jsonOf(head, rows);
    case 'html': return htmlOf(head, rows);
    default: return kind satisfies never;
  }
}
