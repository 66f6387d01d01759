/** One view of the real app as two files of docs/screenshots, light and dark. */
import fs from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';

export const pictures = path.resolve('docs/screenshots');

export async function pictureOf(page: Page, name: string): Promise<void> {
  fs.mkdirSync(pictures, { recursive: true });
  await page.mouse.move(2, 2);
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.waitForFunction((wanted) => document.documentElement.dataset.mantineColorScheme === wanted, colorScheme);
    await page.evaluate(() => document.fonts.ready.then(() => undefined));
    // What a change of scheme sets in motion has come to rest: no picture of a half-way colour.
    await page.waitForFunction(() => document.getAnimations().every((one) => one.playState !== 'running' || one.effect?.getComputedTiming().iterations === Infinity));
    await page.screenshot({ path: path.join(pictures, `${name}-${colorScheme}.png`) });
  }
}
