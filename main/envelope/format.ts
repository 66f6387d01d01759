/**
 * Object metadata <-> Envelope. Nothing else reads or writes these names.
 *
 * Strict by intent: what is mixed, repeated, unknown or of the wrong length is refused before any key is used, because each
 * of those is how one format is passed off as another.
 * @see docs/format.md, "Client-side objects"
 */
import { SyncError } from '../model/errors.ts';
import type { EnvelopeFormat } from '../model/mode.ts';
import { decodeBase64, decodeUtf8, parseJson, type StringMap } from './encoding.ts';
import { EMPTY_MAP, encodeStringMap, parseStringMap } from './encryption-context.ts';
import type { LegacyWrapAlgorithm, WrapAlgorithm, WrappedDataKey } from './keyring.ts';
import { CBC_IV_BYTES, COMMITMENT_BYTES, GCM_IV_BYTES, MESSAGE_ID_BYTES, SUITE_CBC, SUITE_COMMITTING, SUITE_GCM, type Suite } from './suites.ts';

/** User metadata without its `x-amz-meta-` prefix, as S3 returns it. */
export type Metadata = Readonly<Record<string, string>>;

export type Envelope =
  | (WrappedDataKey & { readonly format: 'v3'; readonly suite: Suite; readonly messageId: Buffer; readonly commitment: Buffer })
  | (WrappedDataKey & { readonly format: 'v2' | 'v1'; readonly suite: Suite; readonly iv: Buffer });

export type FoundEnvelope =
  /** Nothing of an envelope in the metadata; an old object's may still stand in an instruction file. */
  | { readonly type: 'none' }
  | { readonly type: 'here'; readonly envelope: Envelope }
  /** V3 with its wrapped key in `<key>.instruction`. */
  | { readonly type: 'in-instruction-file' };

const V3_CONTENT = ['x-amz-c', 'x-amz-d', 'x-amz-i'] as const;
const V3_KEY = ['x-amz-3', 'x-amz-w', 'x-amz-m', 'x-amz-t'] as const;
const V3_NAMES: readonly string[] = [...V3_CONTENT, ...V3_KEY];
const OLD_CONTENT = ['x-amz-iv', 'x-amz-cek-alg', 'x-amz-wrap-alg'] as const;
const OLD_NAMES: readonly string[] = ['x-amz-key', 'x-amz-key-v2', ...OLD_CONTENT, 'x-amz-tag-len', 'x-amz-matdesc', 'x-amz-unencrypted-content-length'];
const V2_ONLY: readonly string[] = ['x-amz-cek-alg', 'x-amz-wrap-alg', 'x-amz-tag-len'];

const V3_WRAPS: Readonly<Record<string, WrapAlgorithm>> = { '02': 'aes-gcm', '12': 'kms-context', '22': 'rsa-oaep-sha1' };
const V2_WRAPS: Readonly<Record<string, WrapAlgorithm | LegacyWrapAlgorithm>> = {
  'AES/GCM': 'aes-gcm', 'kms+context': 'kms-context', 'RSA-OAEP-SHA1': 'rsa-oaep-sha1',
  'kms': 'kms', 'AESWrap': 'aes-wrap', 'RSA/ECB/OAEPWithSHA-256AndMGF1Padding': 'rsa-oaep-sha256',
};
const V2_SUITES: Readonly<Record<string, Suite>> = {
  'AES/GCM/NoPadding': SUITE_GCM, 'AES/CBC/PKCS5Padding': SUITE_CBC, 'AES/CBC/PKCS7Padding': SUITE_CBC,
};

export function isLegacyWrap(wrap: WrapAlgorithm | LegacyWrapAlgorithm): wrap is LegacyWrapAlgorithm {
  return wrap === 'kms' || wrap === 'aes-wrap' || wrap === 'rsa-oaep-sha256' || wrap === 'v1';
}

const refused = (detail: string) => new SyncError('format-refused', { detail });
const malformed = (detail: string) => new SyncError('malformed', { detail });

/** Lower-case names, without empty values; a name that stands twice is refused. */
function normalize(metadata: Metadata): Map<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(metadata)) {
    if (value === '') continue;
    const lower = name.toLowerCase();
    if (values.has(lower)) throw refused('A metadata name stands twice.');
    values.set(lower, value);
  }
  return values;
}

const holdsAny = (values: ReadonlyMap<string, string>, names: readonly string[]) => names.some((name) => values.has(name));
const holdsAll = (values: ReadonlyMap<string, string>, names: readonly string[]) => names.every((name) => values.has(name));

/**
 * Looks for an envelope in an object's own metadata.
 *
 * @throws SyncError format-refused (mixed formats, unknown algorithms), malformed (missing or damaged values)
 */
export function findEnvelope(metadata: Metadata): FoundEnvelope {
  const values = normalize(metadata);
  const keys = ['x-amz-key', 'x-amz-key-v2', 'x-amz-3'].filter((name) => values.has(name));
  if (keys.length > 1) throw refused('It carries more than one wrapped key.');
  const isV3 = holdsAny(values, V3_NAMES);
  if (isV3 && holdsAny(values, OLD_NAMES)) throw refused('It mixes the metadata of two formats.');
  if (keys[0] === 'x-amz-3') return { type: 'here', envelope: parseV3(values, values) };
  if (keys.length === 1) return { type: 'here', envelope: parseOld(values) };
  if (isV3) {
    if (!holdsAll(values, V3_CONTENT)) throw malformed('Part of its envelope is missing.');
    if (holdsAny(values, V3_KEY)) throw refused('Its envelope is split in a way no writer does.');
    return { type: 'in-instruction-file' };
  }
  if (holdsAny(values, OLD_CONTENT)) throw refused('Its metadata names a cipher but holds no wrapped key.');
  return { type: 'none' };
}

/**
 * The envelope of an object whose wrapped key stands in an instruction file.
 *
 * @param file - the instruction file's whole body.
 * @returns null where neither holds an envelope.
 * @throws SyncError format-refused, malformed
 */
export function parseWithInstructionFile(metadata: Metadata, file: Buffer): Envelope | null {
  const found = findEnvelope(metadata);
  if (found.type === 'here') return found.envelope;
  const inFile = normalize(parseInstructionFile(file));
  if (holdsAny(inFile, V3_CONTENT)) throw refused('An instruction file may not hold what binds the body to its key.');
  const hasOldKey = holdsAny(inFile, ['x-amz-key', 'x-amz-key-v2']);
  if (inFile.has('x-amz-3') ? holdsAny(inFile, OLD_NAMES) : hasOldKey && holdsAny(inFile, V3_NAMES)) throw refused('The instruction file mixes two formats.');
  if (found.type === 'in-instruction-file') {
    if (!inFile.has('x-amz-3')) throw hasOldKey ? refused('The instruction file is of an older format than the object.') : malformed('The instruction file holds no wrapped key.');
    return parseV3(normalize(metadata), inFile);
  }
  if (inFile.has('x-amz-3')) throw refused('The instruction file is of a newer format than the object.');
  if (inFile.has('x-amz-key') && inFile.has('x-amz-key-v2')) throw refused('It carries more than one wrapped key.');
  return hasOldKey ? parseOld(inFile) : null;
}

const MAX_INSTRUCTION_BYTES = 65_536;

function parseInstructionFile(file: Buffer): Metadata {
  if (file.length > MAX_INSTRUCTION_BYTES) throw malformed('The instruction file is too large.');
  const value = parseJson(decodeUtf8(file));
  if (value === null || typeof value !== 'object' || Array.isArray(value) || !Object.values(value).every((member) => typeof member === 'string')) {
    throw malformed('The instruction file is not a JSON object of strings.');
  }
  return value as Metadata;
}

function required(values: ReadonlyMap<string, string>, name: string): string {
  const value = values.get(name);
  if (value === undefined) throw malformed(`Its metadata lacks ${name}.`);
  return value;
}

function requiredBytes(values: ReadonlyMap<string, string>, name: string, length: number | null): Buffer {
  const bytes = decodeBase64(required(values, name));
  if (bytes === null) throw malformed(`${name} is not base64.`);
  if (length !== null && bytes.length !== length) throw malformed(`${name} has the wrong length.`);
  return bytes;
}

/** Never takes a name from the prototype of the table. */
function lookUp<T>(table: Readonly<Record<string, T>>, name: string, what: string): T {
  const value = Object.hasOwn(table, name) ? table[name] : undefined;
  if (value === undefined) throw refused(`Its ${what} is not known.`);
  return value;
}

function parseV3(content: ReadonlyMap<string, string>, key: ReadonlyMap<string, string>): Envelope {
  if (required(content, 'x-amz-c') !== SUITE_COMMITTING.algorithmText) throw refused('Its content algorithm is not known.');
  const wrap = lookUp(V3_WRAPS, required(key, 'x-amz-w'), 'key wrap');
  const text = key.get(wrap === 'kms-context' ? 'x-amz-t' : 'x-amz-m');
  return {
    format: 'v3',
    suite: SUITE_COMMITTING,
    wrap,
    wrappedKey: requiredBytes(key, 'x-amz-3', null),
    description: text === undefined ? EMPTY_MAP : parseStringMap(text),
    messageId: requiredBytes(content, 'x-amz-i', MESSAGE_ID_BYTES),
    commitment: requiredBytes(content, 'x-amz-d', COMMITMENT_BYTES),
  };
}

function parseOld(values: ReadonlyMap<string, string>): Envelope {
  const text = values.get('x-amz-matdesc');
  const description = text === undefined ? EMPTY_MAP : parseStringMap(text);
  if (values.has('x-amz-key')) {
    if (holdsAny(values, V2_ONLY)) throw refused('It mixes the metadata of two formats.');
    return { format: 'v1', suite: SUITE_CBC, wrap: 'v1', wrappedKey: requiredBytes(values, 'x-amz-key', null), description, iv: requiredBytes(values, 'x-amz-iv', CBC_IV_BYTES) };
  }
  const suite = lookUp(V2_SUITES, required(values, 'x-amz-cek-alg'), 'content algorithm');
  const wrap = lookUp(V2_WRAPS, required(values, 'x-amz-wrap-alg'), 'key wrap');
  const isGcm = suite.cipher === 'aes-256-gcm';
  if (isGcm ? required(values, 'x-amz-tag-len') !== '128' : values.has('x-amz-tag-len')) throw refused('Its tag length is not 128 bits.');
  if (!isGcm && !isLegacyWrap(wrap)) throw refused('Its content algorithm does not go with its key wrap.');
  const iv = requiredBytes(values, 'x-amz-iv', isGcm ? GCM_IV_BYTES : CBC_IV_BYTES);
  return { format: 'v2', suite, wrap, wrappedKey: requiredBytes(values, 'x-amz-key-v2', null), description, iv };
}

const nameIn = (table: Readonly<Record<string, unknown>>, value: unknown): string => Object.keys(table).find((name) => table[name] === value) ?? '';

/** The metadata of a V3 or V2 object, to be sent with its body. */
export function encodeEnvelope(envelope: Envelope & { readonly format: EnvelopeFormat }): Metadata {
  const description: StringMap = envelope.description;
  const wrappedKey = envelope.wrappedKey.toString('base64');
  if (envelope.format === 'v2') {
    return {
      'x-amz-key-v2': wrappedKey,
      'x-amz-iv': envelope.iv.toString('base64'),
      'x-amz-cek-alg': envelope.suite.algorithmText,
      'x-amz-wrap-alg': nameIn(V2_WRAPS, envelope.wrap),
      'x-amz-tag-len': '128',
      'x-amz-matdesc': encodeStringMap(description),
    };
  }
  const isDescribed = Object.keys(description).length > 0;
  return {
    'x-amz-c': envelope.suite.algorithmText,
    'x-amz-3': wrappedKey,
    'x-amz-w': nameIn(V3_WRAPS, envelope.wrap),
    'x-amz-d': envelope.commitment.toString('base64'),
    'x-amz-i': envelope.messageId.toString('base64'),
    ...(isDescribed && { [envelope.wrap === 'kms-context' ? 'x-amz-t' : 'x-amz-m']: encodeStringMap(description) }),
  };
}

/**
 * Moves the wrapped key of freshly encoded metadata into an instruction file's body. What binds the body to its key stays
 * with the object, out of reach of someone who can replace only the file.
 */
export function splitForInstructionFile(metadata: Metadata): { readonly metadata: Metadata; readonly instructionFile: Buffer } {
  const entries = Object.entries(metadata);
  const belongsInFile = ([name]: readonly [string, string]) => (V3_KEY as readonly string[]).includes(name) || OLD_NAMES.includes(name);
  return {
    metadata: Object.fromEntries(entries.filter((entry) => !belongsInFile(entry))),
    instructionFile: Buffer.from(encodeStringMap(Object.fromEntries(entries.filter(belongsInFile))), 'utf8'),
  };
}

/** What S3 allows is 2 KB; servers differ in whether the prefix of the names counts, so it is counted here. */
export const MAX_METADATA_BYTES = 1_900;

export function metadataBytes(metadata: Metadata): number {
  return Object.entries(metadata).reduce((sum, [name, value]) => sum + 'x-amz-meta-'.length + Buffer.byteLength(name, 'utf8') + Buffer.byteLength(value, 'utf8'), 0);
}

/** @throws SyncError metadata-too-large */
export function checkMetadataSize(metadata: Metadata): void {
  const sizeBytes = metadataBytes(metadata);
  if (sizeBytes > MAX_METADATA_BYTES) throw new SyncError('metadata-too-large', { detail: `It needs ${sizeBytes} bytes of ${MAX_METADATA_BYTES}.` });
}
