// What must be there before anything else can be imported: the npm packages of the lock file, and a new enough Node.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeBinDir } from './node.mjs';

export const projectRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** An environment whose PATH starts with the right Node and the project's own tools. */
export async function toolEnvironment() {
  const bin = path.join(projectRoot, 'node_modules', '.bin');
  return { ...process.env, PATH: [await nodeBinDir(), bin, process.env.PATH].join(path.delimiter) };
}

/** Runs `npm ci` where node_modules is missing or not of this lock file. */
export async function ensureNodeModules() {
  const lock = createHash('sha256').update(fs.readFileSync(path.join(projectRoot, 'package-lock.json'))).digest('hex');
  const stamp = path.join(projectRoot, 'node_modules', '.enfold-lock');
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === lock) return;
  process.stderr.write('tools: installing npm packages\n');
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: projectRoot, stdio: ['ignore', 2, 2], env: await toolEnvironment(), shell: process.platform === 'win32' });
  if (result.status !== 0) throw new Error('npm ci failed; see above.');
  fs.writeFileSync(stamp, lock);
}
