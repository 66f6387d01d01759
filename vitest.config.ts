import { defineConfig } from 'vitest/config';

// unit: no server, no browser. integration: real servers, processes and other programs. e2e: the real app in real Electron.
const real = { testTimeout: 60_000, hookTimeout: 120_000, fileParallelism: false };

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: ['test/**/*.{integration,e2e,bench,soak}.test.ts'] } },
      { test: { name: 'integration', include: ['test/**/*.integration.ts'], ...real } },
      { test: { name: 'e2e', include: ['test/e2e/**/*.e2e.ts'], ...real } },
      { test: { name: 'soak', include: ['test/**/*.soak.ts'], ...real, testTimeout: 3 * 3600_000 } },
    ],
  },
});
