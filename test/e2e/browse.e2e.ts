/** Browse in the real app: what is shown of files, what is changed, and that it reaches the disk and the storage. */
import fs from 'node:fs';
import path from 'node:path';
import { deflateSync, crc32 } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { removeScratch, scratchDirectory, startApp, type RunningApp } from './enfold-app.ts';

let root: string, folder: string, running: RunningApp;
const button = (name: string | RegExp) => running.page.getByRole('button', { name });
const row = (name: string) => running.page.getByRole('row', { name });

/** A red square of 8 pixels. */
function png(): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.from([0, 0, 0, 8, 0, 0, 0, 8, 8, 2, 0, 0, 0]);
  const line = Buffer.concat([Buffer.from([0]), ...Array.from({ length: 8 }, () => Buffer.from([255, 0, 0]))]);
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', header), chunk('IDAT', deflateSync(Buffer.concat(Array.from({ length: 8 }, () => line)))), chunk('IEND', Buffer.alloc(0))]);
}
const PDF = '%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF';

function wav(): Buffer {
  const samples = Buffer.alloc(8000);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0); head.writeUInt32LE(36 + samples.length, 4); head.write('WAVEfmt ', 8); head.writeUInt32LE(16, 16); head.writeUInt16LE(1, 20); head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8000, 24); head.writeUInt32LE(8000, 28); head.writeUInt16LE(1, 32); head.writeUInt16LE(8, 34); head.write('data', 36); head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}

beforeAll(async () => {
  root = scratchDirectory('browse');
  folder = path.join(root, 'Papers');
  fs.mkdirSync(path.join(folder, 'Old'), { recursive: true });
  for (const [name, bytes] of Object.entries({ 'picture.png': png(), 'plan.pdf': Buffer.from(PDF), 'voice.wav': wav(), 'note.md': Buffer.from('# A note\n<script>window.hostile = true</script>'), 'Old/letter.txt': Buffer.from('old words') })) fs.writeFileSync(path.join(folder, name), bytes);
  running = await startApp(path.join(root, 'home'));
  const { page } = running;
  await page.getByLabel('Place for the copies').fill(path.join(root, 'storage'));
  await button('Set up storage').click();
  await page.getByLabel('Folder on this computer').fill(folder);
  await button('Continue to encryption').click();
  await button('Continue to key').click();
  await button('Make key').click();
  await page.getByRole('checkbox').check();
  await button('Continue to preview').click();
  await page.getByText('files go up').waitFor();
  await button('Start').click();
  await page.locator('.head-state').getByText('Up to date').waitFor({ timeout: 60_000 });
  await button('Browse S3').click();
  await row('picture.png').waitFor();
});
afterAll(async () => {
  await running?.close();
  removeScratch();
});

test('shows a picture, a text, a PDF and a sound, each from memory', async () => {
  const { page } = running;
  await row('picture.png').click();
  await page.getByText('Verified on S3').first().waitFor();
  await expect.poll(() => page.locator('.details-picture img').evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBe(8);
  const preview = async (name: string): Promise<void> => {
    await row(name).click();
    await page.getByRole('grid').press(' ');
    await page.getByRole('dialog').waitFor();
  };
  await preview('note.md');
  await page.getByText('<script>window.hostile = true</script>').waitFor();
  expect(await page.evaluate(() => 'hostile' in window)).toBe(false);
  await page.keyboard.press('Escape');
  await preview('voice.wav');
  await expect.poll(() => page.locator('audio').evaluate((audio) => (audio as HTMLAudioElement).duration)).toBeCloseTo(1, 1);
  await page.keyboard.press('Escape');
  await preview('plan.pdf');
  const source = await page.locator('iframe').getAttribute('src');
  await expect.poll(() => page.frames().filter((frame) => frame.url().includes(source!)).length).toBeGreaterThan(0);
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  // Closed: there is nothing to fetch any more.
  expect(await running.app.evaluate(async ({ session }, url) => (await session.defaultSession.fetch(url)).status, `app://enfold${source!}`)).toBe(404);
});

test('a file dragged out is decrypted into a private place first, and only then handed to the desktop', async () => {
  const { page, app } = running;
  await app.evaluate(({ webContents }) => {
    const handed: string[][] = [];
    Object.assign(globalThis, { handed });
    for (const contents of webContents.getAllWebContents()) contents.startDrag = ({ file, files }) => void handed.push(files ?? [file]);
  });
  await row('note.md').dragTo(page.getByRole('heading', { level: 1 }));
  const handed = (): Promise<string[][]> => app.evaluate(() => (globalThis as unknown as { handed: string[][] }).handed);
  await expect.poll(async () => (await handed()).length).toBe(1);
  const [file = ''] = (await handed())[0] ?? [];
  expect(path.basename(file)).toBe('note.md');
  expect(fs.readFileSync(file, 'utf8')).toBe(fs.readFileSync(path.join(folder, 'note.md'), 'utf8'));
  expect(file.startsWith(path.join(root, 'home'))).toBe(true);
  expect(fs.statSync(path.dirname(file)).mode & 0o077).toBe(0);
});

test('renames, makes a folder and deletes with the keyboard; the disk follows', async () => {
  const { page } = running;
  await row('note.md').click();
  await page.getByRole('grid').press('F2');
  await page.getByRole('dialog').getByLabel('Name').fill('renamed.md');
  await page.keyboard.press('Enter');
  await expect.poll(() => fs.existsSync(path.join(folder, 'renamed.md')) && !fs.existsSync(path.join(folder, 'note.md'))).toBe(true);
  await page.keyboard.press('Control+Shift+N');
  await page.getByRole('dialog').getByLabel('Name').fill('New place');
  await page.keyboard.press('Enter');
  await expect.poll(() => fs.existsSync(path.join(folder, 'New place'))).toBe(true);
  await row('voice.wav').click();
  await page.getByRole('grid').press('Delete');
  await button('Undo').click();
  await row('plan.pdf').click();
  await page.getByRole('grid').press('Delete');
  await expect.poll(() => fs.existsSync(path.join(folder, 'plan.pdf'))).toBe(false);
  expect(fs.existsSync(path.join(folder, 'voice.wav'))).toBe(true);
}, 120_000);

test('searches the whole folder by name', async () => {
  const { page } = running;
  await page.keyboard.press('Control+f');
  await page.keyboard.type('LETTER');
  await page.keyboard.press('Enter');
  await row('letter.txt').waitFor();
  expect(await page.getByRole('row').count()).toBe(1);
  await page.keyboard.press('Escape');
  await row('renamed.md').waitFor();
});
