/** Which objects a scan looks at: from a listing, of versions too, or from an inventory. Page by page; a cursor goes on where one ended. */
import { errorOfAnswer } from '../remote/s3-errors.ts';
import { scanListPage } from '../remote/list-scanner.ts';
import { withRetries } from '../remote/retry.ts';
import type { OpenBucket } from './open-bucket.ts';

export type Listed = { readonly objectKey: string; /** Null: the current one, whichever. */ readonly versionId: string | null; readonly isLatest: boolean };
/** `cursor` is JSON that means: everything up to here was given. */
export type Page = { readonly items: readonly Listed[]; readonly cursor: unknown; readonly isLast: boolean };
export type ObjectSource = (cursor: unknown, signal: AbortSignal) => AsyncIterable<Page>;

/** S3 lists no more than these at once; fewer are looked at again after an interruption. */
export const PAGE_OBJECTS = 1000;

export const listedObjects = (open: OpenBucket, prefix: string, pageObjects = PAGE_OBJECTS): ObjectSource => async function* (cursor, signal) {
  let startAfter = typeof cursor === 'string' ? cursor : null;
  for (;;) {
    const query: [string, string][] = [['list-type', '2'], ['encoding-type', 'url'], ['max-keys', String(pageObjects)], ...(prefix === '' ? [] : [['prefix', prefix] as [string, string]]), ...(startAfter === null ? [] : [['start-after', startAfter] as [string, string]])];
    const page = await withRetries(async () => {
      const answer = await open.send({ method: 'GET', objectKey: '', query }, signal);
      if (answer.status !== 200) throw errorOfAnswer(answer, { isBucketRequest: true });
      return scanListPage(answer.body);
    }, signal);
    const last = page.objects.at(-1)?.objectKey;
    yield { items: page.objects.map(({ objectKey }) => ({ objectKey, versionId: null, isLatest: true })), cursor: last ?? startAfter, isLast: page.next === null };
    if (page.next === null || last === undefined) return;
    startAfter = last;
  }
};

type VersionCursor = { readonly keyMarker: string; readonly versionIdMarker: string };

export const listedVersions = (open: OpenBucket, prefix: string): ObjectSource => async function* (cursor, signal) {
  let marker = (cursor ?? null) as VersionCursor | null;
  for (;;) {
    const page = await open.ask(async (client, sdk) => client.send(new sdk.ListObjectVersionsCommand({
      Bucket: open.bucket, ...(prefix === '' ? {} : { Prefix: prefix }), ...(marker === null ? {} : { KeyMarker: marker.keyMarker, VersionIdMarker: marker.versionIdMarker }),
    }), { abortSignal: signal }), signal);
    const items = (page.Versions ?? []).flatMap(({ Key, VersionId, IsLatest }) => (Key === undefined ? [] : [{ objectKey: Key, versionId: VersionId ?? 'null', isLatest: IsLatest === true }]));
    const isLast = page.IsTruncated !== true || page.NextKeyMarker === undefined;
    marker = isLast ? marker : { keyMarker: page.NextKeyMarker ?? '', versionIdMarker: page.NextVersionIdMarker ?? '' };
    yield { items, cursor: marker, isLast };
    if (isLast) return;
  }
};
