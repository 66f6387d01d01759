// Writes docs/errors.md from the table in main/model/errors.ts; with --check only tells whether it is current.
import fs from 'node:fs';
import path from 'node:path';
import { projectRoot } from './install.mjs';
import { ERROR_CODES, SyncError } from '../main/model/errors.ts';

const RETRY_WORDS = {
  never: 'not retried',
  replan: 'Enfold looks again by itself',
  later: 'tried again by itself',
  'after-user': 'waits for you',
};

const families = Map.groupBy(ERROR_CODES.map((code) => new SyncError(code)), (error) => error.family);
const sections = [...families].map(([family, errors]) => [
  `## ${family.replace('Error', '')}`, '',
  '| code | what happened | what to do | then |', '| --- | --- | --- | --- |',
  ...errors.map((error) => `| \`${error.code}\` | ${error.message} | ${error.next} | ${RETRY_WORDS[error.retry]} |`), '',
].join('\n'));
const text = `# Errors\n\nEvery error Enfold reports has one of these codes. The command line shows the code in brackets, \`--json\` as \`error.code\`, the window under Details.\n\n${sections.join('\n')}`;

const file = path.join(projectRoot, 'docs', 'errors.md');
if (process.argv.includes('--check')) {
  if (fs.readFileSync(file, 'utf8') !== text) {
    console.error('docs/errors.md is not current: run node scripts/errors-doc.mjs');
    process.exitCode = 1;
  }
} else {
  fs.writeFileSync(file, text);
}
