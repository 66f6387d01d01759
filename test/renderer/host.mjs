// A bare Electron window on the page of fake scenes: node_modules/.bin/electron test/renderer/host.mjs --page=http://127.0.0.1:PORT/
import { app, BrowserWindow } from 'electron';

const page = process.argv.find((argument) => argument.startsWith('--page='))?.slice(7);
await app.whenReady();
const window = new BrowserWindow({ width: 1280, height: 800, useContentSize: true, webPreferences: { sandbox: true, contextIsolation: true } });
await window.loadURL(page);
