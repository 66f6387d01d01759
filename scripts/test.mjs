// npm test: installs what is missing, then checks types, style and lock file, builds, and runs every test.
// npm test NAME...: only the named steps. Ends with a line `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ensureNodeModules, projectRoot, toolEnvironment } from './install.mjs';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'enfold-test-'));
const tools = (...args) => [process.execPath, [path.join(projectRoot, 'scripts', 'with.mjs'), ...args]];
const vitest = (project, flags = [], program = 'vitest') => ({
  command: tools(...flags, program, 'run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${path.join(scratch, `${project}.json`)}`),
  report: path.join(scratch, `${project}.json`),
});

// A step without a report is one check that passes or fails.
const steps = {
  types: { command: tools('node', 'scripts/typecheck.mjs') },
  lint: { command: tools('oxlint', '--type-aware', 'main', 'preload', 'renderer', 'test', 'scripts') },
  lock: { command: tools('node', 'scripts/lockcheck.mjs') },
  'errors-doc': { command: tools('node', 'scripts/errors-doc.mjs', '--check') },
  build: { command: tools('electron-vite', 'build', '--logLevel', 'warn') },
  unit: vitest('unit'),
  electron: vitest('electron', ['--electron', 'node', 'scripts/electron-node.mjs'], 'node_modules/vitest/vitest.mjs'),
  integration: vitest('integration', ['--peers', '--desktop']),
  e2e: vitest('e2e', ['--electron', '--desktop']),
};

// What failed, named once more below the sums: a long log is often kept by its end only.
function failuresIn(report) {
  return report.testResults.flatMap((file) => {
    const where = path.relative(projectRoot, file.name);
    const failed = file.assertionResults.filter((test) => test.status === 'failed').map((test) => ({ where, what: test.fullName, why: test.failureMessages.join('\n') }));
    return failed.length === 0 && file.status === 'failed' ? [{ where, what: 'could not be run', why: file.message }] : failed;
  });
}

function runStep(name, env) {
  const { command: [program, args], report } = steps[name];
  const startedAt = Date.now();
  console.log(`\n--- ${name}`);
  const result = spawnSync(program, args, { cwd: projectRoot, stdio: ['ignore', 'inherit', 'inherit'], env });
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  let passed = result.status === 0 ? 1 : 0;
  let failed = 1 - passed;
  let failures = [];
  if (report && fs.existsSync(report)) {
    const counts = JSON.parse(fs.readFileSync(report, 'utf8'));
    passed = counts.numPassedTests;
    // A suite that could not load, or a failing hook, counts although no test of it ran.
    failures = failuresIn(counts);
    failed = Math.max(counts.numFailedTests, result.status === 0 ? 0 : 1);
    if (counts.numPendingTests > 0) failed += counts.numPendingTests; // nothing may be skipped
  }
  return { name, passed, failed, failures, seconds };
}

try {
  await ensureNodeModules();
  const notRun = path.join(scratch, 'not-run');
  const env = { ...(await toolEnvironment()), ENFOLD_NOT_RUN: notRun };
  const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(steps);
  const results = chosen.map((name) => {
    if (!steps[name]) throw new Error(`No step "${name}". Steps: ${Object.keys(steps).join(' ')}`);
    return runStep(name, env);
  });
  console.log('');
  for (const { name, passed, failed, seconds } of results) console.log(`${name.padEnd(20)} ${String(passed).padStart(6)} passed ${String(failed).padStart(4)} failed ${seconds.padStart(8)} s`);
  const missed = fs.existsSync(notRun) ? fs.readFileSync(notRun, 'utf8').trim().split('\n') : [];
  for (const line of missed) console.log(`NOT RUN HERE: ${line}`);
  for (const { name, failures } of results) {
    for (const { where, what, why } of failures) console.log(`\nFAILED in ${name}: ${where}: ${what}\n${why.split('\n').slice(0, 12).join('\n')}`);
  }
  const sum = (of) => results.reduce((total, result) => total + result[of], 0);
  console.log(`\n${missed.length > 0 ? `${missed.length} kinds of test were not run here\n` : ''}${sum('passed')} passed, ${sum('failed')} failed`);
  process.exitCode = sum('failed') > 0 ? 1 : 0;
} catch (error) {
  console.error(error.message);
  console.log('\n0 passed, 1 failed');
  process.exitCode = 1;
} finally {
  fs.rmSync(scratch, { recursive: true, force: true });
}
