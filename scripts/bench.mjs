// npm run bench [NAME] [-- OPTION...]: benchmarks side by side with what a user would pick instead. Without a name: lists them.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { projectRoot } from './install.mjs';

const folder = path.join(projectRoot, 'test', 'bench');
const names = fs.readdirSync(folder).filter((file) => file.endsWith('.bench.ts')).map((file) => file.replace('.bench.ts', ''));
const [name = 'sync', ...args] = process.argv.slice(2);
if (!names.includes(name)) {
  console.error(`No benchmark "${name}". There are: ${names.join(', ')}`);
  process.exit(1);
}
const tools = (...command) => spawnSync(process.execPath, [path.join(projectRoot, 'scripts', 'with.mjs'), ...command], { cwd: projectRoot, stdio: 'inherit' }).status ?? 1;
process.exitCode = tools('electron-vite', 'build', '--logLevel', 'warn') || tools('--peers', '--electron', ...(name === 'window' ? ['--desktop'] : []), 'node', path.join(folder, `${name}.bench.ts`), ...args);
