/** Names and server messages that try to run, to hide or to turn round: in the real app each is text, and shows what it holds. */
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { visible } from '../../renderer/format.ts';
import { removeScratch, scratchDirectory, startApp, type RunningApp } from './enfold-app.ts';

const RUNS = 'window.hostile=1';
const NAMES = [
  ...[`<img src=x onerror="${RUNS}">`, `"><script>${RUNS}<_script>`, `<svg onload=${RUNS}>`, `<iframe srcdoc="<script>${RUNS}<_script>">`, `javascript:${RUNS}`, `' onmouseover='${RUNS}`, `<style>*{display:none}`, `<base href=x>`, '{{name}}', '$t(app.name)', '${7*7}', '%s%n%x', '__proto__', 'constructor', 'toString', '&lt;b&gt;', '<!--', ']]>', '-rf', '~', '\\..\\up', 'CON', 'a'.repeat(250), '…', ' leading', 'trailing ', 'dot.', '..hidden', '\u001b[31mred', 'two\nlines', 'tab\there', '👩‍👩‍👧.png', 'שלום.txt', 'مرحبا.pdf', 'ＡＢＣ.txt', 'e\u0301.txt'].map((name) => (name.includes('.') ? name : `${name}.txt`)),
  ...Array.from({ length: 31 }, (_, index) => `control${String.fromCharCode(index + 1)}${index}.txt`), ...Array.from({ length: 33 }, (_, index) => `c1${String.fromCharCode(127 + index)}${index}.txt`),
  ...[0x200b, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2060, 0x2061, 0x2062, 0x2063, 0x2064, 0x2066, 0x2067, 0x2068, 0x2069, 0x206a, 0x206f, 0xfeff, 0x00ad, 0x061c, 0x180e, 0x2028, 0x2029, 0x3164, 0xffa0, 0x115f, 0x1160, 0xe0001, 0xe0041, 0xf0000, 0xe000, 0x0600].flatMap((code) => [`photo${String.fromCodePoint(code)}gpj.exe`, `${String.fromCodePoint(code)}start${code}`, `end${code}${String.fromCodePoint(code)}`]),
];
const MESSAGE = `<img src=x onerror="${RUNS}"> \u202Etxt.exe \u0007 <script>${RUNS}</script>`;
const escaped = MESSAGE.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('\u0007', '');
let isFailing = true;
let root: string, folder: string, folderId: string, running: RunningApp, server: http.Server;

type Answer = { ok: boolean; value?: unknown; error?: { code: string; about: { server?: string } } };
const request = (name: string, input: unknown): Promise<Answer> => running.page.evaluate(([asked, given]) => (window as unknown as { enfold: { request: (one: unknown, two: unknown) => Promise<Answer> } }).enfold.request(asked, given), [name, input]);
async function value<T>(name: string, input: unknown): Promise<T> {
  const answer = await request(name, input);
  expect(answer.error).toBeUndefined();
  return answer.value as T;
}
const rail = (name: string): Promise<void> => running.page.getByRole('complementary', { name: 'Enfold' }).getByRole('button', { name: new RegExp(`^${name}`) }).click();

/** Nothing ran, nothing was blocked from running, and no text or label holds a character that hides or turns what stands beside it. */
async function expectHarmless(): Promise<void> {
  const found = await running.page.evaluate(() => {
    const hiding = /[\p{Cc}\p{Zl}\p{Zp}\p{Co}\u3164\uFFA0\u115F\u1160]|(?![\u200c\u200d])\p{Cf}/u;
    const texts: string[] = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      if (node.parentElement?.closest('style, script') !== null) continue;
      const isOurs = node.parentElement?.closest('pre, .selectable') !== null || node.textContent?.trim() === '';
      texts.push(isOurs ? (node.textContent ?? '').replaceAll('\n', ' ') : (node.textContent ?? ''));
    }
    for (const element of document.querySelectorAll('[aria-label], [title], [placeholder]')) texts.push(...['aria-label', 'title', 'placeholder'].map((name) => element.getAttribute(name) ?? ''));
    return { bad: texts.filter((text) => hiding.test(text)), ran: 'hostile' in window, foreign: document.querySelectorAll('img[src="x"], script:not([src]), iframe, base').length, violations: (window as unknown as { violations: string[] }).violations };
  });
  expect(found).toEqual({ bad: [], ran: false, foreign: 0, violations: [] });
}

beforeAll(async () => {
  root = scratchDirectory('hostile');
  folder = path.join(root, `Evil \u202Egpj <img src=x onerror=${RUNS}>`);
  fs.mkdirSync(folder);
  for (const name of NAMES) fs.writeFileSync(path.join(folder, name.replaceAll('/', '_')), 'x');
  fs.writeFileSync(Buffer.concat([Buffer.from(`${folder}/not text `), Buffer.from([0xff, 0xfe])]), 'x');
  server = http.createServer((_request, answer) => {
    const body = isFailing ? `<Error><Code>${escaped}</Code><Message>${escaped}</Message></Error>` : `<ListAllMyBucketsResult><Buckets><Bucket><Name>${escaped}</Name></Bucket><Bucket><Name>honest-bucket</Name></Bucket></Buckets></ListAllMyBucketsResult>`;
    answer.writeHead(isFailing ? 400 : 200, { 'content-type': 'application/xml', 'x-amz-bucket-region': '<b>here', server: 'x' }).end(`<?xml version="1.0"?>${body}`);
  });
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  running = await startApp(path.join(root, 'home'));
  const { page } = running;
  await page.getByRole('button', { name: 'Look around first' }).click();
  const { id: connectionId } = await value<{ id: string }>('connections.add', { kind: 'built-in', name: 'Disk', directory: path.join(root, 'storage') });
  ({ id: folderId } = await value<{ id: string }>('folders.add', { localPath: folder, connectionId, bucket: 'enfold', prefix: 'evil/', mode: 'sse-s3', keyId: null, names: 'readable', direction: 'two-way', createBucket: true }));
  await value('connections.add', { kind: 's3', name: `Server \u202E <img src=x onerror=${RUNS}>`, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, region: 'us-east-1', accessKeyId: 'A', secretAccessKey: 'B' });
  await value('folders.start', { folderId });
  await page.reload();
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.evaluate(() => {
    const seen: string[] = [];
    Object.assign(window, { violations: seen });
    document.addEventListener('securitypolicyviolation', (event) => seen.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
  });
});
afterAll(async () => {
  await running?.close();
  server?.close();
  removeScratch();
});

test(`shows ${NAMES.length} hostile names in Browse, each whole and none of them run`, async () => {
  const { page } = running;
  expect(NAMES.length).toBeGreaterThanOrEqual(200);
  await expect.poll(async () => (await value<{ status: { state: string; files: number } }[]>('folders.list', undefined)).map(({ status }) => [status.state, status.files])).toEqual([['up-to-date', new Set(NAMES).size]]);
  await rail('Browse');
  // With one folder it is opened at once; with several it is picked.
  await page.getByRole('grid').waitFor();
  await expect.poll(() => page.getByRole('grid').getAttribute('aria-rowcount')).toBe(String(new Set(NAMES).size));
  const shown = new Set<string>();
  await expect.poll(async () => {
    for (const name of await page.getByRole('row').locator('bdi').allTextContents()) shown.add(name);
    await expectHarmless();
    await page.getByRole('grid').evaluate((grid) => void (grid.scrollTop = grid.scrollTop + 600 > grid.scrollHeight - grid.clientHeight + 500 ? 0 : grid.scrollTop + 600));
    return NAMES.map(visible).filter((name) => !shown.has(name));
  }, { timeout: 60_000, interval: 50 }).toEqual([]);
  await page.getByRole('grid').focus();
  await page.keyboard.press('Home');
  await page.getByRole('complementary', { name: /^Details of/ }).waitFor();
  await expectHarmless();
}, 150_000);

test('shows them on Home, in activity, among what is skipped, and while deletions are held', async () => {
  const { page } = running;
  await rail('Home');
  await page.getByRole('row', { name: /Evil ⟨U\+202E⟩gpj/ }).waitFor();
  await expectHarmless();
  await rail('Activity');
  await page.locator('.log li').first().waitFor();
  await page.getByRole('textbox').fill('<img');
  await page.locator('.log li').first().waitFor();
  await expectHarmless();
  await rail('Folders');
  await page.getByRole('button', { name: /^Evil/ }).click();
  await expectHarmless();
  await page.getByRole('tab', { name: /^Skipped/ }).click();
  await page.locator('.skipped-row').first().waitFor();
  await expectHarmless();
  await page.getByRole('tab', { name: /^Settings/ }).click();
  await expectHarmless();
  for (const name of fs.readdirSync(folder)) if (!name.startsWith('.enfold')) fs.rmSync(path.join(folder, name), { force: true });
  await value('folders.syncNow', { folderId });
  await rail('Home');
  await page.getByRole('button', { name: /^Look at the/ }).click({ timeout: 60_000 });
  await page.getByRole('dialog').waitFor();
  await expectHarmless();
  expect(await page.getByRole('dialog').getByRole('listitem').count()).toBeGreaterThan(10);
  await page.keyboard.press('Escape');
}, 120_000);

test('shows nothing of what a server makes up: no code, no message, no bucket that cannot be', async () => {
  const { page } = running;
  await rail('Storage');
  await page.getByRole('button', { name: /^Test Server/ }).click();
  await page.getByRole('alert').locator('summary').click();
  await expect.poll(() => page.getByRole('alert').textContent()).toContain('rejected');
  expect(await page.getByRole('alert').textContent()).not.toMatch(/img|script|here/);
  await expectHarmless();
  isFailing = false;
  await rail('Folders');
  await page.getByRole('button', { name: 'Add folder' }).click();
  await page.getByRole('radio', { name: /^Server/ }).click();
  await page.getByRole('button', { name: 'Continue to folder' }).click();
  await page.getByRole('combobox', { name: 'Bucket' }).fill('');
  await page.getByRole('option', { name: 'honest-bucket' }).waitFor();
  expect(await page.getByRole('option').allTextContents()).toEqual(['honest-bucket']);
  await expectHarmless();
}, 60_000);
