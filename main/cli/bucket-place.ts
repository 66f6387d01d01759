/** What the commands about buckets have in common: which place in which bucket, and which mode it is to have. */
import type { Command } from 'commander';
import type { Enfold } from '../assembly/api.ts';
import type { BucketPlace, ModeWish } from '../assembly/buckets.ts';
import { SyncError } from '../model/errors.ts';
import { MODE_IDS, type EncryptionMode, type ModeId } from '../model/mode.ts';
import { parseMode, parseRemote } from './target.ts';

export type PlaceOptions = { connection?: string; mode?: string; kmsKeyId?: string; dsse?: boolean };
export const PLACE_HELP = `
PLACE is s3://BUCKET or s3://BUCKET/PREFIX with --connection, or a folder by id, start of id, or name, which says its mode itself.`;

export function withPlace(command: Command): Command {
  return command.argument('<place>', 's3://BUCKET[/PREFIX], or a folder').option('--connection <name>', 's3://: how to reach S3');
}
export function withMode(command: Command): Command {
  return command
    .option('--mode <mode>', MODE_IDS.join(', '))
    .option('--kms-key-id <id>', 'id, ARN or alias of the KMS key of sse-kms or cse-kms; sse-kms without it is the AWS managed key')
    .option('--dsse', 'sse-kms: two layers of encryption (aws:kms:dsse)');
}

export type Placed = { readonly place: BucketPlace; /** Null: none was named. */ readonly wish: ModeWish | null; /** Of the folder that was named, or that lies at exactly this place. */ readonly folderMode: EncryptionMode | null };

const wishOf = (mode: EncryptionMode): ModeWish => ({ mode: mode.id, kmsKeyId: 'kmsKeyId' in mode ? mode.kmsKeyId : null, dsse: mode.id === 'sse-kms' && mode.dsse });

/** @throws SyncError bad-usage, no-such-folder, no-such-connection */
export function placeOf(enfold: Enfold, text: string, options: PlaceOptions): Placed {
  const given = options.mode === undefined ? null : parseMode(options.mode);
  if (given === null && (options.kmsKeyId !== undefined || options.dsse === true)) throw new SyncError('bad-usage', { detail: '--kms-key-id and --dsse go with --mode' });
  const chosen: ModeWish | null = given === null ? null : { mode: given, kmsKeyId: options.kmsKeyId ?? null, dsse: options.dsse === true };
  if (text.startsWith('s3://')) {
    const { bucket, prefix } = parseRemote(text);
    if (options.connection === undefined) throw new SyncError('bad-usage', { detail: 's3://BUCKET needs --connection NAME' });
    const { id } = enfold.connections.find(options.connection);
    const folder = enfold.folders.list().find((one) => one.connectionId === id && one.bucket === bucket && one.prefix === prefix);
    return { place: { connection: id, bucket, prefix }, wish: chosen ?? (folder === undefined ? null : wishOf(folder.mode)), folderMode: folder?.mode ?? null };
  }
  if (options.connection !== undefined) throw new SyncError('bad-usage', { detail: '--connection goes with s3://BUCKET only; a folder knows its own' });
  const folder = enfold.folders.find(text.endsWith(':') ? text.slice(0, -1) : text);
  return { place: { connection: folder.connectionId, bucket: folder.bucket, prefix: folder.prefix }, wish: chosen ?? wishOf(folder.mode), folderMode: folder.mode };
}

/** @throws SyncError bad-usage */
export function requireWish(placed: Placed): ModeWish {
  if (placed.wish === null) throw new SyncError('bad-usage', { detail: `give --mode: ${MODE_IDS.join(', ')}` });
  return placed.wish;
}

export const modeNames: Readonly<Record<ModeId, string>> = {
  'sse-s3': 'encrypted by S3 (SSE-S3)', 'sse-kms': 'encrypted by S3 under a KMS key (SSE-KMS)', 'sse-c': 'encrypted by S3 under your key (SSE-C)',
  'cse-kms': 'encrypted here, KMS holds the key', 'cse-c': 'encrypted here, you hold the key',
};

export const placeText = ({ bucket, prefix }: Pick<BucketPlace, 'bucket' | 'prefix'>): string => `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`;
export const pretty = (value: unknown): string[] => JSON.stringify(value, null, 2).split('\n');
