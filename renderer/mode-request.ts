/** What a mode sends with each file, and the command that sets the same up: for the curious, made from what is really chosen. */
import { modeIdOf, type ModeChoice } from './modes.ts';

export type ModeSettings = {
  readonly mode: ModeChoice;
  readonly kmsKeyId: string;
  readonly bucketKey: boolean;
  readonly dsse: boolean;
  /** `name=value`, one per line. */
  readonly context: string;
  readonly format: 'v3' | 'v2';
  readonly keyType: 'aes' | 'rsa';
};
export type PlaceSettings = { readonly localPath: string; readonly connectionName: string; readonly bucket: string; readonly prefix: string; readonly names: 'readable' | 'encrypted'; readonly direction: string; readonly keyName: string | null; readonly createBucket: boolean };

const SSE = 'x-amz-server-side-encryption';
/** Differs with every file, or is secret. */
export const VARIES = '…';
const WRAPS = { v3: { aes: '02', kms: '12', rsa: '22' }, v2: { aes: 'AES/GCM', kms: 'kms+context', rsa: 'RSA-OAEP-SHA1' } } as const;

/** @returns null where a line is no `name=value`. */
export function parseContext(text: string): Record<string, string> | null {
  const pairs = text.split('\n').map((line) => line.trim()).filter((line) => line !== '').map((line) => /^([^=]+)=(.+)$/.exec(line));
  if (pairs.some((pair) => pair === null)) return null;
  return Object.fromEntries(pairs.map((pair) => [pair![1]!.trim(), pair![2]!.trim()]));
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/** Names and values of the headers that carry the mode, in the order they matter. */
export function headersOf({ mode, kmsKeyId, bucketKey, dsse, context, format, keyType }: ModeSettings): [string, string][] {
  switch (mode) {
    case 'sse-s3':
      return [[SSE, 'AES256']];
    case 'sse-kms-aws':
    case 'sse-kms': {
      const pairs = parseContext(context) ?? {};
      return [
        [SSE, dsse ? 'aws:kms:dsse' : 'aws:kms'], ...(mode === 'sse-kms' ? [[`${SSE}-aws-kms-key-id`, kmsKeyId === '' ? VARIES : kmsKeyId] as [string, string]] : []),
        ...(bucketKey && !dsse ? [[`${SSE}-bucket-key-enabled`, 'true'] as [string, string]] : []), ...(Object.keys(pairs).length > 0 ? [[`${SSE}-context`, base64(JSON.stringify(pairs))] as [string, string]] : []),
      ];
    }
    case 'sse-c':
      return [[`${SSE}-customer-algorithm`, 'AES256'], [`${SSE}-customer-key`, VARIES], [`${SSE}-customer-key-md5`, VARIES]];
    default: {
      const wrap = WRAPS[format][mode === 'cse-kms' ? 'kms' : keyType];
      const metadata: [string, string][] = format === 'v3'
        ? [['x-amz-c', '115'], ['x-amz-3', VARIES], ['x-amz-w', wrap], ['x-amz-d', VARIES], ['x-amz-i', VARIES], [mode === 'cse-kms' ? 'x-amz-t' : 'x-amz-m', VARIES]]
        : [['x-amz-key-v2', VARIES], ['x-amz-iv', VARIES], ['x-amz-cek-alg', 'AES/GCM/NoPadding'], ['x-amz-wrap-alg', wrap], ['x-amz-tag-len', '128'], ['x-amz-matdesc', VARIES]];
      return metadata.map(([name, value]) => [`x-amz-meta-${name}`, value]);
    }
  }
}

/** Quoted for a POSIX shell where that is needed. */
export function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** What a command says of a mode and its settings. */
function modeArguments({ mode, kmsKeyId, bucketKey, dsse, context }: ModeSettings, keyName: string | null): string[] {
  const isKms = mode === 'sse-kms' || mode === 'sse-kms-aws';
  const pairs = Object.entries(parseContext(context) ?? {});
  return [
    `--mode ${modeIdOf(mode)}`,
    ...(mode === 'cse-c' || mode === 'sse-c' ? [`--key ${keyName === null ? VARIES : quote(keyName)}`] : []), ...(mode === 'cse-kms' || mode === 'sse-kms' ? [`--kms-key-id ${kmsKeyId === '' ? VARIES : quote(kmsKeyId)}`] : []),
    ...(isKms && !bucketKey && !dsse ? ['--no-bucket-key'] : []), ...(isKms && dsse ? ['--dsse'] : []), ...(isKms && pairs.length > 0 ? [`--context ${pairs.map(([name, value]) => quote(`${name}=${value}`)).join(' ')}`] : []),
  ];
}

/** One argument group per line. */
export function commandOf(settings: ModeSettings, place: PlaceSettings): string[] {
  const { mode, format } = settings;
  const isClient = mode === 'cse-c' || mode === 'cse-kms';
  return [
    `enfold folder add ${quote(place.localPath)}`, `--remote ${quote(`s3://${place.bucket}/${place.prefix}`.replace(/\/$/, ''))}`, `--connection ${quote(place.connectionName)}`, ...modeArguments(settings, place.keyName),
    ...(isClient ? [`--names ${place.names}`] : []), ...(isClient && format === 'v2' ? ['--format v2'] : []), ...(place.direction === 'two-way' ? [] : [`--direction ${place.direction}`]), ...(place.createBucket ? ['--create-bucket'] : []),
  ];
}

/** The change of a folder that is there. */
export function changeCommandOf(settings: ModeSettings, folderId: string, keyName: string | null): string[] {
  const isClient = settings.mode === 'cse-c' || settings.mode === 'cse-kms';
  return [`enfold folder set ${folderId.slice(0, 8)}`, ...modeArguments(settings, keyName), ...(settings.mode === 'sse-kms-aws' ? ['--kms-key-id alias/aws/s3'] : []), ...(modeIdOf(settings.mode) === 'sse-kms' && settings.bucketKey && !settings.dsse ? ['--bucket-key'] : []), ...(isClient ? [`--format ${settings.format}`] : []), '--yes'];
}
