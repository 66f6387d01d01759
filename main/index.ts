/** Electron's entry: one instance, its own data directory, then the shell. */
import path from 'node:path';
import { app } from 'electron';
import { registerAppScheme } from './app/protocol.ts';
import { runShell } from './app/shell.ts';
import { lockDown } from './app/window.ts';
import { enfoldHome } from './state/home.ts';
import icon from '../build/icons/app-icon-256.png?asset';

const home = enfoldHome(process.env);
app.setName('Enfold');
app.setPath('userData', path.join(home, 'window'));
// What a window throws away while it scrolls is collected sooner: some 20 MiB less for it, no frame fewer.
app.commandLine.appendSwitch('js-flags', '--max-semi-space-size=2');
registerAppScheme();
app.on('web-contents-created', (_event, contents) => lockDown(contents));

if (app.requestSingleInstanceLock()) {
  const outDirectory = path.join(app.getAppPath(), 'out');
  void app.whenReady().then(() =>
    runShell({
      outDirectory, home, env: process.env, platform: process.platform, icon,
      startsHidden: process.argv.includes('--hidden'),
      devUrl: app.isPackaged ? null : (process.env.ELECTRON_RENDERER_URL ?? null),
    }),
  );
} else app.quit();
