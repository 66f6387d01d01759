/** TARGET arguments: `ID:path/in/folder`, or `s3://BUCKET/KEY` with the options that say how to sign in and to encrypt. */
import type { Target } from '../assembly/api.ts';
import { SyncError } from '../model/errors.ts';
import { MODE_IDS, type EncryptionContext, type EnvelopeFormat, type ModeId } from '../model/mode.ts';

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

export function parseFormat(text: string): EnvelopeFormat {
  if (text === 'v3' || text === 'v2') return text;
  throw usage('--format is v3 or v2');
}

/** `NAME=VALUE` of an encryption context, each given by an option of its own. */
export function parseContext(pairs: readonly string[]): EncryptionContext {
  return Object.fromEntries(pairs.map((pair) => {
    const cut = pair.indexOf('=');
    if (cut <= 0) throw usage(`${pair} is not of the form NAME=VALUE`);
    return [pair.slice(0, cut), pair.slice(cut + 1)];
  }));
}

/**
 * @param options - how to reach and open a single object; not accepted for files of a folder, whose settings say it.
 * @throws SyncError bad-usage
 */
export function parseTarget(text: string, options: ObjectOptions): Target {
  if (text.startsWith('s3://')) {
    const match = /^s3:\/\/([^/]+)(?:\/(.*))?$/s.exec(text);
    if (match?.[1] === undefined) throw usage(`${text} is not of the form s3://BUCKET/KEY`);
    if (options.connection === undefined) throw usage('s3://BUCKET/KEY needs --connection NAME');
    const mode = options.mode === undefined ? null : parseMode(options.mode);
    if ((mode === 'cse-c' || mode === 'sse-c') && options.key === undefined) throw usage(`--mode ${mode} needs --key NAME`);
    if (mode === 'cse-kms' && options.kmsKeyId === undefined) throw usage('--mode cse-kms needs --kms-key-id ID');
    if (options.key !== undefined && mode !== null && mode !== 'cse-c' && mode !== 'sse-c') throw usage(`--key does not go with --mode ${mode}`);
    if (options.kmsKeyId !== undefined && (options.key !== undefined || (mode !== null && mode !== 'sse-kms' && mode !== 'cse-kms'))) throw usage('--kms-key-id goes with --mode sse-kms or cse-kms');
    return {
      type: 'object', connection: options.connection, bucket: match[1], objectKey: match[2] ?? '', mode, key: options.key ?? null, kmsKeyId: options.kmsKeyId ?? null,
      format: options.format === undefined ? undefined : parseFormat(options.format), legacy: options.legacy === true,
    };
  }
  for (const [name, value] of Object.entries({ '--connection': options.connection, '--mode': options.mode, '--key': options.key, '--kms-key-id': options.kmsKeyId, '--format': options.format, '--legacy': options.legacy })) {
    if (value !== undefined) throw usage(`${name} goes with s3://BUCKET/KEY only; a folder knows its own`);
  }
  // The last colon that makes sense: local paths and names may hold colons, ids do not.
  const cut = text.indexOf(':');
  if (cut <= 0) throw usage(`${text} is neither FOLDER:path nor s3://BUCKET/KEY`);
  return { type: 'folder', folder: text.slice(0, cut), path: text.slice(cut + 1).replace(/^\/+/, '') };
}
