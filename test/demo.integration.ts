/** The demo is what people see who have no display: it must come out right in every mode, on the command line that was built. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

test('the demo brings every mode through, sealed at rest and identical on a second computer', () => {
  const demo = spawnSync(process.execPath, ['scripts/demo.mjs'], { encoding: 'utf8', env: { ...process.env, ENFOLD_DEMO_MIB: '9' } });
  const summary = demo.stdout.slice(demo.stdout.indexOf('Summary'));
  const rows = summary.split('\n').filter((line) => /^(?:sse|cse)-/.test(line));
  expect(rows.map((row) => [row.split(/ {2,}/)[0], row.includes('none'), row.endsWith('identical')]), demo.stdout + demo.stderr).toEqual(
    ['sse-s3', 'sse-kms (managed)', 'sse-kms (own)', 'sse-c', 'cse-kms', 'cse-c'].map((mode) => [mode, true, true]),
  );
  expect(demo.status).toBe(0);
  expect(demo.stderr).not.toContain('Warning');
}, 180_000);
