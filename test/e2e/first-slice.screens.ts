/** Takes the pictures of docs/screenshots from the real app, each view light and dark: `npm run screenshots`. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pictureOf, pictures } from './pictures.ts';
import { answerDialogs, dropFiles, removeScratch, scratchDirectory, startApp, type RunningApp } from './enfold-app.ts';

let root: string, home: string, running: RunningApp;

const button = (name: string | RegExp) => running.page.getByRole('button', { name });
const rail = (name: string) => running.page.getByRole('complementary', { name: 'Enfold' }).getByRole('button', { name: new RegExp(`^${name}`) }).click();

const picture = async (name: string): Promise<void> => pictureOf(running.page, name);

function fill(folder: string): void {
  const text = 'Kept in step by Enfold.\n';
  const files: Record<string, number> = {
    'House/Plans/Ground floor rev C.pdf': 2_400_000, 'House/Plans/First floor rev C.pdf': 1_900_000, 'House/Plans/Section A-A.pdf': 880_000, 'House/Plans/Facade study 04.png': 8_800_000, 'House/Room schedule.ods': 61_000, 'House/Minutes/Minutes 2026-09-28.md': 7_000,
    'House/Minutes/Minutes 2026-09-14.md': 6_000, 'House/Structural notes.md': 12_000, 'Contracts/Building permit.pdf': 3_700_000, 'Contracts/Quote kitchen.ods': 48_000, 'Recipes/Rye bread.md': 2_000, 'Letters/To the council.odt': 31_000, 'readme.txt': 900,
  };
  for (const [name, size] of Object.entries(files)) {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, Buffer.alloc(size, text));
  }
}

beforeAll(async () => {
  root = scratchDirectory('pictures');
  home = path.join(root, 'ines');
  fill(path.join(home, 'Documents'));
  fs.mkdirSync(path.join(home, 'Photos'), { recursive: true });
  for (let index = 1; index <= 60; index += 1) fs.writeFileSync(path.join(home, 'Photos', `IMG_${4400 + index}.CR3`), Buffer.alloc(900_000, String(index)));
  running = await startApp(path.join(root, 'settings'), { HOME: home });
});
afterAll(async () => {
  await running?.close();
  removeScratch();
});

test('takes the pictures of the first run', async () => {
  const { page, app } = running;
  await page.getByLabel('Place for the copies').fill('/media/ines/Backup-2T/Enfold');
  await picture('01-first-run');
  await page.getByLabel('Place for the copies').fill(path.join(home, 'Backup-2T/Enfold'));
  await button('Set up storage').click();
  await page.getByLabel('Folder on this computer').fill(path.join(home, 'Documents'));
  await picture('02-which-folder');
  await button('Continue to encryption').click();
  await page.getByRole('heading', { name: 'Who may read this?' }).waitFor();
  await picture('03-who-may-read');
  await button('Continue to key').click();
  await button('Make key').click();
  await page.getByLabel('Passphrase for the file').fill('four plain words here');
  await page.getByLabel('Again').fill('four plain words here');
  await picture('04-key');
  await answerDialogs(app, [path.join(root, 'documents-key.enfold-key')]);
  await button('Save recovery file…').click();
  await page.getByText('Keep it and its passphrase off this computer.').waitFor();
  await button('Continue to preview').click();
  await page.getByText('files go up').waitFor();
  await picture('05-preview');
  await button('Start').click();
  await page.locator('.head-state').getByText('Up to date').waitFor({ timeout: 60_000 });
  await picture('06-folder');
  expect(fs.existsSync(path.join(pictures, '06-folder-light.png'))).toBe(true);
}, 180_000);

test('takes the pictures of everyday use', async () => {
  const { page } = running;
  await button('Browse S3').click();
  await page.getByText('House', { exact: true }).dblclick();
  await page.getByText('Plans', { exact: true }).dblclick();
  await page.getByText('Ground floor rev C.pdf').click();
  await picture('07-browse');
  const dropped = path.join(root, 'Heat pump data sheet.pdf');
  fs.writeFileSync(dropped, Buffer.alloc(5_100_000, 'pump'));
  await dropFiles(page, '.rows', [dropped]);
  await page.getByText('1 file was uploaded').waitFor({ timeout: 30_000 });
  await page.getByText('Heat pump data sheet.pdf').click();
  await picture('08-browse-after-drop');
  await rail('Folders');
  await button('Add folder').click();
  await button('Continue to folder').click();
  await page.getByLabel('Folder on this computer').fill(path.join(home, 'Photos'));
  await page.getByRole('radio', { name: /^Upload only/ }).click();
  await button('Continue to encryption').click();
  await page.getByRole('radio', { name: /^Anyone with access/ }).click();
  await button('Continue to preview').click();
  await page.getByText('files go up').waitFor();
  await button('Start').click();
  await page.getByRole('heading', { name: 'Photos' }).waitFor();
  await page.locator('.head-state').getByText('Up to date').waitFor({ timeout: 60_000 });
  await page.getByRole('tab', { name: 'Activity' }).click();
  await picture('09-activity');
  await rail('Home');
  await picture('10-home');
  await rail('Keys');
  await button(/^Documents key/).click();
  await picture('11-keys');
  await rail('Storage');
  await picture('12-storage');
  await rail('Activity');
  await picture('14-activity-of-all');
  await rail('Settings');
  await page.getByText('Lock after').waitFor();
  await page.getByLabel('Upload at most').waitFor();
  await picture('15-settings');
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Find or do' }).fill('pho');
  await picture('16-find');
  await page.keyboard.press('Escape');
  expect(fs.existsSync(path.join(pictures, '12-storage-dark.png'))).toBe(true);
}, 180_000);

test('takes the pictures of many deletions held back', async () => {
  const { page } = running;
  for (const name of ['House', 'Contracts']) fs.renameSync(path.join(home, 'Documents', name), path.join(root, name));
  await rail('Home');
  await page.getByRole('button', { name: /^Look at the/ }).click({ timeout: 60_000 });
  await page.getByRole('dialog').waitFor();
  await picture('13-held-deletions');
  await button(/^Bring/).click();
  await page.getByRole('heading', { name: 'Everything is in step.' }).waitFor({ timeout: 60_000 });
  await expect.poll(() => fs.existsSync(path.join(home, 'Documents/House/Plans/Section A-A.pdf')), { timeout: 30_000 }).toBe(true);
}, 120_000);
