/**
 * The recovery kit as PDF. The page comes from the engine and is shown in a window that nobody sees: without scripts, without a
 * session that is kept, without any network. It never passes through the app's own window.
 */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { BrowserWindow, session } from 'electron';
import { SyncError } from '../model/errors.ts';

/** @param page - the kit's page, secret. @returns the PDF's bytes */
export async function printKit(page: string): Promise<Buffer> {
  const partition = session.fromPartition(`kit-${randomBytes(8).toString('hex')}`, { cache: false });
  // Only the page itself, which is given as data, is ever loaded.
  partition.webRequest.onBeforeRequest((details, answer) => answer({ cancel: !details.url.startsWith('data:') }));
  const window = new BrowserWindow({ show: false, webPreferences: { session: partition, sandbox: true, contextIsolation: true, nodeIntegration: false, javascript: false, spellcheck: false } });
  try {
    await window.loadURL(`data:text/html;charset=utf-8;base64,${Buffer.from(page, 'utf8').toString('base64')}`);
    return await window.webContents.printToPDF({ printBackground: true, preferCSSPageSize: true });
  } finally {
    window.destroy();
    await partition.clearData?.();
  }
}

/** For the owner only, whole or not at all; a file that is there stays. @throws SyncError target-exists, permission-denied, disk-full */
function writeOwn(file: string, content: Buffer): void {
  if (statSync(file, { throwIfNoEntry: false }) !== undefined) throw new SyncError('target-exists', { path: file });
  const staged = path.join(path.dirname(file), `.enfold-${randomBytes(8).toString('hex')}.tmp`);
  try {
    const handle = openSync(staged, 'wx', 0o600);
    try {
      writeSync(handle, content);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(staged, file);
  } catch (error) {
    rmSync(staged, { force: true });
    const code = error instanceof Error && 'code' in error ? error.code : null;
    throw new SyncError(code === 'ENOSPC' ? 'disk-full' : code === 'ENOENT' ? 'no-such-path' : 'permission-denied', { path: file }, { cause: error });
  }
}

type Kit = { readonly page: string; readonly age: string | null };

/** Writes `file` (`.pdf` is added where it has no such end) and the age file beside it. */
export async function saveKitPdf(makeKit: () => Promise<Kit>, file: string): Promise<{ page: string; ageFile: string | null }> {
  const page = /\.pdf$/i.test(file) ? file : `${file}.pdf`;
  const ageFile = page.replace(/\.pdf$/i, '.age');
  for (const target of [page, ageFile]) if (statSync(target, { throwIfNoEntry: false }) !== undefined) throw new SyncError('target-exists', { path: target });
  const kit = await makeKit();
  writeOwn(page, await printKit(kit.page));
  if (kit.age !== null) writeOwn(ageFile, Buffer.from(kit.age, 'latin1'));
  return { page, ageFile: kit.age === null ? null : ageFile };
}
