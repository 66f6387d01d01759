/**
 * S3 Inventory instead of a listing: the manifest.json of one in CSV with its files beside it, or one such file with its fields named.
 * @see "Amazon S3 Inventory list" in the S3 User Guide: fields are quoted, keys are URL-encoded
 */
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { SyncError } from '../model/errors.ts';
import { PAGE_OBJECTS, type Listed, type ObjectSource } from './object-source.ts';

const invalid = (detail: string, path?: string): SyncError => new SyncError('inventory-invalid', { detail, path });

type Inventory = { readonly fields: readonly string[]; readonly files: readonly string[] };

/** @param fields - for a bare file, as the manifest's `fileSchema` has them. @throws SyncError inventory-invalid */
export function openInventory(file: string, bucket: string, fields: string | null): Inventory {
  const namesOf = (text: string): readonly string[] => text.split(',').map((name) => name.trim().toLowerCase());
  if (!existsSync(file)) throw invalid('there is no such file', file);
  if (!file.endsWith('.json')) {
    if (fields === null) throw invalid('a file without its manifest needs --inventory-fields, such as "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size"', file);
    return checked({ fields: namesOf(fields), files: [file] });
  }
  let manifest: { sourceBucket?: unknown; fileFormat?: unknown; fileSchema?: unknown; files?: unknown };
  try {
    manifest = JSON.parse(readFileSync(file, 'utf8')) as typeof manifest;
  } catch (cause) {
    throw new SyncError('inventory-invalid', { path: file, detail: 'the manifest is no JSON' }, { cause });
  }
  if (manifest.sourceBucket !== bucket) throw invalid(`it is of bucket ${String(manifest.sourceBucket)}`, file);
  if (manifest.fileFormat !== 'CSV' || typeof manifest.fileSchema !== 'string') throw invalid(`its format is ${String(manifest.fileFormat)}; CSV can be read`, file);
  const keys = Array.isArray(manifest.files) ? (manifest.files as { key?: unknown }[]).map(({ key }) => String(key)) : [];
  const files = keys.map((key) => {
    const found = [join(dirname(file), basename(key)), join(dirname(file), 'data', basename(key)), join(dirname(file), '..', 'data', basename(key))].find((place) => existsSync(place));
    if (found === undefined) throw invalid(`its file ${basename(key)} is not beside it`, file);
    return found;
  });
  if (files.length === 0) throw invalid('it names no files', file);
  return checked({ fields: namesOf(manifest.fileSchema), files });
}

function checked(inventory: Inventory): Inventory {
  if (!inventory.fields.includes('key')) throw invalid('it has no field Key');
  return inventory;
}

/** The fields of one line; quotes inside are doubled. */
export function parseCsvLine(line: string): string[] {
  const fields: string[] = [];
  const field = /\s*(?:"((?:[^"]|"")*)"|([^,]*))(,|$)/y;
  for (;;) {
    const match = field.exec(line);
    if (match === null) throw invalid('a line is not CSV');
    fields.push(match[1] === undefined ? (match[2] ?? '') : match[1].replaceAll('""', '"'));
    if (match[3] === '') return fields;
  }
}

export const inventoryObjects = (inventory: Inventory, bucket: string, prefix: string, hasVersions: boolean): ObjectSource => async function* (cursor, signal) {
  const skip = typeof cursor === 'number' ? cursor : 0;
  const at = (name: string): number => inventory.fields.indexOf(name);
  const [bucketAt, keyAt, versionAt, latestAt, markerAt] = [at('bucket'), at('key'), at('versionid'), at('islatest'), at('isdeletemarker')];
  let seen = 0;
  let items: Listed[] = [];
  for (const file of inventory.files) {
    const bytes = createReadStream(file);
    const text: Readable = file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes;
    bytes.once('error', (error) => text.destroy(error));
    try {
      for await (const line of createInterface({ input: text, crlfDelay: Infinity })) {
        signal.throwIfAborted();
        seen += 1;
        if (seen <= skip || line === '') continue;
        const item = itemOf(parseCsvLine(line));
        if (item !== null) items.push(item);
        if (items.length < PAGE_OBJECTS) continue;
        yield { items, cursor: seen, isLast: false };
        items = [];
      }
    } catch (error) {
      if (error instanceof SyncError || signal.aborted) throw error;
      throw new SyncError('inventory-invalid', { path: file, detail: error instanceof Error ? error.message : undefined }, { cause: error });
    }
  }
  yield { items, cursor: seen, isLast: true };

  function itemOf(fields: readonly string[]): Listed | null {
    if (fields.length !== inventory.fields.length) throw invalid(`a line has ${fields.length} fields instead of ${inventory.fields.length}`);
    if (bucketAt !== -1 && fields[bucketAt] !== bucket) throw invalid(`a line is of bucket ${fields[bucketAt] ?? ''}`);
    let objectKey: string;
    try {
      objectKey = decodeURIComponent((fields[keyAt] ?? '').replaceAll('+', ' '));
    } catch {
      throw invalid('a key is not URL-encoded');
    }
    const isLatest = latestAt === -1 || fields[latestAt] === 'true';
    if (objectKey === '' || !objectKey.startsWith(prefix) || (markerAt !== -1 && fields[markerAt] === 'true') || (!hasVersions && !isLatest)) return null;
    const versionId = versionAt === -1 || !hasVersions ? null : fields[versionAt] === '' ? 'null' : (fields[versionAt] ?? null);
    return { objectKey, versionId, isLatest };
  }
};
