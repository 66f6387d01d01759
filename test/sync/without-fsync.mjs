// A bug on purpose, for a process that imports this first: what Node is asked to flush stays in memory. SQLite flushes by itself.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

fs.fsyncSync = fs.fdatasyncSync = () => undefined;
fs.fsync = fs.fdatasync = (_file, done) => {
  queueMicrotask(() => done(null));
};
const handle = await fs.promises.open(new URL(import.meta.url));
Object.getPrototypeOf(handle).sync = Object.getPrototypeOf(handle).datasync = () => Promise.resolve();
await handle.close();
syncBuiltinESMExports();
