// A bare Electron window on the page of fake scenes: electron test/renderer/host.mjs --page=http://127.0.0.1:PORT/
import { app, BrowserWindow } from 'electron';

const page = process.argv.find((argument) => argument.startsWith('--page='))?.slice(7);
// Not awaited at the top: Electron is ready only once this module has been evaluated.
void app.whenReady().then(() => new BrowserWindow({ width: 1280, height: 800, useContentSize: true, webPreferences: { sandbox: true, contextIsolation: true } }).loadURL(page));
