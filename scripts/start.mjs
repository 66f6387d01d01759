// npm start: installs what is missing, builds, and opens the app; without a display it says so and runs the demo.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { ensureNodeModules, projectRoot, toolEnvironment } from './install.mjs';

const hasDisplay = process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
const script = (name, ...args) => [process.execPath, [path.join(projectRoot, 'scripts', name), ...args]];

function run([command, args], env) {
  const result = spawnSync(command, args, { cwd: projectRoot, stdio: 'inherit', env });
  if (result.status !== 0) process.exit(result.status ?? 1);
}

try {
  await ensureNodeModules();
  const env = await toolEnvironment();
  if (hasDisplay) {
    run(script('with.mjs', '--electron', 'electron-vite', 'build', '--logLevel', 'warn'), env);
    // Chromium refuses to start as root with its sandbox on.
    const isRoot = process.platform === 'linux' && process.getuid() === 0;
    if (isRoot) console.log('You are root, so the window runs without Chromium\'s sandbox. As an ordinary user it has it.');
    run(script('with.mjs', '--electron', 'electron', ...(isRoot ? ['--no-sandbox'] : []), '.', ...process.argv.slice(2)), env);
  } else {
    console.log('There is no display here, so the window cannot open. Running the demo instead: the same engine, from the command line.\n');
    run(script('demo.mjs', ...process.argv.slice(2)), env);
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
