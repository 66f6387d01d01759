import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// unit: nothing outside the process. electron: those of them that use cryptography, in Electron's own Node.
// integration: real servers, processes and other programs. e2e: the real app in real Electron. soak: whatever takes long.
// Two files at once: most of a test's time is another program's start. The limits leave room for a machine that does much else.
const real = { testTimeout: 180_000, hookTimeout: 180_000, expect: { poll: { timeout: 120_000 } }, maxWorkers: 2 };
const alone = { ...real, fileParallelism: false };
// Where there are two cores, vitest would use one.
const seeded = { setupFiles: ['test/helpers/seed.ts'], testTimeout: 60_000, expect: { poll: { timeout: 30_000 } }, maxWorkers: Math.max(2, availableParallelism() - 1) };

/** What takes longest first, so that at the end nothing waits for one file: those that run a contract are long, and small. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean => /\/cli\/(storage|radosgw)/.test(moduleId);
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
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
