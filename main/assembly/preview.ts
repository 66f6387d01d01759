/**
 * Files shown without being written: the plaintext of a preview is in memory only, and nothing of it is shown before it is verified.
 *
 * Up to 32 MiB a file is fetched whole. Larger sealed files are kept as the ciphertext they are, verified once, and decrypted range
 * by range; larger files of the server-side modes are asked of the server range by range. What was opened is held until it is
 * closed, or until two others were opened.
 */
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import type { EngineHandlers, PreviewKind } from '../../preload/contract.ts';
import type { Decryption } from '../envelope/envelope.ts';
import { SyncError } from '../model/errors.ts';
import type { ObjectKey } from '../model/path.ts';
import type { ObjectHead, ObjectStore } from '../remote/object-store.ts';
import type { StoredFiles } from '../remote/stored-file.ts';
import { pathOf } from './files.ts';
import type { WiredFolder } from './open-folder.ts';
import { inHome, removeTemporary } from './temporary.ts';

const MIB = 1024 * 1024;
const WHOLE_BYTES = 32 * MIB;
const PART_BYTES = 8 * MIB;
const TEXT_BYTES = 256 * 1024;
const MAX_OPEN = 2;

const TYPES: Readonly<Record<string, readonly [PreviewKind, string]>> = {
  png: ['image', 'image/png'], jpg: ['image', 'image/jpeg'], jpeg: ['image', 'image/jpeg'], gif: ['image', 'image/gif'], webp: ['image', 'image/webp'], avif: ['image', 'image/avif'], bmp: ['image', 'image/bmp'], svg: ['image', 'image/svg+xml'],
  pdf: ['pdf', 'application/pdf'], mp3: ['audio', 'audio/mpeg'], flac: ['audio', 'audio/flac'], wav: ['audio', 'audio/wav'], ogg: ['audio', 'audio/ogg'], opus: ['audio', 'audio/ogg'], m4a: ['audio', 'audio/mp4'],
  mp4: ['video', 'video/mp4'], m4v: ['video', 'video/mp4'], mov: ['video', 'video/mp4'], webm: ['video', 'video/webm'],
};
const TEXT = new Set(['txt', 'md', 'csv', 'tsv', 'json', 'log', 'yaml', 'yml', 'toml', 'ini', 'conf', 'xml', 'html', 'htm', 'css', 'js', 'mjs', 'ts', 'tsx', 'py', 'rb', 'go', 'rs', 'c', 'h', 'cpp', 'java', 'sh', 'sql', 'tex', 'srt', 'asc', 'pem', 'eml', 'ics', 'vcf']);

function typeOf(path: string): readonly [PreviewKind, string] {
  const extension = /\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
  return TYPES[extension] ?? (TEXT.has(extension) ? ['text', 'text/plain; charset=utf-8'] : ['none', 'application/octet-stream']);
}

type Source = { readonly sizeBytes: number; readonly read: (start: number, end: number) => Promise<Buffer>; readonly close: () => void };
type Opened = Source & { readonly type: string };
type Part = { readonly store: ObjectStore; readonly files: StoredFiles; readonly objectKey: ObjectKey; readonly head: ObjectHead };

function checkHash(expected: string | null, actual: string, path: string): void {
  if (expected !== null && expected !== actual) throw new SyncError('not-authentic', { path, detail: 'The content is not what its attributes say.' });
}

function inMemory(bytes: Buffer): Source {
  return { sizeBytes: bytes.length, read: async (start, end) => bytes.subarray(start, end), close: () => void bytes.fill(0) };
}

/** Ciphertext in a file that has no name any more, readable only through this process. */
async function inCiphertext({ store, files, objectKey, head }: Part, decryption: Decryption, sha256: string | null, path: string, home: string, signal: AbortSignal): Promise<Source> {
  const file = inHome(home);
  const descriptor = openSync(file, 'wx+', 0o600);
  // Where an open file cannot lose its name it keeps it until the preview is closed.
  const unlinkNow = process.platform !== 'win32';
  if (unlinkNow) removeTemporary(file);
  const close = (): void => {
    decryption.dispose();
    closeSync(descriptor);
    if (!unlinkNow) removeTemporary(file);
  };
  try {
    const { withRetries } = await import('../remote/retry.ts');
    const hash = createHash('sha256');
    for (let start = 0; start < head.objectBytes; start += PART_BYTES) {
      const range = { start, end: Math.min(head.objectBytes, start + PART_BYTES) };
      const { body } = await withRetries(async () => store.get(objectKey, { ifMatch: head.etag, modeHeaders: files.requests.read, range }, signal), signal);
      writeSync(descriptor, body, 0, body.length, start);
      const plaintext = decryption.update(body);
      if (plaintext === null) continue;
      hash.update(plaintext);
      plaintext.fill(0);
    }
    hash.update(decryption.final());
    checkHash(sha256, hash.digest('hex'), path);
  } catch (error) {
    close();
    throw error;
  }
  const sizeBytes = head.objectBytes - 16;
  return {
    sizeBytes, close,
    read: async (start, end) => {
      const firstBlock = Math.floor(start / 16);
      const ciphertext = Buffer.allocUnsafe(end - firstBlock * 16);
      readSync(descriptor, ciphertext, 0, ciphertext.length, firstBlock * 16);
      return decryption.decryptRange(ciphertext, firstBlock).subarray(start - firstBlock * 16);
    },
  };
}

export function createPreviewHandlers({ home, wired, signal }: { readonly home: string; readonly wired: (folderId: string) => Promise<WiredFolder>; readonly signal: AbortSignal }): Pick<EngineHandlers, 'preview.open' | 'preview.read' | 'preview.close'> & { readonly close: () => void } {
  const opened = new Map<string, Opened>();
  const end = (token: string): void => {
    opened.get(token)?.close();
    opened.delete(token);
  };

  const open = async (folderId: string, path: string): Promise<Source> => {
    const { config } = (await wired(folderId)).side;
    const [{ createStoredFiles }, { createS3Store }, { withRetries }, { decryptWhole }] = await Promise.all([import('../remote/stored-file.ts'), import('../remote/s3.ts'), import('../remote/retry.ts'), import('../envelope/envelope.ts')]);
    const files = createStoredFiles(config);
    const store = createS3Store(config.access, config.bucket, { connections: 2 });
    let isKept = false;
    const release = (): void => {
      files.close();
      void store.close();
    };
    try {
      const target = pathOf(path);
      const objectKey = files.objectKeyOf(target);
      const modeHeaders = files.requests.read;
      const head = await withRetries(async () => store.head(objectKey, { modeHeaders }, signal), signal);
      if (head === null) throw new SyncError('no-such-path', { path });
      const { attributes, isClientSide } = files.open(head, objectKey, target);
      if (head.objectBytes <= WHOLE_BYTES) {
        const { body } = await withRetries(async () => store.get(objectKey, { ifMatch: head.etag, modeHeaders }, signal), signal);
        const decryption = isClientSide ? await files.openBody(head) : null;
        try {
          const text = decryption === null ? body : decryptWhole(decryption, body);
          checkHash(attributes.sha256, createHash('sha256').update(text).digest('hex'), path);
          return inMemory(text);
        } finally {
          decryption?.dispose();
        }
      }
      const part = { store, files, objectKey, head };
      if (isClientSide) return await inCiphertext(part, await files.openBody(head), attributes.sha256, path, home, signal);
      isKept = true;
      return {
        sizeBytes: head.objectBytes, close: release,
        read: async (start, stop) => (await withRetries(async () => store.get(objectKey, { ifMatch: head.etag, modeHeaders, range: { start, end: stop } }, signal), signal)).body,
      };
    } finally {
      if (!isKept) release();
    }
  };

  return {
    'preview.open': async ({ folderId, path }) => {
      const [kind, type] = typeOf(path);
      const source = await open(folderId, path);
      const token = randomBytes(16).toString('hex');
      opened.set(token, { ...source, type });
      for (const old of [...opened.keys()].slice(0, -MAX_OPEN)) end(old);
      const first = kind === 'text' ? await source.read(0, Math.min(TEXT_BYTES, source.sizeBytes)) : null;
      return { token, kind, sizeBytes: source.sizeBytes, text: first === null ? null : new TextDecoder('utf-8').decode(first), isWhole: source.sizeBytes <= TEXT_BYTES };
    },
    'preview.read': async ({ token, start, end: stop }) => {
      const source = opened.get(token);
      if (source === undefined) throw new SyncError('no-such-path');
      const from = Math.min(start, source.sizeBytes);
      return { type: source.type, sizeBytes: source.sizeBytes, bytes: Uint8Array.from(await source.read(from, Math.max(from, Math.min(stop, source.sizeBytes)))) };
    },
    'preview.close': async ({ token }) => {
      end(token);
      return null;
    },
    close: () => {
      for (const token of opened.keys()) end(token);
    },
  };
}
