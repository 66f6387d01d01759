import { defineConfig } from 'vitest/config';

// unit: nothing outside the process. electron: those of them that use cryptography, in Electron's own Node.
// integration: real servers, processes and other programs. e2e: the real app in real Electron. soak: whatever takes long.
const real = { testTimeout: 60_000, hookTimeout: 120_000, fileParallelism: false };
const seeded = { setupFiles: ['test/helpers/seed.ts'] };

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/**/*.test.ts'], ...seeded } },
      { test: { name: 'integration', include: ['test/**/*.integration.ts'], ...real } },
      { test: { name: 'electron', include: ['test/electron/*.electron.ts', 'test/{envelope,keys}/*.test.ts'], ...seeded } },
      { test: { name: 'e2e', include: ['test/e2e/**/*.e2e.ts'], ...real } },
      { test: { name: 'screenshots', include: ['test/e2e/**/*.screens.ts'], ...real } },
      { test: { name: 'soak', include: ['test/**/*.soak.ts'], ...real, testTimeout: 3 * 3600_000 } },
    ],
  },
});
