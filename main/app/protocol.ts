/**
 * `app://enfold/`: the window's own origin, served from the built renderer.
 *
 * A scheme of our own instead of `file:` gives the window one origin that nothing else shares, and lets every answer carry the
 * content security policy as a header. The page's only inline styles are the ones that carry this load's nonce.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { protocol, type Session } from 'electron';

export const APP_ORIGIN = 'app://enfold';
/** Stands in the built page wherever the nonce of one load belongs. */
const NONCE_PLACEHOLDER = '__ENFOLD_NONCE__';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml', '.png': 'image/png', '.woff2': 'font/woff2',
};

function contentSecurityPolicy(nonce: string): string {
  return [
    "default-src 'none'", "script-src 'self'", `style-src 'self' 'nonce-${nonce}'`, "font-src 'self'", "img-src 'self' data:", "media-src 'self'", "frame-src 'self'", "connect-src 'none'",
    "object-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
  ].join('; ');
}

/** `URL.origin` is "null" for a scheme that Node does not know, so it is put together here. */
export function originOf(url: string): string | null {
  if (!URL.canParse(url)) return null;
  const { protocol: scheme, host } = new URL(url);
  return `${scheme}//${host}`;
}

/** Must run before the app is ready. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: 'app', privileges: { standard: true, secure: true, stream: true } }]);
}

export type ReadPreview = (token: string, start: number, end: number) => Promise<{ type: string; sizeBytes: number; bytes: Uint8Array<ArrayBuffer> } | null>;

const PREVIEW = /^\/preview\/([0-9a-f]{32})$/;
/** The most that is decrypted and passed on at a time. */
const PREVIEW_PART_BYTES = 1024 * 1024;

/** One file that the engine holds open for a preview, whole or by ranges, as media players ask. */
async function servePreview(request: Request, token: string, read: ReadPreview): Promise<Response> {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get('range') ?? '');
  const start = Number(range?.[1] ?? 0);
  const first = await read(token, start, start + PREVIEW_PART_BYTES);
  if (first === null) return new Response(null, { status: 404 });
  const { type, sizeBytes } = first;
  const end = range?.[2] === undefined || range[2] === '' ? sizeBytes : Math.min(sizeBytes, Number(range[2]) + 1);
  const headers: Record<string, string> = {
    'content-type': type, 'content-length': String(Math.max(0, end - start)), 'accept-ranges': 'bytes', 'x-content-type-options': 'nosniff', 'cache-control': 'no-store', 'content-disposition': 'inline',
    // A picture that is a document, as SVG is, runs and loads nothing even where it is opened by itself.
    ...(type === 'application/pdf' ? {} : { 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox" }),
    ...(range === null ? {} : { 'content-range': `bytes ${start}-${end - 1}/${sizeBytes}` }),
  };
  let next = start;
  let part: Uint8Array<ArrayBuffer> | null = first.bytes;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      part ??= (await read(token, next, Math.min(end, next + PREVIEW_PART_BYTES)))?.bytes ?? null;
      if (part === null) return controller.error(new Error('the preview was closed'));
      const bytes = part.subarray(0, end - next);
      part = null;
      next += bytes.length;
      if (bytes.length > 0) controller.enqueue(bytes);
      if (next >= end || bytes.length === 0) controller.close();
    },
  });
  return new Response(body, { status: range === null ? 200 : 206, headers });
}

/** @param directory - the built renderer; nothing outside it is ever served, but for open previews. */
export function serveRenderer(session: Session, directory: string, readPreview: ReadPreview): void {
  session.protocol.handle('app', async (request) => {
    try {
      const token = PREVIEW.exec(new URL(request.url).pathname)?.[1];
      if (token !== undefined && request.method === 'GET' && originOf(request.url) === APP_ORIGIN) return await servePreview(request, token, readPreview);
      const file = path.join(directory, decodeURIComponent(new URL(request.url).pathname));
      const type = TYPES[path.extname(file)];
      if (request.method !== 'GET' || originOf(request.url) !== APP_ORIGIN || !file.startsWith(directory + path.sep) || type === undefined) return new Response(null, { status: 404 });
      const nonce = randomBytes(16).toString('base64');
      const body = await readFile(file);
      return new Response(type.startsWith('text/html') ? body.toString('utf8').replaceAll(NONCE_PLACEHOLDER, nonce) : new Uint8Array(body), {
        headers: {
          'content-type': type, 'content-security-policy': contentSecurityPolicy(nonce), 'x-content-type-options': 'nosniff',
          'cross-origin-opener-policy': 'same-origin', 'cache-control': 'no-store',
        },
      });
    } catch {
      return new Response(null, { status: 404 });
    }
  });
}
