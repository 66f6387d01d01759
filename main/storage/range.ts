/** The `Range` header: one range of bytes, as S3 supports it. */

/**
 * Bytes `start` up to but without `end`. Null: no valid single range, so the whole object is answered, as HTTP says.
 */
export function parseRange(text: string, sizeBytes: number): { readonly start: number; readonly end: number } | 'unsatisfiable' | null {
  const found = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/.exec(text);
  if (found === null || (found[1] === '' && found[2] === '')) return null;
  const [, first = '', last = ''] = found;
  if (first === '') {
    const length = Math.min(Number(last), sizeBytes);
    return length === 0 ? 'unsatisfiable' : { start: sizeBytes - length, end: sizeBytes };
  }
  const start = Number(first);
  const end = last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  if (last !== '' && Number(last) < start) return null;
  return start >= sizeBytes ? 'unsatisfiable' : { start, end };
}
