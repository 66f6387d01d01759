/** Tags of objects and buckets: from a header or a document, with S3's limits. */
import { S3Error } from './errors.ts';
import type { S3Request } from './request.ts';
import { childText, document, element, parseXml } from './xml.ts';

export type Tags = Readonly<Record<string, string>>;

function checkTags(pairs: readonly (readonly [string, string])[], limit: number): Tags {
  if (pairs.length > limit) throw new S3Error('InvalidTag', `The number of tags cannot be greater than ${limit}`);
  const tags = new Map<string, string>();
  for (const [name, value] of pairs) {
    const isValid = name !== '' && Array.from(name).length <= 128 && Array.from(value).length <= 256 && /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u.test(name + value) && !name.toLowerCase().startsWith('aws:');
    if (!isValid) throw new S3Error('InvalidTag', 'The TagKey or TagValue you have provided is invalid', { TagKey: name });
    if (tags.has(name)) throw new S3Error('InvalidTag', 'Cannot provide multiple Tags with the same key', { TagKey: name });
    tags.set(name, value);
  }
  return Object.fromEntries(tags);
}

/** Null where the request gives none. @throws S3Error InvalidTag */
export function tagsOfHeader(request: S3Request): Tags | null {
  const text = request.header('x-amz-tagging');
  if (text === undefined) return null;
  return checkTags([...new URLSearchParams(Buffer.from(text, 'latin1').toString('utf8'))], 10);
}

/** @throws S3Error InvalidTag, MalformedXML */
export function tagsOfDocument(body: Uint8Array, limit: number): Tags {
  const root = parseXml(body);
  const set = root.children.find((child) => child.name === 'TagSet');
  if (root.name !== 'Tagging' || set === undefined) throw new S3Error('MalformedXML');
  return checkTags(set.children.map((tag): [string, string] => {
    const [name, value] = [childText(tag, 'Key'), childText(tag, 'Value')];
    if (tag.name !== 'Tag' || name === undefined || value === undefined) throw new S3Error('MalformedXML');
    return [name, value];
  }), limit);
}

export function tagsDocument(tags: Tags): string {
  const listed = Object.entries(tags).map(([name, value]) => `<Tag>${element('Key', name)}${element('Value', value)}</Tag>`);
  return document('Tagging', `<TagSet>${listed.join('')}</TagSet>`);
}
