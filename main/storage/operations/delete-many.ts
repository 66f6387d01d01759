/** The request document of DeleteObjects. */
import { S3Error } from '../errors.ts';
import { childText, element, optionalElement, parseXml } from '../xml.ts';

export type Deletion = { readonly objectKey: string; readonly versionId: string | undefined; readonly etag: string | undefined };

const MAX_KEYS = 1000;

/** @throws S3Error MalformedXML; NotImplemented for conditions S3 has on other kinds of bucket only */
export function parseDeletions(body: Uint8Array): { readonly deletions: readonly Deletion[]; readonly isQuiet: boolean } {
  const root = parseXml(body);
  if (root.name !== 'Delete') throw new S3Error('MalformedXML');
  const deletions = root.children.filter((child) => child.name === 'Object').map((child): Deletion => {
    const objectKey = childText(child, 'Key');
    if (objectKey === undefined || objectKey === '') throw new S3Error('MalformedXML');
    if (childText(child, 'Size') !== undefined || childText(child, 'LastModifiedTime') !== undefined) throw new S3Error('NotImplemented');
    return { objectKey, versionId: childText(child, 'VersionId'), etag: childText(child, 'ETag') };
  });
  if (deletions.length === 0 || deletions.length > MAX_KEYS) throw new S3Error('MalformedXML');
  return { deletions, isQuiet: childText(root, 'Quiet')?.trim() === 'true' };
}

/** How an answer names the deletion it is about. */
export const childTextOf = (deletion: Deletion): string => element('Key', deletion.objectKey) + optionalElement('VersionId', deletion.versionId);
