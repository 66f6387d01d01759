/** Starts the built app as a user would, each time with a home of its own. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';

export type RunningApp = { app: ElectronApplication; page: Page; home: string; close: () => Promise<void> };

/** A folder that is removed at the end of the test file by `removeScratch`. */
const scratch: string[] = [];
export function scratchDirectory(name: string): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), `enfold-${name}-`));
  scratch.push(directory);
  return directory;
}
export function removeScratch(): void {
  for (const directory of scratch.splice(0)) fs.rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}

/** Needs a finished build in out/. @param home - kept after closing, so that a second start finds it. */
export async function startApp(home: string, env: Record<string, string> = {}): Promise<RunningApp> {
  // Playwright adds --no-sandbox unless told otherwise; root has no Chromium sandbox to keep.
  const app = await _electron.launch({ chromiumSandbox: process.getuid?.() !== 0, args: ['.'], env: { ...(process.env as Record<string, string>), ENFOLD_HOME: home, ...env } });
  if (process.env.ENFOLD_TEST_LOG) {
    app.process().stderr?.on('data', (chunk: Buffer) => process.stderr.write(`[app] ${chunk.toString()}`));
    app.process().stdout?.on('data', (chunk: Buffer) => process.stderr.write(`[app] ${chunk.toString()}`));
  }
  const page = await app.firstWindow();
  return { app, page, home, close: async () => { await app.close(); } };
}

/** Makes the next dialogs answer with these paths, one each. */
export async function answerDialogs(app: ElectronApplication, paths: readonly string[]): Promise<void> {
  await app.evaluate(({ dialog }, answers) => {
    const next = (): string | undefined => answers.shift();
    dialog.showOpenDialog = async () => { const one = next(); return { canceled: one === undefined, filePaths: one === undefined ? [] : [one] }; };
    dialog.showSaveDialog = async () => { const one = next(); return { canceled: one === undefined, filePath: one ?? '' }; };
  }, [...paths]);
}

/** Drags real files onto the middle of an element, as the desktop would. */
export async function dropFiles(page: Page, selector: string, files: readonly string[]): Promise<void> {
  const box = await page.locator(selector).boundingBox();
  if (box === null) throw new Error(`${selector} is not shown`);
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const devTools = await page.context().newCDPSession(page);
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) await devTools.send('Input.dispatchDragEvent', { type, x, y, data: { items: [], files: [...files], dragOperationsMask: 1 } });
  await devTools.detach();
}
