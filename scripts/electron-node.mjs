// node scripts/electron-node.mjs FILE ARG...: runs a script in Electron's own Node, whose crypto is BoringSSL instead of OpenSSL.
import { spawnSync } from 'node:child_process';

const { ELECTRON_EXEC_PATH: electron } = process.env;
if (!electron) throw new Error('Run this by scripts/with.mjs --electron.');
const result = spawnSync(electron, process.argv.slice(2), { stdio: 'inherit', env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' } });
process.exitCode = result.status ?? 1;
