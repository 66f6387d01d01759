/** Serves the window's sources with the fake bridge before them. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { createServer, type ViteDevServer } from 'vite';

const here = path.dirname(fileURLToPath(import.meta.url));

/** @returns the server and its address; close it when done. */
export async function serveScenes(): Promise<{ server: ViteDevServer; url: string }> {
  const server = await createServer({
    configFile: false, root: here, plugins: [react()], logLevel: 'error', cacheDir: path.join(here, '../../node_modules/.vite-scenes'),
    server: { host: '127.0.0.1', port: 0, fs: { allow: [path.join(here, '../..')] }, hmr: false, watch: null },
  });
  await server.listen();
  const address = server.httpServer?.address();
  if (address === null || address === undefined || typeof address === 'string') throw new Error('no port');
  return { server, url: `http://127.0.0.1:${address.port}/` };
}
