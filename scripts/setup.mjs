// npm run setup: installs everything that tests need, and nothing else.
import { ensureNodeModules } from './install.mjs';
import { ensureSystemPackages } from './system.mjs';

await ensureNodeModules();
ensureSystemPackages('electron', 'desktop', 'peers');
const { ensureElectron } = await import('./electron-dist.mjs');
await ensureElectron();
