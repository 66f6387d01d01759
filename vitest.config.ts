import { defineConfig } from 'vitest/config';

// unit: nothing outside the process. electron: those of them that use cryptography, in Electron's own Node.
// integration: real servers, processes and other programs. e2e: the real app in real Electron. soak: whatever takes long.
// Two files at once: most of a test's time is another program's start. The limits leave room for a machine that does much else.
const real = { testTimeout: 180_000, hookTimeout: 180_000, maxWorkers: 2 };
const alone = { ...real, fileParallelism: false };
const seeded = { setupFiles: ['test/helpers/seed.ts'], testTimeout: 60_000 };

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/**/*.test.ts'], ...seeded } },
      { test: { name: 'integration', include: ['test/**/*.integration.ts'], ...real } },
      { test: { name: 'electron', include: ['test/electron/*.electron.ts', 'test/{envelope,keys}/*.test.ts'], ...seeded } },
      { test: { name: 'e2e', include: ['test/e2e/**/*.e2e.ts'], ...alone } },
      { test: { name: 'screenshots', include: ['test/e2e/**/*.screens.ts'], ...alone } },
      { test: { name: 'soak', include: ['test/**/*.soak.ts'], ...alone, testTimeout: 3 * 3600_000 } },
    ],
  },
});
