// node scripts/electron-node.mjs FILE.ts ARG...: runs a TypeScript file in Electron's own Node, whose crypto is BoringSSL.
// It is bundled first: that Node does not read TypeScript.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from 'vite';
import { projectRoot } from './install.mjs';

const [file, ...args] = process.argv.slice(2);
const outDir = fs.mkdtempSync(path.join(os.tmpdir(), 'enfold-electron-node-'));
try {
  await build({
    configFile: false, logLevel: 'warn', publicDir: false, ssr: { noExternal: true },
    build: { ssr: path.resolve(projectRoot, file), outDir, target: 'node20.18', rolldownOptions: { output: { entryFileNames: 'bundle.mjs' } } },
  });
  const result = spawnSync(process.env.ELECTRON_EXEC_PATH, [path.join(outDir, 'bundle.mjs'), ...args], { cwd: projectRoot, stdio: 'inherit', env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' } });
  process.exitCode = result.status ?? 1;
} finally {
  fs.rmSync(outDir, { recursive: true, force: true });
}
