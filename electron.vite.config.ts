import { resolve } from 'node:path';
import { defineConfig } from 'electron-vite';
import react from '@vitejs/plugin-react';

// One build runs on the Electron that ships and on the older one that offline tests carry, and the command line on plain Node.
const node = 'node20.18';
const chrome = 'chrome130';

export default defineConfig({
  main: {
    publicDir: false,
    build: {
      target: node,
      outDir: 'out/main',
      externalizeDeps: true, // package.json "dependencies": the native modules only
      rolldownOptions: {
        input: {
          index: resolve('main/index.ts'),
          cli: resolve('main/cli.ts'),
          'engine-process': resolve('main/engine-process.ts'),
          'storage-process': resolve('main/storage-process.ts'),
        },
      },
    },
  },
  preload: {
    publicDir: false,
    build: {
      target: node,
      outDir: 'out/preload',
      rolldownOptions: {
        input: { index: resolve('preload/index.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' }, // a sandboxed preload is one CommonJS file
      },
    },
  },
  renderer: {
    root: 'renderer',
    plugins: [react()],
    build: {
      target: chrome,
      outDir: 'out/renderer',
      minify: true, // the window reads half as much at each start
      chunkSizeWarningLimit: 1200, // it is read from the disk, not over a network
      rolldownOptions: { input: { index: resolve('renderer/index.html') } },
    },
  },
});
