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
    "default-src 'none'", "script-src 'self'", `style-src 'self' 'nonce-${nonce}'`, "font-src 'self'", "img-src 'self' data:", "connect-src 'none'",
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
  protocol.registerSchemesAsPrivileged([{ scheme: 'app', privileges: { standard: true, secure: true } }]);
}

/** @param directory - the built renderer; nothing outside it is ever served. */
export function serveRenderer(session: Session, directory: string): void {
  session.protocol.handle('app', async (request) => {
    try {
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
