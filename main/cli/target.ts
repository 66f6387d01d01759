/** TARGET arguments: `ID:path/in/folder`, or `s3://BUCKET/KEY` with the options that say how to sign in and to encrypt. */
import type { Target } from '../assembly/api.ts';
import { SyncError } from '../model/errors.ts';
import { MODE_IDS, type ModeId } from '../model/mode.ts';

export type ObjectOptions = { connection?: string; mode?: string; key?: string; kmsKeyId?: string; format?: string; legacy?: boolean };

const usage = (detail: string): SyncError => new SyncError('bad-usage', { detail });

/** `s3://BUCKET[/PREFIX]` as a bucket and a prefix that is `''` or ends in `/`. @throws SyncError bad-usage */
export function parseRemote(text: string): { bucket: string; prefix: string } {
  const match = /^s3:\/\/([^/]+)(?:\/(.*))?$/s.exec(text);
  if (match?.[1] === undefined) throw usage(`${text} is not of the form s3://BUCKET or s3://BUCKET/PREFIX`);
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(match[1])) throw usage(`${match[1]} is no bucket name: 3 to 63 of a-z, 0-9, - and .`);
  const prefix = match[2] ?? '';
  if (prefix.startsWith('/') || prefix.includes('//')) throw usage('a prefix has no empty parts');
  return { bucket: match[1], prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/` };
}

export function parseMode(text: string): ModeId {
  const mode = MODE_IDS.find((id) => id === text);
  if (mode === undefined) throw usage(`${text} is no mode; modes are ${MODE_IDS.join(', ')}`);
  return mode;
}

/** Refuses options that belong to parts which are not built yet. */
export function refuseUnbuilt(options: Readonly<Record<string, unknown>>, names: readonly string[]): void {
  for (const name of names) {
    if (options[name] !== undefined && options[name] !== false) {
      throw new SyncError('not-available-yet', { detail: `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}` });
    }
  }
}

/**
 * @param options - how to reach and open a single object; not accepted for files of a folder, whose settings say it.
 * @throws SyncError bad-usage, not-available-yet
 */
export function parseTarget(text: string, options: ObjectOptions): Target {
  if (text.startsWith('s3://')) {
    refuseUnbuilt(options, ['kmsKeyId', 'format', 'legacy']);
    const match = /^s3:\/\/([^/]+)(?:\/(.*))?$/s.exec(text);
    if (match?.[1] === undefined) throw usage(`${text} is not of the form s3://BUCKET/KEY`);
    if (options.connection === undefined) throw usage('s3://BUCKET/KEY needs --connection NAME');
    const mode = options.mode === undefined ? (options.key === undefined ? null : 'cse-c') : parseMode(options.mode);
    if (mode === 'cse-c' && options.key === undefined) throw usage('--mode cse-c needs --key NAME');
    if (mode === 'sse-s3' && options.key !== undefined) throw usage('--key does not go with --mode sse-s3');
    return { type: 'object', connection: options.connection, bucket: match[1], objectKey: match[2] ?? '', mode, key: options.key ?? null };
  }
  for (const [name, value] of Object.entries({ '--connection': options.connection, '--mode': options.mode, '--key': options.key, '--kms-key-id': options.kmsKeyId, '--format': options.format })) {
    if (value !== undefined) throw usage(`${name} goes with s3://BUCKET/KEY only; a folder knows its own`);
  }
  // The last colon that makes sense: local paths and names may hold colons, ids do not.
  const cut = text.indexOf(':');
  if (cut <= 0) throw usage(`${text} is neither FOLDER:path nor s3://BUCKET/KEY`);
  return { type: 'folder', folder: text.slice(0, cut), path: text.slice(cut + 1).replace(/^\/+/, '') };
}
