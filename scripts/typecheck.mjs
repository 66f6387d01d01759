// One TypeScript project per process, so that the window cannot use Node's types nor the engine the browser's.
import { spawn } from 'node:child_process';

const projects = ['.', 'main', 'preload', 'renderer', 'test'];
const results = await Promise.all(projects.map((project) => new Promise((resolve) => {
  const tsc = spawn('tsc', ['-p', project], { stdio: 'inherit' });
  tsc.on('error', (error) => {
    console.error(`tsc does not start (${error.message}): use \`npm run typecheck\``);
    resolve(127);
  });
  tsc.on('close', (code) => resolve(code ?? 1));
})));
process.exitCode = results.some((code) => code !== 0) ? 1 : 0;
